"""What a device cannot give is said before the start, with what to add; and it is not given."""

import json

import pytest

from karyon.hil import reach
from karyon.hil.intake import Intake
from karyon.hil.message import Message
from karyon.hil.session import listen
from karyon.sim import scenario
from tests.hil.scripted import BASE, SECOND, SIGNALS, UNIX, Network
from tests.hil.test_network import bench_of, ran

BENCH = scenario.read("hil_bench")


def said(payloads, *settings):
    """What is said of devices that have sent these, by signal, with nothing known of their clocks."""
    loaded = scenario.read("hil_bench", settings) if settings else BENCH
    intake = Intake(loaded.scenario, loaded.design)
    drained = Network(1, 0).drain(-1, 0)
    drained.messages = [Message(BASE, f"karyon/1/1/{name}/m", payload) for name, payload in payloads.items()]
    listen(intake, drained, UNIX)
    function = loaded.design.function("acc")
    return list(reach.heard(intake, BASE)), list(reach.unreachable(function, intake, BASE))


def full(name, **fields):
    unit, usual, _ = SIGNALS[name]
    return json.dumps({"v": 1, "seq": 1, "val": [usual], "unit": [unit]} | fields).encode()


def test_full_measurements_leave_nothing_out_of_reach():
    assert said({name: full(name) for name in SIGNALS})[1] == []


def test_a_bare_number_leaves_a_level_out_of_reach():
    heard, why = said({name: full(name) for name in SIGNALS} | {"front.distance": b"23.4"})
    assert why == [
        "LoS 1 unreachable: front.distance is a bare number, validity at most 0.7 < 0.8: "
        'send JSON with its unit, for example {"v":1,"seq":1,"val":[23.4],"unit":["m"]}'
    ]
    assert "front.distance of car 1   karyon/1/1/front.distance/m   1 message, no clock known" in heard[0]


@pytest.mark.parametrize(
    ("fields", "setting", "reason"),
    [
        ({"q": "uncertain"}, "duration=9", "is doubted by its own device, validity at most 0.5 < 0.8"),
        ({"seq": None, "t": 9, "clk": "boot"}, "duration=9", "has no `seq`, validity at most 0.7 < 0.8"),
        ({"unit": None}, "duration=9", "has no unit, validity at most 0.7 < 0.8"),
        ({"a": 7}, "sensors.own.speed={from: mqtt, adapter: json, field: a}", "comes by the adapter json"),
    ],
)
def test_what_a_measurement_lacks_is_told(fields, setting, reason):
    _, (why,) = said({"own.speed": full("own.speed", **fields)}, setting)
    assert why.startswith(f"LoS 1 unreachable: own.speed {reason}")


def test_a_deviation_that_is_too_large_leaves_a_level_out_of_reach():
    _, why = said({"own.speed": full("own.speed", sigma=[0.2])})
    assert why == ["LoS 1 unreachable: own.speed has sigma 0.2, validity at most 0.31 < 0.8"]


def test_an_age_that_cannot_be_promised_leaves_a_level_out_of_reach():
    _, why = said({"own.speed": full("own.speed")}, "sensors.own.speed={from: mqtt, delay_bound: 300 ms}")
    assert why == [
        "LoS 1 unreachable: own.speed may be 350 ms old, and its period and delay bound are 400 ms: "
        "answer pings on karyon/1/1/own.speed/clock/ping, or send more often"
    ]


def test_what_is_refused_is_told():
    heard, _ = said({"own.speed": b"on"})
    assert heard[2].endswith("refused so far: 1 neither a measurement in JSON nor a number")
    assert heard[0].endswith("nothing heard yet")


class Bare(Network):
    """Devices that send the number and nothing else."""

    def _measure(self, device, signal, now):
        _, usual, noise = SIGNALS[signal]
        value = usual + noise * device.random.standard_normal()
        self._fly(now, f"karyon/1/{device.number}/{signal}/m", f"{value:.3f}".encode(), False, device, signal, now)


@pytest.mark.parametrize(("network", "reached"), [(Network, 1), (Bare, 0)])
def test_a_level_that_is_out_of_reach_is_not_reached(network, reached, tmp_path):
    """By the same devices, quiet for as long."""
    network = network(1, 0)
    network.devices[0].begins = network.devices[0].ends = 10**6 * SECOND
    watch, _, _ = ran(bench_of(1, 5, tmp_path), network)
    assert max(int(level[0]) for level in watch.levels) == reached
