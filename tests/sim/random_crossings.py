"""Random runs of a crossing: loss, delays, failures of sensors and components, liars, silent cars, pedestrians.

    python -m tests.sim.random_crossings 0 2000

simulates the runs of seeds 0 to 1999, and says what each that broke something has broken, with the command that
replays it. A run follows from its seed alone; the runs of a block share demand and radio, and so fit into one batch.
"""

import random

from tests.sim.random_runs import study

BLOCK = 25
DURATION = 60  # s
SIGNALS = ("front.distance", "front.relative_speed", "own.speed", "own.position")
SIDES = ("left", "opposite", "right")
COMPONENTS = ("perception", "control", "radio", "coordinator")


def batches(first, last):
    """Runs with seeds `first` to `last` - 1, each as settings and seed, those of a block together."""
    for begin in range(first - first % BLOCK, last, BLOCK):
        shared = surroundings(random.Random(f"block {begin}"))
        yield [([*shared, faults(seed)], seed) for seed in range(max(first, begin), min(last, begin + BLOCK))]


def surroundings(rng):
    """Demand, radio and who else is about."""
    loss, silent = rng.choice([0.0, rng.random(), 1.0]), rng.choice([0.0, 0.0, rng.uniform(0.0, 0.5)])
    mean = rng.choice([0.01, rng.uniform(0.01, 0.3)])
    walks = [f"{{arm: {rng.randrange(4)}, time: {rng.uniform(5, 50):.1f}}}" for _ in range(rng.randrange(3))]
    return [
        f"duration={DURATION}",
        f"demand={{flow: {rng.uniform(300, 2400):.0f}, silent: {silent:.2f}}}",
        f"radio={{loss: {loss:.3f}, jitter: {{mean: {mean:.3f}}}}}",
        f"pedestrians=[{', '.join(walks)}]",
        f"emergencies=[{{arm: {rng.randrange(4)}, time: {rng.uniform(5, 50):.1f}}}]",
    ]


def faults(seed):
    """Up to three things that fail, of one car or of all."""
    rng = random.Random(f"run {seed}")
    return f"faults=[{', '.join(failure(rng) for _ in range(rng.choice([0, 1, 2, 3])))}]"


def failure(rng):
    """A sensor that is wrong, a component that is down, a liar."""
    where = f"vehicle: {rng.choice(['all', *range(8)])}, onset: {rng.uniform(2.0, 50.0):.2f}"
    lasting = f"{where}, duration: {rng.uniform(0.5, 20.0):.2f}"
    kind = rng.choice(["sensor", "sensor", "component", "lie"])
    if kind == "component":
        return f"{{{lasting}, component: {rng.choice(COMPONENTS)}, mode: hang}}"
    if kind == "lie":
        lie = rng.choice(["wrong_position, offset: {:.1f}", "wrong_speed, offset: {:.1f}", "lie_high", "lie_low"])
        return f"{{{lasting}, signal: own.message, mode: {lie.format(rng.uniform(-30.0, 30.0))}}}"
    side = f"zone.{rng.choice(SIDES)}.{rng.choice(['distance', 'speed'])}"
    signal, size = rng.choice([*SIGNALS, side, side]), rng.uniform(-10.0, 10.0)
    mode = rng.choice(
        [
            f"offset, amplitude: {size:.2f}",
            f"drift, rate: {size / 5:.2f}",
            "stuck_at",
            "omission",
            f"noise, sigma: {abs(size) + 0.1:.2f}",
        ]
    )
    return f"{{{lasting}, signal: {signal}, mode: {mode}}}"


def wrongs(summary):
    """Violated goals."""
    return [f"not held: {goal}" for goal, told in summary["safety_goals"].items() if told["violated"]]


if __name__ == "__main__":
    study("intersection", batches, wrongs)
