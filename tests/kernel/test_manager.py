"""Which level a row has: down at once, up one at a time after the dwell; and the words for why."""

from math import inf, nan
from typing import get_args, get_type_hints

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from karyon.kernel import ABSENT, Alive, Kernel, Not, Within, parse, verdict
from karyon.kernel.design import Component, Design, Function, Level, Signal
from karyon.kernel.explanation import Row, held_for, reason
from karyon.kernel.runtime import LATEST
from karyon.kernel.timing import Timing

MS = 1_000_000
S = 1000 * MS
RADAR = ["validity(front.distance) >= 0.8", "age(front.distance) <= 250 ms"]
V2V = ["age(lead.message) <= 300 ms"]
PLATOON = ["cooperation(lead) >= 2", "alive(perception)"]


def function(name, *levels):
    """Levels above 0 with a dwell of 1 s each, as lists of rule texts."""
    upper = (Level(f"level {n}", tuple(map(parse, rules))) for n, rules in enumerate(levels, start=1))
    return Function(name, (Level("stop"), *upper))


def design(*functions):
    return Design(
        name="test",
        signals=(Signal("front.distance", "m"), Signal("lead.message", "message"), Signal("own.speed", "m/s")),
        components=(Component("perception", 0.15),),
        peers=("lead",),
        functions=functions,
        timing=Timing(0.1, 0.1, 0.1, 0.002, 0.05),
    )


def kernel(*levels, rows=1):
    return Kernel(design(function("acc", *levels)), rows)


def feed(own, now, *, validity=1.0, message=True, agreed=2):
    """Fresh data of everything at `now`, in all rows."""
    own.seen.see("front.distance", 30.0, now, validity)
    own.seen.see("lead.message", 0.0, now if message else ABSENT)
    own.seen.see("own.speed", 20.0, now)
    own.seen.beat("perception", now)
    own.seen.agree("lead", agreed)


def levels_over(own, start, end, **data):
    """The level of row 0 at every step of 100 ms from `start` to before `end`, with fresh data in each."""
    levels = []
    for now in range(start, end, 100 * MS):
        feed(own, now, **data)
        levels.append(int(own.step(now)["acc"].level[0]))
    return levels


def at_level(level, *levels, rows=1):
    """A kernel whose rows have risen to `level`, and the time of its last step."""
    own = kernel(*levels, rows=rows)
    for now in range(0, 100 * S, 100 * MS):
        feed(own, now)
        if own.step(now)["acc"].level[0] == level:
            return own, now
    raise AssertionError(f"level {level} is never reached")


def test_it_rises_one_level_per_step_once_the_rules_have_held_for_the_dwell():
    """The rules of all levels hold from the first step on, so after 1 s each step takes one level."""
    assert levels_over(kernel(RADAR, V2V, PLATOON), 0, 14 * 100 * MS) == [0] * 10 + [1, 2, 3, 3]


def test_each_level_waits_for_its_own_rules():
    own = kernel(RADAR, V2V)
    feed(own, 0)
    own.step(0)
    # the message is lost from 0.1 s to 0.5 s: level 1 is not concerned, level 2 counts from the message's return
    assert levels_over(own, 100 * MS, 500 * MS, message=False) == [0] * 4
    assert levels_over(own, 500 * MS, 1700 * MS) == [0] * 5 + [1] * 5 + [2] * 2


def test_the_dwell_is_met_to_the_nanosecond():
    own = kernel(RADAR)
    for now, level in ((5, 0), (5 + S - 1, 0), (5 + S, 1)):
        feed(own, now)
        assert own.step(now)["acc"].level[0] == level


def test_a_dwell_of_0_takes_the_level_in_the_first_step():
    own = Kernel(design(Function("acc", (Level("stop"), Level("go", (parse(RADAR[0]),), dwell=0.0)))), 1)
    feed(own, 7)
    assert own.step(7)["acc"].level[0] == 1


def test_it_falls_in_the_step_that_sees_a_rule_fail_and_as_far_as_needed():
    own, now = at_level(3, RADAR, V2V, PLATOON)
    feed(own, now + 1, validity=0.79)
    decision = own.step(now + 1)["acc"]
    assert (decision.level[0], decision.previous[0], decision.deciding[0]) == (0, 3, 0)


def test_it_falls_only_to_the_level_that_still_holds():
    own, now = at_level(3, RADAR, V2V, PLATOON)
    feed(own, now, agreed=1)
    assert own.step(now + 1)["acc"].level[0] == 2
    feed(own, now, agreed=1, message=False)
    assert own.step(now + 2)["acc"].level[0] == 1


def test_a_single_failure_restarts_the_dwell():
    own = kernel(RADAR)
    assert levels_over(own, 0, 900 * MS) == [0] * 9
    assert levels_over(own, 900 * MS, S, validity=0.7) == [0]
    assert levels_over(own, S, 2100 * MS) == [0] * 10 + [1]


def test_nothing_delays_a_downgrade_not_even_being_unsafe_below():
    own, now = at_level(2, RADAR, V2V)
    feed(own, now + 1, message=False)
    unsafe = {"acc": np.zeros((3, 1), dtype=bool)}
    assert own.step(now + 1, unsafe)["acc"].level[0] == 1


def test_data_that_just_stops_ages_out():
    own, now = at_level(1, RADAR)
    assert own.step(now + 250 * MS)["acc"].level[0] == 1
    assert own.step(now + 250 * MS + 1)["acc"].level[0] == 0


def test_rows_are_judged_one_by_one():
    own, now = at_level(1, RADAR, rows=3)
    own.seen.see("front.distance", 30.0, now, np.array([0.9, 0.7, nan]))
    decision = own.step(now)["acc"]
    assert decision.level.tolist() == [1, 0, 0]
    assert decision.deciding.tolist() == [-1, 0, 0]


def test_functions_are_judged_one_by_one():
    own = Kernel(design(function("acc", RADAR), function("flight", PLATOON)), 1)
    for now in range(0, 1100 * MS, 100 * MS):
        feed(own, now, agreed=1)
        decisions = own.step(now)
    assert (decisions["acc"].level[0], decisions["flight"].level[0]) == (1, 0)


def test_quickened_it_goes_on_by_what_the_compiler_makes_of_each_cycle():
    """One formula per function, which is then called instead of its own, and once in each step."""
    calls = []

    def compiler(formula):
        def made(*arguments):
            calls.append(formula.__name__)
            return formula(*arguments)

        return made

    own = Kernel(design(function("acc", RADAR), function("brake", V2V)), 1)
    own.quicken(compiler)
    assert levels_over(own, 0, 1200 * MS) == [0] * 10 + [1, 1]
    assert calls == ["cycle"] * 2 * 12


@pytest.mark.parametrize("levels", [(RADAR, V2V), ()], ids=["three levels", "one level"])
def test_a_cycle_is_given_arrays_of_the_types_that_it_states(levels):
    """A loop is compiled for these types; NumPy would take others, too, with the same result."""
    given = []

    def compiler(formula):
        def made(*arguments):
            given.append((formula, arguments))
            return formula(*arguments)

        return made

    own = kernel(*levels)
    own.quicken(compiler)
    levels_over(own, 0, 300 * MS)
    for formula, arguments in given:
        *kinds, _ = get_type_hints(formula).values()
        for argument, kind in zip(arguments, kinds, strict=True):
            for array, stated in arrays(argument, kind):
                assert array.dtype == stated


def arrays(given, kind):
    """Each array in a named tuple, or the one that is given, with the type that its annotation says."""
    if isinstance(given, np.ndarray):
        yield given, get_args(get_args(kind)[1])[0]
    for each, stated in (
        zip(given, get_type_hints(type(given)).values(), strict=True) if hasattr(given, "_fields") else ()
    ):
        yield from arrays(each, stated)


def test_a_function_without_upper_levels_stays_at_level_0():
    own = kernel()
    decision = own.step(5)["acc"]
    assert (decision.level[0], decision.initialised[0], decision.deciding[0], decision.trusted) == (0, True, -1, {})
    assert own.step(None)["acc"].level[0] == 0
    own.reset()


# start-up


def test_it_is_initialised_once_every_signal_was_seen_though_never_together():
    own = kernel(RADAR, V2V)
    own.seen.see("front.distance", 30.0, 0)
    assert not own.step(0)["acc"].initialised[0]
    own.seen.forget("front.distance")
    own.seen.see("lead.message", 0.0, 10)
    assert own.step(10)["acc"].initialised[0]
    own.seen.forget("lead.message")
    assert own.step(20)["acc"].initialised[0]


def test_before_that_the_level_is_0_though_rules_may_hold():
    """Level 1 does not speak of the message, but the function does."""
    own = kernel(RADAR, V2V)
    assert levels_over(own, 0, 2 * S, message=False) == [0] * 20
    feed(own, 2 * S)
    # the rules of level 1 have held for 2 s, and the step that initialises already counts
    assert own.step(2 * S)["acc"].level[0] == 1


def test_what_only_other_functions_name_is_not_waited_for():
    own = Kernel(design(function("acc", RADAR), function("flight", V2V)), 1)
    own.seen.see("front.distance", 30.0, 0)
    decisions = own.step(0)
    assert (decisions["acc"].initialised[0], decisions["flight"].initialised[0]) == (True, False)


# time


def test_the_same_time_again_changes_nothing():
    own = kernel(RADAR)
    assert levels_over(own, 0, S) == [0] * 10
    for _ in range(3):
        assert own.step(900 * MS)["acc"].level[0] == 0
    feed(own, S)
    assert own.step(S)["acc"].level[0] == 1


def test_time_that_goes_backwards_restarts_the_dwell():
    own = kernel(RADAR)
    assert levels_over(own, 10 * S, 10 * S + 900 * MS) == [0] * 9
    assert levels_over(own, 5 * S, 6 * S + 100 * MS) == [0] * 10 + [1]


def test_time_that_goes_backwards_takes_no_level_away():
    own, now = at_level(1, RADAR)
    feed(own, now - 500 * MS)
    assert own.step(now - 500 * MS)["acc"].level[0] == 1


@pytest.mark.parametrize(
    "now", [None, "now", 1.0, nan, inf, True, 2**63, -(2**63), -(2**63) - 1, 10**400, [], object(), 1j]
)
def test_a_time_that_is_none_makes_all_data_unknown(now):
    own, last = at_level(2, RADAR, V2V)
    decision = own.step(now)["acc"]
    assert (decision.level[0], decision.previous[0], decision.deciding[0]) == (0, 2, 0)
    assert not any(trusted.any() for trusted in decision.trusted.values())
    assert own.first_cause("acc").time[0] == last
    assert own.explain("acc", 0, 2, 0) == "LoS 2 → 0: the time that the kernel was given is no time"
    # the rules have to hold for the dwell anew
    assert levels_over(own, last + 100 * MS, last + 1300 * MS) == [0] * 10 + [1, 2]


def test_a_first_step_without_a_time():
    own = kernel(RADAR)
    assert own.step(None)["acc"].level[0] == 0
    assert own.first_cause("acc").time[0] == ABSENT


@pytest.mark.parametrize("now", [ABSENT + 1, -(2**62), LATEST - 2 * S])
def test_any_time_that_int64_holds_is_a_time(now):
    own = kernel(RADAR)
    feed(own, now)
    own.step(now)
    feed(own, now + S)
    assert own.step(now + S)["acc"].level[0] == 1


def test_a_step_over_all_of_int64():
    own = kernel(RADAR)
    feed(own, ABSENT + 1)
    own.step(ABSENT + 1)
    feed(own, LATEST)
    assert own.step(LATEST)["acc"].level[0] == 1


@pytest.mark.parametrize("now", [np.int64(5), np.int32(5), np.uint8(5)])
def test_a_numpy_integer_is_a_time(now):
    own = kernel(RADAR)
    own.seen.see("front.distance", 30.0, 5)
    assert own.step(now)["acc"].trusted["front.distance"][0]


# safe sets


def test_it_rises_only_into_the_safe_set_of_the_next_level():
    own = kernel(RADAR, V2V)
    assert levels_over(own, 0, S) == [0] * 10
    feed(own, S)
    unsafe = {"acc": np.array([[True], [False], [True]])}
    safe = {"acc": np.array([[False], [True], [False]])}
    assert own.step(S, unsafe)["acc"].level[0] == 0
    assert own.step(S, safe)["acc"].level[0] == 1
    assert own.step(S, safe)["acc"].level[0] == 1


@pytest.mark.parametrize(
    "safe",
    [
        {},
        {"flight": np.ones((2, 1), dtype=bool)},
        {"acc": None},
        {"acc": True},
        {"acc": [[True], [True]]},
        {"acc": np.ones((1, 1), dtype=bool)},
        {"acc": np.ones((2, 2), dtype=bool)},
        {"acc": np.ones(2, dtype=bool)},
        {"acc": np.ones((2, 1), dtype=int)},
        {"acc": np.ones((2, 1))},
        {"acc": np.ma.masked_array(np.ones((2, 1), dtype=bool))},
        5,
        "acc",
        [],
        np.ones((2, 1), dtype=bool),
    ],
    ids=lambda safe: " ".join(repr(safe).split()),
)
def test_a_safe_set_that_cannot_be_read_is_safe_nowhere(safe):
    own = kernel(RADAR)
    assert levels_over(own, 0, S) == [0] * 10
    feed(own, S)
    assert own.step(S, safe)["acc"].level[0] == 0
    assert own.step(S)["acc"].level[0] == 1


# deciding rule, trust, first cause


def test_the_deciding_rule_blocks_now_or_decided_the_last_downgrade():
    own = kernel(RADAR, V2V)
    feed(own, 0, message=False)
    own.seen.see("lead.message", 0.0, -S)
    assert own.step(0)["acc"].deciding[0] == -1
    own.seen.forget("front.distance")
    assert own.step(1)["acc"].deciding[0] == 0
    feed(own, 2)
    # nothing blocks, it only waits for its dwell, and there was no downgrade yet
    assert own.step(2)["acc"].deciding[0] == -1
    own, now = at_level(2, RADAR, V2V)
    assert own.step(now)["acc"].deciding[0] == -1
    feed(own, now, validity=0.5)
    assert own.step(now)["acc"].deciding[0] == 0
    feed(own, now)
    assert own.step(now)["acc"].deciding[0] == 0


def test_at_the_highest_level_nothing_blocks():
    own, now = at_level(1, RADAR)
    assert own.step(now)["acc"].deciding[0] == -1


def test_trust_is_in_signals_whose_own_rules_are_all_certain():
    own = kernel(RADAR, [*V2V, "within(own.speed, 0, 30) or alive(perception)"], ["spread(front.distance) <= 1"])
    feed(own, 0)
    trusted = own.step(0)["acc"].trusted
    assert {name: bool(each[0]) for name, each in trusted.items()} == {
        "front.distance": True,
        "lead.message": True,
        # no rule speaks of it alone, so nothing vouches for it
        "own.speed": False,
    }
    own.seen.see("front.distance", 30.0, 1, 1.0, spread=2.0)
    assert not own.step(1)["acc"].trusted["front.distance"][0]


def test_the_first_cause_stays_after_recovery():
    own, now = at_level(2, RADAR, V2V)
    assert (own.first_cause("acc").rule[0], own.first_cause("acc").time[0]) == (-1, ABSENT)
    feed(own, now + 1, message=False)
    own.step(now + 1)
    feed(own, now + 2, validity=0.1)
    own.step(now + 2)
    assert levels_over(own, now + 3, now + 3 * S)[-1] == 2
    assert (own.first_cause("acc").rule[0], own.first_cause("acc").time[0]) == (2, now + 1)


def test_start_up_is_no_downgrade():
    own = kernel(RADAR)
    for now in range(0, S, 100 * MS):
        own.step(now)
    assert own.first_cause("acc").rule[0] == -1


def test_reset_puts_the_rows_of_its_mask_into_state_init():
    own, now = at_level(2, RADAR, V2V, rows=2)
    feed(own, now, message=False)
    own.step(now)
    own.reset(np.array([True, False]))
    feed(own, now)
    decision = own.step(now)["acc"]
    assert decision.level.tolist() == [0, 1]
    assert decision.previous.tolist() == [0, 1]
    assert own.first_cause("acc").rule.tolist() == [-1, 2]
    assert own.first_cause("acc").time.tolist() == [ABSENT, now]
    assert levels_over(own, now + 100 * MS, now + 1200 * MS) == [0] * 9 + [1, 2]


def test_reset_forgets_that_a_signal_was_seen():
    own = kernel(RADAR)
    feed(own, 0)
    assert own.step(0)["acc"].initialised[0]
    own.seen.forget("front.distance")
    own.reset()
    assert not own.step(1)["acc"].initialised[0]


@pytest.mark.parametrize("mask", [None, "all", [True, False, True], 1])
def test_reset_refuses_a_mask_that_does_not_fit(mask):
    with pytest.raises(ValueError, match="Boolean mask of 2 rows"):
        kernel(RADAR, rows=2).reset(mask)


# snapshot


def test_a_restored_kernel_goes_on_as_if_nothing_had_been():
    own, now = at_level(1, RADAR, V2V, PLATOON)
    feed(own, now + 1, message=False)
    own.step(now + 1)
    saved = own.snapshot()
    expected = levels_over(own, now + 2, now + 3 * S)
    other = kernel(RADAR, V2V, PLATOON)
    other.restore(saved)
    assert levels_over(other, now + 2, now + 3 * S) == expected
    assert other.first_cause("acc") is not own.first_cause("acc")
    for name, array in own.snapshot().items():
        np.testing.assert_array_equal(array, other.snapshot()[name], err_msg=name)


def test_what_a_snapshot_holds_has_names_that_last():
    """One that was put away must be found again."""
    names = {
        "level",
        "previous",
        "initialised",
        "deciding",
        "downgraded_by",
        "first_cause.rule",
        "first_cause.time",
        "held",
        "holds_since",
        "trusted.front.distance",
    }
    saved = at_level(1, RADAR)[0].snapshot()
    assert {name.removeprefix("function.acc.") for name in saved if name.startswith("function.")} == names
    seen = {"value", "validity", "spread", "time", "clock_offset", "beats", "cooperation"}
    assert {name for name in saved if not name.startswith("function.")} == {
        "now",
        "distrusted",
        "ever",
        *(f"seen.{name}" for name in seen),
    }


def test_a_snapshot_is_a_copy():
    own, now = at_level(1, RADAR)
    saved = own.snapshot()
    own.seen.forget("front.distance")
    own.step(now + 1)
    assert saved["function.acc.level"].tolist() == [1]
    assert saved["now"] == now


def test_a_snapshot_of_another_kernel_is_refused_and_changes_nothing():
    own, _ = at_level(1, RADAR)
    before = own.snapshot()
    wrong = [
        {},
        Kernel(design(function("flight", RADAR)), 1).snapshot(),
        kernel(RADAR, rows=2).snapshot(),
        {**before, "seen.value": before["seen.value"].astype(np.float32)},
        {**before, "seen.value": before["seen.value"].tolist()},
    ]
    for snapshot in wrong:
        with pytest.raises(ValueError, match=r"^the snapshot is of another [a-z ]+(: [a-z.]+)?$"):
            own.restore(snapshot)
    for name, array in own.snapshot().items():
        np.testing.assert_array_equal(array, before[name])


# robustness and size

anything = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=3),
    st.complex_numbers(),
    st.lists(st.one_of(st.floats(), st.integers(), st.none()), max_size=3),
    st.sampled_from([np.zeros(2), np.zeros((2, 2)), np.array(["a"]), np.array([1, 2**63], dtype=np.uint64), 10**400]),
)


@given(st.lists(st.tuples(*[anything] * 8), max_size=5))
def test_whatever_is_seen_the_kernel_decides(calls):
    own = kernel(RADAR, V2V, PLATOON, rows=2)
    feed(own, 0)
    for value, time, validity, spread, offset, mask, now, safe in calls:
        own.seen.see("front.distance", value, time, validity, spread, offset)
        own.seen.see(mask if isinstance(mask, str) else "lead.message", time, value)
        own.seen.beat("perception", time, mask)
        own.seen.agree("lead", value)
        decision = own.step(now, {"acc": safe})["acc"]
        assert decision.level.dtype == np.int8
        assert ((decision.level >= 0) & (decision.level <= 3)).all()


def test_decisions_belong_to_the_kernel_and_no_step_replaces_them():
    own, now = at_level(1, RADAR)
    first = own.step(now)
    level = first["acc"].level
    own.seen.forget("front.distance")
    assert own.step(now + 1) is first
    assert first["acc"].level is level
    assert level.tolist() == [0]


def test_a_row_is_the_same_alone_and_among_many():
    """Nothing of one row reaches another, in blocks of one signal (many rows) or of all (few)."""
    rows = 3000
    draw = np.random.default_rng(5)
    many, alone = kernel(RADAR, V2V, PLATOON, rows=rows), kernel(RADAR, V2V, PLATOON)
    for now in range(0, 4 * S, 100 * MS):
        validity = draw.choice([0.9, 0.7, nan], rows, p=[0.97, 0.02, 0.01])
        time = now - draw.choice([0, 200 * MS, 400 * MS], rows, p=[0.9, 0.07, 0.03])
        agreed = draw.choice([2, 1, -1], rows, p=[0.9, 0.05, 0.05])
        for own, row in ((many, slice(None)), (alone, slice(1234, 1235))):
            own.seen.see("front.distance", 30.0, now, validity[row])
            own.seen.see("lead.message", 0.0, time[row])
            own.seen.beat("perception", now)
            own.seen.agree("lead", agreed[row])
        many_decision, decision = many.step(now)["acc"], alone.step(now)["acc"]
        assert many_decision.level[1234] == decision.level[0]
        assert many_decision.deciding[1234] == decision.deciding[0]


def test_the_state_before_the_first_step():
    """Types are promised, because states are kept and travel; -1: no rule."""
    state = kernel(RADAR, V2V).snapshot()
    function = {name.removeprefix("function.acc."): array for name, array in state.items() if name.startswith("func")}
    assert {name: (array.dtype, set(array.flat)) for name, array in function.items()} == {
        "level": (np.int8, {0}),
        "previous": (np.int8, {0}),
        "initialised": (np.bool_, {False}),
        "deciding": (np.int16, {-1}),
        "downgraded_by": (np.int16, {-1}),
        "first_cause.rule": (np.int16, {-1}),
        "first_cause.time": (np.int64, {ABSENT}),
        "held": (np.bool_, {False}),
        "holds_since": (np.int64, {0}),
        "trusted.front.distance": (np.bool_, {False}),
        "trusted.lead.message": (np.bool_, {False}),
    }
    assert (state["now"].dtype, state["now"]) == (np.int64, ABSENT)
    assert (state["distrusted"].dtype, state["distrusted"]) == (np.bool_, False)


@pytest.mark.parametrize("rows", [-1, None, 1.5, "2"])
def test_rows_are_a_number_of_rows(rows):
    with pytest.raises((ValueError, TypeError)):
        kernel(RADAR, rows=rows)


# words


def why(rule, **data):
    """What is said against one rule over the data of `feed`, at 10 s, changed by `see` arguments of one signal."""
    own = Kernel(design(function("acc", [rule])), 1)
    feed(own, 10 * S)
    own.step(10 * S)
    signal, beat, agreed = data.pop("signal", "front.distance"), data.pop("beat", None), data.pop("agreed", None)
    if data:
        own.seen.see(signal, **({"value": 30.0, "time": 10 * S} | data))
    if beat is not None:
        own.seen.beat("perception", beat)
    if agreed is not None:
        own.seen.agree("lead", agreed)
    own.step(10 * S)
    return own.explain("acc", 0, 0, 0).removeprefix("LoS 0: ")


SAID = [
    ("validity(front.distance) >= 0.8", {"validity": 0.79}, "validity of front.distance 0.79 < 0.80"),
    ("validity(front.distance) >= 0.8", {"validity": 0.7999}, "validity of front.distance 0.7999 < 0.8000"),
    ("validity(front.distance) >= 0.805", {"validity": 0.5}, "validity of front.distance 0.500 < 0.805"),
    (
        "validity(front.distance) >= 0.8",
        {"validity": np.nextafter(0.8, 0)},
        "validity of front.distance 0.7999999999999999 < 0.8",
    ),
    (
        "validity(front.distance) >= 0.8",
        {"validity": 0.799999999999999},
        "validity of front.distance 0.799999999999999 < 0.800000000000000",
    ),
    ("validity(front.distance) >= 0.8", {"validity": 0.0}, "validity of front.distance 0.00 < 0.80"),
    ("not validity(front.distance) >= 0.8", {"validity": 1.0}, "validity of front.distance 1.00 ≥ 0.80"),
    ("not validity(front.distance) >= 0.8", {"validity": 0.8}, "validity of front.distance 0.80 ≥ 0.80"),
    ("not validity(front.distance) >= 0.8", {"validity": 0.801}, "validity of front.distance 0.801 ≥ 0.800"),
    ("validity(front.distance) >= 0.8", {"validity": 1.5}, "validity of front.distance unknown (not from 0 to 1)"),
    ("age(front.distance) <= 300 ms", {"time": 9660 * MS}, "age of front.distance 340 ms > 300 ms"),
    ("age(front.distance) <= 300 ms", {"time": 9699_600_000}, "age of front.distance 300.4 ms > 300.0 ms"),
    ("age(front.distance) <= 300 ms", {"time": 8 * S}, "age of front.distance 2.00 s > 0.30 s"),
    ("not age(front.distance) <= 300 ms", {"time": 9900 * MS}, "age of front.distance 100 ms ≤ 300 ms"),
    ("age(front.distance) <= 1 s", {"time": 8700 * MS}, "age of front.distance 1.30 s > 1.00 s"),
    ("not age(front.distance) <= 1 s", {"time": 9500 * MS}, "age of front.distance 0.50 s ≤ 1.00 s"),
    ("age(front.distance) <= 300 ms", {"time": ABSENT}, "age of front.distance unknown (no measurement)"),
    ("age(front.distance) <= 300 ms", {"value": nan}, "age of front.distance unknown (its value is no number)"),
    (
        "age(front.distance) <= 300 ms",
        {"time": 10_020 * MS},
        "age of front.distance unknown (its time is 20 ms in the future)",
    ),
    (
        "age(front.distance) <= 300 ms",
        {"clock_offset": inf},
        "age of front.distance unknown (no bound on the offset of its clock)",
    ),
    ("spread(front.distance) <= 0.5", {"spread": 0.75}, "spread of front.distance 0.8 m > 0.5 m"),
    ("spread(front.distance) <= 0.5", {"spread": 1e300}, "spread of front.distance 1e+300 m > 0.5 m"),
    ("spread(front.distance) <= 0.25", {"spread": 1e9}, "spread of front.distance 1000000000.0 m > 0.25 m"),
    *(
        (
            "spread(front.distance) <= 0.5",
            {"spread": spread},
            "spread of front.distance unknown (not a finite number of at least 0)",
        )
        for spread in (nan, inf, -1.0)
    ),
    ("not spread(front.distance) <= 0.5", {"spread": 0.0}, "spread of front.distance 0.0 m ≤ 0.5 m"),
    ("within(own.speed, 0, 36 km/h)", {"signal": "own.speed", "value": 20.0}, "own.speed 20.0 m/s > 10.0 m/s"),
    ("within(own.speed, 5, 30)", {"signal": "own.speed", "value": 2.0}, "own.speed 2.0 m/s < 5.0 m/s"),
    (
        "within(own.speed, 0, 30)",
        {"signal": "own.speed", "time": ABSENT},
        "value of own.speed unknown (no measurement)",
    ),
    (
        "not within(own.speed, 0, 30)",
        {"signal": "own.speed", "value": 20.0},
        "own.speed 20.0 m/s ≥ 0.0 m/s and 20.0 m/s ≤ 30.0 m/s",
    ),
    ("alive(perception)", {"beat": 9840 * MS}, "perception gave no heartbeat for 160 ms > 150 ms"),
    ("alive(perception)", {"beat": 10_001 * MS}, "the heartbeat of perception is 1 ms in the future"),
    ("alive(perception)", {"beat": ABSENT}, "perception never gave a heartbeat"),
    ("not alive(perception)", {"beat": 9900 * MS}, "perception gave a heartbeat 100 ms ≤ 150 ms ago"),
    ("cooperation(lead) >= 2", {"agreed": 1}, "cooperation of lead 1 < 2"),
    ("cooperation(lead) >= 2", {"agreed": 0}, "cooperation of lead 0 < 2"),
    ("not cooperation(lead) >= 2", {"agreed": 3}, "cooperation of lead 3 ≥ 2"),
    ("cooperation(lead) >= 2", {"agreed": -1}, "lead has agreed to nothing"),
    (
        "alive(perception) and age(front.distance) <= 300 ms",
        {"time": 9660 * MS},
        "age of front.distance 340 ms > 300 ms",
    ),
    (
        "cooperation(lead) >= 3 or age(front.distance) <= 300 ms",
        {"time": 9660 * MS},
        "cooperation of lead 2 < 3 and age of front.distance 340 ms > 300 ms",
    ),
    ("not (alive(perception) or cooperation(lead) >= 3)", {}, "perception gave a heartbeat 0 ms ≤ 150 ms ago"),
    ("cooperation(lead) >= 3 and cooperation(lead) >= 4", {}, "cooperation of lead 2 < 3"),
    ("not (alive(perception) or cooperation(lead) >= 2)", {}, "perception gave a heartbeat 0 ms ≤ 150 ms ago"),
    (
        "not (alive(perception) and cooperation(lead) >= 2)",
        {},
        "perception gave a heartbeat 0 ms ≤ 150 ms ago and cooperation of lead 2 ≥ 2",
    ),
    (
        "at_least(2, alive(perception), cooperation(lead) >= 3, cooperation(lead) >= 4)",
        {},
        "1 of 3 hold, 2 needed: cooperation of lead 2 < 3 and cooperation of lead 2 < 4",
    ),
    (
        "at_least(1, cooperation(lead) >= 3, cooperation(lead) >= 4, cooperation(lead) >= 5)",
        {},
        "cooperation of lead 2 < 3 and cooperation of lead 2 < 4 and cooperation of lead 2 < 5",
    ),
    (
        "not at_least(1, alive(perception), cooperation(lead) >= 1, cooperation(lead) >= 4)",
        {},
        "perception gave a heartbeat 0 ms ≤ 150 ms ago",
    ),
    (
        "not at_least(2, alive(perception), cooperation(lead) >= 1, cooperation(lead) >= 4)",
        {},
        "1 of 3 hold, 2 needed: perception gave a heartbeat 0 ms ≤ 150 ms ago and cooperation of lead 2 ≥ 1",
    ),
]


@pytest.mark.parametrize(("rule", "data", "words"), SAID, ids=[said[0] for said in SAID])
def test_the_reason_names_input_value_and_limit(rule, data, words):
    assert why(rule, **data) == words


def test_a_number_without_a_unit_is_shown_without_one():
    own = Kernel(design(function("acc", ["within(own.speed, 0, 1)"])), 1)
    own.seen.see("own.speed", 2.0, 0)
    row = Row(own.seen, 0, frozenset(["own.speed"]), {"own.speed": "1"})
    assert reason(Within("own.speed", 0.0, 1.0), row) == "own.speed 2.0 > 1.0"


def test_a_signal_that_was_never_seen_is_called_so():
    own = kernel(RADAR)
    own.step(0)
    assert own.explain("acc", 0, 0, 0) == "LoS 0: front.distance was never seen"


def test_a_downgrade_is_explained_by_the_rule_that_decided_it():
    own, now = at_level(2, RADAR, V2V)
    for later in (100, 200, 300, 340):
        own.seen.see("front.distance", 30.0, now + later * MS)
        own.step(now + later * MS)
    assert own.explain("acc", 0, 2, 1) == "LoS 2 → 1: age of lead.message 340 ms > 300 ms"


def test_an_upgrade_is_explained_by_how_long_the_rules_held():
    own = kernel(RADAR, V2V)
    # the message comes back at 5.7 s, and level 2 counts from then on
    levels_over(own, 5 * S, 5700 * MS, message=False)
    assert levels_over(own, 5700 * MS, 6100 * MS) == [0, 0, 0, 1]
    assert levels_over(own, 6100 * MS, 6800 * MS)[-2:] == [1, 2]
    assert own.explain("acc", 0, 0, 1) == "LoS 0 → 1: rules of LoS 1 held for 1.7 s"
    assert own.explain("acc", 0, 1, 2) == "LoS 1 → 2: rules of LoS 2 held for 1 s"


def test_newer_data_is_not_blamed():
    own, now = at_level(1, RADAR)
    feed(own, now, validity=0.5)
    own.step(now)
    feed(own, now)
    assert own.explain("acc", 0, 1, 0) == "LoS 1 → 0: validity(front.distance) >= 0.8 did not hold"


def test_where_nothing_blocks_no_rule_is_named():
    own, _ = at_level(1, RADAR)
    assert own.explain("acc", 0, 1, 1) == "LoS 1: no rule decided this"


def test_where_there_is_no_upper_level_nothing_was_held():
    own = Kernel(design(function("acc")), 3)
    nowhere = np.zeros(2, dtype=np.int64)
    assert own.causes("acc", np.array([2, 0]), nowhere, nowhere).held_since.tolist() == [0, 0]


@given(st.integers(0, 10**12), st.lists(st.integers(ABSENT, 10**12), min_size=4, max_size=4))
def test_what_a_decision_rests_on_is_the_same_at_another_time(now, times):
    """As if it were 0: what is present, ages, heartbeats."""
    own = kernel(RADAR, V2V, PLATOON)
    signals = ("front.distance", "lead.message", "own.speed")
    for signal, time in zip(signals, times, strict=False):
        own.seen.see(signal, 1.0, time)
    own.seen.beat("perception", times[-1])
    own.step(now)
    moved = own.causes_of("acc", own.basis("acc").at(np.array([now])), np.array([0]), np.array([0]), 0).seen
    for signal in signals:
        age, as_moved = own.seen.age(signal, now)[0], moved.age(signal, 0)[0]
        assert moved.present(signal, 0) == own.seen.present(signal, now)
        assert as_moved == age or (age > 1e9 and as_moved == pytest.approx(age, rel=1e-6))
    assert verdict(Alive("perception"), moved, 0) == verdict(Alive("perception"), own.seen, now)


def test_rows_are_explained_one_by_one():
    own, now = at_level(1, RADAR, rows=2)
    own.seen.see("front.distance", 30.0, now, np.array([0.25, 0.5]))
    own.step(now)
    assert own.explain("acc", 1, 1, 0) == "LoS 1 → 0: validity of front.distance 0.50 < 0.80"
    with pytest.raises(IndexError):
        own.explain("acc", 2, 1, 0)
    with pytest.raises(KeyError):
        own.explain("flight", 0, 1, 0)


finite = st.floats(allow_nan=False, allow_infinity=False)


@given(finite, finite, finite)
def test_no_comparison_that_is_shown_is_false(value, one, other):
    """However close a value is to its limit, the numbers shown compare as the sign between them says."""
    low, high = sorted((one, other))
    rule = Within("own.speed", low, high)
    own = Kernel(design(Function("acc", (Level("stop"), Level("go", (rule, Not(rule), Alive("perception")))))), 1)
    own.seen.see("own.speed", value, 0)
    row = Row(own.seen, 0, frozenset(["own.speed"]), {"own.speed": "m/s"})
    inside = low <= value <= high
    words = reason(Not(rule) if inside else rule, row).replace("m/s", "").removeprefix("own.speed").split(" and ")
    for found, sign, limit in (shown.split() for shown in words):
        compare = {"<": float.__lt__, ">": float.__gt__, "≤": float.__le__, "≥": float.__ge__}[sign]
        assert compare(float(found), float(limit))


def test_a_time_is_told_to_the_nanosecond():
    """And no finer: what lies below it is rounding."""
    assert held_for(1, 1.0000000004) == "rules of LoS 1 held for 1 s"
