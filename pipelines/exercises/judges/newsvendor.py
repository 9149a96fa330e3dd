"""Exercise 3: the critical ratio and the order of least expected cost."""

from typing import Any

import numpy as np

from pipelines.exercises.judging import Question, questions


def best_order(demands: Any, underage: float, overage: float) -> float:
    """Return the smallest demand that suffices on a share underage / (underage + overage) of the days."""
    ranked = np.sort(np.asarray(demands, dtype=float))
    share = (np.arange(len(ranked)) + 1) / len(ranked)
    return float(ranked[np.searchsorted(share, underage / (underage + overage))])


def _ratio(price: float, unit_cost: float, salvage: float, goodwill: float) -> float:
    underage, overage = price - unit_cost + goodwill, unit_cost - salvage
    return underage / (underage + overage)


def _costs() -> list[tuple[float, ...]]:
    return [(2.0, 0.6, 0.1, 0.3), (1.0, 0.7, 0.0, 0.1), (4.2, 1.35, 0.4, 0.2), (0.45, 0.14, 0.0, 0.02), (3.0, 1.0, 0.5, 0.0)]


def _demands() -> list[tuple[Any, float, float]]:
    draw = np.random.default_rng(7)
    costs = ((0.7, 0.36), (0.3, 0.7), (1.9, 0.23), (1.0, 1.13))
    return [(draw.gamma(3, 9, 21 + 2 * number).round(0), *pair) for number, pair in enumerate(costs)]


QUESTIONS = (
    Question(
        "critical_ratio",
        right=_ratio,
        mistakes={
            "newsvendor_swapped": lambda price, unit_cost, salvage, goodwill: 1 - _ratio(price, unit_cost, salvage, goodwill),
            "newsvendor_goodwill": lambda price, unit_cost, salvage, goodwill: _ratio(price, unit_cost, salvage, 0.0),
            "newsvendor_salvage": lambda price, unit_cost, salvage, goodwill: _ratio(price, unit_cost, 0.0, goodwill),
            "newsvendor_margin": lambda price, unit_cost, salvage, goodwill: (price - unit_cost) / price,
            "newsvendor_price": lambda price, unit_cost, salvage, goodwill: (price + goodwill) / (price + goodwill + unit_cost - salvage),
            "newsvendor_fraction": lambda price, unit_cost, salvage, goodwill: (price - unit_cost + goodwill) / (unit_cost - salvage),
        },
        cases=_costs,
    ),
    Question(
        "best_order",
        right=best_order,
        mistakes={
            "newsvendor_mean": lambda demands, underage, overage: float(np.mean(demands)),
            "newsvendor_median": lambda demands, underage, overage: float(np.median(demands)),
            "newsvendor_other_side": (
                lambda demands, underage, overage: best_order(demands, overage, underage),
                lambda demands, underage, overage: float(np.quantile(demands, overage / (underage + overage))),
            ),
            "newsvendor_between": lambda demands, underage, overage: float(np.quantile(demands, underage / (underage + overage))),
            "newsvendor_largest": lambda demands, underage, overage: float(np.max(demands)),
        },
        cases=_demands,
    ),
)
judge = questions(*QUESTIONS)
