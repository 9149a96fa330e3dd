"""Scripts with gaps: the code of a template, the words of the language."""

import re
import textwrap
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

from pipelines.errors import InputError
from pipelines.exercises.catalogue import EXERCISES, Exercise
from pipelines.exercises.verdict import Verdict
from pipelines.texts import Lang, text

WIDTH = 108
PROSE = re.compile(r"^#: (\w+)$", re.MULTILINE)  # a line that becomes a paragraph of comments
WORDS = re.compile(r"\{\{(\w+)\}\}")  # inside a string or a comment


def script(exercise: Exercise, cases: Mapping[str, str], lang: Lang) -> str:
    """Return the script of an exercise; `cases`: built-in use cases, name -> import path.

    Raises
    ------
    InputError
        The use case whose simulator the script needs is not built in.
    """
    if exercise.case and exercise.case not in cases:
        raise InputError("exercises.no_case", number=exercise.number, case=exercise.case)
    template = files("pipelines.exercises").joinpath("templates", f"{exercise.name}.py.txt").read_text(encoding="utf-8")
    head = f"# # {exercise.number}. {title(exercise, lang)}"
    made = PROSE.sub(lambda found: _comment(_words(exercise, found[1], lang)), template.replace("#: title", head))
    made = WORDS.sub(lambda found: _words(exercise, found[1], lang), made)
    return made.replace("%module%", cases.get(exercise.case, "")).replace("%number%", str(exercise.number))


def start(exercise: Exercise, cases: Mapping[str, str], folder: Path, lang: Lang) -> Path:
    """Write the script of an exercise into a folder and return its path.

    Raises
    ------
    InputError
        The file exists already (it is never overwritten), or the folder cannot be written to.
    """
    made, path = script(exercise, cases, lang), folder / exercise.file
    if path.exists():
        raise InputError("exercises.exists", file=path, number=exercise.number)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(made)
    except OSError as error:
        raise InputError("exercises.unwritable", folder=folder, problem=error.strerror or error) from None
    return path


def title(exercise: Exercise, lang: Lang) -> str:
    """Return the title of an exercise."""
    return text(f"lessons.{exercise.name}_title", lang)


def verdict_text(exercise: Exercise, verdict: Verdict, lang: Lang) -> str:
    """Return what a verdict says to the learner."""
    if verdict.passed:
        last = exercise.number == EXERCISES[-1].number
        key = "exercises.passed" if last else "exercises.passed_next"
        return text(key, lang, number=exercise.number, next=exercise.number + 1)
    hint = text(f"exercises.hint_{verdict.hint}", lang, **verdict.values)
    return text("exercises.hint", lang, function=verdict.function, hint=hint) if verdict.function else hint[:1].upper() + hint[1:]


def _words(exercise: Exercise, name: str, lang: Lang) -> str:
    shared = name in {"run_me", "still_empty", "well_done"}
    return text(f"lessons.{name}" if shared else f"lessons.{exercise.name}_{name}", lang, number=exercise.number)


def _comment(words: str) -> str:
    """Return paragraphs as comment lines; a line that begins with a space or a bar stays as it is."""
    lines: list[str] = []
    for line in words.strip("\n").splitlines():
        lines += [line] if line.startswith((" ", "|", "-")) else textwrap.wrap(line, WIDTH, break_long_words=False) or [""]
    return "\n".join(f"# {line}".rstrip() for line in lines)
