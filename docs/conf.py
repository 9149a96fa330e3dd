"""The documentation as a static site: `make docs`. The sources are the Markdown pages of the whole repository, readable as they are."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
project = "Musterwerk"
author = "The Musterwerk authors"
release = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]

extensions = ["myst_parser"]
root_doc = "docs/index"
include_patterns = ["docs/*.md", "docs/**/*.md", "usecases/*/README.md", "datasets/*/README.md"]
exclude_patterns = [".*", "**/__pycache__", "build", "dist", "mlruns", "benchmarks", "tests", "pipelines"]
nitpicky = True
suppress_warnings = ["toc.no_title"]
myst_heading_anchors = 4

html_theme = "furo"
html_title = f"Musterwerk {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
html_theme_options = {"light_css_variables": {}, "dark_css_variables": {}}
pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "a11y-high-contrast-dark"

_LINK = re.compile(r"\]\(([^)\s#]+\.md)(?:#[^)]*)?\)")
_FOLDERS = {
    "For whom": ["docs/for-*.md", "docs/de/*.md"],
    "Tutorials": ["docs/tutorials/**/*.md"],
    "How-to": ["docs/how-to/**/*.md"],
    "Reference": ["docs/reference/**/*.md"],
    "Explanation": ["docs/explanation/**/*.md"],
    "Decisions": ["docs/decisions/*.md"],
    "Use cases and data": ["usecases/*/README.md", "datasets/*/README.md"],
    "More": ["docs/**/*.md"],
}


def contents(index: str) -> str:
    """Return the tables of contents: the index's links in their order, section by section, then whatever its folders hold besides."""
    sections = dict(part.partition("\n")[::2] for part in index.split("\n## ")[1:])
    blocks, taken = [], {root_doc}
    for caption, patterns in _FOLDERS.items():
        linked = [_document(ROOT / "docs" / target) for target in _LINK.findall(sections.get(caption, ""))]
        found = [_document(file) for pattern in patterns for file in sorted(ROOT.glob(pattern))]
        entries = [name for name in dict.fromkeys([*linked, *found]) if name not in taken]
        taken |= set(entries)
        if entries:
            paths = [f"/{name}" for name in entries]
            blocks.append("\n".join(["```{toctree}", ":hidden:", f":caption: {caption}", "", *paths, "```"]))
    return "\n\n".join(blocks)


def _document(file: Path) -> str:
    return file.resolve().relative_to(ROOT).with_suffix("").as_posix()


def add_contents(app, docname: str, source: list[str]) -> None:
    """Give the index its tables of contents at build time, so that the page stays plain Markdown."""
    if docname == root_doc:
        source[0] += "\n\n" + contents(source[0]) + "\n"


# what the theme leaves out: the level of a caption, and the keyboard's way into what scrolls
_MENDED = {
    'class="caption" role="heading"': 'class="caption" role="heading" aria-level="2"',
    '<div class="highlight"><pre>': '<div class="highlight"><pre tabindex="0">',
    '<div class="table-wrapper docutils container">': '<div class="table-wrapper docutils container" tabindex="0" role="group" aria-label="table">',
    '<aside class="sidebar-drawer">': '<aside class="sidebar-drawer" aria-label="All pages">',
    '<aside class="toc-drawer">': '<aside class="toc-drawer" aria-label="On this page">',
}


def finish(app, problem) -> None:
    """Make the pages accessible, and let the site's own root lead to the index."""
    if problem is None and app.builder.format == "html":
        for file in Path(app.outdir).rglob("*.html"):
            text = file.read_text(encoding="utf-8")
            for theirs, ours in _MENDED.items():
                text = text.replace(theirs, ours)
            if file.parent == Path(app.outdir) / "docs" / "de":  # so that it is read out in German
                text = text.replace('<article role="main"', '<article role="main" lang="de"')
            file.write_text(text, encoding="utf-8", newline="\n")
        page = '<!doctype html><html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="0; url=docs/index.html">'
        page += '<title>Musterwerk</title><a href="docs/index.html">Musterwerk: documentation</a></html>'
        (Path(app.outdir) / "index.html").write_text(page, encoding="utf-8")


def setup(app) -> None:
    """Connect the two hooks above."""
    app.connect("source-read", add_contents)
    app.connect("build-finished", finish)
