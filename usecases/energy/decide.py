"""The plan of a day: which import to hold, and when to charge, discharge and serve what may wait."""

from dataclasses import replace

import numpy as np
import polars as pl

from pipelines.decide.battery import Floats
from pipelines.decide.dispatch import Flexible, Problem, Schedule, schedule
from pipelines.decide.peak_cap import day_cap
from usecases.energy.rules import NO_CAP, cap_rule, orders
from usecases.energy.settings import Energy
from usecases.energy.tariff import QUARTER, period, prices
from usecases.energy.value import SiteState, State

PATH = "path_"
ROUNDING = 1e-6  # kW
# which cap is aimed for, chosen per site on the select period: learnt from closed months and raised by the day's scenarios, learnt and
# kept, or what the last closed month would have allowed, as the cap rule takes it
AIMS = ("raised", "learnt", "last")
WHOLE_DAYS = 0.8  # share of the recent peak aimed at where no month has closed yet


def decide(rows: pl.DataFrame, s: Energy, state: State) -> pl.DataFrame:
    """Return the rows of a day (or more) with the controller's orders.

    Per site: the month's cap from closed months, raised where the scenarios say it cannot be held; then one linear programme over the
    day on the scenarios' middle, with the running peak, a reserve value and an end value. Where the forecast is missing, or has not
    earned trust on the select period, the cap rule is followed (`followed` says so: 0 = plan, 1 = cap rule).
    """
    parts = [_site(part, s, str(part["site"][0]), state) for part in rows.partition_by("site", maintain_order=True)]
    made = pl.concat(parts, how="diagonal_relaxed")
    return made if made.select("time", "site").equals(rows.select("time", "site")) else rows.select("time", "site").join(
        made, on=["time", "site"], how="left", maintain_order="left"
    )  # fmt: skip


def path_columns(rows: pl.DataFrame) -> list[str]:
    """Return the names of the scenario columns."""
    return [name for name in rows.columns if name.startswith(PATH)]


def _site(rows: pl.DataFrame, s: Energy, site: str, state: State) -> pl.DataFrame:
    paths = rows.select(path_columns(rows)).to_numpy().astype(float)
    trusted = not s.decision.fallback or "trusted" not in rows.columns or bool(rows["trusted"].all())
    if not trusted or paths.size == 0 or not np.isfinite(paths).all():
        return cap_rule(rows, s, state).with_columns(followed=pl.lit(1.0))
    battery, now = s.battery.of(site), state[site]
    begun = rows.select(period(pl.col("time"), s)).to_series()
    now = now if begun[0] == now.period else SiteState(now.stored_kwh, 0.0, begun[0], now.waiting_kwh, now.due_kwh)
    aim, slide = _aim(rows, s)
    stored = min(max(now.stored_kwh, battery.floor_kwh), battery.ceiling_kwh)
    rule = s.decision.rule() if _cap_from(rows) == "raised" else replace(s.decision.rule(), day_quantile=0.0)
    cap, slide = day_cap(paths, aim, now.peak_kw, battery, stored, rule, slide)
    # what exceeds the cap is the controller's business, on the meter: the schedule keeps the battery full for it. Scenarios that all
    # agree leave nothing to be ready for.
    middle, certain = np.median(paths, axis=1), float(np.ptp(paths, axis=1).max()) < ROUNDING
    reserve = 0.0 if certain else s.decision.reserve_eur_per_kwh
    made = _planned(rows, s, now, middle if certain else np.minimum(middle, cap), (cap, reserve))
    return orders(
        rows,
        battery_kw=pl.lit(pl.Series(made.battery_kw)),
        target_kwh=pl.lit(pl.Series(made.stored_kwh)),
        cap_kw=pl.lit(cap),
        slide_kw=pl.lit(slide),
        refill_share=pl.lit(1.0 if certain else s.decision.refill),
        served_kw=pl.lit(pl.Series(made.flexible_kw)),
        yield_kw=pl.lit(NO_CAP if certain else cap),
        followed=pl.lit(0.0),
    )


def _aim(rows: pl.DataFrame, s: Energy) -> tuple[float, float | None]:
    """Return the import to aim for and its slide, kW, as closed months have taught; before the first has closed, from recent peaks."""
    last = _cap_from(rows) == "last"
    known = rows.select("last_cap_kw" if last else "aim_kw", pl.lit(0.0) if last else "aim_slide_kw").drop_nulls()
    if known.height:
        aim, slide = known.row(0)
        return float(aim), float(slide)
    recent = rows["recent_peak_kw"].drop_nulls()
    return (WHOLE_DAYS * float(recent[0]) if len(recent) else 0.0), None


def _cap_from(rows: pl.DataFrame) -> str:
    return str(rows["cap_from"][0]) if "cap_from" in rows.columns else AIMS[0]


def _planned(rows: pl.DataFrame, s: Energy, now: SiteState, net: Floats, aim: tuple[float, float]) -> Schedule:
    """Return the day's schedule on the middle of the scenarios; the peak already paid, and the cap aimed for, cost nothing."""
    bought, sold = prices(rows, s)
    steps, (cap, reserve) = rows.height, aim
    begun = rows.select(period(pl.col("time"), s)).to_series()
    number = (begun != begun.shift(1)).fill_null(value=False).cum_sum().cast(pl.Int64).to_numpy()
    paid = np.array([max(now.peak_kw, cap) if place == 0 else cap for place in range(int(number[-1]) + 1)])
    return schedule(
        Problem(
            net_kw=net,
            price_in=bought,
            price_out=sold,
            period=number,
            peak_kw=paid,
            peak_eur_per_kw=s.tariff.peak_eur_per_kw,
            battery=s.battery.of(str(rows["site"][0])),
            stored_kwh=now.stored_kwh,
            end_eur_per_kwh=0.9 * float(np.mean(bought)),
            reserve_eur_per_kwh=reserve,
            limit_kw=None if s.tariff.limit_kw is None else np.full(steps, s.tariff.limit_kw),
            flexible=waiting(rows, now, float(np.mean(bought))),
        )
    )


def waiting(rows: pl.DataFrame, now: SiteState, end_eur_per_kwh: float = 0.0) -> Flexible | None:
    """Return the load that may wait as two curves of cumulated energy (T,) kWh, or None where there is none."""
    if "waiting_kw" not in rows.columns or rows["waiting_kw"].null_count() == rows.height:
        return None
    arrives, due, most = (rows[name].fill_null(0.0).to_numpy().astype(float) for name in ("waiting_kw", "latest_kw", "waiting_most_kw"))
    earliest = now.waiting_kwh + np.cumsum(arrives) * QUARTER
    latest, owed = np.zeros(rows.height), now.due_kwh
    for step in range(rows.height):
        owed = min(owed + due[step] * QUARTER, earliest[step])  # what came before the first row is not owed
        latest[step] = owed
    return Flexible(earliest, np.maximum.accumulate(np.maximum(latest, 0.0)), most, end_eur_per_kwh)
