"""What a day cost: real trips ridden from the stock that the night left behind. The one judge for all policies."""

import numpy as np
import polars as pl

from usecases.mobility.packed import floats, great_circle_km, numbers, one_day
from usecases.mobility.ride import ride
from usecases.mobility.settings import Mobility

MINUTES = 60.0


def value(rows: pl.DataFrame, s: Mobility) -> pl.DataFrame:
    """Return the ledger per day and station; every column is a cost.

    `eur`: lost rentals, overflows and the truck; `lost_trips`; `overflow`: returns that found no room; `moved`: vehicles brought here;
    `km`, `minutes` of the truck; `kg_co2e`: the truck's, and what lost trips did not avoid. A balance may be negative.
    Each day starts from its own midnight stock, without moves during the day.
    """
    parts = [_day(night, s) for _, night in rows.group_by("day", maintain_order=True)]
    return rows.select("day", "station").join(pl.concat(parts), on=["day", "station"], how="left", maintain_order="left")


def _day(rows: pl.DataFrame, s: Mobility) -> pl.DataFrame:
    start = numbers(rows, "stock") + numbers(rows, "change")
    nearest = np.argsort(great_circle_km(floats(rows, "latitude"), floats(rows, "longitude")), axis=1, kind="stable")
    ridden = ride(one_day(rows), start, numbers(rows, "capacity"), nearest)
    counted = rows.select("day", "station", "change", "leg_km", "leg_minutes").with_columns(
        lost_trips=pl.Series(ridden.lost).cast(pl.Float64), overflow=pl.Series(ridden.overflow).cast(pl.Float64)
    )
    costs, driven = s.costs, pl.col("leg_km") * s.costs.eur_per_km + pl.col("leg_minutes") * (s.costs.eur_per_hour / MINUTES)
    return counted.select(
        "day",
        "station",
        eur=pl.col("lost_trips") * costs.lost_trip_eur + pl.col("overflow") * costs.overflow_eur + driven,
        lost_trips="lost_trips",
        overflow="overflow",
        moved=pl.col("change").clip(0),
        km="leg_km",
        minutes="leg_minutes",
        kg_co2e=pl.col("leg_km") * costs.truck_kg_co2e_per_km + pl.col("lost_trips") * costs.trip_kg_co2e,
    )
