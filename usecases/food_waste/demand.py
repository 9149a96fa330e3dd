"""From sales to demand: a sold-out day says "at least this many", so its demand is estimated, never taken as sales or dropped."""

import numpy as np
import polars as pl

from pipelines.censoring import Grid, demand_in_hindsight, estimated_demand
from pipelines.decide.newsvendor import quantile_at
from pipelines.scores import quantile_levels
from usecases.food_waste.settings import FoodWaste

MEDIAN = 0.5
KEYS = ["branch", "product"]
SHORTEST_OPENING = 0.25  # hours: a last sale right after opening
UNLIKELY = 0.05  # a gap without customers this long before closing is no chance any more


def prepare(rows: pl.DataFrame, s: FoodWaste) -> pl.DataFrame:
    """Return the rows with `censored` (the day possibly sold out) and `demand` (pieces asked for) added, and with what was baked."""
    rows = with_orders(rows)
    censored = sold_out(rows, s)
    demand = estimated_demand(Grid.of(rows, "day", KEYS), rows["sold"], censored, kind_of_day(rows), s.seed)
    return rows.with_columns(demand=demand, censored=pl.when(pl.col("sold").is_not_null()).then(censored))


def with_orders(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the rows with `ordered`: where the data have no orders, what was really baked is sold plus left over."""
    return rows if rows["ordered"].count() else rows.with_columns(ordered=(pl.col("sold") + pl.col("returned")).cast(pl.Float64))


def hindsight(rows: pl.DataFrame, s: FoodWaste) -> pl.DataFrame:
    """Return forecast rows with `demand` of sold-out days estimated anew relative to the forecast: for the judge alone."""
    if not rows["censored"].any():
        return rows
    levels = quantile_levels(rows.columns)
    quantiles = rows.select(levels.values()).to_numpy().astype(float)
    median = quantile_at(np.array(list(levels)), quantiles, np.full(rows.height, MEDIAN))
    sold, censored = rows["sold"].cast(pl.Float64).to_numpy(), rows["censored"].to_numpy()
    return rows.with_columns(demand=pl.Series(demand_in_hindsight(sold, censored, median, s.seed)))


def kind_of_day(rows: pl.DataFrame) -> pl.Series:
    """Number the kinds of days on which a baker expects more or less: promotion, feasts and their eves, bridge and school days."""
    eve = pl.col("days_to_holiday") == 1
    day = pl.when("public_holiday").then(1).when(eve).then(2).when("bridge_day").then(3).when("school_holiday").then(4).otherwise(0)
    return rows.select(day + 5 * pl.col("promotion").fill_null(value=False).cast(pl.Int64)).to_series()


def sold_out(rows: pl.DataFrame, s: FoodWaste) -> pl.Series:
    """Return which days sold out: by the till's flag, nothing left over, everything ordered sold, or an early last sale.

    Early last sale: had customers come as evenly as before, the time from the product's last sale to the branch's last sale
    of the day would have been empty with a probability below 5 % (Poisson arrivals).
    """
    signal = "none" if s.demand.sold_out == "never" else evidence(rows)
    some = pl.col("sold") > 0
    if signal == "sold_out":
        found = pl.col("sold_out")
    elif signal == "returned":
        found = some & (pl.col("returned") <= 0)
    elif signal == "ordered":
        found = some & (pl.col("sold") >= pl.col("ordered"))
    elif signal == "last_sale":
        open_hours = (pl.col("last_sale") - s.demand.opening_hour).clip(SHORTEST_OPENING)
        gap = pl.col("last_sale").max().over("branch", "day") - pl.col("last_sale")
        found = some & ((-pl.col("sold") / open_hours * gap).exp() < UNLIKELY)
    else:
        found = pl.lit(value=False)
    return rows.with_columns(found.fill_null(value=False).alias("censored"))["censored"]


def evidence(rows: pl.DataFrame) -> str:
    """Return the column that sell-outs are recognised by, or "none"."""
    columns = ("sold_out", "returned", "ordered", "last_sale")
    return next((name for name in columns if name in rows.columns and rows[name].count() > 0), "none")
