"""The documentation says what the code does: generated pages are fresh, links lead somewhere, examples run."""

import re
import runpy
import tomllib
from pathlib import Path

import pytest

from pipelines.settings import load_settings
from usecases.food_waste import CASE
from usecases.food_waste.schema import SCHEMA

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
SKIPPED = {".git", ".venv", "runs", "artifacts", "node_modules", "build", "dist"}
PAGES = sorted(page for page in ROOT.rglob("*.md") if not SKIPPED & set(page.relative_to(ROOT).parts) and ".pytest_cache" not in page.parts)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


def without_code(text: str) -> str:
    return re.sub(r"`[^`\n]*`", "", re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL))


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """Headings as GitHub turns them into anchors."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def test_the_settings_page_is_what_the_classes_say():
    made = runpy.run_path(str(DOCS / "reference" / "make_settings.py"))["page"]()
    page = (DOCS / "reference" / "settings.md").read_text(encoding="utf-8")
    assert page == made, "stale: python docs/reference/make_settings.py"


def test_pages_are_found():
    names = {page.relative_to(ROOT).as_posix() for page in PAGES}
    assert {"README.md", "docs/index.md", "usecases/food_waste/README.md", "docs/tutorials/minimal.md"} <= names


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_relative_links_lead_somewhere(page):
    dead = []
    for target in LINK.findall(without_code(page.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists() or (anchor and anchor not in anchors(file)):
            dead.append(target)
    assert dead == []


def test_every_page_of_the_docs_is_reachable_from_the_index():
    index = DOCS / "index.md"
    linked = {(DOCS / target).resolve() for target in LINK.findall(index.read_text(encoding="utf-8"))}
    assert {page for page in DOCS.rglob("*.md") if page != index} <= linked


def test_the_tutorial_shows_the_minimal_use_case_as_it_is():
    first = blocks(DOCS / "tutorials" / "minimal.md", "python")[0]
    assert first.strip() == (DOCS / "tutorials" / "minimal.py").read_text(encoding="utf-8").strip()


def test_the_tutorial_counts_its_lines_rightly():
    lines = [line for line in (DOCS / "tutorials" / "minimal.py").read_text(encoding="utf-8").splitlines() if line.strip()]
    stated = re.search(r"(\d+) lines", (DOCS / "tutorials" / "minimal.md").read_text(encoding="utf-8"))
    assert stated is not None
    assert len(lines) == int(stated[1])


def test_the_tutorial_runs_from_top_to_bottom(capsys):
    page = DOCS / "tutorials" / "minimal.md"
    names: dict[str, object] = {"__name__": "tutorial"}
    for block in blocks(page, "python"):
        exec(compile(block, page.name, "exec"), names)
    said = capsys.readouterr().out
    assert said.count("ok ") == 8
    shown = re.search(r"^```\n(features know no future.*?)^```$", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    assert shown is not None
    assert shown[1] in said
    assert "eur" in said.splitlines()[-2]


@pytest.mark.parametrize(
    "page", [ROOT / "usecases" / "food_waste" / "README.md", DOCS / "how-to" / "your-own-data.md"], ids=lambda p: p.stem
)
def test_settings_in_the_docs_are_accepted(page):
    examples = [tomllib.loads(block) for block in blocks(page, "toml")]
    assert examples
    for example in examples:
        assert set(load_settings(CASE.settings, example).data["sales"].columns) <= set(SCHEMA)


def test_every_column_of_food_waste_is_explained():
    page = (ROOT / "usecases" / "food_waste" / "README.md").read_text(encoding="utf-8")
    data = page.partition("\n## Data\n")[2].partition("\n## ")[0]
    first_cells = " ".join(line.split("|")[1] for line in data.splitlines() if line.startswith("| `"))
    assert set(re.findall(r"`(\w+)`", first_cells)) == {*SCHEMA, "open"}
