"""What happens when a given round is driven: when it leaves, arrives, waits, is late, and goes back to load again."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from pipelines.decide.rounds.model import Customers, Vehicle

ROUNDING = 1e-9


@dataclass(frozen=True)
class Driven:
    """A driven round; minutes after midnight, per stop in driving order where plural.

    Parameters
    ----------
    begins
        When service begins: on arrival or, after waiting, when the window opens.
    late
        Minutes after the window's end, 0 when in time.
    leg_km
        Driven to each stop, ways back to the depot for more crates included.
    km, minutes
        Of the whole round, from leaving the depot to being back.
    reloads
        Times the vehicle had to go back to the depot for what did not fit.
    """

    departs: float
    begins: tuple[float, ...]
    late: tuple[float, ...]
    leg_km: tuple[float, ...]
    back: float
    km: float
    reloads: int

    @property
    def minutes(self) -> float:
        """From leaving the depot to being back."""
        return self.back - self.departs

    def eur(self, vehicle: Vehicle) -> float:
        """Cost of the round: km, the driver's minutes and the round itself."""
        return vehicle.eur_per_round + vehicle.eur_per_km * self.km + vehicle.eur_per_minute * self.minutes


def drive(order: Sequence[int], vehicle: Vehicle, customers: Customers, departs: float | None = None) -> Driven:
    """Drive the customers in this order; with no departure given, leave as late as costs nobody a minute.

    What does not fit on the vehicle is fetched: before the first customer whose demand is not on board, it goes back to the depot and
    loads again (recourse of the vehicle routing problem with stochastic demands, Dror and Trudeau 1986).
    """
    if departs is None:
        first = _drive(order, vehicle, customers, vehicle.start)
        departs = vehicle.start + _slack(order, customers, first)
    return _drive(order, vehicle, customers, departs)


def _drive(order: Sequence[int], vehicle: Vehicle, customers: Customers, departs: float) -> Driven:
    here, clock, room = 0, departs, vehicle.capacity
    begins, late, legs, reloads = [], [], [], 0
    for stop in order:
        place, demand = stop + 1, float(customers.demand[stop])
        way = [(here, place)]
        if demand > room + ROUNDING:
            more = max(ceil(demand / vehicle.capacity - ROUNDING), 1)
            way = [(here, 0), (0, place), *[(place, 0), (0, place)] * (more - 1)]
            reloads, room = reloads + more, vehicle.capacity * more
        room -= demand
        legs.append(sum(float(customers.km[leg]) for leg in way))
        clock = max(clock + sum(float(customers.minutes[leg]) for leg in way), float(customers.earliest[stop]))
        begins.append(clock)
        late.append(max(0.0, clock - float(customers.latest[stop])))
        clock, here = clock + float(customers.service[stop]), place
    back = clock + float(customers.minutes[here, 0])
    return Driven(departs, tuple(begins), tuple(late), tuple(legs), back, sum(legs) + float(customers.km[here, 0]), reloads)


def _slack(order: Sequence[int], customers: Customers, driven: Driven) -> float:
    """Return by how many minutes the departure may be put off without anybody being served too late (forward time slack, Savelsbergh 1992).

    Putting it off by more than all waiting would only bring the vehicle back later.
    """
    here, clock, waited, slack = 0, driven.departs, 0.0, float("inf")
    for stop, begins in zip(order, driven.begins, strict=True):
        waited += max(0.0, begins - clock - float(customers.minutes[here, stop + 1]))
        slack = min(slack, waited + max(0.0, float(customers.latest[stop]) - begins))
        clock, here = begins + float(customers.service[stop]), stop + 1
    return min(slack, waited)
