"""What a merge costs: speed that cars take off by braking, of those on the ramp and of those beside it."""

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from karyon.sim.lanes.merging import braked, per_change


def test_what_is_braked_is_counted_where_a_car_began(tmp_path):
    """Speeding up takes nothing back; who has come off the ramp is still of the ramp."""
    table = {"vehicle": [0, 1] * 4, "speed": [20.0, 20.0, 15.0, 18.0, 19.0, 18.0, 16.0, 20.0], "lane": [0, 1] + [1] * 6}
    parquet.write_table(pa.table(table), tmp_path / "trace.parquet")
    assert braked(tmp_path) == (pytest.approx(2.0), pytest.approx(8.0))


def test_a_mean_is_told_with_its_interval():
    """Of all changes of all runs, however many a run has; no spread, no width."""
    assert per_change(np.array([4.0, 8.0]), np.array([2.0, 4.0])) == "2.0 (2.0 to 2.0)"
    assert per_change(np.array([0.0, 6.0] * 20), np.ones(40)) == "3.0 (2.1 to 3.9)"
