"""Detectors by their name in a sensors file: those built in, and a user's own as `module:Class`."""

from karyon.perception.additional import BUILT_IN, Factory
from karyon.perception.contract import broken
from karyon.perception.signals import Signal
from karyon.sim import imports
from karyon.sim.documents import quoted, suggestion


def factory(name: str) -> Factory:
    """The class of a detector. Raises ImportError, AttributeError, or what the user's module raises."""
    if name in BUILT_IN:
        return BUILT_IN[name]
    module, _, attribute = name.partition(":")
    found: Factory = getattr(imports.module(module), attribute)
    return found


def wrong(name: str, signal: Signal, period: float) -> tuple[str, str] | None:
    """What is wrong with the detector of this name, and a hint; None where it can be used."""
    if name not in BUILT_IN and ":" not in name:
        meant = suggestion(name, list(BUILT_IN))
        known = f"there are {', '.join(BUILT_IN)}, and your own as `module:Class`"
        return f"names no detector: {name}", f"did you mean {quoted(meant)}?" if meant else known
    try:
        made = factory(name)
    except Exception as error:  # a user's module may fail in any way
        return f"cannot be loaded: {error}", imports.LOOKED_FOR
    breaches = broken(made, signal, period)
    return (f"breaks what a detector has to keep: it {breaches[0]}", "see docs/perceive.md") if breaches else None
