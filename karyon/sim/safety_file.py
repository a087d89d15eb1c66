"""Safety designs in files: what the kernel's `Design.parse` says of the data, placed in the text."""

from pathlib import Path

from karyon.kernel import Design, DesignError
from karyon.kernel.design import Fault
from karyon.sim import documents
from karyon.sim.documents import Document, InputError, Place, Source, dotted


def read_design(path: Path) -> Design:
    """The safety design in a YAML file. Raises InputError with all of its faults."""
    return parse(documents.read(path))


def parse(source: Source) -> Design:
    """The safety design in a text. Raises InputError with all of its faults."""
    document = documents.compose(source)
    try:
        return Design.parse(document.data)
    except DesignError as error:
        raise InputError(sorted((_placed(fault, document) for fault in error.faults), key=_line)) from None


def _line(fault: documents.Fault) -> tuple[int, int]:
    return fault.line or 0, fault.column or 0


def _placed(fault: Fault, document: Document) -> documents.Fault:
    path = tuple(fault.path)
    place = document.place(path) if path in document.values else document.place_of_key(path)
    if fault.message.startswith(("unknown key", "`")):
        place = document.place_of_key(path)
    if fault.column is not None:
        place = _inside(place, fault.column)
    name = dotted(path)
    return place.fault(f"{name}: {fault.message}" if name else fault.message, fault.hint)


def _inside(place: Place, column: int) -> Place:
    """The character at `column` of a text that stands in one line."""
    quotes = 1 if place.text[:1] in "'\"" else 0
    start = place.start + quotes + column - 1
    return place if "\n" in place.text or start >= place.end else Place(place.source, start, start + 1)
