"""Exercise 10: orders that beat "same weekday last week" on the select period of chains nobody has seen."""

from datetime import date
from typing import Any

import numpy as np
import polars as pl

from pipelines.exercises.data import MAKE_EUR, PRICE_EUR, cost_eur, select_period
from pipelines.exercises.judging import Answers, Function, failed, shown
from pipelines.exercises.verdict import PASSED, Verdict

NAME = "order"
SEEDS = (31, 32, 33, 34)
INDEX = ["day", "branch", "product"]
REQUIRED = 0.33  # of the cost of the baseline; a mean of eight weeks saves a quarter, a quantile of them about four tenths
RATIO = (PRICE_EUR - MAKE_EUR) / PRICE_EUR
NEAR = 0.07  # share of rows covered that counts as the critical ratio
FOLLOWED = 5  # days that are decided once more without later rows


def judge(answers: Answers) -> Verdict:
    """Return whether every hidden chain saves enough; else what the orders lack."""
    function, saved, covered, equal = answers[NAME], [], [], []
    for seed in SEEDS:
        rows = select_period(seed)
        try:
            made = _orders(function, rows)
            if made is None:
                answer = function(rows.drop("demand"))
                return Verdict(False, NAME, "nothing") if answer is None else Verdict(False, NAME, "shape", {"got": shown(answer)})
            if made.null_count() or not made.is_finite().all():
                return Verdict(False, NAME, "baseline_empty")
            if _looks_ahead(function, rows, made):
                return Verdict(False, NAME, "baseline_future")
        except pl.exceptions.ColumnNotFoundError as error:
            peeks = "demand" in str(error).splitlines()[0]
            return Verdict(False, NAME, "baseline_peek") if peeks else failed(NAME, error)
        except Exception as error:  # noqa: BLE001 - whatever a learner's code raises is told to the learner
            return failed(NAME, error)
        baseline = cost_eur(rows["week1"], rows["demand"])
        saved.append(1 - cost_eur(made, rows["demand"]) / baseline)
        covered.append(float((rows["demand"] <= made).mean()))  # type: ignore[arg-type]
        equal.append(bool((made == rows["week1"]).all()))
    return _verdict(saved, covered, all(equal))


def _verdict(saved: list[float], covered: list[float], same_as_baseline: bool) -> Verdict:
    values = {"saved": f"{100 * min(saved):.0f}", "required": f"{100 * REQUIRED:.0f}", "covered": f"{100 * np.mean(covered):.0f}",
              "ratio": f"{100 * RATIO:.0f}"}  # fmt: skip
    if min(saved) >= REQUIRED:
        return PASSED
    if same_as_baseline:
        hint = "baseline_same"
    elif np.mean(covered) < RATIO - NEAR:
        hint = "baseline_low"
    elif np.mean(covered) > RATIO + NEAR:
        hint = "baseline_high"
    else:
        hint = "baseline_scatter"
    return Verdict(False, NAME, hint, values)


def _orders(function: Function, rows: pl.DataFrame) -> pl.Series | None:
    """Return the orders in the order of the rows; None when the answer is no table with each row once and a column `order`."""
    made: Any = function(rows.drop("demand"))
    if not isinstance(made, pl.DataFrame) or "order" not in made.columns or not made.schema["order"].is_numeric():
        return None
    joined = rows.select(INDEX).join(made.select(*INDEX, pl.col("order").cast(pl.Float64)), on=INDEX, how="left", maintain_order="left")
    return joined["order"] if joined.height == rows.height == made.height else None


def _looks_ahead(function: Function, rows: pl.DataFrame, made: pl.Series) -> bool:
    """Decide some days once more on rows that end with that day: the orders of the day must be the same."""
    days: list[date] = rows["day"].unique().sort().to_list()
    for day in days[:: len(days) // FOLLOWED]:
        again = _orders(function, rows.filter(pl.col("day") <= day))
        today = rows.filter(pl.col("day") <= day)["day"] == day
        whole = made.filter(rows["day"] == day)
        if again is None or not np.allclose(again.filter(today).to_numpy(), whole.to_numpy()):
            return True
    return False
