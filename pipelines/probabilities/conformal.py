"""Class-conditional (Mondrian) conformal sets: the rare class is covered as often as the frequent one.

Vovk, Gammerman and Shafer 2005, chapter 4. A set that promises 90 % over all rows may cover none of a rare
class; these promise it for each.
"""

from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class ClassThresholds:
    """`yes` belongs to the set where score >= `yes_from`, `no` where score <= `no_upto`; infinite where a class has too few rows."""

    yes_from: float
    no_upto: float
    level: float
    events: int
    others: int


def class_thresholds(scores: Floats, events: Flags, level: float) -> ClassThresholds:
    """Return the thresholds from calibration rows that the scores were not fitted on; `level`: coverage promised for each class."""
    yes, no = np.sort(scores[events])[::-1], np.sort(scores[~events])
    return ClassThresholds(_at(yes, level, -np.inf), _at(no, level, np.inf), level, len(yes), len(no))


def _at(ordered: Floats, level: float, unknown: float) -> float:
    """Return the ceil((n + 1) level)-th of the scores, the most typical of the class first; `unknown` when n is too small for it."""
    place = ceil((len(ordered) + 1) * level - 1e-9)
    return float(ordered[place - 1]) if place <= len(ordered) else unknown


def sets(scores: Floats, thresholds: ClassThresholds) -> tuple[Flags, Flags]:
    """Return whether yes, and whether no, belongs to the set of each row: both = cannot tell, neither = unlike either class."""
    return scores >= thresholds.yes_from, scores <= thresholds.no_upto


def coverage(scores: Floats, events: Flags, thresholds: ClassThresholds) -> dict[str, tuple[int, int]]:
    """Return (covered, rows) of all rows, of the events and of the others, and (rows with both labels, rows)."""
    yes, no = sets(scores, thresholds)
    covered = np.where(events, yes, no)
    parts = {"all": np.ones(len(events), bool), "yes": events, "no": ~events}
    found = {name: (int(covered[part].sum()), int(part.sum())) for name, part in parts.items()}
    return {**found, "both": (int((yes & no).sum()), len(events))}
