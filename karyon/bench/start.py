"""`karyon bench --part start`: how soon the command answers, and which imports that takes."""

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from karyon.bench.turns import in_turn
from karyon.installation import machine

RUN = ("run", "acc_radar_drift", "--until", "1", "--out", "run")
COMMANDS = {"karyon --help": ("--help",), "karyon run, one second of a scenario": RUN}
HEAVIEST = 8  # packages that are named
HEADER = "import time:"


def measure() -> dict[str, Any]:
    """Wall time in s of each command, and the packages whose imports take longest in it, in ms without those within."""
    with TemporaryDirectory() as folder:
        found = in_turn({name: partial(_taken, words, folder) for name, words in COMMANDS.items()})
        commands = [
            {
                "command": name,
                "seconds": found[name].median,
                "spread": [found[name].lowest, found[name].highest],
                **_imports(words, folder),
            }
            for name, words in COMMANDS.items()
        ]
    return {"machine": machine(), "commands": commands}


def lines(measured: Mapping[str, Any]) -> Iterator[str]:
    """The same for a reader."""
    yield f"start   {measured['machine']}"
    for one in measured["commands"]:
        yield f"{one['seconds']:6.2f} s   {one['command']}"
        heaviest = ", ".join(f"{name} {taken:.0f}" for name, taken in one["heaviest"].items())
        yield f"{'':8}   {one['imports']:,} modules in {one['import_ms']:.0f} ms: {heaviest}"


def _taken(words: Sequence[str], folder: str) -> float:
    started = time.perf_counter()
    _run((), words, folder)
    return time.perf_counter() - started


def _imports(words: Sequence[str], folder: str) -> dict[str, Any]:
    told = [line for line in _run(("-X", "importtime"), words, folder).splitlines() if line.startswith(HEADER)]
    taken = imports(told)
    heaviest = {name: microseconds / 1e3 for name, microseconds in taken.most_common(HEAVIEST)}
    return {"imports": len(told) - 1, "import_ms": taken.total() / 1e3, "heaviest": heaviest}


def imports(told: Sequence[str]) -> Counter[str]:
    """µs by package of what `-X importtime` says after a head, each module without those that it imports."""
    taken: Counter[str] = Counter()
    for line in told[1:]:
        own, _, module = line.removeprefix(HEADER).split("|")
        taken[module.strip().partition(".")[0]] += int(own)
    return taken


def _run(flags: Sequence[str], words: Sequence[str], folder: str) -> str:
    """What a command says on standard error. Raises CalledProcessError."""
    command = (sys.executable, *flags, "-m", "karyon", *words)
    keeps = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment = keeps | {"PYTHONPYCACHEPREFIX": str(Path(folder) / "bytecode")}  # as where it is installed
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True).stderr
