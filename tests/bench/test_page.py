"""What `make bench` writes: numbers between the marks of the page, the figure, and all that was measured as JSON."""

import json
from pathlib import Path

import pytest

from karyon.bench import __main__ as command
from karyon.bench import figure, page
from karyon.sim.view.page import styled

DOCS = Path(__file__).parents[2] / "docs"
SPREAD = {"karyon": [1.0, 3.0], "peer": [1.0, 3.0]}
MEASURED = {
    "machine": "a machine",
    "day": "2026-11-30",
    "load": 0.25,
    "scale": {
        "period": 0.1,
        "rows": [
            {"rows": 1, "karyon": 250.0, "without_fast": 900.0, "spread": SPREAD},
            {"rows": 1_000, "karyon": 500.0, "spread": SPREAD},
        ],
        "slopes": {"karyon": 0.912, "without_fast": None},
    },
    "peers": {
        "sumo": [{"vehicles": 1_000, "karyon": 2e6, "peer": 5e5, "ratio": 4.0, "spread": SPREAD}],
        "reelay": [{"vehicles": 1, "karyon": 2e5, "peer": 1e5, "ratio": 2.0, "ratio_formula": 350.4, "spread": SPREAD}],
    },
    "about": {
        "sumo": {"name": "SUMO", "unit": "vehicle-steps/s", "of": "vehicles"},
        "reelay": {"name": "reelay", "unit": "evaluations/s", "of": "vehicles"},
    },
    "kernel": {
        "signals": 10,
        "levels": 4,
        "cycles": {
            "numpy": {
                "cycles": 300,
                "p50": 90.4,
                "p99": 101.0,
                "p99.9": 150.0,
                "max": 200.0,
                "cpu": {"p99.9": 140.0},
                "rss_growth": 4096,
                "traced_growth": 16,
            }
        },
    },
    "start": {
        "commands": [
            {"command": "karyon --help", "seconds": 0.1, "imports": 9, "import_ms": 80.0, "heaviest": {"typer": 13.0}}
        ]
    },
    "memory": {
        "memory": [{"scenario": "platoon", "rows_per_run": 7, "bytes_per_run": 147e3, "bytes_per_row": 21e3}],
        "recording": [
            {
                "period": "1 s",
                "rows": 100,
                "rows_per_second": 1e6,
                "parquet_rows_per_second": 2e6,
                "bytes_per_row": 80.0,
            }
        ],
    },
    "played": {"period": 0.1, "rows": [{"rows": 1_000, "loops": {"look": 80.0, "random numbers": 30.5, "flag": 0.25}}]},
    "stages": {
        "period": 0.1,
        "floor": {"call": 0.4, "gigabytes_per_second": 9.0},
        "calls": {"python": 340.0, "c": 190.0},
        "rows": [{"rows": 1, "step": 250.0, "stages": {"_send": 95.0, "_send/channel.send": 19.0, "the rest": 155.0}}],
    },
}


@pytest.fixture
def folder(tmp_path):
    """With a page that has marks, and what was measured."""
    (tmp_path / "performance.md").write_text(f"# Title\n{page.BEGIN}numbers of before\n{page.END}\nafter\n", "utf-8")
    (tmp_path / "performance.json").write_text(json.dumps(MEASURED), "utf-8")
    return tmp_path


def test_the_numbers_stand_between_the_marks_and_the_rest_stays(folder, monkeypatch):
    """Drawn twice, the files are the same."""
    monkeypatch.setattr("sys.argv", ["bench", str(folder), "--draw"])
    command.main()
    first = {path.name: path.read_bytes() for path in folder.iterdir()}
    command.main()
    assert first == {path.name: path.read_bytes() for path in folder.iterdir()}
    assert first.keys() == {"performance.md", "performance.json", "performance.png"}
    said = first["performance.md"].decode()
    assert said.startswith(f"# Title\n{page.BEGIN}\n")
    assert said.endswith(f"{page.END}\nafter\n")
    assert "numbers of before" not in said
    for row in (
        "| 1 | 250 | 1 to 3 | 250.00 | 900 |",
        "| 1,000 | 500 | 1 to 3 | 0.50 |  |",
        "Log-log slope from 100 rows on: 0.91.",
        "| SUMO | vehicle-steps/s | 1,000 vehicles | 2,000,000 | 500,000 | 4 |  |  |",
        "| 1 vehicle | 200,000 | 100,000 | 2 |  | 350 |",
        "| numpy | 300 | 90 | 101 | 150 | 200 | 140 | 4,096 bytes | 16 bytes |",
        "| `look` | 80.00 |\n| random numbers | 30.50 |\n| the rest | 0.25 |",
        "| · `channel.send` | 19.0 |",
        "- `karyon --help`: 0.10 s; 9 modules, by package in ms: typer 13.",
        "- Memory, `platoon`: 147 kB a run, 21 kB a row.",
        "- Recording every 1 s: 1,000,000 rows/s, Parquet alone 2,000,000; 100 rows of 80 bytes.",
    ):
        assert row in said


def test_a_page_without_marks_is_refused():
    """Nothing of it is lost."""
    with pytest.raises(ValueError, match="no marks"):
        page.with_numbers("# Title\n", MEASURED)


def test_the_figure_has_a_curve_for_each_program():
    """In ms of a step; a peer's from its vehicle-steps a second."""
    assert figure.curves(MEASURED) == {
        "karyon": ("KARYON", [(1, 0.25), (1_000, 0.5)]),
        "without_fast": ("KARYON without fast", [(1, 0.9)]),
        "sumo": ("SUMO", [(1_000, 2.0)]),
    }
    with styled():
        (axes,) = figure.figure(MEASURED).axes
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    assert [line.get_label() for line in axes.lines[:3]] == ["KARYON", "KARYON without fast", "SUMO"]


def test_the_shipped_page_has_the_shipped_numbers():
    """It was written by `make bench`, or drawn again."""
    shipped, measured = (DOCS / f"performance.{kind}" for kind in ("md", "json"))
    text = shipped.read_text("utf-8")
    assert page.with_numbers(text, json.loads(measured.read_text("utf-8"))) == text


def test_all_parts_are_measured_and_a_peer_that_is_not_installed_is_left_out(monkeypatch):
    """Each once; what is measured is told as it begins."""
    for module, name in (
        ("chain", "measure_scale"),
        *((part, "measure") for part in ("kernel", "start", "memory", "played", "stages")),
    ):
        monkeypatch.setattr(f"karyon.bench.{module}.{name}", lambda part=module: {"part": part})

    def named(key):
        if key != "river":
            raise ImportError("not installed")
        return page.beside.Beside("river", "PageHinkley", "samples/s", "streams", (), None)

    monkeypatch.setattr("karyon.bench.beside.named", named)
    told = []
    found = page.measure(told.append)
    assert found["peers"] == {"river": []}
    assert found["about"] == {"river": {"name": "PageHinkley", "unit": "samples/s", "of": "streams"}}
    assert [found[part]["part"] for part in ("scale", "kernel", "start", "memory", "played", "stages")] == [
        "chain",
        "kernel",
        "start",
        "memory",
        "played",
        "stages",
    ]
    assert "rtamt: left out, not installed" in told
