"""What the planner of rounds is asked and what it answers."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Customers:
    """The n customers of a day.

    Parameters
    ----------
    demand
        What is delivered, in units of the vehicles' capacity (crates), (n).
    earliest, latest
        When service may begin, minutes after midnight, (n); latest may be infinite. Who comes early waits.
    service
        Minutes at the door, (n).
    minutes, km
        Travel between any two places, (n + 1, n + 1), row and column 0 = depot; may be asymmetric.
    """

    demand: Floats
    earliest: Floats
    latest: Floats
    service: Floats
    minutes: Floats
    km: Floats

    def __post_init__(self) -> None:
        n = len(self.demand)
        if any(part.shape != (n,) for part in (self.earliest, self.latest, self.service)):
            raise ValueError("demand, earliest, latest and service need one value per customer")
        if self.minutes.shape != (n + 1, n + 1) or self.km.shape != (n + 1, n + 1):
            raise ValueError("minutes and km must be (n + 1, n + 1), the depot first")
        if np.any(self.demand < 0) or np.any(self.latest < self.earliest) or min(self.minutes.min(), self.km.min()) < 0:
            raise ValueError("demand and travel must not be negative, and no window may end before it begins")


@dataclass(frozen=True)
class Vehicle:
    """A vehicle and its driver, or several alike.

    Parameters
    ----------
    capacity
        In the customers' unit of demand.
    start, end
        Not out before, not back after: minutes after midnight.
    shift_minutes
        Longest time from leaving the depot to being back.
    eur_per_km, eur_per_minute, eur_per_round
        Driving, the driver's time on the road, and what each round costs in addition.
    available
        How many there are.
    """

    name: str
    capacity: float
    start: float = 0.0
    end: float = np.inf
    shift_minutes: float = np.inf
    eur_per_km: float = 0.0
    eur_per_minute: float = 0.0
    eur_per_round: float = 0.0
    available: int = 1


@dataclass(frozen=True)
class Units:
    """Whole numbers that the solver counts in: so many per km, minute, EUR and unit of load.

    Loads are counted finely because the solver's penalty per whole unit too many is bounded: it must outweigh another round.
    """

    per_km: int = 100
    per_minute: int = 60
    per_load: int = 100
    per_eur: int = 60_000  # a multiple of 60, so that euros per minute are whole numbers per second


@dataclass(frozen=True)
class Round:
    """One vehicle's round: index of the vehicle, and the customers' indices in driving order."""

    vehicle: int
    order: tuple[int, ...]


@dataclass(frozen=True)
class Rounds:
    """All rounds of a day.

    Parameters
    ----------
    left_out
        Customers that no round could serve in time; empty unless some were allowed to be left out.
    cost
        The solver's own cost of the rounds, in `Units.per_eur` of a EUR.
    """

    rounds: tuple[Round, ...]
    left_out: tuple[int, ...]
    cost: int
