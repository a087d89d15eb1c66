"""The figure of a campaign shows its rows: the worst of each cell, every late switch, and who came closest."""

import json
import subprocess
import sys
from functools import cache

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle
from pyarrow import parquet

from karyon.campaign import plan_file, rows
from karyon.campaign.folder import CampaignError
from karyon.campaign.plot import BINS, CLOSE_IS_DARK, draw, plot, read
from karyon.sim.view.page import DANGER, styled

SUMMARY = {"campaign": "made_up", "seed": 3, "runs": 0, "violations": 0, "interval": [0.0, 0.25]}
ROW = {
    "outcome": "ok",
    "violated": False,
    "worst_switch_latency": 0.1,
    "switch_bound": 0.4,
    "min_gap": 9.0,
    "min_rss_margin": 3.0,
    "fault_signal": "front.distance",
    "fault_mode": "offset",
    "fault_amplitude": 1.0,
}


@cache
def all_columns():
    """Those of a shipped campaign."""
    return rows.schema(plan_file.read("acc_faults"))


def written(folder, told):
    """A campaign of rows like `ROW`, but for what is told of each."""
    table = [ROW | {"run": number} | one for number, one in enumerate(told)]
    layout = pa.schema([field for field in all_columns() if field.name in table[0]])
    parquet.write_table(pa.Table.from_pylist(table, layout), folder / "runs.parquet")
    broken = sum(one["violated"] for one in table)
    (folder / "campaign.json").write_text(json.dumps(SUMMARY | {"runs": len(table), "violations": broken}))
    (folder / "identity.json").write_text("{}")
    return folder


def drawn(folder):
    """Its figure."""
    with styled():
        return draw(read(folder))


def cells(panel):
    """Of each cell: place, width and colour."""
    found = [each for each in panel.patches if isinstance(each, Rectangle)]
    return {(each.get_x(), each.get_y(), each.get_width()): to_hex(each.get_facecolor()) for each in found}


BROKEN = {"outcome": "violated", "violated": True, "min_rss_margin": -0.5}
FAILED = {"outcome": "crashed", "worst_switch_latency": None, "min_gap": None, "min_rss_margin": None}


@settings(max_examples=15)
@given(
    told=st.lists(st.tuples(st.integers(-8, 8), st.integers(0, 5)), min_size=1, max_size=12),
)
def test_a_cell_has_the_colour_of_its_worst_run(tmp_path_factory, told):
    """Of the runs whose amplitude lies in its part of the range of the row; red where one broke a goal.

    The less is left, the darker it is, on the scale of the bar beside; and it says how many runs it has.
    """
    folder = tmp_path_factory.mktemp("campaign")
    low, high = min(amplitude for amplitude, _ in told), max(amplitude for amplitude, _ in told)
    table, expected = [], {}
    for amplitude, margin in told:
        table.append(
            {"fault_amplitude": float(amplitude)} | (BROKEN if margin == 0 else {"min_rss_margin": float(margin)})
        )
        part = min(int(BINS * (amplitude - low) / (high - low)), BINS - 1) if high > low else 0
        wide = 1.0 if high > low else float(BINS)
        expected.setdefault((part * wide, 0.0, wide), []).append(margin)
    panel, bar, *_ = drawn(written(folder, table)).axes
    found = cells(panel)
    begin, end = bar.get_xlim()
    for place, margins in expected.items():
        share = (min(margins) - begin) / (end - begin)
        assert share >= 0 or 0 in margins
        assert found.pop(place) == (DANGER if 0 in margins else to_hex(CLOSE_IS_DARK(min(share, 1.0))))
        number = f"{margins.count(0)}/{len(margins)}" if 0 in margins else str(len(margins))
        middle = place[0] + place[2] / 2
        assert [text.get_text() for text in panel.texts if text.get_position()[0] == middle] == [number]
    assert found == {}


@pytest.mark.parametrize(
    ("margins", "ends"),
    [
        ([1.4, 1.6, 1.9], ["1 m", "2 m"]),
        ([-0.7, 3.2, 3.4], ["−1 m", "3.5 m"]),
        ([*np.linspace(2.0, 3.0, 39), 60.0], ["2 m", "≥ 3 m"]),
        ([None], ["0 m", "1 m"]),
    ],
    ids=["all close", "below RSS", "one far off", "nothing known"],
)
def test_colours_span_what_is_there(tmp_path, margins, ends):
    """In round numbers; what is beyond the end of the bar is told by its label."""
    modes = [{"fault_signal": f"signal.{number:02}", "min_rss_margin": margin} for number, margin in enumerate(margins)]
    _, bar, *_ = drawn(written(tmp_path, modes)).axes
    assert [label.get_text() for label in bar.get_xticklabels()] == ends


def test_rows_are_told_with_their_range_and_unit(tmp_path):
    """By signal and mode; a mode without a number, and runs without a fault, are one cell each."""
    table = [
        {"fault_amplitude": -2.0},
        {"fault_amplitude": 6.0, **BROKEN},
        {"fault_amplitude": 6.0},
        {"fault_mode": "drift", "fault_amplitude": 0.5},
        {"fault_mode": "drift", "fault_amplitude": 1.5},
        {"fault_mode": "saturation", "fault_amplitude": 2.0},
        {"fault_mode": "saturation", "fault_amplitude": 4.0},
        {"fault_mode": "scale", "fault_amplitude": 0.5},
        {"fault_mode": "scale", "fault_amplitude": 2.0},
        {"fault_signal": "perception", "fault_mode": "hang", "fault_amplitude": None},
        {"fault_signal": None, "fault_mode": None, "fault_amplitude": None},
        {"fault_signal": "own.speed", "fault_mode": "freeze", "fault_amplitude": 1.0, **FAILED},
    ]
    figure = drawn(written(tmp_path, table))
    panel = figure.axes[0]
    assert [label.get_text() for label in panel.get_yticklabels()] == [
        "no fault",
        "front.distance: drift",
        "front.distance: offset",
        "front.distance: saturation",
        "front.distance: scale",
        "own.speed: freeze",
        "perception: hang",
    ]
    words = [text.get_text() for text in panel.texts]
    assert {"−2 to 6 m", "0.5 to 1.5 m/s", "2 to 4 m", "0.5 to 2", "1/2", "1, 1 ✕"} <= set(words)
    assert panel.get_title("left") == "Broken under front.distance: offset"
    said = [text.get_text() for text in figure.texts]
    assert said[0] == "made_up: 1 of 12 runs breaks a safety goal"
    assert "0 to 25 %" in said[1]
    assert "1 came to nothing" in said[1]


def test_curves_hold_every_run(tmp_path):
    """Above a latency are those that took longer, and below a distance those that came closer."""
    latencies, gaps = [0.1, 0.3, 0.3, 0.5], [4.0, 8.0, 2.0, 6.0]
    table = [
        {"worst_switch_latency": latency, "switch_bound": 0.4, "min_gap": gap, "min_rss_margin": gap - 1.0}
        for latency, gap in zip(latencies, gaps, strict=True)
    ]
    late, left = drawn(written(tmp_path, table)).axes[-2:]
    xs, above = late.lines[0].get_data()
    for latency in (0.0, 0.2, 0.3, 0.4, 0.6):
        shown = above[np.searchsorted(xs, latency, side="right") - 1]
        assert shown == pytest.approx(sum(one > latency for one in latencies) / 4)
    assert late.get_title("left") == "1 switch late"
    xs, below = left.lines[1].get_data()
    assert dict(zip(xs, below, strict=True)) == {2.0: 0.25, 4.0: 0.5, 6.0: 0.75, 8.0: 1.0}
    assert left.get_title("left") == "Least margin over RSS: 1.0 m"


def test_a_campaign_without_faults_has_no_cells(tmp_path):
    """Its curves are there; a single run, too, is drawn."""
    figure = drawn(written(tmp_path, [{"fault_signal": None, "fault_mode": None, "fault_amplitude": None}]))
    assert len(figure.axes) == 2
    assert figure.axes[0].get_title("left") == "A switch takes at most 25 % of its bound"


def test_runs_that_all_came_to_nothing_are_drawn(tmp_path):
    """And said to have."""
    figure = drawn(written(tmp_path, [FAILED, FAILED]))
    assert "2 came to nothing" in figure.texts[1].get_text()
    assert [panel.get_title("left") for panel in figure.axes[-2:]] == [
        "No switch was measured",
        "No distance was measured",
    ]


def test_the_command_draws_the_same_bytes_again(tmp_path):
    """As PNG, SVG and PDF."""
    written(tmp_path, [{}, {"fault_amplitude": 2.0}])
    done = subprocess.run(
        [sys.executable, "-m", "karyon", "plot", str(tmp_path)], capture_output=True, text=True, check=True
    )
    made = [tmp_path / f"campaign.{kind}" for kind in ("png", "svg", "pdf")]
    assert done.stdout.split() == list(map(str, made))
    first = [path.read_bytes() for path in made]
    assert [path.read_bytes() for path in plot(tmp_path)] == first


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda folder: (folder / "runs.parquet").unlink(), r"runs\.parquet: not there"),
        (lambda folder: (folder / "runs.parquet").write_bytes(b"PAR1"), "cannot be read"),
        (lambda folder: (folder / "campaign.json").write_text("{"), "cannot be read"),
        (lambda folder: (folder / "campaign.json").write_text('{"seed": 1}'), "cannot be read: 'campaign'"),
        (lambda folder: written(folder, [{}]) and cut(folder), "holds no run"),
    ],
    ids=["no table", "a damaged table", "half a summary", "another summary", "no run"],
)
def test_what_is_no_whole_campaign_is_refused(tmp_path, damage, said):
    """In one line that names the folder, and no picture."""
    damage(written(tmp_path, [{}]))
    with pytest.raises(CampaignError, match=said):
        plot(tmp_path)
    assert not list(tmp_path.glob("campaign.p*"))


def cut(folder):
    """Leave no row."""
    path = folder / "runs.parquet"
    parquet.write_table(parquet.read_table(path).slice(0, 0), path)
