"""From a score to a probability, a set and a rank, by the latest cases whose outcome is known."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipelines.models.members import logistic
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
class Ranker:
    """The order among peers: log odds of an event given that the row is one of them, by the score and further columns.

    A score learnt on all rows weighs what decides there; among rows that somebody has already sorted out other things count. With
    too few events among the peers the score alone ranks (`weights` = 1, 0, ...).
    """

    means: tuple[float, ...]
    scales: tuple[float, ...]
    weights: tuple[float, ...]

    def order(self, score: Floats, further: Floats) -> Floats:
        """Return the value rows are ranked by; `further`: rows x columns."""
        return np.asarray((np.column_stack([score, further]) - self.means) / self.scales @ np.array(self.weights))


def ranker(score: Floats, further: Floats, events: Flags, least: int) -> Ranker:
    """Return the ranking of peers by cases the scores were not fitted on: a ridge-penalised logistic regression of few columns."""
    table = np.column_stack([score, further])
    means, scales = table.mean(axis=0), np.where(table.std(axis=0) > 0, table.std(axis=0), 1.0)
    if min(int(events.sum()), int((~events).sum())) < least or not further.shape[1]:
        weights = [1.0] + [0.0] * further.shape[1]
    else:
        weights, _ = logistic((table - means) / scales, events, 1.0)
    if weights[0] <= 0:  # an order that turns the score round is chance
        weights = [1.0] + [0.0] * further.shape[1]
    return Ranker(tuple(means.tolist()), tuple(scales.tolist()), tuple(weights))


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
    ranker
        The order among peers.
    peers
        Quantiles of that order among the peers.
    """

    slope: float
    intercept: float
    thresholds: ClassThresholds
    threshold: Threshold
    ranker: Ranker
    peers: tuple[float, ...]

    def columns(self, score: Floats, further: Floats) -> dict[str, pl.Series]:
        """Return the forecast columns of scores: p, could_be_yes, could_be_no, flagged, order, rank (share of peers below)."""
        yes, no = sets(score, self.thresholds)
        flagged = score >= (np.inf if self.threshold.value is None else self.threshold.value)
        order = self.ranker.order(score, further)
        rank = np.searchsorted(self.peers, order, side="left") / len(self.peers)
        found = {"p": self.probability(score), "could_be_yes": yes, "could_be_no": no, "flagged": flagged, "order": order, "rank": rank}
        return {name: pl.Series(name, values) for name, values in found.items()}

    def probability(self, score: Floats) -> Floats:
        """Return the probability of each score."""
        return np.asarray(1 / (1 + np.exp(-np.clip(self.slope * score + self.intercept, -30, 30))))


@dataclass(frozen=True)
class Cases:
    """Cases that calibrate: scores they were not fitted on, outcomes, who is a peer, and further columns of the order (rows x columns)."""

    score: Floats
    events: Flags
    peers: Flags
    further: Floats


def plain_cases(score: Floats, events: Flags) -> Cases:
    """Return cases that are all peers, ranked by the score alone."""
    return Cases(score, events, np.ones(len(score), bool), np.empty((len(score), 0)))


def calibrate(cases: Cases, promise: Promise, least: int = 20) -> Calibration:
    """Return the calibration by cases the scores were not fitted on."""
    score, events = cases.score, cases.events
    slope, intercept = slope_intercept(events, 1 / (1 + np.exp(-np.clip(score, -13, 13))))
    if not np.isfinite(slope) or slope < LEAST_SLOPE:
        slope, intercept = 1.0, 0.0
    mine = cases.peers if cases.peers.any() else np.ones(len(score), bool)
    order = ranker(score[mine], cases.further[mine], events[mine], least)
    return Calibration(
        slope,
        intercept,
        class_thresholds(score, events, promise.level),
        recall_threshold(score, events, promise.recall, promise.confidence),
        order,
        tuple(np.quantile(order.order(score[mine], cases.further[mine]), np.linspace(0, 1, QUANTILES)).tolist()),
    )
