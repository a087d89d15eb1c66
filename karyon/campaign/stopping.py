"""When a campaign may end before its last run, without cheating: `--until-width`, `--until-claim`.

One looks at the runs in the order of their numbers, after each so many and after the last; which of them come first, on
however many workers, decides nothing. So it ends after the same run whatever computes it. What came to nothing counts
as a violation.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from karyon.campaign.folder import CampaignError, Folder
from karyon.campaign.plan import Plan
from karyon.campaign.rows import OK
from karyon.campaign.statistics import Verdict, claim, confidence_sequence

EVERY = 100  # runs between two looks

CLAIM = re.compile(r"([0-9.eE+-]+)@([0-9.]+)%")


@dataclass(frozen=True)
class Width:
    """Until the interval of the rate is as narrow as this."""

    width: float

    def verdict(self, violations: int, runs: int) -> Verdict:
        """Whether it is, after so many runs."""
        low, high = confidence_sequence(violations, runs)
        return Verdict.SHOWN if high - low <= self.width else Verdict.OPEN

    def __str__(self) -> str:
        return f"an interval at most {self.width:g} wide"


@dataclass(frozen=True)
class Claim:
    """Until it is shown, or refuted, that the rate is below a limit."""

    limit: float
    confidence: float

    def verdict(self, violations: int, runs: int) -> Verdict:
        """What so many runs say of it."""
        return claim(violations, runs, self.limit, self.confidence)

    def __str__(self) -> str:
        return f"rate below {self.limit:g}, with {100 * self.confidence:g} % confidence"


Stop = Width | Claim


def stop_of(plan: Plan, width: float | None, wanted: str | None) -> Stop | None:
    """What the user's options say. Raises CampaignError."""
    if width is None and wanted is None:
        return None
    if width is not None and wanted is not None:
        raise CampaignError("--until-width and --until-claim exclude each other")
    if plan.sampling != "random" or any(stratum.share != stratum.weight for stratum in plan.strata):
        raise CampaignError(
            f"a campaign that ends when it knows enough needs independent runs: `sampling: random`, and strata without "
            f"`weight`; {plan.name} has `sampling: {plan.sampling}`"
        )
    if width is not None:
        return Width(width)
    found = CLAIM.fullmatch(wanted or "")
    try:
        limit, confidence = float(found[1]), float(found[2]) / 100.0  # type: ignore[index]
    except (TypeError, ValueError):
        raise CampaignError(f"--until-claim is LIMIT@CONFIDENCE, such as 1e-4@95%, found {wanted}") from None
    if not (0.0 < limit < 1.0 and 0.5 <= confidence < 1.0):
        raise CampaignError(f"--until-claim is a rate between 0 and 1 at 50 to 100 % confidence, found {wanted}")
    return Claim(limit, confidence)


def _may_violate(rows: pa.Table) -> np.ndarray:
    """Which runs violated a goal, or came to nothing, and may have violated one (run,)."""
    return np.array([outcome != OK for outcome in rows["outcome"].to_pylist()], dtype=bool)


class Watch:
    """Looks at the runs of a folder as they come.

    runs      after which the campaign may end; None: not yet
    verdict   what was found there
    """

    def __init__(self, stop: Stop, folder: Folder) -> None:
        self._stop, self._folder = stop, folder
        self._forget()

    def _forget(self) -> None:
        self._violated = np.zeros(0, dtype=bool)
        self._looked = 0
        self._drops = self._folder.drops
        self.runs: int | None = None
        self.verdict = Verdict.OPEN

    def look(self) -> bool:
        """Whether the runs that are there, without a gap from the first on, are enough."""
        if self._drops != self._folder.drops:  # of a worker that has lied: what was seen of it counts no more
            self._forget()
        if self.runs is not None:
            return True
        new = [_may_violate(table) for table in self._folder.rows_from(len(self._violated))]
        self._violated = np.concatenate([self._violated, *new]).astype(bool)
        while (then := min(self._looked + EVERY, self._folder.number)) <= len(self._violated) and then > self._looked:
            self._looked = then
            self.verdict = self._stop.verdict(int(self._violated[: self._looked].sum()), self._looked)
            if self.verdict != Verdict.OPEN:
                self.runs = self._looked
                return True
        return False
