"""What a sensor does now, told from its newest samples: three hypotheses and their probabilities.

    healthy   the value is the truth
    offset    the value is the truth plus a constant: it jumped, and has kept the shape of the truth since
    loose     the value says nothing of the truth: it is stuck, or runs on a line of its own (drift, ramp)

One recursion over the samples, as multiple model estimation does it [Blom & Bar-Shalom 1988; Willsky & Jones 1976]:
each hypothesis says how likely the new sample is, and each may go over into the others. Under `offset` and `loose` the
truth is reckoned on from the last healthy sample, by the rates of an independent source where there is one. That gives
the rule of the safety model (section 2) its form: time alone never makes a signal healthy again, as all three
hypotheses expect a smooth continuation alike; a jump back to the reckoned truth does, or an independent source that
agrees.

A failure is as probable as the way into it whose truth is reckoned on, the likeliest: ways that are dropped go with
their weight. Every healthy sample may begin an offset, which is some millionths as likely as health and as small as its
surprise, and nothing later speaks against it. Their sum would grow without end, and be charged with the error of one:
many mild surprises are no jump. Nor do they add up to a jump back.

Densities are Student's t with seven degrees of freedom, as real residuals have tails [Lange et al. 1989]. Everything is
elementwise (see `formulas`); nothing raises; a sample that is not finite is none.
"""

from math import inf
from typing import Any, NamedTuple

from karyon.kernel.elementwise import maximum, minimum, sqrt, where
from karyon.perception.sensors import Booleans, Floats

# Per sample. A failure of a sensor is far rarer; this is how much surprise it takes, not how often sensors fail.
ONSET = 1.5e-4
RETURN = 0.2  # how readily a failure ends: what lasts for some samples is typical of a fault, and of its label
FRESH = 30.0  # samples
DOUBTED = 0.9  # probability of health below which a failure can end
CLEARLY = 1.01  # how much likelier a new beginning must be than what is followed
COVERED = 0.5  # least share of an old offset that a jump back takes away
LOOSE = 0.8  # share of jumps after which the value says nothing any more
FIRST, GAP = -2.0, -1.0  # of `Belief.returned`: no rate is known yet; samples are missing before this one
FARTHEST = 1e9  # sigma: beyond it all is equally unlikely, and no density is 0
DEAD = 1e-9  # least probability of health: an independent source brings back what is surely lost

# In standard deviations of a healthy sample.
JUMPS = 100.0  # sizes among which a jump is as likely here as there
KINKS = 130.0  # changes of the rate, likewise
NOISIER = 1.8  # how far the noise of a manoeuvre exceeds the least
TURNED = 12.0  # uncertainty of the rate at the sample that returns
ABRUPT = 3.0  # least surprise of a sample with which a failure ends that is no longer fresh
SURPRISE = 9.0  # a jump: the rate does not learn from it
OFFSET_GROWTH = 0.15  # of the reckoned truth under `offset`, times the root of the samples since
LOOSE_GROWTH = 9.0  # of the reckoned truth under `loose`, times the samples since
LED_GROWTH = 5.0  # the same where an independent source leads the reckoning

QUIET = 1e-6  # noise of a line that no sensor draws
SILENT = 3.0  # samples in a row on such a line, after which it is one: chance does not do that
QUIET_SHARE = 0.001  # of `loose` signals that are without any noise
RATE_SHARE, SLOW_SHARE, LINE_SHARE, NOISE_SHARE = 0.9, 0.15, 0.2, 0.25  # weight of a sample in the averages


class Expected(NamedTuple):
    """What is known of a healthy signal: numbers, or arrays that broadcast to (signal, row).

    noise     standard deviation of a sample against what the samples before it predict, in the signal's unit
    inertia   1 where the signal has a rate that lasts (speed, distance), 0 where only its value lasts (acceleration)
    rest      value that a healthy signal holds exactly when nothing moves; NaN: none
    bridged   samples in a row that a recorder may have put on an exact line between two that it has
    resolution  of the value: how often two samples are equal by chance
    low, high  range of the truth: what is reckoned on stops there, as a braking car does at standstill
    """

    noise: Any
    inertia: Any
    rest: Any
    bridged: Any = 0.0
    resolution: Any = 1e-4
    low: Any = -inf
    high: Any = inf


class Companion(NamedTuple):
    """What an independent source says of a signal: arrays (signal, row).

    advance, leads       change of the truth since the last sample, in the signal's unit; where it is known
    residual, compares   value minus what the source says, its usual offset taken off; where it is known
    noise                standard deviation of a healthy residual
    agreement            most that one sample of an agreeing source does for health, as a factor
    accusation           weight of a residual that no healthy signal has, as a failure; 0: the source never accuses
    hindsight            how much likelier a source makes it that an earlier sample was healthy; 1 where none does
    """

    advance: Any
    leads: Any
    residual: Any
    compares: Any
    noise: Any
    agreement: Any
    accusation: Any
    hindsight: Any


def nobody() -> Companion:
    """No independent source."""
    return Companion(0.0, False, 0.0, False, 1.0, 1.0, 0.0, 1.0)


class Belief(NamedTuple):
    """State of the recursion: arrays (signal, row). Rates are changes per sample."""

    healthy: Floats
    offset: Floats
    loose: Floats
    value: Floats  # the last sample
    rate: Floats
    slow_rate: Floats
    change: Floats  # at the last sample
    jumped: Booleans  # a surprise that the sample before it did not begin
    returned: Floats  # samples since health came back by a jump, or FIRST, or GAP
    offset_truth: Floats
    offset_rate: Floats
    offset_age: Floats  # samples
    loose_truth: Floats
    loose_rate: Floats  # of the truth
    line: Floats  # rate of the value itself
    loose_age: Floats
    crept: Booleans  # it came loose without a jump
    quiet: Floats  # samples in a row that went on along a line without any noise
    noise: Floats  # standard deviation of a healthy sample now


def begun(value: Any, expected: Expected) -> Belief:
    """All is well with the first sample, a number."""
    zero = 0.0 * value
    never = zero > 0.0
    return Belief(
        healthy=zero + 1.0,
        offset=zero,
        loose=zero,
        value=value,
        rate=zero,
        slow_rate=zero,
        change=zero,
        jumped=never,
        returned=zero + FIRST,
        offset_truth=value,
        offset_rate=zero,
        offset_age=zero,
        loose_truth=value,
        loose_rate=zero,
        line=zero,
        loose_age=zero,
        crept=never,
        quiet=zero,
        noise=zero + expected.noise,
    )


def coasted(belief: Belief, samples: Any) -> Belief:
    """The belief after `samples` that are missing: what is reckoned runs on, its rate gets vague."""
    gap = samples > 0.0
    return Belief(
        healthy=belief.healthy,
        offset=belief.offset,
        loose=belief.loose,
        value=belief.value + belief.rate * samples,
        rate=belief.rate,
        slow_rate=belief.slow_rate,
        change=belief.change,
        jumped=belief.jumped,
        returned=where(gap, GAP, belief.returned),
        offset_truth=belief.offset_truth + belief.offset_rate * samples,
        offset_rate=belief.offset_rate,
        offset_age=belief.offset_age + samples,
        loose_truth=belief.loose_truth + belief.loose_rate * samples,
        loose_rate=belief.loose_rate,
        line=belief.line,
        loose_age=belief.loose_age + samples,
        crept=belief.crept,
        quiet=where(gap, 0.0, belief.quiet),
        noise=belief.noise,
    )


def chosen(condition: Any, one: Belief, other: Belief) -> Belief:
    """One belief where `condition`, the other elsewhere."""
    return Belief(
        healthy=where(condition, one.healthy, other.healthy),
        offset=where(condition, one.offset, other.offset),
        loose=where(condition, one.loose, other.loose),
        value=where(condition, one.value, other.value),
        rate=where(condition, one.rate, other.rate),
        slow_rate=where(condition, one.slow_rate, other.slow_rate),
        change=where(condition, one.change, other.change),
        jumped=where(condition, one.jumped, other.jumped),
        returned=where(condition, one.returned, other.returned),
        offset_truth=where(condition, one.offset_truth, other.offset_truth),
        offset_rate=where(condition, one.offset_rate, other.offset_rate),
        offset_age=where(condition, one.offset_age, other.offset_age),
        loose_truth=where(condition, one.loose_truth, other.loose_truth),
        loose_rate=where(condition, one.loose_rate, other.loose_rate),
        line=where(condition, one.line, other.line),
        loose_age=where(condition, one.loose_age, other.loose_age),
        crept=where(condition, one.crept, other.crept),
        quiet=where(condition, one.quiet, other.quiet),
        noise=where(condition, one.noise, other.noise),
    )


def error_of(belief: Belief) -> Any:
    """Estimated error of the value, in its unit: of the likelier of the two failures."""
    return belief.value - where(belief.offset >= belief.loose, belief.offset_truth, belief.loose_truth)


def amplitude(belief: Belief, leads: Any, expected: Expected) -> Any:
    """Failure amplitude: the estimated error, and of a value that says nothing how far the truth may have gone since.

    Nothing is said by one that is stuck, or long loose where no independent source leads the reckoning (`leads`): that
    it comes close to what was reckoned once is chance.
    """
    astray = (belief.quiet > expected.bridged) | (belief.loose_age >= where(leads, inf, FRESH))
    gone = where(astray & (belief.offset < belief.loose), LOOSE_GROWTH * expected.noise * belief.loose_age, 0.0)
    return abs(error_of(belief)) + gone


def density(error: Any, sigma: Any) -> Any:
    """Probability density of a healthy error: Student's t, seven degrees of freedom, scale `sigma`."""
    share = minimum(abs(error) / sigma, FARTHEST)
    base = 1.0 + share * share / 7.0
    square = base * base
    return 0.385 / (sigma * square * square)


def likelihood_ratio(residual: Any, displaced: Any, sigma: Any, most: Any) -> Any:
    """How much likelier `residual` is than `displaced`; at least 1 / `most` and at most `most`."""
    ratio = density(residual, sigma) / density(displaced, sigma)
    return minimum(maximum(ratio, 1.0 / most), most)


def innovation(belief: Belief, value: Any) -> Any:
    """Value minus what the samples before it predict, in the signal's unit."""
    return value - belief.value - belief.rate


def leaps(belief: Belief, surprise: Any) -> Any:
    """Where a signal that was healthy brings a sample whose innovation no healthy signal brings by itself."""
    return (abs(surprise) > SURPRISE * belief.noise) & (belief.healthy > 0.5)


def step(belief: Belief, value: Any, common: Any, companion: Companion, expected: Expected) -> Belief:
    """The belief after one more sample of every signal.

    value    in the signal's unit (signal, row), of magnitude below 1e100
    common   independent sources leapt together: the world did, and all are healthy
    """
    paths = _paths(belief, value, companion, expected)
    carried = _carried(belief, value, paths, companion, expected)
    shares = _probabilities(belief, paths, value, carried, common, companion)
    learnt = _learnt(belief, paths, shares.healthy, carried, common, companion, expected)
    return Belief(
        healthy=shares.healthy,
        offset=shares.offset,
        loose=shares.loose,
        value=value,
        rate=learnt.rate,
        slow_rate=learnt.slow_rate,
        change=paths.change,
        jumped=carried.jumped,
        returned=learnt.returned,
        offset_truth=carried.offset_truth,
        offset_rate=carried.offset_rate,
        offset_age=carried.offset_age,
        loose_truth=carried.loose_truth,
        loose_rate=carried.loose_rate,
        line=carried.line,
        loose_age=carried.loose_age,
        crept=carried.crept,
        quiet=carried.quiet,
        noise=learnt.noise,
    )


class _Paths(NamedTuple):
    """Joint density of the new sample and each way from a hypothesis to one: `offset_healthy` is a return."""

    change: Any
    surprise: Any
    sigma: Any
    advance: Any  # of the truth, under `healthy`
    offset_advance: Any
    loose_advance: Any
    healthy_healthy: Any
    offset_healthy: Any
    loose_healthy: Any
    healthy_offset: Any
    offset_offset: Any
    offset_jump: Any
    healthy_loose: Any  # by a jump or a new rate
    accused: Any  # by an independent source
    loose_loose: Any
    loose_jump: Any


def _paths(belief: Belief, value: Any, companion: Companion, expected: Expected) -> _Paths:
    change = value - belief.value
    surprise = change - belief.rate
    sigma = belief.noise + _vagueness(belief, expected)
    smooth = _smooth(belief, change, surprise, sigma, companion, expected)
    offset_advance = where(companion.leads, companion.advance, belief.offset_rate)
    loose_advance = where(companion.leads, companion.advance, belief.loose_rate)
    abrupt = ABRUPT * sigma
    covering = maximum(abrupt, COVERED * abs(belief.value - belief.offset_truth))
    offset_back = density(value - belief.offset_truth - offset_advance, _offset_spread(belief, expected))
    loose_back = density(value - belief.loose_truth - loose_advance, _loose_spread(belief, companion, expected))
    stay, kinks = 1.0 - RETURN - ONSET, KINKS * expected.noise
    jump = ONSET / (JUMPS * expected.noise)
    kink = where(abs(surprise) < 0.5 * kinks, ONSET / kinks, 0.0)
    return _Paths(
        change=change,
        surprise=surprise,
        sigma=sigma,
        advance=where(companion.leads, companion.advance, belief.rate),
        offset_advance=offset_advance,
        loose_advance=loose_advance,
        healthy_healthy=belief.healthy * stay * smooth,
        offset_healthy=belief.offset * _ends(belief, belief.offset_age, surprise, covering) * offset_back,
        loose_healthy=belief.loose * _ends(belief, belief.loose_age, surprise, abrupt) * loose_back,
        healthy_offset=belief.healthy * jump,
        offset_offset=belief.offset * stay * smooth,
        offset_jump=belief.offset * jump,
        healthy_loose=belief.healthy * (jump * LOOSE + kink),
        accused=_accused(belief, smooth, jump, companion),
        loose_loose=belief.loose * stay * _on_line(belief, value, change, kinks, smooth, expected),
        loose_jump=belief.loose * jump,
    )


def _vagueness(belief: Belief, expected: Expected) -> Any:
    """How much further a sample may be off for want of a rate, in the signal's unit."""
    lately = where(belief.returned < 1.0, TURNED * expected.inertia, 0.0)
    return where(belief.returned <= FIRST, JUMPS, lately) * expected.noise


def _ends(belief: Belief, age: Any, surprise: Any, least: Any) -> Any:
    """Probability that a failure that is `age` samples old ends now, with a surprise beyond `least` or while fresh.

    What has gone on smoothly for long has not come back, however vague the truth has become meanwhile. Nor has the
    first sample after a gap: it would do so by chance. And what nobody doubted needs no return: else every jump is one.
    """
    may = (belief.returned >= 0.0) & (belief.healthy < DOUBTED)
    return where(((abs(surprise) > least) | (age < FRESH)) & may, RETURN, 0.0)


def _offset_spread(belief: Belief, expected: Expected) -> Any:
    return belief.noise + OFFSET_GROWTH * expected.noise * sqrt(belief.offset_age + 1.0)


def _loose_spread(belief: Belief, companion: Companion, expected: Expected) -> Any:
    growth = where(companion.leads, LED_GROWTH, LOOSE_GROWTH) * expected.noise
    return belief.noise + growth * (belief.loose_age + 1.0)


def _smooth(belief: Belief, change: Any, surprise: Any, sigma: Any, companion: Companion, expected: Expected) -> Any:
    """Density of a sample that goes on as the ones before it, or as an independent source does."""
    own = maximum(density(surprise, sigma), density(change - belief.slow_rate, belief.noise))
    led = companion.leads & (expected.inertia > 0.0)
    return where(led, maximum(own, density(change - companion.advance, belief.noise)), own)


def _on_line(belief: Belief, value: Any, change: Any, kinks: Any, smooth: Any, expected: Expected) -> Any:
    """Density of a value that goes on along its own line; one without noise betrays itself, but for rest."""
    begun = where(abs(change) < 0.5 * kinks, 1.0 / kinks, 0.0)
    bend = change - belief.change
    # Once a line has begun without noise, each further sample on it is as likely as its resolution is fine.
    share = where(belief.quiet > expected.bridged, 1.0, QUIET_SHARE)
    told = minimum(density(bend, QUIET * expected.noise) * expected.resolution, 1.0) / expected.resolution
    exact = where(belief.quiet >= expected.bridged, share * told, 0.0)
    # What has been loose for long is not healthy for going on as smoothly as a healthy signal does, nor any looser for
    # doing so now and then on a line: it would outweigh an offset in the end, and no jump back would heal that.
    settled = (belief.loose_age >= FRESH) & (belief.loose > belief.healthy)
    own = where(settled, smooth, density(change - belief.line, belief.noise))
    noisy = where(belief.quiet >= expected.bridged + SILENT, 0.0, own)
    at_rest = _at_rest(value, expected)
    return where(belief.loose_age < 1.0, begun, where(at_rest, noisy, maximum(noisy, exact)))


def _within(truth: Any, expected: Expected) -> Any:
    return minimum(maximum(truth, expected.low), expected.high)


def _at_rest(value: Any, expected: Expected) -> Any:
    return abs(value - expected.rest) <= expected.noise


def _accused(belief: Belief, smooth: Any, jump: Any, companion: Companion) -> Any:
    """A residual that no healthy signal has is a failure that came too slowly to be seen coming."""
    far = minimum(companion.accusation * jump / density(companion.residual, companion.noise), 1.0)
    return where(companion.compares, belief.healthy * far * smooth, 0.0)


class _Carried(NamedTuple):
    """Of the belief after a sample: what the hypotheses reckon."""

    jumped: Any
    offset_truth: Any
    offset_rate: Any
    offset_age: Any
    loose_truth: Any
    loose_rate: Any
    line: Any
    loose_age: Any
    crept: Any
    quiet: Any


def _carried(belief: Belief, value: Any, paths: _Paths, companion: Companion, expected: Expected) -> _Carried:
    """The reckoned truths after this sample, each by the likeliest way into its hypothesis."""
    begins = paths.healthy_offset > maximum(paths.offset_offset, paths.offset_jump)
    again = ~begins & (paths.offset_jump > paths.offset_offset)
    truth = belief.value + paths.advance
    offset_truth = belief.offset_truth + where(again, paths.offset_advance, paths.change)
    bent = belief.offset_rate + RATE_SHARE * expected.inertia * (paths.change - belief.offset_rate)
    on_line = abs(paths.change - belief.change) < 9.0 * QUIET * expected.noise
    longest = maximum(paths.loose_loose, paths.loose_jump)
    accused = paths.accused > maximum(longest, paths.healthy_loose)
    # A line that may be one without noise is followed, however unlikely yet: three samples decide.
    leapt = abs(paths.surprise) > SURPRISE * paths.sigma
    followed = ((belief.loose_age < 1.0) | on_line) & ~leapt
    loosened = ~accused & (paths.healthy_loose > CLEARLY * longest) & ~followed
    jumped = ~accused & ~loosened & (paths.loose_jump > paths.loose_loose)
    new = loosened | accused
    loose_truth = where(new, truth, belief.loose_truth + paths.loose_advance)
    along = where(belief.loose_age < 1.0, paths.change, belief.line + LINE_SHARE * (paths.change - belief.line))
    return _Carried(
        jumped=leapt & (abs(paths.change - belief.change) > SURPRISE * paths.sigma),
        offset_truth=_within(where(begins, truth, offset_truth), expected),
        offset_rate=where(begins, belief.rate, where(again, belief.offset_rate, bent)),
        offset_age=where(begins, 0.0, belief.offset_age + 1.0),
        loose_truth=_within(where(accused, value - companion.residual, loose_truth), expected),
        loose_rate=where(new, belief.rate, belief.loose_rate),
        line=where(accused, paths.change, where(loosened | jumped, 0.0, along)),
        loose_age=where(accused, 1.0, where(loosened | jumped, 0.0, belief.loose_age + 1.0)),
        crept=where(new, accused | ~leapt, belief.crept),
        quiet=where(on_line & ~_at_rest(value, expected), belief.quiet + 1.0, 0.0),
    )


class _Shares(NamedTuple):
    """Probabilities of the three hypotheses."""

    healthy: Any
    offset: Any
    loose: Any


def _probabilities(
    belief: Belief, paths: _Paths, value: Any, carried: _Carried, common: Any, companion: Companion
) -> _Shares:
    """Of the three hypotheses after this sample, what independent sources say of its level included.

    All ways to health lead to the same truth, the value, and add up; those to a failure do not.
    """
    healthy = paths.healthy_healthy + paths.offset_healthy + paths.loose_healthy
    offset = maximum(maximum(paths.offset_offset, paths.offset_jump), paths.healthy_offset)
    ways = paths.loose_loose, paths.loose_jump, paths.healthy_loose, paths.accused
    # What comes loose soon after it has is the same failure, as no sample tells its onset; later it is another one.
    likeliest = maximum(maximum(ways[0], ways[1]), maximum(ways[2], ways[3]))
    loose = where(belief.loose_age < FRESH, ways[0] + ways[1] + ways[2] + ways[3], likeliest)
    error = value - where(offset >= loose, carried.offset_truth, carried.loose_truth)
    ratio = likelihood_ratio(companion.residual, companion.residual - error, companion.noise, companion.agreement)
    # A source of which nobody knows whether it is right itself does not accuse: see `accusation`.
    healthy = healthy * where(companion.compares, maximum(ratio, 1.0), 1.0) * companion.hindsight
    total = healthy + offset + loose
    lost = ~(total > 0.0)
    total = where(lost, 1.0, total)
    healthy = where(common, 1.0, where(lost, DEAD, maximum(healthy / total, DEAD)))
    return _Shares(healthy, where(common, 0.0, offset / total), where(common, 0.0, loose / total))


class _Learnt(NamedTuple):
    """Of the belief after a sample: what is learnt of a healthy signal."""

    rate: Any
    slow_rate: Any
    returned: Any
    noise: Any


def _learnt(
    before: Belief,
    paths: _Paths,
    healthy: Any,
    carried: _Carried,
    common: Any,
    companion: Companion,
    expected: Expected,
) -> _Learnt:
    """Rates and noise follow the sample, but not a jump."""
    by_offset = paths.offset_healthy > maximum(paths.healthy_healthy, paths.loose_healthy)
    by_loose = ~by_offset & (paths.loose_healthy > paths.healthy_healthy)
    returned = (by_offset | by_loose) & (healthy > 0.5) & ~common
    anew = where(by_offset, carried.offset_rate, where(companion.leads, companion.advance, before.loose_rate))
    kept = common | carried.jumped | (before.returned == GAP)
    kinked = abs(paths.surprise) > SURPRISE * before.noise
    slow_share = where(kinked, RATE_SHARE, SLOW_SHARE)
    slow = before.slow_rate + slow_share * (paths.change - before.slow_rate)
    rate = before.rate + RATE_SHARE * paths.surprise
    calm = (healthy > 0.9) & ~by_offset & ~by_loose & ~common
    size = minimum(abs(paths.surprise), 2.0 * before.noise)
    noise = before.noise + NOISE_SHARE * (size - before.noise)
    noise = minimum(maximum(noise, expected.noise), NOISIER * expected.noise)
    return _Learnt(
        rate=expected.inertia * where(returned, anew, where(kept, before.rate, rate)),
        slow_rate=where(returned, anew, where(kept, before.slow_rate, slow)),
        returned=where(returned | (before.returned < 0.0), 0.0, before.returned + 1.0),
        noise=where(calm, noise, before.noise),
    )
