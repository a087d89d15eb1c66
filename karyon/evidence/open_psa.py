"""A fault tree in the Open-PSA model exchange format, as other tools of fault tree analysis read it.

[Open-PSA Model Exchange Format 2.0d, 2008]
"""

from __future__ import annotations

import re
from xml.etree import ElementTree

from karyon.evidence.fault_tree import Event, Gate, Node


def identifier(name: str) -> str:
    """A name as the format allows it: letters, digits and `_`."""
    return re.sub(r"\W", "_", name)


def text(tree: Gate) -> str:
    """The tree as XML. What is `certain` is a house event; an event without a probability has no expression."""
    root = ElementTree.Element("opsa-mef")
    trees = ElementTree.SubElement(root, "define-fault-tree", name=identifier(tree.name))
    _label(trees, tree.text)
    for gate in _gates(tree):
        _define(ElementTree.SubElement(trees, "define-gate", name=identifier(gate.name)), gate)
    data = ElementTree.SubElement(root, "model-data")
    for event in tree.events:
        defined = ElementTree.SubElement(data, "define-basic-event", name=identifier(event.name))
        _label(defined, event.text)
        if event.probability is not None:
            ElementTree.SubElement(defined, "float", value=repr(event.probability))
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _gates(tree: Gate) -> list[Gate]:
    """Gates with inputs, each once, the top one first."""
    found: dict[str, Gate] = {}

    def walk(node: Node) -> None:
        if isinstance(node, Gate) and node.inputs and node.name not in found:
            found[node.name] = node
            for each in node.inputs:
                walk(each)

    walk(tree)
    return list(found.values())


def _define(defined: ElementTree.Element, gate: Gate) -> None:
    _label(defined, gate.text)
    single = len(gate.inputs) == 1
    least = {"min": str(gate.k)} if gate.kind == "atleast" else {}
    formula = defined if single else ElementTree.SubElement(defined, gate.kind, least)
    for each in gate.inputs:
        _refer(formula, each)


def _refer(formula: ElementTree.Element, node: Node) -> None:
    if isinstance(node, Event):
        ElementTree.SubElement(formula, "basic-event", name=identifier(node.name))
    elif node.inputs:
        ElementTree.SubElement(formula, "gate", name=identifier(node.name))
    else:
        ElementTree.SubElement(formula, "constant", value="true")


def _label(element: ElementTree.Element, text: str) -> None:
    ElementTree.SubElement(element, "label").text = text
