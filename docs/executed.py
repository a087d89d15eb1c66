"""The notebooks with their outputs: executed when the site is built, anew only when they or KARYON have changed."""

import hashlib
import os
import re
import sys
from base64 import b64decode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import jupytext
import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).parent.parent
KEPT = ROOT / ".cache/notebooks"
TIMEOUT = 300  # s of a cell
QUIET = {"extra_arguments": ["--IPKernelApp.log_level=40"]}
STYLE = re.compile(r"<style.*?</style>|<div>|</div>", re.DOTALL)


def notebooks() -> dict[str, Any]:
    """All notebooks by name, executed, as many at a time as there are cores. Raises CellExecutionError."""
    paths = sorted((ROOT / "notebooks").glob("*.py"))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return dict(zip([path.stem for path in paths], pool.map(_executed, paths), strict=True))


def _executed(path: Path) -> Any:
    kept = KEPT / f"{path.stem}_{_version(path)}.ipynb"
    if kept.is_file():
        return nbformat.read(kept, as_version=4)
    notebook = jupytext.read(path)
    with TemporaryDirectory(prefix="karyon-") as folder:
        client = NotebookClient(notebook, timeout=TIMEOUT, resources={"metadata": {"path": folder}}, **QUIET)
        client.execute(env=_environment())
    KEPT.mkdir(parents=True, exist_ok=True)
    for older in KEPT.glob(f"{path.stem}_*.ipynb"):
        older.unlink(missing_ok=True)
    nbformat.write(notebook, part := kept.with_suffix(f".{os.getpid()}"))
    part.replace(kept)
    return notebook


def _environment() -> dict[str, str]:
    """The commands of this installation, and no data but those of the notebook."""
    kept = {name: value for name, value in os.environ.items() if name != "KARYON_DATA"}
    return kept | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


def _version(path: Path) -> str:
    """Of a notebook and of all that it may use."""
    sources = (each for each in sorted((ROOT / "karyon").rglob("*")) if each.suffix in (".py", ".yaml", ".csv"))
    together = hashlib.sha256(path.read_bytes())
    for each in sources:
        together.update(each.read_bytes())
    return together.hexdigest()[:16]


def page(name: str, notebook: Any) -> tuple[str, dict[str, bytes]]:
    """A notebook as Markdown, and its pictures by the name of their file."""
    pictures: dict[str, bytes] = {}
    parts: list[str] = []
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            parts.append(cell.source)
            continue
        parts.append(f"```python\n{cell.source}\n```")
        printed = "".join(output.text for output in cell.outputs if output.output_type == "stream")
        if text := _printed(printed):
            parts.append(f"```text\n{text}\n```")
        parts += [part for output in cell.outputs for part in _shown(name, output, pictures)]
    parts.append(
        f"*As a notebook: `notebooks/{name}.ipynb` in the checkout. What it shows was computed for this page.*\n"
    )
    return "\n\n".join(parts), pictures


def _printed(text: str) -> str:
    """As a terminal leaves it: progress in a line that is written over is gone."""
    lines = text.replace("\r\n", "\n").split("\n")
    return "\n".join(line.rpartition("\r")[2] for line in lines).rstrip()


def _shown(name: str, output: Any, pictures: dict[str, bytes]) -> Iterator[str]:
    """A picture, a table, or the text of a value."""
    data = output.get("data", {})
    if "image/png" in data:
        file = f"{name}_{len(pictures) + 1}.png"
        pictures[file] = b64decode(data["image/png"])
        yield f"![What the cell above draws]({file})"
    elif "text/html" in data:
        table = re.sub(r"<table[^>]*>", "<table>", STYLE.sub("", data["text/html"]))
        yield "\n".join(line for line in table.splitlines() if line.strip())
    elif "text/plain" in data:
        yield f"```text\n{data['text/plain']}\n```"
