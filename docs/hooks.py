"""What the site has besides the pages in docs/: the reference, notebooks, and source files that pages link to."""

import posixpath
import re
from pathlib import Path
from typing import Any

import executed
import reference
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parent.parent
LINK = re.compile(  # or code, in which there is none
    r"^(?P<fence>`{3,}).*?^(?P=fence)$|`[^`\n]+`|(?<=\]\()(?!\w+:|#)(?P<link>[^)#\s]+)(?=[)#])",
    re.DOTALL | re.MULTILINE,
)
PICTURE = re.compile(r'<img[^>]* src="(?P<path>[^":]+)"[^>]*>')
LANGUAGES = {".py": "python", ".yaml": "yaml", ".json": "json"}


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that are made."""
    for path, text in reference.PAGES.items():
        files.append(File.generated(config, path, content=text()))
    for name, notebook in executed.notebooks().items():
        text, pictures = executed.page(name, notebook)
        files.append(File.generated(config, f"notebooks/{name}.md", content=text))
        for file, picture in pictures.items():
            files.append(File.generated(config, f"notebooks/{file}", content=picture))
    wanted = [link for page in files.documentation_pages() for link in _linked(page.src_uri, page.content_string)]
    while wanted:
        target = wanted.pop()
        uri = f"source/{target}.md"
        if not target.startswith("docs/") and files.get_file_from_path(uri) is None:
            page = File.generated(config, uri, content=_source(target))
            files.append(page)
            wanted += _linked(uri, page.content_string)
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Links to files of the repository lead to their pages."""
    uri = page.file.src_uri

    def led(match: re.Match[str]) -> str:
        if not match["link"]:
            return match[0]
        target = _target(uri, match["link"])
        there = target.removeprefix("docs/") if target.startswith("docs/") else f"source/{target}.md"
        return posixpath.relpath(there, posixpath.dirname(uri) or ".")

    return LINK.sub(led, markdown)


def on_page_content(html: str, **_: Any) -> str:
    """A picture leads to itself in its full size."""
    return PICTURE.sub(r'<a href="\g<path>" title="In full size">\g<0></a>', html)


def _linked(uri: str, text: str) -> list[str]:
    """The files of the repository to which a page links."""
    return [_target(uri, found["link"]) for found in LINK.finditer(text) if found["link"]]


def _target(uri: str, link: str) -> str:
    """Path in the repository of what a page links to, from where the text of the page is in it."""
    begin = uri.removeprefix("source/").removesuffix(".md") if uri.startswith("source/") else f"docs/{uri}"
    return posixpath.normpath(posixpath.join(posixpath.dirname(begin), link))


def _source(target: str) -> str:
    """A file of the repository as a page. A page of Markdown stays one."""
    path = ROOT / target
    text = path.read_text("utf-8")
    if path.suffix == ".md":
        return text
    language = LANGUAGES.get(path.suffix, "text")
    return f"---\nsearch: {{exclude: true}}\n---\n# {target}\n\n````{language}\n{text}````\n"
