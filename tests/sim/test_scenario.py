"""Scenario files: what they may say, how they are found and changed, and what the user reads of a bad one.

A bad file in `bad/` is named after its fault; beside it stands the exact text that the user sees. Files named
`design_...` are safety designs.
"""

import json
import random
import re
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from karyon.sim import documents, kinds, safety_file, scenario, schema
from karyon.sim.documents import InputError
from karyon.sim.failure_modes import (
    COMPONENT_MODES,
    COMPONENTS,
    MESSAGE_MODES,
    OBJECT_MODES,
    RECEIVED,
    SAID_MODES,
    SIGNAL_MODES,
    SIGNALS,
    modes_of,
)
from karyon.sim.shipped import SHIPPED, shipped_scenarios
from tests.blocks import files

HERE = Path(__file__).parent
BAD = sorted((HERE / "bad").glob("*.yaml"))
SCENARIO = jsonschema.Draft202012Validator(schema.scenario())
CARS = {
    name: path
    for name, path in shipped_scenarios().items()
    if kinds.function_of(kinds.read(name)) == kinds.CAR_FOLLOWING
}
LEAST = f"kind: acc\nleader: {{speed: [[0 s, 25 m/s]]}}\nsafety: {HERE / 'design.yaml'}\n"


@pytest.fixture
def write(tmp_path):
    """Writes a file and returns its path."""

    def write(text, name="scenario.yaml"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return write


def refusal(path, *overrides, **options):
    with pytest.raises(InputError) as error:
        scenario.read(path, overrides, **options)
    return documents.report(error.value.faults, "nothing was run")


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_the_user_reads_exactly_this_of_a_bad_file(path, monkeypatch):
    """All faults at once, each with its place, what was found, what was expected, and what to do."""
    monkeypatch.chdir(path.parent)
    read = safety_file.read_design if path.name.startswith("design_") else scenario.read
    with pytest.raises(InputError) as error:
        read(Path(path.name))
    assert documents.report(error.value.faults, "nothing was run") + "\n" == path.with_suffix(".txt").read_text("utf-8")


def test_every_text_belongs_to_a_bad_file():
    """None is left over of a file that is gone."""
    assert {path.stem for path in (HERE / "bad").glob("*.txt")} == {path.stem for path in BAD}


@pytest.mark.parametrize("name", list(CARS))
def test_a_shipped_scenario_is_read_by_its_name(name, monkeypatch, tmp_path):
    """From any folder; it is undisturbed, as long as its neighbours, and its own dump is the same scenario."""
    monkeypatch.chdir(tmp_path)
    loaded = scenario.read(name)
    assert (loaded.name, loaded.warnings) == (name, ())
    disturbed = loaded.scenario.faults or loaded.scenario.cut_ins or not loaded.scenario.radio.is_perfect
    assert not disturbed or "extends:" in loaded.text  # what disturbs is in files that extend
    vehicles, design = (8, "platoon") if name.startswith("platoon") else (2, "acc")
    design = name if name.startswith("hil_") else design
    vehicles, design = (5, "platoon") if name == "hil_phone" else (vehicles, design)
    assert (loaded.scenario.duration, loaded.scenario.seed, loaded.scenario.vehicles) == (120.0, 7, vehicles)
    assert loaded.text == (SHIPPED / f"{name}.yaml").read_text("utf-8")
    dumped = scenario.dump(loaded)
    assert f"safety: safety/{design}.yaml" in dumped
    Path("as_run.yaml").write_text(dumped, "utf-8")
    again = scenario.read("as_run.yaml")
    assert again.scenario == loaded.scenario
    assert again.design == loaded.design


def test_defaults_are_those_of_a_common_car(write):
    """A scenario that says only what it must."""
    plain = scenario.read(write(LEAST)).scenario
    assert (plain.duration, plain.seed, plain.vehicles, plain.wall_limit) == (120.0, 0, 2, 600.0)
    assert plain.leader.speed == ((0.0, 25.0),)
    assert plain.sensors["front.distance"].range == 150.0
    assert plain.sensors["own.position"].bias == 0.5
    assert [plain.sensors[signal].period for signal in ("own.speed", "own.position")] == [0.05, 0.1]
    assert plain.kernel.enabled
    assert plain.acc.max_los is None


def test_an_option_wins_over_the_seed_and_this_over_the_file(write):
    """`--set seed=` over `--seed` over `seed:`."""
    path = write(LEAST + "seed: 1\n")
    assert scenario.read(path).scenario.seed == 1
    assert scenario.read(path, seed=2).scenario.seed == 2
    assert scenario.read(path, ["seed=3"], seed=2).scenario.seed == 3


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("radio.loss=10 %", lambda s: s.radio.loss == 0.1),
        ("radio={loss: 0.1}", lambda s: s.radio.loss == 0.1 and s.radio.latency == 0.3),
        ("sensors.front.distance.sigma=20 cm", lambda s: s.sensors["front.distance"].sigma == 0.2),
        ("sensors.front.distance={sigma: 1}", lambda s: s.sensors["front.distance"].sigma == 1.0),
        ("kernel.enabled=false", lambda s: not s.kernel.enabled),
        ("acc.max_los=1", lambda s: s.acc.max_los == 1),
        ("faults=", lambda s: s.faults == ()),
        ("faults=[]", lambda s: s.faults == ()),
        ("faults=[{vehicle: all, signal: own.speed, mode: drift, onset: 6, rate: 1}]",
         lambda s: (s.faults[0].vehicle, s.faults[0].parameters) == ("all", {"rate": 1.0})),
        ("leader.speed=[[0, 90 km/h]]", lambda s: s.leader.speed == ((0.0, 25.0),)),
        (" duration = 60", lambda s: s.duration == 60.0),
    ],
)  # fmt: skip
def test_an_option_takes_the_place_of_what_the_file_says(write, option, value):
    """Its value is YAML, its path may have a signal's dots in it."""
    text = (
        LEAST + "radio: {loss: 0, latency: 300 ms}\nfaults: [{vehicle: 1, component: radio, mode: crash, onset: 3}]\n"
    )
    assert value(scenario.read(write(text), [option.strip()]).scenario)


@pytest.mark.parametrize(
    ("option", "text"),
    [
        (
            "radio.lss=1",
            "radio has no field `lss`\n     | --set radio.lss=1\n     |             ^^^ did you mean `loss`?",
        ),
        ("radio.loss=9", "found 9\n     | --set radio.loss=9\n     |                  ^ for 9 % write 0.09"),
        ("radio", "expected PATH=VALUE\n     | --set radio\n     |       ^^^^^ for example radio.loss=0.1"),
        ("sensors.front.distanc.sigma=1", "^^^^^^^^^^^^^ did you mean `front.distance`?"),
        ("radio.loss={", "not YAML"),
        ("a" + ".a" * 100 + "=1", "expected PATH=VALUE"),
        ("..=1", "expected PATH=VALUE"),
        ("extends=acc_profile.yaml", "a scenario has no field `extends`"),
        ("seed=\udcff", "U+DCFF"),
        ("leader.recording=nowhere.csv", "leader.recording names a file that is not there: nowhere.csv"),
    ],
)
def test_a_fault_of_an_option_is_shown_in_the_option(write, option, text):
    """With a caret, as in a file."""
    said = refusal(write(LEAST), option)
    assert said.startswith("--set ")
    assert text in said
    assert said.encode()


def test_faults_of_all_options_are_told_at_once(write):
    """And those of the file with them."""
    said = refusal(write(LEAST + "duration: 0\n"), "radio.lss=1", "vehicles=1", seed=-1)
    assert [line.split(": ")[0].split("/")[-1] for line in said.splitlines() if " error: " in line] == [
        "--seed -1",
        "--set radio.lss=1",
        "--set vehicles=1",
        "scenario.yaml:4:11",
    ]


def test_a_scenario_changes_the_one_that_it_extends(write):
    """Mappings merge, everything else is replaced; a fault is shown in the file that it is in."""
    write(
        LEAST + "radio: {loss: 0.1, latency: 1 s}\nfaults: [{vehicle: 1, component: radio, mode: crash, onset: 3}]\n",
        "a.yaml",
    )
    changed = scenario.read(write("extends: a.yaml\nradio: {loss: 0.2}\nfaults: []\n", "b.yaml")).scenario
    assert (changed.radio.loss, changed.radio.latency, changed.faults) == (0.2, 1.0, ())
    again = scenario.read(write("extends: b.yaml\nduration: 9 s\n", "c.yaml")).scenario
    assert (again.radio.loss, again.duration) == (0.2, 9.0)
    write("extends: a.yaml\nradio: {loss: 20}\n", "b.yaml")
    assert "b.yaml:2:15: error: radio.loss is a share" in refusal(write("extends: b.yaml\n", "c.yaml"))


def test_another_loss_takes_the_place_of_the_old_one(write):
    """A file or an option that chooses a model need not first remove the loss of the file that it extends."""
    write(LEAST + "radio: {loss: 0.1, load: {}, latency: 1 s}\n", "a.yaml")
    bursts = scenario.read(write("extends: a.yaml\nradio: {bursts: {loss: 0.2, length: 3}}\n", "b.yaml")).scenario.radio
    assert (bursts.loss, bursts.bursts.length, bursts.latency) == (None, 3.0, 1.0)
    slots = scenario.read(write("extends: a.yaml\n", "c.yaml"), ["radio.tdma={}"])
    assert (slots.scenario.radio.load, slots.scenario.radio.tdma.slots) == (None, 100)
    delayed = scenario.read(write("extends: a.yaml\n", "e.yaml"), [f"radio.replay={{delays: {write('x', 'x.csv')}}}"])
    assert (delayed.scenario.radio.loss, delayed.warnings) == (0.1, ("radio.loss 0.1 takes the place of radio.load",))
    again = scenario.read(write("extends: b.yaml\nradio: {loss: 0}\n", "d.yaml"))
    assert again.scenario.radio.loss == 0.0
    assert "radio.loss 0 takes the place of radio.bursts" in again.warnings


def test_every_model_of_the_radio_is_read_and_dumped(write, tmp_path):
    """Files among them, by which others find them."""
    trace = write("time,delay\n", "trace.csv")
    for section in (
        "fading: {m: 2, sensitivity: -92}",
        "bursts: {loss: 10 %, length: 4}",
        "load: {airtime: 0.5 ms, others: 3}",
        "tdma: {slots: 20, range: 300 m}",
        "jitter: {mean: 5 ms}",
        "jamming: [{start: 1 s, end: 2 s, vehicles: [0, 1]}, {start: 3 s, end: 4 s, place: -1 m, range: 9 m}]",
        f"replay: {{delays: {trace.name}, losses: {trace.name}}}",
    ):
        loaded = scenario.read(write(LEAST + f"radio: {{{section}}}\n"))
        assert not loaded.scenario.radio.is_perfect
        again = write(scenario.dump(loaded), "again.yaml")
        assert scenario.read(again).scenario == loaded.scenario
        SCENARIO.validate(documents.load(again).data)


def test_the_manual_of_the_radio_shows_what_can_be_read(write):
    """Its scenario, which is read without a warning."""
    loaded = scenario.read(write(files("radio.md")["my_air.yaml"]))
    assert loaded.warnings == ()
    assert len(loaded.scenario.radio.jamming) == 2


def test_loss_beside_a_model_is_told_to_take_its_place(write):
    """And a jammer that never begins."""
    loaded = scenario.read(
        write(LEAST + "radio: {loss: 0.1, bursts: {loss: 0.2, length: 3}, jamming: [{start: 200, end: 300}]}\n")
    )
    assert loaded.warnings == (
        "radio.loss 0.1 takes the place of radio.bursts",
        "radio.jamming[0] never begins: the scenario ends at 120 s",
    )


def test_a_long_chain_of_files_is_refused(write):
    """It ends, if late."""
    for number in range(20):
        write(f"extends: {number + 1}.yaml\n", f"{number}.yaml")
    assert "extends more than 16 files" in refusal(write("extends: 1.yaml\n", "0.yaml"))


def test_another_motion_of_the_leader_takes_the_place_of_the_old_one(write):
    """A file or an option that gives a recording need not first remove the set-points, nor the other way round."""
    recording = write("anything", "drive.csv")
    profile = write(LEAST)
    recorded = write("extends: scenario.yaml\nleader: {recording: drive.csv, columns: {time: t}}\n", "recorded.yaml")
    leader = scenario.read(profile, [f"leader.recording={recording}"]).scenario.leader
    assert (leader.recording, leader.speed) == (str(recording), None)
    leader = scenario.read(recorded).scenario.leader
    assert (leader.recording, leader.columns.time, leader.speed) == (str(recording), "t", None)
    leader = scenario.read(recorded, ["leader.speed=[[0, 3]]"]).scenario.leader
    assert (leader.recording, leader.columns, leader.speed) == (None, None, ((0.0, 3.0),))
    assert "exclude each other" in refusal(profile, f"leader={{recording: {recording}, speed: [[0, 3]]}}")


def test_a_file_is_looked_for_beside_the_file_that_names_it(write, tmp_path, monkeypatch):
    """One that an option names, in the current folder first; one that is nowhere else, among the shipped ones."""
    folder = tmp_path / "folder"
    write("x", "folder/drive.csv")
    write("x", "drive.csv")
    path = write("kind: acc\nleader: {recording: drive.csv}\nsafety: safety/acc.yaml\n", "folder/scenario.yaml")
    monkeypatch.chdir(tmp_path)
    assert scenario.read(path).scenario.leader.recording == str(folder / "drive.csv")
    assert scenario.read(path).scenario.safety == str(SHIPPED.resolve() / "safety" / "acc.yaml")
    assert scenario.read(path, ["leader.recording=drive.csv"]).scenario.leader.recording == str(tmp_path / "drive.csv")


def test_a_file_wins_over_a_shipped_scenario_of_its_name(write, tmp_path, monkeypatch):
    """A folder of that name does not."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "acc_profile").mkdir()
    assert scenario.read("acc_profile").scenario.seed == 7
    write(LEAST + "seed: 3\n", "acc_recorded")
    assert scenario.read("acc_recorded").scenario.seed == 3


@pytest.mark.parametrize("name", ["acc_recoded", "runs/acc_recoded.yaml", "x" * 5000, "a\0b", "\udcff"])
def test_a_scenario_that_is_not_there_is_answered_with_those_that_are(name):
    """And with the one that was meant."""
    said = refusal(name)
    assert f"shipped are {', '.join(shipped_scenarios())}" in said
    assert ("did you mean `acc_recorded`?" in said) == ("recoded" in name)
    assert said.encode()


def test_a_folder_is_no_scenario(tmp_path):
    """It is named, with the reason."""
    assert refusal(tmp_path) == f"{tmp_path}: error: cannot be read: is a directory\n1 error, nothing was run"


def test_what_has_no_effect_is_a_warning(write):
    """A set-point after the end, a limit that the design does not reach."""
    loaded = scenario.read(write(LEAST), ["leader.speed=[[0, 9], [120, 3]]", "acc.max_los=7"])
    assert loaded.warnings == (
        "leader.speed[1] is never reached: the scenario ends at 120 s",
        "acc.max_los limits nothing: the design ends at LoS 1",
    )


def test_a_scenario_cannot_be_changed():
    """A run depends on nothing that another one may have changed."""
    with pytest.raises(ValueError, match="frozen"):
        scenario.read("acc_profile").scenario.radio.loss = 1.0


PARAMETERS = {"amplitude": "3", "rate": "0.5", "factor": "2", "sigma": "1", "probability": "30 %", "value": "3"}
PARAMETERS |= {"low": "2", "high": "8", "delay": "500 ms", "offset": "3", "step": "2", "burst": "4"}
PARAMETERS |= {"distance": "9", "range": "120", "count": "4", "spacing": "-20 m"}
ALL_MODES = SIGNAL_MODES | OBJECT_MODES | MESSAGE_MODES | SAID_MODES


def faults():
    """Every signal in each of its modes, and every component."""
    for signal in SIGNALS:
        for mode, parameters in modes_of(signal).items():
            yield {"signal": signal, "mode": mode} | {name: PARAMETERS[name] for name in parameters.model_fields}
    for component in COMPONENTS:
        for mode, parameters in COMPONENT_MODES.items():
            duration = {"duration": "3 s"} if mode == "hang" else {}
            yield (
                {"component": component, "mode": mode}
                | duration
                | {name: PARAMETERS[name] for name in parameters.model_fields}
            )


@pytest.mark.parametrize("fault", list(faults()), ids=lambda fault: f"{next(iter(fault.values()))}-{fault['mode']}")
def test_every_signal_and_component_fails_in_each_of_its_modes(write, fault):
    """As read, as dumped and read again, and as the schema has it."""
    entry = ", ".join(f"{name}: {value}" for name, value in ({"vehicle": 1, "onset": "1 min"} | fault).items())
    loaded = scenario.read(write(LEAST), [f"faults=[{{{entry}}}]"])
    [read] = loaded.scenario.faults
    assert (read.signal, read.component, read.mode) == (fault.get("signal"), fault.get("component"), fault["mode"])
    assert set(read.parameters) == set(fault) & set(PARAMETERS)
    assert read.onset == 60.0
    again = write(scenario.dump(loaded), "again.yaml")
    assert scenario.read(again).scenario == loaded.scenario
    SCENARIO.validate(documents.load(again).data)


@pytest.mark.parametrize(("mode", "signal"), [(mode, signal) for signal in SIGNALS for mode in ALL_MODES])
def test_a_mode_befalls_what_it_can(write, mode, signal):
    """The message as a whole is late, lost, old or a lie; a number is wrong in other ways, and so is an object.

    What a vehicle says to all can be a lie or too much.
    """
    whole = {**dict.fromkeys(RECEIVED, MESSAGE_MODES), "own.message": SAID_MODES}.get(signal, SIGNAL_MODES)
    fits = mode in whole or (mode in OBJECT_MODES and signal == "front.distance")
    said = refusal(write(LEAST), f"faults=[{{vehicle: 1, signal: {signal}, mode: {mode}, onset: 1, unknown: 1}}]")
    assert ("befalls" in said) == (not fits)


quantities = st.floats(0.001, 10.0)
scenarios = st.fixed_dictionaries(
    {"kind": st.just("acc"), "safety": st.just(str(HERE / "design.yaml"))},
    optional={
        "duration": st.floats(1e-3, 86_400),
        "seed": st.integers(0, 2**63 - 1),
        "vehicles": st.integers(2, 100_000),
        "radio": st.fixed_dictionaries({}, optional={"latency": quantities, "loss": st.floats(0, 1)}),
        "acc": st.fixed_dictionaries(
            {}, optional={"max_los": st.none() | st.integers(0, 254), "set_speed": quantities}
        ),
        "record": st.fixed_dictionaries({"period": st.integers(1, 10_000).map(lambda n: f"{n} ms")}),
        "kernel": st.fixed_dictionaries({"enabled": st.booleans()}),
        "sensors": st.dictionaries(
            st.sampled_from(["front.distance", "own.speed", "own.position"]),
            st.fixed_dictionaries({"sigma": quantities}),
        ),
    },
)


@settings(max_examples=50, deadline=None)
@given(data=scenarios, speeds=st.lists(st.floats(0, 120), min_size=1))
def test_the_dump_of_any_scenario_is_that_scenario(data, speeds, tmp_path_factory):
    """To the last bit of each number."""
    folder = tmp_path_factory.mktemp("dump")
    data["leader"] = {"speed": [[float(time), speed] for time, speed in enumerate(speeds)]}
    (folder / "a.yaml").write_text(json.dumps(data), "utf-8")
    loaded = scenario.read(folder / "a.yaml")
    (folder / "b.yaml").write_text(scenario.dump(loaded), "utf-8")
    assert scenario.read(folder / "b.yaml").scenario == loaded.scenario
    SCENARIO.validate(data)


JUNK = """\
nan|-1|1e309|[]|{}|''|null|yes|!!python/object:os.system x|\x00|\U0001f697|- a|&a *a|0 s|-5 m/s|../../etc/passwd|*a
&a [*a]|? x|%YAML 3.0|--- a|"\\U99999999"|"\\ud800"|@x|!x y|<<: *a|[[[[|{a: b|'|\t|\u2028|\ufeff|.inf|~|true|5 %|all
[{}]|[[0, 1], [1]]|[[0 s, 1, 2]]|2001-01-01|\u202e|\x1b[31m|recordings|faults|parameters|mode|front.distance"""
JUNK = [*re.split("[|\n]", JUNK), "|", "\r", "9" * 400, "1" * 5000]


@pytest.mark.parametrize("seed", range(8))
def test_a_mutated_file_is_read_or_refused(seed, tmp_path):
    """Never anything else, and what is refused can be printed."""
    rng = random.Random(seed)
    texts = [path.read_text("utf-8") for path in CARS.values()]
    texts.append(
        LEAST + "faults:\n  - {vehicle: 1, signal: own.speed, mode: outlier, onset: 3, amplitude: 3, probability: 1}\n"
    )
    for _ in range(60):
        lines = rng.choice(texts).splitlines()
        for _ in range(rng.randint(1, 3)):
            _mutate(lines, rng)
        (tmp_path / "mutant.yaml").write_text("\n".join(lines), "utf-8", errors="surrogatepass")
        try:
            scenario.read(tmp_path / "mutant.yaml")
        except InputError as error:
            assert error.faults
            assert not set(str(error)) & set("\x00\x1b\u202e")


def _mutate(lines, rng):
    at = rng.randrange(len(lines)) if lines else 0
    match rng.randrange(6):
        case 0:
            del lines[at : at + 1]
        case 1:
            lines[at:] = [line.split(":")[0] + ": " + rng.choice(JUNK) for line in lines[at : at + 1]] + lines[at + 1 :]
        case 2:
            lines[at : at + 1] = [" " * rng.randint(0, 9) + line.lstrip() for line in lines[at : at + 1]]
        case 3:
            lines.insert(at, f"{rng.choice(JUNK)}: {rng.choice(JUNK)}")
        case 4:
            lines[at : at + 1] = [
                line.replace(*rng.sample(["a", "{", ": ", ", ", "e", "0"], 2)) for line in lines[at : at + 1]
            ]
        case _:
            lines.insert(at, rng.choice(lines or [""]))


def test_the_schemas_are_up_to_date():
    """`python -m karyon.sim.schema` was run after the last change."""
    assert schema.main(["--check"], schema.files()) == 0


@pytest.mark.parametrize("text", list(schema.files().values()), ids=[path.stem for path in schema.files()])
def test_a_schema_is_one(text):
    """By the dialect that it names."""
    jsonschema.Draft202012Validator.check_schema(json.loads(text))


@pytest.mark.parametrize("path", list(CARS.values()), ids=lambda path: path.stem)
def test_shipped_files_are_valid_by_the_schemas(path):
    """Each scenario and its design."""
    loaded = scenario.read(path)
    SCENARIO.validate(documents.load(path).data)
    jsonschema.validate(documents.load(Path(loaded.scenario.safety)).data, schema.safety())


@pytest.mark.parametrize(
    "name",
    re.findall(
        r"\w+",
        """everything_at_once fault_is_a_number fault_misspelt_fields fault_misspelt_names fault_out_of_range
        fault_unknown_field fault_without_its_parameters fields_missing leader_with_two_motions misspelt_field
        misspelt_sensor misspelt_unit noise_below_zero number_for_a_section offset_of_a_whole_message one_vehicle
        percentage_for_a_share radio_of_all_kinds seed_with_a_fraction set_point_of_three unit_of_another_quantity
        unknown_field yes_for_true""",
    ),
)
def test_an_editor_finds_what_one_field_alone_shows(name):
    """The schema refuses such a file, too."""
    with pytest.raises(jsonschema.ValidationError):
        SCENARIO.validate(documents.load(HERE / "bad" / f"{name}.yaml").data)


def test_a_leader_that_brakes_harder_than_declared_is_warned_of():
    """What follows it relies on the declared braking: a collision is then no surprise."""
    (warning,) = scenario.read("acc_profile", ["leader.deceleration=8"]).warnings
    assert warning == ("leader.deceleration 8 m/s² is beyond vehicle.braking 6 m/s², on which those behind it rely")
    assert not scenario.read("acc_profile", ["leader.deceleration=6"]).warnings
