"""The models that a scenario chooses, made ready for the links of a batch of runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from karyon.perception.sensors import nanoseconds
from karyon.sim.channel import models, own, replay
from karyon.sim.channel.fields import Radio
from karyon.sim.channel.links import LinkModel, Links
from karyon.sim.channel.tdma import Slots


@dataclass(frozen=True, slots=True, eq=False)
class Chosen:
    """What loses messages and what delays them, in the order in which they are asked; slots, where there are some.

    latency   ns that every message takes at least
    """

    losing: tuple[LinkModel, ...]
    delaying: tuple[LinkModel, ...]
    slots: Slots | None
    latency: int


def needs_everyone(radio: Radio) -> bool:
    """Whether a model must know what everyone hears of everyone, where only cars ahead are listened to, too."""
    return radio.tdma is not None and radio.loss is None


def chosen(radio: Radio, links: Links, seeds: Sequence[int]) -> Chosen:
    """The models of a scenario. Raises RecordingError for a trace that cannot be used."""
    delays, losses = replay.traces(radio.replay)
    slots = Slots(links, seeds, radio.tdma, radio.period) if radio.tdma is not None and radio.loss is None else None
    of_user = () if radio.model is None else (own.model(radio.model)(links, seeds),)
    losing: list[LinkModel] = list(_losing(radio, links, seeds))
    if radio.loss is None:
        losing += [*([] if losses is None else [replay.ReplayedLosses(links, seeds, losses)]), *of_user]
        losing += [] if slots is None else [slots]
    if radio.jamming:
        losing.append(models.Jamming(links, seeds, radio.jamming))
    delaying: list[LinkModel] = [*of_user, *([] if slots is None else [slots])]
    if radio.jitter is not None:
        delaying.append(models.Latency(links, seeds, radio.jitter))
    if delays is None:
        return Chosen(tuple(losing), tuple(delaying), slots, nanoseconds(radio.latency))
    replayed = replay.ReplayedDelays(links, seeds, delays)
    return Chosen(tuple(losing), (*delaying, replayed), slots, replayed.least)


def _losing(radio: Radio, links: Links, seeds: Sequence[int]) -> Iterator[LinkModel]:
    """What the air alone loses; independent loss takes the place of all else."""
    if radio.loss is not None:
        if radio.loss > 0.0:
            yield models.Independent(links, seeds, radio.loss)
        return
    if radio.fading is not None:
        yield models.Fading(links, seeds, radio.fading)
    if radio.bursts is not None:
        yield models.Bursts(links, seeds, radio.bursts)
    if radio.load is not None:
        yield models.Load(links, seeds, radio.load, radio.period)
