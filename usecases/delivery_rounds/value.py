"""What a day on the road cost: the one judge for the fixed rounds, the plan and perfect foresight."""

import polars as pl

from pipelines.decide.rounds import drive
from usecases.delivery_rounds.days import customers, rounds_of, vehicles
from usecases.delivery_rounds.settings import DeliveryRounds

UNITS = ("eur", "km", "minutes", "kg_co2e", "late_stops")


def value(rows: pl.DataFrame, s: DeliveryRounds) -> pl.DataFrame:
    """Return the ledger (costs, lower is better), each stop with the way to it and the last one also with the way home.

    `eur`: km, driver, round and late minutes; `km`; `minutes` of drivers on the road; `kg_co2e` of the vehicles; `late_stops`: served
    later after the window than the grace. The rounds are driven with the true crates and minutes at the door; what does not fit on the
    vehicle is fetched from the depot on the way.
    """
    days = [judged(day, s) for day in rows.with_row_index("_row").partition_by("day", maintain_order=True)]
    return pl.concat(days).sort("_row").drop("_row")


def judged(day: pl.DataFrame, s: DeliveryRounds) -> pl.DataFrame:
    """Return the ledger of one day's rows (with `_row`, where they have it)."""
    asked, vans = customers(day, s, "crates", "service_minutes"), vehicles(s)
    cells = {unit: [0.0] * day.height for unit in UNITS}
    for each, departs in rounds_of(day, vans):
        van = vans[each.vehicle]
        driven = drive(each.order, van, asked, departs)
        clock = driven.departs
        for place, customer in enumerate(each.order):
            home = place == len(each.order) - 1
            done = driven.back if home else driven.begins[place] + float(asked.service[customer])
            km = driven.leg_km[place] + (driven.km - sum(driven.leg_km) if home else 0.0)
            spent, late = done - clock, driven.late[place]
            eur = van.eur_per_km * km + van.eur_per_minute * spent + van.eur_per_round / len(each.order)
            cost = (eur + s.costs.late_eur_per_minute * late, km, spent, s.vehicles[van.name].co2e_kg_per_km * km,
                    float(late > s.costs.grace_minutes))  # fmt: skip
            for unit, amount in zip(UNITS, cost, strict=True):
                cells[unit][customer] = amount
            clock = done
    ledger = pl.DataFrame(cells, schema=dict.fromkeys(UNITS, pl.Float64))
    return ledger.with_columns(day["_row"]) if "_row" in day.columns else ledger
