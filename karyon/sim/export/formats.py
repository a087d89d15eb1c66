"""`karyon export`: a run's trace, written whole or not at all."""

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import TextIO

from karyon.sim.export import commonroad, fcd, ocsf
from karyon.sim.export.rows import trace_of

WRITERS = {"fcd": fcd.write, "commonroad": commonroad.write, "ocsf": ocsf.write}
ENDINGS = {"fcd": (".xml", ".xml.gz"), "commonroad": (".xml",), "ocsf": (".jsonl", ".jsonl.gz")}


def export(folder: Path, to: str, out: Path) -> None:
    """The run in `folder` in the format `to`, one of `WRITERS`, gzipped where `out` ends in .gz.

    Raises RunError where the folder holds no whole trace, OSError where `out` cannot be written.
    """
    trace_of(folder)  # before anything is written
    with _whole(out) as stream:
        WRITERS[to](folder, stream)


@contextmanager
def _whole(path: Path) -> Iterator[TextIO]:
    part = path.with_name(path.name + ".part")
    try:
        with part.open("wb") as file:
            if path.suffix == ".gz":  # without a name and a day: the same run gives the same bytes
                with gzip.GzipFile("", "wb", fileobj=file, mtime=0) as packed, TextIOWrapper(packed, "utf-8") as stream:
                    yield stream
            else:
                with TextIOWrapper(file, "utf-8") as stream:
                    yield stream
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
