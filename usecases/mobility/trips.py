"""From trips to rows: one row per station and day with its midnight stock, the operator's moves, departures and arrivals."""

from collections.abc import Mapping
from datetime import timedelta

import holidays
import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipelines.errors import InputError
from usecases.mobility.censoring import shut_minutes
from usecases.mobility.settings import Mobility
from usecases.mobility.stations import nearest_station, usable

Ints = NDArray[np.int64]
SATURDAY = 6
ALIVE_DAYS = 60  # a station without any trip for so long at the end of the data has closed
PLACES = ("start_latitude", "start_longitude", "end_latitude", "end_longitude")


def assemble(tables: Mapping[str, pl.DataFrame], s: Mobility) -> pl.DataFrame:
    """Return the rows of the schema from trips, stations and, where given, roads.

    Raises
    ------
    InputError
        No stations table, stations without docks, or no trip at a known station.
    """
    if "stations" not in tables or "trips" not in tables:
        raise InputError("mobility.no_table", table="trips" if "stations" in tables else "stations")
    stations = usable(tables["stations"], s)
    trips = ordered(located(tables["trips"], stations))
    rides = trips.filter(pl.col("origin").is_in(stations["station"].implode()) | pl.col("destination").is_in(stations["station"].implode()))
    if rides.is_empty():
        example = trips["origin"].drop_nulls().head(1).to_list()
        raise InputError("mobility.no_trip_at_station", trip=(example or ["-"])[0], station=stations["station"][0])
    rows = _grid(rides, stations)
    rows = rows.join(_outcomes(rides), on=["day", "station"], how="left", maintain_order="left")
    stock, moved = stock_and_moves(trips, rows, s)
    rows = rows.with_columns(
        pl.col("rentals", "returns").fill_null(0.0), pl.col("departures", "arrivals").fill_null(""), stock=stock, operator=moved
    )
    rows = rows.with_columns(docks=pl.col("capacity"), capacity=pl.max_horizontal("capacity", "stock"), day_off=days_off(rows, s))
    empty, full = shut_minutes(rows)
    rows = rows.with_columns(empty_minutes=empty, full_minutes=full)
    return rows.join(_roads(tables.get("roads"), stations), on="station", how="left", maintain_order="left").sort("station", "day")


def located(trips: pl.DataFrame, stations: pl.DataFrame) -> pl.DataFrame:
    """Return the trips with origin and destination; where only coordinates are given, the station within 150 m."""
    names = pl.Series("x", [], dtype=pl.String)
    found = trips
    for ours, side in (("origin", "start"), ("destination", "end")):
        if ours not in found.columns and f"{side}_latitude" in found.columns:
            names = nearest_station(found[f"{side}_latitude"], found[f"{side}_longitude"], stations)
            found = found.with_columns(names.alias(ours))
        elif ours not in found.columns:
            raise InputError("mobility.no_place", column=ours)
    return found.drop(PLACES, strict=False)


def ordered(trips: pl.DataFrame) -> pl.DataFrame:
    """Return sound trips in order of their start, doubles and trips that end before they start left out (both are named elsewhere)."""
    sound = trips.filter(pl.col("end").is_not_null() & (pl.col("end") >= pl.col("start")))
    return sound.unique(["vehicle", "start", "end", "origin", "destination"], keep="first", maintain_order=True).sort(
        "start", maintain_order=True
    )


def _grid(trips: pl.DataFrame, stations: pl.DataFrame) -> pl.DataFrame:
    """Return station x day from each station's first to its last trip, or to the end of the data while it lives."""
    seen = pl.concat(
        [trips.select(day=pl.col("start").dt.date(), station="origin"), trips.select(day=pl.col("end").dt.date(), station="destination")]
    )
    last = trips["start"].dt.date().max()
    life = (
        seen.filter(pl.col("day") <= last)
        .group_by("station", maintain_order=True)
        .agg(first=pl.col("day").min(), final=pl.col("day").max())
    )
    living = pl.col("final") >= last - timedelta(days=ALIVE_DAYS)  # type: ignore[operator]
    life = life.with_columns(final=pl.when(living).then(pl.lit(last)).otherwise("final"))
    days = pl.DataFrame({"day": pl.date_range(trips["start"].dt.date().min(), last, eager=True)})  # type: ignore[arg-type]
    known = stations.select("station", "name", "latitude", "longitude", "capacity", "status").join(life, on="station")
    return known.join(days, how="cross").filter(pl.col("day").is_between("first", "final")).drop("first", "final").sort("station", "day")


def _outcomes(trips: pl.DataFrame) -> pl.DataFrame:
    minute = (pl.col("start") - pl.col("start").dt.truncate("1d")).dt.total_minutes()
    back = (pl.col("end") - pl.col("start").dt.truncate("1d")).dt.total_minutes()
    words = pl.format("{} {} {}", minute, back, pl.col("destination").fill_null("-"))
    out = trips.group_by(day=pl.col("start").dt.date(), station="origin", maintain_order=True).agg(
        rentals=pl.len().cast(pl.Float64), departures=words.str.join("|")
    )
    here = (pl.col("end") - pl.col("end").dt.truncate("1d")).dt.total_minutes()
    back_rows = trips.sort("end", maintain_order=True).group_by(day=pl.col("end").dt.date(), station="destination", maintain_order=True)
    returned = back_rows.agg(returns=pl.len().cast(pl.Float64), arrivals=here.cast(pl.String).str.join("|"))
    return out.join(returned, on=["day", "station"], how="full", coalesce=True)


def stock_and_moves(trips: pl.DataFrame, rows: pl.DataFrame, s: Mobility) -> tuple[pl.Series, pl.Series]:
    """Return per row the vehicles there at midnight, and those the operator brought (or took, negative) before the day's first ride.

    A vehicle stands where its last trip that started before midnight ends. It is left out when its next trip starts more than `gap_days`
    after that start, or when it has none and the last start is older than `idle_days`: it was in the workshop or gone. The next trip only
    decides whether a vehicle exists that night. Where it starts elsewhere than the vehicle was left, the operator has moved it.
    """
    last = rows["day"].max()
    chain = trips.sort("vehicle", "start", maintain_order=True).with_columns(
        day=pl.col("start").dt.date(),
        next_day=pl.col("start").shift(-1).over("vehicle").dt.date(),
        wait=(pl.col("start").shift(-1).over("vehicle") - pl.col("start")),
        next_origin=pl.col("origin").shift(-1).over("vehicle"),
    )
    idle = pl.col("day") + pl.duration(days=s.trips.idle_days)
    until = pl.when(pl.col("next_day").is_null()).then(pl.min_horizontal(idle, pl.lit(last))).otherwise("next_day")
    stays = chain.filter(pl.col("wait").is_null() | (pl.col("wait") <= pl.duration(days=s.trips.gap_days)))
    stays = stays.select(station="destination", first=pl.col("day") + pl.duration(days=1), until=until).filter(
        pl.col("first") <= pl.col("until")
    )
    steps = pl.concat(
        [stays.select("station", day="first", change=1), stays.select("station", day=pl.col("until") + pl.duration(days=1), change=-1)]
    )
    steps = steps.group_by("station", "day", maintain_order=True).agg(pl.col("change").sum())
    stock = _running(rows, steps)
    moves = chain.filter((pl.col("next_origin") != pl.col("destination")) & (pl.col("next_day") > pl.col("day")))
    moves = moves.filter(pl.col("wait") <= pl.duration(days=s.trips.gap_days))
    both = pl.concat(
        [moves.select(station="next_origin", day="next_day", change=1), moves.select(station="destination", day="next_day", change=-1)]
    )
    both = both.group_by("station", "day", maintain_order=True).agg(operator=pl.col("change").sum().cast(pl.Float64))
    moved = rows.select("station", "day").join(both, on=["station", "day"], how="left", maintain_order="left")["operator"].fill_null(0.0)
    return stock, moved


def _running(rows: pl.DataFrame, steps: pl.DataFrame) -> pl.Series:
    """Return the sum of all changes up to each row's day."""
    summed = steps.sort("station", "day").with_columns(stock=pl.col("change").cum_sum().over("station")).sort("day")
    asked = rows.select("station", "day").with_row_index("row").sort("day", maintain_order=True)
    found = asked.join_asof(summed.select("station", "day", "stock"), on="day", by="station", check_sortedness=False).sort("row")
    return found["stock"].fill_null(0).cast(pl.Float64)


def days_off(rows: pl.DataFrame, s: Mobility) -> pl.Series:
    """Return which rows are on a weekend or public holiday."""
    years = rows["day"].dt.year().unique().to_list()
    subdiv = s.calendar.state or None if s.trips.country == "DE" else None
    feasts = list(holidays.country_holidays(s.trips.country, subdiv=subdiv, years=[*years, max(years) + 1]))
    return rows.select((pl.col("day").dt.weekday() >= SATURDAY) | pl.col("day").is_in(feasts)).to_series()


def _roads(roads: pl.DataFrame | None, stations: pl.DataFrame) -> pl.DataFrame:
    """Return per station its road minutes and km to all others as one text; null without a table."""
    if roads is None:
        return stations.select("station", roads=pl.lit(None, dtype=pl.String))
    words = pl.format("{} {} {}", pl.col("minutes").round(2), pl.col("km").round(3), pl.col("destination"))
    known = roads.filter(pl.col("destination").is_in(stations["station"].implode()))
    return known.group_by(station="origin", maintain_order=True).agg(roads=words.str.join("|"))
