import numpy as np
import pytest

from karyon.flight import alerting
from karyon.flight.alerting import Hysteresis, Level
from karyon.flight.well_clear import Volume
from tests.reference.well_clear import Alert

VOLUME = Volume(1000.0, 150.0, 35.0)
LEVELS = (Level(VOLUME, 55.0, 75.0), Level(VOLUME, 55.0, 75.0), Level(VOLUME, 25.0, 55.0))
DO_365 = Hysteresis(forget=5.0, persist=4.0, m=2, n=4)


@pytest.mark.parametrize("hysteresis", [DO_365, Hysteresis(), Hysteresis(3.0, 2.0), Hysteresis(9.0, 0.0, 3, 5)])
def test_alerts_settle_as_one_by_one(hysteresis):
    """Many intruders at once, some of them away at times, beside one at a time."""
    random = np.random.default_rng(4)
    intruders, cycles = 200, 60
    state = alerting.none_yet(intruders, hysteresis)
    singly = [Alert(hysteresis.forget, hysteresis.persist, hysteresis.m, hysteresis.n) for _ in range(intruders)]
    now = 0.0
    for _ in range(cycles):
        now += random.choice([1.0, 1.0, 1.0, 2.0, 7.0])
        asked, present = random.choice([0, 0, 1, 2, 3, 3], intruders), random.random(intruders) < 0.9
        state = alerting.settled(asked, state, hysteresis, now, present)
        for index in np.flatnonzero(present):
            assert state.level[index] == singly[index].cycle(int(asked[index]), now)


def test_an_alert_is_asked_for_earlier_while_it_stands():
    state = alerting.none_yet(3, DO_365)._replace(level=np.array([0, 2, 3]), seen=np.zeros(3))
    begins = np.array([[60.0] * 3, [60.0] * 3, [54.0] * 3])
    assert alerting.raw(LEVELS, begins, state, now=1.0).tolist() == [0, 2, 3]


def test_an_alert_is_asked_for_before_its_time_and_not_at_it():
    state = alerting.none_yet(4, DO_365)
    begins = np.array([[55.0, 54.99, 0.0, np.inf]] * 2 + [[np.inf] * 4])
    assert alerting.raw(LEVELS, begins, state, now=0.0).tolist() == [0, 2, 2, 0]


def test_one_bad_cycle_of_four_raises_no_alert():
    state, alerts = alerting.none_yet(1, DO_365), []
    for now, asked in enumerate([0, 0, 0, 3, 0, 0, 0, 0]):
        state = alerting.settled(np.array([asked]), state, DO_365, float(now), np.array([True]))
        alerts.append(int(state.level[0]))
    assert alerts == [0] * 8
