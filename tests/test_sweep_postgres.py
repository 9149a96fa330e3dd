"""A sweep whose study is kept in a real PostgreSQL: the same results, nothing lost, and heartbeats that find the silent."""

import json
import os
import signal
import subprocess
import time
from collections import Counter

import pytest
from optuna.trial import TrialState

from pipelines.sweep import heartbeat, study
from pipelines.sweep.lease import workers
from pipelines.sweep.spec import read_spec
from tests.postgres_server import Postgres, postgres
from tests.slurm_cluster import until
from tests.sweeps import command, environment, said, sweep, toy, values
from tests.test_sweep_queue import SPACE, claim, spec

__all__ = ["postgres"]
pytestmark = pytest.mark.slow


def opened(folder):
    return study.open_queue(folder, read_spec(folder))


def test_the_database_gives_the_same_trials_as_the_journal(postgres: Postgres, tmp_path):
    toy(tmp_path / "toy")
    for name, storage in (("journal", ()), ("database", ("--storage", postgres.url))):
        assert sweep("start", tmp_path / "toy", "--name", name, "--trials", 12, "--home", tmp_path, "--dry-run", "--slurm", *storage) == 0
        assert sweep("worker", tmp_path / "sweeps" / name) == 0
    found = [values(opened(tmp_path / "sweeps" / name).trials) for name in ("journal", "database")]
    assert len(found[0]) == 12
    assert found[0] == found[1]
    assert not (tmp_path / "sweeps" / "database" / "journal.log").exists()


def test_a_killed_worker_and_a_stopped_server_lose_nothing(postgres: Postgres, tmp_path):
    """Kill -9 one of two workers, then stop the server under the others; `resume` ends with exactly 12 complete."""
    toy(tmp_path / "toy", pause_s=1.0)
    folder = tmp_path / "sweeps" / "pg"
    words = ("start", tmp_path / "toy", "--name", "pg", "--trials", 12, "--workers", 2, "--home", tmp_path, "--no-compare")
    process = subprocess.Popen(
        command(*words, "--storage", postgres.url), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment()
    )
    until(lambda: (folder / "sweep.json").is_file() and len(opened(folder).states(TrialState.RUNNING)) == 2, seconds=300)
    os.kill(min(workers(folder).values(), key=lambda one: one.number).pid, signal.SIGKILL)
    until(lambda: len(opened(folder).states(TrialState.COMPLETE)) >= 4, seconds=300)
    confirmed = {trial.number: trial.values for trial in opened(folder).states(TrialState.COMPLETE)}
    postgres.control("stop", "--mode=immediate")
    _, error = process.communicate(timeout=300)
    assert process.returncode == 2
    assert "sweep resume pg" in error
    postgres.control("start", "--options", f"-k {postgres.folder} -c listen_addresses=''")

    printed = said("resume", "pg", "--home", tmp_path)
    assert (printed["completed"], printed["running"], printed["waiting"]) == (12, 0, 0)
    trials = opened(folder).trials
    assert all(trials[number].values == value for number, value in confirmed.items())
    finished = [json.dumps(trial.params, sort_keys=True) for trial in trials if trial.state == TrialState.COMPLETE]
    assert len(set(finished)) == 12
    interrupted = [trial for trial in trials if trial.state == TrialState.FAIL and trial.params]
    assert interrupted
    assert {json.dumps(trial.params, sort_keys=True) for trial in interrupted} <= set(finished)


def test_a_trial_whose_heartbeat_stops_is_given_back_although_its_worker_looks_alive(postgres: Postgres, tmp_path, monkeypatch):
    """A worker that hangs, or has lost the database for good: its lease is fresh, but it says nothing any more."""
    monkeypatch.setattr(heartbeat, "BEAT_SECONDS", 1)
    monkeypatch.setattr(heartbeat, "GRACE_SECONDS", 3)
    queue = study.create(tmp_path, spec(storage=postgres.url, name="beats"), {"x": 5.0, "n": 8, "kind": "a"}, study.Worth((1.0,), {}))
    trial, params = claim(queue, 7, SPACE)
    with heartbeat.beating(queue.storage, queue.trial_id(trial.number)):
        time.sleep(4.5)
        assert study.reap(queue, {7}) == []
    time.sleep(4.5)
    assert study.reap(queue, {7}) == [trial.number]
    assert not study.complete(queue, trial, (2.0,), {})  # it wakes up too late
    again, same = claim(queue, 8, SPACE)
    while again.user_attrs.get(study.RETRY_OF) != trial.number:
        again, same = claim(queue, 8, SPACE)
    assert same == params
    assert again.user_attrs[study.KILLS] == 1
    assert Counter(trial.state.name for trial in queue.trials)["FAIL"] == 1
