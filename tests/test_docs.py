"""The documentation: each block of each page does what it says, and the site is whole and needs no network."""

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from karyon.cli import app
from karyon.kernel import grammar
from karyon.perception.claims import claims
from karyon.sim import failure_modes
from karyon.sim.scenario import Scenario
from tests.blocks import FENCE, Block, blocks, help_of, is_told, run, unknown

ROOT = Path(__file__).parent.parent
PAGES = {path.relative_to(ROOT / "docs").as_posix(): path for path in sorted((ROOT / "docs").rglob("*.md"))}
PROGRAMS = Path(sys.executable).parent
FETCHED = {"script": "src", "img": "src", "iframe": "src", "link": "href", "source": "src"}


@pytest.mark.parametrize("page", PAGES)
def test_page(page, tmp_path):
    """From the first block to the last, in one folder that is empty at first."""
    found, printed = blocks(PAGES[page].read_text("utf-8")), None
    for number, block in enumerate(found):
        if block.title:
            rest = "".join(later.text for later in found[number + 1 :])
            assert Path(block.title).stem in rest, f"no block reads {block.title}"
            (tmp_path / block.title).write_text(block.text, "utf-8")
        elif block.language == "console":
            assert unknown(block, help_of) == []
            printed = None
        elif block.language == "text":
            told = printed is None or is_told(block.text.splitlines(), printed.splitlines())
            assert told, f"{block.text}\nis not in\n{printed}"
        else:
            printed = run(block, tmp_path, PROGRAMS)


@pytest.mark.parametrize("page", PAGES)
def test_all_code_is_in_such_blocks(page):
    """No other fence, and no block by indentation, which nobody would run."""
    text = PAGES[page].read_text("utf-8")
    outside = FENCE.sub("", text)
    assert "```" not in outside
    assert "~~~" not in outside
    assert not re.search(r"^(?! |\d+\. |[-*] )\S.*\n\n+ {4,}\S", outside, re.MULTILINE)  # below an item it is no code


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("karyon view platoon --at 3  # in a window\nkaryon run platoon \\\n  --until 3\nmosquitto --any", []),
        ("karyon look platoon", ["look"]),
        ("karyon run platoon --see 3", ["--see"]),
        ("karyon run platoon \\\n  --unti 3", ["--unti"]),
    ],
)
def test_what_is_not_run_is_known_at_least(text, missing):
    """A command that was renamed, and an option that is gone, are found; a comment is none."""
    assert unknown(Block("console", "", text + "\n"), help_of) == missing


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site, built strictly: a link or an anchor that leads nowhere is an error."""
    folder = tmp_path_factory.mktemp("site")
    command = [PROGRAMS / "mkdocs", "build", "--strict", "--site-dir", folder]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


class Fetched(HTMLParser):
    """What a browser would load for a page."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        if tag in FETCHED and given.get("rel") != "canonical":
            self.found.append(given.get(FETCHED[tag]) or "")


def test_no_page_loads_anything_from_the_network(site):
    """Scripts, styles, fonts and pictures are files of the site, and all are there."""
    pages = list(site.rglob("*.html"))
    assert len(pages) > len(PAGES)
    for page in pages:
        parser = Fetched()
        parser.feed(page.read_text("utf-8"))
        assert len(parser.found) > 3
        for link in filter(None, parser.found):
            assert not re.match(r"\w*:?//", link), f"{page}: {link}"
            if page.name != "404.html" and not link.startswith("data:"):
                assert (page.parent / link.partition("?")[0]).exists(), f"{page}: {link}"
    styles = "".join(path.read_text("utf-8") for path in site.rglob("*.css"))
    assert not re.search(r"(?:@import|url\()\s*[\"']?(?:https?:)?//", styles)


def test_pictures_lead_to_their_full_size(site):
    """Each of them: a page shows them smaller than they are."""
    linked = 0
    for page in site.rglob("*.html"):
        for before, source in re.findall(r'(.{0,200})<img [^>]*src="([^":]+\.png)"', page.read_text("utf-8")):
            assert re.search(rf'<a href="{re.escape(source)}"[^>]*>$', before), f"{page}: {source}"
            linked += 1
    assert linked > len(list((ROOT / "docs").glob("*.png")))


def test_notebooks_have_outputs_on_the_site(site):
    """A table, a picture, and the last of what was printed where a line was written over; no error."""
    pages = {path.stem: path.read_text("utf-8") for path in (site / "notebooks").glob("*.html")}
    assert set(pages) == {path.stem for path in (ROOT / "notebooks").glob("*.py")}
    assert all("<img" in page for page in pages.values())
    assert "0 of 100 runs violated a safety goal" in pages["campaign_and_claim"]
    assert "workers are starting" not in pages["campaign_and_claim"]
    assert "<td>front.distance is doubted</td>" in pages["first_run"]


def text_of(site, page):
    """What is on a page, without its tags."""
    html = (site / page).read_text("utf-8")
    return re.sub(r"<[^>]+>", "", html).replace("&gt;", ">").replace("&lt;", "<").replace("&#123;", "{")


def test_the_reference_has_all_that_the_code_has(site):
    """Each command, field, term, mode and detector, by its name."""
    wanted = {
        "commands": [f"karyon {each.name or each.callback.__name__}" for each in app.registered_commands],
        "scenarios": [info.alias or name for name, info in Scenario.model_fields.items()],
        "rules": re.findall(r'"(\w+)"', grammar.__doc__),
        "failures": list(failure_modes.MODES),
        "detectors": [claim.detector for claim in claims(reference_signal(), 0.1)],
    }
    for page, names in wanted.items():
        text = text_of(site, f"reference/{page}.html")
        assert len(names) > 4
        assert [name for name in names if name not in text] == [], page


def reference_signal():
    from karyon.perception.signals import Signal

    return Signal("speed", noise=0.02, tolerated=0.5, age_limit=0.35)
