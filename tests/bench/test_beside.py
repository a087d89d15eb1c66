"""Beside other programs: both are measured, in turn, both answer the same, and nothing else is on standard output."""

import json
import os

import numpy as np
import pytest

from karyon.bench import beside, chain, rules, turns
from karyon.bench.beside import KARYON, PEER
from karyon.cli import bench
from karyon.sim.scenario import read

SIZES = {"highway-env": 4, "reelay": 3, "river": 10, "rtamt": 1, "sumo": 6}  # by peer


def installed(key):
    """How a peer is measured; where it is not installed the test is skipped, but not in CI: there it must be."""
    try:
        return beside.named(key)
    except ImportError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"it is in the extra `peers`: {error}")


@pytest.fixture
def small(monkeypatch):
    """One repetition, few steps, nothing compiled of the chain, and a clock by which each measurement takes 1 s."""
    clock = iter(range(1_000_000))
    monkeypatch.setattr("time.process_time", lambda: float(next(clock)))
    monkeypatch.setattr(turns, "REPETITIONS", 1)
    monkeypatch.setattr(chain, "LONGER", 1)
    monkeypatch.setattr(chain, "STEPS", 20 + round(chain.WARM_UP / chain.PERIOD))
    monkeypatch.setattr(chain.Simulation, "quicken", lambda *_: None)


def told(key, capsys):
    """What the command says of a peer as JSON, and to a reader."""
    bench.bench(peer=bench.Peer(key), as_json=True)
    measured = json.loads(capsys.readouterr().out)
    return measured["peers"][key], list(beside.lines(beside.named(key), measured))


@pytest.mark.parametrize("key", ["sumo", "highway-env"])
def test_vehicle_steps_of_both_are_counted(key, small, monkeypatch, capsys):
    """By as many as there are vehicles and steps."""
    peer, vehicles = installed(key), SIZES[key]
    monkeypatch.setattr(f"karyon.bench.beside_{key.replace('-', '_')}.STEPS", {vehicles: 10})
    monkeypatch.setattr("karyon.bench.beside.named", lambda _: smaller(peer, vehicles))
    (found,), lines = told(key, capsys)
    assert {name: found[name] for name in ("vehicles", "karyon", "peer", "ratio")} == {
        "vehicles": vehicles,
        "karyon": vehicles * 20.0,
        "peer": vehicles * 10.0,
        "ratio": 2.0,
    }
    assert found["spread"]["peer"] == [vehicles * 10.0] * 2
    assert len(lines) == 2
    assert f"{peer.name}           " in lines[1]


def smaller(peer, size):
    """The same of one size."""
    return beside.Beside(peer.key, peer.name, peer.unit, peer.of, (size,), peer.opened)


@pytest.mark.parametrize("key", ["reelay", "rtamt"])
def test_rules_are_evaluated_by_both_with_the_same_answers(key, monkeypatch, capsys):
    """Which is held before anything is measured, over the dwell time and some switches."""
    peer, vehicles = installed(key), SIZES[key]
    monkeypatch.setattr(turns, "REPETITIONS", 1)
    monkeypatch.setattr(f"karyon.bench.beside_{key}.INSTANTS", {vehicles: 120})
    monkeypatch.setattr("karyon.bench.beside.named", lambda _: smaller(peer, vehicles))
    (found,), _ = told(key, capsys)
    assert {"vehicles", "karyon", "peer", "ratio", "formula", "ratio_formula", "spread"} <= found.keys()
    assert min(found["karyon"], found["peer"], found["formula"]) > 0.0


def test_samples_of_both_are_counted(small, monkeypatch, capsys):
    """Of all streams."""
    peer = installed("river")
    monkeypatch.setattr("karyon.bench.beside_river.INSTANTS", 30)
    monkeypatch.setattr("karyon.bench.beside.named", lambda _: smaller(peer, 10))
    (found,), _ = told("river", capsys)
    assert (found["streams"], found["karyon"], found["peer"], found["ratio"]) == (10, 300.0, 300.0, 1.0)


def test_a_monitor_of_other_rules_is_found_out():
    """Its answers differ from the kernel's."""
    function, admitted = read("acc_radar_drift").design.functions[0], np.array([True, False])
    rules.agree(function, [lambda cycle: admitted & (cycle > 50)] * 2, 60)
    with pytest.raises(RuntimeError, match="different answers in cycle 40"):
        rules.agree(function, [lambda _: admitted, lambda cycle: admitted & (cycle != 40)], 60)
    with pytest.raises(RuntimeError, match="always the same"):
        rules.agree(function, [lambda _: admitted] * 2, 60)


def test_the_formula_has_every_rule_once_for_the_level_and_those_below_for_the_one_below():
    """ACC has 9 rules at LoS 1 and 3 more at LoS 2; one of them is a range, which is two comparisons."""
    text = rules.formula(read("acc_radar_drift").design, "({})")
    level, below = text.split(" and (historically[1:21]")
    assert level.startswith("(historically[0:20](")
    assert (level.count("="), below.count("=")) == (13, 10)


def test_a_peer_that_is_not_installed_is_bad_input(monkeypatch, capsys):
    """Told is what to install."""

    def absent(_):
        raise ImportError("No module named 'reelay'")

    monkeypatch.setattr("karyon.bench.beside.named", absent)
    with pytest.raises(SystemExit) as ended:
        bench.bench(peer=bench.Peer.REELAY)
    assert ended.value.code == 2
    assert "pip install 'karyon[peers]'" in capsys.readouterr().err


def test_it_is_measured_in_turn_and_the_first_round_is_not_counted():
    """A B A B."""
    order = []

    def measured(name, speeds):
        numbers = iter(speeds)
        return lambda: order.append(name) or next(numbers)

    both = {KARYON: measured("A", [99.0, 1.0, 5.0, 3.0]), PEER: measured("B", [0.0, 2.0, 2.0, 4.0])}
    found = turns.in_turn(both, turns.MUCH)
    assert order == ["A", "B"] * (1 + turns.FEW)
    assert found == {KARYON: turns.Spread(3.0, 1.0, 5.0), PEER: turns.Spread(2.0, 2.0, 4.0)}
