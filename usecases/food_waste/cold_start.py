"""What to expect of a series that has no weekday level yet: its own first days, else what its product, branch and chain do elsewhere."""

import polars as pl

KEYS = ["branch", "product"]
HALF_LIFE = 14  # days with sales: how fast a series forgets its own past
WINDOW = "28d"
POOLS: tuple[list[str], ...] = (["product"], ["branch"], [])


def expected_pieces(rows: pl.DataFrame, lead: int) -> pl.Series:
    """Return pieces per row as known `lead` days before: own decaying mean, else the mean of product, branch, chain; null without any.

    `rows`: complete daily grid sorted by series and day, null demand = closed or not yet known. A pool's mean is that of its days
    in the last four weeks, each day being the mean of the series that were open. It knows no weekday: good for a first week, not longer.
    """
    own = pl.col("demand").ewm_mean(half_life=HALF_LIFE, ignore_nulls=True).forward_fill().shift(lead).over(KEYS)
    return rows.select(pl.coalesce(own, *(_pooled(rows, by, lead) for by in POOLS)).alias("expected"))["expected"]


def _pooled(rows: pl.DataFrame, by: list[str], lead: int) -> pl.Series:
    unit = (pl.concat_str(by) if by else pl.lit("")).alias("_unit")
    seen = rows.filter(pl.col("demand").is_not_null()).group_by(unit, "day", maintain_order=True).agg(pl.col("demand").mean())
    seen = seen.sort("_unit", "day").with_columns(expected=pl.col("demand").rolling_mean_by("day", WINDOW).over("_unit"))
    known = seen.select("_unit", pl.col("day").dt.offset_by(f"{lead}d"), "expected").sort("day")
    asked = rows.select(unit, "day").with_row_index("_row").sort("day", maintain_order=True)
    return asked.join_asof(known, on="day", by="_unit", check_sortedness=False).sort("_row")["expected"]
