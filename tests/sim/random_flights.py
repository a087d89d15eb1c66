"""Random encounters of unmanned aircraft with random faults, with the kernel and without, by hand.

    python -m tests.sim.random_flights 10000      of so many runs; 1,000 side by side

Every run is two or three aircraft whose tracks cross, and one or two faults. Told are the near mid-air collisions
with the kernel and without it, their ratio (risk ratio) with its interval, and for each level the least separation,
how long it was flown, and how often somebody that had it was no longer well clear. A law is chosen on the runs from
`TUNING` on, by `outcomes`, and measured on those from `FRESH` on.
"""

import sys
from collections import Counter
from dataclasses import replace
from time import perf_counter

import numpy as np

from karyon.campaign.statistics import clopper_pearson
from karyon.sim import kinds
from karyon.sim.flight.scenario import FlightFault

BATCH = 1000
TUNING, FRESH = 1_000_000, 10_000_000  # times the number of aircraft: number of the first run
FAULTS = (
    ("own.adsb", "offset", "amplitude", (300, 3000)),
    ("own.adsb", "drift", "rate", (3, 60)),
    ("own.adsb", "stuck_at", None, None),
    ("own.adsb", "omission", None, None),
    ("own.adsb", "noise", "sigma", (100, 1000)),
    ("own.adsb", "delay", "delay", (3, 30)),
    ("own.position", "offset", "amplitude", (300, 4000)),
    ("own.position", "drift", "rate", (5, 60)),
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

WIDE = (
    "meeting.turn=1.0",
    "meeting.late=3",
    "meeting.aside=100",
    "meeting.above=20",
    "meeting.time=100",
    "adsb.range=8000",
)


def drawn(random, vehicles, duration):
    """One fault or two, and both in words."""
    each = [one_fault(random, vehicles, duration) for _ in range(random.integers(1, 3))]
    return [fault for fault, _ in each], " + ".join(words for _, words in each)


def one_fault(random, vehicles, duration):
    item, mode, parameter, bounds = FAULTS[random.integers(len(FAULTS))]
    kind = "signal" if "." in item else "component"
    onset = round(random.uniform(0.0, 0.6 * duration), 1)
    fault = {"vehicle": int(random.integers(vehicles)), kind: item, "mode": mode, "onset": onset}
    if random.random() < 0.6:
        fault["duration"] = round(random.uniform(10, 80), 1)
    if parameter:
        sign = -1 if parameter in ("amplitude", "rate") and random.random() < 0.5 else 1
        fault[parameter] = round(sign * random.uniform(*bounds), 1)
    return fault, f"{item} {mode}"


def scenarios(count, first, vehicles, enabled):
    """`count` runs from run number `first` on, and the fault of each in words."""
    settings = [f"vehicles={vehicles}", f"kernel.enabled={str(enabled).lower()}", "duration=200", "faults=[]", *WIDE]
    base = kinds.read("flight", settings)
    loaded, told = [], []
    for number in range(first, first + count):
        faults, words = drawn(np.random.default_rng(number), vehicles, 200.0)
        own = {"seed": number, "faults": tuple(map(FlightFault.model_validate, faults))}
        loaded.append(replace(base, scenario=base.scenario.model_copy(update=own)))
        told.append(words)
    return loaded, told


def outcomes(count, enabled, vehicles, first=0):
    """Summaries of random runs with their faults."""
    found = []
    for begin in range(first, first + count, BATCH):
        batch, told = scenarios(min(BATCH, first + count - begin), begin, vehicles, enabled)
        simulation = kinds.begin(batch, [None] * len(batch))
        simulation.run()
        summaries = [simulation.metrics.summary(run) for run in range(len(batch))]
        found += zip(summaries, told, range(begin, begin + len(batch)), strict=True)
    return found


def risk_ratio(events, without):
    """Of as many runs with the kernel as without it: in words, with its two-sided 95 % interval.

    Given all events, how many are those with the kernel is binomial. [Clopper & Pearson 1934]
    """
    if not without:
        return f"{events} to {without}"
    low, high = (share / (1.0 - share) for share in map(float, clopper_pearson(events, events + without)))
    return f"{events} to {without}, {events / without:.2f} ({low:.2f} to {high:.2f})"


def told(count):
    """The study, a line at a time."""
    for vehicles in (2, 3):
        runs, rates = count // 2, {}
        for enabled in (True, False):
            begun = perf_counter()
            found = outcomes(runs, enabled, vehicles, first=FRESH * vehicles)
            summaries = [summary for summary, _, _ in found]
            hit = [(words, seed) for summary, words, seed in found if summary["collisions"]]
            lost = sum(bool(each["metrics"]["losses_of_well_clear"]) for each in summaries)
            rates[enabled] = len(hit), lost
            low, high = (100 * float(each) for each in clopper_pearson(len(hit), runs))
            switch, most = "on" if enabled else "off", Counter(words for words, _ in hit).most_common(6)
            yield f"{vehicles} aircraft, kernel {switch}: {runs} runs, {perf_counter() - begun:.0f} s"
            yield f"   near mid-air collision in {len(hit)} ({low:.3f} to {high:.3f} %): {most}"
            yield f"   loss of well clear in {lost}"
            if enabled:
                yield from _kept(found, hit)
        (near, lost), (near_without, lost_without) = rates[True], rates[False]
        ratios = risk_ratio(near, near_without), risk_ratio(lost, lost_without)
        yield f"   risk ratio: {ratios[0]}; of loss of well clear {ratios[1]}"


def _kept(found, hit):
    """What the kernel promises: levels whose rules held, time to switch, agreement, separation."""
    summaries = [summary for summary, _, _ in found]
    guarded = sum(bool(each["metrics"]["guarded_collisions"]) for each in summaries)
    yield f"   of them at a level whose rules held: {guarded}; runs {hit[:5]}"
    goal = "bad data out of command in time"
    late = [(words, seed) for summary, words, seed in found if summary["safety_goals"][goal]["violated"]]
    single = [each for each in late if " + " not in each[0]]
    double = len(late) - len(single)
    yield f"   bad data in command beyond its bound: {len(single)} with one fault, {double} with two; {single[:4]}"
    yield f"   disagreement: {max(s['functions']['flight']['worst_disagreement'] for s in summaries)} rounds"
    for level in map(str, range(4)):
        least = [s["metrics"]["least_separation"][level] for s in summaries]
        least = [each for each in least if each is not None]
        flown = sum(s["functions"]["flight"]["los_share"][level] * s["duration"] * s["vehicles"] for s in summaries)
        lost = sum(s["metrics"]["well_clear_lost_at"][level] for s in summaries)
        yield f"   LoS {level}: {flown / 3600:.0f} h flown, in them {lost} times an aircraft no longer well clear"
        if least:
            quantiles = ", ".join(f"{each:.2f}" for each in np.quantile(least, [0.0, 0.001, 0.01, 0.1]))
            yield f"      least separation, in its own (least, 0.1 %, 1 %, 10 % of {len(least)} runs): {quantiles}"


if __name__ == "__main__":
    for line in told(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000):
        print(line, flush=True)
