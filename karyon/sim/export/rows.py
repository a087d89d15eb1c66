"""The rows of a trace, block by block: whatever its length, no more than a block is in memory."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import parquet

from karyon.sim.view.folder import TRACE, RunError, must_be_numbers, must_be_there

Booleans = NDArray[np.bool_]
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

COLUMNS = ("time", "vehicle", "x", "y", "heading", "length", "width", "speed", "acceleration", "lane")
BLOCK = 65_536  # rows


def blocks(folder: Path) -> Iterator[Mapping[str, Floats]]:
    """`COLUMNS` of the trace in `folder`, each (row,), all of them finite, in SI, sorted by time; at least one row.

    Raises RunError.
    """
    path = trace_of(folder)
    rows, last = 0, -np.inf
    for batch in _batches(path):
        block = {name: batch[name].to_numpy(zero_copy_only=False).astype(np.float64) for name in COLUMNS}
        _must_be_usable(block, rows, last, path)
        rows, last = rows + batch.num_rows, block["time"][-1]
        yield block
    if not rows:
        raise RunError(f"{path}: holds no row")


def trace_of(folder: Path) -> Path:
    """The trace in `folder`. Raises RunError where there is none."""
    if not folder.is_dir():
        raise RunError(f"{folder}: {'not a folder' if folder.exists() else 'no such folder'}")
    must_be_there(folder / TRACE)
    return folder / TRACE


def _batches(path: Path) -> Iterator[pa.RecordBatch]:
    try:
        with parquet.ParquetFile(path) as file:
            for name in COLUMNS:
                must_be_numbers(name, file.schema_arrow, path)
            yield from (batch for batch in file.iter_batches(BLOCK, columns=list(COLUMNS)) if batch.num_rows)
    except (pa.ArrowException, OSError) as error:
        raise RunError(f"{path}: cannot be read: {str(error).splitlines()[0]}") from None


def _must_be_usable(block: Mapping[str, Floats], before: int, last: float, path: Path) -> None:
    """`before`, `last`: rows before this block, and the time of the last of them."""
    wrong = {name: ~np.isfinite(values) for name, values in block.items()}
    wrong["speed"] = wrong["speed"] | (block["speed"] < 0.0)
    for name, where in wrong.items():
        if where.any():
            row = int(where.argmax())
            expected = "a number from 0 on" if name == "speed" else "a number"
            raise RunError(f"{path}: {name} in row {before + row + 1} is {block[name][row]:g}, expected {expected}")
    if (np.diff(block["time"], prepend=last) < 0.0).any():
        raise RunError(f"{path}: its rows are not in order of time")
