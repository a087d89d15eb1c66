"""Types of fields: what they read, what they call themselves, and what they write."""

from decimal import Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, ValidationError

from karyon.sim import units
from karyon.sim.units import Count, InSignalUnit, Metres, MetresPerSecond, Period, Row, Seconds, Section, Share, Switch


class Car(Section):
    """One field of each type."""

    lag: Seconds = Field(default=0.2, ge=0.001, le=5, description="time constant")
    length: Metres = Field(default=4.5, gt=0, le=30, description="bumper to bumper")
    speed: MetresPerSecond | None = Field(default=None, ge=0, le=120, description="at the start")
    period: Period = Field(default=0.1, description="of its radio")
    loss: Share = Field(default=0.0, description="of its messages")
    seats: Count = Field(default=4, ge=1, le=9, description="places to sit")
    automatic: Switch = Field(default=True, description="drives itself")
    error: InSignalUnit = Field(default=0.0, ge=-9, le=9, description="of its radar")


@pytest.mark.parametrize(
    ("text", "metres_per_second"),
    [("36 km/h", 10.0), ("10 m/s", 10.0), ("10", 10.0), (10, 10.0), ("1e1m/s", 10.0), (" .5 m/s ", 0.5), (0.5, 0.5)],
)
def test_a_speed_is_read_in_metres_per_second(text, metres_per_second):
    """A unit behind the number is converted; a bare number is in SI."""
    assert Car(speed=text).speed == metres_per_second


@given(st.integers(1, 10_000))
def test_milliseconds_are_rounded_once(milliseconds):
    """300 ms is the float nearest to 0.3, not 300 * 0.001."""
    with localcontext(prec=50):
        assert Car(period=f"{milliseconds} ms").period == float(Decimal(milliseconds) / 1000)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("lag", "0.2 m"),
        ("lag", "0.2 parsec"),
        ("lag", "1_0 s"),
        ("lag", "٣ s"),
        ("lag", "nan"),
        ("lag", "1e309 s"),
        ("lag", float("inf")),
        ("lag", 10**400),
        ("lag", True),
        ("lag", None),
        ("lag", [1]),
        ("lag", "0.0009 s"),
        ("lag", "5.001 s"),
        ("length", 0),
        ("period", "0.5 ms"),
        ("period", "10.001 s"),
        ("period", 0),
        ("loss", 1.001),
        ("seats", 2.0),
        ("seats", "2"),
        ("seats", False),
        ("seats", 10),
        ("automatic", "yes"),
        ("automatic", 1),
    ],
)
def test_what_is_no_such_quantity_is_refused(field, value):
    """Nothing is guessed: not a unit, not a truth value, not a number outside the range."""
    with pytest.raises(ValidationError):
        Car.model_validate({field: value})


@given(st.floats(0.001, 5))
def test_a_number_is_written_as_it_was_read(lag):
    """What is written is read as the same bits."""
    written = Car(lag=lag).model_dump(mode="json")
    assert Car.model_validate(written).lag == lag


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("lag", "a time from 0.001 to 5 s"),
        ("length", "a length above 0 m, at most 30 m"),
        ("speed", "a speed from 0 to 120 m/s"),
        ("period", "a period of whole milliseconds above 0 s, at most 10 s"),
        ("loss", "a share from 0 to 1"),
        ("seats", "a whole number from 1 to 9"),
        ("automatic", ""),
    ],
)
def test_a_field_says_what_it_takes(field, expected):
    """The words come from the row of the field."""
    assert units.expected(Row.of_field(Car.model_fields[field]).metadata) == expected


def test_the_context_names_the_unit_of_a_signal():
    """The parameter of a fault is in the unit of the signal that it befalls."""
    assert Car.model_validate({"error": "3.6 km/h"}, context={units.SIGNAL: "m/s"}).error == 1.0
    with pytest.raises(ValidationError):
        Car.model_validate({"error": "3.6 km/h"}, context={units.SIGNAL: "m"})


def test_a_row_has_neither_annotated_nor_none_around_its_type():
    """The type, and beside it what was said of it."""
    row = Row.of_field(Car.model_fields["speed"])
    assert (row.annotation, row.optional, row.description) == (float, True, "at the start")
