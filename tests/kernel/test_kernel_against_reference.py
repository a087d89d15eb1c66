"""The kernel against a slow scalar kernel written from the same words, and what must hold whatever the design.

Designs, rules and data are random. A rule is drawn together with its meaning, so the grammar is under test as well.
Data is mostly good (or no level above 0 would ever be reached), with everything mixed in that a sensor, a clock or a
careless caller can produce; measurements lie on, just inside and just outside the limits of the rules.
"""

import operator
import re
from dataclasses import dataclass, replace
from math import inf, nan, nextafter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from karyon.kernel import Design, Kernel, parse, text, verdict
from tests.kernel.design_properties import DesignProperties
from tests.reference import kernel as reference

ABSENT = -(2**63)
EARLIEST, LATEST = -(2**63) + 1, 2**63 - 1  # ns, of int64
MS, S = 10**6, 10**9

UNITS = {"front.distance": "m", "own.speed": "m/s", "lead.message": "1", "order.not_a": "1/m"}
COMPONENTS = {"perception": "150 ms", "android": "0.25 s"}
PEERS = ["lead", "platoon.leader"]

ci = settings(derandomize=True, deadline=None, max_examples=150, report_multiple_bugs=False)


# ---------------------------------------------------------------- rules, each drawn together with its meaning


@dataclass(frozen=True)
class Drawn:
    """The text of a rule, its meaning, and how tightly its outermost operator binds (3: a term)."""

    text: str
    meaning: tuple
    binding: int = 3

    def operand(self, binding, enclosed):
        """The text where an operator binds with `binding`; enclosed in parentheses if it must be or is wanted so."""
        return f"({self.text})" if enclosed or self.binding < binding else self.text


AGES = {
    **{"0.1": 100 * MS, "100 ms": 100 * MS, "300ms": 300 * MS, "0.3 s": 300 * MS, "300000 us": 300 * MS},
    **{"0.7": 700 * MS, "0.01 min": 600 * MS, "1": S, "1 ns": 1, "0": 0, "1e30 s": 10**39},
}
VALIDITIES = {"0": 0.0, "0.5": 0.5, "0.7": 0.7, "0.80": 0.8, "8e-1": 0.8, "1": 1.0}
SPREADS = {
    "front.distance": {"0": 0.0, "1.5 m": 1.5, "0.5": 0.5},
    "own.speed": {"36 km/h": 10.0, "0.5 m/s": 0.5, "0": 0.0},
    "lead.message": {"1e308": 1e308, "0.5": 0.5},
    "order.not_a": {"0.5 1/m": 0.5, "1.5": 1.5},
}
INTERVALS = {
    "front.distance": {"0, 150 m": (0.0, 150.0), "10, 10": (10.0, 10.0), "-5 m, 5 m": (-5.0, 5.0)},
    "own.speed": {"0, 36 km/h": (0.0, 10.0), "10 m/s, 20": (10.0, 20.0)},
    "lead.message": {"10, 1e308": (10.0, 1e308), "-1e308,0": (-1e308, 0.0)},
    "order.not_a": {"0.5 1/m, 20 1/m": (0.5, 20.0), "-1.5, 1.5": (-1.5, 1.5)},
}
signals = st.sampled_from(sorted(UNITS))


JUDGING_QUALITY = ["validity", "validity", "age", "age", "spread", "alive", "cooperation"]


@st.composite
def terms(draw, kinds=(*JUDGING_QUALITY, "within")):
    kind = draw(st.sampled_from(kinds))
    if kind == "alive":
        component = draw(st.sampled_from(sorted(COMPONENTS)))
        return Drawn(f"alive({component})", (kind, component))
    if kind == "cooperation":
        peer, level = draw(st.sampled_from(PEERS)), draw(st.integers(0, 3))
        return Drawn(f"cooperation({peer}) >= {level}", (kind, peer, level))
    signal = draw(signals)
    if kind == "within":
        written, (low, high) = draw(st.sampled_from(sorted(INTERVALS[signal].items())))
        return Drawn(f"within( {signal} ,{written} )", (kind, signal, low, high))
    limits, comparison = {"validity": (VALIDITIES, ">="), "age": (AGES, "<="), "spread": (SPREADS[signal], "<=")}[kind]
    written, limit = draw(st.sampled_from(sorted(limits.items())))
    return Drawn(f"{kind}({signal}){comparison}{written}", (kind, signal, limit))


@st.composite
def joined(draw, rules, operators=("and", "or", "at_least", "not")):
    """A rule of one operator more: `not` binds closest, then `and`, then `or`."""
    kind = draw(st.sampled_from(operators))
    enclosed = draw(st.booleans())
    if kind == "not":
        inner = draw(rules)
        return Drawn(f"not {inner.operand(2, enclosed)}", ("not", inner.meaning), 2)
    several = draw(st.lists(rules, min_size=2, max_size=3))
    meanings = [rule.meaning for rule in several]
    if kind == "at_least":
        k = draw(st.integers(1, len(several)))
        return Drawn(f"at_least({k}, {', '.join(rule.text for rule in several)})", (kind, k, *meanings))
    binding = {"and": 1, "or": 0}[kind]
    return Drawn(f" {kind} ".join(rule.operand(binding, enclosed) for rule in several), (kind, *meanings), binding)


rules = st.recursive(terms(), joined, max_leaves=5)
rules_that_want_quality = st.recursive(
    terms(JUDGING_QUALITY), lambda inner: joined(inner, ("and", "or", "at_least")), max_leaves=5
)

ALL_IS_WELL = reference.Information()
ALL_IS_WELL.signals = dict.fromkeys(UNITS, reference.Measurement(10.0, 0))
ALL_IS_WELL.beats = dict.fromkeys(COMPONENTS, 0)
ALL_IS_WELL.cooperation = dict.fromkeys(PEERS, 3)
DEADLINES = {component: reference.duration(deadline) for component, deadline in COMPONENTS.items()}


@st.composite
def attainable_rules(draw):
    """A rule that mostly holds when all is well, if need be by a `not` in front."""
    rule = draw(rules)
    holds = reference.truth(rule.meaning, DEADLINES, ALL_IS_WELL, 0)
    if holds or draw(st.integers(0, 9)) == 0:
        return rule
    return Drawn(f"not ({rule.text})", ("not", rule.meaning), 2)


# ---------------------------------------------------------------- designs

DWELLS = {"0 s": 0, "100 ms": 100 * MS, "0.25": 250 * MS, "1": S, "1e30 s": 10**39}


@dataclass(frozen=True)
class DrawnDesign:
    """Per function and level: the rules, and the dwell as text (None: not written, 1 s). Level 0 has no rules."""

    functions: dict

    def parsed(self):
        """As the kernel takes it."""
        return Design.parse(self.mapping())

    def mapping(self):
        return {
            "name": "drawn",
            "signals": {signal: {"unit": unit} for signal, unit in UNITS.items()},
            "components": {component: {"deadline": deadline} for component, deadline in COMPONENTS.items()},
            "peers": PEERS,
            "functions": {
                name: {"levels": [self.level_mapping(index, *level) for index, level in enumerate(levels)]}
                for name, levels in self.functions.items()
            },
            "timing": TIMING,
        }

    def level_mapping(self, index, level_rules, dwell):
        mapping = {"name": f"level {index}"}
        if level_rules:
            mapping["rules"] = [rule.text for rule in level_rules]
        if dwell is not None:
            mapping["dwell"] = dwell
        return mapping

    def meaning(self):
        """As the reference takes it."""
        return {
            "deadlines": DEADLINES,
            "functions": {
                name: [
                    {"rules": [rule.meaning for rule in level_rules], "dwell": DWELLS.get(dwell, S)}
                    for level_rules, dwell in levels
                ]
                for name, levels in self.functions.items()
            },
        }


TIMING = {
    "kernel_period": "50 ms",
    "kernel_execution": "1 ms",
    "control_period": "50 ms",
    "perception_period": "50 ms",
    "actuator_delay": "50 ms",
}


def designs(rules=attainable_rules(), most_functions=3):  # noqa: B008 (a strategy is a value)
    level = st.tuples(
        st.lists(rules, min_size=1, max_size=2), st.sampled_from([*sorted(DWELLS), *sorted(DWELLS)[:4], None])
    )
    levels = st.lists(level, min_size=0, max_size=3).map(lambda above: [([], None), *above])
    functions = st.lists(levels, min_size=1, max_size=most_functions)
    return functions.map(lambda drawn: DrawnDesign(dict(zip(["acc", "lane_change", "flight"], drawn, strict=False))))


# ---------------------------------------------------------------- data


def ago(age, clock):
    """The time `age` before `clock`, or that there is none where int64 ends."""
    return clock - age if EARLIEST <= clock - age <= LATEST else ABSENT


@dataclass(frozen=True)
class Sample:
    """One measurement as a caller would write it.

    age   ns since it was measured; None: no time of measurement; beyond 2**62: the time itself, at the ends of int64
    """

    value: float = 10.0
    age: int | None = 0
    validity: float = 1.0
    spread: float = 0.0
    clock_offset: float = 0.0

    def time(self, clock):
        if self.age is None:
            return ABSENT
        if abs(self.age) >= 2**62:
            return self.age
        return ago(self.age, clock)


OFFSETS = {0.0: 0, 0.125: 125 * MS, 0.25: 250 * MS}  # s -> ns: exact in both, so that a boundary is one
AROUND = [-1, 0, 1]

good_samples = st.builds(
    Sample,
    value=st.sampled_from([10.0, 10.0, 1.0]),
    age=st.sampled_from([0, 1, 50 * MS, 100 * MS]),
    validity=st.sampled_from([1.0, 0.8]),
    spread=st.sampled_from([0.0, 0.5]),
)
boundary_ages = st.builds(
    lambda limit, offset, off: Sample(age=limit - OFFSETS[offset] + off, clock_offset=offset),
    st.sampled_from([0, 100 * MS, 300 * MS, 600 * MS, 700 * MS, S]),
    st.sampled_from(sorted(OFFSETS)),
    st.sampled_from(AROUND),
)
decimal_boundary_ages = st.builds(  # one that binary fractions miss by far less than the ns on either side
    lambda limit, offset, off: Sample(age=limit - round(offset * S) + off, clock_offset=offset),
    st.sampled_from([0, 100 * MS, 300 * MS, 700 * MS]),
    st.sampled_from([0.05, 0.1, 0.003]),
    st.sampled_from([-2, 2]),
)
boundary_values = st.builds(
    lambda value, towards: Sample(value=nextafter(value, towards) if towards else value),
    st.sampled_from([-5.0, 0.0, 0.5, 1.5, 5.0, 10.0, 20.0, 150.0, 1e308]),
    st.sampled_from([None, -inf, inf]),
)
boundary_validities = st.builds(
    lambda validity, towards: Sample(validity=nextafter(validity, towards) if towards else validity),
    st.sampled_from([0.0, 0.5, 0.7, 0.8, 1.0]),
    st.sampled_from([None, -inf, inf]),
)
boundary_spreads = st.builds(
    lambda spread, towards: Sample(spread=nextafter(spread, towards) if towards else spread),
    st.sampled_from([0.0, 0.5, 1.5, 10.0, 1e308]),
    st.sampled_from([None, -inf, inf]),
)
one_thing_wrong = st.sampled_from(
    [
        *(Sample(value=value) for value in (nan, inf, -inf, 5e-324, -0.0, -1e300)),
        *(Sample(age=age) for age in (None, -1, -S, 10**15, LATEST, EARLIEST, ABSENT)),
        *(Sample(validity=validity) for validity in (nan, inf, -inf, -0.0, -1e-300, 1.5, 5e-324)),
        *(Sample(spread=spread) for spread in (nan, inf, -inf, -0.0, -5e-324, 1e300)),
        *(Sample(clock_offset=offset) for offset in (nan, inf, -inf, -0.0, -1.0, -5e-324, 1e300)),
        *(Sample(age=-age, clock_offset=0.25) for age in (1, 250 * MS - 1, 250 * MS, 250 * MS + 1, LATEST)),
        *(Sample(age=age, clock_offset=1e308) for age in (LATEST, EARLIEST, 0)),
    ]
)
any_floats = st.floats()
wild_samples = st.builds(Sample, any_floats, st.integers(-2 * S, 2 * S), any_floats, any_floats, st.just(0.0))
samples = st.one_of(
    good_samples,
    boundary_ages,
    boundary_values,
    boundary_validities,
    boundary_spreads,
    one_thing_wrong,
    wild_samples,
)


@dataclass(frozen=True)
class Step:
    """What happens up to one step of the kernel, and the `now` it is given. Everything is per row where it can be."""

    clock: int  # the true time, ns
    now: object  # what the kernel is told
    writes: list  # of (signal, Sample or samples by row or None: forgotten)
    beats: list  # of (component, ns ago, mask by row)
    agreements: list  # of (peer, level by row)
    safe: dict | None  # function -> by level, by row: whether the command fits
    reset: list | None  # mask by row
    saved: bool
    restored: bool


NO_TIMES = [None, nan, 0.5, "1", 2**63, -(2**63) - 1, 10**30, inf, ABSENT, [], 1j, object()]
pauses = st.sampled_from([0, 1, 50 * MS, 100 * MS - 1, 100 * MS, 100 * MS + 1, 250 * MS, S, S, 2 * S])
jumps = st.sampled_from([-1, -50 * MS, -S, -(10**12), 10**12])
starts = st.sampled_from([0, S, 1_763_932_422_123_456_789, -5 * S, EARLIEST, LATEST - 5 * S])


@st.composite
def steps(draw, design, rows, clock):
    """One step; most are harmless, so that there is a level to fall from."""
    by_row = lambda of: st.lists(of, min_size=rows, max_size=rows)  # noqa: E731
    no_limits = {name: [[True] * rows] * len(levels) for name, levels in design.functions.items()}
    if draw(st.integers(0, 2)) > 0:
        writes = [(signal, draw(good_samples)) for signal in UNITS]
        beats = [(component, 0, [True] * rows) for component in COMPONENTS]
        safe = draw(st.sampled_from([None, None, no_limits]))
        return Step(clock, clock, writes, beats, [(peer, [3] * rows) for peer in PEERS], safe, None, False, False)

    write = st.one_of(by_row(samples), by_row(samples), samples, st.none())
    touched = draw(st.lists(signals, max_size=3))
    beat_ages = st.sampled_from([0, 1, -1, -S, 10**15, *(d + off for d in (150 * MS, 250 * MS) for off in AROUND)])
    beaten = draw(st.lists(st.sampled_from(sorted(COMPONENTS)), max_size=2))
    agreed = draw(st.lists(st.sampled_from(PEERS), max_size=2))
    safe_sets = {
        name: st.lists(by_row(st.booleans()), min_size=len(levels), max_size=len(levels))
        for name, levels in design.functions.items()
    }
    return Step(
        clock,
        draw(st.sampled_from(NO_TIMES)) if draw(st.integers(0, 14)) == 0 else clock,
        [(signal, draw(write)) for signal in touched],
        [(component, draw(beat_ages), draw(by_row(st.booleans()))) for component in beaten],
        [(peer, draw(by_row(st.sampled_from([-1, 0, 1, 2, 3, 100])))) for peer in agreed],
        draw(st.none() | st.just(no_limits) | st.fixed_dictionaries({}, optional=safe_sets)),
        draw(by_row(st.booleans())) if draw(st.integers(0, 5)) == 0 else None,
        draw(st.booleans()),
        draw(st.integers(0, 3)) == 0,
    )


@st.composite
def streams(draw, design, rows, most=12):
    """Steps one after another; time mostly goes on, sometimes stands still or goes back."""
    clock = draw(starts)
    stream = []
    for _ in range(draw(st.integers(1, most))):
        stream.append(draw(steps(design, rows, clock)))
        clock += draw(jumps) if draw(st.integers(0, 9)) == 0 else draw(pauses)
        clock = min(max(clock, EARLIEST), LATEST)
    return stream


# ---------------------------------------------------------------- both kernels, driven alike


class Pair:
    """The kernel in the rows `order` (any choice of the stream's rows), and one reference kernel for each of them."""

    def __init__(self, design, order):
        self.design, self.order = design, order
        self.parsed = design.parsed()
        self.kernel = Kernel(self.parsed, len(order))
        self.references = [reference.Kernel(design.meaning()) for _ in order]
        self.saved = None

    def do(self, step):
        """All that happens in one step, to both. Returns the kernel's decisions."""
        if step.restored and self.saved:
            self.restore()
        if step.saved:
            self.saved = self.kernel.snapshot(), [alone.snapshot() for alone in self.references]
        if step.reset:
            self.kernel.reset(self.array(step.reset, bool))
        self.write(step)
        decisions = self.kernel.step(step.now, *([] if step.safe is None else [self.safe_arrays(step)]))
        for alone, row in zip(self.references, self.order, strict=True):
            do_alone(alone, step, row)
        return decisions

    def restore(self):
        """Back to what was saved, in a kernel that knows nothing of what happened since."""
        self.kernel = Kernel(self.parsed, len(self.order))
        self.kernel.restore(self.saved[0])
        for alone, saved in zip(self.references, self.saved[1], strict=True):
            alone.restore(saved)

    def write(self, step):
        seen = self.kernel.seen
        for signal, written in step.writes:
            if written is None:
                assert seen.forget(signal)
            elif isinstance(written, Sample):
                assert seen.see(signal, *arguments(written, step.clock))
            else:
                columns = zip(*(arguments(written[row], step.clock) for row in self.order), strict=True)
                assert seen.see(signal, *(self.array(column) for column in columns))
        for component, age, mask in step.beats:
            seen.beat(component, ago(age, step.clock), self.array(mask, bool))
        for peer, levels in step.agreements:
            assert seen.agree(peer, self.array(levels, int))

    def safe_arrays(self, step):
        return {name: np.array([self.array(level, bool) for level in levels]) for name, levels in step.safe.items()}

    def array(self, by_row, dtype=None):
        """By row of the stream, or already in order when no dtype is asked for."""
        return np.array(by_row) if dtype is None else np.array([by_row[row] for row in self.order], dtype=dtype)

    def certain_level(self, name, place, now):
        """The highest level all of whose rules, and of those below, are certain in one row of what was seen."""
        seen = self.references[place].seen
        highest = 0
        for level in self.design.meaning()["functions"][name][1:]:
            if not all(reference.truth(rule, DEADLINES, seen, now) is True for rule in level["rules"]):
                break
            highest += 1
        return highest


def arguments(sample, clock):
    return sample.value, sample.time(clock), sample.validity, sample.spread, sample.clock_offset


def do_alone(alone, step, row):
    """One step of the reference kernel that stands for one row of the stream."""
    if step.reset and step.reset[row]:
        alone.reset()
    for signal, written in step.writes:
        sample = written if written is None or isinstance(written, Sample) else written[row]
        alone.seen.signals[signal] = None
        if sample is not None and sample.time(step.clock) != ABSENT:
            value, time, validity, spread, offset = arguments(sample, step.clock)
            alone.seen.signals[signal] = reference.Measurement(value, time, validity, spread, offset)
    for component, age, mask in step.beats:
        if mask[row]:
            beat = ago(age, step.clock)
            alone.seen.beats[component] = None if beat == ABSENT else beat
    for peer, levels in step.agreements:
        alone.seen.cooperation[peer] = levels[row]
    now = None if step.now == ABSENT else step.now
    safe = step.safe and {name: [level[row] for level in levels] for name, levels in step.safe.items()}
    alone.step(now, {} if step.safe == {} else safe)


def assert_alike(pair, decisions, before):
    """The kernel decided in every row as the reference did. `before`: levels by function before the step."""
    assert set(decisions) == set(pair.design.functions)
    for name, decision in decisions.items():
        cause = pair.kernel.first_cause(name)
        for place, alone in enumerate(pair.references):
            function = alone.functions[name]
            found = decision.level[place], decision.previous[place], decision.initialised[place]
            assert found == (function.level, before[name][place], function.initialised)
            trusted = {signal: known[place] for signal, known in decision.trusted.items()}
            assert trusted == {signal: function.trusted(signal) for signal in function.signals}
            expected_rule, expected_time = function.first_cause or (-1, ABSENT)
            assert cause.rule[place] == expected_rule
            assert cause.time[place] == expected_time or expected_time is None
            assert decision.deciding[place] == function.deciding()


def levels_of(pair):
    return {name: [alone.functions[name].level for alone in pair.references] for name in pair.design.functions}


@st.composite
def stories(draw, rules=attainable_rules(), most_rows=6, most_functions=3):  # noqa: B008
    """A design and a stream of steps for a number of rows."""
    design = draw(designs(rules, most_functions))
    rows = draw(st.integers(1, most_rows))
    return design, rows, draw(streams(design, rows))


@pytest.mark.requirement("FSR1", "FSR2", "LFR1", "XFR1", "AFR1")
@settings(ci, max_examples=600)
@given(stories(), st.data())
def test_kernel_is_the_reference_in_every_row(story, data):
    """Level, initialised, trusted, deciding rule and first cause, whatever the data, the clock and the caller do.

    The second kernel has the rows in another order, some of them twice or not at all: same answer per row.
    """
    design, rows, stream = story
    order = data.draw(st.lists(st.integers(0, rows - 1), min_size=1, max_size=6))
    for pair in (Pair(design, list(range(rows))), Pair(design, order)):
        for step in stream:
            if step.restored and pair.saved:
                pair.restore()
            before = levels_of(pair)
            if step.reset:
                for levels in before.values():
                    levels[:] = [0 if step.reset[row] else level for level, row in zip(levels, pair.order, strict=True)]
            assert_alike(pair, pair.do(replace(step, restored=False)), before)


# ---------------------------------------------------------------- what a rule says, and its text


@ci
@given(
    st.lists(rules, min_size=1, max_size=4),
    st.lists(samples | decimal_boundary_ages, min_size=4, max_size=4),
    st.integers(1, 4),
)
def test_a_rule_says_what_its_text_means(several, written, level):
    """The interpreter and the reference's own reading of the text agree with the meaning it was drawn with."""
    design = DrawnDesign({"acc": [([], None)]})
    pair = Pair(design, [0])
    step = Step(
        S, S, list(zip(UNITS, written, strict=True)), [("android", 250 * MS, [True])], [], None, None, False, False
    )
    pair.do(replace(step, agreements=[("lead", [level])]))
    for rule in several:
        expected = reference.truth(rule.meaning, DEADLINES, pair.references[0].seen, S)
        said = verdict(parse(rule.text), pair.kernel.seen, S)
        assert (said.certain[0], said.possible[0]) == (expected is True, expected is not False)
        assert reference.truth(reference.read(rule.text), DEADLINES, pair.references[0].seen, S) == expected


@ci
@given(rules)
def test_the_text_of_a_rule_reads_back_as_the_rule(drawn):
    rule = parse(drawn.text)
    assert parse(text(rule)) == rule
    assert text(parse(text(rule))) == text(rule)


def lone_rule(text_of_rule, **sample):
    """The level, 0 or 1, that one rule admits at 10 s over one sample of front.distance, and the same under `not`."""
    levels = []
    for written in (text_of_rule, f"not {text_of_rule}"):
        pair = Pair(DrawnDesign({"acc": [([], None), ([Drawn(written, reference.read(written))], "0 s")]}), [0])
        step = Step(10 * S, 10 * S, [("front.distance", Sample(**sample))], [], [], None, None, False, False)
        levels.append(int(pair.do(step)["acc"].level[0]))
    return tuple(levels)


TRUE, FALSE, UNKNOWN = (1, 0), (0, 1), (0, 0)


@pytest.mark.parametrize(
    ("rule", "sample", "expected"),
    [
        ("validity(front.distance) >= 0.8", {"validity": 0.8}, TRUE),
        ("validity(front.distance) >= 0.8", {"validity": nextafter(0.8, 0)}, FALSE),
        ("validity(front.distance) >= 1", {"validity": 1.0}, TRUE),
        ("validity(front.distance) >= 1", {"validity": nextafter(1, 2)}, UNKNOWN),
        ("validity(front.distance) >= 0", {"validity": 0.0}, TRUE),
        ("validity(front.distance) >= 0", {"validity": -5e-324}, UNKNOWN),
        ("validity(front.distance) >= 0", {"validity": nan}, UNKNOWN),
        ("validity(front.distance) >= 0", {"value": nan}, UNKNOWN),
        ("validity(front.distance) >= 0", {"value": inf}, UNKNOWN),
        ("validity(front.distance) >= 0", {"age": None}, UNKNOWN),
        ("validity(front.distance) >= 0", {"age": -1}, UNKNOWN),
        ("validity(front.distance) >= 0", {"age": -250 * MS, "clock_offset": 0.25}, TRUE),
        ("validity(front.distance) >= 0", {"age": -250 * MS - 1, "clock_offset": 0.25}, UNKNOWN),
        ("age(front.distance) <= 300 ms", {"age": 300 * MS}, TRUE),
        ("age(front.distance) <= 300 ms", {"age": 300 * MS + 1}, FALSE),
        ("age(front.distance) <= 300 ms", {"age": 175 * MS, "clock_offset": 0.125}, TRUE),
        ("age(front.distance) <= 300 ms", {"age": 175 * MS + 1, "clock_offset": 0.125}, FALSE),
        ("age(front.distance) <= 0", {"age": -250 * MS, "clock_offset": 0.25}, TRUE),
        ("age(front.distance) <= 0", {"age": 1 - 250 * MS, "clock_offset": 0.25}, FALSE),
        ("age(front.distance) <= 300 ms", {"clock_offset": nan}, UNKNOWN),
        ("age(front.distance) <= 300 ms", {"clock_offset": -5e-324}, UNKNOWN),
        ("age(front.distance) <= 300 ms", {"age": LATEST, "clock_offset": 0.25}, UNKNOWN),
        ("age(front.distance) <= 300 ms", {"age": EARLIEST}, FALSE),
        ("spread(front.distance) <= 1.5 m", {"spread": 1.5}, TRUE),
        ("spread(front.distance) <= 1.5 m", {"spread": nextafter(1.5, 2)}, FALSE),
        ("spread(front.distance) <= 1.5 m", {"spread": -5e-324}, UNKNOWN),
        ("spread(front.distance) <= 1.5 m", {"spread": inf}, UNKNOWN),
        ("spread(front.distance) <= 1.5 m", {"spread": nan}, UNKNOWN),
        ("within(front.distance, -5, 150 m)", {"value": -5.0}, TRUE),
        ("within(front.distance, -5, 150 m)", {"value": nextafter(-5.0, -6)}, FALSE),
        ("within(front.distance, -5, 150 m)", {"value": 150.0}, TRUE),
        ("within(front.distance, -5, 150 m)", {"value": nextafter(150.0, 151)}, FALSE),
        ("within(front.distance, -5, 150 m)", {"value": -inf}, UNKNOWN),
    ],
)
def test_a_term_on_both_sides_of_its_limit(rule, sample, expected):
    assert lone_rule(rule, **sample) == expected


LIMITS_IN_MS = [1, 3, 7, 33, 57, 70, 110, 150, 290, 300, 555, 700, 1009, 1100, 2300, 60_007]


@pytest.mark.parametrize("start", [0, 1_763_932_422_123_456_789, EARLIEST, -7])
@pytest.mark.parametrize("limit", LIMITS_IN_MS)
def test_durations_are_exact_to_the_nanosecond(limit, start):
    """A limit of so many ms, as age limit, deadline and dwell: met at the limit, not one ns beyond or before it."""
    mapping = DrawnDesign({}).mapping()
    mapping["components"] = {"perception": {"deadline": f"{limit} ms"}}
    mapping["functions"] = {
        "acc": {"levels": [{"name": "0"}, {"name": "1", "dwell": 0, "rules": [f"age(front.distance) <= {limit} ms"]}]},
        "flight": {"levels": [{"name": "0"}, {"name": "1", "dwell": 0, "rules": ["alive(perception)"]}]},
        "lane_change": {
            "levels": [{"name": "0"}, {"name": "1", "dwell": f"{limit} ms", "rules": ["cooperation(lead) >= 1"]}]
        },
    }
    kernel = Kernel(Design.parse(mapping), 1)
    kernel.seen.see("front.distance", 10.0, start)
    kernel.seen.beat("perception", start)
    kernel.seen.agree("lead", 1)

    def levels(now):
        decisions = kernel.step(now)
        return [int(decisions[function].level[0]) for function in ("acc", "flight", "lane_change")]

    assert levels(start) == [1, 1, 0]
    assert levels(start + limit * MS - 1) == [1, 1, 0]
    assert levels(start + limit * MS) == [1, 1, 1]
    assert levels(start + limit * MS + 1) == [0, 0, 1]


# ---------------------------------------------------------------- what holds whatever the design, in plain words


@pytest.mark.requirement("FSR2")
@ci
@given(stories())
def test_a_downgrade_is_never_delayed(story):
    """In no step is the level above what the rules are certain of in that very step."""
    for pair, step, decisions in played(story):
        for name, decision in decisions.items():
            for place in range(len(pair.order)):
                assert decision.level[place] <= pair.certain_level(name, place, known_time(step))


@pytest.mark.requirement("TSR5")
@ci
@given(stories(), st.sampled_from(["forgotten", "not a number", "no time"]))
def test_absent_data_never_admits_a_level(story, how):
    """Whatever was the case before, and whatever the rules, with or without `not`: no data, LoS 0 in that step."""
    pair, step, _ = list(played(story))[-1]
    nothing = Sample(value=nan) if how == "not a number" else Sample(age=None) if how == "no time" else None
    rows = story[1]
    empty = replace(
        step,
        writes=[(signal, nothing) for signal in UNITS],
        beats=[(component, -1, [True] * rows) for component in COMPONENTS],
        agreements=[(peer, [-1] * rows) for peer in PEERS],
        reset=None,
        saved=False,
        restored=False,
        now=step.clock,
        safe=None,
    )
    for name, decision in pair.do(empty).items():
        if len(pair.design.functions[name]) > 1:
            assert decision.level.tolist() == [0] * rows
            assert not any(known.any() for known in decision.trusted.values())


@pytest.mark.requirement("TSR5")
@ci
@given(stories(), st.data())
def test_making_an_input_absent_never_raises_the_level(story, data):
    """Not in that step, not even under `not`."""
    design, rows, stream = story
    lost = data.draw(st.sampled_from([*UNITS, *COMPONENTS, *PEERS]))
    less = replace(
        stream[-1],
        writes=[*stream[-1].writes, *((signal, None) for signal in UNITS if signal == lost)],
        beats=[*stream[-1].beats, *((component, -1, [True] * rows) for component in COMPONENTS if component == lost)],
        agreements=[*stream[-1].agreements, *((peer, [-1] * rows) for peer in PEERS if peer == lost)],
    )
    assert_never_higher(last_levels(design, rows, [*stream[:-1], less]), last_levels(design, rows, stream))


known_samples = st.builds(
    Sample,
    value=st.just(10.0),
    age=st.integers(0, 20).map(lambda tenths: tenths * 50 * MS),
    validity=st.sampled_from([1.0, 0.8, 0.7, 0.5, 0.2, 0.0]),
    spread=st.sampled_from([0.0, 0.5, 1.5, 5.0]),
)


@ci
@given(stories(rules_that_want_quality), st.data())
def test_making_an_input_worse_never_raises_the_level(story, data):
    """Less valid, older, less certain or invalid data, an older heartbeat, less cooperation: not in that step."""
    design, rows, stream = story
    last = replace(stream[-1], restored=False, reset=None)
    good = {signal: data.draw(known_samples) for signal in UNITS}
    ages = {component: data.draw(st.sampled_from([0, 100 * MS, 250 * MS])) for component in COMPONENTS}
    agreed = {peer: data.draw(st.integers(0, 3)) for peer in PEERS}

    def step(samples, ages, agreed):
        beats = [(component, age, [True] * rows) for component, age in ages.items()]
        return replace(
            last, writes=list(samples.items()), beats=beats, agreements=[(p, [n] * rows) for p, n in agreed.items()]
        )

    def worsened(sample):
        other = data.draw(known_samples)
        garbage = data.draw(
            st.sampled_from([{}, {}, {"validity": nan}, {"spread": -1.0}, {"clock_offset": nan}, {"value": inf}])
        )
        worse = Sample(
            value=sample.value,
            age=sample.age + other.age,
            validity=min(sample.validity, other.validity),
            spread=max(sample.spread, other.spread),
        )
        return replace(worse, **garbage)

    worse = step(
        {signal: worsened(sample) for signal, sample in good.items()},
        {component: age + data.draw(st.sampled_from([0, 1, 150 * MS])) for component, age in ages.items()},
        {peer: max(-1, level - data.draw(st.integers(0, 4))) for peer, level in agreed.items()},
    )
    before = stream[:-1]
    assert_never_higher(
        last_levels(design, rows, [*before, worse]), last_levels(design, rows, [*before, step(good, ages, agreed)])
    )


@pytest.mark.requirement("TSR9")
@ci
@given(stories())
def test_the_level_rises_by_one_step_at_most_and_only_when_initialised(story):
    for _, _, decisions in played(story):
        for decision in decisions.values():
            assert (decision.level <= decision.previous + 1).all()
            assert (decision.level[~decision.initialised] == 0).all()


@pytest.mark.requirement("FSR2", "TSR9")
@ci
@given(stories())
def test_no_level_is_taken_before_its_rules_held_for_its_dwell(story):
    """From `dwell` ago until now its rules were certain in every step, and time did not go back."""
    design, _, _ = story
    dwells = {name: [DWELLS.get(dwell, S) for _, dwell in levels] for name, levels in design.functions.items()}
    seen_so_far = {}
    for pair, step, decisions in played(story, restored=False):
        for name, decision in decisions.items():
            for place in range(len(pair.order)):
                if step.reset and step.reset[place]:
                    seen_so_far[name, place] = []
                record = seen_so_far.setdefault((name, place), [])
                now = known_time(step)
                record.append((now, pair.certain_level(name, place, now)))
                level = decision.level[place]
                if level > decision.previous[place]:
                    assert_held(record, level, dwells[name][level])


def assert_held(record, level, dwell):
    """The record, of (time, level that was certain), tells of `level` being certain for all of the last `dwell`."""
    now = later = record[-1][0]
    for time, certain in reversed(record):
        assert certain >= level
        assert time <= later
        later = time
        if time <= now - dwell:
            return
    pytest.fail(f"the record does not reach back {dwell} ns")


@ci
@given(stories())
def test_no_level_is_taken_while_the_command_is_outside_its_safe_set(story):
    for pair, step, decisions in played(story):
        for name, decision in decisions.items():
            for row in pair.order:
                risen = decision.level[row] > decision.previous[row]
                if risen and step.safe is not None:
                    assert step.safe[name][decision.level[row]][row]


@ci
@given(stories(), st.integers(1, 6))
def test_a_snapshot_stays_as_it_was_and_takes_the_kernel_back_to_it(story, repeat):
    """What happens after a snapshot does not touch it; restored, the kernel decides the same again."""
    design, rows, stream = story
    stream = [replace(step, saved=False, restored=False) for step in stream]
    cut = min(repeat, len(stream)) - 1
    pair = Pair(design, list(range(rows)))
    for step in stream[:cut]:
        pair.do(step)
    snapshot = pair.kernel.snapshot()
    copy = {name: array.copy() for name, array in snapshot.items()}
    first = [decided(pair.do(step)) for step in stream[cut:]]
    assert snapshot.keys() == copy.keys()
    assert all(np.array_equal(snapshot[name], copy[name], equal_nan=copy[name].dtype.kind == "f") for name in copy)
    pair.kernel.restore(snapshot)
    assert [decided(pair.do(step)) for step in stream[cut:]] == first


@ci
@given(stories())
def test_every_change_of_level_is_explained_truthfully(story):
    """The text names the levels and an input of the rule that decided, and no comparison in it is false as shown."""
    for pair, step, decisions in played(story):
        for name, decision in decisions.items():
            for row in pair.order:
                before, level = int(decision.previous[row]), int(decision.level[row])
                if before == level:
                    continue
                said = pair.kernel.explain(name, row, before, level)
                assert said.startswith(f"LoS {before} → {level}: ")
                assert_true_as_shown(said)
                if level > before:
                    shown, unit = re.search(r"held for (\S+) (\w+)$", said).groups()
                    held = pair.references[row].functions[name].held_for(level)
                    assert float(shown) * reference.NANOSECONDS[unit] == pytest.approx(held, rel=1e-12)
                if level < before and known_time(step) is not None:
                    function = pair.references[row].functions[name]
                    deciding = reference.inputs(function.rules[function.first_failing()])
                    assert any(input_name in said for _, input_name in deciding)


def assert_true_as_shown(said):
    """Every `number unit < number unit` in a text is a true statement, and so with >, ≤ and ≥."""
    for left, left_unit, sign, right, right_unit in COMPARISON.findall(said):
        scale = [float(reference.NANOSECONDS.get(unit, 1)) for unit in (left_unit, right_unit)]
        compare = {"<": operator.lt, ">": operator.gt, "≤": operator.le, "≥": operator.ge}[sign]
        assert compare(float(left) * scale[0], float(right) * scale[1]), said


SHOWN = r"(-?[\d.]+(?:e[-+]?\d+)?)(?: (1/m|[a-zA-Z%][\w/%]*))?"
COMPARISON = re.compile(rf"(?<!\S){SHOWN} ([<>≤≥]) {SHOWN}")


def decided(decisions):
    return {
        name: (
            decision.level.tolist(),
            decision.initialised.tolist(),
            [known.tolist() for known in decision.trusted.values()],
        )
        for name, decision in decisions.items()
    }


def played(story, restored=True):
    """The kernel through all steps of a story: (both kernels, step, decisions of the kernel) after each."""
    design, rows, stream = story
    pair = Pair(design, list(range(rows)))
    for step in stream:
        happens = step if restored else replace(step, restored=False)
        yield pair, happens, pair.do(happens)


def known_time(step):
    """`now` as a time, or None."""
    return step.now if type(step.now) is int and EARLIEST <= step.now <= LATEST else None


def last_levels(design, rows, stream):
    """Level by function and row after the last step."""
    pair = Pair(design, list(range(rows)))
    for step in stream:
        decisions = pair.do(step)
    return {name: decision.level.tolist() for name, decision in decisions.items()}


def assert_never_higher(levels, than):
    for name in than:
        assert all(level <= other for level, other in zip(levels[name], than[name], strict=True))


# ---------------------------------------------------------------- the properties of designs, on one of every kind


def design_of(*levels):
    """A design with one function, and for each level above 0 its rules and dwell."""
    drawn = [([Drawn(rule, reference.read(rule)) for rule in rules], dwell) for rules, dwell in levels]
    return DrawnDesign({"acc": [([], None), *drawn]}).parsed()


class TestEveryKindOfRuleHasTheProperties(DesignProperties):
    design = design_of(
        (["validity(front.distance) >= 0.8 and age(front.distance) <= 250 ms", "alive(perception)"], "0 s"),
        (["not within(own.speed, 40, 400 km/h)", "spread(own.speed) <= 0.5"], None),
        (["at_least(2, alive(android), age(lead.message) <= 0.3, cooperation(lead) >= 2)"], "100 ms"),
        (["cooperation(platoon.leader) >= 3 or within(order.not_a, -1, -0.5)", "not cooperation(lead) >= 3"], "1 s"),
    )


@pytest.mark.parametrize(
    "levels",
    [
        [(["within(own.speed, 0, 1)"], "0 s"), (["within(own.speed, 2, 3)"], "0 s")],
        [(["alive(perception) and not alive(perception)"], "0 s")],
        [(["alive(perception)"], "0 s"), (["alive(perception) or alive(android)"], "0 s")],
    ],
    ids=["no value fits both levels", "a contradiction", "the level above adds nothing"],
)
def test_a_level_that_no_data_reaches_is_found(levels):
    properties = DesignProperties()
    properties.design = design_of(*levels)
    with pytest.raises(AssertionError, match="no data found"):
        properties.test_every_level_is_reached_by_some_data()


# ---------------------------------------------------------------- whatever the caller hands over


class Hostile:
    """Raises whatever is done with it."""

    def _raise(self, *_, **__):
        raise RuntimeError("hostile")

    __array__ = __float__ = __int__ = __index__ = __iter__ = __len__ = __bool__ = __getitem__ = _raise
    __hash__ = __eq__ = __lt__ = __le__ = __gt__ = __ge__ = __add__ = __sub__ = __rsub__ = __getattr__ = _raise


NOT_NUMBERS = [
    *(None, "10", "nan", b"1", {}, [], object(), float, 1j, [1, "x"], [[]], [None], Hostile()),
    *([1.0] * 7, np.zeros((2, 7)), np.array(["1"]), np.array([None]), np.array([1j]), [[1.0, 2.0], [3.0]]),
]
NOT_TIMES = [*NOT_NUMBERS, nan, 0.5, inf, 2**70, -(2**64), np.uint64(2**64 - 1), np.array([1.0]), np.datetime64(1, "s")]
EASY = DrawnDesign(
    {
        "acc": [
            ([], None),
            ([Drawn("validity(front.distance) >= 0.8", ("validity", "front.distance", 0.8))], "0 s"),
            ([Drawn("alive(android)", ("alive", "android"))], "0 s"),
            ([Drawn("cooperation(lead) >= 2", ("cooperation", "lead", 2))], "0 s"),
        ]
    }
)


def at_the_top(rows):
    """A kernel in level 3 of EASY at time 3, with all data written again at 4."""
    kernel = Kernel(EASY.parsed(), rows)
    for now in range(5):
        assert kernel.seen.see("front.distance", 10.0, now)
        assert kernel.seen.beat("android", now)
        assert kernel.seen.agree("lead", 2)
        if now < 4:
            decision = kernel.step(now)["acc"]
    assert decision.level.tolist() == [3] * rows
    return kernel


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("argument", range(5))
@pytest.mark.parametrize("junk", NOT_TIMES, ids=lambda junk: type(junk).__name__)
def test_what_is_no_number_makes_the_signal_absent(rows, argument, junk):
    if argument != 1 and not any(junk is known for known in NOT_NUMBERS):
        return
    kernel = at_the_top(rows)
    given_arguments = [10.0, 4, 1.0, 0.0, 0.0]
    given_arguments[argument] = junk
    kernel.seen.see("front.distance", *given_arguments)
    assert kernel.step(4)["acc"].level.tolist() == [0] * rows


@pytest.mark.parametrize("junk", NOT_TIMES, ids=lambda junk: type(junk).__name__)
def test_what_is_no_time_is_no_heartbeat(junk):
    kernel = at_the_top(2)
    kernel.seen.beat("android", junk)
    assert kernel.step(4 + S)["acc"].level.tolist() == [1, 1]


@pytest.mark.parametrize(
    "junk", [*NOT_NUMBERS, nan, inf, -1, 1.5, 256, 258, 2**70], ids=lambda junk: type(junk).__name__
)
def test_what_is_no_level_is_no_agreement(junk):
    kernel = at_the_top(2)
    kernel.seen.agree("lead", junk)
    assert kernel.step(4)["acc"].level.tolist() == [2, 2]


@pytest.mark.parametrize("junk", [*NO_TIMES, Hostile(), np.float64(4)], ids=lambda junk: type(junk).__name__)
def test_a_now_that_is_no_time_is_level_0(junk):
    kernel = at_the_top(2)
    assert kernel.step(junk)["acc"].level.tolist() == [0, 0]
    assert kernel.step(4)["acc"].level.tolist() == [1, 1]


@pytest.mark.parametrize(
    "safe",
    [*NOT_NUMBERS[1:], 5, {"lane_change": np.ones((4, 2), bool)}, *({"acc": junk} for junk in [*NOT_NUMBERS, nan])],
    ids=lambda junk: type(junk).__name__,
)
def test_a_safe_set_that_is_none_admits_no_upgrade_and_holds_no_level(safe):
    """Of two kernels, one at LoS 0 and one at LoS 3, neither moves."""
    top, bottom = at_the_top(2), at_the_top(2)
    bottom.reset()
    assert top.step(4, safe)["acc"].level.tolist() == [3, 3]
    assert bottom.step(4, safe)["acc"].level.tolist() == [0, 0]


@pytest.mark.parametrize(
    "name", ["front.distanc", "", None, 3, [], {}, Hostile()], ids=lambda name: type(name).__name__
)
def test_unknown_names_are_ignored(name):
    kernel = at_the_top(2)
    assert kernel.seen.see(name, nan, 4) is False
    assert not kernel.seen.forget(name)
    assert not kernel.seen.beat(name, 4)
    assert not kernel.seen.agree(name, 0)
    assert kernel.step(4)["acc"].level.tolist() == [3, 3]
