"""Costs and limits of every row: the data's own columns win, then the product's settings, then the general ones."""

import polars as pl

from pipelines.errors import InputError
from usecases.food_waste.settings import FoodWaste

COSTS = ("price_eur", "unit_cost_eur", "salvage_eur", "disposal_eur", "goodwill_eur")
PER_PRODUCT = (*COSTS, "weight_kg", "tray", "display")


def add_costs(rows: pl.DataFrame, s: FoodWaste) -> pl.DataFrame:
    """Return the rows with costs (EUR per piece), weight_kg, tray, display filled, and `underage`, `overage` added.

    `keeps`: left-over pieces can be sold on the next day. Raise InputError where a missing or a left-over piece costs nothing.
    """
    general = {**s.costs.model_dump(), "tray": s.limits.tray, "display": s.limits.display}
    filled: dict[str, pl.Expr] = {}
    for name in PER_PRODUCT:
        own = {product: value for product, settings in s.products.items() if (value := getattr(settings, name)) is not None}
        parts = [pl.col(name)] if name in rows.columns else []
        if own:
            parts.append(pl.col("product").replace_strict(list(own), list(own.values()), default=None, return_dtype=pl.Float64))
        by_price = name == "unit_cost_eur" and s.costs.unit_cost_share > 0
        rest = filled["price_eur"] * s.costs.unit_cost_share if by_price else pl.lit(general[name])
        filled[name] = pl.coalesce(*parts, rest).cast(pl.Float64)
    change = s.changes
    table = rows.with_columns(**filled).with_columns(
        price_eur=pl.col("price_eur") * (1 + change.price_percent / 100),
        unit_cost_eur=pl.col("unit_cost_eur") * (1 + change.unit_cost_percent / 100),
        salvage_eur=pl.col("salvage_eur") + change.salvage_add_eur,
        disposal_eur=pl.col("disposal_eur") + change.disposal_add_eur,
        goodwill_eur=pl.col("goodwill_eur") + change.goodwill_add_eur,
    )
    table = table.with_columns(
        underage=pl.col("price_eur") - pl.col("unit_cost_eur") + pl.col("goodwill_eur"),
        overage=pl.col("unit_cost_eur") + pl.col("disposal_eur") - pl.col("salvage_eur"),
        keeps=pl.col("product").is_in(s.day_old.products) if s.day_old.products else pl.lit(value=True),
    )
    free = table.filter((pl.col("underage") <= 0) | (pl.col("overage") <= 0))
    if free.height:
        first = {name: free[name][0] for name in ("product", "day", *COSTS)}
        raise InputError("food_waste.no_margin", count=free.height, **first)
    return table
