"""Exponential smoothing across many series at once: a member of the blend and an input of LightGBM."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from pipelines.models.panel import Floats, Panel

WEEK = 7


@dataclass(frozen=True)
class Rates:
    """How fast level, weekday pattern and damped trend follow new sales; `clip` bounds one day's surprise in typical surprises."""

    name: str
    level: float
    season: float
    trend: float = 0.0
    damping: float = 0.9
    clip: float = 3.0


GRID = (
    Rates("smooth_slow", 0.04, 0.06),
    Rates("smooth_mid", 0.1, 0.1),
    Rates("smooth_fast", 0.2, 0.1),
    Rates("smooth_rapid", 0.35, 0.15),
    Rates("smooth_trend", 0.1, 0.1, trend=0.02),
)


def causal_columns(rows: pl.DataFrame, lead: int, panel: Panel, grid: Sequence[Rates] = GRID) -> pl.DataFrame:
    """Add one forecast column per entry of `grid`; a row of day t uses demand up to day t - lead only.

    Parameters
    ----------
    rows
        Complete daily grid per series with `branch`, `product`, `day`, `demand` (null = closed or not yet known) and `public_holiday`.
    lead
        Days between the last known demand and the day to forecast, at least 1.
    """
    ids = rows.select(
        series=pl.struct(panel.keys).rank("dense") - 1,
        step=(pl.col(panel.time) - pl.col(panel.time).min()).dt.total_days(),
    )
    series, step = ids["series"].to_numpy().astype(np.intp), ids["step"].to_numpy().astype(np.intp)
    shape = (int(step.max()) + 1, int(series.max()) + 1)
    demand = np.full(shape, np.nan)
    demand[step, series] = rows[panel.target].cast(pl.Float64).fill_null(np.nan).to_numpy()
    usual = np.ones(shape, dtype=np.bool_)
    usual[step, series] = ~rows["public_holiday"].to_numpy()
    demand[~usual] = np.nan
    found = {rates.name: recursion(demand, lead, rates)[step, series] for rates in grid}
    return rows.with_columns(pl.Series(name, values, dtype=pl.Float32, nan_to_null=True) for name, values in found.items())


def recursion(demand: Floats, lead: int, rates: Rates) -> Floats:
    """Forecast every day of `demand` (days x series, NaN = not seen) from days at least `lead` before.

    Multiplicative weekday pattern, additive damped trend, surprises clipped against outliers
    (Hyndman et al. 2008, Forecasting with Exponential Smoothing; robust variant after Gelper et al. 2010).
    """
    n_days, n_series = demand.shape
    level, trend, spread = np.full(n_series, np.nan), np.zeros(n_series), np.full(n_series, 0.3)
    season, seen = np.ones((WEEK, n_series)), np.zeros((WEEK, n_series))
    out = np.full(demand.shape, np.nan)
    reach = sum(rates.damping**k for k in range(1, lead + 1))
    for day in range(n_days):
        target = day + lead - 1
        if target < n_days:  # the state knows all days before `day`: decide for `target`
            out[target] = np.maximum(level + reach * trend, 0) * season[target % WEEK]
        value, weekday = demand[day], day % WEEK
        known = np.isfinite(value)
        first = known & np.isnan(level)
        level = np.where(first, value, level)
        base = np.where(known, np.maximum(level + rates.damping * trend, 1e-6), 1.0)
        shape_now = np.maximum(season[weekday], 1e-3)
        surprise = np.where(known, value / shape_now / base - 1, 0.0)
        bounded = np.clip(surprise, -rates.clip * spread, rates.clip * spread)
        count = seen.sum(axis=0)
        step = np.maximum(rates.level, 1 / (count + 1))
        moved = base * (1 + step * bounded)
        trend = np.where(known, rates.damping * trend + rates.trend * base * bounded, trend)
        level = np.where(known, moved, level)
        rate = np.maximum(rates.season, 1 / (seen[weekday] + 1))
        change = rate * (shape_now * (1 + bounded) * base / np.maximum(level, 1e-6) - season[weekday])
        season[weekday] = np.where(known, season[weekday] + change, season[weekday])
        spread = np.where(known, spread + 0.05 * (np.minimum(np.abs(surprise), 4 * spread) - spread), spread)
        seen[weekday] += known
    return out
