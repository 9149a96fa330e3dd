"""What other battery sizes would have saved and how long they take to pay back: each replayed like the one in the settings.

A grid, not a sampler: a handful of sizes is replayed in full, so that each row of the table is a result and none an estimate.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import polars as pl

from pipelines.run import stacked
from pipelines.value import difference
from usecases.energy.decide import decide
from usecases.energy.months import month_columns
from usecases.energy.perfect import perfect
from usecases.energy.rules import no_battery
from usecases.energy.settings import Energy
from usecases.energy.value import bill, billing_parts

MONTHS = ("last_cap_kw", "least_cap_kw", "aim_kw", "aim_slide_kw")
SHARES = (0.5, 1.0, 2.0)
MOST_SITES = 3  # with the highest load; more would make a run long
YEAR_DAYS, PER_YEAR = 365, {"month": 12, "year": 1}


def sizes(rows: pl.DataFrame, forecasts: pl.DataFrame, s: Energy) -> Mapping[str, Any]:
    """Return `sizes`: one entry per site and battery, its saving against no battery per year with interval, investment and payback.

    Every size is operated as the plan is, by the caps that closed months would have allowed *it*; where the model has earned no trust,
    by the cap rule. `captured`: share of what perfect foresight would have saved with that size.
    """
    largest = (
        rows.group_by("site", maintain_order=True).agg(pl.col("load_kw").sum()).sort("load_kw", descending=True)["site"].head(MOST_SITES)
    )
    return {"sizes": [one for site in largest for one in _site(str(site), rows, forecasts, s)]}


def compared(s: Energy, site: str) -> list[tuple[float, float]]:
    """Return content (kWh) and power (kW) of the batteries to compare."""
    own = s.battery.of(site)
    capacities = s.sizing.capacities_kwh or tuple(share * own.capacity_kwh for share in SHARES)
    ratio = own.power_kw / own.capacity_kwh if own.capacity_kwh > 0 else 0.5
    return [(capacity, power) for capacity in capacities if capacity > 0 for power in s.sizing.powers_kw or (capacity * ratio,)]


def _site(site: str, rows: pl.DataFrame, forecasts: pl.DataFrame, s: Energy) -> list[dict[str, Any]]:
    past = rows.filter(pl.col("site") == site).drop(*MONTHS, "peak_so_far_kw", strict=False)
    report = forecasts.filter(pl.col("site") == site)
    without = bill(report, s, no_battery)
    found = []
    for capacity, power in compared(s, site):
        own = s.model_copy(update={"battery": s.battery.model_copy(update={"sites": {site: (capacity, power)}})})
        learnt = month_columns(past, own).select("time", "site", *MONTHS)
        sized = report.drop(MONTHS, strict=False).join(learnt, on=["time", "site"], how="left", maintain_order="left")
        best = perfect(sized, own)

        def limit(day: pl.DataFrame, *_: object, best: pl.DataFrame = best) -> pl.DataFrame:
            return day.join(best, on=["time", "site"], how="left", maintain_order="left")

        ledgers = {"usual": without, "plan": bill(sized, own, decide), "perfect": bill(sized, own, limit)}
        found.append({"site": site, "capacity_kwh": capacity, "power_kw": power, **_worth(ledgers, report, own, capacity, power)})
    return found


def _worth(ledgers: Mapping[str, pl.DataFrame], report: pl.DataFrame, s: Energy, capacity: float, power: float) -> dict[str, Any]:
    """Return saving per year with interval (EUR), captured share, investment (EUR) and simple payback with interval (years)."""
    total = {name: float(ledger["eur"].sum()) for name, ledger in ledgers.items()}
    saved = difference(stacked(ledgers), "time", "eur", "plan", "usual", "month")
    yearly, whole = _per_year(ledgers, report, s), total["usual"] - total["plan"]
    factor = yearly / whole if whole else 0.0
    bounds = {name: None if value is None else value * factor for name, value in asdict(saved).items()}
    spent = s.sizing.eur_per_kwh * capacity + s.sizing.eur_per_kw * power + s.sizing.fixed_eur
    possible = total["usual"] - total["perfect"]
    years = {name: None if value is None or value <= 0 else spent / value for name, value in bounds.items()}
    return {
        "saved_eur_per_year": {**bounds, "value": yearly},
        "captured": whole / possible if possible > 0 else None,
        "invested_eur": spent,
        "payback_years": {"value": years["value"], "low": years["high"], "high": years["low"]},
    }


def _per_year(ledgers: Mapping[str, pl.DataFrame], report: pl.DataFrame, s: Energy) -> float:
    """Return the plan's saving scaled to a year: energy by days, the peak charge by billing periods."""
    peak = s.tariff.peak_eur_per_kw * float((ledgers["usual"]["kw_peak"] - ledgers["plan"]["kw_peak"]).sum())
    energy = float((ledgers["usual"]["eur"] - ledgers["plan"]["eur"]).sum()) - peak
    periods, days = len(billing_parts(report, s)), report["time"].dt.date().n_unique()
    return energy * YEAR_DAYS / days + peak * PER_YEAR[s.tariff.peak] / periods
