"""What the tour planner is asked and what it answers."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Stops:
    """The n stations tonight.

    Parameters
    ----------
    stock, capacity
        Bikes there now and docks, each (n); 0 ≤ stock ≤ capacity.
    loss
        Expected cost of tomorrow in EUR for each stock, (n, max capacity + 1); infinite beyond the station's capacity. Convex rows
        are usual, not required.
    minutes, km
        Travel between any two places, (n + 1, n + 1), row and column 0 = depot; may be asymmetric.
    """

    stock: Ints
    capacity: Ints
    loss: Floats
    minutes: Floats
    km: Floats

    def __post_init__(self) -> None:
        n = len(self.stock)
        if self.capacity.shape != (n,) or self.loss.shape[:1] != (n,) or self.minutes.shape != (n + 1, n + 1) != self.km.shape:
            raise ValueError("capacity must be (n), loss (n, most docks + 1), minutes and km (n + 1, n + 1)")
        if np.any(self.stock < 0) or np.any(self.stock > self.capacity) or self.loss.shape[1] <= self.capacity.max(initial=0):
            raise ValueError("stock must lie between 0 and capacity, and loss needs a column for every stock up to the largest capacity")
        if not (np.isfinite(self.minutes).all() and np.isfinite(self.km).all() and min(self.minutes.min(), self.km.min()) >= 0):
            raise ValueError("minutes and km must be finite and not negative")


@dataclass(frozen=True)
class Truck:
    """The truck and its shift.

    Parameters
    ----------
    capacity
        Bikes on board at most.
    shift_minutes
        Longest time from leaving the depot to being back, work at the stops included.
    eur_per_km, eur_per_minute
        What driving and the driver's time cost.
    stop_minutes, bike_minutes
        Fixed time per stop, and time per bike loaded or unloaded.
    load
        Bikes on board when it leaves the depot; at most so many are brought back (so a truck that starts empty ends empty).
    any_load
        It may leave with any load and bring back any load, as in the one-commodity pickup and delivery problem.
    """

    capacity: int
    shift_minutes: float
    eur_per_km: float
    eur_per_minute: float
    stop_minutes: float
    bike_minutes: float
    load: int = 0
    any_load: bool = False

    def __post_init__(self) -> None:
        costs = (self.shift_minutes, self.eur_per_km, self.eur_per_minute, self.stop_minutes, self.bike_minutes)
        if self.capacity < 1 or not 0 <= self.load <= self.capacity or not min(costs) >= 0:
            raise ValueError("capacity must be at least 1, load between 0 and capacity, times and costs not negative")


@dataclass(frozen=True)
class Tour:
    """What to do tonight.

    Parameters
    ----------
    order
        Station indices in driving order; empty = no tour tonight.
    change
        Per stop: + bikes unloaded at the station, − bikes loaded there.
    minutes, km
        Of the whole tour, from depot to depot.
    eur_truck
        Driving and the driver's time.
    eur_saved
        Expected loss saved, before the truck is paid.
    """

    order: tuple[int, ...]
    change: tuple[int, ...]
    minutes: float
    km: float
    eur_truck: float
    eur_saved: float

    @property
    def eur(self) -> float:
        """What the tour is worth: loss saved less the truck."""
        return self.eur_saved - self.eur_truck


NO_TOUR = Tour((), (), 0.0, 0.0, 0.0, 0.0)


def measured(order: tuple[int, ...], change: tuple[int, ...], stops: Stops, truck: Truck) -> Tour:
    """Return the tour with its minutes, km and euros added up."""
    if not order:
        return NO_TOUR
    at, moved = np.array(order), np.array(change)
    places = np.concatenate([[0], at + 1, [0]])
    km = float(stops.km[places[:-1], places[1:]].sum())
    minutes = float(stops.minutes[places[:-1], places[1:]].sum() + truck.stop_minutes * len(at) + truck.bike_minutes * np.abs(moved).sum())
    saved = float((stops.loss[at, stops.stock[at]] - stops.loss[at, stops.stock[at] + moved]).sum())
    return Tour(order, change, minutes, km, truck.eur_per_km * km + truck.eur_per_minute * minutes, saved)
