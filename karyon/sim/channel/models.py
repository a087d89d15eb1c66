"""What the air does to a message, effect by effect: each a formula over all links of all runs at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from karyon.perception.sensors import nanoseconds
from karyon.sim.channel.links import Air, Booleans, Floats, LinkModel, Links
from karyon.sim.streams import GammaBlocks, Purpose

if TYPE_CHECKING:
    from karyon.sim.channel import fields

BACKOFF_SLOTS = 16  # of which a station chooses one: CWmin 15 for CAMs (AC_BE). [ETSI EN 302 663; IEEE 802.11 EDCA]
NEAREST = 1.0  # m; the path loss is stated from there on


class Independent(LinkModel):
    """Each message is lost by itself, with the same probability."""

    def __init__(self, links: Links, seeds: Sequence[int], share: float) -> None:
        super().__init__(links, seeds)
        self._share = np.full(len(links.receiver), share)

    def loss(self, air: Air) -> Floats:
        """The share that is lost."""
        return self._share


class Fading(LinkModel):
    """Log-distance path loss with Nakagami-m fading: a message is heard that comes in above the sensitivity.

        mean received power    Omega(d) = power - reference loss - 10 * exponent * log10(d / 1 m)   dBm
        received power         Gamma distributed: shape m, mean Omega(d), drawn anew for each message
        heard with             P = Q(m, m * sensitivity / Omega(d)), the gamma distribution's survival function

    [Nakagami 1960; Cheng et al. 2007, doi 10.1109/JSAC.2007.071002, which measured it between cars at 5.9 GHz.]
    A message takes half a millisecond and the next one comes after 100: their fading is independent.
    """

    purpose = Purpose.FADING

    def __init__(self, links: Links, seeds: Sequence[int], settings: fields.Fading) -> None:
        super().__init__(links, seeds)
        self._m, self._exponent = settings.m, settings.exponent
        self._at_one_metre = 10.0 ** ((settings.power - settings.reference_loss - settings.sensitivity) / 10.0)
        self._gamma = GammaBlocks(seeds, self.purpose, 1, links.per_run, settings.m)

    def loss(self, air: Air) -> Floats:
        """1 where this message fades below the sensitivity, else 0; an unknown distance counts as too far."""
        mean = self._at_one_metre * np.maximum(air.distance, NEAREST) ** -self._exponent
        power = self._gamma.next()[0] / self._m * mean  # in units of the sensitivity
        return np.asarray(~(power >= 1.0), dtype=np.float64)


class Bursts(LinkModel):
    """Losses in a row: a Markov chain of two states per link, of which the bad one loses all.

        good -> bad    p = loss / (1 - loss) / length
        bad  -> good   r = 1 / length

    Its share of bad states is p / (p + r) = loss, from the first message on; a stay in it is geometric with mean
    `length`. [Gilbert 1960, Elliott 1963]
    """

    purpose = Purpose.BURSTS

    def __init__(self, links: Links, seeds: Sequence[int], settings: fields.Bursts) -> None:
        super().__init__(links, seeds)
        self._stays = 1.0 - 1.0 / settings.length
        self._enters = settings.loss / (1.0 - settings.loss) / settings.length
        self._bad: Booleans = np.asarray(self.uniform() < settings.loss)

    def loss(self, air: Air) -> Floats:
        """1 in the bad state, else 0."""
        lost, drawn = self._bad, self.uniform()
        self._bad = np.where(lost, drawn < self._stays, drawn < self._enters)
        return np.asarray(lost, dtype=np.float64)


class Load(LinkModel):
    """Losses that grow with the senders within range, as by plain CSMA without acknowledgement.

        busy      b = n * airtime / period        channel busy ratio at the receiver; n senders within its range
        overload  1/b of the messages go out      where b > 1: the channel carries no more
        clash     b * (1 - exp(-b / 16))          who finds the channel busy (b) waits, and so do b others in the same
                                                  time; each chooses one of 16 backoff slots
        hidden    1 - exp(-2 h * airtime / period)    h senders in range of the receiver that the sender cannot hear:
                                                  they may begin one airtime before to one airtime after

    [Tobagi & Kleinrock 1975, hidden terminals; ETSI TS 102 687, busy ratio; Sepulcre et al. 2022 for the split of the
    losses of IEEE 802.11p.] All send once per period; b above 1 counts as 1 in the clash.
    `others` are around beside the simulated cars, evenly along the road: n of them in range of each receiver, of which
    the share d / (2 * range) is hidden from a sender at the distance d.
    """

    def __init__(self, links: Links, seeds: Sequence[int], settings: fields.Load, period: float) -> None:
        super().__init__(links, seeds)
        self._share, self._range, self._others = settings.airtime / period, settings.range, settings.others

    def loss(self, air: Air) -> Floats:
        """By the formulas above."""
        links, audible = self.links, within(self.links, air, self._range)
        square = audible.reshape(links.runs, links.members, links.members).astype(np.float32)
        by_both = (square @ square.transpose(0, 2, 1)).reshape(audible.shape)  # whole numbers: exact
        at_receiver = audible.sum(axis=1)[links.receiver]
        unheard = at_receiver - by_both[links.receiver, links.sender % links.members]
        far = np.clip(air.distance / (2.0 * self._range), 0.0, 1.0)
        hidden = unheard + self._others * np.where(np.isnan(far), 1.0, far)
        busy = (at_receiver + self._others) * self._share
        waiting = np.minimum(busy, 1.0)
        heard = (1.0 - waiting * (1.0 - np.exp(-waiting / BACKOFF_SLOTS))) * np.exp(-2.0 * hidden * self._share)
        return np.asarray(1.0 - heard / np.maximum(busy, 1.0))


class Latency(LinkModel):
    """What chance adds to the latency: gamma distributed; exponentially, where the standard deviation is the mean."""

    purpose = Purpose.LATENCY

    def __init__(self, links: Links, seeds: Sequence[int], settings: fields.Jitter) -> None:
        super().__init__(links, seeds)
        sigma = settings.mean if settings.sigma is None else settings.sigma
        self._scale = sigma * sigma / settings.mean
        self._gamma = GammaBlocks(seeds, self.purpose, 1, links.per_run, settings.mean / self._scale)

    def delay(self, air: Air) -> Floats:
        """The gamma distributed part in s."""
        return np.asarray(self._scale * self._gamma.next()[0].astype(np.float64))


class Jamming(LinkModel):
    """Periods of inaccessibility: what is sent in them does not reach the receivers that they befall."""

    def __init__(self, links: Links, seeds: Sequence[int], periods: Sequence[fields.Jamming]) -> None:
        super().__init__(links, seeds)
        self._periods = [(nanoseconds(one.start), nanoseconds(one.end), one) for one in periods]
        self._vehicle = np.arange(links.runs * links.members) % links.members

    def loss(self, air: Air) -> Floats:
        """1 where the receiver is jammed, else 0."""
        jammed = np.zeros(air.position.shape, dtype=bool)
        for start, end, one in self._periods:
            if start <= air.now < end:
                jammed |= self._befallen(one, air)
        return jammed[self.links.receiver].astype(np.float64)

    def _befallen(self, one: fields.Jamming, air: Air) -> Booleans:
        befallen = np.ones(air.position.shape, dtype=bool)
        if one.vehicles is not None:
            befallen &= np.isin(self._vehicle, one.vehicles)
        if one.place is not None and one.range is not None:
            befallen &= ~(np.abs(air.position - one.place) > one.range)
        return befallen


def within(links: Links, air: Air, reach: float) -> Booleans:
    """Whom each car can hear, were it alone on the air (car, member of its run): who sends, within `reach` m."""
    position = air.position.reshape(links.runs, links.members)
    sends = ~air.silent.reshape(links.runs, 1, links.members)
    near = np.abs(position[:, :, None] - position[:, None, :]) <= reach
    return np.asarray((near & sends).reshape(-1, links.members))
