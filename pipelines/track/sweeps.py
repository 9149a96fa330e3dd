"""A finished or unfinished sweep in MLflow: one parent run, one child per finished trial; written once however often it is asked for."""

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.track import calm, experiment_of, explained, open_store, store, ui
from pipelines.track.figures import key

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

SWEEP, TRIAL, PARENT = "musterwerk.sweep", "musterwerk.trial", "mlflow.parentRunId"
PAGE = 1000  # runs that MLflow gives at a time
BATCH = 100  # parameters and tags per call


@dataclass(frozen=True)
class TrialRecord:
    """One trial: what it was given, what came out (`metrics`), when it ran (milliseconds since 1970, UTC)."""

    number: int
    status: str  # MLflow's: FINISHED or FAILED
    state: str  # Optuna's: COMPLETE, PRUNED or FAIL
    params: Mapping[str, str]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    started_ms: int
    ended_ms: int


@dataclass(frozen=True)
class SweepRecord:
    """One sweep; `identity` stays the same wherever its folder is copied."""

    case: str
    name: str
    identity: str
    params: Mapping[str, str]
    tags: Mapping[str, str]
    metrics: Mapping[str, float]
    trials: Sequence[TrialRecord]
    files: Sequence[Path]


@dataclass(frozen=True)
class Synced:
    """What `log_sweep` did: the parent run, how many trials it wrote and how many were there already."""

    parent: str
    written: int
    known: int
    ui: str


def log_sweep(record: SweepRecord, home: Path, uri: str | None = None) -> Synced:
    """Record a sweep; trials that are there already are left alone, those of a sync that was killed half-way are completed.

    Parameters
    ----------
    home
        The MLflow home, such as mlruns.
    uri
        Tracking URI; default: MLFLOW_TRACKING_URI, else the database below home.

    Raises
    ------
    InputError
        The store cannot be reached or used.
    """
    uri = uri or os.environ.get("MLFLOW_TRACKING_URI") or store.database_uri(home)
    with calm(), explained(uri):
        client, root = open_store(uri, home)
        experiment = experiment_of(client, record.case, root)
        known = {run.data.tags[TRIAL]: run for run in _runs(client, experiment, record.identity)}
        parent = known.pop("parent", None)
        parent_id = parent.info.run_id if parent else _create(client, experiment, record.name, _parent_tags(record))
        _log(client, parent_id, record.metrics, {} if parent else record.params)
        written = 0
        for trial in record.trials:
            run = known.get(str(trial.number))
            if run is None or run.info.status == "RUNNING":
                _trial(client, experiment, record, parent_id, trial, run)
                written += 1
            elif run.data.tags.get("best", "") != trial.tags.get("best", ""):
                client.set_tag(run.info.run_id, "best", trial.tags.get("best", ""))  # another one was the best before
        for file in record.files:
            client.log_artifact(parent_id, str(file))
        client.set_terminated(parent_id, "FINISHED")
    return Synced(parent_id, written, len(record.trials) - written, ui(uri, experiment, parent_id))


def _runs(client: "MlflowClient", experiment: str, identity: str) -> Iterator["Run"]:
    """Yield what is recorded of the sweep, page by page."""
    token = None
    while True:
        page = client.search_runs([experiment], f"tags.`{SWEEP}` = '{identity}'", max_results=PAGE, page_token=token)
        yield from page
        token = page.token
        if not token:
            return


def _parent_tags(record: SweepRecord) -> dict[str, str]:
    return {SWEEP: record.identity, TRIAL: "parent", "case": record.case, "kind": "sweep", **record.tags}


def _create(client: "MlflowClient", experiment: str, name: str, tags: Mapping[str, str], started_ms: int | None = None) -> str:
    return str(client.create_run(experiment, start_time=started_ms, tags=dict(tags), run_name=name).info.run_id)


def _trial(client: "MlflowClient", experiment: str, record: SweepRecord, parent: str, trial: TrialRecord, unfinished: "Run | None") -> None:
    """Write one trial; it is RUNNING until all of it is there."""
    tags = {SWEEP: record.identity, TRIAL: str(trial.number), PARENT: parent, "kind": "trial", "state": trial.state, **trial.tags}
    name = f"{record.name} {trial.number:04d}"
    run_id = unfinished.info.run_id if unfinished else _create(client, experiment, name, tags, trial.started_ms)
    _log(client, run_id, trial.metrics, trial.params)
    client.set_terminated(run_id, trial.status, trial.ended_ms)


def _log(client: "MlflowClient", run_id: str, metrics: Mapping[str, float], params: Mapping[str, str]) -> None:
    from mlflow.entities import Metric, Param

    now = int(time.time() * 1000)
    values = [Metric(key(name), figure, now, 0) for name, figure in metrics.items()]
    pairs = [Param(key(name), value) for name, value in params.items()]
    client.log_batch(run_id, metrics=values, params=pairs[:BATCH])
    for start in range(BATCH, len(pairs), BATCH):
        client.log_batch(run_id, params=pairs[start : start + BATCH])
