"""What a running simulation tells a window: files that only grow, so that it never waits for who reads them.

`layout.json` says what a record holds; `trace`, `messages` (records of numbers) and `events` (JSON lines) are appended
to as the run goes on, a whole record at a time.
"""

import json
from functools import lru_cache, partial
from pathlib import Path
from typing import IO, Any

import numpy as np

from karyon.sim.channel.transit import LOST
from karyon.sim.engine import Simulation
from karyon.sim.recorder import UNSENT
from karyon.sim.scenario import Loaded
from karyon.sim.view import happenings
from karyon.sim.view.about import about_scenario
from karyon.sim.view.happenings import Happening
from karyon.sim.view.links import Wanted
from karyon.sim.view.rows import Floats, Integers, Lazy, Rows

BLOCK, BLOCKS_KEPT = 64, 16  # instants that are read together, and such blocks that are kept
LAYOUT, TRACE, MESSAGES, EVENTS = "layout.json", "trace", "messages", "events"


class Writer:
    """Beside a simulation of one run that is recorded: told of each instant as it is kept for the trace."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._told, self._told_layout = folder, 0, False
        self._files: list[IO[bytes]] = []

    def attend(self, simulation: Simulation) -> None:
        """Be told from now on."""
        trace, messages, events = (self._open(name) for name in (TRACE, MESSAGES, EVENTS))

        def see(table: Floats) -> None:
            if not self._told_layout:
                self._tell_layout(simulation, table.shape[1])
            log = simulation.log.events[0]
            lines = "".join(json.dumps(event, ensure_ascii=False) + "\n" for event in log[self._told :])
            self._told = len(log)
            events.write(lines.encode())
            trace.write(np.ascontiguousarray(table).tobytes())

        simulation.trace.told.append(see)
        simulation.sent.told.append(lambda *sent: messages.write(_message(*sent)))

    def _tell_layout(self, simulation: Simulation, vehicles: int) -> None:
        sender, receiver = (each.tolist() for each in simulation.sent.pairs)
        layout = {"columns": simulation.trace.columns, "cars": vehicles, "sender": sender, "receiver": receiver}
        part = self._folder / f"{LAYOUT}.part"
        part.write_text(json.dumps(layout), "utf-8")
        part.replace(self._folder / LAYOUT)
        self._told_layout = True

    def close(self) -> None:
        """Nothing more is told."""
        for file in self._files:
            file.close()

    def _open(self, name: str) -> IO[bytes]:
        file = (self._folder / name).open("wb", buffering=0)
        self._files.append(file)
        return file


def _message(sent: int, _: int, arrived: Any) -> bytes:
    return np.concatenate([[sent], arrived[0]]).astype(np.int64).tobytes()


class Reader:
    """What a simulation has told so far; `look` reads on.

    about        what runs; its signals are known with the first instant
    happenings   events so far, in order of time
    begin, end   of what there is, s; nothing: -1
    """

    def __init__(self, folder: Path, loaded: Loaded) -> None:
        self._loaded, self.about = loaded, about_scenario(loaded, [])
        self.notes: tuple[str, ...] = ()
        self.happenings: list[Happening] = []
        self.begin, self.end = 0.0, -1.0
        self._folder = folder
        self._layout: dict[str, Any] | None = None
        self._block = lru_cache(BLOCKS_KEPT)(self._read_block)
        self._read, self._times, self._sent = 0, np.empty(0), np.empty(0)
        self._pairs = np.empty((2, 0), dtype=np.int64)  # sender, receiver of each link
        self._wanted: tuple[int, bytes] | None = None
        self._links = np.empty(0, dtype=np.int64)

    def look(self) -> None:
        """Take in what is new."""
        if self._layout is None:
            if not (self._folder / LAYOUT).is_file():
                return
            self._layout = json.loads((self._folder / LAYOUT).read_text("utf-8"))
            self.about = about_scenario(self._loaded, self._layout["columns"])
            self._pairs = np.array([self._layout["sender"], self._layout["receiver"]], dtype=np.int64)
        trace = self._table(TRACE, np.float64, len(self._layout["columns"]) * self._layout["cars"])
        if len(trace) > len(self._times):
            place = self._layout["columns"].index("time") * self._layout["cars"]
            self._times = np.append(self._times, trace[len(self._times) :, place])
            self.begin, self.end = float(self._times[0]), float(self._times[-1])
        messages = self._table(MESSAGES, np.int64, 1 + self._pairs.shape[1])
        self._sent = np.append(self._sent, messages[len(self._sent) :, 0] / 1e9)
        self._look_for_events()

    def _look_for_events(self) -> None:
        with (self._folder / EVENTS).open("rb") as file:
            file.seek(self._read)
            whole, newline, _ = file.read().rpartition(b"\n")
        if newline:
            self._read += len(whole) + 1
            new = [happenings.of(json.loads(line)) for line in whole.decode().splitlines()]
            self.happenings = happenings.in_order([*self.happenings, *new])

    def _table(self, name: str, kind: Any, width: int) -> Any:
        path = self._folder / name
        count = path.stat().st_size // (8 * width)
        if not count:
            return np.empty((0, width), dtype=kind)
        return np.memmap(path, dtype=kind, mode="r", shape=(count, width))

    def parts(self, begin: float, end: float) -> list[Rows]:
        """What was told of the time between (s)."""
        low, high = np.searchsorted(self._times, begin), np.searchsorted(self._times, end, side="right")
        blocks = range(int(low) // BLOCK, -(-int(high) // BLOCK))
        counts = [min(BLOCK, len(self._times) - block * BLOCK) for block in blocks]
        return [self._block(*each).between(begin, end) for each in zip(blocks, counts, strict=True)]

    def _read_block(self, block: int, count: int) -> Rows:
        """The first `count` instants of a block."""
        assert self._layout is not None
        names, cars = self._layout["columns"], self._layout["cars"]
        low = block * BLOCK
        table = self._table(TRACE, np.float64, len(names) * cars).reshape(-1, len(names), cars)[low : low + count]
        there = ~np.isnan(table[:, names.index("x"), :])  # a vehicle that is not there has no place
        start = np.concatenate([[0], np.cumsum(there.sum(axis=1))])
        return Rows(self._times[low : low + count], start, Lazy(names, partial(_column, table, there, names)))

    def messages(self, begin: float, end: float, wanted: Wanted) -> tuple[Integers, Integers, Floats]:
        """Of what was sent between (s), as far as it is wanted: sender, receiver, arrival (s; NaN: lost)."""
        chosen = self._chosen(wanted)
        table = self._table(MESSAGES, np.int64, 1 + self._pairs.shape[1])
        low, high = np.searchsorted(self._sent, begin), np.searchsorted(self._sent, end, side="right")
        told = table[low:high, 1 + chosen]
        instant, link = np.nonzero(told != UNSENT)
        arrived = told[instant, link]
        sender, receiver = self._pairs[:, chosen[link]]
        return sender, receiver, np.where(arrived == LOST, np.nan, arrived / 1e9)

    def _chosen(self, wanted: Wanted) -> Integers:
        """Links that are wanted: of a thousand cars a thousandth, and mostly the same as a picture before."""
        if self._wanted != wanted.key:
            self._wanted, self._links = wanted.key, np.flatnonzero(wanted.of(*self._pairs))
        return self._links


def _column(table: Any, there: Any, names: list[str], name: str) -> Any:
    return table[:, names.index(name), :][there]
