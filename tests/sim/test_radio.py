"""The channel: what arrives, when, and what the kernel makes of it."""

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from karyon.cooperation.gate import Reason
from karyon.perception.received import CONTENT
from karyon.perception.sensors import NEVER
from karyon.sim.attackers import Attackers
from karyon.sim.channel.transit import LOST
from karyon.sim.faults import placed
from karyon.sim.group import TRANSMISSIONS, Group
from karyon.sim.radio import Channel
from karyon.sim.run import simulate
from karyon.sim.scenario import read
from tests.reference import radio as reference

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("KARYON_DATA", ROOT / "../shared/data"))
EVERYTHING = [
    "radio.fading={}",
    "radio.bursts={loss: 0.1, length: 3}",
    "radio.tdma={slots: 10}",
    "radio.jitter={mean: 40 ms}",
    "radio.jamming=[{start: 2, end: 3, vehicles: [2]}]",
]
PERIOD = 100_000_000  # ns


def channel(*overrides, seeds=(1,), vehicles=4, is_group=True):
    scenario = read("platoon", [f"vehicles={vehicles}", *overrides]).scenario
    scenarios = [scenario.model_copy(update={"seed": seed}) for seed in seeds]
    return Channel(scenarios, is_group)


def sent(channel, now):
    """All cars send when they do so, as every field of their message; 20 m apart."""
    cars = channel.links.runs * channel.links.members
    message = np.full((len(CONTENT), cars), float(now))
    true = -20.0 * (np.arange(cars) % channel.links.members) * np.ones((4, 1))
    return channel.send(now, message, true, np.zeros(cars, dtype=bool))


JITTERY = [
    read("platoon", ["vehicles=4", f"radio.jitter={{mean: {mean}}}", "radio.bursts={loss: 0.2, length: 2}"]).scenario
    for mean in (0.02, 0.15, 0.6)
]


@settings(max_examples=25)
@given(st.integers(0, 2**32), st.sampled_from(JITTERY), st.booleans())
def test_a_reader_has_the_newest_message_that_has_arrived(seed, scenario, is_group):
    """One that is overtaken never takes the place of the newer: against all that ever arrived, looked through."""
    tried = Channel([scenario.model_copy(update={"seed": seed})], is_group)
    ahead = tried.links.of_car_ahead
    flights, before, nobody = [[] for _ in ahead], tried.time[ahead], np.zeros(4, dtype=bool)
    for step in range(80):
        now = step * PERIOD // 2
        if step % 2 == 0:
            arrival = sent(tried, now).arrival[ahead]
            for row, flight in enumerate(flights):
                flight.append((now, arrival[row]))
        tried.receive(now, nobody)
        samples, time = tried.newest(ahead), tried.time[ahead]
        for row, flight in enumerate(flights):
            wanted = reference.newest(flight, now)
            assert time[row] == (NEVER if wanted is None else wanted)
            assert samples.time[0, row] == time[row]
            assert samples.fresh[0, row] == (time[row] != before[row])
            assert wanted is None or samples.value[0, row] == wanted
        before = time


def test_a_car_knows_what_it_says_itself():
    """Whatever the radio does, and though it listens to nobody; of the others it hears nothing."""
    tried = channel("radio.loss=1")
    sent(tried, PERIOD)
    tried.receive(2 * PERIOD, np.ones(4, dtype=bool))
    own = tried.links.receiver == tried.links.sender
    assert (tried.time[own] == PERIOD).all()
    assert (tried.time[~own] == NEVER).all()


def test_what_is_refused_does_not_come():
    """On that link alone."""
    tried = channel("radio.loss=0")
    sent(tried, PERIOD)
    refused = (tried.links.receiver == 2) & (tried.links.sender == 0)
    tried.refuse(refused)
    tried.receive(2 * PERIOD, np.zeros(4, dtype=bool))
    assert ((tried.time == NEVER) == refused).all()


def test_messages_do_overtake_each_other():
    """Or else the property above would say nothing."""
    tried = channel("radio.jitter={mean: 0.15}")
    arrivals = np.array([sent(tried, step * PERIOD).arrival for step in range(100)])
    assert (np.diff(arrivals, axis=0) < 0).any()


@pytest.mark.parametrize(
    "models",
    [
        ["radio.bursts={loss: 0.9, length: 90}"],
        ["radio.fading={power: -40}"],
        ["radio.load={others: 100000}"],
        ["radio.tdma={slots: 2}"],
        ["radio.bursts={loss: 0.5, length: 5}", "radio.fading={}", "radio.load={others: 1000}"],
    ],
)
def test_independent_loss_takes_the_place_of_every_other(models):
    """With 0 all is heard, with 0.3 just what 0.3 alone would let through."""
    for loss in (0.0, 0.3, 1.0):
        alone, both = channel(f"radio.loss={loss}"), channel(*models, f"radio.loss={loss}")
        for step in range(50):
            wanted = sent(alone, step * PERIOD).heard
            assert np.array_equal(sent(both, step * PERIOD).heard, wanted)
            assert wanted.all() if loss == 0.0 else not wanted.any() if loss == 1.0 else True


def test_a_jammer_stays_under_independent_loss():
    """It is no model of loss, but something that happens."""
    tried = channel("radio.loss=0", "radio.jamming=[{start: 0, end: 1}]")
    assert not sent(tried, 0).heard.any()
    assert sent(tried, 10 * PERIOD).heard.all()


def test_what_arrives_is_told_per_link():
    """When, where it is lost, and where nobody sent."""
    tried = channel("radio.latency=30 ms", "radio.jamming=[{start: 0, end: 1, vehicles: [2]}]")
    mute = np.array([False, True, False, False])
    told = tried.send(0, np.zeros((len(CONTENT), 4)), np.zeros((4, 4)), mute)
    jammed, silent = tried.links.receiver == 2, tried.links.sender == 1
    assert (told.arrival[jammed | silent] == LOST).all()
    assert (told.arrival[~(jammed | silent)] == 30_000_000).all()
    assert told.spoke.tolist() == (~silent).tolist()
    arrival = tried.arrival(mute)[:, :, 0]
    heard = [[True, False, True, True], [False] * 4, [False] * 4, [True, False, True, True]]
    assert arrival.tolist() == np.where(heard, 30_000_000, LOST).tolist()


def test_a_round_ends_when_the_next_one_is_first_sent():
    """What arrives later counts as missed."""
    scenario = read("platoon", ["vehicles=3"]).scenario
    group = Group([scenario], 2, 3, Attackers([], vehicles=3, runs=1, period=PERIOD))
    for transmission in range(3 * TRANSMISSIONS):
        periods = TRANSMISSIONS - transmission % TRANSMISSIONS
        assert group.end_of_round(7) == 7 + periods * PERIOD
        now = transmission * PERIOD
        group.send(now, np.array([3, 3]), np.full((3, 3, 1), now), np.zeros((4, 3)))


def spoken(group, rounds, arrival):
    """Levels after each round of three that say all is well, where a message takes as long as `arrival` says."""
    levels = []
    for now in range(0, (rounds * TRANSMISSIONS + 1) * PERIOD, PERIOD):
        refused = group.send(now, np.array([3, 3]), arrival(now), np.zeros((4, 3)))
        levels.append(group.level.tolist())
    return levels[::TRANSMISSIONS][1:], refused[[3, 7]].tolist()  # of whom each has ahead


@pytest.mark.parametrize(
    ("takes", "counts", "reason"), [(0, True, None), (600, False, None), (1000, False, None), (1001, False, "replayed")]
)
def test_what_comes_after_its_round_passes_the_gate_and_does_not_count(takes, counts, reason):
    """It is read, unless it is older than any message may be (ms)."""
    group = Group([read("platoon", ["vehicles=3"]).scenario], 2, 3, Attackers([], vehicles=3, runs=1, period=PERIOD))
    levels, refused = spoken(group, 4, lambda now: np.full((3, 3, 1), now + takes * 1_000_000))
    assert (levels[-1] == [3, 3]) == counts
    assert refused == [reason is not None] * 2
    found = {Reason(number).name.lower(): count for number, count in enumerate(group.refused.sum(axis=(1, 2))) if count}
    assert set(found) == ({reason} if reason else set())


def test_late_messages_count_against_who_floods():
    """As many as come: twice as often as agreed is more than the gate takes, however late."""
    flood = "{vehicle: 1, signal: own.message, mode: flooding, rate: 200, onset: 0}"
    scenario = read("platoon", ["vehicles=3", f"faults=[{flood}]"]).scenario
    attackers = Attackers(placed([scenario]), vehicles=3, runs=1, period=PERIOD)
    group = Group([scenario], 2, 3, attackers)
    spoken(group, 3, lambda now: np.full((3, 3, 1), now + 600_000_000))
    assert group.refused[Reason.FLOODING].sum() > 100


def test_all_at_once_has_the_same_bits_alone_and_in_a_batch(tmp_path):
    loaded = [read("platoon", ["duration=6", "vehicles=5", *EVERYTHING], seed) for seed in (5, 6, 7)]
    for name, runs in (("batch", loaded), ("alone", loaded[1:2])):
        results = simulate(runs, [tmp_path / name / str(one.scenario.seed) for one in runs])
        assert results[-1].summary["metrics"]["delivery_ratio"] < 0.95
    alone, batch = (tmp_path / name / "6" / "trace.parquet" for name in ("alone", "batch"))
    assert alone.read_bytes() == batch.read_bytes()


def test_metrics_of_a_lossless_radio_follow_from_its_period():
    """Every message comes, and is 50 to 100 ms old when one looks each 50 ms."""
    (result,) = simulate([read("acc_profile", ["duration=10"], 1)], [None])
    metrics = result.summary["metrics"]
    assert metrics["delivery_ratio"] == 1.0
    assert metrics["age_of_information"] == {"mean": pytest.approx(0.075, abs=1e-3), "p99": 0.1}
    assert "slot_collisions" not in metrics


def test_nothing_heard_has_no_age():
    (result,) = simulate([read("acc_profile", ["duration=5", "radio.loss=1"], 1)], [None])
    assert result.summary["metrics"] == {"delivery_ratio": 0.0, "age_of_information": {"mean": None, "p99": None}}


def test_the_age_of_information_is_that_of_the_trace(tmp_path):
    """Of all instants in which something was known, by the trace's own column."""
    loaded = read("acc_profile", ["duration=20", "record.period=50 ms", "radio.bursts={loss: 0.3, length: 6}"], 1)
    (result,) = simulate([loaded], [tmp_path])
    table = parquet.read_table(tmp_path / "trace.parquet").to_pandas()
    age = table[table.vehicle == 1]["lead.message_age"].dropna().to_numpy()
    told = result.summary["metrics"]["age_of_information"]
    assert told["mean"] == pytest.approx(age.mean())
    assert told["p99"] == pytest.approx(np.quantile(age, 0.99, method="inverted_cdf"))


def test_cars_of_a_platoon_find_their_slots():
    """There are collisions at the start, as cars choose by chance, and no loss afterwards."""
    (result,) = simulate([read("platoon", ["duration=15", "radio.tdma={slots: 9}"], 7)], [None])
    metrics, acc = result.summary["metrics"], result.summary["functions"]["acc"]
    assert 0 < metrics["slot_collisions"] < 100
    assert 0.9 < metrics["delivery_ratio"] < 1.0
    assert acc["los_share"]["3"] > 0.5


TRACES = ("arterial_n78_v70_run01", "urban_n8_v40_run01", "s2w_n8_v30_run02", "south_n8_v10_04")
STEP = 0.05  # s, of perception, kernel, control, and of these traces
CYCLES = 2  # from the perception that a decision looks at to the command in force
KERNEL = 0.045  # s after that perception


@pytest.mark.parametrize(
    ("scenario", "limit", "name"),
    [("acc_recorded", 0.3, name) for name in TRACES] + [("platoon", 0.5, name) for name in TRACES[2:]],
)
def test_the_level_falls_before_a_message_older_than_its_limit_is_used(scenario, limit, name, tmp_path):
    """Behind measured delays, at each kernel instant, by the trace.

    Where the level in command is cooperative, the message was within its limit when the kernel decided so, the offset
    of the clocks included.
    """
    path = DATA / "cicv5g_delay" / f"{name}.csv"
    if not path.exists():
        pytest.skip(f"no {path}; KARYON_DATA says where it is")
    loaded = [
        read(scenario, ["duration=40", "record.period=50 ms", f"radio.replay={{delays: {path}}}"], seed)
        for seed in (1, 2)
    ]
    late = falls = 0
    for one, result in zip(
        loaded, simulate(loaded, [tmp_path / str(one.scenario.seed) for one in loaded]), strict=True
    ):
        assert not any(goal["violated"] for goal in result.summary["safety_goals"].values())
        table = parquet.read_table(tmp_path / str(one.scenario.seed) / "trace.parquet").to_pandas()
        for _, car in table[table.vehicle > 0].groupby("vehicle"):
            assert np.allclose(np.diff(car.time), STEP)
            cooperates = car.los_acc.to_numpy()[CYCLES:] >= 2
            age = car["lead.message_age"].to_numpy()[:-CYCLES] + KERNEL + one.scenario.radio.clock_offset
            assert cooperates.any()
            assert (age[cooperates] <= limit + 1e-9).all()
            late += (age > limit).sum()
            falls += (np.diff(car.los_acc.to_numpy()) < 0).sum()
    if name in TRACES[2:]:  # these have queues of seconds
        assert late > 0
        assert falls > 0


@pytest.mark.parametrize("name", ["platoon_bursts", "platoon_jammer"])
def test_a_shipped_disturbance_of_the_radio_costs_service_and_no_safety(name):
    """The level falls, and comes back."""
    (result,) = simulate([read(name, ["duration=70"])], [None])
    acc = result.summary["functions"]["acc"]
    assert result.summary["collisions"] == 0
    assert not any(goal["violated"] for goal in result.summary["safety_goals"].values())
    assert acc["worst_disagreement"] <= acc["disagreement_bound"]
    switches = [event for event in result.events if event["kind"] == "los" and event["time"] > 10]
    for vehicle in range(1, 8):
        own = [(event["from"], event["to"]) for event in switches if event["vehicle"] == vehicle]
        assert any(before == 3 for before, _ in own)
        assert (2, 3) in own
