"""A user's own class by its import path, `my_package.module:Class`."""

import importlib
import sys
from pathlib import Path
from typing import Any

WHERE = "modules are looked for where Python does, then in the current folder"


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
