"""What a day cost: the one judge. Whatever was planned, the controller acts on the meter and the meter makes the bill."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from pipelines.decide.battery import Course, Floats, Orders, follow
from usecases.energy.settings import Energy
from usecases.energy.tariff import QUARTER, period, prices

INDEX = ["time", "site"]
ORDERS = ("battery_kw", "target_kwh", "cap_kw", "slide_kw", "refill_share")
ACTIONS = (*ORDERS, "served_kw", "yield_kw")
NO_LIMIT = 1e9  # kW
ROUNDING = 1e-6  # kWh


@dataclass(frozen=True)
class SiteState:
    """Where a site stands between two days.

    Parameters
    ----------
    stored_kwh
        Energy in the battery.
    peak_kw, period
        Highest import so far in the billing period, and the first day of that period: the peak is never reset within it.
    waiting_kwh, due_kwh
        Waiting load: arrived and not yet served; what deadlines have asked for minus what was served (negative = ahead).
    """

    stored_kwh: float
    peak_kw: float = 0.0
    period: date | None = None
    waiting_kwh: float = 0.0
    due_kwh: float = 0.0


State = Mapping[str, SiteState]


def start(rows: pl.DataFrame, s: Energy) -> State:
    """Return the state before the first row: the stated charge, and the peak that the month has already seen (0 where unknown)."""
    first = rows.sort("time").unique("site", keep="first", maintain_order=True)
    seen = first["peak_so_far_kw"].fill_null(0.0) if "peak_so_far_kw" in rows.columns else pl.zeros(first.height, eager=True)
    begun = first.select(period(pl.col("time"), s)).to_series()
    return {
        site: SiteState(s.battery.start * s.battery.of(site).capacity_kwh, max(float(peak), 0.0), day)
        for site, peak, day in zip(first["site"], seen, begun, strict=True)
    }


def value(rows: pl.DataFrame, s: Energy, state: State) -> tuple[pl.DataFrame, State]:
    """Return the ledger of the rows (costs, lower is better) and the state after them.

    `eur`: energy bought − fed in + ageing + peak charge. The peak charge is booked where the peak of the billing period rises, so that
    the sum over a month is the month's. `kw_peak`: the same rises, so its sum is the sum of the periods' peaks. `kg_co2e` counts imports,
    `kg_co2e_net` credits exports with the same factor. `kwh_discharged` through the battery; `late_kwh` of waiting load past its deadline.
    """
    parts, after = [], dict(state)
    for (site,), part in rows.partition_by("site", as_dict=True, maintain_order=True).items():
        name = str(site)
        ledger, after[name] = _site(part, s, name, state[name])
        parts.append(ledger)
    return rows.select(INDEX).join(pl.concat(parts), on=INDEX, how="left", maintain_order="left"), after


def net_load(rows: pl.DataFrame) -> Floats:
    """Return load − PV, kW."""
    return rows.select(pl.col("load_kw") - pl.col("pv_kw").fill_null(0.0)).to_series().to_numpy().astype(float)


def billing_parts(rows: pl.DataFrame, s: Energy) -> list[tuple[date, slice]]:
    """Return the billing periods of one site's rows with the places they take."""
    runs = rows.select(period(pl.col("time"), s)).to_series().rle().struct.unnest()
    ends = runs["len"].cum_sum().to_list()
    return [(day, slice(end - length, end)) for day, length, end in zip(runs["value"], runs["len"], ends, strict=True)]


def course(rows: pl.DataFrame, s: Energy, site: str, state: SiteState) -> tuple[Course, Floats, SiteState]:
    """Return what happened at the meter of one site, the rises of its peak (T,) in kW, and the state after it."""
    battery = s.battery.of(site)
    served, _, state = serve(rows, state)
    net = net_load(rows) + served
    columns = [rows[name].cast(pl.Float64).to_numpy() for name in ORDERS]
    pieces, rises = [], []
    for begun, place in billing_parts(rows, s):
        if begun != state.period:
            state = replace(state, period=begun, peak_kw=0.0)
        piece = follow(net[place], Orders(*(column[place] for column in columns)), battery, state.stored_kwh, state.peak_kw)
        highest = np.maximum.accumulate(np.concatenate([[state.peak_kw], piece.import_kw]))
        rises.append(np.diff(highest))
        pieces.append(piece)
        state = replace(state, stored_kwh=float(piece.stored_kwh[-1]), peak_kw=float(highest[-1]))
    joined = {name: np.concatenate([getattr(piece, name) for piece in pieces]) for name in Course.__dataclass_fields__}
    return Course(**joined), np.concatenate(rises), state


def _site(rows: pl.DataFrame, s: Energy, site: str, before: SiteState) -> tuple[pl.DataFrame, SiteState]:
    done, rises, state = course(rows, s, site, before)
    _, late, _ = serve(rows, before)
    bought, sold = prices(rows, s)
    discharged = np.maximum(done.battery_kw, 0) * QUARTER
    energy = (done.import_kw * bought - done.export_kw * sold) * QUARTER
    factor = rows["co2_g_per_kwh"].fill_null(s.grid_g_per_kwh).to_numpy() / 1000 * QUARTER
    ledger = rows.select(
        *INDEX,
        eur=pl.Series(energy + s.battery.wear_eur_per_kwh * discharged + s.tariff.peak_eur_per_kw * rises),
        kw_peak=pl.Series(rises),
        kg_co2e=pl.Series(done.import_kw * factor),
        kg_co2e_net=pl.Series((done.import_kw - done.export_kw) * factor),
        kwh_import=pl.Series(done.import_kw * QUARTER),
        kwh_discharged=pl.Series(discharged),
        late_kwh=pl.Series(late),
    )
    return ledger, state


def serve(rows: pl.DataFrame, state: SiteState) -> tuple[Floats, Floats, SiteState]:
    """Return the waiting load as it was served (T,) kW, what became late (T,) kWh, and the state after it.

    Nothing is served before it has arrived or faster than it can take, whatever the orders say. Where `yield_kw` is ordered, waiting load
    gives way when the import would pass it or the peak so far, but for what a deadline asks for now; what was held back is caught up with
    as soon as there is room.
    """
    steps = rows.height
    if "waiting_kw" not in rows.columns or rows["waiting_kw"].null_count() == steps:
        return np.zeros(steps), np.zeros(steps), state
    arrives, due, most, wish = (
        rows[name].fill_null(0.0).to_numpy() for name in ("waiting_kw", "latest_kw", "waiting_most_kw", "served_kw")
    )
    served, late, room = np.zeros(steps), np.zeros(steps), _room(rows, state)
    waiting, owed, behind = state.waiting_kwh, state.due_kwh, 0.0
    for step in range(steps):
        waiting += arrives[step] * QUARTER
        before, asked = max(owed, 0.0), max(owed + due[step] * QUARTER, 0.0) / QUARTER
        wanted = min(wish[step] + behind / QUARTER, max(room[step], asked))
        served[step] = max(min(wanted, most[step], waiting / QUARTER), 0.0)
        behind = max(behind + (min(wish[step], most[step]) - served[step]) * QUARTER, 0.0) if room[step] < NO_LIMIT else 0.0
        waiting -= served[step] * QUARTER
        owed = min(owed + (due[step] - served[step]) * QUARTER, waiting)  # what came before the first row is not owed
        more = max(owed, 0.0) - before
        late[step] = more if more > ROUNDING else 0.0
    return served, late, replace(state, waiting_kwh=waiting, due_kwh=owed)


def _room(rows: pl.DataFrame, state: SiteState) -> Floats:
    """Return the power (T,) that waiting load may take without lifting the import above `yield_kw` or the peak so far, kW."""
    if "yield_kw" not in rows.columns or "load_kw" not in rows.columns:
        return np.full(rows.height, NO_LIMIT)
    line = rows["yield_kw"].to_numpy()
    return np.where(line < NO_LIMIT, np.maximum(np.maximum(line, state.peak_kw) - net_load(rows), 0.0), NO_LIMIT)


def bill(rows: pl.DataFrame, s: Energy, policy: Any) -> pl.DataFrame:
    """Return the ledger of a policy replayed day by day over rows with outcomes, as `pipelines.replay` does it, without the checks."""
    state, ledgers = start(rows, s), []
    hidden = ["load_kw", "pv_kw"]
    for day in rows.with_columns(_day=pl.col("time").dt.date()).partition_by("_day", maintain_order=True, include_key=False):
        acted = policy(day.drop(hidden), s, state)
        ledger, state = value(acted.with_columns(day.select(hidden)), s, state)
        ledgers.append(ledger)
    return pl.concat(ledgers)
