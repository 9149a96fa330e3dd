"""The documentation says what the code does: generated pages are fresh, links lead somewhere, examples run."""

import re
import runpy
import tomllib
from pathlib import Path

import pytest
import typer

from pipelines.cli import application
from pipelines.settings import load_settings
from usecases.__main__ import built_in
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


MAKERS = sorted((DOCS / "reference").glob("make_*.py"))


def test_the_reference_is_made_from_the_code():
    assert {maker.stem for maker in MAKERS} >= {"make_api", "make_columns", "make_commands", "make_errors", "make_settings"}


@pytest.mark.parametrize("maker", MAKERS, ids=lambda maker: maker.stem)
def test_a_page_of_the_reference_is_what_the_code_says(maker):
    made = runpy.run_path(str(maker))
    assert made["PAGE"].read_text(encoding="utf-8") == made["page"](), "stale: make reference"


def test_every_built_in_use_case_stands_in_the_reference():
    for name in ("settings.md", "columns.md"):
        page = (DOCS / "reference" / name).read_text(encoding="utf-8")
        assert not [case for case in built_in() if f"## `{case}`" not in page]


def verbs(command, name=()):
    """Yield every command below the root as the words that call it."""
    for part, inner in getattr(command, "commands", {}).items():
        yield (*name, part), inner
        yield from verbs(inner, (*name, part))


COMMANDS = dict(verbs(typer.main.get_command(application(built_in()))))


def test_every_verb_and_option_stands_in_the_reference():
    page = (DOCS / "reference" / "commands.md").read_text(encoding="utf-8")
    for words, command in COMMANDS.items():
        section = page.partition(f"## `musterwerk {' '.join(words)}`\n")[2].partition("\n## ")[0]
        assert section, words
        missing = [option for parameter in command.params for option in parameter.opts if option.startswith("--") and option not in section]
        assert set(missing) <= {"--help"}, words


def commands_in(page: Path) -> list[str]:
    """Command lines of a page's blocks, comments and what follows a pipe taken away."""
    found = re.findall(r"^```(?:console|sh|bash|)\n(.*?)^```$", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    lines = [line.removeprefix("$ ").strip() for block in found for line in block.splitlines()]
    return [re.split(r"  +#|\s[|>&]", line)[0] for line in lines if re.match(r"(\$ )?(\S*/)?musterwerk [a-z]", line)]


@pytest.mark.parametrize("page", [page for page in PAGES if commands_in(page)], ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_command_shown_exists_with_its_options(page):
    for line in commands_in(page):
        words = re.findall(r"[^\s\"\[\]]+", line)[1:]
        longest = max((known for known in COMMANDS if words[: len(known)] == list(known)), key=len, default=None)
        assert longest is not None, line
        known = {option for parameter in COMMANDS[longest].params for option in (*parameter.opts, *parameter.secondary_opts)} | {"--help"}
        used = {word.partition("=")[0] for word in words if word.startswith("--")}
        assert used <= known, (line, used - known)


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "python")], ids=lambda page: page.relative_to(ROOT).as_posix())
def test_python_in_the_docs_is_python(page):
    for block in blocks(page, "python"):
        if page.name != "api.md":
            compile(block, page.name, "exec")


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
    reached, todo = set(), [DOCS / "index.md"]
    while todo:
        page = todo.pop()
        reached.add(page)
        targets = {(page.parent / target.partition("#")[0]).resolve() for target in LINK.findall(page.read_text(encoding="utf-8"))}
        todo += [
            target for target in targets if target.suffix == ".md" and target.is_file() and DOCS in target.parents and target not in reached
        ]
    assert set(DOCS.rglob("*.md")) - reached == set()


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
