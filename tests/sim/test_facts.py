"""What the simulation tells the kernel straight is what the kernel takes from anybody."""

from dataclasses import replace

import numpy as np
import pytest

from karyon import compiled
from karyon.kernel import Kernel
from karyon.perception.following import OWN, Seen
from karyon.perception.received import MESSAGE, Told
from karyon.sim.facts import Facts
from karyon.sim.scenario import read

ROWS, OFFSET = 5, 0.002


def told(rng, fields):
    spread = np.broadcast_to(rng.random((fields, 1)), (fields, ROWS))
    return Told(rng.random((fields, ROWS)), spread, rng.integers(0, 9, ROWS), rng.random(ROWS) < 0.5, rng.random(ROWS))


def signals_less(design, names):
    return replace(design, functions=(), signals=tuple(each for each in design.signals if each.name not in names))


@pytest.mark.parametrize(
    ("missing", "is_compiled"),
    [
        ((), False),
        (("own.speed",), False),
        (("lead.message",), False),
        (("lead.message.speed", "own.position"), False),
        (("lead.message.speed", "platoon.leader.message"), True),
    ],
)
def test_it_is_what_the_kernel_would_take(missing, is_compiled):
    """Whatever signals a design declares; twice, so that what is told once is there still."""
    design, rng = signals_less(read("platoon").design, missing), np.random.default_rng(3)
    straight, asked = Kernel(design, ROWS).seen, Kernel(design, ROWS).seen
    senders = ("lead.message", "platoon.leader.message")
    facts, spread = Facts(straight, senders, OFFSET), np.broadcast_to(rng.random((5, 1)), (5, ROWS))
    if is_compiled:
        pytest.importorskip("numba")
        facts.quicken(compiled.in_place)
    of = {sender: told(rng, len(MESSAGE)) for sender in senders}
    for now in (1, 2):
        shape = len(OWN), ROWS
        value, time, validity = rng.random(shape), rng.integers(0, 9, shape), rng.random(shape)
        seen = Seen(value, time, time > 3, validity, spread, of[senders[0]], *3 * [value[0]])
        asked.see_all(OWN, value, time, validity, spread)
        for sender, said in of.items():
            said.value[:] = rng.random(said.value.shape)
            time, validity = (np.broadcast_to(each, said.value.shape) for each in (said.time, said.validity))
            names = [f"{sender}.{field}" for field in MESSAGE]
            asked.see_all(names, said.value, time, validity, said.spread, OFFSET)
            asked.see(sender, said.value[0], said.time, said.validity, 0.0, OFFSET)
        running = rng.random(ROWS) < 0.5
        facts.tell(now, seen, [*of.values()], listening=running)
        facts.beat(now, None)
        for component, where in (("perception", True), ("radio", running), ("control", True)):
            asked.beat(component, now, where)
        for name in ("value", "time", "validity", "spread", "clock_offset", "beats"):
            assert np.array_equal(getattr(straight, name), getattr(asked, name), equal_nan=True), name
    assert np.isfinite(straight.value).any()
