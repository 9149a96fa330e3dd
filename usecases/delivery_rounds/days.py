"""From the rows of one day to what the planner of rounds is asked, and back to action columns."""

from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipelines.decide.rounds import Customers, Round, Vehicle, drive
from usecases.delivery_rounds.settings import DeliveryRounds

Floats = NDArray[np.float64]
EARTH_KM = 6371.0
HOUR = 60.0
ACTIONS = ("load", "vehicle", "stop", "departs")


def vehicles(s: DeliveryRounds) -> list[Vehicle]:
    """Return the vehicles as the planner takes them."""
    return [
        Vehicle(name, van.capacity, van.start * HOUR, van.end * HOUR, van.shift_hours * HOUR, van.eur_per_km, van.eur_per_hour / HOUR,
                van.eur_per_round)
        for name, van in s.vehicles.items()
    ]  # fmt: skip


def customers(day: pl.DataFrame, s: DeliveryRounds, crates: str, service: str, buffer_minutes: float = 0.0) -> Customers:
    """Return the customers of a day, in row order; `crates`, `service`: the columns that hold them, empty service = as set."""
    km = road_km(tuple(day["latitude"]), tuple(day["longitude"]), s.depot.latitude, s.depot.longitude, s.roads.detour)
    opens = day["opens"].cast(pl.Float64).fill_null(0.0).to_numpy() * HOUR
    closes = day["closes"].cast(pl.Float64).fill_null(np.inf).to_numpy() * HOUR
    minutes = day[service].cast(pl.Float64).fill_null(s.planning.service_minutes).to_numpy()
    demand = day[crates].cast(pl.Float64).fill_null(0.0).clip(0).to_numpy()
    return Customers(demand, opens, np.maximum(closes - buffer_minutes, opens), minutes, km * HOUR / s.roads.km_per_hour, km)


@lru_cache(maxsize=512)
def road_km(latitude: tuple[float, ...], longitude: tuple[float, ...], depot_lat: float, depot_lon: float, detour: float) -> Floats:
    """Return km between all places, the depot first: great circle (haversine) times the detour."""
    lat, lon = np.radians([depot_lat, *latitude]), np.radians([depot_lon, *longitude])
    half = np.sin((lat[:, None] - lat) / 2) ** 2 + np.cos(lat[:, None]) * np.cos(lat) * np.sin((lon[:, None] - lon) / 2) ** 2
    return np.asarray(2 * EARTH_KM * detour * np.arcsin(np.sqrt(np.minimum(half, 1.0))))


def with_left_out(
    rounds: Sequence[Round], left_out: Sequence[int], asked: Customers, vans: Sequence[Vehicle], late_eur_per_minute: float
) -> list[Round]:
    """Return the rounds with every customer in one: who fits in nowhere goes where that costs least, late minutes included."""
    orders = {vehicle: list[int]() for vehicle in range(len(vans))} | {each.vehicle: list(each.order) for each in rounds}

    def eur(vehicle: int, order: Sequence[int]) -> float:
        driven = drive(order, vans[vehicle], asked)
        return (driven.eur(vans[vehicle]) + late_eur_per_minute * sum(driven.late)) if order else 0.0

    for customer in left_out:
        choices = []
        for vehicle, order in orders.items():
            before = eur(vehicle, order)
            for at in range(len(order) + 1):
                longer = [*order[:at], customer, *order[at:]]
                choices.append((eur(vehicle, longer) - before, vehicle, longer))
        _, vehicle, longer = min(choices)
        orders[vehicle] = longer
    return [Round(vehicle, tuple(order)) for vehicle, order in orders.items() if order]


def day_by_day(rows: pl.DataFrame, act: Callable[[pl.DataFrame], pl.DataFrame]) -> pl.DataFrame:
    """Return the rows with what `act` adds to the rows of each day, in the old order."""
    numbered = rows.with_row_index("_row")
    done = [act(day) for day in numbered.partition_by("day", maintain_order=True)]
    return pl.concat(done).sort("_row").drop("_row")


def acted(day: pl.DataFrame, rounds: Sequence[Round], asked: Customers, vans: Sequence[Vehicle]) -> pl.DataFrame:
    """Return the day's rows with load (crates planned for), vehicle, stop (1, 2 …) and departs (minutes after midnight)."""
    names, stops, departs = [""] * day.height, [0] * day.height, [0.0] * day.height
    for each in rounds:
        driven = drive(each.order, vans[each.vehicle], asked)
        for position, customer in enumerate(each.order, start=1):
            names[customer], stops[customer], departs[customer] = vans[each.vehicle].name, position, driven.departs
    return day.with_columns(
        pl.Series("load", asked.demand),
        pl.Series("vehicle", names),
        pl.Series("stop", stops, dtype=pl.Int64),
        pl.Series("departs", departs),
    )


def rounds_of(day: pl.DataFrame, vans: Sequence[Vehicle]) -> list[tuple[Round, float]]:
    """Return the rounds that the action columns of a day say, each with its departure."""
    index = {vehicle.name: place for place, vehicle in enumerate(vans)}
    found = []
    for (name,), part in day.with_row_index("_at").sort("stop").group_by("vehicle", maintain_order=True):
        found.append((Round(index[str(name)], tuple(part["_at"].to_list())), float(part["departs"][0])))
    return found
