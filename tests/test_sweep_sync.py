"""A sweep in MLflow: the same runs once, however often and wherever it is synced; offline first and online later."""

import os
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from pathlib import Path
from socket import socket

import pytest

from pipelines.sweep import begin as beginning
from pipelines.sweep import study, verbs
from pipelines.sweep.record import record
from pipelines.sweep.spec import read_spec
from pipelines.track import sweeps
from pipelines.work import Request
from tests.sweeps import environment, toy


@pytest.fixture
def place(tmp_path, mlflow_home):
    """A sweep of eight trials, five of them done, one handed back, in a home with an empty MLflow database."""
    request = Request(str(toy(tmp_path / "toy")), {}, None, None, (), mlflow_home, "en")
    begun = beginning.begin(beginning.Wish(request, name="s", trials=8))
    queue = study.open_queue(begun.folder, begun.spec)
    work_on(queue, 4)
    claimed = study.claim(queue, 0, begun.spec.space)
    assert claimed
    study.fail(queue, claimed[0], study.HANDED_BACK)
    return verbs.Place(mlflow_home, "s", {}, "en")


def work_on(queue, count):
    for _ in range(count):
        claimed = study.claim(queue, 0, queue.spec.space)
        assert claimed
        study.complete(queue, claimed[0], (float(claimed[1]["extra"]),), {"figures": {"cost.eur": 1.5}, "seconds": 0.1})


def runs(uri):
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name("toy")
    assert experiment is not None
    return client.search_runs([experiment.experiment_id], max_results=1000)


def local(place):
    return f"sqlite:///{(place.home / 'mlflow.db').resolve()}"


def test_two_syncs_give_the_same_runs_once(place):
    first = verbs.sync(place).summary
    before = {run.info.run_id: dict(run.data.params) for run in runs(local(place))}
    second = verbs.sync(place).summary
    after = {run.info.run_id: dict(run.data.params) for run in runs(local(place))}
    assert (first["written"], first["known"]) == (6, 0)
    assert (second["written"], second["known"]) == (0, 6)
    assert before == after
    assert len(after) == 7
    assert first["parent"] == second["parent"]


def test_parent_and_children_hold_what_the_study_holds(place):
    parent = verbs.sync(place).summary["parent"]
    found = runs(local(place))
    children = [run for run in found if run.data.tags.get(sweeps.PARENT) == parent]
    assert Counter(run.info.status for run in children) == {"FINISHED": 5, "FAILED": 1}
    trials = study.open_queue(place.folder, read_spec(place.folder)).trials
    for run in children:
        trial = trials[int(run.data.tags[sweeps.TRIAL])]
        assert run.data.params == {name: str(value) for name, value in trial.params.items()}
        if trial.values:
            assert run.data.metrics["objective.eur"] == trial.values[0]
    assert sum(run.data.tags.get("best") == "true" for run in children) == 1
    (top,) = [run for run in found if run.info.run_id == parent]
    assert top.data.metrics["trials.completed"] == 5


def test_trials_that_come_later_are_added_and_the_best_moves(place):
    verbs.sync(place)
    queue = study.open_queue(place.folder, read_spec(place.folder))
    claimed = study.claim(queue, 0, queue.spec.space)
    assert claimed
    study.complete(queue, claimed[0], (-1e9,), {})
    again = verbs.sync(place).summary
    assert (again["written"], again["known"]) == (1, 6)
    best = [run.data.tags[sweeps.TRIAL] for run in runs(local(place)) if run.data.tags.get("best") == "true"]
    assert best == [str(claimed[0].number)]


def test_a_sync_killed_half_way_is_completed(place, monkeypatch):
    written = []

    def dies(client, run_id, metrics, params):
        written.append(run_id)
        if len(written) == 4:
            raise KeyboardInterrupt
        whole(client, run_id, metrics, params)

    whole = sweeps._log
    monkeypatch.setattr(sweeps, "_log", dies)
    with pytest.raises(KeyboardInterrupt):
        verbs.sync(place)
    monkeypatch.setattr(sweeps, "_log", whole)
    again = verbs.sync(place).summary
    assert (again["written"], again["known"]) == (4, 2)
    found = runs(local(place))
    assert len(found) == 7
    assert not [run for run in found if run.info.status == "RUNNING"]
    assert all(run.data.params for run in found if run.data.tags[sweeps.TRIAL] != "parent")


@pytest.mark.slow
def test_offline_then_a_real_server(place, tmp_path):
    """First into the local database, then, with the folder as it is, into a server: the same runs once in each."""
    verbs.sync(place)
    with socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    uri = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{tmp_path}/server.db", "--default-artifact-root", str(tmp_path / "files")]
    quiet = {**environment(), "MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    quiet["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=quiet, start_new_session=True)
    try:
        deadline = time.monotonic() + 120
        while True:
            try:
                with urllib.request.urlopen(f"{uri}/health", timeout=2):
                    break
            except OSError:
                assert time.monotonic() < deadline
                time.sleep(0.5)
        first, second = (verbs.sync(place, uri).summary for _ in range(2))
        assert (first["written"], second["written"], second["known"]) == (6, 0, 6)
        there, here = runs(uri), runs(local(place))
        assert len(there) == len(here) == 7
        told = [sorted((run.data.tags[sweeps.TRIAL], str(run.data.params), str(run.data.metrics)) for run in one) for one in (there, here)]
        assert told[0] == told[1]
    finally:
        os.killpg(server.pid, 15)
        server.wait(30)


def test_the_identity_survives_a_copy_and_more_trials(place):
    spec = read_spec(place.folder)
    queue = study.open_queue(place.folder, spec)
    more = spec.model_copy(update={"trials": 20})
    assert record(place.folder, spec, queue).identity == record(place.folder / ".." / "s", more, queue).identity
    assert record(place.folder, spec, queue).identity != record(place.folder, spec.model_copy(update={"seed": 2}), queue).identity
