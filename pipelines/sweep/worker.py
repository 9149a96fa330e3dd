"""A worker: claims a trial, judges it, confirms it, until nothing waits. The same on a laptop and under Slurm.

SIGUSR1: finish the current trial, then stop. SIGTERM, SIGINT: hand the current trial back. What no signal announces (kill -9, a lost node)
is found by the others through the lease.
"""

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, process_time, sleep, time
from typing import Any

import optuna

from pipelines.errors import InputError
from pipelines.sweep import slurm, study
from pipelines.sweep.heartbeat import answering, beating
from pipelines.sweep.journal import require_sound
from pipelines.sweep.lease import WORKERS, Worker, living, registered
from pipelines.sweep.space import Space, Value
from pipelines.sweep.spec import Spec, require_same_versions
from pipelines.sweep.study import Queue

STOP = "stop"  # a file: every worker finishes its trial and stops
WAIT_SECONDS = 1.0
REAP_SECONDS = 30.0  # between two looks at the others' leases
IDLE_REAP_SECONDS = 3.0  # the same while nothing else is to be done
SPARE = 1.5  # no trial is begun when less than its longest time x this is left
Told = Callable[[int, float], None]
Trial = Callable[[Mapping[str, Value], Told | None], study.Worth]


class HandBack(BaseException):
    """SIGTERM arrived while a trial was being judged."""


@dataclass
class Signals:
    """What the outside wants; the handlers do no more than set flags, or raise while `judging`: never inside the storage."""

    finish: bool = False
    leave: bool = False
    judging: bool = False

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Take over USR1, TERM and INT within the block."""

        def on_finish(*_: object) -> None:
            self.finish = True

        def on_leave(*_: object) -> None:
            self.leave = True
            if self.judging:
                self.judging = False
                raise HandBack

        handlers = {"SIGUSR1": on_finish, "SIGTERM": on_leave, "SIGINT": on_leave}
        numbers = {getattr(signal, name): handler for name, handler in handlers.items() if hasattr(signal, name)}
        before = {number: signal.signal(number, handler) for number, handler in numbers.items()}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Let SIGTERM interrupt the block at once."""
        self.judging = not self.leave
        try:
            if self.leave:
                raise HandBack
            yield
        finally:
            self.judging = False

    @contextmanager
    def undisturbed(self) -> Iterator[None]:
        """Within an interruptible block: let SIGTERM wait, because the storage is written."""
        self.judging = False
        yield
        if self.leave:
            raise HandBack
        self.judging = True


@dataclass
class Clock:
    """How much time is left: of a Slurm job, once asked, then by the monotonic clock."""

    until: float | None
    lead: float
    longest: float

    @property
    def enough(self) -> bool:
        """Whether one more trial would end in time."""
        return self.until is None or monotonic() + SPARE * self.longest + self.lead < self.until


@dataclass
class Log:
    """What a worker did, one JSON line per event, for people and for `status`."""

    file: Path
    worker: int
    done: int = field(default=0)

    def __call__(self, event: str, **facts: Any) -> None:
        """Write one line; a full disk must not end the worker here."""
        line = json.dumps({"when": round(time(), 3), "event": event, **facts}, default=str)
        try:
            with self.file.open("a", encoding="utf-8") as lines:
                lines.write(line + "\n")
        except OSError as error:
            sys.stderr.write(f"worker {self.worker}: {error}\n")


def work(folder: Path, spec: Spec, space: Space, trial: Trial) -> int:
    """Work until the queue is empty or the outside says stop; return the number of confirmed trials."""
    require_sound(folder, spec)
    require_same_versions(spec)
    signals, began = Signals(), monotonic()
    with answering(spec.storage, spec.name), signals.listening(), registered(folder) as worker:
        log = Log(folder / WORKERS / f"{worker.number:04d}.jsonl", worker.number)
        left = slurm.seconds_left(worker.job)
        clock = Clock(None if left is None else began + left, spec.lead_seconds, spec.trial_seconds)
        log("start", **vars(worker), seconds_left=left)
        why = "error"
        try:
            queue = study.open_queue(folder, spec, worker.number)
            why = _loop(queue, worker, space, trial, (signals, clock, log))
        except OSError as error:  # disk full, quota, file server away: nothing confirmed is lost, the trial is found by its lease
            raise InputError("sweep.disk", folder=folder, problem=error.strerror or error, name=spec.name) from error
        finally:
            log("end", why=why, done=log.done)
    return log.done


def _loop(queue: Queue, worker: Worker, space: Space, trial: Trial, tools: tuple[Signals, Clock, Log]) -> str:
    """Return why the work ended."""
    signals, clock, log = tools
    looked, pause = monotonic() - REAP_SECONDS, REAP_SECONDS
    while True:
        if signals.leave or signals.finish or (queue.folder / STOP).exists():
            return "stopped"
        if not clock.enough:
            return "no time left"
        if monotonic() - looked > pause:
            looked = monotonic()
            _reap(queue, worker.number, log)
        asked = monotonic(), process_time()
        claimed = study.claim(queue, worker.number, space)
        if claimed is not None:
            _one(queue, claimed, trial, (signals, clock, log), asked)
        elif queue.finished:
            return "finished"
        elif study.too_many_errors(queue.spec, queue.trials):
            return "too many errors"
        elif min(living(queue.folder), default=worker.number) != worker.number:
            return "nothing left to claim"  # the living worker with the lowest number stays until all is finished
        else:
            pause = IDLE_REAP_SECONDS
            sleep(WAIT_SECONDS)


def _reap(queue: Queue, number: int, log: Log) -> None:
    """Give back what dead workers held; Slurm is not asked here: hundreds of workers would besiege it."""
    reaped = study.reap(queue, living(queue.folder), number)
    if reaped:
        log("reaped", trials=reaped)


def _one(
    queue: Queue,
    claimed: tuple[optuna.Trial, Mapping[str, Value]],
    judge: Trial,
    tools: tuple[Signals, Clock, Log],
    asked: tuple[float, float],
) -> None:
    """Judge one claimed trial and tell the study how it ended."""
    signals, clock, log = tools
    trial, params = claimed
    began = monotonic(), process_time()
    log("claimed", trial=trial.number, params=params)

    def told(fold: int, cost: float) -> None:
        with signals.undisturbed():
            trial.report(cost, fold)
            worse = trial.should_prune()
        if worse:
            raise optuna.TrialPruned

    try:
        with beating(queue.storage, queue.trial_id(trial.number)), signals.interruptible():
            worth = judge(params, told if queue.spec.prune else None)
        seconds, cpu = monotonic() - began[0], process_time() - began[1]
        clock.longest = max(clock.longest, seconds)
        kept = study.complete(queue, trial, worth.values, {**worth.attributes, study.SECONDS: round(seconds, 3)})
        log.done += kept
        spent = {"seconds": round(seconds, 4), "cpu_s": round(cpu, 4)}
        spent |= {"overhead_s": round(monotonic() - asked[0] - seconds, 4), "overhead_cpu_s": round(process_time() - asked[1] - cpu, 4)}
        log("completed" if kept else "too late", trial=trial.number, values=worth.values, **spent)
    except optuna.TrialPruned:
        seconds = monotonic() - began[0]
        log.done += study.prune(queue, trial, {study.SECONDS: round(seconds, 3)})
        log("pruned", trial=trial.number, seconds=round(seconds, 3))
    except HandBack:
        _give_back(queue, trial, log, study.HANDED_BACK, "")
    except (OSError, optuna.exceptions.StorageInternalError):  # not the trial's fault
        raise
    except Exception as error:  # noqa: BLE001 - the use case's own code may fail in any way
        # this point cannot be judged; the sweep goes on with another one
        _give_back(queue, trial, log, study.ERROR, f"{type(error).__name__}: {error}")


def _give_back(queue: Queue, trial: optuna.Trial, log: Log, ended: str, reason: str) -> None:
    study.fail(queue, trial, ended, reason)
    log(ended, trial=trial.number, reason=reason)


def limit_threads(threads: int) -> None:
    """Keep every library of this process to so many threads; to be called before they are imported."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS"):
        os.environ[name] = str(threads)
    os.environ["OMP_WAIT_POLICY"] = "passive"
