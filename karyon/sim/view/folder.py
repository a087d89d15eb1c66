"""What the folder of a run must hold to be looked at: the one judgement of window, stills and figures."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import parquet

from karyon import __version__
from karyon.sim.kinds import CAR_FOLLOWING, KINDS
from karyon.sim.run import CAMPAIGN, FUNCTION

Floats = NDArray[np.float64]

TRACE, EVENTS, SUMMARY, SCENARIO = "trace.parquet", "events.jsonl", "summary.json", "scenario.yaml"
MESSAGES = "messages.parquet"
LOSSES = {  # files without which there is still something to see
    EVENTS: "faults, switches and violations are not shown",
    MESSAGES: "who heard whom is not shown",
}
LEVEL = f"los_{FUNCTION}"
NEEDED = ("time", "vehicle", "x", "y", "heading", "length", "width", "speed", "lane", "gap")
LINKS = ("sender", "receiver", "sent", "arrived")


class RunError(ValueError):
    """The folder does not hold a whole run; the message names the file."""


def judged(folder: Path) -> tuple[str, ...]:
    """What is missing of a run that can be looked at all the same, in words; reads no row. Raises RunError."""
    if not folder.is_dir():
        raise RunError(f"{folder}: {'not a folder' if folder.exists() else 'no such folder'}")
    for name in (TRACE, SUMMARY, SCENARIO):
        must_be_there(folder / name)
    _must_be_trace(folder / TRACE)
    if (folder / MESSAGES).is_file():
        with opened(folder / MESSAGES) as file:
            for name in LINKS:
                must_be_numbers(name, file.schema_arrow, folder / MESSAGES)
    return tuple(f"{name} is not there: {lost}" for name, lost in LOSSES.items() if not (folder / name).is_file())


def _must_be_trace(path: Path) -> None:
    with opened(path) as file:
        names = file.schema_arrow.names
        signals = [name.removesuffix("_validity") for name in names if name.endswith("_validity")]
        level = level_column(names)
        for name in (*NEEDED, *_drawn(level), level, *(f"{signal}_age" for signal in signals)):
            must_be_numbers(name, file.schema_arrow, path)
        begins, ends = spans(file, "time", path)
        if not len(begins):
            raise RunError(f"{path}: holds no instant: the run ended before the first one was recorded")
        if begins[0] == ends[-1]:
            raise RunError(f"{path}: holds a single instant: the run ended before the second one was recorded")


def _drawn(level: str) -> Sequence[str]:
    """Columns that the pictures of a run need, by the one that has its level."""
    return KINDS.get(level.removeprefix("los_"), KINDS[CAR_FOLLOWING]).drawn


def level_column(names: Sequence[str]) -> str:
    """The level of the function that a run is about: the last one, as that of following comes first."""
    return next((name for name in reversed(names) if name.startswith("los_")), LEVEL)


def spans(file: parquet.ParquetFile, key: str, path: Path) -> tuple[Floats, Floats]:
    """Lowest and highest value of a column in each row group that is not empty, as the file says. Raises RunError."""
    column = file.schema_arrow.names.index(key)
    told = [file.metadata.row_group(group).column(column).statistics for group in filled(file)]
    if any(each is None or not each.has_min_max for each in told):
        raise RunError(f"{path}: does not say when its row groups begin and end")
    return np.array([each.min for each in told], dtype=float), np.array([each.max for each in told], dtype=float)


def filled(file: parquet.ParquetFile) -> list[int]:
    """The row groups that are not empty."""
    return [group for group in range(file.metadata.num_row_groups) if file.metadata.row_group(group).num_rows]


def opened(path: Path) -> parquet.ParquetFile:
    """A table of a run, of which nothing but its end was read. Raises RunError."""
    must_be_there(path)
    with readable(path):
        return parquet.ParquetFile(path, memory_map=True)


@contextmanager
def readable(path: Path, part: str = "") -> Iterator[None]:
    """What cannot be read in here is damaged. Raises RunError."""
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        said = str(error).splitlines()[0]
        raise RunError(
            f"{path}: {part}cannot be read, it is damaged or cut off; run its scenario again: {said}"
        ) from None


def must_be_numbers(name: str, schema: pa.Schema, path: Path) -> None:
    """Raises RunError where the table has no such column, or it holds anything else."""
    if name not in schema.names:
        raise RunError(f"{path}: has no column {name}: {_by_another_version(path.parent)}; run its scenario again")
    kind = schema.field(name).type
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        raise RunError(f"{path}: column {name} holds no numbers, but {kind}")


def _by_another_version(folder: Path) -> str:
    """Who wrote a file that does not have what this version writes."""
    version = None
    with suppress(OSError, ValueError, AttributeError):
        version = json.loads((folder / SUMMARY).read_text("utf-8")).get("version")
    if version is None:
        return "recorded by an older version of KARYON"
    if version == __version__:
        return f"recorded by an older state of KARYON {version}, or changed since"
    return f"recorded by {_age(str(version))} version, KARYON {version}; this is {__version__}"


def _age(version: str) -> str:
    def parts(each: str) -> list[int]:
        return [int(part) for part in each.split(".") if part.isdigit()]

    return "an older" if parts(version) < parts(__version__) else "a newer"


def must_be_there(path: Path) -> None:
    """Raises RunError where a file of a run is missing, and says what writes it."""
    if path.is_file():
        return
    if (path.parent / CAMPAIGN).is_file():
        hint = f"`karyon replay {path.parent} RUN` makes one of its runs again"
        raise RunError(f"{path.parent}: is the folder of a campaign, not of a run; {hint}")
    raise RunError(f"{path}: not there; `karyon run SCENARIO --out {path.parent}` writes it")


def names_of_numbers(schema: pa.Schema) -> Sequence[str]:
    """Columns that can be drawn."""
    return [field.name for field in schema if pa.types.is_integer(field.type) or pa.types.is_floating(field.type)]
