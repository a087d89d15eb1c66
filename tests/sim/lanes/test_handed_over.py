"""What sensors of lanes say of another car that they tell of: where it was when they still told of the one before."""

from itertools import pairwise

import numpy as np

from karyon.perception.following import DISTANCE
from karyon.sim import kinds


def test_the_step_to_another_car_is_what_the_distance_has_not_moved():
    """Truth before, the step, and how far the new one has moved since, are the truth now; nobody is at the range."""
    run = kinds.begin([kinds.read("lane_change", ["duration=20"], 3)], [None])
    sensing, told = run.sensing, []
    update = sensing.perception.update

    def watched(now, own, message, running, handed_over, further):
        told.append((sensing.true[DISTANCE].copy(), sensing.true[1].copy(), handed_over.copy(), further.copy()))
        return update(now, own, message, running, handed_over, further)

    sensing.perception.update = watched
    run.run()
    errors = []
    for (before, _, _, _), (after, rate, another, further) in pairwise(told):
        assert not np.any(further[~another])
        moved = np.minimum(before + further, sensing.range) + 0.05 * rate
        errors += (after - moved)[another].tolist()
    assert len(errors) > 10
    assert np.abs(errors).max() < 0.01
