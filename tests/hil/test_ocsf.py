"""Security events of the bench and of V2V as Detection Findings, held to the models of OCSF."""

import json

import pytest
from py_ocsf_models.events.findings.detection_finding import DetectionFinding

from karyon.hil.bench import Bench
from karyon.hil.intake import Intake
from karyon.sim import run, scenario
from karyon.sim.export.formats import export
from karyon.sim.view.folder import RunError
from tests.hil.scripted import BASE, MILLISECOND, SECOND, UNIX, Network
from tests.hil.test_network import bench_of


def findings(folder):
    """What is exported, each held to its model."""
    export(folder, "ocsf", folder / "ocsf.jsonl")
    lines = [json.loads(line) for line in (folder / "ocsf.jsonl").read_text("utf-8").splitlines()]
    for line in lines:
        found = DetectionFinding.model_validate(line)
        assert (found.class_uid, found.type_uid, found.activity_id) == (2004, 200401, 1)
        assert found.finding_info.uid and found.metadata.product.name == "KARYON"
    return lines


def test_a_second_device_is_a_finding_at_its_time(tmp_path):
    """Told while it lasts, at most once in ten seconds, with how many messages were refused."""
    network = Network(1, 0)
    device = network.devices[0]
    device.kind, device.begins, device.ends = "second_device", 12 * SECOND, 14 * SECOND
    loaded = bench_of(1, 25, tmp_path)
    bench = Bench(Intake(loaded.scenario, loaded.design), network, 50 * MILLISECOND, None)
    (result,) = run.simulate([loaded], [tmp_path / "out"], outside=bench)
    found = [each for each in findings(tmp_path / "out") if each["finding_info"]["types"] == ["message sequence"]]
    assert [each["severity"] for each in found] == ["Medium"]
    assert found[0]["count"] == 60  # three signals, ten times a second, for two seconds
    assert found[0]["time"] == (BASE + UNIX) // MILLISECOND + 20_000
    assert "do two devices share this topic?" in found[0]["message"]
    assert result.summary["metrics"]["refused"]["out of sequence: do two devices share this topic?"] == 60


def test_an_attack_over_v2v_is_a_finding(tmp_path):
    flood = "faults=[{vehicle: 3, signal: own.message, mode: flooding, rate: 200, onset: 2, duration: 3}]"
    run.simulate([scenario.read("platoon_attack_flooding", [flood, "duration=6"])], [tmp_path / "out"])
    found = findings(tmp_path / "out")
    assert {each["finding_info"]["types"][0] for each in found} >= {"message flooding"}
    assert all(each["count"] > 0 for each in found)


def test_a_run_in_peace_has_no_finding(tmp_path):
    run.simulate([scenario.cut(scenario.read("acc_profile"), 5.0)], [tmp_path / "out"])
    assert findings(tmp_path / "out") == []


def test_what_no_run_has_written_is_refused(tmp_path):
    run.simulate([scenario.cut(scenario.read("acc_profile"), 5.0)], [tmp_path / "out"])
    (tmp_path / "out/events.jsonl").write_text("{\n", "utf-8")
    with pytest.raises(RunError, match=r"events.jsonl: is not what a run writes"):
        export(tmp_path / "out", "ocsf", tmp_path / "ocsf.jsonl")
    assert not (tmp_path / "ocsf.jsonl").exists()
