"""`karyon bench --peer`: KARYON beside another program, on the same machine, in the same run, in turn."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from karyon.bench.turns import Spread, in_turn
from karyon.installation import machine

KARYON, PEER = "karyon", "peer"
Measured = Mapping[str, Callable[[], float]]


@dataclass(frozen=True, slots=True)
class Beside:
    """One other program, and how it is measured.

    key, name    as option and JSON call it, as a reader does
    unit         what is counted per second of CPU time
    of           what there are more or fewer of: `vehicles`, `streams`
    sizes        how many of these
    opened       of so many, what measures a speed each time that it is called: `karyon`, `peer`, and what else is ours
    """

    key: str
    name: str
    unit: str
    of: str
    sizes: Sequence[int]
    opened: Callable[[int], AbstractContextManager[Measured]]


def named(key: str) -> Beside:
    """The program that an option calls so. Raises ImportError where it is not installed."""
    peer: Beside = import_module(f"karyon.bench.beside_{key.replace('-', '_')}").BESIDE
    return peer


def measure(peer: Beside) -> dict[str, Any]:
    """Speeds of both, medians of repetitions in turn, and how many times as fast we are."""
    return {"machine": machine(), "peers": {peer.key: [_both(peer, size) for size in peer.sizes]}}


def lines(peer: Beside, measured: Mapping[str, Any]) -> Iterator[str]:
    """The same for a reader."""
    yield f"{peer.unit}   {measured['machine']}"
    for one in measured["peers"][peer.key]:
        both = f"KARYON {one[KARYON]:12,.0f}   {peer.name} {one[PEER]:12,.0f}"
        others = (f"   {said(name)} {one[f'ratio_{name}']:.3g} x" for name in ours(one))
        yield f"{counted(one[peer.of], peer.of):>16}   {both}   {one['ratio']:.3g} x{''.join(others)}"


def counted(size: int, of: str) -> str:
    """So many of these."""
    return f"{size:,} {of if size > 1 else of.removesuffix('s')}"


def ours(one: Mapping[str, Any]) -> list[str]:
    """What else of KARYON was measured beside a peer."""
    return [name.removeprefix("ratio_") for name in one if name.startswith("ratio_")]


def said(name: str) -> str:
    """A name of JSON for a reader."""
    return name.replace("_", " ")


def _both(peer: Beside, size: int) -> dict[str, Any]:
    with peer.opened(size) as measured:
        found = in_turn(measured, size)
    theirs = found[PEER].median
    others = {name: spread.median for name, spread in found.items() if name not in (KARYON, PEER)}
    return {
        peer.of: size,
        KARYON: found[KARYON].median,
        PEER: theirs,
        "ratio": found[KARYON].median / theirs,
        **others,
        **{f"ratio_{name}": speed / theirs for name, speed in others.items()},
        "spread": {name: _ends(spread) for name, spread in found.items()},
    }


def _ends(spread: Spread) -> list[float]:
    return [spread.lowest, spread.highest]
