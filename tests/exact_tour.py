"""Made-up nights and an exact tour by a dynamic program over (visited set, last stop, load); shares no code with the planner."""

import numpy as np

from pipelines.decide.tour import Stops, Truck


def night(seed: int, n: int, *, value: float = 10.0, box_km: float = 4.0) -> Stops:
    """Return random stations with convex losses and asymmetric travel times."""
    rng = np.random.default_rng(seed)
    capacity = rng.integers(6, 21, n)
    stock = np.array([rng.integers(0, docks + 1) for docks in capacity])
    wanted = rng.uniform(0, 1, n) * capacity
    levels = np.arange(capacity.max() + 1)
    short, long = rng.uniform(0.05, 0.5, (2, n, 1)) * value
    gap = levels - wanted[:, None]
    loss = np.logaddexp(0, -gap) * short + np.logaddexp(0, gap) * long * 0.5
    loss[levels > capacity[:, None]] = np.inf
    places = rng.uniform(0, box_km, (n + 1, 2))
    km = 1.35 * np.linalg.norm(places[:, None] - places[None], axis=2)
    minutes = km * 60 / 22 * rng.uniform(0.85, 1.3, km.shape)
    np.fill_diagonal(minutes, 0)
    return Stops(stock, capacity, loss, minutes, km)


def truck(**changes: float) -> Truck:
    usual = {"capacity": 20, "shift_minutes": 1e6, "eur_per_km": 0.4, "eur_per_minute": 0.75, "stop_minutes": 2.0, "bike_minutes": 1.0}
    return Truck(**(usual | changes))  # type: ignore[arg-type]


def exact_eur(stops: Stops, truck: Truck) -> float:
    """Return the best worth of a tour in EUR when time is not limited."""
    n, loads = len(stops.stock), np.arange(truck.capacity + 1)
    drive = truck.eur_per_km * stops.km + truck.eur_per_minute * stops.minutes
    step = np.full((n, len(loads), len(loads)), -np.inf)
    for i in range(n):
        for before in loads:
            for after in loads:
                bikes = stops.stock[i] + before - after
                if 0 <= bikes <= stops.capacity[i] and before != after:
                    minutes = truck.stop_minutes + truck.bike_minutes * abs(int(before) - int(after))
                    step[i, before, after] = stops.loss[i, stops.stock[i]] - stops.loss[i, bikes] - truck.eur_per_minute * minutes
    begin = np.full(len(loads), -np.inf)
    begin[truck.load] = 0.0
    if truck.any_load:
        begin[:] = 0.0
    back = loads <= (truck.capacity if truck.any_load else truck.load)
    best, value = 0.0, np.full((1 << n, n, len(loads)), -np.inf)
    for visited in range(1 << n):
        for_next = begin[None] - drive[0, 1:, None] if visited == 0 else (value[visited][:, None] - drive[1:, 1:, None]).max(axis=0)
        arrived = (for_next[:, :, None] + step).max(axis=1)
        if visited:
            best = max(best, float((value[visited][:, back] - drive[1:, 0, None]).max()))
        for i in range(n):
            if not visited >> i & 1:
                value[visited | 1 << i, i] = np.maximum(value[visited | 1 << i, i], arrived[i])
    return best
