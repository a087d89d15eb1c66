"""What a picture says of the run itself: its name, the levels of its function, what its rules demand of the signals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf, nan
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field, FiniteFloat

from karyon.kernel.design import Function
from karyon.sim import analysis, kinds
from karyon.sim.backdrop import Backdrop
from karyon.sim.scenario import KernelSwitch, Loaded
from karyon.sim.units import Metres, MetresPerSecond2
from karyon.sim.view import recorded

CARS, AIRCRAFT = ("car", "cars"), ("aircraft", "aircraft")
SIGNALS_MOST = 20  # of more than these only those that rules name are shown


@dataclass(frozen=True, slots=True)
class About:
    """A run.

    function         that it is about, of which the levels are shown
    backdrop         what lies under the cars; None: a straight road
    duration         s, of the whole run, also of one that is not there yet
    is_bench         whether real devices are judged, in shadow mode
    sensor_range     m
    braking          m/s², declared; NaN: of aircraft
    signals          those that have a validity, in the order of the trace; of a bench those that it has
    level_names      of its function; none where the safety design is not there, or has changed since
    reaction_times   s, of each of these levels
    minimum          validity that the rules demand, by signal
    age_limit        s, by signal; inf: none
    goals_broken     safety goals; of a run that still goes on, none yet
    called           what its vehicles are called, one and several
    apart            m across and m in altitude that each level keeps; empty: on the ground
    """

    name: str
    seed: int
    function: str
    backdrop: Backdrop | None
    duration: float
    kernel_enabled: bool
    is_bench: bool
    sensor_range: float
    braking: float
    signals: tuple[str, ...]
    level_names: tuple[str, ...]
    reaction_times: tuple[float, ...]
    minimum: Mapping[str, float]
    age_limit: Mapping[str, float]
    goals_broken: tuple[str, ...]
    called: tuple[str, str] = CARS
    apart: tuple[tuple[float, float], ...] = ()

    @property
    def is_air(self) -> bool:
        """Whether it is about aircraft."""
        return self.called == AIRCRAFT


class _Summary(BaseModel):
    scenario: str
    seed: int
    duration: FiniteFloat
    design_sha256: str
    safety_goals: dict[str, recorded.Goal]


class _Vehicle(BaseModel):
    braking: MetresPerSecond2


class _Sensor(BaseModel):
    range: Metres = inf
    origin: str | None = Field(default=None, alias="from")

    @property
    def is_there(self) -> bool:
        return self.origin != "absent"


class _Setting(BaseModel):
    kind: str
    vehicle: _Vehicle | None = None
    kernel: KernelSwitch
    sensors: dict[str, _Sensor] = {}
    local: _Sensor = _Sensor()
    safety: str


def about_scenario(loaded: Loaded[Any], columns: Sequence[str]) -> About:
    """Of a run that is simulated now."""
    scenario = loaded.scenario
    data = scenario.model_dump(mode="json", by_alias=True)
    summary = _Summary(
        scenario=loaded.name, seed=scenario.seed, duration=scenario.duration, design_sha256="", safety_goals={}
    )
    setting = _Setting.model_validate(data)
    function = loaded.design.function(kinds.function_of_word(setting.kind))
    return _about(summary, setting, function, data, columns)


def about_folder(folder: Path, columns: Sequence[str]) -> About:
    """Of a recorded run. Raises RunError."""
    summary = recorded.summary_of(_Summary, folder)
    data = recorded.data_of(folder)
    setting = recorded.setting_of(_Setting, folder)
    name = kinds.function_of_word(setting.kind)
    function = recorded.function_of(folder, setting.safety, summary.design_sha256, name)
    return _about(summary, setting, function, data, columns)


def _about(
    summary: _Summary, setting: _Setting, function: Function | None, data: Mapping[str, Any], columns: Sequence[str]
) -> About:
    signals = tuple(name.removesuffix("_validity") for name in columns if name.endswith("_validity"))
    is_bench = any(sensor.origin == "mqtt" for sensor in setting.sensors.values())
    if is_bench:
        signals = tuple(name for name in signals if name in setting.sensors and setting.sensors[name].is_there)
    levels, guarded = ((), ()) if function is None else (function.levels, tuple(analysis.guards(function)))
    demanded = [] if function is None else [(name, function) for name in signals if name in guarded]
    radar = setting.sensors.get("front.distance", setting.local)
    is_air = setting.vehicle is None
    if len(signals) > SIGNALS_MOST:
        signals = tuple(name for name in signals if name in guarded)
    return About(
        name=summary.scenario,
        seed=summary.seed,
        function=kinds.function_of_word(setting.kind),
        called=AIRCRAFT if is_air else CARS,
        backdrop=kinds.backdrop(setting.kind, data),
        duration=summary.duration,
        kernel_enabled=setting.kernel.enabled,
        is_bench=is_bench,
        sensor_range=radar.range,
        braking=nan if setting.vehicle is None else setting.vehicle.braking,
        signals=signals,
        level_names=tuple(level.name for level in levels),
        reaction_times=tuple(level.reaction_time or 0.0 for level in levels),
        apart=tuple(_apart(level.controller) for level in levels) if is_air else (),
        minimum={name: analysis.minimum_validity(rules, name) for name, rules in demanded},
        age_limit={name: analysis.age_limit(rules, name) for name, rules in demanded},
        goals_broken=tuple(name for name, goal in summary.safety_goals.items() if goal.violated),
    )


def _apart(controller: Mapping[str, float | str]) -> tuple[float, float]:
    """What a level of flight keeps across, and in altitude, m."""
    return float(controller["horizontal"]), float(controller["vertical"])
