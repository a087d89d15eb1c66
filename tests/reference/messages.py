"""Slow, obvious scalars: what a receiver may believe of each message of a log, told from its whole history.

One message is judged at a time, by looking through all that came before it. Nothing is forgotten, nothing is an array.
Angles are angles here, and every limit is written as the corner that it is.
"""

from math import atan2, degrees, hypot, inf, isfinite, isnan, nan, radians, sin, sqrt
from typing import NamedTuple

from tests.reference.detectors import validity_of_amplitude, weighted_average


class Message(NamedTuple):
    receiver: int
    sender: int
    received: float
    sent: float
    position: tuple[float, float]
    velocity: tuple[float, float]
    acceleration: tuple[float, float]
    heading: tuple[float, float]
    counter: float
    pseudonym: float
    own: tuple[float, float] = (nan, nan)
    measured: tuple[float, float] = (nan, nan)

    def numbers(self) -> list[float]:
        pairs = (self.position, self.velocity, self.acceleration, self.heading)
        return [self.received, self.sent, self.counter, self.pseudonym, *(number for pair in pairs for number in pair)]


def judged(log: list[Message], limits) -> list[dict[str, float]]:
    """Every check of every message, by name."""
    stories: dict[tuple[int, int], Story] = {}
    answers = []
    for index, message in enumerate(log):
        story = stories.setdefault((message.receiver, message.sender), Story(limits))
        before = [other for other in log[:index] if other.receiver == message.receiver]
        others = {key[1]: other for key, other in stories.items() if key[0] == message.receiver and other is not story}
        answers.append(story.tell(message, before, others))
    return answers


class Story:
    """What one receiver knows of one sender."""

    def __init__(self, limits):
        self.limits = limits
        self.taken: list[Message] = []
        self.equal = 0
        self.renamed = -inf
        self.reference, self.variance = (0.0, 0.0), 0.0
        self.innovations: list[tuple[float, float]] = []
        self.doubted = False
        self.agreed = 0.0
        self.evidence = 0.0

    def tell(self, now: Message, before: list[Message], others: dict[int, "Story"]) -> dict[str, float]:
        limits, last = self.limits, self.taken[-1] if self.taken else None
        found = {"content": float(all(isfinite(number) for number in now.numbers())), "age": age(now, limits)}
        usable = found["content"] > 0 and found["age"] > 0
        fresh = usable and (last is None or now.sent > last.sent)
        found |= alone(now, limits) | (in_pairs(last, now, limits) if last else {})
        found["stuck"], found["identity"] = self.repeats(last, now, fresh), self.renames(last, now, fresh)
        found["copy"] = float(not (found["content"] and copied(now, before)))
        found["place"] = place(now, len(self.taken), others, limits)
        found["appearance"] = min(1.0, (len(self.taken) + limits.strangers) / (2 * limits.strangers))
        found["position"] = self.position(last, now, fresh)
        own = 1.0
        for name, value in found.items():
            own *= value if name not in ("place", "appearance") else 1.0
        self.own_sensor_agrees(last, now, fresh)
        self.weigh(last, now, fresh, own)
        found["trust"] = validity_of_amplitude(self.evidence, 0.0, limits.evidence)
        if fresh:
            self.taken.append(now)
        return found

    def repeats(self, last, now, fresh):
        equal = self.equal + 1 if last and now.position == last.position else 0
        if fresh:
            self.equal = equal
        return float((equal if fresh else self.equal) < self.limits.repeats)

    def renames(self, last, now, fresh):
        if not (fresh and last and now.pseudonym != last.pseudonym):
            return 1.0
        soon = now.sent - self.renamed < self.limits.pseudonym
        self.renamed = now.sent
        return float(not soon)

    def position(self, last, now, fresh):
        noise = self.limits.position_noise**2
        if not fresh:
            return 0.5 if self.doubted else 1.0
        if last is None:
            self.reference, self.variance = now.position, noise
            return 1.0
        step = now.sent - last.sent
        self.reference = tuple(
            r + step * (v + w) / 2 for r, v, w in zip(self.reference, last.velocity, now.velocity, strict=True)
        )
        predicted = self.variance + unseen_motion(last, now, step, self.limits)
        sigma = sqrt(predicted + noise)
        residual = [p - r for p, r in zip(now.position, self.reference, strict=True)]
        size, band = hypot(*residual), 5 * sigma
        if size <= band:
            self.innovations.append((residual[0] / sigma, residual[1] / sigma))
        usual = sigma * hypot(*(weighted_average(0.0, [i[axis] for i in self.innovations], 0.2) for axis in (0, 1)))
        usual_band, tolerated = 3.5 * sigma / 3, self.limits.tolerated_position
        value = min(
            validity_of_amplitude(size, band, band + tolerated),
            validity_of_amplitude(usual, usual_band, usual_band + tolerated / 2),
        )
        self.doubted = value < 0.8 or (self.doubted and not (value == 1 and step <= self.limits.gap))
        if self.doubted:
            return min(value, 0.5)
        share = predicted / (predicted + noise)
        self.reference = tuple(r + share * e for r, e in zip(self.reference, residual, strict=True))
        self.variance = predicted * (1 - share)
        return value

    def own_sensor_agrees(self, last, now, fresh):
        if not fresh:
            return
        steady = last is not None and now.sent - last.sent <= self.limits.gap
        sees = own_sensor(now, self.limits) == 1 and not any(map(isnan, now.measured))
        self.agreed = self.agreed + now.sent - last.sent if steady and sees else 0.0
        if self.agreed >= 1.0:
            self.reference, self.variance, self.innovations = now.position, self.limits.position_noise**2, []
            self.doubted, self.evidence = False, 0.0

    def weigh(self, last, now, fresh, own):
        self.evidence += 1 - own
        steady = last is not None and now.sent - last.sent <= self.limits.gap
        if fresh and steady and own >= 0.8:
            mean = hypot(now.velocity[0] + last.velocity[0], now.velocity[1] + last.velocity[1]) / 2
            beyond_noise = max(0.0, mean - 5 * self.limits.speed_noise)
            self.evidence -= beyond_noise * (now.sent - last.sent) / self.limits.proof
        self.evidence = min(max(self.evidence, 0.0), self.limits.evidence_kept)


def apart(one, other):
    return hypot(one[0] - other[0], one[1] - other[1])


def angle(one, other):
    """Degrees between two vectors; 180 where one is no direction."""
    if not (hypot(*one) * hypot(*other) > 0):
        return 180.0
    return abs(degrees(atan2(one[0] * other[1] - one[1] * other[0], one[0] * other[0] + one[1] * other[1])))


def by_angle(found, band, tolerated):
    """1 up to `band`, 0 from `tolerated` on, on a line in the versine between."""
    return validity_of_amplitude(*(2 * sin(radians(each) / 2) ** 2 for each in (found, band, tolerated)))


def age(now, limits):
    old = now.received - now.sent
    if not isfinite(old):
        return 0.0
    if old >= 0:
        return validity_of_amplitude(old, limits.age, 2 * limits.age)
    return validity_of_amplitude(-old, limits.clock, 5 * limits.clock)


def own_sensor(now, limits):
    if any(map(isnan, now.measured)):
        return 1.0
    band = 5 * sqrt(2) * limits.position_noise
    return validity_of_amplitude(apart(now.position, now.measured), band, band + limits.tolerated_position)


def alone(now, limits):
    fast, sought = hypot(*now.velocity), hypot(*now.acceleration)
    far = 0.0 if any(map(isnan, now.own)) else apart(now.position, now.own)
    moving_against = by_angle(angle(now.velocity, now.heading), limits.heading, 2 * limits.heading)
    return {
        "speed": validity_of_amplitude(fast, limits.speed, limits.speed + limits.tolerated_speed),
        "acceleration": validity_of_amplitude(sought, 1.1 * limits.friction, 1.5 * limits.friction),
        "heading": 1.0 if fast <= limits.backwards and hypot(*now.heading) > 0 else moving_against,
        "range": validity_of_amplitude(far, limits.range, 1.1 * limits.range),
        "own_sensor": own_sensor(now, limits),
    }


def in_pairs(last, now, limits):
    step, travel = now.sent - last.sent, apart(now.position, last.position)
    change = hypot(*now.velocity) - hypot(*last.velocity)
    noise, place_noise = 5 * sqrt(2) * limits.speed_noise, 5 * sqrt(2) * limits.position_noise
    before, after = (m.acceleration[0] * m.heading[0] + m.acceleration[1] * m.heading[1] for m in (last, now))
    low, high = sorted((before * step, after * step))
    unseen = limits.jerk * step**2 / 4 + noise
    beyond = max(0.0, low - unseen - change, change - high - unseen) if isfinite(change + low + high) else nan
    silent = travel <= place_noise + limits.backwards * step or step > limits.gap
    course = (now.position[0] - last.position[0], now.position[1] - last.position[1])
    middle = (now.heading[0] + last.heading[0], now.heading[1] + last.heading[1])
    return {
        "order": float(step > 0 and now.counter > last.counter),
        "interval": validity_of_amplitude(-step / limits.interval, -0.9, -0.5),
        "speed_change": validity_of_amplitude(
            abs(change) - limits.friction * step - noise, 0.0, limits.tolerated_speed
        ),
        "speed_acceleration": 1.0 if step > limits.gap else validity_of_amplitude(beyond, 0.0, limits.tolerated_speed),
        "reach": validity_of_amplitude(travel - place_noise - limits.speed * step, 0.0, limits.tolerated_position),
        "travel_heading": 1.0 if silent else by_angle(angle(course, middle), 2 * limits.heading, 4 * limits.heading),
    }


def unseen_motion(last, now, step, limits):
    """Variance of a jump of the velocity at an instant that is evenly spread, and of an excursion and its return."""
    jump = min(apart(now.velocity, last.velocity), limits.friction * step)
    excursion = (limits.manoeuvre * step / 2) * step / 2
    return (jump * step) ** 2 / 12 + excursion**2


def copied(now, before):
    """Whoever said exactly this first was another."""
    for other in before:
        if (other.position, other.velocity) == (now.position, now.velocity):
            return other.sender != now.sender
    return False


def place(now, known, others, limits):
    closest = inf
    for other in others.values():
        if other.taken and len(other.taken) >= known:
            there = other.taken[-1]
            step = now.sent - there.sent
            if abs(step) <= limits.together:
                carried = tuple(p + v * step for p, v in zip(there.position, there.velocity, strict=True))
                closest = min(closest, apart(now.position, carried))
    overlap = max(0.0, limits.width - closest)
    return 0.5 + validity_of_amplitude(overlap, limits.width / 3, limits.width * 2 / 3) / 2
