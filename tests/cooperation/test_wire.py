"""Messages as bytes: what arrives is what the codes say, and whatever comes is a message or has a reason."""

from math import inf, nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from karyon.cooperation.cam import FRONT_DISTANCE, FRONT_SPEED, INTENDED, Cam, Platooning
from karyon.cooperation.gate import FORGET, SIZE_MAX, Reason

wire = pytest.importorskip("karyon.cooperation.wire")
pytest.importorskip("pycrate_asn1dir")

NOW = 700_000_000_123  # ms
numbers = st.floats(-1e4, 1e4) | st.sampled_from([nan, inf, -inf, 0.0, -0.0, 1e300])
words = st.integers(0, 2**64 - 1)


def of(value, kind=float):
    return np.array([value], dtype=kind)


def said(station=7, now=NOW, counter=1, **other):
    """A message of a car in Munich, but for what is `other`."""
    usual = {"latitude": 48.1, "longitude": 11.5, "heading": 90.0, "speed": 25.0, "acceleration": 0.1}
    usual |= {"length": 4.5, "width": 1.8} | other
    cam = Cam(of(station, int), of(now, int), **{name: of(value) for name, value in usual.items()})
    whole = [of(number, int) for number in (counter, now // 500, 3, 2)]
    return cam, Platooning(*whole, of(5, np.uint64), of(9, np.uint64), of(-1.5), of(12.5), of(24.75))


SENT = wire.encode(*said())


@given(
    station=st.integers(0, 2**32 - 1),
    time=st.integers(0, 500 * 2**32 - 1),  # rounds have 32 bits, to the year 2072
    motion=st.tuples(*[numbers] * 7),
    counter=st.integers(0, 65_535),
    levels=st.tuples(st.integers(0, 255), st.integers(0, 255)),
    view=words,
    echo=words,
    physical=st.tuples(*[numbers] * 3),
)
@settings(max_examples=100, deadline=None)
def test_decoding_what_was_encoded_is_quantising(station, time, motion, counter, levels, view, echo, physical):
    """Bit for bit, and NaN for what is not known."""
    cam = Cam(of(station, int), of(time, int), *map(of, motion))
    whole = [of(number, int) for number in (counter, time // 500, *levels)]
    platooning = Platooning(*whole, of(view, np.uint64), of(echo, np.uint64), *map(of, physical))
    message = wire.decode(wire.encode(cam, platooning), time)
    for name in Cam.__slots__:
        np.testing.assert_array_equal(getattr(message.cam, name), getattr(cam.quantised(), name))
    for name in Platooning.__slots__[:-3]:
        assert getattr(message.platooning, name) == getattr(platooning, name)
    elements = (INTENDED, FRONT_DISTANCE, FRONT_SPEED)
    for name, element in zip(Platooning.__slots__[-3:], elements, strict=True):
        decoded, meant = (getattr(each, name) for each in (message.platooning, platooning))
        np.testing.assert_array_equal(decoded, element.quantised(meant))


def test_a_cam_is_as_long_as_etsi_has_it():
    """The bytes before the container are those of any other station: version 2, message 2, station 7."""
    assert SENT[: -wire.CONTAINER.size][:6].hex() == "020200000007"
    assert len(SENT) == 72


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", Reason.MALFORMED),
        (SENT[:20], Reason.MALFORMED),
        (SENT[:-1], Reason.WRONG_VERSION),  # the container begins a byte earlier
        (bytes(SIZE_MAX + 1), Reason.OVERSIZED),
        (b"\x01" + SENT[1:], Reason.WRONG_VERSION),
        (b"\x02\x01" + SENT[2:], Reason.MALFORMED),  # a DENM
        (SENT[:20] + SENT[-wire.CONTAINER.size :], Reason.MALFORMED),
    ],
)
def test_what_is_no_message_has_a_reason(data, reason):
    assert wire.decode(data, NOW) == reason


mutations = st.lists(st.tuples(st.integers(0, len(SENT) - 1), st.integers(0, 255)), max_size=6)
anything = st.binary(max_size=200) | st.binary(min_size=SIZE_MAX, max_size=SIZE_MAX + 2)


@st.composite
def mutants(draw):
    """A valid message with some bytes changed, cut, or followed by others."""
    data = bytearray(SENT)
    for place, byte in draw(mutations):
        data[place] = byte
    return bytes(data[: draw(st.integers(0, len(data)))] if draw(st.booleans()) else data + draw(st.binary(max_size=8)))


@given(received=st.lists(anything | mutants() | st.just(SENT), min_size=1, max_size=12))
@settings(max_examples=150, deadline=None)
def test_whatever_bytes_come_nothing_raises_and_all_are_counted(received):
    """A message that is let through has finite numbers where a gate has looked."""
    receiver, taken = wire.Receiver(own=9), 0
    for step, data in enumerate(received):
        message = receiver.take(data, NOW + step)
        if isinstance(message, Reason):
            assert message > Reason.ACCEPTED
            continue
        taken += 1
        assert np.isfinite([*message.cam.latitude, *message.cam.longitude, *message.cam.speed]).all()
        assert abs(message.cam.time[0] - NOW) <= 1011
    assert taken + sum(receiver.refused.values()) == len(received)


def test_senders_beyond_the_room_are_refused_until_one_is_silent():
    """Made-up ids cost nobody its place who is heard."""
    receiver = wire.Receiver(own=9, places=3)
    for round_, stations in enumerate(([1, 2, 3], [4, 1, 2, 3], [5, 1, 2, 3])):
        now = NOW + 100 * round_
        taken = [receiver.take(wire.encode(*said(station, now, round_)), now) for station in stations]
        assert [isinstance(each, Reason) for each in taken] == [station > 3 for station in stations]
    assert receiver.refused == {Reason.CROWDED: 2}
    later = NOW + 200 + FORGET
    assert not isinstance(receiver.take(wire.encode(*said(4, later, 7)), later), Reason)


def test_who_uses_our_id_is_refused():
    receiver = wire.Receiver(own=7)
    assert receiver.take(SENT, NOW) == Reason.COLLISION


def test_a_message_without_a_position_is_refused():
    receiver = wire.Receiver(own=9)
    assert receiver.take(wire.encode(*said(latitude=nan)), NOW) == Reason.NO_POSITION
    assert receiver.take(wire.encode(*said(counter=2)), NOW) != Reason.NO_POSITION
