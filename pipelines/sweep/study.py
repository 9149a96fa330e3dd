"""The study as a queue of exactly N places: claimed one by one, handed back when interrupted, never lost and never doubled.

All N trials stand in the queue from the beginning; a worker claims a waiting one and never makes a new one, so N workers cannot overshoot.
A trial that fails leaves a successor: with the same parameters when it was interrupted, with new ones when it failed by itself.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import optuna
from optuna.trial import FrozenTrial, Trial, TrialState

from pipelines.errors import InputError
from pipelines.sweep.heartbeat import fail_silent
from pipelines.sweep.journal import open_storage
from pipelines.sweep.lock import locked
from pipelines.sweep.space import Space, Value, distribution, rounded, suggest
from pipelines.sweep.spec import Spec

DONE = (TrialState.COMPLETE, TrialState.PRUNED)
OPEN = (TrialState.RUNNING, TrialState.WAITING)
MOST_KILLS = 3  # a point whose worker dies that often is reported, not tried for ever
MOST_ERRORS_SHARE, LEAST_ERRORS = 0.25, 10  # so many failures of the use case itself end the sweep
QUEUE = "queue"  # the lock of those who look after it
FIRST_DIGITS = 3  # significant digits of points drawn beforehand
WORKER, ENDED, RETRY_OF, KILLS = "worker", "ended", "retry_of", "kills"
FIGURES, BLOCKS, SECONDS = "figures", "blocks", "seconds"
KILLED, HANDED_BACK, ERROR = "killed", "handed back", "error"


@dataclass
class Queue:
    """The study of one sweep, opened by one process."""

    folder: Path
    spec: Spec
    study: optuna.Study
    storage: optuna.storages.BaseStorage

    @property
    def trials(self) -> list[FrozenTrial]:
        """All trials, oldest first."""
        return self.study.get_trials(deepcopy=False)

    def states(self, *states: TrialState) -> list[FrozenTrial]:
        """Return the trials in one of the states."""
        return self.study.get_trials(deepcopy=False, states=states)

    def trial_id(self, number: int) -> int:
        """Return the storage's own number of a trial."""
        return self.storage.get_trial_id_from_study_id_trial_number(self.storage.get_study_id_from_name(self.spec.name), number)

    @property
    def finished(self) -> bool:
        """Whether no place of the queue is open any more."""
        return not self.states(*OPEN)


def sampler(spec: Spec, number: int) -> optuna.samplers.BaseSampler:
    """Return the sampler of one worker: seed = base + worker number, so that no two workers draw the same points."""
    options = spec.sampler
    return optuna.samplers.TPESampler(
        seed=spec.seed + number,
        n_startup_trials=options.first,
        multivariate=options.multivariate,
        constant_liar=options.constant_liar,
        n_ei_candidates=options.candidates,
    )


def pruner(spec: Spec) -> optuna.pruners.BasePruner:
    """Return the rule that ends a trial after a fold: worse than the median of the trials so far at the same fold."""
    return optuna.pruners.MedianPruner(n_startup_trials=spec.sampler.first // 2) if spec.prune else optuna.pruners.NopPruner()


class Worth(NamedTuple):
    """What came out of a trial: the values to minimise, figures that go along, and the plan's cost per block of days."""

    values: Sequence[float]
    figures: Mapping[str, float]
    blocks: Sequence[float] = ()

    @property
    def attributes(self) -> dict[str, Any]:
        """What is stored beside the values."""
        return {FIGURES: dict(self.figures), BLOCKS: list(self.blocks)}


def create(folder: Path, spec: Spec, untuned: Mapping[str, Value], worth: Worth) -> Queue:
    """Make the study with its N places: trial 0 is the untuned settings, already judged; then points drawn beforehand; then free ones."""
    values = list(worth.values)
    storage = open_storage(folder, spec.storage)
    try:
        study = optuna.create_study(
            storage=storage, study_name=spec.name, directions=["minimize"] * len(values), sampler=sampler(spec, 0), pruner=pruner(spec)
        )
    except optuna.exceptions.DuplicatedStudyError:
        raise InputError("sweep.study_exists", name=spec.name) from None
    study.add_trial(
        optuna.trial.create_trial(
            params=dict(untuned),
            distributions={name: distribution(range_) for name, range_ in spec.space.items()},
            values=values,
            user_attrs={**worth.attributes, SECONDS: spec.trial_seconds},
        )
    )
    for params in first_points(spec):
        study.enqueue_trial(params)
    queue = Queue(folder, spec, study, storage)
    refill(queue)
    return queue


def first_points(spec: Spec) -> list[dict[str, Value]]:
    """Return the seeded random points between the untuned settings and the first that the sampler learns from."""
    drawing = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=spec.seed))
    count = min(spec.trials, spec.sampler.first) - 1
    return [rounded(suggest(drawing.ask(), spec.space), spec.space, FIRST_DIGITS) for _ in range(count)]


def open_queue(folder: Path, spec: Spec, number: int = 0) -> Queue:
    """Open the study for the worker of this number."""
    storage = open_storage(folder, spec.storage)
    try:
        study = optuna.load_study(study_name=spec.name, storage=storage, sampler=sampler(spec, number), pruner=pruner(spec))
    except KeyError:
        raise InputError("sweep.no_study", name=spec.name) from None
    return Queue(folder, spec, study, storage)


def claim(queue: Queue, number: int, space: Space) -> tuple[Trial, dict[str, Value]] | None:
    """Take a waiting place and let the sampler fill in what is not fixed yet; None when nothing waits."""
    shuffle = Random(f"{queue.spec.seed} {number}")  # noqa: S311 - workers that lost a race part ways
    waiting, first = queue.states(TrialState.WAITING), True
    while waiting:
        chosen = waiting.pop(0 if first else shuffle.randrange(len(waiting)))
        first = False
        trial_id = queue.trial_id(chosen.number)
        with suppress(optuna.exceptions.UpdateFinishedTrialError):
            if queue.storage.set_trial_state_values(trial_id, TrialState.RUNNING):
                queue.storage.set_trial_user_attr(trial_id, WORKER, number)
                trial = Trial(queue.study, trial_id)
                return trial, suggest(trial, space)
    return None


def complete(queue: Queue, trial: Trial, values: Sequence[float], attributes: Mapping[str, Any]) -> bool:
    """Confirm a trial; False when it was taken from us meanwhile (we looked dead): then its successor counts, not this."""
    return _tell(queue, trial, TrialState.COMPLETE, values, attributes)


def prune(queue: Queue, trial: Trial, attributes: Mapping[str, Any]) -> bool:
    """Confirm that a trial was ended after a fold because it was worse than the others there."""
    return _tell(queue, trial, TrialState.PRUNED, None, attributes)


def fail(queue: Queue, trial: Trial, ended: str, reason: str = "") -> bool:
    """Give a place back: interrupted (a successor gets the same parameters) or failed by itself (a successor gets new ones)."""
    told = _tell(queue, trial, TrialState.FAIL, None, {ENDED: ended, "reason": reason})
    refill(queue)
    return told


def _tell(queue: Queue, trial: Trial, state: TrialState, values: Sequence[float] | None, attributes: Mapping[str, Any]) -> bool:
    try:
        for name, value in attributes.items():
            trial.set_user_attr(name, value)
        queue.study.tell(trial, list(values) if values is not None else None, state)
    except (optuna.exceptions.UpdateFinishedTrialError, ValueError):  # ValueError: "Cannot tell a FAIL trial"
        return False
    return True


def reap(queue: Queue, living: Iterable[int], me: int | None = None) -> list[int]:
    """Give back the running trials whose worker is dead by its lease, or whose heartbeat in a database stopped; return their numbers.

    Parameters
    ----------
    me
        The worker that asks, between two trials.
    """
    alive = set(living)
    others = alive - {me}
    with locked(queue.folder / QUEUE):  # one at a time: two reapers must not send the same successor
        before = {trial.number for trial in queue.states(TrialState.RUNNING)}
        fail_silent(queue.study)
        found = [trial.number for trial in queue.states(TrialState.FAIL) if trial.number in before and ENDED not in trial.user_attrs]
        for trial in queue.states(TrialState.RUNNING):
            # a claim without a worker yet: between two writes of a worker that lives, or of one that died there
            if trial.user_attrs.get(WORKER) in alive or (WORKER not in trial.user_attrs and others):
                continue
            trial_id = queue.trial_id(trial.number)
            with suppress(optuna.exceptions.UpdateFinishedTrialError):
                queue.storage.set_trial_user_attr(trial_id, ENDED, KILLED)
                queue.storage.set_trial_state_values(trial_id, TrialState.FAIL)
                found.append(trial.number)
        _refill(queue)
    return found


def refill(queue: Queue) -> None:
    """Put a successor of every failed trial into the queue, and further places up to the wished number. Safe to repeat."""
    with locked(queue.folder / QUEUE):  # one at a time: two reapers must not send the same successor
        _refill(queue)


def _refill(queue: Queue) -> None:
    trials = queue.trials  # one look for all: a trial that fails meanwhile is followed by those who failed it, not replaced here as well
    followed = {trial.user_attrs[RETRY_OF] for trial in trials if RETRY_OF in trial.user_attrs}
    places = sum(trial.state != TrialState.FAIL for trial in trials)
    for trial in trials:
        if trial.state == TrialState.FAIL and trial.number not in followed:
            successor = _successor(trial)
            if successor is not None:
                queue.study.enqueue_trial(successor[0], user_attrs=successor[1])
                places += 1
    if too_many_errors(queue.spec, trials):
        return
    for _ in range(queue.spec.trials - places):
        queue.study.enqueue_trial({})


def _successor(trial: FrozenTrial) -> tuple[dict[str, Value], dict[str, Any]] | None:
    """Return parameters and attributes of an interrupted trial's successor; None when the point is not to be tried again."""
    ended = trial.user_attrs.get(ENDED, KILLED)  # without a word: its heartbeat stopped
    kills = trial.user_attrs.get(KILLS, 0) + (ended == KILLED)
    if ended == ERROR or kills >= MOST_KILLS:
        return None
    fixed = {**trial.system_attrs.get("fixed_params", {}), **trial.params}
    return fixed, {RETRY_OF: trial.number, KILLS: kills}


def too_many_errors(spec: Spec, trials: Sequence[FrozenTrial]) -> bool:
    """Return whether so many points failed that something is wrong with the use case, not with the points."""
    errors = sum(trial.state == TrialState.FAIL and trial.user_attrs.get(ENDED) == ERROR for trial in trials)
    return bool(errors >= max(LEAST_ERRORS, spec.trials * MOST_ERRORS_SHARE))


def better(queue: Queue) -> list[FrozenTrial]:
    """Return the best completed trial, or the Pareto set of several objectives."""
    if not queue.states(TrialState.COMPLETE):
        return []
    return list(queue.study.best_trials) if len(queue.study.directions) > 1 else [queue.study.best_trial]
