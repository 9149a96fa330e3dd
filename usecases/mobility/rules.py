"""What the plan is compared with: nothing, equal filling, the last weeks' target, the real operator; and perfect foresight."""

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipelines.decide.allocation import allocate
from pipelines.decide.loss_curve import loss_curves
from pipelines.decide.tour import plan_tour
from pipelines.decide.tour.serve_all import served_in_full
from usecases.mobility.curves import realised_curves
from usecases.mobility.decide import ACTIONS, named, toured, travel
from usecases.mobility.packed import numbers, one_day
from usecases.mobility.settings import Mobility
from usecases.mobility.value import value

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def usual(rows: pl.DataFrame, s: Mobility) -> pl.DataFrame:
    """Return the rows with what business as usual does, as the settings say."""
    return {"nothing": nothing, "operator": operator, "equal_fill": equal_fill, "last_weeks": last_weeks}[s.planning.usual](rows, s)


def nothing(rows: pl.DataFrame, s: Mobility) -> pl.DataFrame:
    """Leave every vehicle where it is."""
    return named(rows.with_columns(pl.lit(0.0).alias(name) for name in ACTIONS), s)


def operator(rows: pl.DataFrame, s: Mobility) -> pl.DataFrame:
    """Do what the real operator did, as far as vehicle ids tell: handling, stops and an estimated way are paid.

    The real way is unknown: it is taken to be as good as the plan's own tour search finds it for these stops.
    """
    room = pl.col("capacity") - pl.col("stock")
    moved = pl.min_horizontal(pl.max_horizontal(pl.col("operator").fill_null(0.0), -pl.col("stock")), room)
    rows = rows.with_columns(change=moved)
    stops = pl.col("change") != 0
    minutes = pl.when(stops).then(s.truck.stop_minutes + s.truck.vehicle_minutes * pl.col("change").abs()).otherwise(0.0)
    acted = rows.with_columns(stop=stops.cast(pl.Float64), leg_minutes=minutes, leg_km=pl.lit(0.0), expected_eur=pl.lit(0.0))
    nights = [_driven(night, s) for _, night in acted.with_row_index("_row").group_by("day", maintain_order=True)]
    return named(pl.concat(nights).sort("_row").drop("_row"), s)


def _driven(night: pl.DataFrame, s: Mobility) -> pl.DataFrame:
    """Return one night with the way of the shortest tour that was found over its stops added to each stop's minutes and km."""
    visited = np.flatnonzero(night["change"].to_numpy())
    if not len(visited):
        return night
    road, here = travel(night, s), 0
    made = {name: night[name].to_numpy().copy() for name in ("leg_minutes", "leg_km", "stop")}
    within = np.concatenate([[0], visited + 1])
    ways = tuple(map(tuple, road.minutes[np.ix_(within, within)].tolist()))
    order = _shortest(tuple(numbers(night, "change")[visited].tolist()), ways, s.truck.capacity, (s.seed, s.planning.iterations))
    for place, there in enumerate((int(within[stop + 1]) for stop in order), start=1):
        made["leg_minutes"][there - 1] += road.minutes[here, there]
        made["leg_km"][there - 1] += road.km[here, there]
        made["stop"][there - 1] = place
        here = there
    made["leg_minutes"][here - 1] += road.minutes[here, 0]
    made["leg_km"][here - 1] += road.km[here, 0]
    return night.with_columns(pl.Series(name, values) for name, values in made.items())


@lru_cache(maxsize=4096)  # business as usual is asked for as itself, as a rule and by perfect foresight
def _shortest(change: tuple[int, ...], minutes: tuple[tuple[float, ...], ...], capacity: int, search: tuple[int, int]) -> list[int]:
    """Return the stops in the order of the planner's own tour that serves them all; what it leaves out comes last.

    `minutes`: between the places, the depot first; `search`: seed and iterations. The truck may start and end with any load, and comes
    back to the depot in between where the moves ask for more than it holds.
    """
    moved = np.array(change)
    rounds = 1 + int(max(moved.clip(0).sum(), (-moved).clip(0).sum()) // capacity)
    stops, wagon, _ = served_in_full(moved, capacity, np.array(minutes), rounds=rounds)
    order = [stop for stop in plan_tour(stops, wagon, seed=search[0], iterations=search[1]).order if stop < len(change)]
    return order + [stop for stop in range(len(change)) if stop not in order]


def equal_fill(rows: pl.DataFrame, s: Mobility) -> pl.DataFrame:
    """Bring every station to the same share of its capacity, as far as truck and shift allow."""

    def target(night: pl.DataFrame) -> Ints:
        capacity, stock = numbers(night, "capacity"), numbers(night, "stock")
        wanted = capacity * stock.sum() / capacity.sum()
        return allocate((np.arange(capacity.max() + 1) - wanted[:, None]) ** 2 + _beyond(capacity), int(stock.sum()))

    return toured(rows, s, _toward(target))


def last_weeks(rows: pl.DataFrame, s: Mobility) -> pl.DataFrame:
    """Bring every station to the stock that the mean of the last 56 days asks for, as far as truck and shift allow."""

    def target(night: pl.DataFrame) -> Ints:
        out, back = (night[name].to_numpy().astype(float) for name in ("rent_kind_56", "back_kind_56"))
        return allocate(loss_curves(out, back, numbers(night, "capacity"), overflow=s.overflow), int(night["stock"].sum()))

    return toured(rows, s, _toward(target))


def _toward(target: Callable[[pl.DataFrame], Ints]) -> Callable[[pl.DataFrame, Mobility], Floats]:
    """Return curves under which each vehicle nearer to the target is worth a lost trip: the rule's tour gets as near as it can."""

    def curves(night: pl.DataFrame, s: Mobility) -> Floats:
        capacity = numbers(night, "capacity")
        away = np.abs(np.arange(capacity.max() + 1) - target(night)[:, None])
        return np.asarray(s.costs.lost_trip_eur * away + _beyond(capacity))

    return curves


def _beyond(capacity: Ints) -> Floats:
    return np.where(np.arange(capacity.max() + 1) > capacity[:, None], np.inf, 0.0)


def perfect(rows: pl.DataFrame, s: Mobility) -> pl.DataFrame:
    """Return the tour that perfect foresight drives: the true trips of the day in place of expected ones, the same truck and shift.

    Each station's day is known exactly, the effect of its neighbours' lost trips on it is not; so each night takes the best of this tour,
    the habit and no tour, by the judge itself. A reference, not a strict bound.
    """

    def curves(night: pl.DataFrame, s: Mobility) -> Floats:
        capacity = numbers(night, "capacity")
        real = realised_curves(between_stations(night), capacity, int(capacity.max()) + 1, s.overflow)
        return np.asarray(s.costs.lost_trip_eur * real + _beyond(capacity))

    options = [toured(rows, s, curves), nothing(rows, s), usual(rows, s)]
    cost = [value(option, s).group_by("day", maintain_order=True).agg(pl.col("eur").sum()) for option in options]
    best = np.stack([each["eur"].to_numpy() for each in cost]).argmin(axis=0)
    chosen = rows.select("day").join(pl.DataFrame({"day": cost[0]["day"], "best": best}), on="day", how="left", maintain_order="left")[
        "best"
    ]
    made = [ours for ours in options[0].columns if ours not in rows.columns]
    picked = pl.coalesce(*(pl.when(chosen == number).then(pl.lit(number)) for number in range(len(options))))
    frames = [option.select(pl.col(name).alias(f"{name}_{number}") for name in made) for number, option in enumerate(options)]
    wide = pl.concat(frames, how="horizontal").with_columns(picked.alias("_best"))
    take = [
        pl.coalesce(pl.when(pl.col("_best") == n).then(pl.col(f"{name}_{n}")) for n in range(len(options))).alias(name) for name in made
    ]
    return rows.hstack(wide.select(take))


def between_stations(night: pl.DataFrame) -> pl.DataFrame:
    """Return one day's rows with the trips between its stations alone: those that the judge rides."""
    day = one_day(night)
    names = night["station"].to_list()
    out: list[list[str]] = [[] for _ in names]
    back: list[list[str]] = [[] for _ in names]
    for minute, origin, destination, end in zip(day.minute, day.origin, day.destination, day.back, strict=True):
        out[origin].append(f"{minute} {end} {names[destination]}")
        back[destination].append(str(end))
    joined = {"departures": ["|".join(trips) for trips in out], "arrivals": ["|".join(minutes) for minutes in back]}
    return night.with_columns(pl.Series(name, texts, dtype=pl.String) for name, texts in joined.items())


RULES = {"equal_fill": equal_fill, "last_weeks": last_weeks, "operator": operator, "nothing": nothing}
