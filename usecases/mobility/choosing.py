"""Choices made on the select period: weights by Poisson deviance, and everything the plan goes by through the replay's own cost.

On real trips the better forecast gave the worse decision, so rates, share, dispersion and handling cost are not chosen by forecast error.
"""

from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipelines.decide.allocation import allocate, moving_cost
from pipelines.decide.loss_curve import loss_curves
from usecases.mobility.packed import floats, great_circle_km, numbers, one_day
from usecases.mobility.ride import Day, ride
from usecases.mobility.settings import Mobility

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
STEP = 10  # weights in tenths
SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
DISPERSIONS = (0.0, 0.1)
HANDLINGS = (0.0, 0.02, 0.04, 0.055, 0.07, 0.085, 0.1, 0.14, 0.2, 0.4)


@dataclass(frozen=True)
class Chosen:
    """What the plan goes by.

    Parameters
    ----------
    blend
        Rates: the combined forecast, or a profile alone.
    share
        Weight of the queue's expected curve against the record of what past days would have cost.
    dispersion
        Squared coefficient of variation of a day's rates around the forecast.
    handling
        Cost of changing a station's stock by one vehicle, in lost trips: draws the plan to today's stock.
    """

    blend: str
    share: float
    dispersion: float
    handling: float

    def said(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {"blend": self.blend, "share": self.share, "dispersion": self.dispersion, "handling": self.handling}


CHOSEN_FIRST = Chosen("forecast", 0.5, 0.0, 0.07)


def best_weights(members: list[Floats], counts: Floats) -> tuple[float, ...]:
    """Return weights in tenths that sum to 1 and give the least Poisson deviance (first of equals)."""
    options = [w for w in product(range(STEP + 1), repeat=len(members)) if sum(w) == STEP]
    flat, wanted = np.stack([member.ravel() for member in members]), counts.ravel()
    some = wanted > 0  # the deviance is linear in the rate where nothing happened
    sums, busy, seen = flat.sum(axis=1), flat[:, some], wanted[some]

    def loss(weights: tuple[int, ...]) -> float:
        share = np.array(weights) / STEP
        return float(share @ sums - (seen * np.log(share @ busy)).sum())

    best = min(options, key=loss)
    return tuple(weight / STEP for weight in best)


def queue_curves(rentals: Floats, returns: Floats, capacity: Ints, overflow: float, dispersion: float) -> Floats:
    """Return expected curves in lost trips; with dispersion, the mean over days that are busier or quieter than forecast."""
    if dispersion == 0:
        return loss_curves(rentals, returns, capacity, lost=1.0, overflow=overflow)
    spread = float(np.sqrt(dispersion))
    pairs = [(a, b) for a in (1 - spread, 1 + spread) for b in (1 - spread, 1 + spread)]
    return np.asarray(np.mean([loss_curves(rentals * a, returns * b, capacity, lost=1.0, overflow=overflow) for a, b in pairs], axis=0))


def mixed(queue: Floats, past: Floats, share: float) -> Floats:
    """Return the curve the plan goes by: convex, since both parts are."""
    within = np.isfinite(queue)
    both = share * np.where(within, queue, 0.0) + (1 - share) * past[:, : queue.shape[1]]
    return np.where(within, both, np.inf)


@dataclass(frozen=True)
class Night:
    """What one night of the select period needs for its replay."""

    stock: Ints
    capacity: Ints
    nearest: Ints
    day: Day
    past: Floats


def nights(rows: pl.DataFrame) -> tuple[list[Night], list[Ints]]:
    """Return the nights of rows in order, and each one's row numbers."""
    found, where = [], []
    numbered = rows.with_row_index("_row")
    for _, part in numbered.sort("day", maintain_order=True).group_by("day", maintain_order=True):
        distance = great_circle_km(floats(part, "latitude"), floats(part, "longitude"))
        nearest = np.argsort(distance, axis=1, kind="stable")
        past = part["past_curve"].to_numpy().astype(float)
        found.append(Night(numbers(part, "stock"), numbers(part, "capacity"), nearest, one_day(part), past))
        where.append(part["_row"].to_numpy())
    return found, where


def replay_cost(night: Night, curves: Floats, handling: float, s: Mobility) -> float:
    """Return lost + weight x overflow + price x moved of one night, every station set to its target without a tour."""
    target = allocate(moving_cost(curves, night.stock, handling), int(night.stock.sum()))
    ridden = ride(night.day, target, night.capacity, night.nearest)
    moved = np.abs(target - night.stock).sum() / 2
    return float(ridden.lost.sum() + s.overflow * ridden.overflow.sum() + s.planning.moved_price * moved)


def best_by_replay(rows: pl.DataFrame, blends: dict[str, tuple[Floats, Floats]], s: Mobility) -> Chosen:
    """Return the choice whose replay on these rows costs least: first the rates, then share, dispersion and handling together.

    A handling cost counts as good as the mean of itself and its neighbours: a lucky single value is not chosen.
    """
    found, where = nights(rows)
    queues: dict[tuple[str, float], list[Floats]] = {}

    def costs(chosen: Chosen) -> list[float]:
        key = (chosen.blend, chosen.dispersion)
        if key not in queues:
            out, back = blends[chosen.blend]
            queues[key] = [
                queue_curves(out[at], back[at], night.capacity, s.overflow, chosen.dispersion)
                for night, at in zip(found, where, strict=True)
            ]
        curves = [mixed(queue, night.past, chosen.share) for queue, night in zip(queues[key], found, strict=True)]
        return [sum(replay_cost(night, curve, handling, s) for night, curve in zip(found, curves, strict=True)) for handling in HANDLINGS]

    def best(options: list[Chosen]) -> Chosen:
        tried = [(cost, number, replace(option, handling=handling)) for number, option in enumerate(options)
                 for cost, handling in zip(_calmed(costs(option)), HANDLINGS, strict=True)]  # fmt: skip
        return min(tried, key=lambda item: (item[0], item[1]))[2]

    first = best([replace(CHOSEN_FIRST, blend=blend) for blend in blends])
    return best([replace(first, share=share, dispersion=dispersion) for dispersion in DISPERSIONS for share in SHARES])


def _calmed(costs: list[float]) -> Floats:
    padded = np.concatenate([costs[:1], costs, costs[-1:]])
    return np.asarray((padded[:-2] + padded[1:-1] + padded[2:]) / 3)
