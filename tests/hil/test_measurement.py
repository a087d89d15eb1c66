"""What a payload is taken for, whatever its bytes are."""

import json
from math import inf, isfinite, nan

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from karyon.hil.measurement import BARE, LONGEST, Clock, Meaning, Measurement, Reason, decode

METRES = Meaning("m", "cm")
WHOLE = {"v": 1, "seq": 7, "t": 17, "clk": "unix", "val": [23.4], "unit": ["m"], "sigma": [0.1], "q": "ok"}


def decoded(**changes):
    return decode(json.dumps(WHOLE | changes).encode(), METRES)


def test_a_measurement_says_all_of_itself():
    """The example of the interface."""
    assert decoded() == Measurement(23.4, 7, 17, Clock.UNIX, 0.1, 1.0)


def test_a_bare_number_is_in_the_unit_of_the_scenario_and_trusted_less():
    assert decode(b" 250\n", METRES) == Measurement(2.5, most_valid=BARE)


def test_a_number_without_its_unit_is_trusted_no_more_than_a_bare_one():
    found = decode(b'{"v":1,"val":250}', METRES)
    assert (found.value, found.most_valid) == (2.5, BARE)


def test_what_is_measured_times_the_scale_is_the_signal():
    """A desk sensor stands for a road."""
    found = decode(b'{"v":1,"val":[30],"unit":["cm"],"sigma":[0.5]}', Meaning("m", "m", 50.0))
    assert (found.value, found.sigma) == (15.0, 0.25)


@pytest.mark.parametrize("quality", ["bad", "no echo", "", "OK"])
def test_what_its_device_does_not_call_ok_has_no_value(quality):
    assert decoded(q=quality).value is None


def test_no_echo_is_no_value_and_not_0():
    assert decoded(val=[None]).value is None


def test_what_its_device_calls_uncertain_is_worth_half():
    assert decoded(q="uncertain").most_valid == 0.5


def test_a_time_stamp_of_0_is_none():
    assert decoded(t=0).time is None


def test_a_negative_deviation_is_an_infinite_one():
    assert decoded(sigma=[-0.1]).sigma == inf


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", Reason.TEXT),
        (b"on", Reason.TEXT),
        (b"\xff\xfe2\x003\x00", Reason.TEXT),
        (b'{"v":1,"val":[1],"unit":["m"],"note":"\xff"}', Reason.TEXT),
        (b"nan", Reason.NUMBER),
        (b"-inf", Reason.NUMBER),
        (b"1e999", Reason.NUMBER),
        (b"1_000", Reason.NUMBER),
        (b"[23.4]", Reason.TEXT),
        (b"{" * 4000, Reason.TEXT),
        (b'{"a":' * 800, Reason.TEXT),
        (b"1" * (LONGEST + 1), Reason.SIZE),
        (b"0" * 10_000_000, Reason.SIZE),
        (b'{"v":2,"val":[1],"unit":["m"]}', Reason.VERSION),
        (b'{"val":[1],"unit":["m"]}', Reason.TEXT),
        (b'{"v":1,"val":[1],"unit":["s"]}', Reason.UNIT),
        (b'{"v":1,"val":[1],"unit":["furlong"]}', Reason.UNIT),
        (b'{"v":1,"val":[],"unit":["m"]}', Reason.TEXT),
        (b'{"v":1,"val":["1"],"unit":["m"]}', Reason.TEXT),
        (b'{"v":1,"val":[true],"unit":["m"]}', Reason.TEXT),
        (b'{"v":1,"val":[NaN],"unit":["m"]}', Reason.TEXT),
        (b'{"v":1,"val":[1e308],"unit":["km"]}', Reason.NUMBER),
        (b'{"v":1,"seq":-1,"val":[1],"unit":["m"]}', Reason.TEXT),
        (b'{"v":1,"seq":1.5,"val":[1],"unit":["m"]}', Reason.TEXT),
        (b'{"v":1,"t":99999999999999999999999,"val":[1],"unit":["m"]}', Reason.TEXT),
        (b'{"v":1,"clk":"gps","val":[1],"unit":["m"]}', Reason.TEXT),
    ],
    ids=lambda given: repr(given)[:40] if isinstance(given, bytes) else given.name,
)
def test_what_is_no_measurement_is_refused_with_its_reason(payload, reason):
    assert decode(payload, METRES) is reason


NUMBERS = st.one_of(st.floats(), st.integers(), st.sampled_from([nan, inf, -inf, 1e308, 2**63, -(2**70)]))
ANYTHING = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, st.text(max_size=8)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=5), inner, max_size=4)),
    max_leaves=8,
)
FIELDS = st.fixed_dictionaries({}, optional={name: st.one_of(st.just(WHOLE[name]), ANYTHING) for name in WHOLE})
PAYLOADS = st.one_of(
    st.binary(max_size=200),
    NUMBERS.map(lambda number: str(number).encode()),
    FIELDS.map(lambda fields: json.dumps(fields).encode()),
    st.tuples(FIELDS, st.integers(0, 120), st.binary(min_size=1, max_size=3)).map(
        lambda cut: json.dumps(cut[0]).encode()[: cut[1]] + cut[2]
    ),
)


@given(payload=PAYLOADS)
@example(payload=b'{"v":1,"val":[1.0],"unit":"m","sigma":[null]}')
def test_no_payload_raises_and_none_is_worth_more_than_it_says(payload):
    """Whatever comes, its value is finite or there is none, and full trust is only in a unit and `ok`."""
    found = decode(payload, METRES)
    if isinstance(found, Reason):
        return
    assert found.value is None or isfinite(found.value)
    assert 0.0 <= found.most_valid <= 1.0
    if found.value is not None and found.most_valid > BARE:
        said = json.loads(payload)
        assert (said["v"], said.get("q", "ok")) == (1, "ok")
        assert said["unit"]
