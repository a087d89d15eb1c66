"""What the bench tells others: levels of service, events, and if one asks for it commands.

    karyon/1/<vehicle>/kernel/los       QoS 1, retained    {"v":1,"function":"acc","los":1,"t":…}        at each change
    karyon/1/<vehicle>/kernel/event     QoS 1              an event, as in `events.jsonl`
    karyon/1/<vehicle>/command          QoS 0, expiry      {"v":1,"seq":…,"t":…,"for":300,"acceleration":…,"los":1}
    karyon/1/bench/$state               QoS 1, retained    ready, disconnected, or lost, which the broker says for us

The contract of an actuator: do what the newest command says, and stop when none has come for `for` ms. A command comes
at least three times in that. Home Assistant finds the levels by itself.
"""

import json
import time
from typing import Any

import numpy as np

from karyon.hil.bridge import STATE
from karyon.hil.client import Client
from karyon.sim.controllers import FUNCTION
from karyon.sim.engine import Simulation

HOLDS = 300  # ms for which a command holds
EVERY = 100_000_000  # ns between two commands
EXPIRY = 1  # s that a broker may keep a command, the least that MQTT can say


class Outlet:
    """Publishes for `rows` vehicles through a client."""

    def __init__(self, client: Client, rows: int, *, with_commands: bool) -> None:
        self._client, self._with_commands = client, with_commands
        self._level, self._connections = np.full(rows, -1), client.connections
        self._events = self._sent = 0
        self._next = 0
        self._simulation: Simulation | None = None

    def attend(self, simulation: Simulation) -> None:
        """Tell of this simulation from now on."""
        self._simulation = simulation
        self._introduce()

    def tell(self, now: int, level: Any) -> None:
        """The kernel has decided on these levels (row,) at `now`, ns."""
        if self._connections != self._client.connections:  # the broker may have forgotten what it had retained
            self._connections, self._level = self._client.connections, np.full(len(level), -1)
            self._introduce()
        for row in map(int, np.flatnonzero(level != self._level)):
            said = {"v": 1, "function": FUNCTION, "los": int(level[row]), "t": time.time_ns()}
            self._client.publish(f"karyon/1/{row + 1}/kernel/los", _json(said), qos=1, retain=True)
        self._level = np.array(level)
        if self._simulation is None:
            return
        events = self._simulation.log.events[0]
        for event in events[self._events :]:
            self._client.publish(f"karyon/1/{event['vehicle']}/kernel/event", _json(event), qos=1)
        self._events = len(events)
        if self._with_commands and now >= self._next:
            self._command(self._simulation.cruise.command)
            self._next = now + EVERY

    def _command(self, command: Any) -> None:
        self._sent += 1
        said = {"v": 1, "seq": self._sent, "t": time.time_ns(), "for": HOLDS}
        for row, acceleration in enumerate(command):
            if np.isfinite(acceleration):
                told = said | {"acceleration": float(acceleration), "los": int(self._level[row])}
                self._client.publish(f"karyon/1/{row + 1}/command", _json(told), expiry=EXPIRY)

    def _introduce(self) -> None:
        """To Home Assistant, by MQTT discovery."""
        for vehicle in range(1, len(self._level) + 1):
            name = f"karyon_{vehicle}_los"
            said = {
                "name": f"Level of service of car {vehicle}",
                "unique_id": name,
                "state_topic": f"karyon/1/{vehicle}/kernel/los",
                "value_template": "{{ value_json.los }}",
                "availability_topic": STATE,
                "availability_template": "{{ 'online' if value == 'ready' else 'offline' }}",
            }
            self._client.publish(f"homeassistant/sensor/{name}/config", _json(said), qos=1, retain=True)


def _json(said: dict[str, Any]) -> bytes:
    return json.dumps(said, ensure_ascii=False).encode()
