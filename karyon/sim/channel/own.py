"""Radio models of a user's own, by their import path."""

from karyon.sim import own_classes
from karyon.sim.channel.contract import broken
from karyon.sim.channel.links import LinkModel
from karyon.sim.own_classes import Kind
from karyon.sim.units import contradiction

MODEL = Kind("model", "docs/radio.md", base=LinkModel)


def model(path: str) -> type[LinkModel]:
    """The class at `module:Class`. Raises ImportError, AttributeError, or what the user's module raises."""
    found: type[LinkModel] = own_classes.load(path)
    return found


def checked(path: str) -> str:
    """`path` itself, where it names a model that keeps what a model has to keep. Raises PydanticCustomError."""
    if wrong := MODEL.unusable(path) or MODEL.broken(broken(model(path))):
        raise contradiction(*wrong)
    return path
