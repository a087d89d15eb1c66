"""Detectors by their name in a sensors file: those built in, and a user's own as `module:Class`."""

from karyon.perception.additional import BUILT_IN, Factory
from karyon.perception.contract import broken
from karyon.perception.signals import Signal
from karyon.sim import own_classes
from karyon.sim.own_classes import Kind, Refusal

DETECTOR = Kind("detector", "docs/perceive.md", tuple(BUILT_IN))


def factory(name: str) -> Factory:
    """The class of a detector. Raises ImportError, AttributeError, or what the user's module raises."""
    if name in BUILT_IN:
        return BUILT_IN[name]
    found: Factory = own_classes.load(name)
    return found


def wrong(name: str, signal: Signal, period: float) -> Refusal | None:
    """What is wrong with the detector of this name, and a hint; None where it can be used."""
    return DETECTOR.unusable(name) or DETECTOR.broken(broken(factory(name), signal, period))
