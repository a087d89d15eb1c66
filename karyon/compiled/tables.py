"""Formulas whose arrays are rows of few tables, so that a loop has few things to take."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

import numpy as np

from karyon.compiled.annotations import (
    CODES,
    LETTERS,
    LINE,
    SINGLE,
    annotations_of,
    codes_of,
    first_array,
    is_tuple,
    leaves_of,
    told_by,
)
from karyon.compiled.loops import loop_and_result
from karyon.compiled.sources import PART, Source, stateless_source, table_source
from karyon.kernel.elementwise import Formula


def in_turn(formula: Formula) -> Formula:
    """As `compiled`, of a formula whose first argument is a state, as the first field of its result is the next one.

    Arrays are (row,), and are handed over a table at once, so that a call costs little. What it answers, the state
    included, lasts until the next call: its arrays are filled anew then. A named tuple that is handed over again and
    again is not copied where its arrays of one type are all rows of `sensors.blank`. Made for one state alone.
    """
    return _by_tables(formula, table_source)


def in_parts(formula: Formula) -> Formula:
    """As `in_turn`, of a formula without a state."""
    return _by_tables(formula, stateless_source)


def _by_tables(formula: Formula, source_of: Source) -> Formula:
    made: list[Callable[..., Any]] = []

    def run(*arguments: Any) -> Any:
        try:
            if not made:
                made.append(_ByTables(formula, source_of, first_array(arguments).size))
            return made[0](*arguments)
        except Exception:  # of a library that compiles and caches on a machine that we do not know
            made[:] = [formula]
            return formula(*arguments)

    return cast(Formula, run)


class _ByTables:
    """A table of the state, if there is one, which is written anew in its place, and one of all else that is said."""

    def __init__(self, formula: Callable[..., Any], source_of: Source, rows: int) -> None:
        self._loop = loop_and_result(formula, source_of, 1)[0]
        *given, (_, result) = annotations_of(formula).items()
        self._state: Any = None
        self._written: list[Any] = []
        if source_of is table_source:
            (_, kept), *given = given
            self._state, copied = _Table(kept, rows), _Table(kept, min(rows, PART))
            self._written = [*copied.blocks, *self._state.blocks]
            said = _Table(told_by(result), rows)
            self._result = result(self._state.views, *said.views)
        else:
            said = _Table(result, rows)
            self._result = said.views
        self._given = [None if kind in SINGLE else _Table(kind, rows) for _, kind in given]
        self._said = said.blocks

    def __call__(self, *given: Any) -> Any:
        begin = 0
        if self._state is not None:
            begin = 1
            if given[0] is not self._state.views:
                _fill(self._state.views, given[0])
        blocks = list(self._written)
        for table, each in zip(self._given, given[begin:], strict=True):
            if table is None:
                blocks.append(each)
            else:
                table.take(each)
                blocks += table.blocks
        self._loop(*blocks, *self._said)
        return self._result


class _Table:
    """Named tuples of arrays whose arrays are rows of one block for each type: a loop has few things to take then.

    blocks   an array (leaf, row) for each letter of `LETTERS` that there is, and one of all single numbers
    views    the named tuple of them
    """

    def __init__(self, kind: type, size: int) -> None:
        leaves = list(leaves_of(kind))
        counts = Counter(codes_of(leaves))
        blocks = {
            code: np.zeros((counts[code], size + LINE // np.dtype(code).itemsize), dtype=code)
            for code in LETTERS
            if counts[code]
        }
        self.blocks: list[Any] = [*blocks.values()]
        rows = {code: iter(block[:, :size]) for code, block in blocks.items()}
        numbers = np.zeros(sum(each in SINGLE for _, each in leaves))
        self.blocks += [numbers] if len(numbers) else []
        self.views = _views(kind, rows, iter(numbers[:, None]))
        self._is_constant = len(numbers) == len(leaves)
        self._taken: Any = None

    def take(self, given: Any) -> None:
        """Copy what is given; what has single numbers alone is taken once, and so is what lies in blocks as ours."""
        if self._taken is not None and given is self._taken:
            return
        lies = None if self._is_constant else _blocks_of(given, self.blocks)
        if lies is None:
            _fill(self.views, given)
        else:
            self.blocks = lies
        self._taken = given if self._is_constant or lies else None


def _blocks_of(given: Any, like: list[Any]) -> list[Any] | None:
    """The blocks, laid out as those that are `like` it, of which the arrays in a named tuple are the rows, if so."""
    leaves: dict[Any, list[Any]] = {}
    for each in _arrays_in(given):
        leaves.setdefault(each.dtype, []).append(each)
    blocks = [leaves[block.dtype][0].base for block in like]
    for block, rows in zip(blocks, (leaves[block.dtype] for block in like), strict=True):
        if block is None or block.shape[0] != len(rows) or not block.flags.c_contiguous:
            return None
        if any(row.base is not block or _place(row) != _place(own) for row, own in zip(rows, block, strict=True)):
            return None
    return blocks


def _place(array: Any) -> int:
    """Where an array begins in memory."""
    return int(array.__array_interface__["data"][0])


def _arrays_in(given: Any) -> Iterator[Any]:
    """All arrays in a named tuple, and within those in it."""
    for each in given:
        if isinstance(each, tuple):
            yield from _arrays_in(each)
        else:
            yield each


def _views(kind: Any, rows: Mapping[str, Iterator[Any]], numbers: Iterator[Any]) -> Any:
    """A named tuple of the next rows, and of the next single numbers (1,)."""
    if is_tuple(kind):
        return kind(*(_views(each, rows, numbers) for each in annotations_of(kind).values()))
    return next(numbers) if kind in SINGLE else next(rows[CODES.get(kind, "d")])


def _fill(views: Any, given: Any) -> None:
    """Copy what is given, of the same types, into the arrays of a table."""
    for view, each in zip(views, given, strict=True):
        if isinstance(view, tuple):
            _fill(view, each)
        elif isinstance(each, SINGLE):
            view[...] = each
        else:
            np.copyto(view, each, casting="equiv")
