"""Demand that was never seen: on a sold-out day sales are a lower bound of demand, neither demand nor a day to drop.

The share of demand beyond the stock is taken from other days: Kaplan and Meier's product-limit estimate (1958) on ratios
to the series' own weekday level, pooled over all series of the last weeks. Causal: day t is completed from days up to t alone.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.stats import poisson

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Kinds = NDArray[np.int64]

WEEK = 7
LEVEL_WEEKS = 6  # weeks that make the level
PATTERN_WEEKS = 26  # weeks that make the weekday pattern
POOL_WEEKS = 8  # weeks of ratios pooled for the survival curve
SIZES = (2.0, 5.0, 12.0, 30.0, 80.0)  # bounds of the size classes: weekday level in units a day
KIND_DAYS = 364  # days from which the size of special kinds of days is learnt
KIND_PRIOR_ROWS = 20  # so many ordinary rows draw it towards 1
MINIMUM_POOL = 50  # fewer ratios than this give no curve: sales then stand as they are, flagged
HALF_PIECE = 0.5  # sold out at 3 whole pieces means a demand of 3 or more: 2.5 on a continuous scale
TINY = 1e-9
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
        """Return the ratio at `uniform` of the distribution beyond each ratio; NaN where no other day tells."""
        wanted = self.share_above(ratio) * (1 - uniform)
        place = np.searchsorted(-self.above, -wanted, side="left")
        known = place < len(self.values)
        values = np.append(self.values, np.nan)
        return np.where(known, np.maximum(values[np.where(known, place, -1)], ratio), np.nan)

    def untold(self, ratio: Floats) -> Floats:
        """Return the share of the distribution beyond each ratio about which no day tells."""
        last = self.above[-1] if len(self.above) else 1.0
        return np.asarray(last / np.maximum(self.share_above(ratio), TINY))


def poisson_beyond(bound: Floats, mean: Floats, uniform: Floats) -> Floats:
    """Return the whole pieces at `uniform` of a Poisson demand of this mean, given that it exceeds `bound`."""
    least = np.floor(bound)  # demand is more than this
    left = np.maximum(poisson.sf(least, mean), 1e-300)
    found = poisson.isf(left * (1 - uniform), mean)  # not a number where the chance is below the precision of floats
    return np.asarray(np.maximum(np.where(np.isfinite(found), found, 0.0), least + 1))


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


def complete_demand(sold: Floats, censored: Flags, kind: Kinds, seed: int) -> Floats:
    """Return estimated demand (days x series): sales where they are demand, else a draw beyond the sold quantity.

    Parameters
    ----------
    sold
        Units sold, days x series on a complete daily grid, NaN = closed.
    censored
        True where the day sold out.
    kind
        What kind of day it is for the series, known beforehand: 0 = ordinary, other numbers such as promotion or day before a
        holiday. A planner bakes more for such days, so stock and demand are only unrelated once their usual size is known.
    seed
        Fixes the draws: a single draw per sold-out day keeps both the mean and the spread of demand right,
        which a conditional mean would not (Rubin 1987, Multiple Imputation, ch. 4).
    """
    days, series = sold.shape
    whole = _whole(sold)
    bound = np.where(censored & whole, sold - HALF_PIECE, sold)
    demand, plain = sold.copy(), np.full_like(sold, np.nan)
    base, level = np.full_like(sold, np.nan), np.full_like(sold, np.nan)
    uniform = np.random.default_rng(seed).random((days, series))
    for start in range(0, days, WEEK):
        block, pool = slice(start, min(start + WEEK, days)), slice(max(0, start - WEEK * POOL_WEEKS), start)
        factor = kind_factors(demand, base, kind, start)[kind[block]]
        base[block] = weekday_level(plain, start)[: block.stop - start]
        level[block] = base[block] * factor
        lost = censored[block] & (level[block] > 0) & np.isfinite(sold[block])
        if lost.any():
            known = Ratios.of(bound[pool], censored[pool], level[pool])
            pieces = np.broadcast_to(whole[block], lost.shape)[lost]
            found = known.draw_beyond(bound[block][lost], level[block][lost], uniform[block][lost], pieces)
            demand[block][lost] = np.maximum(np.where(pieces, np.round(found), found), sold[block][lost])
        plain[block] = demand[block] / factor
    return demand


def demand_in_hindsight(sold: Floats, censored: Flags, expected: Floats, seed: int) -> Floats:
    """Return demand of a period (N rows) once forecasts of it stand beside it: the best truth to judge decisions by.

    As `complete_demand`, but relative to `expected` (an out-of-sample forecast, N) and pooled over the whole period. The forecast
    only sets the scale; how far demand goes beyond the stock is what days that did not sell out show.
    """
    whole = bool(np.all(np.mod(sold, 1) == 0))
    bound = np.where(censored, sold - HALF_PIECE, sold) if whole else sold
    lost = censored & (expected > 0)
    demand = sold.copy()
    uniform = np.random.default_rng(seed).random(len(sold))
    found = Ratios.of(bound, censored, expected).draw_beyond(bound[lost], expected[lost], uniform[lost], np.full(int(lost.sum()), whole))
    demand[lost] = np.maximum(np.round(found) if whole else found, sold[lost])
    return demand


@dataclass(frozen=True)
class Ratios:
    """Pooled ratios of sales to the level, some of them lower bounds, with the size class of their series."""

    ratio: Floats
    censored: Flags
    level: Floats
    size: NDArray[np.intp]

    @classmethod
    def of(cls, bound: Floats, censored: Flags, level: Floats) -> "Ratios":
        """Return the usable ratios of a table of any shape."""
        usable = np.isfinite(bound) & (level > 0)
        base = level[usable]
        return cls(bound[usable] / base, censored[usable], base, np.digitize(base, SIZES))

    def draw_beyond(self, bound: Floats, level: Floats, uniform: Floats, whole: Flags) -> Floats:
        """Return a draw beyond each bound; the bound itself where nothing can be said.

        Small series scatter more than large ones, so each size class has its own curve; ratios are weighted by their level,
        because the plain mean of ratios to a noisy level lies above one.
        """
        found, here = bound.copy(), np.digitize(level, SIZES)
        for size in np.unique(here):
            mine = here == size
            members = self.size == size if (self.size == size).sum() >= MINIMUM_POOL else np.ones(len(self.size), dtype=np.bool_)
            if members.sum() >= MINIMUM_POOL:
                curve = kaplan_meier(self.ratio[members], self.censored[members], self.level[members])
                found[mine] = _drawn(curve, bound[mine], level[mine], uniform[mine], whole[mine])
        return found


def _drawn(curve: Survival, bound: Floats, level: Floats, uniform: Floats, whole: Flags) -> Floats:
    """Beyond the largest sale of comparable days nothing is identified: whole pieces are Poisson, and at least 10 % more is explored."""
    ratio = bound / level
    seen = curve.beyond(ratio, uniform) * level
    largest = np.maximum(curve.values[-1] if len(curve.values) else 0.0, ratio) * level
    untold = curve.untold(ratio)
    rest = np.clip((uniform - (1 - untold)) / np.maximum(untold, TINY), 0.0, 1 - TINY)
    explored = largest * EXPLORE
    further = np.where(whole, np.maximum(poisson_beyond(largest, level, rest), explored), explored)
    return np.asarray(np.where(np.isnan(seen), further, seen))


def _whole(sold: Floats) -> Flags:
    """Return per day (days x 1) whether all sales up to it were whole pieces."""
    fraction = np.isfinite(sold) & (np.mod(np.where(np.isfinite(sold), sold, 0.0), 1) != 0)
    return np.asarray(~np.logical_or.accumulate(fraction.any(axis=1))[:, None])


def kind_factors(demand: Floats, base: Floats, kind: Kinds, start: int) -> Floats:
    """Return the usual size of each kind of day relative to an ordinary one, from the year before `start`, drawn towards 1."""
    past = slice(max(0, start - KIND_DAYS), start)
    usable = np.isfinite(demand[past]) & (base[past] > 0)
    kinds = int(kind.max()) + 1
    asked = np.bincount(kind[past][usable], demand[past][usable], minlength=kinds)
    usual = np.bincount(kind[past][usable], base[past][usable], minlength=kinds)
    prior = KIND_PRIOR_ROWS * usual.sum() / max(int(usable.sum()), 1)
    factor = np.divide(asked + prior, usual + prior, out=np.ones(kinds), where=usual + prior > 0)
    factor[0] = 1.0
    return np.asarray(factor)


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


@dataclass(frozen=True)
class Grid:
    """Places of the rows of a complete daily grid in a table of days x series."""

    steps: NDArray[np.intp]
    series: NDArray[np.intp]

    @classmethod
    def of(cls, rows: pl.DataFrame, time: str, keys: list[str]) -> "Grid":
        """Return the places of these rows."""
        steps = (rows[time] - rows[time].min()).dt.total_days().to_numpy().astype(np.intp)
        return cls(steps, rows.select(pl.struct(keys).rank("dense") - 1).to_series().to_numpy().astype(np.intp))

    def table(self, values: Any, empty: Any) -> Any:
        """Return the values of the rows as a table; places without a row are `empty`."""
        found = np.full((int(self.steps.max()) + 1, int(self.series.max()) + 1), empty)
        found[self.steps, self.series] = values
        return found


def estimated_demand(grid: Grid, sold: pl.Series, censored: pl.Series, kind: pl.Series, seed: int) -> pl.Series:
    """Return demand per row of a complete daily grid (null = closed); see `complete_demand`."""
    table = grid.table(sold.cast(pl.Float64).fill_null(np.nan).to_numpy(), np.nan)
    flags = grid.table(censored.to_numpy(), empty=False) & np.isfinite(table)
    demand = complete_demand(table, flags, grid.table(kind.cast(pl.Int64).to_numpy(), 0), seed)
    return pl.Series("demand", demand[grid.steps, grid.series], nan_to_null=True)
