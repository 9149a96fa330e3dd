"""May the best trial be believed? Its gain on the select period with a bound that allows for how many were tried.

The best of many tries looks good by luck alone (the winner's curse). So it is handed out only when its gain over the untuned settings,
block by block, stays above zero after the bound is widened for the number of tries; otherwise the untuned settings are kept.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
import polars as pl
from optuna.trial import FrozenTrial, TrialState
from scipy.stats import t as student

from pipelines.sweep.space import Value
from pipelines.sweep.study import BLOCKS, Queue
from pipelines.usecase import S, UseCase
from pipelines.value import LEVEL, MINIMUM_BLOCKS, block_totals

PLAN = "plan"


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
    """Return what the select period says of this trial against trial 0, the untuned settings."""
    tried = len(queue.states(TrialState.COMPLETE, TrialState.PRUNED)) - 1
    plain, tuned = (one.user_attrs.get(BLOCKS, []) for one in (queue.trials[0], trial))
    unit = queue.spec.units[0]
    if not plain or len(plain) != len(tuned):
        return Advice(unit, None, None, tried, 0)
    gains = np.subtract(plain, tuned)
    return Advice(unit, float(gains.sum()), lower_bound(gains, tried), tried, len(gains))


def lower_bound(gains: Sequence[float] | np.ndarray, tried: int) -> float | None:
    """Return the lower end of the total's interval when it is the best of so many tries; None with too few blocks.

    Student's t over the blocks at a level divided by the number of tries (Bonferroni): it holds however the tries depend on each other,
    and with few blocks, where a bootstrap of the best is too sure of itself.
    """
    each = np.asarray(gains, dtype=float)
    if each.size < MINIMUM_BLOCKS:
        return None
    width = float(student.ppf(1 - LEVEL[0] / max(1, tried), each.size - 1)) * float(each.std(ddof=1)) * sqrt(each.size)
    return float(each.sum()) - width
