"""Measured delays and losses: read as they come, each link from a place of its own, faults with their line."""

import os
from pathlib import Path

import numpy as np
import pytest

from karyon.sim.channel import Air, Links, replay
from karyon.sim.recordings import RecordingError

ROOT = Path(__file__).parents[3]
DATA = Path(os.environ.get("KARYON_DATA", ROOT / "../shared/data"))
TRACE = "time,delay\n" + "".join(f"{0.1 * n:.1f},{0.01 + 0.001 * n:.3f}\n" for n in range(50))


def air(links, now):
    cars = np.zeros(links.runs * links.members)
    return Air.of(links, now, cars, cars.astype(bool))


def write(folder, text):
    path = folder / "trace.csv"
    path.write_text(text, "utf-8")
    return path


def recording(name):
    path = DATA / name
    if not path.exists():
        pytest.skip(f"no {path}; KARYON_DATA says where it is")
    return path


def test_a_delay_is_that_of_the_moment_of_sending(tmp_path):
    """One step along the trace for each tenth of a second, and over its end to its beginning."""
    links = Links.ahead(1, 41)
    model = replay.ReplayedDelays(links, [3], replay.delays(write(tmp_path, TRACE)))
    steps = []
    for number in range(120):
        delay = model.delay(air(links, number * 100_000_000)) + model.least / 1e9
        steps.append(np.rint((delay - 0.01) * 1000).astype(int))
    steps = np.array(steps)
    assert set(np.unique(steps)) == set(range(49))  # the last sample is where the trace begins anew
    assert np.isin(np.diff(steps, axis=0) % 49, [0, 1, 2]).all()
    assert (steps[49] - steps[0]).tolist() == [0] * 40
    assert len(set(steps[0])) > 20  # each link begins elsewhere


def test_losses_are_those_of_the_trace_in_its_order(tmp_path):
    """Numbers that are missing; a series that begins anew; rows that are garbled."""
    path = write(tmp_path, "12:00:01,3,x\n12:00:02,4,x\n12:00:03,7,x\n12:00:04,9?,x\n12:00:05,250000\n12:00:06,10,x\n"
                 "12:00:07,0,x\n12:00:08,3,x\n")  # fmt: skip
    trace = replay.losses(path)
    assert "".join("x" if lost else "." for lost in trace) == "..xx.xx..xx."
    links = Links.ahead(1, 31)
    model = replay.ReplayedLosses(links, [3], trace)
    lost = np.array([model.loss(air(links, 0)) for _ in range(2 * len(trace))]).astype(bool)
    for link in lost.T:
        assert any(np.array_equal(link, np.roll(np.tile(trace, 2), -start)) for start in range(len(trace)))
    assert len({link.tobytes() for link in lost.T}) > 5


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("a,b\n1,2\n", ":1: error: has no column `time`, `time_ms`, `pub_ms`; it has a, b"),
        ("time,dely\n1,2\n", ":1: error: has no column `delay`, `delay_ms`; it has time, dely"),
        (TRACE.replace("0.013", "x"), ":5: error: has no number for time and delay"),
        (TRACE.replace("0.013", "-0.013"), ":5: error: has a delay of -0.013 s, expected 0 to 3600 s"),
        (TRACE.replace("0.013", "nan"), ":5: error: has a delay of nan s, expected 0 to 3600 s"),
        (TRACE.replace("0.3,", "0.2,"), ":5: error: is not later than the line before"),
        (TRACE.replace("0.3,", "inf,"), ":5: error: is not later than the line before"),
        ("time,delay\n0,0.1\n", "has 1 delays, expected 10 or more"),
    ],
)
def test_a_trace_of_delays_that_cannot_be_used_is_named_with_its_line(tmp_path, text, said):
    with pytest.raises(RecordingError) as error:
        replay.delays(write(tmp_path, text))
    assert str(error.value).splitlines()[0].startswith(str(tmp_path))
    assert said in str(error.value).splitlines()[0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b\nc,d\n", ":1: error: has no column of sequence numbers"),
        ("1\n2\n", "has 2 messages, expected 10 or more"),
        ("\n\n", "has no column of sequence numbers"),
    ],
)
def test_a_trace_of_losses_that_cannot_be_used_is_refused(tmp_path, text, said):
    with pytest.raises(RecordingError) as error:
        replay.losses(write(tmp_path, text))
    assert said in str(error.value)


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(RecordingError, match="there is no such file"):
        replay.delays(tmp_path / "nowhere.csv")


@pytest.mark.parametrize(("name", "longest"), [("urban_n8_v40_run01", 0.239), ("south_n8_v10_04", 8.182)])
def test_delays_that_a_driving_car_measured_are_read_as_they_come(name, longest):
    trace = replay.delays(recording(f"cicv5g_delay/{name}.csv"))
    assert trace.delay.max() == pytest.approx(longest)
    assert trace.time[0] == 0.0


def test_losses_that_a_moving_sender_had_are_read_as_they_come():
    """Its README says that 0.86 of the messages came."""
    assert replay.losses(recording("lora_v2i_loss/Reid-SF7-13dBm-Receiver.csv")).mean() == pytest.approx(0.14, abs=0.02)
