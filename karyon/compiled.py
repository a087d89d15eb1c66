"""Formulas compiled by numba, where the extra `fast` is installed: the same source, the same bits, many times as fast.

    chain.quicken(compiled)     or    fast = compiled(judge)
    chain.quicken(compiled, in_series)         one log, many samples at once

A formula is a plain function of named tuples of numbers; NumPy runs it on whole arrays, one operation after the other.
Compiled, one loop runs all of it for one number after the other, without temporaries. The loop is generated from the
annotations of the formula, and all functions of this package that the formula calls are compiled with it. Once
compiled, it comes from a cache.
"""

import hashlib
import importlib.util
import inspect
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import count
from math import isfinite, isnan, prod, sqrt
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any, NamedTuple, TypeVar, cast, get_type_hints

import numpy as np

from karyon.kernel import elementwise
from karyon.kernel.elementwise import (
    BooleanTable,
    Column,
    FloatTable,
    IndexColumn,
    LevelColumn,
    LevelTable,
    TimeColumn,
    TimeTable,
)
from karyon.kernel.runtime import Booleans, Floats, Indices, Levels, Ticks

PACKAGE = __name__.partition(".")[0]
LINE = 64  # bytes of the cache that come together
PART = 128  # rows of which all that is remembered fits into the cache
LETTERS = {"d": "floats", "q": "times", "?": "booleans"}  # by NumPy's of a type
# by annotation; what has none holds float64
CODES = {Floats: "d", Booleans: "?", Ticks: "q", Levels: "b", Indices: "h"}
COLUMNS = {Column: "d", LevelColumn: "b", IndexColumn: "h", TimeColumn: "q"}
TABLES = {FloatTable: "d", TimeTable: "q", BooleanTable: "?", LevelTable: "b", **COLUMNS}
SINGLE = (float, int, bool)
LOOPS: dict[Path, Any] = {}  # that were compiled, by their file in the cache
Formula = TypeVar("Formula", bound=Callable[..., Any])


def is_installed() -> bool:
    """Whether there is a numba to compile with."""
    return importlib.util.find_spec("numba") is not None


@cache
def compiled(formula: Formula) -> Formula:
    """The formula, compiled. Its arrays are (row,) or (signal, row), of the types that their annotations say.

    What is annotated as a single number is the same for all. Where numba or its cache fails, for whatever reason, it
    is the formula as it is: slower, with the same bits.
    """
    made: list[Any] = []

    def run(*arguments: Any) -> Any:
        try:
            if not made:
                made.extend(_made(formula, _source, _first(arguments).ndim))
            loop, result = made
            out = result(*arguments)
            loop(*arguments, out)
        except Exception:  # of a library that compiles and caches on a machine that we do not know
            made[:] = [lambda *_: None, formula]
            return formula(*arguments)
        return out

    return cast(Formula, run)


def in_turn(formula: Formula) -> Formula:
    """As `compiled`, of a formula whose first argument is a state, as the first field of its result is the next one.

    Arrays are (row,), and are handed over a table at once, so that a call costs little. What it answers, the state
    included, lasts until the next call: its arrays are filled anew then. A named tuple that is handed over again and
    again is not copied where its arrays of one type are all rows of `sensors.blank`. Made for one state alone.
    """
    return _by_tables(formula, _table_source)


def in_parts(formula: Formula) -> Formula:
    """As `in_turn`, of a formula without a state."""
    return _by_tables(formula, _stateless_source)


def _by_tables(formula: Formula, source_of: "Source") -> Formula:
    made: list[Callable[..., Any]] = []

    def run(*arguments: Any) -> Any:
        try:
            if not made:
                made.append(_ByTables(formula, source_of, _first(arguments).size))
            return made[0](*arguments)
        except Exception:  # as above
            made[:] = [formula]
            return formula(*arguments)

    return cast(Formula, run)


class _ByTables:
    """A table of the state, if there is one, which is written anew in its place, and one of all else that is said."""

    def __init__(self, formula: Callable[..., Any], source_of: "Source", rows: int) -> None:
        self._loop = _made(formula, source_of, 1)[0]
        *given, (_, result) = _hints(formula).items()
        self._state: Any = None
        self._written: list[Any] = []
        if source_of is _table_source:
            (_, kept), *given = given
            self._state, copied = _Table(kept, rows), _Table(kept, min(rows, PART))
            self._written = [*copied.blocks, *self._state.blocks]
            said = _Table(_told(result), rows)
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
        leaves = list(_leaves(kind))
        counts = Counter(_codes(leaves))
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


@cache
def _told(result: Any) -> Any:
    """What a formula answers besides its state, as a named tuple of its own."""
    _, *told = _hints(result).items()
    return NamedTuple(f"{result.__name__}Told", told)


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
    if _is_tuple(kind):
        return kind(*(_views(each, rows, numbers) for each in _hints(kind).values()))
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


def in_place(formula: Formula) -> Formula:
    """As `compiled`, of a formula of which each call fills the arrays of its answer, a named tuple, anew.

    If its first argument is a state, of which the first field of the answer is the next one, that is written on, too.
    No other argument may be one of these arrays. Arrays are (row,), tables (level, row), columns (level, 1). The first
    call runs in NumPy, and tells what tables are there. Made for one state alone.
    """
    return cast(Formula, _InPlace(formula))


class _InPlace:
    """One loop over rows that takes each array on its own, and reads and writes those of the state."""

    def __init__(self, formula: Callable[..., Any]) -> None:
        self._formula = formula
        self._result: Any = None  # what is written anew each time
        self._run: Callable[..., None] | None = None
        self._is_given_up = False

    @property
    def is_compiled(self) -> bool:
        """Whether it has come to a loop: not before the first call, and not where numba has failed."""
        return self._run is not None

    def __call__(self, *arguments: Any) -> Any:
        if self._run is None:
            return self._begin(*arguments)
        try:
            self._run(*arguments)
        except TypeError:  # an array that is not what a loop takes: of another order, or nobody's to write on
            arguments = tuple(map(_plain, arguments, self._kinds))
            self._run(*arguments)
        if self._has_state and arguments[0] is not self._result[0]:
            self._result = self._result._replace(**{self._result._fields[0]: arguments[0]})
        return self._result

    def _begin(self, *arguments: Any) -> Any:
        result = self._formula(*arguments)
        if self._is_given_up:
            return result
        try:
            *kinds, kind = _hints(self._formula).values()
            self._kinds, self._has_state = kinds, _has_state(kinds, kind)
            rows = max(np.shape(each)[-1] for each in _arrays_of(arguments) if np.ndim(each))
            self._result = _plain(result, kind, rows)
            self._run = _place_loop(self._formula, arguments, self._result)
        except Exception:  # of a library that compiles and caches on a machine that we do not know
            self._is_given_up = True
            return result
        return self._result


def _has_state(kinds: Sequence[Any], result: Any) -> bool:
    """Whether a formula of these annotations takes a state and answers the next one."""
    return _is_tuple(kinds[0]) and next(iter(_hints(result).values())) is kinds[0]


def _plain(given: Any, kind: Any, rows: int | None = None) -> Any:
    """Copies of arrays, each of the type that its annotation says; of `rows` where one number is meant for all."""
    if _is_tuple(kind):
        kinds = _hints(kind).values()
        return kind(*(_plain(each, of, rows) for each, of in zip(given, kinds, strict=True)))
    if kind in SINGLE:
        return given
    if kind in TABLES:
        return np.array(given, dtype=TABLES[kind], order="C")
    array = np.array(given, dtype=CODES.get(kind, "d"), order="C")
    return array if rows is None or array.ndim else np.full(rows, array)


def _place_loop(formula: Callable[..., Any], arguments: tuple[Any, ...], made: Any) -> Callable[..., None]:
    """What runs the formula of such arguments in all rows, and writes the state and the arrays that were made."""
    hints = _hints(formula)
    *parameters, (_, result) = hints.items()
    call = _Call()
    read = [call.read(name, kind, each) for (name, kind), each in zip(parameters, arguments, strict=True)]
    has_state, lines = _has_state([kind for _, kind in parameters], result), list[str]()
    for at, (name, kind) in enumerate(_hints(result).items()):
        array = getattr(made, name)
        lines += call.write(f"one.{name}", kind, array, call.names if has_state and at == 0 else call.out(array))
    source = "\n".join(
        [
            f"def loop({', '.join(call.names)}):",
            f"    for i in range({call.rows}.shape[-1]):",
            f"        one = {formula.__name__}({', '.join(read)})",
            *(f"        {line}" for line in lines),
            "",
        ]
    )
    path = _kept_in(formula, source)
    if path not in LOOPS:
        LOOPS[path] = _compiled_at(path, source, formula, call.types)
    names = call.values | {"loop": LOOPS[path]}
    exec(f"def run({', '.join(name for name, _ in parameters)}):\n    loop({', '.join(call.paths)})\n", names)
    return cast("Callable[..., None]", names["run"])


def _compiled_at(path: Path, source: str, formula: Callable[..., Any], types: Sequence[Any]) -> Any:
    """The loop of this source, which takes arguments of these types."""
    import numba  # noqa: PLC0415

    _known_to_numba(formula)
    is_kept = _keep(source, path)
    names: dict[str, Any] = {kind.__name__: kind for kind in _kinds(_hints(formula).values())}
    names |= {formula.__name__: formula, "__name__": __name__}
    exec(compile(source, str(path), "exec"), names)
    compiler = numba.njit([numba.void(*types)], error_model="numpy", pipeline_class=_apart(), cache=is_kept)
    return compiler(names["loop"])


class _Call:
    """How a loop takes arguments, one array after the other, and what it does with them.

    names    of its parameters; those of a state that comes first are first
    rows     name of one that has all rows
    paths    source of what is handed over for each, `values` what that needs besides the arguments of the formula
    types    numba's
    """

    def __init__(self) -> None:
        self.names: list[str] = []
        self.rows = ""
        self.paths: list[str] = []
        self.types: list[Any] = []
        self.values: dict[str, Any] = {}

    def read(self, path: str, kind: Any, given: Any) -> str:
        """Source of one row's share of an argument."""
        if _is_tuple(kind):
            kinds = _hints(kind)
            if all(each in (float, bool) for _, each in _leaves(kind)):  # an array of floats holds no time in ns
                return self._numbers(path, kind, given)
            read = (self.read(f"{path}.{name}", each, getattr(given, name)) for name, each in kinds.items())
            return f"{kind.__name__}({', '.join(read)})"
        name = self._add(path, given)
        if kind in SINGLE:
            return name
        if kind not in COLUMNS:
            self.rows = self.rows or name
        if kind not in TABLES:
            return f"{name}[i]"
        return "(" + "".join(f"{name}[{k}, {0 if kind in COLUMNS else 'i'}], " for k in range(len(given))) + ")"

    def write(self, path: str, kind: Any, given: Any, names: Iterable[str]) -> list[str]:
        """Statements that write one row's share of a result into the arrays of these names."""
        targets, lines = iter(names), []
        leaves = _leaves(kind, f"{path}.") if _is_tuple(kind) else [(path, kind)]
        for (place, each), name, array in zip(leaves, targets, _arrays_of(given), strict=False):
            if each in TABLES:
                lines += [f"{name}[{k}, i] = {place}[{k}]" for k in range(len(array))]
            else:
                lines.append(f"{name}[i] = {place}")
        return lines

    def out(self, made: Any) -> list[str]:
        """Names of the arrays of a field that was made."""
        return [self._add(self._value(array), array) for array in _arrays_of(made)]

    def _numbers(self, path: str, kind: Any, given: Any) -> str:
        """Numbers that are the same for all rows, as one array."""
        numbers = _Numbers()
        name = self._add(f"{self._value(numbers)}({path})", numbers(given))
        turn = count()

        def of(kind: Any) -> str:
            if _is_tuple(kind):
                return f"{kind.__name__}({', '.join(of(each) for each in _hints(kind).values())})"
            return f"{kind.__name__}({name}[{next(turn)}])"

        return of(kind)

    def _value(self, value: Any) -> str:
        name = f"value_{len(self.values)}"
        self.values[name] = value
        return name

    def _add(self, path: str, given: Any) -> str:
        from numba import typeof  # noqa: PLC0415

        name = f"a{len(self.names)}"
        self.names.append(name)
        self.paths.append(path)
        self.types.append(cast(Any, typeof)(np.array(given, order="C") if isinstance(given, np.ndarray) else given))
        return name


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


@cache
def in_series(formula: Callable[..., Any]) -> Callable[..., Any]:
    """The formula of one log, for one sample after the other: what it answers then, or None where it cannot run.

    Of its arguments the first is a state, as the first field of its result is; its arrays are (signal, 1) and hold the
    state after the last sample in the end. The second one is what came, (signal, sample), as the result is. The others
    are known for good, (signal, 1).
    """
    made: list[Any] = []

    def run(state: Any, came: Any, *known: Any) -> Any:
        try:
            if not made:
                made.extend(_made(formula, _series_source, 2))
            loop, result = made
            out = result(state, came, *known)
            after = type(state)(*_copied(state))
            loop(after, came, *known, out)
        except Exception:  # as above
            made[:] = [None, None]
            return None
        return out._replace(**{out._fields[0]: after})

    return run


def _first(arguments: tuple[Any, ...]) -> Any:
    """The first array of the arguments of a formula."""
    first = arguments[0]
    return _first(first) if isinstance(first, tuple) else first


def _copied(state: Any) -> Iterator[Any]:
    """The fields of a named tuple of arrays, which may have such tuples in it, for a loop to write on."""
    for each in state:
        yield type(each)(*_copied(each)) if isinstance(each, tuple) else np.array(each)


Source = Callable[[str, dict[str, Any], int], str]


@cache
def _made(formula: Callable[..., Any], source_of: Source, dimensions: int) -> tuple[Callable[..., None], Any]:
    """The loop of a formula, and what makes the arrays that it fills."""
    _known_to_numba(formula)
    return _loop(formula, source_of, dimensions)


@cache
def _known_to_numba(formula: Callable[..., Any]) -> None:
    """Have numba know a formula, and all that it calls."""
    from numba.extending import register_jitable  # noqa: PLC0415  it takes half a second

    _teach_numba()
    functions: list[Any] = [formula, *_called_by(formula, [])]
    for each in functions:
        register_jitable(error_model="numpy", forceinline=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)(each)


@cache
def _teach_numba() -> None:
    """What the functions of `elementwise` are for single numbers: as NumPy defines them."""
    from numba.extending import overload  # noqa: PLC0415

    overload(elementwise.where)(lambda condition, one, other: lambda condition, one, other: one if condition else other)
    overload(elementwise.minimum)(lambda one, other: lambda one, other: one if (one < other) | isnan(one) else other)
    overload(elementwise.maximum)(lambda one, other: lambda one, other: one if (one > other) | isnan(one) else other)
    overload(elementwise.lesser)(lambda one, other: lambda one, other: one if (one <= other) | isnan(other) else other)
    overload(elementwise.greater)(lambda one, other: lambda one, other: one if (one >= other) | isnan(other) else other)
    overload(elementwise.isnan)(lambda number: lambda number: isnan(number))  # noqa: PLW0108
    overload(elementwise.isfinite)(lambda number: lambda number: isfinite(number))  # noqa: PLW0108
    overload(elementwise.floor)(lambda number: lambda number: np.floor(number))  # noqa: PLW0108
    overload(elementwise.rint)(lambda number: lambda number: np.rint(number))  # noqa: PLW0108
    overload(elementwise.sqrt)(lambda number: lambda number: sqrt(number))  # noqa: PLW0108  math's is not a function
    overload(elementwise.each)(lambda formula, *arguments: _each(arguments))
    overload(elementwise.anywhere)(lambda table: _written("table", " | ".join(_items("table", table)) or "False"))
    overload(elementwise.of)(lambda place, table: _at(table))
    overload(elementwise.of_design)(lambda place, table: _at(table))


def _items(name: str, table: Any) -> list[str]:
    """Source of what is in a table, which to a compiled formula is a tuple of numbers."""
    return [f"{name}[{k}]" for k in range(len(table))]


def _each(arguments: Sequence[Any]) -> Callable[..., Any]:
    """`elementwise.each` for numbers."""
    from numba import types  # noqa: PLC0415

    tables = [isinstance(each, types.UniTuple | types.Tuple) for each in arguments]
    count = next(len(each) for each, is_table in zip(arguments, tables, strict=True) if is_table)
    calls = (
        ", ".join(f"arguments[{at}][{k}]" if is_table else f"arguments[{at}]" for at, is_table in enumerate(tables))
        for k in range(count)
    )
    return _written("formula, *arguments", f"({''.join(f'formula({call}), ' for call in calls)})")


def _at(table: Any) -> Callable[..., Any]:
    """`elementwise.of` for numbers."""
    *others, last = _items("table", table)
    chosen = "".join(f"{item} if place == {k} else " for k, item in enumerate(others))
    return _written("place, table", chosen + last)


def _written(parameters: str, answer: str) -> Callable[..., Any]:
    """A function with these parameters that answers this."""
    names: dict[str, Callable[..., Any]] = {}
    exec(f"def of_numbers({parameters}):\n    return {answer}\n", names)
    return names["of_numbers"]


def _called_by(function: Callable[..., Any], found: list[Any]) -> list[Any]:
    """Adds all functions of this package that a function calls, and those that they call."""
    code, names = function.__code__, function.__globals__
    modules = [names[name] for name in code.co_names if inspect.ismodule(names.get(name))]
    for name in code.co_names:
        for called in (names.get(name), *(getattr(module, name, None) for module in modules)):
            if isinstance(called, FunctionType) and _is_ours(called) and called not in found:
                found.append(called)
                _called_by(called, found)
    return found


def _is_ours(function: FunctionType) -> bool:
    return function.__module__.partition(".")[0] == PACKAGE and function.__module__ != elementwise.__name__


def _loop(formula: Callable[..., Any], source_of: Source, dimensions: int) -> tuple[Callable[..., None], Any]:
    """The loop over all numbers, with a cache where one can be written, and the arrays that it fills."""
    import numba  # noqa: PLC0415

    hints = _hints(formula)
    source = source_of(formula.__name__, hints, dimensions)
    kinds = [*hints.values(), *([_told(hints["return"])] if source_of is _table_source else [])]
    names: dict[str, Any] = {kind.__name__: kind for kind in _kinds(kinds)}
    names |= {formula.__name__: formula, "__name__": __name__, "arrays": _arrays}
    path = _kept_in(formula, source)
    is_kept = _keep(source, path)
    exec(compile(source, str(path), "exec"), names)
    if "rows" in names:  # the loop over rows that know that they do not overlap
        names["rows"] = numba.njit(error_model="numpy", pipeline_class=_apart())(names["rows"])
    return numba.njit(error_model="numpy", pipeline_class=_apart(), cache=is_kept)(names["loop"]), names.get("result")


def _kept_in(formula: Callable[..., Any], source: str) -> Path:
    """The file of a loop in the cache, which is another one where anything is that the compiled code depends on."""
    functions = [formula, *_called_by(formula, []), *WHAT_NUMBERS_ARE]
    content = [source, sys.version, *(part for each in functions for part in _content(each))]
    mark = hashlib.sha256("\n".join(content).encode()).hexdigest()[:16]
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / PACKAGE
    return folder / f"{formula.__name__}_{mark}.py"


def _content(function: FunctionType) -> Iterator[str]:
    """What a function does, and the numbers that it takes from elsewhere."""
    code, names = function.__code__, function.__globals__
    yield from _instructions(code)
    yield repr(function.__defaults__)
    owners = [names, *(vars(names[name]) for name in code.co_names if inspect.ismodule(names.get(name)))]
    owners += [vars(names[name]) for name in code.co_names if inspect.isclass(names.get(name))]
    for name in code.co_names:
        yield from (f"{name} = {owner[name]!r}" for owner in owners if isinstance(owner.get(name), (*SINGLE, tuple)))


def _instructions(code: CodeType) -> Iterator[str]:
    yield f"{code.co_code!r} {code.co_names} {code.co_varnames}"
    for constant in code.co_consts:
        yield from _instructions(constant) if isinstance(constant, CodeType) else [repr(constant)]


def _apart() -> Any:
    """A compiler that knows that no two arrays overlap, or else it would not take several rows at once.

    Nor are references to them counted within the loop, which neither makes nor keeps any.
    """
    from numba.core.compiler import CompilerBase, DefaultPassBuilder  # noqa: PLC0415

    class Apart(CompilerBase):
        def define_pipelines(self) -> list[Any]:
            flags = self.state.flags
            flags.noalias, flags.nrt, flags.no_cfunc_wrapper = True, False, True
            return [cast(Any, DefaultPassBuilder).define_nopython_pipeline(self.state)]

    return Apart


def _keep(source: str, path: Path) -> bool:
    """Whether the file has this source now: numba keeps what it has compiled beside the file of a function."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            part = path.with_suffix(f".{os.getpid()}")
            part.write_text(source, "utf-8")
            part.replace(path)
    except OSError:
        return False
    return True


def _source(name: str, hints: dict[str, Any], dimensions: int) -> str:
    """Source of the loop that calls the formula `name` with these annotations, for arrays of so many dimensions."""
    *parameters, (_, result) = hints.items()
    names, shape = ", ".join(hints)[: -len(", return")], f"{_path(*parameters[0])}.shape"
    place, indent, leaves = ", ".join("ij"[:dimensions]), "    " * (dimensions + 1), list(_leaves(result))
    lines = [
        f"def result({names}):",
        f"    made = arrays({_codes(leaves)!r}, {shape})",
        f"    return {_made_of(result)}",
        "",
        "",
        f"def loop({names}, out):",
        *(f"{'    ' * (k + 1)}for {index} in range({shape}[{k}]):" for k, index in enumerate("ij"[:dimensions])),
        f"{indent}one = {name}({', '.join(_read(each, kind, place) for each, kind in parameters)})",
        *(f"{indent}out.{path}[{place}] = one.{path}" for path, _ in leaves),
    ]
    return "\n".join(lines) + "\n"


def _table_source(name: str, hints: dict[str, Any], dimensions: int) -> str:
    """Source of a loop over rows that takes tables: the state, which it writes anew, what is given, what is told.

    It goes by parts of the rows, of which it copies the state first: so what it reads is in the cache, and is not what
    it writes, or else it would not take several rows at once.
    """
    assert dimensions == 1
    (state, kept), *given, (_, result) = hints.items()
    after, told = next(iter(_hints(result))), _told(result)
    copied, target = _in_table("copied", kept, ":end - begin"), _in_table(state, kept)
    tables = {"copied": copied, state: target} | {each: _in_table(each, kind) for each, kind in [*given, ("out", told)]}
    copying = []
    for copy, block in zip(copied[0], target[0], strict=True):
        copying += [
            f"for k in range({block}.shape[0]):",
            f"    source, target = {block}[k, begin:end], {copy}[k]",
            "    for j in range(source.size):",
            "        target[j] = source[j]",
        ]
    written = [f"{state}.{path}[i] = one.{after}.{path}" for path, _ in _leaves(kept)]
    written += [f"out.{path}[i] = one.{path}" for path, _ in _leaves(told)]
    return _by_parts(name, tables, [("copied", kept), *given], written, copying)


def _stateless_source(name: str, hints: dict[str, Any], dimensions: int) -> str:
    """Source of a loop over rows that takes tables: what is given, and what is told."""
    assert dimensions == 1
    *given, (_, result) = hints.items()
    tables = {each: _in_table(each, kind) for each, kind in [*given, ("out", result)]}
    return _by_parts(name, tables, given, [f"out.{path}[i] = one.{path}" for path, _ in _leaves(result)], [])


def _by_parts(
    name: str,
    tables: dict[str, tuple[list[str], str]],
    given: list[tuple[str, Any]],
    written: list[str],
    before: list[str],
) -> str:
    """Source of the loop over rows and of the one over parts of `PART` rows; what is done `before` each of these."""
    blocks = [block for found, _ in tables.values() for block in found]
    lines = [
        f"def rows({', '.join(tables)}):",
        f"    for i in range({written[0].partition('[')[0]}.size):",
        f"        one = {name}({', '.join(_read(each, kind, 'i') for each, kind in given)})",
        *(f"        {line}" for line in written),
        "",
        "",
        f"def loop({', '.join(blocks)}):",
        f"    size = {next(each for each in reversed(blocks) if each.endswith('floats'))}.shape[1] - {LINE // 8}",
        f"    for begin in range(0, size, {PART}):",
        f"        end = min(begin + {PART}, size)",
        *(f"        {line}" for line in before),
        f"        rows({', '.join(made for _, made in tables.values())})",
    ]
    return "\n".join(lines) + "\n"


def _in_table(name: str, kind: Any, part: str = "begin:end") -> tuple[list[str], str]:
    """The blocks of a table as arguments, and the source of the named tuple in it; a single number is itself."""
    if kind in SINGLE:
        return [name], name
    counts: Counter[str] = Counter()

    def of(kind: Any) -> str:
        if _is_tuple(kind):
            return f"{kind.__name__}({', '.join(of(each) for each in _hints(kind).values())})"
        block = f"{name}_numbers" if kind in SINGLE else f"{name}_{LETTERS[CODES.get(kind, 'd')]}"
        counts[block] += 1
        if kind in SINGLE:
            return f"{kind.__name__}({block}[{counts[block] - 1}])"
        return f"{block}[{counts[block] - 1}, {part}]"

    source = of(kind)
    order = [f"{name}_{each}" for each in (*LETTERS.values(), "numbers")]
    return [block for block in order if counts[block]], source


def _series_source(name: str, hints: dict[str, Any], dimensions: int) -> str:
    """Source of the loop that calls the formula `name` with these annotations for one sample after the other."""
    (state, kept), came, *known, (_, result) = hints.items()
    names = ", ".join(hints)[: -len(", return")]
    after, *said = _hints(result)
    leaves = [(path, kind) for path, kind in _leaves(result) if not path.startswith(f"{after}.")]
    answer = ", ".join(_made_of(_hints(result)[each]) for each in said)
    taken = ", ".join(["before", _read(*came, "i, j"), *(f"always_{each}" for each, _ in known)])
    lines = [
        f"def result({names}):",
        f"    made = arrays({_codes(leaves)!r}, {_path(*came)}.shape)",
        f"    return {result.__name__}({state}, {answer})",
        "",
        "",
        f"def loop({names}, out):",
        f"    signals, samples = {_path(*came)}.shape",
        "    for i in range(signals):",
        f"        before = {_read(state, kept, 'i, 0')}",
        *(f"        always_{each} = {_read(each, kind, 'i, 0')}" for each, kind in known),
        "        for j in range(samples):",
        f"            one = {name}({taken})",
        f"            before = one.{after}",
        *(f"            out.{path}[i, j] = one.{path}" for path, _ in leaves),
        *(f"        {state}.{path}[i, 0] = before.{path}" for path, _ in _leaves(kept)),
    ]
    return "\n".join(lines) + "\n"


def _hints(of: Any) -> dict[str, Any]:
    """What a formula, or a named tuple, is annotated with."""
    return _fields(cast(Any, of)) if inspect.isclass(of) else get_type_hints(of)


@cache
def _fields(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _is_tuple(kind: Any) -> bool:
    return inspect.isclass(kind) and issubclass(kind, tuple)


def _read(path: str, kind: Any, place: str) -> str:
    """Source of the value at a place of an array, or of each of a named tuple; a single number is itself."""
    if kind in SINGLE:
        return path
    if not _is_tuple(kind):
        return f"{path}[{place}]"
    fields = (_read(f"{path}.{name}", each, place) for name, each in _hints(kind).items())
    return f"{kind.__name__}({', '.join(fields)})"


def _path(name: str, kind: Any) -> str:
    """Path to the first array of a parameter."""
    return f"{name}.{next(_leaves(kind))[0]}" if _is_tuple(kind) else name


def _kinds(hints: Iterable[Any]) -> Iterator[type]:
    """All named tuples among annotations, and within them."""
    for kind in filter(_is_tuple, hints):
        yield kind
        yield from _kinds(_hints(kind).values())


def _leaves(kind: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    """Path to each array in a named tuple, and what it holds."""
    for name, each in _hints(kind).items():
        path = f"{before}{name}"
        yield from _leaves(each, f"{path}.") if _is_tuple(each) else [(path, each)]


def _codes(leaves: Iterable[tuple[str, Any]]) -> str:
    """NumPy's letters of what the arrays of a named tuple hold."""
    return "".join(CODES.get(kind, "d") for _, kind in leaves if kind not in SINGLE)


def _made_of(kind: Any) -> str:
    """Source of a named tuple of the next arrays that were made."""
    if _is_tuple(kind):
        return f"{kind.__name__}({', '.join(map(_made_of, _hints(kind).values()))})"
    return "next(made)"


def _arrays(codes: str, shape: tuple[int, ...]) -> Iterator[Any]:
    """An array of this shape for each letter of a type, from one block for each type.

    Each begins a line of the cache later than the one before it: arrays that begin at the same place within a page
    drive each other out of the cache, and the loop reads and writes all of them in step.
    """
    blocks = {code: _block(np.dtype(code), codes.count(code), shape) for code in dict.fromkeys(codes)}
    return (next(blocks[code]) for code in codes)


def _block(kind: np.dtype[Any], count: int, shape: tuple[int, ...]) -> Iterator[Any]:
    size = prod(shape)
    return iter(np.empty((count, size + LINE // kind.itemsize), dtype=kind)[:, :size].reshape(count, *shape))


WHAT_NUMBERS_ARE = (_teach_numba.__wrapped__, _each, _at, _items, _written, _apart)  # to what is compiled
