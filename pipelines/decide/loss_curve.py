"""The expected-loss curve of a station: what tomorrow costs for every stock it may start with.

A station is a birth-death queue: rentals take a vehicle, returns bring one, at Poisson rates that are constant within an hour. A rental
at an empty station is lost, a return to a full one overflows. Source: Raviv and Kolka (2013), Optimal inventory management of a
bike-sharing station, IIE Transactions 45(10), who call the curve the user dissatisfaction function. The hours are solved backwards by
uniformisation (Jensen 1953): only additions of non-negative numbers, so that the curve stays convex in float64.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import pdtr, pdtrc

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
TAIL = 1e-10  # probability of more events in an hour than are followed
CHUNK = 256  # stations at once: their arrays stay in the processor's cache


def loss_curves(rentals: Floats, returns: Floats, capacity: Ints, *, lost: float = 1.0, overflow: float = 1.0) -> Floats:
    """Return the expected cost of the day per station and start stock: (N, largest capacity + 1), inf beyond a station's capacity.

    Parameters
    ----------
    rentals, returns
        Expected events per station and hour (N, H), each at least 0.
    capacity
        Vehicles a station holds (N), at least 1.
    lost, overflow
        Cost of a lost rental and of a return that finds no room; the curve is in the same unit (EUR, or lost trips).

    Notes
    -----
    Each row is convex in the stock.
    """
    curves = np.full((len(capacity), int(capacity.max(initial=0)) + 1), np.inf)
    busiest = (rentals + returns).max(axis=1, initial=0.0)
    order = np.argsort(busiest, kind="stable")  # quiet stations need few steps: stations of one kind are solved together
    for first in range(0, len(order), CHUNK):
        part = order[first : first + CHUNK]
        room = capacity[part]
        solved = _solved(rentals[part], returns[part], room, (lost, overflow))
        solved[np.arange(solved.shape[0])[:, None] > room] = np.inf
        curves[part, : solved.shape[0]] = solved.T
    return curves


def _solved(rentals: Floats, returns: Floats, capacity: Ints, costs: tuple[float, float]) -> Floats:
    """Return the curves (stock, station) of one chunk; values beyond a station's capacity mean nothing."""
    stock = np.arange(int(capacity.max()) + 1)[:, None]
    ahead = np.zeros((len(stock), len(capacity)))
    for hour in range(rentals.shape[1] - 1, -1, -1):
        out, back = rentals[:, hour], returns[:, hour]
        pace = np.maximum(out + back, TAIL)
        down, up = np.where(stock > 0, out / pace, 0.0), np.where(stock < capacity, back / pace, 0.0)
        cost = np.where(stock == 0, costs[0] * out, 0.0) + np.where(stock == capacity, costs[1] * back, 0.0)
        ahead = _one_hour(ahead, cost, (down, up), pace)
    return ahead


def _one_hour(ahead: Floats, cost: Floats, steps: tuple[Floats, Floats], pace: Floats) -> Floats:
    """Return the expected cost of this hour and those ahead: sum over k events of P(k) P^k ahead + P(more than k) / pace P^k cost.

    The sum is built from its last term inwards (Horner), one product with the sparse matrix P per event.
    """
    down, up = steps
    stay = 1.0 - down - up
    events = _most_events(float(pace.max()))
    chance = np.diff(pdtr(np.arange(events + 1)[:, None], pace), axis=0, prepend=0.0)
    later = pdtrc(np.arange(events + 1)[:, None], pace) / pace
    chance[-1] += later[-1] * pace  # what lies beyond is put on the last term: a constant stays a constant
    total, moved = chance[-1] * ahead + later[-1] * cost, np.empty_like(ahead)
    for count in range(events - 1, -1, -1):
        np.multiply(stay, total, out=moved)
        moved[1:] += down[1:] * total[:-1]
        moved[:-1] += up[:-1] * total[1:]
        moved += chance[count] * ahead
        moved += later[count] * cost
        total, moved = moved, total
    return np.asarray(total)


def _most_events(pace: float) -> int:
    """Return a number of events that an hour exceeds with a probability below TAIL (Poisson)."""
    count = max(3, int(pace))
    while pdtrc(count, pace) > TAIL:
        count += 1
    return count
