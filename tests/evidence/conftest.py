"""A small campaign of the shipped plan, and a design whose safety case can be spoilt."""

import shutil
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from karyon.cli import app
from karyon.evidence import command
from karyon.sim.shipped import SHIPPED

DESIGN = SHIPPED / "safety" / "acc.yaml"
PLAN = "extends: acc_faults\nsettings: {duration: 45 s}\n"
RUNS = 24
OCCURRENCE = "{per_hour: 1e-6, source: made up for this test}"
ITEMS = ("front.distance", "front.relative_speed", "own.speed", "lead.message", "perception", "control", "radio")
OCCURRING = (
    f"occurrence: {{{', '.join(f'{item}: {OCCURRENCE}' for item in ITEMS)}}}\n"
    f"dependent_failures: {{{', '.join(f'CC{number}: {{occurrence: {OCCURRENCE}}}' for number in range(1, 7))}}}"
)
"""Of a case in which a source says how often each item and each common cause fails."""


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """24 runs of `acc_faults`, each of 45 s."""
    place = tmp_path_factory.mktemp("evidence")
    (place / "acc_faults.yaml").write_text(PLAN)
    out = place / "campaign"
    words = ["acc_faults.yaml", "--runs", str(RUNS), "--seed", "5", "--workers", "1", "--out", str(out)]
    subprocess.run([sys.executable, "-m", "karyon", "campaign", *words], cwd=place, check=True)
    return out


def evidence(*words):
    """What `karyon evidence` says and does."""
    return CliRunner().invoke(app, ["evidence", *map(str, words)])


@pytest.fixture(scope="session")
def report(folder, tmp_path_factory):
    """The folder of a report, and what the command said."""
    out = tmp_path_factory.mktemp("report")
    done = evidence(folder, "--design", DESIGN, "--out", out)
    assert done.exit_code == 1, done.output  # 24 runs show no claim
    return out, done.output


@pytest.fixture(scope="session")
def collected(folder):
    """What the report of the shipped design rests on."""
    return command.collect([folder], DESIGN, is_draft=False)


@pytest.fixture
def copy(folder, tmp_path):
    """A copy of it that may be doctored."""
    return shutil.copytree(folder, tmp_path / "copy")


@pytest.fixture
def spoilt(tmp_path):
    """`spoilt(text)`: the shipped design with a case that lays this text on the shipped one."""

    def design(text):
        shipped = SHIPPED / "safety" / "cases" / "acc.yaml"
        (tmp_path / "case.yaml").write_text(f"extends: {shipped}\n{text}")
        of = (SHIPPED / "safety" / "acc.yaml").read_text("utf-8").replace("cases/acc.yaml", "case.yaml")
        (tmp_path / "design.yaml").write_text(of)
        return tmp_path / "design.yaml"

    return design
