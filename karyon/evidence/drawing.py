"""Trees as SVG: the argument in Goal Structuring Notation, and fault trees. Text is wrapped; nothing is loaded."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape

from karyon.evidence.case import Node
from karyon.evidence.fault_tree import Event, Gate
from karyon.sim.view.colours import LIGHT, STATES, Colour, css

FONT, LINE = 11.0, 13.5  # px
INK, RULE = css(LIGHT.ink), css(LIGHT.faint)
ROUND = {"solution", "assumption", "justification"}
CORNERS = {"context": 12.0, "event": 9.0}  # px


@dataclass
class Box:
    """A box with its text and those below it; x, y is its middle."""

    lines: Sequence[str]
    shape: str
    colours: tuple[Colour, Colour]
    width: float
    below: list[Box] = field(default_factory=list)
    beside: list[Box] = field(default_factory=list)
    badge: str = ""
    x: float = 0.0
    y: float = 0.0

    @property
    def height(self) -> float:
        """Of the box, with its text."""
        return LINE * len(self.lines) + 14.0


def _box(text: str, head: str, shape: str, state: str, width: float) -> Box:
    wrapped = textwrap.wrap(text, int(width / (FONT * (0.68 if shape in ROUND else 0.56))))
    return Box([head, *wrapped] if head else wrapped, shape, STATES[state], width)


def argument(nodes: Mapping[str, Node], states: Mapping[str, tuple[str, str]]) -> str:
    """The argument as SVG. `states`: by node its state as in STATES, and the word for it."""
    drawn: set[str] = set()

    def box(name: str) -> Box:
        drawn.add(name)
        node, (state, word) = nodes[name], states[name]
        made = _box(node.text, f"{name}  {word}".rstrip(), node.kind, state, 176.0)
        made.beside = [box(each) for each in node.in_context_of if each not in drawn]
        made.below = [box(each) for each in node.supported_by if each not in drawn]
        return made

    top = box(next(iter(nodes)))
    _place_down(top, 0.0, 0.0)
    return _svg(top, "The argument, in Goal Structuring Notation")


def _place_down(box: Box, left: float, top: float, gap: float = 22.0) -> float:
    """Place a box and all below it from `left` on; returns the right end."""
    box.y = top + box.height / 2
    beside = sum(each.width + gap for each in box.beside)
    at, next_top = left, top + max([box.height, *(each.height for each in box.beside)]) + 44.0
    for each in box.below:
        at = _place_down(each, at, next_top) + gap
    right = max(at - gap, left + box.width)
    box.x = (box.below[0].x + box.below[-1].x) / 2 if box.below else left + box.width / 2
    at = box.x + box.width / 2 + gap
    for each in box.beside:
        each.x, each.y = at + each.width / 2, box.y
        at += each.width + gap
    return max(right, box.x + box.width / 2 + beside)


def depth_of(tree: Gate, most: int) -> int:
    """How deep a tree can be drawn with at most `most` boxes in its last column."""
    depth = 0
    shown: list[Gate | Event] = [tree]
    while any(isinstance(node, Gate) and node.inputs for node in shown):
        shown = [
            below for node in shown for below in (node.inputs if isinstance(node, Gate) and node.inputs else (node,))
        ]
        if len(shown) > most:
            break
        depth += 1
    return max(depth, 1)


def outline(tree: Gate, deepest: int) -> str:
    """The same as `fault_tree` as a list of lists in HTML, for screens on which no picture can be read."""

    def item(node: Gate | Event, depth: int) -> str:
        if isinstance(node, Event) or not node.inputs:
            return f"<li>{escape(node.text)}</li>"
        kind = node.kind.upper() if node.kind != "atleast" else f"at least {node.k}"
        head = f"<li><b>{kind}</b> {escape(node.text)}"
        if depth == deepest:
            return f"{head}, {len(node.events)} events</li>"
        return f"{head}<ul>{''.join(item(each, depth + 1) for each in node.inputs)}</ul></li>"

    return f"<ul>{item(tree, 0)}</ul>"


def fault_tree(tree: Gate, deepest: int) -> str:
    """A fault tree as SVG, from left to right; what is deeper than `deepest` is told by the number of its events."""

    def box(node: Gate | Event, depth: int) -> Box:
        if isinstance(node, Event):
            return _box(node.text, "", "event", "", 215.0)
        if not node.inputs:
            return _box(node.text, "", "certain", "bad", 215.0)
        made = _box(node.text, "", "gate", "open", 215.0)
        if depth == deepest:
            made.badge = f"{node.kind.upper()} … {len(node.events)} events"
        else:
            made.badge = node.kind.upper() if node.kind != "atleast" else f"≥ {node.k}"
            made.below = [box(each, depth + 1) for each in node.inputs]
        return made

    top = box(tree, 0)
    _place_right(top, 0.0, 0.0)
    return _svg(top, tree.text, across=True)


def _place_right(box: Box, left: float, top: float) -> float:
    """Place a box and all that is right of it from `top` on; returns the lower end."""
    box.x = left + box.width / 2
    at = top
    for each in box.below:
        at = _place_right(each, left + box.width + 70.0, at) + 7.0
    box.y = (box.below[0].y + box.below[-1].y) / 2 if box.below else top + box.height / 2
    return max(at - 7.0, box.y + box.height / 2)


def _all(box: Box) -> Iterable[Box]:
    yield box
    for each in (*box.beside, *box.below):
        yield from _all(each)


def _svg(top: Box, title: str, across: bool = False) -> str:
    boxes = list(_all(top))
    left = min(box.x - box.width / 2 for box in boxes) - 4.0
    right = max(box.x + box.width / 2 for box in boxes) + (90.0 if across else 4.0)
    upper, lower = (
        min(box.y - box.height / 2 for box in boxes) - 4.0,
        max(box.y + box.height / 2 for box in boxes) + 4.0,
    )
    size = f"{left:.0f} {upper:.0f} {right - left:.0f} {lower - upper:.0f}"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{size}" width="{right - left:.0f}" '
        f'height="{lower - upper:.0f}" role="img" font-family="DejaVu Sans, Verdana, sans-serif" font-size="{FONT:g}">',
        f"<title>{escape(title)}</title>",
    ]
    parts += [_link(box, each, across) for box in boxes for each in box.below]
    parts += [_aside(box, each) for box in boxes for each in box.beside]
    parts += [_drawn(box, across) for box in boxes]
    return "\n".join([*parts, "</svg>"]) + "\n"


def _link(box: Box, below: Box, across: bool) -> str:
    if across:
        x, to = box.x + box.width / 2, below.x - below.width / 2
        path = f"M{x:.1f} {box.y:.1f}H{x + 56:.1f}V{below.y:.1f}H{to:.1f}"
    else:
        y, to = box.y + box.height / 2, below.y - below.height / 2
        path = f"M{box.x:.1f} {y:.1f}V{to - 20:.1f}H{below.x:.1f}V{to:.1f}"
    return f'<path d="{path}" fill="none" stroke="{RULE}" stroke-width="1"/>'


def _aside(box: Box, beside: Box) -> str:
    x, to = box.x + box.width / 2, beside.x - beside.width / 2
    return f'<path d="M{x:.1f} {box.y:.1f}H{to:.1f}" stroke="{RULE}" stroke-dasharray="4 2"/>'


def _drawn(box: Box, across: bool) -> str:
    x, y, w, h = box.x - box.width / 2, box.y - box.height / 2, box.width, box.height
    fill, border = map(css, box.colours)
    look = f'fill="{fill}" stroke="{border}" stroke-width="1.2"'
    if box.shape == "strategy":
        corners = ((x + 8, y), (x + w, y), (x + w - 8, y + h), (x, y + h))
        shape = f'<polygon points="{" ".join(f"{a:.1f},{b:.1f}" for a, b in corners)}" {look}/>'
    else:
        size = f'x="{x:.1f}" y="{y:.1f}" width="{w:.1f}" height="{h:.1f}"'
        shape = f'<rect {size} rx="{h / 2.2 if box.shape in ROUND else CORNERS.get(box.shape, 0.0):.1f}" {look}/>'
    first = y + 7.0 + FONT * 0.9
    lines = [
        f'<tspan x="{box.x:.1f}" y="{first + LINE * number:.1f}"{_weight(box, number)}>{escape(line)}</tspan>'
        for number, line in enumerate(box.lines)
    ]
    badge = ""
    if box.badge and across:
        badge = (
            f'<text x="{x + w + 5:.1f}" y="{box.y - 4:.1f}" font-size="9.5" font-weight="bold" fill="{RULE}">'
            f"{escape(box.badge)}</text>"
        )
    return f'<g>{shape}<text text-anchor="middle" fill="{INK}">{"".join(lines)}</text>{badge}</g>'


def _weight(box: Box, number: int) -> str:
    return ' font-weight="bold"' if number == 0 and box.shape not in ("event", "gate", "certain") else ""
