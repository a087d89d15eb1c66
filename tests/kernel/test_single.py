"""A kernel of one row, which works with plain numbers, decides what one of many rows decides, by arrays."""

from itertools import product
from math import inf, isnan, nan, nextafter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from karyon.kernel import ABSENT, Design, Kernel, elementwise
from karyon.kernel.single import NUMBERS

LATEST = 2**63 - 1
EDGES = [0.0, -0.0, 1.0, 0.8, nextafter(0.8, 0.0), 0.5, -1.0, 50.0, nan, inf, -inf, 5e-324, 1e308]
MS = 1_000_000
DESIGN = Design.parse(
    {
        "name": "one row",
        "timing": dict.fromkeys(
            ("perception_period", "kernel_period", "kernel_execution", "control_period", "actuator_delay"), "10 ms"
        ),
        "components": {"perception": {"deadline": "50 ms"}},
        "peers": ["lead"],
        "signals": {name: {"unit": "m"} for name in "abc"},
        "functions": {
            "acc": {
                "levels": [
                    {"name": "stop"},
                    {
                        "name": "alone",
                        "dwell": "100 ms",
                        "rules": ["validity(a) >= 0.8", "age(a) <= 50 ms", "alive(perception)", "spread(b) <= 1 m"],
                    },
                    {
                        "name": "together",
                        "dwell": "0 ms",
                        "rules": [
                            "at_least(2, validity(a) >= 0.5, validity(b) >= 0.5, not validity(c) >= 0.5)",
                            "within(c, -1 m, 50 m) or cooperation(lead) >= 2",
                            "not (age(c) <= 10 ms and within(b, 0 m, 1 m))",
                        ],
                    },
                ]
            },
            "nothing": {"levels": [{"name": "stop"}]},
        },
    }
)

times = st.one_of(st.integers(0, 400), st.sampled_from([-(10**9), 10**9])).map(lambda ms: ms * MS) | st.sampled_from(
    [ABSENT, ABSENT + 1, -1, LATEST, LATEST - 1]
)
numbers = st.sampled_from(EDGES) | st.floats()
quantities = st.tuples(numbers, times, numbers, numbers, st.sampled_from([0.0, 0.005, nan, -1.0, inf]))
good = st.tuples(st.just(1.0), st.integers(0, 40).map(lambda age: -age), st.just(0.9), st.just(0.5), st.just(0.0))


@st.composite
def stories(draw):
    """Cycles: time, of each signal what is seen, of the component when it gave a heartbeat, what the peer agreed to."""
    now, story = 0, []
    for _ in range(draw(st.integers(1, 25))):
        now += draw(st.sampled_from([0, 10 * MS, 50 * MS, 200 * MS, -20 * MS]))
        seen = {}
        for name in "abc":
            value, time, *others = draw(st.one_of(good, good, good, quantities))
            seen[name] = value, (now + time * MS if time <= 0 and time > -41 else time), *others
        beat = draw(st.sampled_from([now, now, now - 50 * MS, now - 51 * MS, now + 1, LATEST, ABSENT]))
        story.append((now, seen, beat, draw(st.integers(-1, 3)), draw(st.lists(st.booleans(), min_size=3, max_size=3))))
    return story


@pytest.mark.parametrize("formula", [elementwise.minimum, elementwise.maximum])
def test_of_two_numbers_it_is_what_it_is_of_arrays(formula):
    for one, other in product([*EDGES, 3, -3, LATEST], repeat=2):
        found, expected = NUMBERS[formula](one, other), formula(one, other)
        np.testing.assert_array_equal(found, expected)
        assert np.signbit(found) == np.signbit(expected) or isnan(found)


@given(stories())
@settings(deadline=None)
def test_one_row_alone_has_the_state_of_one_of_many(story):
    alone, many = Kernel(DESIGN, 1), Kernel(DESIGN, 3)
    for now, seen, beat, agreed, is_safe in story:
        for kernel in (alone, many):
            for name, (value, time, validity, spread, offset) in seen.items():
                kernel.seen.see(name, value, time, validity, spread, offset)
            kernel.seen.beat("perception", beat)
            kernel.seen.agree("lead", agreed)
            kernel.step(now, {"acc": np.repeat(np.array(is_safe)[:, None], kernel.rows, axis=1)})
        one, other = alone.snapshot(), many.snapshot()
        for name, array in one.items():
            assert array.dtype == other[name].dtype
            expected = other[name][..., :1] if other[name].ndim else other[name]
            np.testing.assert_array_equal(array, expected, name)
