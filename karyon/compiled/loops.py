"""Loops compiled by numba, and the cache that they are kept in."""

import hashlib
import inspect
import os
import sys
from collections.abc import Callable, Iterator
from functools import cache, lru_cache
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any, cast

import numpy as np

from karyon.compiled.annotations import SINGLE, annotations_of, arrays_for, tuples_in
from karyon.compiled.numbers import (
    aligned,
    each_of,
    function_of,
    in_memory,
    items_of,
    least_of,
    picked,
    place_of,
    pointer_at,
    teach_elementwise,
)
from karyon.compiled.sources import Source
from karyon.kernel import elementwise

PACKAGE = __name__.partition(".")[0]
KNOWN_LLVM = range(15, 23)
WHOLE = np.uint64  # what a loop counts in: an index that may be below 0 is looked at each time, and gathered


@cache
def loop_and_result(formula: Callable[..., Any], source_of: Source, dimensions: int) -> tuple[Callable[..., None], Any]:
    """The loop of a formula, and what makes the arrays that it fills."""
    teach(formula)
    return _loop(formula, source_of, dimensions)


@cache
def teach(formula: Callable[..., Any]) -> None:
    """Have numba know a formula, and all that it calls."""
    from numba.extending import register_jitable  # noqa: PLC0415  it takes half a second

    teach_elementwise()
    functions: list[Any] = [formula, *_called_by(formula, [])]
    for each in functions:
        register_jitable(error_model="numpy", forceinline=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)(each)


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

    hints = annotations_of(formula)
    source = source_of(formula.__name__, hints, dimensions)
    names: dict[str, Any] = {kind.__name__: kind for kind in tuples_in(hints.values())}
    names |= {formula.__name__: formula, "__name__": __name__, "arrays": arrays_for, "whole": WHOLE}
    path = cache_file(formula, source)
    has_cache = keep_source(source, path)
    exec(compile(source, str(path), "exec"), names)
    loop = numba.njit(error_model="numpy", pipeline_class=unaliased(), cache=has_cache)(names["loop"])
    return loop, names["result"]


def cache_file(formula: Callable[..., Any], source: str) -> Path:
    """The file of a loop in the cache, which is another one where anything is that the compiled code depends on."""
    import numba  # noqa: PLC0415

    depends = [source, sys.version, numba.__version__, *_contents(formula)]
    mark = hashlib.sha256("\n".join(depends).encode()).hexdigest()[:16]
    return folder() / f"{formula.__name__}_{mark}.py"


def is_kept(stem: str) -> bool:
    """Whether the cache has a compiled loop whose file is called so."""
    return stem in _kept()[0]


def may_be_kept(formula: str) -> bool:
    """Whether the cache has a compiled loop of a formula that is called so, for some structure of its arguments."""
    return formula in _kept()[1]


def _kept() -> tuple[frozenset[str], frozenset[str]]:
    """Files of all compiled loops in the cache, and the formulas that they are of."""
    kept = folder() / "__pycache__"
    try:
        return _listed(kept, kept.stat().st_mtime_ns)
    except OSError:
        return frozenset(), frozenset()


@lru_cache(maxsize=1)
def _listed(kept: Path, _: int) -> tuple[frozenset[str], frozenset[str]]:
    stems = frozenset(each.name.partition(".")[0] for each in kept.glob("*.nbi"))
    return stems, frozenset(each.rpartition("_")[0] for each in stems)


def folder() -> Path:
    """Where the cache is."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / PACKAGE


@cache
def _contents(formula: Callable[..., Any]) -> list[str]:
    functions = [formula, *_called_by(formula, []), *WHAT_NUMBERS_ARE]
    return [part for each in functions for part in _content(each)]


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


def unaliased() -> Any:
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


@cache
def take_left_rows_by_twos() -> None:
    """Have the compiler take the rows that are left after those taken eight at once by twos, and not one by one.

    A row alone costs half of what eight at once do. LLVM is asked once, for the whole process, and only where its
    version is one that has the option: another one would end the process.
    """
    from llvmlite import binding  # noqa: PLC0415

    if binding.llvm_version_info[0] in KNOWN_LLVM:
        binding.set_option("", "--epilogue-vectorization-force-VF=2")


def keep_source(source: str, path: Path) -> bool:
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


WHAT_NUMBERS_ARE = (
    teach_elementwise.__wrapped__,
    each_of,
    place_of,
    items_of,
    least_of,
    function_of,
    picked,
    in_memory,
    pointer_at.__wrapped__,
    aligned.__wrapped__,
    unaliased,
    take_left_rows_by_twos.__wrapped__,
)  # to what is compiled
