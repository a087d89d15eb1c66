"""What plays a tape: compiled itself, as it calls compiled loops, and kept in the same cache."""

import hashlib
import inspect
import sys
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from karyon.compiled.loops import folder, keep_source
from karyon.compiled.numbers import array_of

ASK, NOTE, READ, WRITE, SKIP = -1, -2, -3, -4, -5  # in the place of the address of a loop
PICK, PICK_BYTES, PUT, PUT_BYTES = -6, -7, -8, -9
FAR = 2**40  # numbers, of a table of which the size is not told


@cache
def call() -> Any:
    """Compiled: calls the loop at an address, with the address of its addresses, and the number of rows."""
    return _compiled(_call)


@cache
def play() -> Any:
    """Compiled: plays the calls of a period, from a number of calls that are done to another one, again and again.

    Answers how many are done: all, or those before one that finds what it asks for.
    kinds, rows, begins   of each call (call,): as `tape.Call`, and where its addresses begin
    addresses             of all calls
    numbers, growth       what grows from period to period, in place, and by how much (number,)
    """
    return _compiled(_play)


def through(kind: int, address: int, rows: int) -> None:
    """For compiled code: a call of the loop at an address."""
    raise NotImplementedError


def array_at(address: int, size: int, kind: Any) -> Any:
    """For compiled code: as `numbers.array_of`."""
    raise NotImplementedError


def _call(kind: int, address: int, rows: int) -> None:
    through(kind, address, rows)


def _play(  # noqa: PLR0912  a case per kind
    kinds: Any, rows: Any, begins: Any, addresses: Any, numbers: Any, growth: Any, done: int, end: int
) -> int:
    at = done % len(kinds)
    while done < end:
        kind, size, begin = kinds[at], rows[at], begins[at]
        if kind == ASK:
            if any_of(array_at(addresses[begin], size, np.uint8)):
                return done
        elif kind == NOTE:
            found = array_at(addresses[begin], size, np.uint8)
            if any_of(found):
                if array_at(addresses[begin + 2], 1, np.int64)[0] + size > addresses[begin + 3]:
                    return done
                write(found, addresses[begin + 1 :])
        elif kind in (READ, WRITE):
            place = array_at(addresses[begin], 1, np.int64)
            slot = addresses[begin + 1] + place[0] * addresses[begin + 3]
            if kind == READ:
                copy(addresses[begin + 4], slot, size)
            else:
                copy(slot, addresses[begin + 4], size)
            if addresses[begin + 5]:
                place[0] = (place[0] + 1) % addresses[begin + 2]
        elif kind in (PICK, PICK_BYTES, PUT, PUT_BYTES):
            given = (
                kind in (PICK, PICK_BYTES),
                addresses[begin + 1],
                array_at(addresses[begin + 2], size, np.int64),
                array_at(addresses[begin + 3], size, np.int64),
            )
            if kind in (PICK, PUT):
                words = array_at(addresses[begin + 4], size, np.int64)
                exchange(array_at(addresses[begin], FAR, np.int64), words, *given)
            else:
                bits = array_at(addresses[begin + 4], size, np.uint8)
                exchange(array_at(addresses[begin], FAR, np.uint8), bits, *given)
        elif kind == SKIP:
            now = array_at(addresses[begin + 1], 1, np.int64)[0]
            if not is_open(array_at(addresses[begin], 2 * size, np.int64), size, now):
                done, at = done + addresses[begin + 2], at + addresses[begin + 2]
        else:
            through(kind, addresses.ctypes.data + 8 * begin, size)
        done, at = done + 1, at + 1
        if at == len(kinds):
            at = 0
            numbers += growth
    return done


def copy(goal: Any, source: Any, size: Any) -> None:
    """Copy bytes, as many at once as there are words."""
    words = size // 8
    into, given = array_at(goal, words, np.int64), array_at(source, words, np.int64)
    for k in range(words):
        into[k] = given[k]
    rest, left = array_at(goal, size, np.uint8), array_at(source, size, np.uint8)
    for k in range(8 * words, size):
        rest[k] = left[k]


def any_of(found: Any) -> Any:
    """Whether any byte is not 0. All are looked at: that takes many at once."""
    some = np.uint8(0)
    for each in found:
        some |= each
    return some != 0


def write(found: Any, told: Any) -> None:
    """Write an entry of a `Journal` for each row of which a byte is not 0; `told`: of numbers, then its `addresses`."""
    count, room = array_at(told[1], 1, np.int64), told[2]
    for row in range(len(found)):
        if found[row]:
            at = count[0]
            array_at(told[3], room, np.int64)[at] = row
            numbers = array_at(told[0], told[5], np.int64)
            for number in range(told[5]):
                array_at(told[4], told[5] * room, np.int64)[number * room + at] = numbers[number]
            for column in range(told[6]):
                source, goal, size = told[7 + 3 * column], told[8 + 3 * column], told[9 + 3 * column]
                if size == 8:
                    array_at(goal, room, np.int64)[at] = array_at(source, row + 1, np.int64)[row]
                elif size == 2:
                    array_at(goal, room, np.int16)[at] = array_at(source, row + 1, np.int16)[row]
                else:
                    array_at(goal, room, np.int8)[at] = array_at(source, row + 1, np.int8)[row]
            count[0] = at + 1


def exchange(table: Any, values: Any, is_pick: bool, to_next: int, level: Any, row: Any) -> None:
    """Copy numbers from places of a table, or to them, where the row is not below 0."""
    for k in range(len(row)):
        if row[k] >= 0:
            place = to_next * level[k] + row[k]
            if is_pick:
                values[k] = table[place]
            else:
                table[place] = values[k]


def is_open(windows: Any, count: int, now: int) -> bool:
    """Whether any window is: all begins, then all ends."""
    for k in range(count):  # noqa: SIM110  numba takes no generator
        if windows[k] <= now < windows[count + k]:
            return True
    return False


def _compiled(function: Callable[..., Any]) -> Any:
    """A function of this module, compiled from a file in the cache of loops."""
    import numba  # noqa: PLC0415
    from numba.extending import register_jitable  # noqa: PLC0415

    parts = copy, any_of, write, exchange, is_open
    source = "\n\n".join(inspect.getsource(each) for each in (*parts, function))
    depends = (
        source,
        inspect.getsource(_through),
        inspect.getsource(array_of.__wrapped__),
        sys.version,
        numba.__version__,
    )
    mark = hashlib.sha256("\n".join(depends).encode()).hexdigest()[:16]
    path = folder() / f"tape{function.__name__}_{mark}.py"
    has_cache = keep_source(source, path)
    names = {**globals(), "through": _through(), "array_at": array_of()}
    exec(compile(source, str(path), "exec"), names)
    names |= {each.__name__: register_jitable(names[each.__name__]) for each in parts}
    return numba.njit(SIGNATURES[function.__name__], cache=has_cache)(names[function.__name__])


SIGNATURES = {
    "_call": "void(int64, int64, int64)",
    "_play": "int64(int64[::1], int64[::1], int64[::1], int64[::1], int64[::1], int64[::1], int64, int64)",
}


@cache
def _through() -> Any:
    from llvmlite import ir  # noqa: PLC0415
    from numba import types  # noqa: PLC0415
    from numba.extending import intrinsic  # noqa: PLC0415

    def call_through(_: Any, kind: Any, address: Any, rows: Any) -> Any:
        def generate(context: Any, builder: Any, _signature: Any, given: Any) -> Any:
            word = ir.IntType(64)
            loop = builder.inttoptr(given[0], ir.FunctionType(ir.VoidType(), [word, word]).as_pointer())
            builder.call(loop, given[1:])
            return context.get_dummy_value()

        return types.void(kind, address, rows), generate

    return intrinsic(call_through)
