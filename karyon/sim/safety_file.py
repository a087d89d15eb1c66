"""Safety designs in files: what the kernel's `Design.parse` says of the data, placed in the text."""

import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from karyon.kernel import Design, DesignError
from karyon.kernel.design import Fault
from karyon.sim import controllers, documents
from karyon.sim.documents import Document, InputError, Keys, Place, Source, dotted

WORD = re.compile(r"[\w.]+|.")


def read_design(path: Path) -> Design:
    """The safety design in a YAML file. Raises InputError with all of its faults."""
    return parse(documents.read(path))


def parse(source: Source, over: Document | None = None) -> Design:
    """The safety design in a text, with `over` laid on it. Raises InputError with all of its faults."""
    if over is None or not over.data:
        return _alone(source)
    return _checked(documents.merged(documents.compose(source), over))


@lru_cache(maxsize=16)
def _alone(source: Source) -> Design:
    """A plan of many strata names the same design in each of them."""
    return _checked(documents.compose(source))


def _checked(document: Document) -> Design:
    try:
        design = Design.parse(document.data)
    except DesignError as error:
        raise _error(error.faults, document) from None
    if found := tuple(controllers.faults(design)):
        raise _error(found, document)
    return design


def _error(faults: Iterable[Fault], document: Document) -> InputError:
    return InputError(documents.in_order(_placed(fault, document) for fault in faults))


def _placed(fault: Fault, document: Document) -> documents.Fault:
    path = tuple(fault.path)
    place = _entry(path, document) if fault.column is None else _word(document.place(path), fault.column)
    name = dotted(path)
    return place.fault(f"{name}: {fault.message}" if name else fault.message, fault.hint)


def _entry(path: Keys, document: Document) -> Place:
    """The key at `path` and its value, or the key alone where many values stand below it."""
    key, value = document.place_of_key(path), document.place(path)
    many = isinstance(document.at(path), dict | list) or key.source is not value.source
    return key if many or value.start < key.start else Place(key.source, key.start, value.end)


def _word(place: Place, column: int) -> Place:
    """The word at `column` of a text that stands in one line; of another text, the whole."""
    quotation = 1 if place.text[:1] in "'\"" else 0
    word = (
        None if "\n" in place.text else WORD.match(place.source.text, place.start + quotation + column - 1, place.end)
    )
    return Place(place.source, *word.span()) if word else place
