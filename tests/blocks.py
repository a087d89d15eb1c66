"""The blocks of a document: programs that must succeed, what they print, and files that they use.

`sh` and `python` blocks run one after the other, as a reader would. A block with a `title` is a file of this name that
a later block reads. A `text` block holds lines of what the program before it prints, in that order and maybe not all;
the last digit of its decimals is of one machine and may differ by one. What needs a screen, a device or a person is a
`console` block: it is not run, but its commands and options must be there. A `text` block behind one, or behind
nothing, is not compared.
"""

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path

from typer.testing import CliRunner

from karyon.cli import app

DOCS = Path(__file__).parents[1] / "docs"
FENCE = re.compile(r'^( *)```(\w*)(?: title="([^"]+)")?\n(.*?)^\1```$', flags=re.DOTALL | re.MULTILINE)
NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?!\w)")


@dataclass(frozen=True)
class Block:
    """A fenced block; `title` is the file that it is, or empty."""

    language: str
    title: str
    text: str


def blocks(document):
    """The blocks of a document, in order."""
    return [
        Block(language, title, re.sub(f"^{indent}", "", text, flags=re.MULTILINE))
        for indent, language, title, text in FENCE.findall(document)
    ]


def files(page):
    """The files that a page of the documentation shows, by their names."""
    return {block.title: block.text for block in blocks((DOCS / page).read_text("utf-8")) if block.title}


@cache
def help_of(command):
    """What `--help` says of a command; empty where there is none of this name."""
    done = CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "100"})
    return done.stdout if done.exit_code == 0 else ""


def unknown(block, said):
    """Commands and options of a `console` block that are not there; `said(command)` is what its `--help` says."""
    lines = re.sub(r"\\\n", " ", block.text).splitlines()
    calls = [found.split("#")[0].split() for line in lines for found in re.findall(r"^\s*karyon (.*)", line)]
    options = [(call[0], word) for call in calls for word in call[1:] if word.startswith("--")]
    missing = [call[0] for call in calls if not said(call[0])]
    return missing + [option for command, option in options if not re.search(rf"{option}\b", said(command))]


def run(block, folder, programs):
    """What a program prints, run in `folder`; `programs` is the folder of the commands that it may use."""
    command = {"sh": ["sh", "-ec", block.text], "python": [sys.executable, "-c", block.text]}[block.language]
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "PYTHONIOENCODING": "utf-8"}
    environment.pop("MAKEFLAGS", None)  # of the `make test` that runs this
    environment.pop("DISPLAY", None)  # nothing opens a window
    done = subprocess.run(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    printed = done.stdout.decode("utf-8")
    assert done.returncode == 0, f"{block.text}\n{printed}"
    return printed


def is_told(shown, lines):
    """Whether each line that is shown begins one of `lines`, in the same order."""
    rest = iter(lines)
    return all(any(is_like(line, told) for told in rest) for line in shown)


def is_like(shown, told):
    """Same words and whole numbers; decimals but for one in the last digit that is shown."""
    words, expected = NUMBER.split(shown), NUMBER.findall(shown)
    found = NUMBER.findall(told)[: len(expected)]
    near = len(found) == len(expected) and all(map(are_near, expected, found))
    return near and "#".join(NUMBER.split(told)).startswith("#".join(words).rstrip())


def are_near(shown, told):
    """Whole numbers are equal; decimals, as far as they are shown, but for one in the last digit."""
    if "." not in shown:
        return shown == told
    digit = Decimal(1).scaleb(Decimal(shown).as_tuple().exponent)
    return abs(Decimal(told) - Decimal(shown)) <= digit
