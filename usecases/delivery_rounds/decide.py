"""Tomorrow's rounds: enough room for what each customer probably takes, a buffer before each window ends, the fewest euros on the road."""

from dataclasses import replace

import numpy as np
import polars as pl

from pipelines.decide.newsvendor import quantile_at
from pipelines.decide.rounds import plan_rounds
from pipelines.scores import quantile_levels
from usecases.delivery_rounds.days import acted, customers, day_by_day, vehicles, with_left_out
from usecases.delivery_rounds.settings import DeliveryRounds

FILLED = 0.95  # of all vehicles' room is planned for at most: customers do not fill them without gaps


def decide(rows: pl.DataFrame, s: DeliveryRounds) -> pl.DataFrame:
    """Return the rows with load, vehicle, stop and departs, planned day by day on the forecast."""
    levels = quantile_levels(rows.columns)
    crates = rows.select(levels.values()).to_numpy().astype(float)
    load = quantile_at(np.array(list(levels)), crates, np.full(rows.height, s.planning.load_quantile))
    return planned(rows.with_columns(_load=load), s, "_load", "service_expected", s.planning.buffer_minutes).drop("_load")


def planned(rows: pl.DataFrame, s: DeliveryRounds, crates: str, service: str, buffer_minutes: float = 0.0) -> pl.DataFrame:
    """Return the rows with rounds planned for these crates and minutes at the door."""
    vans = vehicles(s)
    largest, room = max(van.capacity for van in vans), FILLED * sum(van.capacity * van.available for van in vans)

    def act(day: pl.DataFrame) -> pl.DataFrame:
        asked = customers(day, s, crates, service, buffer_minutes)
        demand = np.minimum(asked.demand, largest)  # what no vehicle holds is fetched on the way
        asked = replace(asked, demand=demand * min(1.0, room / max(float(demand.sum()), room)))
        found = plan_rounds(asked, vans, seed=s.seed, iterations=s.planning.iterations, all_served=False)
        return acted(day, with_left_out(found.rounds, found.left_out, asked, vans, s.costs.late_eur_per_minute), asked, vans)

    return day_by_day(rows, act)
