"""Failures put into a recorded stretch: the modes by name, their parameters, and a window in which one of them acts.

The formulas are those of `failures`; the names of modes and parameters are those of a scenario's `faults`.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from math import inf, isfinite, isnan, nan
from typing import Any, Literal, TypeAlias, TypeGuard

import numpy as np
from numpy.typing import NDArray

from karyon.kernel.quantities import nearest, shown, suggestion
from karyon.perception.failures import (
    Booleans,
    Floats,
    Integers,
    drift,
    flooded,
    freeze,
    ghost,
    held,
    lateness,
    noise,
    offset,
    omission,
    outlier,
    quantisation,
    reordering,
    saturation,
    scale,
    stamped_later,
    stuck_at,
    swap,
)
from karyon.perception.sensors import nanoseconds, seconds

LARGEST = 2**63  # of a whole number that is taken for a parameter


def _number(found: object) -> TypeGuard[float]:
    whole = isinstance(found, int | np.integer) and not isinstance(found, bool) and abs(int(found)) <= LARGEST
    return whole or isinstance(found, float | np.floating)


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a mode: its unit, what it must be, and its value if it is not given (None: it must be)."""

    unit: str
    expected: str
    allowed: Callable[[float], bool]
    default: float | None = None

    def accepts(self, found: object) -> bool:
        """Whether `found` is a number that the mode can use."""
        return _number(found) and self.allowed(float(found))


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Samples one by one, arrays (arrival,).

    origin           index in the flattened stretch of the healthy sample that this one is or was made from
    number           0: the sample itself; 1, 2, ...: added to it (of `sybil`: which invented sender says so)
    stamp, arrival   ns: time of measurement as the sample tells it, time at which it comes
    value            in the signal's unit
    label            True where the sample is not a healthy one
    """

    origin: Integers
    number: Integers
    stamp: Integers
    arrival: Integers
    value: Floats
    label: Booleans

    @classmethod
    def none(cls) -> "Arrivals":
        """Nothing comes."""
        empty = np.zeros(0, dtype=np.int64)
        return cls(empty, empty, empty, empty, np.zeros(0), np.zeros(0, dtype=bool))


@dataclass(frozen=True, slots=True)
class _Stretch:
    """What a mode acts on: the healthy samples, arrays (..., sample), and the rest that its formula may need."""

    value: Floats
    stamp: Integers  # ns
    arrival: Integers  # ns
    present: Booleans
    elapsed: Integers  # ns since the onset
    active: Booleans
    duration: float  # s
    draws: Floats
    other: Floats
    added: Arrivals = field(default_factory=Arrivals.none)

    def seconds(self) -> Floats:
        """Time since the onset in s."""
        return np.asarray(seconds(self.elapsed, 0))


Subject: TypeAlias = Literal["value", "stamp", "arrival", "present", "added"]
Parameters: TypeAlias = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Mode:
    """A failure mode by name: what it changes, by which formula, and what the formula needs.

    meaning      one line for users
    subject      what of a sample the mode changes
    formula      (stretch, parameters) -> the changed subject, as if the failure acted everywhere
    parameters   by name
    draws        random numbers that it needs, one for each sample
    """

    meaning: str
    subject: Subject
    formula: Callable[[_Stretch, Parameters], Any]
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    draws: Literal["uniform", "normal", "none"] = "none"


def _duplicated(stretch: _Stretch, p: Parameters) -> Arrivals:
    return _copies(stretch, (stretch.draws < p["probability"]).astype(np.int64))


def _invented(stretch: _Stretch, p: Parameters) -> Arrivals:
    added = _copies(stretch, np.full(stretch.value.shape, int(p["count"])))
    return replace(added, value=offset(added.value, p["spacing"] * added.number))


def _flood(stretch: _Stretch, p: Parameters) -> Arrivals:
    sent = flooded(stretch.seconds(), p["rate"], stretch.duration)
    backwards = np.where(stretch.present, sent, sent[..., -1:])[..., ::-1]
    until_next = np.minimum.accumulate(backwards, axis=-1)[..., ::-1]  # of those that come: none copies a lost one
    added = _copies(replace(stretch, active=stretch.present), np.diff(until_next, axis=-1, append=sent[..., -1:]))
    late = np.rint((sent.ravel()[added.origin] + added.number) / p["rate"] * 1e9).astype(np.int64)
    onset = (stretch.stamp - stretch.elapsed).ravel()[added.origin]
    return replace(added, stamp=onset + late, arrival=onset + late)


def _copies(stretch: _Stretch, copies: Integers) -> Arrivals:
    """Further copies (..., sample) of the samples on which the failure acts."""
    number = np.where(stretch.active & stretch.present, copies, 0).ravel()
    origin = np.repeat(np.arange(number.size), number)
    first = np.cumsum(number) - number
    return Arrivals(
        origin=origin,
        number=np.arange(origin.size) - first[origin] + 1,
        stamp=stretch.stamp.ravel()[origin],
        arrival=stretch.arrival.ravel()[origin],
        value=stretch.value.ravel()[origin],
        label=np.ones(origin.size, dtype=bool),
    )


def _stuck(stretch: _Stretch, p: Parameters) -> Any:
    fixed = p["value"]
    return stuck_at(stretch.value, held(stretch.value, stretch.elapsed < 0) if isnan(fixed) else fixed)


def _stale(stretch: _Stretch, p: Parameters) -> Floats:
    return freeze(stretch.value, stretch.stamp, nanoseconds(p["delay"]))


def _late(stretch: _Stretch, p: Parameters) -> Integers:
    return stamped_later(stretch.arrival, lateness(p.get("delay", 0.0), p["sigma"], stretch.draws))


def _drifted(stretch: _Stretch, p: Parameters) -> Any:
    return drift(stretch.value, p["rate"], stretch.seconds())


def _shifted(stretch: _Stretch, p: Parameters) -> Any:
    return offset(stretch.value, p["offset"])


DAY = 86_400.0  # s
CENTURY = 3.2e9  # s
FARTHEST = 2**62  # ns: times before are none, as `sensors.NEVER`
IN_UNIT = Parameter("signal's unit", "a finite number", isfinite)
PER_SECOND = Parameter("signal's unit per s", "a finite number", isfinite)
FACTOR = Parameter("1", "a finite number", isfinite)
SIGMA = Parameter("signal's unit", "a finite number, at least 0", lambda found: 0.0 <= found < inf)
STEP = Parameter("signal's unit", "a finite number above 0", lambda found: 0.0 < found < inf)
HELD = Parameter("signal's unit", "a number, or NaN for the last one", lambda found: abs(found) != inf, nan)
LOW = Parameter("signal's unit", "a number, or -inf for none", lambda found: found < inf, -inf)
HIGH = Parameter("signal's unit", "a number, or inf for none", lambda found: found > -inf, inf)
SHARE = Parameter("1", "a share from 0 to 1", lambda found: 0.0 <= found <= 1.0)
BURST = Parameter("samples", "a mean number of samples, at least 1", lambda found: 1.0 <= found < inf, 1.0)
DURATION = Parameter("s", "a duration from 0 s to a day", lambda found: 0.0 <= found <= DAY)
CLOCK = Parameter("s", "a time of at most a century either way", lambda found: abs(found) <= CENTURY)
SKEW = Parameter("s/s", "a rate between -1 and 1", lambda found: abs(found) < 1.0)
COUNT = Parameter("senders", "a whole number from 1 to 10,000", lambda found: 1 <= found <= 10_000 and found % 1 == 0)
FREQUENCY = Parameter("1/s", "a rate above 0 and at most 1e6", lambda found: 0.0 < found <= 1e6)

MODES: Mapping[str, Mode] = {
    "offset": Mode(
        "a constant is added", "value", lambda s, p: offset(s.value, p["amplitude"]), {"amplitude": IN_UNIT}
    ),
    "drift": Mode("what is added grows from the onset on", "value", _drifted, {"rate": PER_SECOND}),
    "ramp": Mode("a drift that is meant to stay unnoticed", "value", _drifted, {"rate": PER_SECOND}),
    "scale": Mode("the value is multiplied", "value", lambda s, p: scale(s.value, p["factor"]), {"factor": FACTOR}),
    "noise": Mode(
        "more noise",
        "value",
        lambda s, p: noise(s.value, p["sigma"], s.draws),
        {"sigma": SIGMA},
        draws="normal",
    ),
    "outlier": Mode(
        "single samples jump",
        "value",
        lambda s, p: outlier(s.value, p["amplitude"], p["probability"], s.draws),
        {"amplitude": IN_UNIT, "probability": SHARE},
        draws="uniform",
    ),
    "stuck_at": Mode("one value is repeated, freshly stamped", "value", _stuck, {"value": HELD}),
    "quantisation": Mode(
        "the value is rounded", "value", lambda s, p: quantisation(s.value, p["step"]), {"step": STEP}
    ),
    "saturation": Mode(
        "the value is clipped",
        "value",
        lambda s, p: saturation(s.value, p["low"], p["high"]),
        {"low": LOW, "high": HIGH},
    ),
    "freeze": Mode("old content, noise and all, freshly stamped", "value", _stale, {"delay": DURATION}),
    "ghost": Mode(
        "an object that is not there",
        "value",
        lambda s, p: ghost(s.value, p["distance"]),
        {"distance": IN_UNIT},
    ),
    "missed": Mode(
        "an object is not seen: the sensor says its range",
        "value",
        lambda s, p: stuck_at(s.value, p["range"]),
        {"range": IN_UNIT},
    ),
    "swap": Mode("another object is taken for this one", "value", lambda s, p: swap(s.value, s.other)),
    "delay": Mode(
        "samples arrive late, by a fixed time and a random one of `sigma`",
        "arrival",
        _late,
        {"delay": DURATION, "sigma": replace(DURATION, default=0.0)},
        draws="normal",
    ),
    "jitter": Mode("samples arrive late by chance", "arrival", _late, {"sigma": DURATION}, draws="normal"),
    "reordering": Mode(
        "samples are overtaken by the next one",
        "arrival",
        lambda s, p: reordering(s.arrival, np.where(s.active, s.draws, 1.0), p["probability"]),
        {"probability": SHARE},
        draws="uniform",
    ),
    "omission": Mode(
        "samples are lost, singly or in bursts",
        "present",
        lambda s, p: s.present & ~omission(s.draws, p["probability"], p["burst"]),
        {"probability": replace(SHARE, default=1.0), "burst": BURST},
        draws="uniform",
    ),
    "clock_offset": Mode(
        "the sensor's clock is wrong",
        "stamp",
        lambda s, p: stamped_later(s.stamp, p["offset"]),
        {"offset": CLOCK},
    ),
    "clock_drift": Mode(
        "the sensor's clock runs at a wrong rate",
        "stamp",
        lambda s, p: stamped_later(s.stamp, drift(0.0, p["rate"], s.seconds())),
        {"rate": SKEW},
    ),
    "duplication": Mode("samples arrive twice", "added", _duplicated, {"probability": SHARE}, draws="uniform"),
    "replay": Mode("old messages, freshly stamped", "value", _stale, {"delay": DURATION}),
    "wrong_position": Mode("the sender says that it is elsewhere", "value", _shifted, {"offset": IN_UNIT}),
    "wrong_speed": Mode("the sender says that it is faster", "value", _shifted, {"offset": IN_UNIT}),
    "sybil": Mode(
        "a sender invents others, each `spacing` ahead of the one before",
        "added",
        _invented,
        {"count": COUNT, "spacing": IN_UNIT},
    ),
    "flooding": Mode("the newest message again and again, freshly stamped", "added", _flood, {"rate": FREQUENCY}),
}


@dataclass(frozen=True, slots=True)
class Failure:
    """A failure of one signal: its mode, the mode's parameters in SI, and when it acts. What it cannot be, it refuses.

    mode         a name in `MODES`
    parameters   by name, those of the mode; defaults are filled in
    onset        s since the start of the stretch; belongs to the failure
    duration     s, the end does not belong to the failure; inf: to the end of the stretch
    label        name for the log; the mode's, if empty
    Raises ValueError with every fault in it, one a line.
    """

    mode: str
    parameters: Mapping[str, float] = field(default_factory=dict)
    onset: float = 0.0
    duration: float = inf
    label: str = ""

    def __post_init__(self) -> None:
        wrong = list(self._faults())
        if wrong:
            raise ValueError("\n".join(wrong))
        defaults = {name: each.default for name, each in MODES[self.mode].parameters.items()}
        given = {name: float(found) for name, found in self.parameters.items()}
        object.__setattr__(self, "parameters", defaults | given)
        object.__setattr__(self, "label", self.label or self.mode)

    def drawn(self, generator: np.random.Generator, shape: int | tuple[int, ...]) -> Floats | None:
        """The random numbers that this failure needs for samples of `shape`; None if it needs none."""
        match MODES[self.mode].draws:
            case "uniform":
                return generator.random(shape)
            case "normal":
                return generator.standard_normal(shape)
            case "none":
                return None

    def _faults(self) -> Iterator[str]:
        if not (_number(self.onset) and 0.0 <= self.onset <= CENTURY):
            yield f"onset is a time from 0 s to a century, found {shown(self.onset)}"
        if not (_number(self.duration) and self.duration > 0.0):
            yield f"duration is a time above 0 s, found {shown(self.duration)}"
        if self.mode in list(MODES):
            yield from _wrong_parameters(self.mode, self.parameters)
        else:
            hint = suggestion(str(self.mode), MODES) or f"there are {', '.join(MODES)}"
            yield f"no failure mode is called {shown(self.mode)}; {hint}"


def _wrong_parameters(mode: str, given: Mapping[str, float]) -> Iterator[str]:
    known = MODES[mode].parameters
    lacking = {name for name, each in known.items() if each.default is None and name not in given}
    for name in [each for each in given if each not in known]:
        meant = nearest(str(name), known.keys() - given.keys())
        hint = f"did you mean `{meant}`?" if meant else f"it has {', '.join(known) or 'none'}"
        lacking -= {meant}  # misspelt, and not lacking as well
        yield f"{mode} has no parameter {shown(name)}; {hint}"
    for name, each in known.items():
        if name in lacking:
            yield f"{mode} needs `{name}`: {each.expected} ({each.unit})"
        elif name in given and not each.accepts(given[name]):
            yield f"{name} of {mode} is {each.expected} ({each.unit}), found {shown(given[name])}"
    if mode == "saturation":
        yield from _wrong_limits(given)


def _wrong_limits(given: Mapping[str, float]) -> Iterator[str]:
    low, high = given.get("low", -inf), given.get("high", inf)
    if not given:
        yield "saturation needs `low` or `high`, or both"
    elif _number(low) and _number(high) and low > high:
        yield f"high of saturation is at least `low`, which is {shown(low)}, found {shown(high)}"


@dataclass(frozen=True, slots=True)
class Doctored:
    """A stretch with a failure in it: arrays (..., sample), one element for each healthy sample, in its place.

    value     in the signal's unit; NaN where the sample does not come
    stamp     time of measurement as the sample tells it, ns
    arrival   time at which it comes, ns; not ascending where samples overtake each other
    present   it comes, and is not NaN
    changed   it differs from the healthy one, does not come, or comes at another time
    label     the same, or copies of it come besides: what a log tells about this sample
    added     the samples that have no healthy counterpart, as `duplication`, `sybil` and `flooding` add them
    """

    value: Floats
    stamp: Integers
    arrival: Integers
    present: Booleans
    changed: Booleans
    label: Booleans
    added: Arrivals

    def arrivals(self) -> Arrivals:
        """All samples that come, those added included, in the order in which they come; those lost are left out."""
        origin = np.flatnonzero(self.present)
        own = Arrivals(
            origin=origin,
            number=np.zeros(origin.size, dtype=np.int64),
            stamp=self.stamp.ravel()[origin],
            arrival=self.arrival.ravel()[origin],
            value=self.value.ravel()[origin],
            label=self.changed.ravel()[origin],
        )
        columns = {
            each.name: np.concatenate([getattr(own, each.name), getattr(self.added, each.name)])
            for each in fields(Arrivals)
        }
        order = np.argsort(columns["arrival"], kind="stable")
        return Arrivals(**{name: column[order] for name, column in columns.items()})


def injected(
    time: NDArray[Any],
    value: NDArray[Any],
    failure: Failure,
    draws: Floats | None = None,
    *,
    arrival: NDArray[Any] | None = None,
    other: NDArray[Any] | None = None,
    start: int | None = None,
) -> Doctored:
    """A recorded stretch with `failure` in it, and the label of every sample. All arrays broadcast to (..., sample).

        failure = Failure("noise", {"sigma": 2.0}, onset=60.0, duration=20.0)
        doctored = injected(time, value, failure, failure.drawn(generator, value.shape))

    time      of measurement, whole ns, ascending along the last axis
    value     in the signal's unit; NaN: lost, and lost it stays
    draws     as `failure.drawn` gives them
    arrival   ns, ascending; absent: samples come when they are measured
    other     what `swap` takes for the signal: the same quantity of another object
    start     ns, where the onset counts from; absent: the first sample of each stretch
    Outside of the failure's window, told by `time`, nothing is changed. Raises ValueError for arrays that do not fit,
    times that are not whole or run backwards, and draws or `other` that are needed and not there.
    """
    healthy = _stretch(time, value, failure, draws, arrival, other, start)
    mode = MODES[failure.mode]
    with np.errstate(invalid="ignore", over="ignore"):
        found = mode.formula(healthy, failure.parameters)
    if mode.subject != "added":
        found = np.where(healthy.active, found, getattr(healthy, mode.subject))
    return _compared(healthy, replace(healthy, **{mode.subject: found}))


def _compared(healthy: _Stretch, failing: _Stretch) -> Doctored:
    present = failing.present & ~np.isnan(failing.value)
    other = (failing.value != healthy.value) | (failing.stamp != healthy.stamp) | (failing.arrival != healthy.arrival)
    changed = healthy.present & (other | ~present)
    copied = np.zeros(healthy.value.size, dtype=bool)
    copied[failing.added.origin] = True
    return Doctored(
        value=np.where(present, failing.value, nan),
        stamp=failing.stamp,
        arrival=failing.arrival,
        present=present,
        changed=changed,
        label=changed | copied.reshape(changed.shape),
        added=failing.added,
    )


def _stretch(
    time: Any, value: Any, failure: Failure, draws: Any, arrival: Any, other: Any, start: int | None
) -> _Stretch:
    time = _ascending("time", time)
    arrival = time if arrival is None else _ascending("arrival", arrival)
    if draws is None and MODES[failure.mode].draws != "none":
        raise ValueError(f"{failure.mode} needs `draws`, as `failure.drawn` gives them")
    if other is None and failure.mode == "swap":
        raise ValueError("swap needs `other`, the same quantity of another object")
    draws, other = (nan if each is None else each for each in (draws, other))
    value, time, arrival, draws, other = np.broadcast_arrays(
        np.asarray(value, dtype=float), time, arrival, draws, other
    )
    onset = nanoseconds(failure.onset) + (time[..., :1] if start is None else start)
    elapsed = time - onset
    ends = elapsed < nanoseconds(failure.duration) if failure.duration < CENTURY else True
    return _Stretch(
        value=value,
        stamp=time,
        arrival=arrival,
        present=~np.isnan(value),
        elapsed=elapsed,
        active=(elapsed >= 0) & ends,
        duration=failure.duration,
        draws=draws,
        other=other,
    )


def _ascending(name: str, given: Any) -> Integers:
    """Times in ns (..., sample) that do not run backwards."""
    times = np.asarray(given)
    if times.ndim == 0 or not np.issubdtype(times.dtype, np.integer):
        raise ValueError(f"{name} is an array of whole ns along its last axis, found {times.dtype} {times.shape}")
    times = times.astype(np.int64)
    if (times < -FARTHEST).any():
        raise ValueError(f"{name} holds times that say that there was no measurement: leave those samples out")
    backwards = np.argwhere(np.diff(times, axis=-1) < 0)
    if len(backwards):
        raise ValueError(f"{name} runs backwards after sample {backwards[0][-1]}: sort the stretch by it first")
    return times
