"""Well clear beside stepping through time, on random encounters: `python -m tests.flight.random_encounters`."""

import sys
from math import inf

import numpy as np

from karyon.flight import well_clear
from karyon.flight.well_clear import Motion, Volume
from tests.reference import well_clear as reference

HORIZON, STEP = 180.0, 0.25  # s
FOOT, MILE = 0.3048, 1852.0
VOLUMES = (
    Volume(0.66 * MILE, 450 * FOOT, 35.0),
    Volume(0.66 * MILE, 700 * FOOT, 35.0),
    Volume(1.0 * MILE, 450 * FOOT, 35.0, 20.0),
    Volume(2200 * FOOT, 450 * FOOT, 0.0),
    Volume(1500 * FOOT, 450 * FOOT, 0.0),
    well_clear.NEAR_MID_AIR_COLLISION,
)


def drawn(count, seed):
    """Relative states (6, count); aimed so that about half of them meet."""
    random = np.random.default_rng(seed)
    meet, miss, across = random.uniform(-60, 240, count), random.normal(0, 2000, count), random.uniform(0, 7, count)
    speed = random.uniform(0, 350, count) * (random.random(count) > 0.03)
    climb = random.normal(0, 8, count) * (random.random(count) > 0.3)
    vx, vy = speed * np.cos(across), speed * np.sin(across)
    x, y = -vx * meet - miss * np.sin(across), -vy * meet + miss * np.cos(across)
    z = random.normal(0, 200, count) - climb * meet * (random.random(count) > 0.4)
    return np.array([x, y, z, vx, vy, climb])


def disagreements(count, seed):
    """(state, volume, interval, stay found by stepping) of each random encounter in which both differ."""
    states, found = drawn(count, seed), []
    for number, volume in enumerate(VOLUMES):
        chosen = states[:, number :: len(VOLUMES)]
        begins, ends = well_clear.interval(Motion(*chosen), volume, HORIZON)
        for state, begin, end in zip(chosen.T.tolist(), begins.tolist(), ends.tolist(), strict=True):
            thresholds = (volume.distance, volume.altitude, volume.tau, volume.coaltitude)
            first, last = reference.stay(state[:3], state[3:], thresholds, HORIZON, STEP)
            if not fits(begin, end, first, last):
                found.append((state, volume, (begin, end), (first, last)))
    return found


def fits(begin, end, first, last):
    """The grid can miss a stay shorter than a step, and sees the ends of a longer one to within a step."""
    if first == inf:
        return end - begin <= STEP
    return first - STEP <= begin <= first + 1e-6 and last - 1e-6 <= end <= last + STEP


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    wrong = disagreements(count, seed=12)
    for case in wrong[:5]:
        print(*case)
    print(f"{count} random encounters, {len(wrong)} of them differ from stepping through time")
    sys.exit(bool(wrong))
