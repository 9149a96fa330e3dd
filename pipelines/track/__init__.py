"""MLflow, and nowhere else: a finished run folder becomes an MLflow run with its numbers, files and model."""

import hashlib
import json
import logging
import os
import signal
import threading
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from pipelines.errors import InputError
from pipelines.evidence import FACTS, MODEL
from pipelines.result import Note, Result
from pipelines.track import figures, store
from pipelines.track.model import CHAMPION, register

if TYPE_CHECKING:
    from mlflow import MlflowClient

STOPPING = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
EVIDENCE, VERSION = "musterwerk.evidence", "musterwerk.model_version"  # tags by which a recorded run is found again
BATCH, DIGEST_LENGTH = 100, 36  # MLflow's own limits
# what MLflow and its libraries warn each other about: nothing here or in the user's data
ASIDES = {
    "The ``noload`` loader strategy is deprecated": DeprecationWarning,
    ".*Any type hint is inferred as AnyType": UserWarning,
    ".*An input example was not provided": UserWarning,
}
# set before MLflow is imported; what the user has set stays
QUIET = {
    "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_UV_AUTO_DETECT": "false",
}


@dataclass(frozen=True)
class TrackedRun:
    """Where MLflow has the run: `ui` is its web address, or the command that starts the local user interface."""

    run_id: str
    experiment: str
    ui: str
    version: str  # of the registered model named like the use case
    champion: bool  # whether this version is the champion
    notes: tuple[Note, ...] = ()


def log_run(result: Result, folder: Path, home: Path, uri: str | None = None) -> TrackedRun:
    """Record a run folder in MLflow and register its model; a folder recorded before is not recorded again.

    Parameters
    ----------
    folder
        What `write_run` returned.
    home
        The MLflow home, such as mlruns: the database and the artifacts stand below it.
    uri
        Tracking URI; default: MLFLOW_TRACKING_URI, else the database below home.

    Raises
    ------
    InputError
        The store cannot be reached or used; the run folder is complete nevertheless.
    """
    uri = uri or os.environ.get("MLFLOW_TRACKING_URI") or store.database_uri(home)
    text = (folder / FACTS).read_text(encoding="utf-8")
    facts = json.loads(text)
    parameters, notes = figures.parameters(facts["settings"])
    tags = {**figures.tags(facts, folder, home), EVIDENCE: hashlib.sha256(text.encode()).hexdigest()}
    with calm(), explained(uri):
        client, root = open_store(uri, home)
        experiment = experiment_of(client, result.case, root)
        run_id, version = _recorded_before(client, experiment, tags[EVIDENCE])
        if not run_id:
            with _recording(client, experiment, facts["name"], tags) as run_id:
                _log_figures(client, run_id, parameters, figures.metrics(result, facts["duration"]))
                _log_data(client, run_id, result)
                client.log_artifacts(run_id, str(folder))
                version = register(client, experiment, run_id, result, folder / MODEL)
                client.set_tag(run_id, VERSION, version)
        champion = str(client.get_registered_model(result.case).aliases.get(CHAMPION)) == version
    return TrackedRun(run_id, result.case, ui(uri, experiment, run_id), version, champion, notes)


@contextmanager
def calm() -> Iterator[None]:
    """MLflow without telemetry, chatter and asides."""
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    loggers = [logging.getLogger(name) for name in ("mlflow", "alembic")]
    with warnings.catch_warnings():
        for message, kind in ASIDES.items():
            warnings.filterwarnings("ignore", message, kind)
        import mlflow  # noqa: F401 - importing it sets up its loggers

        levels = [logger.level for logger in loggers]
        try:
            for logger in loggers:
                logger.setLevel(logging.ERROR)
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)


@contextmanager
def explained(uri: str) -> Iterator[None]:
    """Turn MLflow's errors into ours, without the credentials a URI may carry."""
    from mlflow.exceptions import MlflowException

    try:
        yield
    except MlflowException as error:
        key = "track.old_store" if "out-of-date database schema" in str(error) else "track.unusable"
        problem = str(error).partition("\n")[0].replace(uri, _public(uri))
        raise InputError(key, uri=_public(uri), problem=problem) from error


def _public(uri: str) -> str:
    parts = urlsplit(uri)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2])) if "@" in parts.netloc else uri


def open_store(uri: str, home: Path) -> tuple["MlflowClient", str | None]:
    """Return a client, and the artifact root when the store is our own database below home."""
    from mlflow import MlflowClient

    root = store.artifact_root(home) if store.is_ours(uri, home) else None
    if root:
        store.make_once(home.resolve() / store.DATABASE, lambda file: _new_database(file, root))
        store.mend_locations(home)
    return MlflowClient(tracking_uri=uri, registry_uri=uri), root


def _new_database(file: Path, root: str) -> None:
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    SqlAlchemyStore(store.sqlite_uri(file), root).engine.dispose()  # type: ignore[no-untyped-call]


def experiment_of(client: "MlflowClient", case: str, root: str | None) -> str:
    """Return the number of the use case's experiment, which is made when missing."""
    from mlflow.exceptions import MlflowException

    found = client.get_experiment_by_name(case)
    if found is None:
        try:
            return str(client.create_experiment(case, artifact_location=f"{root}/{case}" if root else None))
        except MlflowException:  # another process was quicker, or else there is still none
            found = client.get_experiment_by_name(case)
            if found is None:
                raise
    if found.lifecycle_stage != "active":
        raise InputError("track.deleted_experiment", name=case, number=found.experiment_id)
    return str(found.experiment_id)


def _recorded_before(client: "MlflowClient", experiment: str, evidence: str) -> tuple[str, str]:
    query = f"tags.`{EVIDENCE}` = '{evidence}' AND attributes.status = 'FINISHED'"
    for run in client.search_runs([experiment], query, max_results=1):
        return str(run.info.run_id), run.data.tags[VERSION]
    return "", ""


@contextmanager
def _recording(client: "MlflowClient", experiment: str, name: str, tags: Mapping[str, str]) -> Iterator[str]:
    """Start a run and end it as FINISHED, FAILED or (Ctrl-C) KILLED: none is left running."""
    run_id, status = "", "KILLED"
    try:
        with _uninterrupted():
            run_id = str(client.create_run(experiment, run_name=name, tags=dict(tags)).info.run_id)
        yield run_id
        status = "FINISHED"
    except Exception:
        status = "FAILED"
        raise
    finally:
        if run_id:
            with _uninterrupted():
                client.set_terminated(run_id, status)


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Let Ctrl-C, SIGTERM and a closed terminal wait until the end of the block."""
    if threading.current_thread() is not threading.main_thread():  # Python interrupts the main thread only
        yield
        return
    pressed: list[int] = []

    def remember(number: int, _frame: FrameType | None) -> None:
        pressed.append(number)

    before = {number: signal.signal(number, remember) for number in STOPPING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if pressed:
        raise KeyboardInterrupt


def _log_figures(client: "MlflowClient", run_id: str, parameters: Mapping[str, str], metrics: Mapping[str, float]) -> None:
    from mlflow.entities import Metric, Param

    now = int(time.time() * 1000)
    values = [Metric(name, value, now, 0) for name, value in metrics.items()]
    pairs = iter([Param(name, value) for name, value in parameters.items()])
    while chunk := list(islice(pairs, BATCH)):
        client.log_batch(run_id, metrics=values, params=chunk)
        values = []


def _log_data(client: "MlflowClient", run_id: str, result: Result) -> None:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    data = result.data
    profile: dict[str, Any] = {"rows": data.rows, "series": data.series, "first": data.first.isoformat(), "last": data.last.isoformat()}
    source = Dataset(result.case, data.digest[:DIGEST_LENGTH], "local", json.dumps({"sha256": data.digest}), profile=json.dumps(profile))
    client.log_inputs(run_id, datasets=[DatasetInput(source, [InputTag("mlflow.data.context", "backtest")])])


def ui(uri: str, experiment: str, run_id: str) -> str:
    """Return the web address of a run, or the command that starts the local user interface."""
    if uri.startswith(("http://", "https://")):
        return f"{_public(uri).rstrip('/')}/#/experiments/{experiment}/runs/{run_id}"
    return f'mlflow ui --workers 1 --backend-store-uri "{_public(uri)}"'
