"""Trips that the data cannot show, drawn once for the judge: rentals at empty stations, and returns that full ones sent away."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from usecases.mobility.censoring import open_share, stretches
from usecases.mobility.packed import HOURS, MINUTES, departures, floats, great_circle_km
from usecases.mobility.settings import Mobility

PARTS = 4  # of a day: the unseen rentals of a part go where the seen ones of that part went
LOOKED_BACK = 2000  # trips of a station and part of the day among which an unseen one finds its like
LEAST = 1e-6  # events per hour
Trips = list[tuple[int, int, int, str]]  # row, minute, minute of return, destination
Pool = dict[tuple[str, int], list[tuple[int, str]]]


def hindsight(rows: pl.DataFrame, s: Mobility) -> pl.DataFrame:
    """Return forecast rows whose departures also hold what the operator's own stock hid, where `trips.uncensor` is set.

    In the minutes a station stood empty, rentals are drawn (Poisson with the forecast rate), with lengths and destinations of its other
    trips of that part of the day. In the minutes it stood full, returns at the nearest station with room may have been meant for it.
    Without this, real trips are those that business as usual made possible: their replay finds next to no fault with it and every
    fault with any other stock.
    """
    if not s.trips.uncensor or "rent_rates" not in rows.columns:
        return rows
    pool, drawn = _pool(rows), rows.with_row_index("_row").with_columns(_luck=luck(rows))
    days = [_whole(day, pool, s) for _, day in drawn.group_by("day", maintain_order=True)]
    return rows.with_columns(pl.concat(days).sort("_row")["departures"])


def luck(rows: pl.DataFrame) -> pl.Series:
    """Return per row how many times as busy its day was as forecast: on a fine day the unseen trips were more, too.

    Seen rentals over those forecast for the minutes in which there were vehicles, all stations together, drawn towards 1 by how much
    days scatter beyond Poisson (gamma-Poisson, the variance from the moments of these days).
    """
    expected = pl.Series((rows["rent_rates"].to_numpy() * open_share(rows, "rent")).sum(axis=1))
    days = (
        rows.select("day", seen=pl.col("rentals").fill_null(0.0), expected=expected)
        .group_by("day", maintain_order=True)
        .agg(pl.col("seen", "expected").sum())
    )
    seen, mean = days["seen"].to_numpy(), np.maximum(days["expected"].to_numpy(), LEAST)
    variance = max(float(((seen - mean) ** 2 - mean).sum() / (mean**2).sum()), LEAST)
    found = days.select("day", luck=pl.Series((1 / variance + seen) / (1 / variance + mean)))
    return rows.select("day").join(found, on="day", how="left", maintain_order="left")["luck"]


def _pool(rows: pl.DataFrame) -> Pool:
    station, pool = rows["station"].to_list(), Pool()
    for row, minute, back, destination in departures(rows).select("row", "minute", "back", "destination").iter_rows():
        for part in (minute // (HOURS * MINUTES // PARTS), -1):
            pool.setdefault((station[row], part), []).append((back - minute, destination))
    return pool


def _whole(day: pl.DataFrame, pool: Pool, s: Mobility) -> pl.DataFrame:
    """Return the row numbers of one day and its departures with the unseen trips among them."""
    if day["departures"].null_count() == day.height:
        return day.select("_row", "departures")
    draw = np.random.default_rng([s.seed, day["day"][0].toordinal()])
    seen = departures(day).select("row", "minute", "back", "destination").rows()
    trips = _sent_away(day, seen, draw) + _unserved(day, pool, draw)
    texts: list[list[str]] = [[] for _ in range(day.height)]
    for row, minute, back, destination in sorted(trips, key=lambda trip: trip[:2]):
        texts[row].append(f"{minute} {back} {destination}")
    return day.select("_row", departures=pl.Series(["|".join(text) for text in texts], dtype=pl.String))


def _unserved(day: pl.DataFrame, pool: Pool, draw: np.random.Generator) -> Trips:
    """Return rentals of the minutes in which stations stood empty."""
    rates, made = day["rent_rates"].to_numpy() * day["_luck"].to_numpy()[:, None], []
    for row, (station, empty) in enumerate(day.select("station", "empty_minutes").iter_rows()):
        for hour, begin, end in stretches(empty):
            others = pool.get((station, hour * PARTS // HOURS)) or pool.get((station, -1), [])
            for _ in range(draw.poisson(rates[row][hour] * (end - begin) / MINUTES) if others else 0):
                minute = int(draw.integers(begin, end))
                length, destination = others[int(draw.integers(0, min(len(others), LOOKED_BACK)))]
                made.append((row, minute, minute + length, destination))
    return made


@dataclass(frozen=True)
class _Full:
    """Which station (row) was full in which minutes of the day (R, 1440), and every station's others by distance."""

    full: NDArray[np.bool_]
    nearest: NDArray[np.int64]

    @classmethod
    def of(cls, day: pl.DataFrame) -> "_Full":
        full = np.zeros((day.height, HOURS * MINUTES), dtype=bool)
        for row, text in enumerate(day["full_minutes"]):
            for _, begin, end in stretches(text):
                full[row, begin:end] = True
        distance = great_circle_km(floats(day, "latitude"), floats(day, "longitude"))
        return cls(full, np.argsort(distance, axis=1, kind="stable"))

    def instead(self, row: int, minute: int) -> int:
        """Return the station with room in that minute that is nearest to a full one."""
        return next((int(other) for other in self.nearest[row] if not self.full[other, minute] and other != row), row)


def _sent_away(day: pl.DataFrame, seen: Trips, draw: np.random.Generator) -> Trips:
    """Return the seen trips, some with the destination they were meant for: a station that stood full when they came.

    A return to a station was meant for it, or for a full one whose nearest with room it was: with chances as their forecast rates.
    """
    places, rates = _Full.of(day), day["back_rates"].to_numpy()
    number = {station: row for row, station in enumerate(day["station"])}
    names = list(number)
    made = list(seen)
    for trip, (origin, start, back, destination) in enumerate(seen):
        if destination not in number or back >= HOURS * MINUTES:
            continue
        there, hour = number[destination], back // MINUTES
        full = np.flatnonzero(places.full[:, back]).tolist()
        meant = [there, *(row for row in full if row != there and places.instead(row, back) == there)]
        if len(meant) > 1:
            chance = np.maximum([rates[row][hour] for row in meant], LEAST)
            made[trip] = (origin, start, back, names[draw.choice(meant, p=chance / chance.sum())])
    return made
