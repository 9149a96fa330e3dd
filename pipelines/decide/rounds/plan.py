"""Rounds by PyVRP (Wouda, Lan and Kool 2024, PyVRP: a high-performance VRP solver package, INFORMS Journal on Computing 36)."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pipelines.decide.rounds.model import Customers, Round, Rounds, Units, Vehicle
from pipelines.errors import InputError

ITERATIONS = 300
NEVER = int(np.iinfo(np.int64).max)
MISSED_EUR = 1000.0  # more than any customer's detour: left out only where nothing else is possible


def plan_rounds(  # noqa: PLR0913
    customers: Customers,
    vehicles: Sequence[Vehicle],
    *,
    seed: int,
    iterations: int = ITERATIONS,
    all_served: bool = True,
    units: Units | None = None,
    stop: Callable[[float], bool] | None = None,
) -> Rounds:
    """Return the cheapest rounds found; the same seed and number of iterations give the same rounds.

    Parameters
    ----------
    all_served
        Every customer must be served. If not, those that fit in no round are left out and named.
    stop
        Replaces the number of iterations: is asked with the best cost so far whether to stop.

    Raises
    ------
    InputError
        When every customer must be served and no such rounds were found.
    """
    from pyvrp import Solution, solve
    from pyvrp.stop import MaxIterations

    if not len(customers.demand):
        return Rounds((), (), 0)
    problem = problem_data(customers, vehicles, units or Units(), all_served=all_served)
    criterion: Any = stop or MaxIterations(iterations)
    best = solve(problem, criterion, seed=seed, collect_stats=False, display=False).best
    if not best.is_feasible() and not all_served:  # start from nobody served, which is allowed here
        best = solve(problem, criterion, seed=seed, collect_stats=False, display=False, initial_solution=Solution(problem, [])).best
    if not best.is_feasible():
        raise InputError("rounds.impossible", customers=len(customers.demand), vehicles=sum(vehicle.available for vehicle in vehicles))
    orders = [(route.vehicle_type(), tuple(int(visit.idx) for visit in route if visit.is_client())) for route in best.routes()]
    rounds = tuple(Round(vehicle, order) for vehicle, order in orders)
    served = {stop for each in rounds for stop in each.order}
    left_out = tuple(sorted(set(range(len(customers.demand))) - served))
    return Rounds(rounds, left_out, round(best.distance_cost() + best.duration_cost() + best.fixed_vehicle_cost()))


def problem_data(customers: Customers, vehicles: Sequence[Vehicle], units: Units, *, all_served: bool = True) -> Any:
    """Return the customers and vehicles as PyVRP's whole numbers: demand rounded up, windows rounded inwards."""
    from pyvrp import Client, Depot, Location, ProblemData, VehicleType

    missed = {"required": True} if all_served else {"required": False, "prize": round(MISSED_EUR * units.per_eur)}
    minute = units.per_minute
    clients = [
        Client(
            location=place,
            delivery=[int(np.ceil(demand * units.per_load - 1e-9))],
            service_duration=round(service * minute),
            tw_early=int(np.ceil(earliest * minute - 1e-9)),
            tw_late=_whole(latest, minute),
            **missed,
        )
        for place, (demand, service, earliest, latest) in enumerate(
            zip(customers.demand, customers.service, customers.earliest, customers.latest, strict=True), start=1
        )
    ]
    kinds = [
        VehicleType(
            num_available=vehicle.available,
            capacity=[_whole(vehicle.capacity, units.per_load)],
            fixed_cost=round(vehicle.eur_per_round * units.per_eur),
            tw_early=int(np.ceil(vehicle.start * minute - 1e-9)),
            tw_late=_whole(vehicle.end, minute),
            shift_duration=_whole(vehicle.shift_minutes, minute),
            unit_distance_cost=round(vehicle.eur_per_km * units.per_eur / units.per_km),
            unit_duration_cost=round(vehicle.eur_per_minute * units.per_eur / minute),
        )
        for vehicle in vehicles
    ]
    km: Any = np.round(customers.km * units.per_km).astype(np.int64)
    minutes: Any = np.round(customers.minutes * minute).astype(np.int64)
    return ProblemData([Location(0, 0)] * len(km), clients, [Depot(location=0)], kinds, [km], [minutes])


def _whole(value: float, per: int) -> int:
    return NEVER if np.isinf(value) else int(np.floor(value * per + 1e-9))
