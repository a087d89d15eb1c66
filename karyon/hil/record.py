"""A session of the bench on disk, `bench.jsonl`, and a supply of messages out of it: it replays bit for bit.

The first line says when time 0 was, and what was signed. Each further line is a cycle that found something: what had
arrived, how late the cycle began, which pings had left; the last one says whether the session was ended early. Payloads
are in Latin-1, so that any bytes come back as they were.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TextIO, TypeVar

import msgspec
import simpy

from karyon.hil.bench import Drained
from karyon.hil.intake import Ping
from karyon.hil.message import Message
from karyon.sim import documents

NAME = "bench.jsonl"
BEFORE = -1  # cycle of what was heard before the start


class _Begin(msgspec.Struct, forbid_unknown_fields=True):
    v: Literal[1]
    started: int
    unix: int
    signed: dict[str, str] = {}


class _Cycle(msgspec.Struct, forbid_unknown_fields=True):
    at: int
    lag: int
    messages: list[tuple[str, int, str, Literal[0, 1]]]
    pings: list[tuple[str, int, int]] = []
    dropped: dict[str, int] = {}


class _End(msgspec.Struct, forbid_unknown_fields=True):
    ended: float | None


Line = TypeVar("Line", _Begin, _Cycle, _End)


class Writer:
    """Writes a session; under its final name it is whole. `keys` of the topics that are signed are not told."""

    def __init__(self, folder: Path, keys: Mapping[str, bytes]) -> None:
        self._path, self._signed = folder / NAME, _marks(keys)
        self._file: TextIO | None = None

    def begin(self, started: int, unix: int) -> None:
        """When time 0 was, ns by the bench's clock, and ns from 1970 to time 0 of that."""
        self._file = self._part.open("w", encoding="utf-8")
        self._write({"v": 1, "started": started, "unix": unix, "signed": self._signed})

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

    def __init__(self, folder: Path, keys: Mapping[str, bytes]) -> None:
        self.env = simpy.Environment()
        path = folder / NAME
        try:
            lines = path.read_text("utf-8").splitlines()
        except (OSError, UnicodeError) as error:
            raise _unusable(path, None, f"cannot be read: {error}") from error
        if len(lines) < 2:
            raise _unusable(path, None, "is cut off")
        begin = _decoded(path, 1, lines[0], _Begin)
        if begin.signed != _marks(keys):
            raise _unusable(path, 1, _other_keys(begin.signed, keys))
        self.started, self.unix = begin.started, begin.unix
        self._cycles: dict[int, Drained] = {}
        for number, line in enumerate(lines[1:-1], 2):
            cycle = _decoded(path, number, line, _Cycle)
            try:
                self._cycles[cycle.at] = _drained(cycle)
            except UnicodeError as error:
                raise _unusable(path, number, "holds a payload that is not in Latin-1") from error
        self.ended: float | None = _decoded(path, len(lines), lines[-1], _End).ended

    def before(self) -> Drained:
        """What was heard before the start."""
        return self._cycles.get(BEFORE, Drained())

    def drain(self, now: int, lateness: int) -> Drained:
        """What the cycle at `now` has found."""
        return self._cycles.get(now, Drained())

    def elapsed(self) -> None:
        """There is no real time."""


def _drained(cycle: _Cycle) -> Drained:
    return Drained(
        lag=cycle.lag,
        messages=[
            Message(arrived, topic, payload.encode("latin-1"), bool(retained))
            for topic, arrived, payload, retained in cycle.messages
        ],
        pings=[Ping(*ping) for ping in cycle.pings],
        dropped=cycle.dropped,
    )


def _decoded(path: Path, number: int, line: str, kind: type[Line]) -> Line:
    try:
        return msgspec.json.decode(line, type=kind)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        said = "is not the end of a session: is the file cut off?" if kind is _End else "is not a line of a session"
        raise _unusable(path, number, f"{said} ({error})") from error


def _marks(keys: Mapping[str, bytes]) -> dict[str, str]:
    """What tells one key from another and does not help to guess it, by topic."""
    return {topic: hashlib.sha256(key).hexdigest()[:16] for topic, key in keys.items()}


def _other_keys(signed: Mapping[str, str], keys: Mapping[str, bytes]) -> str:
    if not signed:
        return "was recorded without --keys"
    said = "other keys" if keys else "none"
    return f"was recorded with --keys for {', '.join(signed)}; given are {said}"


def _unusable(path: Path, line: int | None, said: str) -> documents.InputError:
    where = str(path) if line is None else f"{path}:{line}"
    return documents.InputError([documents.Fault(where, None, None, 0, said)])
