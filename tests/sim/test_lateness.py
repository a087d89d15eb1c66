"""Which signals are late, compared with a look at one after the other; compiled, the same bits."""

import numpy as np
import pytest

from karyon import compiled
from karyon.perception.sensors import NEVER, Samples
from karyon.sim.lateness import LONG_AGO, Lateness

ROWS, PERIOD, LIMITS = 21, 50, np.array([100, 100, 200])


def looks(rng):
    """What came of two own signals and of one message, whose first field tells, and what of it was due."""
    for cycle in range(60):
        now = cycle * PERIOD
        shape = 2 + 4, ROWS
        time = np.where(rng.random(shape) < 0.1, NEVER, now - PERIOD * rng.integers(0, 6, shape))
        fresh = rng.random(shape) < 0.7
        value = np.zeros(shape)
        own, message = (Samples(value[part], time[part], fresh[part]) for part in (slice(0, 2), slice(2, 6)))
        yield now, rng.random((3, ROWS)) < 0.6, own, message


@pytest.mark.parametrize("is_compiled", [False, True])
def test_late_is_what_was_due_and_did_not_come_in_time(is_compiled):
    if is_compiled:
        pytest.importorskip("numba")
    lateness = Lateness((2, 1), LIMITS, ROWS)
    if is_compiled:
        lateness.quicken(compiled.in_place)
    late, arrived = np.zeros((3, ROWS), dtype=bool), np.full((3, ROWS), LONG_AGO)
    for now, due, own, message in looks(np.random.default_rng(5)):
        lateness.due[:] = due
        lateness.look(now, [own, message])
        for signal, row in np.ndindex(3, ROWS):
            samples, place = (own, signal) if signal < 2 else (message, 0)
            came, when = samples.fresh[place, row], int(samples.time[place, row])
            if came:
                arrived[signal, row] = now
            if came and (when == NEVER or now - when <= LIMITS[signal]):
                late[signal, row] = False
            elif due[signal, row]:
                late[signal, row] = True
        assert np.array_equal(lateness.waiting.late, late)
        assert np.array_equal(lateness.waiting.arrived, arrived)
    assert late.any()
    if is_compiled:
        assert all(each.is_compiled for each in lateness._waits)
