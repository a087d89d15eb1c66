"""Review records: whether what a person has looked at is still what stands there."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass

from karyon.evidence.case import Case, Review, items_of

WHOLE = "case"
DIGITS = 16  # of a hash: enough that nobody finds another text for it by chance


@dataclass(frozen=True, slots=True)
class Record:
    """A review and what of it holds.

    expired   what has changed since, so that nobody has reviewed it as it is
    """

    id: str
    review: Review
    expired: tuple[str, ...]


def hashes(case: Case) -> dict[str, str]:
    """What a review of each item, or of all of the case, is bound to: a hash of all that stands in it."""
    found = {name: _hash(one.model_dump(mode="json")) for name, one in items_of(case).items()}
    return {WHOLE: _hash(case.model_dump(mode="json", exclude={"reviews"})), **found}


def records(case: Case) -> Iterator[Record]:
    """The review records of a case, each with what of it has expired."""
    now = hashes(case)
    for name, one in case.reviews.items():
        yield Record(name, one, tuple(each for each, digest in one.of.items() if now[each] != digest))


def _hash(data: object) -> str:
    return hashlib.sha256(json.dumps(data, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:DIGITS]
