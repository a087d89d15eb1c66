"""Random encounters of unmanned aircraft with random faults, with the kernel and without: `python -m tests.sim.random_flights`.

    python -m tests.sim.random_flights 10000      of so many runs; 200 side by side

Every run is two or three aircraft whose tracks cross, and one fault of one of them. Told are the near mid-air collisions
with the kernel and without it, their ratio (risk ratio) with its interval, and the least separation of each level.
"""

import sys
from collections import Counter
from time import perf_counter

import numpy as np

from karyon.sim import kinds
from karyon.sim.flight.run import simulate

BATCH = 200
FAULTS = (
    ("own.adsb", "offset", "amplitude", (300, 3000)),
    ("own.adsb", "drift", "rate", (3, 60)),
    ("own.adsb", "stuck_at", None, None),
    ("own.adsb", "omission", None, None),
    ("own.adsb", "noise", "sigma", (100, 1000)),
    ("own.adsb", "delay", "delay", (3, 30)),
    ("own.position", "offset", "amplitude", (300, 2000)),
    ("own.position", "stuck_at", None, None),
    ("own.position", "omission", None, None),
    ("traffic.all.local", "missed", None, None),
    ("traffic.all.local", "omission", None, None),
    ("traffic.all.local", "offset", "amplitude", (300, 2000)),
    ("traffic.all.local", "stuck_at", None, None),
    ("radio", "hang", None, None),
    ("perception", "hang", None, None),
    ("control", "hang", None, None),
    ("link", "hang", None, None),
)


def drawn(random, vehicles, duration):
    """One fault, as `--set` has it."""
    item, mode, parameter, bounds = FAULTS[random.integers(len(FAULTS))]
    kind = "signal" if "." in item else "component"
    onset = random.uniform(0.0, 0.6 * duration)
    fields = [f"vehicle: {random.integers(vehicles)}", f"{kind}: {item}", f"mode: {mode}", f"onset: {onset:.1f}"]
    if random.random() < 0.6:
        fields.append(f"duration: {random.uniform(10, 80):.1f}")
    if parameter:
        sign = -1 if parameter in ("amplitude", "rate") and random.random() < 0.5 else 1
        fields.append(f"{parameter}: {sign * random.uniform(*bounds):.1f}")
    return f"faults=[{{{', '.join(fields)}}}]", f"{item} {mode}"


def scenarios(count, first, vehicles, enabled):
    """`count` runs from run number `first` on, and the fault of each in words."""
    loaded, told = [], []
    for number in range(first, first + count):
        random = np.random.default_rng(number)
        fault, words = drawn(random, vehicles, 200.0)
        wide = ["meeting.turn=1.0", "meeting.late=8", "meeting.aside=250", "meeting.above=20", "meeting.time=100"]
        settings = [fault, f"vehicles={vehicles}", f"kernel.enabled={str(enabled).lower()}", "duration=200", *wide]
        loaded.append(kinds.read("flight", settings, number))
        told.append(words)
    return loaded, told


def outcomes(count, enabled, vehicles, first=0):
    """Summaries of random runs with their faults."""
    found = []
    for begin in range(first, first + count, BATCH):
        batch, told = scenarios(min(BATCH, first + count - begin), begin, vehicles, enabled)
        found += zip(simulate(batch, [None] * len(batch)), told, range(begin, begin + len(batch)), strict=True)
    return found


def interval(events, runs):
    """Two-sided 95 % Clopper-Pearson."""
    from scipy.stats import beta

    low = 0.0 if events == 0 else beta.ppf(0.025, events, runs - events + 1)
    return low, beta.ppf(0.975, events + 1, runs - events)


def told(count):
    for vehicles in (2, 3):
        runs = count // 2
        rates = {}
        for enabled in (True, False):
            begun = perf_counter()
            found = outcomes(runs, enabled, vehicles, first=1_000_000 * vehicles)
            hit = [(words, seed) for result, words, seed in found if result.summary["collisions"]]
            rates[enabled] = len(hit)
            low, high = interval(len(hit), runs)
            yield f"{vehicles} aircraft, kernel {'on ' if enabled else 'off'}: {len(hit)} of {runs} runs with a near mid-air collision"
            yield f"   {100 * low:.3f} to {100 * high:.3f} %   {perf_counter() - begun:.0f} s   {dict(Counter(words for words, _ in hit).most_common(6))}"
            if enabled:
                yield f"   runs {[seed for _, seed in hit][:10]}"
                lost = sum(bool(result.summary["metrics"]["losses_of_well_clear"]) for result, _, _ in found)
                late = sum(bool(result.summary["safety_goals"]["bad data out of command in time"]["violated"]) for result, _, _ in found)
                apart = max(result.summary["functions"]["flight"]["worst_disagreement"] for result, _, _ in found)
                least = [[r.summary["metrics"]["least_separation"][str(level)] for r, _, _ in found] for level in range(4)]
                shares = [np.quantile([x for x in each if x is not None], [0.0, 0.01, 0.1]).round(2).tolist() for each in least]
                yield f"   well clear lost in {lost}, bad data too long in {late}, disagreement {apart} rounds; separation kept per level (least, 1 %, 10 %) {shares}"
        yield f"   risk ratio {rates[True] / max(rates[False], 1):.4f}"


if __name__ == "__main__":
    for line in told(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000):
        print(line, flush=True)
