"""Ruin and recreate with a local search after each step (Schrimpf et al. 2000); every tour on the way has exact quantities."""

from collections.abc import Iterable

import numpy as np

from pipelines.decide.tour.model import NO_TOUR, Stops, Tour, Truck, measured
from pipelines.decide.tour.neighbours import Around, reorderings
from pipelines.decide.tour.quantities import TOLERANCE, Order, Settled, settle, tables

ITERATIONS = 40
TRIED = 6  # candidates settled exactly before a neighbourhood counts as searched
SEEDS = 3  # first tours that are improved
MOST_RUINED = 4
WORSE = 0.05  # share of the best value by which a tour may be worse to be gone on with, falling to 0
PRICES = (0.0, 0.5, 1.0, 2.0, 4.0)  # multiples of the shift's shadow price at which tours are bounded


def plan_tour(stops: Stops, truck: Truck, *, seed: int, iterations: int = ITERATIONS) -> Tour:
    """Return the tour with the largest eur_saved − eur_truck that was found, or the empty tour where none pays.

    The same seed and number of iterations give the same tour.
    """
    if not len(stops.stock):
        return NO_TOUR
    search = _Search(stops, truck, seed)
    best = now = search.first()
    if now is None or best is None:
        return NO_TOUR
    for iteration in range(iterations):
        tried = search.shaken(now)
        if tried is None:
            continue
        if tried.eur > best.eur + TOLERANCE:
            best = tried
        slack = WORSE * abs(best.eur) * (1 - iteration / iterations)
        if tried.eur > best.eur - slack - TOLERANCE:
            now = tried
        elif now.eur <= best.eur - slack:
            now = best
    return measured(best.order, best.change, stops, truck) if best.eur > TOLERANCE else NO_TOUR


class _Search:
    def __init__(self, stops: Stops, truck: Truck, seed: int) -> None:
        self.t = tables(stops, truck)
        self.rng = np.random.default_rng(seed)

    def settled(self, order: Order) -> Settled | None:
        """Settle an order; where the shift binds, tours are bounded at prices around its shadow price from now on."""
        found = settle(self.t, order)
        if found is not None and found.price > 0 and not 0.5 < found.price / max(float(self.t.prices[2 % len(self.t.prices)]), 1e-12) < 2:  # noqa: PLR2004
            self.t = tables(self.t.stops, self.t.truck, tuple(found.price * share for share in PRICES))
        return found

    def first(self) -> Settled | None:
        """Return the best of a few tours that grew from single stops and pairs."""
        seeds = []
        for station in range(len(self.t.gain)):
            pairs = Around(self.t, (station,)).insertions(-np.inf, 1, replace=0)
            seeds += [plan for order in [(station,), *(order for _, order in pairs)] if (plan := self.settled(order))]
        seeds.sort(key=lambda plan: -plan.eur)
        return max((self.improved(plan) for plan in seeds[:SEEDS]), key=lambda plan: plan.eur, default=None)

    def improved(self, plan: Settled) -> Settled:
        """Return the local optimum that a tour leads to."""
        while better := self._better(plan):
            plan = better
        return plan

    def _better(self, plan: Settled) -> Settled | None:
        floor = plan.eur + TOLERANCE * max(1.0, abs(plan.eur))
        around = Around(self.t, plan.order)
        found = self._first(sorted(around.insertions(floor, TRIED) + around.removals(floor), key=lambda rated: -rated[0]), floor)
        return found or self._first(reorderings(self.t, plan.order, floor, TRIED), floor)

    def _first(self, candidates: Iterable[tuple[float, Order]], floor: float) -> Settled | None:
        for _, order in candidates:
            found = self.settled(order)
            if found is not None and found.eur > floor:
                return found
        return None

    def shaken(self, plan: Settled) -> Settled | None:
        """Return the local optimum after some stops were taken out and a random one and its best partner put in."""
        order = self._ruined(plan.order)
        outside = np.setdiff1d(np.arange(len(self.t.gain)), order)
        if len(outside) and self.rng.random() < 0.7:  # noqa: PLR2004
            order = self._placed(order, int(self.rng.choice(outside)))
        candidates = Around(self.t, order).insertions(-np.inf, 2, replace=0) if order else []
        self.rng.shuffle(candidates)
        for _, grown in [*candidates, (0.0, order)]:
            found = self.settled(grown) if grown else None
            if found is not None:
                return self.improved(found)
        return None

    def _ruined(self, order: Order) -> Order:
        count = int(self.rng.integers(0, min(MOST_RUINED, len(order)) + 1))
        if self.rng.random() < 0.5:  # noqa: PLR2004
            start = int(self.rng.integers(0, len(order) - count + 1))
            return (*order[:start], *order[start + count :])
        gone = set(self.rng.choice(len(order), count, replace=False).tolist())
        return tuple(stop for index, stop in enumerate(order) if index not in gone)

    def _placed(self, order: Order, station: int) -> Order:
        """Put a station where the detour is shortest, or second shortest."""
        places = np.array([0, *(stop + 1 for stop in order), 0])
        travel = self.t.travel[0]
        detour = travel[places[:-1], station + 1] + travel[station + 1, places[1:]] - travel[places[:-1], places[1:]]
        at = int(np.argsort(detour, kind="stable")[min(int(self.rng.integers(0, 2)), len(order))])
        return (*order[:at], station, *order[at:])
