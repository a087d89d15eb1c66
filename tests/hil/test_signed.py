"""Signed measurements: what was changed, made up, moved to another topic or recorded earlier is worth nothing."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from karyon.hil.intake import Intake, Ping
from karyon.hil.measurement import Reason
from karyon.hil.message import Message
from karyon.hil.session import _intake
from karyon.hil.signed import keys, sign, verified
from karyon.perception.following import DISTANCE
from karyon.sim.documents import InputError
from tests.hil.test_intake import BASE, BENCH, MILLISECOND, SECOND, TOPIC, UNIX, nothing, payload, reasons

KEY = bytes(range(32))
CLOCK = TOPIC.removesuffix("m") + "clock"


@given(key=st.binary(min_size=16, max_size=64), topic=st.text(max_size=20), said=st.binary(max_size=60), data=st.data())
def test_what_was_signed_comes_back_and_nothing_else(key, topic, said, data):
    """A bit that is changed, another key and another topic are all seen."""
    whole = sign(key, topic, said)
    assert verified(key, topic, whole) == said
    assert verified(key + b"x", topic, whole) is None
    assert verified(key, topic + "x", whole) is None
    at = data.draw(st.integers(0, len(whole) - 1))
    assert verified(key, topic, whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]) is None


@given(key=st.binary(min_size=16, max_size=64), said=st.binary(max_size=200))
def test_what_is_not_signed_is_not_verified(key, said):
    assert verified(key, TOPIC, said) is None


class Signed:
    """A bench with a key for the distance, and a device that has it or another one; its clock is 9 s ahead."""

    AHEAD = 9 * SECOND

    def __init__(self):
        self.intake = Intake(BENCH.scenario, BENCH.design, {TOPIC: KEY})

    def ping(self, number, key=KEY):
        t1 = BASE + number * 100 * MILLISECOND
        self.intake.pinged([Ping(CLOCK, number, t1)])
        stamp = t1 + MILLISECOND + self.AHEAD
        said = json.dumps({"v": 1, "id": number, "t1": t1, "t2": stamp, "t3": stamp}).encode()
        self.give(t1 + 2 * MILLISECOND - BASE, sign(key, CLOCK + "/pong", said), CLOCK + "/pong")

    def give(self, at, said, topic=TOPIC):
        own = nothing()
        self.intake.take([Message(BASE + at, topic, said)], own, BASE, UNIX)
        return bool(own.fresh[DISTANCE, 0])


def said(number, taken):
    return payload(seq=number, t=BASE + taken + Signed.AHEAD, clk="boot")


def test_a_signed_measurement_of_a_known_clock_is_taken():
    bench = Signed()
    bench.ping(1)
    bench.ping(2)
    assert bench.give(500 * MILLISECOND, sign(KEY, TOPIC, said(1, 480 * MILLISECOND)))
    assert reasons(bench.intake) == set()


def test_what_is_unsigned_or_signed_by_another_is_refused():
    bench = Signed()
    bench.ping(1)
    bench.ping(2)
    fresh = said(1, 480 * MILLISECOND)
    assert not bench.give(500 * MILLISECOND, fresh)
    assert not bench.give(500 * MILLISECOND, sign(KEY[::-1], TOPIC, fresh))
    assert not bench.give(500 * MILLISECOND, sign(KEY, "karyon/1/2/front.distance/m", fresh))
    assert reasons(bench.intake) == {Reason.SIGNATURE}


def test_answers_of_another_make_no_clock_known():
    """Who cannot sign cannot make old measurements look new."""
    bench = Signed()
    bench.ping(1, KEY[::-1])
    bench.ping(2, KEY[::-1])
    assert bench.intake.pongs_refused == 2
    assert not bench.give(500 * MILLISECOND, sign(KEY, TOPIC, said(1, 480 * MILLISECOND)))
    assert reasons(bench.intake) == {Reason.UNPROVEN}


def test_what_was_recorded_earlier_is_as_old_as_it_is():
    """Played again later, with numbers that nobody has seen in this session; and a pong counts for its own ping."""
    bench = Signed()
    bench.ping(1)
    bench.ping(2)
    assert not bench.give(5 * SECOND, sign(KEY, TOPIC, said(10**6, -60 * SECOND)))
    assert reasons(bench.intake) == {Reason.OLD}
    own = nothing()
    again = sign(KEY, TOPIC, said(2, 480 * MILLISECOND))
    bench.intake.take([Message(BASE + 9 * SECOND, TOPIC, again)], own, BASE, UNIX)
    assert own.fresh[DISTANCE, 0]
    assert 470 * MILLISECOND <= own.time[DISTANCE, 0] <= 480 * MILLISECOND


def test_a_key_for_no_signal_is_refused():
    with pytest.raises(InputError, match="to which no signal is bound"):
        _intake(BENCH, {"karyon/1/1/front.distanc/m": KEY})


def test_keys_are_read_with_all_faults_and_without_telling_them(tmp_path):
    path = tmp_path / "keys"
    path.write_text(f"# ours\n{TOPIC} {KEY.hex()}\n\n", "utf-8")
    assert keys(path) == {TOPIC: KEY}
    secret = "5ec2e7" * 5
    path.write_text(f"{TOPIC} {secret}\na {KEY.hex()}\na {KEY.hex()}\nb\n", "utf-8")
    with pytest.raises(InputError) as error:
        keys(path)
    assert [fault.where.rpartition(":")[2] for fault in error.value.faults] == ["1", "3", "4"]
    assert secret not in str(error.value)
    with pytest.raises(InputError, match="cannot be read"):
        keys(tmp_path / "nowhere")
    assert keys(None) == {}
