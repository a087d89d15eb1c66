"""What a run leaves behind: trace, events and summary, complete files only."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import parquet

from karyon.perception.following import FIELDS, LEAD, OWN

Floats = NDArray[np.float64]

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
    "lead.message.position": "m",
    "lead.message.speed": "m/s",
    "lead.message.acceleration": "m/s2",
    "lead.message.intended_acceleration": "m/s2",
}
INTEGERS = ("vehicle", "lane", "los_acc")
INSTANTS = 2048  # recorded instants per row group, at most
ROWS = 131_072  # of a run per row group, about: 50 MB are kept until they are written
FILES = ("trace.parquet", "events.jsonl", "summary.json", "scenario.yaml")


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


def columns() -> list[str]:
    """Names of the trace's columns, in order."""
    fixed = list(UNITS)[:13]
    own = [name + suffix for name in OWN for suffix in ("", "_true", "_validity", "_age")]
    message = [name + suffix for name in FIELDS for suffix in ("", "_true")]
    return [*fixed, *own, *message, f"{LEAD}_validity", f"{LEAD}_age"]


def schema() -> pa.Schema:
    """Arrow schema of a trace: each field says its unit and where its numbers come from."""
    return pa.schema(
        [_field(name) for name in columns()], metadata={"about": "KARYON trace: one row per vehicle and instant"}
    )


def _field(name: str) -> pa.Field:
    base, _, suffix = name.rpartition("_") if name.endswith(("_true", "_validity", "_age")) else (name, "", "")
    unit = {"validity": "1", "age": "s"}.get(suffix, UNITS.get(base, ""))
    source = {"true": "simulation", "validity": "perception", "age": "perception"}.get(suffix, "")
    source = source or ("sensor" if name in (*OWN, *FIELDS) else "kernel" if name.startswith("los_") else "simulation")
    kind = pa.int32() if name in INTEGERS else pa.float64()
    return pa.field(name, kind, metadata={"unit": unit, "source": source})


class Trace:
    """The trace of a batch: instants are kept as arrays and written run by run, a row group at a time.

    Where a row group ends depends on the run alone, not on the batch: the bytes are the same.

    files   one path per run; None: that run is not recorded
    """

    def __init__(self, files: Sequence[Path | None], vehicles: int) -> None:
        self._files, self._vehicles = files, vehicles
        self._instants = max(1, min(INSTANTS, ROWS // vehicles))
        self._kept: list[Floats] = []
        self._schema = schema()
        self._writers: list[parquet.ParquetWriter | None] = [self._writer(path) for path in files]

    @property
    def wanted(self) -> bool:
        """Whether any run is recorded."""
        return any(self._files)

    def record(self, instant: Mapping[str, Any], cars: int) -> None:
        """Keep one instant: per column an array (car,) or a number."""
        table = np.empty((len(self._schema), cars))
        for index, name in enumerate(self._schema.names):
            table[index] = instant[name]
        self._kept.append(table)
        if len(self._kept) == self._instants:
            self._flush()

    def close(self) -> None:
        """Write what is left and finish every file under its final name."""
        self._flush()
        for run, writer in enumerate(self._writers):
            path = self._files[run]
            if writer is not None and path is not None:
                writer.close()
                _part(path).replace(path)
                self._writers[run] = None

    def discard(self) -> None:
        """Leave no half-written file behind: what was not closed goes."""
        for run, writer in enumerate(self._writers):
            path = self._files[run]
            if writer is not None and path is not None:
                with suppress(OSError):
                    writer.close()
                _part(path).unlink(missing_ok=True)
        self._kept, self._writers = [], [None for _ in self._files]

    def _flush(self) -> None:
        if not self._kept:
            return
        block = np.stack(self._kept)  # (instant, column, car)
        self._kept = []
        for run, path in enumerate(self._files):
            if path is None:
                continue
            mine = block[:, :, run * self._vehicles : (run + 1) * self._vehicles]
            arrays = [self._array(mine[:, index, :].ravel(), name) for index, name in enumerate(self._schema.names)]
            writer = self._writers[run]
            assert writer is not None
            writer.write_table(pa.table(arrays, schema=self._schema))

    def _writer(self, path: Path | None) -> parquet.ParquetWriter | None:
        """Opened before the first instant: a folder that cannot be written is known before the run, not after it."""
        return None if path is None else parquet.ParquetWriter(_part(path), self._schema, compression="zstd")

    def _array(self, values: Floats, name: str) -> pa.Array:
        absent = np.isnan(values)
        if name in INTEGERS:
            return pa.array(np.where(absent, 0, values).astype(np.int32), mask=absent)
        return pa.array(values, mask=absent)


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
