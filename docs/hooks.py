"""What the site has besides the pages in docs/: the reference, notebooks, and source files that pages link to."""

import posixpath
import re
from pathlib import Path
from typing import Any

import jupytext
import reference
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parent.parent
LINK = re.compile(r"(?<=\]\()(?!\w+:|#)([^)#\s]+)(?=[)#])")
LANGUAGES = {".py": "python", ".yaml": "yaml", ".json": "json", "": "make"}


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that are made."""
    for path, text in reference.PAGES.items():
        files.append(File.generated(config, path, content=text()))
    for path in sorted((ROOT / "notebooks").glob("*.py")):
        files.append(File.generated(config, f"notebooks/{path.stem}.md", content=_notebook(path)))
    linked = {target for page in files.documentation_pages() for target in _outside(page.src_uri, page.content_string)}
    for target in sorted(linked):
        files.append(File.generated(config, f"source/{target}.md", content=_source(target)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Links to files outside of docs/ lead to their pages."""

    def inside(match: re.Match[str]) -> str:
        target = _target(page.file.src_uri, match[1])
        if not target.startswith("../"):
            return match[1]
        return posixpath.relpath(f"source/{target[3:]}.md", posixpath.dirname(page.file.src_uri) or ".")

    return LINK.sub(inside, markdown)


def _outside(uri: str, text: str) -> set[str]:
    """The files of the repository outside of docs/ that a page links to."""
    targets = {_target(uri, link) for link in LINK.findall(text)}
    return {target.removeprefix("../") for target in targets if target.startswith("../")}


def _target(uri: str, link: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(uri), link))


def _source(target: str) -> str:
    """A file of the repository as a page. A page of Markdown stays one."""
    path = ROOT / target
    text = path.read_text("utf-8")
    if path.suffix == ".md":
        return text
    return f"---\nsearch: {{exclude: true}}\n---\n# {target}\n\n````{LANGUAGES[path.suffix]}\n{text}````\n"


def _notebook(path: Path) -> str:
    """The cells of a notebook, its code with what it is meant to do, and where to get it."""
    cells = jupytext.read(path).cells
    parts = [cell.source if cell.cell_type == "markdown" else f"```python\n{cell.source}\n```" for cell in cells]
    return "\n\n".join([*parts, f"*As a notebook: `notebooks/{path.stem}.ipynb` in the checkout.*", ""])
