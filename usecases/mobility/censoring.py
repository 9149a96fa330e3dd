"""When a station could not rent or take back, minute by minute: trips of that time say nothing about what was wanted."""

from collections.abc import Iterator

import numpy as np
import polars as pl
from numpy.typing import NDArray

from usecases.mobility.packed import HOURS, MINUTES, arrivals, departures
from usecases.mobility.settings import Mobility

Floats = NDArray[np.float64]
DAY = HOURS * MINUTES
SHUT = {"rent": "empty_minutes", "back": "full_minutes"}  # what stops rentals, what stops returns
LEAST_OPEN = 0.1  # of an hour: less says too little to learn from


def shut_minutes(rows: pl.DataFrame) -> tuple[pl.Series, pl.Series]:
    """Return per row the stretches of the day in which no vehicle was there, and those in which no room was: "480-533 600-660".

    The stock starts with what stands there at midnight and the operator's moves before the day; then every trip counts. Within a minute
    returns come first: the minute in which a vehicle comes is open to rentals, the one in which a vehicle leaves still full.
    """
    number = pl.int_range(rows.height, eager=True).cast(pl.Int64)
    out = departures(rows).select(pl.col("row").cast(pl.Int64), "minute", change=pl.lit(-1.0))
    row, minute = arrivals(rows)
    back = pl.DataFrame({"row": row, "minute": minute}, schema={"row": pl.Int64, "minute": pl.Int64}).with_columns(change=pl.lit(1.0))
    start = pl.DataFrame({"row": number, "change": rows["stock"] + rows["operator"].fill_null(0.0)}).with_columns(minute=pl.lit(-1))
    events = pl.concat([start.select("row", pl.col("minute").cast(pl.Int64), "change"), out, back])
    events = events.sort(["row", "minute", "change"], descending=[False, False, True]).with_columns(
        level=pl.col("change").cum_sum().over("row"), begin=pl.col("minute") + 1, end=pl.col("minute").shift(-1).over("row")
    )
    room = rows["capacity"].gather(events["row"])
    found = []
    for shut, more in ((events["level"] <= 0, 0), (events["level"] >= room, 1)):
        part = events.filter(shut).with_columns(end=(pl.col("end") + more).fill_null(DAY).clip(0, DAY))
        part = part.filter(pl.col("end") > pl.col("begin")).with_columns(said=pl.format("{}-{}", "begin", "end"))
        joined = part.group_by("row", maintain_order=True).agg(text=pl.col("said").str.join(" "))
        found.append(pl.DataFrame({"row": number}).join(joined, on="row", how="left", maintain_order="left")["text"].fill_null(""))
    return found[0], found[1]


def stretches(text: str | None) -> Iterator[tuple[int, int, int]]:
    """Yield hour, first minute and minute after the last of each stretch, cut at full hours."""
    for part in text.split(" ") if text else ():
        begin, end = map(int, part.split("-"))
        for hour in range(begin // MINUTES, (end - 1) // MINUTES + 1):
            yield hour, max(begin, hour * MINUTES), min(end, (hour + 1) * MINUTES)


def open_share(rows: pl.DataFrame, side: str) -> Floats:
    """Return the share of each hour in which a station could rent (`rent`) or take back (`back`), (R, 24)."""
    shut = np.zeros((rows.height, HOURS))
    for row, text in enumerate(rows[SHUT[side]]):
        for hour, begin, end in stretches(text):
            shut[row, hour] += end - begin
    return np.asarray(1.0 - shut / MINUTES)


def exposure(rows: pl.DataFrame, side: str, s: Mobility) -> Floats:
    """Return the share of each hour whose counts say what was wanted: all of it unless `trips.uncensor` is set."""
    return open_share(rows, side) if s.trips.uncensor else np.ones((rows.height, HOURS))
