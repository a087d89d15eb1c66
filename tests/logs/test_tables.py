"""Logs are read as they come, in constant memory; of everything else the reader says what is wrong, and where."""

import csv
import gzip
import json
import math
import os
import random
import time
import tracemalloc
from collections import deque
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from karyon.logs import cells, pieces, tables
from karyon.logs.tables import Block, LogError, Samples, Stamps, open_log

DATA = Path(os.environ.get("KARYON_DATA", Path(__file__).parents[2] / "../shared/data"))
FRESH_FILE = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
"""For properties that write their input to the same file again and again."""
BY_ROW, IN_T = Samples(1.0), Stamps("t")


@pytest.fixture
def write(tmp_path):
    """Writes text or bytes into a file of the test and gives its path."""

    def write(content, name="log.csv"):
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def read(path, columns, time=BY_ROW, texts=()):
    """The whole log as one block."""
    with open_log(path) as log:
        return joined(list(log.blocks(columns, time, texts)))


def joined(blocks):
    """Blocks as one; they follow on each other."""
    assert [block.first_row for block in blocks] == np.cumsum(
        [0, *(len(block.lines) for block in blocks[:-1])]
    ).tolist()
    return Block(
        0,
        np.concatenate([block.lines for block in blocks]),
        np.concatenate([block.time for block in blocks]),
        np.concatenate([block.values for block in blocks], axis=1),
        np.concatenate([block.codes for block in blocks], axis=1),
        blocks[-1].labels,
    )


def texts_of(block, column=0):
    """The texts of a text column; None where missing."""
    return [block.labels[column][code] if code >= 0 else None for code in block.codes[column]]


def refused(path, columns=("v",), time=IN_T, texts=()):
    """What is said about a log that cannot be used, without the folder of the file."""
    with pytest.raises(LogError) as caught:
        read(path, columns, time, texts)
    return str(caught.value).replace(f"{path}", Path(path).name)


def table(rows=8, changes=None, names="t,v"):
    """A plain CSV of columns t and v, 10 Hz; `changes` replaces lines by number, from 1."""
    lines = [names, *(f"{row / 10:.1f},{10 + row % 7 / 8}" for row in range(rows))]
    for line, text in (changes or {}).items():
        lines[line - 1] = text
    return "\n".join(lines) + "\n"


# What is read: real logs

REAL = [  # file, separator, lines before the names, column, time, text column
    ("spmd_sensor_faults/bias_0.5_dur10_train.csv.gz", ",", 0, "can_speed_mps", Samples(0.1, "epoch"), None),
    ("openacc_zalazone/short_setting__handling_part45.csv.gz", ",", 5, "IVS6", Stamps("Time"), None),
    ("veremi_ext/const_position_bsm.csv.gz", ",", 0, "pos_x", Stamps("rcvTime"), "sender_id"),
    ("uwb_labyrinth/uwb_range_truth.csv", ",", 0, "range_m", Stamps("t_s"), "anchor"),
    ("scitos_ultrasonic/us24.csv.gz", ",", 0, "us7_m", Samples(1 / 9), "command"),
    ("smartloc_gnss/odometry_vs_truth.csv", ",", 0, "odo_yawrate", Stamps("t_s"), None),
    ("nab/realTraffic__speed_6005.csv", ",", 0, "value", Stamps("timestamp"), None),
    ("skab/valve1_0.csv", ";", 0, "Volume Flow RateRMS", Stamps("datetime"), None),
    ("phone_driving/trip17_linear_accel.csv.gz", ",", 0, "z", Stamps("t_s"), None),
    ("wsn_suthaharan/singlehop_outdoor_moteid3.txt", None, 0, "Humidity", Samples(5.0, "Reading#"), "Mote-ID"),
    ("cicv5g_delay/arterial_n78_v70_run01.csv", ",", 0, "sinr_db", Stamps("pub_ms", "ms"), "cell_id"),
]


def real(name):
    """A real log, plain or packed, as text."""
    path = DATA / name
    if not path.exists():
        pytest.skip(f"no {name} in {DATA}; KARYON_DATA says where such logs are")
    content = path.read_bytes()
    return path, (gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content).decode()


def second(text, how, row):
    """The time of a row by its plain definition."""
    if isinstance(how, Samples):
        return how.period * (row if how.column is None else float(text))
    if "-" in text:
        return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()
    return float(text) / {"s": 1, "ms": 1000}[how.unit]


@pytest.mark.parametrize("case", REAL, ids=[case[0] for case in REAL])
def test_a_real_table_is_read_row_by_row(case):
    """Every row, with its line, time, number and text as they are in the file."""
    name, separator, above, column, how, text = case
    path, content = real(name)
    names, *rows = [line.split(separator) for line in content.splitlines()[above:]]
    block = read(path, [column], how, [text] if text else [])
    stamps = [row[names.index(how.column)] if how.column else "" for row in rows]
    assert block.lines.tolist() == [above + 2 + row for row in range(len(rows))]
    assert block.time.tolist() == [second(stamp, how, row) for row, stamp in enumerate(stamps)]
    found = [None if math.isnan(value) else value for value in block.values[0]]
    assert found == [float(row[names.index(column)]) if row[names.index(column)] else None for row in rows]
    if text:
        assert texts_of(block) == [row[names.index(text)] for row in rows]


def test_real_beacons_in_json_are_read_line_by_line():
    """VeReMi: own GNSS has no sender, received beacons have one; positions are lists."""
    path, content = real("veremi_ext/random_speed_offset.jsonl.gz")
    records = [json.loads(line) for line in content.splitlines()]
    block = read(path, ["type", "pos.0", "spd.1"], Stamps("rcvTime"), ["sender"])
    assert block.time.tolist() == [record["rcvTime"] for record in records]
    assert block.values.T.tolist() == [[record["type"], record["pos"][0], record["spd"][1]] for record in records]
    assert texts_of(block) == [str(record["sender"]) if "sender" in record else None for record in records]


def test_real_safety_messages_in_json_have_names_with_dots():
    """WYDOT: numbers inside objects and inside texts, true and false, date-times with a zone, newest first."""
    path, content = real("wydot_bsm/bsmLogDuringEvent.jsonl.gz")
    records = [json.loads(line) for line in content.splitlines()]
    core = "payload.data.coreData"
    columns = [f"{core}.speed", "metadata.receivedMessageDetails.locationData.latitude"]
    block = read(
        path,
        [*columns, f"{core}.brakes.wheelBrakes.unavailable"],
        Stamps("metadata.recordGeneratedAt"),
        [f"{core}.id"],
    )
    assert block.time.tolist() == [
        datetime.fromisoformat(record["metadata"]["recordGeneratedAt"]).timestamp() for record in records
    ]
    assert block.values.T.tolist() == [
        [
            record["payload"]["data"]["coreData"]["speed"],
            float(record["metadata"]["receivedMessageDetails"]["locationData"]["latitude"]),
            record["payload"]["data"]["coreData"]["brakes"]["wheelBrakes"]["unavailable"],
        ]
        for record in records
    ]
    assert texts_of(block) == [record["payload"]["data"]["coreData"]["id"] for record in records]


# What is read: numbers, times, texts


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        *[(text, None) for text in ("", " ", "nan", "NaN", "NA", "n/a", "null", "NULL", "None", "-", "-nan")],
        *[("+1.5", 1.5), (" 1.5 ", 1.5), ("1.", 1.0), (".5", 0.5), ("-2e-3", -0.002), ("7", 7.0), ('"1.5"', 1.5)],
        *[("true", 1.0), ("False", 0.0), ("TRUE", 1.0), ("1e-999", 0.0)],
    ],
)
def test_a_cell_is_a_number_or_missing(write, cell, value):
    found = read(write(f"v,w\n{cell},0\n"), ["v"]).values.item()
    assert found == value if value is not None else math.isnan(found)


@pytest.mark.parametrize("separator", [";", "\t", " "], ids=["semicolon", "tab", "blank"])
def test_decimal_commas_are_read_where_the_separator_is_no_comma(write, separator):
    content = "t v\n0,5 1\n1 2,25\n".replace(" ", separator)
    block = read(write(content), ["v"], Stamps("t"))
    assert block.time.tolist() == [0.5, 1.0]
    assert block.values.tolist() == [[1.0, 2.25]]


def test_numbers_with_decimal_commas_are_read_fast_too(write):
    """Many rows, so that most of them are read at once."""
    content = "t;v\n" + "".join(f"{row};{row // 4},{row % 4 * 25}\n" for row in range(4000))
    assert read(write(content), ["v"], Stamps("t")).values[0].tolist() == [row / 4 for row in range(4000)]


@pytest.mark.parametrize(
    ("unit", "cells_", "expected"),
    [
        ("s", "12.5 13", [12.5, 13.0]),
        ("ms", "1763932422001 1763932422002", [1763932422.001, 1763932422.002]),
        ("us", "1500000 2500000", [1.5, 2.5]),
        ("ns", "1500000000 nan", [1.5, math.nan]),
    ],
)
def test_time_stamps_are_numbers_of_a_unit(write, unit, cells_, expected):
    content = "t,v\n" + "".join(f"{cell},1\n" for cell in cells_.split())
    np.testing.assert_array_equal(read(write(content), ["v"], Stamps("t", unit)).time, expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00+00:00"),
        ("2026-01-31 12:00:00.25+01:00", "2026-01-31T11:00:00.25+00:00"),
        ("2026-01-31T12:00:00,5 -0530", "2026-01-31T17:30:00.5+00:00"),
        ("2026-01-31T12:00+01", "2026-01-31T11:00:00+00:00"),
        ("2026-01-31 12:00:00.123456", "2026-01-31T12:00:00.123456+00:00"),
        ("2026/01/31 12:00:00", "2026-01-31T12:00:00+00:00"),
        ("2026-01-31", "2026-01-31T00:00:00+00:00"),
        ("0001-01-01T00:00:00", "0001-01-01T00:00:00+00:00"),
    ],
)
def test_date_times_are_utc_seconds(write, text, expected):
    """Those without a time zone count as UTC."""
    found = read(write(f"t;v\n{text};1\n;2\n{text};3\n"), ["v"], Stamps("t", "ms")).time
    assert found[[0, 2]].tolist() == [datetime.fromisoformat(expected).timestamp()] * 2
    assert math.isnan(found[1])


def test_nanoseconds_of_a_date_time_are_kept(write):
    block = read(write("t,v\n1970-01-01T00:00:01.000000001Z,1\n"), ["v"], Stamps("t"))
    assert block.time.tolist() == [1.000000001]


def test_samples_are_counted_by_row_or_by_a_column(write):
    path = write("n,v\n5,1\n7,2\n6,3\n")
    assert read(path, ["v"], Samples(0.5)).time.tolist() == [0.0, 0.5, 1.0]
    assert read(path, ["v"], Samples(0.5, "n")).time.tolist() == [2.5, 3.5, 3.0]


def test_rows_keep_their_order_when_time_goes_back_or_repeats(write):
    block = read(write("t,v\n3,1\n1,2\n1,3\n2,4\n"), ["v"], Stamps("t"))
    assert block.time.tolist() == [3.0, 1.0, 1.0, 2.0]
    assert block.values.tolist() == [[1.0, 2.0, 3.0, 4.0]]


@pytest.mark.parametrize("rows", [5, 5000])
def test_texts_are_numbered_in_the_order_of_their_appearance(write, rows):
    names = ["car 7", "12", "", "Zoë", "nan"]
    content = "v,who\n" + "".join(f"{row},{names[row % 5]}\n" for row in range(rows))
    block = read(write(content), ["v"], texts=["who"])
    assert block.labels == (["car 7", "12", "Zoë", "nan"],)
    assert texts_of(block) == [names[row % 5] or None for row in range(rows)]


def test_senders_in_json_may_be_numbers_or_texts(write):
    lines = ['{"v":1,"who":81}', '{"v":1,"who":"81"}', '{"v":1,"who":"a"}', '{"v":1}', '{"v":1,"who":"\\ud800"}']
    block = read(write("\n".join(lines)), ["v"], texts=["who"])
    assert texts_of(block) == ["81", "81", "a", None, "?"]


def test_a_column_may_be_a_number_and_a_text_at_once(write):
    block = read(write("who\n" + "7\n8\n" * 500), ["who"], Stamps("who"), ["who"])
    assert block.values[0, :2].tolist() == block.time[:2].tolist() == [7.0, 8.0]
    assert texts_of(block)[:2] == ["7", "8"]


def test_no_column_at_all_is_a_log_of_rows(write):
    block = read(write(table(rows=1000)), [], Samples(0.5))
    assert block.values.shape == (0, 1000)
    assert block.codes.shape == (0, 1000)
    assert block.time[-1] == 499.5


@pytest.mark.parametrize(
    "dressed",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: "\ufeff" + text,
        lambda text: text.replace(",", ";"),
        lambda text: text.replace(",", "\t"),
        lambda text: text.replace(",", " "),
        lambda text: text.replace(",", "   "),
        lambda text: text.replace("t,v", "t v").replace(",", "\t"),
        lambda text: text.replace("t,v", " t , v "),
        lambda text: text.replace("t,v", '"t","v"'),
        lambda text: text.replace(",", '","').replace("\n", '"\n"').removesuffix('"').join('"' + "\n").rstrip("\n"),
        lambda text: text.replace(",", ', "').replace("\n", '"\n'),
        lambda text: text.replace("\n", "\n\n"),
        lambda text: text.removesuffix("\n"),
        lambda text: text.replace("\n", ",\n"),
        lambda text: "\n \n" + text,
    ],
    ids=[
        *["CRLF", "BOM", "semicolon", "tab", "blank", "blanks", "blanks then tabs", "spaces", "quoted names", "quotes"],
        *["spaces and quotes", "blank lines", "no end of line", "comma at the end", "blank lines first"],
    ],
)
@pytest.mark.parametrize("rows", [3, 500])
def test_the_dress_of_a_table_changes_nothing(write, dressed, rows):
    plain = read(write(table(rows)), ["v"], Stamps("t"))
    content = dressed(table(rows))
    if content.startswith('t"'):
        content = '"' + content
    for packed in (content.encode(), gzip.compress(content.encode())):
        other = read(write(packed), ["v"], Stamps("t"))
        assert other.time.tobytes() == plain.time.tobytes()
        assert other.values.tobytes() == plain.values.tobytes()


def test_a_row_of_separators_alone_is_a_row_and_a_blank_line_is_none(write):
    block = read(write("t,v\n0,1\n,\n\n \n2,3\n"), ["v"], Stamps("t"))
    assert block.lines.tolist() == [2, 3, 6]
    assert np.isnan(block.values).tolist() == [[False, True, False]]
    assert np.isnan(block.time).tolist() == [False, True, False]


def test_lines_are_those_of_the_file(write):
    """Blank lines are counted, many rows or few."""
    content = "t,v\n" + "0,1\n" * 1000 + "\n" + "0,1\n" * 3
    assert read(write(content), ["v"]).lines.tolist() == [*range(2, 1002), 1003, 1004, 1005]


def test_missing_values_in_json_are_nan(write):
    lines = ['{"a":{"b":[1,2]}}', '{"a":{"b":[3]}}', '{"a":5}', '{"a":{"b":null}}', "", '{"a":{"b":["7","-"]}}', "{}"]
    block = read(write("\n".join(lines)), ["a.b.1", "a.b.0"])
    np.testing.assert_array_equal(block.values, [[2, *[math.nan] * 5], [1, 3, math.nan, math.nan, 7, math.nan]])


def test_the_names_of_a_log_are_those_of_its_columns(write):
    with open_log(write("t, v ,\n0,1,2\n")) as log:
        assert (log.kind, log.names) == ("csv", ("t", "v", ""))
    with open_log(write('{"b":1,"a":[2,{"c":3}]}\n{"a":[],"d":true}\n')) as log:
        assert (log.kind, log.names) == ("json", ("b", "a.0", "a.1.c", "d"))


def test_a_log_can_be_read_twice(write):
    for content in (table(rows=1000).encode(), gzip.compress(table(rows=1000).encode())):
        with open_log(write(content)) as log:
            first, again = (joined(list(log.blocks(["v"], Stamps("t")))) for _ in range(2))
        assert first.values.tobytes() == again.values.tobytes()
        assert len(first.lines) == 1000


# All at once, and line by line


def outcome(path, columns, time, texts):
    """What a log holds to the last bit, or what is said about it."""
    try:
        block = read(path, columns, time, texts)
    except LogError as error:
        return str(error), error.count
    arrays = (block.lines, block.time, block.values, block.codes)
    return [array.tobytes() for array in arrays], [list(names) for names in block.labels]


def closely(monkeypatch, *arguments):
    """The outcome line by line, without Arrow."""
    with monkeypatch.context() as patch:
        patch.setattr(tables._Reading, "_many", lambda self, piece: None)
        return outcome(*arguments)


CELLS = st.one_of(
    st.floats(width=64).map(repr),
    st.floats(-1e3, 1e3).map("{:.3f}".format),
    st.integers().map(str),
    st.text(alphabet="0123456789.,-+eEnaif_ '\"\t\x0b", max_size=6),
    st.sampled_from(
        ["", "nan", "-", "NaN", "NA", "null", "inf", "1e999", "nan(1)", "1,5", "1.5", "1.234,5", " 7 ", "+3"]
    ),
    st.sampled_from(
        ['"4"', '"a', 'a"b', '"a"b', '""', '"1;2"', "ä", "true", "0x1p3", "1e-400", "4.9e-324", "٣", "1\r"]
    ),
)
MOMENTS = st.one_of(
    st.datetimes().map(str),
    st.datetimes(timezones=st.timezones()).map(str),
    st.sampled_from(
        ["2020-02-30", "2020-01-01", "2020-01-01T24:00", "0000-01-01", "2020-01-01T10", "2020-01-01T10:20Z"]
    ),
    st.sampled_from(["2020-01-01T00:00:00.123456789", "0001-01-01T00:00+14", "", "-", "12", "2020-01-01T10:20:30+99"]),
)


def mostly(usual, other):
    """A column of which nearly every cell is of the usual kind."""
    return st.integers(0, 40).flatmap(lambda chance: usual if chance else other)


NUMBERS = mostly(st.floats(-1e6, 1e6).map(repr) | st.sampled_from(["", "7"]), CELLS)
TIMES = st.sampled_from(
    [
        mostly(st.floats(0, 1e9).map(repr), CELLS | MOMENTS),
        mostly(st.datetimes().map(str), MOMENTS),
        mostly(st.datetimes().map(lambda moment: f"{moment:%Y-%m-%dT%H:%M:%S}Z"), MOMENTS),
    ]
)


@pytest.mark.parametrize("how", [Stamps("t"), Stamps("t", "us"), Samples(0.1, "t"), Samples(0.1)], ids=str)
@FRESH_FILE
@given(data=st.data(), separator=st.sampled_from([",", ";", "\t"]), ending=st.sampled_from(["\n", "\r\n"]))
def test_arrow_reads_what_is_read_line_by_line(write, monkeypatch, how, data, separator, ending):
    """Bit for bit: rows, lines, times, numbers, texts, and every word about every fault."""
    monkeypatch.setattr(tables, "HEAD", 1)
    row = st.tuples(data.draw(TIMES), NUMBERS, NUMBERS | st.just(""), st.text("ab ,.", max_size=2) | CELLS)
    rows = data.draw(st.lists(row, min_size=2, max_size=12))
    lines = [separator.join(("t", "a", "b", "who")), *(separator.join(cells) for cells in rows)]
    path = write(ending.join(lines) + data.draw(st.sampled_from(["", ending])))
    asked = (path, ["b", "a"], how, data.draw(st.sampled_from([[], ["who"]])))
    assert outcome(*asked) == closely(monkeypatch, *asked)


@FRESH_FILE
@given(st.lists(st.sampled_from(["1", "2.5", "", " ", "\t", "x", '"', "nan", "1,", "1\r", '"3"']), max_size=8))
def test_arrow_reads_a_single_column_as_it_is_read_line_by_line(write, monkeypatch, lines):
    monkeypatch.setattr(tables, "HEAD", 1)
    path = write("\n".join(["v", "0", *lines]))
    for asked in [(path, ["v"], Samples(1.0), []), (path, [], Samples(1.0), ["v"]), (path, [], Samples(1.0), [])]:
        assert outcome(*asked) == closely(monkeypatch, *asked)


@pytest.mark.parametrize(
    "content",
    [
        table(rows=1000),
        table(rows=1000).replace(",", ";"),
        table(rows=1000).replace(",", ";").replace(".", ","),
        "t,v\n" + '2020-01-01 00:00:00,"1.5"\r\n' * 1000,
        "t,v\n" + "2020-01-01T00:00:00.5+01:00,-\n" * 1000,
    ],
    ids=["numbers", "semicolons", "decimal commas", "date-times and quotes", "zones and missing numbers"],
)
def test_what_is_usual_is_read_at_once(write, monkeypatch, content):
    """Only the first 100 rows are read one by one."""
    slow = []
    one_by_one = tables._Reading._one_by_one
    monkeypatch.setattr(
        tables._Reading, "_one_by_one", lambda *args: (slow.append(args[1].count()), one_by_one(*args))[1]
    )
    assert len(read(write(content), ["v"], Stamps("t")).lines) == 1000
    assert slow == [100]


# What is refused


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "log.csv: error: is empty"),
        (" \n\n\t\n", "log.csv: error: is empty"),
        (gzip.compress(b"", mtime=0), "log.csv: error: is empty"),
        ("t,v\n", "log.csv:1:1: error: has names of columns and no row"),
        ("\ufefft,v\n\n \n", "log.csv:1:1: error: has names of columns and no row"),
        (
            b"PK\x03\x04...",
            "log.csv: error: is a ZIP archive or a spreadsheet, expected CSV or lines of JSON, plain or gzipped",
        ),
        (
            table().encode("utf-16"),
            "log.csv: error: is text in UTF-16 (save it as UTF-8), expected CSV or lines of JSON, plain or gzipped",
        ),
        (
            "t,v\n0,1\n".encode("utf-16-le"),
            "log.csv:1:2: error: is not text: it has a zero byte\n"
            "   1 | t\ufffd,\ufffdv\ufffd\n     |  ^ it looks like UTF-16: save the file as UTF-8",
        ),
        (
            "# of car 7\n" + table(),
            "log.csv:1:1: error: is a comment, expected the names of the columns\n"
            "   1 | # of car 7\n     | ^^^^^^^^^^ a log has no comments: leave out such lines",
        ),
        ("<fcd/>", "log.csv: error: is XML or HTML, expected CSV or lines of JSON, plain or gzipped"),
        (
            "02:36:01,0,-31.97\n02:36:07,1,-31.97\n",
            "log.csv:1:1: error: has values, expected the names of the columns\n"
            "   1 | 02:36:01,0,-31.97\n     | ^^^^^^^^^^^^^^^^^ put a line such as `time,speed` first",
        ),
        (
            't,"v\n0,1\n',
            'log.csv:1:3: error: a quotation mark is out of place\n   1 | t,"v\n     |   ^^ a row is one line',
        ),
        (
            "t,v\n0,ä\n".encode("latin-1"),
            "log.csv:2:3: error: is not text in UTF-8: byte 3 is 0xe4\n"
            "   2 | 0,\ufffd\n     |   ^ save the file as UTF-8",
        ),
        (
            "Vehicle_order,A,B\nACC,1\n",
            "log.csv:2:1: error: none of the first 2 lines has the names of OpenACC's columns (`Time`, `Speed1`, ...)",
        ),
        (
            '[{"t":1,"v":2}]\n',
            "log.csv:1:1: error: is a list, expected one JSON object per line\n"
            '   1 | [{"t":1,"v":2}]\n     | ^^^^^^^^^^^^^^^',
        ),
        (
            '{\n"t": 1\n}\n',
            "log.csv:1:2: error: is not JSON: expecting property name enclosed in double quotes\n"
            "   1 | {\n     |  ^ expected one JSON object per line",
        ),
    ],
)
def test_what_is_no_log_is_refused(write, content, said):
    assert refused(write(content)) == said


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {5: "0.3,fast"},
            "log.csv:5:5: error: `v` is `fast`, expected a number\n   5 | 0.3,fast\n     |     ^^^^",
        ),
        (
            {5: "0.3,1_000"},
            "log.csv:5:5: error: `v` is `1_000`, expected a number without thousands separators\n"
            "   5 | 0.3,1_000\n     |     ^^^^^",
        ),
        (
            {5: '0.3,"1,234.5"'},
            "log.csv:5:5: error: `v` is `1,234.5`, expected a number without thousands separators\n"
            '   5 | 0.3,"1,234.5"\n     |     ^^^^^^^^^',
        ),
        (
            {5: '0.3,"1,5"'},
            "log.csv:5:5: error: `v` is `1,5`, expected a decimal point\n"
            '   5 | 0.3,"1,5"\n     |     ^^^^^ decimal commas need semicolons or tabs between the cells',
        ),
        (
            {5: "0.3, -inf "},
            "log.csv:5:6: error: `v` is `-inf`, expected a number\n   5 | 0.3, -inf \n     |      ^^^^",
        ),
        (
            {5: "0.3,1e999"},
            "log.csv:5:5: error: `v` is too large for a number, expected a number\n   5 | 0.3,1e999\n     |     ^^^^^",
        ),
        (
            {5: "0.3"},
            "log.csv:5:4: error: has 1 cell, expected 2 as there are names\n   5 | 0.3\n     |    ^ is it cut off?",
        ),
        (
            {5: "0,3,10,5"},
            "log.csv:5:5: error: has 4 cells, expected 2 as there are names\n"
            "   5 | 0,3,10,5\n     |     ^^^^ a separator in a number?",
        ),
        (
            {5: "noon,10"},
            "log.csv:5:1: error: `t` is `noon`, expected a number as in line 2\n   5 | noon,10\n     | ^^^^",
        ),
        (
            {2: "noon,10"},
            "log.csv:2:1: error: `t` is `noon`, expected a time in s or a date-time such as 2026-01-31T12:00:00Z\n"
            "   2 | noon,10\n     | ^^^^",
        ),
        (
            {5: "2026-01-31,10"},
            "log.csv:5:1: error: `t` is `2026-01-31`, expected a number as in line 2\n"
            "   5 | 2026-01-31,10\n     | ^^^^^^^^^^",
        ),
        (
            {2: "2026-02-30,10", 3: "", 4: "", 5: "", 6: "", 7: "", 8: "", 9: ""},
            "log.csv:2:1: error: `t` is `2026-02-30`, which is no date and time: day is out of range for month\n"
            "   2 | 2026-02-30,10\n     | ^^^^^^^^^^",
        ),
        (
            {5: '0.3,"10'},
            'log.csv:5:5: error: a quotation mark is out of place\n   5 | 0.3,"10\n     |     ^^^ a row is one line',
        ),
        (
            {5: "0.3,10\r0.4,10"},
            "log.csv:5:7: error: a carriage return is out of place\n"
            "   5 | 0.3,10\ufffd0.4,10\n     |       ^ lines end with LF or CR LF",
        ),
        (
            {5: "# braking"},
            "log.csv:5:1: error: is a comment, expected a row\n"
            "   5 | # braking\n     | ^^^^^^^^^ a log has no comments: leave out such lines",
        ),
        (
            {5: "0.3,1\x000"},
            "log.csv:5:6: error: is not text: it has a zero byte\n   5 | 0.3,1\ufffd0\n     |      ^",
        ),
    ],
    ids=lambda value: "" if isinstance(value, dict) else value.splitlines()[0][:60],
)
def test_a_bad_line_is_refused_with_place_and_reason(write, changes, said):
    assert refused(write(table(changes=changes))) == said


def test_a_byte_that_is_no_text_is_refused_with_its_place(write):
    content = table(changes={5: "ä°,10"}).encode().replace("°".encode(), b"\xb0")
    assert refused(write(content)) == (
        "log.csv:5:2: error: is not text in UTF-8: byte 3 is 0xb0\n   5 | ä\ufffd,10\n     |  ^ save the file as UTF-8"
    )


def test_decimal_points_and_commas_in_one_file_are_refused(write):
    assert refused(write("t;v\n1;2\n2;1.5\n3;1,5\n")) == (
        "log.csv:4:3: error: `v` is `1,5`, expected a decimal point as in line 3\n   4 | 3;1,5\n     |   ^^^"
    )


def test_times_with_and_without_zone_in_one_file_are_refused(write):
    assert refused(write("t,v\n2026-01-31 12:00,1\n2026-01-31 12:01Z,2\n")) == (
        "log.csv:3:1: error: `t` is `2026-01-31 12:01Z`, expected a date-time without time zone as in line 2\n"
        "   3 | 2026-01-31 12:01Z,2\n     | ^^^^^^^^^^^^^^^^^"
    )


def test_a_date_time_is_no_number_of_a_sample(write):
    assert "`t` is `2026-01-31`, expected the number of a sample" in refused(
        write("t,v\n2026-01-31,1\n"), time=Samples(0.1, "t")
    )


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            '{"t":1,"v":"fast"}',
            "log.csv:2:12: error: `v` is `fast`, expected a number\n"
            '   2 | {"t":1,"v":"fast"}\n     |            ^^^^^^',
        ),
        (
            '{"t":1,"v":[3]}',
            'log.csv:2:12: error: `v` is a list, expected a number\n   2 | {"t":1,"v":[3]}\n     |            ^^',
        ),
        (
            '{"t":1,"v":}',
            "log.csv:2:12: error: is not JSON: expecting value\n"
            '   2 | {"t":1,"v":}\n     |            ^ expected one JSON object per line',
        ),
        ("7", "log.csv:2:1: error: is a single value, expected one JSON object per line\n   2 | 7\n     | ^"),
    ],
)
def test_a_bad_line_of_json_is_refused_with_place_and_reason(write, line, said):
    assert refused(write(f'{{"t":0,"v":1}}\n{line}\n')) == said


@pytest.mark.parametrize("value", ["1e999", "Infinity", "9" * 400, "9" * 5000, "[" * 20_000])
def test_absurd_values_of_json_are_refused(write, value):
    assert refused(write(f'{{"t":0,"v":1}}\n{{"t":1,"v":{value}}}\n')).startswith("log.csv:2:")


def test_all_columns_that_are_not_there_are_told_at_once(write):
    path = write(table(names="time,speed"))
    assert refused(path, ["sped", "speed", "height"], Stamps("tine")) == (
        "log.csv:1:1: error: has no column `tine`\n   1 | time,speed\n     | ^^^^ did you mean `time`?\n"
        "log.csv:1:6: error: has no column `sped`\n   1 | time,speed\n     |      ^^^^^ did you mean `speed`?\n"
        "log.csv:1:1: error: has no column `height`\n   1 | time,speed\n     | ^^^^ there are `time`, `speed`"
    )


def test_a_column_that_is_not_there_is_told_before_the_log_is_read(write):
    with open_log(write('{"pos":[1,2]}\n')) as log, pytest.raises(LogError) as caught:
        log.blocks(["pos"], Samples(1.0))
    assert str(caught.value).endswith("error: has no column `pos`\n     = did you mean `pos.0`?")


def test_two_columns_of_one_name_are_refused_where_that_name_is_used(write):
    path = write("v,t,v,w,w\n1,2,3,4,5\n")
    assert read(path, [], Stamps("t")).time.tolist() == [2.0]
    assert refused(path) == (
        "log.csv:1:5: error: 2 columns are called `v`, expected one\n   1 | v,t,v,w,w\n     |     ^"
    )


def test_all_faults_are_told_at_once_up_to_10(write):
    text = refused(write(table(rows=60, changes={line: f"{line},x" for line in range(20, 57)})))
    heads = [line for line in text.splitlines() if "error" in line or "more" in line]
    assert heads[0] == "log.csv:20:4: error: `v` is `x`, expected a number"
    assert len(heads) == 11
    assert heads[-1] == "... and 27 more"


def test_every_bad_cell_of_a_row_is_told(write):
    text = refused(write("t,v,w\nx,y,1\n"), ["v", "w"])
    assert [line for line in text.splitlines() if "error" in line] == [
        "log.csv:2:1: error: `t` is `x`, expected a time in s or a date-time such as 2026-01-31T12:00:00Z",
        "log.csv:2:3: error: `v` is `y`, expected a number",
    ]


def test_a_long_line_is_shown_around_its_fault(write):
    text = refused(write("t,v\n" + "0" * 5000 + "1,x" + " " * 5000 + "\n"))
    assert text.splitlines()[0] == "log.csv:2:5003: error: `v` is `x`, expected a number"
    assert max(map(len, text.splitlines())) < 130


def test_blocks_before_a_fault_are_delivered_and_none_after_it(write):
    """The fault is in line 60 000 of a log of 120 000; the whole file is judged."""
    content = table(rows=120_000, changes={60_000: "x,1", 110_000: "1,y"})
    seen = 0
    with open_log(write(content)) as log, pytest.raises(LogError) as caught:
        for block in log.blocks(["v"], Stamps("t")):
            assert block.lines[-1] < 60_000
            seen += len(block.lines)
    assert seen > 0
    assert [fault.line for fault in caught.value.faults] == [60_000, 110_000]


def packed_rows(rows=60_000):
    """A packed table of random digits, which do not compress: half of the bytes are about half of the lines."""
    digits = random.Random(7)
    return gzip.compress("".join(["t,v\n", *(f"{row},{digits.random()}\n" for row in range(rows))]).encode(), 1)


def test_rows_before_the_cut_of_a_packed_file_are_delivered(write):
    packed = packed_rows()
    last = 0
    with open_log(write(packed[: len(packed) // 2])) as log, pytest.raises(LogError) as caught:
        for block in log.blocks(["v"], Stamps("t")):
            last = int(block.lines[-1])
    assert 25_000 < last < 35_000
    assert str(caught.value) == f"{log.path}:{last + 1}:1: error: the gzip file is cut off here"


def test_rows_before_the_damage_of_a_packed_file_are_delivered(write):
    """The damage is in the check sum at the end."""
    packed = bytearray(packed_rows())
    packed[-6] ^= 1
    rows = 0
    with open_log(write(bytes(packed))) as log, pytest.raises(LogError) as caught:
        for block in log.blocks(["v"], Stamps("t")):
            rows += len(block.lines)
    assert rows == 60_000
    assert str(caught.value) == f"{log.path}:60002:1: error: the gzip file is damaged here"


def test_a_packed_file_cut_off_anywhere_is_refused(write):
    packed = gzip.compress(table().encode())
    for end in range(2, len(packed)):
        assert "the gzip file is cut off here" in refused(write(packed[:end]))


@pytest.mark.parametrize("rows", [0, 10, 100_000])
def test_a_line_that_is_too_long_ends_the_log(write, rows):
    content = table(rows) + "0," + "1" * 2**20 + "\n0,1\n"
    seen = 0
    with pytest.raises(LogError) as caught, open_log(write(content)) as log:
        for block in log.blocks(["v"], Stamps("t")):
            seen += len(block.lines)
    assert seen == rows
    assert str(caught.value).endswith(f":{rows + 2}:1: error: is longer than 1048576 bytes: not a line of a log")


@pytest.mark.parametrize("fill", [b"0", b"\n" + b" " * 99, b"0,1\n", b"{", b"0,1," * 200 + b"\n"])
def test_a_file_that_explodes_takes_little_memory(write, fill):
    """4 MB in 4 kB, of which no more than the first is held at once."""
    path = write(gzip.compress(b"t,v\n" + fill * (2**22 // len(fill))))
    tracemalloc.start()
    try:
        with suppress(LogError), open_log(path) as log:
            deque(log.blocks(["v"], Samples(1.0)), maxlen=0)
        assert tracemalloc.get_traced_memory()[1] < 32e6
    finally:
        tracemalloc.stop()


def test_what_is_no_file_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert refused(tmp_path / "none.csv") == "none.csv: error: there is no such file"
    assert refused(tmp_path) == f"{tmp_path.name}: error: is a directory, expected a file"
    assert refused(tmp_path / "pipe") == "pipe: error: is a device or a pipe, expected a file"
    assert "File name too long" in refused("x" * 5000)


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="no file here that fails while it is read")
def test_what_cannot_be_read_is_refused():
    assert refused("/proc/self/mem") == "mem: error: cannot be read: Input/output error"


def test_too_many_different_texts_are_refused(write, monkeypatch):
    """What has a new text in every row says nothing about who sent it, and would fill the memory."""
    for module in (cells, tables.arrow):
        monkeypatch.setattr(module, "LABELS_MAX", 500)
    text = refused(write("v,who\n" + "".join(f"1,car {row}\n" for row in range(502))), time=Samples(1.0), texts=["who"])
    assert text.splitlines()[0] == "log.csv:502:3: error: `who` has more than 500 different texts before this one"


@pytest.mark.parametrize("wrong", [lambda: Stamps("t", "h"), lambda: Samples(0.0), lambda: Samples(math.inf)])
def test_a_time_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(ValueError, match="expected"):
        wrong()


# How much, how fast

BIT = "".join(f"{row / 100:.2f},{row % 97 / 8},{row % 89 / 16},{row % 83 / 4},{row % 2}\n" for row in range(30_000))


def long_log(path, times):
    """30 000 rows, `times` over, without taking the time to pack them each time."""
    path.write_bytes(gzip.compress(b"t,a,b,c,d\n") + gzip.compress(BIT.encode(), 1) * times)
    return path


def peaks(path):
    """Rows of a log, and the most memory that reading it took: of Python and NumPy, and of Arrow; in bytes."""
    pool = pa.system_memory_pool()
    before, rows = pa.default_memory_pool(), 0
    pa.set_memory_pool(pool)
    tracemalloc.start()
    try:
        with open_log(path) as log:
            for block in log.blocks(["a", "b", "c", "d"], Stamps("t")):
                rows += len(block.lines)
        return rows, tracemalloc.get_traced_memory()[1], pool.max_memory()
    finally:
        tracemalloc.stop()
        pa.set_memory_pool(before)


def test_the_memory_for_a_log_does_not_grow_with_it(tmp_path):
    """3 million rows of 100 MB (unpacked) take what a tenth of them takes."""
    _, short, _ = peaks(long_log(tmp_path / "short.gz", 10))
    rows, long, arrow = peaks(long_log(tmp_path / "long.gz", 100))
    assert rows == 3_000_000
    assert long < 1.2 * short
    assert long < 16e6
    assert arrow < 16e6


def test_a_million_rows_take_about_a_second(tmp_path):
    """Well above 1 million rows/s when nothing else runs; a busy machine may take four times as long."""
    path = tmp_path / "log.csv"
    path.write_text("t,a,b,c,d\n" + BIT * 34)
    start = time.process_time()
    with open_log(path) as log:
        rows = sum(len(block.lines) for block in log.blocks(["a", "b", "c", "d"], Stamps("t")))
    assert rows == 1_020_000
    assert time.process_time() - start < 4.0


# Whatever is in a file, it is a log or refused


def mutated(content, chance):
    """A copy of a file that some program, disk or person spoilt in up to four places."""
    for _ in range(chance.randint(1, 4)):
        start = chance.randrange(len(content) + 1)
        end = min(len(content), start + chance.choice([0, 1, 1, 2, 8, 100]))
        odd = [b",", b"\n", b"\r", b'"', b";", b"-", b"e", b"1e308", b"nan", b"inf", b"{", b"]", b"\0", b"\xff", b"\\"]
        piece = chance.choice([b"", chance.randbytes(3), content[start:end] * 2, chance.choice(odd)])
        content = content[:start] + piece + content[end:]
    return content


JSON_LINES = "".join(f'{{"t":{row},"v":{row / 8},"who":"car {row % 3}","pos":[1,{row}]}}\n' for row in range(20))
TABLE = "t,v,who\n" + "".join(f"{row},{row / 8},car {row % 3}\n" for row in range(20))


@FRESH_FILE
@given(st.sampled_from([JSON_LINES, TABLE]), st.booleans(), st.integers(0, 2**32))
def test_a_spoilt_file_is_read_or_refused(write, monkeypatch, content, is_packed, seed):
    """With the same outcome line by line and at once; every line of an error names the file or shows it."""
    monkeypatch.setattr(tables, "HEAD", 3)
    chance = random.Random(seed)
    spoilt = mutated(content.encode(), chance)
    path = write(mutated(gzip.compress(spoilt), chance) if is_packed else spoilt)
    asked = (path, ["v"], Stamps("t"), ["who"])
    first = outcome(*asked)
    assert first == closely(monkeypatch, *asked)
    if isinstance(first[0], str):
        assert first[0].startswith(str(path))
        assert all(line.isprintable() for line in first[0].splitlines())


@FRESH_FILE
@given(st.binary(max_size=300) | st.text(alphabet='tv,;\t"\n\r 0123456789.e-+naif{}[]:', max_size=300).map(str.encode))
@example(b"\xbb")
def test_any_bytes_are_read_or_refused(write, monkeypatch, content):
    monkeypatch.setattr(tables, "HEAD", 1)
    for begin in (b"", b"t,v\n", b"t;v\n", b'{"t":1,"v":2}\n'):
        asked = (write(begin + content), ["v"], Stamps("t"), ["t"])
        assert outcome(*asked) == closely(monkeypatch, *asked)


@FRESH_FILE
@given(st.binary(max_size=200).map(lambda raw: raw.replace(b"a", b"\n").replace(b"b", b"\n")), st.integers(1, 60))
def test_pieces_are_the_lines_of_the_file(write, monkeypatch, content, size):
    """Whatever the size of a piece: no line is lost, split, or numbered wrongly."""
    monkeypatch.setattr(pieces, "PIECE", size)
    path = write(content)
    with path.open("rb") as stream:
        found = [line for piece in pieces.pieces(stream) for line in piece.lines()]
    lines = content.split(b"\n")
    expected = lines[:-1] if not lines[-1] else lines
    assert found == [(number, line.removesuffix(b"\r")) for number, line in enumerate(expected, 1)]


def test_csv_module_and_quoted_cells_agree(write):
    """Separators and doubled quotation marks inside quotation marks."""
    content = 'v,who\n1,"a,b"\n2,"say ""hi"""\n3, "c"\n'
    expected = [row[1] for row in csv.reader(content.splitlines(), skipinitialspace=True)][1:]
    assert texts_of(read(write(content), ["v"], texts=["who"])) == expected
