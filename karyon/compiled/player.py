"""What plays a tape: compiled itself, as it calls compiled loops."""

from functools import cache
from typing import Any

import numpy as np

from karyon.compiled.numbers import array_of

ASK, READ, WRITE = -1, -2, -3  # in the place of the address of a loop


@cache
def _through() -> Any:
    """For compiled code: a call of the loop at an address."""
    from llvmlite import ir  # type: ignore[import-untyped]  # noqa: PLC0415
    from numba import types  # noqa: PLC0415
    from numba.extending import intrinsic  # noqa: PLC0415

    def through(_: Any, kind: Any, address: Any, rows: Any) -> Any:
        def generate(_context: Any, builder: Any, _signature: Any, given: Any) -> Any:
            word = ir.IntType(64)
            loop = builder.inttoptr(given[0], ir.FunctionType(ir.VoidType(), [word, word]).as_pointer())
            builder.call(loop, given[1:])
            return _context.get_dummy_value()

        return types.void(kind, address, rows), generate

    return intrinsic(through)


@cache
def call() -> Any:
    """Calls the loop at an address, with the address of its addresses, and the number of rows."""
    import numba  # noqa: PLC0415

    through = _through()

    def loop(kind: int, address: int, rows: int) -> None:
        through(kind, address, rows)

    return numba.njit([numba.void(numba.int64, numba.int64, numba.int64)])(loop)


@cache
def play() -> Any:
    """Plays the calls of a period, from a number of calls that are done to another one, again and again.

    Answers how many are done: all, or those before one that finds what it asks for.
    kinds, rows, begins   of each call (call,): as `tape.Call`, and where its addresses begin
    addresses             of all calls
    numbers, growth       what grows from period to period, in place, and by how much (number,)
    """
    import numba  # noqa: PLC0415

    through, array_at = _through(), array_of()

    def play(
        kinds: Any,
        rows: Any,
        begins: Any,
        addresses: Any,
        numbers: Any,
        growth: Any,
        done: int,
        end: int,
    ) -> int:
        at = done % len(kinds)
        while done < end:
            kind, size, begin = kinds[at], rows[at], begins[at]
            if kind == ASK:
                if array_at(addresses[begin], size, np.bool_).any():
                    return done
            elif kind in (READ, WRITE):
                place = array_at(addresses[begin], 1, np.int64)
                slot = array_at(addresses[begin + 1] + place[0] * addresses[begin + 3], size, np.uint8)
                other = array_at(addresses[begin + 4], size, np.uint8)
                if kind == READ:
                    other[:] = slot
                else:
                    slot[:] = other
                if addresses[begin + 5]:
                    place[0] = (place[0] + 1) % addresses[begin + 2]
            else:
                through(kind, addresses.ctypes.data + 8 * begin, size)
            done, at = done + 1, at + 1
            if at == len(kinds):
                at = 0
                numbers += growth
        return done

    return numba.njit(play)
