"""What is believed of V2V messages: honest senders always, each kind of attacker not, and why a doubt ends."""

from dataclasses import fields, replace
from itertools import pairwise
from math import inf, nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from karyon.perception import messages
from karyon.perception.messages import CHECKS, CHUNK, Memory, Messages, judge
from karyon.perception.plausibility import Plausibility
from tests.reference import messages as reference

LIMITS = Plausibility()
MINIMUM = 0.8  # validity that the rules of the shipped design demand
KNOWN = 3  # messages after which a sender is no stranger
rates = st.sampled_from([1.0, 2.0, 5.0, 10.0])
seeds = st.integers(0, 10_000)


def drive(seed=0, count=60, rate=1.0, sender=1, receiver=9, stop=False, noise=1.0):
    """An honest car in town: it turns, speeds up and slows down, and stands at a light half of the time if `stop`."""
    rng = np.random.default_rng(seed)
    time = 100.0 + rng.uniform() + np.arange(count) / rate
    phase, fine = rng.uniform(0, 6), np.arange(0.0, count / rate + 0.01, 0.01)
    speed = 12.0 + 3.0 * np.sin(0.4 * fine + phase)
    speed = np.where(stop & (np.sin(0.1 * fine + phase) > 0), 0.0, speed)
    speed = np.maximum.accumulate(speed + 4.0 * fine) - 4.0 * fine  # brakes with 4 m/s²
    speed = np.minimum.accumulate(speed - 3.0 * fine) + 3.0 * fine if stop else speed
    angle = rng.uniform(0, 6) + np.cumsum(0.003 * speed * np.sin(0.2 * fine)) * 0.01 * 5
    velocity = speed * np.array([np.cos(angle), np.sin(angle)])
    place = rng.uniform(0, 500, 2)[:, None] + np.cumsum(velocity, axis=1) * 0.01
    pull = np.gradient(speed, 0.01) * np.array([np.cos(angle), np.sin(angle)])
    at = np.round(np.arange(count) / rate * 100).astype(int)
    return Messages(
        receiver=np.full(count, receiver),
        sender=np.full(count, sender),
        received=time + 0.02,
        sent=time,
        position=place[:, at] + noise * 0.25 * rng.standard_normal((2, count)),
        velocity=velocity[:, at] + noise * 0.05 * rng.standard_normal((2, count)),
        acceleration=pull[:, at] + noise * 0.05 * rng.standard_normal((2, count)),
        heading=np.array([np.cos(angle), np.sin(angle)])[:, at],
        counter=np.arange(count, dtype=float),
        pseudonym=np.full(count, float(sender)),
        own=np.full((2, count), nan),
        measured=np.full((2, count), nan),
    )


def merged(*several):
    """One log of several, in order of arrival."""
    columns = {f.name: np.concatenate([getattr(m, f.name) for m in several], axis=-1) for f in fields(Messages)}
    order = np.argsort(columns["received"], kind="stable")
    return Messages(**{name: column[..., order] for name, column in columns.items()})


def validity_of(log, limits=LIMITS):
    return judge(Memory.empty(), log, limits)[1].validity


def check_of(log, name, limits=LIMITS):
    return judge(Memory.empty(), log, limits)[1].checks[CHECKS.index(name)]


def hostile(seed, count=80):
    """A log of three senders and two receivers with everything in it: lies, copies, losses, nonsense."""
    rng = np.random.default_rng(seed)
    cars = [drive(seed + n, count // 4, float(rng.choice([1, 4, 14])), sender=n % 3, receiver=n // 3) for n in range(4)]
    log = merged(*cars)
    columns = {f.name: getattr(log, f.name).copy() for f in fields(Messages)}
    for row in range(len(log)):
        match rng.integers(0, 14):
            case 0:
                columns["position"][:, row] += rng.choice([30.0, -30.0, 200.0])
            case 1:
                columns["velocity"][:, row] += rng.uniform(-15, 15, 2)
            case 2:
                columns[rng.choice(["position", "velocity", "acceleration", "heading"])][:, row] = rng.choice(
                    [nan, inf, -inf, 0.0]
                )
            case 3 if row:
                for name in ("position", "velocity", "heading"):
                    columns[name][:, row] = columns[name][:, rng.integers(0, row)]
            case 4:
                columns["pseudonym"][row] += rng.integers(1, 3)
            case 5:
                columns["sent"][row] += rng.choice([-3.0, -1.5, 0.3, 40.0, nan])
            case 6:
                columns["counter"][row] -= 3.0
            case 7:
                columns["own"][:, row] = columns["position"][:, row] + rng.choice([10.0, 760.0])
            case 8 | 9:
                columns["measured"][:, row] = columns["position"][:, row] + rng.choice([0.1, 3.6])
            case 10 if row:
                columns["position"][:, row] = columns["position"][:, row - 1] + 0.5
    return Messages(**columns)


def as_scalars(log):
    """The same log for the reference."""
    pairs = ("position", "velocity", "acceleration", "heading", "own", "measured")
    return [
        reference.Message(
            *(
                tuple(map(float, getattr(log, name)[:, row])) if name in pairs else getattr(log, name)[row].item()
                for name in reference.Message._fields
            )
        )
        for row in range(len(log))
    ]


# ---------------------------------------------------------------------------------------- the stream is its definition


@given(seeds)
@settings(max_examples=60)
def test_every_check_is_what_the_whole_history_says(seed):
    """Waves, chunks and memory leave no trace: one message at a time, told from all before it, gives the same."""
    log = hostile(seed)
    found = judge(Memory.empty(), log, LIMITS)[1].checks
    for row, expected in enumerate(reference.judged(as_scalars(log), LIMITS)):
        for name, check in zip(CHECKS, found[:, row], strict=True):
            assert check == pytest.approx(expected.get(name, 1.0), abs=1e-6), (row, name)


@given(seeds, st.lists(st.integers(0, 400), max_size=8))
@settings(max_examples=30)
def test_the_answer_does_not_depend_on_how_a_log_is_cut(seed, cuts):
    """Same bits, and the same memory, with few senders remembered and more messages than one chunk."""
    log, limits = hostile(seed, count=400), Plausibility(senders=3, contents=50)
    memory, whole = judge(Memory.empty(), log, limits)
    bit_by_bit, parts = Memory.empty(), []
    edges = sorted({0, len(log), *(min(cut, len(log)) for cut in cuts)})
    for begin, end in pairwise(edges):
        bit_by_bit, part = judge(bit_by_bit, log.part(begin, end), limits)
        parts.append(part.checks)
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), whole.checks)
    for field in fields(memory.senders):
        np.testing.assert_array_equal(getattr(bit_by_bit.senders, field.name), getattr(memory.senders, field.name))
    np.testing.assert_array_equal(bit_by_bit.contents, memory.contents)


@given(seeds, st.integers(1, 70))
@settings(max_examples=30)
def test_no_message_depends_on_a_later_one(seed, until):
    log, other = hostile(seed), hostile(seed + 1)
    forged = merged(log.part(0, until), replace(other, received=other.received + 1e6))
    np.testing.assert_array_equal(validity_of(log)[:until], validity_of(forged)[:until])


@given(seeds)
@settings(max_examples=20)
def test_receivers_know_nothing_of_each_other(seed):
    log = hostile(seed)
    here = log.receiver == 0
    alone = Messages(**{f.name: getattr(log, f.name)[..., here] for f in fields(Messages)})
    np.testing.assert_array_equal(validity_of(log)[here], validity_of(alone))


def test_the_memory_that_is_given_stays_as_it_is():
    """So that a snapshot can be judged on twice."""
    memory, _ = judge(Memory.empty(), hostile(1), LIMITS)
    first = judge(memory, hostile(2), LIMITS)[1].validity
    np.testing.assert_array_equal(judge(memory, hostile(2), LIMITS)[1].validity, first)


def test_no_messages_are_no_answers():
    memory, judgement = judge(Memory.empty(), hostile(1).part(0, 0), LIMITS)
    assert len(judgement.validity) == len(judgement.detectors()) == memory.heard == 0


def test_every_check_is_told_of_in_the_module():
    """And every message has an answer of each."""
    assert all(name in messages.__doc__ for name in CHECKS)
    assert judge(Memory.empty(), drive(), LIMITS)[1].checks.shape == (len(CHECKS), 60)


@given(seeds)
@settings(max_examples=20)
def test_validity_is_the_product_of_all_checks_and_the_detectors_are_those_below_one(seed):
    judgement = judge(Memory.empty(), hostile(seed), LIMITS)[1]
    np.testing.assert_allclose(judgement.validity, judgement.checks.prod(axis=0), rtol=1e-12)
    for row, text in enumerate(judgement.detectors()):
        assert text == ";".join(name for name, check in zip(CHECKS, judgement.checks[:, row], strict=True) if check < 1)


# ------------------------------------------------------------------------------------------------ nothing breaks it


@pytest.mark.parametrize(
    "name", ["received", "sent", "position", "velocity", "acceleration", "heading", "counter", "pseudonym"]
)
@pytest.mark.parametrize("nonsense", [nan, inf, -inf])
def test_what_is_no_number_is_never_believed(name, nonsense):
    log = drive()
    getattr(log, name)[..., 20] = nonsense
    assert validity_of(log)[20] == 0.0


@pytest.mark.parametrize("name", ["position", "velocity", "acceleration", "heading"])
def test_absurd_numbers_do_no_harm(name):
    """No warning, no NaN, nothing learned."""
    log = drive()
    getattr(log, name)[..., 20] = 1e308
    validity = validity_of(log)
    assert validity[20] == 0.0
    assert np.isfinite(validity).all()


def test_a_lost_field_is_held_against_one_message_alone():
    """The next one is compared with the last that was whole."""
    log = drive()
    log.position[0, 20] = nan
    judgement = judge(Memory.empty(), log, LIMITS)[1]
    assert judgement.detectors()[21] == "trust"


def test_a_flood_of_senders_does_not_grow_the_memory():
    limits = Plausibility(senders=20, contents=30)
    flood = merged(*(drive(seed=n, count=2, sender=n) for n in range(600)))
    memory = Memory.empty()
    for begin in range(0, len(flood), 100):
        memory, _ = judge(memory, flood.part(begin, begin + 100), limits)
        assert len(memory.senders.sender) <= limits.senders + CHUNK
        assert len(memory.contents) <= limits.contents + CHUNK


def test_the_sender_not_heard_for_longest_is_forgotten_and_begins_as_a_stranger():
    limits = Plausibility(senders=1)
    log = merged(drive(count=CHUNK - 1, sender=1), drive(count=1, sender=2))
    log = merged(log.part(0, 1), replace(log.part(1, CHUNK), received=log.received[1:] + 1e3, sent=log.sent[1:] + 1e3))
    assert judge(Memory.empty(), log, limits)[0].senders.sender.tolist() == [log.sender[-1]]


# ---------------------------------------------------------------------------------------------- whom one may believe


@given(seeds, rates, st.booleans())
@settings(max_examples=60)
def test_an_honest_car_is_believed(seed, rate, stop):
    """Whatever its rate, turning and standing, with half of the noise that the limits allow for."""
    validity = validity_of(drive(seed, 200, rate, stop=stop), Plausibility(repeats=inf))
    assert (validity[KNOWN:] >= MINIMUM).all()


def test_a_lossy_channel_is_no_lie():
    """Two thirds of the messages lost, once for two minutes; silence proves nothing either way."""
    log = drive(3, 600)
    heard = np.random.default_rng(0).uniform(size=600) < 1 / 3
    heard[300:420] = False
    log = Messages(**{f.name: getattr(log, f.name)[..., heard] for f in fields(Messages)})
    assert (validity_of(log)[KNOWN:] >= MINIMUM).all()


def test_a_stranger_is_half_believed():
    np.testing.assert_array_equal(validity_of(drive())[:4], [0.5, 0.75, 1.0, 1.0])


def test_what_messages_of_a_kind_never_hold_is_not_missed():
    log = replace(drive(), acceleration=None, heading=None, counter=None, pseudonym=None, own=None, measured=None)
    assert (validity_of(log)[KNOWN:] >= MINIMUM).all()


# ------------------------------------------------------------------------------------------------------- attackers


def constant_position(log, rng):
    log.position[:] = log.position[:, :1]


def random_position(log, rng):
    log.position[:] = rng.uniform(0, 1500, log.position.shape)


def random_position_offset(log, rng):
    log.position[:] += rng.uniform(-70, 70, log.position.shape)


def constant_speed(log, rng):
    log.velocity[:] = rng.uniform(-20, 20, (2, 1))


def constant_speed_offset(log, rng):
    log.velocity[:] += rng.choice([-5.0, 5.0], (2, 1))


def random_speed(log, rng):
    log.velocity[:] = rng.uniform(-40, 40, log.velocity.shape)


def random_speed_offset(log, rng):
    log.velocity[:] += rng.uniform(1.4, 7, log.velocity.shape) * rng.choice([-1, 1], log.velocity.shape)


def sudden_stop(log, rng):
    log.position[:], log.velocity[:, 1:], log.acceleration[:] = log.position[:, :1], 0.0, 0.0


def old_stamps(log, rng):
    log.received[:] += 5.0


def future_stamps(log, rng):
    log.sent[:] += 5.0


def repeated_counter(log, rng):
    log.counter[:] = 7.0


def several_pseudonyms(log, rng):
    log.pseudonym[:] = np.arange(len(log)) % 5


def out_of_range(log, rng):
    log.own[:] = log.position + 900.0


def sideways(log, rng):
    log.heading[:] = np.array([-log.heading[1], log.heading[0]])


@pytest.mark.parametrize(
    "attack, detector",
    [
        (constant_position, "position"),
        (constant_position, "stuck"),
        (random_position, "reach"),
        (random_position, "position"),
        (random_position_offset, "position"),
        (random_position_offset, "travel_heading"),
        (constant_speed, "position"),
        (constant_speed_offset, "position"),
        (random_speed, "speed_change"),
        (random_speed, "position"),
        (random_speed_offset, "speed_acceleration"),
        (sudden_stop, "stuck"),
        (old_stamps, "age"),
        (future_stamps, "age"),
        (repeated_counter, "order"),
        (several_pseudonyms, "identity"),
        (out_of_range, "range"),
        (sideways, "heading"),
    ],
)
def test_an_attacker_is_distrusted_and_the_detector_is_named(attack, detector):
    """In most messages after the second, at 1 Hz, for the attacks of VeReMi Extension and F2MD's sizes."""
    log = drive(seed=5)
    attack(log, np.random.default_rng(5))
    judgement = judge(Memory.empty(), log, LIMITS)[1]
    assert (judgement.validity[2:] < 0.5).mean() > 0.8
    assert detector in ";".join(judgement.detectors()).split(";")


def test_flooding_is_seen_by_its_interval():
    """Twice the permitted rate is beyond belief, and the permitted one is not."""
    assert (validity_of(drive(rate=20.0))[2:] < 0.5).all()
    assert (check_of(drive(rate=10.0), "interval") == 1.0).all()


def test_positions_that_repeat_are_noise_free_and_so_no_measurement():
    """Four repeats are believed to be chance no more; a sender that holds its position at a standstill is excused."""
    log = drive(stop=True)
    log.position[:, 21:26] = log.position[:, 20:21]
    np.testing.assert_array_equal(check_of(log, "stuck")[20:27], [1, 1, 1, 1, 0, 0, 1])
    assert (check_of(log, "stuck", Plausibility(repeats=inf)) == 1.0).all()


def test_a_pseudonym_may_change_but_not_twice_within_a_minute():
    log = drive(count=200)
    log.pseudonym[:] = np.repeat([1.0, 2.0, 3.0, 4.0], [50, 61, 59, 30])
    changes = check_of(log, "identity")[[50, 111, 170]]
    np.testing.assert_array_equal(changes, [1.0, 1.0, 0.0])


def test_a_heading_without_a_direction_is_no_heading():
    """Not even of a car that stands."""
    log = drive()
    log.velocity[:, 20], log.heading[:, 20] = 0.0, 0.0
    assert check_of(log, "heading")[20] == 0.0


def test_half_of_an_own_position_is_none():
    log = drive()
    log.own[0], log.measured[1] = 5e3, 5e3
    assert (check_of(log, "range") == 1.0).all()
    assert (check_of(log, "own_sensor") == 1.0).all()


def test_two_messages_without_content_are_no_copies():
    log = merged(drive(sender=1), drive(sender=2))
    log.position[:] = nan
    log.velocity[:] = nan
    assert (check_of(log, "copy") == 1.0).all()


def test_a_replay_is_blamed_on_who_says_it_later():
    victim = drive(sender=1)
    replay = replace(victim, sender=victim.sender + 1, received=victim.received + 0.3, sent=victim.sent + 0.3)
    log = merged(victim, replay)
    copy = check_of(log, "copy")
    assert (copy[log.sender == 2] == 0.0).all()
    assert (copy[log.sender == 1] == 1.0).all()


def test_a_ghost_in_the_place_of_a_car_cannot_take_its_trust():
    """Two in one place are both doubted, the one who came later, but neither loses more than half by that alone."""
    victim, ghost = drive(sender=1), drive(sender=2)
    ghost = replace(ghost, position=ghost.position + 0.05, received=ghost.received - 0.01)
    log = merged(ghost, victim)
    assert (check_of(log, "place")[log.sender == 1] == 0.5).any()
    assert (check_of(log, "trust") == 1.0).all()


def test_a_position_shifted_from_the_start_is_not_seen_without_an_own_sensor_and_is_with_one():
    """A stated gap: it is the true motion of a car elsewhere."""
    log = drive()
    shifted = replace(log, position=log.position + 50.0)
    assert (validity_of(shifted)[KNOWN:] >= MINIMUM).all()
    assert (validity_of(replace(shifted, measured=log.position)) == 0.0).all()


# ------------------------------------------------------------------------------------------- what brings belief back


def jumped(begin, end, count=200, **settings):
    """Honest but for a position that is 40 m off from message `begin` to `end` - 1."""
    log = drive(7, count, **settings)
    log.position[0, begin:end] += 40.0
    return log


def test_a_jump_is_undone_by_the_reverse_jump():
    position = check_of(jumped(50, 90), "position")
    assert (position[50:90] <= 0.5).all()
    assert (position[90:] == 1.0).all()


def test_time_alone_never_undoes_a_jump():
    assert (check_of(jumped(50, 1000, count=1000), "position")[50:] <= 0.5).all()


def test_silence_never_undoes_a_jump():
    log = jumped(50, 200)
    heard = np.r_[0:60, 120:200]
    log = Messages(**{f.name: getattr(log, f.name)[..., heard] for f in fields(Messages)})
    assert (check_of(log, "position")[50:] <= 0.5).all()


def test_an_own_sensor_that_agrees_for_a_second_clears_a_sender():
    log = jumped(50, 200, rate=10.0)
    log.measured[:, 100:] = log.position[:, 100:]
    validity = validity_of(log)
    assert (validity[50:109] < 0.5).all()
    assert (validity[111:] >= MINIMUM).all()


def test_travel_proves_a_sender_after_a_single_outlier():
    """There and back are two implausible messages of three, and 400 m of travel make up for them: not time."""
    log = jumped(50, 51)
    trust = check_of(log, "trust")
    assert trust[51] == pytest.approx(1 / 3, abs=0.05)
    travelled = np.cumsum(np.hypot(*np.diff(log.position[:, 51:], axis=1)))
    begin, end = np.searchsorted(travelled, [2 * LIMITS.proof, 2.2 * LIMITS.proof])
    assert (trust[51 : 51 + begin] < 1.0).all()
    assert trust[52 + end] == 1.0


def test_standing_still_proves_nothing():
    """After a lie a car that stands for a quarter of an hour is believed no more than before."""
    log = drive(7, 1000, noise=0.0)
    log.velocity[:], log.acceleration[:] = 0.0, 0.0
    log.position[:] = log.position[:, :1] + 0.01 * np.random.default_rng(0).standard_normal(log.position.shape)
    log.pseudonym[10:12] = [5.0, 1.0]
    trust = check_of(log, "trust")
    assert trust[9] == 1.0
    assert trust[-1] == trust[12] < 0.7


def test_trust_ends_with_a_few_lies_and_comes_back_after_many():
    """Evidence is bounded: an attacker that turns honest is not believed for 400 m, and fully after 1 km."""
    log = drive(7, 300)
    log.sent[:100] -= 10.0
    trust = check_of(log, "trust")
    assert (trust[2:100] == 0.0).all()
    assert (trust[100:130] == 0.0).all()
    assert trust[-1] == 1.0
