"""Rates by a Poisson regression on logarithms of past means: few parameters, so it errs elsewhere than the trees do.

On logarithms a mean of past days enters as a power: what was twice as busy is expected to be somewhat less than twice as busy again.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from usecases.mobility.censoring import LEAST_OPEN
from usecases.mobility.packed import HOURS

Floats = NDArray[np.float64]
MOST_ROWS = 300_000  # station-hours it learns from, drawn at random
RIDGE, STEPS = 1e-3, 200  # penalty on standardised coefficients, iterations at most
PARTS_OF_DAY = ((6, 10), (10, 15), (15, 20))  # hours in which the past counts with weights of their own
LARGEST = 10.0  # log of rates
LOCAL = 13  # so many logs come from the station's own means or the hour's; those after them say how busy the city is


@dataclass(frozen=True)
class Past:
    """Logs of past means per row and hour (R, 24, K), and per row whether it is a day off and the weekday, 1 to 7 (R, 2)."""

    logs: Floats
    days: Floats


@dataclass(frozen=True)
class Linear:
    """Poisson regression for one direction; `coefficients`: intercept first, on inputs standardised by `centre` and `scale`."""

    coefficients: Floats
    centre: Floats
    scale: Floats

    @classmethod
    def fit(cls, made: Past, counts: Floats, exposed: Floats, seed: int) -> "Linear":
        """Learn from logs and calendar of rows, counts and the open share of each hour (R, 24)."""
        from sklearn.linear_model import PoissonRegressor

        share = exposed.reshape(-1)
        usable = np.flatnonzero(share >= LEAST_OPEN)
        if len(usable) > MOST_ROWS:
            usable = np.sort(np.random.default_rng(seed).choice(usable, MOST_ROWS, replace=False))
        table = design(made, usable)
        centre, scale = table.mean(axis=0, dtype=np.float64), np.maximum(table.std(axis=0, dtype=np.float64), 1e-6)
        table = ((table - centre) / scale).astype(np.float32)
        rates = (counts.reshape(-1)[usable] / share[usable]).astype(np.float32)
        model = PoissonRegressor(alpha=RIDGE, max_iter=STEPS).fit(table, rates, sample_weight=share[usable])
        return cls(np.append(float(model.intercept_), np.asarray(model.coef_, dtype=float)), centre, scale)

    def predict(self, made: Past) -> Floats:
        """Return rates per row and hour (R, 24)."""
        table = (design(made, np.arange(made.logs.shape[0] * HOURS)) - self.centre) / self.scale
        raw = self.coefficients[0] + table @ self.coefficients[1:]
        return np.asarray(np.exp(np.minimum(raw, LARGEST))).reshape(-1, HOURS)

    def said(self) -> dict[str, list[float]]:
        """Return it as JSON values."""
        return {"coefficients": self.coefficients.tolist(), "centre": self.centre.tolist(), "scale": self.scale.tolist()}

    @classmethod
    def of(cls, facts: dict[str, list[float]]) -> "Linear":
        """Return what `said` has written down."""
        return cls(np.array(facts["coefficients"]), np.array(facts["centre"]), np.array(facts["scale"]))


def design(made: Past, chosen: NDArray[np.int64]) -> Floats:
    """Return the inputs of the chosen station-hours: logs, hour and weekday as columns of 0 and 1, logs by kind of day and part of day."""
    row, hour = chosen // HOURS, chosen % HOURS
    values, off, weekday = made.logs[row, hour], made.days[row, 0], made.days[row, 1]
    hours = (hour + HOURS * off)[:, None] == np.arange(2 * HOURS)
    weekdays = weekday[:, None] == np.arange(1, 8)
    local = values[:, :LOCAL]
    parts = [local * ((hour >= first) & (hour < end))[:, None] for first, end in PARTS_OF_DAY]
    return np.hstack([values, hours, weekdays, local * off[:, None], *parts]).astype(np.float32)
