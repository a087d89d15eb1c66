"""`messages.parquet`: who sent what to whom, and when it arrived; it agrees with what the receivers have used."""

import numpy as np
import pytest
from pyarrow import parquet

from karyon.sim import recorder
from karyon.sim.run import simulate
from karyon.sim.scenario import read

HANG = "faults=[{vehicle: 2, component: radio, mode: hang, onset: 5, duration: 3}]"


def driven(folder, scenario, *overrides, seed=3):
    """Messages and trace of a run, as data frames."""
    simulate([read(scenario, list(overrides), seed)], [folder])
    return tuple(parquet.read_table(folder / f"{name}.parquet").to_pandas() for name in ("messages", "trace"))


def test_in_a_platoon_everyone_may_hear_everyone(tmp_path):
    """Ten times a second, in rounds of half a second."""
    messages, _ = driven(tmp_path, "platoon", "vehicles=4", "duration=2", "radio.loss=0.4")
    pairs = {(sender, receiver) for sender in range(4) for receiver in range(4) if sender != receiver}
    assert sorted(set(messages.sent)) == pytest.approx([number / 10 for number in range(21)])
    for sent, group in messages.groupby("sent"):
        assert set(zip(group.sender, group.receiver, strict=True)) == pairs
        assert len(group) == len(pairs)
        assert set(group["round"]) == {round(sent * 10) // 5}
    assert 0 < messages.arrived.isna().mean() < 1
    arrived = messages.dropna()
    assert (arrived.arrived - arrived.sent).to_numpy() == pytest.approx(0.02)


def test_without_a_group_each_car_hears_the_one_ahead_and_there_is_no_round(tmp_path):
    messages, _ = driven(tmp_path, "acc_profile", "vehicles=4", "duration=1")
    assert set(zip(messages.sender, messages.receiver, strict=True)) == {(0, 1), (1, 2), (2, 3)}
    assert len(messages) == 3 * 11
    assert messages["round"].isna().all()


@pytest.mark.parametrize("scenario", ["platoon", "acc_profile"])
def test_the_age_in_the_trace_is_that_of_the_newest_message_that_arrived(tmp_path, scenario):
    """At every instant and for every car."""
    messages, trace = driven(tmp_path, scenario, "vehicles=4", "duration=20", "radio.loss=0.6")
    heard = messages[(messages.sender == messages.receiver - 1) & messages.arrived.notna()]
    for row in trace[trace.vehicle > 0].itertuples():
        before = heard[(heard.receiver == row.vehicle) & (heard.arrived <= row.time + 1e-9)]
        age = row.time - before.sent.max() if len(before) else np.nan
        assert trace.loc[row.Index, "lead.message_age"] == pytest.approx(age, abs=1e-9, nan_ok=True)


@pytest.mark.parametrize("scenario", ["platoon", "acc_profile"])
def test_a_radio_that_is_down_sends_nothing_and_hears_nothing(tmp_path, scenario):
    """What others would have told it is lost."""
    messages, _ = driven(tmp_path, scenario, "vehicles=4", "duration=12", HANG)
    down = (messages.sent > 5.1) & (messages.sent < 7.95)
    assert not (down & (messages.sender == 2)).any()
    told = messages[down & (messages.receiver == 2)]
    assert len(told)
    assert told.arrived.isna().all()
    others = messages[(messages.receiver != 2) | (messages.sent < 5) | (messages.sent > 8.2)]
    assert others.arrived.notna().all()


@pytest.mark.parametrize("factor", [2, 3])
def test_a_slow_radio_sends_and_hears_in_one_of_so_many_periods(tmp_path, factor):
    """Of its own: whatever beats with it."""
    slow = f"faults=[{{vehicle: 2, component: radio, mode: slow, factor: {factor}, onset: 4.03, duration: 6}}]"
    messages, _ = driven(tmp_path, "acc_profile", "vehicles=4", "duration=12", slow)
    during = messages[(messages.sent > 4.05) & (messages.sent < 9.95)]
    periods = during.sent.nunique()
    assert len(during[during.sender == 2]) == pytest.approx(periods / factor, abs=1)
    told = during[during.receiver == 2]
    assert len(told) == periods
    assert told.arrived.notna().sum() == pytest.approx(periods / factor, abs=1)


def test_each_column_has_its_unit(tmp_path):
    driven(tmp_path, "acc_profile", "duration=1")
    layout = parquet.read_schema(tmp_path / "messages.parquet")
    units = {field.name: field.metadata[b"unit"].decode() for field in layout}
    assert units == {"sender": "", "receiver": "", "sent": "s", "arrived": "s", "round": ""}


def test_same_bytes_alone_and_in_a_batch_of_which_some_are_not_recorded(tmp_path):
    batch = [read("platoon", ["vehicles=3", "duration=5", "radio.loss=0.5"], seed) for seed in (5, 6, 7)]
    simulate(batch, [None, tmp_path / "batch", tmp_path / "other"])
    simulate(batch[1:2], [tmp_path / "alone"])
    alone, together, other = (
        (tmp_path / name / "messages.parquet").read_bytes() for name in ("alone", "batch", "other")
    )
    assert alone == together != other


def test_they_are_written_as_the_run_goes(tmp_path, monkeypatch):
    """A row group at a time, so that memory does not grow with the run; the rows are the same."""
    whole, _ = driven(tmp_path / "whole", "platoon", "vehicles=3", "duration=5", "radio.loss=0.5")
    monkeypatch.setattr(recorder, "ROWS", 60)
    cut, _ = driven(tmp_path / "cut", "platoon", "vehicles=3", "duration=5", "radio.loss=0.5")
    assert parquet.ParquetFile(tmp_path / "cut/messages.parquet").num_row_groups == 6
    assert cut.equals(whole)


@pytest.mark.parametrize(
    ("name", "overrides"),
    [
        ("acc_recorded", ["radio.generation=cam", "radio.loss=0.2"]),
        ("platoon", ["faults=[{vehicle: 3, component: radio, mode: hang, onset: 4, duration: 6}]"]),
        ("platoon", ["radio.tdma={slots: 20}", "radio.bursts={loss: 0.2, length: 3}"]),
    ],
)
def test_the_summary_has_the_delivery_ratio_of_the_table(name, overrides, tmp_path):
    (result,) = simulate([read(name, ["duration=15", *overrides], 5)], [tmp_path])
    told = parquet.read_table(tmp_path / "messages.parquet").to_pandas()
    assert result.summary["metrics"]["delivery_ratio"] == pytest.approx(told.arrived.notna().mean(), abs=1e-12)


def test_an_honest_sender_is_not_refused_for_sending_often():
    """Nor does an attack in another run of the batch change anything."""
    often = ["duration=12", "radio.period=0.04"]
    flood = "faults=[{vehicle: 1, signal: lead.message, mode: flooding, rate: 100, onset: 3, duration: 2}]"
    (alone,) = simulate([read("acc_recorded", often, 3)], [None])
    _, together = simulate([read("acc_recorded", [*often, flood], 2), read("acc_recorded", often, 3)], [None, None])
    assert together.events == alone.events
    assert {**together.summary, "wall": 0} == {**alone.summary, "wall": 0}
    (platoon,) = simulate([read("platoon", often, 3)], [None])
    assert not [event for event in platoon.events if event["kind"] == "message"]
