"""Reading a safety design: what a good one becomes, and that a bad one gets all of its faults at once."""

import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from karyon.kernel import Age, Alive, Cooperation, Design, DesignError, Kernel, Spread, Validity, Within
from karyon.kernel.design import MOST_RULES, Component, Hazard, Signal
from karyon.kernel.timing import Timing

GOOD = {
    "name": "acc",
    "signals": {
        "front.distance": {"unit": "m", "tolerated": "150 cm", "noise": "2 mm", "bias_max": "5 cm", "period": "50 ms"},
        "own.speed": {"unit": "m/s"},
        "lead.message": {"unit": "message", "period": 0.1},
    },
    "components": {"perception": {"deadline": "150 ms"}},
    "peers": ["lead"],
    "functions": {
        "acc": {
            "levels": [
                {"name": "keep back", "controller": {"law": "cautious", "time_gap": 2.5}, "reaction_time": 1},
                {
                    "rules": ["validity(front.distance) >= 0.8", "alive(perception)", "within(own.speed, 0, 36 km/h)"],
                    "reach": "0.5 s",
                },
                {"name": "V2V", "dwell": "2 s", "rules": ["age(lead.message) <= 300 ms", "cooperation(lead) >= 2"]},
            ]
        }
    },
    "timing": {
        "kernel_period": "20 ms",
        "kernel_execution": "2 ms",
        "control_period": 0.02,
        "actuator_delay": "50 ms",
        "perception_period": "20 ms",
        "kernel_phase": "5 ms",
    },
    "hazards": {"collision": {"goal": "keep the safe distance", "ftti": "1 s", "function": "acc"}},
}
LEVELS = ("functions", "acc", "levels")
MINIMAL = {"name": "nothing", "functions": {"acc": {"levels": [{}]}}, "timing": GOOD["timing"]}


def changed(*path, to=None, base=GOOD):
    """A copy of a design with one entry replaced, or removed when `to` is None."""
    mapping = copy.deepcopy(base)
    place = mapping
    for step in path[:-1]:
        place = place[step]
    if to is None:
        del place[path[-1]]
    else:
        place[path[-1]] = to
    return mapping


def faults_of(mapping):
    with pytest.raises(DesignError) as caught:
        Design.parse(mapping)
    assert str(caught.value).splitlines() == [str(fault) for fault in caught.value.faults]
    return caught.value.faults


def test_a_good_design_is_read_in_si_units():
    design = Design.parse(GOOD)
    assert design.name == "acc"
    assert design.signals == (
        Signal("front.distance", "m", tolerated=1.5, period=0.05, noise=0.002, bias_max=0.05),
        Signal("own.speed", "m/s", tolerated=None, period=None, noise=None, bias_max=None),
        Signal("lead.message", "message", tolerated=None, period=0.1, noise=None, bias_max=None),
    )
    assert design.components == (Component("perception", 0.15),)
    assert design.peers == ("lead",)
    assert design.timing == Timing(0.02, 0.02, 0.02, 0.002, 0.05, kernel_phase=0.005)
    assert design.hazards == (Hazard("collision", "keep the safe distance", 1.0, "acc"),)


def test_levels_have_their_rules_and_defaults():
    stop, radar, v2v = Design.parse(GOOD).function("acc").levels
    assert (stop.name, stop.rules, stop.controller, stop.reaction_time) == (
        "keep back",
        (),
        {"law": "cautious", "time_gap": 2.5},
        1.0,
    )
    assert radar.rules == (Validity("front.distance", 0.8), Alive("perception"), Within("own.speed", 0.0, 10.0))
    assert (radar.name, radar.dwell, radar.reach, radar.reaction_time, radar.controller) == (
        "LoS 1",
        1.0,
        0.5,
        None,
        {},
    )
    assert (v2v.name, v2v.dwell, v2v.reach) == ("V2V", 2.0, 0.0)


def test_a_parameter_of_a_controller_may_be_anything_that_is_finite():
    parameters = {"gain": -0.5, "limit": "3.5 m/s2", "mode": "eco", "count": 2}
    design = Design.parse(changed(*LEVELS, 1, "controller", to=parameters))
    assert design.function("acc").levels[1].controller == parameters


def test_rules_are_cumulative():
    function = Design.parse(GOOD).function("acc")
    assert function.ends == (0, 3, 5)
    assert function.rules[3:] == (Age("lead.message", 0.3), Cooperation("lead", 2))
    assert function.signals == ("front.distance", "own.speed", "lead.message")


def test_the_smallest_design():
    design = Design.parse(MINIMAL)
    assert (design.signals, design.components, design.peers, design.hazards) == ((), (), (), ())
    assert design.function("acc").ends == (0,)


def test_a_design_may_name_its_safety_case():
    """What is in it is not for the kernel."""
    assert Design.parse(GOOD | {"safety_case": "cases/acc.yaml"}) == Design.parse(GOOD)


def test_phases_may_be_left_out():
    assert Design.parse(changed("timing", "kernel_phase")).timing == Timing(0.02, 0.02, 0.02, 0.002, 0.05)


def test_a_design_travels_between_processes():
    design = Design.parse(GOOD)
    assert pickle.loads(pickle.dumps(design)) == design


def test_levels_above_a_limit_are_dropped():
    design = Design.parse(GOOD)
    assert [len(design.limited("acc", most).function("acc").levels) for most in (0, 1, 2, 99)] == [1, 2, 3, 3]
    assert design.limited("acc", 2) == design
    assert design.limited("acc", 1).signals == design.signals


def test_only_the_named_function_is_limited():
    mapping = changed("functions", "flight", to=GOOD["functions"]["acc"])
    design = Design.parse(mapping).limited("flight", 0)
    assert [len(function.levels) for function in design.functions] == [3, 1]


def test_limits_that_mean_nothing():
    with pytest.raises(KeyError):
        Design.parse(GOOD).limited("flight", 1)
    with pytest.raises(ValueError, match="LoS 0 is always there, found a limit of -1"):
        Design.parse(GOOD).limited("acc", -1)
    with pytest.raises(KeyError):
        Design.parse(GOOD).function("flight")


KNOWN_LEVEL = "known: name rules dwell controller reaction_time reach"
SI = "units: 1 s m m/s m/s2 m/s3 1/m 1/s rad rad/s message"
FAULTY = [
    # keys
    (changed("nmae", to="x"), ("nmae",), "unknown key `nmae`", "did you mean `name`?"),
    (changed("name"), (), "`name` is missing", ""),
    (changed("timing"), (), "`timing` is missing", ""),
    (changed("functions"), (), "`functions` is missing", ""),
    (changed(*LEVELS, 1, "colour", to="red"), (*LEVELS, 1, "colour"), "unknown key `colour`", KNOWN_LEVEL),
    (changed(*LEVELS, 1, 7, to="red"), (*LEVELS, 1, 7), "unknown key 7", KNOWN_LEVEL),
    (changed(*LEVELS, 1, (1, 2), to="red"), (*LEVELS, 1, "(1, 2)"), "unknown key a list", KNOWN_LEVEL),
    # shapes
    (None, (), "expected a mapping, found nothing", ""),
    ([], (), "expected a mapping, found a list", ""),
    (changed("name", to=7), ("name",), "expected a text, found 7", ""),
    (changed("name", to=" "), ("name",), "expected a text, found ` `", ""),
    (changed("signals", "own.speed", to="m/s"), ("signals", "own.speed"), "expected a mapping, found `m/s`", ""),
    (changed("components", to=["perception"]), ("components",), "expected a mapping by name, found a list", ""),
    (changed("peers", to="lead"), ("peers",), "expected a list, found `lead`", ""),
    (changed("functions", to={}), ("functions",), "a design needs at least one function, found none", ""),
    (changed("functions", to=[1]), ("functions",), "expected a mapping by name, found a list", ""),
    (changed(*LEVELS, to={}), LEVELS, "expected a list, found a mapping", ""),
    (
        changed(*LEVELS, 2, "rules", to="alive(perception)"),
        (*LEVELS, 2, "rules"),
        "expected a list, found `alive(perception)`",
        "",
    ),
    (changed(*LEVELS, 1, to=False), (*LEVELS, 1), "expected a mapping, found `false`", ""),
    # names
    (
        changed("signals", "front distance", to={"unit": "m"}),
        ("signals", "front distance"),
        "expected a dotted name such as `front.distance`, found `front distance`",
        "",
    ),
    (
        changed("signals", 3, to={"unit": "m"}),
        ("signals", 3),
        "expected a dotted name such as `front.distance`, found 3",
        "",
    ),
    (
        changed(*LEVELS, 0, "controller", "time gap", to=2.5),
        (*LEVELS, 0, "controller", "time gap"),
        "expected a dotted name such as `front.distance`, found `time gap`",
        "",
    ),
    (changed("peers", to=["lead", ""]), ("peers", 1), "expected a dotted name such as `front.distance`, found ``", ""),
    (changed("peers", to=["lead", "lead"]), ("peers", 1), "peer `lead` is named twice", ""),
    (changed(*LEVELS, 2, "name", to="keep back"), (*LEVELS, 2, "name"), "level `keep back` is named twice", ""),
    (changed(*LEVELS, 2, "name", to="LoS 1"), (*LEVELS, 2, "name"), "level `LoS 1` is named twice", ""),
    # signals and components
    (changed("signals", "own.speed", "unit"), ("signals", "own.speed"), "`unit` is missing", ""),
    (
        changed("signals", "own.speed", "unit", to="km/h"),
        ("signals", "own.speed", "unit"),
        "expected an SI unit or `message`, found `km/h`",
        SI,
    ),
    (
        changed("signals", "own.speed", "unit", to=1),
        ("signals", "own.speed", "unit"),
        "expected an SI unit or `message`, found 1",
        SI,
    ),
    (
        changed("signals", "front.distance", "tolerated", to="1 s"),
        ("signals", "front.distance", "tolerated"),
        "expected a quantity in m, found the unit `s`",
        "units: m mm cm km ft NM",
    ),
    (
        changed("signals", "front.distance", "noise", to="1 s"),
        ("signals", "front.distance", "noise"),
        "expected a quantity in m, found the unit `s`",
        "units: m mm cm km ft NM",
    ),
    (
        changed("signals", "front.distance", "bias_max", to="1 s"),
        ("signals", "front.distance", "bias_max"),
        "expected a quantity in m, found the unit `s`",
        "units: m mm cm km ft NM",
    ),
    (
        changed("signals", "front.distance", "tolerated", to=0),
        ("signals", "front.distance", "tolerated"),
        "expected more than 0, found 0",
        "",
    ),
    (
        changed("signals", "front.distance", "period", to="soon"),
        ("signals", "front.distance", "period"),
        "expected a number with its unit, found `soon`",
        "",
    ),
    (changed("components", "perception", "deadline"), ("components", "perception"), "`deadline` is missing", ""),
    (
        changed("components", "perception", "deadline", to=0.0),
        ("components", "perception", "deadline"),
        "expected more than 0, found 0",
        "",
    ),
    (
        changed("components", "perception", "deadline", to=True),
        ("components", "perception", "deadline"),
        "expected a number, found `true`",
        "",
    ),
    (
        changed("components", "perception", "deadline", to="150 sm"),
        ("components", "perception", "deadline"),
        "unknown unit `sm`",
        "did you mean `s`?",
    ),
    # levels
    (changed("functions", "acc", "levels"), ("functions", "acc"), "`levels` is missing", ""),
    (changed(*LEVELS, to=[]), LEVELS, "a function needs at least LoS 0, found no level", ""),
    (
        changed(*LEVELS, 0, "rules", to=["alive(perception)"]),
        (*LEVELS, 0, "rules"),
        "LoS 0 has no rules: it is always admissible",
        "",
    ),
    (changed(*LEVELS, 1, "rules"), (*LEVELS, 1), "LoS 1 needs at least one rule", ""),
    (changed(*LEVELS, 1, "rules", to=[]), (*LEVELS, 1), "LoS 1 needs at least one rule", ""),
    (changed(*LEVELS, 1, "dwell", to=-1), (*LEVELS, 1, "dwell"), "expected at least 0, found -1", ""),
    (changed(*LEVELS, 1, "dwell", to=float("nan")), (*LEVELS, 1, "dwell"), "a number must be finite, found nan", ""),
    (
        changed(*LEVELS, 1, "reach", to=10**400),
        (*LEVELS, 1, "reach"),
        "a number must be finite, found a huge number",
        "",
    ),
    (changed(*LEVELS, 1, "reach", to="1e999 s"), (*LEVELS, 1, "reach"), "a number must be finite, found `1e999`", ""),
    (
        changed(*LEVELS, 1, "reaction_time", to="0 s"),
        (*LEVELS, 1, "reaction_time"),
        "expected more than 0, found 0",
        "",
    ),
    (
        changed(*LEVELS, 1, "controller", to="time gap"),
        (*LEVELS, 1, "controller"),
        "expected a mapping of parameters, found `time gap`",
        "",
    ),
    (
        changed(*LEVELS, 0, "controller", "time_gap", to=float("inf")),
        (*LEVELS, 0, "controller", "time_gap"),
        "a number must be finite, found inf",
        "",
    ),
    (
        changed(*LEVELS, 0, "controller", "law", to=[]),
        (*LEVELS, 0, "controller", "law"),
        "expected a number, found a list",
        "",
    ),
    (changed(*LEVELS, 1, "name", to=[]), (*LEVELS, 1, "name"), "expected a text, found a list", ""),
    # timing and hazards
    (changed("timing", "kernel_period"), ("timing",), "`kernel_period` is missing", ""),
    (changed("timing", "kernel_period", to=0), ("timing", "kernel_period"), "expected more than 0, found 0", ""),
    (
        changed("timing", "actuator_delay", to="1 m"),
        ("timing", "actuator_delay"),
        "expected a quantity in s, found the unit `m`",
        "units: s ns us ms min",
    ),
    (changed("timing", to=20), ("timing",), "expected a mapping, found 20", ""),
    (changed("hazards", "collision", to=3), ("hazards", "collision"), "expected a mapping, found 3", ""),
    (changed("hazards", "collision", "ftti"), ("hazards", "collision"), "`ftti` is missing", ""),
    (changed("hazards", "collision", "goal"), ("hazards", "collision"), "`goal` is missing", ""),
    (
        changed("hazards", "collision", "function", to=3),
        ("hazards", "collision", "function"),
        "expected a text, found 3",
        "",
    ),
    (changed("hazards", "collision", "goal", to=3), ("hazards", "collision", "goal"), "expected a text, found 3", ""),
    (
        changed("hazards", "collision", "ftti", to=0),
        ("hazards", "collision", "ftti"),
        "expected more than 0, found 0",
        "",
    ),
    (
        changed("hazards", "collision", "ftti", to="1 m"),
        ("hazards", "collision", "ftti"),
        "expected a quantity in s, found the unit `m`",
        "units: s ns us ms min",
    ),
    (
        changed("hazards", "collision", "function", to="ac"),
        ("hazards", "collision", "function"),
        "unknown function `ac`",
        "did you mean `acc`?",
    ),
]


@pytest.mark.parametrize(("mapping", "path", "message", "hint"), FAULTY, ids=[fault[2] for fault in FAULTY])
def test_a_fault_is_placed_and_explained(mapping, path, message, hint):
    """One thing wrong gives one fault."""
    (fault,) = faults_of(mapping)
    assert (fault.path, fault.column, fault.message, fault.hint) == (path, None, message, hint)


@pytest.mark.parametrize(
    ("rule", "column", "message", "hint"),
    [
        ("validty(front.distance) >= 0.8", 1, "unknown term `validty`", "did you mean `validity`?"),
        ("age(front.distanc) <= 1 s", 5, "unknown signal `front.distanc`", "did you mean `front.distance`?"),
        (
            "alive(perception) and alive( preception )",
            30,
            "unknown component `preception`",
            "did you mean `perception`?",
        ),
        ("cooperation(front.distance) >= 1", 13, "unknown peer `front.distance`", ""),
        ("age(age) <= 1", 5, "unknown signal `age`", ""),
        ("within(own.speed, 0, 36 km)", 22, "expected a quantity in m/s, found the unit `km`", "units: m/s km/h kn"),
        (
            "within(lead.message, 0, 1)",
            8,
            "lead.message is a message, there is no number to compare",
            "age or validity",
        ),
        ("spread(lead.message) <= 1", 8, "lead.message is a message, there is no number to compare", "age or validity"),
        (0.8, 1, "expected the text of a rule, found 0.8", ""),
    ],
)
def test_a_faulty_rule_is_placed_inside_its_text(rule, column, message, hint):
    (fault,) = faults_of(changed(*LEVELS, 2, "rules", 1, to=rule))
    assert fault.path == (*LEVELS, 2, "rules", 1)
    assert (fault.column, fault.message, fault.hint) == (column, message, hint)


def test_a_faulty_signal_is_not_also_unknown_to_the_rules():
    (fault,) = faults_of(changed("signals", "own.speed", "unit", to="parsec"))
    assert fault.path == ("signals", "own.speed", "unit")


@pytest.mark.parametrize(
    "place",
    [
        ("signals", "own.speed", "period"),
        ("components", "perception", "deadline"),
        (*LEVELS, 1, "dwell"),
        (*LEVELS, 1, "reach"),
        (*LEVELS, 1, "reaction_time"),
        ("timing", "kernel_phase"),
        ("hazards", "collision", "ftti"),
    ],
)
def test_a_duration_is_no_length(place):
    (fault,) = faults_of(changed(*place, to="1 m"))
    assert (fault.path, fault.message) == (place, "expected a quantity in s, found the unit `m`")


def test_a_name_that_is_unknown_twice_in_a_rule_is_one_fault():
    (fault,) = faults_of(changed(*LEVELS, 2, "rules", 1, to="age(ghost) <= 1 and validity(ghost) >= 0.5"))
    assert fault.message == "unknown signal `ghost`"


def test_all_faults_come_at_once():
    mapping = changed("timing", "kernel_period", to=-1)
    mapping["peers"] = ["lead", "lead"]
    mapping["functions"]["acc"]["levels"][2]["rules"] = ["age(lead.mesage) <= 1", "alive(", "spread(own.speed) <= 1 s"]
    del mapping["name"]
    assert [fault.path for fault in faults_of(mapping)] == [
        (),
        ("peers", 1),
        (*LEVELS, 2, "rules", 0),
        (*LEVELS, 2, "rules", 1),
        (*LEVELS, 2, "rules", 2),
        ("timing", "kernel_period"),
    ]


def test_peers_after_a_faulty_one_are_read():
    faults = faults_of(changed("peers", to=["", "lead", "the leader"]))
    assert [fault.path for fault in faults] == [("peers", 0), ("peers", 2)]


def test_a_misspelt_key_is_not_also_missing():
    mapping = changed("timing", "kernel_period")
    mapping["timing"]["kernel_perod"] = "20 ms"
    (fault,) = faults_of(mapping)
    assert str(fault) == "timing.kernel_perod: unknown key `kernel_perod` (did you mean `kernel_period`?)"


def test_the_text_of_a_fault_names_place_and_column():
    (top,) = faults_of([])
    assert str(top) == "design: expected a mapping, found a list"
    (rule,) = faults_of(changed(*LEVELS, 2, "rules", 1, to="alive(radio)"))
    assert str(rule) == "functions.acc.levels.2.rules.1, column 7: unknown component `radio`"


def test_levels_and_rules_are_bounded():
    level = {"rules": ["alive(perception)"]}
    (fault,) = faults_of(changed(*LEVELS, to=[{}] + [level] * 128))
    assert fault.message == "a function has at most 128 levels, found 129"
    (fault,) = faults_of(changed(*LEVELS, to=[{}, {"rules": ["alive(perception)"] * (MOST_RULES + 1)}]))
    assert fault.message == "a function has at most 1000 rules, found 1001"
    largest = Design.parse(changed(*LEVELS, to=[{}] + [level] * 127))
    assert Kernel(largest, 1).step(0)["acc"].level.tolist() == [0]
    most = Design.parse(changed(*LEVELS, to=[{}, {"rules": ["alive(perception)"] * MOST_RULES}]))
    assert most.function("acc").ends == (0, MOST_RULES)


def test_rules_of_a_level_with_a_fault_are_counted():
    level = {"rules": ["alive(perception)"] * (MOST_RULES + 1), "dwell": "1 m"}
    dwell, rules = faults_of(changed(*LEVELS, to=[{}, level]))
    assert (dwell.path, rules.path) == ((*LEVELS, 1, "dwell"), LEVELS)


def test_declared_units_are_checked_for_every_signal_of_the_file():
    rules = Design.parse(changed(*LEVELS, 2, "rules", to=["spread(front.distance) <= 50 cm"])).function("acc").rules
    assert rules[-1] == Spread("front.distance", 0.5)


junk = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(max_size=5),
        st.sampled_from(["rules", "m", "1 s"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5) | st.integers(), inner, max_size=3)
    ),
    max_leaves=8,
)


def places(found, path=()):
    """Paths of all entries inside a mapping."""
    entries = found.items() if isinstance(found, dict) else enumerate(found) if isinstance(found, list) else ()
    for key, inner in entries:
        yield (*path, key)
        yield from places(inner, (*path, key))


@given(st.sampled_from(list(places(GOOD))), junk.filter(lambda found: found is not None))
def test_junk_anywhere_is_a_design_or_a_design_error(place, found):
    try:
        design = Design.parse(changed(*place, to=found))
    except DesignError as error:
        assert error.faults
        assert all(fault.message.isprintable() for fault in error.faults)
    else:
        assert Kernel(design, 1).step(0)


@given(junk)
def test_junk_as_a_whole_is_a_design_error(found):
    assert faults_of(found)
