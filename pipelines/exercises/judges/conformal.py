"""Exercise 6: one factor from the select period that makes a quantile cover as often as it says."""

from math import ceil
from typing import Any

import numpy as np

from pipelines.exercises.judging import Question, questions


def _ranked(values: Any, level: float) -> float:
    """Return the k-th smallest value, k = ceil((n + 1) level): split conformal prediction (Romano et al. 2019)."""
    return float(np.sort(values)[ceil((len(values) + 1) * level) - 1])


def recalibrated(truth: Any, forecast: Any, later: Any, level: float) -> Any:
    """Return later forecasts times the ranked ratio of truth to forecast."""
    return later * _ranked(truth / forecast, level)


def _cases() -> list[tuple[Any, Any, Any, float]]:
    draw, cases = np.random.default_rng(4), []
    for level, off in ((0.9, 0.8), (0.7, 1.3), (0.5, 0.9), (0.9, 1.1)):
        mean = draw.uniform(10, 60, 36)
        cases.append((draw.poisson(mean).astype(float) + 1, mean * off, draw.uniform(10, 60, 8), level))
    return cases


QUESTIONS = (
    Question(
        "recalibrated",
        right=recalibrated,
        mistakes={
            "conformal_plain": lambda truth, forecast, later, level: later * float(np.quantile(truth / forecast, level)),
            "conformal_no_plus_one": lambda truth, forecast, later, level: (
                later * float(np.sort(truth / forecast)[ceil(len(truth) * level) - 1])
            ),
            "conformal_off_by_one": lambda truth, forecast, later, level: (
                later * float(np.sort(truth / forecast)[ceil((len(truth) + 1) * level)])
            ),
            "conformal_mean": lambda truth, forecast, later, level: later * float(np.mean(truth / forecast)),
            "conformal_total": lambda truth, forecast, later, level: later * float(truth.sum() / forecast.sum()),
            "conformal_inverse": lambda truth, forecast, later, level: later * _ranked(forecast / truth, level),
            "conformal_divided": lambda truth, forecast, later, level: later / _ranked(truth / forecast, level),
            "conformal_added": lambda truth, forecast, later, level: later + _ranked(truth - forecast, level),
            "conformal_factor": lambda truth, forecast, later, level: _ranked(truth / forecast, level),
        },
        cases=_cases,
    ),
)
judge = questions(*QUESTIONS)
