"""A sweep as plain facts: what MLflow is told of it."""

import hashlib
import json
from pathlib import Path

from optuna.trial import FrozenTrial, TrialState

from pipelines.sweep import final, study
from pipelines.sweep.spec import SPEC, Spec
from pipelines.sweep.study import Queue
from pipelines.track.sweeps import SweepRecord, TrialRecord

ENDS = {TrialState.COMPLETE: "FINISHED", TrialState.PRUNED: "FINISHED", TrialState.FAIL: "FAILED"}
FILES = (SPEC, "best.toml", "report.html", final.FILE)


def record(folder: Path, spec: Spec, queue: Queue) -> SweepRecord:
    """Return the sweep with its finished trials; its identity is that of `sweep.json`, wherever the folder stands."""
    best = {trial.number for trial in study.better(queue)}
    trials = [_trial(spec, trial, trial.number in best) for trial in queue.states(*ENDS)]
    facts = {
        "trials wished": spec.trials,
        "objective": spec.objective,
        "units": ", ".join(spec.units),
        "seed": spec.seed,
        "workers": spec.workers,
        "threads": spec.threads,
        "prune": spec.prune,
        **{f"sampler.{name}": value for name, value in spec.sampler.model_dump().items()},
    }
    return SweepRecord(
        case=spec.case,
        name=spec.name,
        # the wished number may be raised later: it is still the same sweep
        identity=hashlib.sha256(json.dumps([spec.name, spec.created, spec.data_digest, spec.seed]).encode()).hexdigest(),
        params={name: str(value) for name, value in facts.items()},
        tags={"data.source": spec.data_source, "data.digest": spec.data_digest, "git.commit": spec.commit, **_versions(spec)},
        metrics=_metrics(folder, queue),
        trials=tuple(trials),
        files=tuple(file for name in FILES if (file := folder / name).is_file()),
    )


def _versions(spec: Spec) -> dict[str, str]:
    return {"versions": json.dumps(spec.versions)}


def _metrics(folder: Path, queue: Queue) -> dict[str, float]:
    done = queue.states(TrialState.COMPLETE)
    found = {"trials.completed": float(len(done))}
    if done:
        found |= {"untuned": float(queue.trials[0].values[0]), "best": min(float(trial.values[0]) for trial in done)}
    for one in final.stored(folder)[-1:]:
        for period, gains in (("select", one.select), ("report", one.report)):
            for unit, gain in gains.items():
                named = {"": gain.value, ".low": gain.low, ".high": gain.high}
                found |= {f"gain.{period}.{unit}{end}": figure for end, figure in named.items() if figure is not None}
    return found


def _trial(spec: Spec, trial: FrozenTrial, is_best: bool) -> TrialRecord:
    values = trial.values or []
    metrics = {f"objective.{name}": value for name, value in zip(names(spec), values, strict=False)}
    metrics |= {str(name): float(figure) for name, figure in trial.user_attrs.get(study.FIGURES, {}).items()}
    if study.SECONDS in trial.user_attrs:
        metrics["seconds"] = float(trial.user_attrs[study.SECONDS])
    attributes = {name: str(trial.user_attrs[name]) for name in (study.WORKER, study.ENDED, study.RETRY_OF) if name in trial.user_attrs}
    return TrialRecord(
        number=trial.number,
        status=ENDS[trial.state],
        state=trial.state.name,
        params={name: str(value) for name, value in trial.params.items()},
        metrics=metrics,
        tags={**attributes, **({"best": "true"} if is_best else {})},
        started_ms=_milliseconds(trial.datetime_start or trial.datetime_complete),
        ended_ms=_milliseconds(trial.datetime_complete or trial.datetime_start),
    )


def names(spec: Spec) -> tuple[str, ...]:
    """Return what the values of a trial are called."""
    return spec.units if spec.objective == "decision" else ("forecast_error",)


def _milliseconds(moment: object) -> int:
    return int(moment.timestamp() * 1000) if hasattr(moment, "timestamp") else 0
