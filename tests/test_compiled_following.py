"""Car following, compiled: the bits of NumPy in all that it measures, says and remembers, whatever comes."""

from math import inf, nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from karyon import compiled
from karyon.kernel.elementwise import blank
from karyon.perception.following import CHECKS, MESSAGE, OWN, Following, Noise, Tolerated
from karyon.perception.sensors import Samples, stacked
from karyon.sim.run import simulate
from karyon.sim.scenario import read
from karyon.sim.sensors import COARSE, Error, Five, Motion, say, show

pytest.importorskip("numba")

ROWS, PERIOD = 19, 50_000_000  # rows: two and more of what a processor takes at once, and some that are left over
LIMITS = (0.3, 0.3, 0.3, 0.3, 0.5, 0.5)
NOISE = Noise(position_bias=3.0, message_position_bias=3.0)


def story(seed, cycles):
    """What comes in each cycle: the motion of two cars, and everything that can go wrong with its samples."""
    rng = np.random.default_rng(seed)
    gap, speed = rng.uniform(5.0, 200.0, ROWS), rng.uniform(0.0, 30.0, ROWS)
    relative, offset = rng.normal(0.0, 2.0, ROWS), np.zeros((len(OWN) + len(MESSAGE), ROWS))
    ahead = 1000.0
    for cycle in range(cycles):
        now = cycle * PERIOD
        gap, ahead = np.maximum(gap + 0.05 * relative, 0.5), ahead + 0.05 * (speed + relative)
        far = gap >= 150.0
        seen = [np.where(far, 150.0, gap), np.where(far, 0.0, relative), speed, 0.0 * speed, ahead - gap - 4.5]
        told = [ahead, speed + relative, 0.0 * speed, rng.choice([0.0, -3.0], ROWS)]
        offset = np.where(rng.random(offset.shape) < 0.01, rng.choice([0.0, 0.0, 5.0, -40.0]), offset)
        value = np.stack(seen + told) + offset + rng.normal(0.0, 0.05, offset.shape)
        value = np.where(rng.random(value.shape) < 0.01, rng.choice([nan, inf, -inf, 1e300, 0.0]), value)
        time = np.where(rng.random(value.shape) < 0.02, now - rng.integers(-2, 5, value.shape) * PERIOD, now)
        fresh = (rng.random(value.shape) < 0.9) & (rng.random(ROWS) < 0.97)
        fresh[len(OWN) :] &= (cycle % 2 == 0) & fresh[len(OWN)]
        running = rng.random(ROWS) < 0.9 if rng.random() < 0.3 else None
        handed_over = rng.random(ROWS) < 0.02 if rng.random() < 0.5 else None
        further = np.where(rng.random(ROWS) < 0.5, rng.normal(0.0, 20.0, ROWS), nan)
        own, message = (Samples(value[part], time[part], fresh[part]) for part in (slice(0, 5), slice(5, 9)))
        yield now, own, message, running, handed_over, further


def leaves(values):
    """All arrays within tuples."""
    for each in values:
        yield from leaves(each) if isinstance(each, tuple) else [each]


def said(perception, *come):
    """All that it says and remembers after one more look, copied: its arrays are used again."""
    seen = perception.update(*come)
    lead = seen.lead
    told = (seen.value, seen.time, seen.fresh, seen.validity, seen.speed_bound, seen.speed_known, seen.gap)
    heard = (lead.value, lead.time, lead.fresh, lead.validity)
    return [array.copy() for array in (*told, *heard, *leaves(perception.state))]


@given(st.integers(0, 2**32 - 1), st.integers(0, 60), st.sets(st.sampled_from(CHECKS), max_size=2))
@settings(max_examples=20, deadline=None)
def test_the_bits_are_those_of_numpy(seed, at, silent):
    """From the first look on, or from any other; with any check silent."""
    plain, quick = (Following(ROWS, NOISE, Tolerated(), LIMITS, silent) for _ in range(2))
    with np.errstate(all="ignore"):
        for cycle, come in enumerate(story(seed, 120)):
            if cycle == at:
                quick.quicken(compiled.in_place)
            for one, other in zip(said(plain, *come), said(quick, *come), strict=True):
                assert np.array_equal(one, other, equal_nan=one.dtype.kind == "f")
    assert quick._look.is_compiled  # and so it was not NumPy both times


def anything(seed, count):
    """Rows of numbers that are usual, at an edge, or absurd."""
    rng = np.random.default_rng(seed)
    edges = [nan, inf, -inf, 0.0, -0.0, 0.005, -0.005, 1e300, 5e-324, 150.0, np.nextafter(150.0, 0.0), 16.0, 163.82]
    table = blank(count, ROWS, np.float64)
    table[:] = np.where(
        rng.random(table.shape) < 0.3, rng.choice(edges, table.shape), rng.normal(0.0, 90.0, table.shape)
    )
    return table


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=50, deadline=None)
def test_sensors_show_and_cars_say_the_bits_of_numpy(seed):
    given = {
        show: (Five(*anything(seed, 5)), Five(*anything(seed + 1, 5)), 150.0, float(np.nextafter(150.0, 0.0))),
        say: (Motion(*anything(seed, 4)), Error(*anything(seed + 1, 4)), COARSE),
    }
    for formula, arguments in given.items():
        with np.errstate(all="ignore"):
            plain, quick = formula(*arguments), QUICK[formula](*arguments)
        for one, other in zip(leaves(plain), leaves(quick), strict=True):
            assert np.array_equal(one, other, equal_nan=True)
            assert np.array_equal(np.signbit(one), np.signbit(other) | np.isnan(one) & np.signbit(one))
        assert QUICK[formula].is_compiled


QUICK = {formula: compiled.in_place(formula) for formula in (show, say)}


def test_arrays_side_by_side_are_one_without_a_copy():
    """Others are copied, and so are those in another order."""
    table = blank(7, ROWS, np.float64)
    table[:] = np.arange(7)[:, None]
    for rows in ([1, 2, 3], [0, 3, 6]):
        found = stacked([table[row] for row in rows])
        assert np.shares_memory(found, table)
        assert np.array_equal(found, table[rows])
    for rows in ([3, 2, 1], [0, 1, 3]):
        found = stacked([table[row] for row in rows])
        assert not np.shares_memory(found, table)
        assert np.array_equal(found, table[rows])


def quicken(simulation):
    simulation.perception.quicken(compiled.in_place)
    simulation.sensors.quicken(compiled.in_place)
    simulation.messages.quicken(compiled.in_place)


@pytest.mark.parametrize("scenario", ["acc_radar_drift", "platoon_attack_replay"])
def test_runs_are_the_same(scenario):
    """All that they measure and tell: with faults, losses, several runs side by side."""
    settings = ("duration=8", "faults.0.onset=2", "faults.0.duration=3", "radio.loss=0.3")
    batch = [read(scenario, settings, seed=seed) for seed in (1, 2)]
    plain, quick = (simulate(batch, [None, None], attend=attend) for attend in (None, quicken))
    for one, other in zip(plain, quick, strict=True):
        assert one.events == other.events
        assert one.summary | {"wall": 0} == other.summary | {"wall": 0}
