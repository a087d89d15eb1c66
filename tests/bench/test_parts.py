"""What `karyon bench --part` measures of KARYON alone: each part from end to end, small; never how fast it is."""

import json

import pytest

from karyon import compiled
from karyon.bench import chain, kernel, memory, played, stages, start, turns
from karyon.cli import bench


@pytest.fixture
def small(monkeypatch):
    """Few rows, steps, cycles and runs; nothing is compiled."""
    monkeypatch.setattr(turns, "REPETITIONS", 1)
    for module in (chain, stages):
        monkeypatch.setattr(module, "EVERY", (1, 4))
        monkeypatch.setattr(module, "STEPS", 40)
    monkeypatch.setattr(stages, "COPIED", 80_000)
    monkeypatch.setattr(stages, "FLOOR_CALLS", 100)
    monkeypatch.setattr(compiled, "is_installed", lambda: False)
    monkeypatch.setattr(kernel, "CYCLES", 300)
    monkeypatch.setattr(kernel, "WARM_UP", 50)
    monkeypatch.setattr(kernel, "TRACED", 100)
    monkeypatch.setattr(start, "COMMANDS", {"karyon --help": ("--help",)})


def told(part, capsys):
    """What the command says as JSON; for a reader it has lines, too."""
    bench.bench(part=bench.Part(part), as_json=True)
    return json.loads(capsys.readouterr().out)


def test_the_cost_of_a_step_at_each_number_of_rows(small, capsys):
    """And no slope where all rows are few."""
    found = told("scale", capsys)
    assert [one["rows"] for one in found["rows"]] == [1, 4]
    assert all(one["spread"]["karyon"][0] <= one["karyon"] <= one["spread"]["karyon"][1] for one in found["rows"])
    assert found["slopes"] == {"karyon": None}
    assert len(list(chain.scale_lines(found))) == 3


def test_the_slope_is_the_exponent_of_the_cost_from_a_hundred_rows_on():
    """What fewer rows cost does not count."""
    points = [(1, 5000.0), (10, 5000.0), *((rows, 3.0 * rows**0.9) for rows in (100, 1_000, 10_000))]
    assert chain.slope(points) == pytest.approx(0.9)


def test_without_fast_nothing_is_compiled_and_with_it_again():
    """Whoever asks finds no numba, and then the same as before."""
    before = compiled.is_installed()
    with chain.without_fast():
        assert not compiled.is_installed()
    assert compiled.is_installed() == before


def test_times_of_a_cycle_of_the_kernel_and_its_memory(small, capsys):
    """In microseconds, in order."""
    found = told("kernel", capsys)
    (one,) = found["cycles"].values()
    assert (found["signals"], found["levels"], one["cycles"]) == (10, 4, 300)
    assert 0.0 < one["p50"] <= one["p99"] <= one["p99.9"] <= one["max"]
    assert 0.0 < one["cpu"]["p50"] <= one["cpu"]["max"]
    assert {"rss_growth", "traced_growth", "collections", "interrupted"} <= one.keys()
    assert len(list(kernel.lines(found))) == 4


def test_the_levels_of_the_measured_kernel_go_up_to_the_highest_and_down():
    """So all of its code is in what is measured."""
    cycle = kernel.cycle_of(None)
    levels = [int(cycle(number)["acc"].level[0]) for number in range(1_000)]
    assert set(levels) == {0, 1, 2, 3}


def test_a_cycle_that_keeps_memory_is_found_out(small):
    """Half of the traced cycles count: 50, which keep a kilobyte each."""
    kept = []
    assert kernel._traced_growth(lambda _: kept.append(bytes(1_000)), 0) > 50_000
    assert kernel._traced_growth(lambda _: bytes(1_000), 0) < 5_000


def test_each_cycle_is_told_with_the_parts_in_it(small, capsys):
    """Parts take no longer than what they are in; all cycles and the rest are the whole step."""
    found = told("stages", capsys)
    for one in found["rows"]:
        times = one["stages"]
        assert {"_perceive", "_perceive/perception.update", "_decide/kernel.step", stages.REST} <= times.keys()
        for name, taken in times.items():
            assert taken <= times.get(name.rpartition("/")[0], taken)
        assert sum(taken for name, taken in times.items() if "/" not in name) == pytest.approx(one["step"])
    assert min(found["calls"].values()) > 10
    assert found["floor"].keys() == {"call", "gigabytes_per_second"}
    assert len(list(stages.lines(found))) > 20


def test_each_loop_that_is_played_is_told_by_its_formula(monkeypatch, capsys):
    """Those that take least together; nothing where nothing is compiled."""
    pytest.importorskip("numba")
    monkeypatch.setattr(played, "ROWS", (3, 5))
    monkeypatch.setattr(played, "STEPS", 120)
    monkeypatch.setattr(played, "FAULT_EVERY", 2.0)
    found = told("played", capsys)
    assert [one["rows"] for one in found["rows"]] == [3, 5]
    table = dict(played.table(found))
    assert [*table][-1] == played.REST
    for place, one in enumerate(found["rows"]):
        assert {"look", "cycle", "drive", "handle", "random numbers", "copies"} <= one["loops"].keys()
        assert min(one["loops"].values()) >= 0.0
        assert sum(taken[place] for taken in table.values()) == pytest.approx(sum(one["loops"].values()))
    monkeypatch.setattr(compiled, "is_installed", lambda: False)
    assert told("played", capsys)["rows"] == []


def test_only_what_is_played_can_be_timed():
    """Not before two periods have been recorded."""
    simulation = chain.begun(*chain.batch(3, 120))
    with pytest.raises(RuntimeError, match="nothing is played at 0 ns"):
        simulation.steady.timed(0, 1_000_000_000)


def test_what_is_not_there_under_its_name_is_left_out():
    """A stage that is gone ends no profile."""

    class Part:
        def step(self):
            return 7

    class Whole:
        part = Part()

    timers = stages.Timers()
    for place in ("part.step", "part.gone", "gone.step"):
        timers.wrap(Whole, place)
    assert Whole.part.step() == 7
    assert list(timers.taken) == [("part.step",)]


def test_a_command_is_started_and_its_imports_are_told(small, capsys):
    """The heaviest packages by name."""
    (one,) = told("start", capsys)["commands"]
    assert one["seconds"] > 0.0
    assert one["imports"] > 20
    assert one["import_ms"] >= sum(one["heaviest"].values()) > 0.0
    assert len(one["heaviest"]) == start.HEAVIEST


def test_imports_are_counted_once_by_package():
    """Each module without those that it imports."""
    said = """import time: self [us] | cumulative | imported package
import time:       100 |        100 |     numpy._core
import time:        50 |        150 |   numpy
import time:        30 |        180 | karyon.sim"""
    assert start.imports(said.splitlines()) == {"numpy": 150, "karyon": 30}


def test_memory_of_a_run_and_rows_of_a_trace(small, monkeypatch, capsys):
    """As many rows as there are cars and instants."""
    monkeypatch.setattr(memory, "RUNS", {"acc_profile": (1, 2)})
    monkeypatch.setattr(memory, "SECONDS", 1)
    monkeypatch.setattr(memory, "WHOLE", 2)
    monkeypatch.setattr(memory, "RECORDED", 2)
    monkeypatch.setattr(memory, "SPAWN", memory.multiprocessing.get_context("fork"))
    found = told("memory", capsys)
    assert [one["rows_per_run"] for one in found["memory"]] == [1]
    assert [one["rows"] for one in found["recording"]] == [2 * 2 * 41, 2 * 2 * 3]
    assert all(one["rows_per_second"] > 0.0 < one["bytes_per_row"] for one in found["recording"])
    assert len(list(memory.lines(found))) == 4


def test_one_thing_is_measured_at_a_time(capsys):
    """Exit code 2."""
    with pytest.raises(SystemExit) as ended:
        bench.bench(peer=bench.Peer.SUMO, part=bench.Part.START)
    assert ended.value.code == 2
    assert "one of --peer, --part and --perception" in capsys.readouterr().err
