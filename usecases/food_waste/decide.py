"""How much to bake: the newsvendor quantile under the bakery's own costs, in whole trays, within the oven."""

import numpy as np
import polars as pl

from pipelines.decide.newsvendor import Floats, Limits, critical_ratio, expected_cost, order, quantile_at, scenarios
from pipelines.scores import quantile_levels
from usecases.food_waste.settings import FoodWaste
from usecases.food_waste.value import INDEX

LEAST_RATIO = 0.01  # a shifted critical ratio stays this far from never and always
SMALLEST_OVERAGE = 0.05  # share of the overage that stays even if every left-over piece sells tomorrow: never bake for the second day


def decide(rows: pl.DataFrame, s: FoodWaste, state: pl.DataFrame | None) -> pl.DataFrame:
    """Return the rows with `bake`: pieces for walk-in customers (pre-orders are baked on top and always served)."""
    levels, quantiles = forecast(rows)
    quantiles = np.maximum(quantiles - column(rows, "preordered")[:, None], 0)
    underage, overage = column(rows, "underage"), column(rows, "overage")
    if s.service_level is not None:
        underage, overage = np.full(rows.height, s.service_level), np.full(rows.height, 1 - s.service_level)
    if state is not None:
        day_old = column(rows.join(state, on=INDEX, how="left", maintain_order="left"), "day_old")
        if s.lead == 1:  # at noon nobody knows what will be left in the evening
            quantiles = fresh_demand(quantiles, day_old, s)
        if s.service_level is None:
            overage = overage_with_second_day(rows, levels, quantiles, underage, overage, s)
    return rows.with_columns(bake=pl.Series(baked(rows, s, (levels, quantiles), *leaning(underage, overage, s))))


def leaning(underage: Floats, overage: Floats, s: FoodWaste) -> tuple[Floats, Floats]:
    """Return both costs with the critical ratio moved by `ratio_shift`; their sum stays."""
    if s.ratio_shift == 0 or s.service_level is not None:
        return underage, overage
    ratio = np.clip(critical_ratio(underage, overage) + s.ratio_shift, LEAST_RATIO, 1 - LEAST_RATIO)
    return np.asarray(ratio * (underage + overage)), np.asarray((1 - ratio) * (underage + overage))


def baked(rows: pl.DataFrame, s: FoodWaste, walk_in: tuple[Floats, Floats], underage: Floats, overage: Floats) -> Floats:
    """Return the pieces for walk-in customers (forecast: levels and quantiles) when they share trays and oven with the pre-orders."""
    preordered = column(rows, "preordered")
    levels, quantiles = walk_in
    total = order(levels, quantiles + preordered[:, None], underage, overage, limits(rows, s))
    return np.asarray(np.maximum(total - preordered, 0))


def limits(rows: pl.DataFrame, s: FoodWaste) -> Limits:
    """Return trays, least pieces and oven of every row, pre-orders included; the products of a branch share its oven on a day."""
    shared = pl.struct("day", "branch").rank("dense") - 1 if s.limits.oven_trays else pl.lit(0)
    ovens = rows.select(pl.int_range(pl.len()) * 0 + shared).to_series().to_numpy().astype(np.int64)
    least = column(rows, "display") + column(rows, "preordered")  # what customers ordered does not lie on display
    return Limits(column(rows, "tray"), least, ovens, np.full(rows.height, s.limits.oven_trays or np.inf))


def forecast(rows: pl.DataFrame) -> tuple[Floats, Floats]:
    """Return the quantile levels (L) and the forecast quantiles (N, L) of demand, in pieces."""
    columns = quantile_levels(rows.columns)
    return np.array(list(columns)), rows.select(columns.values()).to_numpy().astype(float)


def fresh_demand(quantiles: Floats, day_old: Floats, s: FoodWaste) -> Floats:
    """Return the quantiles of what fresh bread must serve when `day_old` pieces already lie on the shelf."""
    replaced = np.minimum(day_old[:, None], quantiles * s.day_old.demand_share) * s.day_old.replaces
    return np.asarray(quantiles - replaced)


def overage_with_second_day(
    rows: pl.DataFrame, levels: Floats, quantiles: Floats, underage: Floats, overage: Floats, s: FoodWaste
) -> Floats:
    """Return the cost of a left-over piece when some are sold cheaper tomorrow.

    Tomorrow is taken to be like today. A left-over piece is sold with the share of the expected left-over that fits into tomorrow's
    day-old demand; it then brings its price instead of salvage and disposal, less the fresh margin it replaces.
    """
    first = quantile_at(levels, quantiles, critical_ratio(underage, overage))
    demand = scenarios(levels, quantiles)
    expected_left = expected_cost(first, demand, np.zeros_like(first), np.ones_like(first))
    wanted = demand.mean(axis=1) * s.day_old.demand_share
    share = np.where(column(rows, "keeps") > 0, np.minimum(1.0, wanted / np.maximum(expected_left, 1e-9)), 0.0)
    price, margin = column(rows, "price_eur"), column(rows, "price_eur") - column(rows, "unit_cost_eur")
    gain = price * s.day_old.price_share - margin * s.day_old.replaces + column(rows, "disposal_eur") - column(rows, "salvage_eur")
    return np.asarray(np.maximum(overage - share * gain, overage * SMALLEST_OVERAGE))


def column(rows: pl.DataFrame, name: str) -> Floats:
    """Return a column as numbers, empty = 0."""
    return np.asarray(np.nan_to_num(rows[name].to_numpy().astype(float)))
