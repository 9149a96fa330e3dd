"""Why a station is in the tour or out of it: a key of the text catalogue `tour` and the values its sentence needs."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from pipelines.decide.tour.model import Stops, Tour, Truck
from pipelines.decide.tour.neighbours import Around
from pipelines.decide.tour.quantities import TOLERANCE, gains, tables
from pipelines.texts import Lang, number, text


@dataclass(frozen=True)
class Reason:
    """Why a station is in or out.

    Keys: `unload`, `load` (in the tour: gain_eur of the station, detour_eur and detour_minutes saved by leaving it out), `fine` (no change
    lowers its loss), `no_tour` (no tour pays tonight), `detour` (its best gain is below the cheapest detour), `shift` (would pay, but there
    is no time left), `bikes` (would pay, but the bikes or the room on the truck are worth more elsewhere).
    """

    key: str
    values: Mapping[str, float]

    def sentence(self, lang: Lang) -> str:
        """Return the reason in words."""
        digits = {"gain_eur": 2, "loss_eur": 2, "detour_eur": 2}
        shown = {name: number(value, lang, digits.get(name, 0)) for name, value in self.values.items()}
        if "bikes" in shown:
            shown["bikes"] = text("tour.amount", lang, count=shown["bikes"])
        return text(f"tour.{self.key}", lang, **shown)


def stop_reasons(tour: Tour, stops: Stops, truck: Truck) -> list[Reason]:
    """Return one reason per station, in station order."""
    t = tables(stops, truck)
    around = Around(t, tour.order)
    handling = truck.eur_per_minute * truck.bike_minutes * np.abs(np.arange(-truck.capacity, truck.capacity + 1))
    single = gains(stops, truck.capacity) - handling
    inserted = np.stack([around.between(at, at) for at in range(len(tour.order) + 1)]).max(axis=0)
    return [
        _inside(tour, stops, truck, tour.order.index(station))
        if station in tour.order
        else _outside(tour, t.travel[0], stops, truck, (station, single[station], float(inserted[station])))
        for station in range(len(stops.stock))
    ]


def _inside(tour: Tour, stops: Stops, truck: Truck, at: int) -> Reason:
    station, change = tour.order[at], tour.change[at]
    places = (0, *(stop + 1 for stop in tour.order), 0)
    left, here, right = places[at : at + 3]
    km, minutes = (float(m[left, here] + m[here, right] - m[left, right]) for m in (stops.km, stops.minutes))
    minutes += truck.stop_minutes + truck.bike_minutes * abs(change)
    gain = float(stops.loss[station, stops.stock[station]] - stops.loss[station, stops.stock[station] + change])
    values = {
        "bikes": abs(change),
        "stock": int(stops.stock[station]),
        "after": int(stops.stock[station]) + change,
        "gain_eur": gain,
        "loss_eur": -gain,
        "detour_minutes": minutes,
        "detour_eur": truck.eur_per_km * km + truck.eur_per_minute * minutes,
    }
    return Reason("unload" if change > 0 else "load", values)


def _outside(tour: Tour, travel: np.ndarray, stops: Stops, truck: Truck, found: tuple[int, np.ndarray, float]) -> Reason:
    station, single, inserted = found
    best = int(single.argmax())
    gain = float(single[best])
    if gain <= TOLERANCE:
        return Reason("fine", {"stock": int(stops.stock[station])})
    places = np.array([0, *(stop + 1 for stop in tour.order), 0])
    here = station + 1
    detour = travel[places[:-1], here] + travel[here, places[1:]] - travel[places[:-1], places[1:]]
    at = int(detour.argmin())
    minutes = stops.minutes[places[at], here] + stops.minutes[here, places[at + 1]] - stops.minutes[places[at], places[at + 1]]
    cost = float(detour[at]) + truck.eur_per_minute * truck.stop_minutes
    late = float(minutes) + truck.stop_minutes
    values = {
        "gain_eur": gain,
        "bikes": abs(best - truck.capacity),
        "detour_minutes": late,
        "detour_eur": cost,
    }
    if not tour.order:
        return Reason("no_tour", values)
    if gain <= cost:
        return Reason("detour", values)
    too_long = tour.minutes + late + truck.bike_minutes > truck.shift_minutes
    return Reason("shift" if too_long or inserted > tour.eur + TOLERANCE else "bikes", values)
