"""Each bad file and the exact text that a user sees, in the file of the same name that ends in `.txt`."""

from pathlib import Path

import pytest

from karyon.daa import answer
from karyon.sim.documents import InputError

HERE = Path(__file__).parent
BAD = sorted((HERE / "bad").glob("*.daa")) + sorted((HERE / "bad").glob("*.conf"))


@pytest.mark.parametrize("bad", BAD, ids=lambda path: path.name)
def test_a_bad_file_is_refused_with_all_of_its_faults(bad, monkeypatch):
    monkeypatch.chdir(HERE / "bad")
    name = Path(bad.name)
    files = (name, Path("../good.conf")) if bad.suffix == ".daa" else (Path("../good.daa"), name)
    with pytest.raises(InputError) as error:
        answer.judged(*files)
    assert f"{error.value}\n" == bad.with_suffix(".txt").read_text()


def test_the_good_files_are_good():
    assert answer.judged(HERE / "good.daa", HERE / "good.conf").notes == ()
