"""Fault trees by brute force: all sets of events are tried."""

from collections.abc import Set as AbstractSet
from itertools import chain, combinations

from karyon.evidence.fault_tree import Event, Gate


def happens(node: Gate | Event, events: AbstractSet[str]) -> bool:
    """Whether the node is true when just these events have happened."""
    if isinstance(node, Event):
        return node.name in events
    below = [happens(each, events) for each in node.inputs]
    return {"and": all(below), "or": any(below), "certain": True, "atleast": sum(below) >= node.k}[node.kind]


def subsets(names: list[str]) -> list[frozenset[str]]:
    """All sets of names, the small ones first."""
    return [frozenset(each) for each in chain.from_iterable(combinations(names, n) for n in range(len(names) + 1))]


def minimal_cuts(tree: Gate) -> set[frozenset[str]]:
    """Sets that bring the top event about, and of which no part does."""
    found: set[frozenset[str]] = set()
    for each in subsets([event.name for event in tree.events]):
        if happens(tree, each) and not any(cut <= each for cut in found):
            found.add(each)
    return found


def probability(tree: Gate, of: dict[str, float]) -> float:
    """Sum over all sets of events that bring the top event about."""
    total = 0.0
    for each in subsets(list(of)):
        if happens(tree, each):
            weight = 1.0
            for name, p in of.items():
                weight *= p if name in each else 1.0 - p
            total += weight
    return total
