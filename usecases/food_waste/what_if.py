"""What the page needs to value other costs itself: pieces missed and left over per cost group and week, for every critical ratio.

Cost is linear in these pieces, and the plan depends on the costs through the critical ratio alone: so a table over critical ratios is
enough to repeat decision and value in the page (`pipelines/report/what_if.js`) without the forecasts.
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
        sums = table.group_by("group", "week").agg(pl.col("missed", "left").sum())
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
    changes = s.changes.model_dump()
    base = groups.with_columns(  # the costs before this run's own changes: the page applies changes anew
        price_eur=pl.col("price_eur") / (1 + s.changes.price_percent / 100),
        unit_cost_eur=pl.col("unit_cost_eur") / (1 + s.changes.unit_cost_percent / 100),
        salvage_eur=pl.col("salvage_eur") - s.changes.salvage_add_eur,
        disposal_eur=pl.col("disposal_eur") - s.changes.disposal_add_eur,
        goodwill_eur=pl.col("goodwill_eur") - s.changes.goodwill_add_eur,
    )
    return {
        "ratios": ratios,
        "groups": [list(row) for row in base.rows()],
        "days": (last - first).days + 1,
        "usual": pieces(usual["bake"]),
        "plan": plan,
        "perfect": perfect,
        "controls": [
            {"name": name, "low": low, "high": high, "step": step, "start": changes[name]} for name, (low, high, step) in CONTROLS.items()
        ],
    }
