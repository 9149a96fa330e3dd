"""How much each member of a combination counts, decided on the select period."""

import itertools
from dataclasses import dataclass

import numpy as np

from pipelines.models.panel import Floats, pinball

STEPS = (0.2, 0.1, 0.05, 0.02)
WORTH_IT = 1e-6  # relative gain in pinball loss below which weight is not moved any more


@dataclass(frozen=True)
class BlendRule:
    """Members worse than `worse` x the best are left out; `shrink` pulls towards equal weights of those within `close` x the best."""

    worse: float = 1.3
    close: float = 1.04
    shrink: float = 0.3


RULE = BlendRule()


def convex_weights(members: Floats, truth: Floats, level: float, rule: BlendRule = RULE) -> Floats:
    """Weights (sum 1, none negative) of the columns of `members` with small pinball loss.

    Linear opinion pool of quantiles (Vincentisation; Lichtendahl et al. 2013), found by moving weight between pairs. Estimated weights
    are shrunk because equal ones are hard to beat (Claeskens et al. 2016).
    """
    alone = np.array([pinball(truth, members[:, i], level) for i in range(members.shape[1])])
    keep = np.flatnonzero(alone <= rule.worse * alone.min())
    near = alone <= rule.close * alone.min()
    equal = near / near.sum()
    weights = equal.copy()
    for step in STEPS:
        weights[keep] = _moved(members[:, keep], truth, level, weights[keep], step)
    shrunk: Floats = (1 - rule.shrink) * weights + rule.shrink * equal
    return shrunk


def _moved(members: Floats, truth: Floats, level: float, weights: Floats, step: float) -> Floats:
    """Return weights from which moving `step` between any two members gains nothing more."""
    best, better = pinball(truth, members @ weights, level), True
    while better:
        better = False
        for give, take in itertools.permutations(range(len(weights)), 2):
            trial = weights.copy()
            amount = min(step, trial[give])
            trial[give] -= amount
            trial[take] += amount
            loss = pinball(truth, members @ trial, level)
            if loss < best * (1 - WORTH_IT):
                weights, best, better = trial, loss, True
    return weights
