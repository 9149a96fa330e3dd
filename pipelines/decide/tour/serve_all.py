"""Every station must be served in full: one-commodity pickup and delivery (Dell'Amico et al. 2014, The bike sharing rebalancing problem).

Told to the planner as stops whose loss is prohibitive until their demand is served; the truck starts and ends with any load. A second
round is one more stop at the depot, where any number of bikes may be loaded or unloaded.
"""

from pathlib import Path

import numpy as np

from pipelines.decide.tour.model import Floats, Ints, Stops, Truck


def served_in_full(demand: Ints, capacity: int, cost: Floats, rounds: int = 2) -> tuple[Stops, Truck, float]:
    """Return stops, truck and the loss of a station not served (EUR, larger than any tour).

    `demand`: bikes to unload (+) or load (−) per station, none 0, (n); `cost`: of travel, (n + 1, n + 1), row and column 0 = depot;
    `rounds`: at most, each from the depot to the depot. The stops after the n stations are returns to the depot.
    """
    if not demand.all():
        raise ValueError("every station needs a demand")
    n, returns = len(demand), rounds - 1
    places = np.concatenate([np.arange(n + 1), np.zeros(returns, dtype=np.int64)])
    travel = np.where(np.eye(n + 1, dtype=bool), 0.0, cost)[places[:, None], places]
    unserved = 1.0 + 2.0 * float(travel.max(axis=1).sum())
    stock = np.concatenate([np.maximum(-demand, 0), np.full(returns, capacity)])
    docks = np.concatenate([np.abs(demand), np.full(returns, 2 * capacity)])
    loss = np.where(np.arange(docks.max() + 1) <= docks[:, None], 0.0, np.inf)
    loss[:n] = np.inf
    loss[np.arange(n), stock[:n]], loss[np.arange(n), stock[:n] + demand] = unserved, 0.0
    truck = Truck(capacity, float("inf"), 1.0, 0.0, 0.0, 0.0, any_load=True)
    return Stops(stock, docks, loss, np.zeros_like(travel), travel), truck, unserved


def read_dellamico(file: Path) -> tuple[Ints, int, Floats]:
    """Read an instance of Dell'Amico et al. (2014): return demand per station (without depot), truck capacity and the cost matrix."""
    words = file.read_text(encoding="ascii").split()
    n = int(words[0])
    numbers = np.array(words[1:], dtype=float)
    if len(numbers) != n + 1 + n * n:
        raise ValueError(f"{file.name}: {n} places need {n + 1 + n * n} numbers after the first, found {len(numbers)}")
    return numbers[1:n].astype(np.int64), int(numbers[n]), numbers[n + 1 :].reshape(n, n)
