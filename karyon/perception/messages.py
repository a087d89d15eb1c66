"""Plausibility of received V2V messages: what a receiver may believe of what a sender says about itself.

Checks carry the names of what they look at. Beside each stands the observation of ETSI TS 103 759 and the check of
F2MD [Kamel et al. 2020] that look at the same; ART is the acceptance range threshold of Leinmüller et al. 2006.

    one message          content, age, speed, acceleration, heading
    the one before it    order, interval, reach, speed_change, speed_acceleration, travel_heading, position, stuck,
                         identity
    other senders        place, copy
    the own vehicle      range, own_sensor (NaN where it knows nothing: neither lowers nor restores)
    the sender's past    trust, appearance

A message is as valid as the product of all of them. What brings validity back (safety model, section 2): a jump of the
position is undone by the reverse jump; an own sensor that agrees for `AGREEMENT` s clears a sender; evidence of other
kinds, which physics checks in each message, is worked off by travel that proves itself consistent. Time alone, silence
and standing still never do. A sender that is forgotten begins as a stranger: a flood of ids can make strangers of
known senders, and friends of none.

What no check here can see without an own sensor: a position that is shifted from the first message on, or messages
that are late by a constant time and stamped anew, as both are the true motion of a vehicle elsewhere; a ghost that
moves like a vehicle under an id of its own; an error below the bands.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from karyon.perception import plausibility
from karyon.perception.detectors import SHARE, smoothed
from karyon.perception.plausibility import Plausibility, along, length
from karyon.perception.reckoning import AGREEMENT, DOUBT
from karyon.perception.sensors import Booleans, Floats

Integers = NDArray[np.int64]

CHECKS = (
    "content",
    "age",
    "order",
    "interval",
    "speed",
    "acceleration",
    "speed_change",
    "speed_acceleration",
    "heading",
    "travel_heading",
    "reach",
    "position",
    "stuck",
    "range",
    "own_sensor",
    "place",
    "copy",
    "identity",
    "trust",
    "appearance",
)
NO_EVIDENCE = ("place", "appearance")  # lower a message, but say nothing about the honesty of who sent it
SENT, POSITION, VELOCITY, ACCELERATION, HEADING = 0, slice(1, 3), slice(3, 5), slice(5, 7), slice(7, 9)
COUNTER, PSEUDONYM, FIELDS = 9, 10, 11

CHUNK = 256  # messages judged at once; memory is trimmed at multiples of it, so that no cut of a log shows


@dataclass(frozen=True, slots=True)
class Messages:
    """Messages in order of arrival, the newest last: arrays (message,) and (2, message) for vectors in the plane.

    What a message does not hold is NaN and makes it invalid; what messages of this kind never hold is None, and the
    checks that need it are left out. `own` and `measured` are the receiver's: NaN where it knows nothing.
    """

    receiver: Integers  # id; one log may have several
    sender: Integers  # id as the message has it
    received: Floats  # s
    sent: Floats  # s
    position: Floats  # m
    velocity: Floats  # m/s
    acceleration: Floats | None = None  # m/s²
    heading: Floats | None = None  # unit vector
    counter: Floats | None = None  # sequence number, rising
    pseudonym: Floats | None = None  # where `sender` is known beyond it
    own: Floats | None = None  # m, position of the receiver
    measured: Floats | None = None  # m, of the object that own sensors see nearest to `position`

    def __len__(self) -> int:
        return len(self.sender)

    def part(self, begin: int, end: int) -> "Messages":
        """Messages `begin` to `end` - 1."""
        columns = {field.name: getattr(self, field.name) for field in fields(self)}
        return replace(self, **{name: each[..., begin:end] for name, each in columns.items() if each is not None})

    def content(self) -> Floats:
        """All that is compared with the message before (FIELDS, message); not finite: NaN, never offered: 0."""
        found = np.zeros((FIELDS, len(self)))
        found[SENT], found[POSITION], found[VELOCITY] = self.sent, self.position, self.velocity
        for row, column in ((ACCELERATION, self.acceleration), (HEADING, self.heading), (PSEUDONYM, self.pseudonym)):
            found[row] = 0.0 if column is None else column
        found[COUNTER] = np.arange(len(self)) if self.counter is None else self.counter
        return np.where(np.abs(found) < inf, found, np.nan)


@dataclass(frozen=True, slots=True)
class Judgement:
    """`validity` (message,) 0..1, and what each of `CHECKS` says of it (check, message); both 1 where all is well."""

    validity: Floats
    checks: Floats

    def detectors(self) -> list[str]:
        """Names of the checks that lowered each message, `;` between, the empty text where none did."""
        patterns, which = np.unique(self.checks < 1.0, axis=1, return_inverse=True)
        texts = [";".join(name for name, low in zip(CHECKS, column, strict=True) if low) for column in patterns.T]
        return [texts[index] for index in which.reshape(-1)]


@dataclass(slots=True)
class Senders:
    """What is remembered of each sender, sorted by receiver and sender: arrays (sender,), (2, sender)."""

    receiver: Integers
    sender: Integers
    heard: Integers  # number of its last message, over all senders
    taken: Integers  # messages that were complete and in order
    last: Floats  # the last of them, (FIELDS, sender)
    repeated: Integers  # equal positions in a row
    changed: Floats  # s, when it last changed its pseudonym
    reference: Floats  # m, position carried on by the claimed velocity
    variance: Floats  # m², of the reference per axis
    smooth: Floats  # average innovation in sigma
    doubted: Booleans  # the position jumped and was neither undone nor confirmed
    agreed: Floats  # s that an own sensor has agreed without a break
    evidence: Floats  # implausible messages held against the sender

    @classmethod
    def of(cls, receiver: Integers, sender: Integers) -> "Senders":
        """Strangers."""
        count = len(sender)
        whole, real = np.zeros(count, dtype=np.int64), np.zeros(count)
        vector = np.zeros((2, count))
        return cls(
            receiver=receiver,
            sender=sender,
            heard=whole.copy(),
            taken=whole.copy(),
            last=np.full((FIELDS, count), np.nan),
            repeated=whole.copy(),
            changed=np.full(count, -inf),
            reference=vector.copy(),
            variance=real.copy(),
            smooth=vector.copy(),
            doubted=np.zeros(count, dtype=bool),
            agreed=real.copy(),
            evidence=real.copy(),
        )

    def at(self, index: Any) -> "Senders":
        """A copy of those at `index`."""
        return Senders(*(getattr(self, field.name)[..., index] for field in fields(self)))

    def put(self, index: Any, others: "Senders") -> None:
        """Write others over those at `index`."""
        for field in fields(self):
            getattr(self, field.name)[..., index] = getattr(others, field.name)

    def with_those_of(self, messages: Messages) -> tuple["Senders", Integers]:
        """These and the senders of `messages`, and where the sender of each message stands (message,)."""
        known = len(self.sender)
        pairs = np.stack([np.r_[self.receiver, messages.receiver], np.r_[self.sender, messages.sender]])
        distinct, where = np.unique(pairs, axis=1, return_inverse=True)
        where = where.reshape(-1)
        all_of_them = Senders.of(distinct[0], distinct[1])
        all_of_them.put(where[:known], self)
        return all_of_them, where[known:]

    def newest(self, count: int) -> "Senders":
        """The `count` that were heard last."""
        return self.at(np.sort(np.argsort(self.heard)[-count:]))


@dataclass(frozen=True, slots=True)
class Memory:
    """State of `judge`; it never holds more than `senders` + `CHUNK` senders and `contents` + `CHUNK` contents."""

    senders: Senders
    contents: NDArray[np.uint64]  # digests of past messages, oldest first
    authors: Integers  # their senders
    heard: int = 0  # messages so far

    @classmethod
    def empty(cls) -> "Memory":
        """Nobody heard yet."""
        none = np.zeros(0, dtype=np.int64)
        return cls(Senders.of(none, none), np.zeros(0, dtype=np.uint64), none)

    def trimmed(self, limits: Plausibility) -> "Memory":
        """The newest of everything, at a multiple of `CHUNK` messages; unchanged between."""
        if self.heard % CHUNK:
            return self
        return replace(
            self,
            senders=self.senders.newest(limits.senders),
            contents=self.contents[-limits.contents :],
            authors=self.authors[-limits.contents :],
        )


def judge(memory: Memory, messages: Messages, limits: Plausibility) -> tuple[Memory, Judgement]:
    """Validity of the messages that arrived since the last call, and the memory for the next one.

    Causal: a message's validity depends on none that arrived after it, and not on how a log is cut into calls. The
    memory given is left as it is. Whatever the messages hold, nothing raises.
    """
    parts = []
    with np.errstate(all="ignore"):
        for begin, end in _chunks(memory.heard, len(messages)):
            memory, checks = _judge_chunk(memory, messages.part(begin, end), limits)
            parts.append(checks)
    checks = np.concatenate(parts, axis=1) if parts else np.ones((len(CHECKS), 0))
    return memory, Judgement(_product(checks), checks)


def _chunks(heard: int, count: int) -> Iterator[tuple[int, int]]:
    """Begin and end of the parts of `count` messages, cut where the number of messages is a multiple of `CHUNK`."""
    begin = 0
    while begin < count:
        end = min(count, begin + CHUNK - (heard + begin) % CHUNK)
        yield begin, end
        begin = end


def _judge_chunk(memory: Memory, messages: Messages, limits: Plausibility) -> tuple[Memory, Floats]:
    senders, where = memory.senders.with_those_of(messages)
    content = messages.content()
    waves = list(_waves(where))
    found = {"content": _complete(content, messages), "age": plausibility.age(messages.received, messages.sent, limits)}
    usable = (found["content"] > 0.0) & (found["age"] > 0.0)
    others = senders.last.copy(), senders.taken.copy()
    past = _recall(senders, content, where, waves, usable, limits)
    found |= _of_one(content, messages, limits) | _of_two(content, past, messages, limits)
    found["stuck"], found["identity"] = np.where(past.repeats, 0.0, 1.0), np.where(past.several, 0.0, 1.0)
    same = messages.receiver[:, None] == senders.receiver
    found["place"] = plausibility.place(_nearest(content, where, past.fresh, same, others, limits), limits)
    found["copy"], memory = _copies(memory, content, messages, found["content"] > 0.0)
    found["appearance"] = plausibility.appearance(past.taken, limits)
    instant = _product(np.array([found[name] for name in CHECKS if name in found and name not in NO_EVIDENCE]))
    found |= _believe(senders, content, where, waves, past, instant, messages, limits)
    senders.heard[where] = memory.heard + np.arange(len(messages))
    memory = replace(memory, senders=senders, heard=memory.heard + len(messages)).trimmed(limits)
    return memory, np.array([found[name] for name in CHECKS])


def _product(checks: Floats) -> Floats:
    """Independent detectors combine by product (safety model, section 2); row by row, so that no cut shows."""
    product = np.ones(checks.shape[1])
    for check in checks:
        product = product * check
    return product


def _waves(where: Integers) -> Iterator[Integers]:
    """Messages in waves: each holds at most one of every sender, and a sender's messages come in order."""
    by_sender = np.argsort(where, kind="stable")
    first = np.r_[True, where[by_sender][1:] != where[by_sender][:-1]]
    counted = np.arange(len(where))
    rank = counted - np.maximum.accumulate(np.where(first, counted, 0))
    by_rank = by_sender[np.argsort(rank, kind="stable")]
    yield from np.split(by_rank, np.cumsum(np.bincount(rank))[:-1])


def _complete(content: Floats, messages: Messages) -> Floats:
    """1 where every field that such messages hold is a number. [ETSI: class 1, single message]"""
    known = np.isfinite(content).all(axis=0) & (np.abs(messages.received) < inf)
    return np.where(known, 1.0, 0.0)


def _of_one(content: Floats, messages: Messages, limits: Plausibility) -> dict[str, Floats]:
    """Checks that need the message alone, or the message and the own vehicle."""
    unchecked, claimed, velocity = np.ones(len(messages)), content[POSITION], content[VELOCITY]
    within = plausibility.within_range(claimed, _or_nan(messages.own, claimed), limits)
    seen = plausibility.own_sensor(claimed, _or_nan(messages.measured, claimed), limits)
    pointed = plausibility.heading(velocity, content[HEADING], limits)
    return {
        "speed": plausibility.speed(velocity, limits),
        "acceleration": plausibility.acceleration(content[ACCELERATION], limits),
        "heading": unchecked if messages.heading is None else pointed,
        "range": _where_known(messages.own, within),
        "own_sensor": _where_known(messages.measured, seen),
    }


def _or_nan(own: Floats | None, like: Floats) -> Floats:
    return np.full_like(like, np.nan) if own is None else own


def _where_known(own: Floats | None, judged: Floats) -> Floats:
    """What the own vehicle does not know neither lowers nor restores."""
    return np.ones(len(judged)) if own is None else np.where(np.isnan(own).any(axis=0), 1.0, judged)


@dataclass(slots=True)
class Past:
    """What was known of the sender when each message came: arrays (message,)."""

    last: Floats  # the message taken before, (FIELDS, message); NaN for a stranger
    taken: Integers  # messages taken before
    fresh: Booleans  # this one is complete, timely and in order: it is taken
    repeats: Booleans  # its position repeats the one before once too often
    several: Booleans  # it shows that the sender has several pseudonyms at a time

    @property
    def stranger(self) -> Booleans:
        """Nothing to compare with."""
        return np.asarray(self.taken == 0)


def _recall(
    senders: Senders, content: Floats, where: Integers, waves: list[Integers], usable: Booleans, limits: Plausibility
) -> Past:
    """Each message beside the one before it; `senders` then know the last of each that was taken."""
    none = np.zeros(len(where), dtype=bool)
    past = Past(np.empty_like(content), np.zeros_like(where), none.copy(), none.copy(), none.copy())
    for wave in waves:
        at, now = where[wave], content[:, wave]
        last = senders.last[:, at]
        known = senders.taken[at] > 0
        fresh = usable[wave] & ~(known & ~(now[SENT] > last[SENT]))
        renamed = fresh & known & (now[PSEUDONYM] != last[PSEUDONYM])
        equal = known & (now[POSITION] == last[POSITION]).all(axis=0)
        repeated = np.where(fresh, np.where(equal, senders.repeated[at] + 1, 0), senders.repeated[at])
        past.last[:, wave], past.taken[wave], past.fresh[wave] = last, senders.taken[at], fresh
        past.repeats[wave] = repeated >= limits.repeats
        past.several[wave] = renamed & (now[SENT] - senders.changed[at] < limits.pseudonym)
        senders.changed[at] = np.where(renamed, now[SENT], senders.changed[at])
        senders.repeated[at], senders.taken[at] = repeated, senders.taken[at] + fresh
        senders.last[:, at] = np.where(fresh, now, last)
    return past


def _of_two(content: Floats, past: Past, messages: Messages, limits: Plausibility) -> dict[str, Floats]:
    """Checks against the message that was taken before; 1 for a stranger."""
    last, step = past.last, content[SENT] - past.last[SENT]
    travel = content[POSITION] - last[POSITION]
    counted = step if messages.counter is None else content[COUNTER] - last[COUNTER]
    found = {
        "order": plausibility.order(step, counted),
        "interval": plausibility.interval(step, limits),
        "speed_change": plausibility.speed_change(last[VELOCITY], content[VELOCITY], step, limits),
        "reach": plausibility.reach(travel, step, limits),
    }
    if messages.heading is not None:
        found["travel_heading"] = plausibility.travel_heading(travel, last[HEADING], content[HEADING], step, limits)
    if messages.heading is not None and messages.acceleration is not None:
        before, now = along(last[ACCELERATION], last[HEADING]), along(content[ACCELERATION], content[HEADING])
        change = length(content[VELOCITY]) - length(last[VELOCITY])
        found["speed_acceleration"] = plausibility.speed_acceleration(change, before, now, step, limits)
    unchecked = {"travel_heading": np.ones(len(step)), "speed_acceleration": np.ones(len(step))}
    return unchecked | {name: np.where(past.stranger, 1.0, judged) for name, judged in found.items()}


def _nearest(
    content: Floats,
    where: Integers,
    fresh: Booleans,
    same: Booleans,
    others: tuple[Floats, Integers],
    limits: Plausibility,
) -> Floats:
    """Distance in m to the nearest other sender that was known for as long or longer; inf where there is none.

    Every sender is carried on from its last message before this one, by its velocity, for `together` s at most. That
    the one who came later is to blame is a convention: of two vehicles in one place, which one is there?

    same     the sender is heard by the receiver of the message (message, sender)
    others   last message (FIELDS, sender) and messages taken (sender,) of all senders before this chunk
    """
    last, taken = others
    count, known = same.shape
    said = np.zeros(same.shape, dtype=bool)
    said[1:][np.arange(count - 1)[fresh[:-1]], where[:-1][fresh[:-1]]] = True
    newest = np.maximum.accumulate(np.where(said, np.arange(-1, count - 1)[:, None], -1), axis=0)
    heard = np.where(newest >= 0, known + newest, np.arange(known))
    at = np.concatenate([last[: VELOCITY.stop], content[: VELOCITY.stop]], axis=1)[:, heard]
    step = content[SENT][:, None] - at[SENT]
    distance = length(content[POSITION][:, :, None] - at[POSITION] - at[VELOCITY] * step)
    seniority = taken + np.cumsum(said, axis=0)
    itself = np.arange(count), where
    senior = seniority >= seniority[itself][:, None]
    comparable = same & senior & (np.abs(step) <= limits.together) & (distance < inf)
    comparable[itself] = False
    return np.asarray(np.where(comparable, distance, inf).min(axis=1, initial=inf))


def _copies(memory: Memory, content: Floats, messages: Messages, complete: Booleans) -> tuple[Floats, Memory]:
    """0 where another sender has said exactly the same (replay); and the memory that knows these contents, too."""
    digests = _digests(content, messages.receiver)
    contents, authors = np.r_[memory.contents, digests], np.r_[memory.authors, messages.sender]
    _, first, which = np.unique(contents, return_index=True, return_inverse=True)
    author = authors[first[which.reshape(-1)]][len(memory.contents) :]
    copied = complete & (author != messages.sender)
    return np.where(copied, 0.0, 1.0), replace(memory, contents=contents, authors=authors)


def _digests(content: Floats, receiver: Integers) -> NDArray[np.uint64]:
    """64 bits of receiver, position and velocity, each. [Fowler, Noll & Vo, FNV-1a, by words, high bits folded in]"""
    digest = receiver.astype(np.uint64) ^ np.uint64(0xCBF29CE484222325)
    for row in content[POSITION.start : VELOCITY.stop]:
        digest = (digest ^ (row + 0.0).view(np.uint64)) * np.uint64(0x100000001B3)
        digest = digest ^ (digest >> np.uint64(29))
    return digest


def _believe(
    senders: Senders,
    content: Floats,
    where: Integers,
    waves: list[Integers],
    past: Past,
    instant: Floats,
    messages: Messages,
    limits: Plausibility,
) -> dict[str, Floats]:
    """Position against its own past, and trust: what each sender's messages do to what is thought of it.

    instant   product of the checks of the message itself (message,)
    """
    seen = _seen(content, past, instant, messages, limits)
    found = {"position": np.empty(len(where)), "trust": np.empty(len(where))}
    for wave in waves:
        at, now = where[wave], seen.at(wave)
        judged, after = _follow(senders.at(at), now, limits)
        after = _weigh(_clear(after, now, limits), judged, now, limits)
        senders.put(at, after)
        found["position"][wave], found["trust"][wave] = judged, plausibility.trust(after.evidence, limits)
    return found


def _seen(content: Floats, past: Past, instant: Floats, messages: Messages, limits: Plausibility) -> "Seen":
    step = content[SENT] - past.last[SENT]
    advance = 0.5 * (content[VELOCITY] + past.last[VELOCITY]) * step
    return Seen(
        claimed=content[POSITION],
        advance=advance,
        unseen=plausibility.unseen_motion(content[VELOCITY] - past.last[VELOCITY], step, limits),
        travel=np.maximum(0.0, length(advance) - plausibility.CHANCE * limits.speed_noise * step),
        step=step,
        fresh=past.fresh,
        compared=past.fresh & ~past.stranger,
        instant=instant,
        agrees=_agrees(content, messages, limits),
    )


def _agrees(content: Floats, messages: Messages, limits: Plausibility) -> Booleans:
    """Where an own sensor sees the sender where it claims to be."""
    if messages.measured is None:
        return np.zeros(len(messages), dtype=bool)
    return np.asarray(plausibility.own_sensor(content[POSITION], messages.measured, limits) == 1.0)


@dataclass(slots=True)
class Seen:
    """What a message brings to the belief in its sender: arrays (message,), (2, message)."""

    claimed: Floats  # m
    advance: Floats  # m, claimed motion since the message before
    unseen: Floats  # m², variance of the advance
    travel: Floats  # m, length of the advance beyond what the noise of a speed adds up to
    step: Floats  # s
    fresh: Booleans  # taken
    compared: Booleans  # taken, and there is one before it
    instant: Floats  # validity by its own checks
    agrees: Booleans  # with an own sensor

    def at(self, index: Any) -> "Seen":
        """Those at `index`."""
        return Seen(*(getattr(self, field.name)[..., index] for field in fields(self)))


def _follow(was: Senders, now: Seen, limits: Plausibility) -> tuple[Floats, Senders]:
    """Kalman step of the reckoned position; while it is doubted it does not follow, and does not grow vague.

    Returns validity of the position (sender,) and the senders after it.
    """
    compared, noise = now.compared, limits.position_noise**2
    reference = was.reference + np.where(compared, now.advance, 0.0)
    predicted = was.variance + np.where(compared, now.unseen, 0.0)
    sigma = np.sqrt(predicted + noise)
    residual = np.where(compared, now.claimed - reference, 0.0)
    # A jump is judged by itself: it would haunt the average after the reverse jump.
    alone = length(residual) > plausibility.CHANCE * sigma
    smooth = smoothed(was.smooth, residual / sigma, SHARE, compared & ~alone)
    judged = np.where(compared, plausibility.position(residual, smooth, sigma, limits), 1.0)
    calm = compared & (judged == 1.0) & (now.step <= limits.gap)
    doubted = (judged < DOUBT) | (was.doubted & ~calm)
    gain = np.where(compared & ~doubted, predicted / (predicted + noise), 0.0)
    start = now.fresh & ~compared
    after = replace(
        was,
        reference=np.where(start, now.claimed, reference + gain * residual),
        variance=np.where(start, noise, np.where(doubted, was.variance, (1.0 - gain) * predicted)),
        smooth=smooth,
        doubted=doubted,
    )
    return np.where(doubted, np.minimum(judged, 0.5), judged), after


def _clear(was: Senders, now: Seen, limits: Plausibility) -> Senders:
    """An own sensor that has agreed for long enough: the sender is believed again, from where it is seen."""
    lasting = now.agrees & (now.step <= limits.gap)
    agreed = np.where(now.fresh, np.where(lasting, was.agreed + now.step, 0.0), was.agreed)
    cleared = now.fresh & (agreed >= AGREEMENT)
    return replace(
        was,
        agreed=agreed,
        reference=np.where(cleared, now.claimed, was.reference),
        variance=np.where(cleared, limits.position_noise**2, was.variance),
        smooth=np.where(cleared, 0.0, was.smooth),
        doubted=was.doubted & ~cleared,
        evidence=np.where(cleared, 0.0, was.evidence),
    )


def _weigh(was: Senders, judged: Floats, now: Seen, limits: Plausibility) -> Senders:
    """Evidence grows by what is implausible, and falls by travel that proves itself: by nothing else."""
    plausible = now.instant * judged
    proven = now.compared & (plausible >= DOUBT) & (now.step <= limits.gap)
    evidence = was.evidence + (1.0 - plausible) - np.where(proven, now.travel / limits.proof, 0.0)
    return replace(was, evidence=np.clip(evidence, 0.0, limits.evidence_kept))
