"""Why a level of service is out of reach with the devices at hand, and what to add: said before the bench starts."""

from collections.abc import Iterator
from math import isfinite

from karyon.hil.intake import DRIVER, Channel, Intake
from karyon.hil.measurement import BARE, Measurement
from karyon.kernel import Age, Validity
from karyon.kernel.design import Function
from karyon.kernel.rules import leaves
from karyon.perception.following import DISTANCE, OWN, RELATIVE

ADD_UNIT = 'send JSON with its unit, for example {"v":1,"seq":1,"val":[23.4],"unit":["m"]}'


def heard(intake: Intake, now: int) -> Iterator[str]:
    """Per device what is known of it at `now`, ns by the bench's clock."""
    for channel in intake.channels:
        yield f"{channel.binding.name}   {channel.binding.topic}   {', '.join(_of(channel, now))}"


def _of(channel: Channel, now: int) -> Iterator[str]:
    if channel.last is None:
        yield "nothing heard yet" if not channel.messages else "refused so far: " + _refusals(channel)
        return
    yield f"{channel.messages} message{'s' * (channel.messages != 1)}"
    if channel.refused:
        yield f"refused: {_refusals(channel)}"
    if channel.clock.is_known:
        yield f"clock known to {channel.clock.offset(now)[1] / 1e6:.1f} ms"
    else:
        yield f"no clock known: aged from arrival and {channel.binding.delay_bound / 1e6:g} ms"
    if channel.odd:
        yield f"its clock {channel.odd}"


def _refusals(channel: Channel) -> str:
    return ", ".join(f"{count} {reason.value}" for reason, count in channel.refused.items())


def unreachable(function: Function, intake: Intake, now: int) -> Iterator[str]:
    """Levels that the devices cannot give, by the first rule that they break, with what would help."""
    for number, level in enumerate(function.levels):
        reasons = [why for rule in level.rules for leaf in leaves(rule) for why in _breaks(leaf, intake, now)]
        if reasons:
            for why in dict.fromkeys(reasons):
                yield f"LoS {number} unreachable: {why}"
            return


def _breaks(leaf: object, intake: Intake, now: int) -> Iterator[str]:
    signal = getattr(leaf, "signal", None)
    measured = OWN[DISTANCE] if signal == OWN[RELATIVE] and not _of_signal(intake, signal) else signal
    for channel in _of_signal(intake, measured):
        last = channel.last
        if last is None:
            continue
        if isinstance(leaf, Validity):
            stated = channel.binding.most_valid(last.sigma)
            if last.most_valid < leaf.minimum:
                why, help_ = _distrusted(channel, last)
                yield f"{measured} {why}, validity at most {last.most_valid:g} < {leaf.minimum:g}{help_}"
            elif stated < leaf.minimum:
                spread = f"sigma {last.sigma:g}" if isfinite(last.sigma or 0.0) else "a sigma below 0"
                yield f"{measured} has {spread}, validity at most {stated:.2f} < {leaf.minimum:g}"
        if isinstance(leaf, Age):
            least = (channel.binding.period or 0.0) + _bound(channel, now)
            if least > leaf.limit:
                said = f"{signal} may be {1000 * leaf.limit:g} ms old, and its period and delay bound are"
                yield f"{said} {1000 * least:.0f} ms: answer pings on {channel.binding.clock}/ping, or send more often"


def _distrusted(channel: Channel, last: Measurement) -> tuple[str, str]:
    """Why a measurement is worth less than it could be, and what would help."""
    if last.most_valid < BARE:
        return "is doubted by its own device", ""
    if channel.binding.adapter is not None:
        return f"comes by the adapter {channel.binding.adapter}", f": {ADD_UNIT}"
    if last.sequence is not None:
        return "has no unit", f": {ADD_UNIT}"
    return "is a bare number" if last.time is None and last.sigma is None else "has no `seq`", f": {ADD_UNIT}"


def _of_signal(intake: Intake, signal: str | None) -> list[Channel]:
    channels = [channel for channel in intake.channels if channel.binding.row != DRIVER]
    return [channel for channel in channels if OWN[channel.binding.signal] == signal]


def _bound(channel: Channel, now: int) -> float:
    """How far an age may be overestimated, s."""
    known = channel.clock.is_known
    return (2 * channel.clock.offset(now)[1] if known else channel.binding.delay_bound) / 1e9
