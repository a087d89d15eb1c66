"""Formulas compiled by numba, where the extra `fast` is installed: the same source, the same bits, many times as fast.

    compiled           arrays of (row,) or (signal, row), each handed over by itself
    in_place           each array where it is, a state among them, which is written on: what is done each cycle
    in_place_if_kept   the same of what was compiled before, for what is too short to wait for that
    written            in NumPy, and yet where a state is: what `in_place` does of a formula whose state is `here`
    in_series          one log, many samples at once

A formula is a plain function of named tuples of numbers; NumPy runs it on whole arrays, one operation after the other.
Compiled, one loop runs all of it for one number after the other, without temporaries. The loop is generated from the
annotations of the formula, and all functions of this package that the formula calls are compiled with it. Once
compiled, it comes from a cache.
"""

import importlib.util
from functools import cache
from typing import Any, cast

from karyon.compiled.annotations import first_array
from karyon.compiled.journal import Entries, Journal
from karyon.compiled.loops import loop_and_result
from karyon.compiled.placed import in_place, in_place_if_kept, written
from karyon.compiled.series import in_series
from karyon.compiled.sources import array_source
from karyon.compiled.tape import ALWAYS, Program, Ring, Tape
from karyon.kernel.elementwise import Formula


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
                made.extend(loop_and_result(formula, array_source, first_array(arguments).ndim))
            loop, result = made
            out = result(*arguments)
            loop(*arguments, out)
        except Exception:  # of a library that compiles and caches on a machine that we do not know
            made[:] = [lambda *_: None, formula]
            return formula(*arguments)
        return out

    return cast(Formula, run)


__all__ = [
    "ALWAYS",
    "Entries",
    "Journal",
    "Program",
    "Ring",
    "Tape",
    "compiled",
    "in_place",
    "in_place_if_kept",
    "in_series",
    "is_installed",
    "written",
]
