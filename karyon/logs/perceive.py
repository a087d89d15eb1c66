"""A log judged from file to file: one row of validities per row of the log."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.csv
import pyarrow.parquet

from karyon.logs import inject_options, sensors_file
from karyon.logs.inject import Change
from karyon.logs.judging import Judge, MessageJudge, SignalJudge, Tally
from karyon.logs.tables import Log, LogError, open_log

Progress = Callable[[int, float], None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was judged.

    rows      of the log
    begin     time of the first and of the last row, s
    tallies   per signal, or of all messages
    fault     what ended the log before its end; the rows before it were judged
    changes   what each failure that was put into the log did
    """

    rows: int
    begin: float
    end: float
    tallies: list[Tally]
    fault: LogError | None
    changes: list[Change]


def perceive(
    log: Path,
    sensors: str | Path,
    out: Path,
    progress: Progress | None = None,
    inject: Sequence[str] = (),
    seed: int = 0,
) -> Outcome:
    """Judge a log into `out`, CSV or, by its ending, Parquet; `progress` is told the rows that are done,
    and their share of the log.

    inject   failures put into the log before it is judged, as `inject_options` reads them
    seed     of their random draws
    Raises InputError (sensors file, inject), LogError (log; nothing was judged), OSError (out). Of a log that ends in a
    fault, as one cut short does, the rows before it are kept.
    """
    described = sensors_file.read(sensors)
    part = out.with_name(f"{out.name}.part")
    with open_log(log) as opened:
        judge = _judge(opened, described, inject, seed)
        try:
            outcome = _judged(judge, part, opened, progress)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
    part.replace(out)
    return outcome


def _judge(log: Log, described: sensors_file.Described, inject: Sequence[str], seed: int) -> Judge:
    if isinstance(described, sensors_file.Signals):
        return SignalJudge(log, described, inject, seed)
    inject_options.read(inject, described, None)
    return MessageJudge(log, described)


def _judged(judge: Judge, part: Path, log: Log, progress: Progress | None) -> Outcome:
    rows, begin, end, fault = 0, float("nan"), float("nan"), None
    with _writer(part, judge.schema) as writer:
        try:
            for table in judge.tables():
                writer.write_table(table)
                if table.num_rows:
                    begin = table["time"][0].as_py() if rows == 0 else begin
                    end = table["time"][-1].as_py()
                rows += table.num_rows
                if progress:
                    progress(rows, log.share())
        except LogError as error:
            if not rows:
                raise
            fault = error
    return Outcome(rows, begin, end, judge.tallies, fault, judge.changes)


def _writer(path: Path, schema: Any) -> Any:
    if path.name.removesuffix(".part").endswith(".parquet"):
        return pyarrow.parquet.ParquetWriter(path, schema)
    options = pyarrow.csv.WriteOptions(quoting_style="needed")
    return pyarrow.csv.CSVWriter(path, schema, write_options=options)
