"""Formulas that take arrays where they are, and write their state where it is."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, cast

import numpy as np

from karyon.compiled.annotations import (
    CODES,
    COLUMNS,
    SINGLE,
    TABLES,
    WHOLE_ARRAYS,
    annotations_of,
    is_tuple,
    staggered,
    tuples_in,
)
from karyon.compiled.loops import WHOLE, cache_file, is_kept, keep_source, teach, unaliased
from karyon.compiled.numbers import address_of, array_at
from karyon.compiled.player import call
from karyon.compiled.tape import Call, Tape
from karyon.kernel.elementwise import Formula, WholeTable

LOOPS: dict[Path, Any] = {}  # that were compiled, by their file in the cache
STATE, HERE = "before", "here"
TURNS = 4  # arrays that take turns
ANY = 0  # size of an array that is read at any index
CELLS = {float: "d", int: "q", bool: "q"}  # what a single number is kept as


def in_place(formula: Formula, tape: Tape | None = None) -> Formula:
    """As `compiled`, of a formula of which each call fills the arrays of its answer, a named tuple, anew.

    Where its first argument is called `before`, it is a state, of which the first field of the answer is the next one:
    that is written on, too. One that is called `here` is written on where it lies, and not moved to where loops like
    it. No other argument may be one of these arrays. Arrays are (row,), tables (level, row), columns (level, 1): of the
    types of the first call, and rows without gaps (TypeError else). What is handed over is looked into when it is
    another one, and not else: who hands over the same one pays least. The first call runs in NumPy, and tells what
    tables are there. Made for one state alone.

    tape   that may record it
    """
    return cast(Formula, _InPlace(formula, tape or Tape()))


def in_place_if_kept(formula: Formula, tape: Tape | None = None) -> Formula:
    """As `in_place` where the loop has been compiled before, here or into the cache: to compile takes most of a minute.

    Else it is the formula as it is.
    """
    is_near = formula.__name__ in {file.stem.rpartition("_")[0] for file in LOOPS} or is_kept(f"{formula.__name__}_*")
    return cast(Formula, _InPlace(formula, tape or Tape(), may_compile=False, is_given_up=not is_near))


def written(formula: Formula) -> Formula:
    """The formula in NumPy; what it answers of a state that is `here` is written there."""
    if next(iter(annotations_of(formula))) != HERE:
        return formula

    def run(here: Any, *arguments: Any) -> Any:
        answer = formula(here, *arguments)
        for own, new in zip(_arrays_of(here), _arrays_of(answer[0]), strict=True):
            np.copyto(own, new)
        return answer._replace(**{answer._fields[0]: here})

    return cast(Formula, run)


class _InPlace:
    """One loop over rows, which is told once where arrays are, and reads and writes those of the state."""

    def __init__(
        self, formula: Callable[..., Any], tape: Tape, *, may_compile: bool = True, is_given_up: bool = False
    ) -> None:
        self._formula = formula._formula if isinstance(formula, _InPlace) else formula
        self._in_numpy, self._tape = written(self._formula), tape
        self._may_compile = may_compile
        self._run: Callable[..., Any] | None = None
        self._is_given_up = is_given_up

    @property
    def is_compiled(self) -> bool:
        """Whether it has come to a loop: not before the first call, and not where numba has failed."""
        return self._run is not None

    def __call__(self, *arguments: Any) -> Any:
        return self._begin(*arguments) if self._run is None else self._run(*arguments)

    def _begin(self, *arguments: Any) -> Any:
        self._tape.fail()  # of what is not compiled it knows nothing
        result = self._in_numpy(*arguments)
        if self._is_given_up:
            return result
        try:
            *kinds, kind = annotations_of(self._formula).values()
            found = [each for given in zip(arguments, kinds, strict=True) for each in _of_kind(*given)]
            rows = max(np.shape(each)[-1] for of, each in found if np.ndim(each) and of not in WHOLE_ARRAYS)
            result = _laid_out(result, kind, rows, has_first=next(iter(annotations_of(self._formula))) != HERE)
            self._run = _bound(self._formula, arguments, result, rows, self._tape, may_compile=self._may_compile)
        except Exception:  # of a library that compiles and caches on a machine that we do not know
            self._is_given_up = True
        return result


def _laid_out(given: Any, kind: Any, rows: int, *, has_first: bool) -> Any:
    """The same in arrays of its own, (row,) or (level, row), of the types that annotations say.

    has_first   also the first of the fields, which else stays where it is
    """
    if not has_first:
        first, *others = annotations_of(kind)
        own = {name: _laid_out(getattr(given, name), annotations_of(kind)[name], rows, has_first=True) for name in others}
        return kind(**{first: given[0]}, **own)
    found = list(_of_kind(given, kind))
    codes = [TABLES.get(each, CODES.get(each, "d")) for each, _ in found]
    made = staggered(codes, [len(array) if each in TABLES else 1 for each, array in found], rows)
    arrays = [own if each in TABLES else own[0] for (each, _), own in zip(found, made, strict=True)]
    for own, (_, array) in zip(arrays, found, strict=True):
        own[:] = array
    return _refilled(kind, iter(arrays))


def _of_kind(given: Any, kind: Any) -> Iterator[tuple[Any, Any]]:
    """All arrays in what is of a kind, each with its own."""
    if not is_tuple(kind):
        yield kind, given
        return
    for each, of in zip(given, annotations_of(kind).values(), strict=True):
        yield from _of_kind(each, of)


def _refilled(kind: Any, arrays: Iterator[Any]) -> Any:
    """A named tuple of the next arrays."""
    if not is_tuple(kind):
        return next(arrays)
    return kind(*(_refilled(each, arrays) for each in annotations_of(kind).values()))


def _bound(
    formula: Callable[..., Any], arguments: tuple[Any, ...], made: Any, rows: int, tape: Tape, *, may_compile: bool
) -> Callable[..., Any]:
    """What runs the formula of such arguments in all rows, and answers the state and the arrays that were made."""
    *parameters, (_, result) = annotations_of(formula).items()
    given = dict(zip([name for name, _ in parameters], arguments, strict=True))
    state = next((name for name in (STATE, HERE) if name in given), "")
    if state:
        given[state] = made[0]
    loop = _Loop(rows)
    read = [loop.read(name, kind, given[name]) for name, kind in parameters]
    lines = []
    for at, (name, kind) in enumerate(annotations_of(result).items()):
        path = state if state and at == 0 else f"made.{name}"
        lines += loop.write(f"one.{name}", path, kind, getattr(made, name))
    source = loop.source(formula.__name__, ", ".join(read), lines)
    file = cache_file(formula, source)
    if file not in LOOPS:
        if not (may_compile or is_kept(file.stem)):
            raise FileNotFoundError(file)
        LOOPS[file] = _compiled_at(file, source, formula)
    arrays = Arrays(loop, given | {"made": made}, LOOPS[file].address, rows, tape)
    names = {"_call": call(), "_of": arrays, "_tape": tape, **arrays.cells}
    names |= {"_loop": (arrays.kind, arrays.addresses.ctypes.data, rows)}
    exec(_calling(list(given), loop, state, made._fields[0]), names)
    return cast("Callable[..., Any]", names["run"])


def _calling(parameters: Sequence[str], loop: "_Loop", state: str, after: str) -> str:
    """Source of what a call does: look into what is another one, run the loop, answer.

    state, after   the parameter that is a state, or none, and the field of the answer that it is in
    """
    lines = [f"def run({', '.join(parameters)}):"]
    for name in parameters:
        if name in loop.written:
            lines += [f"    {line}" for line in loop.written[name]]
        elif name in loop.roots:
            lines += [f"    if {name} is not _of.{name}:", f"        _of.take('{name}', {name})"]
            lines += [f"        _of.made = _of.made._replace({after}={name})"] if name == state else []
    return "\n".join(
        [*lines, "    if _tape.is_off:", "        _call(*_loop)", "    else:", "        _tape.run(_of)", "    return _of.made", ""]
    )


def _compiled_at(path: Path, source: str, formula: Callable[..., Any]) -> Any:
    """The loop of this source."""
    import numba  # noqa: PLC0415

    teach(formula)
    has_cache = keep_source(source, path)
    names: dict[str, Any] = {kind.__name__: kind for kind in tuples_in(annotations_of(formula).values())}
    names |= {formula.__name__: formula, "__name__": __name__, "array_at": array_at(), "whole": WHOLE}
    names |= {_type_name(np.dtype(code)): np.dtype(code).type for code in "dfqbh?"}
    exec(compile(source, str(path), "exec"), names)
    names["each_row"] = numba.njit(error_model="numpy", pipeline_class=unaliased())(names["each_row"])
    compiler = numba.cfunc(numba.void(numba.int64, numba.int64), error_model="numpy", cache=has_cache)
    return compiler(names["loop"])


@dataclass(frozen=True, slots=True)
class _Place:
    """One address that a loop reads: of what, row of a table or None, type, length (None: one number)."""

    path: str
    row: int | None
    kind: Any
    size: int | None


@dataclass(slots=True)
class _Loop:
    """How a loop takes arguments, and what it does with them.

    places    of arrays that it finds by their address, and of single numbers
    written   by parameter that is copied at each call, being a number or a column, the statements that do so
    roots     parameters in which arrays are
    """

    rows: int
    _numbers: dict[_Place, int] = field(default_factory=dict)
    written: dict[str, list[str]] = field(default_factory=dict)
    roots: set[str] = field(default_factory=set)

    @property
    def places(self) -> list[_Place]:
        return [*self._numbers]

    def read(self, path: str, kind: Any, given: Any) -> str:
        """Source of one row's share of an argument."""
        if is_tuple(kind):
            parts = (self.read(f"{path}.{name}", each, getattr(given, name)) for name, each in annotations_of(kind).items())
            return f"{kind.__name__}({', '.join(parts)})"
        self.roots.add(path.partition(".")[0])
        is_parameter = "." not in path
        if kind in SINGLE:
            name = self._place(path, None, np.dtype(CELLS[kind]), None)
            if is_parameter:
                self.written[path] = [f"cell_{path}[0] = {path}"]
            return f"({name} != 0)" if kind is bool else name
        if kind in COLUMNS:
            name = self._place(path, None, given.dtype, len(given))
            if is_parameter:
                self.written[path] = [f"cell_{path}[:] = {path}[:, 0]"]
            return "(" + "".join(f"{name}[{k}], " for k in range(len(given))) + ")"
        if kind == WholeTable:
            names = [self._place(path, k, given.dtype, ANY) for k in range(len(given))]
            return "(" + "".join(f"{name}, " for name in names) + ")"
        if kind in WHOLE_ARRAYS:
            return self._place(path, None, given.dtype, ANY)
        if kind in TABLES:
            names = [self._place(path, k, given.dtype, self.rows) for k in range(len(given))]
            return "(" + "".join(f"{name}[i], " for name in names) + ")"
        return f"{self._place(path, None, given.dtype, self.rows)}[i]"

    def write(self, value: str, path: str, kind: Any, given: Any) -> list[str]:
        """Statements that write one row's share of a result into the arrays at a path."""
        if is_tuple(kind):
            kinds = annotations_of(kind)
            lines = (self.write(f"{value}.{n}", f"{path}.{n}", each, getattr(given, n)) for n, each in kinds.items())
            return [line for each in lines for line in each]
        self.roots.add(path.partition(".")[0])
        if kind in TABLES:
            names = [self._place(path, k, given.dtype, self.rows) for k in range(len(given))]
            return [f"{name}[i] = {value}[{k}]" for k, name in enumerate(names)]
        return [f"{self._place(path, None, given.dtype, self.rows)}[i] = {value}"]

    def source(self, formula: str, read: str, written: Sequence[str]) -> str:
        """Source of the loop over rows, and of what finds the arrays for it, of which no two overlap."""
        places = self.places
        names = ", ".join(["rows", *(f"a{k}" for k in range(len(places)))])
        return "\n".join(
            [
                f"def each_row({names}):",
                "    for i in range(whole(rows)):",  # of which no one may be below 0: or else each is looked at
                f"        one = {formula}({read})",
                *(f"        {line}" for line in written),
                "",
                "",
                "def loop(address, rows):",
                f"    each_row({', '.join(['rows', *(self._found(at, one) for at, one in enumerate(places))])})",
                "",
            ]
        )

    def _found(self, at: int, one: _Place) -> str:
        """Source of what stands at a place."""
        size = {None: 1, ANY: 1, self.rows: "rows"}.get(one.size, one.size)
        return f"array_at(address, {at}, {size}, {_type_name(one.kind)})" + ("[0]" if one.size is None else "")

    def _place(self, path: str, row: int | None, kind: Any, size: int | None) -> str:
        return f"a{self._numbers.setdefault(_Place(path, row, kind, size), len(self._numbers))}"


@cache
def _type_name(kind: Any) -> str:
    return f"type_{kind}"


class Arrays:
    """What a loop knows by address, each under the name of its parameter, and `made`.

    cells   what is copied at each call, by the name that it has there
    """

    def __init__(self, loop: _Loop, given: Mapping[str, Any], kind: int, rows: int, tape: Tape) -> None:
        self.kind, self.rows, self._tape = kind, rows, tape
        self._seen: dict[str, deque[Any]] = {}
        self.addresses = np.zeros(len(loop.places), dtype=np.int64)
        self._own = {one.path: np.zeros(one.size or 1, one.kind) for one in loop.places if _is_copied(one, given)}
        self.cells = {f"cell_{path}": cell for path, cell in self._own.items() if "." not in path}
        self._places: dict[str, dict[str, list[tuple[int, _Place]]]] = {}
        for at, one in enumerate(loop.places):
            if one.path in self._own:
                self.addresses[at] = address_of(self._own[one.path])
            self._places.setdefault(one.path.partition(".")[0], {}).setdefault(one.path, []).append((at, one))
        self._known: dict[str, Any] = {}
        for name in self._places:
            if f"cell_{name}" not in self.cells:
                self.take(name, given[name])
        self.made = given["made"]

    def take(self, name: str, given: Any) -> None:
        """Look where the arrays of an argument are. Raises TypeError where one is not what the loop takes."""
        setattr(self, name, None)  # until all are found
        for path, places in self._places[name].items():
            array = given
            for each in path.split(".")[1:]:
                array = getattr(array, each)
            if path in self._own:
                self._own[path][0] = array
            elif array is not self._known.get(path):
                for at, one in places:
                    self.addresses[at] = _address(path, array if one.row is None else array[one.row], one)
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
        at = {address_of(cell): cell.view(np.int64) for cell in self._own.values()}
        own = {place: at[address].copy() for place, address in enumerate(self.addresses.tolist()) if address in at}
        return Call(self.kind, self.rows, self.addresses.copy(), own)


def _is_copied(one: _Place, given: Mapping[str, Any]) -> bool:
    """Whether it is a number, or a column that is a parameter."""
    return one.size is None or ("." not in one.path and np.ndim(given[one.path]) == 2 and one.row is None)


def _address(path: str, array: Any, one: _Place) -> int:
    if not (array.dtype == one.kind and one.size in (array.size, ANY) and array.flags.c_contiguous):
        raise TypeError(f"{path}: expected {one.size} of {one.kind} without gaps, found {array!r}")
    return address_of(array)


def _arrays_of(given: Any) -> Iterator[Any]:
    """All arrays, or numbers, in named tuples, or the one that is given."""
    if not isinstance(given, tuple):
        yield given
        return
    for each in given:
        yield from _arrays_of(each)
