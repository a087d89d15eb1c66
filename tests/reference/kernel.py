"""The safety kernel once more, slow and obvious: one row, plain numbers, no NumPy. Oracle for `karyon.kernel`.

It is written from the words of safety-model.md §1 and the kernel's contract, and shares no code and no idea with the
kernel: truth is True, False or None (unknown) instead of two arrays; times are whole nanoseconds and durations exact
fractions of a nanosecond; how long a level's rules have held is read off the whole history instead of being kept.

A rule is a tuple, as `read` makes it from text:

    ("validity", signal, c)  ("age", signal, ns)  ("alive", component)  ("cooperation", peer, l)
    ("spread", signal, s)    ("within", signal, low, high)
    ("and", rule, ...)  ("or", rule, ...)  ("not", rule)  ("at_least", k, rule, ...)

A design is a mapping: {"deadlines": {component: ns}, "functions": {function: [level 0, level 1, ...]}} and a level is
{"rules": [rule, ...], "dwell": ns}.
"""

import re
from copy import deepcopy
from dataclasses import dataclass
from fractions import Fraction
from math import inf, isfinite, pi

NANOSECONDS = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9, "min": 60 * 10**9}
SI = {
    "m": Fraction(1),
    "km": Fraction(1000),
    "cm": Fraction(1, 100),
    "mm": Fraction(1, 1000),
    "m/s": Fraction(1),
    "km/h": Fraction(10, 36),
    "m/s2": Fraction(1),
    "1/m": Fraction(1),
    "rad": Fraction(1),
    "deg": Fraction(pi) / 180,
    "%": Fraction(1, 100),
}


@dataclass
class Measurement:
    """What was last written about one signal. `time` in ns (None: no measurement), `clock_offset` in s."""

    value: float
    time: int | None
    validity: float = 1.0
    spread: float = 0.0
    clock_offset: float = 0.0


class Information:
    """Run-time safety information of one row: what is missing from a dictionary is absent."""

    def __init__(self):
        self.signals = {}
        self.beats = {}
        self.cooperation = {}


def present(measurement, now):
    """Whether the signal has a finite value that was measured, and not in the future. Without `now` nothing has."""
    if measurement is None or now is None or measurement.time is None:
        return False
    if not isfinite(measurement.value) or not isfinite(measurement.clock_offset) or measurement.clock_offset < 0:
        return False
    return now - measurement.time >= -nanoseconds(measurement.clock_offset)


def nanoseconds(seconds):
    """The duration exactly."""
    return Fraction(seconds) * 10**9


def truth(rule, deadlines, seen, now):
    """True, False, or None when it cannot be known from what was seen."""
    kind, *rest = rule
    if kind == "and":
        truths = [truth(term, deadlines, seen, now) for term in rest]
        return False if False in truths else None if None in truths else True
    if kind == "or":
        truths = [truth(term, deadlines, seen, now) for term in rest]
        return True if True in truths else None if None in truths else False
    if kind == "not":
        inner = truth(rest[0], deadlines, seen, now)
        return None if inner is None else not inner
    if kind == "at_least":
        truths = [truth(term, deadlines, seen, now) for term in rest[1:]]
        if truths.count(True) >= rest[0]:
            return True
        return None if truths.count(True) + truths.count(None) >= rest[0] else False
    return truth_of_term(kind, rest, deadlines, seen, now)


def truth_of_term(kind, rest, deadlines, seen, now):
    """The same of one term."""
    name = rest[0]
    if now is None:
        return None
    if kind == "alive":
        beat = seen.beats.get(name)
        return None if beat is None or now < beat else now - beat <= deadlines[name]
    if kind == "cooperation":
        level = seen.cooperation.get(name)
        return None if level is None or level < 0 else level >= rest[1]
    measurement = seen.signals.get(name)
    return truth_of_measurement(kind, rest[1:], measurement, now) if present(measurement, now) else None


def truth_of_measurement(kind, limits, measurement, now):
    """The same of a term that speaks of a signal, which is present."""
    if kind == "validity":
        return measurement.validity >= limits[0] if 0 <= measurement.validity <= 1 else None
    if kind == "spread":
        return measurement.spread <= limits[0] if 0 <= measurement.spread < inf else None
    if kind == "age":
        return now - measurement.time + nanoseconds(measurement.clock_offset) <= limits[0]
    assert kind == "within", kind
    return limits[0] <= measurement.value <= limits[1]


def inputs(rule):
    """All (kind of input, name) that a rule speaks of; the kind is signal, component or peer."""
    kind, *rest = rule
    if kind in ("and", "or", "not", "at_least"):
        return set().union(*(inputs(term) for term in rest if not isinstance(term, int)))
    return {({"alive": "component", "cooperation": "peer"}.get(kind, "signal"), rest[0])}


class Function:
    """One function of one row: its level, and all that it has gone through since the last reset."""

    def __init__(self, levels, deadlines):
        self.levels = levels
        self.deadlines = deadlines
        self.rules = [rule for level in levels for rule in level["rules"]]
        self.signals = {name for rule in self.rules for kind, name in inputs(rule) if kind == "signal"}
        self.reset()

    def reset(self):
        self.level = 0
        self.initialised = False
        self.first_cause = None
        self.last_cause = -1
        self.seen_once = set()
        self.history = []  # of (now, admissible level), one per step

    def step(self, now, seen, safe):
        """One step; `now` None stands for a time that is none. `safe` tells for each level if the command fits it."""
        self.truths = [truth(rule, self.deadlines, seen, now) for rule in self.rules]
        self.seen_once |= {name for name in self.signals if present(seen.signals.get(name), now)}
        self.initialised = self.initialised or (now is not None and self.seen_once == self.signals)
        self.history.append((now, self.admissible()))

        if self.admissible() < self.level:
            self.level = self.admissible()
            self.last_cause = self.first_failing()
            self.first_cause = self.first_cause or (self.last_cause, now)
        elif self.initialised and self.admissible() > self.level:
            above = self.level + 1
            if self.held_for(above) >= self.levels[above]["dwell"] and safe[above]:
                self.level = above

    def admissible(self):
        """The highest level such that all rules of it and of those below it are certain."""
        number_of_rules = 0
        for index, level in enumerate(self.levels):
            number_of_rules += len(level["rules"])
            if self.truths[:number_of_rules] != [True] * number_of_rules:
                return index - 1
        return len(self.levels) - 1

    def first_failing(self):
        """Index of the first rule, levels in order, that is not certain; -1 if all are."""
        failing = [index for index, known in enumerate(self.truths) if known is not True]
        return failing[0] if failing else -1

    def deciding(self):
        """The rule that blocks the next level; where none does, the one that decided the last downgrade; -1: none."""
        blocked = self.admissible() == self.level < len(self.levels) - 1
        return self.first_failing() if blocked else self.last_cause

    def held_for(self, level):
        """How long, up to this step, the rules of `level` and below held without a break or a step back in time."""
        now = self.history[-1][0]
        since = None
        for index in reversed(range(len(self.history))):
            if self.history[index][1] < level:
                break
            since = self.history[index][0]
            earlier = self.history[index - 1][0] if index else None
            if earlier is not None and since < earlier:
                break
        return now - since

    def trusted(self, signal):
        """Whether every rule that speaks of this signal and of nothing else is certain; no such rule, no trust."""
        alone = [index for index, rule in enumerate(self.rules) if inputs(rule) == {("signal", signal)}]
        return bool(alone) and all(self.truths[index] is True for index in alone)


class Kernel:
    """The kernel of one row."""

    def __init__(self, design):
        self.seen = Information()
        self.functions = {name: Function(levels, design["deadlines"]) for name, levels in design["functions"].items()}

    def step(self, now, safe=None):
        """`safe`: function -> one Boolean per level. None: the caller has no safe sets, all commands fit."""
        if not isinstance(now, int) or not -(2**63) <= now < 2**63:
            now = None
        for name, function in self.functions.items():
            unsafe = [False] * len(function.levels)
            function.step(now, self.seen, [True] * len(function.levels) if safe is None else safe.get(name, unsafe))

    def reset(self):
        for function in self.functions.values():
            function.reset()

    def snapshot(self):
        return deepcopy((self.seen, self.functions))

    def restore(self, snapshot):
        self.seen, self.functions = deepcopy(snapshot)


DIGITS = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
UNIT = r"1/m|%|(?!and\b|or\b)[a-z][a-z0-9/]*"
TOKEN = re.compile(rf"\s*(>=|<=|[(),]|[A-Za-z_][\w.]*|{DIGITS}(?:\s*(?:{UNIT}))?)")


def read(text):
    """The rule that a well-formed text means; `not` binds closer than `and`, that closer than `or`."""
    tokens = [match.group(1) for match in TOKEN.finditer(text)]
    rule = read_or(tokens)
    assert not tokens, f"left over: {tokens}"
    return rule


def read_or(tokens):
    rules = [read_and(tokens)]
    while tokens[:1] == ["or"]:
        tokens.pop(0)
        rules.append(read_and(tokens))
    return rules[0] if len(rules) == 1 else ("or", *rules)


def read_and(tokens):
    rules = [read_not(tokens)]
    while tokens[:1] == ["and"]:
        tokens.pop(0)
        rules.append(read_not(tokens))
    return rules[0] if len(rules) == 1 else ("and", *rules)


def read_not(tokens):
    if tokens[0] == "not":
        tokens.pop(0)
        return ("not", read_not(tokens))
    if tokens[0] == "(":
        tokens.pop(0)
        rule = read_or(tokens)
        assert tokens.pop(0) == ")"
        return rule
    return read_call(tokens)


def read_call(tokens):
    kind = tokens.pop(0)
    assert tokens.pop(0) == "("
    if kind == "at_least":
        rest = [int(tokens.pop(0))]
        while tokens.pop(0) == ",":
            rest.append(read_or(tokens))
        return (kind, *rest)
    rest = [tokens.pop(0)]
    while tokens.pop(0) == ",":
        rest.append(number(tokens.pop(0)))
    if kind in ("alive", "within"):
        return (kind, *rest)
    assert tokens.pop(0) == {"validity": ">=", "cooperation": ">=", "age": "<=", "spread": "<="}[kind]
    limit = tokens.pop(0)
    if kind == "age":
        return (kind, *rest, duration(limit))
    return (kind, *rest, int(limit) if kind == "cooperation" else number(limit))


def duration(written):
    """'300 ms' or a bare number of seconds, in ns, exactly."""
    digits, unit = re.fullmatch(rf"({DIGITS})\s*(.*)", str(written)).groups()
    return Fraction(digits) * NANOSECONDS[unit or "s"]


def number(written):
    """'36 km/h' or a bare SI number, as the float nearest to it."""
    digits, unit = re.fullmatch(rf"({DIGITS})\s*(.*)", written).groups()
    return float(Fraction(digits) * SI[unit or "m"])
