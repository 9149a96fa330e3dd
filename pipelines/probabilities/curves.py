"""Curves of use: net benefit at thresholds fixed beforehand, and events reached by a number of slots."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


def net_benefit(events: Flags, flagged: Flags, threshold: float) -> float:
    """Return (true positives - false positives * odds of the threshold) / rows (Vickers and Elkin 2006).

    `threshold`: the probability at which acting and waiting are worth the same; flag all or none for the reference lines.
    """
    hits, false = int((flagged & events).sum()), int((flagged & ~events).sum())
    return (hits - false * threshold / (1 - threshold)) / len(events)


def caught_curve(events: Flags, scores: Floats, slots: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how many events lie among the highest scores for each number of slots, ties in the order of the rows."""
    hits = np.concatenate([[0], np.cumsum(events[np.argsort(-scores, kind="stable")])])
    return np.asarray(hits[np.minimum(slots, len(events))])
