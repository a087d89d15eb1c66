"""Every block of the README does what it says.

`sh` and `python` blocks run one after the other in a copy of the checkout. A `text` block holds lines of what the
block before it prints, in that order and maybe not all; its decimals are of one machine and may differ by a tenth.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", README, flags=re.DOTALL | re.MULTILINE)
NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?!\w)")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A copy of the checkout whose `.venv` is ready: its programs are those that run this test."""
    folder = tmp_path_factory.mktemp("readme") / "karyon"
    left_out = shutil.ignore_patterns(".*", "__pycache__", "runs", "mutants", "tests")
    shutil.copytree(ROOT, folder, ignore=left_out)
    (folder / ".venv").mkdir()
    (folder / ".venv/bin").symlink_to(Path(sys.executable).parent)
    (folder / ".venv/ready").touch()
    return folder


@pytest.fixture(scope="module")
def printed():
    """What the blocks have printed so far, by number."""
    return {}


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_block(checkout, printed, number):
    """Programs succeed, and print what is shown below them."""
    language, text = BLOCKS[number]
    if language == "text":
        assert is_told(text.splitlines(), printed[number - 1].splitlines()), printed[number - 1]
        return
    command = {"sh": ["sh", "-ec", text], "python": [sys.executable, "-c", text]}[language]
    path = f"{checkout / '.venv/bin'}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "PYTHONIOENCODING": "utf-8"}
    environment.pop("MAKEFLAGS", None)  # of the `make test` that runs this
    done = subprocess.run(
        command, cwd=checkout, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    printed[number] = done.stdout.decode("utf-8")
    assert done.returncode == 0, printed[number]


def test_files_that_are_linked_are_there():
    """Pictures and documents."""
    links = re.findall(r"\]\(([^)#]+)\)", README)
    assert [link for link in links if not (ROOT / link).exists()] == []


def is_told(shown, lines):
    """Whether each line that is shown begins one of `lines`, in the same order."""
    rest = iter(lines)
    return all(any(is_like(line, told) for told in rest) for line in shown)


def is_like(shown, told):
    """Same words and whole numbers; decimals within a tenth of each other, or 0.1."""
    words, expected = NUMBER.split(shown), NUMBER.findall(shown)
    found = NUMBER.findall(told)[: len(expected)]
    near = len(found) == len(expected) and all(map(are_near, expected, found))
    return near and "#".join(NUMBER.split(told)).startswith("#".join(words).rstrip())


def are_near(shown, told):
    if "." not in shown:
        return shown == told
    return float(told) == pytest.approx(float(shown), rel=0.1, abs=0.1)


@pytest.mark.parametrize(
    "told", ["exit code 3", "exit 2", "", "LoS 1 → 1: gap 20.0 m", "LoS 2 → 1: gap 23.0 m", "LoS 2 → 1: gap"]
)
def test_what_is_shown_is_compared(told):
    """A wrong word, level, code or size is found; without this the blocks above would prove nothing."""
    assert is_told(["LoS 2 → 1: gap 20.0 m", "exit code 2"], ["start", "LoS 2 → 1: gap 20.1 m, then", "exit code 2"])
    assert not is_like("LoS 2 → 1: gap 20.0 m", told)
    assert not is_like("exit code 2", told)
