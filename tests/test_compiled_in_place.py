"""Kernel, control, motion and measures compiled in place: the bits of NumPy, whatever comes, however long."""

from itertools import product
from math import inf, nan
from typing import NamedTuple

import numpy as np
import pytest

from karyon.compiled import in_place
from karyon.control.cruise import Cruise
from karyon.control.situation import Situation
from karyon.kernel import ABSENT, Kernel
from karyon.kernel.elementwise import Floats, at_least, at_most
from karyon.sim.driving import at_first, watch
from karyon.sim.scenario import read
from karyon.sim.vehicle import Motion, Step, moved
from karyon.sim.watch import NONE, Exposure, Handlings

pytest.importorskip("numba")

ROWS, PERIOD = 33, 50_000_000
ABSURD = [nan, inf, -inf, 0.0, -0.0, 1e300, -1e300, 5e-324]


class Compiler:
    """`in_place`, that knows what it has compiled."""

    def __init__(self):
        self.made = []

    def __call__(self, formula):
        self.made.append(in_place(formula))
        return self.made[-1]

    def has_compiled(self, formulas):
        return len(self.made) == formulas and all(each.is_compiled for each in self.made)


@pytest.fixture
def compiler():
    return Compiler()


@pytest.fixture(autouse=True)
def _absurd_numbers_do_not_warn():
    with np.errstate(all="ignore"):
        yield


@pytest.fixture
def rng():
    return np.random.default_rng(11)


def numbers(rng, low, high):
    """One per row, some of them absurd."""
    return np.where(rng.random(ROWS) < 0.05, rng.choice(ABSURD, ROWS), rng.uniform(low, high, ROWS))


def same(one, other):
    return np.array_equal(one, other, equal_nan=one.dtype == float)


def test_the_kernel_decides_the_same(rng, compiler):
    """Signals late, lost, invalid and absurd, clocks that run back or say nothing, and rows that begin anew."""
    design = read("platoon").design
    plain, quick = Kernel(design, ROWS), Kernel(design, ROWS)
    quick.quicken(compiler)
    now, reached = 10 * PERIOD, set()
    for cycle in range(400):
        now += -9 * PERIOD if cycle == 200 else PERIOD
        good = rng.random() < 0.97
        for signal in design.signals:
            value = numbers(rng, 0.0, 50.0) if not good else np.full(ROWS, 20.0)
            time = np.where(rng.random(ROWS) < 0.01, rng.choice([ABSENT, now + 1, now - 20 * PERIOD], ROWS), now)
            validity = np.where(rng.random(ROWS) < 0.01, rng.choice([nan, 0.5, 2.0], ROWS), 1.0)
            for kernel in (plain, quick):
                kernel.seen.see(signal.name, value, time, validity, 0.1, 0.0)
        beats = rng.random(ROWS) < 0.9
        safe = {"acc": rng.random((len(design.functions[0].levels), ROWS)) < 0.98}
        for kernel in (plain, quick):
            for component in design.components:
                kernel.seen.beat(component.name, now, beats)
            for peer in design.peers:
                kernel.seen.agree(peer, 3)
            kernel.step(None if cycle % 150 == 149 else now, None if cycle % 7 == 0 else safe)
            if cycle == 250:
                kernel.reset(beats)
        one, other = plain.snapshot(), quick.snapshot()
        assert all(same(one[name], other[name]) for name in one)
        reached |= set(one["function.acc.level"].tolist())
    assert reached == {0, 1, 2, 3}
    assert compiler.has_compiled(1)


LEVELS = [
    {"time_gap": 2.5, "reaction_time": 1.0},
    {"time_gap": 1.4, "reaction_time": 1.0},
    {"time_gap": 0.9, "reaction_time": 0.5, "closing": 2.0},
    {"time_gap": 0.5, "reaction_time": 0.3, "law": "path"},
]
RANGES = [(0.0, 150.0), (0.0, 40.0), (-10.0, 10.0), (-8.0, 3.0), (0.0, 40.0), (-8.0, 3.0), (-8.0, 3.0), (0.0, 40.0)]


def test_the_cars_are_controlled_the_same(rng, compiler):
    """Each level, laws of ours, commands that others hold back, other cars ahead, and any numbers."""
    plain, quick = Cruise(ROWS, LEVELS, 8.0, 0.2), Cruise(ROWS, LEVELS, 8.0, 0.2)
    quick.quicken(compiler)
    for _ in range(100):
        gap, speed, relative, *others = (numbers(rng, *between) for between in RANGES)
        seen = Situation(gap, speed, relative, rng.random(ROWS) < 0.2, *others, rng.uniform(10.0, 40.0, ROWS))
        told = rng.integers(0, 4, ROWS), rng.random(ROWS) < 0.7, np.abs(numbers(rng, 0.0, 40.0)), 0.05
        announced, held, another = rng.random((3, ROWS)) < 0.5
        for cruise in (plain, quick):
            before = cruise.command.copy()
            command, safe = cruise.update(seen, *told, announced)
            kept = command.copy(), safe.copy()
            cruise.command = np.where(held, command, before)
            cruise.meet(another)
            if cruise is plain:
                expected = kept
        assert all(map(same, expected, kept))
    assert compiler.has_compiled(6)


def test_exposures_are_the_same(rng, compiler):
    """Also those that are found to have ended, and how long faults were handled."""
    told = np.array([1, 1, 2]), np.where(rng.random((3, ROWS)) < 0.2, inf, 0.2)
    exposure, plain, quick = Exposure(*told), Handlings(*told), Handlings(*told)
    quick.quicken(compiler)
    handled, now, since = 0, 0, np.zeros(ROWS, dtype=np.int64)
    for _ in range(60):
        now += PERIOD
        bad, level, is_safe = rng.random((3, ROWS)) < 0.8, rng.integers(0, 3, ROWS), rng.random(ROWS) < 0.5
        since = np.where(rng.random(ROWS) < 0.5, now, since)
        late = exposure.overdue.any(axis=0)
        after = exposure.update(now, bad, level, since)
        for row in range(ROWS):
            began = [each.since for each in exposure.ended() if each.switched and each.row == row]
            assert after.began[row] == min(began, default=NONE)
            handled += len(began)
        one, other = (each.step(now, bad, level, since, is_safe) for each in (plain, quick))
        for name in ("counted", "lasted", "is_counted"):
            assert same(getattr(one, name), getattr(after, name))
            assert same(getattr(one, name), getattr(other, name))
        assert same(one.outlasts, after.late & ~late)
        assert same(one.outlasts, other.outlasts)
        for name in ("worst", "overdue"):
            assert all(same(getattr(exposure, name), getattr(each, name)) for each in (plain, quick))
        assert same(plain.longest, quick.longest)
    assert handled > ROWS
    assert compiler.has_compiled(1)


def test_cars_move_and_are_watched_the_same(rng, compiler):
    """Sums and least values over many instants; some are cut off."""
    motions = [Motion(np.zeros(ROWS), np.full(ROWS, 20.0), np.zeros(ROWS)) for _ in range(2)]
    reactions = np.array([1.0, 1.0, 0.5, 0.3])
    drives = [at_first(reactions, ROWS) for _ in range(2)]
    ways = ((moved, watch), (compiler(moved), compiler(watch)))
    by, known = Step.of(0.05, 0.2, 9.0), (np.arange(4.0)[:, None], reactions[:, None], 4.5, 6.0)
    for now in range(0, 60 * PERIOD, PERIOD):
        command, level, is_cut_off = numbers(rng, -9.0, 3.0), rng.integers(0, 4, ROWS), rng.random(ROWS) < 0.1
        told = *(numbers(rng, -1.0, 50.0) for _ in range(3)), level, rng.random(ROWS) < 0.9
        found = []
        for way, (move, look) in enumerate(ways):
            motions[way] = move(motions[way], command, by).motion
            drives[way].cut_in[is_cut_off] = now
            drives[way], *begun = look(drives[way], *told, *known, now)
            found.append([each.copy() for each in begun])
        assert all(map(same, *motions))
        assert all(map(same, *found))
        for name in ("margins", "drive"):
            assert all(map(same, *(getattr(each, name) for each in drives)))
        for name in ("touches", "intrudes", "cut_in"):
            assert same(*(getattr(each, name) for each in drives))
    assert compiler.has_compiled(2)


def test_what_a_loop_cannot_take_is_refused(compiler):
    """Every other number of an array, one of another type or size, and a state that has a gap: never copied unseen."""
    motion, by = Motion(np.zeros(ROWS), np.full(ROWS, 20.0), np.zeros(ROWS)), Step.of(0.05, 0.2, 9.0)
    quick, command = compiler(moved), np.linspace(-3.0, 3.0, 2 * ROWS)[::2]
    motion = quick(motion, command.copy(), by).motion
    with pytest.raises(TypeError, match="command"):
        quick(motion, command, by)
    for wrong in (np.zeros(2 * ROWS)[::2], np.zeros(ROWS, dtype=np.float32), np.zeros(ROWS + 1)):
        with pytest.raises(TypeError, match=r"before\.speed"):
            quick(motion._replace(speed=wrong, position=np.ones(ROWS)), command.copy(), by)
    kept = command.copy()
    expected = moved(motion, kept, by).motion
    assert all(map(same, quick(motion, kept, by).motion, expected))  # it is looked for again where that is
    assert compiler.has_compiled(1)


def test_tables_may_have_gaps_between_their_rows(rng, compiler):
    """As those that lie in a block do."""
    block = rng.random((3, ROWS + 8)) < 0.8
    exposures = [Handlings(np.array([1, 1, 2]), np.full((3, ROWS), 0.2)) for _ in range(2)]
    exposures[1].quicken(compiler)
    for now in range(0, 60 * PERIOD, PERIOD):
        block[:] = rng.random(block.shape) < 0.8
        told = block[:, :ROWS], np.full(ROWS, 2), np.zeros(ROWS, dtype=np.int64), np.ones(ROWS, dtype=bool)
        one, other = (exposure.step(now, *told) for exposure in exposures)
        assert same(one.counted, other.counted)
    assert same(*(each.worst for each in exposures))
    assert compiler.has_compiled(1)


class Limited(NamedTuple):
    """A number, cut at a limit."""

    above: Floats
    below: Floats


def limited(limit: Floats, number: Floats) -> Limited:
    return Limited(at_most(limit, number), at_least(limit, number))


def test_a_number_is_cut_at_a_limit_as_numpy_cuts_it(compiler):
    """Zeros keep their sign, and a number that is NaN stays one: taken eight at once, and those that are left over."""
    pairs = [(limit, number) for limit, number in product(ABSURD, repeat=2) if not np.isnan(limit)]
    limit, number = (np.array(column) for column in zip(*pairs, strict=True))
    quick = compiler(limited)
    for _ in range(2):  # the first answer is that of NumPy
        for one, other in zip(limited(limit, number), quick(limit, number), strict=True):
            assert same(one, other)
            assert np.array_equal(np.signbit(one), np.signbit(other))
    assert compiler.has_compiled(1)
