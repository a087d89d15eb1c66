"""Random runs of a crossing: loss, delays, failures of sensors and components, liars, silent cars, pedestrians.

    python -m tests.sim.random_crossings 0 2000

simulates the runs of seeds 0 to 1999, and says what each that broke something has broken, with the command that
replays it. A run follows from its seed alone; the runs of a block share demand and radio, and so fit into one batch.
"""

import random

from tests.sim.random_runs import study

BLOCK = 50
DURATION = 45  # s: a car is at its line 11 s after it appears, and across in 20 s where nobody is before it
LATEST = 30.0  # s, by when a car appears that something is wrong with
SIGNALS = ("front.distance", "front.relative_speed", "own.speed", "own.position")
SIDES = ("left", "opposite", "right")
COMPONENTS = ("perception", "control", "radio", "coordinator")


def batches(first, last):
    """Runs with seeds `first` to `last` - 1, each as settings and seed, those of a block together."""
    for begin in range(first - first % BLOCK, last, BLOCK):
        rng = random.Random(f"block {begin}")
        flow = round(rng.uniform(300, 2400))
        shared = surroundings(rng, flow)
        yield [([*shared, faults(seed, flow)], seed) for seed in range(max(first, begin), min(last, begin + BLOCK))]


def surroundings(rng, flow):
    """Lanes, demand, radio and who else is about."""
    loss, silent = rng.choice([0.0, rng.random(), 1.0]), rng.choice([0.0, 0.0, rng.uniform(0.0, 0.5)])
    mean = rng.choice([0.01, rng.uniform(0.01, 0.3)])
    walks = [f"{{arm: {rng.randrange(4)}, time: {rng.uniform(5, 35):.1f}}}" for _ in range(rng.randrange(3))]
    emergency = f"{{arm: {rng.randrange(4)}, time: {rng.uniform(5, 30):.1f}}}"
    turning = rng.choice([0.0, rng.uniform(10.0, 60.0)])
    return [
        f"duration={DURATION}",
        f"road={{turning_lane: {turning:.1f}}}",
        f"demand={{flow: {flow}, silent: {silent:.2f}}}",
        f"radio={{loss: {loss:.3f}, jitter: {{mean: {mean:.3f}}}}}",
        f"pedestrians=[{', '.join(walks)}]",
        f"emergencies=[{emergency}]",
    ]


def faults(seed, flow):
    """Up to three things that fail, of one car or of all."""
    rng = random.Random(f"run {seed}")
    return f"faults=[{', '.join(failure(rng, flow) for _ in range(rng.choice([0, 1, 2, 3])))}]"


def failure(rng, flow):
    """A sensor that is wrong, a component that is down, a liar, a radio that dies: while its car is about to cross."""
    car = rng.randrange(round(flow * LATEST / 3600.0))
    onset = min(car * 3600.0 / flow + rng.uniform(2.0, 22.0), DURATION - 3.0)
    where = f"vehicle: {rng.choice(['all', car, car, car])}, onset: {onset:.2f}"
    lasting = f"{where}, duration: {rng.uniform(0.5, 20.0):.2f}"
    kind = rng.choice(["sensor", "sensor", "sensor", "component", "lie", "dead radio"])
    if kind == "dead radio":
        return f"{{{where}, component: radio, mode: crash}}"
    if kind == "component":
        return f"{{{lasting}, component: {rng.choice(COMPONENTS)}, mode: {rng.choice(['hang', 'slow, factor: 5'])}}}"
    if kind == "lie":
        lie = rng.choice(["wrong_position, offset: {:.1f}", "wrong_speed, offset: {:.1f}", "lie_high", "lie_low"])
        return f"{{{lasting}, signal: own.message, mode: {lie.format(rng.uniform(-30.0, 30.0))}}}"
    side = f"zone.{rng.choice(SIDES)}.{rng.choice(['distance', 'speed'])}"
    return f"{{{lasting}, signal: {rng.choice([*SIGNALS, side, side])}, mode: {sensor_mode(rng)}}}"


def sensor_mode(rng):
    """How a sensor is wrong, or late."""
    size = rng.uniform(-10.0, 10.0)
    return rng.choice(
        [
            f"offset, amplitude: {size:.2f}",
            f"drift, rate: {size / 5:.2f}",
            f"scale, factor: {rng.uniform(0.2, 3.0):.2f}",
            f"noise, sigma: {abs(size) + 0.1:.2f}",
            f"outlier, amplitude: {abs(size) + 1.0:.2f}, probability: 0.3",
            "stuck_at",
            f"saturation, high: {rng.uniform(2.0, 20.0):.1f}",
            f"freeze, delay: {rng.uniform(0.5, 3.0):.2f}",
            f"delay, delay: {rng.uniform(0.1, 3.0):.2f}",
            f"omission, probability: {rng.uniform(0.3, 1.0):.2f}",
        ]
    )


def wrongs(summary):
    """Violated goals."""
    return [f"not held: {goal}" for goal, told in summary["safety_goals"].items() if told["violated"]]


if __name__ == "__main__":
    study("intersection", batches, wrongs)
