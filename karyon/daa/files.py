"""Text files of encounters and their configuration, as sources that faults can point into."""

from pathlib import Path

from karyon.sim import text_files
from karyon.sim.documents import Fault, InputError, Source
from karyon.sim.text_files import NotTextError, UnusableError

BYTES_MAX = 100 * 2**20


def read(path: Path) -> Source:
    """The text of a file, plain or gzipped, of at most `BYTES_MAX` bytes. InputError where there is none."""
    try:
        with text_files.opened(path) as stream:
            content = text_files.unpacked(stream.read, BYTES_MAX + 1, 1)
    except UnusableError as error:
        raise _fault(path, error.message) from error
    except OSError as error:
        raise _fault(path, f"cannot be read: {error.strerror or error}") from error
    if len(content) > BYTES_MAX:
        raise _fault(path, f"is larger than {BYTES_MAX // 2**20} MiB", "cut the encounter out of the recording")
    try:
        text = text_files.decoded(content.removeprefix(b"\xef\xbb\xbf"))
    except NotTextError as error:
        raise _fault(path, error.message, error.hint, 1 + content.count(b"\n", 0, error.at)) from error
    return Source(str(path), text)


def _fault(path: Path, message: str, hint: str = "", line: int | None = None) -> InputError:
    column = None if line is None else 1
    return InputError([Fault(str(path), line, column, 0, message, hint)])
