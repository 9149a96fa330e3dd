"""How many bikes to move at each stop of a given order: an exact dynamic program over the load on the truck.

Where the shift is too short, minutes get a price (Lagrangian relaxation): the least value over several prices bounds from above what an
order is worth, for thousands of orders at once; the program over load *and* bikes moved then settles a single order exactly.
Axes: P prices, n stations, L = truck capacity + 1 loads.
"""

from dataclasses import dataclass

import numpy as np

from pipelines.decide.tour.model import Floats, Ints, Stops, Truck

Order = tuple[int, ...]
TOLERANCE = 1e-9  # minutes, euros


@dataclass(frozen=True)
class Tables:
    """The costs of the dynamic program.

    Parameters
    ----------
    gain
        EUR saved by a change of −capacity … +capacity bikes, (n, 2 L − 1); −inf where the station cannot do it, and for no change.
    prices
        EUR per minute on top of the driver's, (P).
    work
        EUR of a stop by load before and load after, (P, n, L, L): gain less handling and the fixed time.
    travel
        EUR between places, (P, n + 1, n + 1).
    first, last
        0 for loads allowed at the start and at the end, else −inf, (L).
    """

    stops: Stops
    truck: Truck
    gain: Floats
    prices: Floats
    work: Floats
    travel: Floats
    first: Floats
    last: Floats

    @property
    def shift_value(self) -> Floats:
        """What the minutes of the shift are worth at each price, (P)."""
        return np.where(self.prices > 0, self.prices * min(self.truck.shift_minutes, 1e12), 0.0)


def gains(stops: Stops, most: int) -> Floats:
    """Return EUR saved per station and change of −most … +most bikes; −inf where impossible and for no change (a stop moves a bike)."""
    changes = np.arange(-most, most + 1)
    after = stops.stock[:, None] + changes
    possible = (after >= 0) & (after <= stops.capacity[:, None]) & (changes != 0)
    rows = np.arange(len(stops.stock))[:, None]
    later = np.where(possible, stops.loss[rows, np.clip(after, 0, stops.loss.shape[1] - 1)], np.inf)
    return np.asarray(stops.loss[rows, stops.stock[:, None]] - later)


def tables(stops: Stops, truck: Truck, prices: tuple[float, ...] = (0.0,)) -> Tables:
    """Return the tables for these prices of a minute."""
    most, price = truck.capacity, np.array(prices)
    gain, loads = gains(stops, most), np.arange(most + 1)
    change = loads[:, None] - loads[None, :]  # what leaves the truck is unloaded at the station
    minute = (truck.eur_per_minute + price)[:, None, None]
    handling = minute * (truck.bike_minutes * np.abs(change) + truck.stop_minutes)
    free = np.zeros(most + 1)
    first = free if truck.any_load else np.where(loads == truck.load, 0.0, -np.inf)
    last = free if truck.any_load else np.where(loads <= truck.load, 0.0, -np.inf)
    work = gain[None, :, change + most] - handling[:, None]
    return Tables(stops, truck, gain, price, work, truck.eur_per_km * stops.km + minute * stops.minutes, first, last)


def forward(t: Tables, order: Order) -> Floats:
    """Return the best value so far by stops made and load on board, (P, m + 1, L)."""
    values = np.empty((len(t.prices), len(order) + 1, len(t.first)))
    values[:, 0] = t.first
    for index, stop in enumerate(order):
        values[:, index + 1] = (values[:, index, :, None] + t.work[:, stop]).max(axis=1)
    return values


def backward(t: Tables, order: Order) -> Floats:
    """Return the best value still to come by stops made and load on board, (P, m + 1, L)."""
    values = np.empty((len(t.prices), len(order) + 1, len(t.last)))
    values[:, -1] = t.last
    for index in range(len(order) - 1, -1, -1):
        values[:, index] = (values[:, index + 1, None, :] + t.work[:, order[index]]).max(axis=2)
    return values


def values(t: Tables, orders: Ints) -> Floats:
    """Return an upper bound (exact where the shift does not bind) of what each order (N, m) is worth in EUR, (N)."""
    best = np.broadcast_to(t.first, (len(t.prices), len(orders), len(t.first)))
    for stop in orders.T:
        best = (best[:, :, :, None] + t.work[:, stop]).max(axis=2)
    places = np.pad(orders + 1, ((0, 0), (1, 1)))
    travel = t.travel[:, places[:, :-1], places[:, 1:]].sum(axis=2)
    bounds = (best + t.last).max(axis=2) - travel + t.shift_value[:, None]
    return np.asarray(bounds.min(axis=0))


@dataclass(frozen=True)
class Settled:
    """An order with its best quantities: `eur` is what it is worth, `price` the worth of one more minute of the shift."""

    order: Order
    change: tuple[int, ...]
    eur: float
    price: float


def settle(t: Tables, order: Order) -> Settled | None:
    """Return the order with the best quantities that fit truck and shift, or None where there are none."""
    stops, truck, places = t.stops, t.truck, (0, *(stop + 1 for stop in order), 0)
    fixed = float(stops.minutes[places[:-1], places[1:]].sum()) + truck.stop_minutes * len(order)
    eur_fixed = truck.eur_per_km * float(stops.km[places[:-1], places[1:]].sum()) + truck.eur_per_minute * fixed
    if fixed + truck.bike_minutes * len(order) > truck.shift_minutes + TOLERANCE:
        return None
    change, eur = _free(t, order)
    if not change:
        return None
    moved = int(np.abs(change).sum())
    if fixed + truck.bike_minutes * moved <= truck.shift_minutes + TOLERANCE:
        return Settled(order, change, eur - eur_fixed, 0.0)
    budget = int((truck.shift_minutes + TOLERANCE - fixed) / truck.bike_minutes)
    change, eur, price = _within(t, order, budget)
    return Settled(order, change, eur - eur_fixed, price / truck.bike_minutes) if change else None


def _step(t: Tables, stop: int) -> tuple[Floats, Floats]:
    """Return changes and their EUR (gain less handling) at a stop, only those possible."""
    changes = np.arange(-t.truck.capacity, t.truck.capacity + 1)
    eur = t.gain[stop] - t.truck.eur_per_minute * t.truck.bike_minutes * np.abs(changes)
    possible = np.isfinite(eur)
    return changes[possible], eur[possible]


def _free(t: Tables, order: Order) -> tuple[tuple[int, ...], float]:
    """Return the best changes without a limit on time, and their EUR before travel and fixed times."""
    work = t.work[0] + t.truck.stop_minutes * t.truck.eur_per_minute
    best = [t.first]
    for stop in order:
        best.append((best[-1][:, None] + work[stop]).max(axis=0))
    end = best[-1] + t.last
    load = int(end.argmax())
    if not np.isfinite(end[load]):
        return (), -np.inf
    change = []
    for index in range(len(order) - 1, -1, -1):
        before = int((best[index] + work[order[index]][:, load]).argmax())
        change.append(before - load)
        load = before
    return tuple(reversed(change)), float(end.max())


def _within(t: Tables, order: Order, budget: int) -> tuple[tuple[int, ...], float, float]:
    """Return the best changes that move at most `budget` bikes (loaded plus unloaded), their EUR, and the worth of one more bike."""
    loads = len(t.first)
    start = np.full((loads, budget + 1), -np.inf)
    start[:, 0] = t.first
    best = [start]
    for stop in order:
        after = np.full_like(start, -np.inf)
        for change, eur in zip(*_step(t, stop), strict=True):
            moved = abs(int(change))
            if moved <= budget:
                into, out = slice(max(0, -change), loads - max(0, change)), slice(max(0, change), loads + min(0, change))
                np.maximum(after[into, moved:], best[-1][out, : budget + 1 - moved] + eur, out=after[into, moved:])
        best.append(after)
    end = best[-1] + t.last[:, None]
    load, moved = (int(index) for index in np.unravel_index(end.argmax(), end.shape))
    if not np.isfinite(end[load, moved]):
        return (), -np.inf, 0.0
    eur, tighter = float(end[load, moved]), float(end[:, : max(budget - 1, 0)].max(initial=-np.inf))
    return _traced(t, order, best, load, moved), eur, (eur - tighter) / 2 if np.isfinite(tighter) else eur / budget


def _traced(t: Tables, order: Order, best: list[Floats], load: int, moved: int) -> tuple[int, ...]:
    found: list[int] = []
    for index in range(len(order) - 1, -1, -1):
        changes, eur = _step(t, order[index])
        before, spent = load + changes, moved - np.abs(changes)
        possible = (before >= 0) & (before < len(t.first)) & (spent >= 0)
        changes, eur, before, spent = changes[possible], eur[possible], before[possible], spent[possible]
        pick = int((best[index][before, spent] + eur).argmax())
        found.append(int(changes[pick]))
        load, moved = int(before[pick]), int(spent[pick])
    return tuple(reversed(found))
