import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from karyon.flight import uncertainty, well_clear
from karyon.flight.uncertainty import Errors, Scores
from karyon.flight.well_clear import Motion
from tests.flight import random_encounters
from tests.flight.random_encounters import HORIZON, VOLUMES

PHASE_I = VOLUMES[0]
NO_ERRORS = Errors(0.0, 0.0, 0.0, 0.0)


def test_stays_are_those_of_stepping_through_time():
    """Begin and end of every stay, for random encounters; `random_encounters` does 10,000 by hand."""
    assert random_encounters.disagreements(900, seed=3) == []


def test_random_encounters_are_of_all_kinds():
    """Some never come inside, some are inside now, some come and stay on until the end."""
    begin, end = well_clear.interval(Motion(*random_encounters.drawn(2000, seed=3)), PHASE_I, HORIZON)
    for share in (np.isinf(begin), begin == 0.0, (begin > 0.0) & (end < HORIZON), end == HORIZON):
        assert 20 < np.count_nonzero(share) < 1980


def test_now_agrees_with_the_interval():
    states = Motion(*random_encounters.drawn(3000, seed=5))
    for volume in VOLUMES:
        begin, _ = well_clear.interval(states, volume, HORIZON)
        assert (well_clear.inside(states, volume) == (begin == 0.0)).all()


def test_standing_pairs_stay_where_they_are():
    near, far = Motion(100.0, 0.0, 0.0, 0.0, 0.0, 0.0), Motion(9000.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    assert well_clear.interval(near, PHASE_I, HORIZON) == (0.0, HORIZON)
    assert well_clear.interval(far, PHASE_I, HORIZON) == (np.inf, -np.inf)
    assert well_clear.closest_approach(far) == (0.0, 9000.0)


@pytest.mark.parametrize("lost", range(6))
def test_unknown_states_are_in_no_volume(lost):
    """NaN is the caller's to see: it is no stay, and never a time."""
    states = random_encounters.drawn(50, seed=9)
    states[lost] = np.nan
    begin, end = well_clear.interval(Motion(*states), PHASE_I, HORIZON)
    assert np.isinf(begin).all() and np.isinf(end).all()


def test_without_errors_the_uncertain_stay_is_the_certain_one():
    states = Motion(*random_encounters.drawn(2000, seed=7))
    for volume in VOLUMES:
        uncertain = uncertainty.interval(states, NO_ERRORS, volume, HORIZON)
        assert np.array_equal(uncertain, well_clear.interval(states, volume, HORIZON))


def perturbed(states, errors, random):
    """States within the errors: anywhere in the discs, often on their rims."""
    count = states.shape[1]
    for offset, error in ((0, errors.position), (3, errors.velocity)):
        angle, radius = random.uniform(0, 2 * np.pi, count), error * np.minimum(1.0, random.uniform(0, 2, count))
        states[offset] += radius * np.cos(angle)
        states[offset + 1] += radius * np.sin(angle)
    states[2] += errors.altitude * random.choice([-1.0, 0.0, 1.0], count)
    states[5] += errors.climb * random.choice([-1.0, 0.0, 1.0], count)
    return states


@pytest.mark.parametrize(
    "errors", [Errors(300.0, 50.0, 8.0, 2.0), Errors(80.0, 0.0, 2.0, 0.0), Errors(0.0, 30.0, 0.0, 5.0)]
)
def test_no_state_within_the_errors_comes_earlier_or_stays_longer(errors):
    """The uncertain stay holds the stay of every state that the errors allow."""
    random = np.random.default_rng(1)
    states = random_encounters.drawn(1500, seed=11)
    begin, end = uncertainty.interval(Motion(*states), errors, PHASE_I, HORIZON)
    for _ in range(20):
        within = perturbed(states.copy(), errors, random)
        first, last = well_clear.interval(Motion(*within), PHASE_I, HORIZON)
        held = np.isinf(first) | ((begin <= first + 1e-6) & (last <= end + 1e-6))
        assert held.all(), states[:, ~held].T[0]


@given(east=st.floats(0, 1e3), north=st.floats(0, 1e3), share=st.floats(-1, 1))
def test_largest_deviation_is_that_of_the_ellipse(east, north, share):
    root = np.sign(share) * np.sqrt(abs(share) * east * north)
    largest = np.linalg.eigvalsh([[east**2, share * east * north], [share * east * north, north**2]])[-1]
    assert uncertainty.largest_deviation(east, north, root) == pytest.approx(np.sqrt(max(largest, 0.0)), abs=1e-6)


def test_scores_of_velocity_grow_as_the_pair_comes_near():
    scores = Scores(position=1.5, velocity_far=0.5, velocity_near=1.0, far=9260.0, altitude=0.75, climb=1.5)
    bounds = uncertainty.bounded(scores, Errors(100.0, 40.0, 2.0, 1.0), np.array([0.0, 4780.0, 9410.0, 50_000.0]))
    assert bounds.velocity == pytest.approx([2.0, 1.5, 1.0, 1.0])
    assert (bounds.position, bounds.altitude, bounds.climb) == (150.0, 30.0, 1.5)
