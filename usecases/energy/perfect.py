"""The limit: the best schedule of each billing period by one linear programme that knows every load, under the same limits."""

from dataclasses import replace

import numpy as np
import polars as pl

from pipelines.decide.dispatch import Problem, Schedule, schedule
from usecases.energy.decide import waiting
from usecases.energy.rules import orders
from usecases.energy.settings import Energy
from usecases.energy.tariff import prices
from usecases.energy.value import SiteState, billing_parts, course, net_load, start


def perfect(rows: pl.DataFrame, s: Energy) -> pl.DataFrame:
    """Return the orders of perfect foresight for rows with outcomes.

    Billing periods are solved one after the other: what couples them beside the peak is the energy in the battery, which ends each period
    at least as high as it began the first one. What that forgoes is a battery's content at the spread of two days, some cents a month.
    """
    parts = [_site(part, s, str(part["site"][0])) for part in rows.partition_by("site", maintain_order=True)]
    return rows.select("time", "site").join(pl.concat(parts), on=["time", "site"], how="left", maintain_order="left")


def solved(rows: pl.DataFrame, s: Energy, site: str, now: SiteState, end_kwh: float) -> Schedule:
    """Return the best schedule of one site over rows of one billing period."""
    bought, sold = prices(rows, s)
    limit = None if s.tariff.limit_kw is None else np.full(rows.height, s.tariff.limit_kw)
    return schedule(
        Problem(
            net_kw=net_load(rows),
            price_in=bought,
            price_out=sold,
            period=np.zeros(rows.height, dtype=np.int64),
            peak_kw=np.array([now.peak_kw]),
            peak_eur_per_kw=s.tariff.peak_eur_per_kw,
            battery=s.battery.of(site),
            stored_kwh=now.stored_kwh,
            end_kwh=end_kwh,
            limit_kw=limit,
            flexible=waiting(rows, now, float(bought.max())),  # nothing is put off into the next billing period for nothing
        )
    )


def _site(rows: pl.DataFrame, s: Energy, site: str) -> pl.DataFrame:
    now, made = start(rows, s)[site], []
    begun = now.stored_kwh
    for _, place in billing_parts(rows, s):
        part = rows[place]
        found = solved(part, s, site, now, begun)
        columns = {"battery_kw": found.battery_kw, "target_kwh": found.stored_kwh, "served_kw": found.flexible_kw}
        given = {name: pl.lit(pl.Series(values)) for name, values in columns.items()}
        made.append(orders(part, refill_share=pl.lit(1.0), cap_kw=pl.lit(float(found.peak_kw[0])), **given))
        _, _, after = course(made[-1], s, site, now)  # what the controller makes of it: relaxed hours may not be carried out to the kWh
        now = replace(after, peak_kw=0.0)
    wanted = ["time", "site", "battery_kw", "target_kwh", "cap_kw", "slide_kw", "refill_share", "served_kw"]
    return pl.concat(made).select(wanted)
