"""Time stamps as metering writes them: start or end of the interval, legal time or UTC, days of 92 and 100 quarter hours."""

from datetime import datetime, timedelta

import polars as pl

from pipelines.errors import InputError
from usecases.energy.settings import Meter

BERLIN, STANDARD = "Europe/Berlin", timedelta(hours=1)
QUARTER = timedelta(minutes=15)


def on_the_clock(table: pl.DataFrame, name: str, meter: Meter) -> pl.DataFrame:
    """Return the table sorted, with `time` (start of the interval, standard time UTC+1) and `local` (the same on the clock).

    In autumn the hour from 2 to 3 occurs twice: the first of two equal stamps is summer time. Raise InputError for stamps that occur
    twice elsewhere, that do not exist in spring, or that contradict the settings.
    """
    numbered = table.sort("time", maintain_order=True) if meter.zone != "local" else table
    step = _step(numbered["time"])
    stamps = numbered["time"].cast(pl.Datetime("us"))
    if meter.stamps == "end":
        _refuse_start_stamps(stamps, step, name)
        stamps = stamps - step
    else:
        _refuse_end_stamps(stamps, step, name)
    if meter.zone == "grid":
        made = numbered.with_columns(time=stamps, local=stamps)
        _refuse_double(made, ["time", *_key(made)], name)
        return made.sort(*_key(made), "time")
    utc = _utc(stamps, numbered, name) if meter.zone == "local" else stamps.dt.replace_time_zone("UTC")
    local = utc.dt.convert_time_zone(BERLIN).dt.replace_time_zone(None)
    made = numbered.with_columns(time=(utc.dt.replace_time_zone(None) + STANDARD), local=local)
    _refuse_double(made, ["time", *_key(made)], name)
    return made.sort(*_key(made), "time")


def quarter_hours(values: pl.DataFrame, column: str, step: timedelta) -> pl.DataFrame:
    """Return a complete grid of quarter hours with `time`, `local` and the column: means of finer readings, coarser ones repeated."""
    means = values.group_by(pl.col("time").dt.truncate("15m"), maintain_order=True).agg(pl.col(column).mean(), pl.col("local").min())
    first, last = means["time"].min(), means["time"].max()
    end = last + max(step - QUARTER, timedelta(0))  # type: ignore[operator]
    grid = pl.DataFrame({"time": pl.datetime_range(first, end, "15m", eager=True)})  # type: ignore[arg-type]
    joined = grid.join(means, on="time", how="left", maintain_order="left")
    if step > QUARTER:
        joined = joined.with_columns(pl.col(column).forward_fill(int(step / QUARTER) - 1))
    shift = (joined["local"] - joined["time"]).forward_fill()
    return joined.with_columns(local=pl.col("time") + shift)


def _key(table: pl.DataFrame) -> list[str]:
    return ["site"] if "site" in table.columns else []


def _step(stamps: pl.Series) -> timedelta:
    gaps = stamps.unique().sort().diff().drop_nulls()
    return QUARTER if gaps.is_empty() else gaps.mode().sort()[0]


def _ends(stamps: pl.Series) -> tuple[datetime, datetime]:
    ordered = stamps.drop_nulls().sort()
    return ordered[0], ordered[-1]


def _refuse_end_stamps(stamps: pl.Series, step: timedelta, name: str) -> None:
    """Refuse stamps that begin at 00:15 and end at 00:00 of the day after: as German load files write the end of the interval."""
    first, last = _ends(stamps)
    minutes = timedelta(hours=first.hour, minutes=first.minute)
    if step <= timedelta(hours=1) and minutes == step and last.hour == last.minute == 0:
        raise InputError("energy.end_stamps", table=name, first=f"{first:%Y-%m-%d %H:%M}", last=f"{last:%Y-%m-%d %H:%M}")


def _refuse_start_stamps(stamps: pl.Series, step: timedelta, name: str) -> None:
    first, last = _ends(stamps)
    whole = last + step
    if first.hour == first.minute == 0 and whole.hour == whole.minute == 0:
        raise InputError("energy.start_stamps", table=name, first=f"{first:%Y-%m-%d %H:%M}", last=f"{last:%Y-%m-%d %H:%M}")


def _utc(stamps: pl.Series, table: pl.DataFrame, name: str) -> pl.Series:
    """Return legal time as UTC; of two equal stamps in autumn the first is summer time."""
    keys = [table["site"]] if "site" in table.columns else []
    frame = pl.DataFrame([stamps.alias("stamp"), *keys])
    second = frame.select(pl.int_range(pl.len()).over(["stamp", *(key.name for key in keys)]).alias("n"))["n"] > 0
    missing = stamps.dt.replace_time_zone(BERLIN, ambiguous="earliest", non_existent="null")
    lost = stamps.filter(missing.is_null() & stamps.is_not_null())
    if len(lost):
        raise InputError("energy.spring", table=name, count=len(lost), first=f"{lost[0]:%Y-%m-%d %H:%M}")
    later = stamps.dt.replace_time_zone(BERLIN, ambiguous="latest", non_existent="null")
    chosen = pl.select(pl.when(second).then(later).otherwise(missing)).to_series()
    autumn = missing.dt.replace_time_zone(None) == stamps
    offset = (
        later.dt.convert_time_zone("UTC").dt.replace_time_zone(None) != missing.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    ) & autumn
    lonely = (
        frame.with_columns(autumn=offset)
        .filter("autumn")
        .group_by("stamp", *(key.name for key in keys), maintain_order=True)
        .len()
        .filter(pl.col("len") == 1)
    )
    if lonely.height:
        first, _ = _ends(lonely["stamp"])
        raise InputError("energy.autumn", table=name, count=lonely.height, first=f"{first:%Y-%m-%d %H:%M}")
    return chosen.dt.convert_time_zone("UTC")


def _refuse_double(made: pl.DataFrame, keys: list[str], name: str) -> None:
    double = made.filter(pl.struct(keys).is_duplicated())
    if double.height:
        first = double["local"][0]
        raise InputError("energy.double", table=name, count=double.height, first=f"{first:%Y-%m-%d %H:%M}")
