"""The plan of a day for an energy manager: JSON with UTC time stamps, and for the days ahead the rows to plan."""

import json
from datetime import date, datetime, timedelta

import polars as pl

from pipelines.texts import Lang
from usecases.energy.clock import BERLIN, STANDARD
from usecases.energy.settings import Energy

STEP_SECONDS = 900


def plan_files(rows: pl.DataFrame, s: Energy, lang: Lang) -> dict[str, str | bytes]:
    """Return `schedule.json`: per site one entry per quarter hour, start in UTC (ISO 8601), powers in kW, energy in kWh.

    `battery_kw` is positive when discharging; `cap_kw` is the import to be held, sliding up by `slide_kw` until the battery is empty.
    Waiting load gives way where the import would pass `yield_kw`, unless its deadline is due, and catches up later.
    """
    sites = {}
    for (site,), part in rows.partition_by("site", as_dict=True, maintain_order=True).items():
        steps = [
            {
                "start": f"{row['time'] - STANDARD:%Y-%m-%dT%H:%M:%SZ}",
                **{
                    name: round(float(row[name]), 3)
                    for name in ("battery_kw", "target_kwh", "cap_kw", "slide_kw", "refill_share", "served_kw", "yield_kw")
                },
            }
            for row in part.sort("time").iter_rows(named=True)
        ]
        sites[str(site)] = {"follows": "cap rule" if part["followed"].max() else "plan", "steps": steps}
    head = {"format": "musterwerk-energy-1", "step_seconds": STEP_SECONDS, "units": {"power": "kW", "energy": "kWh"}, "sites": sites}
    return {"schedule.json": json.dumps(head, ensure_ascii=False, indent=1) + "\n"}


def upcoming(rows: pl.DataFrame, s: Energy, day: date) -> pl.DataFrame:
    """Return the 96 quarter hours of a day to plan in standard time (in summer from 1:00 to 1:00 on the clock).

    Where the data already hold the day its known columns are taken as they are; a price that is not there yet is that of the same quarter
    hour a week before.
    """
    own = rows.filter(pl.col("time").dt.date() == day)
    if own.height and own["site"].n_unique() == rows["site"].n_unique():
        return own.with_columns(pl.lit(None, dtype=pl.Float64).alias(name) for name in ("load_kw", "pv_kw"))
    begin, end = datetime.combine(day, datetime.min.time()), datetime.combine(day + timedelta(days=1), datetime.min.time())
    times = pl.datetime_range(begin, end, "15m", closed="left", eager=True, time_unit="us")
    utc = (times - STANDARD).dt.replace_time_zone("UTC")
    local = times if s.meter.zone == "grid" else utc.dt.convert_time_zone(BERLIN).dt.replace_time_zone(None)
    frame = pl.DataFrame({"time": times, "local": local})
    grid = rows.select("site").unique(maintain_order=True).join(frame, how="cross")
    week = rows.select(
        pl.col("time") + timedelta(days=7),
        "site",
        *(name for name in ("spot_eur_per_kwh", "co2_g_per_kwh", "temperature_c") if name in rows.columns),
    )
    made = grid.join(week, on=["time", "site"], how="left", maintain_order="left")
    lacking = [name for name in rows.columns if name not in made.columns]
    return made.with_columns(pl.lit(None, dtype=rows.schema[name]).alias(name) for name in lacking).select(rows.columns)
