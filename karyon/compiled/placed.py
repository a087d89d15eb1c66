"""Formulas that take each array where it is, and write their state where it is."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Any, cast

import numpy as np

from karyon.compiled.annotations import CODES, COLUMNS, SINGLE, TABLES, annotations_of, is_tuple, leaves_of, tuples_in
from karyon.compiled.loops import cache_file, keep_source, teach, unaliased
from karyon.kernel.elementwise import Formula

LOOPS: dict[Path, Any] = {}  # that were compiled, by their file in the cache


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
            *kinds, kind = annotations_of(self._formula).values()
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
    return is_tuple(kinds[0]) and next(iter(annotations_of(result).values())) is kinds[0]


def _plain(given: Any, kind: Any, rows: int | None = None) -> Any:
    """Copies of arrays, each of the type that its annotation says; of `rows` where one number is meant for all."""
    if is_tuple(kind):
        kinds = annotations_of(kind).values()
        return kind(*(_plain(each, of, rows) for each, of in zip(given, kinds, strict=True)))
    if kind in SINGLE:
        return given
    if kind in TABLES:
        return np.array(given, dtype=TABLES[kind], order="C")
    array = np.array(given, dtype=CODES.get(kind, "d"), order="C")
    return array if rows is None or array.ndim else np.full(rows, array)


def _place_loop(formula: Callable[..., Any], arguments: tuple[Any, ...], made: Any) -> Callable[..., None]:
    """What runs the formula of such arguments in all rows, and writes the state and the arrays that were made."""
    hints = annotations_of(formula)
    *parameters, (_, result) = hints.items()
    call = _Call()
    read = [call.read(name, kind, each) for (name, kind), each in zip(parameters, arguments, strict=True)]
    has_state, lines = _has_state([kind for _, kind in parameters], result), list[str]()
    for at, (name, kind) in enumerate(annotations_of(result).items()):
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
    path = cache_file(formula, source)
    if path not in LOOPS:
        LOOPS[path] = _compiled_at(path, source, formula, call.types)
    names = call.values | {"loop": LOOPS[path]}
    exec(f"def run({', '.join(name for name, _ in parameters)}):\n    loop({', '.join(call.paths)})\n", names)
    return cast("Callable[..., None]", names["run"])


def _compiled_at(path: Path, source: str, formula: Callable[..., Any], types: Sequence[Any]) -> Any:
    """The loop of this source, which takes arguments of these types."""
    import numba  # noqa: PLC0415

    teach(formula)
    is_kept = keep_source(source, path)
    names: dict[str, Any] = {kind.__name__: kind for kind in tuples_in(annotations_of(formula).values())}
    names |= {formula.__name__: formula, "__name__": __name__}
    exec(compile(source, str(path), "exec"), names)
    compiler = numba.njit([numba.void(*types)], error_model="numpy", pipeline_class=unaliased(), cache=is_kept)
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
        if is_tuple(kind):
            kinds = annotations_of(kind)
            if all(each in (float, bool) for _, each in leaves_of(kind)):  # an array of floats holds no time in ns
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
        leaves = leaves_of(kind, f"{path}.") if is_tuple(kind) else [(path, kind)]
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
            if is_tuple(kind):
                return f"{kind.__name__}({', '.join(of(each) for each in annotations_of(kind).values())})"
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
