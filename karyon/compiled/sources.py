"""The source of the loop over a formula, as its annotations have it."""

from collections.abc import Callable
from typing import Any

from karyon.compiled.annotations import SINGLE, annotations_of, codes_of, is_tuple, leaves_of, next_arrays

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
        *(f"{'    ' * (k + 1)}for {index} in range(whole({shape}[{k}])):" for k, index in enumerate("ij"[:dimensions])),
        f"{indent}one = {name}({', '.join(_read(each, kind, place) for each, kind in parameters)})",
        *(f"{indent}out.{path}[{place}] = one.{path}" for path, _ in leaves),
    ]
    return "\n".join(lines) + "\n"


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
        "    for i in range(whole(signals)):",
        f"        before = {_read(state, kept, 'i, 0')}",
        *(f"        always_{each} = {_read(each, kind, 'i, 0')}" for each, kind in known),
        "        for j in range(whole(samples)):",
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
