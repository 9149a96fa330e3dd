"""The newsvendor: how many pieces to make when each missing one costs `underage` and each left-over one `overage`.

Source: Arrow, Harris and Marschak (1951), Optimal inventory policy; Zipkin (2000), Foundations of Inventory Management, ch. 9.
All quantities in pieces (or the target's unit), all costs in euros per piece. N rows, L quantile levels.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

Floats = NDArray[np.float64]
SCENARIOS = 40  # equally likely demands that stand for the distribution when an expected cost is needed


def critical_ratio(underage: Floats, overage: Floats) -> Floats:
    """Return underage / (underage + overage): the share of days on which demand should be covered."""
    return np.asarray(underage / (underage + overage))


def quantile_at(levels: Floats, quantiles: Floats, at: Floats) -> Floats:
    """Return the quantile of each row at its own level.

    Parameters
    ----------
    levels
        Ascending levels (L) in (0, 1).
    quantiles
        Forecast quantiles (N, L), ascending per row.
    at
        Wanted levels, one per row (N) or several (N, M).

    Notes
    -----
    Linear between levels on the scale of normal scores; beyond the outermost levels the last slope goes on.
    """
    flat = at.reshape(len(quantiles), -1 if at.size else 0)
    if len(levels) == 1:
        return np.asarray(np.maximum(np.broadcast_to(quantiles, flat.shape), 0).reshape(at.shape))
    scores, wanted = ndtri(levels), ndtri(flat)
    right = np.clip(np.searchsorted(scores, wanted), 1, len(levels) - 1)
    share = (wanted - scores[right - 1]) / (scores[right] - scores[right - 1])
    rows = np.arange(len(quantiles))[:, None]
    low, high = quantiles[rows, right - 1], quantiles[rows, right]
    found = np.where(share == 0, low, np.where(share == 1, high, low + share * (high - low)))
    return np.asarray(np.maximum(found, 0).reshape(at.shape))


def scenarios(levels: Floats, quantiles: Floats, number: int = SCENARIOS) -> Floats:
    """Return equally likely demands (N, number): the quantiles at the middles of `number` equal shares."""
    middles = (np.arange(number) + 0.5) / number
    return quantile_at(levels, quantiles, np.broadcast_to(middles, (len(quantiles), number)))


def expected_cost(order: Floats, demand: Floats, underage: Floats, overage: Floats) -> Floats:
    """Return the mean cost per row of ordering `order` (N) when the scenarios `demand` (N, M) are equally likely."""
    gap = order[:, None] - demand
    return np.asarray((np.maximum(gap, 0) * overage[:, None] + np.maximum(-gap, 0) * underage[:, None]).mean(axis=1))


@dataclass(frozen=True)
class Limits:
    """What an order must respect, per row (N).

    Parameters
    ----------
    tray
        Pieces per tray; orders are whole trays. 0: any quantity.
    display
        Minimum display in pieces: at least this much is ordered (rounded up to trays).
    group
        Number of the group that shares one oven (branch and day).
    capacity
        Trays the group's oven can bake (inf: no limit).
    """

    tray: Floats
    display: Floats
    group: NDArray[np.int64]
    capacity: Floats


def order(levels: Floats, quantiles: Floats, underage: Floats, overage: Floats, limits: Limits) -> Floats:
    """Return the order per row: the critical quantile, moved to whole trays, display and capacity by expected cost.

    The expected cost is convex in the order, so the best whole tray is the one below or above the critical quantile.
    """
    exact = quantile_at(levels, quantiles, critical_ratio(underage, overage))
    tray = np.where(limits.tray > 0, limits.tray, 1.0)
    demand = scenarios(levels, quantiles)
    below, above = np.floor(exact / tray) * tray, np.ceil(exact / tray) * tray
    cheaper = expected_cost(below, demand, underage, overage) <= expected_cost(above, demand, underage, overage)
    whole = np.where(cheaper, below, above)
    floor = np.where(limits.tray > 0, np.ceil(limits.display / tray) * tray, limits.display)
    chosen = np.maximum(np.where(limits.tray > 0, whole, exact), floor)
    return within_capacity(chosen, floor, demand, underage, overage, limits)


def within_capacity(chosen: Floats, floor: Floats, demand: Floats, underage: Floats, overage: Floats, limits: Limits) -> Floats:
    """Return the orders with the least useful trays left out where a group's oven is too small.

    Each product's expected gain per further tray falls (convexity), so keeping the best trays of the group one by one
    is optimal (Fox 1966, Discrete optimization via marginal analysis). The minimum display is kept before all else.
    """
    tray = np.where(limits.tray > 0, limits.tray, 1.0)
    trays = np.ceil(chosen / tray).astype(int)
    load = np.bincount(limits.group, trays)
    capacity = np.full(len(load), np.inf)
    capacity[limits.group] = limits.capacity
    tight = np.flatnonzero(np.isin(limits.group, np.flatnonzero(load > capacity)))
    if not len(tight):
        return chosen
    rows = np.repeat(tight, trays[tight])
    number = np.concatenate([np.arange(trays[row]) for row in tight])
    after = np.minimum((number + 1) * tray[rows], chosen[rows])
    cost_before = expected_cost(number * tray[rows], demand[rows], underage[rows], overage[rows])
    gain = cost_before - expected_cost(after, demand[rows], underage[rows], overage[rows])
    gain = np.where(after <= floor[rows], np.inf, gain)
    ranked = np.lexsort((number, rows, -gain, limits.group[rows]))
    place = np.arange(len(ranked)) - np.searchsorted(limits.group[rows][ranked], limits.group[rows][ranked])
    kept = ranked[place < capacity[limits.group[rows][ranked]]]
    count = np.bincount(rows[kept], minlength=len(chosen))
    result = chosen.copy()
    result[tight] = np.minimum(count[tight] * tray[tight], chosen[tight])
    return result
