"""Exercise 8. Window first, then shift by the lead, each series apart and in the order of days."""

import polars as pl


def recent(rows, lead):
    mean = pl.col("demand").rolling_mean(7, min_samples=1).shift(lead)
    return rows.with_columns(recent=mean.over("branch", "product", order_by="day"))
