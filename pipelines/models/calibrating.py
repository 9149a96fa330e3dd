"""From a score to a probability, a set and a rank, by the latest cases whose outcome is known."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipelines.probabilities.conformal import ClassThresholds, class_thresholds, sets
from pipelines.probabilities.risk_control import Threshold, recall_threshold
from pipelines.probabilities.scores import slope_intercept

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
QUANTILES = 201
LEAST_SLOPE = 0.1  # a calibration that turns the order round is none


@dataclass(frozen=True)
class Promise:
    """What is promised: coverage of each class by the sets; recall of the threshold and the confidence in it."""

    level: float = 0.9
    recall: float = 0.95
    confidence: float = 0.9


@dataclass(frozen=True)
class Calibration:
    """What the calibration cases say about scores (log odds).

    Parameters
    ----------
    slope, intercept
        p = 1 / (1 + exp(-(slope * score + intercept))), Platt 1999.
    thresholds
        Of the class-conditional conformal sets, on the scores.
    threshold
        The risk-controlled one, on the scores.
    peers
        Quantiles of the scores of the rows among which a score is ranked.
    """

    slope: float
    intercept: float
    thresholds: ClassThresholds
    threshold: Threshold
    peers: tuple[float, ...]

    def columns(self, score: Floats) -> dict[str, pl.Series]:
        """Return the forecast columns of scores: p, could_be_yes, could_be_no, flagged, rank (share of peers with a lower score)."""
        yes, no = sets(score, self.thresholds)
        flagged = score >= (np.inf if self.threshold.value is None else self.threshold.value)
        rank = np.searchsorted(self.peers, score, side="left") / len(self.peers)
        found = {"p": self.probability(score), "could_be_yes": yes, "could_be_no": no, "flagged": flagged, "rank": rank}
        return {name: pl.Series(name, values) for name, values in found.items()}

    def probability(self, score: Floats) -> Floats:
        """Return the probability of each score."""
        return np.asarray(1 / (1 + np.exp(-np.clip(self.slope * score + self.intercept, -30, 30))))


def calibrate(score: Floats, events: Flags, peers: Flags, promise: Promise) -> Calibration:
    """Return the calibration by cases the scores were not fitted on; `peers`: the rows among which scores are ranked."""
    slope, intercept = slope_intercept(events, 1 / (1 + np.exp(-np.clip(score, -13, 13))))
    if not np.isfinite(slope) or slope < LEAST_SLOPE:
        slope, intercept = 1.0, 0.0
    ranked = score[peers] if peers.any() else score
    return Calibration(
        slope,
        intercept,
        class_thresholds(score, events, promise.level),
        recall_threshold(score, events, promise.recall, promise.confidence),
        tuple(float(value) for value in np.quantile(ranked, np.linspace(0, 1, QUANTILES))),
    )
