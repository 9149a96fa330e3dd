"""Business as usual and the simple rules a forecast must beat: what a careful person could do with a pencil."""

from collections.abc import Callable

import numpy as np
import polars as pl

from pipelines.decide.newsvendor import Floats
from pipelines.models.panel import PANEL
from pipelines.models.simple import WINDOWS, weekday_columns
from usecases.food_waste.cold_start import expected_pieces
from usecases.food_waste.decide import baked, column
from usecases.food_waste.settings import FoodWaste

KEYS = ["branch", "product"]
WEEKS_BACK = (1, 2, 3, 4)
Rule = Callable[[pl.DataFrame, FoodWaste, pl.DataFrame | None], pl.DataFrame]


def habit_columns(rows: pl.DataFrame, s: FoodWaste) -> pl.DataFrame:
    """Return the rows (complete daily grid) with `expected` and the habits `last_week`, `mean_of_four`, `weekday_<weeks>_q<level>`.

    A public holiday is nobody's habit: it is skipped, and so are closed days; then two, three, four weeks back, then the last open day,
    then what comparable series do (`expected`, see `cold_start`).
    """
    ordinary = pl.when(~pl.col("public_holiday")).then(pl.col("demand"))
    back = [ordinary.shift(7 * week).over(KEYS, order_by="day") for week in WEEKS_BACK]
    last_open = ordinary.shift(s.lead).forward_fill().over(KEYS, order_by="day")
    recent = pl.mean_horizontal(back)
    rows = rows.with_columns(expected_pieces(rows, s.lead))
    rows = rows.with_columns(
        last_week=pl.coalesce(*back, last_open, "expected", pl.lit(0.0)),
        mean_of_four=pl.coalesce(recent, last_open, "expected", pl.lit(0.0)),
    )
    return weekday_columns(rows.with_columns(demand=ordinary), s.forecast.levels, PANEL).with_columns(rows["demand"])


def usual(rows: pl.DataFrame, s: FoodWaste, state: pl.DataFrame | None) -> pl.DataFrame:
    """Business as usual: what was really ordered where the data say so, else what was asked for on the same weekday last week."""
    habit = _baked(rows, s, rows["last_week"].to_numpy()[:, None], (0.5,))
    walk_in = (pl.col("ordered") - pl.col("preordered").fill_null(0.0)).clip(0)
    return rows.with_columns(bake=pl.coalesce(walk_in.cast(pl.Float64), habit))


def same_weekday_last_week(rows: pl.DataFrame, s: FoodWaste, state: pl.DataFrame | None) -> pl.DataFrame:
    """Bake what was asked for on the same weekday last week."""
    return rows.with_columns(bake=_baked(rows, s, rows["last_week"].to_numpy()[:, None], (0.5,)))


def mean_of_last_four(rows: pl.DataFrame, s: FoodWaste, state: pl.DataFrame | None) -> pl.DataFrame:
    """Bake the mean of the last four same weekdays."""
    return rows.with_columns(bake=_baked(rows, s, rows["mean_of_four"].to_numpy()[:, None], (0.5,)))


def plain_quantile(weeks: int) -> Rule:
    """Return the rule that bakes the critical quantile of the last `weeks` same weekdays."""

    def rule(rows: pl.DataFrame, s: FoodWaste, state: pl.DataFrame | None) -> pl.DataFrame:
        columns = [pl.coalesce(f"weekday_{weeks}_q{level:g}", "last_week") for level in s.forecast.levels]
        names = [f"{number}" for number in range(len(columns))]
        table = rows.select(column.alias(name) for column, name in zip(columns, names, strict=True)).to_numpy()
        return rows.with_columns(bake=_baked(rows, s, table, s.forecast.levels))

    return rule


RULES: dict[str, Rule] = {
    "same_weekday_last_week": same_weekday_last_week,
    "mean_of_last_four": mean_of_last_four,
    **{f"weekday_quantile_{weeks}_weeks": plain_quantile(weeks) for weeks in WINDOWS},
}


def _baked(rows: pl.DataFrame, s: FoodWaste, demand: Floats, levels: tuple[float, ...]) -> pl.Series:
    """Return the order for a simple forecast of demand (N, L), under the same costs and limits as the plan."""
    walk_in = np.maximum(demand.astype(float) - column(rows, "preordered")[:, None], 0)
    return pl.Series(baked(rows, s, (np.array(levels), walk_in), column(rows, "underage"), column(rows, "overage")))
