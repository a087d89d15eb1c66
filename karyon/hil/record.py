"""A session of the bench on disk, `bench.jsonl`, and a supply of messages out of it: it replays bit for bit.

The first line says when time 0 was. Each further line is a cycle that found something: what had arrived, how late the
cycle began, which pings had left; the last one says whether the session was ended early. Payloads are in Latin-1, so
that any bytes come back as they were.
"""

import json
from pathlib import Path
from typing import Any, TextIO

import simpy

from karyon.hil.bench import Drained
from karyon.hil.intake import Ping
from karyon.hil.message import Message
from karyon.sim import documents

NAME = "bench.jsonl"
BEFORE = -1  # cycle of what was heard before the start


class Writer:
    """Writes a session; under its final name it is whole."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME
        self._file: TextIO | None = None

    def begin(self, started: int, unix: int) -> None:
        """When time 0 was, ns by the bench's clock, and ns from 1970 to time 0 of that."""
        self._file = self._part.open("w", encoding="utf-8")
        self._write({"v": 1, "started": started, "unix": unix})

    def cycle(self, at: int, found: Drained) -> None:
        """What a cycle at `at` (ns) found."""
        entry: dict[str, Any] = {"at": at, "lag": found.lag}
        if found.pings:
            entry["pings"] = [[ping.topic, ping.number, ping.t1] for ping in found.pings]
        if found.dropped:
            entry["dropped"] = found.dropped
        entry["messages"] = [
            [one.topic, one.arrived, one.payload.decode("latin-1"), int(one.retained)] for one in found.messages
        ]
        self._write(entry)

    def close(self, ended: float | None) -> None:
        """All has been written; the session `ended` at this time (s), None: by itself."""
        if self._file is not None:
            self._write({"ended": ended})
            self._file.close()
            self._part.replace(self._path)
            self._file = None

    def abandon(self) -> None:
        """Nothing more will be written; what is not whole does not get its final name."""
        if self._file is not None:
            self._file.close()
            self._file = None

    @property
    def _part(self) -> Path:
        return self._path.with_name(NAME + ".part")

    def _write(self, entry: dict[str, Any]) -> None:
        if self._file is not None:
            self._file.write(json.dumps(entry) + "\n")


class Recorded:
    """A supply of what was recorded; see `karyon.hil.bench.Supply`. Raises InputError for what is no recording."""

    def __init__(self, folder: Path) -> None:
        self.env = simpy.Environment()
        path = folder / NAME
        try:
            lines = path.read_text("utf-8").splitlines()
        except (OSError, UnicodeError) as error:
            raise _unusable(path, None, f"cannot be read: {error}") from error
        self._cycles: dict[int, Drained] = {}
        self.started, self.unix = 0, 0
        self.ended: float | None = None
        for number, line in enumerate(lines, 1):
            try:
                entry = json.loads(line)
                if number == 1:
                    self.started, self.unix = int(entry["started"]), int(entry["unix"])
                elif "ended" in entry:
                    self.ended = entry["ended"]
                else:
                    self._cycles[int(entry["at"])] = _drained(entry)
            except (ValueError, KeyError, TypeError) as error:
                raise _unusable(path, number, "is not a line of a recorded session") from error
        if not lines:
            raise _unusable(path, None, "is empty")

    def before(self) -> Drained:
        """What was heard before the start."""
        return self._cycles.get(BEFORE, Drained())

    def drain(self, now: int, lateness: int) -> Drained:
        """What the cycle at `now` has found."""
        return self._cycles.get(now, Drained())

    def elapsed(self) -> None:
        """There is no real time."""


def _drained(entry: dict[str, Any]) -> Drained:
    return Drained(
        lag=int(entry["lag"]),
        messages=[
            Message(int(arrived), str(topic), str(payload).encode("latin-1"), bool(retained))
            for topic, arrived, payload, retained in entry["messages"]
        ],
        pings=[Ping(str(topic), int(number), int(t1)) for topic, number, t1 in entry.get("pings", [])],
        dropped={str(topic): int(count) for topic, count in entry.get("dropped", {}).items()},
    )


def _unusable(path: Path, line: int | None, said: str) -> documents.InputError:
    where = str(path) if line is None else f"{path}:{line}"
    return documents.InputError([documents.Fault(where, None, None, 0, said)])
