"""What the report tells beside the figures: groups of rows worth looking at apart, and what the reader must know."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import polars as pl

from usecases.food_waste.demand import evidence
from usecases.food_waste.settings import FoodWaste

KEYS = ["branch", "product"]


def segments(rows: pl.DataFrame, s: FoodWaste) -> Mapping[str, pl.Series]:
    """Return fast, medium and slow movers (thirds of the series by their level at the start) and special days apart."""
    level = pl.col("level").first().over(KEYS, order_by="day")
    third = level.rank("dense") / level.rank("dense").max()
    mover = pl.when(third > 2 / 3).then(pl.lit("fast")).when(third > 1 / 3).then(pl.lit("medium")).otherwise(pl.lit("slow"))
    near = (pl.col("days_to_holiday") == 1) | (pl.col("days_since_holiday") == 1)
    day = pl.when(pl.col("public_holiday")).then(pl.lit("holiday")).when(near).then(pl.lit("next_to_holiday")).otherwise(pl.lit("ordinary"))
    made = rows.select(mover=mover, day_type=day)
    return {"mover": made["mover"], "day_type": made["day_type"]}


def usual_name(rows: pl.DataFrame, s: FoodWaste) -> str:
    """Return what business as usual is: the user's own orders, or the same weekday last week."""
    return "ordered" if rows["ordered"].count() else "same_weekday_last_week"


def notes(rows: pl.DataFrame, s: FoodWaste) -> Sequence[tuple[str, dict[str, Any]]]:
    """Return what must be said: the deadline, demand never seen, what business as usual is, weather, models that fell back."""
    found: list[tuple[str, dict[str, Any]]] = [(f"food_waste.deadline_{s.lead}", {})]
    signal = "none" if s.demand.sold_out == "never" else evidence(rows)
    if signal == "none":
        found.append(("food_waste.no_sold_out", {}))
    else:
        unseen = float((rows["demand"] - rows["sold"]).sum())
        share = unseen / float(rows["demand"].sum() or 1)
        days = float(rows["censored"].cast(pl.Float64).mean() or 0)  # type: ignore[arg-type]
        found.append(
            ("food_waste.unseen", {"column": signal, "days": round(100 * days, 1), "share": round(100 * share, 1), "pieces": round(unseen)})
        )
    found.append((f"food_waste.usual_{usual_name(rows, s)}", {}))
    if s.forecast.weather == "observed":
        found.append(("food_waste.optimistic_weather", {}))
    strangers = unknown_products(rows, s)
    if strangers:
        found.append(("food_waste.unknown_products", {"names": ", ".join(strangers)}))
    if "model_used" in rows.columns:
        used = rows["model_used"].value_counts(sort=True)
        fallen = int(used.filter(pl.col("model_used").str.starts_with("simple"))["count"].sum())
        if fallen:
            found.append(("food_waste.fallback", {"rows": fallen, "share": round(100 * fallen / rows.height, 1)}))
    return found


def unknown_products(rows: pl.DataFrame, s: FoodWaste) -> list[str]:
    """Return the names that the settings have figures for but the rows do not know, each with the nearest name that they do know."""
    named = {*s.products, *(s.day_old.products if s.day_old.demand_share else ())}
    known = rows["product"].unique().to_list()
    near = {name: get_close_matches(name, known, n=1) for name in sorted(named - set(known))}
    return [f"{name} ({close[0]}?)" if close else name for name, close in near.items()]
