"""The day to plan: every living station with the stock it has tonight, nothing known of the day itself."""

from datetime import date, timedelta

import polars as pl

from pipelines.errors import InputError
from usecases.mobility.settings import Mobility
from usecases.mobility.trips import days_off

UNKNOWN = ("rentals", "returns", "departures", "arrivals", "empty_minutes", "full_minutes", "operator")


def upcoming(history: pl.DataFrame, s: Mobility, day: date) -> pl.DataFrame:
    """Return the rows of `day`; a day inside the data gets the stock of its own midnight.

    For the day after the data, tonight's stock is the latest status feed's; without one, the last midnight's plus what came and less what
    left since. Raise InputError for a later day: nobody knows the stock of the night before it.
    """
    last: date = history["day"].max()  # type: ignore[assignment]
    if day <= last:
        rows = history.filter(pl.col("day") == day)
    elif day == last + timedelta(days=1):
        flow = pl.col("stock") + pl.col("operator").fill_null(0.0) + pl.col("returns").fill_null(0.0) - pl.col("rentals").fill_null(0.0)
        rows = history.filter(pl.col("day") == last).with_columns(stock=pl.coalesce("status", flow).clip(0), day=pl.lit(day))
        rows = rows.with_columns(capacity=pl.max_horizontal("docks", "stock"), day_off=days_off(rows, s))
    else:
        raise InputError("mobility.too_far", day=day, last=last)
    if rows.is_empty():
        raise InputError("mobility.too_far", day=day, last=last)
    return rows.with_columns(pl.lit(None, dtype=history.schema[name]).alias(name) for name in UNKNOWN)
