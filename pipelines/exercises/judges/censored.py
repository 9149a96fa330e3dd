"""Exercise 4: the product-limit estimate of demand that was not always seen."""

from typing import Any

import numpy as np

from pipelines.censoring import kaplan_meier
from pipelines.exercises.judging import Question, questions


def _right(sold: Any, sold_out: Any, pieces: float) -> float:
    return float(kaplan_meier(sold, sold_out).share_above(np.array([float(pieces)]))[0])


def _ties_first(sold: Any, sold_out: Any, pieces: float) -> float:
    """Let a sold-out day leave before the days that sold as many pieces and did not sell out."""
    return float(kaplan_meier(sold - 0.01 * sold_out, sold_out).share_above(np.array([float(pieces)]))[0])


def _at_least(sold: Any, sold_out: Any, pieces: float) -> float:
    return _right(sold, sold_out, pieces - 1e-6)


def _cases() -> list[tuple[Any, Any, float]]:
    draw, cases = np.random.default_rng(3), []
    for pieces in (5, 8, 10, 12, 14):
        demand, stock = draw.poisson(10, 40), draw.integers(6, 15, 40)
        cases.append((np.minimum(demand, stock).astype(float), demand > stock, float(pieces)))
    return cases


QUESTIONS = (
    Question(
        "share_above",
        right=_right,
        mistakes={
            "censored_naive": lambda sold, sold_out, pieces: float(np.mean(sold > pieces)),
            "censored_dropped": lambda sold, sold_out, pieces: float(np.mean(sold[~sold_out] > pieces)),
            "censored_always": lambda sold, sold_out, pieces: float(np.mean((sold > pieces) | sold_out)),
            "censored_ties": _ties_first,
            "censored_at_least": _at_least,
            "censored_other_side": lambda sold, sold_out, pieces: 1 - _right(sold, sold_out, pieces),
        },
        cases=_cases,
    ),
)
judge = questions(*QUESTIONS)
