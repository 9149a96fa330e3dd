"""Sweeps that are interrupted, stopped, or kept elsewhere: what was asked for is completed all the same."""

import json
import os
import signal
import subprocess
from collections import Counter

import pytest
from optuna.trial import TrialState

from pipelines.sweep import begin as beginning
from pipelines.sweep.lease import workers
from tests.slurm_cluster import until
from tests.sweeps import command, environment, opened, said, sweep, toy, values, wish


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_hands_the_trials_back_and_resume_finishes_them(tmp_path, how):
    toy(tmp_path / "toy", pause_s=2.0)
    folder = tmp_path / "sweeps" / "c"
    words = command("start", tmp_path / "toy", "--name", "c", "--trials", 4, "--workers", 2, "--home", tmp_path)
    process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True, env=environment())
    until(lambda: (folder / "sweep.json").is_file() and len(opened(folder).states(TrialState.RUNNING)) == 2)
    process.send_signal(how)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130, error
    queue = opened(folder)
    assert not queue.states(TrialState.RUNNING)
    interrupted = [trial.params for trial in queue.states(TrialState.FAIL)]
    assert len(interrupted) == 2
    printed = said("resume", "c", "--home", tmp_path)
    assert (printed["completed"], printed["interrupted"]) == (4, 2)
    assert all(params in [trial.params for trial in opened(folder).states(TrialState.COMPLETE)] for params in interrupted)


@pytest.mark.slow
def test_a_killed_worker_is_replaced_and_its_trial_repeated(tmp_path):
    toy(tmp_path / "toy", pause_s=1.0)
    folder = tmp_path / "sweeps" / "k"
    words = command("start", tmp_path / "toy", "--name", "k", "--trials", 6, "--workers", 1, "--home", tmp_path, "--no-compare", "--json")
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment())
    until(lambda: (folder / "sweep.json").is_file() and opened(folder).states(TrialState.RUNNING))
    (victim,) = workers(folder).values()
    os.kill(victim.pid, signal.SIGKILL)
    printed = json.loads(process.communicate(timeout=120)[0])
    assert (printed["completed"], printed["interrupted"], printed["running"]) == (6, 1, 0)
    assert len(workers(folder)) == 2


@pytest.mark.slow
def test_stop_finishes_the_trials_and_status_says_so(tmp_path, capsys):
    toy(tmp_path / "toy", pause_s=1.0)
    folder = tmp_path / "sweeps" / "w"
    words = command("start", tmp_path / "toy", "--name", "w", "--trials", 30, "--home", tmp_path, "--no-compare", "--json")
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment())
    until(lambda: (folder / "sweep.json").is_file() and opened(folder).states(TrialState.RUNNING))
    assert sweep("stop", "w", "--home", tmp_path) == 0
    printed = json.loads(process.communicate(timeout=60)[0])
    assert printed["interrupted"] == printed["running"] == 0
    assert 2 <= printed["completed"] < 30
    capsys.readouterr()
    assert sweep("status", "w", "--home", tmp_path, "--lang", "de") == 0
    assert "Der Suchlauf wird angehalten" in capsys.readouterr().out


def test_an_rdb_storage_works_like_the_journal(tmp_path):
    toy(tmp_path / "toy")
    for name, storage in (("journal", ""), ("database", f"sqlite:///{tmp_path}/study.db")):
        begun = beginning.begin(wish(tmp_path / "toy", tmp_path / name, trials=8, storage=storage))
        assert sweep("worker", begun.folder) == 0
        assert Counter(trial.state.name for trial in opened(begun.folder).trials) == {"COMPLETE": 8}
    found = [values(opened(tmp_path / name / "sweeps" / "s").trials) for name in ("journal", "database")]
    assert found[0] == found[1]


def test_workers_know_no_mlflow(tmp_path):
    code = "import sys\nimport pipelines.sweep.verbs, pipelines.sweep.begin, pipelines.sweep.worker\nprint('mlflow' in sys.modules)"
    done = subprocess.run([*command()[:1], "-c", code], capture_output=True, text=True, check=True, env=environment())
    assert done.stdout.strip() == "False"
