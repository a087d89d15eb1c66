"""Where the files that a scenario names are found: beside the file that names them, or among those shipped with it."""

import os
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import karyon
from karyon.sim.documents import Fault, InputError, Keys, Place, dotted, quoted, shortened, suggestion

PACKAGE = Path(karyon.__file__).parent
SHIPPED = next((path for path in (PACKAGE / "scenarios", PACKAGE.parent / "scenarios") if path.is_dir()), PACKAGE)
"""The folder of the shipped scenarios: in the installed package, or in the checkout."""

SIBLINGS_MAX = 1000  # files among which a misspelt name is looked for


def shipped_scenarios() -> dict[str, Path]:
    """The shipped scenarios by name."""
    return {path.stem: path for path in sorted(SHIPPED.glob("*.yaml"))}


def resolve_shipped(name: str) -> Path | None:
    """The file of the shipped scenario of this name; None where there is none."""
    return shipped_scenarios().get(name)


def scenario_file(name: str | Path) -> Path:
    """The file of this name, or else the shipped scenario. Raises InputError."""
    path, shipped = Path(name), resolve_shipped(str(name))
    if shipped is not None and not _is_file(path):
        return shipped
    if _exists(path):
        return path
    names = list(shipped_scenarios())
    meant = suggestion(path.stem, names)
    hint = (f"did you mean {quoted(meant)}? " if meant else "") + f"shipped are {', '.join(names) or 'none'}"
    message = "there is no such file, and no scenario of this name is shipped"
    raise InputError([Fault(shortened(str(name), 200), None, None, 0, message, hint)])


def named_file(path: Keys, name: str, place: Place, folders: Sequence[Path]) -> Path:
    """The file that the field at `path` names, in the first of `folders` or of the shipped ones that has it.

    Raises InputError, with the file of a similar name.
    """
    found = next((folder / name for folder in (*folders, SHIPPED) if _exists(folder / name)), None)
    if found is None:
        meant = suggestion(Path(name).name, _siblings(folders[0] / name))
        hint = f"did you mean {quoted(Path(name).with_name(meant))}?" if meant else ""
        raise InputError([place.fault(f"{dotted(path)} names a file that is not there: {shortened(name, 80)}", hint)])
    if found.is_dir():
        raise InputError([place.fault(f"{dotted(path)} names a folder, not a file: {shortened(name, 80)}")])
    return found


def portable(path: str) -> str:
    """A file by its name among the shipped ones; one of the user as it is."""
    root = SHIPPED.resolve()
    return Path(path).relative_to(root).as_posix() if Path(path).is_relative_to(root) else path


def _siblings(path: Path) -> list[str]:
    try:
        with os.scandir(path.parent) as entries:
            return sorted(entry.name for entry in islice(entries, SIBLINGS_MAX))
    except (OSError, ValueError):
        return []


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # a name that is too long, or holds NUL
        return False


def _is_file(path: Path) -> bool:
    return _exists(path) and path.is_file()
