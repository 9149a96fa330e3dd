"""How an answer is judged: on hidden cases, against the right function, and against what typical mistakes compute.

A mistake is recognised by what it computes, not by how it is written: an answer that equals the mistake in every hidden case
gets the hint of that mistake.
"""

import traceback
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from pipelines.exercises.verdict import PASSED, Verdict

SHOWN = 300  # characters of a value in a message
TOLERANCE = 1e-6  # relative; answers are money and shares
MODULE = "<module>"  # the script outside of all functions
Function = Callable[..., Any]
Answers = Mapping[str, Any]  # the names the student's script defines


Judge = Callable[[Answers], Verdict]


def _no_look(_: Function, __: Sequence[Any], ___: Any) -> str:
    return ""


def _itself(answer: Any) -> Any:
    return answer


@dataclass(frozen=True)
class Question:
    """One gap.

    Parameters
    ----------
    function
        Name of the student's function.
    right
        A function that gives the right answer.
    mistakes
        Hint -> what somebody computes who makes this mistake; several functions where it is made in several ways.
    cases
        Hidden inputs; in at least one of them each mistake differs from the right answer.
    view
        What of an answer is compared; raises when it has not the shape that was asked for.
    look
        A closer look at a wrong answer that equals no known mistake: (function, case, answer) -> hint or "".
    """

    function: str
    right: Function
    mistakes: Mapping[str, Function | tuple[Function, ...]]
    cases: Callable[[], Sequence[Sequence[Any]]]
    view: Callable[[Any], Any] = _itself
    look: Callable[[Function, Sequence[Any], Any], str] = _no_look


def questions(*asked: Question) -> Judge:
    """Return the judge that asks one question after the other and stops at the first wrong answer."""

    def judge(answers: Answers) -> Verdict:
        return next((verdict for one in asked if not (verdict := judged(one, answers)).passed), PASSED)

    return judge


def judged(question: Question, answers: Answers) -> Verdict:
    """Return whether the answer is right in every hidden case, or the hint that helps."""
    function, cases = answers[question.function], question.cases()
    got = _answers(question, function, cases)
    if isinstance(got, Verdict):
        return got
    right = [question.view(question.right(*deepcopy(list(case)))) for case in cases]
    wrong = [number for number in range(len(cases)) if not same(got[number], right[number])]
    if not wrong:
        return PASSED
    for hint, ways in question.mistakes.items():
        if any(_made(question, mistake, cases, got) for mistake in (ways if isinstance(ways, tuple) else (ways,))):
            return Verdict(False, question.function, hint)
    first = wrong[0]
    seen = question.look(function, cases[first], got[first])
    if seen:
        return Verdict(False, question.function, seen)
    here, there = _apart(got[first], right[first])
    values = {"given": shown(cases[first]), "got": shown(here), "right": shown(there)}
    return Verdict(False, question.function, "different", values)


def _answers(question: Question, function: Function, cases: Sequence[Sequence[Any]]) -> list[Any] | Verdict:
    """Return what the function gives in each case, or the verdict when it gives nothing, fails or gives something of another kind."""
    got = []
    for case in cases:
        try:
            answer = function(*deepcopy(list(case)))
        except Exception as error:  # noqa: BLE001 - whatever a learner's code raises is told to the learner
            return failed(question.function, error)
        if answer is None:
            return Verdict(False, question.function, "nothing")
        try:
            got.append(question.view(answer))
        except Exception:  # noqa: BLE001 - any shape may come back
            return Verdict(False, question.function, "shape", {"got": shown(answer)})
    return got


def _made(question: Question, mistake: Function, cases: Sequence[Sequence[Any]], got: Sequence[Any]) -> bool:
    """Whether the answers are what this mistake gives, in every case."""
    return all(same(answer, question.view(mistake(*deepcopy(list(case))))) for case, answer in zip(cases, got, strict=True))


def failed(function: str, error: Exception) -> Verdict:
    """Return the verdict on a function that raised: which error, in which line of the script."""
    name = "" if function == MODULE else function
    if isinstance(error, pl.exceptions.ColumnNotFoundError):
        return Verdict(False, name, "no_column", {"problem": str(error).splitlines()[0][:SHOWN]})
    places = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.endswith(".py")]
    line = next((frame.lineno for frame in reversed(places) if frame.name == function), None)
    values = {"error": type(error).__name__, "problem": str(error)[:SHOWN] or "-", "line": str(line or "?")}
    return Verdict(False, name, "raises", values)


def same(one: Any, other: Any) -> bool:
    """Return whether two answers are equal: numbers to a millionth, tables value by value, nothing equals nothing."""
    if one is None or other is None or isinstance(one, str) or isinstance(other, str):
        return bool(type(one) is type(other) and one == other)
    if isinstance(one, pl.DataFrame) or isinstance(other, pl.DataFrame):
        return isinstance(one, pl.DataFrame) and isinstance(other, pl.DataFrame) and _same_tables(one, other)
    try:
        left, right = np.asarray(one, dtype=float), np.asarray(other, dtype=float)
    except (TypeError, ValueError):
        if isinstance(one, tuple | list) and isinstance(other, tuple | list) and len(one) == len(other):
            return all(same(a, b) for a, b in zip(one, other, strict=True))
        return False
    return left.shape == right.shape and bool(np.allclose(left, right, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True))


def _same_tables(one: pl.DataFrame, other: pl.DataFrame) -> bool:
    if one.shape != other.shape or one.columns != other.columns:
        return False
    numbers = [name for name, kind in other.schema.items() if kind.is_numeric()]
    if not all(one.schema[name].is_numeric() and same(_numbers(one, name), _numbers(other, name)) for name in numbers):
        return False
    return one.drop(numbers).equals(other.drop(numbers))


def _numbers(rows: pl.DataFrame, name: str) -> Any:
    return rows[name].cast(pl.Float64).fill_null(float("nan")).to_numpy()


def _apart(one: Any, other: Any) -> tuple[Any, Any]:
    """Return the first row in which two tables of the same shape differ; anything else as it is."""
    if isinstance(one, pl.DataFrame) and isinstance(other, pl.DataFrame) and one.columns == other.columns and one.height == other.height:
        rows = zip(one.iter_slices(1), other.iter_slices(1), strict=True)
        return next(((a.row(0), b.row(0)) for a, b in rows if not _same_tables(a, b)), (one, other))
    return one, other


def shown(value: Any) -> str:
    """Return a value as a short text for a message."""
    if isinstance(value, tuple | list) and any(isinstance(part, pl.DataFrame | np.ndarray | list | tuple) for part in value):
        found = "; ".join(shown(part) for part in value)
    elif isinstance(value, pl.DataFrame):
        found = f"{value.height} × {value.columns}"
    elif isinstance(value, np.ndarray):
        found = f"[{', '.join(shown(part) for part in value)}]"
    elif isinstance(value, tuple):
        found = f"({', '.join(shown(part) for part in value)})"
    elif isinstance(value, float | np.floating):
        found = f"{float(value):.5g}"
    else:
        found = str(value)
    return found if len(found) <= SHOWN else f"{found[:SHOWN]} ..."
