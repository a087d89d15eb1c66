"""What a report says of KARYON itself: use cases, their confidence levels, validation with its last result, issues."""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

from karyon.evidence import confidence, validation
from karyon.evidence.validation import Suite
from karyon.sim.shipped import PACKAGE

KINDS = (validation.PASSED, validation.FAILED, validation.SKIPPED)


def content(suite: Suite | None) -> dict[str, Any]:
    """The part on tool confidence as plain data; null: nobody has measured it."""
    mutants = validation.mutants()
    return {
        "use_cases": [asdict(one) | {"level": one.level} for one in confidence.USE_CASES],
        "suite": _suite(suite),
        "validation": [asdict(one) | _counted(suite, one.files) for one in confidence.VALIDATION],
        "mutants": None
        if mutants is None
        else asdict(mutants) | {"score": mutants.score, "interval": mutants.interval},
        "known_issues": [asdict(one) for one in confidence.KNOWN_ISSUES],
        "limitations": list(confidence.LIMITATIONS),
    }


def is_current(suite: Suite | None) -> bool:
    """Whether the suite ran on the very program that runs here."""
    head, is_dirty = commit()
    return suite is not None and head is not None and suite.commit == head and not is_dirty


def _suite(suite: Suite | None) -> dict[str, Any]:
    found: dict[str, Any] = {"current": is_current(suite), "commit": None, "when": None, "seconds": None}
    if suite is None:
        return found | dict.fromkeys(KINDS) | {"said": "No results of the test suite are beside this program."}
    counts = {kind: suite.counts.get(kind, 0) for kind in KINDS}
    told = ", ".join(f"{count:,} {kind}" for kind, count in counts.items())
    said = f"{told} on commit {suite.commit[:12] or 'unknown'}{'-dirty' if suite.commit.endswith('-dirty') else ''}"
    said += "." if found["current"] else ", which is not what runs here."
    return found | counts | {"commit": suite.commit, "when": suite.when, "seconds": suite.seconds, "said": said}


def _counted(suite: Suite | None, files: Sequence[str]) -> dict[str, int | None]:
    """Results of the tests in these files; None: none of them was run."""
    outcomes = suite.outcomes if suite else {}
    found = Counter(result for name, result in outcomes.items() if name.split("::")[0] in files)
    return {kind: found[kind] if found else None for kind in KINDS}


@cache
def commit() -> tuple[str | None, bool]:
    """The commit of the checkout that runs, and whether it has changes; None where it is no checkout."""
    root = PACKAGE.parent
    if not (root / ".git").exists():
        return None, False
    try:
        head = _git(root, "rev-parse", "HEAD").strip()
        return head, bool(_git(root, "status", "--porcelain", "--untracked-files=no").strip())
    except (OSError, subprocess.CalledProcessError):
        return None, False


def _git(root: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True, check=True, timeout=30)
    return done.stdout
