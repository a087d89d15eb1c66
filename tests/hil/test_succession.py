"""One device on a topic, whatever its network does, and two."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from karyon.hil.measurement import Clock, Measurement, Reason
from karyon.hil.succession import QUIET, Succession

MILLISECOND = 1_000_000
PERIOD = 100 * MILLISECOND


def said(device, sequence, at, width=63, ahead=0):
    """A measurement, its payload, and when it was made, ns."""
    number = sequence % 2**width
    found = Measurement(20.0 + device, number, at + ahead, Clock.BOOT)
    return found, f"{device} {sequence} {at}".encode(), at


@given(
    start=st.integers(0, 2**40),
    width=st.sampled_from([8, 16, 31, 32, 63]),
    seed=st.integers(0, 2**32),
    loss=st.floats(0.0, 0.5),
    delay=st.integers(0, 500),
)
def test_one_device_is_never_taken_for_two(start, width, seed, loss, delay):
    """Half is lost, all may come twice, or overtake one another by half a second; every refusal says which."""
    random, succession = np.random.default_rng(seed), Succession()
    flying = []
    for step in range(60):
        message = said(0, start + step, step * PERIOD, width)
        for _ in range(int(random.integers(1, 3)) if random.random() >= loss else 0):
            flying.append((message[2] + round(random.uniform(0, delay) * MILLISECOND), message))
    newest = -1
    for arrived, (found, payload, at) in sorted(flying, key=lambda each: each[0]):
        reason = succession.refuse(found, payload, arrived)
        assert not succession.is_contested(arrived)
        assert reason == (None if at > newest else Reason.DUPLICATE if at == newest else reason)
        assert reason in (None, Reason.DUPLICATE, Reason.ORDER)
        newest = max(newest, at)


@pytest.mark.parametrize("width", [8, 16, 63])
@pytest.mark.parametrize("lead", [0, 1, 3, 60, 64, 65, 200, 10**6, -1, -3, -64, -200])
@pytest.mark.parametrize("ahead", [0, 5 * PERIOD, -5 * PERIOD], ids=["same clock", "ahead", "behind"])
def test_two_devices_are_found_out_within_their_lead(width, lead, ahead):
    """From when the numbers of one meet those of the other neither is trusted any more; most are found at once."""
    succession, trusted = Succession(), []
    for step in range(300):
        for device, late in ((0, 0), (1, 37 * MILLISECOND)):
            number, at = 10_000 + step + device * lead, step * PERIOD + late
            found, payload, _ = said(device, number, at, width, ahead * device)
            reason = succession.refuse(found, payload, at)
            if reason is None and not succession.is_contested(at):
                trusted.append((step, device))
    both = {device for _, device in trusted}
    last = max(step for step, _ in trusted)
    assert len(both) == 1 or last <= 64
    assert last <= 64 + 1


def test_after_silence_any_number_is_the_first():
    succession = Succession()
    assert succession.refuse(*said(0, 500, 0)) is None
    assert succession.refuse(*said(0, 3, QUIET + 1)) is None
    assert not succession.is_contested(QUIET + 1)


def test_what_comes_late_after_a_wrap_is_old():
    succession = Succession()
    for sequence, at in ((255, 0), (256, 1), (258, 2)):
        assert succession.refuse(*said(0, sequence, at * PERIOD, 8)) is None
    found, payload, _ = said(0, 254, -1)
    assert succession.refuse(replace(found, sequence=254), payload, 3 * PERIOD) is Reason.ORDER
    assert not succession.is_contested(3 * PERIOD)
