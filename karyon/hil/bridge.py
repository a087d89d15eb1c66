"""From a broker to the bench: what arrives on bound topics, stamped on arrival, waits until the next cycle reads it.

Each topic has a queue of its own that holds the newest messages; who floods one topic delays no other.
"""

import json
import time
from collections import Counter, deque
from collections.abc import Mapping, Sequence

from karyon.hil.address import Address
from karyon.hil.client import Client
from karyon.hil.intake import Message, Ping

WAITING = 64  # messages of a topic between two cycles; the newest are kept
PING_EVERY = 1_000_000_000  # ns
STATE = "karyon/1/bench/$state"  # ready, disconnected, or lost, in Homie's words


class Bridge:
    """Listens on `topics`, each with the longest payload in bytes, and on no other; pings the clocks at `clocks`."""

    def __init__(self, address: Address, name: str, topics: Mapping[str, int], clocks: Sequence[str]) -> None:
        self._queues: dict[str, deque[Message]] = {topic: deque(maxlen=WAITING) for topic in topics}
        self._longest, self._dropped = topics, Counter[str]()
        self._clocks, self._pings, self._pinged = clocks, 0, 0
        subscribed = [(topic, 0) for topic in topics]
        self.client = Client(address, name, subscribed, self._came, (STATE, b"lost"), self._ready)

    def drain(self) -> tuple[list[Message], dict[str, int]]:
        """What has come since the last look, by topic, and how many of each topic were superseded before."""
        came = []
        for queue in self._queues.values():
            for _ in range(len(queue)):
                came.append(queue.popleft())
        dropped, self._dropped = self._dropped, Counter()
        return came, dict(dropped)

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
        self.client.publish(STATE, b"disconnected", qos=1, retain=True)
        self.client.stop()

    def _ready(self) -> None:
        self.client.publish(STATE, b"ready", qos=1, retain=True)

    def _came(self, topic: str, payload: bytes, retained: bool) -> None:
        arrived = time.monotonic_ns()
        queue = self._queues.get(topic)
        if queue is None:
            return
        if len(queue) == WAITING:
            self._dropped[topic] += 1
        kept = payload[: self._longest[topic] + 1]  # one byte more says that it is too long
        queue.append(Message(arrived, topic, kept, retained))
