"""What the annotations of a formula say of its arrays: named tuples, and the types of what is in them."""

import inspect
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from math import prod
from typing import Any, cast, get_type_hints

from karyon.kernel.elementwise import (
    BooleanTable,
    Column,
    FloatTable,
    IndexColumn,
    LevelColumn,
    LevelTable,
    TimeColumn,
    TimeTable,
    Whole,
    WholeBooleans,
    WholeTable,
    WholeTimes,
    blank,
)
from karyon.kernel.runtime import Booleans, Floats, Indices, Levels, Ticks

# by annotation; what has none holds float64
CODES = {Floats: "d", Booleans: "?", Ticks: "q", Levels: "b", Indices: "h"}


COLUMNS = {Column: "d", LevelColumn: "b", IndexColumn: "h", TimeColumn: "q"}


TABLES = {FloatTable: "d", TimeTable: "q", BooleanTable: "?", LevelTable: "b", **COLUMNS}


WHOLE_ARRAYS = (Whole, WholeTimes, WholeBooleans, WholeTable)  # of other rows, too


SINGLE = (float, int, bool)


def first_array(arguments: tuple[Any, ...]) -> Any:
    """The first array of the arguments of a formula."""
    first = arguments[0]
    return first_array(first) if isinstance(first, tuple) else first


def annotations_of(of: Any) -> dict[str, Any]:
    """What a formula, or a named tuple, is annotated with."""
    return _hints(cast(Any, of))


@cache
def _hints(of: Any) -> dict[str, Any]:
    return get_type_hints(of)


def is_tuple(kind: Any) -> bool:
    """Whether an annotation is a named tuple."""
    return inspect.isclass(kind) and issubclass(kind, tuple)


def tuples_in(hints: Iterable[Any]) -> Iterator[type]:
    """All named tuples among annotations, and within them."""
    for kind in filter(is_tuple, hints):
        yield kind
        yield from tuples_in(annotations_of(kind).values())


def leaves_of(kind: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    """Path to each array in a named tuple, and what it holds."""
    for name, each in annotations_of(kind).items():
        path = f"{before}{name}"
        yield from leaves_of(each, f"{path}.") if is_tuple(each) else [(path, each)]


def codes_of(leaves: Iterable[tuple[str, Any]]) -> str:
    """NumPy's letters of what the arrays of a named tuple hold."""
    return "".join(CODES.get(kind, "d") for _, kind in leaves if kind not in SINGLE)


def next_arrays(kind: Any) -> str:
    """Source of a named tuple of the next arrays that were made."""
    if is_tuple(kind):
        return f"{kind.__name__}({', '.join(map(next_arrays, annotations_of(kind).values()))})"
    return "next(made)"


def arrays_for(codes: str, shape: tuple[int, ...]) -> Iterator[Any]:
    """An array of this shape for each letter of a type, from one block for each type.

    Each begins a line of the cache later than the one before it: arrays that begin at the same place within a page
    drive each other out of the cache, and the loop reads and writes all of them in step.
    """
    return (each.reshape(shape) for each in staggered(codes, [1] * len(codes), prod(shape)))


def staggered(codes: Sequence[str], heights: Sequence[int], rows: int) -> Iterator[Any]:
    """Arrays (height, row) of these types, one after the other from one block for each type, as `arrays_for`."""
    taken: dict[str, int] = {}
    blocks = {
        code: blank(sum(h for c, h in zip(codes, heights, strict=True) if c == code), rows, code)
        for code in dict.fromkeys(codes)
    }
    for code, height in zip(codes, heights, strict=True):
        begin = taken.get(code, 0)
        taken[code] = begin + height
        yield blocks[code][begin : begin + height]
