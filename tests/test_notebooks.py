"""Every notebook in the documentation runs from its first cell to its last."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).parent.parent / "docs").glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook(path, tmp_path):
    """In an empty folder; a cell that fails fails the test."""
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert not any(cell.get("outputs") for cell in nbformat.read(path, as_version=4).cells), "clear outputs first"


def test_there_are_notebooks():
    assert NOTEBOOKS
