"""`karyon evidence`: from campaigns and a safety design to a report, or the reasons why there is none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from karyon.evidence import (
    case,
    change,
    claims,
    fault_tree,
    fmea,
    gaps,
    pages,
    runs,
    seal,
    standing,
    tool,
    trace,
    validation,
)
from karyon.evidence.case import SafetyDesign
from karyon.evidence.claims import SHOWN
from karyon.evidence.runs import Campaign, EvidenceError, Runs
from karyon.evidence.standing import Evidence, counted

MOST_REASONS = 30


def collect(folders: Sequence[Path], design: Path, is_draft: bool) -> Evidence:
    """Everything the report rests on, checked. Raises InputError, EvidenceError; for gaps, too, if it is no draft."""
    of = case.read(design)
    found = _evidence(of, runs.read(folders, of))
    if found.gaps and not is_draft:
        told = [str(gap) for gap in found.gaps[:MOST_REASONS]]
        more = [f"... and {len(found.gaps) - MOST_REASONS} more"] if len(found.gaps) > MOST_REASONS else []
        raise EvidenceError([*told, *more, f"{_open(found)}: --draft makes a report that says so"])
    return found


def _open(of: Evidence) -> str:
    return counted(len(of.gaps), "gap is open", "gaps are open")


def _evidence(of: SafetyDesign, read: Runs) -> Evidence:
    results = claims.judge(of, read.campaigns, read.sessions)
    tests = trace.tests(trace.own_tests())
    found = [*gaps.find(of, tests), *gaps.of_claims(of, results)]
    tried = fmea.measured(of.design, read.campaigns) if of.case.occurrence else {}
    return Evidence(
        of,
        read.campaigns,
        results,
        tests,
        found,
        _trees(of, None),
        is_draft=bool(found),
        searches=read.searches,
        sessions=read.sessions,
        suite=validation.suite(),
        measured_trees=_trees(of, tried) if tried else {},
    )


def _trees(of: SafetyDesign, tried: fmea.Tried | None) -> dict[str, fault_tree.Gate]:
    """Of each goal with which rules have to do; by what runs have measured where they are given."""
    found = {name: fault_tree.of_goal(of, name, goal, tried) for name, goal in of.case.goals.items()}
    return {name: tree for name, tree in found.items() if tree is not None}


def write(of: Evidence, out: Path, key: Ed25519PrivateKey | None) -> list[Path]:
    """The files of the report, sealed where there is a key. Raises EvidenceError, OSError."""
    if key is not None and out.is_dir() and any(out.iterdir()):
        raise EvidenceError([f"{out} holds something already: a sealed report needs a folder of its own"])
    files = pages.write_all(of, out)
    return files if key is None else [*files, seal.seal(of, out, key)]


def key(path: Path) -> Ed25519PrivateKey:
    """The key to seal with. Raises EvidenceError."""
    return seal.private_key(path)


def verified(bundle: Path, public_key: str | None, vault: Sequence[str]) -> Iterator[str]:
    """What the screen says of a sealed bundle that is whole; where stores are named, it is read from them first.

    Raises EvidenceError with all that was changed, OSError.
    """
    if public_key is not None:
        seal.refuse_no_key(public_key)
    if vault:
        if bundle.exists():
            raise EvidenceError([f"{bundle} is there already: what comes from a vault needs a folder of its own"])
        vaults = _vaults()
        for said in vaults.fetch(bundle, vaults.stores(vault), public_key):
            yield f"vault   {said}"
    manifest = seal.verify(bundle, public_key)
    yield f"whole   {len(manifest['files'])} files, root {manifest['root']}"
    yield f"sealed by key {manifest['public_key']}" + ("" if public_key else ": whose it is, you have to know")


def stores(urls: Sequence[str], key: Ed25519PrivateKey | None) -> Sequence[Any]:
    """The stores of a vault at these addresses, into which nothing goes without a key. Raises EvidenceError."""
    if urls and key is None:
        raise EvidenceError(["only a sealed report goes into a vault: --seal KEY.pem"])
    found: Sequence[Any] = _vaults().stores(urls) if urls else []
    return found


def disperse(bundle: Path, key: Ed25519PrivateKey | None, into: Sequence[Any]) -> Iterator[str]:
    """Put a sealed bundle into stores; what the screen says of it. Raises EvidenceError where too many fail."""
    if into and key is not None:
        failed = _vaults().store(bundle, key, into)
        yield f"vault   {len(into) - len(failed)} of {len(into)} stores have it, {(len(into) - 1) // 3} may fail"
        yield from (f"vault   {said}" for said in failed)


def _vaults() -> ModuleType:
    try:
        return import_module("karyon.evidence.vault")
    except ImportError as error:
        needed = "fsspec, s3fs, pyeclib, pycryptodome"
        raise EvidenceError([f"a vault needs {needed} ({error}): pip install 'karyon[vault]'"]) from None


def changed(folders: Sequence[Path], design: Path, bundle: Path) -> Iterator[str]:
    """What the screen says of changes since an earlier report; campaigns that no longer fit are to run again.

    folders   of campaigns; none: those of the earlier report, where they still are
    Raises InputError, EvidenceError.
    """
    of, kept, refused = case.read(design), list[Campaign](), list[str]()
    for folder in folders or change.folders(bundle):
        try:
            kept += runs.read([folder], of).campaigns
        except EvidenceError as error:
            refused += error.reasons
    yield from change.lines(change.since(bundle, _evidence(of, Runs(tuple(kept)))))
    yield from (f"because   {reason}" for reason in refused)


def of_itself(out: Path) -> tuple[list[str], bool]:
    """Write what there is on confidence in the tool; what the screen says, and whether the suite has passed on it.

    Raises OSError.
    """
    suite = validation.suite()
    files = pages.write_tool(suite, out)
    said = tool.content(suite)["suite"]
    is_shown = said["current"] and not said["failed"]
    lines = [f"suite   {'shown' if is_shown else 'not shown':10} {said['said']}"]
    if (found := validation.mutants()) is not None:
        word = "current" if found.is_current else "stale"
        lines.append(f"mutants {word:10} {found.survived} of {found.mutants:,} survive, measured {found.measured}")
    lines.append("files   " + ", ".join([str(files[0]), *(path.name for path in files[1:])]))
    return lines, is_shown


def lines(of: Evidence, files: Sequence[Path]) -> Iterator[str]:
    """What the screen says: claims, goals, what is open, where the report is."""
    states = standing.states_of(of)
    for name, goal in of.design.case.goals.items():
        yield f"{name}   {states[name][1]:22} ASIL {goal.asil}   {goal.text}"
    for one in of.results:
        yield f"{one.id}    {standing.of_claim(one)[1]:22} {standing.said(one)}"
    if of.gaps:
        yield f"draft   {_open(of)}"
    yield "files   " + ", ".join([str(files[0]), *(path.name for path in files[1:])])


def is_shown(of: Evidence) -> bool:
    """Whether runs of these programs show every claim, and nothing is missing."""
    return not of.gaps and all(
        one.state == SHOWN and one.campaign is not None and one.campaign.is_ours for one in of.results
    )
