"""Hazard analysis and risk assessment: the ASIL of a hazardous event, decomposition, and the HAZOP table.

[ISO 26262-3:2018, clause 6, table 4; ISO 26262-9:2018, clause 5]
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Literal

from karyon.evidence.case import Case

Severity = Literal["S0", "S1", "S2", "S3"]
Exposure = Literal["E0", "E1", "E2", "E3", "E4"]
Controllability = Literal["C0", "C1", "C2", "C3"]

LEVELS = ("QM", "A", "B", "C", "D")
DECOMPOSITIONS = {  # what may take the place of a requirement of this ASIL, if the two are independent
    "D": {("C", "A"), ("B", "B"), ("D", "QM")},
    "C": {("B", "A"), ("C", "QM")},
    "B": {("A", "A"), ("B", "QM")},
    "A": {("A", "QM")},
}


def asil(severity: str, exposure: str, controllability: str) -> str:
    """The ASIL of a hazardous event, `QM` where none is assigned.

    The table is a sum: with S3, E4, C3 as D, each class less is one ASIL less. Class 0 of any of the three: QM.
    """
    classes = [int(each[1]) for each in (severity, exposure, controllability)]
    return LEVELS[max(0, sum(classes) - 6)] if all(classes) else "QM"


def rank(level: str) -> int:
    """0 for QM to 4 for D; of `B(D)`, a decomposed one, that of B."""
    return LEVELS.index(level.split("(", maxsplit=1)[0])


def is_decomposition(whole: str, parts: tuple[str, str]) -> bool:
    """Whether two requirements of these ASIL may take the place of one of ASIL `whole`."""
    ordered = tuple(sorted((each.split("(")[0] for each in parts), key=rank, reverse=True))
    return ordered in DECOMPOSITIONS.get(whole.split("(", maxsplit=1)[0], set())


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of the HAZOP table: the hazard it leads to, or why to none; neither: nobody has looked."""

    function: str
    guideword: str
    situation: str
    effect: str
    hazard: str | None
    dismissed: str | None

    @property
    def is_empty(self) -> bool:
        """Whether the case says nothing of it."""
        return self.hazard is None and self.dismissed is None


def table(case: Case) -> Iterator[Cell]:
    """Each cell of function x guideword x situation, also those of which nothing is said."""
    said = {
        (one.function, one.guideword, situation): one
        for one in case.hazop.cells
        for situation in one.situations or tuple(case.situations)
    }
    for key in product(case.item.functions, case.hazop.guidewords, case.situations):
        one = said.get(key)
        yield Cell(*key, one.effect if one else "", one.hazard if one else None, one.dismissed if one else None)
