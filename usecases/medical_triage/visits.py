"""From the user's file to rows: what is an event, when it happened, in our units."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import numpy as np
import polars as pl

from pipelines.errors import InputError
from usecases.medical_triage.schema import SCHEMA
from usecases.medical_triage.settings import MedicalTriage

ROW = "row_in_file"
FIRST = datetime(2000, 1, 3)  # noqa: DTZ001 - of drawn times; local time has no zone
YEAR_DAYS = 364
MINUTES = 24 * 60
YES, BOTH = {"ja", "j", "yes", "y", "true", "wahr", "x"}, 2
FAHRENHEIT = {"C": (0.0, 1.0), "F": (32.0, 1.8), "F10": (320.0, 18.0)}  # (offset, units per kelvin)


def assemble(tables: Mapping[str, pl.DataFrame], s: MedicalTriage) -> pl.DataFrame:
    """Return one row per visit: event, arrival (drawn where the data have none), person's level, inputs in our units.

    Raises
    ------
    InputError
        The outcome never or always says event.
    """
    raw = tables["visits"]
    rows = raw.with_columns(_event(s), **_visit(raw), **_age(raw)).drop("outcome", ROW, "age_band", strict=False)
    events = rows["event"].drop_nulls()
    if not len(events) or events.sum() in (0, len(events)):
        raise InputError("medical_triage.one_class", events=", ".join(s.outcome.events), found=_found(raw))
    rows = _timed(rows, s)
    if "temperature_c" in rows.columns:
        offset, per_kelvin = FAHRENHEIT[s.units.temperature]
        rows = rows.with_columns((pl.col("temperature_c") - offset) / per_kelvin)
    short = [name for name in ("diagnosis_1", "diagnosis_2", "diagnosis_3") if name in rows.columns]
    return rows.with_columns(pl.col(name).str.slice(0, 3) for name in short).sort("arrival", "visit")


def _event(s: MedicalTriage) -> pl.Expr:
    said = pl.col("outcome").cast(pl.String)
    if s.outcome.at_most is not None:
        return (said.cast(pl.Float64, strict=False) <= s.outcome.at_most).cast(pl.Float64).alias("event")
    return pl.when(said.is_not_null()).then(said.is_in(list(s.outcome.events)).cast(pl.Float64)).alias("event")


def _found(raw: pl.DataFrame) -> str:
    return ", ".join(str(value) for value in raw["outcome"].unique().sort().head(6))


def _visit(raw: pl.DataFrame) -> dict[str, pl.Expr]:
    if "visit" in raw.columns:
        return {}
    place = pl.col(ROW).cast(pl.String) if ROW in raw.columns else pl.int_range(pl.len()).cast(pl.String)
    return {"visit": place.str.zfill(7)}


def _age(raw: pl.DataFrame) -> dict[str, pl.Expr]:
    if "age_band" not in raw.columns or "age" in raw.columns:
        return {}
    return {"age": pl.col("age_band").str.extract(r"(\d+)").cast(pl.Float64)}


def _timed(rows: pl.DataFrame, s: MedicalTriage) -> pl.DataFrame:
    """Return the rows with `arrival` and `dated`; times are drawn, by year or by patient, where the data have none."""
    if "arrival" in rows.columns and rows["arrival"].null_count() == 0:
        return rows.with_columns(dated=pl.lit(value=True))
    if "year" in rows.columns:
        place = (pl.int_range(pl.len()).over("year") / pl.len().over("year") * YEAR_DAYS * MINUTES).cast(pl.Int64)
        arrival = pl.datetime(pl.col("year").cast(pl.Int32), 1, 1) + pl.duration(minutes=place)
        return rows.with_columns(arrival=arrival, dated=pl.lit(value=False))
    return rows.with_columns(_drawn(rows, s), dated=pl.lit(value=False))


def _drawn(rows: pl.DataFrame, s: MedicalTriage) -> pl.Series:
    """Return drawn times: patients in random order, all visits of one patient on one day, so many visits a day."""
    who = rows["patient"].fill_null(rows["visit"]) if "patient" in rows.columns else rows["visit"]
    number = who.rank("dense").to_numpy().astype(np.int64) - 1
    order = np.random.default_rng(s.seed).permutation(int(number.max()) + 1)
    count = np.zeros(len(order), dtype=np.int64)
    np.add.at(count, order[number], 1)
    before = np.concatenate([[0], np.cumsum(count)[:-1]])
    day = before[order[number]] // s.undated_per_day
    minute = (before[order[number]] % s.undated_per_day) / s.undated_per_day * MINUTES
    made = pl.DataFrame({"day": day.astype(np.int64), "minute": minute.astype(np.int64)})
    return made.select((pl.lit(FIRST) + pl.duration(days="day", minutes="minute")).alias("arrival"))["arrival"]


def own_settings(tables: Mapping[str, pl.DataFrame]) -> dict[str, Any]:
    """Return which values of the outcome are events, where the two values found are words for yes and no."""
    found = {str(value) for value in tables["visits"]["outcome"].drop_nulls().unique()}
    yes = [value for value in sorted(found) if value.strip().lower() in YES]
    return {"outcome": {"events": yes}} if len(found) == BOTH and len(yes) == 1 and yes != ["1"] else {}


def upcoming(rows: pl.DataFrame, s: MedicalTriage, day: date) -> pl.DataFrame:
    """Return the visits that the plan of the day is for, outcomes taken away: those of that day.

    Where the data have no arrival times, also all visits without an outcome, in order of the file: nobody can know their drawn day.
    """
    outcomes = [name for name in SCHEMA if SCHEMA[name].role == "outcome" and name in rows.columns]
    today = rows.filter(pl.col("arrival").dt.date() == pl.lit(day))
    waiting = rows.filter(pl.col("event").is_null() & ~pl.col("dated") & (pl.col("arrival").dt.date() != pl.lit(day))).sort("visit")
    minute = pl.int_range(pl.len()) * MINUTES // max(waiting.height, 1)
    placed = waiting.with_columns(arrival=pl.lit(day).cast(pl.Datetime) + pl.duration(minutes=minute))
    placed = placed.select(pl.col(name).cast(kind) for name, kind in today.schema.items())
    found = pl.concat([today, placed]).sort("arrival", "visit")
    return found.with_columns(pl.lit(None, dtype=rows.schema[name]).alias(name) for name in outcomes)
