"""What is not simulated: signals of real devices, and the seam through which they enter a simulation.

A scenario says of a sensor `from: mqtt`, and such a signal has no true value. What depends on it is either derived from
it or absent, never simulated beside it. All followers are then in shadow mode: the kernel judges, the commands move
nothing, nobody is heard, and what cannot be judged (collisions, distances) is not judged.

The leader may have a driver that is real: a device says its acceleration, and the rest is simulated and judged as ever.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, Protocol, Self

import numpy as np
import simpy
from numpy.typing import NDArray
from pydantic import AfterValidator, Field, model_validator

from karyon.kernel import quantities
from karyon.perception.following import ACCELERATION, DISTANCE, OWN, POSITION, RELATIVE, SPEED
from karyon.perception.sensors import Samples
from karyon.sim.own_classes import Kind
from karyon.sim.units import Factor, Seconds, Section, Text, contradiction, refusal

Booleans = NDArray[np.bool_]
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

UNITS = ("m", "m/s", "m/s", "m/s2", "m")  # of the signals in the order of `OWN`
VEHICLE = "{vehicle}"  # what stands in a topic for the index of the vehicle
RATE_OF = {RELATIVE: DISTANCE, ACCELERATION: SPEED}  # signals that are the rate of another
DERIVED = "derived"
WITH_FIELD = ("json", "sensor_logger", "phyphox")  # adapters that need one
ADAPTER = Kind("adapter", "docs/test_bench.md", built_in=(*WITH_FIELD, "esphome", "owntracks", "nmea"))


class Outside(Protocol):
    """Whose time it is, and where samples come from that are not simulated."""

    @property
    def env(self) -> simpy.Environment:
        """The clock: SimPy's, in real time or not."""

    @property
    def most_valid(self) -> Floats:
        """How much samples of these sources can be worth at most (signal, row)."""

    @property
    def is_late(self) -> bool:
        """This cycle began so late that what it does is not in time: all components count as down."""

    @property
    def steering(self) -> float | None:
        """What the driver of the leader asks for, m/s²; None: it has none that is real."""

    def take(self, now: int, own: Samples) -> Booleans:
        """Put what has come since the last look in place of simulated samples (changed in place).

        Returns which signals were due at `now` (ns) and have not come, or have come (signal, row).
        """

    def decided(self, now: int, level: Integers) -> None:
        """The kernel has decided at `now` (ns); `level` (row,)."""

    def refused(self) -> Mapping[tuple[int, str, str], int]:
        """How many measurements were refused so far, by row, reason, and that in words."""

    def summary(self) -> Mapping[str, Any]:
        """What it adds to `metrics`."""

    def warnings(self) -> Sequence[str]:
        """What of it was never heard, and should have been."""


def _checked(path: str) -> str:
    if wrong := ADAPTER.unusable(path):
        raise contradiction(*wrong)
    return path


def _is_topic(topic: str) -> str:
    if set(topic) & set("+#\0") or topic.startswith("$"):
        raise contradiction("is no topic of one device: that has no +, # or NUL, and does not begin with $")
    return topic


class Origin(Section):
    """Where a signal comes from, if it is not simulated."""

    origin: Literal["mqtt", "derived", "absent"] | None = Field(
        default=None,
        alias="from",
        description="mqtt: a real device; derived: from real distances; absent: it has none; simulated if not given",
    )
    topic: Annotated[Text, AfterValidator(_is_topic)] | None = Field(
        default=None, description="MQTT topic, {vehicle} stands for its index [karyon/1/{vehicle}/SIGNAL/m]"
    )
    unit: Text | None = Field(default=None, description="unit of bare numbers, SI if absent")
    adapter: Annotated[Text, AfterValidator(_checked)] | None = Field(
        default=None, description="of devices with a format of their own, or `module:Class` for one that is yours"
    )
    field: Text | None = Field(default=None, description="where in a message the adapter finds the number")
    stamp: Text | None = Field(
        default=None, description="where the adapter `json` finds when it was measured, in s from 1970"
    )
    scale: Factor = Field(default=1.0, gt=0, le=10_000, description="what is measured times this is the signal")
    delay_bound: Seconds = Field(
        default=0.1, ge=0, le=10, description="longest way to the bench of what has no clock to go by"
    )


class Driver(Origin):
    """A real device that drives the leader: what it measures is the acceleration."""

    origin: Literal["mqtt"] = Field(alias="from", description="mqtt: a real device")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        wrong = [((name,), said) for name, said in _misfits(self, UNITS[ACCELERATION])]
        if wrong:
            raise refusal(*wrong)
        return self


ALONE = tuple(name for name in Origin.model_fields if name != "origin")  # fields that only go with `from: mqtt`


def is_real(sensors: Any) -> Booleans:
    """Which signals of `scenario.sensors` are not simulated (signal,)."""
    return np.array([sensors[name].origin is not None for name in OWN])


def is_bench(sensors: Any) -> bool:
    """Whether any signal comes from a real device."""
    return any(sensors[name].origin == "mqtt" for name in OWN)


def is_real_time(scenario: Any) -> bool:
    """Whether a scenario needs real devices: for a signal, or to drive the leader."""
    return is_bench(scenario.sensors) or scenario.leader.driver is not None


def are_bound(sensors: Any) -> Any:
    """`sensors` themselves, if it fits together what is real and what is not."""
    wrong: list[tuple[tuple[str, ...], Any]] = []
    for signal, name in enumerate(OWN):
        one = sensors[name]
        wrong += [((name, field), said) for field, said in _misfits(one, UNITS[signal])]
        if one.origin == DERIVED and (signal != RELATIVE or sensors[OWN[DISTANCE]].origin != "mqtt"):
            said = contradiction("is `derived`: only front.relative_speed is, from a front.distance `from: mqtt`")
            wrong.append(((name, "from"), said))
        measured = RATE_OF.get(signal, SPEED if signal == POSITION else None)
        if one.origin is None and measured is not None and sensors[OWN[measured]].origin == "mqtt":
            instead = DERIVED if signal == RELATIVE else "absent"
            hint = f"write `from: mqtt` or `from: {instead}`"
            said = contradiction(f"is simulated beside a real {OWN[measured]}", hint)
            wrong.append(((name,), said))
        if one.origin not in (None, "mqtt") and not is_bench(sensors):
            wrong.append(((name, "from"), contradiction("says that a signal is not simulated, and none is from mqtt")))
    if wrong:
        raise refusal(*wrong)
    return sensors


def _misfits(one: Origin, unit: str) -> Iterator[tuple[str, Any]]:
    """Fields of an origin that do not go together, with what is wrong; the signal is in `unit`."""
    if one.origin != "mqtt":
        for field in ALONE:
            if field in one.model_fields_set:
                yield field, contradiction("goes with `from: mqtt`")
    if (one.field is not None) != (one.adapter in WITH_FIELD):
        said = contradiction(f"goes with an adapter that needs one, and that with it: {', '.join(WITH_FIELD)}")
        yield "field" if one.field is not None else "adapter", said
    if one.adapter == "sensor_logger" and one.field is not None and "." not in one.field:
        yield "field", contradiction("has no axis, as in accelerometer.x")
    if one.stamp is not None and one.adapter != "json":
        yield "stamp", contradiction("goes with `adapter: json`")
    if one.origin == "mqtt" and one.unit is not None and (wrong := _wrong_unit(one.unit, unit)):
        yield "unit", wrong


def _wrong_unit(unit: str, expected: str) -> Any:
    try:
        quantities.to_si("1", unit, expected)
    except quantities.QuantityError as error:
        return contradiction(f"does not fit: {error}", error.hint)
    return None
