"""What becomes of samples whose sensor, or radio, fails: formulas over members, each of them a fault on one row.

    distort   a wrong value: all modes that are a formula over the sample
    stick     the same value again and again
    omit      samples are lost
    misdate   stamps are wrong
    repeat    a sample comes in place of a later one

The modes themselves are `karyon.perception.failures`. Of a message each field has a sample (field, member). Where
samples are changed their `row` is told, elsewhere `NOWHERE`.
"""

import operator
from typing import Any, NamedTuple

from karyon.kernel.elementwise import (
    BooleanTable,
    FloatTable,
    TimeTable,
    Whole,
    WholeBooleans,
    anywhere,
    each,
    isnan,
    maximum,
    minimum,
    pick,
    where,
)
from karyon.kernel.runtime import Booleans, Floats, Ticks
from karyon.perception import failures
from karyon.perception.sensors import seconds

NOWHERE = -1
OFFSET, DRIFT, SCALE, NOISE, OUTLIER, QUANTISATION, SATURATION, GHOST, MISSED, SWAP = range(10)
DISTORTING = {  # number of its formula, and which parameters that takes
    "offset": (OFFSET, "amplitude", ""),
    "wrong_position": (OFFSET, "offset", ""),
    "wrong_speed": (OFFSET, "offset", ""),
    "drift": (DRIFT, "rate", ""),
    "ramp": (DRIFT, "rate", ""),
    "scale": (SCALE, "factor", ""),
    "noise": (NOISE, "sigma", ""),
    "outlier": (OUTLIER, "amplitude", "probability"),
    "quantisation": (QUANTISATION, "step", ""),
    "saturation": (SATURATION, "low", "high"),
    "ghost": (GHOST, "distance", ""),
    "missed": (MISSED, "range", ""),
    "swap": (SWAP, "distance", ""),
}


class Window(NamedTuple):
    """When a fault acts: from onset to end, ns (member,)."""

    onset: Ticks
    end: Ticks


class Drawn(NamedTuple):
    """Where the random numbers of a fault are: of each period (ns) of its window one, and the `last` again after it."""

    first: Ticks
    last: Ticks
    period: Ticks


class Distortion(NamedTuple):
    """By which formula the value is wrong, and its parameters (member,)."""

    number: Ticks
    one: Floats
    other: Floats


class Changed(NamedTuple):
    """Samples that a fault has changed so far (member,)."""

    samples: Ticks


class Distorted(NamedTuple):
    """After one look."""

    changed: Changed
    row: Ticks
    value: Floats


def distort(
    before: Changed,
    window: Window,
    drawn: Drawn,
    distortion: Distortion,
    draws: Whole,
    row: Ticks,
    value: Floats,
    fresh: Booleans,
    now: int,
) -> Distorted:
    """Samples that have come at `now` (ns), with a wrong value."""
    acts = _is_open(window, now) & fresh
    elapsed, draw = seconds(now, window.onset), pick(draws, _place(drawn, window, now))
    failed = _distorted(distortion.number, value, distortion.one, distortion.other, elapsed, draw)
    changed = acts & (failed != value)
    return Distorted(Changed(_counted(before.samples, changed)), where(acts, row, NOWHERE), failed)


def _distorted(number: Any, value: Any, one: Any, other: Any, elapsed: Any, draw: Any) -> Any:
    step = where(number == QUANTISATION, one, 1.0)  # of others it may be 0
    found = where(number == OFFSET, failures.offset(value, one), value)
    found = where(number == DRIFT, failures.drift(value, one, elapsed), found)
    found = where(number == SCALE, failures.scale(value, one), found)
    found = where(number == NOISE, failures.noise(value, one, draw), found)
    found = where(number == OUTLIER, failures.outlier(value, one, other, draw), found)
    found = where(number == QUANTISATION, failures.quantisation(value, step), found)
    found = where(number == SATURATION, failures.saturation(value, one, other), found)
    found = where(number == GHOST, failures.ghost(value, one), found)
    found = where(number == MISSED, failures.stuck_at(value, one), found)
    return where(number == SWAP, failures.swap(value, value + one), found)


class Held(NamedTuple):
    """The value at which a signal sticks, NaN while none is known, and the samples changed so far (member,)."""

    value: Floats
    samples: Ticks


class Stuck(NamedTuple):
    """After one look."""

    held: Held
    row: Ticks
    value: Floats


def stick(before: Held, window: Window, fixed: Floats, row: Ticks, value: Floats, fresh: Booleans, now: int) -> Stuck:
    """Stuck at a value that is `fixed`, NaN: at the last one before the onset, or the first if there is none."""
    is_open = _is_open(window, now)
    held = where(fresh & (isnan(before.value) | ~is_open), value, before.value)
    failed = failures.stuck_at(value, where(isnan(fixed), held, fixed))
    acts = is_open & fresh
    return Stuck(Held(held, _counted(before.samples, acts & (failed != value))), where(acts, row, NOWHERE), failed)


class Omitted(NamedTuple):
    """After one look."""

    changed: Changed
    row: Ticks
    fresh: BooleanTable


def omit(
    before: Changed, window: Window, drawn: Drawn, lost: WholeBooleans, row: Ticks, fresh: BooleanTable, now: int
) -> Omitted:
    """Some samples do not come."""
    gone = _is_open(window, now) & pick(lost, _place(drawn, window, now))
    count = _counted(before.samples, gone & anywhere(fresh))
    return Omitted(Changed(count), where(gone, row, NOWHERE), each(_without, fresh, gone))


def _without(fresh: Any, gone: Any) -> Any:
    return fresh & ~gone


class Misdated(NamedTuple):
    """After one look."""

    changed: Changed
    row: Ticks
    time: TimeTable


def misdate(
    before: Changed,
    window: Window,
    offset: Floats,
    rate: Floats,
    row: Ticks,
    time: TimeTable,
    fresh: BooleanTable,
    now: int,
) -> Misdated:
    """Stamped by a clock that is ahead by an offset (s), which grows at a rate."""
    late = failures.whole_nanoseconds(failures.drift(offset, rate, seconds(now, window.onset)))
    is_open = _is_open(window, now)
    stamped = each(_stamped, time, fresh, late)
    count = _counted(before.samples, is_open & anywhere(each(operator.ne, stamped, time)))
    return Misdated(Changed(count), where(is_open, row, NOWHERE), stamped)


def _stamped(time: Any, fresh: Any, late: Any) -> Any:
    return where(fresh, time + late, time)


class Came(NamedTuple):
    """What came of each field, as `Samples` has it (field, member)."""

    value: FloatTable
    time: TimeTable
    fresh: BooleanTable


class Waiting(NamedTuple):
    """A sample that is to come in so many samples, 0: none; and the samples changed so far."""

    value: FloatTable
    time: TimeTable
    due_in: Ticks
    samples: Ticks


class Repeated(NamedTuple):
    """After one look."""

    waiting: Waiting
    row: Ticks
    value: FloatTable
    time: TimeTable
    fresh: BooleanTable


def repeat(
    before: Waiting,
    window: Window,
    until: Ticks,
    drawn: Drawn,
    draws: Whole,
    probability: Floats,
    row: Ticks,
    came: Came,
    now: int,
    wait: int,
) -> Repeated:
    """A sample comes in place of a later one, with its own stamp; `until` (ns) one may be waited for.

    wait   samples: 1, it comes once more, in place of the next one; 2, after the next one, and not before
    """
    new = came.fresh[0]
    again = new & (before.due_in == 1) & (now < until)
    draw = pick(draws, _place(drawn, window, now))
    taken = _is_open(window, now) & new & (before.due_in == 0) & (draw < probability)
    gone = taken & (wait > 1)
    value, time = each(_chosen, again, before.value, came.value), each(_chosen, again, before.time, came.time)
    fresh = each(_without, came.fresh, gone)
    other = anywhere(each(_is_other, value, came.value, time, came.time, came.fresh, fresh))
    counting_down = where(new, maximum(before.due_in - 1, 0), before.due_in)
    return Repeated(
        Waiting(
            each(_chosen, taken, came.value, before.value),
            each(_chosen, taken, came.time, before.time),
            where(taken, wait, counting_down),
            _counted(before.samples, other),
        ),
        where(again | gone, row, NOWHERE),
        value,
        time,
        fresh,
    )


def _chosen(condition: Any, one: Any, other: Any) -> Any:
    return where(condition, one, other)


def _is_other(value: Any, old: Any, time: Any, old_time: Any, old_fresh: Any, fresh: Any) -> Any:
    return (((value != old) | (time != old_time)) & fresh) | (fresh != old_fresh)


def _is_open(window: Window, now: int) -> Any:
    return (window.onset <= now) & (now < window.end)


def _place(drawn: Drawn, window: Window, now: int) -> Any:
    return drawn.first + minimum(maximum((now - window.onset) // drawn.period, 0), drawn.last)


def _counted(count: Any, changed: Any) -> Any:
    return where(changed, count + 1, count)
