import csv
import json
import os
import subprocess
import sys
from math import inf
from pathlib import Path

import numpy as np
import pytest

from karyon.daa import alerts, answer, configuration, encounter

HERE = Path(__file__).parent
DATA = Path(os.environ.get("KARYON_DATA", HERE.parents[1] / ".." / "shared" / "data")) / "daidalus"
recorded = pytest.mark.skipif(not DATA.is_dir(), reason="recordings are not here: set KARYON_DATA")
NAMES = "NAME lat lon alt trk gs vs time\n[none] [deg] [deg] [ft] [deg] [knot] [fpm] [s]\n"
UNCERTAIN = "s_EW_std s_NS_std sz_std v_EW_std v_NS_std vz_std", "[nmi] [nmi] [ft] [knot] [knot] [fpm]"
SCORES = """h_pos_z_score = 1.5
h_vel_z_score_min = 0.5
h_vel_z_score_max = 1.0
h_vel_z_distance = 5 [nmi]
v_pos_z_score = 0.75
v_vel_z_score = 1.5
"""


def judged(tmp_path, text, configured=""):
    path, settings = tmp_path / "made.daa", tmp_path / "made.conf"
    path.write_text(text)
    settings.write_text((HERE / "good.conf").read_text() + configured)
    return answer.judged(path, settings)


def head_on(latitude=47.0, longitude=8.0, miles=12.0, seconds=80, more="", names=("A", "B"), every=1):
    """Two aircraft that meet head-on in 180 s at 120 knots each, on one meridian."""
    rows = []
    for second in range(0, seconds, every):
        way = second * 120 / 3600
        for name, north, track in ((names[0], way, 0), (names[1], miles - way, 180)):
            rows.append(f"{name} {latitude + north / 60:.7f} {longitude:.7f} 5000 {track} 120 0 {second}{more}")
    return "\n".join(rows) + "\n"


@recorded
def test_everything_is_as_nasa_computed_it():
    """Alert, times to the volumes, separation and closest approach, to the six digits of the published output."""
    lines = (DATA / "DaidalusqAlerting-no_sum.csv").read_text().splitlines()
    columns = [name.strip() for name in lines[0].split(",")]
    truth = [dict(zip(columns, (cell.strip() for cell in line.split(",")), strict=False)) for line in lines[2:]]
    flown, settings = encounter.load(DATA / "H1.daa"), configuration.load(DATA / "DO_365B_no_SUM.conf")
    found = alerts.judge(flown, settings)

    def of(column, unit=1.0):
        return [inf if row[column] == "infty" else float(row[column]) * unit for row in truth]

    assert found.alert[0].tolist() == of("Alert Level")
    assert found.horizontal[0] == pytest.approx(of("Horizontal Separation", 1852.0), abs=1e-3)
    assert found.vertical[0] == pytest.approx(of("Vertical Separation", 0.3048), abs=1e-6)
    assert found.tcpa[0] == pytest.approx(of("Projected TCPA"), abs=1e-6)
    assert found.dcpa[0] == pytest.approx(of("Projected DCPA", 1852.0), abs=1e-3)
    times = alerts.times_to_volume(flown, settings)[0]
    for level in (1, 2, 3):
        assert times[level - 1, 0] == pytest.approx(of(f"Time to Volume of Alert({level})"), abs=1e-6)


def test_a_head_on_pair_is_alerted_and_let_go(tmp_path):
    """12 miles at 240 knots: 0.66 miles and tau of 35 s are reached 55 s ahead at about 87 s."""
    found = judged(tmp_path, NAMES + head_on(seconds=230))
    changes = answer.as_data(found)["intruders"][0]["alerts"]
    assert [change["alert"] for change in changes] == [0, 1, 0]
    assert changes[1]["time"] == pytest.approx(85, abs=5)
    assert changes[2]["time"] == pytest.approx(180 + 0.66 / 240 * 3600 + 3, abs=2)


@pytest.mark.parametrize(("latitude", "longitude"), [(0.0, 180.0), (-40.0, -180.0), (89.95, 10.0), (-89.99, 8.0)])
def test_antimeridian_and_poles_are_places_like_others(tmp_path, latitude, longitude):
    """The way of the pair may lead over the pole: there the other meridian is taken."""
    there = judged(tmp_path, NAMES + over_the_pole(latitude, longitude))
    here = judged(tmp_path, NAMES + head_on(seconds=200))
    assert np.array_equal(there.alert, here.alert)
    assert there.horizontal == pytest.approx(here.horizontal, abs=0.2)


def over_the_pole(latitude, longitude):
    """`head_on` with latitudes beyond 90 deg folded back, and longitudes that jump by 360 deg at the antimeridian."""
    rows = []
    for row in head_on(latitude, 0.0, seconds=200).splitlines():
        name, north, _, height, track, *rest = row.split()
        north, east, track = float(north), longitude - 1e-9, float(track)
        if north > 90.0:
            north, east, track = 180.0 - north, east - 180.0, 180.0 - track
        if abs(longitude) == 180.0 and name == "B":
            east = -longitude + 1e-9
        rows.append(" ".join([name, f"{north:.9f}", f"{east:.9f}", height, f"{track}", *rest]))
    return "\n".join(rows) + "\n"


def test_uncertainty_brings_alerts_forward(tmp_path):
    """With SUM an alert comes earlier, and not at all where the configuration does not ask for it."""
    columns, units = (f"{first} {more}\n" for first, more in zip(NAMES.splitlines(), UNCERTAIN, strict=True))
    text = columns + units + head_on(seconds=150, more=" 0.1 0.1 100 5 5 200")
    uncertain = (HERE / "good.conf").read_text().replace("WCV_TAUMOD", "WCV_TAUMOD_SUM") + SCORES
    (tmp_path / "sum.conf").write_text(uncertain)
    certain = judged(tmp_path, text)
    found = answer.judged(tmp_path / "made.daa", tmp_path / "sum.conf")
    first, later = ((each.alert[0] == 1).argmax() for each in (found, certain))
    assert 0 < first < later - 3
    assert np.array_equal(judged(tmp_path, NAMES + head_on(seconds=150)).alert, certain.alert)


def test_each_intruder_has_a_row_of_its_own_while_it_is_there(tmp_path):
    """Three aircraft, one of which appears later and leaves again; the table names them."""
    late = [
        row
        for row in head_on(miles=9.0, names=("A", "C")).splitlines()
        if row[0] == "C" and 20 <= int(row.split()[-1]) < 60
    ]
    found = judged(tmp_path, NAMES + head_on() + "\n".join(late) + "\n")
    answer.write(tmp_path / "alerts.csv", found)
    rows = list(csv.DictReader((tmp_path / "alerts.csv").read_text().splitlines()))
    assert tuple(rows[0]) == answer.COLUMNS
    assert [float(row["time"]) for row in rows if row["intruder"] == "C"] == list(range(20, 60))
    assert sum(row["intruder"] == "B" for row in rows) == 80


def test_each_of_several_intruders_is_judged_as_if_it_were_alone(tmp_path):
    """Ownship and three that come from the north, each from another distance."""
    own, pairs = None, []
    for name, miles in (("B", 12.0), ("C", 9.0), ("D", 14.0)):
        rows = head_on(miles=miles, seconds=200, names=("A", name)).splitlines()
        own, theirs = [row for row in rows if row[0] == "A"], [row for row in rows if row[0] == name]
        pairs.append(theirs)
    together = judged(tmp_path, NAMES + "\n".join([*own, *(row for theirs in pairs for row in theirs)]) + "\n")
    for index, theirs in enumerate(pairs):
        alone = judged(tmp_path, NAMES + "\n".join([*own, *theirs]) + "\n")
        assert np.array_equal(together.alert[index], alone.alert[0]) and alone.alert.max() == 1
        assert np.array_equal(together.tcpa[index], alone.tcpa[0])


@pytest.mark.parametrize(
    ("distance", "preventive", "coaltitude", "begins"), [("0.66", 700, 0, 21.02), ("1.0", 750, 20, 19.42)]
)
def test_a_pair_in_the_wind_is_as_far_from_violation_as_daidalus_says(
    tmp_path, distance, preventive, coaltitude, begins
):
    """Of DAIDALUS 2.0.4, `Regression/gold/DaidalusExample-no_sum.out` and `-nom_a.out`: alert 3, and when."""
    names, units = NAMES.splitlines()
    path, settings = tmp_path / "example.daa", tmp_path / "example.conf"
    path.write_text(f"""{names} heading airspeed\n{units} [deg] [knot]
ownship 33.95 -96.7 8700 206 151 0 0 207.1623882306 160.4882117114
intruder 33.86191658 -96.73272601 9000 0 210 0 0 358.0043334101 203.0520906541
""")
    lines = ["lookahead_time = 180 [s]", "alerters = One"]
    for level, altitude, time in ((1, preventive, 55), (2, 450, 55), (3, 450, 25)):
        lines += [f"One_alert_{level}_alerting_time = {time} [s]", f"One_alert_{level}_detector = det_{level}"]
        lines += [f"One_det_{level}_WCV_DTHR = {distance} [nmi]", f"One_det_{level}_WCV_ZTHR = {altitude} [ft]"]
        lines += [f"One_det_{level}_WCV_TTHR = 35 [s]", f"One_det_{level}_WCV_TCOA = {coaltitude} [s]"]
        lines += [f"One_load_core_detection_det_{level} = gov.nasa.larcfm.ACCoRD.WCV_TAUMOD"]
    settings.write_text("\n".join(lines) + "\n")
    flown, configured = encounter.load(path), configuration.load(settings)
    times = alerts.times_to_volume(flown, configured)[0]
    assert times[:, 0, 0] == pytest.approx([begins] * 3, abs=0.005)
    assert alerts.judge(flown, configured).alert.tolist() == [[3]]


def test_an_intruder_without_alerter_is_not_judged(tmp_path):
    names, units = NAMES.splitlines()
    text = f"{names} alerter\n{units} [none]\n" + head_on(more=" 0")
    found = judged(tmp_path, text)
    answer.write(tmp_path / "alerts.csv", found)
    assert (tmp_path / "alerts.csv").read_text().count("\n") == 1
    assert "not judged" in "\n".join(answer.lines(found, Path("alerts.csv")))


def test_wind_moves_all_aircraft_alike(tmp_path):
    """The ownship's air velocity tells the wind; relative to it, the pair meets when it would without."""
    names, units = NAMES.splitlines()
    text = f"{names} heading airspeed\n{units} [deg] [knot]\n" + head_on(more=" 20 150")
    assert judged(tmp_path, text).tcpa == pytest.approx(judged(tmp_path, NAMES + head_on()).tcpa, abs=0.05)


@pytest.mark.parametrize(
    ("names", "units"),
    [
        ("NAME,lat,lon,alt,trk,gs,vs,time", "[none],[deg],[deg],[m],[rad],[m/s],[m/s],[min]"),
        ("id;latitude;long;sz;track;groundspd;hdot;tm", "[-];[deg];[deg];[m];[rad];[m/s];[m/s];[min]"),
    ],
)
def test_units_and_other_names_mean_the_same(tmp_path, names, units):
    def row(line):
        name, latitude, longitude, height, track, speed, _, second = line.split()
        converted = (
            float(height) * 0.3048,
            np.radians(float(track)),
            float(speed) * 1852 / 3600,
            0,
            float(second) / 60,
        )
        return ",".join([name, latitude, longitude, *(f"{number:.12g}" for number in converted)])

    text = "\n".join([names, units, *map(row, head_on().splitlines())]) + "\n"
    found, as_usual = judged(tmp_path, text), judged(tmp_path, NAMES + head_on())
    assert np.array_equal(found.alert, as_usual.alert)
    assert found.horizontal == pytest.approx(as_usual.horizontal, abs=1e-6)


def test_a_plane_in_place_of_the_earth(tmp_path):
    """`sx sy` need no projection."""
    text = "NAME sx sy sz vx vy vz time\n[none] [nmi] [nmi] [ft] [knot] [knot] [fpm] [s]\n"
    text += "A 0 0 5000 0 120 0 0\nB 3 4 6000 0 -120 0 0\n"
    found = judged(tmp_path, text)
    assert found.horizontal[0, 0] == pytest.approx(5 * 1852.0)
    assert found.vertical[0, 0] == pytest.approx(1000 * 0.3048)
    assert found.dcpa[0, 0] == pytest.approx(3 * 1852.0)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "\n".join(head_on(seconds=200).splitlines()[:40] + head_on(seconds=200).splitlines()[300:]),
            "the time jumps from 19 s to 150 s",
        ),
        (
            "\n".join(
                head_on(seconds=60).splitlines()[:40]
                + head_on(seconds=60).splitlines()[40:80:2]
                + head_on(seconds=60).splitlines()[80:]
            ),
            "`B` has no state between 19 s and 40 s",
        ),
        (head_on().replace("B 47", "B 46").replace(" 5000 180", " 1524 180"), "differ as feet and metres do"),
        ("callsign = none\n" + head_on(), "the parameter `callsign` in the encounter is not used"),
    ],
)
def test_what_is_odd_is_told(tmp_path, text, told):
    parameter, rows = (text.split("\n", 1)) if text.startswith("callsign") else ("", text)
    assert told in "\n".join(judged(tmp_path, f"{parameter}\n{NAMES}{rows}").notes)


def test_the_terminal_area_has_an_alerter_of_its_own(tmp_path):
    """An intruder that is near the aerodrome and low is judged by the alerter of the terminal area."""
    terminal = (HERE / "good.conf").read_text().split("alerters = EnRoute\n")[1].replace("EnRoute", "Terminal")
    area = "dta_logic = 1\ndta_alerter = 2\ndta_latitude = 47.1 [deg]\ndta_longitude = 8 [deg]\ndta_radius = 30 [nmi]\n"
    conf = (HERE / "good.conf").read_text().replace("alerters = EnRoute", "alerters = EnRoute, Terminal")
    conf += terminal.replace("0.66 [nmi]", "1500 [ft]").replace("WCV_TTHR = 35", "WCV_TTHR = 0") + area
    path, settings = tmp_path / "made.daa", tmp_path / "made.conf"
    path.write_text(NAMES + head_on(seconds=200))
    onset = {}
    for height in ("2000 [ft]", "20000 [ft]"):
        settings.write_text(conf + f"dta_height = {height}\n")
        onset[height] = (answer.judged(path, settings).alert[0] == 1).argmax()
    assert onset["20000 [ft]"] > onset["2000 [ft]"] + 20


def test_the_command_writes_a_table_and_says_what_was_alerted(tmp_path):
    (tmp_path / "made.daa").write_text(NAMES + head_on(seconds=120))
    run = [sys.executable, "-m", "karyon", "daa", "made.daa", "--config", str(HERE / "good.conf")]
    done = subprocess.run([*run, "--json"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["intruders"][0]["highest_alert"] == 1
    assert (tmp_path / "made.alerts.csv").read_text().startswith("time,ownship,intruder,alert,")
    refused = subprocess.run([*run, "--out", "made.daa"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (refused.returncode, refused.stderr) == (2, "error: made.daa is read from: choose another --out\n")
