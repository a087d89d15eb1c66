"""Whether all that a plan may draw is allowed: tried before anything runs, faults told at their places in the plan."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import product
from math import prod
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import numpy as np
from pydantic import ValidationError

from karyon.campaign.choices import OneOf, Varied, put
from karyon.sim import documents, kinds
from karyon.sim.documents import Document, InputError, Keys
from karyon.sim.scenario import FILES, Draft, checked_alone

COMBINATIONS_MAX = 256  # of the values of lists, and of the ends of ranges, that are tried
DRAWN = 64  # points within, that show what no end shows: a number that is not whole, times in the wrong order

Alternative = tuple[Any, Keys]  # a value as a scenario has it, and its place below that of the choice


@dataclass(frozen=True)
class Tried:
    """What came of it: the first scenario, and how each file is called, by its place and the plan's name for it."""

    first: Draft
    files: dict[Keys, dict[Any, str]]


def tried(found: Draft, varied: Sequence[Varied]) -> Tried:
    """Try all alternatives of what varies in a scenario. Raises InputError, and RecordingError for a leader's file."""
    faults: list[documents.Fault] = [_of_file(found.document, one.path, path) for one in varied for path in _below(one)]
    files: dict[Keys, dict[Any, str]] = {}
    model = kinds.model_of(kinds.kind_of(found.document))
    for alternatives in [] if faults else _corners(varied):
        corner = replace(found, document=filled(found.document, varied, alternatives))
        try:
            _remember(corner.document, checked_alone(corner, model), files)
        except InputError as error:
            faults += error.faults
    if not faults:
        faults += _of_points(found, varied, files)
    if faults:
        raise InputError(documents.in_order(faults))
    return Tried(replace(found, document=filled(found.document, varied, _firsts(varied))), files)


def _below(one: Varied) -> list[Keys]:
    """Files that a choice would name deep in its alternatives, where they would be looked for in the wrong place."""
    depth = len(one.path)
    deeper = [path for path in FILES if len(path) > depth and path[:depth] == one.path]
    named = [value for value, _ in one.alternatives()]
    return [path for path in deeper if any(isinstance(value, dict) and path[depth] in value for value in named)]


def _of_file(document: Document, chosen: Keys, path: Keys) -> documents.Fault:
    said = f"{documents.dotted(path)} is chosen together with others"
    return document.place(chosen).fault(said, f"put the choice at the file: {path[-1]}: {{one_of: [...]}}")


def _firsts(varied: Sequence[Varied]) -> list[Alternative]:
    return [one.alternatives()[0] for one in varied]


def _corners(varied: Sequence[Varied]) -> Iterator[list[Alternative]]:
    """Each alternative at least once; all combinations of lists, then of the ends of ranges, too, if they are few."""
    each = [one.alternatives() for one in varied]
    for turn in range(max(map(len, each), default=1)):
        yield [alternatives[min(turn, len(alternatives) - 1)] for alternatives in each]
    lists = [one if isinstance(choice.choice, OneOf) else one[:1] for one, choice in zip(each, varied, strict=True)]
    for chosen in (lists, each):
        if prod(map(len, chosen)) <= COMBINATIONS_MAX:
            yield from map(list, product(*chosen))


def _of_points(found: Draft, varied: Sequence[Varied], files: dict[Keys, dict[Any, str]]) -> list[documents.Fault]:
    """Faults of scenarios somewhere in between."""
    model = kinds.model_of(kinds.kind_of(found.document))
    points = np.random.Generator(np.random.Philox(0)).random((DRAWN if varied else 0, len(varied))).tolist()
    for point in points:
        drawn = [(one.written(one.choice.at(share)), ()) for one, share in zip(varied, point, strict=True)]
        document = filled(found.document, varied, drawn)
        try:
            model.model_validate(with_files(document.data, files))
        except ValidationError:
            try:
                checked_alone(replace(found, document=document), model)
            except InputError as error:
                return [_hinted(fault) for fault in error.faults]
    return []


def _hinted(fault: documents.Fault) -> documents.Fault:
    return replace(fault, hint="whole numbers go into `one_of`") if "whole number" in fault.message else fault


def with_files(data: Any, files: dict[Keys, dict[Any, str]]) -> Any:
    """The data of a scenario with the files where they are, by the names that the plan has for them."""
    for path, names in files.items():
        value = data
        for key in path:
            value = value.get(key) if isinstance(value, dict) else None
        if value in names:
            data = put(data, path, names[value])
    return data


def _remember(document: Document, scenario: Any, files: dict[Keys, dict[Any, str]]) -> None:
    """How the scenario calls the files that the document names; a recording that cannot be read is refused.

    Raises InputError, and RecordingError for a leader's file.
    """
    for path in FILES:
        if (name := document.at(path)) is not None:
            found: Any = scenario
            for key in path:
                found = getattr(found, str(key))
            known = files.setdefault(path, {})
            if name not in known and path[-1] == "recording":
                _play(document, path, scenario)
            known[name] = str(found)


def _play(document: Document, path: Keys, scenario: Any) -> None:
    """Try the recording that the document names at `path`."""
    try:
        resolve_name(kinds.kind_of(document).recording)(scenario)
    except ValueError as error:
        raise InputError([document.place(path).fault(f"{documents.dotted(path)} {error}")]) from None


def filled(document: Document, varied: Sequence[Varied], alternatives: Sequence[Alternative]) -> Document:
    """The document with these in the place of what varies, each with its place in the plan."""
    data, values = document.data, dict(document.values)
    for one, (value, below) in zip(varied, alternatives, strict=True):
        data = put(data, one.path, value)
        values[one.path] = document.place((*one.path, *below))
    return Document(data, document.keys, values)


def designs(over: Document, varied: Sequence[Varied]) -> list[Document]:
    """What is laid on the design, with all alternatives of what varies in it."""
    return [filled(over, varied, alternatives) for alternatives in _corners(varied)]


def hashes(files: dict[Keys, dict[Any, str]]) -> dict[str, str]:
    """SHA-256 of each file, by its path. Raises OSError."""
    paths = sorted({path for names in files.values() for path in names.values() if Path(path).is_file()})
    return {path: hash_of(path) for path in paths}


def hash_of(path: str | Path) -> str:
    """SHA-256 of a file. Raises OSError."""
    return sha256(Path(path).read_bytes()).hexdigest()
