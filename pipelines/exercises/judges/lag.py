"""Exercise 8: a mean of the last seven days that knows no future, keeps the series apart and obeys the lead."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import polars as pl

from pipelines.exercises.data import sales
from pipelines.exercises.judging import Function, Question, questions, same

SERIES = ["branch", "product"]
MEAN = pl.col("demand").rolling_mean(7, min_samples=1)


def recent(rows: pl.DataFrame, lead: int) -> pl.DataFrame:
    """Return the rows with `recent`, the mean demand of the open days among t - lead - 6 ... t - lead."""
    return rows.with_columns(recent=MEAN.shift(lead).over(SERIES, order_by="day"))


def _with(expression: pl.Expr) -> Function:
    return lambda rows, lead: rows.with_columns(recent=expression)


def _mixed(rows: pl.DataFrame, lead: int) -> pl.DataFrame:
    return rows.sort("day").with_columns(recent=MEAN.shift(lead))


def _view(answer: pl.DataFrame) -> pl.DataFrame:
    return answer.select("day", *SERIES, pl.col("recent").cast(pl.Float64)).sort("day", *SERIES)


def _look(function: Function, case: Sequence[Any], answer: Any) -> str:
    """Change demand from a day's lead on: values of that day must stay."""
    rows, lead = case
    if answer.height != rows.height:
        return "lag_rows"
    day = rows["day"].max() - timedelta(days=20)
    changed = pl.when(pl.col("day") > day - timedelta(days=lead)).then(pl.col("demand") * 3 + 1).otherwise("demand")
    before, after = (_view(table).filter(pl.col("day") <= day) for table in (answer, function(rows.with_columns(demand=changed), lead)))
    return "" if same(before, after) else "lag_leak"


def _cases() -> list[tuple[pl.DataFrame, int]]:
    return [(sales(seed, days=60).sample(fraction=1, shuffle=True, seed=seed), lead) for seed, lead in ((21, 1), (22, 2), (23, 3))]


QUESTIONS = (
    Question(
        "recent",
        right=recent,
        mistakes={
            "lag_today": _with(MEAN.over(SERIES, order_by="day")),
            "lag_lead": _with(MEAN.shift(1).over(SERIES, order_by="day")),
            "lag_future": lambda rows, lead: rows.with_columns(recent=MEAN.shift(-lead).over(SERIES, order_by="day")),
            "lag_order": lambda rows, lead: rows.with_columns(recent=MEAN.shift(lead).over(SERIES)),
            "lag_mixed": (lambda rows, lead: rows.with_columns(recent=MEAN.shift(lead)), _mixed),
            "lag_closed": lambda rows, lead: rows.with_columns(
                recent=pl.col("demand").fill_null(0).rolling_mean(7, min_samples=1).shift(lead).over(SERIES, order_by="day")
            ),
            "lag_gap": lambda rows, lead: rows.with_columns(
                recent=pl.col("demand").rolling_mean(7).shift(lead).over(SERIES, order_by="day")
            ),
            "lag_whole": _with(pl.col("demand").mean().over(SERIES)),
        },
        cases=_cases,
        view=_view,
        look=_look,
    ),
)
judge = questions(*QUESTIONS)
