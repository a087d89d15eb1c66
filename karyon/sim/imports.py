"""Classes of a user's own, by their import path `module:Class`."""

import importlib
import sys
from pathlib import Path
from typing import Any

LOOKED_FOR = "modules are looked for where Python does, then in the current folder"


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
