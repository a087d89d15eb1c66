"""Formulas of one log, for one sample after the other."""

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import numpy as np

from karyon.compiled.loops import loop_and_result
from karyon.compiled.sources import series_source


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
                made.extend(loop_and_result(formula, series_source, 2))
            loop, result = made
            out = result(state, came, *known)
            after = type(state)(*_copied(state))
            loop(after, came, *known, out)
        except Exception:  # of a library that compiles and caches on a machine that we do not know
            made[:] = [None, None]
            return None
        return out._replace(**{out._fields[0]: after})

    return run


def _copied(state: Any) -> Iterator[Any]:
    """The fields of a named tuple of arrays, which may have such tuples in it, for a loop to write on."""
    for each in state:
        yield type(each)(*_copied(each)) if isinstance(each, tuple) else np.array(each)
