"""Real recordings are read as they come; of everything else the reader says what is wrong, and where."""

import csv
import gzip
import importlib.util
import math
import os
import random
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from karyon.sim import recordings
from karyon.sim.recordings import Recording, RecordingError, read

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("KARYON_DATA", ROOT / "../shared/data"))
MADE_UP = ROOT / "scenarios/recordings/made_up.csv"
COLUMNS = {"time": "t", "speed": "v"}
FRESH_FILE = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
"""For properties that write their input to the same file again and again."""


def real_files():
    files = sorted(DATA.glob("openacc_zalazone/*.csv*"))
    absent = pytest.mark.skip(reason=f"no recordings in {DATA}; KARYON_DATA says where they are")
    return [pytest.param(file, id=file.name) for file in files] or [pytest.param(None, marks=absent)]


def rows_of(file):
    """The lines of a file as lists of cells, taken apart without the csv module."""
    content = file.read_bytes()
    text = (gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content).decode()
    return [line.split(",") for line in text.splitlines()]


def longest_piece(samples):
    """(time, speed) pairs without a gap over 1 s, by trying every first sample; of equal ones the first."""
    best = []
    for first in range(len(samples)):
        last = first
        while last + 1 < len(samples) and samples[last + 1][0] - samples[last][0] <= 1.0 + 1e-6:
            last += 1
        if not best or samples[last][0] - samples[first][0] > best[-1][0] - best[0][0] + 1e-9:
            best = samples[first : last + 1]
    return best


def table(seconds=12, rate=10, changes=None):
    """A plain CSV of columns t and v; `changes` replaces lines by number, from 1."""
    lines = ["t,v", *(f"{index / rate:.2f},{10 + index % 7 / 8}" for index in range(int(seconds * rate) + 1))]
    for line, text in (changes or {}).items():
        lines[line - 1] = text
    return "\n".join(lines) + "\n"


def fcd(seconds=12, vehicles=("a", "b"), changes=None):
    """Floating car data as SUMO writes it, 10 steps a second."""
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', "<!-- made up -->", "<fcd-export>"]
    for step in range(seconds * 10 + 1):
        lines.append(f'    <timestep time="{step / 10:.2f}">')
        for number, vehicle in enumerate(vehicles):
            speed = 5 * number + step % 8 / 8
            lines.append(f'        <vehicle id="{vehicle}" x="1.0" y="2.0" speed="{speed}" lane="e_0"/>')
        lines.append("    </timestep>")
    lines.append("</fcd-export>")
    for line, text in (changes or {}).items():
        lines[line - 1] = text
    return "\n".join(lines) + "\n"


def refused(path, columns=None):
    """What is said about a recording that cannot be used, without the folder of the file."""
    with pytest.raises(RecordingError) as caught:
        read(path, columns)
    assert caught.value.path == Path(path)
    assert caught.value.message in str(caught.value)
    return str(caught.value).replace(f"{path}", Path(path).name)


@pytest.fixture
def write(tmp_path):
    """Writes text or bytes into a file of the test and gives its path."""

    def write(content, name="log.csv"):
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


# What is read


@pytest.mark.parametrize("file", real_files())
def test_a_real_recording_is_vehicle_1_in_its_longest_piece(file):
    """Every number is one of the file, none is left out of the piece, and time starts at 0."""
    names, *rows = rows_of(file)[5:]
    speed = names.index("Speed1")
    expected = longest_piece([(float(row[0]), float(row[speed])) for row in rows if row[speed]])
    recording = read(file)
    assert recording.time.tolist() == pytest.approx([time - expected[0][0] for time, _ in expected], abs=1e-9)
    assert recording.speed.tolist() == [speed for _, speed in expected]
    assert bool(recording.warnings) == (len(expected) < len(rows))


@pytest.mark.parametrize("file", real_files())
def test_a_real_recording_reads_the_same_packed_and_unpacked(file, write):
    content = file.read_bytes()
    unpacked = gzip.decompress(content) if file.suffix == ".gz" else content
    plain, packed = read(write(unpacked, "plain.csv")), read(write(gzip.compress(unpacked), "packed"))
    assert plain.time.tobytes() == packed.time.tobytes()
    assert plain.speed.tobytes() == packed.speed.tobytes()


def test_what_is_left_out_is_said(write):
    """Two losses of more than 1 s: the piece between them is the longest."""
    lost = {line: f"{(line - 2) / 10:.2f}," for line in [*range(22, 42), *range(232, 252)]}
    path = write(table(seconds=30, changes=lost))
    recording = read(path, COLUMNS)
    assert recording.warnings == (
        f"{path}: used 18.9 s in one piece (lines 42 to 231), left out 4.0 s before and 7.1 s after; gaps over 1 s: 2",
    )
    assert recording.source == "log.csv: column v"


def test_a_gap_of_1_s_is_bridged_whatever_the_rounding(write):
    """1 Hz from a time stamp that is no sum of powers of two: 12 gaps of nominally 1 s."""
    content = "t,v\n" + "".join(f"{950.1 + second:.1f},10\n" for second in range(13))
    assert read(write(content), COLUMNS).time.tolist() == pytest.approx(list(range(13)))


def test_a_loss_at_the_end_is_a_gap_too(write):
    """The last 2 s have time stamps and no speed."""
    (warning,) = read(
        write(table(changes={line: f"{(line - 2) / 10:.2f}," for line in range(103, 123)})), COLUMNS
    ).warnings
    assert "left out 0.0 s before and 2.0 s after; gaps over 1 s: 1" in warning


def test_the_numbers_of_a_recording_cannot_be_changed():
    """One recording serves all runs of a campaign."""
    recording = read(MADE_UP)
    assert not recording.time.flags.writeable
    assert not recording.speed.flags.writeable


@pytest.mark.parametrize(
    ("lines", "left_out"), [(range(2, 4), "0.2 s before and 0.0"), (range(120, 123), "0.0 s before and 0.3")]
)
def test_the_least_that_is_left_out_is_said(write, lines, left_out):
    lost = {line: f"{(line - 2) / 10:.2f}, " for line in lines}
    (warning,) = read(write(table(changes=lost)), COLUMNS).warnings
    assert f"left out {left_out} s after; gaps over 1 s: 0" in warning


@FRESH_FILE
@given(st.lists(st.tuples(st.integers(1, 15), st.sampled_from(["1.5", "2.25", "", "NaN", " nan "])), max_size=60))
def test_the_longest_piece_is_that_of_all_pieces(write, steps):
    """Held against trying every piece, whatever is lost and where the gaps are (steps are tenths of a second)."""
    tenths, rows = 0, [(0.0, "8.0")]
    for step, speed in [*steps, (11, "1.0"), *[(10, "3.0")] * 12, *steps]:
        tenths += step
        rows.append((tenths / 10, speed))
    path = write("t,v\n" + "".join(f"{time},{speed}\n" for time, speed in rows))
    expected = longest_piece([(time, float(speed)) for time, speed in rows if speed.strip() not in ("", "NaN", "nan")])
    recording = read(path, COLUMNS)
    assert recording.time.tolist() == pytest.approx([time - expected[0][0] for time, _ in expected], abs=1e-9)
    assert recording.speed.tolist() == [speed for _, speed in expected]


def test_units_are_those_that_the_user_names(write):
    """36 km/h, 22.369 mph and 10 m/s are one speed; 100 ms and 0.1 s one step."""
    for unit, value in [("m/s", 10), ("km/h", 36), ("mph", 10 / 0.44704)]:
        path = write("stamp,speed\n" + "".join(f"{1763932422000 + 100 * step},{value}\n" for step in range(120)))
        columns = {"time": "stamp", "speed": "speed", "time_unit": "ms", "speed_unit": unit}
        recording = read(path, columns)
        assert recording.speed.tolist() == pytest.approx([10.0] * 120)
        assert recording.time.tolist() == pytest.approx([step / 10 for step in range(120)])


@pytest.mark.parametrize(
    "dressed",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: "\ufeff" + text,
        lambda text: text.replace(",", ";"),
        lambda text: text.replace(",", "\t"),
        lambda text: text.replace("t,v", " t , v "),
        lambda text: text.replace("t,v", '"t","v"'),
        lambda text: text.replace("\n", "\n\n"),
        lambda text: text.removesuffix("\n"),
        lambda text: text.replace("\n", ",\n"),
        lambda text: text + ",\n,\n",
    ],
    ids=["CRLF", "BOM", "semicolon", "tab", "spaces", "quotes", "blank", "no end of line", "comma", "empty rows"],
)
def test_the_dress_of_a_csv_changes_nothing(write, dressed):
    plain = read(write(table()), COLUMNS)
    other = read(write(dressed(table())), COLUMNS)
    assert other.time.tobytes() == plain.time.tobytes()
    assert other.speed.tobytes() == plain.speed.tobytes()


def test_any_vehicle_of_openacc_can_be_named():
    """Columns of an OpenACC file are named as those of any other table."""
    recording = read(MADE_UP, {"time": "Time", "speed": "Speed2"})
    speeds = [float(row[7]) for row in rows_of(MADE_UP)[6:] if row[7]]
    assert recording.speed.tolist() == speeds
    assert recording.source == "made_up.csv: column Speed2"


def test_the_fastest_and_the_shortest_drive_that_is_accepted(write):
    """120 m/s, and 10 s that are 9.99999999 s in binary."""
    content = "t,v\n0,1\n" + "".join(f"{480.1 + step / 10:.1f},120\n" for step in range(101))
    assert set(read(write(content), COLUMNS).speed) == {120.0}


def test_noise_of_a_standing_car_is_0(write):
    recording = read(write(table(changes={5: "0.3,-0.5", 6: "0.4,-0.001"})), COLUMNS)
    assert recording.speed[3:5].tolist() == [0.0, 0.0]


def test_a_field_that_is_none_is_absent(write):
    everything = {**COLUMNS, "time_unit": None, "speed_unit": None, "vehicle": None}
    assert read(write(table()), everything).speed.tolist() == read(write(table()), COLUMNS).speed.tolist()


def test_of_sumo_the_first_vehicle_or_the_named_one(write):
    path = write(gzip.compress(fcd().encode()), "fcd.xml")
    first, named = read(path), read(path, {"vehicle": "b"})
    assert first.source == "fcd.xml: SUMO, vehicle a"
    assert first.speed.tolist() == [step % 8 / 8 for step in range(121)]
    assert named.speed.tolist() == [5 + step % 8 / 8 for step in range(121)]
    assert first.time.tolist() == named.time.tolist() == [step / 10 for step in range(121)]


def test_sumo_is_read_as_utf_8_whatever_it_declares(write):
    """Also with a byte order mark; no codec is looked up because a file asks for it."""
    content = "\ufeff" + fcd(vehicles=("ä", "b")).replace("UTF-8", "x-none")
    assert read(write(content)).source == "log.csv: SUMO, vehicle ä"


def test_long_floating_car_data_are_read_to_their_end(write):
    """Longer than the longest tag that is accepted."""
    content = fcd(seconds=800)
    assert len(content) > recordings.TAG_MAX
    assert read(write(content)).time[-1] == 800.0


def test_steps_without_the_vehicle_of_sumo_are_lost_samples(write):
    """Car b arrives after 2 s and leaves 1 s before the end; its line of step k is 6 + 4 k."""
    absent = {6 + 4 * step: "" for step in range(201) if not 20 <= step <= 190}
    content = fcd(seconds=20, changes=absent)
    (warning,) = read(write(content), {"vehicle": "b"}).warnings
    assert (
        "used 17.0 s in one piece (lines 86 to 766), left out 2.0 s before and 1.0 s after; gaps over 1 s: 1" in warning
    )


def test_the_shipped_recording_is_what_its_script_makes():
    script = importlib.util.spec_from_file_location("make_up", MADE_UP.with_name("make_up.py"))
    make_up = importlib.util.module_from_spec(script)
    script.loader.exec_module(make_up)
    assert MADE_UP.read_bytes() == make_up.made_up().encode("ascii")


def test_the_shipped_recording_is_a_plausible_drive():
    """Town traffic in one piece of 120 s, no harder than a car brakes; the gaps change as the speeds say."""
    recording = read(MADE_UP)
    assert recording.source == "made_up.csv: OpenACC, vehicle 1"
    assert recording.warnings == ()
    assert recording.time[-1] == pytest.approx(120.0)
    assert 4.9 < recording.speed.min() < 5.1
    assert 15.9 < recording.speed.max() < 16.1
    rows = list(csv.DictReader(MADE_UP.read_text(encoding="ascii").splitlines()[5:]))
    for car in (1, 2):
        for before, between, after in zip(rows[:-10], rows[5:-5], rows[10:], strict=True):
            cells = [before[f"IVS{car}"], after[f"IVS{car}"], between[f"Speed{car}"], between[f"Speed{car + 1}"]]
            if all(cells):
                start, end, lead, follower = map(float, cells)
                assert end - start == pytest.approx(lead - follower, abs=0.2)
                assert 7.0 < start < 30.0


# What is refused

LINES = len(table().splitlines())


@pytest.mark.parametrize(
    ("content", "columns", "said"),
    [
        ("", COLUMNS, "log.csv: error: is empty"),
        (" \n\n\t\n", COLUMNS, "log.csv: error: is empty"),
        (gzip.compress(b"", mtime=0), None, "log.csv: error: is empty"),
        ("t,v\n", COLUMNS, "log.csv: error: has no sample of the speed, every one is lost"),
        (
            table(),
            None,
            "log.csv:1: error: not OpenACC's: say `columns: {time: NAME, speed: NAME}`; there are `t`, `v`",
        ),
        (
            table(),
            {"time": "t"},
            "log.csv:1: error: not OpenACC's: say `columns: {time: NAME, speed: NAME}`; there are `t`, `v`",
        ),
        (
            table().replace("t,v", "time,speed"),
            {"time": "time", "speed": "sped"},
            "log.csv:1: error: has no column `sped`; did you mean `speed`? there are `time`, `speed`",
        ),
        (table(), {"time": "t", "speed": "z"}, "log.csv:1: error: has no column `z`; there are `t`, `v`"),
        (
            table().replace("\n", ",1\n").replace("v,1", "v,v"),
            COLUMNS,
            "log.csv:1: error: 2 columns are called `v`, expected one",
        ),
        (
            table(),
            {**COLUMNS, "speed_unit": "knots"},
            "log.csv:1: error: `speed_unit` is `knots`, expected `m/s`, `km/h`, `mph`",
        ),
        (table(), {**COLUMNS, "time_unit": "h"}, "log.csv:1: error: `time_unit` is `h`, expected `s`, `ms`"),
        (
            table(),
            {"vehicle": "a"},
            "log.csv:1: error: `columns` has `vehicle`, for this kind of file expected "
            "`time`, `speed`, `time_unit`, `speed_unit`",
        ),
        (table(changes={5: "0.3,fast"}), COLUMNS, "log.csv:5: error: the speed is `fast`, expected a finite number"),
        (table(changes={5: "0.3,1_0"}), COLUMNS, "log.csv:5: error: the speed is `1_0`, expected a finite number"),
        (table(changes={5: "0.3,-inf"}), COLUMNS, "log.csv:5: error: the speed is `-inf`, expected a finite number"),
        (table(changes={5: "1e999,10"}), COLUMNS, "log.csv:5: error: the time is `1e999`, expected a finite number"),
        (table(changes={5: "noon,10"}), COLUMNS, "log.csv:5: error: the time is `noon`, expected a finite number"),
        (
            table(changes={5: "0.3,a\tb\x7f"}),
            COLUMNS,
            "log.csv:5: error: the speed is `a\\tb\\x7f`, expected a finite number",
        ),
        (
            table(changes={5: "0.3," + "x" * 40}),
            COLUMNS,
            "log.csv:5: error: the speed is `" + "x" * 40 + "`, expected a finite number",
        ),
        (
            table(changes={5: "0.3," + "ä" * 41}),
            COLUMNS,
            "log.csv:5: error: the speed is `" + "ä" * 40 + "`..., expected a finite number",
        ),
        (table(changes={5: ",10"}), COLUMNS, "log.csv:5: error: a speed of `10` has no time stamp"),
        (
            table(changes={5: "0.3," + "9" * 50 + "\x07"}),
            COLUMNS,
            "log.csv:5: error: the speed is `" + "9" * 40 + "`..., expected a finite number",
        ),
        (table(changes={5: "0.2,10"}), COLUMNS, "log.csv:5: error: the time stamp 0.2 repeats the one before"),
        (table(changes={5: "0.1,10"}), COLUMNS, "log.csv:5: error: time goes back to 0.1, by 0.1 s"),
        (table(changes={5: "0.1,"}), COLUMNS, "log.csv:5: error: time goes back to 0.1, by 0.1 s"),
        (
            table(changes={5: "0.3,120.5"}),
            COLUMNS,
            "log.csv:5: error: a speed of 120.5 m/s is above 120 m/s; is it in km/h?",
        ),
        (
            table(changes={5: "0.3,500"}),
            {**COLUMNS, "speed_unit": "km/h"},
            "log.csv:5: error: a speed of 138.889 m/s is above 120 m/s",
        ),
        (table(changes={5: "0.3,-0.51"}), COLUMNS, "log.csv:5: error: a speed of -0.51 m/s is negative"),
        (
            table(changes={5: "0.3"}),
            COLUMNS,
            "log.csv:5: error: has 1 cells, expected 2 as there are names; is it cut off?",
        ),
        (
            table(changes={5: "0,3,10,5"}),
            COLUMNS,
            "log.csv:5: error: has 4 cells, expected 2 as there are names; a comma in a number?",
        ),
        (table().removesuffix("10.125\n").removesuffix(","), COLUMNS, None),
        (
            table(changes={5: '0.3,"10'}),
            COLUMNS,
            "log.csv:5: error: is no line of CSV: a quotation mark or a carriage return is out of place",
        ),
        (
            table(changes={5: "0.3,10\r0.4,10"}),
            COLUMNS,
            "log.csv:5: error: is no line of CSV: a quotation mark or a carriage return is out of place",
        ),
        (table(changes={5: "0.3,1\x000"}), COLUMNS, "log.csv:5: error: is not text: it has a zero byte"),
        (table().encode("utf-16"), COLUMNS, "log.csv:1: error: is not text: it has a zero byte"),
        (
            table(changes={5: "0.3,°"}).encode("latin-1"),
            COLUMNS,
            "log.csv:5: error: is not text in UTF-8: byte 5 is 0xb0",
        ),
        (
            table(changes={5: "0.3," + "1" * 2**16}),
            COLUMNS,
            "log.csv:5: error: is longer than 65536 bytes: not a line of a recording",
        ),
        (
            table(seconds=15, changes={line: f"{(line - 2) / 10:.2f}," for line in range(12, 72)}),
            COLUMNS,
            "log.csv:72: error: the longest piece without a gap over 1 s begins here and lasts 8.0 s, "
            "expected at least 10 s",
        ),
        (
            table(seconds=9.9),
            COLUMNS,
            "log.csv:2: error: the longest piece without a gap over 1 s begins here and lasts 9.9 s, "
            "expected at least 10 s",
        ),
    ],
)
def test_a_bad_table_is_refused_with_line_and_reason(write, content, columns, said):
    if said is None:
        said = f"log.csv:{LINES}: error: has 1 cells, expected 2 as there are names; is it cut off?"
    assert refused(write(content), columns) == said


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "Speed1,",
            "Speed9,",
            "log.csv:6: error: has no vehicle 1 (no column `Speed1`); there are `9`, `2`, `3`",
        ),
        ("Speed2,", "Speed1,", "log.csv:6: error: 2 columns are called `Speed1`, expected one"),
        (
            "Time,",
            "Tine,",
            "log.csv:20: error: none of the first 20 lines has the names of OpenACC's columns (`Time`, `Speed1`, ...)",
        ),
        (
            "Vehicle_order",
            "Vehicles",
            "log.csv:1: error: not OpenACC's: say `columns: {time: NAME, speed: NAME}`; "
            "there are `Date`, `1`, `1`, `2000`, `made up by make_up.py: no car ever drove`...",
        ),
        ("\n300.2,", "\n300.1,", "log.csv:9: error: the time stamp 300.1 repeats the one before"),
    ],
)
def test_a_bad_openacc_file_is_refused_with_line_and_reason(write, old, new, said):
    assert refused(write(MADE_UP.read_text(encoding="ascii").replace(old, new))) == said


@pytest.mark.parametrize(
    ("content", "columns", "said"),
    [
        (fcd(), {"vehicle": "z"}, "log.csv: error: has no vehicle `z`; there are `a`, `b`"),
        (fcd(vehicles=()), None, "log.csv: error: has no vehicle; there are none"),
        (fcd(), COLUMNS, "log.csv: error: `columns` has `time`, for this kind of file expected `vehicle`"),
        (
            fcd(changes={6: '<vehicle id="b" speed="300"/>'}),
            {"vehicle": "b"},
            "log.csv:6: error: a speed of 300 m/s is above 120 m/s; is it in km/h?",
        ),
        (
            fcd(changes={5: '<vehicle id="a" speed="x"/>'}),
            None,
            "log.csv:5: error: the speed is `x`, expected a finite number",
        ),
        (
            fcd(changes={4: '<timestep time="0:00:00">'}),
            None,
            "log.csv:5: error: the time is `0:00:00`, expected a finite number",
        ),
        (
            fcd(changes={8: '<timestep time="x">', 9: "", 10: ""}),
            None,
            "log.csv:8: error: the time is `x`, expected a finite number",
        ),
        (
            "<fcd-export><vehicle id='a' speed='3'/></fcd-export>",
            None,
            "log.csv:1: error: a speed of `3` has no time stamp",
        ),
        (fcd(changes={4: "<timestep>"}), None, "log.csv:5: error: a speed of `0.0` has no time stamp"),
        (
            fcd(changes={6: '<vehicle id="a" speed="3"/>'}),
            None,
            "log.csv:6: error: the time stamp 0 repeats the one before",
        ),
        (fcd().replace("speed", "angle"), None, "log.csv: error: has no sample of the speed, every one is lost"),
        ("<html>\n</html>", None, "log.csv:1: error: is `html`, expected SUMO's floating car data (`fcd-export`)"),
        (fcd()[:1000], None, "log.csv:25: error: is not XML: unclosed token"),
        (fcd(changes={6: "<vehicle id=b/>"}), None, "log.csv:6: error: is not XML: not well-formed (invalid token)"),
        (fcd(changes={6: "&leader;"}), None, "log.csv:6: error: is not XML: undefined entity"),
        (
            fcd(changes={2: '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>'}),
            None,
            "log.csv:2: error: a document type (DTD) is not accepted: SUMO writes none, and it can make a file explode",
        ),
        (
            fcd(changes={6: "<deeper>" * 18 + "\n" + "<deeper>"}),
            None,
            "log.csv:7: error: more than 20 elements are inside each other",
        ),
        (
            fcd(changes={6: "<vehicle id='" + "b" * 2**21 + "'/>"}),
            None,
            "log.csv:6: error: a tag is longer than 1048576 bytes",
        ),
    ],
)
def test_bad_floating_car_data_are_refused_with_line_and_reason(write, content, columns, said):
    assert refused(write(content), columns) == said


@pytest.mark.parametrize(("columns", "end"), [(20, "`c18`, `c19`"), (21, "`c18`, `c19` and more")])
def test_the_first_20_of_many_columns_are_listed(write, columns, end):
    content = ",".join(f"c{number}" for number in range(columns)) + "\n"
    assert refused(write(content), {"time": "c0", "speed": "z"}).endswith(end)


@pytest.mark.parametrize(("vehicles", "end"), [(20, "`c18`, `c19`"), (21, "`c18`, `c19` and more")])
def test_the_first_20_of_many_vehicles_are_listed(write, vehicles, end):
    content = fcd(vehicles=[f"c{number}" for number in range(vehicles)])
    assert refused(write(content), {"vehicle": "z"}).endswith(end)


def test_all_bad_lines_are_told_at_once_up_to_10(write):
    text = refused(write(table(changes={line: f"{line / 10 - 0.2:.1f},x" for line in range(20, 57)})), COLUMNS)
    first, *others, rest = text.splitlines()
    assert first == "log.csv:20: error: the speed is `x`, expected a finite number"
    assert len(others) == 9
    assert rest == "log.csv: error: and 27 more"


def test_what_ends_the_reading_comes_after_the_faults_before_it(write):
    text = refused(write(table(changes={25: "2.3,x", 29: "\x00"})), COLUMNS)
    assert [line.split(" ")[0] for line in text.splitlines()] == ["log.csv:25:", "log.csv:29:"]


def test_what_is_no_file_is_refused(tmp_path, write):
    os.mkfifo(tmp_path / "pipe")
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    assert refused(tmp_path / "none.csv") == "none.csv: error: there is no such file"
    assert refused(tmp_path) == f"{tmp_path.name}: error: is a directory, expected a file"
    assert refused(tmp_path / "pipe") == "pipe: error: is a device or a pipe, expected a file"
    assert refused(write("") / "below") == "below: error: there is no such file"
    assert refused(loop) == "loop: error: there is no such file"
    assert "no such file" in refused("zero\x00byte")
    assert "File name too long" in refused("x" * 5000)


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="no file here that fails while it is read")
def test_what_cannot_be_read_is_refused():
    assert refused("/proc/self/mem") == "mem: error: cannot be read: Input/output error"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read_is_refused(write):
    path = write(table())
    path.chmod(0)
    assert refused(path, COLUMNS) == "log.csv: error: cannot be read: Permission denied"


@pytest.mark.parametrize("content", [table(), fcd()], ids=["csv", "fcd"])
def test_a_gzip_file_cut_off_anywhere_is_refused(write, content):
    columns = COLUMNS if content.startswith("t,v") else None
    packed = gzip.compress(content.encode())
    for end in range(2, len(packed)):
        assert "the gzip file is cut off here" in refused(write(packed[:end]), columns)


@pytest.mark.parametrize("kind", ["csv", "fcd"])
def test_a_line_that_the_cut_gzip_file_reached_is_named(write, kind):
    """Random digits do not compress: half of the bytes are about half of the lines."""
    digits = random.Random(7)
    drive = [(step / 10, digits.random() * 30) for step in range(20_000)]
    rows = [f"{time},{speed}" for time, speed in drive]
    steps = [f'<timestep time="{time}"><vehicle id="a" speed="{speed}"/></timestep>' for time, speed in drive]
    lines = {"csv": ["t,v", *rows], "fcd": ["<fcd-export>", *steps]}[kind]
    packed = gzip.compress("\n".join(lines).encode())
    with pytest.raises(RecordingError) as caught:
        read(write(packed[: len(packed) // 2]), COLUMNS if kind == "csv" else None)
    assert caught.value.message == "the gzip file is cut off here"
    assert 8_000 < caught.value.line < 12_000


def test_a_damaged_gzip_file_is_refused(write):
    packed = bytearray(gzip.compress(table().encode()))
    packed[-6] ^= 1
    assert f"log.csv:{LINES + 1}: error: the gzip file is damaged here" == refused(write(bytes(packed)), COLUMNS)


@pytest.mark.parametrize("fill", [b"0", b"\n", b"0,1\n", b"<", b"<x>"])
def test_a_file_that_explodes_is_refused_in_little_memory(write, monkeypatch, fill):
    """64 MB in 64 kB: whatever it is, 8 MB are enough to say no."""
    monkeypatch.setattr(recordings, "ROWS_MAX", 100_000)
    path = write(gzip.compress(fill * (2**26 // len(fill))))
    tracemalloc.start()
    try:
        refused(path, COLUMNS)
        assert tracemalloc.get_traced_memory()[1] < 8e6
    finally:
        tracemalloc.stop()


def test_absurd_sizes_are_refused(write, monkeypatch):
    monkeypatch.setattr(recordings, "ROWS_MAX", 100)
    assert refused(write(table()), COLUMNS) == "log.csv:101: error: has more than 100 lines before it: too many"
    assert refused(write(fcd())) == "log.csv:405: error: has more than 100 rows before it: too many"
    monkeypatch.setattr(recordings, "SIZE_MAX", 1000)
    assert "goes on past 1000 bytes (unpacked): too large" in refused(write(table()), COLUMNS)


# Whatever is in a file, it is a recording or refused


def sound(path, columns=None):
    """Read a file that may hold anything; a recording keeps its promises, an error says where and what."""
    try:
        recording = read(path, columns)
    except RecordingError as error:
        assert str(error).startswith(str(path))
        assert all(": error: " in line and line.isprintable() for line in str(error).splitlines())
        return
    assert isinstance(recording, Recording)
    assert recording.time[0] == 0.0
    assert recording.time[-1] >= 10.0 - 1e-5
    assert all(
        0.0 < after - before <= 1.0 + 1e-5 for before, after in zip(recording.time, recording.time[1:], strict=False)
    )
    assert all(math.isfinite(speed) and 0.0 <= speed <= 120.0 for speed in recording.speed)


def mutated(content, chance):
    """A copy of a file that some program, disk or person spoilt in up to four places."""
    for _ in range(chance.randint(1, 4)):
        start = chance.randrange(len(content) + 1)
        end = min(len(content), start + chance.choice([0, 1, 1, 2, 8, 100, 5000]))
        piece = chance.choice(
            [
                b"",
                chance.randbytes(chance.choice([1, 2, 40])),
                content[start:end] * 2,
                content[chance.randrange(len(content) + 1) :][:60],
                chance.choice(
                    [b",", b"\n", b"\r", b'"', b";", b"-", b"e", b"1e308", b"nan", b"inf", b"<", b">", b"&#0;", b"\xff"]
                ),
            ]
        )
        content = content[:start] + piece + content[end:]
        if chance.random() < 0.2:
            content = content[: chance.randrange(len(content) + 1)]
    return content


@FRESH_FILE
@given(st.sampled_from(["openacc", "csv", "fcd"]), st.booleans(), st.integers(0, 2**32))
def test_a_spoilt_file_is_read_or_refused(write, kind, is_packed, seed):
    """Mutated before or after packing."""
    chance = random.Random(seed)
    opening = b"\n".join(MADE_UP.read_bytes().split(b"\n")[:130])
    content = {"openacc": opening, "csv": table().encode(), "fcd": fcd().encode()}[kind]
    if is_packed:
        content = mutated(gzip.compress(mutated(content, chance) if seed % 2 else content), chance)
    else:
        content = mutated(content, chance)
    sound(write(content), COLUMNS if kind == "csv" else None)


@pytest.mark.parametrize("file", real_files())
def test_a_spoilt_real_file_is_read_or_refused(file, write):
    chance = random.Random(7)
    content = file.read_bytes()
    for _ in range(20):
        sound(write(mutated(content, chance)))
        if file.suffix == ".gz":
            sound(write(mutated(gzip.decompress(content), chance)))


@FRESH_FILE
@given(st.binary(max_size=300) | st.text(alphabet="tv,;\t\"\n\r 0123456789.e-+naif<>/='", max_size=300).map(str.encode))
def test_any_bytes_are_read_or_refused(write, content):
    sound(write(content), COLUMNS)
    sound(write(content))
    sound(write(b"<fcd-export>" + content))
    sound(write(b"t,v\n" + content), COLUMNS)
