"""Traceability: from a goal to its requirements, the rules and tests that carry them, and the claims on runs; and back.

A test names the requirements that it shows: `@pytest.mark.requirement("TSR5")`, above a function or a class.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from karyon.campaign.trial import hash_of
from karyon.evidence.case import SafetyDesign
from karyon.kernel import grammar
from karyon.kernel.rules import Rule, leaves
from karyon.sim.documents import Place
from karyon.sim.shipped import PACKAGE, SHIPPED

MARKER = "requirement"


@dataclass(frozen=True, slots=True)
class Test:
    """A test and the requirements that it names. `place` is file:line.

    kind   `property`: it holds for whatever input hypothesis finds; `test`: for the inputs that it has
    """

    name: str
    place: str
    requirements: tuple[str, ...]
    sha256: str
    kind: str


@dataclass(frozen=True, slots=True)
class PlacedRule:
    """A rule of a level of a function, where it stands, and the signals, components and peers that it names."""

    function: str
    level: int
    text: str
    place: str
    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Link:
    """A line of the table: what carries a requirement of a goal."""

    goal: str
    requirement: str
    asil: str
    kind: str
    what: str
    place: str


def own_tests() -> Path | None:
    """The tests of this checkout; None where only the package is installed."""
    folder = PACKAGE.parent / "tests"
    return folder if folder.is_dir() else None


def tests(folder: Path | None) -> list[Test]:
    """The tests below a folder that name requirements, by file and line. What is no Python is passed over."""
    found: list[Test] = []
    if folder is None:
        return found
    for path in sorted(folder.glob("**/test_*.py")):
        text = path.read_text("utf-8")
        if f"mark.{MARKER}" in text:
            found += _marked(ast.parse(text), str(path.relative_to(folder.parent)), hash_of(path))
    return found


def _marked(tree: ast.Module, file: str, digest: str) -> Iterator[Test]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield from _test(node, file, "", (), digest)


def _test(
    node: ast.FunctionDef | ast.ClassDef, file: str, around: str, outer: Sequence[str], digest: str
) -> Iterator[Test]:
    """Tests of a function or class; a method has what its class names, too."""
    named = tuple(dict.fromkeys((*outer, *_requirements(node))))
    name = f"{around}::{node.name}"
    if isinstance(node, ast.FunctionDef):
        if named and node.name.startswith("test"):
            yield Test(f"{file}{name}", f"{file}:{node.lineno}", named, digest, _kind(node))
        return
    methods = [each for each in node.body if isinstance(each, ast.FunctionDef) and each.name.startswith("test")]
    for each in methods:
        yield from _test(each, file, name, named, digest)
    if named and not methods:  # those that it inherits
        yield Test(f"{file}{name}", f"{file}:{node.lineno}", named, digest, _kind(node))


def _kind(node: ast.FunctionDef | ast.ClassDef) -> str:
    marks = [ast.unparse(each.func) for each in node.decorator_list if isinstance(each, ast.Call)]
    return "property" if any(mark.split(".")[-1] == "given" for mark in marks) else "test"


def _requirements(node: ast.FunctionDef | ast.ClassDef) -> Iterator[str]:
    for each in node.decorator_list:
        if isinstance(each, ast.Call) and ast.unparse(each.func) == f"pytest.mark.{MARKER}":
            yield from (
                word.value for word in each.args if isinstance(word, ast.Constant) and isinstance(word.value, str)
            )


def rules(of: SafetyDesign) -> list[PlacedRule]:
    """The rules of all functions, in the order of the file."""
    found = []
    for function in of.design.functions:
        for number, level in enumerate(function.levels):
            for index, rule in enumerate(level.rules):
                place = of.document.place(("functions", function.name, "levels", number, "rules", index))
                found.append(PlacedRule(function.name, number, grammar.text(rule), line(place), _items(rule)))
    return found


def _items(rule: Rule) -> tuple[str, ...]:
    names = (
        getattr(leaf, field)
        for leaf in leaves(rule)
        for field in ("signal", "component", "peer")
        if hasattr(leaf, field)
    )
    return tuple(dict.fromkeys(names))


def line(place: Place) -> str:
    """file:line of a place."""
    fault = place.fault("")
    return f"{shown(Path(fault.where))}:{fault.line}"


def shown(path: Path) -> str:
    """A file as a report names it: from where the shipped ones are, or from here; elsewhere by its last two names."""
    whole = path.resolve()
    for root in (SHIPPED.resolve().parent, Path.cwd()):
        if whole.is_relative_to(root):
            return whole.relative_to(root).as_posix()
    return "/".join(path.parts[-2:])


def serving(of: SafetyDesign, goal: str) -> list[str]:
    """Requirements that serve a goal, directly or by refining one that does, in the order of the case."""
    found = {name for name, one in of.case.requirements.items() if goal in one.goals}
    while True:
        more = {name for name, one in of.case.requirements.items() if found & set(one.refines)} - found
        if not more:
            return [name for name in of.case.requirements if name in found]
        found |= more


def goals_of(of: SafetyDesign, requirement: str) -> list[str]:
    """Goals that a requirement serves, directly or by what it refines."""
    return [goal for goal in of.case.goals if requirement in serving(of, goal)]


def links(of: SafetyDesign, found: Sequence[Test]) -> Iterator[Link]:
    """Every line from a goal to what carries it. A requirement that nothing carries has a line of kind `nothing`."""
    placed = rules(of)
    for goal in of.case.goals:
        for name in serving(of, goal):
            carried = list(_carriers(of, name, placed, found)) or [("nothing", "", "")]
            asil = of.case.requirements[name].asil
            yield from (Link(goal, name, asil, kind, what, place) for kind, what, place in carried)


def _carriers(
    of: SafetyDesign, name: str, placed: Iterable[PlacedRule], found: Iterable[Test]
) -> Iterator[tuple[str, str, str]]:
    requirement, case = of.case.requirements[name], of.case
    for rule in placed:
        if set(rule.items) & set(requirement.guards):
            yield "rule", rule.text, rule.place
    for test in found:
        if name in test.requirements:
            yield test.kind, test.name, test.place
    for claim_name, claim in case.claims.items():
        if name in claim.requirements:
            yield "claim", claim_name, line(of.of_case.place_of_key(("claims", claim_name)))
    for assumed in requirement.assumed:
        yield "assumption", assumed, line(of.of_case.place_of_key(("assumptions", assumed)))
    for other, one in case.requirements.items():
        if name in one.refines:
            yield "requirement", other, line(of.of_case.place_of_key(("requirements", other)))
