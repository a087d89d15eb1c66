"""Formulas that take arrays where they are, and write their state where it is."""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np

from karyon.compiled.annotations import annotations_of
from karyon.compiled.loops import may_be_kept
from karyon.compiled.numbers import address_of
from karyon.compiled.player import call
from karyon.compiled.tape import Call, Tape
from karyon.compiled.template import (
    ANY,
    COMPILED,
    HERE,
    ROWS,
    STATE,
    Place,
    Template,
    looked_up,
    new_template,
    paths_in,
    structure_of,
    template_of,
)
from karyon.kernel.elementwise import Formula

TURNS = 4  # arrays that take turns


def in_place(formula: Formula, tape: Tape | None = None) -> Formula:
    """As `compiled`, of a formula of which each call fills the arrays of its answer, a named tuple, anew.

    Where its first argument is called `before`, it is a state, of which the first field of the answer is the next one:
    that is written on, too. One that is called `here` is written on where it lies, and not moved to where loops like
    it. No other argument may be one of these arrays. Arrays are (row,), tables (level, row), columns (level, 1): of the
    types of the first call, and rows without gaps (TypeError else). What is handed over is looked into when it is
    another one, and not else: who hands over the same one pays least. The first call of all runs in NumPy, and tells
    what tables are there. Made for one state alone.

    tape   that may record it
    """
    return cast(Formula, _InPlace(formula, tape or Tape()))


def in_place_if_kept(formula: Formula, tape: Tape | None = None) -> Formula:
    """As `in_place` where the loop has been compiled before, here or into the cache: to compile takes most of a minute.

    Else it is the formula as it is.
    """
    is_near = formula.__name__ in COMPILED or may_be_kept(formula.__name__)
    return cast(Formula, _InPlace(formula, tape or Tape(), may_compile=False, is_given_up=not is_near))


def written(formula: Formula) -> Formula:
    """The formula in NumPy; what it answers of a state that is `here` is written there."""
    first, state = next(iter(annotations_of(formula).items()))
    if first != HERE:
        return formula

    paths = paths_in(state)

    def run(here: Any, *arguments: Any) -> Any:
        answer = formula(here, *arguments)
        _copy(answer[0], here, paths)
        return answer._replace(**{answer._fields[0]: here})

    return cast(Formula, run)


class _InPlace:
    """One loop over rows, which is told once where arrays are, and reads and writes those of the state."""

    def __init__(
        self, formula: Callable[..., Any], tape: Tape, *, may_compile: bool = True, is_given_up: bool = False
    ) -> None:
        self._formula: Callable[..., Any] = formula._formula if isinstance(formula, _InPlace) else formula
        self._in_numpy, self._tape, self._may_compile = written(self._formula), tape, may_compile
        self._run: Callable[..., Any] | None = None
        self._is_given_up = is_given_up

    @property
    def is_compiled(self) -> bool:
        """Whether it has come to a loop: not before the first call, and not where numba has failed."""
        return self._run is not None

    def __call__(self, *arguments: Any) -> Any:
        return self._begin(*arguments) if self._run is None else self._run(*arguments)

    def _begin(self, *arguments: Any) -> Any:
        """Come to a loop, and call it; in NumPy where there is none yet."""
        self._tape.fail()  # it was not there when that began
        if self._is_given_up:
            return self._in_numpy(*arguments)
        answer = None
        try:
            structure, rows = structure_of(self._formula, arguments)
            template = template_of(self._formula, structure)
            if template is None:
                answer = self._in_numpy(*arguments)
                template = new_template(self._formula, structure, arguments, answer, may_compile=self._may_compile)
            made = template.room(rows, arguments[0])
            if answer is not None:
                _copy(answer, made, paths_in(template.answer))
            elif template.state == STATE:
                _copy(arguments[0], made[0], paths_in(cast(Any, type(made[0]))))
            first = made[0] if template.state else arguments[0]
            self._run = _bound(template, (first, *arguments[1:]), made, rows, self._tape)
        except RefusedError:
            raise
        except Exception:  # of a library that compiles and caches on a machine that we do not know
            self._is_given_up = True
            return self._in_numpy(*arguments) if answer is None else answer
        return self._run(first, *arguments[1:]) if answer is None else made


class RefusedError(TypeError):
    """An array that no loop takes."""


def _bound(template: Template, arguments: tuple[Any, ...], made: Any, rows: int, tape: Tape) -> Callable[..., Any]:
    """What runs a loop on such arguments, and answers what was made."""
    arrays = Arrays(template, arguments, made, rows, tape)
    names = {
        "_call": call(),
        "_of": arrays,
        "_tape": tape,
        "_cells_q": arrays.cells,
        "_cells_d": arrays.cells.view("d"),
    }
    names |= {"_loop": (arrays.kind, arrays.addresses.ctypes.data, rows)}
    exec(template.code, names)
    return cast("Callable[..., Any]", names["run"])


class Arrays:
    """What a loop knows by address, each under the name of its parameter, and `made`.

    cells   numbers of its own, of 8 bytes each
    """

    def __init__(self, template: Template, arguments: tuple[Any, ...], made: Any, rows: int, tape: Tape) -> None:
        """Raises RefusedError."""
        self.kind, self.rows, self._tape, self._places = template.kind, rows, tape, template.places
        self.addresses, self.cells = np.zeros(template.count, dtype=np.int64), np.zeros(template.cells, dtype=np.int64)
        self._known: dict[str, Any] = {}
        self._seen: dict[str, deque[Any]] = {}
        self._own: list[tuple[int, Place]] = []
        for places in self._places.values():
            self._own += [one for each in places.values() for one in each if one[1].cell is not None]
        begin = address_of(self.cells)
        for at, one in self._own:
            self.addresses[at] = begin + self.cells.itemsize * (one.cell or 0)
        for name, given in {**dict(zip(template.parameters, arguments, strict=True)), "made": made}.items():
            if name in self._places:
                self.take(name, given)
        self.made = made

    def take(self, name: str, given: Any) -> None:
        """Look where the arrays of an argument are. Raises RefusedError where one is not what the loop takes."""
        setattr(self, name, None)  # until all are found
        for path, places in self._places[name].items():
            array = looked_up(given, path.split(".")[1:])
            at, one = places[0]
            if one.cell is not None:
                self.cells[one.cell : one.cell + one.size].view(one.kind)[:] = np.reshape(array, -1)
            elif array is not self._known.get(path):
                begin = _begin_of(path, array, one, self.rows)
                for at, one in places:
                    self.addresses[at] = begin + (one.row or 0) * array.strides[0]
                self._known[path] = array
                self._remember(path, array)
        setattr(self, name, given)

    def _remember(self, path: str, array: Any) -> None:
        """Arrays that take turns are no news; they are kept, so that no other one lies where they did."""
        seen = self._seen.setdefault(path, deque(maxlen=TURNS))
        if not any(array is each for each in seen):
            seen.append(array)
            self._tape.version += 1

    def recorded(self) -> Call:
        """This call as it is now, for a tape."""
        own = {at: self.cells[one.cell : (one.cell or 0) + one.size].copy() for at, one in self._own}
        return Call(self.kind, self.rows, self.addresses.copy(), own, keeps=self)


def _begin_of(path: str, array: Any, one: Place, rows: int) -> int:
    """Address of an array, or of the first row of a table."""
    size = {ROWS: rows, ANY: array.shape[-1]}.get(one.size, one.size)
    has_gaps = array.strides[-1] != array.itemsize and size > 1 and array.shape[-1] > 1
    found = array.shape[-1] if one.size in (ROWS, ANY) else len(array)
    if array.dtype != one.kind or found != size or has_gaps:
        raise RefusedError(f"{path}: expected {size} of {one.kind} without gaps, found {array!r}")
    return address_of(array)


def _copy(given: Any, into: Any, paths: Sequence[Sequence[str]]) -> None:
    """All arrays, or numbers, at these paths in a named tuple into those of another one."""
    for fields in paths:
        own, new = looked_up(into, fields), looked_up(given, fields)
        if own is not new:
            own[:] = new
