"""What a V2V message may claim: the checks of plausibility as formulas, and their thresholds.

Beside each stands the observation of ETSI TS 103 759 and the check of F2MD [Kamel et al. 2020] that look at the same;
ART is the acceptance range threshold of Leinmüller et al. 2006. All are elementwise over arrays that broadcast, vectors
in the plane (2, ...); NaN is invalid, and nothing raises.
"""

from dataclasses import dataclass
from math import cos, radians, sqrt
from typing import Any

import numpy as np

from karyon.perception import validity
from karyon.perception.detectors import SHARE, STUCK_AFTER, beyond_rate, outside
from karyon.perception.sensors import Floats

CHANCE = 5.0  # sigma of a residual up to which a sample is healthy, as of `ResidualGate`
CHANCE_SMOOTH = 3.5  # the same of its average
SMOOTH = sqrt(SHARE / (2.0 - SHARE))  # sigma of the average of white residuals, in theirs [Montgomery 2013, eq. 9.25]


@dataclass(frozen=True, slots=True)
class Plausibility:
    """Thresholds of all checks; SI units. The defaults suit road vehicles; `interval`, `range` are the radio's."""

    age: float = 1.0  # s
    """Age that radio and processing explain: ETSI EN 302 637-2 renews a message within 1 s; twice as old is absurd."""
    clock: float = 0.1  # s
    """How far a clock may be ahead: bound of GNSS time with holdover; five times as far is absurd."""
    interval: float = 0.1  # s
    """Shortest time between two messages of a sender: ETSI EN 302 637-2, T_GenCamMin; VeReMi sends every 1 s."""
    speed: float = 70.0  # m/s
    """Fastest road vehicle (250 km/h)."""
    speed_noise: float = 0.1  # m/s
    """Standard deviation of a claimed speed: safety model, V2V."""
    position_noise: float = 0.5  # m
    """Standard deviation of a claimed position from one message to the next: GNSS; the slow part does not show."""
    friction: float = 10.0  # m/s²
    """Hardest braking or cornering: tyre on dry road, 1 g."""
    manoeuvre: float = 4.0  # m/s²
    """Standard deviation of the acceleration that two messages do not show: half of what a driver demands at most."""
    jerk: float = 5.0  # m/s³
    """How fast acceleration rises and falls again between two messages unseen: ISO 15622, limit below 5 m/s."""
    heading: float = 30.0  # °
    """Angle between speed and heading that slip and a noisy compass explain; twice the angle is absurd."""
    backwards: float = 6.0  # m/s
    """Fastest reversing: below it a vehicle may move against its heading. Passenger car, reverse gear."""
    tolerated_position: float = 3.0  # m
    """Error of the position that a function tolerates: safety model, car following; half of it for its average."""
    tolerated_speed: float = 2.0  # m/s
    """Error of the speed at which nothing can be said: safety model, car following (0.8), for messages 1 s apart."""
    gap: float = 2.5  # s
    """Silence after which a comparison proves nothing: two messages of the slowest permitted rate (1 Hz) lost."""
    repeats: float = STUCK_AFTER
    """Equal positions in a row that noise excludes; inf for senders that round it, or hold it at a standstill."""
    range: float = 1000.0  # m
    """Reach of the radio (ART): ITS-G5 with a line of sight; 10 % beyond is absurd."""
    width: float = 1.8  # m
    """Two vehicles' centres are never closer: width of a passenger car."""
    together: float = 1.0  # s
    """How long a message says where its sender is: ETSI EN 302 637-2, T_GenCamMax."""
    pseudonym: float = 60.0  # s
    """A sender that changes its pseudonym twice within this has several at a time: ETSI TR 103 415, minutes."""
    evidence: float = 3.0
    """Wholly implausible messages that end all trust in a sender: an outlier, there and back, makes two."""
    evidence_kept: float = 5.0
    """Most evidence that is held against a sender, so that an honest one that was disturbed comes back."""
    proof: float = 200.0  # m
    """Consistent travel that works off one implausible message: 15 s of town traffic."""
    strangers: int = 2
    """Messages after the first until a sender is known: two comparisons, as one may agree by chance."""
    senders: int = 512
    """Senders remembered, the one not heard for longest goes first: a full motorway within reach of the radio."""
    contents: int = 4096
    """Messages whose content is remembered, to know a copy: 8 from each of `senders`."""


def age(received: Any, sent: Any, limits: Plausibility) -> Floats:
    """Message age, and time from the future; both times in s. [ETSI: Security, generation time]"""
    late = np.maximum(0.0, received - sent - limits.age)
    early = np.maximum(0.0, sent - received - limits.clock)
    return np.minimum(
        validity.of_amplitude(late, 0.0, limits.age), validity.of_amplitude(early, 0.0, 4.0 * limits.clock)
    )


def order(step: Any, counted: Any) -> Floats:
    """Time and sequence number must rise: `step` in s and `counted` since the message before; 0 if either does not."""
    return np.where((step > 0.0) & (counted > 0.0), 1.0, 0.0)


def interval(step: Any, limits: Plausibility) -> Floats:
    """Flooding: `step` s since the message before. [ETSI: Beacon-IntervalTooSmall; F2MD: beacon frequency]

    A tenth of the permitted interval is jitter; at half of it and below nothing can be said.
    """
    return validity.of_amplitude(np.maximum(0.0, 1.0 - step / limits.interval), 0.1, 0.5)


def speed(velocity: Any, limits: Plausibility) -> Floats:
    """Speed limit of physics; velocity (2, ...) in m/s. [ETSI: Speed-ValueTooLarge; F2MD: speed plausibility]"""
    return validity.of_amplitude(outside(length(velocity), 0.0, limits.speed), 0.0, limits.tolerated_speed)


def acceleration(claimed: Any, limits: Plausibility) -> Floats:
    """Friction limit; acceleration (2, ...) in m/s², a tenth of the limit is noise. [ETSI: LongAcc-ValueTooLarge]"""
    excess = outside(length(claimed), 0.0, limits.friction)
    return validity.of_amplitude(excess, 0.1 * limits.friction, 0.5 * limits.friction)


def speed_change(before: Any, now: Any, step: Any, limits: Plausibility) -> Floats:
    """Change of speed against friction. [ETSI: Speed-ChangeTooLarge; F2MD: speed consistency]

    Only the magnitude counts: a turn between two messages is the business of `position`.
    before, now   velocity (2, ...) in m/s, `step` s apart
    """
    noise = CHANCE * sqrt(2.0) * limits.speed_noise
    excess = beyond_rate(length(now) - length(before), step, limits.friction, noise)
    return validity.of_amplitude(excess, 0.0, limits.tolerated_speed)


def speed_acceleration(change: Any, before: Any, now: Any, step: Any, limits: Plausibility) -> Floats:
    """Change of speed against what the claimed accelerations add up to. [F2MD: Kalman speed consistency]

    change        of speed, m/s
    before, now   acceleration along the heading, m/s²; it may have changed at any instant of the `step` s between,
                  or risen and fallen again as fast as `jerk` lets it
    """
    expected = 0.5 * (before + now) * step
    unseen = 0.5 * np.abs((now - before) * step) + 0.25 * limits.jerk * step * step
    excess = beyond_rate(change - expected, 1.0, unseen, CHANCE * sqrt(2.0) * limits.speed_noise)
    return np.where(step > limits.gap, 1.0, validity.of_amplitude(excess, 0.0, limits.tolerated_speed))


def heading(velocity: Any, claimed: Any, limits: Plausibility) -> Floats:
    """Velocity (2, ...) in m/s against heading (2, ...), of any length but 0. [ETSI: Speed, drive direction reverse]"""
    slow = length(velocity) <= limits.backwards
    aligned = _aligned(velocity, claimed, limits.heading, 2.0 * limits.heading)
    return np.where(slow & (length(claimed) > 0.0), 1.0, aligned)


def travel_heading(travel: Any, before: Any, now: Any, step: Any, limits: Plausibility) -> Floats:
    """Direction of travel against the mean of two headings. [F2MD: position heading consistency]

    travel        (2, ...) in m, within `step` s; silent below the noise, below reversing, and after a gap
    before, now   headings (2, ...), of length 1
    """
    unclear = CHANCE * sqrt(2.0) * limits.position_noise + limits.backwards * step
    silent = (length(travel) <= unclear) | (step > limits.gap)
    return np.where(silent, 1.0, _aligned(travel, before + now, 2.0 * limits.heading, 4.0 * limits.heading))


def reach(travel: Any, step: Any, limits: Plausibility) -> Floats:
    """Distance covered in `step` s against the fastest vehicle. [ETSI: Position-ChangeTooLarge]"""
    excess = beyond_rate(length(travel), step, limits.speed, CHANCE * sqrt(2.0) * limits.position_noise)
    return validity.of_amplitude(excess, 0.0, limits.tolerated_position)


def unseen_motion(change: Any, step: Any, limits: Plausibility) -> Floats:
    """Variance in m² of a position carried on for `step` s by the mean of two claimed velocities.

    Acceleration and braking between the two, and a change of velocity (2, ...) at an unknown instant, evenly spread;
    more change than friction allows is no excuse.
    """
    swerve = np.minimum(length(change), limits.friction * step) * step / sqrt(12.0)
    unseen = 0.25 * limits.manoeuvre * step * step
    return np.asarray(swerve * swerve + unseen * unseen)


def position(residual: Any, smooth: Any, sigma: Any, limits: Plausibility) -> Floats:
    """Position against its past carried on by the claimed velocity. [F2MD: Kalman, position speed consistency]

    residual   innovation (2, ...) in m
    smooth     its average (2, ...) in sigma
    sigma      standard deviation of the innovation per axis, in m
    """
    band, smooth_band = CHANCE * sigma, CHANCE_SMOOTH * SMOOTH * sigma
    single = validity.of_amplitude(length(residual), band, band + limits.tolerated_position)
    average = validity.of_amplitude(length(smooth) * sigma, smooth_band, smooth_band + 0.5 * limits.tolerated_position)
    return np.minimum(single, average)


def within_range(claimed: Any, own: Any, limits: Plausibility) -> Floats:
    """Acceptance range threshold: claimed and own position (2, ...) in m. [F2MD: range plausibility]"""
    return validity.of_amplitude(outside(length(claimed - own), 0.0, limits.range), 0.0, 0.1 * limits.range)


def own_sensor(claimed: Any, measured: Any, limits: Plausibility) -> Floats:
    """Claim against what radar or camera see nearest to it; positions (2, ...) in m."""
    band = CHANCE * sqrt(2.0) * limits.position_noise
    return validity.of_amplitude(length(claimed - measured), band, band + limits.tolerated_position)


def place(distance: Any, limits: Plausibility) -> Floats:
    """Two vehicles in one place: `distance` in m of their centres, inf where there is none. [F2MD: intersection]

    A third of a width is noise, from two thirds on both cannot be there. But two absolute positions are no better than
    their constant errors, and never judge alone (safety model, section 3): half of the validity is left.
    """
    overlap = np.maximum(0.0, limits.width - distance)
    return 0.5 + 0.5 * validity.of_amplitude(overlap, limits.width / 3.0, limits.width * 2.0 / 3.0)


def appearance(messages: Any, limits: Plausibility) -> Floats:
    """Sudden appearance: a stranger of which `messages` were taken before this one. [F2MD: sudden appearance]

    Half of the validity at first, all once it is known: who takes a new id gains nothing.
    """
    return np.asarray(np.minimum(1.0, (messages + limits.strangers) / (2.0 * limits.strangers)))


def trust(evidence: Any, limits: Plausibility) -> Floats:
    """What the implausible messages of its past leave of a sender."""
    return validity.of_amplitude(evidence, 0.0, limits.evidence)


def length(vector: Any) -> Floats:
    """Euclidean length of vectors (2, ...)."""
    return np.asarray(np.sqrt(vector[0] * vector[0] + vector[1] * vector[1]))


def along(vector: Any, direction: Any) -> Floats:
    """Component of vectors (2, ...) along directions of length 1."""
    return np.asarray(vector[0] * direction[0] + vector[1] * direction[1])


def _aligned(one: Any, other: Any, band: float, tolerated: float) -> Floats:
    """Validity by the angle between two vectors (2, ...), limits in degrees; 0 where one has no direction."""
    size = length(one) * length(other)
    cosine = np.where(size > 0.0, along(one, other) / np.where(size > 0.0, size, 1.0), -1.0)
    return validity.of_amplitude(1.0 - cosine, 1.0 - cos(radians(band)), 1.0 - cos(radians(tolerated)))
