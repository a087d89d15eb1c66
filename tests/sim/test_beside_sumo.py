"""The chain beside SUMO: both are measured, in turn, and nothing else is on standard output."""

import json

import pytest

from karyon.cli import bench
from karyon.sim import benchmark

pytest.importorskip("libsumo")


def test_both_are_measured(monkeypatch, capsys):
    """By as many vehicle-steps as there are vehicles and steps."""
    from karyon.sim import beside_sumo

    clock = iter(range(1_000_000))
    monkeypatch.setattr("time.process_time", lambda: float(next(clock)))  # each measurement takes one second
    for module in (benchmark, beside_sumo):
        monkeypatch.setattr(module, "ROWS", (6,))
        monkeypatch.setattr(module, "STEPS", {6: 20})
        monkeypatch.setattr(module, "REPETITIONS", 1)
    monkeypatch.setattr(benchmark.Simulation, "quicken", lambda _: None)
    bench.bench(peer=bench.Peer.SUMO, perception=False, as_json=True)
    measured = json.loads(capsys.readouterr().out)
    assert measured["peers"]["sumo"] == [{"vehicles": 6, "karyon": 120.0, "peer": 120.0, "ratio": 1.0}]
    assert measured["period"] == 0.1
