"""A phone drives the leader of a platoon: one car of it is real, and all others are simulated and judged."""

import json
import threading

import numpy as np
import pytest
import simpy

from karyon.hil import phone, session
from karyon.hil.address import parse
from karyon.hil.bench import Bench, Drained
from karyon.hil.client import Client
from karyon.hil.intake import Intake
from karyon.hil.message import Message
from karyon.sim import run, scenario
from karyon.sim.documents import InputError
from karyon.sim.view.recording import Recording

SECOND = 1_000_000_000
BASE, UNIX = 5000 * SECOND, 1_900_000_000 * SECOND
BATCH = SECOND // phone.BATCHES
WAY = 20_000_000  # ns from the phone to the bench
SILENT = 40 * SECOND  # from then on it sends no more


class Network:
    """The supply: a phone that sends until it is silent."""

    def __init__(self):
        self.env, self.started, self.unix, self._next = simpy.Environment(), BASE, UNIX, 0

    def drain(self, now, lateness):
        found = Drained()
        while self._next + WAY <= now and self._next < SILENT:
            said = phone.batch(self._next // BATCH, UNIX + BASE + self._next, self._next / SECOND)
            found.messages.append(Message(BASE + self._next + WAY, phone.TOPIC, said))
            self._next += BATCH
        return found

    def elapsed(self):
        return None


@pytest.fixture(scope="module")
def driven(tmp_path_factory):
    """What the shipped scenario leaves of a minute: summary, and the columns of each car."""
    folder = tmp_path_factory.mktemp("phone")
    loaded = scenario.read("hil_phone", ["duration=60"])
    bench = Bench(Intake(loaded.scenario, loaded.design), Network(), SECOND // 20, None)
    (result,) = run.simulate([loaded], [folder], outside=bench)
    trace = Recording(folder).parts(0.0, 60.0)
    times = np.concatenate([part.time for part in trace])
    columns = {
        name: np.concatenate([part.columns[name] for part in trace]).reshape(len(times), -1)
        for name in ("speed", "command", "gap", "los_acc")
    }
    return result.summary, times, columns


def test_the_leader_does_what_the_phone_says(driven):
    """As far as it can: its tilt is the acceleration, a batch and its way later, and it coasts once that is silent."""
    _, times, columns = driven
    command = columns["command"][:, 0]
    tilted = phone.GRAVITY * phone.TILT * np.sin(2 * np.pi * times / phone.SWING)
    heard = (times > 1.0) & (times < SILENT / SECOND)
    late = 0.35 * phone.GRAVITY * phone.TILT * 2 * np.pi / phone.SWING  # m/s², of what is up to 0.35 s old
    assert np.abs(command - tilted)[heard].max() < late
    assert np.ptp(command[heard]) > 2.0
    assert (command[times > SILENT / SECOND + 1.3] == 0.0).all()
    assert np.ptp(columns["speed"][heard, 0]) > 4.0


def test_the_others_follow_it_on_the_highest_level_and_are_judged(driven):
    """They hear of its intention over V2V, as of any leader."""
    summary, times, columns = driven
    assert (columns["los_acc"][times > 10.0, 1:] == 3).mean() > 0.99
    assert summary["collisions"] == 0
    assert summary["min_gap"] > 5.0
    assert all(goal["violated"] is False for goal in summary["safety_goals"].values())
    assert summary["metrics"]["messages"] == SILENT // BATCH
    assert summary["metrics"]["messages_refused"] == 0
    assert summary["metrics"]["string_stability"] is not None


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("leader.driver.field=null", "goes with an adapter that needs one"),
        ("leader.driver={from: mqtt, unit: km}", "does not fit"),
        ("leader.driver={from: absent}", "leader.driver.from is mqtt, found absent"),
    ],
)
def test_a_driver_that_cannot_be_is_refused(settings, said):
    with pytest.raises(InputError, match=said):
        scenario.read("hil_phone", [settings])


def test_a_scenario_with_a_real_driver_needs_real_time(tmp_path):
    with pytest.raises(InputError, match="which need real time"):
        run.simulate([scenario.read("hil_phone")], [None])


def test_a_session_with_a_phone_replays_bit_for_bit(broker, tmp_path):
    """Over a real broker: the made-up phone that `karyon device phone` is."""
    over, client = threading.Event(), Client(parse(broker.url), "phone", [], lambda *_: None)
    client.start()
    thread = threading.Thread(target=phone.play, args=(client, lambda _: not over.is_set()))
    thread.start()
    said = []
    try:
        loaded = scenario.read("hil_phone", ["duration=2"])
        session.live(loaded, parse(broker.url), tmp_path / "phone", said.append, None)
    finally:
        over.set()
        thread.join()
        client.stop()
    assert any("own.acceleration of car 0" in line and "message" in line for line in said)
    session.replay(scenario.read(tmp_path / "phone/scenario.yaml"), tmp_path / "phone", tmp_path / "again", None)
    for name in ("trace.parquet", "events.jsonl"):
        assert (tmp_path / "phone" / name).read_bytes() == (tmp_path / "again" / name).read_bytes()
    summary = json.loads((tmp_path / "phone/summary.json").read_text("utf-8"))
    assert summary["metrics"]["messages"] > 0
