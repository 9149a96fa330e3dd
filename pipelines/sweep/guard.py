"""May the best trial be believed? Its gain on the select period with a bound that allows for how many were tried.

The best of many tries looks good by luck alone (the winner's curse). So it is handed out only when its gain over the untuned settings,
block by block, stays above zero with a bound that holds for all tries at once; otherwise the untuned settings are kept.
"""

from dataclasses import dataclass
from math import sqrt

import numpy as np
import polars as pl
from numpy.typing import NDArray
from optuna.trial import FrozenTrial, TrialState

from pipelines.sweep.space import Value
from pipelines.sweep.study import BLOCKS, Queue
from pipelines.usecase import S, UseCase
from pipelines.value import LEVEL, MINIMUM_BLOCKS, block_totals

PLAN = "plan"
DRAWS = 4000
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Advice:
    """What the select period says of a trial: `gain` over the untuned settings and its lower bound, in `unit`; None: not to be had."""

    unit: str
    gain: float | None
    low: float | None
    tried: int  # other settings than the untuned ones
    blocks: int

    @property
    def tuned(self) -> bool:
        """Whether the trial's settings are handed out."""
        return self.low is not None and self.low > 0


@dataclass(frozen=True)
class Choice:
    """The best trial (or one the user named), what the select period says of it, and which settings are handed out."""

    trial: FrozenTrial
    params: dict[str, Value]
    untuned: dict[str, Value]
    advice: Advice
    named: bool

    @property
    def tuned(self) -> bool:
        """Whether the trial's settings are handed out: because they are advised, or because the user asked for them by number."""
        return self.named or self.advice.tuned

    @property
    def handed_out(self) -> dict[str, Value]:
        """The settings for the user's settings.toml."""
        return self.params if self.tuned else self.untuned


def choose(queue: Queue, trial: FrozenTrial, *, named: bool) -> Choice:
    """Return the trial with what is handed out instead of it when its gain may be luck."""
    params, plain = ({name: one.params[name] for name in queue.spec.space} for one in (trial, queue.trials[0]))
    return Choice(trial, params, plain, advice(queue, trial), named)


def block_costs(case: UseCase[S], ledger: pl.DataFrame, unit: str) -> list[float]:
    """Return the plan's cost per block of days (weeks or months), in their order."""
    named = ledger.with_columns(policy=pl.lit(PLAN))
    return [float(cost) for cost in block_totals(named, case.time, unit, case.block)[PLAN]]


def advice(queue: Queue, trial: FrozenTrial) -> Advice:
    """Return what the select period says of this trial against trial 0, the untuned settings.

    Trials that were ended early count as tries without a chance of being the best.
    """
    unit, plain = queue.spec.units[0], queue.trials[0].user_attrs.get(BLOCKS, [])
    others = [one for one in queue.states(TrialState.COMPLETE) if one.number not in (0, trial.number)]
    costs = [one.user_attrs.get(BLOCKS, []) for one in (trial, *others)]
    tried = len(others) + 1 + len(queue.states(TrialState.PRUNED))
    if not plain or any(len(cost) != len(plain) for cost in costs):
        return Advice(unit, None, None, tried, 0)
    gains = np.asarray(plain) - np.asarray(costs)
    return Advice(unit, float(gains[0].sum()), lower_bound(gains, 0), tried, len(plain))


def lower_bound(gains: Floats, best: int) -> float | None:
    """Return the lower end of one try's total gain that holds for all tries at once, thus also for the best; None with too few blocks.

    Parameters
    ----------
    gains
        Gain per try and block of days (K, N).
    best
        Row of the try.

    Notes
    -----
    Student's t over the blocks, but with the quantile of the largest of K dependent t values, their dependence estimated from the same
    blocks (Hothorn, Bretz and Westfall 2008, Simultaneous inference in general parametric models), from 4,000 seeded draws. With one try
    it is the usual t interval; with many independent ones it comes near Bonferroni's. Few blocks make it wide, where a bootstrap of
    the best is too sure of itself.
    """
    count = gains.shape[1]
    if count < MINIMUM_BLOCKS:
        return None
    spread = gains.std(axis=1, ddof=1)
    moved = spread > 0  # a try that changed nothing is none
    if not moved[best]:
        return float(gains[best].sum())
    draw = np.random.default_rng(1)
    standard = (gains[moved] - gains[moved].mean(axis=1, keepdims=True)) / spread[moved, None]
    normal = standard @ draw.standard_normal((count, DRAWS)) / sqrt(count - 1)
    largest = (normal / np.sqrt(draw.chisquare(count - 1, DRAWS) / (count - 1))).max(axis=0)
    width = float(np.quantile(largest, LEVEL[1])) * float(spread[best]) * sqrt(count)
    return float(gains[best].sum()) - width
