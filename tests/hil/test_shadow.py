"""In shadow mode the kernel judges and the commands move nothing; nobody is heard, and nobody's distance is judged."""

import json

import numpy as np
import pytest
import simpy
from pyarrow import parquet

from karyon.hil.bench import Bench, Drained
from karyon.hil.intake import Intake
from karyon.hil.message import Message
from karyon.perception.following import OWN
from karyon.sim import run, scenario
from karyon.sim.view.about import about_scenario

PERIOD = 60_000_000  # ns
TOPIC = "karyon/1/1/front.distance/m"


class Hand:
    """A hand that comes nearer from 1 m, by 5 cm a second."""

    started = unix = 0

    def __init__(self):
        self.env, self._count = simpy.Environment(), 0
        self._random = np.random.default_rng(0)

    def elapsed(self):
        return None

    def drain(self, now, lateness):
        found = Drained()
        while self._count * PERIOD <= now:
            at = self._count * PERIOD
            metres = 1.0 - 0.05 * at / 1e9 + 0.003 * float(self._random.standard_normal())
            said = {"v": 1, "seq": self._count, "val": [metres], "unit": ["m"], "sigma": [0.003]}
            found.messages.append(Message(at, TOPIC, json.dumps(said).encode()))
            self._count += 1
        return found


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """Ten seconds of it, with the simulated car ahead far too close; the table of vehicle 1, and the result."""
    out = tmp_path_factory.mktemp("desk")
    loaded = scenario.read("hil_desk", ["duration=10", "start.time_gap=0"])
    bench = Bench(Intake(loaded.scenario, loaded.design), Hand(), 10**9, None)
    (result,) = run.simulate([loaded], [out], outside=bench)
    table = parquet.read_table(out / "trace.parquet").to_pandas()
    return table[table["vehicle"] == 1], result


def test_commands_are_told_and_move_nothing(desk):
    """The car would brake behind the hand; it drives on at 5 m/s."""
    trace, _ = desk
    assert trace["command"].min() < -0.1
    assert trace["speed"].to_numpy() == pytest.approx(5.0)
    assert trace["los_acc"].max() == 1


def test_what_is_real_has_no_true_value_and_what_is_simulated_has_one(desk):
    trace, _ = desk
    assert trace["gap"].isna().all()
    for name in ("front.distance", "front.relative_speed"):
        assert trace[f"{name}_true"].isna().all()
    assert trace["own.speed_true"].to_numpy() == pytest.approx(5.0)
    assert trace["front.distance"].dropna().iloc[-1] == pytest.approx(5.0, abs=0.3)
    assert trace["front.relative_speed"].dropna().iloc[-1] == pytest.approx(-0.5, abs=0.5)


def test_nobody_is_heard(desk):
    trace, _ = desk
    assert trace["lead.message_age"].isna().all()
    shown = about_scenario(scenario.read("hil_desk"), trace.columns).signals
    assert shown == OWN
    assert about_scenario(scenario.read("hil_bench"), trace.columns).signals == OWN[:3]


def test_no_distance_is_judged(desk):
    """A gap of 2 m at 5 m/s is there in the simulation, and is nobody's."""
    _, result = desk
    assert [event for event in result.events if event["kind"] == "violation"] == []
    summary = result.summary
    assert summary["not_judged"] == [
        "collisions",
        "min_gap",
        "min_time_to_collision",
        "min_rss_margin",
        "mean_time_gap",
    ]
    assert all(summary[name] is None for name in summary["not_judged"])
    assert summary["safety_goals"]["no collision"] == {"violated": None, "violations": None}
    assert summary["safety_goals"]["bad data out of command in time"]["violated"] is False
