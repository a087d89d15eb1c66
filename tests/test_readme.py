"""Every block of the README does what it says."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), flags=re.DOTALL)


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """A folder like a checkout, to run the blocks in, one after the other."""
    folder = tmp_path_factory.mktemp("readme")
    for name in ("scenarios", "karyon"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_block(desk, number):
    """Shell blocks exit 0; Python blocks run, and print what their comments say."""
    language, text = BLOCKS[number]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "PYTHONIOENCODING": "utf-8"}
    text = text.replace("make demo", "karyon demo").replace('export PATH="$PWD/.venv/bin:$PATH"\n', "")
    command = ["sh", "-ec", text] if language == "sh" else [sys.executable, "-c", text]
    done = subprocess.run(command, cwd=desk, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    for printed in re.findall(r"# (?:0\.1 s later: )?(\[1 0\]|LoS .*)", text):
        assert printed in done.stdout
