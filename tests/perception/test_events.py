"""Events in the world: what two sensors without a common part show at once is no failure of either."""

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from karyon.perception.chain import Chain, Signal
from karyon.perception.events import ECHO, SOONER

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("KARYON_DATA", ROOT / "../shared/data"))

NOISE = 0.01
AT = 200
HUMIDITY, TEMPERATURE, LIGHT = (Signal(name, NOISE, 0.3, 0.5) for name in ("humidity", "temperature", "light"))


def room(*leaps, samples=300, seed=1):
    """Calm samples (signal, sample), with leaps (signal, sample, size) to a new level."""
    values = np.random.default_rng(seed).normal(0.0, 0.3 * NOISE, (3, samples))
    for signal, sample, size in leaps:
        values[signal, sample:] += size
    return values


def validity(values, events=((0, 1),)):
    """Of every sample (signal, sample)."""
    chain = Chain((HUMIDITY, TEMPERATURE, LIGHT), (), 0.1, events=events)
    steps = [chain.step(np.array([0.1 * at]), values[:, at : at + 1]).validity for at in range(values.shape[1])]
    return np.concatenate(steps, axis=1)


def test_what_one_sensor_shows_alone_is_doubted():
    assert validity(room((0, AT, 1.0)))[0, AT:].max() < 0.5


@given(size=st.floats(0.5, 100.0), other=st.floats(-100.0, -0.5))
@settings(max_examples=20, deadline=None, derandomize=True)
def test_what_two_show_at_once_is_an_event(size, other):
    """However large each is, and whichever way."""
    assert validity(room((0, AT, size), (1, AT, other)))[:2].min() > 0.8


def test_without_a_group_it_is_two_failures():
    assert validity(room((0, AT, 1.0), (1, AT, 1.0)), events=())[:2, AT:].max() < 0.5


def test_a_signal_outside_of_the_group_says_nothing():
    low = validity(room((0, AT, 1.0), (2, AT, 1.0)))
    assert low[0, AT:].max() < 0.5
    assert low[2, AT:].max() < 0.5


@pytest.mark.parametrize("late", range(1, SOONER + 1))
def test_who_shows_it_sooner_is_cleared_by_who_shows_it_later(late):
    seen = validity(room((0, AT, 1.0), (1, AT + late, 1.0)))
    assert seen[0, AT] < 0.5
    assert seen[:2, AT + late :].min() > 0.8


def test_what_comes_later_still_is_no_event():
    assert validity(room((0, AT, 1.0), (1, AT + SOONER + 1, 1.0)))[:2, AT + SOONER + 1 :].max() < 0.5


def test_an_event_has_an_echo_until_it_is_calm():
    """The temperature goes on leaping, each time before the group has been calm for long."""
    echoes = [(1, AT + 4 * (count + 1), 1.0) for count in range(10)]
    assert validity(room((0, AT, 1.0), (1, AT, 1.0), *echoes))[:2].min() > 0.8
    late = AT + 40 + ECHO + 1
    assert validity(room((0, AT, 1.0), (1, AT, 1.0), *echoes, (1, late, 1.0)))[1, late:].max() < 0.5


def test_an_event_does_not_heal_what_had_failed_before():
    seen = validity(room((0, 100, 1.0), (0, AT, 5.0), (1, AT, 5.0)))
    assert seen[0, 100:].max() < 0.5


def test_groups_are_rows_apart():
    """An event of one row is none of the next."""
    calm, event, alone = room(), room((0, AT, 1.0), (1, AT, 1.0)), room((0, AT, 1.0))
    chain = Chain((HUMIDITY, TEMPERATURE, LIGHT), (), 0.1, rows=3, events=((0, 1),))
    for at in range(300):
        seen = chain.step(np.full(3, 0.1 * at), np.stack([calm[:, at], event[:, at], alone[:, at]], axis=1)).validity
        if at >= AT:
            assert (seen[0] > 0.5).tolist() == [True, True, False]


def test_vapour_in_a_room_is_no_failure():
    """Humidity and temperature of a mote, with vapour put near it: readings 2342 to 2459."""
    file = DATA / "wsn_suthaharan/singlehop_indoor_moteid1.txt"
    if not file.exists():
        pytest.skip(f"no recordings in {DATA}")
    values = np.loadtxt(file, skiprows=1)[:, 2:4].T
    signals = (Signal("humidity", 0.05, 2.0, 50.0), Signal("temperature", 0.02, 0.5, 50.0))
    alone, together = (Chain(signals, (), 5.0, events=events) for events in ((), ((0, 1),)))
    low = {}
    for name, chain in (("alone", alone), ("together", together)):
        steps = [chain.step(np.array([5.0 * at]), value[:, None]).validity for at, value in enumerate(values.T)]
        low[name] = np.mean(np.concatenate(steps, axis=1)[:, 2342:2459] < 0.5, axis=1)
    assert low["alone"].max() > 0.1
    assert low["together"].max() < 0.05
