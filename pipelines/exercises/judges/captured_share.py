"""Exercise 7: the captured share and its interval from whole weeks drawn with replacement."""

from typing import Any

import numpy as np

from pipelines.exercises.judging import Question, questions


def _share(usual: Any, plan: Any, perfect: Any) -> float:
    return float((usual - plan).sum() / (usual - perfect).sum())


def _interval(shares: Any, low: float = 0.025, high: float = 0.975) -> tuple[float, float]:
    return float(np.quantile(shares, low)), float(np.quantile(shares, high))


def _shares(usual: Any, plan: Any, perfect: Any, draws: Any) -> Any:
    return (usual - plan)[draws].sum(axis=1) / (usual - perfect)[draws].sum(axis=1)


def _normal(usual: Any, plan: Any, perfect: Any, draws: Any) -> tuple[float, float]:
    shares = _shares(usual, plan, perfect, draws)
    middle, spread = _share(usual, plan, perfect), 1.96 * float(shares.std())
    return middle - spread, middle + spread


def _weeks() -> list[tuple[Any, Any, Any]]:
    draw, cases = np.random.default_rng(6), []
    for weeks in (6, 9, 12):
        perfect = draw.uniform(-900, 200, weeks)
        usual = perfect + draw.uniform(20, 400, weeks)
        cases.append((usual, usual - draw.uniform(-0.2, 0.7, weeks) * (usual - perfect), perfect))
    return cases


def _drawn() -> list[tuple[Any, Any, Any, Any]]:
    draw = np.random.default_rng(8)
    return [(*case, draw.integers(0, len(case[0]), (200, len(case[0])))) for case in _weeks()]


QUESTIONS = (
    Question(
        "captured_share",
        right=_share,
        mistakes={
            "captured_share_of_usual": lambda usual, plan, perfect: float((usual - plan).sum() / usual.sum()),
            "captured_share_weeks": lambda usual, plan, perfect: float(np.mean((usual - plan) / (usual - perfect))),
            "captured_share_left": lambda usual, plan, perfect: 1 - _share(usual, plan, perfect),
            "captured_share_inverse": lambda usual, plan, perfect: 1 / _share(usual, plan, perfect),
            "captured_share_sign": lambda usual, plan, perfect: -_share(usual, plan, perfect),
        },
        cases=_weeks,
    ),
    Question(
        "interval",
        right=lambda usual, plan, perfect, draws: _interval(_shares(usual, plan, perfect, draws)),
        mistakes={
            "captured_share_90": lambda usual, plan, perfect, draws: _interval(_shares(usual, plan, perfect, draws), 0.05, 0.95),
            "captured_share_fixed": lambda usual, plan, perfect, draws: _interval(
                (usual - plan)[draws].sum(axis=1) / (usual - perfect).sum()
            ),
            "captured_share_mean": lambda usual, plan, perfect, draws: _interval(((usual - plan) / (usual - perfect))[draws].mean(axis=1)),
            "captured_share_single": lambda usual, plan, perfect, draws: _interval((usual - plan) / (usual - perfect)),
            "captured_share_range": lambda usual, plan, perfect, draws: _interval(_shares(usual, plan, perfect, draws), 0.0, 1.0),
            "captured_share_normal": _normal,
        },
        cases=_drawn,
        view=tuple,
    ),
)
judge = questions(*QUESTIONS)
