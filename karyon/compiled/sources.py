"""The source of the loop over a formula, as its annotations have it."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from karyon.compiled.annotations import (
    CODES,
    LETTERS,
    LINE,
    SINGLE,
    annotations_of,
    codes_of,
    is_tuple,
    leaves_of,
    next_arrays,
    told_by,
)

PART = 128  # rows of which all that is remembered fits into the cache


Source = Callable[[str, dict[str, Any], int], str]


def array_source(name: str, hints: dict[str, Any], dimensions: int) -> str:
    """Source of the loop that calls the formula `name` with these annotations, for arrays of so many dimensions."""
    *parameters, (_, result) = hints.items()
    names, shape = ", ".join(hints)[: -len(", return")], f"{_path(*parameters[0])}.shape"
    place, indent, leaves = ", ".join("ij"[:dimensions]), "    " * (dimensions + 1), list(leaves_of(result))
    lines = [
        f"def result({names}):",
        f"    made = arrays({codes_of(leaves)!r}, {shape})",
        f"    return {next_arrays(result)}",
        "",
        "",
        f"def loop({names}, out):",
        *(f"{'    ' * (k + 1)}for {index} in range({shape}[{k}]):" for k, index in enumerate("ij"[:dimensions])),
        f"{indent}one = {name}({', '.join(_read(each, kind, place) for each, kind in parameters)})",
        *(f"{indent}out.{path}[{place}] = one.{path}" for path, _ in leaves),
    ]
    return "\n".join(lines) + "\n"


def table_source(name: str, hints: dict[str, Any], dimensions: int) -> str:
    """Source of a loop over rows that takes tables: the state, which it writes anew, what is given, what is told.

    It goes by parts of the rows, of which it copies the state first: so what it reads is in the cache, and is not what
    it writes, or else it would not take several rows at once.
    """
    assert dimensions == 1
    (state, kept), *given, (_, result) = hints.items()
    after, told = next(iter(annotations_of(result))), told_by(result)
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
    written = [f"{state}.{path}[i] = one.{after}.{path}" for path, _ in leaves_of(kept)]
    written += [f"out.{path}[i] = one.{path}" for path, _ in leaves_of(told)]
    return _by_parts(name, tables, [("copied", kept), *given], written, copying)


def stateless_source(name: str, hints: dict[str, Any], dimensions: int) -> str:
    """Source of a loop over rows that takes tables: what is given, and what is told."""
    assert dimensions == 1
    *given, (_, result) = hints.items()
    tables = {each: _in_table(each, kind) for each, kind in [*given, ("out", result)]}
    return _by_parts(name, tables, given, [f"out.{path}[i] = one.{path}" for path, _ in leaves_of(result)], [])


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
        if is_tuple(kind):
            return f"{kind.__name__}({', '.join(of(each) for each in annotations_of(kind).values())})"
        block = f"{name}_numbers" if kind in SINGLE else f"{name}_{LETTERS[CODES.get(kind, 'd')]}"
        counts[block] += 1
        if kind in SINGLE:
            return f"{kind.__name__}({block}[{counts[block] - 1}])"
        return f"{block}[{counts[block] - 1}, {part}]"

    source = of(kind)
    order = [f"{name}_{each}" for each in (*LETTERS.values(), "numbers")]
    return [block for block in order if counts[block]], source


def series_source(name: str, hints: dict[str, Any], dimensions: int) -> str:
    """Source of the loop that calls the formula `name` with these annotations for one sample after the other."""
    (state, kept), came, *known, (_, result) = hints.items()
    names = ", ".join(hints)[: -len(", return")]
    after, *said = annotations_of(result)
    leaves = [(path, kind) for path, kind in leaves_of(result) if not path.startswith(f"{after}.")]
    answer = ", ".join(next_arrays(annotations_of(result)[each]) for each in said)
    taken = ", ".join(["before", _read(*came, "i, j"), *(f"always_{each}" for each, _ in known)])
    lines = [
        f"def result({names}):",
        f"    made = arrays({codes_of(leaves)!r}, {_path(*came)}.shape)",
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
        *(f"        {state}.{path}[i, 0] = before.{path}" for path, _ in leaves_of(kept)),
    ]
    return "\n".join(lines) + "\n"


def _read(path: str, kind: Any, place: str) -> str:
    """Source of the value at a place of an array, or of each of a named tuple; a single number is itself."""
    if kind in SINGLE:
        return path
    if not is_tuple(kind):
        return f"{path}[{place}]"
    fields = (_read(f"{path}.{name}", each, place) for name, each in annotations_of(kind).items())
    return f"{kind.__name__}({', '.join(fields)})"


def _path(name: str, kind: Any) -> str:
    """Path to the first array of a parameter."""
    return f"{name}.{next(leaves_of(kind))[0]}" if is_tuple(kind) else name
