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


@dataclass(frozen=True, slots=True)
class Validation:
    """A part of the suite by which the tool is validated: what it shows, by what means, and in which files."""

    shows: str
    by: str
    files: tuple[str, ...]


VALIDATION = (
    Validation(
        "The kernel decides as its rules say",
        "oracle: a slow reference that shares no code with it, on random designs and streams",
        ("tests/kernel/test_kernel_against_reference.py", "tests/kernel/test_rules.py"),
    ),
    Validation(
        "Bounds on switch times hold",
        "oracle: enumeration of all phases; measured against runs",
        ("tests/kernel/test_timing.py", "tests/sim/test_latency.py"),
    ),
    Validation(
        "Detectors are what their papers define",
        "oracle: definitions, on random input",
        ("tests/perception/test_detectors.py", "tests/perception/test_failures.py"),
    ),
    Validation(
        "The safe distance is that of RSS",
        "oracle: the library ad-rss",
        ("tests/control/test_rss.py", "tests/control/test_cruise.py"),
    ),
    Validation(
        "No disagreement outlives a round",
        "oracle: the model checker spin",
        ("tests/models/test_agreement_model.py", "tests/cooperation/test_agreement.py"),
    ),
    Validation(
        "Failures in recordings are found",
        "real data: recorded cars, sensors and messages",
        ("tests/logs/test_recorded_signals.py", "tests/sim/test_recordings.py", "tests/hil/test_real_logs.py"),
    ),
    Validation(
        "A run has the same bits, alone or in a batch, on any number of workers, and again",
        "determinism: compared bit for bit",
        ("tests/campaign/test_rows.py", "tests/campaign/test_workers.py", "tests/test_compiled_following.py"),
    ),
    Validation(
        "Intervals cover what they say",
        "oracle: all outcomes that there can be, counted; scipy",
        ("tests/campaign/test_statistics.py", "tests/evidence/test_claims.py"),
    ),
    Validation(
        "Cut sets, ASIL and decomposition are right",
        "oracle: brute force, Debian's scram, the tables of the standard",
        ("tests/evidence/test_fault_tree.py", "tests/evidence/test_hara.py"),
    ),
    Validation(
        "Nothing is reported of doctored or mixed runs, and no gap is hidden",
        "negative tests: each way to spoil a campaign, a case or a bundle",
        ("tests/evidence/test_command.py", "tests/evidence/test_case.py", "tests/evidence/test_seal.py"),
    ),
)


@dataclass(frozen=True, slots=True)
class KnownIssue:
    """Something that is known to be wrong or weak, in which versions, and what to do about it."""

    id: str
    affects: str
    text: str
    measure: str


KNOWN_ISSUES = (
    KnownIssue(
        "KI1",
        "0.1.0",
        "Bits of a run differ between CPUs with and without AVX-512, as those of NumPy do.",
        "The features are recorded, and the report says where they differ: replay on the same kind of CPU.",
    ),
    KnownIssue(
        "KI2",
        "0.1.0",
        "What is wrong from the first sample on, by less than `karyon check` says would be seen, is believed.",
        "Assumption AM3 of the shipped case: a check before the start.",
    ),
    KnownIssue(
        "KI3",
        "0.1.0",
        "Intervals of campaigns with Sobol points or Latin hypercubes have no guaranteed coverage.",
        "`sampling: random` has it, at the price of more runs.",
    ),
    KnownIssue(
        "KI4",
        "0.1.0",
        "Fault trees have single failure modes, common causes, and failures while nobody is heard: no other pairs.",
        "Assumption AM2, and the analysis of dependent failures in section 8 of a report.",
    ),
    KnownIssue(
        "KI5",
        "0.1.0",
        "Results that were forged together with all of their hashes are not found out by `karyon evidence`.",
        "Replay runs of your choice (`karyon replay`); seal what you have made yourself.",
    ),
    KnownIssue(
        "KI6",
        "0.1.0",
        "An installed package has no tests beside it: its reports show every requirement as not tested.",
        "Make reports from a checkout of the version.",
    ),
)

LIMITATIONS = (
    "No independent body has qualified KARYON. The levels above are the authors' own classification.",
    "The suite runs on the developers' machines; an assessor runs it again: `make test`, `make mutants`.",
    "Python, NumPy and the operating system are taken as they are; their bits are recorded, and not qualified.",
    "TCL2 asks for qualification by one of the methods of ISO 26262-8, 11.4.6, at the ASIL of the item.",
    "Clauses of the standard are cited from contents lists and secondary sources; an assessor checks them in the "
    "standard.",
)
