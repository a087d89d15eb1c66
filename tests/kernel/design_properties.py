"""What every safety design must have, whatever its function. The test of a shipped design inherits it:

    class TestPlatoon(DesignProperties):
        design = ...  # the Design

The data that reaches a level is searched for, on and around the limits of the design's own rules, with the slow
reference kernel as judge; the kernel is then driven with it.
"""

from dataclasses import dataclass, replace
from itertools import combinations, product
from math import nan
from random import Random

from karyon.kernel import Design, Kernel, parse, text
from tests.reference import kernel as reference

START = 1_763_932_422_000_000_000  # ns


@dataclass(frozen=True)
class Quality:
    """One signal as it arrives: value, validity and spread, and how long ago it was measured (ns)."""

    value: float = 0.0
    validity: float = 1.0
    spread: float = 0.0
    age: int = 0


class Bench:
    """One row of a design's kernel and the reference beside it. Data: input -> Quality, ns since beat, or level."""

    def __init__(self, design):
        self.design = design
        self.kernel = Kernel(design, 1)
        self.reference = reference.Kernel(meaning(design))
        self.now = START

    def step(self, data, wait=0):
        """The levels by function, `wait` ns later, over this data alone; what it leaves out is absent."""
        self.now += wait
        seen = self.kernel.seen
        for signal in self.design.signals:
            seen.forget(signal.name)
        for component in self.design.components:
            seen.beat(component.name, self.now + 1)
        for peer in self.design.peers:
            seen.agree(peer, -1)
        for (kind, name), found in data.items():
            if kind == "signal":
                assert seen.see(name, found.value, self.now - found.age, found.validity, found.spread)
            elif kind == "component":
                assert seen.beat(name, self.now - found)
            else:
                assert seen.agree(name, found)
        self.reference.seen = information(data, self.now)
        self.reference.step(self.now)
        self.decisions = self.kernel.step(self.now)
        return {name: int(decision.level[0]) for name, decision in self.decisions.items()}

    def climb(self, function, data):
        """The level that `function` settles at over this data."""
        longest = max(nanoseconds(level.dwell) for level in function.levels)
        self.step(data)
        for _ in function.levels:
            levels = self.step(data, longest)
        return levels[function.name]


def nanoseconds(seconds):
    """The whole ns that a duration of a design means."""
    return round(reference.duration(repr(seconds)))


def meaning(design):
    """The design as the reference takes it."""
    return {
        "deadlines": {component.name: nanoseconds(component.deadline) for component in design.components},
        "functions": {
            function.name: [
                {"rules": [reference.read(text(rule)) for rule in level.rules], "dwell": nanoseconds(level.dwell)}
                for level in function.levels
            ]
            for function in design.functions
        },
    }


def information(data, now):
    """The data as the reference takes it."""
    seen = reference.Information()
    for (kind, name), found in data.items():
        if kind == "signal":
            seen.signals[name] = reference.Measurement(found.value, now - found.age, found.validity, found.spread)
        elif kind == "component":
            seen.beats[name] = now - found
        else:
            seen.cooperation[name] = found
    return seen


class Search:
    """Data by which one function of a design is admitted to exactly the level that is wanted."""

    def __init__(self, design, function):
        mapping = meaning(design)
        self.deadlines = mapping["deadlines"]
        self.levels = [level["rules"] for level in mapping["functions"][function.name]]
        self.rules = [rule for rules in self.levels for rule in rules]
        self.inputs = sorted(set().union(*map(reference.inputs, self.rules)))
        self.candidates = {each: self.candidates_of(each) for each in self.inputs}

    def candidates_of(self, each):
        """What one input can be: best first, then on and beyond every limit that a rule sets to it."""
        kind, name = each
        terms = [term for rule in self.rules for term in terms_of(rule) if term[1] == name]
        if kind == "component":
            return [0, self.deadlines[name] + 1]
        if kind == "peer":
            return sorted(
                {127, *(term[2] + off for term in terms for off in (-1, 0) if term[2] + off >= 0)}, reverse=True
            )
        bounds = [bound for term in terms if term[0] == "within" for bound in term[2:]]
        values = {(low + high) / 2 for low, high in combinations([*bounds, 0.0], 2)} | {*bounds, 0.0}
        values |= {min(values) - 1, max(values) + 1}
        validities = {1.0, 0.0, *(term[2] for term in terms if term[0] == "validity")}
        spreads = {0.0, *(2 * term[2] + 1 for term in terms if term[0] == "spread")}
        ages = {0, *(int(term[2]) + 1 for term in terms if term[0] == "age")}
        return [
            Quality(*quality)
            for quality in product(sorted(values), sorted(validities, reverse=True), sorted(spreads), sorted(ages))
        ]

    def certain(self, data):
        """Per rule whether it is certain."""
        seen = information(data, START)
        return [reference.truth(rule, self.deadlines, seen, START) is True for rule in self.rules]

    def admitted(self, data):
        """The level that the data admits."""
        certain, number_of_rules, admitted = self.certain(data), 0, -1
        for rules in self.levels:
            number_of_rules += len(rules)
            admitted += all(certain[:number_of_rules])
        return admitted

    def data_for(self, level):
        """Data that admits `level` and no more. Fails where there seems to be none."""
        wanted = sum(len(rules) for rules in self.levels[: level + 1])
        data = {each: candidates[0] for each, candidates in self.candidates.items()}
        for each in [*self.inputs, *self.inputs]:
            options = [{**data, each: candidate} for candidate in self.candidates[each]]
            data = max([data, *options], key=lambda option: sum(self.certain(option)[:wanted]))
        for changes in self.changes():
            changed = {each: found for each, found in {**data, **changes}.items() if found is not None}
            if self.admitted(changed) == level:
                return changed
        raise AssertionError(f"no data found that admits LoS {level} and no more")

    def changes(self):
        """Nothing, anything else in one input (None: absent), then two and three inputs absent."""
        yield {}
        for each, candidates in self.candidates.items():
            yield from ({each: candidate} for candidate in [*candidates, None])
        for several in (2, 3):
            yield from (dict.fromkeys(lost) for lost in combinations(self.inputs, several))


def terms_of(rule):
    """All terms of a rule of the reference."""
    if rule[0] in ("and", "or", "not", "at_least"):
        return [term for part in rule[1:] if not isinstance(part, int) for term in terms_of(part)]
    return [rule]


def without(data, lost):
    """The data without some inputs."""
    return {each: found for each, found in data.items() if each not in lost}


class DesignProperties:
    """Inherit and set `design`."""

    design: Design

    def searches(self):
        """Every function with a search for its data."""
        return [(function, Search(self.design, function)) for function in self.design.functions]

    def test_every_level_is_reached_by_some_data(self):
        for function, search in self.searches():
            for level in range(len(function.levels)):
                assert Bench(self.design).climb(function, search.data_for(level)) == level

    def test_without_any_data_there_is_level_0_in_state_init(self):
        bench = Bench(self.design)
        assert set(bench.step({}).values()) == {0}
        for function in self.design.functions:
            assert bench.decisions[function.name].initialised[0] == (not function.signals)

    def test_a_function_is_initialised_once_every_signal_of_its_rules_was_seen(self):
        for function, _ in self.searches():
            bench = Bench(self.design)
            for signal in function.signals:
                bench.step({})
                assert not bench.decisions[function.name].initialised[0]
                bench.step({("signal", signal): Quality(validity=0.0)})
            assert bench.decisions[function.name].initialised[0]

    def test_losing_the_inputs_of_a_rule_drops_below_its_level_in_the_same_step(self):
        """From every level, for every rule up to it; lost means absent, or present with a value that is no number."""
        for function, search in self.searches():
            for level in range(1, len(function.levels)):
                data = search.data_for(level)
                for demanding in range(1, level + 1):
                    for rule in search.levels[demanding]:
                        lost = reference.inputs(rule)
                        no_number = {each: replace(data[each], value=nan) for each in lost if each[0] == "signal"}
                        for rest in (without(data, lost), {**without(data, lost), **no_number}):
                            bench = Bench(self.design)
                            assert bench.climb(function, data) == level
                            assert bench.step(rest)[function.name] < demanding, rule

    def test_losing_everything_is_level_0_in_the_same_step(self):
        for function, search in self.searches():
            for level in range(len(function.levels)):
                bench = Bench(self.design)
                bench.climb(function, search.data_for(level))
                assert bench.step({})[function.name] == 0

    def test_every_level_switches_down_to_every_lower_one_and_says_why(self):
        """In the step that sees the data, and the explanation names an input of the first rule that is not certain."""
        for function, search in self.searches():
            found = [search.data_for(level) for level in range(len(function.levels))]
            for lower, higher in combinations(range(len(function.levels)), 2):
                bench = Bench(self.design)
                assert bench.climb(function, found[higher]) == higher
                assert bench.step(found[lower])[function.name] == lower
                said = bench.kernel.explain(function.name, 0, higher, lower)
                decided = search.rules[search.certain(found[lower]).index(False)]
                assert said.startswith(f"LoS {higher} → {lower}: ")
                assert any(name in said for _, name in reference.inputs(decided)), said

    def test_every_level_is_taken_one_at_a_time_and_after_its_dwell(self):
        """Level by level: not one ns before its rules have held for its dwell, and then at once."""
        for function, search in self.searches():
            found = [search.data_for(level) for level in range(len(function.levels))]
            for level in range(1, len(function.levels)):
                bench = Bench(self.design)
                assert bench.climb(function, found[level - 1]) == level - 1
                dwell = nanoseconds(function.levels[level].dwell)
                assert bench.step(found[level], 1)[function.name] == (level if dwell == 0 else level - 1)
                if dwell > 1:
                    assert bench.step(found[level], dwell - 1)[function.name] == level - 1
                    assert bench.step(found[level], 1)[function.name] == level

    def test_a_limited_design_goes_up_to_its_limit(self):
        for function, search in self.searches():
            top = search.data_for(len(function.levels) - 1)
            for limit in range(len(function.levels)):
                limited = self.design.limited(function.name, limit)
                assert Bench(limited).climb(function, top) == limit

    def test_the_text_of_every_rule_reads_back_as_the_rule(self):
        for function in self.design.functions:
            for rule in function.rules:
                assert parse(text(rule)) == rule

    def test_the_kernel_is_the_reference_over_random_data(self):
        """Data on and around the limits, each input absent at times; time goes on, stands still and goes back."""
        random = Random(1)
        searches = self.searches()
        candidates = {each: options for _, search in searches for each, options in search.candidates.items()}
        best = [search.data_for(len(function.levels) - 1) for function, search in searches]
        bench = Bench(self.design)
        for _ in range(300):
            data = {each: found for top in best for each, found in top.items()}
            for each in random.sample(sorted(candidates), random.choice([0, 0, 0, 1, 1, min(3, len(candidates))])):
                data[each] = random.choice(candidates[each])
                if random.random() < 0.3:
                    del data[each]
            levels = bench.step(data, random.choice([0, 10**8, 10**9, 3 * 10**9, -(10**8)]))
            for name, function in bench.reference.functions.items():
                decision = bench.decisions[name]
                assert (levels[name], bool(decision.initialised[0])) == (function.level, function.initialised)
                assert all(known[0] == function.trusted(signal) for signal, known in decision.trusted.items())
