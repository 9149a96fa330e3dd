"""From a user's files to quarter hours: units and stamps as declared, checked for plausibility, nothing silently wrong."""

from collections.abc import Mapping
from datetime import date, timedelta

import numpy as np
import polars as pl

from pipelines.errors import InputError
from usecases.energy.clock import on_the_clock, quarter_hours
from usecases.energy.settings import Energy
from usecases.energy.waiting import waiting_columns

LEAST_RISING = 0.999  # share of steps that do not fall: a counter, not a load
SPOT_MOST = 0.6  # EUR/kWh: a mean day-ahead price above this is a slip of the unit
SPOT_LEAST = 0.002
QUARTERS_PER_DAY = 96
MOST = 0.5  # share of hours
YEAR_HOURS = 8760


def assemble(tables: Mapping[str, pl.DataFrame], s: Energy) -> pl.DataFrame:
    """Return the rows of `SCHEMA` from the tables load, pv, prices, co2, weather, waiting (load alone is required).

    Raises
    ------
    InputError
        Gaps longer than stated, double or missing stamps, an implausible unit, a price table that does not cover the load.
    """
    load = _metered(tables["load"], "load", "load", s)
    rows = load.rename({"load": "load_kw"})
    if "pv" in tables:
        pv = _metered(tables["pv"], "pv", "pv_kw", s).drop("local")
        rows = rows.join(pv, on=["time", "site"], how="left", maintain_order="left")
    else:
        rows = rows.with_columns(pv_kw=pl.lit(None, dtype=pl.Float64))
    for name, column in (("prices", "price"), ("co2", "co2_g_per_kwh"), ("weather", "temperature_c")):
        if name in tables:
            rows = _hourly(rows, tables[name], name, column, s)
    if "price" in rows.columns:
        rows = _price(rows, s)
    if "waiting" in tables:
        rows = waiting_columns(rows, tables["waiting"], s)
    return rows.sort("site", "time")


def _metered(table: pl.DataFrame, name: str, column: str, s: Energy) -> pl.DataFrame:
    """Return time, site, local and the column in kW on a complete grid of quarter hours per site."""
    parts = [_series(part, name, column, s) for part in table.partition_by("site", maintain_order=True)]
    return pl.concat(parts)


def _series(part: pl.DataFrame, name: str, column: str, s: Energy) -> pl.DataFrame:
    site = str(part["site"][0])
    timed = on_the_clock(part, name, s.meter)
    step = _step(timed, name, site)
    values = timed.with_columns(_in_kw(timed, name, column, step, s))
    values = values.filter(pl.col(column).is_not_null())
    _refuse_gaps(values, name, site, s)
    grid = quarter_hours(values, column, step)
    short = int(s.meter.longest_gap_hours * 4)
    filled = grid.with_columns(pl.col(column).interpolate() if short else pl.col(column))
    if name == "load":
        _plausible(filled, site, s)
        _refuse_zeros(filled, site, s)
    return filled.with_columns(site=pl.lit(site)).select("time", "site", "local", column)


def _step(timed: pl.DataFrame, name: str, site: str) -> timedelta:
    """Return the metering interval: 1, 5, 10, 15, 30 or 60 minutes."""
    gaps = timed["time"].diff().drop_nulls()
    if gaps.is_empty():
        raise InputError("energy.too_few", table=name, site=site)
    step: timedelta = gaps.mode().sort()[0]
    if step not in {timedelta(minutes=m) for m in (1, 5, 10, 15, 30, 60)}:
        raise InputError("energy.odd_step", table=name, site=site, minutes=step.total_seconds() / 60)
    return step


def _in_kw(timed: pl.DataFrame, name: str, column: str, step: timedelta, s: Energy) -> pl.Series:
    """Return the values as mean kW, and refuse a counter that was declared as load (and the other way round)."""
    hours, unit = step.total_seconds() / 3600, s.meter.load if name == "load" else "kw"
    values = timed[column].cast(pl.Float64)
    known = values.drop_nulls()
    rising = float((known.diff().drop_nulls() >= 0).mean() or 0) if len(known) > QUARTERS_PER_DAY else 0.0  # type: ignore[arg-type]
    grows = len(known) > 1 and known[-1] > known[0]
    if name == "load" and unit != "counter_kwh" and rising > LEAST_RISING and grows:
        raise InputError("energy.counter", first=known[0], last=known[-1], unit=unit)
    if unit == "counter_kwh":
        if rising < LEAST_RISING - 0.01:
            raise InputError("energy.no_counter", share=round(100 * (1 - rising), 1))
        used = values.diff().shift(-1)
        size = 10.0 ** np.ceil(np.log10(max(float(known.max()), 1.0)))  # type: ignore[arg-type]
        rolled = used < 0  # the counter passed its last digit
        return pl.select(pl.when(rolled).then(used + size).otherwise(used) / hours).to_series().alias(column)
    factor = {"kw": 1.0, "kwh": 1 / hours, "w": 0.001}[unit]
    return (values * factor).alias(column)


def _refuse_gaps(values: pl.DataFrame, name: str, site: str, s: Energy) -> None:
    gaps = values.select("local", gap=pl.col("time").diff())
    worst = gaps.sort("gap", descending=True, nulls_last=True).head(1)
    hours = worst["gap"][0].total_seconds() / 3600 if worst["gap"][0] is not None else 0.0
    if hours - 0.25 > s.meter.longest_gap_hours:
        end = worst["local"][0]
        count = gaps.filter(pl.col("gap") > pl.duration(hours=s.meter.longest_gap_hours)).height
        raise InputError(
            "energy.gap",
            table=name,
            site=site,
            hours=round(hours, 1),
            until=f"{end:%Y-%m-%d %H:%M}",
            count=count,
            longest=s.meter.longest_gap_hours,
        )


def _plausible(rows: pl.DataFrame, site: str, s: Energy) -> None:
    """Refuse loads whose hours of use (annual kWh / peak kW) no site has, and negative loads."""
    load = rows["load_kw"] if "load_kw" in rows.columns else rows["load"]
    least, mean, peak = (float(figure) for figure in (load.to_numpy().min(), load.to_numpy().mean(), load.to_numpy().max()))
    if least < 0:
        bad = rows.filter(load < 0)
        raise InputError("energy.negative_load", site=site, count=bad.height, first=f"{bad['local'][0]:%Y-%m-%d %H:%M}", value=least)
    hours = mean * YEAR_HOURS / peak if peak > 0 else 0.0
    low, high = s.meter.hours_of_use
    if not low <= hours <= high:
        raise InputError("energy.hours_of_use", site=site, hours=round(hours), mean=round(mean, 2), peak=round(peak, 1), low=low, high=high)
    halves = _jump(load)
    if halves is not None:
        raise InputError("energy.unit_jump", site=site, first=halves[0], second=halves[1], when=f"{rows['local'][halves[2]]:%Y-%m-%d}")


def _jump(load: pl.Series) -> tuple[float, float, int] | None:
    """Return the means before and after a lasting change by about 4 or 1000 (kW against kWh or W), and where; None without one."""
    days = load.to_numpy()[: len(load) // QUARTERS_PER_DAY * QUARTERS_PER_DAY].reshape(-1, QUARTERS_PER_DAY).mean(axis=1)
    weeks = days[: len(days) // 7 * 7].reshape(-1, 7).mean(axis=1)
    for place in range(4, len(weeks) - 3):
        before, after = float(np.median(weeks[place - 4 : place])), float(np.median(weeks[place : place + 4]))
        ratio = max(before, after) / max(min(before, after), 1e-9)
        sharp = max(weeks[place - 1], weeks[place]) / max(min(weeks[place - 1], weeks[place]), 1e-9)
        for factor in (4.0, 1000.0):
            if abs(np.log(ratio / factor)) < 0.1 and abs(np.log(sharp / factor)) < 0.2:  # noqa: PLR2004 - ten, twenty per cent
                return round(before, 2), round(after, 2), place * 7 * QUARTERS_PER_DAY
    return None


def _refuse_zeros(rows: pl.DataFrame, site: str, s: Energy) -> None:
    """Refuse a long run of zero load: an outage of the meter would teach the forecast that the site was closed."""
    if s.meter.zeros_are_real:
        return
    load = rows["load_kw"] if "load_kw" in rows.columns else rows["load"]
    runs = (load == 0).rle().struct.unnest()
    ends = runs["len"].cum_sum()
    long = (runs["value"] & (runs["len"] > s.meter.longest_zero_days * QUARTERS_PER_DAY)).fill_null(value=False)
    if long.any():
        place = int(long.arg_max() or 0)
        first = rows["local"][int(ends[place] - runs["len"][place])]
        raise InputError(
            "energy.zero_run", site=site, days=round(runs["len"][place] / QUARTERS_PER_DAY, 1), first=f"{first:%Y-%m-%d %H:%M}"
        )


def _hourly(rows: pl.DataFrame, table: pl.DataFrame, name: str, column: str, s: Energy) -> pl.DataFrame:
    """Join a table for all sites, hourly or by quarter hour; a value holds until the next stamp, at most an hour."""
    timed = on_the_clock(table, name, s.meter).select("time", column).drop_nulls().sort("time")
    step = _step(timed, name, "-")
    joined = rows.sort("time").join_asof(timed, on="time", tolerance=max(step, timedelta(hours=1)) - timedelta(minutes=1))
    missing = joined.filter(pl.col(column).is_null())
    if name == "prices" and missing.height:
        first: date = missing["local"].min()  # type: ignore[assignment]
        share = round(100 * missing.height / joined.height, 1)
        if missing.height > s.meter.longest_gap_hours * 4 * rows["site"].n_unique():
            raise InputError("energy.price_gap", count=missing.height, share=share, first=f"{first:%Y-%m-%d %H:%M}")
        joined = joined.with_columns(pl.col(column).forward_fill())
    return joined


def _price(rows: pl.DataFrame, s: Energy) -> pl.DataFrame:
    """Return the rows with `spot_eur_per_kwh`, and refuse a mean that no market has had."""
    factor = {"eur_per_kwh": 1.0, "eur_per_mwh": 0.001, "ct_per_kwh": 0.01}[s.meter.price]
    spot = rows["price"] * factor
    euros = spot.to_numpy().astype(float)
    mean, spread = float(euros.mean()), float(euros.std())
    if abs(mean) > SPOT_MOST or (abs(mean) < SPOT_LEAST and spread < SPOT_LEAST * 2):
        raise InputError("energy.price_unit", mean=round(mean / factor, 4), unit=s.meter.price, eur=round(mean, 5))
    bought = euros + s.tariff.grid_eur_per_kwh + s.tariff.levies_eur_per_kwh
    if s.tariff.spot and float((bought <= s.tariff.feed_in_eur_per_kwh).mean()) > MOST:
        raise InputError("energy.inverted", feed_in=s.tariff.feed_in_eur_per_kwh, mean=round(mean, 4))
    return rows.with_columns(spot_eur_per_kwh=spot).drop("price")
