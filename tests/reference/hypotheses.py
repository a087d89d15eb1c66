"""Slow, obvious scalars: what one sensor does now, by weighing every way in which its newest sample can have come.

One sample at a time, with `if`. A way leads from one hypothesis to another and has a weight. The likeliest way into a
failure says what is reckoned under it and how probable it is. The weights of ways to health add up, and those of ways
to come loose at about the same time.
"""

from dataclasses import dataclass, field
from math import inf, nan, sqrt

ONSET, RETURN, LOOSE = 1.5e-4, 0.2, 0.8
FRESH = 30
JUMPS, KINKS = 100.0, 130.0
NOISIER, TURNED, ABRUPT, SURPRISE = 1.8, 12.0, 3.0, 9.0
COVERED = 0.5
OFFSET_GROWTH, LOOSE_GROWTH, LED_GROWTH = 0.15, 9.0, 5.0
QUIET, QUIET_SHARE, SILENT = 1e-6, 0.001, 3
RATE, SLOW, LINE, NOISE = 0.9, 0.15, 0.2, 0.25


def student(error: float, scale: float) -> float:
    """Density of Student's t with seven degrees of freedom, its scale `scale`."""
    share = min(abs(error) / scale, 1e9)
    return 0.385 / scale * (1.0 + share**2 / 7.0) ** -4


@dataclass
class Said:
    """What an independent source says of a sample; None: nothing."""

    advance: float | None = None
    residual: float | None = None
    noise: float = 1.0
    agreement: float = 1.0
    accusation: float = 0.0
    hindsight: float = 1.0


@dataclass
class Sensor:
    """One sensor after its first sample."""

    value: float
    noise_least: float
    inertia: bool = True
    rest: float = nan
    bridged: float = 0.0
    resolution: float = 1e-4
    low: float = -inf
    high: float = inf
    probability: dict[str, float] = field(default_factory=lambda: {"healthy": 1.0, "offset": 0.0, "loose": 0.0})
    since_return: float | None = None  # None: there was one sample only
    gap: bool = False

    def __post_init__(self) -> None:
        self.noise = self.noise_least
        self.rate = self.slow = self.change = 0.0
        self.jumped = self.crept = False
        self.quiet = 0
        self.offset = {"truth": self.value, "rate": 0.0, "age": 0.0}
        self.loose = {"truth": self.value, "rate": 0.0, "age": 0.0}
        self.line = 0.0

    def error(self) -> float:
        likelier = self.offset if self.probability["offset"] >= self.probability["loose"] else self.loose
        return self.value - likelier["truth"]

    def coast(self, samples: int) -> None:
        if samples:
            self.gap, self.quiet = True, 0
        self.value += self.rate * samples
        for state in (self.offset, self.loose):
            state["truth"] += state["rate"] * samples
            state["age"] += samples

    def take(self, value: float, said: Said, common: bool = False) -> None:
        """One more sample."""
        change = value - self.value
        surprise = change - self.rate
        first, gap = self.since_return is None and not self.gap, self.gap
        sigma = self.noise + self._vague(first, gap) * self.noise_least
        smooth = max(student(surprise, sigma), student(change - self.slow, self.noise))
        if said.advance is not None and self.inertia:
            smooth = max(smooth, student(change - said.advance, self.noise))
        resting = abs(value - self.rest) <= self.noise_least
        ways = self._ways(value, change, surprise, sigma, smooth, resting, said, first or gap)
        back = self._likeliest(ways, "healthy")
        advance = self.rate if said.advance is None else said.advance
        old_loose_rate, age = self.loose["rate"], self.loose["age"]
        self._reckon_offset(ways, change, advance, said)
        exact = self._is_exact(change)
        self._reckon_loose(ways, value, change, surprise, sigma, advance, exact, said)
        self.quiet = self.quiet + 1 if exact and not resting else 0
        jumped = abs(surprise) > SURPRISE * sigma and abs(change - self.change) > SURPRISE * sigma
        self.value, self.change, self.jumped = value, change, jumped
        self._weigh(ways, age, said, common)
        returned = back != "healthy" and self.probability["healthy"] > 0.5 and not common
        if returned:
            anew = self.offset["rate"] if back == "offset" else said.advance
            self.slow = self.rate = old_loose_rate if anew is None else anew
        elif not (common or jumped or gap):
            kinked = abs(surprise) > SURPRISE * self.noise
            self.slow += (RATE if kinked else SLOW) * (change - self.slow)
            self.rate += RATE * surprise
        if not self.inertia:
            self.rate = 0.0
        if self.probability["healthy"] > 0.9 and back == "healthy" and not common:
            noise = self.noise + NOISE * (min(abs(surprise), 2.0 * self.noise) - self.noise)
            self.noise = min(max(noise, self.noise_least), NOISIER * self.noise_least)
        self.since_return = 0.0 if returned or first or gap else self.since_return + 1.0
        self.gap = False

    def _vague(self, first: bool, gap: bool) -> float:
        if first:
            return JUMPS
        lately = gap or self.since_return < 1.0
        return TURNED if lately and self.inertia else 0.0

    def _ways(self, value, change, surprise, sigma, smooth, resting, said, vague) -> dict[tuple[str, str], float]:
        """Weight of each way: (from, to), or (from, to by what)."""
        healthy, offset, loose = self.probability.values()
        stay, jump, kinks = 1.0 - RETURN - ONSET, ONSET / (JUMPS * self.noise_least), KINKS * self.noise_least
        led = said.advance is not None
        spread = {
            "offset": self.noise + OFFSET_GROWTH * self.noise_least * sqrt(self.offset["age"] + 1.0),
            "loose": self.noise + (LED_GROWTH if led else LOOSE_GROWTH) * self.noise_least * (self.loose["age"] + 1.0),
        }

        def returns(state: dict[str, float], name: str) -> float:
            least = ABRUPT * sigma
            if name == "offset":  # what jumps back covers the error
                least = max(least, COVERED * abs(self.value - state["truth"]))
            may = abs(surprise) > least or state["age"] < FRESH
            may = may and healthy < 0.9 and not (vague and self._is_gap())
            ahead = said.advance if led else state["rate"]
            return RETURN * student(value - state["truth"] - ahead, spread[name]) if may else 0.0

        far = 0.0
        if said.residual is not None:
            far = min(1.0, said.accusation * jump / student(said.residual, said.noise))
        return {
            ("healthy", "healthy"): healthy * stay * smooth,
            ("offset", "healthy"): offset * returns(self.offset, "offset"),
            ("loose", "healthy"): loose * returns(self.loose, "loose"),
            ("healthy", "offset"): healthy * jump,
            ("offset", "offset"): offset * stay * smooth,
            ("offset", "offset by a jump"): offset * jump,
            ("healthy", "loose"): healthy * (jump * LOOSE + (ONSET / kinks if abs(surprise) < 0.5 * kinks else 0.0)),
            ("healthy", "loose by accusation"): healthy * far * smooth,
            ("loose", "loose"): loose * stay * self._line_density(change, kinks, smooth, resting),
            ("loose", "loose by a jump"): loose * jump,
        }

    def _is_gap(self) -> bool:
        return self.gap or self.since_return is None

    def _line_density(self, change: float, kinks: float, smooth: float, resting: bool) -> float:
        age = self.loose["age"]
        if age < 1.0:
            return 1.0 / kinks if abs(change) < 0.5 * kinks else 0.0
        noisy = student(change - self.line, self.noise)
        if age >= FRESH and self.probability["loose"] > self.probability["healthy"]:
            noisy = smooth
        if self.quiet >= self.bridged + SILENT:
            noisy = 0.0
        telling = self.quiet >= self.bridged and not resting
        share = 1.0 if self.quiet > self.bridged else QUIET_SHARE
        told = min(student(change - self.change, QUIET * self.noise_least), 1.0 / self.resolution)
        exact = share * told if telling else 0.0
        return max(noisy, exact)

    def _is_exact(self, change: float) -> bool:
        return abs(change - self.change) < 9.0 * QUIET * self.noise_least

    @staticmethod
    def _likeliest(ways: dict[tuple[str, str], float], into: str) -> str:
        """Where the likeliest way into a hypothesis came from; staying wins a tie."""
        order = {"healthy": 0, "loose": 1, "offset": 2}
        found = [(weight, -order[way[0]], way[0]) for way, weight in ways.items() if way[1] == into]
        return max(found)[2]

    def _reckon_offset(self, ways, change: float, advance: float, said: Said) -> None:
        state, begins = self.offset, ways["healthy", "offset"]
        stays, again = ways["offset", "offset"], ways["offset", "offset by a jump"]
        if begins > max(stays, again):
            state.update(truth=self.value + advance, rate=self.rate, age=0.0)
        elif again > stays:
            state.update(truth=state["truth"] + (state["rate"] if said.advance is None else said.advance))
            state["age"] += 1.0
        else:
            state["truth"] += change
            state["rate"] += RATE * (change - state["rate"]) if self.inertia else 0.0
            state["age"] += 1.0
        state["truth"] = min(max(state["truth"], self.low), self.high)

    def _reckon_loose(self, ways, value, change, surprise, sigma, advance, exact, said) -> None:
        state = self.loose
        longest = max(ways["loose", "loose"], ways["loose", "loose by a jump"])
        leapt = abs(surprise) > SURPRISE * sigma
        followed = (state["age"] < 1.0 or exact) and not leapt
        ahead = state["rate"] if said.advance is None else said.advance
        if ways["healthy", "loose by accusation"] > max(longest, ways["healthy", "loose"]):
            state.update(truth=value - said.residual, rate=self.rate, age=1.0)
            self.line, self.crept = change, True
        elif ways["healthy", "loose"] > 1.01 * longest and not followed:
            state.update(truth=self.value + advance, rate=self.rate, age=0.0)
            self.line, self.crept = 0.0, not leapt
        elif ways["loose", "loose by a jump"] > ways["loose", "loose"]:
            state.update(truth=state["truth"] + ahead, age=0.0)
            self.line = 0.0
        else:
            self.line = change if state["age"] < 1.0 else self.line + LINE * (change - self.line)
            state.update(truth=state["truth"] + ahead, age=state["age"] + 1.0)
        state["truth"] = min(max(state["truth"], self.low), self.high)

    def _weigh(self, ways: dict[tuple[str, str], float], age: float, said: Said, common: bool) -> None:
        """What comes loose soon after it has is the same failure; it is `age` samples old."""
        loose = [weight for way, weight in ways.items() if way[1].startswith("loose")]
        weights = {
            "healthy": sum(weight for way, weight in ways.items() if way[1] == "healthy"),
            "offset": max(weight for way, weight in ways.items() if way[1].startswith("offset")),
            "loose": sum(loose) if age < FRESH else max(loose),
        }
        if common:
            self.probability = {"healthy": 1.0, "offset": 0.0, "loose": 0.0}
            return
        if said.residual is not None:
            likelier = self.offset if weights["offset"] >= weights["loose"] else self.loose
            displaced = said.residual - (self.value - likelier["truth"])
            ratio = student(said.residual, said.noise) / student(displaced, said.noise)
            weights["healthy"] *= min(max(ratio, 1.0), said.agreement)
        weights["healthy"] *= said.hindsight
        total = sum(weights.values())
        self.probability = {name: weight / total if total > 0.0 else 0.0 for name, weight in weights.items()}
        self.probability["healthy"] = max(self.probability["healthy"], 1e-9)
