"""Thirty kill -9 at random moments of a journal sweep: nothing confirmed is lost, and the store always opens."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from optuna.trial import TrialState

from pipelines.sweep import journal, study
from pipelines.sweep.lease import living, workers
from pipelines.sweep.spec import JOURNAL, Spec, write_spec
from pipelines.usecase import Span

TRIALS, KILLS, CREW = 200, 30, 4
SPACE = {"x": Span(0.0, 10.0), "y": Span(0.0, 10.0)}
# one process imports everything; the workers are its children, so that thirty restarts cost seconds, not minutes
NURSERY = """
import os, sys, time
from pathlib import Path
from pipelines.sweep.spec import read_spec
from pipelines.sweep.study import Worth
from pipelines.sweep.worker import work

folder = Path(sys.argv[1])
spec = read_spec(folder)

def trial(params, told):
    time.sleep(0.25)
    return Worth((params["x"] + params["y"],), {"cost.eur": params["x"]})

for line in sys.stdin:
    child = os.fork()
    if child == 0:
        sys.stdin.close()
        try:
            work(folder, spec, spec.space, trial)
        finally:
            os._exit(0)
    print(child, flush=True)
    while True:
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                break
        except ChildProcessError:
            break
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks workers")
def test_thirty_kills_lose_no_confirmed_trial(tmp_path):
    spec = Spec(
        name="kills", case="toy", trials=TRIALS, workers=CREW, threads=1, seed=1, units=("eur",), settings={}, space=SPACE,
        trial_seconds=0.25, data_digest="", data_source="", versions={}, created="2024-01-01T00:00:00+00:00",
    )  # fmt: skip
    write_spec(tmp_path, spec)
    queue = study.create(tmp_path, spec, {"x": 5.0, "y": 5.0}, study.Worth((10.0,), {}))
    draw = random.Random(11)
    root = Path(__file__).parents[1]
    nursery = subprocess.Popen(
        [sys.executable, "-c", NURSERY, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root
    )
    assert nursery.stdin is not None
    assert nursery.stdout is not None

    def more() -> int:
        nursery.stdin.write("\n")  # type: ignore[union-attr]
        nursery.stdin.flush()  # type: ignore[union-attr]
        return int(nursery.stdout.readline())  # type: ignore[union-attr]

    crew = [more() for _ in range(CREW)]
    killed = 0
    deadline = time.monotonic() + 400
    while killed < KILLS:
        time.sleep(draw.uniform(0.05, 0.35))
        victim = crew.pop(draw.randrange(CREW))
        os.kill(victim, signal.SIGKILL)
        killed += 1
        crew.append(more())
        journal.require_sound(tmp_path, spec)  # opens at every moment
        assert time.monotonic() < deadline
    assert len(queue.states(TrialState.COMPLETE)) < TRIALS, "it was over before the last kill"
    while not queue.finished:
        time.sleep(0.5)
        if not living(tmp_path):
            study.reap(queue, ())
            more()
        assert time.monotonic() < deadline
    nursery.stdin.close()
    nursery.wait(30)
    nursery.stdout.close()

    checked(tmp_path, queue)


def checked(folder: Path, queue: study.Queue) -> None:
    """Everything confirmed is stored, everything wished for is complete, nothing is there twice."""
    counts = Counter(trial.state for trial in queue.trials)
    assert (counts[TrialState.COMPLETE], counts[TrialState.RUNNING], counts[TrialState.WAITING]) == (TRIALS, 0, 0)
    assert len(workers(folder)) >= KILLS / 2  # others were killed before they had a number
    events = [json.loads(line) for file in (folder / "workers").glob("*.jsonl") for line in file.read_text().splitlines()]
    confirmed = {event["trial"]: event["values"] for event in events if event["event"] == "completed"}
    stored = {trial.number: trial.values for trial in queue.states(TrialState.COMPLETE)}
    assert all(stored[number] == value for number, value in confirmed.items())
    parents = [trial.user_attrs[study.RETRY_OF] for trial in queue.trials if study.RETRY_OF in trial.user_attrs]
    assert len(parents) == len(set(parents))
    assert len({json.dumps(trial.params, sort_keys=True) for trial in queue.states(TrialState.COMPLETE)}) == TRIALS
    assert not journal.broken_lines(folder / JOURNAL)
