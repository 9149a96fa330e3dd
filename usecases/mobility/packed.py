"""Trips inside rows: a day's departures and arrivals of a station as short texts, and back as arrays.

The replay must ride real trips, and the rows of the base hold one station and day each. So a trip travels in the row of the station
where it starts: "minute minute-of-return destination", trips set apart by a bar.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import cast

import numpy as np
import polars as pl
from numpy.typing import NDArray

from usecases.mobility.ride import Day

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
HOURS, MINUTES = 24, 60
EARTH_KM, ROAD = 6371.0, 1.35  # radius; road distance over great circle: measured median of a European and a US city


@dataclass(frozen=True)
class Panel:
    """Rows as arrays: D days x N stations; `at` is the number of each row's day and station."""

    days: list[date]
    stations: list[str]
    at: tuple[Ints, Ints]

    @classmethod
    def of(cls, rows: pl.DataFrame) -> "Panel":
        """Number days (without gaps) and stations of rows."""
        first, last = cast(date, rows["day"].min()), cast(date, rows["day"].max())
        days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
        stations = rows["station"].unique().sort().to_list()
        number = {station: index for index, station in enumerate(stations)}
        day = (rows["day"] - first).dt.total_days().to_numpy()
        station = np.array([number[name] for name in rows["station"]], dtype=np.int64)
        return cls(days, stations, (day, station))

    def spread(self, values: NDArray[np.generic], fill: float = 0.0) -> Floats:
        """Return values per row as an array over days and stations."""
        table = np.full((len(self.days), len(self.stations), *values.shape[1:]), fill)
        table[self.at] = values
        return table

    def gather(self, table: Floats) -> Floats:
        """Return an array over days and stations as values per row."""
        return np.asarray(table[self.at])


def _events(rows: pl.DataFrame, column: str, words: str) -> tuple[Ints, pl.DataFrame]:
    """Return the row number and the split words of every event."""
    texts = rows.select(pl.int_range(pl.len()).alias("row"), pl.col(column).alias("event")).filter(pl.col("event").str.len_chars() > 0)
    split = texts.with_columns(pl.col("event").str.split("|")).explode("event")
    names = words.split()
    cut = split.with_columns(pl.col("event").str.splitn(" ", len(names)).struct.rename_fields(names)).unnest("event")
    return cut["row"].to_numpy(), cut.drop("row")


def departures(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the trips of rows in order of their start: row, minute, back (minutes since midnight), destination."""
    row, cut = _events(rows, "departures", "minute back destination")
    return cut.with_columns(pl.Series("row", row), pl.col("minute", "back").cast(pl.Int64)).sort("minute", "row", maintain_order=True)


def arrivals(rows: pl.DataFrame) -> tuple[Ints, Ints]:
    """Return row number and minute of every return."""
    row, cut = _events(rows, "arrivals", "minute")
    return row, cut["minute"].cast(pl.Int64).to_numpy()


def hourly(rows: pl.DataFrame) -> tuple[Floats, Floats]:
    """Return rentals and returns per row and hour (R, 24)."""
    out, back = np.zeros((rows.height, HOURS)), np.zeros((rows.height, HOURS))
    trips = departures(rows)
    np.add.at(out, (trips["row"].to_numpy(), trips["minute"].to_numpy() // MINUTES), 1.0)
    row, minute = arrivals(rows)
    np.add.at(back, (row, minute // MINUTES), 1.0)
    return out, back


def one_day(rows: pl.DataFrame) -> Day:
    """Return the trips between the stations of one day's rows; stations are numbered by row."""
    number = {station: index for index, station in enumerate(rows["station"])}
    trips = departures(rows)
    destination = trips["destination"].replace_strict(number, default=-1, return_dtype=pl.Int64).to_numpy()
    inside = destination >= 0
    origin, minute, back = (trips[name].to_numpy()[inside] for name in ("row", "minute", "back"))
    return Day(minute, origin, destination[inside], back)


def great_circle_km(latitude: Floats, longitude: Floats) -> Floats:
    """Return distances between all points (N, N) in km: haversine."""
    phi, lam = np.radians(latitude), np.radians(longitude)
    half = np.sin((phi[:, None] - phi) / 2) ** 2 + np.cos(phi)[:, None] * np.cos(phi) * np.sin((lam[:, None] - lam) / 2) ** 2
    return np.asarray(2 * EARTH_KM * np.arcsin(np.sqrt(np.clip(half, 0, 1))))


def numbers(rows: pl.DataFrame, name: str) -> Ints:
    """Return a column as whole numbers."""
    return rows[name].cast(pl.Int64).to_numpy()


def floats(rows: pl.DataFrame, name: str) -> Floats:
    """Return a column as numbers."""
    return rows[name].cast(pl.Float64).to_numpy()
