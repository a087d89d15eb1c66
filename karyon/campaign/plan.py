"""The plan of a campaign, checked: its strata, what varies in each, and the scenario of every run.

plan = plan_file.read("acc_faults")
runs = plan.runs(seed=5, number=2000, first=0, last=64)     # 64 of the 2,000, each as alone
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from math import prod
from pathlib import Path
from pkgutil import resolve_name
from typing import Any, Literal

import numpy as np

from karyon.campaign import sampling
from karyon.campaign.choices import Varied, put
from karyon.kernel import Design
from karyon.sim import kinds
from karyon.sim.documents import Keys
from karyon.sim.kinds import Kind
from karyon.sim.scenario import Loaded

Sampling = Literal["random", "sobol", "latin_hypercube", "grid"]


@dataclass(frozen=True)
class Stratum:
    """Runs of one kind.

    share, weight   of the runs, and of the world: 0..1, each adds up to 1 over the strata
    data            the scenario as plain data, one alternative in the place of each value that varies
    varied          what varies in it
    kind            of the scenario
    """

    name: str
    share: float
    weight: float
    data: dict[str, Any]
    varied: tuple[Varied, ...]
    kind: Kind

    @cached_property
    def shared(self) -> str:
        """What no two runs of one batch may differ in; runs of two strata go together where it is the same."""
        data = self.data
        for path in self.kind.free:
            data = _without(data, path)
        return repr(sorted(data.items()))

    def is_free(self, path: Keys) -> bool:
        """Whether the runs of one batch may differ in what is at `path`."""
        return any(path[: len(free)] == free for free in self.kind.free)

    def scenario(self, values: Sequence[Any], seed: int) -> Any:
        """The scenario of a run, of which `values` are what varies. Raises ValidationError."""
        data = self.data | {"seed": seed}
        for varied, value in zip(self.varied, values, strict=True):
            data = put(data, varied.path, varied.written(value))
        return kinds.model_of(self.kind).model_validate(data)


@dataclass(frozen=True)
class Run:
    """One run of a campaign.

    values   what varies, first in the scenario, then in the design, in the order of `Stratum.varied` and `Plan.varied`
    """

    number: int
    seed: int
    stratum: Stratum
    values: tuple[Any, ...]

    @property
    def of_scenario(self) -> tuple[Any, ...]:
        """Values of what varies in the scenario."""
        return self.values[: len(self.stratum.varied)]

    @property
    def of_design(self) -> tuple[Any, ...]:
        """Values of what varies in the design."""
        return self.values[len(self.stratum.varied) :]

    def scenario(self) -> Any:
        """Its scenario. Raises ValidationError."""
        return self.stratum.scenario(self.of_scenario, self.seed)

    @property
    def group(self) -> tuple[Any, ...]:
        """Runs that have the same can advance together: they differ only in what a batch may differ in."""
        shared = [
            (varied.path, value)
            for varied, value in zip(self.stratum.varied, self.of_scenario, strict=True)
            if not self.stratum.is_free(varied.path)
        ]
        return (self.stratum.shared, *shared, *self.of_design)


@dataclass(frozen=True)
class Plan:
    """A plan that has been checked; it needs no file any more but the recordings that its scenario names.

    design, varied   the safety design as plain data, and what varies in it
    files            those that its scenarios name: path and SHA-256
    text             of the plan, as it can be read again
    content, base    what the plan says, and the scenario's and design's text: a change of any is another campaign
    folder           where the plan's file is
    """

    name: str
    sampling: Sampling
    run_limit: float
    strata: tuple[Stratum, ...]
    design: Any
    varied: tuple[Varied, ...]
    loaded: Loaded[Any]
    files: tuple[tuple[str, str], ...]
    text: str
    content: str
    base: str
    folder: Path = field(compare=False)

    @cached_property
    def cells(self) -> list[int]:
        """Cells of the grid, per stratum."""
        return [prod(len(one.cells()) for one in (*stratum.varied, *self.varied)) for stratum in self.strata]

    def runs(self, seed: int, number: int, first: int, last: int) -> list[Run]:
        """The runs from `first` to `last`, this one excluded, of a campaign of `number` runs."""
        where, index = self._places(seed, number)
        found: list[Run] = [None] * (last - first)  # type: ignore[list-item]
        seeds = sampling.seeds(seed, first, last)
        for order, stratum in enumerate(self.strata):
            mine = first + np.flatnonzero(where[first:last] == order)
            if not len(mine):
                continue
            size = int(np.count_nonzero(where == order))
            values = self._values(order, seed, size, int(index[mine[0]]), int(index[mine[-1]]) + 1)
            for run, each in zip(mine, values, strict=True):
                found[run - first] = Run(int(run), int(seeds[run - first]), stratum, each)
        return found

    def _places(self, seed: int, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Stratum of each run, and how many runs of the stratum come before it."""
        if self.sampling == "grid":
            return _grid_places(tuple(self.cells), number)
        return _places(tuple(one.share for one in self.strata), seed if self.sampling == "random" else None, number)

    def _values(self, order: int, seed: int, size: int, first: int, last: int) -> list[tuple[Any, ...]]:
        varied = (*self.strata[order].varied, *self.varied)
        if self.sampling == "grid":
            return sampling.cells([one.cells() for one in varied], first, last)
        points = sampling.points(self.sampling, len(varied), seed, order, size, first, last).tolist()
        return [tuple(one.choice.at(share) for one, share in zip(varied, point, strict=True)) for point in points]

    def at(self, order: int, number: int, seed: int, point: Sequence[float]) -> Run:
        """The run at a point (0..1 for each value that varies) of a stratum: for who searches rather than samples."""
        stratum = self.strata[order]
        varied = (*stratum.varied, *self.varied)
        return Run(number, seed, stratum, tuple(one.choice.at(x) for one, x in zip(varied, point, strict=True)))

    @property
    def kind(self) -> Kind:
        """The kind of its scenario."""
        return self.strata[0].kind

    def design_of(self, scenario: Any, values: Sequence[Any]) -> Design:
        """The design of a run, of which `values` are what varies in the design."""
        design = Design.parse(self.design_data(values))
        if not self.kind.chosen:
            return design
        chosen: Design = resolve_name(self.kind.chosen)(design, scenario)
        return chosen

    def design_data(self, values: Sequence[Any]) -> Any:
        """The same as plain data, as a file would have it."""
        data = self.design
        for varied, value in zip(self.varied, values, strict=True):
            data = put(data, varied.path, varied.written(value))
        return data


def _without(data: dict[str, Any], path: Keys) -> dict[str, Any]:
    """Plain data without what is at `path`, if it is there."""
    key, rest = str(path[0]), path[1:]
    if not rest or not isinstance(data.get(key), dict):
        return {name: value for name, value in data.items() if rest or name != key}
    return data | {key: _without(data[key], rest)}


@lru_cache(maxsize=4)
def _places(shares: tuple[float, ...], seed: int | None, number: int) -> tuple[np.ndarray, np.ndarray]:
    where = sampling.allotted(shares, number) if seed is None else sampling.drawn(shares, seed, number)
    return where, _ranks(where, len(shares))


@lru_cache(maxsize=4)
def _grid_places(cells: tuple[int, ...], number: int) -> tuple[np.ndarray, np.ndarray]:
    """All cells of the first stratum, of the second ...; then all of them again, with other seeds."""
    once = np.repeat(np.arange(len(cells), dtype=np.uint16), cells)
    where = np.resize(once, number)
    return where, _ranks(where, len(cells))


def _ranks(where: np.ndarray, strata: int) -> np.ndarray:
    index = np.empty(len(where), dtype=np.int64)
    for order in range(strata):
        mine = np.flatnonzero(where == order)
        index[mine] = np.arange(len(mine))
    return index
