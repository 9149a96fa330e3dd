"""The documentation as a site: no warning, no dead link, nothing loaded from elsewhere, readable by everybody."""

import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urldefrag

import pytest

from tests.conftest import program

ROOT = Path(__file__).parents[1]
LOADING = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src"}


class Page(HTMLParser):
    """Collects what a page links to, what it loads, and the places in it that a link can name."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.ids: set[str] = set()
        self.feed(file.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.ids |= {given[name] for name in ("id", "name") if name in given}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if tag in LOADING and LOADING[tag] in given and given.get("rel") not in ("canonical",):
            self.loaded.append(given[LOADING[tag]])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site; a warning fails it."""
    out = tmp_path_factory.mktemp("site")
    command = [
        sys.executable,
        "-m",
        "sphinx",
        "-q",
        "-n",
        "-W",
        "--keep-going",
        "-E",
        "-d",
        str(out / ".cache"),
        "-c",
        "docs",
        ".",
        str(out),
    ]
    done = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    return out


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Page]:
    return {file: Page(file) for file in sorted(site.rglob("*.html"))}


def test_every_markdown_page_of_the_docs_is_in_the_site(site):
    sources = [*(ROOT / "docs").rglob("*.md"), *ROOT.glob("usecases/*/README.md"), *ROOT.glob("datasets/*/README.md")]
    assert len(sources) > 25
    assert not [source for source in sources if not (site / source.relative_to(ROOT).with_suffix(".html")).is_file()]


def test_no_link_of_the_site_is_dead(pages):
    dead, seen = [], 0
    for file, page in pages.items():
        for link in (*page.links, *page.loaded):
            target, anchor = urldefrag(link)
            if re.match(r"[a-z]+:", target):
                continue
            path = (file.parent / unquote(target.partition("?")[0])).resolve() if target else file
            seen += 1
            if not path.is_file() or (anchor and path in pages and unquote(anchor) not in pages[path].ids):
                dead.append((file.name, link))
    assert seen > 1000
    assert dead == []


def test_nothing_is_loaded_from_another_place(site, pages):
    assert not [link for page in pages.values() for link in page.loaded if re.match(r"([a-z]+:)?//", link)]
    for style in site.rglob("*.css"):
        assert not re.search(r"(@import|url\()\s*['\"]?(https?:)?//", style.read_text(encoding="utf-8")), style


def test_the_site_root_leads_to_the_index(site):
    assert "docs/index.html" in (site / "index.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    chromium = program("chromium", "chromium-browser", "google-chrome")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        yield started
        started.close()


def barriers(site: Path, browser: Any, names: list[str], scheme: str) -> list[str]:
    """Return what axe finds on these pages, by WCAG 2.1 AA and its best practices."""
    from axe_core_python.sync_playwright import Axe

    context = browser.new_context(viewport={"width": 1280, "height": 720}, color_scheme=scheme)
    page, said = context.new_page(), []
    for name in names:
        page.goto((site / name).as_uri())
        found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "best-practice"]})
        nodes = [(rule["id"], rule["nodes"][0]) for rule in found["violations"]]
        said += [f"{name}: {rule} {node['html'][:160]} {node.get('failureSummary', '')[:300]}" for rule, node in nodes]
    context.close()
    return said


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["docs/index.html", "docs/how-to/check.html", "docs/tutorials/minimal.html"])
def test_everybody_can_read_a_page(site, browser, name, scheme):
    assert barriers(site, browser, [name], scheme) == []


@pytest.mark.slow
@pytest.mark.docs
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_read_every_page(site, browser, scheme):
    names = [
        file.relative_to(site).as_posix() for part in ("docs", "usecases", "datasets") for file in sorted((site / part).rglob("*.html"))
    ]
    assert len(names) > 50
    assert barriers(site, browser, names, scheme) == []


def test_german_pages_say_that_they_are_german(site):
    pages = [file.read_text(encoding="utf-8") for file in (site / "docs" / "de").glob("*.html")]
    assert len(pages) >= 3
    assert all('<article role="main" lang="de"' in page for page in pages)
