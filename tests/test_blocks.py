"""Every block of the documentation is executed, or says why it is not."""

import re
import tomllib
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from pipelines.papers.build import answers
from pipelines.pseudonyms import Pseudonyms
from pipelines.settings import load_settings, merged, read_toml
from usecases.__main__ import built_in

ROOT = Path(__file__).parents[1]
PAGES = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted(ROOT.glob("usecases/*/README.md")),
    *sorted(ROOT.glob("datasets/*/README.md")),
]
BLOCK = re.compile(r"(?:^<!-- (?P<mark>[^\n]+) -->\n)?^```(?P<kind>[^\n]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
MADE = re.compile(r"^<!-- made by (docs/reference/make_\w+\.py)", re.MULTILINE)
BY_TESTS = {  # whose Python blocks, and what stands below them, are executed where
    "docs/tutorials/minimal.md": "tests/test_docs.py",
    "docs/tutorials/anatomy.md": "tests/test_teaching.py",
    "docs/explanation/perfect-foresight.md": "tests/test_teaching.py",
    "docs/how-to/add-a-use-case.md": "tests/test_howto.py",
    "docs/students.md": "tests/test_teaching.py",
    "docs/de/studierende.md": "tests/test_teaching.py",
    "datasets/simulated_bakery/README.md": "tests/test_blocks.py",
    **{
        f"docs/how-to/{name}.md": "tests/test_howto.py"
        for name in ("add-a-use-case", "my-own-costs", "past-orders", "add-a-feature", "pilot", "delete-everything")
    },
}
REASON = 7  # characters that a reason has at least


@dataclass(frozen=True)
class Block:
    """A fenced block: what stands in the comment above it, its language, its text."""

    page: str
    mark: str
    kind: str
    text: str


def blocks(page: Path) -> list[Block]:
    """The blocks of a page; none of a page that a script makes from the code."""
    text = page.read_text(encoding="utf-8")
    if made := MADE.search(text):
        assert (ROOT / made[1]).is_file()
        return []
    name = page.relative_to(ROOT).as_posix()
    return [Block(name, found["mark"] or "", found["kind"], found["text"]) for found in BLOCK.finditer(text)]


BLOCKS = [block for page in PAGES for block in blocks(page)]


def problem(block: Block) -> str:
    """Return why a block is neither executed nor says why not; empty when all is well."""
    what, _, rest = block.mark.partition(": ")
    if what == "not executed":
        return "" if len(rest) >= REASON else "a reason is missing"
    if block.kind in ("console", "toml") or block.mark.startswith("saved as "):
        return ""
    return "" if block.page in BY_TESTS else "neither executed nor marked"


def test_every_block_is_executed_or_says_why_not():
    assert len(BLOCKS) > 60
    assert [(block.page, problem(block), block.text[:60]) for block in BLOCKS if problem(block)] == []


def test_an_unmarked_block_is_found():
    assert problem(Block("docs/x.md", "", "", "musterwerk run food_waste\n"))
    assert problem(Block("docs/x.md", "not executed: no", "", ""))
    assert problem(Block("docs/x.md", "", "python", "1 / 0\n"))
    assert not problem(Block("docs/x.md", "not executed: needs a Slurm site", "", ""))


@pytest.mark.parametrize(("page", "test"), BY_TESTS.items())
def test_the_test_named_for_a_page_executes_it(page, test):
    *_, folder, name = page.split("/")
    code = (ROOT / test).read_text(encoding="utf-8")
    assert f"{folder}/{name}" in code or f'"{name}"' in code


@pytest.mark.parametrize("named", sorted({found for block in BLOCKS for found in re.findall(r"(?:tests|docs)/[\w/.-]+\.\w+", block.mark)}))
def test_what_a_reason_names_exists(named):
    assert (ROOT / named).is_file()


def settings_of(block: Block) -> Any:
    """Read a TOML block as the program would; a part of a settings file is laid over the built-in one."""
    given = tomllib.loads(block.text)
    if block.page.endswith("pseudonymise.md"):
        return load_settings(Pseudonyms, given)
    case = import_module(built_in()[given.get("case", "food_waste")]).CASE
    return load_settings(case.settings, given if "costs" in given else merged(read_toml(case.folder / "settings.toml"), given))


@pytest.mark.parametrize(
    "block", [block for block in BLOCKS if block.kind == "toml" and block.page not in BY_TESTS], ids=lambda block: block.page
)
def test_settings_on_a_page_are_accepted(block, tmp_path):
    if block.mark == "saved as answers.toml":
        file = tmp_path / "answers.toml"
        file.write_text(block.text, encoding="utf-8")
        assert answers(file)
    else:
        assert settings_of(block)


def test_the_sample_of_the_simulated_chain_is_written_as_its_card_says(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (block,) = [one for one in BLOCKS if one.page == "datasets/simulated_bakery/README.md"]
    exec(compile(block.text, block.page, "exec"), {})
    assert (tmp_path / "sample.csv").read_bytes().decode("cp1252").count("\n") > 200
