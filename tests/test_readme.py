"""Every block of the README does what it says, in a copy of the checkout; how is in `blocks`."""

import re
import shutil
import sys
from pathlib import Path

import pytest

from tests.blocks import blocks, help_of, is_like, is_told, run, unknown

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")
BLOCKS = blocks(README)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A copy of the checkout whose `.venv` is ready: its programs are those that run this test."""
    folder = tmp_path_factory.mktemp("readme") / "karyon"
    left_out = shutil.ignore_patterns(".*", "__pycache__", "runs", "mutants", "site", "tests")
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
    block = BLOCKS[number]
    if block.language == "text":
        assert is_told(block.text.splitlines(), printed[number - 1].splitlines()), printed[number - 1]
        return
    if block.language == "console":
        assert unknown(block, help_of) == []
        return
    printed[number] = run(block, checkout, checkout / ".venv/bin")


def test_files_that_are_linked_are_there():
    """Pictures and documents."""
    links = re.findall(r"\]\(([^)#]+)\)", README)
    assert [link for link in links if not (ROOT / link).exists()] == []


@pytest.mark.parametrize(
    "told", ["exit code 3", "exit 2", "", "LoS 1 → 1: gap 20.0 m", "LoS 2 → 1: gap 20.2 m", "LoS 2 → 1: gap"]
)
def test_what_is_shown_is_compared(told):
    """A wrong word, level, code or size is found; without this the blocks above would prove nothing."""
    assert is_told(["LoS 2 → 1: gap 20.0 m", "exit code 2"], ["start", "LoS 2 → 1: gap 20.1 m, then", "exit code 2"])
    assert not is_like("LoS 2 → 1: gap 20.0 m", told)
    assert not is_like("exit code 2", told)
