"""Random runs of a platoon: loss, bursts, faults, attackers, and a leader that brakes as hard as all have declared.

    python -m tests.sim.random_platoons 0 2000

simulates the runs of seeds 0 to 1999, and says what each that broke something has broken, with the command that
replays it. A run follows from its seed alone; the runs of a block share cars and radio, and so fit into one batch.
"""

import random

from tests.sim.random_faults import (
    MESSAGE_MODES,
    MODES,
    as_text,
    parameters,
    subject,
)
from tests.sim.random_runs import study

BLOCK = 25
DURATION = 60  # s
OWN = ("front.distance", "front.relative_speed", "own.speed", "own.acceleration", "own.position")
CONSTANT = ("offset", "swap", "ghost", "scale")  # of a sensor of one's own from its first sample on, nothing shows
FIELDS = tuple(f"lead.message.{field}" for field in ("position", "speed", "acceleration", "intended_acceleration"))
LIES = (*MESSAGE_MODES, "sybil", "flooding", "lie_high", "lie_low", "equivocation")


def batches(first, last):
    """Runs with seeds `first` to `last` - 1, each as settings and seed, those of a block together."""
    for begin in range(first - first % BLOCK, last, BLOCK):
        shared = random.Random(f"block {begin}")
        vehicles, radio = shared.randint(3, 8), radio_of(shared)
        yield [(settings(vehicles, radio, seed), seed) for seed in range(max(first, begin), min(last, begin + BLOCK))]


def settings(vehicles, radio, seed):
    """Beside the radio a run is disturbed by up to two failures, a lie, and a leader that brakes."""
    rng = random.Random(f"run {seed}")
    faults = [failure(vehicles, rng) for _ in range(rng.choice([0, 1, 1, 2]))]
    faults += [lie(vehicles, rng) for _ in range(rng.choice([0, 0, 1]))]
    own = [f"duration={DURATION}", f"vehicles={vehicles}", f"start.time_gap={rng.uniform(0.6, 2.0):.2f}"]
    return [*own, *radio, *leader(rng), f"faults=[{', '.join(map(as_text, faults))}]"]


def radio_of(rng):
    """What is lost, and how; what is late."""
    share = rng.choice([0.0, rng.uniform(0.0, 0.3), rng.random()])
    length = max(rng.uniform(1.0, 40.0), share / (1.0 - share) + 0.1)
    start = rng.uniform(0.0, 50.0)
    losing = rng.choice(
        [
            f"loss={share:.3f}",
            f"bursts={{loss: {min(share, 0.95):.3f}, length: {length:.1f}}}",
            f"fading={{sensitivity: {rng.uniform(-95.0, -60.0):.1f}}}",
            f"load={{others: {rng.randint(0, 400)}}}",
            f"tdma={{slots: {rng.randint(5, 40)}}}",
            f"jamming=[{{start: {start:.2f}, end: {start + rng.uniform(0.3, 10.0):.2f}}}]",
            f"jamming=[{{start: 0, end: 60, place: {rng.uniform(200.0, 1200.0):.0f}, range: 150}}]",
        ]
    )
    late = rng.choice([[], [f"jitter={{mean: {rng.uniform(0.005, 0.15):.3f}}}"]])
    return [f"radio.{setting}" for setting in (losing, *late)]


def leader(rng):
    """It drives, brakes as hard as declared or less, and drives on."""
    speed = rng.choice([27.0, rng.uniform(8.0, 34.0)])
    slow, brakes = rng.choice([0.0, rng.uniform(0.0, speed)]), rng.uniform(8.0, 50.0)
    points = [(0.0, speed), (brakes, slow), (brakes + rng.uniform(3.0, 15.0), speed)]
    if rng.random() < 0.2:
        points = [(0.0, speed)]
    told = ", ".join(f"[{time:.2f}, {aim:.2f}]" for time, aim in points)
    return [f"leader.speed=[{told}]", f"leader.deceleration={rng.choice([6.0, rng.uniform(1.0, 6.0)]):.2f}"]


def failure(vehicles, rng):
    """Of a sensor, a component, or what is received, of any mode."""
    mode = rng.choice(MODES)
    return placed(subject(mode, [*OWN, *OWN, *FIELDS], rng), mode, vehicles, rng)


def lie(vehicles, rng):
    """What a car says to all."""
    return placed({"signal": "own.message"}, rng.choice(LIES), vehicles, rng)


def placed(entry, mode, vehicles, rng):
    """Somewhere, at some time, often from the start or to the end."""
    onset = rng.choice([0.0, rng.uniform(0.0, 55.0), rng.uniform(0.0, 55.0)])
    if mode in CONSTANT and entry["signal"] in OWN:
        onset = max(onset, 5.0)
    lasting = {"duration": round(rng.uniform(2.0, 30.0), 2)}
    if mode == "crash" or (mode != "hang" and rng.random() < 0.2):
        lasting = {}
    added = {"sybil": {"count": rng.randint(1, 8)}, "flooding": {"rate": round(rng.uniform(5.0, 500.0))}}
    drawn = {name: round(value, 3) for name, value in parameters(mode, entry.get("signal"), rng).items()}
    where = {"vehicle": rng.randint(1, vehicles - 1), **entry, "mode": mode, "onset": round(onset, 3)}
    return where | lasting | added.get(mode, {}) | drawn


def wrongs(summary):
    """Violated goals, and a disagreement beyond its bound."""
    acc = summary["functions"]["acc"]
    goals = [f"{name} {goal['violations']} times" for name, goal in summary["safety_goals"].items() if goal["violated"]]
    apart = acc["worst_disagreement"]
    late = f"{acc['worst_switch_latency']:.3f} s of {acc['switch_bound']:.3f} s"
    return [f"not held: {goal} ({late})" for goal in goals] + [f"{apart} rounds apart"] * (apart > 1)


if __name__ == "__main__":
    study("platoon", batches, wrongs)
