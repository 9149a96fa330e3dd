"""What the page needs to value other costs itself: pieces missed and left over per cost group and week, for every critical ratio.

Cost is linear in these pieces, and the plan depends on the costs through the critical ratio alone: so a table over critical ratios is
enough to repeat decision and value in the page without the forecasts. The page (`pipelines/report/what_if.js`) knows no bakery: it is
told what a missed and a left-over piece cost as a base and a slope per slider.
"""

from typing import Any

import numpy as np
import polars as pl

from usecases.food_waste.decide import decide
from usecases.food_waste.settings import FoodWaste

RATIOS = tuple(round(0.01 * step, 2) for step in range(2, 99))  # between two of them the pieces are interpolated
MOST_GROUPS = 30  # more different costs would make the page too large
GROUP = ("price_eur", "unit_cost_eur", "salvage_eur", "disposal_eur", "goodwill_eur")
CONTROLS = {  # change -> lowest, highest, step
    "price_percent": (-30, 50, 1),
    "unit_cost_percent": (-50, 100, 1),
    "disposal_add_eur": (0, 0.5, 0.01),
    "salvage_add_eur": (0, 0.3, 0.01),
    "goodwill_add_eur": (0, 1.0, 0.01),
}


def what_if(rows: pl.DataFrame, usual: pl.DataFrame, s: FoodWaste) -> dict[str, Any] | None:
    """Return the tables for the page, or None where the plan depends on more than the critical ratio (day-old sale, shared oven).

    Parameters
    ----------
    rows
        Forecast rows beside their outcomes.
    usual
        The same rows with `bake` as business as usual baked.
    """
    groups = rows.select(GROUP).unique().sort(GROUP)
    if s.day_old.demand_share > 0 or s.limits.oven_trays or s.service_level is not None or groups.height > MOST_GROUPS:
        return None
    first: Any = rows["day"].min()
    last: Any = rows["day"].max()
    numbered = groups.with_row_index("group")
    place = rows.select("day", *GROUP).join(numbered, on=GROUP, how="left", maintain_order="left")
    place = place.select("group", week=(pl.col("day") - first).dt.total_days() // 7)
    weeks = (last - first).days // 7 + 1
    walk_in = rows.select((pl.col("demand") - pl.col("preordered").fill_null(0.0)).clip(0)).to_series()

    def pieces(bake: pl.Series) -> list[list[list[float]]]:
        """Return [missed, left][group][week]."""
        table = place.with_columns(missed=(walk_in - bake).clip(0), left=(bake - walk_in).clip(0))
        sums = table.group_by("group", "week", maintain_order=True).agg(pl.col("missed", "left").sum())
        found = np.zeros((2, groups.height, weeks))
        found[:, sums["group"].to_numpy(), sums["week"].to_numpy()] = sums.select("missed", "left").to_numpy().T
        return np.round(found, 2).tolist()  # type: ignore[no-any-return]

    sure = rows.with_columns(pl.col("demand").alias(name) for name in rows.columns if name.startswith("q0."))
    hidden = ["sold", "demand", "censored", "returned", "sold_out", "last_sale", "ordered"]
    plan, perfect = [], []
    own = rows.select(pl.col("underage") / (pl.col("underage") + pl.col("overage"))).to_series().unique()
    ratios = sorted({*RATIOS, *own.to_list()})  # this run's own ratios too: the page begins exactly where the run ended
    for ratio in ratios:
        at = s.model_copy(update={"service_level": ratio})
        plan.append(pieces(decide(rows.drop(hidden, strict=False), at, None)["bake"]))
        perfect.append(np.sum(pieces(decide(sure.drop(hidden, strict=False), at, None)["bake"]), axis=2).round(2).tolist())
    return {
        "ratios": ratios,
        "costs": [unit_costs(group, s) for group in groups.iter_rows(named=True)],
        "usual": pieces(usual["bake"]),
        "plan": plan,
        "perfect": perfect,
        "controls": [
            {"name": name, "low": low, "high": high, "step": step, "start": getattr(s.changes, name)}
            for name, (low, high, step) in CONTROLS.items()
        ],
    }


def unit_costs(group: dict[str, float], s: FoodWaste) -> list[dict[str, Any]]:
    """Return what a missed and a left-over piece cost: `base` without any change, and EUR per step of each control of `CONTROLS`."""
    price = group["price_eur"] / (1 + s.changes.price_percent / 100)
    make = group["unit_cost_eur"] / (1 + s.changes.unit_cost_percent / 100)
    goodwill = group["goodwill_eur"] - s.changes.goodwill_add_eur
    thrown = group["disposal_eur"] - s.changes.disposal_add_eur - group["salvage_eur"] + s.changes.salvage_add_eur
    missed = {"price_percent": price / 100, "unit_cost_percent": -make / 100, "goodwill_add_eur": 1.0}
    left = {"unit_cost_percent": make / 100, "disposal_add_eur": 1.0, "salvage_add_eur": -1.0}
    return [{"base": price - make + goodwill, "slopes": missed}, {"base": make + thrown, "slopes": left}]
