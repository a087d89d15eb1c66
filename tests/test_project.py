"""The project as others get it: its wheel, its layers, and files that are true on any machine."""

import ast
import os
import re
import subprocess
import sys
import tomllib
import venv
from pathlib import Path
from zipfile import ZipFile

import pytest

import karyon

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
SHIPPED = sorted(path.stem for path in (ROOT / "scenarios").glob("*.yaml"))
PICTURE_LARGEST = 300_000  # bytes

OF_ONE_MACHINE = re.compile(
    r"/(?:work|root|opt|tmp|mnt|srv)/|/home/\w|/Users/\w|[A-Z]:\\Users"  # folders
    r"|pythonhosted|pypi\.org|npmjs|debian\.org|//[\w.-]+/simple\b"  # registries
    r"|\b[Ii]ssue #?\d"
)


def run(*command, cwd, **settings):
    """Output of a command that must succeed, run in the folder `cwd` as somebody without this checkout would."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | settings
    done = subprocess.run(
        [str(word) for word in command], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}: exit {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built from the source distribution with what the lock file says."""
    folder = tmp_path_factory.mktemp("dist")
    lock = str(ROOT / "requirements.lock")
    run(sys.executable, "-m", "build", "--outdir", folder, ROOT, cwd=folder, PIP_CONSTRAINT=lock)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """The programs of an environment that holds the wheel and what it needs, and nothing else."""
    folder = tmp_path_factory.mktemp("elsewhere")
    venv.create(folder, with_pip=True)
    pip = (folder / "bin/python", "-m", "pip", "install", "--quiet")
    run(*pip, "--constraint", ROOT / "requirements.lock", wheel, cwd=folder)
    return folder / "bin"


@pytest.fixture
def folder_of_a_user(tmp_path):
    """A working folder with packages of the user's own, named as ours might be; importing one fails."""
    for name in ("sim", "hil", "kernel", "perception", "control"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise RuntimeError('the package of the user was imported')")
    return tmp_path


def test_a_wheel_holds_types_and_scenarios(wheel):
    """What is beside the code in the checkout is inside the package of a wheel."""
    names = set(ZipFile(wheel).namelist())
    assert {"karyon/py.typed", "karyon/scenarios/safety/acc.yaml", "karyon/scenarios/schema/scenario.json"} <= names
    assert {f"karyon/scenarios/{name}.yaml" for name in SHIPPED} <= names
    assert not [name for name in names if name.startswith(("sim/", "hil/", "tests/"))]


def test_an_installed_wheel_shows_the_demo(installed, tmp_path):
    """Without a checkout and without extras; a picture needs one, and the demo says which."""
    told = run(installed / "karyon", "demo", cwd=tmp_path)
    assert len(told.splitlines()) < 30
    assert "LoS 2 → 0" in told
    assert "karyon[view]" in told
    assert {"trace.parquet", "events.jsonl", "summary.json"} <= {
        path.name for path in (tmp_path / "runs/demo").iterdir()
    }


def test_an_installed_wheel_checks_each_shipped_scenario(installed, tmp_path):
    """By name, from a folder where there is no file of that name."""
    told = run(installed / "karyon", "check", *SHIPPED, cwd=tmp_path, COLUMNS="200")
    assert told.count("is well formed") == len(SHIPPED) >= 2


def test_packages_of_the_user_do_not_break_ours(installed, folder_of_a_user):
    """Neither as a command nor as a module, which puts the current folder first on the path."""
    run(installed / "karyon", "check", "acc_profile", cwd=folder_of_a_user)
    run(installed / "python", "-m", "karyon", "run", "acc_profile", "--until", "5", cwd=folder_of_a_user)


def test_nothing_is_imported_before_it_is_needed(tmp_path):
    """`import karyon` and the kernel bring no simulator, window, network or plotting."""
    heavy = {"simpy", "pydantic", "ruamel", "typer", "rich", "pyarrow", "matplotlib", "pygame", "paho", "numba"}
    names = run(sys.executable, "-c", "import sys, karyon.kernel; print(*sys.modules)", cwd=tmp_path).split()
    assert not heavy & set(names)


@pytest.mark.parametrize("path", sorted((ROOT / "karyon/kernel").rglob("*.py")), ids=lambda path: path.name)
def test_the_kernel_imports_numpy_and_the_standard_library_alone(path):
    """The contracts of import-linter list what is forbidden; this lists what is allowed."""
    allowed = sys.stdlib_module_names | {"numpy"}
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        modules += [node.module or "."] if isinstance(node, ast.ImportFrom) else []
        foreign = [name for name in modules if name.split(".")[0] not in allowed]
        assert not [name for name in foreign if not name.startswith("karyon.kernel")], f"line {node.lineno}"


def test_the_lock_file_pins_every_dependency():
    """Of the package, of each extra, and of the build."""
    build = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["build-system"]["requires"]
    wanted = [
        *PROJECT["dependencies"],
        *build,
        *(each for extra in PROJECT["optional-dependencies"].values() for each in extra),
    ]
    pinned = {line.split("==")[0] for line in (ROOT / "requirements.lock").read_text("utf-8").splitlines()}
    names = {re.split(r"[<>=!~\[ ]", each)[0].lower().replace(".", "-").replace("_", "-") for each in wanted}
    assert names <= pinned


def test_one_version_everywhere():
    """Package, metadata, citation and changelog name the same."""
    assert PROJECT["version"] == karyon.__version__
    assert f"\nversion: {karyon.__version__}\n" in (ROOT / "CITATION.cff").read_text("utf-8")
    assert f"\n## {karyon.__version__} " in (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_the_picture_of_the_demo_is_small():
    """A README loads on a slow line."""
    assert 0 < (ROOT / "docs/demo.png").stat().st_size < PICTURE_LARGEST


def test_no_file_is_true_on_one_machine_only():
    """Nothing names a folder of somebody's machine, the host of a registry, or an issue."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a checkout: there is no list of its files")
    files = [ROOT / name for name in listed.stdout.split("\0") if name]
    texts = [path for path in files if path.is_file() and path.suffix != ".png" and path != Path(__file__)]
    found = [
        f"{path}: {match}" for path in texts for match in OF_ONE_MACHINE.findall(path.read_text("utf-8", "replace"))
    ]
    assert not found
