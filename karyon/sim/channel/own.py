"""Radio models of a user's own, by their import path."""

from karyon.sim import imports
from karyon.sim.channel.contract import broken
from karyon.sim.channel.links import LinkModel
from karyon.sim.documents import quoted, suggestion
from karyon.sim.units import contradiction


def model(path: str) -> type[LinkModel]:
    """The class at `module:Class`. Raises ImportError, AttributeError, or what the user's module raises."""
    module, _, name = path.partition(":")
    found: type[LinkModel] = getattr(imports.module(module), name)
    return found


def checked(path: str) -> str:
    """`path` itself, where it names a model that keeps what a model has to keep. Raises PydanticCustomError."""
    module, colon, name = path.partition(":")
    if not module or not name:
        raise contradiction("is no import path", "write `module:Class`" if not colon else "")
    try:
        names = vars(imports.module(module))
    except Exception as error:  # a user's module may fail in any way
        raise contradiction(f"cannot be loaded: {error}", imports.LOOKED_FOR) from error
    if name not in names:
        meant = suggestion(name, [each for each in names if isinstance(names[each], type)])
        raise contradiction(
            f"names {quoted(name)}, which {module} has not", f"did you mean {quoted(meant)}?" if meant else ""
        )
    found = names[name]
    if not (isinstance(found, type) and issubclass(found, LinkModel)):
        raise contradiction(
            f"names {quoted(name)}, which is no LinkModel", "derive it from karyon.sim.channel.LinkModel"
        )
    if breaches := broken(found):
        raise contradiction(f"breaks what a model has to keep: it {breaches[0]}", "see docs/radio.md")
    return path
