"""`karyon bench --perception`: our chain beside an Isolation Forest and a Kalman filter, on the same failing sensors.

Half of the healthy runs sets the thresholds: on each signal a peer may raise as many alarms as the chain does. The
other half tells the false alarms, and stretches of it in which one sensor fails tell the rest.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from karyon.installation import machine
from karyon.logs import drives, kalman, speeds
from karyon.logs.drives import Drives
from karyon.logs.failing import failing, onset
from karyon.logs.judging import CALLED
from karyon.logs.peers import Forests
from karyon.logs.scoring import alarms, cases, false_alarms, fewest, hours
from karyon.perception.chain import Chain
from karyon.perception.sensors import Floats

Progress = Callable[[str], None]

METHODS: Mapping[str, str] = {
    "KARYON": "karyon.perception.chain; an alarm is a validity below 0.5",
    "Isolation Forest": "scikit-learn; per signal, on windows of the residuals [Liu 2008]",
    "Kalman filter": "plain NumPy; chi-square gate on each sensor [Bar-Shalom 2001]",
}


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured.

    runs, duration   of the made-up drive: how many, s of each
    per_signal       stretches for each mode, amplitude and signal of the made-up drive
    per_recorded     the same of the recorded drive
    """

    runs: int = 96
    duration: float = 300.0
    per_signal: int = 15
    per_recorded: int = 30


class Detector(Protocol):
    """Says how suspicious each sample is."""

    def scores(self, values: Floats, first: int) -> Floats:
        """Scores of runs side by side (run, signal, sample), 0 before sample `first`."""


@dataclass(frozen=True, slots=True)
class OurChain:
    """The default chain: the score is what validity lacks to 1."""

    drives: Drives

    def scores(self, values: Floats, first: int) -> Floats:
        """0..1."""
        chain = Chain(self.drives.signals, self.drives.relations, self.drives.period, len(values))
        found = np.zeros(values.shape)
        for sample in range(values.shape[2]):
            time = np.full(len(values), sample * self.drives.period)
            found[:, :, sample] = 1.0 - chain.step(time, values[:, :, sample].T).validity.T
        found[:, :, :first] = 0.0
        return found


@dataclass(frozen=True, slots=True)
class GatedFilter:
    """The Kalman filter: the score is the normalised innovation squared, the threshold its gate."""

    motion: kalman.Motion
    gate: Floats

    def scores(self, values: Floats, first: int) -> Floats:
        """Chi-square with one degree of freedom while all is well."""
        found = kalman.innovations(self.motion, values, self.gate)
        found[:, :, :first] = 0.0
        return found


def measure(data: Path | None, seed: int, size: Size | None = None, progress: Progress | None = None) -> dict[str, Any]:
    """All that is measured: of the made-up drive, of the recorded one where `data` holds it, and speeds."""
    size, tell = size or Size(), progress or (lambda _: None)
    judged = [(drives.made_up(size.runs, size.duration, seed), size.per_signal)]
    recorded = drives.recorded(data) if data else None
    judged += [(recorded, size.per_recorded)] if recorded is not None else []
    found = [compared(each, per_signal, seed, tell) for each, per_signal in judged]
    tell("speeds")
    return {
        "machine": machine(),
        "seed": seed,
        "methods": dict(METHODS),
        "recording": str(data / drives.RECORDING) if data and recorded else None,
        "drives": found,
        "speeds": speeds.measure(seed),
    }


def compared(each: Drives, per_signal: int, seed: int, tell: Progress) -> dict[str, Any]:
    """False alarms of every method on one drive, and what it found of every failure."""
    warm, healthy, found = onset(each.period), {}, []
    tell(f"{each.name}: sensors fail")
    broken = failing(each, per_signal, seed)
    for name, (detector, thresholds) in detectors(each, seed, tell).items():
        tell(f"{each.name}: {name}")
        healthy[name] = false_alarms(detector.scores(each.held_out, warm), thresholds, each.period)
        scores = detector.scores(broken.values, warm - 1)
        found += [{"method": name, **case} for case in cases(scores, thresholds, broken, each.period)]
    return {
        "name": each.name,
        "signals": [signal.name for signal in each.signals],
        "healthy_hours": hours(each.held_out, each.period),
        "healthy": healthy,
        "cases": found,
    }


def detectors(each: Drives, seed: int, tell: Progress) -> dict[str, tuple[Detector, Floats]]:
    """The methods, each with its thresholds (signal,)."""
    tell(f"{each.name}: thresholds")
    warm, signals = onset(each.period), len(each.signals)
    called, open_gate = np.full(signals, CALLED), np.full(signals, inf)
    chain = OurChain(each)
    forests = Forests(each.signals, each.relations, each.period, each.learning, seed)
    motion = kalman.fitted(each.motion, each.learning)
    ours = chain.scores(each.learning, warm) > CALLED
    allowed = [alarms(ours[:, signal], each.period) for signal in range(signals)]
    rare = fewest(forests.scores(each.learning, warm), allowed, each.period)
    gate = fewest(GatedFilter(motion, open_gate).scores(each.learning, warm), allowed, each.period)
    return dict(zip(METHODS, [(chain, called), (forests, rare), (GatedFilter(motion, gate), gate)], strict=True))
