"""What the report computes from the frames of a Result: columns, weeks, series."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import polars as pl

from pipelines.result import Result

WEEK_DAYS = 7
MOMENTS = 70  # time steps drawn per series: ten weeks of days stay readable on one page


@dataclass(frozen=True)
class Columns:
    """Names found in the frames: time, keys, the first action and the forecast target with its 80 % band."""

    time: str
    keys: list[str]
    action: str | None
    target: str
    low: str | None
    high: str | None


@dataclass(frozen=True)
class Week:
    """What one week of the report period saved; the last week may be incomplete."""

    first: date
    saved: float
    complete: bool


@dataclass(frozen=True)
class Series:
    """One series: its keys, what the plan saved there, and the last time steps drawn."""

    keys: dict[str, Any]
    saved: float
    track: pl.DataFrame  # time, target, low, high, usual, plan

    @property
    def name(self) -> str:
        """The keys as people read them."""
        return " · ".join(str(value) for value in self.keys.values())


def columns(result: Result) -> Columns:
    """Return the column names; keys are what ledger, actions and forecasts share beside policy and time."""
    time = result.ledger.columns[1]
    units = {saving.unit for saving in result.savings}
    shared = (set(result.actions.columns) & set(result.forecasts.columns)) - {"policy", time, *units}
    keys = [name for name in result.ledger.columns if name in shared]
    actions = [name for name in result.actions.columns if name not in {"policy", time, *keys} and result.actions[name].dtype.is_numeric()]
    band = ("q0.1", "q0.9") if {"q0.1", "q0.9"} <= set(result.forecasts.columns) else (None, None)
    return Columns(time, keys, actions[0] if actions else None, result.model.target, *band)


def savings_by(result: Result, *by: pl.Expr) -> pl.DataFrame:
    """Return what the plan saves against usual in the headline unit for each group, in group order."""
    cost = pl.col(result.headline.unit)
    totals = [cost.filter(pl.col("policy") == policy).sum().alias(policy) for policy in ("usual", "plan")]
    names = [expression.meta.output_name() for expression in by]
    return result.ledger.group_by(*by, maintain_order=True).agg(*totals).with_columns(saved=pl.col("usual") - pl.col("plan")).sort(names)


def weeks(result: Result) -> list[Week]:
    """Return savings by week, counted from the report period's first day like the blocks of the interval."""
    found = columns(result)
    number = (pl.col(found.time).cast(pl.Date) - result.report.first).dt.total_days() // WEEK_DAYS
    table = savings_by(result, number.alias("week"))
    return [
        Week(
            first := result.report.first + timedelta(days=WEEK_DAYS * week),
            saved,
            first + timedelta(days=WEEK_DAYS - 1) <= result.report.last,
        )
        for week, saved in table.select("week", "saved").iter_rows()
    ]


def series_savings(result: Result) -> pl.DataFrame:
    """Return keys and saved per series, the largest saving first."""
    keys = columns(result).keys
    if not keys:
        return pl.DataFrame({"saved": []}, schema={"saved": pl.Float64})
    table = savings_by(result, *(pl.col(key) for key in keys))
    return table.select(*keys, "saved").sort("saved", *keys, descending=[True, *(False for _ in keys)])


def one_series(result: Result, row: dict[str, Any]) -> Series:
    """Return a series with its last time steps: outcome, band and the actions of plan and usual."""
    found = columns(result)
    keys = {key: row[key] for key in found.keys}
    mine = [pl.col(key).eq_missing(pl.lit(value)) for key, value in keys.items()]
    wanted = {"target": found.target, "low": found.low, "high": found.high}
    track = result.forecasts.filter(*mine).select(
        pl.col(found.time).alias("time"), *((pl.col(name) if name else pl.lit(None, pl.Float64)).alias(new) for new, name in wanted.items())
    )
    for policy in ("usual", "plan"):
        taken = result.actions.filter(*mine, pl.col("policy") == policy)
        action = taken.select(pl.col(found.time).alias("time"), (pl.col(found.action) if found.action else pl.lit(None)).alias(policy))
        track = track.join(action, on="time", how="left")
    return Series(keys, float(row["saved"]), track.sort("time").tail(MOMENTS))
