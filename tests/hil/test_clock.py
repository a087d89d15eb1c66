"""The clock of a device against the bench's, whatever it does and however long a ping takes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from karyon.hil.clock import DAY, EPOCH_2000, DeviceClock, epoch, oddity

SECOND = 1_000_000_000
MILLISECOND = 1_000_000


class Device:
    """A clock that is `offset` ns ahead at time 0 and gains `drift`; a ping is on its way there and back, ns."""

    def __init__(self, offset=0, drift=0.0, wraps=None):
        self.offset, self.drift, self.wraps = offset, drift, wraps

    def time(self, now):
        told = now + self.offset + round(self.drift * now)
        return told % self.wraps if self.wraps else told

    def answer(self, clock, number, now, there=2 * MILLISECOND, back=2 * MILLISECOND, busy=0):
        clock.pinged(number, now)
        received = now + there
        answered = received + busy
        return clock.ponged(number, now, self.time(received), self.time(answered), answered + back)


def synchronised(device, pings=4, begin=0):
    clock = DeviceClock()
    for number in range(pings):
        assert device.answer(clock, number, begin + number * SECOND)
    return clock, begin + pings * SECOND


@given(
    offset=st.integers(-(10**19), 10**19),
    drift=st.floats(-200e-6, 200e-6),
    ways=st.lists(
        st.tuples(st.integers(0, 300 * MILLISECOND), st.integers(0, 300 * MILLISECOND)), min_size=2, max_size=40
    ),
    after=st.integers(0, 3600 * SECOND),
)
def test_the_true_time_is_within_the_bound(offset, drift, ways, after):
    """However far off and fast the clock is, and however uneven the ways of the pings are."""
    device, clock = Device(offset, drift), DeviceClock()
    for number, (there, back) in enumerate(ways):
        device.answer(clock, number, number * SECOND, there, back)
    now = len(ways) * SECOND + after
    assert clock.is_known
    assert clock.jumps == 0
    stamp = device.time(now)
    assert clock.earliest(stamp, now) - 2 <= now <= clock.latest(stamp, now) + 2  # 2 ns: stamps are whole numbers


def test_the_shortest_way_says_it_best():
    """One quick ping among slow ones sets the bound."""
    device, clock = Device(7 * 3600 * SECOND), DeviceClock()
    for number, way in enumerate((80, 1, 80, 80)):
        device.answer(clock, number, number * SECOND, way * MILLISECOND, way * MILLISECOND)
    offset, bound = clock.offset(4 * SECOND)
    assert abs(offset - device.offset) <= MILLISECOND
    assert bound <= 3 * MILLISECOND  # 1 ms, and what may have drifted since


def test_the_bound_grows_while_nothing_is_answered():
    clock, now = synchronised(Device())
    assert clock.offset(now + 4 * SECOND)[1] > clock.offset(now)[1] + MILLISECOND


def test_drift_is_estimated():
    clock, _ = synchronised(Device(drift=150e-6), pings=16)
    assert clock.drift == pytest.approx(150e-6, abs=1e-6)


def test_a_clock_is_not_known_by_one_answer():
    device, clock = Device(), DeviceClock()
    device.answer(clock, 0, 0)
    assert not clock.is_known
    device.answer(clock, 1, SECOND)
    assert clock.is_known


@pytest.mark.parametrize("step", [3600 * SECOND, -3600 * SECOND, 50 * MILLISECOND], ids=["ahead", "back", "a little"])
def test_a_clock_that_is_set_is_forgotten_and_learned_anew(step):
    device = Device(5 * SECOND)
    clock, now = synchronised(device)
    device.offset += step
    device.answer(clock, 100, now)
    assert (clock.jumps, clock.is_known) == (1, False)
    device.answer(clock, 101, now + SECOND)
    offset, bound = clock.offset(now + SECOND)
    assert abs(offset - device.offset) <= bound


def test_a_clock_that_wraps_is_learned_anew():
    """A counter of 2^30 ms, as MicroPython's `ticks_ms` is."""
    device = Device(offset=2**30 * MILLISECOND - 2500 * MILLISECOND, wraps=2**30 * MILLISECOND)
    clock, now = synchronised(device, pings=6)
    assert clock.jumps == 1
    stamp = device.time(now)
    assert clock.earliest(stamp, now) <= now <= clock.latest(stamp, now)


def test_a_clock_that_runs_backwards_is_never_known():
    device, clock = Device(drift=-2.0), DeviceClock()
    for number in range(6):
        device.answer(clock, number, number * SECOND)
        assert not clock.is_known


def test_an_answer_counts_once_and_only_to_a_ping_that_was_sent():
    clock = DeviceClock()
    clock.pinged(1, 100)
    assert not clock.ponged(2, 100, 150, 160, 200)
    assert not clock.ponged(1, 101, 150, 160, 200)
    assert not clock.ponged(1, 100, 160, 150, 200)
    assert not clock.ponged(1, 100, 150, 160, 99)
    assert clock.ponged(1, 100, 150, 160, 200)
    assert not clock.ponged(1, 100, 150, 160, 200)


def test_pings_without_answer_are_forgotten():
    clock = DeviceClock()
    for number in range(1000):
        clock.pinged(number, number)
    assert not clock.ponged(0, 0, 1, 1, 2)
    assert clock.ponged(999, 999, 1000, 1000, 1001)


def test_an_epoch_of_2000_is_named():
    now = 1_900_000_000 * SECOND
    assert "MicroPython" in oddity(now - EPOCH_2000, now)
    assert epoch(now - EPOCH_2000 + SECOND, now) == EPOCH_2000
    assert oddity(now - 7200 * SECOND, now) == "is -7200 s off the clock of the bench"
    assert oddity(now + SECOND // 2, now) == ""
    assert epoch(now - EPOCH_2000 - DAY, now) == epoch(now, now) == 0
