"""What a day cost: the one judge for business as usual, the plan and perfect foresight."""

import polars as pl

from usecases.food_waste.settings import FoodWaste

SERIES = ["branch", "product"]
INDEX = ["day", *SERIES]


def start(rows: pl.DataFrame, s: FoodWaste) -> pl.DataFrame | None:
    """Return `day_old`, the pieces of yesterday each series has on its first day (none), or None when nothing is sold on the second day.

    A state names the one day on which its pieces can be sold: where the branch is closed that day, they are gone.
    """
    if s.day_old.demand_share == 0:
        return None
    return rows.select(INDEX).unique(SERIES, keep="first", maintain_order=True).with_columns(day_old=pl.lit(0.0))


def value(rows: pl.DataFrame, s: FoodWaste, state: pl.DataFrame | None) -> tuple[pl.DataFrame, pl.DataFrame | None]:
    """Return the ledger and the pieces left for tomorrow.

    Ledger columns (costs, lower is better): `eur` = what was missed against selling every wanted piece fresh and making none
    too many; `kg` thrown away; `kg_co2e` of making what was thrown away; `sold_out` = pieces asked for and not there.

    Pre-orders are baked and served apart from `bake`, which is for walk-in customers. Every left-over piece is booked as thrown
    away on its day; a day-old piece sold on the next day takes that back. `replaces` of these sales take the place of a fresh one.
    """
    walk_in = (pl.col("demand") - pl.col("preordered").fill_null(0.0)).clip(0)
    if state is None:
        day = rows.with_columns(walk_in=walk_in, old_sold=pl.lit(0.0))
    else:
        offered = pl.col("day_old").fill_null(0.0)
        day = rows.join(state, on=INDEX, how="left", maintain_order="left").with_columns(walk_in=walk_in)
        day = day.with_columns(old_sold=pl.min_horizontal(offered, pl.col("walk_in") * s.day_old.demand_share))
    fresh = pl.col("walk_in") - pl.col("old_sold") * s.day_old.replaces
    day = day.with_columns(left=(pl.col("bake") - fresh).clip(0), missed=(fresh - pl.col("bake")).clip(0))
    old_gain = pl.col("price_eur") * s.day_old.price_share + pl.col("disposal_eur") - pl.col("salvage_eur")
    replaced_margin = (pl.col("price_eur") - pl.col("unit_cost_eur")) * s.day_old.replaces
    thrown_kg = (pl.col("left") - pl.col("old_sold")) * pl.col("weight_kg")
    ledger = day.select(
        eur=pl.col("missed") * pl.col("underage") + pl.col("left") * pl.col("overage") + pl.col("old_sold") * (replaced_margin - old_gain),
        kg=thrown_kg,
        kg_co2e=thrown_kg * s.costs.co2e_kg_per_kg,
        sold_out=pl.col("missed"),
    )
    if state is None:
        return ledger, None
    return ledger, day.select(pl.col("day").dt.offset_by("1d"), *SERIES, day_old=pl.when("keeps").then("left").otherwise(0.0))
