"""Random runs of lane changes: loss, delays, failing sensors, a radio that goes silent, and a liar.

    python -m tests.sim.random_lane_changes 0 10000

simulates the runs of seeds 0 to 9999, and says what each that broke something has broken, with the command that
replays it. A run follows from its seed alone; the runs of a block share cars and radio, and so fit into one batch.
"""

import random

from tests.sim.random_faults import LATE_MODES, MODES, OBJECT_MODES, VALUE_MODES, as_text, parameters
from tests.sim.random_runs import study

BLOCK = 100  # cheap enough a run, and a hundred surroundings among 10,000
DURATION = 45  # s
CONSTANT = ("offset", "swap", "ghost", "scale")  # of a sensor of one's own from its first sample on, nothing shows
DISTANCES = ("front.distance", "gap.front.distance", "gap.rear.distance")
SIGNALS = (*DISTANCES, *(name.replace("distance", "relative_speed") for name in DISTANCES), "own.speed")
MESSAGES = ("gap.front.message", "gap.rear.message")
LIES = ("wrong_position", "wrong_speed", "replay", "lie_high")
SENSOR_MODES = [mode for mode in MODES if mode in (*VALUE_MODES, *LATE_MODES, *OBJECT_MODES)]


def batches(first, last):
    """Runs with seeds `first` to `last` - 1, each as settings and seed, those of a block together."""
    for begin in range(first - first % BLOCK, last, BLOCK):
        shared = shared_by(random.Random(f"lane change block {begin}"))
        yield [(settings(shared, seed), seed) for seed in range(max(first, begin), min(last, begin + BLOCK))]


def shared_by(rng):
    """Cars, lanes and radio of a block."""
    lanes, share = rng.randint(2, 4), rng.choice([0.0, rng.uniform(0.0, 0.3), rng.random(), 1.0])
    start = rng.uniform(5.0, 30.0)
    losing = rng.choice(
        [
            f"radio.loss={share:.3f}",
            f"radio.loss={share:.3f}",
            f"radio.bursts={{loss: {min(share, 0.9):.3f}, length: {rng.uniform(10.0, 40.0):.1f}}}",
            f"radio.jamming=[{{start: {start:.2f}, end: {start + rng.uniform(0.3, 10.0):.2f}}}]",
        ]
    )
    late = rng.choice([[], [f"radio.jitter={{mean: {rng.uniform(0.005, 0.3):.3f}}}"]])
    return {
        "vehicles": rng.randint(2 * lanes, 5 * lanes),
        "settings": [
            f"duration={DURATION}",
            f"road.lanes={lanes}",
            f"traffic.speed={rng.uniform(15.0, 30.0):.2f}",
            f"traffic.faster={rng.uniform(0.0, 3.0):.2f}",
            f"traffic.time_gap={rng.uniform(1.0, 1.6):.2f}",
            f"traffic.time_gap_spread={rng.uniform(0.0, 1.5):.2f}",
            losing,
            *late,
            *lane_end(lanes, rng),
        ],
    }


def lane_end(lanes, rng):
    """In one block of four a lane ends, a merge or an on-ramp: who is in it must change."""
    if rng.random() >= 0.25:
        return []
    at = rng.uniform(900.0, 1300.0)
    lane, opens = rng.choice([0, lanes - 1]), rng.uniform(0.0, at - 300.0)
    return [f"road.lane_end={{lane: {lane}, opens: {opens:.0f}, at: {at:.0f}}}"]


def settings(shared, seed):
    """Beside what the block shares, a run is disturbed by a failure, a silent radio, and a liar, or not."""
    rng, vehicles = random.Random(f"lane change {seed}"), shared["vehicles"]
    faults = [failure(vehicles, rng) for _ in range(rng.choice([0, 1, 1]))]
    faults += [placed({"component": "radio"}, "hang", vehicles, rng) for _ in range(rng.choice([0, 0, 1]))]
    faults += [placed({"signal": "own.message"}, rng.choice(LIES), vehicles, rng) for _ in range(rng.choice([0, 0, 1]))]
    waves = f"{{first: 5, every: {rng.uniform(5.0, 12.0):.1f}, cars: {rng.randint(2, 5)}}}"
    own = [f"vehicles={vehicles}", f"lane_change.waves={waves}", f"faults=[{', '.join(map(as_text, faults))}]"]
    return [*shared["settings"], *own]


def failure(vehicles, rng):
    """Of a sensor, of a component, or of what is received."""
    kind = rng.random()
    if kind < 0.2:
        return placed(
            {"component": rng.choice(["perception", "control"])}, rng.choice(["crash", "hang"]), vehicles, rng
        )
    mode = rng.choice(SENSOR_MODES)
    if kind < 0.4:
        mode = rng.choice([*LATE_MODES, "wrong_position", "wrong_speed"])
        return placed({"signal": rng.choice(MESSAGES)}, mode, vehicles, rng)
    return placed({"signal": rng.choice(DISTANCES if mode in OBJECT_MODES else SIGNALS)}, mode, vehicles, rng)


def placed(entry, mode, vehicles, rng):
    """Somewhere, at some time."""
    onset = max(rng.uniform(0.0, 40.0), 5.0 if mode in CONSTANT else 0.0)
    lasting = {} if mode == "crash" else {"duration": round(rng.uniform(2.0, 30.0), 2)}
    usual = entry.get("signal", "").removeprefix("gap.").replace("rear.", "front.")
    drawn = {name: round(value, 3) for name, value in parameters(mode, usual, rng).items()}
    return {"vehicle": rng.randrange(vehicles), **entry, "mode": mode, "onset": round(onset, 3)} | lasting | drawn


def wrongs(summary):
    """Violated goals, and a switch beyond its bound."""
    goals = [f"{name} {goal['violations']} times" for name, goal in summary["safety_goals"].items() if goal["violated"]]
    late = [
        f"{name} switched in {each['worst_switch_latency']:.3f} s of {each['switch_bound']:.3f} s"
        for name, each in summary["functions"].items()
        if each["worst_switch_latency"] > each["switch_bound"]
    ]
    return [f"not held: {goal}" for goal in goals] + late


if __name__ == "__main__":
    study("lane_change", batches, wrongs)
