"""Formulas that take arrays where they are, and write their state where it is."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from itertools import count
from operator import attrgetter
from pathlib import Path
from typing import Any, cast

import numpy as np

from karyon.compiled.annotations import (
    CODES,
    COLUMNS,
    SINGLE,
    TABLES,
    annotations_of,
    is_tuple,
    leaves_of,
    staggered,
    tuples_in,
)
from karyon.compiled.loops import WHOLE, cache_file, is_kept, keep_source, teach, unaliased
from karyon.compiled.numbers import address_of, array_at
from karyon.kernel.elementwise import Formula

LOOPS: dict[Path, Any] = {}  # that were compiled, by their file in the cache
STATE = "before"
NUMBERS = (float, bool)  # that an array of floats can hold


def in_place(formula: Formula) -> Formula:
    """As `compiled`, of a formula of which each call fills the arrays of its answer, a named tuple, anew.

    Where its first argument is called `before`, it is a state, of which the first field of the answer is the next one:
    that is written on, too. No other argument may be one of these arrays. Arrays are (row,), tables (level, row),
    columns (level, 1): of the types of the first call, and rows without gaps (TypeError else). Named tuples of arrays
    are looked into when another one is handed over, and not else: who hands over the same one pays least. The first
    call runs in NumPy, and tells what tables are there. Made for one state alone.
    """
    return cast(Formula, _InPlace(formula))


def in_place_if_kept(formula: Formula) -> Formula:
    """As `in_place` where the loop has been compiled before, here or into the cache: to compile takes most of a minute.

    Else it is the formula as it is.
    """
    is_near = formula.__name__ in {file.stem.rpartition("_")[0] for file in LOOPS} or is_kept(f"{formula.__name__}_*")
    return cast(Formula, _InPlace(formula, may_compile=False)) if is_near else formula


class _InPlace:
    """One loop over rows, which is told once where arrays are, and reads and writes those of the state."""

    def __init__(self, formula: Callable[..., Any], *, may_compile: bool = True) -> None:
        self._formula, self._may_compile = formula, may_compile
        self._run: Callable[..., Any] | None = None
        self._is_given_up = False

    @property
    def is_compiled(self) -> bool:
        """Whether it has come to a loop: not before the first call, and not where numba has failed."""
        return self._run is not None

    def __call__(self, *arguments: Any) -> Any:
        return self._begin(*arguments) if self._run is None else self._run(*arguments)

    def _begin(self, *arguments: Any) -> Any:
        result = self._formula(*arguments)
        if self._is_given_up:
            return result
        try:
            *_, kind = annotations_of(self._formula).values()
            rows = max(np.shape(each)[-1] for each in _arrays_of(arguments) if np.ndim(each))
            result = _laid_out(result, kind, rows)
            self._run = _bound(self._formula, arguments, result, rows, may_compile=self._may_compile)
        except Exception:  # of a library that compiles and caches on a machine that we do not know
            self._is_given_up = True
        return result


def _laid_out(given: Any, kind: Any, rows: int) -> Any:
    """The same in arrays of its own, (row,) or (level, row), of the types that annotations say."""
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
    formula: Callable[..., Any], arguments: tuple[Any, ...], made: Any, rows: int, *, may_compile: bool
) -> Callable[..., Any]:
    """What runs the formula of such arguments in all rows, and answers the state and the arrays that were made."""
    *parameters, (_, result) = annotations_of(formula).items()
    given = dict(zip([name for name, _ in parameters], arguments, strict=True))
    state = STATE if STATE in given else ""
    if state:
        given[state] = made[0]
    loop, read, taken = _Loop(rows), list[str](), list[str]()
    for name, kind in parameters:
        known = len(loop.places)
        read.append(loop.read(name, kind, given[name]))
        taken += [name] if len(loop.places) > known else []
    lines = []
    for at, (name, kind) in enumerate(annotations_of(result).items()):
        path = state if state and at == 0 else f"made.{name}"
        lines += loop.write(f"one.{name}", path, kind, getattr(made, name))
    source = loop.source(formula.__name__, ", ".join(read), lines)
    file = cache_file(formula, source)
    if file not in LOOPS:
        if not (may_compile or is_kept(file.stem)):
            raise FileNotFoundError(file)
        LOOPS[file] = _compiled_at(file, source, formula, loop.types)
    arrays = _Arrays(loop, given | {"made": made})
    names = loop.values | {"loop": LOOPS[file], "of": arrays, "addresses": arrays.addresses, "rows": rows}
    exec(_calling(list(given), taken, loop.paths, state, made._fields[0]), names)
    return cast("Callable[..., Any]", names["run"])


def _calling(parameters: Sequence[str], taken: Sequence[str], paths: Sequence[str], state: str, after: str) -> str:
    """Source of what a call does: look into the named tuples that are other ones, run the loop, answer.

    state, after   the parameter that is a state, or none, and the field of the answer that it is in
    """
    lines = [f"def run({', '.join(parameters)}):"]
    for name in taken:
        lines += [f"    if {name} is not of.{name}:", f"        of.take('{name}', {name})"]
        lines += [f"        of.made = of.made._replace({after}={name})"] if name == state else []
    return "\n".join([*lines, f"    loop({', '.join(['addresses', 'rows', *paths])})", "    return of.made", ""])


def _compiled_at(path: Path, source: str, formula: Callable[..., Any], types: Sequence[Any]) -> Any:
    """The loop of this source, which takes arguments of these types."""
    import numba  # noqa: PLC0415

    teach(formula)
    has_cache = keep_source(source, path)
    names: dict[str, Any] = {kind.__name__: kind for kind in tuples_in(annotations_of(formula).values())}
    names |= {formula.__name__: formula, "__name__": __name__, "array_at": array_at(), "whole": WHOLE}
    names |= {_type_name(np.dtype(code)): np.dtype(code).type for code in "dfqbh?"}
    exec(compile(source, str(path), "exec"), names)
    names["each_row"] = numba.njit(error_model="numpy", pipeline_class=unaliased())(names["each_row"])
    signature = numba.void(numba.int64[::1], numba.int64, *types)
    compiler = numba.njit([signature], error_model="numpy", pipeline_class=unaliased(), cache=has_cache)
    return compiler(names["loop"])


class _Loop:
    """How a loop takes arguments, and what it does with them.

    places   of arrays that it finds by their address: path, row of a table or None, type, length
    paths    source of what else is handed over at each call, `values` what that needs besides the arguments
    types    numba's of those
    """

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self.places: list[tuple[str, int | None, Any, int]] = []
        self.paths: list[str] = []
        self.types: list[Any] = []
        self.values: dict[str, Any] = {}

    def read(self, path: str, kind: Any, given: Any, within: bool = False) -> str:
        """Source of one row's share of an argument; `within` a named tuple."""
        if is_tuple(kind):
            kinds = annotations_of(kind)
            if all(each in NUMBERS for _, each in leaves_of(kind)):  # an array of floats holds no time in ns
                return self._numbers(path, kind)
            read = (self.read(f"{path}.{name}", each, getattr(given, name), True) for name, each in kinds.items())
            return f"{kind.__name__}({', '.join(read)})"
        if kind in SINGLE:
            return self._add(path, given)
        if kind in COLUMNS:
            name, at = (
                (self._place(path, None, given.dtype, len(given)), "") if within else (self._add(path, given), ", 0")
            )
            return "(" + "".join(f"{name}[{k}{at}], " for k in range(len(given))) + ")"
        if kind in TABLES:
            names = [self._place(path, k, given.dtype, self._rows) for k in range(len(given))]
            return "(" + "".join(f"{name}[i], " for name in names) + ")"
        return f"{self._place(path, None, given.dtype, self._rows) if within else self._add(path, given)}[i]"

    def write(self, value: str, path: str, kind: Any, given: Any) -> list[str]:
        """Statements that write one row's share of a result into the arrays at a path."""
        if is_tuple(kind):
            kinds = annotations_of(kind)
            lines = (self.write(f"{value}.{n}", f"{path}.{n}", each, getattr(given, n)) for n, each in kinds.items())
            return [line for each in lines for line in each]
        if kind in TABLES:
            names = [self._place(path, k, given.dtype, self._rows) for k in range(len(given))]
            return [f"{name}[i] = {value}[{k}]" for k, name in enumerate(names)]
        return [f"{self._place(path, None, given.dtype, self._rows)}[i] = {value}"]

    def source(self, formula: str, read: str, written: Sequence[str]) -> str:
        """Source of the loop over rows, and of what finds the arrays for it, of which no two overlap."""
        others = [f"b{k}" for k in range(len(self.paths))]
        arrays = [f"array_at(addresses, {at}, {size}, {_type_name(kind)})" for at, (_, _, kind, size) in self._sized()]
        return "\n".join(
            [
                f"def each_row({', '.join(['rows', *(f'a{k}' for k in range(len(arrays))), *others])}):",
                "    for i in range(whole(rows)):",  # of which no one may be below 0: or else each is looked at
                f"        one = {formula}({read})",
                *(f"        {line}" for line in written),
                "",
                "",
                f"def loop({', '.join(['addresses', 'rows', *others])}):",
                f"    each_row({', '.join(['rows', *arrays, *others])})",
                "",
            ]
        )

    def _sized(self) -> Iterator[tuple[int, tuple[str, int | None, Any, Any]]]:
        for at, (path, row, kind, size) in enumerate(self.places):
            yield at, (path, row, kind, "rows" if size == self._rows else size)

    def _place(self, path: str, row: int | None, kind: Any, size: int) -> str:
        wanted = (path, row, kind, size)
        if wanted not in self.places:
            self.places.append(wanted)
        return f"a{self.places.index(wanted)}"

    def _numbers(self, path: str, kind: Any) -> str:
        """Numbers that are the same for all rows, as one array."""
        value = f"value_{len(self.values)}"
        self.values[value] = _Numbers()
        name, turn = self._add(f"{value}({path})", np.zeros(1)), count()

        def of(kind: Any) -> str:
            if is_tuple(kind):
                return f"{kind.__name__}({', '.join(of(each) for each in annotations_of(kind).values())})"
            return f"{kind.__name__}({name}[{next(turn)}])"

        return of(kind)

    def _add(self, path: str, given: Any) -> str:
        from numba import typeof  # noqa: PLC0415

        self.paths.append(path)
        self.types.append(cast(Any, typeof)(np.array(given, order="C") if isinstance(given, np.ndarray) else given))
        return f"b{len(self.paths) - 1}"


@cache
def _type_name(kind: Any) -> str:
    return f"type_{kind}"


class _Arrays:
    """The named tuples whose arrays a loop knows by address, each under the name of its parameter, and `made`."""

    def __init__(self, loop: _Loop, given: Mapping[str, Any]) -> None:
        self.addresses = np.zeros(len(loop.places), dtype=np.int64)
        self._places: dict[str, dict[str, list[tuple[int, int | None, Any, int]]]] = {}
        for at, (path, *what) in enumerate(loop.places):
            name, _, field = path.partition(".")
            self._places.setdefault(name, {}).setdefault(field, []).append((at, *what))
        self._known: dict[str, list[Any]] = {name: [None] * len(fields) for name, fields in self._places.items()}
        self._fields = {name: _getter(list(fields)) for name, fields in self._places.items()}
        for name in self._places:
            self.take(name, given[name])
        self.made = given["made"]

    def take(self, name: str, given: Any) -> None:
        """Look where the arrays of a named tuple are. Raises TypeError where one is not what the loop takes."""
        setattr(self, name, None)  # until all are found
        arrays, known = self._fields[name](given), self._known[name]
        for at, array in enumerate(arrays):
            if array is not known[at]:
                field = list(self._places[name])[at]
                self._find(f"{name}.{field}", array, self._places[name][field])
                known[at] = array
        setattr(self, name, given)

    def _find(self, path: str, given: Any, places: Sequence[tuple[int, int | None, Any, int]]) -> None:
        for at, row, kind, size in places:
            array = given if row is None else given[row]
            if not (array.dtype == kind and array.size == size and array.flags.c_contiguous):
                raise TypeError(f"{path}: expected {size} of {kind} without gaps, found {array!r}")
            self.addresses[at] = address_of(array)


def _getter(fields: Sequence[str]) -> Callable[[Any], Sequence[Any]]:
    """What answers these fields of a named tuple, or itself where there are none."""
    if fields == [""]:
        return lambda given: (given,)
    found: Callable[[Any], Any] = attrgetter(*fields)
    return found if len(fields) > 1 else lambda given: (found(given),)


class _Numbers:
    """A named tuple of numbers as an array, made anew only for another one."""

    def __init__(self) -> None:
        self._given: Any = None
        self._array: Any = None

    def __call__(self, given: Any) -> Any:
        if given is not self._given:
            self._given, self._array = given, np.array([*_arrays_of(given)], dtype=float)
        return self._array


def _arrays_of(given: Any) -> Iterator[Any]:
    """All arrays, or numbers, in named tuples, or the one that is given."""
    if not isinstance(given, tuple):
        yield given
        return
    for each in given:
        yield from _arrays_of(each)
