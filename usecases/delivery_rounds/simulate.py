"""A simulated bakery that delivers: customers around a town, standing orders that vary from day to day, and rounds fixed long ago."""

from datetime import date, timedelta

import numpy as np
import polars as pl

from pipelines.calendar import calendar
from pipelines.decide.rounds import Customers, Round, plan_rounds
from pipelines.settings import CalendarSettings
from usecases.delivery_rounds.days import HOUR, road_km, vehicles, with_left_out
from usecases.delivery_rounds.settings import DeliveryRounds

FIRST, DAYS, NEW = date(2023, 9, 4), 420, 5  # the last customers joined after the rounds were fixed
KINDS = {  # weekdays (Monday first) as a share of the usual crates; window; mean crates; closed on: public holidays, school holidays
    "Café": ((0, 0.8, 0.9, 0.9, 1.1, 1.3, 1.2), (5.5, 8.0), 3.0, False, False),
    "Kita": ((1, 1, 1, 1, 0.9, 0, 0), (6.0, 7.75), 2.0, True, True),
    "Schule": ((1, 1, 1, 1, 0.9, 0, 0), (6.5, 9.0), 5.0, True, True),
    "Kantine": ((1, 1.1, 1.1, 1.05, 0.8, 0, 0), (5.0, 9.5), 6.0, True, False),
    "Markt": ((0.9, 0.9, 0.9, 1, 1.2, 1.5, 0), (4.5, 7.0), 5.0, True, False),
    "Heim": ((1, 1, 1, 1, 1, 1, 1), (5.5, 7.5), 4.0, False, False),
}
NAMES = ("am Markt", "Lindenhof", "Nord", "Sonnenweg", "Mühlgasse", "Bahnhof", "Ostend", "Burgblick")
COUNT, NEAR_KM, FAR_KM, NOISE, CANCELLED, PER_CRATE, DOOR = 32, 1.0, 17.0, 0.22, 0.04, 0.35, 2.5


def simulate(s: DeliveryRounds) -> dict[str, pl.DataFrame]:
    """Return the tables `deliveries` (day, customer, crates, service_minutes, usual round) and `customers` (place and window)."""
    rng = np.random.default_rng([s.seed, 60])
    kinds = [list(KINDS)[number % len(KINDS)] for number in range(COUNT)]
    names = [f"{kind} {NAMES[number // len(KINDS) % len(NAMES)]}" for number, kind in enumerate(kinds)]
    far = NEAR_KM + (FAR_KM - NEAR_KM) * rng.beta(1.3, 2.2, COUNT)
    angle = rng.uniform(0, 2 * np.pi, COUNT)
    latitude = s.depot.latitude + far * np.sin(angle) / 111.2
    longitude = s.depot.longitude + far * np.cos(angle) / (111.2 * np.cos(np.radians(s.depot.latitude)))
    shift = rng.uniform(-0.25, 0.5, COUNT).round(2)
    windows = [KINDS[kind][1] for kind in kinds]
    places = pl.DataFrame(
        {
            "customer": names,
            "latitude": latitude.round(5),
            "longitude": longitude.round(5),
            "opens": [window[0] for window in windows],
            "closes": np.array([window[1] for window in windows]) + shift,
        }
    )
    size = np.array([KINDS[kind][2] for kind in kinds]) * rng.lognormal(0, 0.35, COUNT)
    crates, service = _orders(s, kinds, size, rng)
    day, customer = np.nonzero(crates)
    fixed = _fixed_rounds(s, places, size)
    deliveries = pl.DataFrame(
        {
            "day": [FIRST + timedelta(days=int(number)) for number in day],
            "customer": [names[number] for number in customer],
            "crates": crates[day, customer],
            "service_minutes": service[day, customer].round(1),
            "usual_vehicle": [fixed[int(number)][0] for number in customer],
            "usual_stop": [fixed[int(number)][1] for number in customer],
        }
    )
    return {"deliveries": deliveries, "customers": places}


def _orders(s: DeliveryRounds, kinds: list[str], size: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return crates (0 = no delivery) and minutes at the door, days x customers."""
    dates = calendar(FIRST, FIRST + timedelta(days=DAYS - 1), CalendarSettings(state=s.calendar.state)).sort("day")
    feast, school = dates["public_holiday"].to_numpy()[:, None], dates["school_holiday"].to_numpy()[:, None]
    weekday = np.array([(FIRST.weekday() + number) % 7 for number in range(DAYS)])
    pattern = np.array([KINDS[kind][0] for kind in kinds]).T[weekday]
    closed = (feast & np.array([KINDS[kind][3] for kind in kinds])) | (school & np.array([KINDS[kind][4] for kind in kinds]))
    common = rng.lognormal(0, NOISE / 2, (DAYS, 1))
    crates = np.ceil(size * pattern * common * rng.lognormal(0, NOISE, (DAYS, COUNT)))
    crates[closed | (rng.random((DAYS, COUNT)) < CANCELLED)] = 0
    for number in range(NEW):  # new customers, one after the other
        crates[: 40 + 25 * number, COUNT - 1 - number] = 0
    return crates, (DOOR + PER_CRATE * crates) * rng.lognormal(0, 0.25, (DAYS, COUNT))


def _fixed_rounds(s: DeliveryRounds, places: pl.DataFrame, size: np.ndarray) -> dict[int, tuple[str, int]]:
    """Return vehicle and stop per customer: rounds well planned for the first customers on a usual day; who came later was added."""
    vans = vehicles(s)
    km = road_km(tuple(places["latitude"]), tuple(places["longitude"]), s.depot.latitude, s.depot.longitude, s.roads.detour)
    windows = [places[name].to_numpy() * HOUR for name in ("opens", "closes")]
    everybody = Customers(size, windows[0], windows[1] - 10, DOOR + PER_CRATE * size, km * HOUR / s.roads.km_per_hour, km)
    first = COUNT - NEW
    old = slice(0, first)
    early = Customers(
        size[old], windows[0][old], everybody.latest[old], everybody.service[old],
        everybody.minutes[: first + 1, : first + 1], km[: first + 1, : first + 1],
    )  # fmt: skip
    planned = plan_rounds(early, vans, seed=s.seed, iterations=200, all_served=False)
    rounds: list[Round] = with_left_out(
        planned.rounds, [*planned.left_out, *range(first, COUNT)], everybody, vans, s.costs.late_eur_per_minute
    )
    return {customer: (vans[each.vehicle].name, stop) for each in rounds for stop, customer in enumerate(each.order, start=1)}
