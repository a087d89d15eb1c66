"""The operational design domain, held against what the plans of the campaigns sample of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from karyon.evidence import credibility
from karyon.evidence.case import Case, Condition
from karyon.evidence.runs import Campaign


@dataclass(frozen=True, slots=True)
class Compared:
    """A condition, and from where to where the plans sample its quantity, in SI; None: no plan has any of it."""

    condition: Condition
    sampled: tuple[float, float] | None

    @property
    def unit(self) -> str:
        """Of both ranges; empty where there are none."""
        return credibility.UNITS[self.condition.quantity] if self.condition.quantity else ""

    @property
    def inside(self) -> tuple[float, float] | None:
        """What of the stated range lies between the least and the most that was sampled; None: nothing."""
        if self.condition.range is None or self.sampled is None:
            return None
        low, high = max(self.condition.range[0], self.sampled[0]), min(self.condition.range[1], self.sampled[1])
        return (low, high) if low <= high else None

    @property
    def share(self) -> float | None:
        """The length of `inside` as a part of the stated range; None: no range is stated."""
        if self.condition.range is None:
            return None
        (low, high), found = self.condition.range, self.inside
        return 0.0 if found is None else (found[1] - found[0]) / (high - low)

    @property
    def is_beyond(self) -> bool:
        """Whether only a part of a stated range was sampled."""
        return self.inside is not None and self.share != 1.0

    @property
    def is_nothing(self) -> bool:
        """Whether no run has anything of it: no figure and no word says so."""
        return self.condition.runs is None and self.inside is None

    @property
    def in_words(self) -> str:
        """Both ranges and the share."""
        if self.condition.range is None or self.sampled is None:
            return "not sampled"
        ends = (self.condition.range, self.sampled)
        stated, sampled = (f"{low:g} to {high:g}" if low < high else f"{low:g} only" for low, high in ends)
        return f"{stated} {self.unit}, sampled {sampled}: {100 * (self.share or 0.0):.0f} %"


def compared(case: Case, campaigns: Iterable[Campaign]) -> dict[str, Compared]:
    """Each condition of the domain, by its name."""
    plans = [campaign.plan for campaign in campaigns]
    found = {}
    for name, condition in case.odd.items():
        ends = [credibility.extent(plan, condition.quantity) for plan in plans] if condition.quantity else []
        known = [each for each in ends if each is not None]
        sampled = (min(low for low, _ in known), max(high for _, high in known)) if known else None
        found[name] = Compared(condition, sampled)
    return found
