"""What sites do without a forecast: nothing, use their own sun, or hold last month's cap."""

from collections.abc import Callable

import polars as pl

from usecases.energy.settings import Energy
from usecases.energy.value import State

Rule = Callable[[pl.DataFrame, Energy, State], pl.DataFrame]
NO_CAP = 1e9  # kW: nothing to hold


def orders(rows: pl.DataFrame, **columns: pl.Expr | float | None) -> pl.DataFrame:
    """Return the rows with the seven order columns; what is not given: do nothing, hold nothing, serve waiting load at once."""
    plain = {"battery_kw": 0.0, "target_kwh": 0.0, "cap_kw": NO_CAP, "slide_kw": 0.0, "refill_share": 0.0, "yield_kw": NO_CAP}
    served = pl.col("waiting_most_kw").fill_null(0.0) if "waiting_most_kw" in rows.columns else pl.lit(0.0)
    given = {
        name: column if isinstance(column, pl.Expr) else pl.lit(column)
        for name, column in {**plain, "served_kw": served, **columns}.items()
    }
    return rows.with_columns(column.cast(pl.Float64).alias(name) for name, column in given.items())


def per_site(rows: pl.DataFrame, s: Energy, attribute: str) -> pl.Expr:
    """Return a figure of each site's battery as a column."""
    sites = rows["site"].unique().sort().to_list()
    return pl.col("site").replace_strict(sites, [float(getattr(s.battery.of(site), attribute)) for site in sites], return_dtype=pl.Float64)


def no_battery(rows: pl.DataFrame, s: Energy, state: State) -> pl.DataFrame:
    """Leave the battery alone: what the bill is without one."""
    return orders(rows)


def self_consumption(rows: pl.DataFrame, s: Energy, state: State) -> pl.DataFrame:
    """Store surplus PV, use it as soon as there is load."""
    return orders(rows, battery_kw=per_site(rows, s, "power_kw"), target_kwh=per_site(rows, s, "ceiling_kwh"))


def cap_rule(rows: pl.DataFrame, s: Energy, state: State) -> pl.DataFrame:
    """Hold the cap that last month would have allowed; recharge at once; where it fails, the import that came is the new cap."""
    cap = pl.coalesce("last_cap_kw", pl.lit(0.0))
    return orders(rows, target_kwh=per_site(rows, s, "ceiling_kwh"), cap_kw=cap, refill_share=pl.lit(s.cap_rule_refill))


RULES: dict[str, Rule] = {"no_battery": no_battery, "self_consumption": self_consumption, "cap_rule": cap_rule}


def usual(rows: pl.DataFrame, s: Energy, state: State) -> pl.DataFrame:
    """What the site does today, as the settings say."""
    return RULES[s.usual](rows, s, state)
