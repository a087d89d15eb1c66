"""Compiled formulas: the bits of NumPy, whatever comes; from a cache the second time; without one where none can be."""

import os
import shutil
import subprocess
import sys
from math import inf, nan
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from karyon.compiled import compiled, in_series
from karyon.compiled.numbers import teach_elementwise
from karyon.kernel import elementwise
from karyon.perception.additional import BUILT_IN, Additional
from karyon.perception.chain import Chain
from karyon.perception.residuals import Kind, Relation
from karyon.perception.signals import Signal

pytest.importorskip("numba")

SPECIAL = [0.0, -0.0, 1.0, -1.0, inf, -inf, nan, 5e-324, 1e-300, 1e300, 0.1]
PERIOD, ROWS = 0.1, 3
SIGNALS = (
    Signal("speed", noise=0.05, tolerated=1.0, age_limit=0.35, low=-1.0, high=60.0, rest=0.0),
    Signal("gps", noise=0.05, tolerated=1.0, age_limit=0.5, bridged=0.5),
    Signal("acceleration", noise=0.1, tolerated=2.0, age_limit=0.5, inertia=False, period=0.3),
    Signal("ranges", noise=1.0, tolerated=2.0, age_limit=0.5, series=False),
)
RELATIONS = (Relation(0, 1, Kind.SAME, 3, 0.1, True), Relation(2, 1, Kind.RATE, 3, 0.2, False))
NOISE = (Additional("noise", 0, BUILT_IN["noise"]),)
MOVES = st.sampled_from(["smooth"] * 8 + ["jump", "back", "stuck", "lost", "absurd", "noisy", "clock", "leap", "drift"])


def drive(moves, seed):
    """Time (sample, row) and value (sample, signal, row) of logs in which everything happens."""
    rng = np.random.default_rng(seed)
    shape = (len(SIGNALS), ROWS)
    value, offset, slope = np.full(shape, 20.0), np.zeros(shape), np.zeros(shape)
    now, times, values = 0.0, [], []
    for move in moves:
        where = rng.random(shape) < 0.5
        now += {"leap": 50.0}.get(move, PERIOD)
        offset = offset + np.where(where, {"jump": rng.normal(0.0, 4.0)}.get(move, 0.0), 0.0)
        slope = np.where(where, {"drift": 0.2, "back": 0.0}.get(move, 0.0), slope)
        offset = np.where(where & (move == "back"), 0.0, offset + slope)
        fresh = 20.0 + np.sin(now) + offset + rng.normal(0.0, 0.5 if move == "noisy" else 0.03, shape)
        value = np.where(where & (move == "stuck"), value, fresh)
        told = np.where(where & (move == "lost"), rng.choice([nan, inf]), value)
        values.append(np.where(where & (move == "absurd"), rng.choice([1e200, -1e90, 400.0]), told))
        stamp = rng.choice([nan, now - 1.0, inf]) if move == "clock" else now
        times.append(np.where(rng.random(ROWS) < 0.7, stamp, now))
    return np.array(times), np.array(values)


def answers(times, values, quickened_at, relations, additional):
    """Everything a chain says, compiled from one sample on."""
    chain = Chain(SIGNALS, relations, PERIOD, ROWS, additional=additional)
    said = []
    for k, (time, value) in enumerate(zip(times, values, strict=True)):
        if k == quickened_at:
            chain.quicken(compiled)
        judged = chain.step(time, value)
        said.append([judged.validity, judged.age, *judged.lowered.values()])
    return np.array(said)


@pytest.mark.parametrize(("relations", "additional"), [((), ()), (RELATIONS, ()), ((), NOISE)])
@given(moves=st.lists(MOVES, min_size=2, max_size=80), seed=st.integers(0, 2**32 - 1), at=st.integers(0, 40))
@settings(max_examples=80, deadline=None)
def test_the_bits_are_those_of_numpy(relations, additional, moves, seed, at):
    """From the first sample on, or from any other."""
    times, values = drive(moves, seed)
    plain, quick = (answers(times, values, start, relations, additional) for start in (None, at))
    assert np.array_equal(plain, quick)


@given(moves=st.lists(MOVES, min_size=2, max_size=80), seed=st.integers(0, 2**32 - 1), at=st.integers(1, 79))
@settings(max_examples=80, deadline=None)
def test_many_samples_of_one_log_at_once_have_the_bits_of_one_after_the_other(moves, seed, at):
    """In two parts, with clocks that stand, leap and run back in either."""
    times, values = drive(moves, seed)
    time, value = times[:, 0], values[:, :, 0].T
    one, many = (Chain(SIGNALS, (), PERIOD) for _ in range(2))
    many.quicken(compiled, in_series)
    for part in filter(lambda part: time[part].size, (slice(0, at), slice(at, None))):
        each, together = one.steps(time[part], value[:, part]), many.steps(time[part], value[:, part])
        assert np.array_equal(each.validity, together.validity)
        assert np.array_equal(each.age, together.age)
        assert all(np.array_equal(where, together.lowered[name]) for name, where in each.lowered.items())


@pytest.mark.parametrize(
    ("name", "numbers"),
    [("minimum", 2), ("maximum", 2), ("sqrt", 1), ("floor", 1), ("greater", 2), ("isnan", 1)],
)
def test_single_numbers_are_what_numpy_makes_of_them(name, numbers):
    """Not a number, infinite, denormal and signed zeros included."""
    formula = getattr(elementwise, name)
    parameters = ", ".join("ab"[:numbers])
    names = {"formula": formula}
    exec(f"def of_one({parameters}): return formula({parameters})", names)
    import numba

    teach_elementwise()
    of_one = numba.njit(error_model="numpy")(names["of_one"])
    with np.errstate(invalid="ignore"):
        for given_ in np.stack(np.meshgrid(*[SPECIAL] * numbers), axis=-1).reshape(-1, numbers):
            expected = formula(*given_)
            assert of_one(*given_) == expected or (np.isnan(expected) and np.isnan(of_one(*given_)))


ONE_STEP = """
import numpy as np
from karyon.compiled import compiled, in_series
from karyon.compiled.numbers import teach_elementwise
from karyon.perception.chain import Chain
from karyon.perception.signals import Signal
chain = Chain([Signal("speed", noise=0.1, tolerated=1.0, age_limit=0.35)], [], 0.1)
chain.quicken(compiled)
print(float(chain.step(np.zeros(1), np.ones((1, 1))).validity[0, 0]))
"""


def one_step(cache, **others):
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache), **others}
    done = subprocess.run(
        [sys.executable, "-c", ONE_STEP], capture_output=True, text=True, check=True, env=environment, cwd=cache.parent
    )
    assert done.stdout == "1.0\n"


def test_it_is_compiled_once(tmp_path):
    """A second process reads what the first one left."""
    one_step(tmp_path)
    left = {path: path.stat().st_mtime_ns for path in (tmp_path / "karyon").rglob("*") if path.is_file()}
    assert {path.suffix for path in left} == {".py", ".nbi", ".nbc"}
    one_step(tmp_path)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "karyon").rglob("*") if path.is_file()} == left


@pytest.mark.parametrize("ending", [".nbi", ".nbc"])
def test_a_damaged_cache_is_no_harm(tmp_path, ending):
    """NumPy goes on."""
    one_step(tmp_path)
    for path in (tmp_path / "karyon").rglob(f"*{ending}"):
        path.write_bytes(path.read_bytes()[: -path.stat().st_size // 2])
    one_step(tmp_path)


def test_a_numba_that_cannot_be_imported_is_no_harm(tmp_path):
    broken = tmp_path / "broken" / "numba"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text("raise ImportError('Numba needs NumPy 2.2 or less')\n")
    one_step(tmp_path, PYTHONPATH=str(broken.parent))


def test_any_change_of_the_formulas_sources_is_compiled_anew(tmp_path):
    """Constants come from modules that no formula calls."""
    copy = tmp_path / "copy"
    shutil.copytree(Path(elementwise.__file__).parents[1], copy / "karyon")
    one_step(tmp_path, PYTHONPATH=str(copy))
    before = set((tmp_path / "karyon").glob("*.py"))
    reckoning = copy / "karyon/perception/reckoning.py"
    reckoning.write_text(reckoning.read_text("utf-8").replace("DOUBT = 0.8", "DOUBT = 0.7"), "utf-8")
    one_step(tmp_path, PYTHONPATH=str(copy))
    assert len(set((tmp_path / "karyon").glob("*.py")) - before) == 1


def test_it_does_without_a_cache(tmp_path):
    """Where none can be written."""
    blocked = tmp_path / "file"
    blocked.write_text("")
    one_step(blocked)
    assert [path.name for path in Path(tmp_path).iterdir()] == ["file"]
