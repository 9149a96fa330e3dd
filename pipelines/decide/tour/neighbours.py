"""Changes to a tour, rated all at once: another stop put in or in place of one, stops left out, the same stops in another order."""

from collections.abc import Iterator
from functools import lru_cache
from itertools import combinations

import numpy as np

from pipelines.decide.tour.model import Floats, Ints
from pipelines.decide.tour.quantities import Order, Tables, backward, forward, values

LONGEST_GAP = 3  # stops left out or moved together
MOST_ORDERS = 150  # reorderings rated, those with the shortest drive first


class Around:
    """The values of the beginnings and ends of an order, so that changes in the middle are rated without starting over."""

    def __init__(self, t: Tables, order: Order) -> None:
        self.t, self.order = t, order
        self.begin, self.end = forward(t, order), backward(t, order)
        self.places = np.array([0, *(stop + 1 for stop in order), 0])
        self.travelled = _cumulated(t.travel[:, self.places[:-1], self.places[1:]])
        self.minutes = _cumulated(t.stops.minutes[None, self.places[:-1], self.places[1:]])[0]
        self.flat = t.work.reshape(*t.work.shape[:2], -1)
        self.outside = np.ones(len(t.gain), dtype=bool)
        self.outside[list(order)] = False

    def between(self, start: int, stop: int) -> Floats:
        """Return bounds in EUR of the order with each station in place of the stops start … stop − 1, (n); −inf in vain."""
        t, left, right = self.t, self.places[start], self.places[stop + 1]
        joined = self.begin[:, start, :, None] + self.end[:, stop, None, :]
        eur = (self.flat + joined.reshape(len(t.prices), 1, -1)).max(axis=2)
        kept = self.travelled[:, start] + self.travelled[:, -1] - self.travelled[:, stop + 1]
        eur = eur - kept[:, None] - t.travel[:, left, 1:] - t.travel[:, 1:, right] + t.shift_value[:, None]
        minutes = self.minutes[start] + self.minutes[-1] - self.minutes[stop + 1] + t.stops.minutes[left, 1:] + t.stops.minutes[1:, right]
        return np.where(self.outside & self._in_time(minutes, len(self.order) + 1 - (stop - start)), eur.min(axis=0), -np.inf)

    def without(self, start: int, stop: int) -> float:
        """Return a bound in EUR of the order without the stops start … stop − 1."""
        t, left, right = self.t, self.places[start], self.places[stop + 1]
        eur = (self.begin[:, start] + self.end[:, stop]).max(axis=1)
        kept = self.travelled[:, start] + self.travelled[:, -1] - self.travelled[:, stop + 1]
        return float((eur - kept - t.travel[:, left, right] + t.shift_value).min())

    def _in_time(self, minutes: Floats, stops: int) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
        truck = self.t.truck
        return np.asarray(minutes + stops * (truck.stop_minutes + truck.bike_minutes) <= truck.shift_minutes)

    def insertions(self, floor: float, most: int, replace: int = 1) -> list[tuple[float, Order]]:
        """Return the best orders with one more station, or one in place of up to `replace` stops, whose bound is above `floor`."""
        m = len(self.order)
        gaps = [(start, start + width) for width in range(replace + 1) for start in range(m + 1 - width)]
        rated = np.stack([self.between(*gap) for gap in gaps])
        found = []
        for index in _best(rated.ravel(), floor, most):
            gap, station = divmod(int(index), rated.shape[1])
            start, stop = gaps[gap]
            found.append((float(rated[gap, station]), (*self.order[:start], station, *self.order[stop:])))
        return found

    def removals(self, floor: float) -> list[tuple[float, Order]]:
        """Return the orders with one to three neighbouring stops left out (never all) whose bound is above `floor`."""
        m = len(self.order)
        gaps = [(start, start + width) for width in range(1, min(LONGEST_GAP, m - 1) + 1) for start in range(m + 1 - width)]
        rated = ((self.without(*gap), (*self.order[: gap[0]], *self.order[gap[1] :])) for gap in gaps)
        return [(eur, order) for eur, order in rated if eur > floor]


def reorderings(t: Tables, order: Order, floor: float, most: int) -> list[tuple[float, Order]]:
    """Return the best orders of the same stops whose bound is above `floor`."""
    orders = np.array(order)[_permutations(len(order))]
    if not len(orders):
        return []
    places = np.pad(orders + 1, ((0, 0), (1, 1)))
    travel = t.travel[0, places[:, :-1], places[:, 1:]].sum(axis=1)
    orders = orders[np.argsort(travel, kind="stable")[:MOST_ORDERS]]
    rated = values(t, orders)
    return [(float(rated[index]), tuple(int(stop) for stop in orders[index])) for index in _best(rated, floor, most)]


def _cumulated(legs: Floats) -> Floats:
    return np.pad(np.cumsum(legs, axis=1), ((0, 0), (1, 0)))


def _best(rated: Floats, floor: float, most: int) -> Ints:
    found = np.flatnonzero(rated > floor)
    return np.asarray(found[np.argsort(-rated[found], kind="stable")[:most]])


@lru_cache(maxsize=256)
def _permutations(m: int) -> Ints:
    """Return reversals of a part, parts of up to three stops moved elsewhere (also turned round), and exchanges, (N, m)."""
    return np.array(sorted(set(_changed(m)) - {tuple(range(m))}), dtype=np.int64).reshape(-1, m)


def _changed(m: int) -> Iterator[tuple[int, ...]]:
    stops = tuple(range(m))
    for i, j in combinations(range(m + 1), 2):
        yield (*stops[:i], *reversed(stops[i:j]), *stops[j:])
        if j - i <= LONGEST_GAP:
            rest, part = (*stops[:i], *stops[j:]), stops[i:j]
            for at in range(len(rest) + 1):
                yield (*rest[:at], *part, *rest[at:])
                yield (*rest[:at], *reversed(part), *rest[at:])
        if j < m:
            swapped = list(stops)
            swapped[i], swapped[j] = swapped[j], swapped[i]
            yield tuple(swapped)
