"""Which vehicles to bring where tonight: the expected-loss curves in euros, and one truck tour that visits only the stops that pay."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipelines.decide.allocation import moving_cost
from pipelines.decide.tour import Stops, Tour, plan_tour
from pipelines.decide.tour import Truck as TourTruck
from usecases.mobility.choosing import mixed, queue_curves
from usecases.mobility.packed import ROAD, great_circle_km, numbers
from usecases.mobility.packed import floats as column
from usecases.mobility.settings import Mobility

Floats = NDArray[np.float64]
MINUTES = 60.0
ACTIONS = ("change", "stop", "leg_minutes", "leg_km", "expected_eur")
Curves = Callable[[pl.DataFrame, Mobility], Floats]


def decide(rows: pl.DataFrame, s: Mobility) -> pl.DataFrame:
    """Return the rows with the tour of each night.

    `change`: vehicles brought (+) or taken (-); `stop`: place in the tour, 0 = not visited; `leg_minutes`, `leg_km`: truck time and way
    of this stop (the way back to the depot counts with the last one); `expected_eur`: what the stop is expected to save, truck not paid.
    """
    return toured(rows, s, partial(plan_curves, damped=True), expected=plan_curves)


def plan_curves(night: pl.DataFrame, s: Mobility, *, damped: bool = False) -> Floats:
    """Return tomorrow's expected cost per station and stock in EUR (N, K + 1); damped: with the handling cost chosen on select."""
    capacity = numbers(night, "capacity")
    out, back = (night[name].to_numpy().astype(float) for name in ("plan_rent", "plan_back"))
    queue = queue_curves(out, back, capacity, s.overflow, float(night["dispersion"][0]))
    curves = mixed(queue, night["past_curve"].to_numpy().astype(float), float(night["share"][0]))
    if damped:
        curves = moving_cost(curves, numbers(night, "stock"), float(night["handling"][0]))
    return np.asarray(s.costs.lost_trip_eur * curves)


def toured(rows: pl.DataFrame, s: Mobility, curves: Curves, expected: Curves | None = None) -> pl.DataFrame:
    """Return the rows with one tour per night, planned by these curves under the user's truck and shift."""
    roads: dict[tuple[str, ...], Travel] = {}
    parts = []
    for _, night in rows.with_row_index("_row").group_by("day", maintain_order=True):
        stations = tuple(night["station"])
        if stations not in roads:
            roads[stations] = travel(night, s)
        stops = stops_of(night, curves(night, s), roads[stations])
        tour = plan_tour(stops, truck(s), seed=s.seed, iterations=s.planning.iterations)
        loss = stops.loss if expected is None or not tour.order else expected(night, s)
        parts.append(_acted(night.select("_row"), tour, stops, loss, s))
    acted = pl.concat(parts).sort("_row").drop("_row")
    return rows.hstack(acted)


def _acted(rows: pl.DataFrame, tour: Tour, stops: Stops, loss: Floats, s: Mobility) -> pl.DataFrame:
    """Return the action columns of one night."""
    made = {name: np.zeros(rows.height) for name in ACTIONS}
    here = 0
    for place, (station, change) in enumerate(zip(tour.order, tour.change, strict=True), start=1):
        there = station + 1
        work = s.truck.stop_minutes + s.truck.vehicle_minutes * abs(change)
        stock = int(stops.stock[station])
        made["change"][station], made["stop"][station] = change, place
        made["leg_minutes"][station] = stops.minutes[here, there] + work
        made["leg_km"][station] = stops.km[here, there]
        made["expected_eur"][station] = loss[station, stock] - loss[station, stock + change]
        here = there
    if tour.order:
        made["leg_minutes"][tour.order[-1]] += stops.minutes[here, 0]
        made["leg_km"][tour.order[-1]] += stops.km[here, 0]
    return named(rows.with_columns(pl.Series(name, values) for name, values in made.items()), s)


def named(rows: pl.DataFrame, s: Mobility) -> pl.DataFrame:
    """Return the rows with `tour`: the truck's name at stops, "–" elsewhere (it sorts last)."""
    return rows.with_columns(tour=pl.when(pl.col("stop") > 0).then(pl.lit(s.truck.name)).otherwise(pl.lit("–")))


def truck(s: Mobility) -> TourTruck:
    """Return the truck as the tour planner knows it."""
    return TourTruck(
        capacity=s.truck.capacity,
        shift_minutes=s.truck.shift_minutes,
        eur_per_km=s.costs.eur_per_km,
        eur_per_minute=s.costs.eur_per_hour / MINUTES,
        stop_minutes=s.truck.stop_minutes,
        bike_minutes=s.truck.vehicle_minutes,
        load=s.truck.load,
    )


def stops_of(night: pl.DataFrame, loss: Floats, road: "Travel") -> Stops:
    """Return the stations of one night for the tour planner."""
    return Stops(numbers(night, "stock"), numbers(night, "capacity"), loss, road.minutes, road.km)


@dataclass(frozen=True)
class Travel:
    """Minutes and km between depot (0) and stations; `estimated`: how many ways are great circle x 1.35."""

    minutes: Floats
    km: Floats
    estimated: int


def travel(night: pl.DataFrame, s: Mobility) -> Travel:
    """Return the user's road table where it has a way, else great circle x 1.35 at the truck's mean speed."""
    stations = night["station"].to_list()
    number = {station: index for index, station in enumerate(stations)}
    km = great_circle_km(column(night, "latitude"), column(night, "longitude")) * ROAD
    minutes = km / s.truck.speed_kmh * MINUTES
    known = np.eye(len(stations), dtype=bool)
    for origin, ways in enumerate(night["roads"].fill_null("")):
        for way in ways.split("|") if ways else ():
            time, distance, destination = way.split(" ", 2)
            if destination in number:
                there = number[destination]
                minutes[origin, there], km[origin, there], known[origin, there] = float(time), float(distance), True
    np.fill_diagonal(minutes, 0.0)
    np.fill_diagonal(km, 0.0)
    depot = number.get(s.truck.depot, 0)
    places = [depot, *range(len(stations))]
    return Travel(minutes[np.ix_(places, places)], km[np.ix_(places, places)], int((~known).sum()))
