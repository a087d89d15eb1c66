"""The bench behind a network that fails: no level on data that is older than its rule allows, and back afterwards."""

import re
from collections import Counter

import numpy as np
import pytest

from karyon.hil.bench import Bench
from karyon.hil.intake import Intake
from karyon.sim import run, scenario
from karyon.sim.shipped import SHIPPED
from tests.hil.scripted import MILLISECOND, SECOND, SECOND_SAYS, SIGNALS, Network

AGE_LIMIT = 350 * MILLISECOND
RECOVERS = 10 * SECOND


class Watch:
    """Holds each decision of the kernel against what the devices really measured, and when."""

    def __init__(self, network, intake):
        self._network, self._intake = network, intake
        self.levels = []  # (cycle, row)
        self.times = []
        self.wrong = []
        self.believed = Counter()  # cycles in a row at LoS 1 in which a second device is heard, by row
        self.longest_believed = 0

    def __call__(self, now, level):
        self.times.append(now)
        self.levels.append(level.copy())
        lag = self._network.lag(now)
        for row in np.flatnonzero(level):
            true = self._network.devices[row].true
            oldest = min(true.get(signal, -SECOND) for signal in SIGNALS)
            if now + lag - oldest > AGE_LIMIT + lag:
                self.wrong.append((now / SECOND, int(row), self._network.devices[row].kind, (now - oldest) / SECOND))
        for channel in self._intake.channels:
            row = channel.binding.row
            is_second = level[row] > 0 and channel.last is not None and channel.last.value == SECOND_SAYS
            self.believed[channel] = is_second * (self.believed[channel] + 1)
            self.longest_believed = max(self.longest_believed, self.believed[channel])


def bench_of(devices, duration, tmp_path):
    """The shipped bench with these devices, at 20 cycles a second instead of 167."""
    design = (SHIPPED / "safety" / "hil_bench.yaml").read_text("utf-8")
    design, periods = re.subn(r"_period: \d+ ms", "_period: 50 ms", design)
    assert periods == 3
    (tmp_path / "design.yaml").write_text(design, "utf-8")
    settings = [f"vehicles={devices + 1}", f"duration={duration}", f"safety={tmp_path / 'design.yaml'}"]
    return scenario.read("hil_bench", settings)


def ran(loaded, network):
    intake = Intake(loaded.scenario, loaded.design)
    watch = Watch(network, intake)
    bench = Bench(intake, network, 50 * MILLISECOND, watch)
    (result,) = run.simulate([loaded], [None], outside=bench)
    return watch, bench, result


def never_came_back(watch, network):
    """Faults after which a device that was quiet again for long enough was not at LoS 1."""
    times, levels = np.array(watch.times), np.array(watch.levels)
    late = []
    for device in network.devices:
        ends = [0, *(end for _, _, end in device.history[:-1])]
        begins = [begin for _, begin, _ in device.history]
        for end, begin in zip(ends, begins, strict=True):
            after = (times >= end) & (times < min(begin, end + RECOVERS))
            if (
                begin - end >= RECOVERS
                and times[-1] >= end + RECOVERS
                and not (levels[after, device.number - 1] > 0).any()
            ):
                late.append((device.number, end / SECOND))
    return late


@pytest.mark.parametrize("seed", [1, 2])
def test_no_level_rests_on_old_data_whatever_the_network_does(seed, tmp_path):
    """Thirty devices for a minute: levels are held on time, and come back."""
    network = Network(30, seed)
    watch, bench, result = ran(bench_of(30, 60, tmp_path), network)
    assert watch.wrong == []
    assert never_came_back(watch, network) == []
    assert watch.longest_believed <= 4  # cycles of 50 ms: its first message, until the other device's next one
    levels = np.array(watch.levels)
    assert (levels > 0).mean() > 0.5
    assert (np.diff(levels, axis=0) < 0).any(axis=0).sum() > 15  # most have fallen at least once
    assert result.summary["safety_goals"]["bad data out of command in time"]["violated"] is False
    assert bench.summary()["messages_refused"] > 0


def hung(now):
    """The process hangs for 0.4 s, and then catches up."""
    return max(0, 20 * SECOND + 400 * MILLISECOND - now) if now >= 20 * SECOND else 0


def test_a_bench_that_hangs_says_so_and_gives_up_the_level(tmp_path):
    """Late, lost, invalid and own lag are told apart; what a late cycle leaves is read by the next one in time."""
    network = Network(1, 0, hung)
    network.devices[0].begins = network.devices[0].ends = 10**18
    watch, bench, result = ran(bench_of(1, 30, tmp_path), network)
    falls = [event for event in result.events if event["kind"] == "los" and event["to"] < event["from"]]
    assert [(event["verdict"], event["rule"]) for event in falls] == [("own_lag", "alive(perception)")]
    assert falls[0]["time"] == pytest.approx(20.15, abs=0.05)
    said = bench.summary()
    assert said["missed_deadlines"] == 7  # at 20.00 to 20.30 s; 50 ms late is in time
    assert said["worst_lateness"] == pytest.approx(0.4)
    assert said["refused"] == {}
    assert watch.levels[-1] == 1


def test_devices_that_are_silent_from_the_start_are_no_downgrade(tmp_path):
    """Start-up is not an emergency; the summary says what was never seen."""
    network = Network(1, 0)
    network.devices[0].kind, network.devices[0].begins, network.devices[0].ends = "silence", 0, 10**18
    _, _, result = ran(bench_of(1, 5, tmp_path), network)
    assert [event for event in result.events if event["kind"] == "los"] == []
    assert result.summary["metrics"]["messages"] == 0
    assert "never left LoS 0" in result.warnings[-1]
