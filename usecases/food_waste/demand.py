"""From sales to demand: a sold-out day says "at least this many", so its demand is estimated, never taken as sales or dropped."""

import polars as pl

from pipelines.censoring import add_demand
from usecases.food_waste.settings import FoodWaste

KEYS = ["branch", "product"]
SHORTEST_OPENING = 0.25  # hours: a last sale right after opening
UNLIKELY = 0.05  # a gap without customers this long before closing is no chance any more


def prepare(rows: pl.DataFrame, s: FoodWaste) -> pl.DataFrame:
    """Return the rows with `censored` (the day possibly sold out) and `demand` (pieces asked for) added."""
    return add_demand(rows, KEYS, "sold", sold_out(rows, s), s.seed)


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
