"""Sensors files: what they say of a log, and how a bad one is refused."""

import json
import sys
from pathlib import Path

import jsonschema
import pytest

from karyon.logs import schema, sensors_file
from karyon.perception.residuals import Kind
from karyon.sim import documents
from karyon.sim.documents import InputError
from karyon.sim.schema import main
from tests.blocks import files

GOOD = """\
kind: signals
period: 100 ms
time: {column: t, unit: ms}
signals:
  "speed{k}": {column: "v{k}", unit: m/s, range: [0, 60], noise: 0.02, tolerated: 0.8}
  acceleration: {unit: m/s2, noise: 0.1, tolerated: 0.5, inertia: false, rest: 0}
relations:
  - {signal: acceleration, rate_of: "speed{k}", ahead: 0.3 s, noise: 0.1}
events: [["speed{k}", acceleration]]
"""

RECEPTION = '{signal: "speed{k}", density: "cn{k}", elevation: "el{k}", floor: 1, noise: 3}'


def written(folder, text):
    """The text as a file."""
    path = folder / "sensors.yaml"
    path.write_text(text, "utf-8")
    return path


def test_a_name_with_a_place_holder_stands_for_all_columns_that_fit(tmp_path):
    """In the order of the log; what is absent takes its default."""
    described = sensors_file.read(written(tmp_path, GOOD))
    bound = described.bound(("t", "v7", "v2", "acceleration", "v"))
    assert bound.columns == ("v7", "v2", "acceleration")
    assert [signal.name for signal in bound.signals] == ["speed7", "speed2", "acceleration"]
    assert bound.signals[0].age_limit == pytest.approx(0.35)
    assert (bound.signals[2].inertia, bound.signals[2].rest) == (False, 0.0)


def test_a_relation_is_bound_to_the_signals_of_the_log(tmp_path):
    """With its shift in samples."""
    text = GOOD.replace("speed{k}", "speed").replace("v{k}", "v")
    bound = sensors_file.read(written(tmp_path, text)).bound(("t", "v", "acceleration"))
    (relation,) = bound.relations
    assert (relation.signal, relation.source, relation.kind, relation.shift) == (1, 0, Kind.RATE, 3)


def test_a_group_is_bound_to_all_signals_it_names(tmp_path):
    """Also to those that a name with a place holder stands for."""
    described = sensors_file.read(written(tmp_path, GOOD))
    assert described.bound(("t", "v7", "v2", "acceleration")).events == ((0, 1, 2),)


def test_ranges_are_bound_to_all_signals_that_a_name_stands_for(tmp_path):
    """Each with the tolerated error of its own description."""
    ranging = 'ranging: [{signal: "speed{k}", to: [x, y], noise: 0.1, detour: 0.5, acceleration: 1}]\n'
    found = sensors_file.read(written(tmp_path, GOOD + ranging)).bound(("t", "v7", "v2", "acceleration")).beside
    assert [(each.signal, each.known.tolerated, each.columns) for each in found] == [
        (0, 0.8, ("x", "y")),
        (1, 0.8, ("x", "y")),
    ]


def test_a_number_stands_in_the_columns_of_a_reception_too(tmp_path):
    """One satellite per column."""
    text = GOOD + f"reception: [{RECEPTION}]\n"
    found = sensors_file.read(written(tmp_path, text)).bound(("t", "v7", "v2", "acceleration")).beside
    assert [(each.signal, each.columns) for each in found] == [(0, ("cn7", "el7")), (1, ("cn2", "el2"))]


@pytest.mark.parametrize(
    ("wrong", "right", "message"),
    [
        ("kind: signals", "kind: signal", "1:7: error: kind is one of signals, messages, found signal"),
        ("kind: signals\n", "", "1:1: error: a sensors file needs `kind`"),
        ("period: 100 ms\n", "", "1:1: error: a sensors file needs `period`"),
        ("unit: ms", "unit: min", "3:25: error: time.unit is one of s, ms, us, ns, samples, found min"),
        ("noise: 0.1, tol", "nois: 0.1, tol", "6:30: error: signals.acceleration has no field `nois`"),
        ("tolerated: 0.5", "tolerated: -1", "6:53: error: signals.acceleration.tolerated is a number above 0, at most"),
        ('rate_of: "speed{k}"', "rate_of: sped", "8:37: error: relations[0].rate_of names no signal of this file"),
        ('rate_of: "speed{k}", ', "", "8:5: error: relations[0] needs `same_as` or `rate_of` or `integral_of`"),
        (
            'rate_of: "speed{k}"',
            "rate_of: acceleration, same_as: acceleration",
            "8:28: error: relations[0] has `same_as` and `rate_of`",
        ),
        (
            'rate_of: "speed{k}"',
            "rate_of: acceleration",
            "8:37: error: relations[0].rate_of is the signal itself",
        ),
        ("range: [0, 60]", "range: [60, 0]", "range ends where it begins, or below"),
        (", acceleration]]", ", accelerator]]", "9:23: error: events[0][1] names no signal of this file"),
        (", acceleration]]", "]]", "events[0] is a list of at least 2"),
        (", rest: 0", ", series: false", "8:5: error: relations[0] compares rows of `acceleration`"),
        (", tolerated: 0.8", ", tolerated: 0.8, series: false", "8:5: error: relations[0] compares rows of `speed{k}`"),
        (
            "  acceleration: {",
            "  range: {noise: 1, tolerated: 2, series: false, rate_limit: 3, detectors: [noise]}\n  acceleration: {",
            "6:50: error: signals.range.rate_limit compares a row with the one before",
        ),
        (
            "inertia: false,",
            "inertia: false, detectors: [track],",
            "6:86: error: signals.acceleration.detectors[0] needs a relation `integral_of` of `acceleration`",
        ),
        ("events:", "fused: {s: {of: [acceleration, speed]}}\nevents:", "9:32: error: fused.s.of[1] names no signal"),
        (
            "events:",
            "fused: {s: {of: [acceleration]}}\nevents:",
            "9:17: error: fused.s.of names 1, expected at least 3",
        ),
        (
            "events:",
            "fused: {acceleration: {of: ['speed{k}']}}\nevents:",
            "9:9: error: fused.acceleration has the name",
        ),
        (
            "events:",
            "fused: {speed7: {of: ['speed{k}']}}\nevents:",
            "9:9: error: fused.speed7 has the name of a signal",
        ),
        (
            "events:",
            "fused: {s: {of: ['speed{k}', 'speed{k}']}}\nevents:",
            "9:30: error: fused.s.of[1] is there twice",
        ),
        (
            "events:",
            f"reception: [{RECEPTION.replace('el{k}', 'cn{k}')}]\nevents:",
            "9:63: error: reception[0].elevation is the column of the density",
        ),
        ("events:", f"reception: [{RECEPTION}, {RECEPTION}]\nevents:", "reception has two entries for `speed{k}`"),
    ],
)
def test_a_bad_file_says_where_and_what(tmp_path, wrong, right, message):
    """One fault of each kind."""
    assert wrong in GOOD
    with pytest.raises(InputError) as refused:
        sensors_file.read(written(tmp_path, GOOD.replace(wrong, right)))
    assert message in str(refused.value)


def test_all_faults_come_at_once(tmp_path):
    """Not one after the other."""
    text = GOOD.replace("period: 100 ms", "period: 0").replace("tolerated: 0.8", "tolerated: much")
    with pytest.raises(InputError) as refused:
        sensors_file.read(written(tmp_path, text))
    assert len(refused.value.faults) == 2


def test_an_unknown_name_gets_the_nearest_one():
    """And the list of what is shipped."""
    with pytest.raises(InputError, match="did you mean `openacc`"):
        sensors_file.read("openac")


def test_a_file_of_the_user_goes_before_a_shipped_one(tmp_path, monkeypatch):
    """A file `spmd` in the current folder is meant."""
    monkeypatch.chdir(tmp_path)
    Path("spmd").write_text(GOOD, "utf-8")
    assert "acceleration" in sensors_file.read("spmd").signals


def test_the_schema_is_up_to_date_and_one():
    """`python -m karyon.logs.schema` was run after the last change."""
    assert main(["--check"], schema.files()) == 0
    for text in schema.files().values():
        jsonschema.Draft202012Validator.check_schema(json.loads(text))


@pytest.mark.parametrize("path", sensors_file.shipped().values(), ids=sensors_file.shipped())
def test_shipped_files_are_valid_by_the_schema(path):
    """Their first line names it, so editors complete them."""
    assert path.read_text("utf-8").startswith("# yaml-language-server: $schema=../schema/sensors.json\n")
    jsonschema.validate(documents.load(path).data, schema.sensors())


def test_the_examples_of_the_manual_are_ones(tmp_path, monkeypatch):
    """The descriptions in docs/perceive.md, one of which names a check that is there, too."""
    monkeypatch.chdir(tmp_path)
    for name, text in files("perceive.md").items():
        Path(name).write_text(text, "utf-8")
    read = {path.name: sensors_file.read(path) for path in Path().glob("*.yaml")}
    sys.modules.pop("my_checks")
    assert len(read) == 4
    assert len(read["own.yaml"].relations) == 2
