"""What closed months would have allowed: the smallest cap the battery could have held, from the meter alone."""

from datetime import date

import numpy as np
import polars as pl

from pipelines.decide.battery import Battery, Floats, smallest_caps
from pipelines.decide.peak_cap import learnt_aims
from usecases.energy.settings import Energy
from usecases.energy.tariff import period

HALF_DAY = 48  # quarter hours: at noon, when the next day is decided, the afternoon of a month's last day is not metered yet
LEAST_DAYS = 14  # a month with fewer days says nothing
QUARTERS = 96


def month_columns(rows: pl.DataFrame, s: Energy) -> pl.DataFrame:
    """Return the rows with what is known of closed months and of this one, kW of net load.

    `last_cap_kw`: smallest cap that the last closed month would have allowed; `least_cap_kw`: the smallest of the last `closed_months`;
    `aim_kw`, `aim_slide_kw`: the cap to aim for in this month and its slide, learnt from the closed months (`decision.learn`);
    `peak_so_far_kw`: highest net load of this billing period up to noon of the day before. Null where nothing is known yet.
    """
    net = pl.col("load_kw") - pl.col("pv_kw").fill_null(0.0)
    placed = rows.select("time", "site", "local", net.alias("net"), _month=pl.col("time").dt.truncate("1mo").dt.date())
    caps = pl.concat([_caps(part, s) for part in placed.partition_by("site", maintain_order=True)])
    days = placed.with_columns(period(pl.col("time"), s), date=pl.col("time").dt.date())
    known = days.group_by("site", "period", "date", maintain_order=True).agg(
        whole=pl.col("net").max(), morning=pl.col("net").filter(pl.col("time").dt.hour() < 12).max()  # noqa: PLR2004 - noon
    ).sort("site", "date")  # fmt: skip
    so_far = pl.max_horizontal(pl.col("whole").shift(2).fill_null(strategy="forward").cum_max(), pl.col("morning").shift(1).cum_max())
    known = known.with_columns(peak_so_far_kw=so_far.over("site", "period", order_by="date")).select(
        "site", "period", "date", "peak_so_far_kw"
    )
    joined = rows.with_columns(_month=pl.col("time").dt.truncate("1mo").dt.date(), date=pl.col("time").dt.date())
    joined = joined.with_columns(period(pl.col("time"), s))
    joined = joined.join(caps, on=["site", "_month"], how="left", maintain_order="left")
    return joined.join(known, on=["site", "period", "date"], how="left", maintain_order="left").drop("_month", "period")


def _caps(part: pl.DataFrame, s: Energy) -> pl.DataFrame:
    """Return per month of one site what the months before it would have allowed."""
    site = str(part["site"][0])
    months = part.partition_by("_month", as_dict=True, maintain_order=True)
    names: list[date] = [key[0] for key in months]
    loads = [frame["net"].to_numpy()[:-HALF_DAY] for frame in months.values()]
    told = [int(np.isfinite(load).sum()) >= LEAST_DAYS * QUARTERS - HALF_DAY for load in loads]
    caps = np.full(len(names), np.nan)
    if any(told):
        caps[np.array(told)] = closed_caps(
            [np.nan_to_num(load) for load, use in zip(loads, told, strict=True) if use], s, s.battery.of(site)
        )
    rows, least = [], np.full(len(names), np.nan)
    for place, month in enumerate(names):
        past = caps[max(0, place - s.decision.closed_months) : place]
        past = past[np.isfinite(past)]
        least[place] = past.min() if past.size else np.nan
        rows.append((site, month, float(past[-1]) if past.size else None, float(past.min()) if past.size else None))
    schema = {"site": pl.String, "_month": pl.Date, "last_cap_kw": pl.Float64, "least_cap_kw": pl.Float64}
    battery = s.battery.of(site)
    if s.decision.learn:
        side = side_by_side([np.nan_to_num(load) for load in loads])
        aims, slides = learnt_aims(side, least, np.array(told), battery, start_kwh(s, battery), s.decision.rule())
    else:
        aims, slides = s.decision.cap_share * least, np.where(np.isfinite(least), s.decision.slide * battery.power_kw, np.nan)
    columns = {"aim_kw": aims, "aim_slide_kw": slides}
    return pl.DataFrame(rows, schema, orient="row").with_columns(pl.Series(name, values).fill_nan(None) for name, values in columns.items())


def start_kwh(s: Energy, battery: Battery) -> float:
    """Return the energy a month is replayed from, within the battery's bounds."""
    return min(max(s.battery.start * battery.capacity_kwh, battery.floor_kwh), battery.ceiling_kwh)


def side_by_side(months: list[Floats]) -> Floats:
    """Return months of different lengths as one table (T, M), filled up with zero load."""
    side = np.zeros((max(map(len, months)), len(months)))
    for place, load in enumerate(months):
        side[: len(load), place] = load
    return side


def closed_caps(months: list[Floats], s: Energy, battery: Battery) -> Floats:
    """Return the smallest held cap of each month, the battery starting as the settings say."""
    return smallest_caps(side_by_side(months), battery, start_kwh(s, battery), s.cap_rule_refill)
