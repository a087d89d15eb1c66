"""Random numbers of many runs at once, compiled: the bits of NumPy's `Philox` and of its draws of float32.

A stream is a sequence of words of 32 bits, and which one lies at a place follows from that place and the key alone
[Salmon 2011, Philox 4x64 of 10 rounds]: all that there is to keep of a stream is how many words were used.
"""

import hashlib
import inspect
import math
import sys
from functools import cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from karyon.compiled import numbers
from karyon.compiled.loops import folder, is_kept, keep_source, unaliased
from karyon.compiled.numbers import address_of
from karyon.compiled.tape import Call, Ring, Tape

Kind = Literal["normals", "uniforms"]
NUMPY = {"normals": "standard_normal", "uniforms": "random"}  # of a generator
TRIED = 2**17  # draws that are held against NumPy's: some thirty of them lie in the tail of the distribution
AHEAD = 256  # words that are made at once, and stay in the cache
TURNED_MOST = 2**16  # draws that stay in the cache until they are turned from runs to steps
TURNED = np.uint64(16)  # runs whose draws are turned at once: their numbers of a step fill a line of the cache

ZERO, ONE, TWO, THREE, FOUR, EIGHT = (np.uint64(each) for each in (0, 1, 2, 3, 4, 8))  # a whole word stays one
TO_UNIT = np.float32(2.0**-24)
FACTORS = np.uint64(0xD2E7470EE14C6C93), np.uint64(0xCA5A826395121157)
STEPS = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBB67AE8584CAA73B)
ROUNDS = 10
SPARE = np.uint64(32)  # of so many words one is spare, for draws that take another one

# in compiled code NumPy's, of the ziggurat: see `_ziggurat`
LIMITS: Any = None
WIDTHS: Any = None
HEIGHTS: Any = None
TAIL: Any = None
TAIL_WIDTH: Any = None


class Drawing:
    """Draws for all slots of a ring when the first is the next one: a loop, for a tape.

    ring   (slot, channel, run x number) of float32
    """

    def __init__(self, kind: int, keys: NDArray[np.uint64], ring: Ring) -> None:
        """`kind`: as `drawing_of` has it; `keys` of the streams (run, 2), which are at their beginning."""
        self.kind, self.rows, self.ring = kind, len(keys), ring
        steps, channels, cars = ring.slots.shape
        share = cars // self.rows
        each = steps * channels * share
        together = min(int(TURNED), max(1, TURNED_MOST // each))
        self._arrays = (
            ring.place,
            np.array([steps * channels, share, together]),
            np.ascontiguousarray(keys),
            np.zeros(self.rows, dtype=np.uint64),  # words that are used
            ring.slots,
            np.empty(together * each, dtype=np.float32),
            np.empty(3, dtype=np.uint64),
            np.empty(AHEAD, dtype=np.uint32),
        )
        self.addresses = np.array([address_of(each) for each in self._arrays])

    def recorded(self) -> Call:
        """This call, for a tape."""
        return Call(self.kind, self.rows, self.addresses, {}, keeps=self)


@cache
def drawing_of(kind: Kind, *, may_compile: bool) -> int | None:
    """Address of what draws a kind of numbers; None: nothing here draws the bits that NumPy does.

    may_compile   or else it must have been compiled before, here or into the cache
    """
    try:
        found = _compiled(kind, may_compile=may_compile)
        return found.address if found is not None and _draws_as_numpy(kind, found.address) else None
    except Exception:  # of a library that compiles and caches on a machine that we do not know
        return None


def _draws_as_numpy(kind: Kind, address: int) -> bool:
    """Whether it does so here: the logarithm comes from a library of the machine that need not be NumPy's."""
    own = Drawing(address, np.zeros((1, 2), dtype=np.uint64), Ring(np.empty((TRIED, 1, 1), dtype=np.float32)))
    Tape().run(own)
    one = np.random.Generator(np.random.Philox(key=np.zeros(2, dtype=np.uint64)))
    draws: Any = getattr(one, NUMPY[kind])(TRIED, dtype=np.float32)
    return np.array_equal(own.ring.slots[:, 0, 0].view(np.uint32), draws.view(np.uint32))


def _refill(address: int, runs: int) -> None:
    """Of the addresses of the arrays of a `Drawing`."""
    if array_at(address, 0, 1, np.int64)[0] == 0:
        steps, share, together = array_at(address, 1, 3, np.int64)
        _fill(
            array_at(address, 2, 2 * runs, np.uint64).reshape((runs, 2)),
            array_at(address, 3, runs, np.uint64),
            array_at(address, 4, steps * runs * share, np.float32).reshape((steps, runs, share)),
            array_at(address, 5, together * steps * share, np.float32).reshape((together, steps * share)),
            array_at(address, 6, 3, np.uint64),
            array_at(address, 7, AHEAD, np.uint32),
        )


def array_at(address: int, place: int, size: int, kind: Any) -> Any:
    """For compiled code: as `numbers.array_at`."""
    raise NotImplementedError


def _fill(keys: Any, used: Any, into: Any, drawn: Any, at: Any, words: Any) -> None:
    for begin in range(ZERO, np.uint64(len(keys)), np.uint64(len(drawn))):
        count = min(np.uint64(len(drawn)), np.uint64(len(keys)) - begin)
        for k in range(count):
            run = begin + k
            _go_to(used[run], np.uint64(drawn.shape[1]), keys[run], at, words)
            draw(drawn[k], keys[run], at, words)
            used[run] = at[0] + at[1]
        _turn(drawn, count, begin, into)


def draw(out: Any, key: Any, at: Any, words: Any) -> None:
    """For compiled code: one of the kinds."""
    raise NotImplementedError


def _turn(drawn: Any, count: Any, begin: Any, into: Any) -> None:
    """What was drawn (run, number) comes by steps."""
    steps, share = np.uint64(into.shape[0]), np.uint64(into.shape[2])
    if count == TURNED:
        for number in range(share):
            for step in range(steps):
                for k in range(TURNED):  # all at once
                    into[step, begin + k, number] = drawn[k, step * share + number]
    else:
        for step in range(steps):
            for k in range(count):
                for number in range(share):
                    into[step, begin + k, number] = drawn[k, step * share + number]


def _uniforms(out: Any, key: Any, at: Any, words: Any) -> None:
    for k in range(out.size):
        out[k] = _fraction(key, at, words)


def _normals(out: Any, key: Any, at: Any, words: Any) -> None:
    """By the ziggurat of 256 rows [Marsaglia & Tsang 2000], as NumPy has it."""
    size, done = np.uint64(out.size), ZERO
    while done < size:
        if at[1] == at[2]:
            _go_to(at[0] + at[2], size - done, key, at, words)
        here, back = at[1], done - at[1]
        end = min(at[2], size - back)
        while here < end:
            word = words[here]
            rest, row = np.int32(word >> 9), np.uint64(word & 511)  # its lowest bits: the row, and the sign
            if rest >= LIMITS[row]:
                break
            out[back + here] = np.float32(rest) * WIDTHS[row]
            here += ONE
        at[1], done = here, back + here
        if here < end:  # one in eighty
            number, is_one = _outside(key, at, words)
            out[done] = number
            done += np.uint64(is_one)


def _outside(key: Any, at: Any, words: Any) -> tuple[Any, bool]:
    """A number from where its row is not wholly below the curve, and whether it lies below it."""
    word = _word(key, at, words)
    rest, row = np.int32(word >> 9), np.uint64(word & 255)
    if row == ZERO:
        while True:
            beyond = -TAIL_WIDTH * math.log1p(-_fraction(key, at, words))
            height = -math.log1p(-_fraction(key, at, words))
            if height + height > beyond * beyond:
                return (-(TAIL + beyond) if rest & 256 else TAIL + beyond), True
    number = np.float32(rest) * WIDTHS[word & 511]
    height = (HEIGHTS[row - ONE] - HEIGHTS[row]) * _fraction(key, at, words) + HEIGHTS[row]
    return number, float(height) < math.exp(-0.5 * float(number) * float(number))


def _fraction(key: Any, at: Any, words: Any) -> Any:
    return np.float32(np.int32(_word(key, at, words) >> 8)) * TO_UNIT


def _word(key: Any, at: Any, words: Any) -> Any:
    if at[1] == at[2]:
        _go_to(at[0] + at[2], EIGHT, key, at, words)
    at[1] += ONE
    return words[at[1] - ONE]


def _go_to(place: Any, wanted: Any, key: Any, at: Any, words: Any) -> None:
    """Make words from a place on, some more than are wanted; `at`: the place of the first, the next one, the end."""
    at[1] = place % EIGHT
    at[0] = place - at[1]
    blocks = min(np.uint64(AHEAD), at[1] + wanted + wanted // SPARE + EIGHT) // EIGHT
    at[2] = blocks * EIGHT
    made = words.view(np.uint64)
    for block in range(blocks):
        one, two, three, four = at[0] // EIGHT + block + ONE, ZERO, ZERO, ZERO
        key_one, key_two = key[0], key[1]
        for _ in range(ROUNDS):
            high, low = _upper(one, FACTORS[0]), one * FACTORS[0]
            high_three, low_three = _upper(three, FACTORS[1]), three * FACTORS[1]
            one, two, three, four = high_three ^ two ^ key_one, low_three, high ^ four ^ key_two, low
            key_one, key_two = key_one + STEPS[0], key_two + STEPS[1]
        begin = FOUR * block
        made[begin], made[begin + ONE], made[begin + TWO], made[begin + THREE] = one, two, three, four


def _upper(one: Any, other: Any) -> Any:
    """For compiled code: the upper half of a product of 128 bits."""
    raise NotImplementedError


PARTS = _turn, _go_to, _word, _fraction, _outside, _uniforms, _normals, _fill  # each after those that it calls


@cache
def _compiled(kind: Kind, *, may_compile: bool) -> Any:
    """What draws a kind of numbers, compiled from a file in the cache of loops; None: it is not there."""
    import numba  # noqa: PLC0415

    depends = [inspect.getsource(each) for each in (sys.modules[__name__], unaliased, numbers)]
    mark = hashlib.sha256("\n".join((*depends, sys.version, numba.__version__)).encode()).hexdigest()[:16]
    path = folder() / f"{kind}_{mark}.py"
    if not (may_compile or is_kept(path.stem)):
        return None
    source = "\n\n".join(inspect.getsource(each) for each in (*PARTS, _refill))
    has_cache = keep_source(source, path)
    names = {**globals(), **_ziggurat(), "_upper": _upper_half(), "array_at": numbers.array_at()}
    exec(compile(source, str(path), "exec"), names)
    # references are not counted, which would cost more than the draws
    options: dict[str, Any] = {"error_model": "numpy", "pipeline_class": unaliased(), "_nrt": False}
    for part in PARTS:
        inlined = part in (_word, _fraction)
        names[part.__name__] = numba.njit(**options, forceinline=inlined)(names[part.__name__])
        if part.__name__ == f"_{kind}":
            names["draw"] = names[part.__name__]
    signature = numba.void(numba.int64, numba.int64)
    return numba.cfunc(signature, error_model="numpy", cache=has_cache)(names["_refill"])


def _ziggurat() -> dict[str, Any]:
    """NumPy's tables, of which numba has a copy; the first two twice, with the one sign and the other.

    limits   of a row: a number below is below the curve, wherever it lies in height
    widths   of a number of 1, in each row
    heights  of the curve at the end of each row
    tail     where it begins, and its width
    """
    from numba.np.random import _constants as tables  # noqa: PLC0415

    limits, widths = tables.ki_float.astype(np.int32), tables.wi_float.astype(np.float32)
    return {
        "LIMITS": np.concatenate([limits, limits]),
        "WIDTHS": np.concatenate([widths, -widths]),
        "HEIGHTS": tables.fi_float.astype(np.float32),
        "TAIL": np.float32(tables.ziggurat_nor_r_f),
        "TAIL_WIDTH": np.float32(tables.ziggurat_nor_inv_r_f),
    }


@cache
def _upper_half() -> Any:
    from llvmlite import ir  # noqa: PLC0415
    from numba import types  # noqa: PLC0415
    from numba.extending import intrinsic  # noqa: PLC0415

    def upper(_: Any, one: Any, other: Any) -> Any:
        def generate(_context: Any, builder: Any, _signature: Any, given: Any) -> Any:
            wide = ir.IntType(128)
            product = builder.mul(*(builder.zext(each, wide) for each in given))
            return builder.trunc(builder.lshr(product, ir.Constant(wide, 64)), ir.IntType(64))

        return types.uint64(one, other), generate

    return intrinsic(upper)
