"""Ranges to satellites: the weaker the signal, and the lower down its source, the less it is believed."""

import csv
import gzip
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from karyon.logs.judging import SignalJudge
from karyon.logs.sensors_file import read
from karyon.logs.tables import open_log
from karyon.perception.reception import Reception
from tests.perception.separation import separation

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("KARYON_DATA", ROOT / "../shared/data"))
RECEPTION = Reception(floor=8.4, noise=390.0, tolerated=50.0)


@given(density=st.floats(1.0, 70.0), elevation=st.floats(0.1, 90.0), more=st.floats(0.0, 30.0))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_a_stronger_signal_and_a_higher_satellite_are_never_believed_less(density, elevation, more):
    before = RECEPTION.validity(density, elevation)
    assert RECEPTION.validity(min(density + more, 70.0), elevation) >= before
    assert RECEPTION.validity(density, min(elevation + more, 90.0)) >= before


@given(density=st.floats(), elevation=st.floats())
@settings(max_examples=300, deadline=None, derandomize=True)
def test_anything_has_a_validity(density, elevation):
    """What no receiver says is not believed."""
    seen = float(RECEPTION.validity(density, elevation))
    assert 0.0 <= seen <= 1.0
    if not (0.0 < density <= 70.0 and 0.0 < elevation <= 90.0):
        assert seen == 0.0


def test_validity_is_the_share_of_tolerable_errors():
    """Drawn with the variance that the model states."""
    rng = np.random.default_rng(4)
    for density, elevation in ((45.0, 60.0), (30.0, 30.0), (25.0, 15.0)):
        errors = rng.normal(0.0, RECEPTION.sigma(density, elevation), 20000)
        assert RECEPTION.validity(density, elevation) == pytest.approx(np.mean(np.abs(errors) <= 50.0), abs=0.01)


def test_the_model_is_the_published_one():
    """At the zenith the mapping is 1, to 1 in 10^5; at the horizon it is 1.001 / sqrt(0.002001)."""
    assert RECEPTION.sigma(40.0, 90.0) == pytest.approx(np.sqrt(8.4**2 + 390.0**2 * 1e-4), rel=1e-5)
    assert RECEPTION.sigma(40.0, 0.0) == pytest.approx(22.378 * np.sqrt(8.4**2 + 390.0**2 * 1e-4), rel=1e-4)


def test_real_ranges_are_told_apart():
    """Of a receiver in the middle of Berlin, with truth: separation, and validity against what is tolerable."""
    file = DATA / "smartloc_gnss/potsdamer_platz_pseudorange_residuals.csv.gz"
    if not file.exists():
        pytest.skip(f"no recordings in {DATA}; KARYON_DATA says where they are")
    with gzip.open(file, "rt") as stream:
        error = np.array([abs(float(row["resid_m"])) for row in csv.DictReader(stream)])
    with open_log(file) as log:
        tables = list(SignalJudge(log, read("smartloc")).tables())
    seen = np.concatenate([table["pseudorange_validity"].to_numpy() for table in tables])
    bad = error > 50.0
    assert separation(seen, bad) >= 0.85
    for part in np.array_split(np.argsort(seen, kind="stable"), 5):
        assert np.mean(seen[part]) == pytest.approx(1.0 - np.mean(bad[part]), abs=0.1)
