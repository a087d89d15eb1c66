"""What the tests of KARYON have shown last: results of the suite, and how many mutants of the kernel it finds.

    runs/validation/tests.xml       of `make test`, in the JUnit format; its suite is named by the commit
    karyon/evidence/mutants.json    of `make mutants`, with the hash of the sources that were mutated

python -m karyon.evidence.validation    takes over what mutmut has counted
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from karyon.campaign.statistics import clopper_pearson
from karyon.sim.shipped import PACKAGE

TESTS, MUTANTS = PACKAGE.parent / "runs/validation/tests.xml", PACKAGE / "evidence/mutants.json"
MUTATED = PACKAGE / "kernel"
OUTCOMES = ("killed", "timeout", "segfault", "suspicious", "survived", "no_tests")  # of a mutant that was tried
PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"


@dataclass(frozen=True, slots=True)
class Suite:
    """Results of the test suite.

    commit     on which it ran; `-dirty` behind it: with local changes
    outcomes   by test: file::name, all its parameters together, the worst of them
    """

    commit: str
    when: str
    seconds: float
    counts: dict[str, int]
    outcomes: dict[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Mutants:
    """How many mutants the tests find; `is_current`: whether they are of the sources that run here.

    mutants   that were tried: all of them, or a random sample
    there_are all that can be made of the sources
    """

    of: str
    mutants: int
    there_are: int
    survived: int
    measured: str
    is_current: bool

    @property
    def score(self) -> float:
        """Share of the mutants tried that the tests find."""
        return 1.0 - self.survived / self.mutants

    @property
    def interval(self) -> tuple[float, float] | None:
        """95 % interval of the share of all mutants that the tests find; None: all were tried.

        Drawn without replacement the binomial interval is a little too wide.
        """
        if self.mutants == self.there_are:
            return None
        low, high = clopper_pearson(self.mutants - self.survived, self.mutants)
        return float(low), float(high)


def suite(path: Path = TESTS) -> Suite | None:
    """The last results; None where there are none, or where they cannot be read."""
    try:
        whole = ElementTree.parse(path).getroot()
        (told,) = whole.iter("testsuite")
        outcomes: dict[str, str] = {}
        for case in told.iter("testcase"):
            name, found = _name(case.get("classname", ""), case.get("name", "")), _outcome(case)
            outcomes[name] = max(outcomes.get(name, found), found, key=(SKIPPED, PASSED, FAILED).index)
        counts = dict(Counter(_outcome(case) for case in told.iter("testcase")))
        return Suite(told.get("name", ""), told.get("timestamp", ""), float(told.get("time", 0.0)), counts, outcomes)
    except (OSError, ValueError, ElementTree.ParseError):
        return None


def _name(classname: str, name: str) -> str:
    """`tests.kernel.test_rules` or `tests.kernel.test_rules.TestX`, and `test_y[1]`, as `trace` has them."""
    parts, inner = classname.split("."), list[str]()
    while parts and not parts[-1].startswith("test_"):
        inner.insert(0, parts.pop())
    return "::".join(["/".join(parts) + ".py", *inner, name.split("[", maxsplit=1)[0]])


def _outcome(case: ElementTree.Element) -> str:
    tags = {each.tag for each in case}
    return FAILED if tags & {"failure", "error"} else SKIPPED if "skipped" in tags else PASSED


def outcome(of: Suite | None, test: str) -> str:
    """What came of a test, or of all tests of a class that it inherits; empty: it was not run."""
    if of is None:
        return ""
    found = [each for name, each in of.outcomes.items() if name == test or name.startswith(f"{test}::")]
    return max(found, key=(SKIPPED, PASSED, FAILED).index, default="")


def mutants(path: Path = MUTANTS) -> Mutants | None:
    """The last mutation score; None where nobody has measured it."""
    try:
        told: dict[str, Any] = json.loads(path.read_text("utf-8"))
        is_current = told["sources_sha256"] == sources()
        tried, there_are, survived = (int(told[name]) for name in ("mutants", "there_are", "survived"))
        return Mutants(told["of"], tried, there_are, survived, told["measured"], is_current)
    except (OSError, ValueError, KeyError):
        return None


def sources() -> str:
    """A hash of the sources that are mutated."""
    found = sorted(MUTATED.glob("*.py"))
    return hashlib.sha256(b"".join(path.name.encode() + path.read_bytes() for path in found)).hexdigest()


def keep(stats: Path) -> None:
    """Take over what mutmut has counted; if it was stopped before it had tried all, what it tried has to be a random
    sample. Raises OSError, KeyError.
    """
    told = json.loads(stats.read_text("utf-8"))
    tried = sum(told[outcome] for outcome in OUTCOMES)
    found = {"of": "karyon/kernel", "mutants": tried, "there_are": told["total"]}
    found |= {"survived": told["survived"] + told["no_tests"]}
    found |= {"measured": datetime.now(UTC).strftime("%Y-%m-%d"), "sources_sha256": sources()}
    MUTANTS.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    keep(Path("mutants/mutmut-cicd-stats.json"))
