"""A recording is read where it is looked at, and a broken one is refused with the file's name."""

import itertools
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from karyon.sim.run import simulate
from karyon.sim.scenario import read as read_scenario
from karyon.sim.view import happenings
from karyon.sim.view.folder import RunError
from karyon.sim.view.happenings import Happening, Span
from karyon.sim.view.links import NO_ONE, Wanted
from karyon.sim.view.recording import Recording, Table
from karyon.sim.view.rows import Lazy, Rows

DRIFT = "faults=[{vehicle: 2, signal: front.distance, mode: drift, onset: 5, duration: 3, rate: 2}]"


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    """Three cars, the last with a fault; the trace in row groups of 2 s."""
    folder = tmp_path_factory.mktemp("run")
    simulate([read_scenario("acc_profile", ["duration=12", "vehicles=3", DRIFT])], [folder])
    parquet.write_table(parquet.read_table(folder / "trace.parquet"), folder / "trace.parquet", row_group_size=60)
    return folder


@pytest.fixture
def broken(run, tmp_path) -> Path:
    """A copy of the run, to be broken."""
    for file in run.iterdir():
        shutil.copy(file, tmp_path / file.name)
    return tmp_path


def rewritten(folder: Path, change) -> None:
    """The trace with its table changed."""
    path = folder / "trace.parquet"
    parquet.write_table(change(parquet.read_table(path)), path)


@given(
    counts=st.lists(st.integers(1, 4), min_size=1, max_size=12),
    cuts=st.lists(st.integers(0, 12), max_size=3),
    begin=st.integers(-1, 13),
    end=st.integers(-1, 13),
    vehicle=st.integers(0, 3),
)
def test_rows_are_those_of_a_plain_list(counts, cuts, begin, end, vehicle):
    """However many vehicles there are at an instant, and however the instants are cut into parts."""
    rows = [(time, car) for time, count in enumerate(counts) for car in range(count)]
    edges = sorted({0, len(counts), *(cut for cut in cuts if cut < len(counts))})
    parts = []
    for low, high in itertools.pairwise(edges):
        mine = [row for row in rows if low <= row[0] < high]
        table = {"vehicle": np.array([car for _, car in mine]), "time": np.array([float(time) for time, _ in mine])}
        parts.append(Rows.of(table["time"], Lazy(list(table), table.__getitem__)))
    seen = Rows.joined([part.between(begin, end) for part in parts])
    expected = [row for row in rows if begin <= row[0] <= end]
    assert list(zip(seen.columns["time"], seen.columns["vehicle"], strict=True)) == expected
    assert list(seen.time) == sorted({time for time, _ in expected})
    mine = Rows.joined([part.between(begin, end).of_vehicle(vehicle) for part in parts])
    assert list(mine.time) == [time for time, car in expected if car == vehicle]
    assert set(mine.columns["vehicle"]) <= {vehicle}


@pytest.mark.parametrize(("begin", "end"), [(0.0, 12.0), (3.95, 4.1), (1.99, 2.0), (11.95, 20.0), (5.05, 5.06)])
def test_what_is_read_is_what_was_recorded(run, begin, end):
    """Over the edges of row groups, too."""
    table = parquet.read_table(run / "trace.parquet").to_pandas()
    expected = table[(table.time >= begin) & (table.time <= end)]
    parts = Recording(run).parts(begin, end)
    for name in ("time", "vehicle", "x", "gap", "los_acc", "lead.message_age"):
        seen = np.concatenate([np.empty(0), *(part.columns[name] for part in parts)])
        np.testing.assert_array_equal(seen, expected[name].to_numpy(dtype=float))


def test_only_the_row_groups_that_are_looked_at_are_read(broken):
    """With the others destroyed, the recording opens and shows its beginning."""
    path = broken / "trace.parquet"
    groups = parquet.ParquetFile(path).metadata
    begin, end = (groups.row_group(index).column(0).data_page_offset for index in (3, 4))
    data = bytearray(path.read_bytes())
    data[begin:end] = bytes(end - begin)
    path.write_bytes(data)
    recording = Recording(broken)
    assert [len(part.columns["x"]) for part in recording.parts(0.0, 3.9)] == [60, 60]
    with pytest.raises(RunError, match=r"trace\.parquet: row group 4 cannot be read"):
        _ = [part.columns["x"] for part in recording.parts(6.0, 6.5)]


def test_messages_are_those_that_were_sent(run):
    """Each with its outcome."""
    table = parquet.read_table(run / "messages.parquet").to_pandas()
    expected = table[(table.sent >= 2.0) & (table.sent <= 2.5)]
    wanted = Wanted(2, np.array([NO_ONE, 0]))
    expected = expected[(expected.receiver == 2) | ((expected.receiver == 1) & (expected.sender == 0))]
    assert len(set(expected.receiver)) == 2
    sender, receiver, arrived = Recording(run).messages(2.0, 2.5, wanted)
    np.testing.assert_array_equal(sender, expected.sender)
    np.testing.assert_array_equal(receiver, expected.receiver)
    np.testing.assert_array_equal(arrived, expected.arrived)


def test_row_groups_may_be_empty(tmp_path):
    """As long as nobody has come there are no messages."""
    schema = pa.schema([(name, pa.float64()) for name in ("sent", "sender")])
    with parquet.ParquetWriter(tmp_path / "messages.parquet", schema) as writer:
        for times in ([], [1.0, 2.0], [], [3.0]):
            writer.write_table(pa.table({"sent": times, "sender": times}, schema))
    table = Table(tmp_path / "messages.parquet", "sent")
    assert [time for part in table.rows(0.0, 9.0) for time in part.time] == [1.0, 2.0, 3.0]
    assert [time for part in table.rows(2.5, 9.0) for time in part.columns["sender"]] == [3.0]


def test_a_truncated_trace_is_refused(broken):
    """As a run leaves it whose machine lost power."""
    path = broken / "trace.parquet"
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(RunError, match=r"trace\.parquet: cannot be read, it is damaged or cut off"):
        Recording(broken)


def test_a_trace_without_an_instant_is_refused(broken):
    """A run that was interrupted at once."""
    rewritten(broken, lambda table: table.slice(0, 0))
    with pytest.raises(RunError, match=r"trace\.parquet: holds no instant"):
        Recording(broken)


def test_a_trace_that_goes_back_in_time_is_refused(broken):
    """Two files put together."""

    def doubled(table: pa.Table) -> pa.Table:
        return pa.concat_tables([table, table])

    rewritten(broken, doubled)
    with pytest.raises(RunError, match="time does not always go on"):
        Recording(broken).parts(0.0, 1.0)


@pytest.mark.parametrize("name", ["trace.parquet", "summary.json", "scenario.yaml"])
def test_a_folder_without_a_file_is_refused(broken, name):
    """The message names the file, and what writes it."""
    (broken / name).unlink()
    with pytest.raises(RunError, match=rf"{name}: not there; `karyon run SCENARIO --out"):
        Recording(broken)


def test_a_run_without_events_is_shown_and_says_so(broken):
    """The trace is whole: it can be looked at."""
    (broken / "events.jsonl").unlink()
    recording = Recording(broken)
    assert recording.happenings == []
    assert recording.notes == ("events.jsonl is not there: faults, switches and violations are not shown",)


def test_events_that_are_cut_off_are_refused(broken):
    """With the line."""
    path = broken / "events.jsonl"
    text = path.read_text("utf-8")
    path.write_text(text[:-20], "utf-8")
    last = len(text.splitlines())
    with pytest.raises(RunError, match=rf"events\.jsonl:{last}: is no event, the file may be cut off"):
        Recording(broken)


def test_what_is_no_folder_is_refused(tmp_path):
    """Neither a file, nor nothing."""
    (tmp_path / "file").touch()
    for name, said in (("file", "not a folder"), ("nothing", "no such folder")):
        with pytest.raises(RunError, match=said):
            Recording(tmp_path / name)


def test_faults_are_spans_from_their_two_edges():
    """Two of a kind one after the other, or across each other; one that does not end; an end alone is none."""

    def edge(time: float, vehicle: int, text: str) -> Happening:
        return Happening(time, vehicle, "fault", text)

    told = [
        edge(0.5, 2, "radar: hang ends"),
        edge(1.0, 1, "radar: hang begins"),
        edge(2.0, 1, "radar: hang ends"),
        edge(3.0, 1, "radar: hang begins"),
        edge(4.0, 2, "radar: hang begins"),
        edge(5.0, 1, "radar: hang ends"),
        edge(6.0, 3, "radar: hang begins"),
        edge(7.0, 3, "radar: hang begins"),
        edge(8.0, 3, "radar: hang ends"),
        edge(9.0, 3, "radar: hang ends"),
    ]
    found = sorted(happenings.spans(told), key=lambda span: span.begin)
    assert found == [
        Span(1, "radar: hang", 1.0, 2.0),
        Span(1, "radar: hang", 3.0, 5.0),
        Span(2, "radar: hang", 4.0, float("inf")),
        Span(3, "radar: hang", 6.0, 8.0),
        Span(3, "radar: hang", 7.0, 9.0),
    ]


@pytest.mark.parametrize(
    ("told", "vehicle"),
    [
        ([], 1),
        ([(1, "detection", 4, -1, -1)], 1),
        ([(1, "los", 5, 0, 1), (2, "fault", 3, -1, -1)], 3),
        ([(1, "fault", 3, -1, -1), (2, "los", 4, 3, 1), (3, "los", 5, 0, 1), (9, "los", 6, 3, 1)], 4),
        ([(1, "fault", 3, -1, -1), (6, "los", 4, 3, 1), (7, "los", 2, 3, 0)], 4),
        ([(1, "los", 5, 3, 1), (2, "los", 4, 3, 2), (2, "los", 6, 3, 2), (9, "los", 7, 3, 2)], 4),
    ],
)
def test_who_lost_service_is_looked_at(told, vehicle):
    """At 5 s: the last until then, the first of several at once; or else who will, or who fails, or the first."""
    told = [Happening(time, car, kind, "", before, after) for time, kind, car, before, after in told]
    assert happenings.telling(told, 5.0) == vehicle
