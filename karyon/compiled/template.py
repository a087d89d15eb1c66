"""What the loop over rows of a formula is, for arrays of a structure: made once, for all that have it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import CodeType
from typing import Any
from weakref import WeakKeyDictionary

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
from karyon.compiled.loops import WHOLE, cache_file, is_kept, keep_source, take_left_rows_by_twos, teach, unaliased
from karyon.compiled.numbers import aligned, in_memory, pointer_at
from karyon.kernel.elementwise import WholeTable

STATE, HERE = "before", "here"
ROWS, ANY = -1, 0  # sizes of arrays: one number per row; read at any index
LOOPS: dict[Path, Any] = {}  # that were compiled, by their file in the cache
COMPILED: set[str] = set()  # names of the formulas that they are of

Structure = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """One address that a loop reads: of what, row of a table or None, type, size; `cell`: of its own numbers, where."""

    path: str
    row: int | None
    kind: Any
    size: int
    cell: int | None = None


@dataclass(frozen=True, slots=True)
class Template:
    """A loop, and how it is called.

    kind         address of the loop
    parameters   names of the arguments, the first of which may be a state
    places       of each parameter that is looked into, and of `made`, by the path to an array
    cells        numbers of its own
    answer       of which kind it is; `heights` of its arrays, one per row or more
    code         of the call
    """

    kind: int
    parameters: tuple[str, ...]
    places: dict[str, dict[str, list[tuple[int, Place]]]]
    count: int
    cells: int
    answer: Any
    heights: list[int]
    code: CodeType

    @property
    def state(self) -> str:
        """Name of the first argument, if it is a state."""
        return self.parameters[0] if self.parameters[0] in (STATE, HERE) else ""

    def room(self, rows: int, given: Any) -> Any:
        """An answer in arrays of its own; a state that is `here` stays there, which is the first argument, `given`."""
        fields = annotations_of(self.answer)
        stays = [given] if self.state == HERE else []
        kinds = [kind for of in [*fields.values()][len(stays) :] for kind, _ in of_kind(of)]
        codes = [TABLES.get(each, CODES.get(each, "d")) for each in kinds]
        made = staggered(codes, self.heights[len(self.heights) - len(kinds) :], rows)
        arrays = (own if each in TABLES else own[0] for each, own in zip(kinds, made, strict=True))
        return self.answer(*stays, *(_refilled(of, arrays) for of in [*fields.values()][len(stays) :]))


def of_kind(kind: Any, path: str = "") -> Iterator[tuple[Any, str]]:
    """Annotations of all arrays and numbers in what is of a kind, with the path to each."""
    if not is_tuple(kind):
        yield kind, path
        return
    for name, each in annotations_of(kind).items():
        yield from of_kind(each, f"{path}.{name}")


@cache
def paths_in(kind: Any) -> list[tuple[str, ...]]:
    """Names of the fields that lead to each array in what is of a kind."""
    return [tuple(path.split(".")[1:]) for _, path in of_kind(kind)]


@cache
def leaves(formula: Callable[..., Any]) -> list[tuple[Any, int, tuple[str, ...]]]:
    """Of all arguments of a formula: annotation, number of the argument, names of the fields that lead there."""
    *parameters, _ = annotations_of(formula).items()
    return [
        (kind, number, fields)
        for number, (_, of) in enumerate(parameters)
        for (kind, _), fields in zip(of_kind(of), paths_in(of), strict=True)
    ]


def looked_up(given: Any, fields: Sequence[str]) -> Any:
    """What is at a path."""
    for each in fields:
        given = getattr(given, each)
    return given


def structure_of(formula: Callable[..., Any], arguments: Sequence[Any]) -> tuple[Structure, int]:
    """Types of all arrays, and heights of all tables, among the arguments of a formula; and how many rows there are."""
    found, rows = [], 0
    for kind, number, fields in leaves(formula):
        if kind not in SINGLE:
            array = looked_up(arguments[number], fields)
            found.append((len(array) if kind in HIGH else 1, array.dtype.char))
            if kind not in COLUMNS and kind not in WHOLE_ARRAYS:
                rows = max(rows, array.shape[-1])
    return tuple(found), rows


WORDS = {np.dtype("d"): "d", np.dtype("q"): "q"}  # types of 8 bytes
FEW = 4  # numbers
HIGH = (*TABLES, *COLUMNS, WholeTable)
TEMPLATES: WeakKeyDictionary[Callable[..., Any], dict[Structure, Template]] = WeakKeyDictionary()


def template_of(formula: Callable[..., Any], structure: Structure) -> Template | None:
    """The one that is known."""
    return TEMPLATES.get(formula, {}).get(structure)


def new_template(
    formula: Callable[..., Any], structure: Structure, arguments: Sequence[Any], answer: Any, *, may_compile: bool
) -> Template:
    """Of such arguments, of which this is the answer. Raises FileNotFoundError where it would have to be compiled."""
    *parameters, (_, result) = annotations_of(formula).items()
    names = tuple(name for name, _ in parameters)
    loop = _Loop()
    read = [loop.read(name, kind, given) for (name, kind), given in zip(parameters, arguments, strict=True)]
    lines = []
    for at, (name, kind) in enumerate(annotations_of(result).items()):
        path = names[0] if names[0] in (STATE, HERE) and at == 0 else f"made.{name}"
        lines += loop.write(f"one.{name}", path, kind, getattr(answer, name))
    source = loop.source(formula.__name__, ", ".join(read), lines)
    file = cache_file(formula, source)
    if file not in LOOPS:
        if not (may_compile or is_kept(file.stem)):
            raise FileNotFoundError(file)
        LOOPS[file] = _compiled_at(file, source, formula)
        COMPILED.add(formula.__name__)
    arrays = [looked_up(answer, path.split(".")[1:]) for _, path in of_kind(result)]
    heights = [len(each) if kind in TABLES else 1 for each, (kind, _) in zip(arrays, of_kind(result), strict=True)]
    code = compile(_calling(names, loop, annotations_of(result)), f"<call of {formula.__name__}>", "exec")
    told = LOOPS[file].address, names, loop.by_root(), len(loop.places), loop.cells
    made = TEMPLATES.setdefault(formula, {})[structure] = Template(*told, result, heights, code)
    return made


def _refilled(kind: Any, arrays: Iterator[Any]) -> Any:
    """A named tuple of the next arrays."""
    if not is_tuple(kind):
        return next(arrays)
    return kind(*(_refilled(each, arrays) for each in annotations_of(kind).values()))


def _calling(parameters: Sequence[str], loop: _Loop, answer: Mapping[str, Any]) -> str:
    """Source of what a call does: copy numbers, look into what is another one, run the loop, answer."""
    lines, looked_into = [f"def run({', '.join(parameters)}):"], loop.by_root()
    for name in parameters:
        if name in loop.written:
            lines += [f"    {loop.written[name]}"]
        elif name in looked_into:
            lines += [f"    if {name} is not _of.{name}:", *loop.looked_into(name)]
            if name in (STATE, HERE):
                lines += [f"        _of.made = _of.made._replace({next(iter(answer))}={name})"]
    calls = ["    if _tape.is_off:", "        _call(*_loop)", "    else:", "        _tape.run(_of)"]
    return "\n".join([*lines, *calls, "    return _of.made", ""])


def _compiled_at(path: Path, source: str, formula: Callable[..., Any]) -> Any:
    """The loop of this source."""
    import numba  # noqa: PLC0415

    teach(formula)
    take_left_rows_by_twos()
    has_cache = keep_source(source, path)
    names: dict[str, Any] = {kind.__name__: kind for kind in tuples_in(annotations_of(formula).values())}
    names |= {formula.__name__: formula, "__name__": __name__, "whole": WHOLE}
    names |= {"pointer_at": pointer_at(), "aligned": aligned()}
    names |= {_type_name(np.dtype(code)): in_memory(np.dtype(code)) for code in "dfqbh?"}
    exec(compile(source, str(path), "exec"), names)
    names["each_row"] = numba.njit(error_model="numpy", pipeline_class=unaliased())(names["each_row"])
    compiler = numba.cfunc(numba.void(numba.int64, numba.int64), error_model="numpy", cache=has_cache)
    return compiler(names["loop"])


@dataclass(slots=True)
class _Loop:
    """How a loop takes arguments, and what it does with them.

    written   by parameter that is copied at each call, being a number or a column, the statement that does so
    cells     numbers of its own so far
    """

    written: dict[str, str] = field(default_factory=dict)
    cells: int = 0
    _numbers: dict[tuple[str, int | None], int] = field(default_factory=dict)
    places: list[Place] = field(default_factory=list)

    def by_root(self) -> dict[str, dict[str, list[tuple[int, Place]]]]:
        """All places, by what the parameter is called, and by path."""
        found: dict[str, dict[str, list[tuple[int, Place]]]] = {}
        for at, one in enumerate(self.places):
            found.setdefault(one.path.partition(".")[0], {}).setdefault(one.path, []).append((at, one))
        return found

    def looked_into(self, name: str) -> list[str]:
        """Source of what is done with a parameter that is another one: few numbers alone are copied at once."""
        places = [one for one in self.places if one.path.partition(".")[0] == name]
        if len(places) > FEW or any(one.cell is None for one in places):
            return [f"        _of.take('{name}', {name})"]
        copied = (f"        _cells_{WORDS[one.kind]}[{one.cell}] = {one.path}" for one in places)
        return [*copied, f"        _of.{name} = {name}"]

    def read(self, path: str, kind: Any, given: Any) -> str:
        """Source of one row's share of an argument."""
        if is_tuple(kind):
            kinds = annotations_of(kind)
            parts = (self.read(f"{path}.{name}", each, getattr(given, name)) for name, each in kinds.items())
            return f"{kind.__name__}({', '.join(parts)})"
        is_parameter = "." not in path
        if kind in SINGLE:
            code = "d" if kind is float else "q"
            name = self._place(path, None, np.dtype(code), 1, is_own=True)
            if is_parameter:
                self.written[path] = f"_cells_{code}[{self.cells - 1}] = {path}"
            return _truth(f"{name}[0]") if kind is bool else f"{name}[0]"
        if kind in COLUMNS and is_parameter and given.dtype in WORDS:
            name, begin = self._place(path, None, given.dtype, len(given), is_own=True), self.cells - len(given)
            self.written[path] = f"_cells_{WORDS[given.dtype]}[{begin}:{self.cells}] = {path}[:, 0]"
            return _tuple_of(f"{name}[{k}]" for k in range(len(given)))
        return self._read_array(path, kind, given)

    def _read_array(self, path: str, kind: Any, given: Any) -> str:
        if kind in COLUMNS:
            name = self._place(path, None, given.dtype, len(given))
            return _tuple_of(f"{name}[{k}]" for k in range(len(given)))
        if kind == WholeTable:
            return _tuple_of(self._place(path, k, given.dtype, ANY) for k in range(len(given)))
        if kind in WHOLE_ARRAYS:
            return self._place(path, None, given.dtype, ANY)
        of_row = _truth if given.dtype == np.bool_ else str
        if kind in TABLES:
            return _tuple_of(of_row(f"{self._place(path, k, given.dtype, ROWS)}[i]") for k in range(len(given)))
        return of_row(f"{self._place(path, None, given.dtype, ROWS)}[i]")

    def write(self, value: str, path: str, kind: Any, given: Any) -> list[str]:
        """Statements that write one row's share of a result into the arrays at a path."""
        if is_tuple(kind):
            kinds = annotations_of(kind)
            lines = (self.write(f"{value}.{n}", f"{path}.{n}", each, getattr(given, n)) for n, each in kinds.items())
            return [line for each in lines for line in each]
        code = np.dtype(TABLES.get(kind, CODES.get(kind, "d")))
        if kind in TABLES:
            return [f"{self._place(path, k, code, ROWS)}[i] = {value}[{k}]" for k in range(len(given))]
        return [f"{self._place(path, None, code, ROWS)}[i] = {value}"]

    def source(self, formula: str, read: str, written: Sequence[str]) -> str:
        """Source of the loop over rows, and of what finds the arrays for it, of which no two overlap."""
        names = ", ".join(["rows", *(f"a{k}" for k in range(len(self.places)))])
        pointers = (f"pointer_at(address, {at}, {_type_name(one.kind)})" for at, one in enumerate(self.places))
        return "\n".join(
            [
                f"def each_row({names}):",
                "    aligned()",
                "    for i in range(whole(rows)):",  # of which no one may be below 0: or else each is looked at
                f"        one = {formula}({read})",
                *(f"        {line}" for line in written),
                "",
                "",
                "def loop(address, rows):",
                f"    each_row({', '.join(['rows', *pointers])})",
                "",
            ]
        )

    def _place(self, path: str, row: int | None, kind: Any, size: int, *, is_own: bool = False) -> str:
        if (path, row) not in self._numbers:
            self._numbers[path, row] = len(self.places)
            self.places.append(Place(path, row, kind, size, self.cells if is_own else None))
            self.cells += size * is_own
        return f"a{self._numbers[path, row]}"


def _truth(number: str) -> str:
    """Source of whether a byte says so."""
    return f"({number} != 0)"


def _tuple_of(items: Iterable[str]) -> str:
    return f"({''.join(f'{each}, ' for each in items)})"


@cache
def _type_name(kind: Any) -> str:
    return f"type_{kind}"
