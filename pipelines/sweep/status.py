"""How far a sweep is: counts, best so far, trials per hour, expected end; for people and as JSON."""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from pipelines.report.words import Words
from pipelines.sweep import slurm, study
from pipelines.sweep.lease import WORKERS, living
from pipelines.sweep.spec import JOURNAL
from pipelines.sweep.study import Queue
from pipelines.sweep.worker import STOP
from pipelines.texts import Lang, number, text

RATE_SECONDS = 3600
FORECAST = "forecast error"
RECENT = 32  # trials by which the rate is reckoned
LOCK_SECONDS = 10  # a lock held longer belongs to a dead process


@dataclass(frozen=True)
class Status:
    """A sweep at one moment. Times in UTC; values in the unit of the objective, lower is better."""

    name: str
    case: str
    wished: int
    completed: int
    pruned: int
    failed: int
    interrupted: int
    running: int
    waiting: int
    orphans: tuple[int, ...]  # running on paper, but their worker is dead: `resume` returns them to the queue
    given_up: tuple[int, ...]  # points whose worker died too often
    workers: int
    best: float | None
    untuned: float
    unit: str
    per_hour: float | None
    expected_end: str | None
    jobs: dict[str, str] | None
    stopping: bool
    locked_seconds: float

    @property
    def finished(self) -> bool:
        """Whether the wished number of trials is reached and nothing is open."""
        return self.completed + self.pruned >= self.wished and not self.running and not self.waiting


def status(queue: Queue, ask_slurm: bool = True) -> Status:
    """Return where the sweep stands; nothing is changed."""
    trials, spec = queue.trials, queue.spec
    jobs = slurm.job_states(queue.folder) if ask_slurm else {}
    alive = living(queue.folder, slurm.running_jobs() if jobs else None)
    by_state = {state: [trial for trial in trials if trial.state == state] for state in TrialState}
    failed = by_state[TrialState.FAIL]
    errors = [trial for trial in failed if trial.user_attrs.get(study.ENDED) == study.ERROR]
    given_up = [trial.number for trial in failed if trial not in errors and trial.user_attrs.get(study.KILLS, 0) + 1 >= study.MOST_KILLS]
    done, left = by_state[TrialState.COMPLETE], len(by_state[TrialState.WAITING]) + len(by_state[TrialState.RUNNING])
    rate = per_hour([*done, *by_state[TrialState.PRUNED]]) if alive else None
    values = [trial.values[0] for trial in done if trial.values]
    return Status(
        name=spec.name,
        case=spec.case,
        wished=spec.trials,
        completed=len(done),
        pruned=len(by_state[TrialState.PRUNED]),
        failed=len(errors),
        interrupted=len(failed) - len(errors),
        running=len(by_state[TrialState.RUNNING]),
        waiting=len(by_state[TrialState.WAITING]),
        orphans=tuple(trial.number for trial in by_state[TrialState.RUNNING] if trial.user_attrs.get(study.WORKER) not in alive),
        given_up=tuple(given_up),
        workers=len(alive),
        best=min(values, default=None),
        untuned=trials[0].values[0] if trials and trials[0].values else float("nan"),
        unit=spec.units[0] if spec.objective == "decision" else FORECAST,
        per_hour=rate,
        expected_end=_end(left, rate),
        jobs=jobs,
        stopping=(queue.folder / STOP).exists(),
        locked_seconds=lock_age(queue.folder),
    )


def per_hour(done: Sequence[FrozenTrial]) -> float | None:
    """Return the rate of the latest trials; None before there are two."""
    ends = sorted(trial.datetime_complete for trial in done if trial.number > 0 and trial.datetime_complete)[-RECENT:]
    if len(ends) < 2 or ends[-1] <= ends[0]:  # noqa: PLR2004 - a rate needs two
        return None
    return (len(ends) - 1) * RATE_SECONDS / (ends[-1] - ends[0]).total_seconds()


def _end(left: int, rate: float | None) -> str | None:
    if not rate or not left:
        return None
    return (datetime.now(UTC) + timedelta(hours=left / rate)).isoformat(timespec="minutes")


def lock_age(folder: Path) -> float:
    """Return for how many seconds the journal has been locked; above ten a killed worker held it, and others wait up to half a minute."""
    try:
        age = datetime.now(UTC).timestamp() - (folder / f"{JOURNAL}.lock").lstat().st_mtime
    except OSError:
        return 0.0
    return max(0.0, round(age, 1))


def as_dict(found: Status) -> dict[str, Any]:
    """Return the status in machine-readable form."""
    return {**asdict(found), "finished": found.finished}


def as_line(found: Status, lang: Lang) -> str:
    """Return one line: done of wished, best, rate, expected end."""
    parts = {
        "done": found.completed + found.pruned,
        "wished": found.wished,
        "best": _worth(found, found.best, lang),
        "untuned": _worth(found, found.untuned, lang),
        "running": found.running,
        "interrupted": found.interrupted,
        "failed": found.failed,
        "rate": "-" if found.per_hour is None else number(found.per_hour, lang),
        "end": found.expected_end or "-",
    }
    return text("sweep.line", lang, **parts)


def _worth(found: Status, value: float | None, lang: Lang) -> str:
    """Return a value of the objective with its unit."""
    if value is None:
        return "-"
    return number(value, lang, 4) if found.unit == FORECAST else Words(lang, found.case).amount(value, found.unit)


def as_text(found: Status, lang: Lang) -> str:
    """Return the line and everything a person should look at."""
    lines = [as_line(found, lang)]
    lines += [text("sweep.state_jobs", lang, jobs=", ".join(f"{job} {state}" for job, state in found.jobs.items()))] if found.jobs else []
    lines += [text("sweep.slurm_silent", lang)] if found.jobs is None else []
    lines += [text("sweep.state_orphans", lang, count=len(found.orphans), name=found.name)] if found.orphans else []
    lines += [text("sweep.state_given_up", lang, trials=", ".join(map(str, found.given_up)))] if found.given_up else []
    lines += [text("sweep.state_stopping", lang, name=found.name)] if found.stopping else []
    lines += [text("sweep.state_locked", lang, seconds=found.locked_seconds)] if found.locked_seconds > LOCK_SECONDS else []
    idle = not found.finished and not found.workers and not found.jobs
    lines += [text("sweep.state_idle", lang, name=found.name)] if idle else []
    return "\n".join(lines)


@contextmanager
def shown(queue: Queue, lang: Lang) -> Iterator[Callable[[], None]]:
    """Yield a function that shows where the sweep stands: a live table on a terminal, a plain line per change elsewhere."""
    import os

    if sys.stderr.isatty() and "NO_COLOR" not in os.environ:
        from rich.console import Console
        from rich.live import Live

        with Live(console=Console(stderr=True), auto_refresh=False) as live:
            yield lambda: live.update(_table(status(queue, ask_slurm=False), lang), refresh=True)
        return
    last = [""]

    def line() -> None:
        said = as_line(status(queue, ask_slurm=False), lang)
        counted = said.partition(",")[0]
        if counted != last[0]:
            last[0] = counted
            sys.stderr.write(said + "\n")
            sys.stderr.flush()

    yield line


def _table(found: Status, lang: Lang) -> Any:
    from rich.table import Table

    table = Table(title=found.name, show_header=False)
    facts = as_dict(found)
    for name in ("completed", "pruned", "failed", "interrupted", "running", "waiting", "workers"):
        table.add_row(text(f"sweep.row_{name}", lang), f"{facts[name]} / {found.wished}" if name == "completed" else str(facts[name]))
    table.add_row(text("sweep.row_best", lang), _worth(found, found.best, lang))
    table.add_row(text("sweep.row_untuned", lang), _worth(found, found.untuned, lang))
    table.add_row(text("sweep.row_rate", lang), "-" if found.per_hour is None else number(found.per_hour, lang))
    table.add_row(text("sweep.row_end", lang), found.expected_end or "-")
    return table


def events(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield what all workers wrote down, worker by worker; a line that was cut off is left out."""
    for file in sorted((folder / WORKERS).glob("[0-9]*.jsonl")):
        for line in file.read_text(encoding="utf-8").splitlines():
            try:
                yield {"worker": int(file.stem), **json.loads(line)}
            except ValueError:
                continue
