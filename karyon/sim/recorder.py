"""What a run leaves behind: trace, messages, events and summary, complete files only."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import parquet

from karyon.compiled import Tape
from karyon.compiled.journal import Entries, Journal
from karyon.kernel.elementwise import Compiler, WholeBooleans, pick, where
from karyon.kernel.runtime import Ticks
from karyon.perception.following import LEAD, OWN
from karyon.perception.platoon import LEADER
from karyon.perception.received import MESSAGE
from karyon.sim.channel import Links
from karyon.sim.channel.transit import LOST
from karyon.sim.radio import Transmission

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]
Integers = NDArray[np.int64]

UNITS = {
    "time": "s",
    "vehicle": "",
    "x": "m",
    "y": "m",
    "heading": "rad",
    "length": "m",
    "width": "m",
    "speed": "m/s",
    "acceleration": "m/s2",
    "command": "m/s2",
    "lane": "",
    "gap": "m",
    "los_acc": "",
    "front.distance": "m",
    "front.relative_speed": "m/s",
    "own.speed": "m/s",
    "own.acceleration": "m/s2",
    "own.position": "m",
    **{
        f"{sender}.{field}": unit
        for sender in (LEAD, LEADER)
        for field, unit in zip(MESSAGE, ("m", "m/s", "m/s2", "m/s2"), strict=True)
    },
}
INTEGERS = ("vehicle", "lane", "los_acc")
INSTANTS, SENDINGS = 2048, 16_384  # recorded instants per row group, at most; of messages, which are short
ROWS = 131_072  # of a run per row group, about: 50 MB are kept until they are written
FILES = ("trace.parquet", "messages.parquet", "events.jsonl", "summary.json", "scenario.yaml", "bench.jsonl")
UNSENT = -1  # in place of the time (ns) at which a message arrives
NO_ROUND = -1  # in place of its number


@contextmanager
def whole(folders: Sequence[Path]) -> Iterator[None]:
    """The folders of runs, made and without files of an earlier run; a run that fails leaves nothing in them.

    Raises OSError.
    """
    made = [folder for folder in folders if not folder.exists()]
    try:
        for folder in folders:
            folder.mkdir(parents=True, exist_ok=True)
            _clear(folder)
        yield
    except BaseException:
        for folder in folders:
            with suppress(OSError):
                _clear(folder)
        for folder in made:
            with suppress(OSError):
                folder.rmdir()
        raise


def _clear(folder: Path) -> None:
    for name in FILES:
        (folder / name).unlink(missing_ok=True)
        _part(folder / name).unlink(missing_ok=True)


def columns(senders: Sequence[str]) -> list[str]:
    """Names of the trace's columns, in order; `senders`: whose messages are heard."""
    fixed = list(UNITS)[:13]
    own = [name + suffix for name in OWN for suffix in ("", "_true", "_validity", "_age")]
    messages = [
        name
        for sender in senders
        for name in (
            *(f"{sender}.{field}{suffix}" for field in MESSAGE for suffix in ("", "_true")),
            f"{sender}_validity",
            f"{sender}_age",
        )
    ]
    return [*fixed, *own, *messages]


def schema(senders: Sequence[str]) -> pa.Schema:
    """Arrow schema of a trace: each field says its unit and where its numbers come from."""
    return pa.schema(
        [_field(name) for name in columns(senders)], metadata={"about": "KARYON trace: one row per vehicle and instant"}
    )


def _field(name: str) -> pa.Field:
    base, _, suffix = name.rpartition("_") if name.endswith(("_true", "_validity", "_age")) else (name, "", "")
    unit = {"validity": "1", "age": "s"}.get(suffix, UNITS.get(base, ""))
    source = {"true": "simulation", "validity": "perception", "age": "perception"}.get(suffix, "")
    source = source or ("sensor" if "." in name else "kernel" if name.startswith("los_") else "simulation")
    kind = pa.int32() if name in INTEGERS else pa.float64()
    return pa.field(name, kind, metadata={"unit": unit, "source": source})


def format_of(layout: pa.Schema) -> dict[str, Any]:
    """How Parquet writes a table. Only whole numbers have a dictionary: what is measured never comes twice."""
    repeating = [each.name for each in layout if pa.types.is_integer(each.type)]
    return {"compression": "zstd", "use_dictionary": repeating}


class Tables:
    """One Parquet file per run, written a row group at a time; under its final name it is whole.

    Instants are kept, and written run by run. Where a row group ends depends on the run alone, not on the batch: the
    bytes are the same. `told` are called with what is kept of each instant.
    """

    def __init__(self, paths: Sequence[Path | None], layout: pa.Schema, rows: int, instants: int = INSTANTS) -> None:
        """`paths`: one per run; None: that run is not recorded. `rows` of a run at each instant.

        Opened before the first instant: a folder that cannot be written is known before the run, not after it.
        """
        self._layout, self._instants = layout, max(1, min(instants, ROWS // rows))
        self._kept, self._count = list[Sequence[NDArray[Any]]](), 0
        self.told: list[Callable[..., object]] = []
        self._writers = {
            run: (path, parquet.ParquetWriter(_part(path), layout, **format_of(layout)))
            for run, path in enumerate(paths)
            if path is not None
        }

    @property
    def wanted(self) -> bool:
        """Whether any run is recorded."""
        return bool(self._writers)

    @property
    def columns(self) -> list[str]:
        """Their names, in order."""
        return list(self._layout.names)

    @property
    def runs(self) -> list[int]:
        """Runs that are recorded."""
        return list(self._writers)

    def close(self) -> None:
        """Write what is left and finish every file under its final name."""
        self._flush()
        for run in self.runs:
            path, writer = self._writers[run]
            writer.close()
            _part(path).replace(path)
            del self._writers[run]

    def discard(self) -> None:
        """Leave no half-written file behind: what was not closed goes."""
        self._kept, self._count = [], 0
        for path, writer in self._writers.values():
            with suppress(OSError):
                writer.close()
            _part(path).unlink(missing_ok=True)
        self._writers = {}

    def _keep(self, *arrays: NDArray[Any]) -> None:
        """Some instants (instant, ...)."""
        for tell in self.told:
            for instant in zip(*arrays, strict=True):
                tell(*instant)
        begin, end = 0, len(arrays[0])
        while begin < end:
            until = min(end, begin + self._instants - self._count)
            self._kept.append([each[begin:until] for each in arrays])
            self._count += until - begin
            begin = until
            if self._count == self._instants:
                self._flush()

    def _flush(self) -> None:
        kept, self._kept, self._count = self._kept, [], 0
        whole = [np.concatenate(each) for each in zip(*kept, strict=True)]
        for run, arrays in self._row_groups(*whole) if kept else ():
            self._writers[run][1].write_table(pa.table(arrays, schema=self._layout))

    def _row_groups(self, *kept: NDArray[Any]) -> Iterator[tuple[int, list[pa.Array]]]:
        """Per run that is recorded, an array for each column; of what was kept (instant, ...)."""
        raise NotImplementedError


def as_array(values: Floats, field: pa.Field) -> pa.Array:
    """A column, whole numbers where it has these; NaN: absent."""
    absent = np.isnan(values)
    if pa.types.is_integer(field.type):
        values = np.where(absent, 0, values)
    return arrow(values.astype(field.type.to_pandas_dtype(), copy=False), absent)


def arrow(numbers: NDArray[Any], absent: Booleans | None = None) -> pa.Array:
    """Numbers as Arrow has them, null where they are absent. `pa.array` imports pandas, which takes 0.2 s."""
    there = None if absent is None or not absent.any() else pa.py_buffer(np.packbits(~absent, bitorder="little"))
    of_numbers = pa.py_buffer(np.ascontiguousarray(numbers))
    return pa.Array.from_buffers(pa.from_numpy_dtype(numbers.dtype), len(numbers), [there, of_numbers])


MESSAGES = pa.schema(
    [
        pa.field("sender", pa.int32(), metadata={"unit": "", "source": "simulation"}),
        pa.field("receiver", pa.int32(), metadata={"unit": "", "source": "simulation"}),
        pa.field("sent", pa.float64(), metadata={"unit": "s", "source": "simulation"}),
        pa.field("arrived", pa.float64(), metadata={"unit": "s", "source": "radio"}),
        pa.field("round", pa.int32(), metadata={"unit": "", "source": "cooperation"}),
    ],
    metadata={"about": "KARYON messages: one row per transmission and vehicle that might hear it; arrived null: lost"},
)


class Reached(NamedTuple):
    """When each message arrives, ns; `LOST`, or `UNSENT` (link,)."""

    time: Ticks


def reached(
    arrival: Ticks, mute: WholeBooleans, absent: WholeBooleans, deaf: WholeBooleans, sender: Ticks, receiver: Ticks
) -> Reached:
    """Of what is sent at an instant; who is absent is no receiver either."""
    unsent = pick(mute, sender) | pick(absent, sender) | pick(absent, receiver)
    return Reached(where(unsent, UNSENT, where(pick(deaf, receiver), LOST, arrival)))


class Messages(Tables):
    """Who sent what to whom, and when it arrived; rows in order of `sent`.

    What the channel carries is told: a fault of the signal `lead.message` befalls what has arrived.
    """

    def __init__(self, folders: Sequence[Path | None], links: Links, tape: Tape | None = None) -> None:
        """`folders`: one per run; None: that run is not recorded. `tape`: that may record what is noted."""
        self._links, self._tape = links, tape or Tape()
        sender, receiver = (cars[: links.per_run] % links.members for cars in (links.sender, links.receiver))
        others = sender != receiver
        self._sender, self._receiver = (each[others].astype(np.int32) for each in (sender, receiver))
        paths = [folder and folder / "messages.parquet" for folder in folders]
        super().__init__(paths, MESSAGES, len(self._sender), SENDINGS)
        self._of_link = (np.isin(np.arange(links.runs), self.runs)[:, None] & others).ravel()
        self._nobody = np.zeros(links.runs * links.members, dtype=bool)
        self._number = np.zeros(len(self._of_link), dtype=np.int64)
        self._noted, self._reached = Journal(self._read, len(self._of_link)), reached

    def quicken(self, in_place: Compiler) -> None:
        """Go on with a compiled formula: the bits stay the same."""
        self._reached = in_place(reached)

    @property
    def pairs(self) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Sender and receiver of each link of a run (link,)."""
        return self._sender, self._receiver

    def record(
        self, sent: Transmission, deaf: Booleans | None, number: int | None = None, absent: Booleans | None = None
    ) -> None:
        """All that is sent at one instant, in the round of this number; None: there is no group.

        deaf    cars whose radio is down, for which all is lost (car,); None: nobody's is
        absent  cars without a radio (car,); None: all have one
        """
        links, nobody = self._links, self._nobody
        mute, absent, deaf = (nobody if each is None else each for each in (sent.mute, absent, deaf))
        arrived = self._reached(sent.arrival, mute, absent, deaf, links.sender, links.receiver).time
        self._number[:] = NO_ROUND if number is None else number
        self._tape.note(self._of_link, self._noted, [arrived, self._number], sent.sent)
        if self.told:
            self._noted.settle()

    def close(self) -> None:
        """Write what is left and finish every file under its final name."""
        self._noted.settle()
        super().close()

    def _read(self, noted: Entries) -> None:
        each = (noted.numbers[0], *noted.told)
        sent, arrived, number = (one.reshape(-1, len(self.runs), len(self._sender)) for one in each)
        self._keep(sent[:, 0, 0], number[:, 0, 0].astype(np.int32), arrived)

    def _row_groups(self, *kept: NDArray[Any]) -> Iterator[tuple[int, list[pa.Array]]]:
        sent, number, arrived = kept  # the last one (instant, run, link)
        for index, run in enumerate(self.runs):
            times = arrived[:, index]
            instant, link = np.nonzero(times != UNSENT)
            told = times[instant, link]
            yield (
                run,
                [
                    arrow(self._sender[link]),
                    arrow(self._receiver[link]),
                    arrow(sent[instant] / 1e9),
                    arrow(told / 1e9, told == LOST),
                    arrow(number[instant], number[instant] == NO_ROUND),
                ],
            )


def write_events(path: Path, events: Sequence[Mapping[str, Any]]) -> None:
    """Events as JSON lines, in the order in which they happened."""
    _replace(path, "".join(json.dumps(event, ensure_ascii=False) + "\n" for event in events))


def write_summary(path: Path, summary: Mapping[str, Any]) -> None:
    """The summary as JSON."""
    _replace(path, json.dumps(summary, indent=2, ensure_ascii=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """A text file, whole or not at all."""
    _replace(path, text)


def _part(path: Path) -> Path:
    return path.with_name(path.name + ".part")


def _replace(path: Path, text: str) -> None:
    part = _part(path)
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
