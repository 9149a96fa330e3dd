"""A simulated city whose true demand is known: also the trips that nobody could make because no vehicle was there."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from heapq import heappop, heappush

import numpy as np
import polars as pl
from numpy.typing import NDArray

from usecases.mobility.packed import HOURS, MINUTES, ROAD, great_circle_km

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Riding = tuple[int, int, int, int, int, int]  # end, number, start, vehicle, origin, wanted destination
KINDS = ("home", "work", "station", "leisure")
NAMES = ("Lindenweg", "Gewerbepark", "Hauptbahnhof", "Stadtpark", "Südstadt", "Klinikum", "Rathaus", "Seeufer", "Weststadt", "Technikum",
         "Ostbahnhof", "Schwimmbad", "Gartenstadt", "Messe", "Universität", "Altstadt")  # fmt: skip
# departures by hour of a working day, and of a day off, per kind of place; sums are one day
WORKDAY = {
    "home": (7, 8, 9, 17), "work": (16, 17, 18, 12), "station": (7, 8, 17, 18), "leisure": (15, 19, 20, 21),
}  # fmt: skip
DAY_OFF = (11, 12, 14, 15, 16, 18)
PULL = {
    "morning": {"home": 0.2, "work": 3.0, "station": 1.2, "leisure": 0.2},
    "evening": {"home": 3.0, "work": 0.2, "station": 1.2, "leisure": 1.0},
}
NOON, KMH, WANDER, CENTRE = 12, 13.0, 0.35, (52.02, 8.53)
WEEKEND, WEEKEND_LEVEL, SUMMER, GROWTH = 5, 0.8, 0.25, 0.15
DEPOT_HOUR, MOST_MOVED, FULL, BARE = 3, 8, 0.75, 0.2


@dataclass(frozen=True)
class CitySettings:
    """Which city: stations, days, trips per station and day, how much a day differs from what was to be expected."""

    seed: int = 1
    stations: int = 10
    days: int = 364
    first: date = date(2024, 3, 4)
    trips: float = 7.0
    noise: float = 0.25
    vehicles: float = 0.5  # per dock


@dataclass
class City:
    """Simulated tables, and the truth beside them: every wanted trip with `served`."""

    stations: pl.DataFrame
    trips: pl.DataFrame
    wanted: pl.DataFrame = field(repr=False)
    rates: Floats = field(repr=False)  # expected wanted trips (days, stations, hours)


def simulate(settings: CitySettings) -> City:
    """Ride all wanted trips hour by hour with the vehicles there are; an operator mends the worst stations at night."""
    draw = np.random.default_rng([settings.seed, 20])
    stations, kinds, distance, rates = _built(settings, draw)
    wanted = _wanted(settings, rates, kinds, distance, draw)
    trips, served = _ridden(settings, wanted, stations["capacity"].to_numpy().astype(int), distance)
    names = stations["station"].to_numpy()
    truth = _table(settings, wanted, names).with_columns(pl.Series("served", served))
    moments = {
        name: [datetime.combine(settings.first, datetime.min.time()) + timedelta(minutes=int(m)) for m in trips[name]]
        for name in ("start", "end")
    }
    table = pl.DataFrame({**moments, "vehicle": [f"R{number:03d}" for number in trips["vehicle"]], "origin": names[trips["origin"]],
                          "destination": names[trips["destination"]]})  # fmt: skip
    return City(stations, table.sort("start", maintain_order=True), truth, rates)


def wanted_again(settings: CitySettings, number: int) -> pl.DataFrame:
    """Return what people could have wanted just as well in the same city on the same days: another draw of the same rates."""
    stations, kinds, distance, rates = _built(settings, np.random.default_rng([settings.seed, 20]))
    wanted = _wanted(settings, rates, kinds, distance, np.random.default_rng([settings.seed, 21, number]))
    return _table(settings, wanted, stations["station"].to_numpy())


def _built(settings: CitySettings, draw: np.random.Generator) -> tuple[pl.DataFrame, list[str], Floats, Floats]:
    """Return stations, their kinds, road km between them and expected wanted trips."""
    stations, kinds = _stations(settings, draw)
    distance = great_circle_km(stations["latitude"].to_numpy(), stations["longitude"].to_numpy()) * ROAD
    return stations, kinds, distance, _rates(settings, kinds, draw)


def _table(settings: CitySettings, wanted: dict[str, Ints], names: NDArray[np.object_]) -> pl.DataFrame:
    """Return wanted trips with days and station ids."""
    table = pl.DataFrame({"day": wanted["day"], "station": names[wanted["origin"]], "minute": wanted["minute"],
                          "back": wanted["minute"] + wanted["length"], "destination": names[wanted["destination"]]})  # fmt: skip
    return table.with_columns(day=pl.lit(settings.first) + pl.duration(days=pl.col("day")))


def _stations(settings: CitySettings, draw: np.random.Generator) -> tuple[pl.DataFrame, list[str]]:
    n = settings.stations
    kinds = [KINDS[number % len(KINDS)] for number in range(n)]
    angle, away = draw.uniform(0, 2 * np.pi, n), draw.uniform(0.2, 2.6, n)
    latitude = CENTRE[0] + away * np.sin(angle) / 111.2
    longitude = CENTRE[1] + away * np.cos(angle) / (111.2 * np.cos(np.radians(CENTRE[0])))
    names = [NAMES[number % len(NAMES)] + (f" {number // len(NAMES) + 1}" if number >= len(NAMES) else "") for number in range(n)]
    table = {"station": [f"S{number + 1:02d}" for number in range(n)], "name": names, "latitude": latitude.round(5),
             "longitude": longitude.round(5), "capacity": draw.integers(10, 22, n).astype(float)}  # fmt: skip
    return pl.DataFrame(table), kinds


def _rates(settings: CitySettings, kinds: list[str], draw: np.random.Generator) -> Floats:
    """Return expected wanted trips per day, station and hour."""
    level = settings.trips * draw.gamma(6.0, 1 / 6.0, settings.stations)
    shapes = np.full((2, settings.stations, HOURS), 0.012)
    shapes[:, :, :6] = 0.002
    for number, kind in enumerate(kinds):
        for hours, kind_of_day in ((WORKDAY[kind], 0), (DAY_OFF, 1)):
            shapes[kind_of_day, number, list(hours)] += 0.8 / len(hours)
    shapes /= shapes.sum(axis=2, keepdims=True)
    days = [settings.first + timedelta(days=day) for day in range(settings.days)]
    off = np.array([day.weekday() >= WEEKEND for day in days]).astype(int)
    season = 1 + SUMMER * np.cos(2 * np.pi * (np.array([day.timetuple().tm_yday for day in days]) - 196) / 365.25)
    factor = season * (1 + GROWTH * np.arange(settings.days) / 365.25) * np.where(off, WEEKEND_LEVEL, 1.0)
    return np.asarray(level[None, :, None] * shapes[off] * factor[:, None, None])


def _wanted(settings: CitySettings, rates: Floats, kinds: list[str], distance: Floats, draw: np.random.Generator) -> dict[str, Ints]:
    """Return every wanted trip in order of time: day, origin, minute of the day, destination, length in minutes."""
    luck = draw.gamma(1 / settings.noise**2, settings.noise**2, (settings.days, 1, 1))  # weather: one factor for the whole city and day
    counts = draw.poisson(rates * luck)
    day, origin, hour = (np.repeat(index, counts.ravel()) for index in np.unravel_index(np.arange(counts.size), counts.shape))
    minute = hour * MINUTES + draw.integers(0, MINUTES, len(hour))
    near = np.exp(-distance / 3.0)
    np.fill_diagonal(near, 0.12)
    chance = {part: near * np.array([pull[kind] for kind in kinds]) for part, pull in PULL.items()}
    steps = {part: np.cumsum(table / table.sum(axis=1, keepdims=True), axis=1) for part, table in chance.items()}
    drawn = draw.random(len(hour))[:, None]
    destination = np.where(hour < NOON, (steps["morning"][origin] < drawn).sum(axis=1), (steps["evening"][origin] < drawn).sum(axis=1))
    destination = np.minimum(destination, settings.stations - 1)
    length = 3 + distance[origin, destination] / KMH * MINUTES * np.exp(draw.normal(0, WANDER, len(hour)))
    length = np.where(origin == destination, draw.integers(15, 90, len(hour)), length)
    order = np.lexsort((origin, minute, day))
    made = {"day": day, "origin": origin, "minute": minute, "destination": destination, "length": length.astype(np.int64)}
    return {name: values[order] for name, values in made.items()}


def _ridden(settings: CitySettings, wanted: dict[str, Ints], capacity: Ints, distance: Floats) -> tuple[dict[str, list[int]], list[bool]]:
    """Return the trips that could be made, and which wanted ones these are."""
    racks: list[list[int]] = [[] for _ in capacity]
    for vehicle in range(int(capacity.sum() * settings.vehicles)):
        racks[vehicle % len(racks)].append(vehicle)
    nearest = np.argsort(distance, axis=1, kind="stable").tolist()
    trips: dict[str, list[int]] = {name: [] for name in ("start", "end", "vehicle", "origin", "destination")}
    served: list[bool] = []
    riding: list[Riding] = []
    night = 1
    for day, origin, minute, destination, length in zip(
        *(wanted[name].tolist() for name in ("day", "origin", "minute", "destination", "length")), strict=True
    ):
        now = day * HOURS * MINUTES + minute
        while night * HOURS * MINUTES + DEPOT_HOUR * MINUTES <= now:
            _bring(riding, racks, capacity, nearest, trips, night * HOURS * MINUTES + DEPOT_HOUR * MINUTES)
            _mended(racks, capacity)
            night += 1
        _bring(riding, racks, capacity, nearest, trips, now)
        served.append(bool(racks[origin]))
        if racks[origin]:
            heappush(riding, (now + length, len(served), now, racks[origin].pop(0), origin, destination))
    _bring(riding, racks, capacity, nearest, trips, np.iinfo(np.int64).max)
    return trips, served


def _bring(
    riding: list[Riding], racks: list[list[int]], capacity: Ints, nearest: list[list[int]], trips: dict[str, list[int]], until: int
) -> None:
    while riding and riding[0][0] <= until:
        end, _, start, vehicle, origin, wanted = heappop(riding)
        station = next((other for other in nearest[wanted] if len(racks[other]) < capacity[other]), wanted)
        racks[station].append(vehicle)
        for name, value in (("start", start), ("end", end), ("vehicle", vehicle), ("origin", origin), ("destination", station)):
            trips[name].append(value)


def _mended(racks: list[list[int]], capacity: Ints) -> None:
    """Move a few vehicles from the fullest to the emptiest stations: the operator's habit."""
    for _ in range(MOST_MOVED):
        fill = np.array([len(rack) for rack in racks]) / capacity
        full, bare = int(fill.argmax()), int(fill.argmin())
        if fill[full] < FULL and fill[bare] > BARE:
            return
        if full == bare or len(racks[full]) <= 1:
            return
        racks[bare].append(racks[full].pop())
