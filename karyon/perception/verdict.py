"""What becomes of one sample of one signal, as formulas: from the value to its validity and to what lowered it.

    arrival     whether it counts, what was missed before it, whether it begins anew
    prepared    the belief, run on to the sample
    verdict     the belief after it, and what that says of the sample
    answered    what the signal answers now, a sample or none
    judge       all of these, for a signal that nothing else speaks of

All are elementwise (see `formulas`): arrays (signal, row), or compiled for one number after the other.
"""

from math import inf
from typing import Any, NamedTuple

from karyon.kernel.elementwise import floor, maximum, minimum, where
from karyon.perception import detectors, hypotheses, validity
from karyon.perception.hypotheses import SILENT, Belief, Companion, Expected
from karyon.perception.reckoning import DOUBT
from karyon.perception.sensors import Booleans, Floats

ABSURD = 1e100  # a number that is none, in any unit


class Known(NamedTuple):
    """What is known of the signals.

    tolerated   failure amplitude that the function tolerates, in the signal's unit
    every       s between two samples
    age_limit   s without a sample after which nothing can be said
    series      whether samples in a row are of one thing
    """

    expected: Expected
    tolerated: Floats
    every: Floats
    age_limit: Floats
    series: Booleans


class Track(NamedTuple):
    """What is remembered of a signal: `sampled` is the time of its last sample, `validity` the one that it had then."""

    belief: Belief
    sampled: Floats
    validity: Floats


class Came(NamedTuple):
    """What came in a row of the log: a value, not finite where there is none, and whether its time stamp counts."""

    value: Floats
    now: Floats  # s
    stamped: Booleans


class Arrival(NamedTuple):
    """A number with a time stamp that counts; whether it begins anew; samples that were missed before it."""

    sample: Booleans
    anew: Booleans
    missed: Floats


class Compared(NamedTuple):
    """A sample that can be compared with the ones before it; `common`: the world leapt, so all are healthy."""

    value: Floats
    sample: Booleans
    compared: Booleans
    common: Any  # Booleans, or one for all


class Verdict(NamedTuple):
    """What a sample says.

    validity               of the sample, 0 where there is none
    jump, drift, stuck_at  what a sample in range shows, where its validity is low
    """

    belief: Belief
    validity: Floats
    outside: Booleans
    jump: Booleans
    drift: Booleans
    stuck_at: Booleans


class Judgement(NamedTuple):
    """What a signal answers now, and per detector whether it lowered the validity; `age` in s, inf before a sample."""

    track: Track
    validity: Floats
    age: Floats
    time_stamp: Booleans
    range: Booleans
    timeout: Booleans
    jump: Booleans
    drift: Booleans
    stuck_at: Booleans


def judge(track: Track, came: Came, known: Known) -> Judgement:
    """All of it, for a signal without relations and other detectors."""
    arrived = arrival(track, came, known)
    before = prepared(track.belief, came.value, arrived, known.expected)
    compared = Compared(came.value, arrived.sample, is_compared(arrived, known), False)
    said = verdict(before, compared, hypotheses.nobody(), known)
    return answered(track, came, arrived.sample, said, said.validity, known)


def arrival(track: Track, came: Came, known: Known) -> Arrival:
    """Whether a sample came, and after how long."""
    sample = (abs(came.value) < ABSURD) & came.stamped
    first = sample & (track.sampled == -inf)
    elapsed = where(sample & ~first, came.now - track.sampled, 0.0)
    missed = maximum(floor(elapsed / known.every + 0.5) - 1.0, 0.0)
    late = missed * known.every >= known.age_limit
    # After a long silence a healthy signal begins anew; one in doubt stays in doubt (safety model, section 2).
    return Arrival(sample, first | (sample & late & (track.belief.healthy > 0.5)), missed)


def prepared(belief: Belief, value: Any, arrived: Arrival, expected: Expected) -> Belief:
    """The belief just before a sample: run on over what was missed, or begun anew with it."""
    anew = hypotheses.begun(where(arrived.anew, value, 0.0), expected)
    return hypotheses.chosen(arrived.anew, anew, hypotheses.coasted(belief, arrived.missed))


def is_compared(arrived: Arrival, known: Known) -> Any:
    """Whether the samples before say something of this one."""
    return arrived.sample & ~arrived.anew & known.series


def verdict(before: Belief, came: Compared, companion: Companion, known: Known) -> Verdict:
    """The belief after a sample, and what it says of the sample. `before` runs on to the time of the sample."""
    expected = known.expected
    value = where(came.sample, came.value, before.value)
    after = hypotheses.step(before, value, came.common, companion, expected)
    belief = hypotheses.chosen(came.compared, after, before)
    outside = minimum(detectors.outside(value, expected.low, expected.high), ABSURD)
    within = validity.of_amplitude(outside, 0.0, known.tolerated)
    own = where(came.sample, minimum(within, _believed(belief, companion, known)), 0.0)
    doubted = came.sample & (own < DOUBT) & ~(outside > 0.0)
    loose = doubted & (belief.loose > belief.offset)
    stuck = loose & (belief.quiet >= SILENT) & (abs(belief.change) < expected.noise)
    drifted = loose & ~stuck & (belief.crept | (belief.quiet >= SILENT))
    return Verdict(belief, own, came.sample & (outside > 0.0), doubted & ~stuck & ~drifted, drifted, stuck)


def answered(track: Track, came: Came, sample: Any, said: Verdict, judged: Any, known: Known) -> Judgement:
    """What the signal answers: its `sample` (see `Arrival`) with the validity `judged`, or the last one, aged."""
    arrived = abs(came.value) < inf
    sampled = where(sample, came.now, track.sampled)
    remembered = where(arrived, judged, track.validity)
    age = where(sampled > -inf, came.now - sampled, inf)
    aged = minimum(remembered, validity.of_age(minimum(age, known.age_limit), known.age_limit))
    return Judgement(
        track=Track(said.belief, sampled, remembered),
        validity=where(arrived, judged, aged),
        age=age,
        time_stamp=arrived & ~came.stamped,
        range=said.outside | (arrived & came.stamped & ~sample),
        timeout=~arrived & (age >= 0.5 * known.age_limit),
        jump=said.jump,
        drift=said.drift,
        stuck_at=said.stuck_at,
    )


def _believed(belief: Belief, companion: Companion, known: Known) -> Any:
    """Validity by the hypotheses: a failure does harm by as much as it is likely, and its amplitude intolerable."""
    amplitude = hypotheses.amplitude(belief, companion.leads, known.expected)
    harm = 1.0 - validity.of_amplitude(amplitude, 0.0, known.tolerated)
    return 1.0 - (1.0 - belief.healthy) * harm
