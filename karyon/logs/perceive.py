"""A log judged from file to file: one row of validities per row of the log."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import nan
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.csv
import pyarrow.parquet

from karyon.logs import inject_options, sensors_file
from karyon.logs.inject import Change
from karyon.logs.judging import Judge, MessageJudge, SignalJudge, Tally
from karyon.logs.tables import Log, LogError, open_log

Progress = Callable[[int, float], bool | None]
UNLIKE = 3.0  # ratio of the steps of a log and the period of its description, from which on one of them is wrong


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was judged.

    rows      of the log
    begin     time of the first and of the last row, s
    tallies   per signal, or of all messages
    fault     what ended the log before its end; the rows before it were judged
    changes   what each failure that was put into the log did
    senders   of messages: how many of each, and how many of these below CALLED
    ended     whether it was ended before its end by whoever watched the progress
    period    s, by the description; 0 of messages
    step      usual time between two rows, s; NaN where it is not known
    """

    rows: int
    begin: float
    end: float
    tallies: list[Tally]
    fault: LogError | None
    changes: list[Change]
    senders: dict[str, tuple[int, int]]
    ended: bool = False
    period: float = 0.0
    step: float = nan

    @property
    def is_complete(self) -> bool:
        """Whether all of the log was judged."""
        return self.fault is None and not self.ended

    @property
    def mismatch(self) -> float:
        """The usual time between two rows, s, where it is unlike the period; else 0."""
        ratio = self.step / self.period if self.period else 1.0
        return self.step if ratio > UNLIKE or ratio < 1.0 / UNLIKE else 0.0


def perceive(
    log: Path,
    sensors: str | Path,
    out: Path,
    progress: Progress | None = None,
    inject: Sequence[str] = (),
    seed: int = 0,
) -> Outcome:
    """Judge a log into `out`, CSV or, by its ending, Parquet.

    `progress` is told the rows that are done and their share of the log; where it answers False, judging ends.

    inject   failures put into the log before it is judged, as `inject_options` reads them
    seed     of their random draws
    Raises InputError (sensors file, inject), LogError (log; nothing was judged), OSError (out). Of a log that ends in a
    fault, as one cut short does, the rows before it are kept.
    """
    described = sensors_file.read(sensors)
    out = out.resolve()  # what a link leads to, and not the link
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
    rows, begin, end, fault, ended, step = 0, nan, nan, None, False, nan
    with _writer(part, judge.schema) as writer:
        try:
            for table in judge.tables():
                writer.write_table(table)
                if table.num_rows:
                    begin = _number(table["time"][0]) if rows == 0 else begin
                    end = _number(table["time"][-1])
                    step = _step(table["time"]) if rows == 0 else step
                rows += table.num_rows
                if progress and progress(rows, log.share()) is False:
                    ended = True
                    break
        except LogError as error:
            if not rows:
                raise
            fault = error
    return Outcome(rows, begin, end, judge.tallies, fault, judge.changes, judge.senders, ended, judge.period, step)


def _number(scalar: Any) -> float:
    """A time as a number, NaN where the log has none."""
    return nan if scalar.as_py() is None else float(scalar.as_py())


def _step(time: Any) -> float:
    """Usual time between two rows, s; rows of one instant are one."""
    steps = np.diff(np.asarray(time.to_numpy(), dtype=np.float64))
    return float(np.median(steps[steps > 0.0])) if (steps > 0.0).any() else nan


def _writer(path: Path, schema: Any) -> Any:
    if path.name.removesuffix(".part").endswith(".parquet"):
        return pyarrow.parquet.ParquetWriter(path, schema)
    options = pyarrow.csv.WriteOptions(quoting_style="needed")
    return pyarrow.csv.CSVWriter(path, schema, write_options=options)
