"""What a scenario may say of the radio: `radio:` and its sections."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from math import floor, inf, isfinite
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from karyon.cooperation.cam import POSITION_CHANGE, T_GEN_CAM_MAX
from karyon.sim.channel import own
from karyon.sim.failure_modes import DAY
from karyon.sim.units import (
    Count,
    Decibels,
    Factor,
    Metres,
    MetresPerSecond,
    MetresPerSecond2,
    Period,
    Quantity,
    Seconds,
    Section,
    Share,
    Text,
    contradiction,
    lacking,
    refusal,
)

FAR = 1e7  # m
VEHICLES_MAX = 100_000
ShortOfAll = Annotated[float, Quantity("a share", "1")]
RANGE = 500.0  # m, over which cars hear each other and disturb each other


class Fading(Section):
    """Log-distance path loss with Nakagami fading, at 5.9 GHz between cars."""

    m: Factor = Field(
        default=1.5, ge=0.5, le=100, description="Nakagami's m: 1 Rayleigh, less: worse; 1.5 is usual below 80 m"
    )
    exponent: Factor = Field(default=2.75, ge=1, le=8, description="of the path loss; 1.8 to 3.6 were measured")
    reference_loss: Decibels = Field(default=47.9, ge=0, le=200, description="at 1 m, dB; in free space at 5.9 GHz")
    power: Decibels = Field(default=23.0, ge=-50, le=50, description="sent, with the antennas' gains, dBm")
    sensitivity: Decibels = Field(default=-89.0, ge=-150, le=0, description="least power that is understood, dBm")


class Bursts(Section):
    """Messages are lost in a row, on each link by itself (Gilbert-Elliott)."""

    loss: ShortOfAll = Field(ge=0, le=0.999, description="share of messages that are lost")
    length: Factor = Field(ge=1, le=1e6, description="how many are lost in a row, on average")

    @field_validator("length")
    @classmethod
    def _long_enough(cls, length: float, info: ValidationInfo) -> float:
        loss = info.data.get("loss", 0.0)
        if loss > length * (1.0 - loss) * (1.0 + 1e-9):  # rounding: 0.9 fits 9
            least = loss / (1.0 - loss)
            raise contradiction(
                f"is too short for a loss of {loss:g}", f"{least:.4g} or more, as every gap has a message"
            )
        return length


class Load(Section):
    """Losses by the number of senders within range, as by CSMA."""

    airtime: Seconds = Field(default=0.0006, gt=0, le=0.1, description="of one message; 400 bytes at 6 Mbit/s")
    range: Metres = Field(default=RANGE, gt=0, le=FAR, description="how far a sender is heard and disturbs")
    others: Count = Field(default=0, ge=0, le=100_000, description="senders within range that are not simulated")


class Tdma(Section):
    """Self-organising slots, in place of CSMA."""

    slots: Count = Field(default=100, ge=2, le=10_000, description="of a frame, which is a period of the radio")
    range: Metres = Field(default=RANGE, gt=0, le=FAR, description="how far a sender disturbs")


class Jitter(Section):
    """What chance adds to the latency: gamma distributed."""

    mean: Seconds = Field(gt=0, le=60, description="on average")
    sigma: Seconds | None = Field(
        default=None, gt=0, le=60, validate_default=True, description="1 sigma; absent: exponentially distributed"
    )

    @field_validator("sigma")
    @classmethod
    def _not_absurd(cls, sigma: float | None, info: ValidationInfo) -> float | None:
        mean = info.data.get("mean")
        if sigma is not None and mean is not None and not 0.01 <= sigma / mean <= 100:
            raise contradiction(f"is not between a hundredth and a hundred times the mean, {mean:g} s")
        return sigma


class Replay(Section):
    """Measured delays and losses; each link begins at another place of the trace."""

    delays: Text | None = Field(default=None, description="file with delays over time, which take the latency's place")
    losses: Text | None = Field(
        default=None, validate_default=True, description="file with the sequence numbers that were received"
    )

    @field_validator("losses")
    @classmethod
    def _something(cls, losses: str | None, info: ValidationInfo) -> str | None:
        if losses is None and info.data.get("delays", "") is None:
            raise lacking("delays", "losses")
        return losses


class Jamming(Section):
    """A time in which nothing is received: everywhere, near a place, or by some vehicles."""

    start: Seconds = Field(ge=0, le=DAY, description="from when on")
    end: Seconds = Field(gt=0, le=DAY, description="until when")
    vehicles: tuple[Annotated[Count, Field(ge=0, le=VEHICLES_MAX)], ...] | None = Field(
        default=None, description="who receives nothing; absent: all"
    )
    place: Metres | None = Field(default=None, ge=-FAR, le=FAR, description="where the jammer is, along the road")
    range: Metres | None = Field(
        default=None, gt=0, le=FAR, validate_default=True, description="how far around it nothing is received"
    )

    @field_validator("end")
    @classmethod
    def _after_the_start(cls, end: float, info: ValidationInfo) -> float:
        start = info.data.get("start")
        if start is not None and end <= start:
            raise contradiction(f"is not after the start, at {start:g} s")
        return end

    @field_validator("range")
    @classmethod
    def _of_a_place(cls, reach: float | None, info: ValidationInfo) -> float | None:
        place = info.data.get("place", reach)
        if (place is None) != (reach is None):
            raise lacking("range" if reach is None else "place")
        return reach


class Radio(Section):
    """The messages that each vehicle sends about itself, and what becomes of them on their way."""

    period: Period = Field(default=0.1, description="time between two messages")
    generation: Literal["periodic", "cam"] = Field(default="periodic", description="cam: only when ETSI's rules ask")
    latency: Seconds = Field(default=0.02, ge=0, le=10, description="from sending to arrival, at least")
    jitter: Jitter | None = Field(default=None, description="what chance adds to the latency")
    fading: Fading | None = Field(default=None, description="loss by distance")
    bursts: Bursts | None = Field(default=None, description="losses in a row")
    load: Load | None = Field(default=None, description="loss by the number of senders")
    tdma: Tdma | None = Field(default=None, description="slots in place of CSMA")
    replay: Replay | None = Field(default=None, description="measured delays and losses")
    model: Annotated[Text, AfterValidator(own.checked)] | None = Field(
        default=None, description="a model of your own, `module:Class`"
    )
    jamming: tuple[Jamming, ...] | None = Field(default=None, description="times in which nothing is received")
    loss: Share | None = Field(
        default=None,
        validate_default=True,
        description="share of messages that are lost, independently; takes the place of all other losses but jamming",
    )
    position_sigma: Metres = Field(default=0.1, ge=0, le=1000, description="noise of the position sent, 1 sigma")
    position_bias: Metres = Field(
        default=0.5, ge=0, le=1000, description="error of it that is constant in a run, 1 sigma"
    )
    speed_sigma: MetresPerSecond = Field(default=0.1, ge=0, le=100, description="noise of the speed sent, 1 sigma")
    acceleration_sigma: MetresPerSecond2 = Field(
        default=0.1, ge=0, le=100, description="noise of the acceleration sent, 1 sigma"
    )
    clock_offset: Seconds = Field(
        default=0.01, ge=0, le=1, description="bound on the offset between two vehicles' clocks"
    )

    @field_validator("tdma")
    @classmethod
    def _one_access(cls, tdma: Tdma | None, info: ValidationInfo) -> Tdma | None:
        if tdma is not None and info.data.get("load") is not None:
            raise contradiction("and radio.load exclude each other", "remove one of them")
        return tdma

    @field_validator("replay")
    @classmethod
    def _one_delay(cls, replay: Replay | None, info: ValidationInfo) -> Replay | None:
        if replay is not None and replay.delays is not None and info.data.get("jitter") is not None:
            raise contradiction("has delays, and radio.jitter excludes them", "remove one of them")
        return replay

    @field_validator("loss")
    @classmethod
    def _none_without_a_model(cls, loss: float | None, info: ValidationInfo) -> float | None:
        return 0.0 if loss is None and not _losing(info.data) else loss

    @property
    def is_perfect(self) -> bool:
        """Nothing is lost, and nothing comes later than the latency."""
        effects = (self.jitter, self.replay, self.model, self.jamming)
        return self.loss == 0.0 and not any(effects)


def jams_who_is_there(radio: Radio, info: ValidationInfo) -> Radio:
    """`radio` itself, if the vehicles that it jams are in the scenario, whose fields before it `info` has."""
    vehicles = info.data.get("vehicles", VEHICLES_MAX + 1)
    wrong = [
        (
            ("jamming", index, "vehicles", place),
            contradiction(f"{vehicle} is not in the scenario", f"vehicles are 0 to {vehicles - 1}"),
        )
        for index, one in enumerate(radio.jamming or ())
        for place, vehicle in enumerate(one.vehicles or ())
        if vehicle >= vehicles
    ]
    if wrong:
        raise refusal(*wrong)
    return radio


def warnings_of_radio(radio: Radio, end: float) -> list[str]:
    """What is not wrong, but perhaps not meant, in a scenario that ends at `end` (s)."""
    late = [index for index, one in enumerate(radio.jamming or ()) if one.start >= end]
    never = [f"radio.jamming[{index}] never begins: the scenario ends at {end:g} s" for index in late]
    if radio.loss is None:
        return never
    return [f"radio.loss {radio.loss:g} takes the place of radio.{name}" for name in _losing(dict(radio))] + never


def rarely_sent(radio: Radio, age_limit: float) -> list[str]:
    """What a scenario is told whose cars send by the rules of a CAM, where a level needs messages not older than that.

    Who drives steadily sends once it has gone on by `POSITION_CHANGE`, at one of the periods of the radio.
    """
    periods = floor((age_limit - radio.latency - radio.clock_offset) / radio.period) if isfinite(age_limit) else inf
    if not periods * radio.period < T_GEN_CAM_MAX / 1000.0:
        return []
    slowest = f"at {POSITION_CHANGE / (periods * radio.period):g} m/s and less" if periods > 0 else "at any speed"
    return [f"radio.generation: steady cars send CAMs too rarely {slowest} for age(lead.message) <= {age_limit:g} s"]


def _losing(sections: Mapping[str, Any]) -> list[str]:
    """Which sections of a radio lose messages."""
    found = []
    for path in LOSSES:
        value = reduce(lambda within, name: getattr(within, name, None), path[1:], sections.get(path[0]))
        found += [] if value is None else [".".join(path)]
    return found


LOSSES: tuple[tuple[str, ...], ...] = (  # what loses messages, and gives way to `loss`
    ("fading",),
    ("bursts",),
    ("load",),
    ("tdma",),
    ("replay", "losses"),
    ("model",),
)
