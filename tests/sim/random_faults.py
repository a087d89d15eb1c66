"""Failures drawn at random: amplitudes of every mode, from just above what is tolerated to far beyond."""

from dataclasses import replace

from karyon.sim.failure_modes import Fault
from karyon.sim.scenario import read

TOLERATED = {"front.distance": 1.5, "front.relative_speed": 0.8, "own.speed": 0.8}
MESSAGE_MODES = ("wrong_position", "wrong_speed", "replay")
LATE_MODES = ("delay", "jitter", "omission", "freeze", "reordering", "duplication", "clock_offset", "clock_drift")
OBJECT_MODES = ("ghost", "missed", "swap")
COMPONENT_MODES = ("crash", "hang", "slow")
VALUE_MODES = ("offset", "drift", "ramp", "scale", "noise", "outlier", "stuck_at", "quantisation", "saturation")
MODES = (*VALUE_MODES, *LATE_MODES, *OBJECT_MODES, *MESSAGE_MODES, *COMPONENT_MODES)


def parameters(mode, signal, rng):
    """Amplitudes from just above what is tolerated, where detection is slowest, to far beyond."""
    tolerated, sign = TOLERATED.get(signal, 1.0), rng.choice([-1, 1])
    beyond = rng.choice([rng.uniform(1.0, 1.03), rng.uniform(1.0, 1.1), rng.uniform(1.0, 10.0)])
    return {
        "offset": lambda: {"amplitude": sign * tolerated * beyond},
        "drift": lambda: {"rate": sign * rng.choice([3.0, rng.uniform(0.2, 3.0)])},
        "ramp": lambda: {"rate": sign * rng.choice([3.0, rng.uniform(0.1, 3.0)])},
        "scale": lambda: {"factor": rng.uniform(1.1, 3.0)},
        "noise": lambda: {"sigma": tolerated * rng.uniform(0.7, 5.0)},
        "outlier": lambda: {"amplitude": tolerated * beyond, "probability": rng.uniform(0.1, 1.0)},
        "stuck_at": lambda: {"value": rng.uniform(0.0, 12.0)} if rng.random() < 0.7 else {},
        "saturation": lambda: {"high": {"front.distance": 8.0, "own.speed": 5.0}.get(signal, 0.0)},
        "quantisation": lambda: {"step": tolerated * rng.uniform(2.0, 20.0)},
        "ghost": lambda: {"distance": rng.uniform(0.0, 20.0)},
        "missed": dict,
        "swap": lambda: {"distance": sign * tolerated * beyond},
        "delay": lambda: {"delay": rng.uniform(0.2, 3.0), "sigma": rng.choice([0.0, 0.1])},
        "reordering": lambda: {"probability": rng.uniform(0.3, 1.0)},
        "duplication": lambda: {"probability": rng.uniform(0.3, 1.0)},
        "clock_offset": lambda: {"offset": sign * rng.uniform(0.2, 20.0)},
        "clock_drift": lambda: {"rate": sign * rng.uniform(0.02, 0.9)},
        "jitter": lambda: {"sigma": rng.uniform(0.1, 2.0)},
        "omission": lambda: {"probability": rng.uniform(0.3, 1.0), "burst": rng.choice([1.0, 8.0])},
        "freeze": lambda: {"delay": rng.uniform(0.3, 5.0)},
        "wrong_position": lambda: {"offset": sign * 5.5 * beyond},
        "wrong_speed": lambda: {"offset": sign * 0.8 * beyond},
        "replay": lambda: {"delay": rng.choice([rng.uniform(0.27, 0.35), rng.uniform(0.3, 10.0)])},
        "slow": lambda: {"factor": rng.uniform(2.0, 20.0)},
    }.get(mode, dict)()


def subject(mode, signals, rng):
    """What of a car fails in this mode: a component, its radar, what it hears, or one of `signals`."""
    if mode in COMPONENT_MODES:
        return {"component": rng.choice(["perception", "control", "radio"])}
    if mode in MESSAGE_MODES:
        return {"signal": "lead.message"}
    if mode in OBJECT_MODES:
        return {"signal": "front.distance"}
    return {"signal": rng.choice([*signals, *(["lead.message"] if mode in LATE_MODES else [])])}


def loaded(name, overrides, several):
    """A run for each list of faults, with the seeds 0, 1, ...: the scenario is read once."""
    first = read(name, overrides)
    return [
        replace(first, scenario=first.scenario.model_copy(update={"seed": seed, "faults": tuple(faults)}))
        for seed, faults in enumerate([Fault.model_validate(entry) for entry in entries] for entries in several)
    ]


def as_text(entry):
    return "{" + ", ".join(f"{key}: {value}" for key, value in entry.items()) + "}"
