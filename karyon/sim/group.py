"""The group that the vehicles of each run form: who hears whom, round by round, and the level that they agree on."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from karyon.cooperation.cam import VERSION
from karyon.cooperation.disagreement import Disagreement
from karyon.cooperation.gate import AGE_MAX, ROOM, Gate, Headers, Reason
from karyon.cooperation.guard import Guarded
from karyon.cooperation.protocol import Said
from karyon.perception.received import M_POSITION, M_SPEED
from karyon.perception.sensors import nanoseconds
from karyon.sim.attackers import ALL, Attackers
from karyon.sim.channel.transit import LOST
from karyon.sim.protocols import chosen
from karyon.sim.scenario import Scenario

Booleans = NDArray[np.bool_]
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

TRANSMISSIONS = 5  # of a round: at 10 Hz half a second
SIZE = 72  # bytes of a message, see `karyon.cooperation.wire`
MILLISECOND = 1_000_000  # ns


class Group:
    """The vehicles of all runs, vehicle 0 in front: it admits every level. A row is a follower, run by run.

    base          the highest level that needs no agreement
    level         that each row has agreed to with the one ahead of it; a head with nobody
    leader        the vehicle that heads the group of each row, for the row itself by its own belief
    followed      that leads each row, or would if it joined those ahead: of a head, who leads the car ahead of it
    disagreement  of the honest vehicles of each run
    refused       messages refused so far (reason, member, run)
    Made-up members have the places behind the members, as far as there is room.
    """

    def __init__(self, scenarios: Sequence[Scenario], base: int, top: int, attackers: Attackers) -> None:
        first = scenarios[0]
        self._members, self._runs, self.base, self._top = first.vehicles, len(scenarios), base, top
        self._attackers = attackers
        places = self._members + max(0, min(attackers.most_made_up(), ROOM - self._members))
        self._agreement = Guarded(chosen(first.acc.agreement), places, self._runs, base)
        self._period = nanoseconds(first.radio.period)
        self._round_length = TRANSMISSIONS * self._period
        offset = nanoseconds(first.radio.clock_offset) // MILLISECOND
        self._gate = Gate(
            (self._members, places, self._runs),
            self._round_length // MILLISECOND,
            offset,
            self._period / MILLISECOND,
        )
        self._heard = np.zeros((places, places, self._runs), dtype=bool)
        self._ghosts = attackers.made_up(places - self._members)
        self._told: Said | None = None
        self._sent = 0
        self.level = np.full(self._runs * (self._members - 1), base)
        self.leader, self.followed = np.zeros_like(self.level), np.zeros_like(self.level)
        self.disagreement = Disagreement(self._members, self._runs, base)
        self.refused = np.zeros((len(Reason), self._members, self._runs), dtype=np.int64)

    @property
    def held(self) -> Integers:
        """Rounds so far in which the protocol was held down (breach, member, run)."""
        return self._agreement.breaches[:, : self._members]

    @property
    def error(self) -> str | None:
        """What the protocol raised, if it did: nobody cooperates any more."""
        return self._agreement.error

    @property
    def number(self) -> int:
        """Of the round that the next transmission belongs to, from 0."""
        return self._sent // TRANSMISSIONS

    def send(self, now: int, admitted: Integers, arrival: Integers, message: Floats) -> Booleans:
        """One transmission of all members at `now` (ns); answers on which links it is refused (link,).

        admitted   (row,) by their own rules
        arrival    when it is heard, ns, or `LOST` (receiver, sender, run): what comes after its round does not count
        message    what they say of their motion (field, car)
        """
        if self._sent % TRANSMISSIONS == 0:
            if self._told is not None:
                self._close(self._told)
            self._begin(now, admitted)
        position, speed = (message[field].reshape(self._runs, -1).T for field in (M_POSITION, M_SPEED))
        arrival = np.where(np.eye(self._members, dtype=bool)[:, :, None], LOST, arrival)
        if self._attackers:
            arrival, position, speed = self._with_ghosts(now, arrival, position, speed)
            self._take_copies(now, arrival != LOST)
        judged = self._gate.judge(now // MILLISECOND, self._headers(now, arrival != LOST, position, speed))
        stale = (judged == Reason.ACCEPTED) & (arrival - now > AGE_MAX * MILLISECOND)
        judged = np.where(stale, np.int8(Reason.REPLAYED), judged)
        self._heard[: self._members] |= (judged == Reason.ACCEPTED) & (arrival <= self.end_of_round(now))
        refused = judged > Reason.ACCEPTED
        if refused.any():
            for reason in np.unique(judged[refused]):
                self.refused[reason] += (judged == reason).sum(axis=1)
        self._sent += 1
        return np.asarray(refused[:, : self._members].transpose(2, 0, 1).ravel())

    def _begin(self, now: int, admitted: Integers) -> None:
        levels = np.full((self._heard.shape[0], self._runs), self.base, dtype=np.int8)
        levels[0] = self._top
        levels[1 : self._members] = admitted.reshape(self._runs, -1).T
        truth = self._agreement.speak(levels)
        self._told = truth
        if self._attackers:
            self._told = self._attackers.told(now, self._round_length, self.base, self._top, truth)
            ghosts, fits = self._ghosts, self._ghosts.number >= 0
            for told in self._told:
                speaker = told[:, ghosts.sender[fits], ghosts.run[fits]]
                told[:, self._members + ghosts.number[fits], ghosts.run[fits]] = speaker
        self._heard[:] = False

    def end_of_round(self, now: int) -> int:
        """When the round ends to which what is sent at `now` (ns) belongs: what arrives later counts as missed."""
        return now + (TRANSMISSIONS - self._sent % TRANSMISSIONS) * self._period

    def _close(self, told: Said) -> None:
        members = self._members
        came = Said._make(np.broadcast_to(each, self._heard.shape) for each in told)
        agreed = self._agreement.listen(self._heard, came)[:members]
        honest = ~self._attackers.dishonest
        counted = self._agreement.counted[:members, :members] & honest[:, None] & honest[None]
        acting = np.where(self._agreement.heads[:members], np.int8(self.base), agreed)
        self.disagreement.update(acting, agreed, counted)
        self.level = acting[1:].T.astype(np.int64).ravel()
        leader, itself = self._agreement.leader[:members], np.arange(members)[:, None]
        self.leader = leader[1:].T.ravel()
        self.followed = np.where(leader == itself, np.roll(leader, 1, axis=0), leader)[1:].T.ravel()

    def _headers(self, now: int, came: Booleans, position: Floats, speed: Floats) -> Headers:
        milliseconds = np.array(now // MILLISECOND)
        return Headers(
            came=came,
            version=np.array(VERSION),
            size=np.array(SIZE),
            counter=np.array(self._sent),
            time=milliseconds & 0xFFFF,
            round=milliseconds // (self._round_length // MILLISECOND),
            position=np.stack([position, np.zeros_like(position)])[:, None],
            speed=speed,
        )

    def _with_ghosts(
        self, now: int, arrival: Integers, position: Floats, speed: Floats
    ) -> tuple[Integers, Floats, Floats]:
        """Arrivals, positions and speeds with those of made-up members; whoever has no room refuses them."""
        members, room = self._members, self._heard.shape[0] - self._members
        arrival = np.concatenate([arrival, np.full((members, room, self._runs), LOST)], axis=1)
        position, speed = (np.concatenate([each, np.zeros((room, self._runs))], axis=0) for each in (position, speed))
        ghosts, fits = self._ghosts, self._ghosts.number >= 0
        reached = self._reached(ghosts.only)
        spoken = arrival[:, ghosts.sender, ghosts.run]
        hears = (spoken != LOST) & reached & self._attackers.speaking(now, ghosts)
        crowded = (hears * ghosts.count)[:, ~fits]
        np.add.at(self.refused[Reason.CROWDED].T, ghosts.run[~fits], crowded.T)
        place, sender = (members + ghosts.number[fits], ghosts.run[fits]), (ghosts.sender[fits], ghosts.run[fits])
        arrival[:, *place] = np.where(hears, spoken, LOST)[:, fits]
        position[place] = position[sender] + ghosts.ahead[fits]
        speed[place] = speed[sender]
        return arrival, position, speed

    def _reached(self, only: Integers) -> Booleans:
        """Which members are meant by who speaks to one of them alone, or to `ALL` (member, speaker)."""
        return np.asarray((only == ALL) | (np.arange(self._members)[:, None] == only))

    def _take_copies(self, now: int, came: Booleans) -> None:
        """A flood of further messages goes through the gate; what it lets pass says nothing new."""
        sender, run, only, count = self._attackers.flood(now)
        copies = np.zeros(came.shape, dtype=np.int64)
        heard = came[:, sender, run] * self._reached(only) * count
        np.add.at(copies.transpose(1, 2, 0), (sender, run), heard.T)
        if copies.any():
            self.refused[Reason.FLOODING] += self._gate.take(now // MILLISECOND, copies).sum(axis=1)


class Readers:
    """Where no group forms, each row reads the messages of the car ahead alone: the rest is refused.

    refused   messages refused so far (reason, vehicle, run)
    """

    def __init__(self, scenarios: Sequence[Scenario], attackers: Attackers) -> None:
        self._runs, self._vehicles = len(scenarios), scenarios[0].vehicles
        self._attackers = attackers
        self._gate = Gate((self._vehicles, self._runs), period=1000.0 * scenarios[0].radio.period)
        self._ghosts = attackers.made_up(0)
        self.refused = np.zeros((len(Reason), self._vehicles, self._runs), dtype=np.int64)

    def send(self, now: int, heard: Booleans) -> Booleans:
        """One transmission of all cars at `now` (ns); answers which rows refuse what the car ahead says (row,).

        heard   which rows hear it
        """
        milliseconds = now // MILLISECOND
        copies, made_up = np.zeros((2, self._vehicles + 1, self._runs), dtype=np.int64)  # behind the last is nobody
        sender, run, _, count = self._attackers.flood(now)
        came = np.zeros((self._vehicles, self._runs), dtype=np.int64)
        came[1:] = heard.reshape(self._runs, -1).T
        np.add.at(copies, (sender + 1, run), count)
        ghosts = self._ghosts
        speaks = self._attackers.speaking(now, ghosts)
        np.add.at(made_up, (ghosts.sender + 1, ghosts.run), ghosts.count * speaks)
        self.refused[Reason.CROWDED] += made_up[:-1] * came
        self.refused[Reason.FLOODING] += self._gate.take(milliseconds, copies[:-1] * came)
        refused = self._gate.take(milliseconds, came)
        self.refused[Reason.FLOODING] += refused
        return np.asarray(refused[1:].T.ravel() > 0)
