"""Demand that was never seen: on a sold-out day sales are a lower bound of demand, neither demand nor a day to drop.

The share of demand beyond the stock is taken from other days: Kaplan and Meier's product-limit estimate (1958) on ratios
to the series' own weekday level, pooled over all series of the last weeks. Causal: day t is completed from days up to t alone.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

WEEK = 7
LEVEL_WEEKS = 6  # weeks that make the level
PATTERN_WEEKS = 26  # weeks that make the weekday pattern
POOL_WEEKS = 8  # weeks of ratios pooled for the survival curve
SIZES = (2.0, 5.0, 12.0, 30.0, 80.0)  # bounds of the size classes: weekday level in units a day
MINIMUM_POOL = 50  # fewer ratios than this give no curve: sales then stand as they are, flagged
HALF_PIECE = 0.5  # sold out at 3 whole pieces means a demand of 3 or more: 2.5 on a continuous scale
EXPLORE = 1.1  # beyond the largest ratio ever sold nothing is identified: look 10 % further


@dataclass(frozen=True)
class Survival:
    """Share of demand ratios above each value: `above[i]` is the share beyond `values[i]` (ascending)."""

    values: Floats
    above: Floats

    def share_above(self, ratio: Floats) -> Floats:
        """Return the share of demand beyond each ratio."""
        return np.append(1.0, self.above)[np.searchsorted(self.values, ratio, side="right")]

    def beyond(self, ratio: Floats, uniform: Floats) -> Floats:
        """Return the demand ratio at `uniform` of the distribution beyond each ratio; 10 % more than any sale where unidentified."""
        wanted = self.share_above(ratio) * (1 - uniform)
        place = np.searchsorted(-self.above, -wanted, side="left")
        known = place < len(self.values)
        largest = self.values[-1] if len(self.values) else 0.0  # none: everything was censored
        found = np.where(known, np.append(self.values, largest)[place], np.maximum(largest, ratio) * EXPLORE)
        return np.maximum(found, ratio)


def kaplan_meier(values: Floats, censored: Flags, weights: Floats | None = None) -> Survival:
    """Return the (weighted) product-limit estimate of the share above each value; a censored value is a lower bound.

    >>> kaplan_meier(np.array([1.0, 2.0, 3.0]), np.array([False, True, False])).above.round(3).tolist()
    [0.667, 0.0]
    """
    order = np.lexsort((censored, values))  # at ties the seen values come first: a lower bound reaches beyond them
    ranked, lost = values[order], censored[order]
    weight = np.ones(len(ranked)) if weights is None else weights[order]
    at_risk = np.cumsum(weight[::-1])[::-1]
    above = np.cumprod(np.where(lost, 1.0, 1.0 - weight / at_risk))
    seen = ~lost
    points, first = np.unique(ranked[seen][::-1], return_index=True)
    return Survival(points, np.maximum(above[seen][::-1][first], 0.0))


def complete_demand(sold: Floats, censored: Flags, seed: int) -> Floats:
    """Return estimated demand (days x series): sales where they are demand, else a draw beyond the sold quantity.

    Parameters
    ----------
    sold
        Units sold, days x series on a complete daily grid, NaN = closed.
    censored
        True where the day sold out.
    seed
        Fixes the draws: a single draw per sold-out day keeps both the mean and the spread of demand right,
        which a conditional mean would not (Rubin 1987, Multiple Imputation, ch. 4).
    """
    days, series = sold.shape
    fraction = np.isfinite(sold) & (np.mod(np.where(np.isfinite(sold), sold, 0.0), 1) != 0)
    whole = ~np.logical_or.accumulate(fraction.any(axis=1))[:, None]  # as far as seen up to each day
    bound = np.where(censored & whole, sold - HALF_PIECE, sold)
    demand = sold.copy()
    level = np.full_like(sold, np.nan)
    uniform = np.random.default_rng(seed).random((days, series))
    for start in range(0, days, WEEK):
        block = slice(start, min(start + WEEK, days))
        level[block] = weekday_level(demand, start)[: block.stop - start]
        lost = censored[block] & (level[block] > 0) & np.isfinite(sold[block])
        if lost.any():
            found = _draw_beyond(bound, censored, level, block, uniform)
            demand[block] = np.where(lost, np.maximum(np.where(whole[block], np.round(found), found), sold[block]), demand[block])
    return demand


def _draw_beyond(bound: Floats, censored: Flags, level: Floats, block: slice, uniform: Floats) -> Floats:
    """Return a draw beyond each bound of the block (NaN or the bound where nothing can be said), from curves per size of series.

    Small series scatter more than large ones, so each size class has its own curve; ratios are weighted by their level,
    because the plain mean of ratios to a noisy level lies above one.
    """
    pool = slice(max(0, block.start - WEEK * POOL_WEEKS), block.start)
    usable = np.isfinite(bound[pool]) & (level[pool] > 0)
    base, ratios = level[pool][usable], bound[pool][usable] / level[pool][usable]
    classes, lost = np.digitize(base, SIZES), censored[pool][usable]
    found, here = bound[block].copy(), np.digitize(np.nan_to_num(level[block]), SIZES)
    for size in range(len(SIZES) + 1):
        mine = here == size
        members = classes == size if (classes == size).sum() >= MINIMUM_POOL else np.ones(len(classes), dtype=np.bool_)
        if members.sum() >= MINIMUM_POOL and mine.any():
            curve = kaplan_meier(ratios[members], lost[members], base[members])
            scale = np.where(level[block][mine] > 0, level[block][mine], 1.0)
            found[mine] = curve.beyond(found[mine] / scale, uniform[block][mine]) * scale
    return found


def weekday_level(demand: Floats, start: int) -> Floats:
    """Return the usual demand of the seven days from `start` (7 x series), from days before `start`.

    Mean of the last six weeks times the weekday's share of the last half year: a smooth level, because noise in it
    would make demand and stock look related in their ratios to it.
    """
    past = demand[max(0, start - WEEK * PATTERN_WEEKS) : start]
    out = np.full((WEEK, demand.shape[1]), np.nan)
    if len(past) < WEEK:
        return out
    recent, overall = _nanmean(past[-WEEK * LEVEL_WEEKS :]), _nanmean(past)
    for weekday in range(WEEK):
        same = _nanmean(past[(len(past) + weekday) % WEEK :: WEEK])
        share = np.divide(same, overall, out=np.ones_like(same), where=np.isfinite(same) & (overall > 0))
        out[weekday] = recent * share
    return out


def _nanmean(table: Floats) -> Floats:
    seen = np.isfinite(table)
    count = seen.sum(axis=0)
    return np.where(count > 0, np.where(seen, table, 0.0).sum(axis=0) / np.maximum(count, 1), np.nan)


def add_demand(rows: pl.DataFrame, keys: list[str], sold: str, censored: pl.Series, seed: int) -> pl.DataFrame:
    """Return the rows (complete daily grid, sorted by keys and day) with `demand` and `censored` added."""
    day = rows.columns.index("day")
    steps = (rows.to_series(day) - rows.to_series(day).min()).dt.total_days().to_numpy().astype(np.intp)
    series = rows.select(pl.struct(keys).rank("dense") - 1).to_series().to_numpy().astype(np.intp)
    shape = (int(steps.max()) + 1, int(series.max()) + 1)
    table, flags = np.full(shape, np.nan), np.zeros(shape, dtype=np.bool_)
    table[steps, series] = rows[sold].cast(pl.Float64).fill_null(np.nan).to_numpy()
    flags[steps, series] = censored.fill_null(value=False).to_numpy()
    demand = complete_demand(table, flags & np.isfinite(table), seed)[steps, series]
    return rows.with_columns(
        demand=pl.Series(demand, nan_to_null=True),
        censored=pl.when(pl.col(sold).is_not_null()).then(censored.fill_null(value=False)),
    )
