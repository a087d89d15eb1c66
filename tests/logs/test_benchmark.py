"""The benchmark of the failure detection: what it measures is what it says, and it is the same for all methods."""

import json
import subprocess
import sys
from dataclasses import replace
from functools import partial
from math import inf, nan

import numpy as np
import pytest
from matplotlib.image import imread

from karyon.cli import bench
from karyon.logs import benchmark, benchmark_plot, benchmark_text, drives, kalman, scoring, speeds
from karyon.logs.benchmark import GatedFilter, OurChain, Size
from karyon.logs.failing import AMPLITUDES, MODES, WARM_UP, Failing, failing, onset
from karyon.logs.peers import Forests, residual
from karyon.perception.residuals import Kind, Relation
from tests.reference import kalman as reference

SMALL = Size(runs=4, duration=90.0, per_signal=1, per_recorded=1)
SECOND = 10  # samples


@pytest.fixture(scope="module")
def drive():
    """Four short runs of the made-up drive."""
    return drives.made_up(SMALL.runs, SMALL.duration, seed=3)


@pytest.fixture(scope="module")
def broken(drive):
    """Two stretches for each mode, amplitude and signal, where they are to be had."""
    return failing(drive, per_signal=2, seed=3)


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """A small benchmark without recordings."""
    return benchmark.measure(tmp_path_factory.mktemp("empty"), seed=5, size=SMALL)


# --- drives ------------------------------------------------------------------------------------------------------


def test_sensors_of_the_made_up_drive_agree_but_for_their_noise(drive):
    """Both speeds, the way made good, and the gap by its rate: no sensor is healthy on a road of its own."""
    wheel, gnss, acceleration, position, gap, rate = drive.values.transpose(1, 0, 2)
    assert np.std(wheel - gnss) == pytest.approx(np.hypot(0.01, 0.02), rel=0.1)
    seconds = drive.period * (wheel.shape[1] - 1)
    assert (position[:, -1] - position[:, 0]) / seconds == pytest.approx(wheel.mean(axis=1), abs=0.05)
    assert (gap[:, -1] - gap[:, 0]) / seconds == pytest.approx(rate.mean(axis=1), abs=0.02)
    assert (wheel[:, -1] - wheel[:, 0]) / seconds == pytest.approx(acceleration.mean(axis=1), abs=0.02)


def test_the_made_up_drive_is_a_drive(drive):
    """It speeds up and brakes, and never touches the car ahead."""
    _, _, acceleration, _, gap, _ = drive.values.transpose(1, 0, 2)
    assert gap.min() > 2.0
    assert acceleration.min() < -1.0 < 0.8 < acceleration.max()
    assert all(
        signal.low < drive.values[:, place].min() and drive.values[:, place].max() < signal.high
        for place, signal in enumerate(drive.signals)
    )


def test_thresholds_are_set_on_other_runs_than_are_measured(drive):
    assert not np.intersect1d(drive.learning, drive.held_out).size
    assert len(drive.learning) + len(drive.held_out) == len(drive.values)


def test_without_recordings_there_is_no_recorded_drive(tmp_path):
    assert drives.recorded(tmp_path) is None


def test_the_recorded_drive_is_the_clean_columns(tmp_path):
    """Not those with the faults of its authors, in their order."""
    log = tmp_path / drives.RECORDING
    log.parent.mkdir()
    rows = 2 * drives.RECORDED_RUN + 5
    names = [
        "can_speed_mps",
        "gps_speed_mps",
        "can_accel_mps2",
        "clean_can_speed",
        "clean_gps_speed",
        "clean_can_accel",
    ]
    lines = (f"{row},9,9,9,{row % 60},{row % 50},{row % 7}" for row in range(rows))
    log.with_suffix("").write_text("\n".join([",".join(["epoch", *names]), *lines, ""]))
    log.with_suffix("").rename(log)
    recorded = drives.recorded(tmp_path)
    assert recorded.values.shape == (2, 3, drives.RECORDED_RUN)
    assert recorded.values[1, :, 0].tolist() == [drives.RECORDED_RUN % each for each in (60, 50, 7)]
    assert [signal.name for signal in recorded.signals] == ["can_speed", "gps_speed", "can_accel"]
    assert recorded.motion.held_back == (0, 15, 0)


# --- failing sensors ---------------------------------------------------------------------------------------------


def test_one_sensor_fails_and_only_from_the_onset_on(drive, broken):
    """Everything else is a stretch of a held-out run, sample by sample."""
    start = onset(drive.period)
    for values, signal, begins in zip(broken.values, broken.signal, broken.begins, strict=True):
        healthy = found_in(drive.held_out, values, signal)
        wrong = values[signal] != healthy[signal]
        assert np.flatnonzero(wrong)[0] == begins >= start
        assert np.array_equal(np.delete(values, signal, 0), np.delete(healthy, signal, 0))


def test_the_error_is_as_large_as_the_amplitude_says(drive, broken):
    """In multiples of what is tolerated; of noise it is one sigma, and rounding stays below it."""
    for place, values in enumerate(broken.values):
        signal, mode, amplitude = broken.signal[place], MODES[broken.mode[place]], AMPLITUDES[broken.amplitude[place]]
        error = np.abs(values - found_in(drive.held_out, values, signal))[signal]
        largest = error.max() / drive.signals[signal].tolerated
        if mode in ("offset", "outlier"):
            assert largest == pytest.approx(amplitude)
        elif mode == "ramp":
            assert largest == pytest.approx(amplitude, rel=0.02)
        elif mode == "drift":
            assert error[onset(drive.period) + 2 * SECOND] / drive.signals[signal].tolerated == pytest.approx(amplitude)
        elif mode == "noise":
            assert np.std(error[onset(drive.period) :]) / drive.signals[signal].tolerated < amplitude < largest
        elif mode == "quantisation":
            assert 0.0 < largest <= amplitude + 1e-9
        else:
            assert amplitude <= largest < (*AMPLITUDES, inf)[AMPLITUDES.index(amplitude) + 1]


def test_each_mode_amplitude_and_signal_has_its_share(drive, broken):
    """Where an offset can always be had, a position cannot be stuck and hardly wrong: it moves by 8 m/s and more."""
    offsets = broken.mode == MODES.index("offset")
    for signal in range(len(drive.signals)):
        counts = np.bincount(broken.amplitude[offsets & (broken.signal == signal)], minlength=len(AMPLITUDES))
        assert counts.tolist() == [2] * len(AMPLITUDES)
    stuck = (broken.mode == MODES.index("stuck_at")) & (broken.signal == drives.POSITION)
    assert set(broken.amplitude[stuck]) == {AMPLITUDES.index(10.0)}


def test_the_same_seed_fails_alike_and_another_one_does_not(drive, broken):
    assert np.array_equal(failing(drive, per_signal=2, seed=3).values, broken.values)
    assert not np.array_equal(failing(drive, per_signal=2, seed=4).values[:20], broken.values[:20])


def found_in(runs, values, signal):
    """The stretch of the runs that agrees in all but one signal."""
    other = 0 if signal != 0 else 1
    length = values.shape[1]
    for run in runs:
        for begin in np.flatnonzero(run[other] == values[other, 0]):
            if np.array_equal(run[other, begin : begin + length], values[other]):
                return run[:, begin : begin + length]
    raise AssertionError("it is in no run")


# --- what alarms are worth ---------------------------------------------------------------------------------------


def test_alarms_that_are_close_are_one():
    """Two runs; in the first, three alarms within ten seconds of each other and one later."""
    alarm = np.zeros((2, 60 * SECOND), dtype=bool)
    alarm[0, [50, 51, 52, 152, 252, 353]] = True
    assert scoring.alarms(alarm, 0.1) == 2
    alarm[1, 0] = True
    assert scoring.alarms(alarm, 0.1) == 3


@pytest.mark.parametrize("most", [0, 1, 3])
def test_the_threshold_is_the_lowest_that_allows_no_more_alarms(most):
    """The next lower peak would raise one more."""
    scores = np.random.default_rng(1).exponential(size=(2, 1, 100 * SECOND))
    (threshold,) = scoring.fewest(scores, [most], 0.1)
    assert scoring.alarms(scores[:, 0] > threshold, 0.1) <= most
    peaks = np.unique(scores[:, 0].reshape(-1, 10 * SECOND).max(axis=1))
    lower = peaks[peaks < threshold][-1]
    assert scoring.alarms(scores[:, 0] > lower, 0.1) > most


def test_false_alarms_are_counted_per_hour_of_what_follows_the_warm_up():
    """Two alarms, in two signals, in two runs of 60 s after the warm-up: 2 in 2 min."""
    scores = np.zeros((2, 2, round((WARM_UP + 60.0) * SECOND)))
    scores[0, 0, 400:412] = scores[1, 1, 700] = 3.0
    found = scoring.false_alarms(scores, np.array([2.0, 2.9]), 0.1)
    assert found["per_hour"] == pytest.approx(60.0)
    assert found["share"] == pytest.approx(13 / (4 * 600))


def stretches(*alarms, signal=0, begins=3):
    """Scores of stretches of two signals and six samples, 0 but for (signal, sample, score), and what failed."""
    scores = np.zeros((len(alarms), 2, 6))
    for stretch, each in enumerate(alarms):
        for place, sample, score in each:
            scores[stretch, place, sample] = score
    zero = np.zeros(len(alarms), dtype=np.int64)
    return scores, np.array([1.0, 10.0]), Failing(scores, zero + signal, zero + begins, zero, zero)


def test_the_first_alarm_after_the_failure_counts():
    first, _ = scoring.first_alarm(*stretches([(0, 5, 2.0)], [(1, 4, 20.0)], [(0, 3, 2.0)], []))
    assert first.tolist() == [5, 4, 3, -1]


def test_an_alarm_that_was_on_before_the_failure_counts_for_nothing():
    """Not even while it lasts; but another one that rises does."""
    on = [(0, 2, 2.0), (0, 3, 2.0), (0, 4, 2.0)]
    first, _ = scoring.first_alarm(*stretches(on, [*on, (1, 4, 11.0)], [(0, 1, 2.0)]))
    assert first.tolist() == [-1, 4, -1]


def test_the_sensor_furthest_beyond_its_threshold_is_named():
    """Thresholds are 1 and 10; level ones name nobody."""
    both = [[(0, 4, 3.0), (1, 4, 25.0)], [(0, 4, 2.0), (1, 4, 25.0)], [(0, 4, 2.0), (1, 4, 20.0)]]
    assert scoring.first_alarm(*stretches(*both))[1].tolist() == [True, False, False]
    assert scoring.first_alarm(*stretches(*both, signal=1))[1].tolist() == [False, True, False]


def test_a_case_is_the_share_the_median_and_the_name():
    """Four stretches of the first case: found after 0, 1 and 2 samples, the last time by the wrong sensor."""
    alarms = [[(0, 3, 2.0)], [(0, 4, 2.0)], [(1, 5, 20.0)], []]
    first, second, *_ = scoring.cases(*stretches(*alarms), 0.1)
    assert (first["mode"], first["amplitude"], first["stretches"]) == (MODES[0], AMPLITUDES[0], 4)
    assert first["detected"] == 0.75
    assert first["delay"] == pytest.approx(0.1)
    assert first["named"] == pytest.approx(2 / 3)
    assert (second["stretches"], second["detected"], second["delay"], second["named"]) == (0, None, None, None)


# --- the Kalman filter -------------------------------------------------------------------------------------------


def small_motion():
    """Speed and acceleration, seen by two speeds and an acceleration."""
    transition, disturbance = kalman.white_jerk(0.5, 0.4)
    return kalman.Motion(
        transition[1:, 1:], disturbance[1:, 1:], np.eye(2)[[0, 0, 1]], np.array([0.3, 0.5, 0.2]), (0, 0, 0)
    )


def expected(motion, values):
    first = np.linalg.pinv(motion.observed) @ values[:, 0]
    return reference.innovations(motion.transition, motion.disturbance, motion.observed, motion.noise, first, values)


def test_the_filter_expects_what_the_joint_distribution_says():
    """Step by step it gives what conditioning on all samples before gives, also where some are missing."""
    values = np.random.default_rng(2).normal(size=(2, 3, 9))
    values[0, 1, 4] = values[1, :, 6] = nan
    found = kalman.innovations(small_motion(), values, np.full(3, inf))
    for run in range(2):
        squared, _ = expected(small_motion(), values[run])
        assert found[run] == pytest.approx(np.nan_to_num(squared), abs=1e-9)


def test_a_sample_beyond_the_gate_is_told_and_not_taken_in():
    """The samples after it are as if it had never come; the one at the gate is."""
    values = np.random.default_rng(4).normal(size=(1, 3, 8))
    values[0, 1, 3] += 30.0
    squared, _ = expected(small_motion(), values[0])
    gate = np.array([inf, squared[1, 3] * 0.99, inf])
    without = values.copy()
    without[0, 1, 3] = nan
    found = kalman.innovations(small_motion(), values, gate)[0]
    assert found[1, 3] == pytest.approx(squared[1, 3])
    assert found[:, 4:] == pytest.approx(expected(small_motion(), without[0])[0][:, 4:])
    assert not np.allclose(found[:, 4:], squared[:, 4:])


def test_white_jerk_is_the_integral_of_many_small_steps():
    """The disturbance is the sum of what each short push of the jerk has become at the end."""
    transition, disturbance = kalman.white_jerk(0.8, 0.3)
    steps = 4000
    short = 0.8 / steps
    one = np.array([[1.0, short, 0.0], [0.0, 1.0, short], [0.0, 0.0, 1.0]])
    total, way = np.zeros((3, 3)), np.eye(3)
    for _ in range(steps):
        total = one @ total @ one.T + np.diag([0.0, 0.0, 0.3 * short])
        way = one @ way
    assert way == pytest.approx(transition, abs=1e-3)
    assert total == pytest.approx(disturbance, abs=1e-3)


@pytest.mark.parametrize("factor", [0.1, 1.0, 10.0])
def test_the_disturbance_that_made_the_samples_is_found(factor):
    motion, generator = small_motion(), np.random.default_rng(6)
    root = np.linalg.cholesky(factor * motion.disturbance)
    state, samples = np.zeros((3, 2)), []
    for _ in range(400):
        state = state @ motion.transition.T + generator.normal(size=(3, 2)) @ root.T
        samples.append(state @ motion.observed.T + motion.noise * generator.normal(size=(3, 3)))
    found = kalman.fitted(motion, np.stack(samples, axis=-1))
    assert found.disturbance == pytest.approx(factor * motion.disturbance)


def test_a_sensor_that_is_ahead_waits_for_the_others():
    """What it says comes so many samples later."""
    motion, values = small_motion(), np.random.default_rng(8).normal(size=(1, 3, 12))
    waiting = values.copy()
    waiting[0, 1, 4:], waiting[0, 1, :4] = values[0, 1, :-4], values[0, 1, 0]
    found = kalman.innovations(replace(motion, held_back=(0, 4, 0)), values, np.full(3, inf))
    assert np.array_equal(found, kalman.innovations(motion, waiting, np.full(3, inf)))


# --- all methods -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def methods(drive):
    """All three by name, the filter with a gate that it hardly ever closes."""
    forests = Forests(drive.signals, drive.relations, drive.period, drive.learning, seed=1)
    return {
        "chain": OurChain(drive),
        "forest": forests,
        "filter": GatedFilter(drive.motion, np.full(len(drive.signals), 40.0)),
    }


@pytest.mark.parametrize("name", ["chain", "forest", "filter"])
def test_no_method_looks_ahead_or_at_other_runs(drive, methods, name):
    """What comes later, and what is beside it, changes no score; before the first sample asked for there is none."""
    detector, values = methods[name], drive.held_out[:, :, :300].copy()
    values[:, 0, 200] += 5.0  # so that the chain has something to say, too
    scores = detector.scores(values, 150)
    later = values.copy()
    later[:, :, 250:] += 5.0
    assert np.array_equal(detector.scores(later, 150)[:, :, :250], scores[:, :, :250])
    assert np.allclose(detector.scores(values[:1], 150), scores[:1], rtol=1e-9)
    assert not scores[:, :, :150].any()
    assert (scores[:, :, 150:250] > 0.0).any()


@pytest.mark.parametrize("signal", range(6))
@pytest.mark.parametrize("name", ["chain", "forest", "filter"])
def test_every_method_finds_a_gross_jump_suspicious(drive, methods, name, signal):
    """A hundred times what is tolerated; a method that does not see that has been given the wrong samples."""
    values = drive.held_out[:1, :, :400].copy()
    values[0, signal, 350:] += 100.0 * drive.signals[signal].tolerated
    scores = methods[name].scores(values, 200)[0, signal]
    assert scores[350] > scores[:350].max()


def test_residuals_are_nothing_where_signals_agree():
    """A parabola, its slope, and its sums: each kind of relation is exact on it, and a jump shows in full."""
    time = np.arange(80) * 0.1
    whole = 3.0 + 2.0 * time - 0.5 * time * time
    rate = 2.0 - time
    same = Relation(0, 1, Kind.SAME, 5, 0.1)
    assert residual(same, np.stack([np.roll(whole, 5), whole])[None], 0.1)[0, 10:] == pytest.approx(0.0, abs=1e-12)
    slope = Relation(0, 1, Kind.RATE, 0, 0.1)
    assert residual(slope, np.stack([np.roll(rate, 2), whole])[None], 0.1)[0, 10:] == pytest.approx(0.0, abs=1e-9)
    summed = Relation(0, 1, Kind.INTEGRAL, 0, 0.1)
    sums = np.cumsum(0.1 * rate)
    assert residual(summed, np.stack([sums, rate])[None], 0.1)[0, 10:] == pytest.approx(0.0, abs=1e-12)
    sums[40:] += 7.0
    assert residual(summed, np.stack([sums, rate])[None], 0.1)[0, 40] == pytest.approx(7.0)


def test_peers_raise_on_the_learning_runs_no_more_alarms_than_the_chain(drive):
    found = benchmark.detectors(drive, 1, lambda _: None)
    warm = onset(drive.period)
    counts = {
        name: [scoring.alarms(alarm, drive.period) for alarm in alarming(detector, thresholds, drive, warm)]
        for name, (detector, thresholds) in found.items()
    }
    assert all(peer <= ours for name in counts for peer, ours in zip(counts[name], counts["KARYON"], strict=True))


def alarming(detector, thresholds, drive, warm):
    alarm = detector.scores(drive.learning, warm) > thresholds[:, None]
    return alarm.transpose(1, 0, 2)


# --- the answer --------------------------------------------------------------------------------------------------


def test_all_methods_answer_every_case_of_the_same_stretches(measured):
    (drive,) = measured["drives"]
    cases = benchmark_text.by_case(drive)
    assert len(cases) == len(drive["cases"]) == 3 * len(MODES) * len(AMPLITUDES)
    for mode in MODES:
        for amplitude in AMPLITUDES:
            assert len({cases[method, mode, amplitude]["stretches"] for method in benchmark.METHODS}) == 1


def test_the_same_seed_gives_the_same_answer(measured):
    """Drives, failures and forests follow from it."""
    found = {seed: benchmark.compared(made(seed), SMALL.per_signal, seed, lambda _: None) for seed in (5, 6)}
    assert [found[5]] == measured["drives"]
    assert [found[6]] != measured["drives"]


def made(seed):
    return drives.made_up(SMALL.runs, SMALL.duration, seed)


def test_speeds_are_of_all_detectors_in_one_run(measured):
    """How fast they are, is no matter of a test."""
    assert measured["speeds"]["streams"] == 1000
    assert set(measured["speeds"]["detectors"]) == {"KARYON", "KARYON without fast", "HalfSpaceTrees", "PageHinkley"}
    assert all(value > 0.0 for each in measured["speeds"]["detectors"].values() for value in each.values())


def test_the_timed_trees_score():
    """Once they are warm; before, river's answer is 0 at once, and that would be timed."""
    scored = []
    forest = speeds.anomaly.HalfSpaceTrees(limits=dict.fromkeys(range(speeds.SIGNALS), speeds.LIMITS), seed=0)
    for values in 20.0 + 0.05 * np.random.default_rng(0).normal(size=(speeds.WARM_UP, speeds.SIGNALS)):
        forest.learn_one(dict(enumerate(values.tolist())))
        scored.append(forest.score_one(dict.fromkeys(range(speeds.SIGNALS), speeds.LIMITS[1])))
    assert scored[0] == 0.0 < scored[-1]


def test_the_table_fits_a_terminal_and_has_every_number(measured):
    """Eighty columns; of each case the share, in percent."""
    told = list(benchmark_text.lines(measured))
    assert max(map(len, told)) <= 80
    (drive,) = measured["drives"]
    cases = benchmark_text.by_case(drive)
    for place, mode in enumerate(MODES):
        at = next(line for line, text in enumerate(told) if text.startswith(f"{mode} "))
        for offset, method in enumerate(benchmark.METHODS):
            shares = [cases[method, mode, amplitude]["detected"] for amplitude in AMPLITUDES]
            shown = ["-" if share is None else f"{100 * share:.0f}" for share in shares]
            assert told[at + offset][20:36].split() == shown, (place, method)
    assert any("KARYON_DATA" in text for text in told)


def test_a_peer_that_is_ahead_is_told_so():
    """Of two cases the filter leads in one alone, and is level in the other."""
    shares = {"KARYON": (0.5, 1.0), "Isolation Forest": (0.2, 0.9), "Kalman filter": (0.9, 1.0)}
    cases = [
        {"method": method, "mode": "offset", "amplitude": amplitude, "detected": share, "named": None, "delay": None}
        for method, pair in shares.items()
        for amplitude, share in zip((1.0, 2.0), pair, strict=True)
    ]
    healthy = {method: {"per_hour": 0.0, "share": 0.0} for method in shares}
    found = {"name": "x", "signals": ["a"], "healthy_hours": 1.0, "healthy": healthy, "cases": cases}
    assert benchmark_text.leaders(found) == {"KARYON": 1, "Isolation Forest": 0, "Kalman filter": 2}


def test_the_figure_has_a_panel_for_each_mode_and_measure(measured, tmp_path):
    sheet = benchmark_plot.figure(measured)
    assert len(sheet.axes) == len(benchmark_plot.ROWS) * len(MODES) + 2
    titles = [panel.get_title(loc="center") for panel in sheet.axes[:-2]]
    assert [title for title in titles if title] == list(MODES)
    (drive,) = measured["drives"]
    shares = [benchmark_text.by_case(drive)["KARYON", "offset", amplitude]["detected"] for amplitude in AMPLITUDES]
    assert sheet.axes[0].lines[0].get_ydata() == pytest.approx([100.0 * share for share in shares])


@pytest.mark.parametrize("kind", ["png", "svg"])
def test_the_same_measurement_gives_the_same_picture(measured, tmp_path, kind):
    one, other = tmp_path / f"one.{kind}", tmp_path / f"other.{kind}"
    benchmark_plot.draw(measured, one)
    benchmark_plot.draw(measured, other)
    assert one.read_bytes() == other.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == [one.name, other.name]
    if kind == "png":
        picture = imread(one)[:, :, :3]
        assert 0.01 < np.mean(picture.min(axis=2) < 0.9) < 0.5


# --- the command -------------------------------------------------------------------------------------------------


def test_the_command_answers_as_json_and_draws(monkeypatch, tmp_path, capsys):
    """A small benchmark from the command's function to its output."""
    monkeypatch.setenv("KARYON_DATA", str(tmp_path))
    monkeypatch.setattr(benchmark, "Size", partial(Size, runs=4, duration=90.0, per_signal=1))
    picture = tmp_path / "found.png"
    bench.bench(perception=True, seed=1, plot=picture, as_json=True)
    found = json.loads(capsys.readouterr().out)
    assert found["seed"] == 1
    assert found["recording"] is None
    assert [drive["name"] for drive in found["drives"]] == ["made-up drive"]
    assert picture.stat().st_size > 10_000


@pytest.mark.parametrize("missing", ["river", "sklearn"])
def test_a_peer_that_is_not_installed_is_told_with_how_to_install_it(missing, tmp_path):
    script = f"import sys; sys.modules[{missing!r}] = None; from karyon.cli import main; main()"
    done = run([sys.executable, "-c", script, "bench", "--perception"], tmp_path)
    assert done.returncode == 2
    assert missing in done.stderr
    assert "pip install 'karyon[dev,view]'" in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("plot", "why"), [("found.jpg", "ends in .png or .svg"), ("nowhere/found.png", "there is no folder nowhere")]
)
def test_a_picture_that_cannot_be_is_refused_before_anything_is_measured(tmp_path, plot, why):
    done = run([sys.executable, "-m", "karyon", "bench", "--perception", "--plot", plot], tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert why in done.stderr


def run(command, folder):
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
    return done
