"""Teaching pages run: code blocks print what stands below them, the measured table is what the script measures, twins agree."""

import re
import runpy
from itertools import pairwise
from pathlib import Path

import pytest

from pipelines.exercises.catalogue import EXERCISES
from pipelines.exercises.script import title
from usecases.__main__ import main

DOCS = Path(__file__).parents[1] / "docs"
BLOCK = re.compile(r"^```(python|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
LONG = "import_module("  # the block that runs the whole use case


def blocks(page: str) -> list[tuple[str, str, str]]:
    """Python blocks with the kind and text of the block that follows each."""
    found = [*BLOCK.findall((DOCS / page).read_text(encoding="utf-8")), ("python", "")]
    return [(code, kind, shown) for (language, code), (kind, shown) in pairwise(found) if language == "python"]


def prints_what_is_shown(page: str, capsys: pytest.CaptureFixture[str], *, long: bool) -> int:
    """Execute the blocks in order and return how many printed; figures may differ by 2 % between processors, words may not."""
    names: dict[str, object] = {"__name__": "page"}
    compared = 0
    for code, kind, shown in blocks(page):
        if LONG in code and not long:
            continue
        exec(compile(code, page, "exec"), names)
        said = capsys.readouterr().out
        assert bool(said) == (kind == "text"), code
        if said:
            assert NUMBER.sub("#", said) == NUMBER.sub("#", shown), said
            figures = [[float(found) for found in NUMBER.findall(text)] for text in (said, shown)]
            assert figures[0] == pytest.approx(figures[1], rel=0.02, abs=1), said
            compared += 1
    return compared


def test_the_anatomy_runs_from_top_to_bottom(capsys, monkeypatch):
    monkeypatch.chdir(DOCS.parent)
    assert prints_what_is_shown("tutorials/anatomy.md", capsys, long=False) >= 7


@pytest.mark.slow
def test_the_anatomy_ends_with_the_full_use_case(capsys, monkeypatch):
    monkeypatch.chdir(DOCS.parent)
    assert prints_what_is_shown("tutorials/anatomy.md", capsys, long=True) >= 8


def test_perfect_foresight_shows_a_day_that_can_be_worked_out_by_hand(capsys):
    assert prints_what_is_shown("explanation/perfect-foresight.md", capsys, long=False) == 1


def measured() -> dict[int, list[float]]:
    """The table of the page: seed -> promised by chance, promised by time, came true, in per cent."""
    page = (DOCS / "explanation" / "why-a-random-split-lies.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| (\S+) % \| (\S+) % \| (\S+) % \|$", page, re.MULTILINE)
    return {int(seed): [float(value) for value in values] for seed, *values in rows}


def test_the_words_about_the_random_split_fit_its_table():
    table = measured()
    gaps = [true - chance for chance, _, true in table.values()]
    page = (DOCS / "explanation" / "why-a-random-split-lies.md").read_text(encoding="utf-8")
    assert f"by {min(gaps):.1f} to {max(gaps):.1f} points" in page
    off = [time - true for _, time, true in table.values()]
    assert min(off) < 0 < max(off)
    assert f"once by {max(abs(gap) for gap in off):.1f} points" in page


@pytest.mark.slow
def test_the_random_split_lies_as_measured():
    script = runpy.run_path(str(DOCS / "explanation" / "random_split.py"))
    assert tuple(measured()) == script["SEEDS"]
    for seed, shown in measured().items():
        assert [100 * share for share in script["measure"](seed)] == pytest.approx(shown, abs=0.3)


def test_the_course_has_six_sessions_and_every_exercise_once():
    page = (DOCS / "teaching" / "course.md").read_text(encoding="utf-8")
    rows = [line.split("|") for line in page.splitlines() if re.match(r"\| \d ", line)]
    assert [int(row[1].split()[0]) for row in rows] == [1, 2, 3, 4, 5, 6]
    assert sorted(int(number) for row in rows for number in row[4].split(",")) == [one.number for one in EXERCISES]
    for row in rows:
        assert sum(int(minutes) for minutes in re.findall(r"(?:^|; )(\d+) ", row[3].strip())) == 90, row[1]


@pytest.mark.parametrize(("page", "lang"), [("students.md", "en"), ("de/studierende.md", "de")])
def test_the_students_page_names_the_exercises_as_they_are(page, lang):
    text = (DOCS / page).read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) ([^|]+?) \|", text, re.MULTILINE)
    assert [int(number) for number, _ in rows] == [one.number for one in EXERCISES]
    for (_, named), one in zip(rows, EXERCISES, strict=True):
        assert title(one, lang).lower().removeprefix("the ").startswith(named.lower())


def test_the_students_pages_are_twins():
    english, german = ((DOCS / page).read_text(encoding="utf-8") for page in ("students.md", "de/studierende.md"))
    commands = [
        [line.removesuffix(" --lang de") for line in re.findall(r"^(?:musterwerk|python) .*$", text, re.MULTILINE)]
        for text in (english, german)
    ]
    assert commands[0] == commands[1]
    targets = [{Path(found).name for found in re.findall(r"\]\(([^)#]+)", text)} for text in (english, german)]
    assert targets[0] - {"studierende.md"} == targets[1] - {"students.md"}
    assert len(re.findall("^## ", english, re.MULTILINE)) == len(re.findall("^## ", german, re.MULTILINE))


@pytest.mark.parametrize("page", ["students.md", "de/studierende.md"])
def test_the_commands_of_the_students_page_run(page, tmp_path, monkeypatch, capsys):
    """All but the run, which has tests of its own; the check says that nothing is solved yet."""
    monkeypatch.chdir(tmp_path)
    commands = re.findall(r"^musterwerk (exercise .*)$", (DOCS / page).read_text(encoding="utf-8"), re.MULTILINE)
    assert [main(command.split()) for command in commands] == [0, 0, 3]
    assert (tmp_path / "exercise_01_ledger.py").is_file()
