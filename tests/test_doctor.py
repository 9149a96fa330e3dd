"""Killed work is seen and cleared; what is wrong here is named with a remedy; MLflow's pages stay on this machine."""

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.request
from contextlib import closing
from pathlib import Path

import pytest

from pipelines.doctor import examined
from pipelines.evidence import read_run
from pipelines.running import FOLDER, killed, marks, running
from pipelines.track.pages import free_port
from tests.bakery import bakery
from usecases.__main__ import main

posix = pytest.mark.skipif(os.name == "nt", reason="kills processes as POSIX does")


def keys(home: Path, folder: Path) -> set[str]:
    return {symptom.key for symptom in examined(home, folder) if symptom.bad}


def test_a_mark_goes_when_the_work_ends_in_any_way_but_a_kill(tmp_path):
    with running(tmp_path, "run", "food_waste"):
        assert [mark.alive for mark in marks(tmp_path)] == [True]
    assert marks(tmp_path) == []
    with pytest.raises(KeyboardInterrupt), running(tmp_path, "run", "food_waste"):
        signal.raise_signal(signal.SIGTERM)
    assert marks(tmp_path) == []


def test_killed_work_is_told_and_cleared(mlflow_home, tmp_path, capsys):
    (mlflow_home / FOLDER).mkdir()
    gone = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], check=True, capture_output=True, text=True)
    mark = {"verb": "run", "case": "food_waste", "started": "2025-01-01T00:00:00+00:00", "pid": int(gone.stdout), "born": "1"}
    (mlflow_home / FOLDER / "run-1.json").write_text(json.dumps(mark), encoding="utf-8")
    (mlflow_home / "runs" / ".food_waste-1.abc.part").mkdir(parents=True)
    with closing(sqlite3.connect(mlflow_home / "mlflow.db")) as database, database:
        database.execute("INSERT INTO runs (run_uuid, name, status, start_time, experiment_id) VALUES ('a1', 'left', 'RUNNING', 1, 0)")
    assert keys(mlflow_home, tmp_path) >= {"killed", "half", "left_running"}
    assert main(["doctor", "--home", str(mlflow_home)]) == 3
    shown = capsys.readouterr()
    assert "begun 2025-01-01" in shown.out
    assert "3 points need attention" in shown.err
    assert main(["doctor", "--home", str(mlflow_home), "--repair", "--lang", "de"]) == 0
    assert "behoben" in capsys.readouterr().out
    assert keys(mlflow_home, tmp_path) == set()
    with closing(sqlite3.connect(mlflow_home / "mlflow.db")) as database:
        assert database.execute("SELECT status FROM runs WHERE run_uuid = 'a1'").fetchone() == ("KILLED",)


def test_a_damaged_database_is_named(tmp_path):
    (tmp_path / "mlflow.db").write_bytes(b"")
    assert keys(tmp_path, tmp_path) == {"broken_database"}
    (tmp_path / "mlflow.db").write_bytes(b"no database at all, but long enough to be looked at" * 20)
    assert keys(tmp_path, tmp_path) == {"broken_database"}


def test_work_on_another_machine_counts_as_alive(tmp_path):
    (tmp_path / FOLDER).mkdir()
    mark = {"verb": "run", "case": "food_waste", "started": "2025-01-01", "pid": 1, "born": "1", "host": "another-node"}
    (tmp_path / FOLDER / "run-1.json").write_text(json.dumps(mark), encoding="utf-8")
    assert not killed(tmp_path)


def test_nothing_of_living_work_is_cleared(mlflow_home, tmp_path):
    part = mlflow_home / "runs" / ".food_waste-1.abc.part"
    part.mkdir(parents=True)
    with running(mlflow_home, "run", "food_waste"):
        assert main(["doctor", "--home", str(mlflow_home), "--repair"]) == 0
        assert part.is_dir()


def test_shadowed_packages_and_threads_are_named(tmp_path, monkeypatch):
    (tmp_path / "pandas.py").write_text("", encoding="utf-8")
    monkeypatch.setenv("OMP_NUM_THREADS", "4096")
    found = {symptom.key: symptom for symptom in examined(tmp_path / "mlruns", tmp_path) if symptom.bad}
    assert "pandas.py hides the package pandas" in found["shadow"].said("en")
    assert "4096" in found["threads"].said("de")


def test_the_report_is_drawn_again_from_the_folder_alone(tmp_path, mlflow_home):
    folder = bakery(tmp_path / "laden")
    assert main(["run", str(folder), "--home", str(mlflow_home)]) == 0
    (run,) = [path for path in (mlflow_home / "runs").iterdir() if path.is_dir()]
    first = (run / "report.html").read_bytes()
    (mlflow_home / "mlflow.db").unlink()
    assert main(["report", run.name, "--home", str(mlflow_home)]) == 0
    assert (run / "report.html").read_bytes() == first
    assert main(["report", str(run), "--lang", "de", "--out", str(tmp_path / "bericht.html")]) == 0
    assert 'lang="de"' in (tmp_path / "bericht.html").read_text(encoding="utf-8")
    assert main(["report", "nowhere"]) == 2


def test_a_port_in_use_is_passed_over():
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert free_port(port) != port


def left_processes(word: str) -> list[str]:
    found = subprocess.run(["ps", "-eo", "args"], check=True, capture_output=True, text=True).stdout.splitlines()
    return [line for line in found if word in line]


@posix
@pytest.mark.slow
def test_mlflows_pages_answer_and_end_with_all_their_processes(mlflow_home):
    assert main(["ui", "--home", str(mlflow_home / "nothing")]) == 2
    command = [sys.executable, "-m", "usecases", "ui", "--home", str(mlflow_home), "--port", str(free_port(5000))]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1])
    assert process.stderr is not None
    address = process.stderr.readline().split()[5]
    assert address.startswith("http://127.0.0.1:")
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            page = urllib.request.urlopen(address, timeout=5).read()
            break
        except OSError:
            time.sleep(0.5)
    assert b"MLflow" in page
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=30) == 130
    process.stderr.close()
    time.sleep(0.5)
    assert not left_processes(str(mlflow_home))


def kill_and_look(folder: Path, home: Path, verb: list[str], after: float) -> None:
    """Kill a command after some seconds; then the next one works, and nothing half-written is taken for real."""
    command = [sys.executable, "-m", "usecases", *verb, "--home", str(home)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=Path(__file__).parents[1])
    try:
        process.wait(timeout=after)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for run in (home / "runs").glob("[!.]*"):
        read_run(run)  # whole, or not there
    for plan in (home / "plans").glob("*/*/plan.json"):
        assert json.loads(plan.read_text(encoding="utf-8"))["case"] == "food_waste"


@posix
@pytest.mark.parametrize("kills", [2, pytest.param(20, marks=pytest.mark.slow)])
def test_killed_at_any_moment(mlflow_home, tmp_path, capsys, kills):
    folder, draw = bakery(tmp_path / "laden"), random.Random(7)
    assert main(["run", str(folder), "--home", str(mlflow_home)]) == 0
    run = next(path.name for path in (mlflow_home / "runs").iterdir() if path.is_dir())
    verbs = [["run", str(folder)], ["plan", str(folder), "--for", "2024-08-29", "--model", run]]
    for number in range(kills):
        kill_and_look(folder, mlflow_home, verbs[number % 2], draw.uniform(0.3, 7.0))
    told = bool(killed(mlflow_home))
    capsys.readouterr()
    assert main(["plan", str(folder), "--for", "2024-08-29", "--model", run, "--home", str(mlflow_home)]) == 0
    assert ("was killed before it ended" in capsys.readouterr().err) == told
    assert main(["doctor", "--home", str(mlflow_home), "--repair"]) == 0
    with closing(sqlite3.connect(mlflow_home / "mlflow.db")) as database:
        assert database.execute("SELECT count(*) FROM runs WHERE status = 'RUNNING'").fetchone() == (0,)
    assert not list((mlflow_home / "runs").glob(".*.part"))
    assert main(["run", str(folder), "--home", str(mlflow_home)]) == 0
