"""Campaigns as evidence: their rows, held against what their folders say of them. Doctored ones are refused."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from karyon.campaign import folder as folders
from karyon.campaign import plan_file, results, rows
from karyon.campaign.folder import CampaignError, differences, identity
from karyon.campaign.plan import Plan
from karyon.campaign.trial import hash_of
from karyon.evidence import indicators
from karyon.evidence.case import SafetyDesign
from karyon.evidence.indicators import INDICATORS
from karyon.kernel import Design
from karyon.sim import documents
from karyon.sim.documents import InputError

SEARCH = "search.json"
OF_SESSION = (INDICATORS, "summary.json", "events.jsonl")
FILES = ("identity.json", "plan.yaml", "runs.parquet", "campaign.json")
BITS = (
    "karyon",
    "sources_sha256",
    "python",
    "numpy",
    "cpu_features",
)  # on which the bits of a run rest, besides its plan
NAMED = 3  # differences of a design that are told one by one
SAME = 1e-9  # two computations of one interval differ by less


class EvidenceError(Exception):
    """What no report can be made of: all reasons."""

    def __init__(self, reasons: Iterable[str]) -> None:
        self.reasons = tuple(reasons)
        super().__init__("\n".join(f"error: {reason}" for reason in self.reasons))


@dataclass(frozen=True)
class Campaign:
    """The runs of one campaign, and what its folder says of them.

    summary   `campaign.json`
    table     `runs.parquet`
    others    on what its bits rest that is different here and now
    is_ours   whether the programs that ran are those that run here
    hashes    SHA-256 of its files
    """

    path: Path
    plan: Plan
    summary: Mapping[str, Any]
    table: pa.Table
    others: tuple[str, ...]
    is_ours: bool
    hashes: Mapping[str, str]


@dataclass(frozen=True)
class Search:
    """What a search of a plan for its worst runs has found: no sample, and in no rate of a claim.

    summary   `search.json`
    hashes    SHA-256 of its files
    """

    path: Path
    plan: Plan
    summary: Mapping[str, Any]
    hashes: Mapping[str, str]


@dataclass(frozen=True)
class Session:
    """A session of the test bench, by what its indicators said of claims.

    readings   `indicators.json`
    hashes     SHA-256 of its files
    """

    path: Path
    readings: Sequence[Mapping[str, Any]]
    hashes: Mapping[str, str]


@dataclass(frozen=True)
class Runs:
    """All runs of a report."""

    campaigns: tuple[Campaign, ...]
    searches: tuple[Search, ...] = ()
    sessions: tuple[Session, ...] = ()


def read(paths: Iterable[Path], design: SafetyDesign) -> Runs:
    """The campaigns, searches and sessions in these folders, each of the design.

    Raises EvidenceError with all that is wrong with any.
    """
    found: list[Campaign | Search | Session] = []
    reasons: list[str] = []
    for path in paths:
        try:
            one = _read(path, design)
        except (CampaignError, EvidenceError) as error:
            reasons += error.reasons if isinstance(error, EvidenceError) else [str(error)]
        except InputError as error:
            reasons.append(f"{path}: its plan cannot be read any more: {documents.report(error.faults, 'see above')}")
        else:
            if isinstance(one, Campaign):  # nobody shall choose the better of two, or count runs twice
                others = (other for other in found if isinstance(other, Campaign))
                reasons += [
                    f"{path} and {each.path} are of one plan" for each in others if each.plan.name == one.plan.name
                ]
            found.append(one)
    if reasons:
        raise EvidenceError(reasons)
    return Runs(
        tuple(one for one in found if isinstance(one, Campaign)),
        tuple(one for one in found if isinstance(one, Search)),
        tuple(one for one in found if isinstance(one, Session)),
    )


def _read(path: Path, design: SafetyDesign) -> Campaign | Search | Session:
    if (path / INDICATORS).is_file():
        return _session(path, design)
    if (path / SEARCH).is_file():
        return _search(path, design)
    return _campaign(path, design)


def _session(path: Path, design: SafetyDesign) -> Session:
    """A session whose readings are those that its summary and events come to, of the claims as they are now."""
    if missing := [name for name in OF_SESSION if not (path / name).is_file()]:
        raise EvidenceError([f"{path} is no whole session: there is no {', no '.join(missing)}"])
    told, summary = _json(path / INDICATORS), _json(path / "summary.json")
    readings = told.get("readings")
    if not isinstance(readings, list) or not all(isinstance(each, dict) for each in readings):
        raise EvidenceError([f"{path / INDICATORS} has no readings"])
    if told.get("session_sha256") != summary.get("scenario_sha256"):
        raise EvidenceError([f"{path / INDICATORS} is of another session than summary.json"])
    try:
        events = [json.loads(line) for line in (path / "events.jsonl").read_text("utf-8").splitlines()]
        now = {one.claim: one for one in indicators.judge(indicators.of_claims(design), summary, events)}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise EvidenceError([f"{path}: summary.json or events.jsonl cannot be read: {error!r}"]) from None
    doctored = [
        f"{path / INDICATORS}: the reading of {each.get('claim')} is not what summary.json and events.jsonl come to"
        for each in readings
        if (one := now.get(str(each.get("claim")))) and one.sha256 == each.get("sha256") and asdict(one) != each
    ]
    if doctored:
        raise EvidenceError(doctored)
    return Session(path, readings, {name: hash_of(path / name) for name in OF_SESSION})


def _search(path: Path, design: SafetyDesign) -> Search:
    summary = _json(path / SEARCH)
    plan, changed, _ = _plan(path, summary, str(summary.get("plan")), design)
    if changed:
        raise EvidenceError(changed)
    return Search(path, plan, summary, {name: hash_of(path / name) for name in (SEARCH, "plan.yaml")})


def _campaign(path: Path, design: SafetyDesign) -> Campaign:
    if not path.is_dir():
        raise EvidenceError([f"there is no folder {path}"])
    missing = [name for name in FILES if not (path / name).is_file()]
    if missing:
        raise EvidenceError([f"{path} is no finished campaign: there is no {', no '.join(missing)}"])
    known, summary = _json(path / "identity.json"), _json(path / "campaign.json")
    plan, changed, others = _plan(path, known, str(known.get("campaign")), design)
    try:
        table = parquet.read_table(path / "runs.parquet")
    except (OSError, pa.ArrowException) as error:
        raise EvidenceError([*changed, f"{path}/runs.parquet cannot be read: {error}"]) from None
    if reasons := [*changed, *(f"{path}: {each}" for each in _doctored(table, plan, known, summary))]:
        raise EvidenceError(reasons)
    if drawn := list(_not_drawn(table, plan, known)):
        raise EvidenceError([f"{path}: {each}" for each in drawn])
    is_ours = known.get("sources_sha256") == folders.sources()
    return Campaign(path, plan, summary, table, others, is_ours, {name: hash_of(path / name) for name in FILES})


def _plan(
    path: Path, known: Mapping[str, Any], name: str, design: SafetyDesign
) -> tuple[Plan, list[str], tuple[str, ...]]:
    """The plan of a folder, in what it is not what was run then, or not of the design, and which bits differ here."""
    if not (path / "plan.yaml").is_file():
        raise EvidenceError([f"{path} has no plan.yaml: nobody can say what was run"])
    plan = plan_file.read(path / "plan.yaml", name=name, beside=Path(str(known.get("plan_folder", path))))
    now = identity(plan, known.get("seed", 0))
    others = differences(dict(known), {each: now[each] for each in BITS})
    wanted = {each: value for each, value in now.items() if each not in BITS}
    said = [each.removeprefix("the ") for each in differences(dict(known), wanted)]
    changed = [f"{path} was made of another {what}" for what in said]
    if plan.varied:
        changed.append(f"{path}: its plan varies the safety design, so its runs are of no single one")
    elif (then := Design.parse(plan.design)) != design.design:
        where = list(different(asdict(then), asdict(design.design))) or ["its rules differ in kind"]
        told = "; ".join(where[:NAMED]) + (f"; and {len(where) - NAMED} more" if len(where) > NAMED else "")
        changed.append(f"{path} is of another safety design than {design.path}: {told}")
    return plan, changed, tuple(others)


def different(then: Any, now: Any, at: str = "") -> Iterator[str]:
    """Where two designs, as plain data, are not the same: each place with both values."""
    if isinstance(then, dict) and isinstance(now, dict) and then.keys() == now.keys():
        for key in then:
            yield from different(then[key], now[key], f"{at}.{key}" if at else str(key))
    elif isinstance(then, tuple) and isinstance(now, tuple) and len(then) == len(now):
        for number, pair in enumerate(zip(then, now, strict=True)):
            name = pair[0].get("name", number) if isinstance(pair[0], dict) else number
            yield from different(*pair, f"{at}.{name}")
    elif then != now:
        was, is_now = (len(each) if isinstance(each, tuple) else each for each in (then, now))
        yield f"{at} was {was} in its runs, and is {is_now}"


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise EvidenceError([f"{path} cannot be read: {error}"]) from None
    return found if isinstance(found, dict) else {}


def _doctored(table: pa.Table, plan: Plan, known: Mapping[str, Any], summary: Mapping[str, Any]) -> Iterator[str]:
    """In what the rows are not those that the campaign has summed up."""
    lacking = {"run", "seed", "stratum", *rows.FAULT, *rows.MEASURED} - set(table.column_names)
    if lacking:
        yield f"runs.parquet has no column {', '.join(sorted(lacking))}"
        return
    other = [name for name, value in known.items() if name != "plan_folder" and summary.get(name) != value]
    if other := [name for name in other if name != "runs"]:
        yield f"campaign.json and identity.json are of two campaigns: {', '.join(other)} differ"
    if folders.digest(table) != summary.get("digest"):
        yield "runs.parquet is not what campaign.json has the digest of: rows were changed, removed or mixed"
    if len(table) != summary.get("runs"):
        yield f"runs.parquet has {len(table)} runs, and campaign.json says {summary.get('runs')}"
    if table["run"].to_pylist() != list(range(len(table))):
        yield "runs.parquet has not each run once, numbered from 0"
    seeds = len(pc.unique(table["seed"]))
    if seeds != len(table):
        yield f"runs.parquet has {seeds} seeds for {len(table)} runs: runs are not independent"
    violations = pc.sum(pc.equal(table["outcome"], rows.VIOLATED)).as_py() or 0
    if violations != summary.get("violations"):
        yield f"{violations} runs violate a goal, and campaign.json says {summary.get('violations')}"
    yield from _interval(table, summary)
    if summary.get("sampling") != plan.sampling:
        yield f"campaign.json says sampling {summary.get('sampling')}, and the plan {plan.sampling}"
    yield from _counts(table, plan, summary)


def _not_drawn(table: pa.Table, plan: Plan, known: Mapping[str, Any]) -> Iterator[str]:
    """Runs that are not those which the plan draws with the seed of the campaign: chosen, or of another campaign."""
    wanted = rows.drawn(plan, plan.runs(int(known.get("seed", 0)), int(known.get("runs", len(table))), 0, len(table)))
    if lacking := set(wanted.column_names) - set(table.column_names):
        yield f"runs.parquet has no column {', '.join(sorted(lacking))}"
        return
    found = table.select(wanted.column_names)
    if not found.equals(wanted):
        pairs = enumerate(zip(found.to_pylist(), wanted.to_pylist(), strict=True))
        other = [run for run, (row, drawn) in pairs if row != drawn]
        yield f"{len(other):,} runs, first {other[:1]}, are not what the plan draws with the seed of the campaign"


def _counts(table: pa.Table, plan: Plan, summary: Mapping[str, Any]) -> Iterator[str]:
    """Outcomes and strata of campaign.json that are not those of the rows."""
    outcomes = Counter(table["outcome"].to_pylist())
    if summary.get("outcomes") != {name: outcomes[name] for name in rows.OUTCOMES}:
        yield f"the outcomes of campaign.json are not those of its runs, {dict(outcomes)}"
    runs = Counter(table["stratum"].to_pylist())
    said = summary.get("strata")
    told = [(each.get("name"), each.get("runs")) for each in said] if isinstance(said, list) else None
    if told != [(stratum.name, runs[stratum.name]) for stratum in plan.strata]:
        yield "the strata of campaign.json are not those of its plan and runs"


def _interval(table: pa.Table, summary: Mapping[str, Any]) -> Iterator[str]:
    said = summary.get("interval")
    if said is None:
        return
    low, high = results.interval(Counter(table["outcome"].to_pylist()))
    if not (isinstance(said, list) and len(said) == 2 and abs(said[0] - low) < SAME and abs(said[1] - high) < SAME):
        yield f"the interval of campaign.json is not that of its runs, [{low:.3g}, {high:.3g}]"
