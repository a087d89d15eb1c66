"""From messages to samples: what is taken, how old it is, what it is worth; nothing else reaches a signal."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from karyon.hil.intake import Intake, Ping
from karyon.hil.measurement import BARE, Reason
from karyon.hil.message import Message
from karyon.perception.following import DISTANCE, OWN, RELATIVE, SPEED
from karyon.perception.sensors import NEVER, Samples
from karyon.sim import scenario

SECOND = 1_000_000_000
MILLISECOND = 1_000_000
BASE = 1000 * SECOND  # time 0 by the bench's clock
UNIX = 1_900_000_000 * SECOND
DELAY = 100 * MILLISECOND  # declared bound of a device without clock
TOPIC = "karyon/1/1/front.distance/m"
BENCH = scenario.read("hil_bench")
DESK = scenario.read(
    "hil_bench",
    ["sensors.front.relative_speed={from: derived}", "sensors.front.distance={from: mqtt, unit: cm, scale: 50}"],
)


def bench(loaded=BENCH):
    return Intake(loaded.scenario, loaded.design)


def payload(value=20.0, unit="m", **fields):
    return json.dumps({"v": 1, "val": [value], "unit": [unit]} | fields).encode()


def nothing(rows=1):
    shape = (len(OWN), rows)
    return Samples(np.full(shape, np.nan), np.full(shape, NEVER), np.zeros(shape, dtype=bool))


def give(intake, *messages, base=BASE):
    """What one cycle finds after these (ms after time 0, payload) on the topic of the distance."""
    own = nothing()
    came = [Message(BASE + round(at * MILLISECOND), TOPIC, said) for at, said in messages]
    intake.take(came, own, base, UNIX)
    return own


def reasons(intake):
    return {reason for channel in intake.channels for reason in channel.refused}


def test_a_device_without_clock_is_as_old_as_it_can_be():
    """From its arrival, and the bound that the scenario declares."""
    own = give(bench(), (500, payload(seq=1)))
    assert (own.value[DISTANCE, 0], own.fresh[DISTANCE, 0]) == (20.0, True)
    assert own.time[DISTANCE, 0] == 500 * MILLISECOND - DELAY


def test_what_a_late_cycle_finds_is_older_by_its_lag():
    """The cycle thinks that it is earlier than it is."""
    own = give(bench(), (500, payload(seq=1)), base=BASE + 7 * MILLISECOND)
    assert own.time[DISTANCE, 0] == 493 * MILLISECOND - DELAY


def test_a_known_clock_says_how_old_a_sample_is():
    """Its clock is three hours ahead, and pings take 2 ms there and back: the bound is in the age."""
    intake, ahead = bench(), 3 * 3600 * SECOND
    for number in range(2):
        t1 = BASE + number * SECOND
        intake.pinged([Ping("karyon/1/1/front.distance/clock", number, t1)])
        stamp = t1 + MILLISECOND + ahead
        answer = json.dumps({"v": 1, "id": number, "t1": t1, "t2": stamp, "t3": stamp}).encode()
        pong = Message(t1 + 2 * MILLISECOND, "karyon/1/1/front.distance/clock/pong", answer)
        intake.take([pong], nothing(), BASE, UNIX)
    taken = BASE + 1100 * MILLISECOND
    own = give(intake, (1500, payload(seq=1, t=taken + ahead, clk="boot")))
    early = 1100 * MILLISECOND - own.time[DISTANCE, 0]
    assert 0 <= early <= 3 * MILLISECOND
    future = give(intake, (1600, payload(seq=2, t=BASE + 2 * SECOND + ahead, clk="boot")))
    assert not future.fresh[DISTANCE, 0]
    assert reasons(intake) == {Reason.FUTURE}


def test_a_unix_clock_that_answers_no_ping_makes_nothing_younger():
    """A stamp counts only where it says that a sample is older; one that is off is named."""
    intake = bench()
    at = UNIX + BASE
    own = give(intake, (500, payload(seq=1, t=at + 450 * MILLISECOND, clk="unix")))
    assert own.time[DISTANCE, 0] == 400 * MILLISECOND
    own = give(intake, (1000, payload(seq=2, t=at + 700 * MILLISECOND, clk="unix")))
    assert own.time[DISTANCE, 0] == 700 * MILLISECOND
    intake, since_2000 = bench(), at - 946_684_800 * SECOND
    own = give(intake, (1500, payload(seq=3, t=since_2000 + 1100 * MILLISECOND, clk="unix")))
    assert own.time[DISTANCE, 0] == 1100 * MILLISECOND
    assert "MicroPython" in intake.channels[0].odd
    intake = bench()
    own = give(intake, (2000, payload(seq=4, t=at - 3600 * SECOND, clk="unix")))
    assert not own.fresh[DISTANCE, 0]
    assert reasons(intake) == {Reason.OLD}
    assert intake.channels[0].odd == "is -3602 s off the clock of the bench"
    own = give(intake, (2100, payload(seq=5, t=at + 3600 * SECOND, clk="unix")))
    assert own.time[DISTANCE, 0] == 2000 * MILLISECOND


def test_the_newest_of_a_cycle_wins():
    own = give(bench(), (500, payload(20.0, seq=1)), (510, payload(21.0, seq=2)))
    assert own.value[DISTANCE, 0] == 21.0


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        (7, 7, Reason.SEQUENCE),  # with another value
        (7, 6, Reason.SEQUENCE),  # nothing says that it was measured before
        (70_000, 5, Reason.SEQUENCE),
        (7, 8, None),
        (7, 81, None),
        (7, 82, Reason.SEQUENCE),  # nobody measures 75 times in 10 ms
        (240, 40, None),
        (190, 3, Reason.SEQUENCE),  # 69 after it, if it counts by 8 bits
        (7, None, Reason.SEQUENCE),
        (2**16 - 1, 0, None),
        (2**32 - 2, 3, None),
        (2**31 - 1, 0, None),
    ],
)
def test_messages_in_a_sequence(before, after, reason):
    intake = bench()
    give(intake, (500, payload(20.0, seq=before)))
    own = give(intake, (510, payload(21.0, **({} if after is None else {"seq": after}))))
    assert own.fresh[DISTANCE, 0] == (reason is None)
    assert reasons(intake) == ({reason} if reason else set())


def test_a_device_that_was_started_again_is_believed_after_a_second_of_silence():
    intake = bench()
    give(intake, (500, payload(seq=70_000)))
    assert give(intake, (1600, payload(seq=0))).fresh[DISTANCE, 0]


def test_two_devices_with_one_topic_are_worth_half():
    """The first one is heard, the second refused, and neither is trusted."""
    intake = bench()
    give(intake, (500, payload(20.0, seq=70_000)), (510, payload(90.0, seq=5)))
    own = give(intake, (520, payload(20.1, seq=70_001)))
    assert own.value[DISTANCE, 0] == 20.1
    assert intake.most_valid[DISTANCE, 0] == 0.5


def test_without_numbers_a_stamp_that_goes_back_is_refused():
    intake = bench()
    give(intake, (500, payload(20.0, t=1000, clk="boot")))
    assert not give(intake, (510, payload(21.0, t=999, clk="boot"))).fresh[DISTANCE, 0]
    assert not give(intake, (520, payload(21.0, t=1000, clk="boot"))).fresh[DISTANCE, 0]
    assert reasons(intake) == {Reason.ORDER, Reason.DUPLICATE}


def test_what_a_broker_has_kept_is_refused():
    intake = bench()
    own = nothing()
    intake.take([Message(BASE + SECOND, TOPIC, payload(seq=1), retained=True)], own, BASE, UNIX)
    assert not own.fresh.any()
    assert reasons(intake) == {Reason.RETAINED}


def test_a_bare_number_and_a_large_deviation_are_worth_less():
    intake = bench()
    give(intake, (500, b"20"))
    assert intake.most_valid[DISTANCE, 0] == BARE
    intake = bench()
    give(intake, (500, payload(sigma=[0.15])))
    assert intake.most_valid[DISTANCE, 0] == BARE  # not numbered: a second device would not be seen
    intake = bench()
    give(intake, (600, payload(sigma=[0.15], seq=1)))
    assert intake.most_valid[DISTANCE, 0] == 1.0
    give(intake, (700, payload(sigma=[0.4], seq=2)))
    assert 0.0 < intake.most_valid[DISTANCE, 0] < 0.8
    for number, sigma in enumerate((0.5, -1.0, 1e308), 3):
        give(intake, (500 + 100 * number, payload(sigma=[sigma], seq=number)))
        assert intake.most_valid[DISTANCE, 0] == 0.0


def test_a_clock_that_was_known_is_the_only_one_to_say_how_old_a_sample_is():
    """Set, and not learned anew: what comes is no sample, however early it arrived. Answers that come late count."""
    intake, clock = bench(), 50 * SECOND

    def ponged(number, sent, arrived, ahead=clock):
        t1, t2 = BASE + sent * MILLISECOND, BASE + sent * MILLISECOND + ahead
        intake.pinged([Ping("karyon/1/1/front.distance/clock", number, t1)])
        pong = json.dumps({"v": 1, "id": number, "t1": t1, "t2": t2, "t3": t2}).encode()
        intake.take([Message(BASE + arrived * MILLISECOND, f"{TOPIC[:-2]}/clock/pong", pong)], nothing(), BASE, UNIX)

    def sampled(number, at, ahead=clock):
        said = payload(seq=number, t=BASE + at * MILLISECOND - 9 * SECOND + ahead, clk="boot")
        return give(intake, (at, said)).time[DISTANCE, 0]

    ponged(1, 1000, 10_000)
    ponged(2, 2000, 11_000)
    assert sampled(1, 12_000) < 3000 * MILLISECOND
    assert sampled(2, 100_000) < 91_000 * MILLISECOND  # no answer for 89 s
    ponged(3, 101_000, 101_001, 2 * clock)
    assert sampled(3, 101_100, 2 * clock) == NEVER
    assert reasons(intake) == {Reason.CLOCK}
    ponged(4, 102_000, 102_001, 2 * clock)
    assert sampled(4, 102_100, 2 * clock) == pytest.approx(93_100 * MILLISECOND, abs=3 * MILLISECOND)


def test_what_was_due_and_has_not_come_is_known():
    """From a period after the last sample on; before the first one nothing is due."""
    intake = bench()
    assert not intake.due(10 * SECOND).any()
    give(intake, (500, payload(seq=1)))
    assert not intake.due(499 * MILLISECOND).any()
    assert intake.due(500 * MILLISECOND).nonzero()[0].tolist() == [DISTANCE]


def test_a_relative_speed_is_derived_from_distances_as_old_as_they_are():
    """A hand that comes nearer by 0.1 m/s, on a road 50 times as long."""
    intake = bench(DESK)
    own = nothing()
    for number in range(10):
        at = number * 60
        own = give(intake, (500 + at, payload(100.0 - 10.0 * at / 1000, unit="cm", seq=number)))
    assert own.value[DISTANCE, 0] == pytest.approx(50 * 0.946)
    assert own.value[RELATIVE, 0] == pytest.approx(-5.0)
    age = own.time[DISTANCE, 0] - own.time[RELATIVE, 0]
    assert 150 * MILLISECOND <= age <= 200 * MILLISECOND


def test_a_derived_signal_is_worth_no_more_than_what_it_is_derived_from():
    intake = bench(DESK)
    for number in range(6):
        give(intake, (500 + 60 * number, str(100 - number).encode()))
    assert intake.most_valid[RELATIVE, 0] == intake.most_valid[DISTANCE, 0] == BARE


TOPICS = st.sampled_from([TOPIC, "karyon/1/1/own.speed/m", "karyon/1/1/front.distance/clock/pong", "karyon/1/2/x/m"])
NUMBERS = st.one_of(st.none(), st.integers(-2, 2**64), st.sampled_from([BASE, UNIX, UNIX + BASE, 2**63 - 1]))
BODIES = st.one_of(
    st.binary(max_size=40),
    st.builds(
        lambda value, **fields: payload(value, **{key: each for key, each in fields.items() if each is not None}),
        st.floats(-1e6, 1e6),
        seq=NUMBERS,
        t=NUMBERS,
        clk=st.sampled_from(["unix", "boot", "none", None, "moon"]),
        sigma=st.sampled_from([None, [0.1], [1e9], []]),
        q=st.sampled_from([None, "ok", "bad"]),
    ),
    st.builds(lambda **fields: json.dumps({"v": 1} | fields).encode(), id=NUMBERS, t1=NUMBERS, t2=NUMBERS, t3=NUMBERS),
)
MESSAGES = st.lists(st.tuples(st.integers(0, 400), TOPICS, BODIES, st.booleans()), max_size=12)


@given(cycles=st.lists(MESSAGES, max_size=4))
def test_whatever_comes_no_sample_is_from_the_future_nor_of_another_signal(cycles):
    """Nothing raises; times rise; a topic reaches its own signal alone; what is said to be worth is a validity."""
    intake, last = bench(), np.full((len(OWN), 1), NEVER)
    for number, messages in enumerate(cycles):
        own, now = nothing(), (number + 1) * 400 * MILLISECOND
        came = [
            Message(BASE + number * 400 * MILLISECOND + after * MILLISECOND, topic, body, kept)
            for after, topic, body, kept in sorted(messages, key=lambda one: one[0])
        ]
        intake.take(came, own, BASE, UNIX)
        heard = {topic for _, topic, _, _ in messages}
        assert not own.fresh[DISTANCE, 0] or TOPIC in heard
        assert not own.fresh[SPEED, 0] or "karyon/1/1/own.speed/m" in heard
        assert own.fresh.sum() == own.fresh[[DISTANCE, SPEED]].sum()
        assert (own.time[own.fresh] <= now).all()
        assert (own.time[own.fresh] > last[own.fresh]).all()
        assert np.isfinite(own.value[own.fresh]).all()
        assert ((intake.most_valid >= 0.0) & (intake.most_valid <= 1.0)).all()
        last = np.where(own.fresh, own.time, last)
