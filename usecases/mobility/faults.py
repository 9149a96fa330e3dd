"""What is wrong in stations, status and trips: each fault with the stations it concerns and what was done about it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import polars as pl

from usecases.mobility.settings import Mobility
from usecases.mobility.stations import with_columns
from usecases.mobility.trips import located, ordered

SHOWN = 5
FAR_KM, KM_PER_DEGREE = 100.0, 111.2
STALE_HOURS = 24
Fault = tuple[str, dict[str, Any]]


def faults(tables: Mapping[str, pl.DataFrame], s: Mobility) -> Sequence[Fault]:
    """Return every fault of the input tables: a text key, the stations (or vehicles) and how many cases there are."""
    if "stations" not in tables or "trips" not in tables:
        return []
    stations = with_columns(tables["stations"])
    found = [*_station_faults(stations, s), *_status_faults(stations)]
    places = stations.filter(pl.col("latitude").is_not_null()).unique("station", keep="last", maintain_order=True)
    return [
        *found,
        *_trip_faults(located(tables["trips"], places), tables["trips"], stations, s),
        *_road_faults(tables.get("roads"), stations),
    ]


def _said(name: str, rows: pl.DataFrame, column: str = "station") -> Iterator[Fault]:
    """Yield the fault when there are such rows: their number and the first few stations."""
    if rows.height:
        names = rows[column].cast(pl.String).fill_null("-").unique(maintain_order=True)
        shown = ", ".join(names.head(SHOWN)) + (" ..." if names.len() > SHOWN else "")
        yield f"mobility.fault_{name}", {"count": rows.height, "stations": shown}


def _station_faults(stations: pl.DataFrame, s: Mobility) -> Iterator[Fault]:
    single = stations.filter(pl.col("updated").is_null())  # with times, several rows of one station are its history
    yield from _said("double_station", single.filter(pl.col("station").is_duplicated()))
    one = stations.unique("station", keep="last", maintain_order=True)
    named = one.filter(pl.col("name").is_not_null())
    yield from _said("same_place", named.filter(pl.struct("name", "latitude", "longitude").is_duplicated()))
    stated = pl.col("station").is_in(list(s.stations.own_capacity))
    virtual = pl.col("virtual").fill_null(value=False)
    yield from _said("capacity_zero", one.filter((pl.col("capacity") <= 0) & ~stated & ~virtual))
    yield from _said("capacity_missing", one.filter(pl.col("capacity").is_null() & ~stated & ~virtual))
    small = (pl.col("capacity") > 0) & (pl.col("capacity") < s.stations.minimum_capacity) & ~stated
    yield from _said("capacity_small", one.filter(small))
    yield from _said("virtual", one.filter(virtual))
    nowhere = pl.col("latitude").is_null() | pl.col("longitude").is_null() | ((pl.col("latitude") == 0) & (pl.col("longitude") == 0))
    yield from _said("nowhere", one.filter(nowhere))
    there = one.filter(~nowhere)
    away = (
        (pl.col("latitude") - pl.col("latitude").median()).abs() + (pl.col("longitude") - pl.col("longitude").median()).abs()
    ) * KM_PER_DEGREE
    yield from _said("far_away", there.filter(away > FAR_KM))
    unknown = [name for name in s.stations.leave_out if name not in set(one["station"])]
    yield from _said("left_out_unknown", pl.DataFrame({"station": unknown}, schema={"station": pl.String}))


def _status_faults(stations: pl.DataFrame) -> Iterator[Fault]:
    one = stations.sort("updated", nulls_last=False, maintain_order=True).unique("station", keep="last", maintain_order=True)
    yield from _said("not_renting", one.filter(pl.col("renting") == False))  # noqa: E712 - null is no answer
    if one["vehicles"].null_count() < one.height:
        yield from _said("no_status", one.filter(pl.col("vehicles").is_null()))
        yield from _said("more_than_docks", one.filter((pl.col("capacity") > 0) & (pl.col("vehicles") > pl.col("capacity"))))
    yield from _said("negative_stock", one.filter(pl.col("vehicles") < 0))
    newest = pl.col("updated").max()
    if one["vehicles"].null_count() < one.height:
        yield from _said("stale", one.filter(pl.col("updated") < newest - pl.duration(hours=STALE_HOURS)))


def _trip_faults(trips: pl.DataFrame, raw: pl.DataFrame, stations: pl.DataFrame, s: Mobility) -> Iterator[Fault]:
    known = stations["station"].unique().implode()
    for side, name in (("origin", "unknown_origin"), ("destination", "unknown_destination")):
        yield from _said(name, trips.filter(~pl.col(side).is_in(known) | pl.col(side).is_null()), side)
    yield from _said("no_end", trips.filter(pl.col("end").is_null()), "origin")
    yield from _said("backwards", trips.filter(pl.col("end") < pl.col("start")), "origin")
    double = pl.struct("vehicle", "start", "end", "origin", "destination").is_duplicated()
    yield from _said("double_trip", trips.filter(double), "origin")
    sound = ordered(trips)
    yield from _said("round_trips", sound.filter(pl.col("origin") == pl.col("destination")), "origin")
    hours = (pl.col("end") - pl.col("start")).dt.total_seconds() / 3600
    yield from _said("long_trips", sound.filter(hours > s.trips.longest_hours), "origin")
    overlap = sound.sort("vehicle", "start").filter(pl.col("start") < pl.col("end").shift(1).over("vehicle"))
    yield from _said("overlap", overlap, "origin")
    yield from _said("clock_change", sound.filter(_in_clock_change("start") | _in_clock_change("end")), "origin")
    moved = sound.sort("vehicle", "start").filter(pl.col("origin") != pl.col("destination").shift(1).over("vehicle"))
    yield from _said("moved", moved, "origin")
    if "start_latitude" in raw.columns and "origin" not in raw.columns:
        yield from _said("parked_freely", trips.filter(pl.col("origin").is_null()), "vehicle")


def _in_clock_change(name: str) -> pl.Expr:
    """Whether a moment lies between 1 and 3 o'clock of a night in which European or US clocks change."""
    time = pl.col(name)
    sunday, hour, day, month = time.dt.weekday() == 7, time.dt.hour(), time.dt.day(), time.dt.month()  # noqa: PLR2004
    europe = sunday & month.is_in([3, 10]) & (day >= 25) & hour.is_in([2])  # noqa: PLR2004
    america = sunday & (((month == 3) & day.is_between(8, 14)) | ((month == 11) & (day <= 7))) & hour.is_in([1, 2])  # noqa: PLR2004
    return europe | america


def _road_faults(roads: pl.DataFrame | None, stations: pl.DataFrame) -> Iterator[Fault]:
    if roads is None:
        yield "mobility.fault_no_roads", {}
        return
    one = stations.select("station").unique(maintain_order=True)
    yield from _said("no_road", one.filter(~pl.col("station").is_in(roads["origin"].implode())))
