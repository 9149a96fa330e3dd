"""Target stocks without a tour: how many vehicles each station should start with when each moved one costs the same.

Separable convex costs under one sum constraint: taking the cheapest next vehicle again and again is optimal (Gross 1956; Fox 1966,
Discrete optimization via marginal analysis). Here all marginal costs are sorted at once, which picks the same vehicles.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def moving_cost(curves: Floats, stock: Ints, handling: float) -> Floats:
    """Return the curves with the cost of handling added: `handling` per vehicle by which a station departs from today's stock (N).

    A moved vehicle is loaded once and unloaded once, so it is paid at two stations. Convex curves stay convex.
    """
    return np.asarray(curves + handling * np.abs(np.arange(curves.shape[1]) - stock[:, None]))


def allocate(curves: Floats, total: int) -> Ints:
    """Return the stock per station (N) that costs least when all stations together hold `total` vehicles.

    Parameters
    ----------
    curves
        Cost per station and stock (N, K + 1), convex, inf beyond a station's capacity.

    Raises
    ------
    ValueError
        When the stations cannot hold `total` vehicles.
    """
    ahead = curves[:, 1:]
    steps = np.subtract(ahead, curves[:, :-1], out=np.full(ahead.shape, np.inf), where=np.isfinite(ahead))
    steps = np.maximum.accumulate(steps, axis=1)  # rounding must not let a later vehicle come before an earlier one
    station, _ = np.divmod(np.arange(steps.size), steps.shape[1])
    flat = steps.ravel()
    order = np.argsort(flat, kind="stable")[:total]
    if total < 0 or (total and not np.isfinite(flat[order[-1]])) or len(order) < total:
        raise ValueError(f"the stations hold {int(np.isfinite(flat).sum())} vehicles, not {total}")
    return np.bincount(station[order], minlength=len(curves)).astype(np.int64)
