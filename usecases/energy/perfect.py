"""The limit: one linear programme over the whole period that knows every load, with the same battery, tariff and deadlines."""

import numpy as np
import polars as pl

from pipelines.decide.dispatch import Problem, Schedule, schedule
from usecases.energy.decide import waiting
from usecases.energy.rules import orders
from usecases.energy.settings import Energy
from usecases.energy.tariff import prices
from usecases.energy.value import billing_parts, net_load, start


def perfect(rows: pl.DataFrame, s: Energy) -> pl.DataFrame:
    """Return the orders of perfect foresight for rows with outcomes; the battery ends at least as full as it began."""
    parts = [_site(part, s, str(part["site"][0])) for part in rows.partition_by("site", maintain_order=True)]
    return rows.select("time", "site").join(pl.concat(parts), on=["time", "site"], how="left", maintain_order="left")


def solved(rows: pl.DataFrame, s: Energy, site: str) -> Schedule:
    """Return the best schedule of one site, all its periods at once."""
    now = start(rows, s)[site]
    bought, sold = prices(rows, s)
    parts = billing_parts(rows, s)
    number = np.concatenate([np.full(place.stop - place.start, index) for index, (_, place) in enumerate(parts)])
    peaks = np.zeros(len(parts))
    peaks[0] = now.peak_kw
    problem = Problem(net_load(rows), bought, sold, number, peaks, s.tariff.peak_eur_per_kw, s.battery.of(site), now.stored_kwh,
                      end_kwh=now.stored_kwh, limit_kw=None if s.tariff.limit_kw is None else np.full(rows.height, s.tariff.limit_kw),
                      flexible=waiting(rows, now))  # fmt: skip
    return schedule(problem)


def _site(rows: pl.DataFrame, s: Energy, site: str) -> pl.DataFrame:
    found = solved(rows, s, site)
    peak = np.concatenate([np.full(place.stop - place.start, found.peak_kw[i]) for i, (_, place) in enumerate(billing_parts(rows, s))])
    columns = {"battery_kw": found.battery_kw, "target_kwh": found.stored_kwh, "cap_kw": peak, "served_kw": found.flexible_kw}
    made = orders(rows, refill_share=1.0, **{name: pl.lit(pl.Series(values)) for name, values in columns.items()})
    return made.select("time", "site", "battery_kw", "target_kwh", "cap_kw", "slide_kw", "refill_share", "served_kw")
