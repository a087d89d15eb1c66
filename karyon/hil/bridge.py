"""The bench at a broker: it hears what comes on bound topics, and says what others hear of it."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from karyon.hil.address import Address
from karyon.hil.client import BACK_OFF, BrokerError, Client
from karyon.hil.intake import Ping
from karyon.hil.listener import Listener
from karyon.hil.message import Message

PING_EVERY = 1_000_000_000  # ns
STATE = "karyon/1/bench/$state"  # ready, disconnected, or lost, in Homie's words


class Bridge:
    """Listens on `topics`, each with the longest payload in bytes, and on no other; pings the clocks at `clocks`.

    say   told, in a thread of its own, when the broker is gone, and when it is back
    """

    def __init__(
        self,
        address: Address,
        name: str,
        topics: Mapping[str, int],
        clocks: Sequence[str],
        say: Callable[[str], None],
    ) -> None:
        self._address, self._name, self._topics, self._say = address, name, topics, say
        self._clocks, self._pings, self._pinged = clocks, 0, 0
        self._gone: float | None = None
        self.client = Client(address, name, [], lambda *_: None, (STATE, b"lost"), self._ready, self._lost)

    def start(self) -> None:
        """Connect. Raises BrokerError."""
        self.client.start()
        address = replace(self._address, is_old=self.client.is_old)
        self._listener = Listener(address, f"{self._name}-listener", self._topics)
        try:
            self._listener.start()
        except BrokerError:
            self.client.stop()
            raise

    @property
    def listens(self) -> bool:
        """Whether the process that hears messages is there."""
        return not self._listener.has_ended

    def drain(self) -> tuple[list[Message], dict[str, int]]:
        """What has come since the last look, and how many of each topic were superseded before."""
        listened = self.listens
        found = self._listener.drain()
        if listened and not self.listens:
            self._say("the process that hears messages has ended: from now on the bench hears nothing, and says so")
        return found

    def ping(self, *, at_once: bool = False) -> list[Ping]:
        """The pings that have been sent now, if it is time."""
        now = time.monotonic_ns()
        if not self._clocks or (now - self._pinged < PING_EVERY and not at_once):
            return []
        self._pinged, self._pings = now, self._pings + 1
        sent = []
        for topic in self._clocks:
            ping = Ping(topic, self._pings, time.monotonic_ns())
            payload = json.dumps({"v": 1, "id": ping.number, "t1": ping.t1}).encode()
            self.client.publish(f"{topic}/ping", payload, expiry=1)
            sent.append(ping)
        return sent

    def close(self) -> None:
        """Say that the bench is gone, and go."""
        self._listener.stop()
        self.client.publish(STATE, b"disconnected", qos=1, retain=True)
        self.client.stop()

    def _ready(self) -> None:
        self.client.publish(STATE, b"ready", qos=1, retain=True)
        if self._gone is not None:
            self._say(f"the broker at {self._address} is back after {time.monotonic() - self._gone:.1f} s")
            self._gone = None

    def _lost(self) -> None:
        if self._gone is None:
            self._gone = time.monotonic()
            self._say(f"the broker at {self._address} is gone: trying again every {BACK_OFF[0]} to {BACK_OFF[1]} s")
