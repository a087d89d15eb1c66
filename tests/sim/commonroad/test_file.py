"""CommonRoad files: what is read, and what is said of bad ones."""

import csv
import gzip
import os
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

from karyon.sim.commonroad.file import read
from karyon.sim.documents import InputError
from tests.sim.commonroad import made

pytest.importorskip("commonroad")
DATA = Path(os.environ.get("KARYON_DATA", "")) / "commonroad_ngsim"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="KARYON_DATA has no commonroad_ngsim")
HEAD = '<commonRoad commonRoadVersion="2020a" timeStepSize="0.1" benchmarkID="ZAM_Made-1_1_T-1" author="A">'


def refused(path, text):
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError) as error:
        read(path)
    return str(error.value).replace(str(path), "f.xml").splitlines()


@needs_data
@pytest.mark.parametrize("name", ["USA_US101-4_1_T-1", "USA_Lanker-1_1_T-1", "ZAM_Urban-3_3_Repair"])
def test_tracks_are_those_that_others_have_read(name):
    """2018b and 2020a, against tables made of the same files by other hands."""
    recording = read(DATA / f"{name}.xml.gz")
    with gzip.open(DATA / f"{name}_tracks.csv.gz", "rt") as stream:
        rows = list(csv.DictReader(stream))
    found = {(track.number, track.first + i): track for track in recording.tracks for i in range(len(track.x))}
    assert len({(row["id"], row["t_s"]) for row in rows}) == len(found)
    for row in rows:
        step = round(float(row["t_s"]) / recording.step)
        track = found[int(row["id"]), step]
        at = step - track.first
        mine = track.x[at], track.y[at], track.speed[at], np.cos(track.heading[at]), track.length, track.width
        theirs = [float(row[key]) for key in ("x_m", "y_m", "v_mps", "yaw_rad", "length_m", "width_m")]
        theirs[3] = np.cos(theirs[3])
        assert_allclose(mine, theirs, atol=1e-4)  # the table has four decimals


@pytest.mark.parametrize("version", ["2018b", "2020a"])
@pytest.mark.parametrize("packed", [False, True])
def test_both_versions_are_read_packed_or_not(tmp_path, version, packed):
    path = made.road(tmp_path / "f.xml", made.car(7, made.straight(5.0, 1, 20.0), 0.5, 3.0), version)
    if packed:
        path = tmp_path / "f.xml.gz"
        path.write_bytes(gzip.compress((tmp_path / "f.xml").read_bytes()))
    recording = read(path)
    (track,) = recording.tracks
    assert (recording.version, recording.steps, len(recording.lanelets)) == (version, 30, 6)
    assert (track.number, track.first, track.last, track.length) == (7, 5, 30, made.LENGTH)
    assert_allclose(track.x, 5.0 + 20.0 * 0.1 * np.arange(5, 31))
    assert [each.successors for each in recording.lanelets[:2]] == [(20,), ()]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ["f.xml:1:1: error: is not XML: no element found"]),
        (HEAD + "\n<lanelet>", ["f.xml:2:10: error: is not XML: no element found"]),
        (
            "\n<osm/>",
            [
                "f.xml:2:1: error: the outermost element is `osm`, expected `commonRoad`",
                "     = this is another kind of XML file",
            ],
        ),
        (
            HEAD.replace("2020a", "2017a") + "</commonRoad>",
            [
                "f.xml:1:1: error: version `2017a` of CommonRoad is not read, expected 2018b and 2020a",
                "     = CommonRoad's scenario converter writes 2020a",
            ],
        ),
        (
            HEAD.replace("2020a", "2020") + "</commonRoad>",
            [
                "f.xml:1:1: error: version `2020` of CommonRoad is not read, expected 2018b and 2020a",
                "     = did you mean 2020a?",
            ],
        ),
        (
            HEAD.replace('commonRoadVersion="2020a" ', "") + "</commonRoad>",
            [
                "f.xml:1:1: error: its CommonRoad version is not said, expected 2018b and 2020a",
                "     = CommonRoad's scenario converter writes 2020a",
            ],
        ),
        (
            HEAD.replace("0.1", "-1") + "\n <x>east</x><y>nan</y></commonRoad>",
            [
                "f.xml:1:1: error: timeStepSize is a time from 0.001 to 10 s, found -1",
                "f.xml:2:2: error: `x` is a number, found `east`",
                "f.xml:2:13: error: `y` is a number, found `nan`",
            ],
        ),
        (HEAD + "</commonRoad>", ["f.xml: error: has no lanelet: a road is needed"]),
        (b"\x1f\x8b\x08\x00", ["f.xml:1:1: error: the gzip file is cut off here"]),
        (
            '<!DOCTYPE a [<!ENTITY b "c">]><commonRoad/>',
            ["f.xml:1:25: error: declares an entity, which no CommonRoad file needs"],
        ),
    ],
)
def test_bad_files_are_told_with_their_place(tmp_path, text, said):
    assert refused(tmp_path / "f.xml", text) == said


def test_what_is_wrong_with_cars_is_told_by_their_numbers(tmp_path):
    whole = made.road(tmp_path / "a.xml", made.car(7, made.straight(5.0, 1, 20.0), 0.0, 1.0)).read_text()
    gap = whole.replace("<time><exact>5</exact></time>", "<time><exact>6</exact></time>", 1)
    assert refused(tmp_path / "f.xml", gap) == [
        "f.xml:16:1: error: obstacle 7 has steps that do not follow on each other: after 4"
    ]
    round_one = whole.replace(
        f"<rectangle><length>{made.LENGTH}</length><width>{made.WIDTH}</width></rectangle>",
        "<circle><radius>2.0</radius></circle>",
    )
    read.cache_clear()
    said = ["f.xml:16:1: error: obstacle 7 has no rectangle with a length and a width as its shape"]
    assert refused(tmp_path / "f.xml", round_one) == said


def test_cars_that_are_placed_into_each_other_are_refused(tmp_path):
    """At the first instant that both have; those that come to touch later were recorded like that."""
    first = made.car(7, made.straight(0.0, 1, 20.0), 0.0, 2.0)
    late = made.car(8, made.straight(3.0, 1.3, 20.0), 1.0, 2.0)
    closing = made.car(9, made.straight(-made.LENGTH - 1.0, 1, 23.0), 0.0, 2.0)
    text = made.road(tmp_path / "a.xml", first + late + closing).read_text()
    line = text[: text.index('<dynamicObstacle id="8"')].count("\n") + 1
    said = f"f.xml:{line}:1: error: obstacle 8 is placed into obstacle 7: they overlap at step 10"
    assert refused(tmp_path / "f.xml", text) == [said]


def test_what_its_reader_cannot_read_is_no_traceback(tmp_path):
    whole = made.road(tmp_path / "a.xml", made.car(7, made.straight(5.0, 1, 20.0), 0.0, 1.0)).read_text()
    (line,) = refused(tmp_path / "f.xml", whole.replace("<type>car</type>", "<type>sofa</type>"))
    assert line.startswith("f.xml: error: commonroad-io cannot read it: ")
