"""The agreement protocol of a scenario: the one that comes along, or a user's own by its import path."""

from karyon.cooperation.agreement import Agreement
from karyon.cooperation.contract import broken
from karyon.cooperation.protocol import Protocol
from karyon.sim import own_classes
from karyon.sim.own_classes import Kind
from karyon.sim.units import contradiction

PROTOCOL = Kind("protocol", "docs/agreement.md", base=Protocol)


def chosen(path: str | None) -> type[Protocol]:
    """The class at `module:Class`; None: the one that comes along. Raises what the user's module raises."""
    found: type[Protocol] = Agreement if path is None else own_classes.load(path)
    return found


def checked(path: str) -> str:
    """`path` itself, where it names a protocol that keeps what one has to keep. Raises PydanticCustomError."""
    if wrong := PROTOCOL.unusable(path) or PROTOCOL.broken(broken(chosen(path))):
        raise contradiction(*wrong)
    return path
