"""The files of a report: HTML, PDF, JSON, tables as CSV, pictures, fault trees. What they say is `report.content`."""

from __future__ import annotations

import csv
import json
import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from io import StringIO
from itertools import cycle
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup, escape

from karyon.campaign.folder import write
from karyon.evidence import drawing, figures, open_psa, report, reqif_file, tool, validation
from karyon.evidence.standing import Evidence
from karyon.evidence.validation import Suite

TEMPLATES = Path(__file__).parent / "templates"
PARTS = (
    ("item", "Item, element, operational design domain"),
    ("hazop", "Hazards: what can go wrong"),
    ("hara", "Hazardous events and their ASIL"),
    ("goals", "Safety goals"),
    ("concept", "Requirements, levels, rules"),
    ("timing", "How fast is the switch?"),
    ("fmea", "Failure modes and effects"),
    ("fault-trees", "Fault trees, cut sets, dependent failures"),
    ("claims", "How often did it fail? Claims"),
    ("coverage", "What was tested, and what was not"),
    ("sotif", "Without a fault: SOTIF"),
    ("assumptions", "Assumptions and limitations"),
    ("argument", "The argument"),
    ("trace", "Traceability"),
    ("identity", "Tool confidence, identity, review"),
)
UNIT = r"(?<=\d) (?=(?:%|(?:ms|s|h|m|km/h|m/s|m/s²)(?![\w/²])))"  # the space before it
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
SHOWN, WHOLE = 18, 100  # of a fault tree: boxes in a column of the report; levels of its own picture


def write_all(of: Evidence, out: Path) -> list[Path]:
    """All files of the report, into a folder. Raises OSError."""
    out.mkdir(parents=True, exist_ok=True)
    data = report.content(of)
    states = {name: (node["state"], node["word"]) for name, node in data["argument"].items()}
    argument = drawing.argument(of.design.case.argument, states)
    deepest = {name: drawing.depth_of(tree, SHOWN) for name, tree in of.trees.items()}
    shown = {name: drawing.fault_tree(tree, deepest[name]) for name, tree in of.trees.items()}
    outlines = {name: drawing.outline(tree, deepest[name]) for name, tree in of.trees.items()}
    page = html(data, shown | {"argument": argument}, figures.of_campaigns(of.campaigns), outlines)
    files = {
        "report.html": page.encode(),
        "report.pdf": pdf(page),
        "report.json": (json.dumps(data, indent=1, ensure_ascii=False) + "\n").encode(),
        "traceability.csv": table(data["trace"]),
        "hara.csv": table([_flat(name, event) for name, event in data["events"].items()]),
        "fmea.csv": table(data["fmea"]),
        "safety_case.svg": argument.encode(),
        "requirements.reqif": reqif_file.text(of.design.case, data["about"]["title"], data["about"]["made"]).encode(),
    }
    for name, tree in of.trees.items():
        files[f"fault_tree_{name}.xml"] = open_psa.text(tree).encode()
        if name in of.measured_trees:
            files[f"fault_tree_{name}_measured.xml"] = open_psa.text(of.measured_trees[name]).encode()
        files[f"fault_tree_{name}.svg"] = drawing.fault_tree(tree, WHOLE).encode()
    for name, content in files.items():
        write(out / name, content)
    return [out / name for name in files]


def write_tool(suite: Suite | None, out: Path) -> list[Path]:
    """Confidence in the tool, alone, with the last results of its suite where there are any. Raises OSError."""
    out.mkdir(parents=True, exist_ok=True)
    data = {"about": report.of_program(), "tool": tool.content(suite)}
    css = (TEMPLATES / "report.css").read_text("utf-8")
    text = _environment().get_template("self.html").render(**data, css=css, marks=marks(data["about"]))
    page = joined(labelled(text))
    files = {
        "tool.html": page.encode(),
        "tool.pdf": pdf(page),
        "tool.json": (json.dumps(data, indent=1, ensure_ascii=False) + "\n").encode(),
    }
    if suite is not None:
        files["tests.xml"] = validation.TESTS.read_bytes()
    for name, content in files.items():
        write(out / name, content)
    return [out / name for name in files]


def html(
    data: Mapping[str, Any], pictures: Mapping[str, str], plots: Mapping[str, str], outlines: Mapping[str, str]
) -> str:
    """The report as one page that needs nothing else.

    pictures   SVG, by goal and `argument`
    plots      addresses that hold a PNG, by plan
    outlines   fault trees as lists in HTML, by goal, for screens that are too narrow for the pictures
    """
    css = (TEMPLATES / "report.css").read_text("utf-8")
    shown = {"css": css, "pictures": dict(pictures), "plots": dict(plots), "outlines": dict(outlines), "parts": PARTS}
    shown["marks"] = marks(data["about"])
    return joined(labelled(_environment().get_template("report.html").render(**data, **shown)))


def labelled(page: str) -> str:
    """The page with the head of its column in each cell, which narrow screens show in place of columns."""

    def table(found: re.Match[str]) -> str:
        heads = [re.sub("<[^>]*>", "", head) for head in re.findall("<th[^>]*>(.*?)</th>", found[0])]
        label = cycle(heads)
        return re.sub("<td", lambda _: f'<td data-head="{next(label)}"', found[0]) if heads else found[0]

    return re.sub("<table>.*?</table>", table, page, flags=re.DOTALL)


def joined(page: str) -> str:
    """The page with numbers that no line break parts from their units; code, pictures and tags stay as they are."""

    def text(found: re.Match[str]) -> str:
        return found[0] if found["kept"] else re.sub(UNIT, "\N{NO-BREAK SPACE}", found[0])

    return re.sub(r"(?P<kept><(code|pre|style|svg)\b.*?</\2>|<[^>]*>)|[^<]+", text, page, flags=re.DOTALL)


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        finalize=with_code,
    )
    environment.filters |= {
        "ms": milliseconds,
        "thousands": lambda number: f"{number:,}",
        "figure": figure,
        "percent": percent,
        "span": span,
    }
    return environment


def with_code(value: object) -> object:
    """A text with what stands between backticks as code; anything else as it is."""
    if not isinstance(value, str) or isinstance(value, Markup) or "`" not in value:
        return value
    return Markup(re.sub("`([^`]+)`", r"<code>\1</code>", str(escape(value))))


def marks(about: Mapping[str, Any]) -> str:
    """What stands on every page of a report that is not to be relied on; empty for another one."""
    draft = "DRAFT: gaps are open" if about["draft"] else ""
    dirty = "made by a program with local changes" if about["dirty"] else ""
    return " · ".join(filter(None, (draft, dirty)))


def pdf(page: str) -> bytes:
    """The page in print. What its browser style has and print has not is passed over in silence."""
    import weasyprint  # noqa: PLC0415  # takes half a second, and is not needed to check a design

    logging.getLogger("weasyprint").setLevel(logging.ERROR)
    return bytes(weasyprint.HTML(string=page).write_pdf())


def table(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Rows of one layout as CSV."""
    sink = StringIO()
    names = list(rows[0]) if rows else []
    writer = csv.DictWriter(sink, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return sink.getvalue().encode()


def _flat(name: str, event: Mapping[str, Any]) -> dict[str, Any]:
    reasons = {f"why_{key}": reason for key, reason in event["why"].items()}
    return {"event": name} | {key: value for key, value in event.items() if key != "why"} | reasons


def milliseconds(seconds: float) -> str:
    """A time in ms, without decimals that nobody needs."""
    return f"{1000 * seconds:,.0f}" if seconds >= 0.01 or seconds <= 0 else f"{1000 * seconds:.1f}"


def figure(number: float | None) -> str:
    """A number with three digits, or all before its point; as in print, with a minus and a power of ten."""
    if number is None:
        return ""
    digits, _, power = (f"{number:,.0f}" if abs(number) >= 1000.0 else f"{number:.3g}").partition("e")
    raised = f" × 10{str(int(power)).translate(RAISED)}" if power else ""
    return digits.replace("-", "−") + raised


def percent(share: float | None) -> str:
    """A share in per cent."""
    return "none" if share is None else f"{100 * share:.3g} %"


def span(ends: Iterable[float] | None) -> str:
    """From the least to the most."""
    if ends is None:
        return ""
    low, high = map(figure, ends)
    return low if low == high else f"{low} to {high}"
