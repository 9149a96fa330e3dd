"""Exercise 2: WAPE, and a split by days that lets no later day into the past."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl

from pipelines.exercises.data import sales
from pipelines.exercises.judging import Function, Question, questions

Frames = tuple[pl.DataFrame, pl.DataFrame]


def _split(rows: pl.DataFrame, first: date) -> Frames:
    return rows.filter(pl.col("day") < first), rows.filter(pl.col("day") >= first)


def _last(rows: pl.DataFrame) -> date:
    return rows["day"].max()  # type: ignore[return-value]


def time_split(rows: pl.DataFrame, days: int) -> Frames:
    """Return past and report: the report period is the last `days` calendar days."""
    return _split(rows, _last(rows) - timedelta(days=days - 1))


def _by_rows(rows: pl.DataFrame, days: int) -> Frames:
    ordered = rows.sort("day", "branch", "product")
    return ordered.head(rows.height - days), ordered.tail(days)


def _one_day_more(rows: pl.DataFrame, days: int) -> Frames:
    return _split(rows, _last(rows) - timedelta(days=days))


def _swapped(rows: pl.DataFrame, days: int) -> Frames:
    past, report = time_split(rows, days)
    return report, past


def _as_in_file(rows: pl.DataFrame, days: int) -> Frames:
    return rows.head(rows.height - days), rows.tail(days)


def _in_order(answer: Any) -> tuple[pl.DataFrame, ...]:
    past, report = answer
    index = ["day", "branch", "product"]
    return tuple(part.select(*index, "demand").sort(index) for part in (past, report))


def _mixed(_: Function, case: Sequence[Any], answer: Any) -> str:
    past, report = answer
    if past.height + report.height != case[0].height:
        return "random_split_lost"
    return "random_split_mixed" if past.height and report.height and past["day"].max() >= report["day"].min() else ""


def _tables() -> list[tuple[pl.DataFrame, int]]:
    tables = [
        (sales(seed, days=60 + seed).drop_nulls("demand").sample(fraction=1, shuffle=True, seed=seed), 10 + seed) for seed in (1, 2, 4)
    ]
    gap = sales(3, days=70).filter(pl.col("day").dt.day() != 28)  # noqa: PLR2004 - a day nobody sold anything
    return [*tables, (gap, 12)]


def _vectors() -> list[tuple[Any, Any]]:
    draw = np.random.default_rng(5)
    return [(draw.poisson(6, 30) + 1.0, draw.uniform(2, 12, 30)) for _ in range(3)] + [(np.array([0.0, 4, 10]), np.array([1.0, 4, 5]))]


def _mape(truth: Any, forecast: Any) -> float:
    open_days = truth > 0
    return float(np.mean(np.abs(forecast - truth)[open_days] / truth[open_days]))


def _plain_mape(truth: Any, forecast: Any) -> float:
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.mean(np.abs(forecast - truth) / truth))


QUESTIONS = (
    Question(
        "wape",
        right=lambda truth, forecast: float(np.abs(forecast - truth).sum() / truth.sum()),
        mistakes={
            "random_split_mape": (_mape, _plain_mape),
            "random_split_signed": (
                lambda truth, forecast: float((forecast - truth).sum() / truth.sum()),
                lambda truth, forecast: float((truth - forecast).sum() / truth.sum()),
            ),
            "random_split_pieces": lambda truth, forecast: float(np.abs(forecast - truth).mean()),
            "random_split_by_forecast": lambda truth, forecast: float(np.abs(forecast - truth).sum() / forecast.sum()),
        },
        cases=_vectors,
    ),
    Question(
        "time_split",
        right=time_split,
        mistakes={
            "random_split_swapped": _swapped,
            "random_split_rows": (_by_rows, _as_in_file),
            "random_split_off_by_one": _one_day_more,
        },
        cases=_tables,
        view=_in_order,
        look=_mixed,
    ),
)
judge = questions(*QUESTIONS)
