"""What the kernel takes for a fact: truth tables of every term, and junk that must not become a measurement."""

from math import inf, nan

import numpy as np
import pytest

from karyon.kernel import ABSENT, Not, SafetyInformation, parse, verdict
from karyon.kernel.design import Component, Design, Function, Level, Signal
from karyon.kernel.formula import generate
from karyon.kernel.runtime import LATEST, Now, freshness, time_or_none
from karyon.kernel.timing import Timing

MS = 1_000_000
NOW = 1_763_932_422_123_456_789
TRUE, FALSE, UNKNOWN = "true", "false", "unknown"
OPPOSITE = {TRUE: FALSE, FALSE: TRUE, UNKNOWN: UNKNOWN}
SIGNALS = ("front.distance", "own.speed")


def design(rule=None):
    levels = (Level("stop"),) if rule is None else (Level("stop"), Level("go", (rule,)))
    return Design(
        name="one",
        signals=tuple(Signal(name, "m") for name in SIGNALS),
        components=(Component("perception", 0.15), Component("radio", 0.3)),
        peers=("lead", "leader"),
        functions=(Function("acc", levels),),
        timing=Timing(0.02, 0.02, 0.02, 0.002, 0.05),
    )


def information(rows=1):
    return SafetyInformation(design(), rows)


def by_interpreter(rule, seen, now):
    found = verdict(rule, seen, now)
    assert not (found.certain & ~found.possible).any()
    return {(True, True): TRUE, (False, True): UNKNOWN, (False, False): FALSE}[found.certain[0], found.possible[0]]


def by_formula(rule, seen, now):
    """The generated formula gives what is certain only, so it is asked for the rule and for its negation."""
    fresh = freshness(seen, Now.at(now))
    holds = [admitted(each, seen, fresh) for each in (rule, Not(rule))]
    return {(True, False): TRUE, (False, True): FALSE, (False, False): UNKNOWN}[tuple(holds)]


def admitted(rule, seen, fresh):
    formula = generate(design(rule).functions[0], design(rule))
    sources = {**vars(seen), **fresh._asdict()}
    admissible, *_ = formula.admit(*(sources[quantity][index] for quantity, index in formula.inputs))
    return bool(admissible[0] == 1)


def assert_truth(written, seen, now, expected):
    """Interpreter and formula agree on `expected`, and on its opposite for the negated rule."""
    for each, truth in ((written, expected), (f"not ({written})", OPPOSITE[expected])):
        rule = parse(each)
        assert by_interpreter(rule, seen, now) == truth
        assert by_formula(rule, seen, now) == truth


# what is written with `see`, the rest as in a good measurement taken at NOW
GOOD = {"value": 30.0, "time": NOW, "validity": 0.9, "spread": 0.5, "clock_offset": 0.0}
ABOVE_1 = np.nextafter(1.0, 2.0)

NO_MEASUREMENT = [
    {"value": nan},
    {"value": inf},
    {"value": -inf},
    {"time": ABSENT},
    {"time": NOW + 1},
    {"time": LATEST},
    {"time": NOW + 10 * MS + 1, "clock_offset": 0.01},
    {"clock_offset": nan},
    {"clock_offset": inf},
    {"clock_offset": -inf},
    {"clock_offset": -1e-9},
    {"clock_offset": -5e-324},
]


@pytest.mark.parametrize("written", NO_MEASUREMENT, ids=str)
@pytest.mark.parametrize(
    "rule",
    [
        "validity(front.distance) >= 0",
        "validity(front.distance) >= 0.8",
        "age(front.distance) <= 1000000 s",
        "spread(front.distance) <= 1e300",
        "within(front.distance, -1e300, 1e300)",
    ],
)
def test_no_term_is_known_without_a_measurement(rule, written):
    seen = information()
    assert seen.see("front.distance", **(GOOD | written))
    assert_truth(rule, seen, NOW, UNKNOWN)
    assert not seen.present("front.distance", NOW)[0]
    assert seen.age("front.distance", NOW)[0] == inf


@pytest.mark.parametrize(
    "rule", ["validity(own.speed) >= 0", "age(own.speed) <= 1 s", "spread(own.speed) <= 1", "within(own.speed, 0, 1)"]
)
def test_nothing_is_known_at_the_start(rule):
    assert_truth(rule, information(), NOW, UNKNOWN)


@pytest.mark.parametrize(
    ("minimum", "validity", "expected"),
    [
        (0.8, 0.8, TRUE),
        (0.8, np.nextafter(0.8, 0), FALSE),
        (0.8, 1.0, TRUE),
        (0.8, 0.0, FALSE),
        (0.8, -0.0, FALSE),
        (0.8, ABOVE_1, UNKNOWN),
        (0.8, -5e-324, UNKNOWN),
        (0.8, nan, UNKNOWN),
        (0.8, inf, UNKNOWN),
        (0.8, -inf, UNKNOWN),
        (0.0, 0.0, TRUE),
        (0.0, -5e-324, UNKNOWN),
        (1.0, 1.0, TRUE),
        (1.0, ABOVE_1, UNKNOWN),
    ],
)
def test_validity(minimum, validity, expected):
    seen = information()
    seen.see("front.distance", **(GOOD | {"validity": validity}))
    assert_truth(f"validity(front.distance) >= {minimum}", seen, NOW, expected)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ({"time": NOW}, TRUE),
        ({"time": NOW - 375 * MS}, TRUE),
        ({"time": NOW - 375 * MS - 1}, FALSE),
        ({"time": 0}, FALSE),
        ({"time": -1}, FALSE),
        ({"time": ABSENT + 1}, FALSE),
        ({"time": NOW - 250 * MS, "clock_offset": 0.125}, TRUE),
        ({"time": NOW - 250 * MS - 1, "clock_offset": 0.125}, FALSE),
        ({"time": NOW, "clock_offset": 0.375}, TRUE),
        ({"time": NOW, "clock_offset": np.nextafter(0.375, 1)}, FALSE),
        ({"time": NOW + 125 * MS, "clock_offset": 0.125}, TRUE),
        ({"time": NOW + 125 * MS, "clock_offset": 0.5}, TRUE),
        ({"time": NOW + 124 * MS, "clock_offset": 0.5}, FALSE),
        ({"clock_offset": 1e308}, FALSE),
        ({"validity": nan}, TRUE),
        ({"validity": 0.0, "spread": nan}, TRUE),
    ],
)
def test_age(written, expected):
    """Measured at most 375 ms ago; the bound on the clock offset is added, and forgives a future that small.

    Offsets are multiples of 1/8 s, so that the sum is exact.
    """
    seen = information()
    seen.see("front.distance", **(GOOD | written))
    assert_truth("age(front.distance) <= 375 ms", seen, NOW, expected)


@pytest.mark.parametrize("limit", [50, 100, 150, 200, 250, 300, 350, 500, 700, 1100])
def test_a_limit_in_ms_is_met_to_the_nanosecond(limit):
    """Dividing by 1e9 rounds once: 300_000_000 ns is the limit of 300 ms and not a bit above it."""
    seen = information()
    for late, expected in ((0, TRUE), (1, FALSE)):
        seen.see("front.distance", 1.0, NOW - limit * MS - late)
        assert_truth(f"age(front.distance) <= {limit} ms", seen, NOW, expected)


@pytest.mark.parametrize("now", [ABSENT + 1, -1, 0, LATEST])
@pytest.mark.parametrize("time", [ABSENT + 1, -1, 0, 1, LATEST])
def test_age_at_the_ends_of_int64_does_not_wrap_around(now, time):
    seen = information()
    seen.see("front.distance", 1.0, time)
    assert_truth(
        "age(front.distance) <= 292 s",
        seen,
        now,
        TRUE if 0 <= now - time <= 292e9 else FALSE if now > time else UNKNOWN,
    )


@pytest.mark.parametrize(
    ("spread", "expected"),
    [
        (0.0, TRUE),
        (0.5, TRUE),
        (np.nextafter(0.5, 1), FALSE),
        (1e308, FALSE),
        (-5e-324, UNKNOWN),
        (inf, UNKNOWN),
        (nan, UNKNOWN),
    ],
)
def test_spread(spread, expected):
    seen = information()
    seen.see("front.distance", **(GOOD | {"spread": spread}))
    assert_truth("spread(front.distance) <= 0.5", seen, NOW, expected)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (-1.0, TRUE),
        (np.nextafter(-1.0, -2), FALSE),
        (20.0, TRUE),
        (np.nextafter(20.0, 30), FALSE),
        (0.0, TRUE),
        (1e308, FALSE),
        (nan, UNKNOWN),
        (inf, UNKNOWN),
    ],
)
def test_within(value, expected):
    seen = information()
    seen.see("front.distance", **(GOOD | {"value": value, "validity": 0.0}))
    assert_truth("within(front.distance, -1, 20)", seen, NOW, expected)


@pytest.mark.parametrize(
    ("beat", "expected"),
    [
        (NOW, TRUE),
        (NOW - 150 * MS, TRUE),
        (NOW - 150 * MS - 1, FALSE),
        (0, FALSE),
        (ABSENT + 1, FALSE),
        (ABSENT, UNKNOWN),
        (NOW + 1, UNKNOWN),
        (LATEST, UNKNOWN),
        (None, UNKNOWN),
    ],
)
def test_alive(beat, expected):
    """Alive within the deadline of 150 ms; a heartbeat from the future says nothing."""
    seen = information()
    seen.beat("radio", NOW)
    seen.beat("perception", beat)
    assert_truth("alive(perception)", seen, NOW, expected)


@pytest.mark.parametrize(
    ("agreed", "expected"),
    [
        (2, TRUE),
        (127, TRUE),
        (1, FALSE),
        (0, FALSE),
        (-1, UNKNOWN),
        (-(2**63), UNKNOWN),
        (128, UNKNOWN),
        (258, UNKNOWN),
        (2**63, UNKNOWN),
        (None, UNKNOWN),
    ],
)
def test_cooperation(agreed, expected):
    seen = information()
    seen.agree("lead", agreed)
    assert_truth("cooperation(lead) >= 2", seen, NOW, expected)


def test_cooperation_with_level_0_needs_an_agreement():
    assert_truth("cooperation(lead) >= 0", information(), NOW, UNKNOWN)


# `alive(perception)` true, false or unknown, joined with the same of `alive(radio)`
THREE = (TRUE, FALSE, UNKNOWN)
BEATS = {TRUE: NOW, FALSE: 0, UNKNOWN: ABSENT}
AND = {(TRUE, TRUE): TRUE, **{(one, two): FALSE for one in THREE for two in THREE if FALSE in (one, two)}}
OR = {(FALSE, FALSE): FALSE, **{(one, two): TRUE for one in THREE for two in THREE if TRUE in (one, two)}}


@pytest.mark.parametrize("one", THREE)
@pytest.mark.parametrize("two", THREE)
@pytest.mark.parametrize(
    ("rule", "table"),
    [
        ("alive(perception) and alive(radio)", AND),
        ("at_least(2, alive(perception), alive(radio))", AND),
        ("alive(perception) or alive(radio)", OR),
        ("at_least(1, alive(perception), alive(radio))", OR),
    ],
)
def test_joined_terms_are_three_valued(rule, table, one, two):
    seen = information()
    seen.beat("perception", BEATS[one])
    seen.beat("radio", BEATS[two])
    assert_truth(rule, seen, NOW, table.get((one, two), UNKNOWN))


@pytest.mark.parametrize(
    ("sources", "expected"),
    [
        ((TRUE, TRUE, FALSE), TRUE),
        ((TRUE, TRUE, UNKNOWN), TRUE),
        ((TRUE, FALSE, UNKNOWN), UNKNOWN),
        ((TRUE, UNKNOWN, UNKNOWN), UNKNOWN),
        ((FALSE, FALSE, TRUE), FALSE),
        ((FALSE, FALSE, UNKNOWN), FALSE),
    ],
)
def test_two_of_three(sources, expected):
    seen = information()
    agreed = {TRUE: 2, FALSE: 0, UNKNOWN: -1}
    seen.beat("perception", BEATS[sources[0]])
    seen.beat("radio", BEATS[sources[1]])
    seen.agree("lead", agreed[sources[2]])
    assert_truth("at_least(2, alive(perception), alive(radio), cooperation(lead) >= 1)", seen, NOW, expected)


def test_the_same_term_twice_counts_twice():
    seen = information()
    seen.beat("radio", NOW)
    assert_truth("at_least(2, alive(radio), alive(radio))", seen, NOW, TRUE)


@pytest.mark.parametrize(
    "rule",
    [
        "age(ghost) <= 1",
        "validity(ghost) >= 0",
        "spread(ghost) <= 1",
        "within(ghost, 0, 1)",
        "alive(ghost)",
        "cooperation(ghost) >= 0",
    ],
)
def test_a_name_that_the_design_does_not_know_is_unknown(rule):
    assert by_interpreter(parse(rule), information(), NOW) == UNKNOWN
    assert information().age("ghost", NOW)[0] == inf


class Spiteful:
    """Raises something unexpected whatever is asked of it."""

    def __array__(self, *_, **__):
        raise RuntimeError("no")

    def __float__(self):
        raise RuntimeError("no")

    def __len__(self):
        raise RuntimeError("no")

    def __index__(self):
        raise RuntimeError("no")


ENDLESS: list = []
ENDLESS.append(ENDLESS)
JUNK = [
    None,
    "1.0",
    b"1",
    True,
    1j,
    object(),
    Spiteful(),
    [Spiteful(), 1.0],
    ENDLESS,
    {},
    {1.0},
    [[1.0, 2.0], [3.0]],
    [1.0, None],
    ["1", "2", "3"],
    np.zeros(2),
    np.zeros((3, 1)),
    np.zeros((1, 3)),
    np.zeros((0,)),
    np.array([True, False, True]),
    np.array([1j, 2, 3]),
    np.array(["a", "b", "c"]),
    np.array([1, 2, 3], dtype=object),
    np.array([1, 2, 3], dtype="m8[ns]"),
    np.array(["2026-11-24"] * 3, dtype="M8[ns]"),
    np.zeros(3, dtype=[("a", "f8")]),
    np.ma.masked_array([1.0, 2.0, 3.0], mask=[True, False, False]),
    np.ma.masked,
    np.ones(3, dtype=np.longdouble),
    10**400,
    -(10**30),
    [10**400, 1, 2],
]


@pytest.mark.parametrize("junk", JUNK, ids=lambda junk: type(junk).__name__)
@pytest.mark.parametrize("place", ["value", "time", "validity", "spread", "clock_offset"])
def test_junk_makes_a_signal_absent_in_all_rows(place, junk):
    seen = information(rows=3)
    assert seen.see("front.distance", **GOOD)
    assert seen.see("front.distance", **(GOOD | {place: junk})) is False
    assert not seen.present("front.distance", NOW).any()
    assert (seen.time[0] == ABSENT).all()


@pytest.mark.parametrize("time", [1.0, nan, np.array([1.0, 2.0, 3.0]), 2**63, -(2**63) - 1, np.float32(1.0)])
def test_a_time_is_an_integer_that_int64_holds(time):
    """A float cannot hold ns of today: it would be a measurement of another instant."""
    seen = information(rows=3)
    seen.see("front.distance", 1.0, time)
    assert not seen.present("front.distance", NOW).any()


@pytest.mark.parametrize("dtype", ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8", ">f8", ">i4"])
def test_numbers_of_any_width_are_taken(dtype):
    seen = information(rows=3)
    assert seen.see("front.distance", np.array([1, 2, 3], dtype=dtype), NOW)
    assert seen.value[0].tolist() == [1.0, 2.0, 3.0]


@pytest.mark.parametrize("given", [2, 2.0, np.int8(2), np.float32(2), np.array(2.0), [2], (2, 2, 2), np.array([2])])
def test_one_number_is_meant_for_all_rows(given):
    seen = information(rows=3)
    assert seen.see("front.distance", given, NOW)
    assert seen.value[0].tolist() == [2.0, 2.0, 2.0]


def test_unsigned_times_beyond_int64_are_absent_in_their_row():
    seen = information(rows=3)
    assert seen.see("front.distance", 1.0, np.array([NOW, LATEST, 2**63], dtype=np.uint64))
    assert seen.time[0].tolist() == [NOW, LATEST, ABSENT]


def test_what_is_left_out_is_as_good_as_can_be():
    seen = information()
    assert seen.see("front.distance", 1.0, NOW)
    assert (seen.validity[0, 0], seen.spread[0, 0], seen.clock_offset[0, 0]) == (1.0, 0.0, 0.0)
    assert seen.see_all(SIGNALS, np.ones((2, 1)), np.full((2, 1), NOW))
    assert (seen.validity[:2, 0].tolist(), seen.spread[:2, 0].tolist()) == ([1.0, 1.0], [0.0, 0.0])
    assert seen.clock_offset[:2, 0].tolist() == [0.0, 0.0]


def test_junk_of_one_signal_leaves_the_others():
    seen = information()
    for signal in SIGNALS:
        assert seen.see(signal, 1.0, NOW)
    assert not seen.see("front.distance", None, NOW)
    assert seen.present("own.speed", NOW).all()


SIGNALLING = [
    np.frombuffer(b"\x01\0\0\0\0\0\xf0\x7f" * 3, dtype="<f8"),
    np.frombuffer(b"\x01\0\x80\x7f" * 3, dtype="<f4"),
]


@pytest.mark.parametrize("given", SIGNALLING, ids=["f8", "f4"])
@pytest.mark.parametrize("place", ["value", "validity", "spread", "clock_offset"])
def test_a_signalling_nan_is_a_nan_and_nothing_warns(place, given):
    """Corrupted bytes can be one; warnings are errors in these tests."""
    seen = information(rows=3)
    assert seen.see("front.distance", **(GOOD | {place: given}))
    terms = ["validity({}) >= 0", "spread({}) <= 1", "age({}) <= 1 s", "within({}, 0, 99)"]
    rule = parse(" and ".join(terms).format(*["front.distance"] * 4))
    assert not verdict(rule, seen, NOW).certain.any()
    with np.errstate(invalid="ignore"):  # as a cycle of the kernel has it
        fresh = freshness(seen, Now.at(NOW))
    assert fresh.present[0].any() == (place in {"validity", "spread"})


def test_what_is_seen_is_a_copy():
    seen, values = information(rows=2), np.array([1.0, 2.0])
    seen.see("own.speed", values, NOW)
    values[:] = nan
    assert seen.value[1].tolist() == [1.0, 2.0]


@pytest.mark.parametrize("name", ["ghost", "", None, 3, [], b"own.speed"])
def test_names_that_the_design_does_not_know_are_ignored(name):
    seen = information()
    before = [array.copy() for array in (seen.value, seen.time, seen.beats, seen.cooperation)]
    assert not any((seen.see(name, 1.0, NOW), seen.forget(name), seen.beat(name, NOW), seen.agree(name, 2)))
    for old, new in zip(before, (seen.value, seen.time, seen.beats, seen.cooperation), strict=True):
        np.testing.assert_array_equal(old, new)


def test_what_is_forgotten_is_absent():
    seen = information()
    for signal in SIGNALS:
        seen.see(signal, **GOOD)
    assert seen.forget("front.distance")
    assert [bool(seen.present(signal, NOW)[0]) for signal in SIGNALS] == [False, True]


def test_a_heartbeat_reaches_only_the_rows_of_its_mask():
    seen = information(rows=3)
    assert seen.beat("perception", NOW)
    assert seen.beat("perception", np.array([1, 2, 3]), np.array([True, False, True]))
    assert seen.beats[0].tolist() == [1, NOW, 3]
    assert seen.beats[1].tolist() == [ABSENT] * 3


@pytest.mark.parametrize(
    "junk", [junk for junk in JUNK if not isinstance(junk, Spiteful)], ids=lambda junk: type(junk).__name__
)
def test_a_heartbeat_that_cannot_be_read_is_none(junk):
    seen = information(rows=3)
    seen.beat("perception", NOW)
    assert seen.beat("perception", junk) is False
    assert (seen.beats[0] == ABSENT).all()


@pytest.mark.parametrize("mask", [None, 1, "yes", np.array([1, 0, 1]), [True, False], [[True] * 3], nan])
def test_a_heartbeat_for_unreadable_rows_is_none(mask):
    seen = information(rows=3)
    seen.beat("perception", NOW)
    assert seen.beat("perception", NOW, mask) is False
    assert (seen.beats[0] == ABSENT).all()


@pytest.mark.parametrize("junk", JUNK, ids=lambda junk: type(junk).__name__)
def test_an_agreement_that_cannot_be_read_is_none(junk):
    seen = information(rows=3)
    assert seen.agree("lead", 2)
    assert seen.agree("lead", junk) is False
    assert (seen.cooperation[0] == -1).all()


def test_agreements_out_of_range_are_none_in_their_row():
    seen = information(rows=5)
    assert seen.agree("leader", np.array([0, 3, 127, 128, -5]))
    assert seen.cooperation[1].tolist() == [0, 3, 127, -1, -1]


@pytest.mark.parametrize(
    ("given", "time"),
    [
        (0, 0),
        (-5, -5),
        (np.int32(7), 7),
        (np.uint64(2**63), None),
        (LATEST, LATEST),
        (LATEST + 1, None),
        (ABSENT, None),
        (ABSENT + 1, ABSENT + 1),
        (True, None),
        (1.0, None),
        (None, None),
        ("1", None),
        (nan, None),
        (Spiteful(), None),
        (np.bool_(True), None),
    ],
    ids=lambda each: type(each).__name__,
)
def test_what_is_a_time(given, time):
    assert time_or_none(given) == time


@pytest.mark.parametrize("rows", [1, 7, 5000])
def test_freshness_is_presence_and_age_of_every_signal_and_component(rows):
    """Few rows are aged at once, many signal by signal: both are the plain presence and age."""
    draw = np.random.default_rng(7)
    seen = information(rows)
    for signal in SIGNALS:
        value = draw.choice([1.0, nan, inf], rows, p=[0.8, 0.1, 0.1])
        time = draw.choice([NOW, NOW + 5, NOW - 10**9, ABSENT, ABSENT + 1, LATEST], rows)
        seen.see(
            signal, value, time, 1.0, 0.0, draw.choice([0.0, 1e-8, -1.0, nan, inf], rows, p=[0.5, 0.3, 0.1, 0.05, 0.05])
        )
    seen.beat("perception", draw.choice([NOW, NOW + 1, 0, ABSENT, ABSENT + 1], rows))
    fresh = freshness(seen, Now.at(NOW))
    for index, signal in enumerate(SIGNALS):
        np.testing.assert_array_equal(fresh.present[index], seen.present(signal, NOW))
        np.testing.assert_array_equal(np.where(fresh.present[index], fresh.age[index], inf), seen.age(signal, NOW))
    np.testing.assert_array_equal(fresh.heard[0], (seen.beats[0] != ABSENT) & (seen.beats[0] <= NOW))
    np.testing.assert_array_equal(fresh.silence[0][seen.beats[0] == NOW], 0.0)


def test_some_rows_are_a_copy_of_their_own():
    seen = information(rows=3)
    seen.see("own.speed", np.array([1.0, 2.0, 3.0]), NOW)
    seen.agree("lead", [1, 2, 3])
    some = seen.of_rows(np.array([2, 1]))
    assert (some.rows, some.value[1].tolist(), some.cooperation[0].tolist()) == (2, [3.0, 2.0], [3, 2])
    some.see("own.speed", 9.0, NOW)
    assert seen.value[1].tolist() == [1.0, 2.0, 3.0]
    with pytest.raises(IndexError):
        seen.of_rows(np.array([3]))


def test_what_is_seen_before_anything_is_seen():
    """Types are promised, because states are kept and travel."""
    seen = information(rows=2)
    assert {name: (array.dtype, set(array.flat)) for name, array in vars(seen).items() if name in STATE} == {
        "time": (np.int64, {ABSENT}),
        "beats": (np.int64, {ABSENT}),
        "cooperation": (np.int8, {-1}),
        "deadlines": (np.float64, {0.15, 0.3}),
    }


STATE = ("time", "beats", "cooperation", "deadlines")


def test_several_signals_at_once_are_what_each_is_by_itself():
    """In any order, those unknown to the design left out, with numbers that are the same for all."""
    names, rows = (*reversed(SIGNALS), "elsewhere"), 3
    draw = np.random.default_rng(5)
    value, validity = draw.normal(size=(2, len(names), rows))
    value[0, 1], time = nan, draw.integers(0, NOW, (len(names), rows))
    each, together = information(rows), information(rows)
    for index, name in enumerate(names):
        each.see(name, value[index], time[index], validity[index], 0.5)
    assert together.see_all(names, value, time, validity, 0.5)
    for name, array in vars(each).items():
        np.testing.assert_array_equal(array, getattr(together, name))


@pytest.mark.parametrize("wrong", [None, 1.0, np.zeros((2, 3)), np.zeros((2, 4), dtype=np.int64)])
def test_several_signals_with_times_that_are_none_are_absent(wrong):
    seen = information(rows=3)
    names = list(SIGNALS)[:2]
    assert seen.see_all(names, np.ones((2, 3)), np.full((2, 3), NOW))
    assert not seen.see_all(names, np.ones((2, 3)), wrong)
    assert not any(seen.present(name, NOW).any() for name in names)


def test_one_of_several_signals_at_once_leaves_the_others():
    """Taken alone, and made absent alone."""
    seen = information(rows=3)
    assert seen.see_all(SIGNALS, np.ones((2, 3)), np.full((2, 3), NOW))
    assert seen.see_all([SIGNALS[1]], np.full((1, 3), 2.0), np.full((1, 3), NOW))
    assert seen.see_all([SIGNALS[0]], np.full((1, 3), 3.0), np.full((1, 3), NOW))
    assert seen.value[:2, 0].tolist() == [3.0, 2.0]
    assert not seen.see_all([SIGNALS[1]], np.full((1, 3), 2.0), None)
    assert [seen.present(name, NOW).all() for name in SIGNALS] == [True, False]
