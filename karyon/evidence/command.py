"""`karyon evidence`: from campaigns and a safety design to a report, or the reasons why there is none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from karyon.evidence import case, change, claims, fault_tree, gaps, pages, report, runs, seal, trace
from karyon.evidence.claims import SHOWN
from karyon.evidence.report import Evidence
from karyon.evidence.runs import EvidenceError

MOST_REASONS = 30


def collect(folders: Sequence[Path], design: Path, is_draft: bool) -> Evidence:
    """Everything the report rests on, checked. Raises InputError, EvidenceError; for gaps, too, if it is no draft."""
    of = case.read(design)
    campaigns = runs.read(folders, of)
    results = claims.judge(of, campaigns)
    folder = trace.own_tests()
    tests = trace.tests(folder)
    found = [*gaps.find(of, tests), *gaps.of_claims(of, results)]
    if found and not is_draft:
        told = [str(gap) for gap in found[:MOST_REASONS]]
        more = [f"... and {len(found) - MOST_REASONS} more"] if len(found) > MOST_REASONS else []
        raise EvidenceError([*told, *more, f"{len(found)} gaps are open: --draft makes a report that says so"])
    trees = {
        name: tree for name, goal in of.case.goals.items() if (tree := fault_tree.of_goal(of, name, goal)) is not None
    }
    return Evidence(of, campaigns, results, tests, found, trees, bool(found))


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
    if vault:
        if bundle.exists():
            raise EvidenceError([f"{bundle} is there already: what comes from a vault needs a folder of its own"])
        vaults = _vaults()
        for said in vaults.fetch(bundle, vaults.stores(vault), public_key):
            yield f"vault   {said}"
    manifest = seal.verify(bundle, public_key)
    yield f"whole   {len(manifest['files'])} files, root {manifest['root']}"
    yield f"sealed by key {manifest['public_key']}" + ("" if public_key else ": whose it is, you have to know")


def disperse(bundle: Path, key: Ed25519PrivateKey | None, urls: Sequence[str]) -> Iterator[str]:
    """Put a sealed bundle into stores; what the screen says of it. Raises EvidenceError where too many fail."""
    if urls and key is None:
        raise EvidenceError(["only a sealed report goes into a vault: --seal KEY.pem"])
    if urls and key is not None:
        vaults = _vaults()
        failed = vaults.store(bundle, key, vaults.stores(urls))
        yield f"vault   {len(urls) - len(failed)} of {len(urls)} stores have it, {(len(urls) - 1) // 3} may fail"
        yield from (f"vault   {said}" for said in failed)


def _vaults() -> ModuleType:
    try:
        return import_module("karyon.evidence.vault")
    except ImportError as error:
        needed = "fsspec, s3fs, pyeclib, pycryptodome"
        raise EvidenceError([f"a vault needs {needed} ({error}): pip install 'karyon[vault]'"]) from None


def changed(of: Evidence, bundle: Path) -> Iterator[str]:
    """What the screen says of changes since an earlier report. Raises EvidenceError."""
    return change.lines(change.since(bundle, of))


def lines(of: Evidence, files: Sequence[Path]) -> Iterator[str]:
    """What the screen says: claims, goals, what is open, where the report is."""
    states = report.states_of(of)
    for name, goal in of.design.case.goals.items():
        yield f"{name}   {states[name][1]:20} ASIL {goal.asil}   {goal.text}"
    for one in of.results:
        yield f"{one.id}    {one.state:20} {report.said(one)}"
    if of.gaps:
        yield f"draft   {len(of.gaps)} gaps are open"
    yield "files   " + ", ".join([str(files[0]), *(path.name for path in files[1:])])


def is_shown(of: Evidence) -> bool:
    """Whether the runs show every claim, and nothing is missing."""
    return not of.gaps and all(one.state == SHOWN for one in of.results)
