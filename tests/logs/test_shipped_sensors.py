"""Every sensors file that is shipped can be used, and says what it is for."""

import os
from pathlib import Path

import pytest

from karyon.logs import sensors_file
from karyon.logs.perceive import perceive

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("KARYON_DATA", ROOT / "../shared/data"))
SHIPPED = sorted((ROOT / "scenarios/sensors").glob("*.yaml"))
RECORDINGS = {
    "nab": "nab/*.csv",
    "scitos": "scitos_ultrasonic/*.csv.gz",
    "smartloc": "smartloc_gnss/*pseudorange*.csv.gz",
    "uwb": "uwb_labyrinth/*range*.csv",
}


def recordings():
    found = [(name, file) for name, pattern in RECORDINGS.items() for file in sorted(DATA.glob(pattern))]
    absent = pytest.mark.skip(reason=f"no recordings in {DATA}; KARYON_DATA says where they are")
    params = [pytest.param(name, file, id=f"{name}-{file.name}") for name, file in found]
    return params or [pytest.param("", None, marks=absent)]


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stem)
def test_a_shipped_sensors_file_loads_by_its_name(file):
    assert sensors_file.read(file.stem).kind in ("signals", "messages")


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stem)
def test_a_shipped_sensors_file_begins_with_its_schema_and_its_purpose(file):
    schema, purpose, *_ = file.read_text().splitlines()
    assert schema == "# yaml-language-server: $schema=../schema/sensors.json"
    assert purpose.startswith("# ") and len(purpose) > 40


@pytest.mark.parametrize(("name", "file"), recordings())
def test_a_recording_is_judged_from_its_first_row_to_its_last(name, file, tmp_path):
    outcome = perceive(file, name, tmp_path / "judged.csv")
    assert outcome.fault is None
    assert all(tally.samples == outcome.rows for tally in outcome.tallies)
