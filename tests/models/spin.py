"""spin, of which all tests of Promela models ask the same."""

import shutil
import subprocess

import pytest

needed = pytest.mark.skipif(
    not (shutil.which("spin") and shutil.which("gcc")), reason="needs spin and gcc: apt-get install spin gcc"
)


def checked(model, folder):
    """What spin's verifier says of a model."""
    (folder / "model.pml").write_text(model)
    for command in (
        ["spin", "-a", "model.pml"],
        ["gcc", "-O2", "-DSAFETY", "-DNOREDUCE", "-DNOCOMP", "-DNOBOUNDCHECK", "-o", "pan", "pan.c"],
        ["./pan", "-m3000000"],
    ):
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout
