"""Every notebook runs from its first cell to its last, and is the same in both of its forms."""

import os
import sys
from pathlib import Path

import jupytext
import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

FOLDER = Path(__file__).parent.parent / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


@each_notebook
def test_notebook(path, tmp_path, monkeypatch):
    """In an empty folder; a cell that fails fails the test. Its commands are those of this installation."""
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    notebook = nbformat.read(path, as_version=4)
    try:
        NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    except CellExecutionError as error:
        error.add_note(printed(notebook))  # a command of an earlier cell that failed says why
        raise


@each_notebook
def test_both_forms_are_the_same(path):
    """`jupytext --update --to ipynb notebooks/*.py` makes the one of the other; neither has outputs."""
    notebook, text = nbformat.read(path, as_version=4), jupytext.read(path.with_suffix(".py"))
    assert cells(notebook) == cells(text)
    assert not any(cell.get("outputs") for cell in notebook.cells), "clear outputs first"


def printed(notebook):
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    return "".join(output.get("text", "") for output in outputs)


def cells(notebook):
    return [(cell.cell_type, cell.source) for cell in notebook.cells]


def test_there_are_notebooks_and_each_has_both_forms():
    assert len(NOTEBOOKS) > 4
    assert [path.stem for path in NOTEBOOKS] == sorted(path.stem for path in FOLDER.glob("*.py"))
