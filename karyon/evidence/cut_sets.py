"""Minimal cut sets, probability and importance of fault trees, by binary decision diagrams.

[Rauzy 1993, New algorithms for fault trees analysis; Birnbaum 1969]
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial, reduce
from itertools import combinations
from typing import Any

from dd.bdd import BDD

from karyon.evidence.fault_tree import NO_RATE, Event, Gate, Node

Cut = frozenset[str]


@dataclass(frozen=True)
class Analysis:
    """What a tree comes to.

    cuts         minimal cut sets, the smallest first, then by name
    probability  of the top event; None where that of an event which counts is unknown
    importance   by event: structural importance, that is Birnbaum's with all events as likely as not
    birnbaum, fussell_vesely   by event, where the probability is known
    """

    cuts: tuple[Cut, ...]
    probability: float | None
    importance: Mapping[str, float]
    birnbaum: Mapping[str, float]
    fussell_vesely: Mapping[str, float]


def analyse(tree: Gate, quantified: Mapping[str, float] | None = None) -> Analysis:
    """Cut sets and importance. `quantified`: probability by event, which then counts; else the tree's own, if known.

    The tree's own are known where each event that fails at random has one: what is systematic counts as 0.
    """
    diagram = _Diagram(tree)
    cuts = tuple(sorted(diagram.cuts(), key=lambda cut: (len(cut), sorted(cut))))
    half = {event.name: 0.5 for event in tree.events}
    importance = {name: diagram.birnbaum(name, half) for name in half}
    known = dict(quantified) if quantified is not None else own_probabilities(tree)
    if known is None:
        return Analysis(cuts, None, importance, {}, {})
    whole = diagram.probability(known)
    birnbaum = {name: diagram.birnbaum(name, known) for name in known}
    vesely = {name: 1.0 - diagram.probability(known | {name: 0.0}) / whole if whole > 0.0 else 0.0 for name in known}
    return Analysis(cuts, whole, importance, birnbaum, vesely)


def own_probabilities(tree: Gate) -> dict[str, float] | None:
    """Probability by event as the tree states it, 0 of what is systematic or assumed; None where a rate is missing."""
    if any(event.source == NO_RATE for event in tree.events):
        return None
    return {event.name: event.probability or 0.0 for event in tree.events}


class _Diagram:
    """The decision diagram of a tree: nodes are numbers. Trees are monotone, so no node but `false` is a complement."""

    def __init__(self, tree: Gate) -> None:
        self._bdd: Any = BDD()  # type: ignore[abstract]
        self._bdd.declare(*(event.name for event in tree.events))
        self._true, self._false = self._bdd.true, self._bdd.false
        self.top = self._built(tree, {})
        self._order = self._below(self.top)

    def _built(self, node: Node, known: dict[int, int]) -> int:
        if isinstance(node, Event):
            return int(self._bdd.var(node.name))
        if id(node) not in known:
            below = [self._built(each, known) for each in node.inputs]
            known[id(node)] = self._joined(node, below)
        return known[id(node)]

    def _joined(self, node: Gate, below: list[int]) -> int:
        match node.kind:
            case "certain":
                return int(self._true)
            case "and" | "or":
                return reduce(partial(self._bdd.apply, node.kind), below)
            case "atleast":
                return self._at_least(node.k, below)

    def _at_least(self, k: int, below: list[int]) -> int:
        """Row by row of Pascal's triangle: at least j of the first inputs."""
        reached = [self._true, *[self._false] * k]
        for each in below:
            also = [self._bdd.apply("and", each, reached[j - 1]) for j in range(1, k + 1)]
            reached = [self._true, *map(partial(self._bdd.apply, "or"), reached[1:], also)]
        return int(reached[k])

    def cuts(self) -> set[Cut]:
        """Minimal cut sets of a monotone function: those without the variable, and those that need it."""
        known: dict[int, set[Cut]] = {self._false: set(), self._true: {frozenset()}}
        for node, name, low, high in self._order:
            without = known[low]
            known[node] = without | {cut | {name} for cut in known[high] if not _contains(without, cut)}
        return known[self.top]

    def probability(self, of: Mapping[str, float]) -> float:
        """Probability of the top event, its events being independent."""
        known: dict[int, float] = {self._false: 0.0, self._true: 1.0}
        for node, name, low, high in self._order:
            known[node] = of[name] * known[high] + (1.0 - of[name]) * known[low]
        return known[self.top]

    def birnbaum(self, name: str, of: Mapping[str, float]) -> float:
        """How much more likely the top event is when this event has happened than when it has not."""
        return self.probability({**of, name: 1.0}) - self.probability({**of, name: 0.0})

    def _below(self, top: int) -> list[tuple[int, str, int, int]]:
        """All nodes below one and itself, each once with its variable and halves, after those that it rests on."""
        order: dict[int, None] = {}
        waiting = [top]
        while waiting:
            node = waiting[-1]
            below = [] if abs(node) == 1 else [each for each in self._halves(node)[1:] if each not in order]
            if node in order or not below:
                waiting.pop()
                order[node] = None
            waiting += [each for each in below if node not in order]
        return [(node, *self._halves(node)) for node in order if abs(node) != 1]

    def _halves(self, node: int) -> tuple[str, int, int]:
        level, low, high = self._bdd.succ(node)
        return str(self._bdd.var_at_level(level)), low, high


def _contains(cuts: set[Cut], cut: Cut) -> bool:
    """Whether a subset of `cut` is among `cuts`."""
    if len(cuts) < 2 ** len(cut):
        return any(each <= cut for each in cuts)
    return any(frozenset(part) in cuts for size in range(len(cut) + 1) for part in combinations(sorted(cut), size))
