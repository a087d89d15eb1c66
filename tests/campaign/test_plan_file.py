"""What a plan may say, and how it is refused."""

import pytest

from karyon.campaign import campaign, plan_file, rows
from karyon.campaign.folder import CampaignError, identity
from karyon.sim.documents import InputError
from karyon.sim.recordings import RecordingError
from karyon.sim.shipped import SHIPPED
from tests.campaign.plans import SHORT, read, written

FOLDER = SHIPPED / "campaigns"
SHIPPED_PLANS = sorted(str(path.relative_to(FOLDER).with_suffix("")) for path in FOLDER.glob("**/*.yaml"))


def refused(folder, text):
    with pytest.raises(InputError) as error:
        read(folder, text)
    return [str(fault).replace(f"{folder}/", "") for fault in error.value.faults]


@pytest.mark.parametrize("name", SHIPPED_PLANS)
def test_a_shipped_plan_is_read_by_its_name(name):
    plan = plan_file.read(name)
    assert plan.name == name.rpartition("/")[2]
    assert sum(stratum.share for stratum in plan.strata) == pytest.approx(1.0)
    scenarios = [run.scenario() for run in plan.runs(seed=1, number=60, first=0, last=60)]
    assert len({repr(one) for one in scenarios}) == 60


def test_every_run_of_a_plan_is_a_scenario_with_what_varies_in_its_range(tmp_path):
    plan = read(tmp_path)
    runs = plan.runs(seed=3, number=200, first=0, last=200)
    for run in runs:
        (fault,), leader = run.scenario().faults, run.scenario().leader
        assert run.scenario().seed == run.seed
        assert 1.0 <= leader.deceleration <= 6.0
        assert 5.0 <= leader.speed[1][1] <= 20.0
        if run.stratum.name == "distance":
            assert (0.5 <= fault.onset <= 1.5) and (0.1 <= fault.parameters["rate"] <= 30.0)
            assert fault.mode in ("drift", "ramp")
        else:
            assert fault.mode == "omission"
    names = [run.stratum.name for run in runs]
    assert 145 <= names.count("distance") <= 155  # three of four
    rates = [run.scenario().faults[0].parameters["rate"] for run in runs if run.stratum.name == "distance"]
    assert 60 <= sum(rate < 1.73 for rate in rates) <= 90  # half of them below the geometric mean of 0.1 and 30


def test_a_value_is_laid_on_one_entry_of_a_list_of_the_scenario(tmp_path):
    text = "scenario: acc_profile\nsettings: {leader: {speed: {1: {1: {one_of: [3, 4]}}}}}\n"
    scenarios = [run.scenario() for run in read(tmp_path, text).runs(seed=0, number=20, first=0, last=20)]
    assert {one.leader.speed[1] for one in scenarios} == {(20.0, 3.0), (20.0, 4.0)}
    assert {one.leader.speed[2] for one in scenarios} == {(50.0, 28.0)}


def test_the_safety_design_varies(tmp_path):
    text = "scenario: acc_profile\ndesign: {functions: {acc: {levels: {1: {dwell: {one_of: [1 s, 3 s]}}}}}}\n"
    plan = read(tmp_path, text)
    runs = plan.runs(seed=0, number=8, first=0, last=8)
    designs = {run.of_design: plan.design_of(run.scenario(), run.of_design) for run in runs}
    dwells = {values: design.function("acc").levels[1].dwell for values, design in designs.items()}
    assert dwells == {("1 s",): 1.0, ("3 s",): 3.0}


def test_all_that_is_wrong_is_told_at_once_and_where(tmp_path):
    text = (
        SHORT.replace("front.distance", "front.distanse")
        .replace("between: [5 m/s, 20 m/s]", "between: [20 m/s, 20 m/s]")
        .replace("[0.3, 1]", "[0.3, 1.5]")
    )
    told = refused(tmp_path, text)
    assert [fault.splitlines()[0] for fault in told] == [
        "short.yaml:5:51: error: between is an empty range",
    ]
    text = text.replace("between: [20 m/s, 20 m/s]", "between: [5 m/s, 20 m/s]")
    told = refused(tmp_path, text)
    assert any("short.yaml:11:32: error: faults[0].signal is the name of a signal" in fault for fault in told)
    assert any("did you mean `front.distance`?" in fault for fault in told)
    assert any("short.yaml:15" in fault and "1.5" in fault for fault in told)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("share: 3", "share: 0", "share"),
        ("share: 3", "shair: 3", "did you mean `share`?"),
        ("share: 3", "share: {between: [1, 2]}", "share is a factor above 0"),
        ("{one_of: [drift, ramp]}", "{oneof: [drift, ramp]}", "what varies has no field `oneof`"),
        ("between: [5 m/s", "betwen: [5 m/s", "did you mean `between`?"),
        ("{one_of: [drift, ramp]}", "{one_of: [drift, {one_of: [ramp]}]}", "does not vary in itself"),
        ("[[0 s, 25 m/s], [1 s, {between: [5 m/s, 20 m/s]}]]", "{9: {1: 3}}", "from 0, and must be there"),
        ("{one_of: [drift, ramp]}", "{one_of: []}", "one_of"),
        ("{one_of: [drift, ramp]}", "{one_of: [drift, offset]}", "rate"),
        ("[500 ms, 1500 ms]", "[0.5 s, 1500 ms]", "in one unit"),
        ("[500 ms, 1500 ms]", "[500 ms, soon]", "needs two numbers"),
        ("[500 ms, 1500 ms]", "[500 ms, 1500 ms], steps: 1", "steps"),
        ("[500 ms, 1500 ms]", "[500 ms, 5000 ms]", "is not before the end of the scenario"),
        ("[0.1, 30], scale: log", "[-1, 30], scale: log", "no logarithm"),
        ("name: messages", "name: distance", "a second stratum is called `distance`"),
        ("sampling: random", "sampling: sobel", "sampling is one of random, sobol, latin_hypercube, grid"),
        ("sampling: random", "sampling: grid", "a grid needs the number of steps of a range"),
        ("scenario: acc_profile", "scenario: acc_profil", "did you mean `acc_profile`?"),
        ("  duration: 3 s", "  duration: 3 s\n  seed: {one_of: [1, 2]}", "a campaign draws the seed of each run"),
        ("  duration: 3 s", "  duration: 3 s\n  vehicles: {between: [2, 5]}", "whole numbers go into `one_of`"),
        ("  duration: 3 s", "  duration: 3 s\n  seed: 7", "a campaign draws the seed of each run"),
        ("  duration: 3 s", "  duration: 3 s\n  kind: {one_of: [acc, platoon]}", "a campaign has one kind of scenario"),
        (
            "  duration: 3 s",
            "  duration: 3 s\n  safety: {one_of: [safety/acc.yaml]}",
            "a campaign has one safety design",
        ),
        (
            "  duration: 3 s",
            "  duration: 3 s\n  radio: {replay: {one_of: [{delays: d.csv}]}}",
            "put the choice at the file",
        ),
        (
            "[1 s, {between: [5 m/s, 20 m/s]}]",
            "[{between: [0.5, 1.2]}, 9], [{between: [0.8, 1.9]}, 20]",
            "is not after",
        ),
        ("share: 3", "share: 3\n    weight: 2", "has no weight, and others have"),
        ("sampling: random", "design: {functions: {acc: {levels: {0: {dwel: 1}}}}}", "dwel"),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused_at_its_place(tmp_path, old, new, said):
    assert SHORT.count(old) == 1
    told = refused(tmp_path, SHORT.replace(old, new))
    assert any(said in fault for fault in told), told
    assert all(fault.startswith("short.yaml:") for fault in told), told


def test_a_grid_has_every_cell_once_and_then_again_with_other_seeds(tmp_path):
    text = (
        "scenario: acc_profile\nsampling: grid\nsettings: {vehicle: {lag: {one_of: [0.1, 0.2]}}, duration: "
        "{between: [2 s, 4 s], steps: 3}}\n"
    )
    plan = read(tmp_path, text)
    assert campaign.number_of(plan, None) == 6
    runs = plan.runs(seed=0, number=12, first=0, last=12)
    found = [(run.scenario().vehicle.lag, run.scenario().duration) for run in runs]
    assert found[:6] == found[6:] == [(lag, time) for time in (2.0, 3.0, 4.0) for lag in (0.1, 0.2)]
    assert len({run.seed for run in runs}) == 12
    with pytest.raises(CampaignError, match="6 cells, more than --runs 5"):
        campaign.number_of(plan, 5)


def test_a_grid_of_millions_of_cells_is_refused_with_its_size(tmp_path):
    varied = "{lag: {between: [0.1, 1], steps: 1000}, length: {between: [3, 5], steps: 2000}}"
    text = f"scenario: acc_profile\nsampling: grid\nsettings: {{vehicle: {varied}}}\n"
    with pytest.raises(CampaignError, match="2,000,000 cells, more than 1,000,000"):
        campaign.number_of(read(tmp_path, text), None)


def test_a_plan_names_its_scenario_beside_itself(tmp_path):
    (tmp_path / "mine.yaml").write_text("extends: " + str(SHIPPED / "acc_profile.yaml") + "\nduration: 2 s\n")
    plan = plan_file.read(written(tmp_path, "scenario: mine.yaml\n"))
    assert plan.loaded.scenario.duration == 2.0


def test_a_plan_is_laid_on_the_one_that_it_extends(tmp_path):
    written(tmp_path)
    over = "extends: short.yaml\nsettings: {kernel: {enabled: false}}\nstrata: {1: {share: 1}}\n"
    plan = plan_file.read(written(tmp_path, over, "over.yaml"))
    assert [stratum.share for stratum in plan.strata] == [0.75, 0.25]
    (run,) = plan.runs(seed=3, number=10, first=4, last=5)
    (same,) = read(tmp_path).runs(seed=3, number=10, first=4, last=5)
    assert run.values == same.values
    assert not run.scenario().kernel.enabled
    assert same.scenario().kernel.enabled
    again = plan_file.read(written(tmp_path, plan.text, "again.yaml"))
    assert (again.content, again.base) == (plan.content, plan.base)


def test_a_choice_takes_the_place_of_a_mapping(tmp_path):
    leaders = "{one_of: [{speed: [[0, 20]]}, {speed: [[0, 30]], deceleration: 3}]}"
    text = f"scenario: acc_profile\nsettings: {{leader: {leaders}}}\n"
    leaders = {run.scenario().leader for run in read(tmp_path, text).runs(seed=0, number=20, first=0, last=20)}
    assert {(one.speed, one.deceleration) for one in leaders} == {(((0.0, 20.0),), 2.0), (((0.0, 30.0),), 3.0)}


def test_one_place_may_vary_by_names_here_and_by_numbers_there(tmp_path):
    text = SHORT.replace("onset: 0.5}", "onset: {one_of: [500 ms, 1 s]}}").replace("rate: {between", "rate: {between")
    plan = read(tmp_path, text)
    table = rows.table(plan, plan.runs(seed=3, number=40, first=0, last=40)).to_pandas()
    assert set(table[table.stratum == "messages"]["faults[0].onset"]) == {0.5, 1.0}
    assert table[table.stratum == "distance"]["faults[0].onset"].between(0.5, 1.5).all()


def test_numbers_stand_as_text_where_another_stratum_has_names(tmp_path):
    text = SHORT.replace("mode: {one_of: [drift, ramp]}", "mode: drift")
    text = text.replace("{vehicle: 1, signal: front", "{vehicle: {one_of: [1, all]}, signal: front")
    text = text.replace("{vehicle: 1, signal: lead", "{vehicle: {one_of: [1]}, signal: lead")
    plan = read(tmp_path, text)
    table = rows.table(plan, plan.runs(seed=3, number=40, first=0, last=40)).to_pandas()
    assert set(table[table.stratum == "messages"]["faults[0].vehicle"]) == {"1.0"}
    assert set(table[table.stratum == "distance"]["faults[0].vehicle"]) == {"1", "all"}


def test_a_recording_beside_the_plan_is_part_of_the_campaign(tmp_path):
    recording = tmp_path / "drive.csv"
    recording.write_text("t,v\n" + "".join(f"{i / 10},{20 + i % 7}\n" for i in range(300)))
    text = "scenario: acc_recorded\nsettings: {leader: {recording: drive.csv, columns: {time: t, speed: v}}}\n"
    plan = read(tmp_path, text)
    copy = tmp_path / "folder"
    copy.mkdir()
    again = plan_file.read(written(copy, text), beside=tmp_path)
    assert again.loaded.scenario.leader.recording == str(recording)
    assert identity(again, 1) | {"campaign": plan.name} == identity(plan, 1)
    recording.write_text(recording.read_text().replace("20\n", "19\n"))
    assert identity(read(tmp_path, text), 1) != identity(plan, 1)
    recording.write_text("no recording")
    with pytest.raises(RecordingError):
        read(tmp_path, text)


def test_a_plan_that_extends_itself_is_refused(tmp_path):
    with pytest.raises(InputError, match="goes in a circle"):
        plan_file.read(written(tmp_path, "extends: short.yaml\n"))


def test_a_plan_that_is_not_there_is_told_with_a_name_like_it():
    with pytest.raises(InputError, match="did you mean `acc_faults`"):
        plan_file.read("acc_fault")
