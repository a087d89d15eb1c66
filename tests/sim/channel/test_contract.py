"""What every radio model keeps, ours and the one in the manual; and that breaking it is noticed."""

import sys
from functools import partial

import numpy as np
import pytest

from karyon.sim.channel import LinkModel, contract, fields, models, own, replay, tdma
from karyon.sim.documents import InputError
from karyon.sim.run import simulate
from karyon.sim.scenario import read
from tests.blocks import files

TRACE = replay.Delays(np.arange(20) * 0.055, np.linspace(0.01, 2.0, 20))
OURS = {
    "independent": partial(models.Independent, share=0.3),
    "fading": partial(models.Fading, settings=fields.Fading()),
    "bursts": partial(models.Bursts, settings=fields.Bursts(loss=0.3, length=4)),
    "load": partial(models.Load, settings=fields.Load(others=50), period=0.1),
    "overload": partial(models.Load, settings=fields.Load(others=5000), period=0.1),
    "latency": partial(models.Latency, settings=fields.Jitter(mean=0.05)),
    "jamming": partial(models.Jamming, periods=[fields.Jamming(start=1, end=3, place=0.0, range=100.0)]),
    "delays": partial(replay.ReplayedDelays, trace=TRACE),
    "losses": partial(replay.ReplayedLosses, trace=np.arange(20) % 3 == 0),
}


@pytest.mark.parametrize("name", OURS)
def test_our_models_keep_what_a_model_has_to_keep(name):
    assert contract.broken(OURS[name]) == []


def test_slots_keep_it_among_everyone():
    """They are asked for links of everyone alone."""
    slots = partial(tdma.Slots, settings=fields.Tdma(slots=8), period=0.1)
    assert list(contract.broken(slots, among=[contract.Links.everyone])) == []


def test_no_model_of_ours_is_left_out():
    tried = {factory.func for factory in OURS.values()} | {tdma.Slots}
    assert {each for each in LinkModel.__subclasses__() if each.__module__.startswith("karyon.")} == tried


class Shared(LinkModel):
    """Draws of a generator that all runs share."""

    rng = np.random.default_rng(1)

    def loss(self, air):
        return self.rng.random(air.distance.shape)


class Mean(LinkModel):
    """A run feels the others in its batch."""

    def loss(self, air):
        return np.full(
            air.distance.shape, 0.5 + 0.5 * np.tanh(np.mean(air.now + self.uniform())) * 0.1 / self.links.runs
        )


class Sure(LinkModel):
    """More than certain."""

    def loss(self, air):
        return np.full(air.distance.shape, 1.5)


class Unknown(LinkModel):
    """No number far away."""

    def loss(self, air):
        return np.where(air.distance < 100.0, 0.0, np.nan)


class Early(LinkModel):
    """Arrives before it is sent."""

    def delay(self, air):
        return -0.1 * np.ones(air.distance.shape)


class Single(LinkModel):
    """One answer for all."""

    def loss(self, air):
        return 0.1


class Raising(LinkModel):
    """Not for a car that stands where another does."""

    def loss(self, air):
        if not (air.distance > 0.0).all():
            raise RuntimeError("too near")
        return np.zeros(air.distance.shape)


@pytest.mark.parametrize(
    ("model", "breach"),
    [
        (Shared, "answers the same transmissions in two ways"),
        (Mean, "answers otherwise for a run alone than in a batch"),
        (Sure, "answers a loss that is no probability from 0 to 1"),
        (Unknown, "answers a loss that is no probability from 0 to 1"),
        (Early, "answers a delay that is not finite, or below 0 s"),
        (Single, "raises ValueError: an answer of shape () for 12 links"),
        (Raising, "raises RuntimeError: too near"),
    ],
)
def test_a_breach_is_told(model, breach):
    assert breach in contract.broken(model)


@pytest.fixture
def example(tmp_path, monkeypatch):
    """The manual's example as the user's own module, in the current folder."""
    (tmp_path / "my_radio.py").write_text(files("radio.md")["my_radio.py"], "utf-8")
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    sys.modules.pop("my_radio", None)


def test_the_example_of_the_manual_keeps_it_and_drives(example):
    """In the tunnel that it makes up nothing of the car ahead is heard."""
    assert own.checked("my_radio:Tunnel") == "my_radio:Tunnel"
    (result,) = simulate([read("platoon", ["duration=40", "radio.model=my_radio:Tunnel"], 7)], [None])
    levels = [(event["from"], event["to"]) for event in result.events if event["kind"] == "los" and event["time"] > 10]
    assert (3, 2) in levels or (3, 1) in levels
    assert result.summary["collisions"] == 0
    assert 0.5 < result.summary["metrics"]["delivery_ratio"] < 0.95


def test_independent_loss_takes_the_place_of_the_losses_of_a_model(example):
    loaded = read("platoon", ["duration=5", "radio.model=my_radio:Tunnel", "radio.loss=0"], 7)
    assert "radio.loss 0 takes the place of radio.model" in loaded.warnings
    (result,) = simulate([loaded], [None])
    assert result.summary["metrics"]["delivery_ratio"] == 1.0


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("my_radio", "radio.model names no model: my_radio"),
        ("my_radio", "--set radio.model=my_radio\n     |                   ^^^^^^^^ write `module:Class`"),
        ("my_radio:Tunel", "radio.model names `Tunel`, which my_radio has not"),
        ("my_radio:Tunel", "did you mean `Tunnel`?"),
        ("my_radio:np", "names `np`, which is no LinkModel"),
        ("my_rdio:Tunnel", "radio.model cannot be loaded: No module named 'my_rdio'"),
        ("bad:Sure", "breaks what a model has to keep: it answers a loss that is no probability from 0 to 1"),
    ],
)  # fmt: skip
def test_a_model_that_cannot_be_used_is_refused_where_it_is_named(example, path, said):
    (example / "bad.py").write_text(
        "from karyon.sim.channel import LinkModel\n\n\nclass Sure(LinkModel):\n"
        "    def loss(self, air):\n        return air.distance * 0.0 + 1.5\n",
        "utf-8",
    )
    with pytest.raises(InputError) as error:
        read("platoon", [f"radio.model={path}"])
    assert said in str(error.value)
    sys.modules.pop("bad", None)
