"""A threshold that keeps its promise: recall at least so high with so much confidence, or a refusal naming the events it would take."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.probabilities.exact import events_needed, upper_miss_rate

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Threshold:
    """Flag where score >= `value`; None: nothing can be claimed with `events` events, at least `needed` would be necessary.

    `missed` of the `events` calibration events lie below the threshold.
    """

    value: float | None
    events: int
    missed: int
    needed: int


def recall_threshold(scores: Floats, events: Flags, recall: float, confidence: float) -> Threshold:
    """Return the largest threshold of which recall >= `recall` is proven with `confidence` on rows the scores were not fitted on.

    Fixed-sequence testing from the lowest threshold upwards (learn then test, Angelopoulos et al. 2021): the hypotheses "recall is too
    low" are ordered by the threshold, each is tested by an exact binomial bound, and the first one that stands ends the sequence.
    """
    positive = np.sort(scores[events])
    needed = events_needed(recall, confidence)
    missed, value = 0, None
    for candidate in np.unique(positive):
        below = int(np.searchsorted(positive, candidate, side="left"))
        if upper_miss_rate(below, len(positive), confidence) > 1 - recall:
            break
        value, missed = float(candidate), below
    return Threshold(value, len(positive), missed, needed)
