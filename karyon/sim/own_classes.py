"""A user's own class by its import path, `my_package.module:Class`: what each kind of them has in common."""

import importlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from inspect import signature
from pathlib import Path
from typing import Any

from karyon.sim.documents import quoted, suggestion

WHERE = "modules are looked for where Python does, then in the current folder"
Refusal = tuple[str, str]  # what is wrong, and a hint


@dataclass(frozen=True, slots=True)
class Kind:
    """What users may bring a class of their own for.

    called     as a message calls it: law, detector, ...
    page       that says what it has to keep
    built_in   names of those that come along
    base       what it derives from; none: anything that can be called will do
    """

    called: str
    page: str
    built_in: Sequence[str] = ()
    base: type = object

    def unusable(self, path: str) -> Refusal | None:
        """Why no class goes by this path, and a hint; None where one does, or where it is the name of a built-in."""
        if path in self.built_in:
            return None
        name, colon, attribute = path.partition(":")
        if not (name and colon and attribute):
            return f"names no {self.called}: {path}", self._meant(path, self.built_in) or self._known()
        try:
            names = vars(module(name))
        except Exception as error:  # a user's module may fail in any way
            return f"cannot be loaded: {error}", WHERE
        if attribute in names:
            return self._unfit(attribute, names[attribute])
        classes = [each for each in names if isinstance(names[each], type)]
        return f"names {quoted(attribute)}, which {name} has not", self._meant(attribute, classes)

    def _unfit(self, attribute: str, found: object) -> Refusal | None:
        known = self.base.__name__
        if self.base is object:
            return None if _is_maker(found) else (f"names {quoted(attribute)}, which is no class", "")
        if isinstance(found, type) and issubclass(found, self.base):
            return None
        return f"names {quoted(attribute)}, which is no {known}", f"derive it from {known}, see {self.page}"

    def broken(self, breaches: Sequence[str]) -> Refusal | None:
        """The first of what a class breaks, as a trial has told it; None where it breaks nothing."""
        said = f"breaks what a {self.called} has to keep: it "
        return (said + breaches[0], f"see {self.page}") if breaches else None

    def _known(self) -> str:
        if not self.built_in:
            return "write `module:Class`"
        return f"there are {', '.join(self.built_in)}, and your own as `module:Class`"

    @staticmethod
    def _meant(misspelt: str, names: Sequence[str]) -> str:
        meant = suggestion(misspelt, names)
        return f"did you mean {quoted(meant)}?" if meant else ""


def _is_maker(found: object) -> bool:
    """It can be called, and says with what."""
    try:
        return callable(found) and signature(found) is not None
    except ValueError:  # built into Python
        return False


def load(path: str) -> Any:
    """What `path` names. Raises ImportError, AttributeError, or what the user's module raises."""
    name, _, attribute = path.partition(":")
    return getattr(module(name), attribute)


def module(name: str) -> Any:
    """From where Python finds it, or from the current folder: last, so that nothing there hides a library.

    Raises ImportError, or what the user's module raises.
    """
    here = str(Path.cwd())
    sys.path.append(here)
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(here)
