"""Exercises teach: the right answer passes, each typical wrong one gets its own hint, an unedited script passes nothing."""

import ast
import re
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

from pipelines.exercises.catalogue import EXERCISES
from pipelines.exercises.judging import judged
from pipelines.exercises.runner import judge_script
from pipelines.exercises.script import script, title
from pipelines.texts import catalogue, text
from tests import wrong_answers, wrong_answers_more
from usecases.__main__ import built_in

ROOT = Path(__file__).parents[1]
SOLUTIONS = ROOT / "docs" / "teaching" / "solutions"
BY_NAME = {one.name: one for one in EXERCISES}
WRONG = {name: {**vars(wrong_answers), **vars(wrong_answers_more)}[name.upper()] for name in BY_NAME}
STORED = [(name, hint) for name, answers in WRONG.items() for hint in answers]
OWN = {"empty", "nothing", "missing", "syntax", "raises", "no_column", "shape", "different", "too_long", "died"}


def judges(name: str):
    return import_module(f"pipelines.exercises.judges.{name}")


def functions(source: str) -> dict[str, str]:
    return {node.name: ast.unparse(node) for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)}


def imports(source: str) -> str:
    return "\n".join(ast.unparse(node) for node in ast.parse(source).body if isinstance(node, ast.Import | ast.ImportFrom))


def filled(made: str, answers: str) -> str:
    """The script with each gap replaced by the answer of the same name, and the answers' imports on top."""
    found = functions(answers)
    lines = made.splitlines()
    for node in sorted((n for n in ast.parse(made).body if isinstance(n, ast.FunctionDef)), key=lambda n: -n.lineno):
        if node.name in found:
            lines[node.lineno - 1 : node.end_lineno] = found[node.name].splitlines()
    return "\n".join([imports(answers), *lines]) + "\n"


@pytest.fixture(scope="module")
def solved() -> dict[str, str]:
    """Every English script with the teachers' solution."""
    return {
        one.name: filled(script(one, built_in(), "en"), (SOLUTIONS / f"{one.name}.py").read_text(encoding="utf-8")) for one in EXERCISES
    }


def verdict(name: str, source: str, folder: Path):
    file = folder / BY_NAME[name].file
    file.write_text(source, encoding="utf-8")
    return judge_script(BY_NAME[name], file)


def test_there_are_at_least_ten_numbered_from_one():
    assert [one.number for one in EXERCISES] == list(range(1, len(EXERCISES) + 1))
    assert len(EXERCISES) >= 10


@pytest.mark.parametrize("name", BY_NAME)
def test_the_solution_passes(name, solved, tmp_path):
    found = verdict(name, solved[name], tmp_path)
    assert found.passed, (found.function, found.hint, found.values)


@pytest.mark.parametrize(("name", "hint"), STORED, ids=lambda value: value)
def test_a_wrong_answer_gets_its_own_hint(name, hint, solved, tmp_path):
    found = verdict(name, filled(solved[name], WRONG[name][hint]), tmp_path)
    assert (found.passed, found.hint, found.function) == (False, hint, next(iter(functions(WRONG[name][hint])))), found.values
    for lang in ("de", "en"):
        assert text(f"exercises.hint_{hint}", lang, **found.values)


@pytest.mark.parametrize("name", [name for name in BY_NAME if hasattr(judges(name), "QUESTIONS")])
def test_every_known_mistake_is_told_from_the_right_answer_and_from_the_others(name):
    for question in judges(name).QUESTIONS:
        for hint, ways in question.mistakes.items():
            for mistake in ways if isinstance(ways, tuple) else (ways,):
                found = judged(question, {question.function: mistake})
                assert (found.passed, found.hint) == (False, hint), (question.function, hint)


@pytest.mark.parametrize("name", BY_NAME)
def test_three_wrong_answers_or_more_are_stored_with_hints_that_differ(name):
    assert len(WRONG[name]) >= 3
    for lang in ("de", "en"):
        hints = [catalogue("exercises", lang)[f"hint_{hint}"] for hint in WRONG[name]]
        assert len(set(hints)) == len(hints)


@pytest.mark.parametrize("name", BY_NAME)
def test_no_exercise_passes_unedited_and_no_single_gap_either(name, solved, tmp_path):
    made = script(BY_NAME[name], built_in(), "en")
    found = verdict(name, made, tmp_path)
    assert (found.passed, found.hint, found.function) == (False, "empty", BY_NAME[name].functions[0])
    for gap in BY_NAME[name].functions:
        found = verdict(name, filled(solved[name], f"def {gap}(*arguments):\n    ...\n"), tmp_path)
        assert (found.passed, found.hint, found.function) == (False, "empty", gap)


@pytest.mark.parametrize("name", BY_NAME)
def test_an_answer_that_returns_nothing_is_no_answer(name, solved, tmp_path):
    """What looks edited but is not an answer: the first gap computes something and forgets to return it."""
    found = verdict(name, filled(solved[name], f"def {BY_NAME[name].functions[0]}(*arguments):\n    done = len(arguments)\n"), tmp_path)
    assert (found.passed, found.hint, found.function) == (False, "nothing", BY_NAME[name].functions[0])


def test_every_hint_is_given_by_some_judge():
    code = "\n".join(file.read_text(encoding="utf-8") for file in (ROOT / "pipelines" / "exercises").rglob("*.py"))
    hints = {key.removeprefix("hint_") for key in catalogue("exercises", "en") if key.startswith("hint_")}
    assert {hint for hint in hints if f'"{hint}"' not in code} == set()
    named = {found for name in BY_NAME for found in re.findall(rf'"({name}_\w+)"', code)}
    assert named | OWN == hints


@pytest.mark.parametrize("name", BY_NAME)
def test_both_languages_are_the_same_code(name):
    english, german = (script(BY_NAME[name], built_in(), lang) for lang in ("en", "de"))
    assert "{{" not in english + german
    assert "%module%" not in english + german
    assert not re.search(r"^#: ", english + german, re.MULTILINE)
    assert max(len(line) for line in english.splitlines() if line.startswith("#")) <= 120
    assert english.startswith(f"# %% [markdown]\n# # {BY_NAME[name].number}. {title(BY_NAME[name], 'en')}\n")
    assert code_alone(english) == code_alone(german)
    assert english != german


def code_alone(source: str) -> str:
    """The code without comments and with every string emptied."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            node.value = ""
    return ast.dump(tree)


def test_the_texts_of_scripts_are_all_used():
    used = {"still_empty", "well_done", "run_me"}
    for name in BY_NAME:
        template = (ROOT / "pipelines" / "exercises" / "templates" / f"{name}.py.txt").read_text(encoding="utf-8")
        found = re.findall(r"^#: (\w+)$", template, re.MULTILINE) + re.findall(r"\{\{(\w+)\}\}", template)
        used |= {f"{name}_{key}" for key in found if key not in {"still_empty", "well_done", "run_me"}}
    assert used == set(catalogue("lessons", "en"))


def test_solutions_are_one_per_exercise_and_not_part_of_the_packages():
    assert {file.stem for file in SOLUTIONS.glob("*.py")} == set(BY_NAME)
    for one in EXERCISES:
        assert set(one.functions) <= set(functions((SOLUTIONS / f"{one.name}.py").read_text(encoding="utf-8")))
    packed = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert packed["packages"] == ["pipelines", "usecases"]
    assert not list((ROOT / "pipelines").rglob("*solution*"))
