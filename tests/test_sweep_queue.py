"""The queue of a sweep: exactly N places, claimed once, handed back with the same parameters, never lost, never doubled."""

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from socket import gethostname
from typing import Any

import pytest
from optuna.trial import TrialState

from pipelines.errors import InputError
from pipelines.sweep import journal, lease, lock, study
from pipelines.sweep.space import fragment, nested
from pipelines.sweep.spec import JOURNAL, Spec, write_spec
from pipelines.usecase import Options, Span

SPACE: Any = {"x": Span(0.0, 10.0), "n": Span(1, 64, log=True, whole=True), "kind": Options(("a", "b"))}


def spec(**changes) -> Spec:
    given = {
        "name": "one", "case": "toy", "trials": 6, "workers": 1, "threads": 1, "seed": 3, "units": ("eur",), "settings": {}, "space": SPACE,
        "trial_seconds": 0.1, "data_digest": "", "data_source": "", "versions": {}, "created": "2024-01-01T00:00:00+00:00",
    }  # fmt: skip
    return Spec(**(given | changes))


@pytest.fixture
def queue(tmp_path):
    write_spec(tmp_path, spec())
    return study.create(tmp_path, spec(), {"x": 5.0, "n": 8, "kind": "a"}, study.Worth((1.0,), {"cost.eur": 1.0}))


def claim(queue, number, space) -> Any:
    return study.claim(queue, number, space)


def counts(queue):
    return {state.name: len(queue.states(state)) for state in TrialState if queue.states(state)}


def finish(queue, number=0):
    while (claimed := claim(queue, number, SPACE)) is not None:
        assert study.complete(queue, claimed[0], (float(claimed[1]["x"]),), {})


def test_a_sweep_begins_with_the_untuned_settings_and_all_its_places(queue):
    assert counts(queue) == {"COMPLETE": 1, "WAITING": 5}
    assert queue.trials[0].params == {"x": 5.0, "n": 8, "kind": "a"}
    finish(queue)
    assert counts(queue) == {"COMPLETE": 6}
    assert queue.finished
    assert claim(queue, 0, SPACE) is None


def test_the_first_points_do_not_depend_on_the_worker(tmp_path):
    points: list[Any] = study.first_points(spec(trials=30))
    assert points == study.first_points(spec(trials=30, workers=7))
    assert points != study.first_points(spec(trials=30, seed=4))
    assert len(points) == 9
    assert all(0 <= point["x"] <= 10 and 1 <= point["n"] <= 64 for point in points)


def test_two_workers_never_get_the_same_place_nor_draw_the_same_points(tmp_path):
    study.create(tmp_path, spec(trials=40), {"x": 5.0, "n": 8, "kind": "a"}, study.Worth((1.0,), {}))
    one, two = (study.open_queue(tmp_path, spec(trials=40), number) for number in (0, 1))
    drawn = []
    while claims := [(q, c) for q, number in ((one, 0), (two, 1)) if (c := claim(q, number, SPACE))]:
        assert len({claim[0].number for _, claim in claims}) == len(claims)
        for opened, (trial, params) in claims:
            drawn.append(json.dumps(params))
            study.complete(opened, trial, (params["x"],), {})
    assert len(drawn) == len(set(drawn)) == 39


def test_what_is_handed_back_is_tried_again_with_the_same_parameters(queue):
    trial, params = claim(queue, 0, SPACE)
    assert study.fail(queue, trial, study.HANDED_BACK)
    assert counts(queue) == {"COMPLETE": 1, "FAIL": 1, "WAITING": 5}
    seen = {}
    while (claimed := claim(queue, 1, SPACE)) is not None:
        seen[claimed[0].number] = claimed[1]
        study.complete(queue, claimed[0], (1.0,), {})
    follower = next(one for one in queue.trials if one.user_attrs.get(study.RETRY_OF) == trial.number)
    assert seen[follower.number] == params
    assert counts(queue) == {"COMPLETE": 6, "FAIL": 1}


def test_a_dead_workers_trial_comes_back_once_however_many_look(queue):
    trial, params = claim(queue, 0, SPACE)
    other = study.open_queue(queue.folder, queue.spec, 1)
    assert study.reap(queue, {0}) == []
    assert study.reap(queue, {1}) == [trial.number]
    assert study.reap(other, {1}) == []
    study.refill(other)
    assert [one.user_attrs[study.RETRY_OF] for one in queue.trials if study.RETRY_OF in one.user_attrs] == [trial.number]
    # the worker was alive after all: what it found no longer counts
    assert not study.complete(queue, trial, (0.0,), {})
    finish(queue)
    assert counts(queue) == {"COMPLETE": 6, "FAIL": 1}
    assert sum(one.params == params for one in queue.states(TrialState.COMPLETE)) == 1


def test_a_reaper_killed_between_its_two_steps_loses_nothing(queue):
    trial, params = claim(queue, 0, SPACE)
    trial.set_user_attr(study.ENDED, study.KILLED)
    queue.study.tell(trial, state=TrialState.FAIL)  # and killed here, before the successor was sent
    study.refill(queue)
    study.refill(queue)
    assert counts(queue) == {"COMPLETE": 1, "FAIL": 1, "WAITING": 5}
    finish(queue)
    assert params in [one.params for one in queue.states(TrialState.COMPLETE)]


def test_a_trial_that_fails_while_another_is_followed_gets_one_successor_not_two(queue, monkeypatch):
    first, second = (claim(queue, number, SPACE)[0] for number in (1, 2))
    study._tell(queue, first, TrialState.FAIL, None, {study.ENDED: study.HANDED_BACK})
    enqueue = queue.study.enqueue_trial

    def meanwhile(*arguments, **named):
        monkeypatch.undo()
        study._tell(queue, second, TrialState.FAIL, None, {study.ENDED: study.HANDED_BACK})
        enqueue(*arguments, **named)

    monkeypatch.setattr(queue.study, "enqueue_trial", meanwhile)
    study.refill(queue)
    study.refill(queue)  # what the second trial's worker does next
    finish(queue)
    assert counts(queue) == {"COMPLETE": 6, "FAIL": 2}


def test_a_point_that_kills_its_workers_is_given_up_and_replaced(queue):
    params = claim(queue, 0, SPACE)[1]
    for worker in range(1, 10):
        study.reap(queue, ())
        waiting = [one for one in queue.states(TrialState.WAITING) if one.user_attrs.get(study.KILLS)]
        if not waiting:
            break
        while (claimed := claim(queue, worker, SPACE))[1] != params:
            study.complete(queue, claimed[0], (1.0,), {})
    assert worker == study.MOST_KILLS
    finish(queue)
    assert counts(queue) == {"COMPLETE": 6, "FAIL": 3}
    assert params not in [one.params for one in queue.states(TrialState.COMPLETE)]


def test_failing_points_are_replaced_by_others_until_something_must_be_wrong(queue):
    failures = 0
    while (claimed := claim(queue, 0, SPACE)) is not None:
        study.fail(queue, claimed[0], study.ERROR, "ValueError: no bread")
        failures += 1
        assert failures < 50
    assert study.too_many_errors(queue.spec, queue.trials)
    assert counts(queue)["FAIL"] >= study.LEAST_ERRORS


def test_more_trials_can_be_asked_for_later(queue):
    finish(queue)
    more = replace(queue, spec=spec(trials=9))
    study.refill(more)
    assert counts(queue) == {"COMPLETE": 6, "WAITING": 3}


def test_a_torn_last_line_is_cut_off_by_the_next_writer(queue):
    file = queue.folder / JOURNAL
    whole = file.read_bytes()
    file.write_bytes(whole + b'{"op_code":6,"worker_id":"x","trial_')
    journal.require_sound(queue.folder, queue.spec)
    opened = study.open_queue(queue.folder, queue.spec, 1)
    assert counts(opened) == {"COMPLETE": 1, "WAITING": 5}
    finish(opened, 1)
    assert not journal.broken_lines(file)
    assert file.read_bytes().startswith(whole)
    assert counts(study.open_queue(queue.folder, queue.spec)) == {"COMPLETE": 6}
    assert json.loads((queue.folder / "dropped.jsonl").read_text())["line"].startswith('{"op_code":6')


def test_a_broken_line_in_the_middle_is_refused_with_advice_and_repaired_by_name(queue):
    file = queue.folder / JOURNAL
    finish(queue)
    lines = file.read_bytes().splitlines(keepends=True)
    lines.insert(len(lines) - 1, b"\x00\x00\x00\n")
    file.write_bytes(b"".join(lines))
    with pytest.raises(InputError, match="sweep repair") as raised:
        journal.require_sound(queue.folder, queue.spec)
    assert f"Line {len(lines) - 1}" in str(raised.value)
    dropped = journal.repair(queue.folder)
    assert [one.number for one in dropped] == [len(lines) - 1]
    assert list(queue.folder.glob("*.before_repair"))
    assert journal.repair(queue.folder) == ()
    assert counts(study.open_queue(queue.folder, queue.spec)) == {"COMPLETE": 6}


def test_a_full_disk_leaves_no_half_line(queue, monkeypatch):
    file = queue.folder / JOURNAL
    before = file.read_bytes()
    # half of the record reaches the disk, then it is full
    monkeypatch.setattr(os, "fsync", lambda number: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space"):
        claim(queue, 0, SPACE)
    assert file.read_bytes() == before
    monkeypatch.undo()
    finish(queue)
    assert counts(queue) == {"COMPLETE": 6}


@pytest.mark.skipif(sys.platform != "linux", reason="limits the size of files")
def test_a_really_full_quota_ends_the_writer_and_nothing_else(queue):
    """RLIMIT_FSIZE lets the kernel write the first part of a record and refuse the rest, as a quota does."""
    file = queue.folder / JOURNAL
    code = (
        "import resource, signal, sys\nfrom pathlib import Path\nfrom pipelines.sweep.journal import Journal\n"
        "file = Path(sys.argv[1])\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "size = file.stat().st_size\nresource.setrlimit(resource.RLIMIT_FSIZE, (size + 40, size + 40))\n"
        "try:\n    Journal(file).append_logs([{'op_code': 2, 'text': 'x' * 500}])\nexcept OSError:\n    sys.exit(7)\n"
    )
    before = file.read_bytes()
    assert subprocess.run([sys.executable, "-c", code, str(file)], check=False, cwd=Path(__file__).parents[1]).returncode == 7
    assert file.read_bytes() == before


@pytest.mark.parametrize(("holder", "waits"), [("elsewhere|1|1|a", True), (f"{gethostname()}|{2**22 + 1}|1|a", False)])
def test_a_dead_processs_lock_is_broken_at_once_here_and_after_the_grace_elsewhere(queue, monkeypatch, holder, waits):
    monkeypatch.setattr(lock, "GRACE_SECONDS", 2.0)
    (queue.folder / f"{JOURNAL}.lock").symlink_to(holder)
    began = time.monotonic()
    finish(study.open_queue(queue.folder, queue.spec))
    assert (time.monotonic() - began > 1.9) is waits
    assert counts(queue) == {"COMPLETE": 6}


def test_a_living_holder_is_waited_for_and_a_lost_lock_is_not_released(tmp_path):
    one, two = lock.Lock(tmp_path / "x"), lock.Lock(tmp_path / "x")
    one.acquire()
    two.release()  # it is not ours
    assert str(one.link.readlink()) == one.token
    one._break("somebody else")
    assert str(one.link.readlink()) == one.token
    one._break(one.token)
    two.acquire()
    one.release()
    assert str(two.link.readlink()) == two.token


def test_workers_get_numbers_of_their_own_and_are_dead_without_their_lease(tmp_path, monkeypatch):
    with lease.registered(tmp_path) as one:
        with lease.registered(tmp_path) as two:
            assert (one.number, two.number) == (0, 1)
            assert lease.living(tmp_path) == {0, 1}
        assert lease.living(tmp_path) == {0}
        monkeypatch.setattr(lease, "STALE_SECONDS", -1.0)
        assert lease.living(tmp_path) == set()
    with lease.registered(tmp_path) as three:
        assert three.number == 2  # a restart is another worker


@pytest.mark.parametrize(("jobs", "alive"), [(None, True), ({"17_3": 0}, True), ({"17_3": 1}, False), ({"17_2": 0}, False), ({}, False)])
def test_slurm_says_which_workers_cannot_live(tmp_path, monkeypatch, jobs, alive):
    monkeypatch.setenv("SLURM_JOB_ID", "17")  # the last task of an array carries the array's own number
    monkeypatch.setenv("SLURM_ARRAY_JOB_ID", "17")
    monkeypatch.setenv("SLURM_ARRAY_TASK_ID", "3")
    with lease.registered(tmp_path) as worker:
        assert worker.job == "17_3"
        assert (lease.living(tmp_path, jobs) == {0}) is alive


def test_a_killed_process_is_dead_at_once_on_its_own_host(tmp_path):
    code = "import sys, time\nfrom pathlib import Path\nfrom pipelines.sweep.lease import registered\n"
    code += "with registered(Path(sys.argv[1])):\n    print('in', flush=True)\n    time.sleep(60)\n"
    process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, cwd=Path(__file__).parents[1])
    assert process.stdout is not None
    assert process.stdout.readline() == b"in\n"
    assert lease.living(tmp_path) == {0}
    process.kill()
    time.sleep(0.2)
    assert lease.living(tmp_path) == set()  # although it is a zombie and its lease is fresh
    process.wait()
    process.stdout.close()


def test_best_settings_are_toml_that_fits_into_a_settings_file():
    params: Any = {"trees.leaves": 12, "trees.rate": 0.123456789, "kind": "a", "on": True}
    assert nested(params) == {"trees": {"leaves": 12, "rate": 0.123456789}, "kind": "a", "on": True}
    assert "leaves = 12\nrate = 0.123457" in fragment(params)
