"""The gate: it is the slow reference, wraps what wraps, and refuses the rest by reason."""

from math import inf, nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from karyon.cooperation.cam import VERSION
from karyon.cooperation.gate import Gate, Headers, Reason
from tests.reference.gate import Sender

START = 700_000_000_000  # ms, some time in 2026; 500 ms after it the time's 16 bits wrap
START += 65_536 - START % 65_536 - 500


def message(now, counter, **other):
    """A sound message sent at `now` in ms, but for what is `other`."""
    sound = {"time": now, "round": now // 500, "counter": counter, "version": VERSION, "size": 68}
    return sound | {"place": (25.0 * (now - START) / 1000.0, 0.0), "speed": 25.0} | other


def headers(messages, own=False):
    """Of one message a place, or None."""
    told = [each or message(START, 0) for each in messages]

    def column(name, kind=np.int64):
        return np.array([each[name] for each in told], dtype=kind)

    return Headers(
        came=np.array([each is not None for each in messages]),
        version=column("version"),
        size=column("size"),
        counter=column("counter"),
        time=column("time") & 0xFFFF,
        round=column("round"),
        position=column("place", float).T,
        speed=column("speed", float),
        own=own,
    )


def judged(gate, now, *messages, own=False):
    return [Reason(int(each)).name.lower() for each in gate.judge(now, headers(messages, own))]


def through(*steps):
    """Reasons for messages that come one after the other: pairs of time since the start, and message or changes."""
    gate = Gate((1,))
    return [judged(gate, START + at, message(START + at, number, **other))[0] for at, number, other in steps]


OTHERS = st.sampled_from(
    [
        {},
        {},
        {"size": 1401},
        {"version": 3},
        {"place": (nan, 0.0)},
        {"speed": -inf},
        {"place": (500.0, 0.0)},
        {"place": (0.0, -400.0)},
        {"round": START // 500},
    ]
)


@given(
    sent=st.lists(
        st.tuples(
            st.sampled_from([5, 40, 100, 100, 100, 100, 900, 2500, 11_000]),  # ms to the next message
            st.sampled_from([1, 1, 1, 1, 0, -1, 2, 40_000]),  # what its counter is ahead
            st.sampled_from([0, 0, 0, 0, -5, -700, -1200, 8, 12]),  # ms by which its time is wrong
            OTHERS,
        ),
        max_size=40,
    ),
    first=st.integers(0, 65_535),
)
@settings(max_examples=200, deadline=None)
def test_it_is_the_slow_reference(sent, first):
    """Beside a place where all is well, which notices nothing of it."""
    gate, slow, now, counter = Gate((2,)), Sender(), START, first
    for well, (later, ahead, wrong, other) in enumerate(sent):
        now, counter = now + max(later, 60), counter + ahead
        told = message(now, counter, time=now + wrong, round=(now + wrong) // 500) | other
        assert judged(gate, now, told, message(now, well)) == [slow.judge(now, told), "accepted"]


def test_counters_and_times_that_wrap_are_accepted():
    """The counter after 65,535 is 0, and so is the time; both in one drive of 2 s."""
    assert through(*((100 * k, 65_530 + k, {}) for k in range(20))) == ["accepted"] * 20


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ({"size": 1400}, "accepted"),
        ({"size": 1401}, "oversized"),
        ({"version": VERSION - 1}, "wrong_version"),
        ({"place": (0.0, inf)}, "no_position"),
        ({"speed": nan}, "no_position"),
        ({"time": START + 10, "round": (START + 10) // 500}, "accepted"),
        ({"time": START + 11, "round": (START + 11) // 500}, "future"),
        ({"time": START - 1000, "round": (START - 1000) // 500}, "accepted"),
        ({"time": START - 1001, "round": (START - 1001) // 500}, "replayed"),
        ({"round": START // 500 - 1}, "replayed"),
        ({"round": START // 500 + 1}, "replayed"),
        ({"round": -(2**62)}, "replayed"),
    ],
)
def test_what_is_wrong_with_one_message_is_said(other, reason):
    """On both sides of each limit."""
    assert through((0, 1, other)) == [reason]


def test_an_old_copy_is_refused_however_old_it_is():
    """Also when its 16 bits of time are those of now again: its round is not."""
    gate, old = Gate((1,)), message(START, 7)
    assert judged(gate, START, old) == ["accepted"]
    later = [judged(gate, START + ago, old)[0] for ago in (0, 100, 1000, 5000, 65_536, 65_536 * 1000)]
    assert later == ["duplicate", "duplicate", "duplicate", "replayed", "replayed", "replayed"]


def test_two_who_use_one_id_are_both_refused_until_one_is_gone():
    """A hundred metres apart, in turn."""
    gate, seen = Gate((1,)), []
    for turn in range(60):
        now = START + 100 * turn
        place = {} if turn % 2 == 0 or turn > 20 else {"place": (900.0, 0.0)}
        seen += judged(gate, now, message(now, turn, **place))
    assert seen[:2] == ["accepted", "accepted"]
    assert set(seen[2:40]) == {"collision"}
    assert set(seen[41:]) == {"accepted"}


def test_a_jump_alone_goes_to_those_who_judge_content():
    """They remember it; a gate that hid it for a while would make them forget."""
    steps = [(100 * k, k, {} if k < 5 else {"place": (900.0, 0.0)}) for k in range(10)]
    assert through(*steps) == ["accepted"] * 10


def test_our_own_id_is_nobody_elses():
    assert judged(Gate((1,)), START, message(START, 1), own=True) == ["collision"]


def test_who_floods_is_not_heard_until_it_is_quiet():
    """200 a second: a reserve of five, then nothing; half a second after it has ended all is well."""
    gate = Gate((1,))
    during = [judged(gate, START + 5 * k, message(START + 5 * k, k))[0] for k in range(100)]
    assert during.count("accepted") < 10
    assert set(during[20:]) == {"flooding"}
    after = [judged(gate, START + 1000 + 100 * k, message(START + 1000 + 100 * k, 100 + k))[0] for k in range(5)]
    assert after == ["accepted"] * 5


@given(rate=st.floats(0.1, 19.0), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None)
def test_who_does_not_flood_is_heard(rate, seed):
    """Ten a second and less, whatever else comes to other places; twenty further ones are counted one by one."""
    gate, other = Gate((2,)), np.random.default_rng(seed)
    for k in range(40):
        now = START + int(1000.0 / rate) * k
        noisy = message(now, int(other.integers(0, 9)), place=(float(other.normal(0, 1e6)), 0.0))
        assert judged(gate, now, message(now, k, place=(0.0, 0.0)), noisy)[0] == "accepted"


def test_a_flood_counts_as_many_as_it_has():
    """All at once or one by one."""
    gate = Gate((2,))
    assert gate.take(START, np.array([3, 12])).tolist() == [0, 7]
    assert gate.take(START, np.array([3, 1])).tolist() == [1, 1]


def test_who_begins_anew_has_no_past():
    gate = Gate((1,))
    assert judged(gate, START, message(START, 9)) == ["accepted"]
    gate.forget(np.array([True]))
    assert judged(gate, START, message(START, 9)) == ["accepted"]


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_any_numbers_have_a_reason(seed):
    """Nothing raises, and where nothing came nothing is said."""
    rng, gate = np.random.default_rng(seed), Gate((3, 4))

    def any_number():
        return rng.integers(-(2**62), 2**62, (3, 4)) >> rng.integers(0, 62, (3, 4))

    for _ in range(10):
        position = rng.choice([nan, inf, -1e300, 0.0, 1.0], (2, 3, 4))
        came = rng.random((3, 4)) < 0.7
        numbers = [any_number() for _ in range(5)]
        found = gate.judge(START, Headers(came, *numbers, position=position, speed=position[0]))
        assert ((found == Reason.NOTHING) == ~came).all()
        assert set(found.ravel().tolist()) <= {int(each) for each in Reason}
