"""The pages of the reference that follow from the code: made when the site is built, never written by hand.

PAGES has the text (Markdown) of each, by its path below docs/.
"""

import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from math import inf
from typing import Any, get_args, get_origin

import typer.main
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from typer.testing import CliRunner

from karyon.campaign import choices
from karyon.campaign.plan_file import PlanSection
from karyon.cli import app
from karyon.evidence.case import Case
from karyon.kernel import grammar, quantities, rules
from karyon.kernel.timing import Timing
from karyon.logs import sensors_file
from karyon.perception import additional, claims
from karyon.perception.signals import Signal
from karyon.sim import failure_modes, recorder, schema, shipped, units
from karyon.sim.scenario import Scenario

EXAMPLE = Signal("speed", noise=0.02, tolerated=0.5, age_limit=0.35, rate_limit=12.0)  # m/s
EXAMPLE_PERIOD = 0.1  # s
EXAMPLE_RESIDUAL = 0.05  # m/s, noise of the residual of its relation
KINDS: Mapping[Any, str] = {
    bool: "true or false",
    str: "a text",
    float: "a number",
    int: "a whole number",
    tuple: "a list",
    dict: "a mapping",
}
ADDITIONAL = ("rate", "noise", "cusum", "counter", "track")


def commands() -> str:
    """What each command takes, as the command itself says it."""
    parts = ["# Commands", "", "What `karyon COMMAND --help` says.", ""]
    for name in sorted(typer.main.get_command(app).commands):
        said = CliRunner().invoke(app, [name, "--help"], env={"COLUMNS": "100"}, prog_name="karyon").stdout
        parts += [f"## karyon {name}", "", "```text", said.strip(), "```", ""]
    return "\n".join(parts)


def scenario() -> str:
    """The fields of a scenario, section by section."""
    intro = (
        "A scenario is a YAML file. Times, lengths and speeds are numbers in SI, or texts with a unit (`20 ms`, "
        "`90 km/h`). `extends: FILE` takes all of another one, and changes what stands below. Any field can be set "
        "by its path: `--set radio.loss=0.3`. Editors complete from the schema that the shipped scenarios name in "
        "their first line."
    )
    return "\n".join(["# Scenarios", "", intro, "", *_sections("", Scenario, "## A scenario"), *_shipped()])


def _shipped() -> Iterator[str]:
    yield from ("## Those that are shipped", "")
    rows = []
    for name, path in shipped.shipped_scenarios().items():
        lines = path.read_text("utf-8").splitlines()
        rows.append((_code(name), next(line for line in lines if not line.startswith("# yaml-")).removeprefix("# ")))
    yield from _table(("name", "what it is for"), rows)
    yield ""


def sensors() -> str:
    """The fields of a sensors file, of either kind."""
    parts = ["# Sensors files", "", "What `karyon perceive` is told of a log: `--learn` proposes such a file.", ""]
    for kind, model in sensors_file.MODELS.items():
        parts += _sections("", model, f"## kind: {kind}")
    return "\n".join(parts)


def _sections(path: str, model: type[BaseModel], heading: str) -> Iterator[str]:
    """A table of the fields of `model`, which stands at `path`, and of each section in it."""
    yield from (heading, "", inspect.getdoc(model) or "", "")
    inner: list[tuple[str, type[BaseModel]]] = []
    rows = []
    for field, info in model.model_fields.items():
        name = info.alias or field
        row = units.Row.of_field(info)
        rows.append((_code(name), _takes(row), _default(info), row.description))
        below, end = _section_in(row.annotation)
        if below is not None and name != "faults":
            inner.append((f"{path}{name}{end}", below))
    yield from _table(("field", "takes", "default", "meaning"), rows)
    yield ""
    for name, below in inner:
        yield from _sections(f"{name}.", below, f"### {name}")


def _section_in(annotation: Any) -> tuple[type[BaseModel] | None, str]:
    """The section that a field holds, and how its path goes on: `[]` in a list, `.NAME` by name."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, ""
    if get_origin(annotation) in (tuple, dict):
        index, end = (0, "[]") if get_origin(annotation) is tuple else (1, ".NAME")
        below, _ = _section_in(units.Row.of(get_args(annotation)[index]).annotation)
        return below, end
    return None, ""


def _takes(row: units.Row) -> str:
    nouns = [each.noun for each in row.metadata if isinstance(each, units.OneOf | units.Index)]
    below, _ = _section_in(row.annotation)
    words = KINDS.get(get_origin(row.annotation) or row.annotation, "")
    if below is not None:
        words = f"{words} of entries".strip() if words else "a section"
    choices = " or ".join(map(_code, map(str, get_args(row.annotation))))
    return units.expected(row.metadata) or "".join(nouns) or words or choices


def _default(info: FieldInfo) -> str:
    if info.is_required():
        return "must be given"
    default = info.get_default(call_default_factory=True)
    if default is None or isinstance(default, BaseModel | dict | tuple):
        return ""
    kind = next((each for each in units.Row.of_field(info).metadata if isinstance(each, units.Quantity)), None)
    return str(kind.written(default)) if kind else str(default).lower() if isinstance(default, bool) else str(default)


def safety() -> str:
    """The fields of a safety design."""
    parts = [
        "# Safety designs",
        "",
        "What the kernel is told of its signals, levels and hazards: a YAML file, or the mapping that "
        "`karyon.kernel.Design.parse` reads. `karyon check FILE` says what follows from it.",
        "",
    ]
    for path, rows in _rows_of(schema.safety()):
        parts += [f"### {path}" if path else "## A design", "", *rows, ""]
        if path == "timing":
            parts += [*_indented_table(inspect.getdoc(Timing) or ""), ""]
    parts += ["## A safety case", "", "The file that `safety_case` of a design names, for `karyon evidence`.", ""]
    for path, rows in _rows_of(schema.section(Case)):
        parts += [*([f"### Of the case: {path}", ""] if path else []), *rows, ""]
    return "\n".join(parts)


def _rows_of(whole: Mapping[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """Each mapping with fields in a schema: its path, and the table of its fields."""
    for path, below in _objects("", whole):
        needed = below.get("required", ())
        rows = [
            (_code(name), _kind(each), "must be given" if name in needed else "", each.get("description", ""))
            for name, each in below["properties"].items()
        ]
        yield path, list(_table(("field", "takes", "default", "meaning"), rows))


def _objects(path: str, whole: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each mapping with fields in a schema, with its path."""
    if whole.get("type") == "array":
        yield from _objects(f"{path}[]", whole.get("items") or {})
    elif isinstance(whole.get("additionalProperties"), dict):
        yield from _objects(f"{path}.NAME", whole["additionalProperties"])
    elif "properties" in whole:
        yield path, whole
        for name, each in whole["properties"].items():
            yield from _objects(f"{path}.{name}" if path else name, each)


def _kind(each: Mapping[str, Any]) -> str:
    if "enum" in each:
        return " ".join(map(_code, each["enum"]))
    if "anyOf" in each:
        one, other = each["anyOf"][0], each["anyOf"][-1]
        if other == {"type": "null"}:
            return _kind(one)
        return "a number with a unit" if "pattern" in other else "one of several"
    if isinstance(each.get("additionalProperties"), dict):
        return "entries by name"
    return {"array": "a list", "object": "a section", "string": "a text", "number": "a number"}[each["type"]]


def rule_terms() -> str:
    """The terms of rules, from their classes, and their grammar."""
    meaning = [_said(term) for term in rules.RULES]
    rows = [tuple(each.split("`: ", 1)) for each in meaning]
    by_si: dict[str, list[str]] = {}
    for name, unit in quantities.UNITS.items():
        by_si.setdefault(unit.si, []).append(name)
    return "\n".join(
        [
            "# Rules",
            "",
            "A level of service is admitted when all of its rules and those of the levels below it hold *for certain*. "
            "A term about data that is absent, NaN or infinite is unknown: neither it nor its negation is certain.",
            "",
            *_table(("term", "holds when"), [(f"{term}`", said) for term, said in rows]),
            "",
            "## Grammar",
            "",
            "```text",
            *_grammar(),
            "```",
            "",
            _after_grammar(),
            "",
            "## Units",
            "",
            *_table(("kept in", "may be written in"), [(_code(si), " ".join(map(_code, by_si[si]))) for si in by_si]),
            "",
        ]
    )


def _grammar() -> list[str]:
    lines = (inspect.getdoc(grammar) or "").splitlines()
    return [line.removeprefix("    ") for line in lines if line.startswith("    ")]


def _after_grammar() -> str:
    return (inspect.getdoc(grammar) or "").rpartition("\n\n")[2].replace("\n", " ")


def failures() -> str:
    """Failure modes with their parameters, and on what each can act."""
    parts = [
        "# Failure modes",
        "",
        "An entry of `faults:` says who fails (`vehicle`), what (`signal` or `component`), how (`mode` with its "
        "parameters), from when on (`onset`) and for how long (`duration`).",
        "",
        *_table(("field", "takes", "default", "meaning"), list(_fields(failure_modes.Fault))),
        "",
    ]
    for heading, subjects, modes in (
        ("Of a signal", _plain_signals(), failure_modes.SIGNAL_MODES),
        ("Of the radar's object", ["front.distance"], failure_modes.OBJECT_MODES),
        ("Of a message that is received", list(failure_modes.RECEIVED), failure_modes.MESSAGE_MODES),
        ("Of what a vehicle says to all", [failure_modes.SAID], failure_modes.SAID_MODES),
        ("Of a component", list(failure_modes.COMPONENTS), failure_modes.COMPONENT_MODES),
    ):
        rows = [(_code(name), _sentence(inspect.getdoc(mode) or ""), _parameters(mode)) for name, mode in modes.items()]
        table = _table(("mode", "what it does", "parameters"), rows)
        parts += [f"## {heading}", "", " ".join(map(_code, subjects)), "", *table, ""]
    return "\n".join(parts)


def _plain_signals() -> list[str]:
    return [name for name in failure_modes.SIGNALS if "offset" in failure_modes.modes_of(name)]


def _fields(model: type[BaseModel]) -> Iterator[tuple[str, str, str, str]]:
    for name, info in model.model_fields.items():
        row = units.Row.of_field(info)
        if name != "parameters":
            yield _code(name), _takes(row), _default(info), row.description


def _parameters(mode: type[BaseModel]) -> str:
    said = []
    for name, info in mode.model_fields.items():
        takes = units.expected(units.Row.of_field(info).metadata).replace(" signal", "").replace("/s", " per s")
        default = "" if info.is_required() or info.default is None else f", {_default(info)} if absent"
        said.append(f"`{name}`: {info.description} ({takes}{default})")
    return "<br>".join(said)


def detectors() -> str:
    """What each detector promises, from its claims, for a signal that is an example."""
    parts = [
        "# Detectors",
        "",
        "What each detector of `karyon perceive` promises, computed from its claim. The limits scale with the "
        f"description of the sensor; here it is a speed with a sample each {EXAMPLE_PERIOD:g} s, `noise: "
        f"{EXAMPLE.noise:g}`, `tolerated: {EXAMPLE.tolerated:g}`, `age_limit: {EXAMPLE.age_limit:g} s`, `rate_limit: "
        f"{EXAMPLE.rate_limit:g}`, in m/s, and a relation with `noise: {EXAMPLE_RESIDUAL:g}`. The promises hold for "
        "healthy samples whose noise is Gaussian and as large as described. What is *not* promised stands in "
        "[Describe sensors](../perceive.md#what-is-promised).",
        "",
        "## Always there",
        "",
        *_claims(claims.claims(EXAMPLE, EXAMPLE_PERIOD)),
        "",
        "## Added by `detectors:` of a signal",
        "",
        *_claims(claims.additional(name, EXAMPLE, EXAMPLE_PERIOD, EXAMPLE_RESIDUAL) for name in ADDITIONAL),
        "",
        "*From*: the error from which it is seen, of a drift its growth per second. *Within*: time from the first "
        "sample that is wrong by more than `tolerated` until validity is below a half; *always*, or else in all but "
        "one of a million cases. *False alarms*: healthy samples between two, on average, at least.",
        "",
    ]
    for name in ADDITIONAL:
        detector = getattr(additional, name.capitalize())
        parts += [f"### {name}", "", _prose(inspect.getdoc(detector) or ""), ""]
    return "\n".join(parts)


def _claims(promised: Iterable[claims.Claim]) -> list[str]:
    rows = [
        (
            _code(claim.detector),
            " ".join(map(_code, claim.modes)),
            "any" if claim.amplitude == 0.0 else f"{claim.amplitude:.3g}",
            f"{'its first sample' if claim.time == 0.0 else f'{claim.time:.3g} s'}{', always' if claim.hard else ''}",
            "none" if claim.run_length == inf else f"{claim.run_length:.0e}".replace("e+0", " · 10^") + "^",
        )
        for claim in promised
    ]
    return _table(("detector", "sees", "from", "within", "false alarms"), rows)


def trace() -> str:
    """The columns of a trace, from its schema."""
    parts = [
        "# Files of a run",
        "",
        "`summary.json` (what was measured), `events.jsonl` (what happened, in order), `scenario.yaml` (as run, with "
        "all defaults), and two tables in Parquet whose schema has unit and source of each column. A session of the "
        "[test bench](../test_bench.md) also leaves `bench.jsonl`: all that arrived, with which it is replayed.",
        "",
    ]
    following, leader = recorder.LEAD, recorder.LEADER
    for name, layout in (
        ("trace.parquet", recorder.schema((following, leader))),
        ("messages.parquet", recorder.MESSAGES),
    ):
        rows = [
            (_code(each.name), each.metadata[b"unit"].decode(), each.metadata[b"source"].decode()) for each in layout
        ]
        about = layout.metadata[b"about"].decode().partition(": ")[2]
        parts += [f"## {name}", "", _sentence(about), "", *_table(("column", "unit", "source"), rows), ""]
    return "\n".join(parts)


def _said(term: type) -> str:
    return " ".join((inspect.getdoc(term) or "").split())


def _sentence(text: str) -> str:
    text = " ".join(text.split())
    return text[:1].upper() + text[1:]


def _prose(doc: str) -> str:
    """A docstring as Markdown: what is aligned in columns stays as it is."""
    return "\n\n".join(f"```text\n{part}\n```" if re.search(r"\S {3,}\S", part) else part for part in doc.split("\n\n"))


def _indented_table(doc: str) -> list[str]:
    return [_prose(doc)]


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Without the columns that are empty in all rows."""
    rows = [[_cell(cell) for cell in row] for row in rows]
    used = [index for index in range(len(head)) if any(row[index] for row in rows)]
    if not used:
        return []
    lines = [[head[index] for index in used], ["---"] * len(used), *([row[index] for index in used] for row in rows)]
    return [f"| {' | '.join(line)} |" for line in lines]


def _cell(text: str) -> str:
    """In Markdown `|` and `{` mean something of their own, and long numbers are grouped to be read."""
    text = text.replace("|", "\\|").replace("{", "&#123;").replace("\n", " ")
    return re.sub(r"(?<![\d.])\d{5,}(?![\d.])", lambda found: f"{int(found[0]):,}", text)


def _code(text: str) -> str:
    return f"`{text}`"


def campaigns() -> str:
    """The fields of a plan."""
    intro = "What `karyon campaign` runs ([Campaigns](../campaigns.md)): a scenario, and what is laid on it."
    varies = ["## What varies", "", _prose(inspect.getdoc(choices) or ""), ""]
    return "\n".join(["# Plans of campaigns", "", intro, "", *_sections("", PlanSection, "## A plan"), *varies])


PAGES: Mapping[str, Callable[[], str]] = {
    "reference/commands.md": commands,
    "reference/scenarios.md": scenario,
    "reference/safety.md": safety,
    "reference/sensors.md": sensors,
    "reference/rules.md": rule_terms,
    "reference/campaigns.md": campaigns,
    "reference/failures.md": failures,
    "reference/detectors.md": detectors,
    "reference/files.md": trace,
}
