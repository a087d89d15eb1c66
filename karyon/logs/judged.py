"""What `karyon perceive` wrote, CSV or Parquet, as a stream of rows that goes side by side with the log."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from karyon.sim.documents import Fault, InputError, quoted

TEXTS = ("sender", "detectors")  # columns of texts; of a signal it ends in `_detectors`
BATCH = 65_536  # rows of a Parquet file that are read at once


def names(path: Path) -> list[str]:
    """The columns of a judged file. Raises InputError where it is none."""
    try:
        if _is_parquet(path):
            return list(pyarrow.parquet.read_schema(path).names)
        with pyarrow.csv.open_csv(path) as reader:
            return list(reader.schema.names)
    except (pa.ArrowInvalid, OSError) as error:
        raise unusable(path, f"cannot be read: {_said(error)}") from None


class Rows:
    """The rows of a judged file in their order, as many at a time as one wants."""

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        """Raises InputError where one of the columns is not there."""
        known = names(path)
        if missing := [name for name in columns if name not in known]:
            raise unusable(path, f"has no column {quoted(missing[0])}", "was it made from this log and these sensors?")
        self._path, self._columns = path, list(columns)
        self._batches = self._read()
        self._rest: pa.Table | None = None

    def __iter__(self) -> Iterator[pa.Table]:
        """All rows that are left, in parts. Raises InputError."""
        while True:
            part = next(self._batches, None) if self._rest is None else self._rest
            self._rest = None
            if part is None:
                return
            yield part

    def take(self, count: int) -> pa.Table:
        """The next `count` rows, fewer at the end. Raises InputError."""
        parts, found = [], 0
        for part in self:
            parts.append(part.slice(0, count - found))
            found += parts[-1].num_rows
            if found == count:
                self._rest = part.slice(parts[-1].num_rows) if parts[-1].num_rows < part.num_rows else None
                break
        return pa.concat_tables(parts) if parts else pa.table({name: pa.array([]) for name in self._columns})

    def _read(self) -> Iterator[pa.Table]:
        try:
            for batch in self._opened():
                yield pa.Table.from_batches([batch]).select(self._columns)
        except (pa.ArrowInvalid, OSError) as error:
            raise unusable(self._path, f"cannot be read: {_said(error)}") from None

    def _opened(self) -> Any:
        if _is_parquet(self._path):
            return pyarrow.parquet.ParquetFile(self._path).iter_batches(BATCH, columns=self._columns)
        types = {name: pa.string() if _is_text(name) else pa.float64() for name in self._columns}
        options = pyarrow.csv.ConvertOptions(column_types=types, include_columns=self._columns)
        return pyarrow.csv.open_csv(self._path, convert_options=options)


def unusable(path: Path, message: str, hint: str = "") -> InputError:
    """What is wrong with a judged file."""
    return InputError([Fault(str(path), None, None, 0, message, hint)])


def _is_text(name: str) -> bool:
    return name in TEXTS or name.endswith("_detectors")


def _is_parquet(path: Path) -> bool:
    return path.suffix == ".parquet"


def _said(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error).splitlines()[0]
