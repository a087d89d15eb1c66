"""Confidence in the tool: what KARYON is used for in a safety case, and what a malfunction of it could do there.

[ISO 26262-8:2018, clause 11: tool impact TI, tool error detection TD, tool confidence level TCL]
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class UseCase:
    """A use of the tool.

    impact      TI2: a malfunction can introduce an error, or fail to detect one; TI1: it cannot
    detection   TD1: high confidence that it is noticed; TD2: medium; TD3: all else
    measures    why that confidence
    """

    name: str
    malfunction: str
    impact: Literal["TI1", "TI2"]
    detection: Literal["TD1", "TD2", "TD3"]
    measures: str

    @property
    def level(self) -> str:
        """The tool confidence level, by the table of the standard."""
        return "TCL1" if self.impact == "TI1" else f"TCL{self.detection[-1]}"


USE_CASES = (
    UseCase(
        "Bounds on switch times (`karyon check`)",
        "A bound is stated that is too short",
        "TI2",
        "TD2",
        "Every run measures against the bound, and a longer time in command is a violation; properties of the timing "
        "are tested against a slow reference.",
    ),
    UseCase(
        "Simulation of faults (`karyon run`, `karyon campaign`)",
        "A run is counted as safe that is not, or a fault is not injected",
        "TI2",
        "TD2",
        "Each injection counts the samples that it changed; invariants (collision, RSS distance) are computed apart "
        "from the controllers, and the RSS distance is tested against the library ad-rss; a run repeats bit for bit.",
    ),
    UseCase(
        "Statistics (intervals, claims)",
        "An interval is too narrow",
        "TI2",
        "TD1",
        "The coverage of the intervals is tested by counting all outcomes there can be.",
    ),
    UseCase(
        "Fault trees, minimal cut sets, FMEA (`karyon evidence`)",
        "A cut set or a failure mode is left out",
        "TI2",
        "TD2",
        "Trees follow from the rules that the kernel runs; cut sets are tested against brute force on random trees, "
        "and the Open-PSA files can be read by another tool.",
    ),
    UseCase(
        "The report itself",
        "A number stands in it that no run has, or a gap is hidden",
        "TI2",
        "TD2",
        "Rows are held against the digest of their campaign; all content is in report.json; gaps are shown both ways, "
        "and a report with gaps is a draft on every page.",
    ),
    UseCase(
        "Pictures and the window",
        "A picture misleads",
        "TI1",
        "TD3",
        "Nothing is decided by a picture; the numbers stand beside it.",
    ),
)

VALIDATION = (
    "Qualification by validation of the tool (ISO 26262-8, 11.4.9) is what the test suite is for: oracles (slow "
    "references, ad-rss, published values), real recordings, properties on random input, determinism across batch "
    "sizes and workers.",
    "The result of that suite for this version is not in this report: run `make test` on the commit that is named in "
    "the appendix, and keep its output beside the report.",
)

LIMITATIONS = (
    "No independent body has qualified KARYON. The levels above are the authors' own classification.",
    "Python, NumPy and the operating system are taken as they are; their bits are recorded, and not qualified.",
    "TCL2 asks for qualification by one of the methods of ISO 26262-8, 11.4.6, at the ASIL of the item.",
    "Clauses of the standard are cited from contents lists and secondary sources; an assessor checks them in the "
    "standard.",
)
