"""Exercise 5: how often demand stays at or below a quantile, and inside a band."""

from typing import Any

import numpy as np

from pipelines.exercises.judging import Question, questions


def _open(truth: Any) -> Any:
    return ~np.isnan(truth)


def _one() -> list[tuple[Any, Any]]:
    draw, cases = np.random.default_rng(2), []
    for level in (3, 5, 9):
        truth = draw.poisson(level, 50).astype(float)
        truth[draw.random(50) < 0.2] = np.nan  # noqa: PLR2004 - a fifth of the days is closed
        cases.append((truth, draw.integers(level - 2, level + 3, 50).astype(float)))
    return cases


def _band() -> list[tuple[Any, Any, Any]]:
    return [(truth, middle - 2, middle + 1) for truth, middle in _one()]


QUESTIONS = (
    Question(
        "coverage",
        right=lambda truth, quantile: float((truth <= quantile)[_open(truth)].mean()),
        mistakes={
            "calibration_strict": lambda truth, quantile: float((truth < quantile)[_open(truth)].mean()),
            "calibration_flipped": (
                lambda truth, quantile: float((truth > quantile)[_open(truth)].mean()),
                lambda truth, quantile: float((truth >= quantile)[_open(truth)].mean()),
            ),
            "calibration_closed": lambda truth, quantile: float((truth <= quantile).mean()),
            "calibration_served": lambda truth, quantile: float(
                np.minimum(truth, quantile)[_open(truth)].sum() / truth[_open(truth)].sum()
            ),
        },
        cases=_one,
    ),
    Question(
        "band_coverage",
        right=lambda truth, low, high: float(((truth >= low) & (truth <= high))[_open(truth)].mean()),
        mistakes={
            "calibration_band_upper": lambda truth, low, high: float((truth <= high)[_open(truth)].mean()),
            "calibration_band_strict": lambda truth, low, high: float(((truth > low) & (truth < high))[_open(truth)].mean()),
            "calibration_band_outside": lambda truth, low, high: float(((truth < low) | (truth > high))[_open(truth)].mean()),
            "calibration_band_closed": lambda truth, low, high: float(((truth >= low) & (truth <= high)).mean()),
            "calibration_band_difference": lambda truth, low, high: float(
                (truth <= high)[_open(truth)].mean() - (truth <= low)[_open(truth)].mean()
            ),
        },
        cases=_band,
    ),
)
judge = questions(*QUESTIONS)
