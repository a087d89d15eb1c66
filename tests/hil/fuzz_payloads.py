"""A million payloads for all that reads them: `python -m tests.hil.fuzz_payloads [COUNT [SEED]]`. Not in the suite.

Half are drawn by hypothesis's strategies of the suite, half are these with bytes changed, cut and joined. None may
raise; a value is finite, or there is none; none is worth more than its own words allow; and no level is reached by a
bench that has heard nothing else.

    pip install atheris && python -m tests.hil.fuzz_payloads --atheris -max_total_time=300

lets atheris look for bytes that do, led by what they reach in the program.
"""

import json
import os
import random
import sys
import time
import warnings
from collections import Counter
from math import isfinite

from karyon.hil.adapters import reader
from karyon.hil.intake import Intake
from karyon.hil.measurement import BARE, Meaning, Measurement
from karyon.hil.message import Message
from karyon.sim import scenario
from tests.hil.test_intake import BASE, UNIX, nothing

ADAPTERS = {  # field and stamp
    "json": ("a.x", "t"),
    "esphome": (None, None),
    "owntracks": (None, None),
    "sensor_logger": ("a.x", None),
    "phyphox": ("a", None),
    "nmea": (None, None),
}
READERS = {None: reader(None, None, None, Meaning("m/s", "m/s"))} | {
    name: reader(name, *where, Meaning("m/s", "m/s")) for name, where in ADAPTERS.items()
}
SEEDS = (
    b'{"v":1,"seq":7,"t":17,"clk":"unix","val":[23.4],"unit":["m/s"],"sigma":[0.1],"q":"ok"}',
    b'{"v":1,"id":17,"t1":1,"t2":2,"t3":3}',
    b'{"a":{"x":7},"t":1585673980}',
    b'{"_type":"location","tst":1440396651,"acc":10,"vel":36}',
    b'{"messageId":3,"payload":[{"name":"a","time":"5","values":{"x":1}}]}',
    b'{"a":{"buffer":[1,2.5]}}',
    b"$GPRMC,225446.50,A,4916.45,N,12311.12,W,000.5,054.7,191194,020.3,E*43",
    b"23.4",
    b"nan",
)


def check(payload):
    """What a payload is by each reader; how many took a value from it."""
    taken = 0
    for name, read in READERS.items():
        found = read(payload)
        if not isinstance(found, Measurement) or found.value is None:
            continue
        taken += 1
        assert isfinite(found.value), (name, payload)
        assert 0.0 <= found.most_valid <= (1.0 if name in (None, "esphome") else BARE), (name, payload)
        if found.most_valid > BARE:
            said = json.loads(payload)
            assert (said["v"], said.get("q", "ok"), bool(said["unit"])) == (1, "ok", True), payload
            assert said["seq"] >= 0, payload
    return taken


class Heard:
    """Benches with all adapters, on whose topics nothing but payloads arrives, one a ms on each."""

    def __init__(self):
        self.intakes = [_intake("sensors.own.speed={from: mqtt}")]
        for name, (field, stamp) in ADAPTERS.items():
            at = "".join(f", {key}: {path}" for key, path in (("field", field), ("stamp", stamp)) if path)
            self.intakes.append(_intake(f"sensors.own.speed={{from: mqtt, adapter: {name}{at}}}"))
        self._own, self._count = [nothing() for _ in self.intakes], 0

    def hear(self, payload):
        self._count += 1
        for intake, own in zip(self.intakes, self._own, strict=True):
            topics = list(intake.topics)
            topic, at = topics[self._count % len(topics)], BASE + self._count * 1_000_000
            intake.take([Message(at, topic, payload)], own, BASE, UNIX)
            assert ((intake.most_valid >= 0.0) & (intake.most_valid <= 1.0)).all(), payload
            assert (own.time <= at - BASE).all(), payload


def _intake(setting):
    loaded = scenario.read("hil_bench", [setting])
    return Intake(loaded.scenario, loaded.design)


def changed(chance, payload):
    """The payload with some bytes changed, cut, doubled, or joined with those of another."""
    data = bytearray(payload)
    for _ in range(chance.randint(1, 4)):
        place = chance.randrange(len(data) + 1)
        match chance.randrange(5):
            case 0:
                data[place : place + 1] = chance.randbytes(1)
            case 1:
                del data[place : place + chance.randint(1, 8)]
            case 2:
                data[place:place] = data[: chance.randint(0, 16)]
            case 3:
                data[place:place] = chance.choice((b"1e999", b"-0", b"null", b"NaN", b"\xff", b"[[", b'"', b"9" * 40))
            case _:
                other = chance.choice(SEEDS)
                data = data[:place] + other[chance.randrange(len(other)) :]
    return bytes(data)


def main(count, seed):
    from hypothesis import HealthCheck, Phase, given, settings
    from hypothesis import seed as seeded

    from tests.hil.test_measurement import PAYLOADS

    chance, heard, taken, began = random.Random(seed), Heard(), Counter(), time.monotonic()

    def one(payload):
        taken[check(payload) > 0] += 1
        heard.hear(payload)

    drawn = min(count // 20, 50_000)
    warnings.simplefilter("ignore")

    @seeded(seed)
    @settings(
        max_examples=drawn, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=[*HealthCheck]
    )
    @given(PAYLOADS)
    def by_hypothesis(payload):
        one(payload)
        if len(kept) < 5_000:
            kept.append(payload)

    kept = list(SEEDS)
    by_hypothesis()
    while taken.total() < count:
        one(changed(chance, chance.choice(kept if chance.random() < 0.5 else SEEDS)))
    print(f"{taken.total()} payloads in {time.monotonic() - began:.0f} s: {taken[True]} gave a value to some reader")
    for intake in heard.intakes:
        print(f"a bench heard {intake.messages}, refused {intake.refused()}")


def with_atheris(arguments):
    import atheris

    import karyon.hil.adapters
    import karyon.hil.intake
    import karyon.hil.measurement

    for module in (karyon.hil.adapters, karyon.hil.intake, karyon.hil.measurement):
        for thing in vars(module).values():
            if getattr(thing, "__module__", None) == module.__name__ and callable(thing) and hasattr(thing, "__code__"):
                thing.__code__ = atheris.instrument_func(thing).__code__
    heard = Heard()

    def one(payload):
        check(payload)
        heard.hear(payload)

    corpus = os.path.join(os.environ.get("TMPDIR", "/tmp"), "karyon-payloads")  # noqa: PTH118
    os.makedirs(corpus, exist_ok=True)  # noqa: PTH103
    for number, payload in enumerate(SEEDS):
        with open(os.path.join(corpus, f"seed{number}"), "wb") as file:  # noqa: PTH118, PTH123
            file.write(payload)
    atheris.Setup([sys.argv[0], *arguments, corpus], one)
    atheris.Fuzz()


if __name__ == "__main__":
    if "--atheris" in sys.argv:
        with_atheris([each for each in sys.argv[1:] if each != "--atheris"])
    else:
        given_numbers = [int(each) for each in sys.argv[1:]]
        main(*given_numbers, *(1_000_000, 0)[len(given_numbers) :])
