"""Stations as the feed gives them, mended only where the user's settings say how."""

import numpy as np
import polars as pl

from pipelines.errors import InputError
from usecases.mobility.settings import Mobility

NEAR_KM = 0.15  # a trip that starts this close to a station started there
KM_PER_DEGREE = 111.2


def usable(stations: pl.DataFrame, s: Mobility) -> pl.DataFrame:
    """Return one row per station with a capacity: station, name, latitude, longitude, capacity, status, updated.

    Raises
    ------
    InputError
        Stations without docks in feed and settings: the setting that supplies them is named.
    """
    found = with_columns(stations).filter(~pl.col("station").is_in(list(s.stations.leave_out)))
    found = found.filter(~pl.col("virtual").fill_null(value=False) & _somewhere())
    found = found.sort("updated", nulls_last=False, maintain_order=True)
    known = found.group_by("station", maintain_order=True).agg(
        pl.col("name", "latitude", "longitude").last(),
        pl.col("capacity").filter(pl.col("capacity") > 0).last(),
        status=pl.col("vehicles").last(),
        updated=pl.col("updated").last(),
    )
    own = s.stations.own_capacity
    stated = pl.col("station").replace_strict(list(own), list(own.values()), default=None, return_dtype=pl.Float64) if own else pl.lit(None)
    known = known.with_columns(capacity=pl.coalesce(stated, "capacity", pl.lit(s.stations.capacity, dtype=pl.Float64)))
    without = known.filter(pl.col("capacity").is_null())
    if without.height:
        first = without.row(0, named=True)
        raise InputError("mobility.no_capacity", count=without.height, station=first["station"], name=first["name"] or "-")
    return known.with_columns(pl.col("capacity").clip(s.stations.minimum_capacity)).sort("station")


def with_columns(stations: pl.DataFrame) -> pl.DataFrame:
    """Return the table with every optional column, empty where the feed has none."""
    kinds: dict[str, pl.DataType | type[pl.DataType]]
    kinds = {"name": pl.String, "capacity": pl.Float64, "vehicles": pl.Float64, "updated": pl.Datetime("us"), "virtual": pl.Boolean,
             "renting": pl.Boolean}  # fmt: skip
    missing = [pl.lit(None, dtype=kind).alias(name) for name, kind in kinds.items() if name not in stations.columns]
    return stations.with_columns(missing).with_columns(pl.col("updated").cast(pl.Datetime("us")))


def _somewhere() -> pl.Expr:
    """Whether the coordinates name a place: feeds write 0, 0 for unknown."""
    return pl.col("latitude").is_not_null() & pl.col("longitude").is_not_null() & ((pl.col("latitude") != 0) | (pl.col("longitude") != 0))


def nearest_station(latitude: pl.Series, longitude: pl.Series, stations: pl.DataFrame) -> pl.Series:
    """Return the station within 150 m of each point, null where there is none (parked freely)."""
    from scipy.spatial import cKDTree

    stretch = np.cos(np.radians(float(stations["latitude"].mean() or 0.0)))  # type: ignore[arg-type]
    places = np.column_stack([stations["latitude"].to_numpy(), stations["longitude"].to_numpy() * stretch]) * KM_PER_DEGREE
    points = np.column_stack([latitude.fill_null(0).to_numpy(), longitude.fill_null(0).to_numpy() * stretch]) * KM_PER_DEGREE
    distance, index = cKDTree(places).query(points)
    near = pl.Series(index).cast(pl.Int64)
    names = stations["station"].gather(near)
    return pl.select(pl.when(pl.Series(distance) <= NEAR_KM).then(names)).to_series()
