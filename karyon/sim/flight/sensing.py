"""What each aircraft knows of itself and of the others, and how far it believes it: ADS-B, an own sensor, intents.

Once a second every aircraft measures its position, reports it to all (ADS-B), and looks around with its own sensor. Of
each other aircraft there are two tracks, one of each source; where both see it they are held against each other. Arrays
are (row,), those of others (aircraft, row).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from karyon.flight import tracks
from karyon.flight.adsb import INTEGRITY, stated_sigma
from karyon.flight.tracks import GATE, Report, Track
from karyon.perception import validity
from karyon.sim.flight.faults import Faults, Group
from karyon.sim.flight.scenario import FlightScenario
from karyon.sim.flight.world import World
from karyon.sim.streams import NormalBlocks, Purpose, UniformBlocks

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]
Integers = NDArray[np.int64]

PERIOD = 1.0  # s
FRESH = 3.5  # s: a track so old is no witness any more
KEPT = 60.0  # s for which traffic that is not seen any more is where it was going
DOUBT = 0.8
DOUBTED = 0.3  # validity of what another source contradicts
SURE = 0.85  # of the range of the own sensor within which it must see what is there
NOT_SEEN = 2.5  # s without a sight of what must be seen
ROUND = 5  # transmissions in a second: an intent is lost when all are
PAST = 64  # reports that are kept, for those that come late


class Intents(NamedTuple):
    """What others have said that they will do: the altitude of their route, that they fly to, and a level.

    aim     NaN: none, while they evade in altitude
    level   the one that they propose; below those that need agreement, the one that they have
    time    s, when it was last heard; NaN: never
    """

    route: Floats
    aim: Floats
    level: NDArray[np.int64]
    time: Floats
    heard: Booleans


class Sensing:
    """Measures, hears and judges for all rows at once.

    own         track of the own position
    adsb, local tracks of the others
    scanned     s, when the own sensor has last looked
    own_nacp    accuracy that the own receiver states (row,)
    nacp        and that the last report of each other has stated (aircraft, row)
    sent        this second, to whom in range: reports sent, heard; intents told, learned (aircraft, row)
    """

    def __init__(self, scenarios: Sequence[FlightScenario], world: World, faults: Faults, tolerated: float) -> None:
        """`tolerated`: error of a reported position that the design has room for, m."""
        first = scenarios[0]
        self._tolerated = tolerated
        self._world, self._faults, self._adsb, self._local = world, faults, first.adsb, first.local
        others, rows = world.other.shape
        seeds = [scenario.seed for scenario in scenarios]
        self._position_noise = NormalBlocks(seeds, Purpose.MESSAGES, 6, world.vehicles)
        self._local_noise = NormalBlocks(seeds, Purpose.SENSORS, 6 * others, world.vehicles)
        self._reception = UniformBlocks(seeds, Purpose.LOSS, 2 * others, world.vehicles)
        self._loss, self._round_loss = first.radio.loss, first.radio.loss**ROUND
        self.own, self.adsb, self.local = (
            tracks.none_yet(rows),
            tracks.none_yet(others, rows),
            tracks.none_yet(others, rows),
        )
        nothing = np.full((others, rows), np.nan)
        self.intents = Intents(nothing, nothing, np.zeros((others, rows), dtype=np.int64), nothing, nothing > 0)
        self.scanned = np.full(rows, np.nan)
        self.own_nacp = np.full(rows, first.adsb.nacp)
        self.nacp = np.full((others, rows), first.adsb.nacp)
        self._past: list[Report] = []
        self._past_local: list[Report] = []
        self._kept_report: Report | None = None
        self._kept_sent: Report | None = None
        self._kept_local: Report | None = None
        self.sent: tuple[Booleans, ...] = ()
        self.contradicted = np.zeros((others, rows), dtype=bool)
        self.agrees = np.zeros((others, rows), dtype=bool)

    def look(
        self, now: float, mute: Booleans, running: Booleans, said: tuple[Floats, Floats, NDArray[np.int64]]
    ) -> None:
        """One second: measure, report, hear, look around, and judge.

        mute      rows whose radio is down
        running   rows whose perception runs; the others keep what they had
        said      altitude of the route, altitude that is flown to, and level, of each row, as in `Intents`
        """
        world = self._world
        noise = self._position_noise.next().astype(np.float64)
        report = self._measured(now, noise)
        sent_report, sends = self._sent(now, report)
        draws = self._reception.next()
        others = len(world.other)
        far = world.apart()[0] <= self._adsb.range
        audible = far & ~mute[world.other] & ~mute
        heard = audible & sends[world.other] & (draws[:others] >= self._loss)
        learned = audible & (draws[others:] >= self._round_loss)
        self._hear_intents(now, learned, said)
        speaks = far & ~mute[world.other] & ~world.is_recorded[world.other]
        self.sent = far & sends[world.other] & ~mute[world.other], heard, speaks, learned & speaks
        own_sigma, sigma = self._sigmas()
        self.own = _where(running, tracks.updated(self.own, report, np.isfinite(report.x), own_sigma), self.own)
        came = Report(*(each[world.other] for each in sent_report))
        taken = heard & running & np.isfinite(came.x)
        self.nacp = np.where(taken, self.own_nacp[world.other], self.nacp)
        self.adsb = tracks.updated(self.adsb, came, taken, sigma)
        seen, sight = self._around(now)
        self.local = tracks.updated(self.local, sight, seen & running, self._local.sigma)
        self._compare(now)

    def believed(self, now: float) -> tuple[Floats, Floats]:
        """Validity of the tracks of both sources (aircraft, row), contradictions taken off."""
        reported = tracks.believed(self.adsb, self._sigmas()[1]) * self._integrity(self.nacp)
        local = tracks.believed(self.local, self._local.sigma)
        off = np.where(self.contradicted, DOUBTED, 1.0)
        return reported * off, np.where(self.contradicted, DOUBTED, local)

    def believed_own(self) -> Floats:
        """Validity of the own position (row,)."""
        return np.asarray(tracks.believed(self.own, self._sigmas()[0]) * self._integrity(self.own_nacp))

    def _integrity(self, nacp: Integers) -> Floats:
        """Validity that the stated integrity leaves: the position is off by no more than its containment radius."""
        radius = INTEGRITY[nacp]
        return np.asarray(validity.of_amplitude(radius, self._tolerated, 2.0 * self._tolerated))

    def _sigmas(self) -> tuple[Floats, Floats]:
        """Noise of the own and the reported positions, m: the usual one, or what is stated where that is more."""
        usual, least = self._adsb.nacp, self._adsb.sigma
        own, reported = (np.where(each < usual, stated_sigma(each), least) for each in (self.own_nacp, self.nacp))
        return own, reported

    def known(self, now: float) -> tuple[Booleans, Booleans]:
        """Of which other aircraft each source has a track, seen now or a while ago (aircraft, row)."""
        return now - self.adsb.heard <= KEPT, now - self.local.heard <= KEPT

    def in_sight(self, now: float) -> Booleans:
        """Which others the own sensor has seen just now."""
        return np.asarray(now - self.local.heard <= FRESH)

    def _measured(self, now: float, noise: Floats) -> Report:
        """Own position and velocity, as the own receiver has them."""
        world, sigma, speed = self._world, self._adsb.sigma, self._adsb.speed_sigma
        report = Report(
            world.x + sigma * noise[0],
            world.y + sigma * noise[1],
            world.z + 0.5 * sigma * noise[2],
            world.vx + speed * noise[3],
            world.vy + speed * noise[4],
            world.climb + 0.2 * speed * noise[5],
            np.full_like(world.x, now),
        )
        self.own_nacp = np.full_like(self.own_nacp, self._adsb.nacp)
        for group in self._faults.of("own.position"):
            report = self._fail(now, group, report, self._kept_report, self._past)
        self._kept_report = report
        return report

    def _sent(self, now: float, report: Report) -> tuple[Report, Booleans]:
        """What each row reports, and whether it does."""
        recorded = self._world.reported(now)
        if recorded is not None:
            is_recorded, told = self._world.is_recorded, [*recorded, now]
            report = Report(*(np.where(is_recorded, value, own) for value, own in zip(told, report, strict=True)))
        sends = np.isfinite(report.x)
        self._past = [report, *self._past[: PAST - 1]]
        for group in self._faults.of("own.adsb"):
            report = self._fail(now, group, report, self._kept_sent, self._past)
        self._kept_sent = report
        return report, sends & np.isfinite(report.x)

    def _around(self, now: float) -> tuple[Booleans, Report]:
        """What the own sensor sees of each other aircraft, and whether it does."""
        world, other = self._world, self._world.other
        noise = self._local_noise.next().astype(np.float64).reshape(6, len(other), -1)
        sigma, speed = self._local.sigma, self._local.speed_sigma
        own_x, own_y, _ = tracks.now_at(self.own, now)  # it sees where others are from here, wherever this is
        sight = Report(
            own_x + (world.x[other] - world.x) + sigma * noise[0],
            own_y + (world.y[other] - world.y) + sigma * noise[1],
            world.z[other] + 0.5 * sigma * noise[2],
            world.vx[other] + speed * noise[3],
            world.vy[other] + speed * noise[4],
            world.climb[other] + 0.3 * speed * noise[5],
            np.full(other.shape, now),
        )
        self._past_local = [sight, *self._past_local[: PAST - 1]]
        for group in self._faults.of("traffic.all.local"):
            sight = self._fail(now, group, sight, self._kept_local, self._past_local)
        self._kept_local = sight
        scans = ~np.isnan(sight.time).all(axis=0)
        self.scanned = np.where(scans, now, self.scanned)
        return (world.apart()[0] <= self._local.range) & np.isfinite(sight.x), sight

    def _fail(self, now: float, group: Group, report: Report, kept: Report | None, past: list[Report]) -> Report:
        """A report with the faults of one mode; `kept` is the one before, `past` those without this fault."""
        which, rows, parameter, lasted = group.active(now)
        if not rows.size:
            return report
        fields = [np.array(each) for each in report]
        world = self._world
        if group.mode in ("offset", "drift"):
            off = parameter * lasted if group.mode == "drift" else parameter
            fields[0][..., rows] += off * world.north[rows]
            fields[1][..., rows] -= off * world.east[rows]
        elif group.mode in ("noise", "degraded"):
            draws = self._sigma_of(group, rows, parameter) * group.draws(which, now)
            for index, scale in ((0, 1.0), (1, 1.0), (2, 0.5)):
                fields[index][..., rows] += scale * draws[index]
        elif group.mode == "stuck_at" and kept is not None:
            for index in range(3):
                fields[index][..., rows] = kept[index][..., rows]
        elif group.mode == "delay":
            for row, late in zip(rows.tolist(), parameter.tolist(), strict=True):
                source = past[min(round(late / PERIOD), len(past) - 1)]
                for index, values in enumerate(source):
                    fields[index][..., row] = values[..., row]
        elif group.mode in ("omission", "missed"):
            lost = rows if group.mode == "missed" else rows[group.draws(which, now)[0] < parameter]
            fields[0][..., lost] = np.nan
            if group.mode == "omission":
                fields[6][..., lost] = np.nan
        return Report(*fields)

    def _sigma_of(self, group: Group, rows: Integers, parameter: Floats) -> Floats:
        """Noise that is added, m; a receiver that is degraded states how accurate it still is."""
        if group.mode == "noise":
            return parameter
        self.own_nacp[rows] = parameter.astype(np.int64)
        return np.asarray(stated_sigma(self.own_nacp[rows]))

    def _hear_intents(self, now: float, heard: Booleans, said: tuple[Floats, Floats, NDArray[np.int64]]) -> None:
        route, aim, level = (each[self._world.other] for each in said)
        before = self.intents
        heard = heard & ~self._world.is_recorded[self._world.other]  # it agrees with nobody
        self.intents = Intents(
            np.where(heard, route, before.route),
            np.where(heard, aim, before.aim),
            np.where(heard, level, before.level),
            np.where(heard, now, before.time),
            heard,
        )

    def _compare(self, now: float) -> None:
        """Hold both sources against each other, and the own sensor against what it must see."""
        adsb, local = self.adsb, self.local
        both = (now - adsb.heard <= FRESH) & (now - local.heard <= FRESH)
        (ax, ay, az), (lx, ly, lz) = tracks.now_at(adsb, now), tracks.now_at(local, now)
        off = np.sqrt((ax - lx) ** 2 + (ay - ly) ** 2)
        reported = self._sigmas()[1]
        sigma = np.sqrt(reported**2 + self._local.sigma**2)
        limit = GATE * sigma + 5.0 * FRESH
        differs = both & ~((off <= limit) & (np.abs(az - lz) <= limit))
        believed = tracks.believed(adsb, reported) >= DOUBT
        own_x, own_y, _ = tracks.now_at(self.own, now)
        distance = np.sqrt((ax - own_x) ** 2 + (ay - own_y) ** 2)
        must = (
            believed & (now - adsb.heard <= FRESH) & (distance <= SURE * self._local.range) & np.isfinite(self.scanned)
        )
        unseen = must & ~(now - local.heard <= NOT_SEEN)
        self.agrees = both & ~differs
        self.contradicted = differs | unseen
        self.adsb = tracks.confirmed(adsb, self.agrees & (now - local.heard <= PERIOD))


def _where(condition: Booleans, one: Track, other: Track) -> Track:
    return Track(*(np.where(condition, new, old) for new, old in zip(one, other, strict=True)))
