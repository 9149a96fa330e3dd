"""Sweeps on a real Slurm: nothing lost, nothing doubled, the same result as on a laptop."""

import json
import os
import signal
import subprocess
import time
from collections import Counter

import pytest
from optuna.trial import TrialState

from pipelines.sweep import slurm, study
from pipelines.sweep.lease import workers
from pipelines.sweep.spec import read_spec
from tests.slurm_cluster import Cluster, cluster, until
from tests.sweeps import said, toy, values

__all__ = ["cluster"]
pytestmark = [pytest.mark.slurm, pytest.mark.slow]
FROM_SLURM = ("--slurm", "--partition", "test", "--lead", "5")
SIGNAL_SECONDS = 5  # from scancel over slurmd, batch shell and srun to the worker


def opened(folder):
    return study.open_queue(folder, read_spec(folder))


def done(folder):
    return len(opened(folder).states(TrialState.COMPLETE))


def held(folder):
    """Numbers of the trials that are running now."""
    return {trial.number for trial in opened(folder).states(TrialState.RUNNING)}


def checked(folder):
    """Exactly 40 are complete, none twice, and every interrupted point was finished."""
    queue = opened(folder)
    counts = Counter(trial.state for trial in queue.trials)
    assert (counts[TrialState.COMPLETE], counts[TrialState.RUNNING], counts[TrialState.WAITING]) == (40, 0, 0)
    finished = [trial.params for trial in queue.states(TrialState.COMPLETE)]
    assert len({json.dumps(params, sort_keys=True) for params in finished}) == 40, "a point was judged twice"
    parents = [trial.user_attrs[study.RETRY_OF] for trial in queue.trials if study.RETRY_OF in trial.user_attrs]
    assert len(parents) == len(set(parents)), "a trial was repeated twice"
    interrupted = [trial for trial in queue.states(TrialState.FAIL) if len(trial.params) == 4]
    assert {trial.user_attrs[study.ENDED] for trial in interrupted} <= {study.KILLED, study.HANDED_BACK}
    assert len(interrupted) >= 5
    assert not [trial.number for trial in interrupted if trial.params not in finished], "an interrupted point was not finished"
    # confirmed = in the journal: what the workers wrote down as completed is there, once
    logged = [json.loads(line) for file in (folder / "workers").glob("*.jsonl") for line in file.read_text().splitlines()]
    confirmed = [event["trial"] for event in logged if event["event"] == "completed"]
    assert len(confirmed) == len(set(confirmed)) == 39  # the untuned settings were judged before
    assert set(confirmed) < {trial.number for trial in queue.states(TrialState.COMPLETE)}


def test_forty_trials_survive_kill_node_down_cancelled_array_and_time_limit(cluster: Cluster, tmp_path):
    """Row by row what a cluster does to a sweep; after each `resume` goes on, and at the end exactly 40 are complete."""
    toy(tmp_path / "toy", pause_s=2.0)
    home, folder = tmp_path / "mlruns", tmp_path / "mlruns" / "sweeps" / "forty"
    two_nodes = (*FROM_SLURM, "--nodes", 2, "--tasks-per-node", 2, "--home", home, "--time", "10:00")
    again = (*two_nodes[:3], *two_nodes[5:])  # the lead is the sweep's own

    # 1. kill -9 one of four workers: its siblings go on, one of them returns its trial
    job = said("start", tmp_path / "toy", "--name", "forty", "--trials", 40, *two_nodes)["job"]
    until(lambda: done(folder) >= 4 and len(held(folder)) >= 3)
    victim = next(one.pid for one in workers(folder).values() if one.job == job)
    os.kill(victim, signal.SIGKILL)
    until(lambda: done(folder) >= 8)
    assert "RUNNING" in cluster.state(job)

    # 2. a node goes down: Slurm requeues the job; here it is stopped, so that `resume` is what brings it back
    cluster.run("scontrol", "update", "nodename=n2", "state=down", "reason=test")
    until(lambda: not {"RUNNING", "COMPLETING"} & set(cluster.state(job).split()))
    subprocess.run(["scancel", job], check=False)
    until(lambda: not slurm.waiting_or_running(folder))
    subprocess.run(["scontrol", "update", "nodename=n2", "state=resume"], check=False)  # it may have come back by itself
    until(lambda: "n2 idle" in cluster.run("sinfo", "-h", "-N", "-o", "%N %T"))

    # 3. an array, cancelled as a whole
    job = said("resume", "forty", "--array", *again)["job"]
    before = done(folder)
    until(lambda: done(folder) >= before + 4 and len(held(folder)) >= 3)
    cluster.run("scancel", job)
    until(lambda: not slurm.waiting_or_running(folder))

    # 4. the time limit: an operator shortens it, the job is ended in the middle of its trials
    job = said("resume", "forty", *again)["job"]
    before = done(folder)
    until(lambda: done(folder) >= before + 2)
    cluster.run("scontrol", "update", f"jobid={job}", "timelimit=1")
    until(lambda: not slurm.waiting_or_running(folder) or done(folder) >= 40, seconds=180)

    # 5. the rest
    while done(folder) < 40:
        said("resume", "forty", *again)
        until(lambda: not slurm.waiting_or_running(folder), seconds=180)

    checked(folder)


def test_one_worker_gives_the_same_on_laptop_twice_and_on_slurm(cluster: Cluster, tmp_path):
    toy(tmp_path / "toy")
    found = []
    for name in ("first", "second"):
        said("start", tmp_path / "toy", "--name", name, "--trials", 20, "--seed", 7, "--home", tmp_path, "--no-compare")
        found.append(values(opened(tmp_path / "sweeps" / name).trials))
    words = (*FROM_SLURM, "--nodes", 1, "--tasks-per-node", 1, "--time", "5:00", "--home", tmp_path)
    said("start", tmp_path / "toy", "--name", "third", "--trials", 20, "--seed", 7, *words)
    until(lambda: not slurm.waiting_or_running(tmp_path / "sweeps" / "third"))
    found.append(values(opened(tmp_path / "sweeps" / "third").trials))
    assert len(found[0]) == 20
    assert found[0] == found[1] == found[2]


def test_usr1_finishes_the_trial_and_term_hands_it_back(cluster: Cluster, tmp_path):
    """No trial ends while the file `hold` lies there, so what was held when the signal came is known exactly."""
    hold, folder = tmp_path / "hold", tmp_path / "sweeps" / "signals"
    toy(tmp_path / "toy", hold=str(hold))
    words = (*FROM_SLURM, "--nodes", 1, "--tasks-per-node", 2, "--time", "5:00", "--home", tmp_path)
    said("start", tmp_path / "toy", "--name", "signals", "--trials", 12, "--dry-run", *words)
    again = (*words[:3], *words[5:])
    hold.touch()

    # USR1: the two trials at work are finished, none is handed back
    job = said("resume", "signals", *again)["job"]
    until(lambda: len(held(folder)) == 2, seconds=180)
    running = held(folder)
    cluster.run("scancel", "--batch", "--signal=USR1", job)
    time.sleep(SIGNAL_SECONDS)
    assert held(folder) == running
    hold.unlink()
    until(lambda: not slurm.waiting_or_running(folder), seconds=180)
    assert complete(folder) == {0} | running  # 0: the untuned settings, judged at the start
    assert not held(folder) | handed_back(folder)

    # TERM: exactly the two trials at work are handed back, with their parameters, and none is finished
    hold.touch()
    said("resume", "signals", *again)
    until(lambda: len(held(folder)) == 2, seconds=180)
    second = held(folder)
    params = {number: opened(folder).trials[number].params for number in second}
    said("stop", "signals", "--now", "--home", tmp_path)
    until(lambda: not slurm.waiting_or_running(folder), seconds=180)
    assert handed_back(folder) == second
    assert complete(folder) == {0} | running
    assert not held(folder)
    waiting = [trial for trial in opened(folder).states(TrialState.WAITING) if study.RETRY_OF in trial.user_attrs]
    assert {trial.user_attrs[study.RETRY_OF]: trial.system_attrs["fixed_params"] for trial in waiting} == params


def complete(folder):
    return {trial.number for trial in opened(folder).states(TrialState.COMPLETE)}


def handed_back(folder):
    return {trial.number for trial in opened(folder).trials if trial.user_attrs.get(study.ENDED) == study.HANDED_BACK}


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [("--partition", "nowhere", "It has: test"), ("--time", "1", "too short"), ("--time", "5:00:00", "allows")],
)
def test_what_cannot_work_is_refused_with_the_reason(cluster: Cluster, tmp_path, capsys, option, value, words):
    from tests.sweeps import sweep

    toy(tmp_path / "toy")
    given = {"--partition": "test", "--time": "10:00"} | {option: value}
    options = [word for pair in given.items() for word in pair]
    assert sweep("start", tmp_path / "toy", "--name", "no", "--trials", 5, "--home", tmp_path, "--slurm", *options) == 2
    assert words in capsys.readouterr().err
    assert not slurm.submitted(tmp_path / "sweeps" / "no")
