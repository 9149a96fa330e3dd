"""MLflow from processes of their own: no network, no pickles, a new store opened by four at once, a real server."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipelines.evidence import read_run
from pipelines.track import log_run, store
from tests.toy_result import ToySettings, toy_result
from tests.tracked import client, logged

ROOT = Path(__file__).parents[1]


# what a process of its own does while every way out is closed
RECORD = """
import sys
from pathlib import Path
from typing import Any
from tests.toy_result import toy_result
from pipelines.evidence import read_run, write_run
from pipelines.track import log_run

home, name = Path(sys.argv[1]), sys.argv[2]
result = toy_result(int(sys.argv[3]))
run = log_run(result, write_run(result, home, name, files={"report.html": "<p>report</p>"}), home)
print(run.run_id, run.version, run.champion)
"""


# the champion is loaded and asked; the audit hook sees unpickling in C as well
ASK = """
import sys, warnings

unpickled = []
sys.addaudithook(lambda event, arguments: unpickled.append(arguments) if event == "pickle.find_class" else None)
warnings.simplefilter("ignore")
import mlflow

import cloudpickle, pickle

def refused(*arguments, **options):
    raise AssertionError("unpickled")

pickle.load = pickle.loads = cloudpickle.load = cloudpickle.loads = refused
from tests.toy_result import toy_result

result = toy_result(int(sys.argv[3]))
unpickled.clear()
model = mlflow.pyfunc.load_model("models:/food_waste@champion")
forecast = model.predict(result.train_rows.to_pandas())
assert not unpickled, unpickled
expected = result.model.predict(result.train_rows).select(result.model.columns).to_pandas()
assert forecast.equals(expected), (forecast, expected)
assert len(forecast) == 20
"""


# Python runs a module of this name at every start, in grandchildren too
NO_WAY_OUT = """
import os, socket

def refused(self, address, *rest):
    if self.family != socket.AF_UNIX:
        with open(os.environ["ATTEMPTS"], "a") as file:
            file.write(f"{address}\\n")
        raise ConnectionRefusedError(address)
    return connect(self, address)

def unknown(host, *rest, **options):
    with open(os.environ["ATTEMPTS"], "a") as file:
        file.write(f"name {host}\\n")
    raise socket.gaierror(host)

connect = socket.socket.connect
socket.socket.connect = socket.socket.connect_ex = refused
socket.getaddrinfo = socket.gethostbyname = unknown
"""


@pytest.fixture
def python(tmp_path):
    """Start Python where every connection is refused and written down."""
    (tmp_path / "closed").mkdir()
    (tmp_path / "closed" / "sitecustomize.py").write_text(NO_WAY_OUT, encoding="utf-8")
    attempts = tmp_path / "attempts"
    path = os.pathsep.join(map(str, (tmp_path / "closed", ROOT)))
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}

    def start(code: str, *arguments: object, **more: str) -> subprocess.Popen:
        command = [sys.executable, "-W", "error", "-c", code, *map(str, arguments)]
        settings = {**kept, "PYTHONPATH": path, "ATTEMPTS": str(attempts), **more}
        return subprocess.Popen(command, env=settings, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    yield start
    assert not attempts.exists(), attempts.read_text()


def _finished(process: subprocess.Popen) -> str:
    out: str
    out, problems = process.communicate(timeout=500)
    assert process.returncode == 0, problems
    return out


@pytest.mark.slow
def test_recording_and_loading_need_no_network_and_no_pickle(mlflow_home, python):
    out = _finished(python(RECORD + ASK, mlflow_home, "first", 1, MLFLOW_TRACKING_URI=store.database_uri(mlflow_home)))
    assert out.split()[1:] == ["1", "True"]


@pytest.mark.slow
def test_four_processes_open_a_new_store(tmp_path, python):
    home = tmp_path / "Bäckerei 100%41" / "mlruns"
    processes = [python(RECORD, home, f"run-{number}", number) for number in range(1, 5)]
    versions = {_finished(process).split()[1] for process in processes}
    assert versions == {"1", "2", "3", "4"}
    assert {run.info.status for run in client(home).search_runs(["1"])} == {"FINISHED"}
    assert {path.name for path in home.iterdir()} == {"artifacts", "mlflow.db", "runs"}


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A real MLflow server on a free port of this machine."""
    folder = tmp_path_factory.mktemp("server")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    uri = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    places = ["--backend-store-uri", store.sqlite_uri(folder / "server.db"), "--artifacts-destination", str(folder / "files")]
    settings = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    with (folder / "log").open("w") as log:
        process = subprocess.Popen([*command, *places], env=settings, cwd=folder, stdout=log, stderr=log, start_new_session=True)
    try:
        deadline = time.monotonic() + 180
        while not _answers(port):
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < deadline, (folder / "log").read_text()
            time.sleep(0.3)
        yield uri
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


@pytest.mark.slow
def test_a_real_server_gets_everything(server, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    tracked = logged(tmp_path / "mlruns")
    assert tracked.ui == f"{server}/#/experiments/1/runs/{tracked.run_id}"
    assert (tracked.version, tracked.champion) == ("1", True)
    assert sorted(path.name for path in (tmp_path / "mlruns").iterdir()) == ["runs"]  # no store of our own beside it
    from mlflow import MlflowClient, artifacts

    run = MlflowClient(server).get_run(tracked.run_id)
    assert (run.info.status, run.data.metrics["saved.eur"]) == ("FINISHED", toy_result().headline.saved.value)
    assert run.info.artifact_uri.startswith("mlflow-artifacts:/")
    folder = artifacts.download_artifacts(run_id=tracked.run_id, dst_path=str(tmp_path / "back"), tracking_uri=server)
    assert read_run(Path(folder)).result(ToySettings).savings == toy_result().savings
    command = [sys.executable, "-c", ASK, "-", "-", "1"]
    subprocess.run(command, check=True, env={**os.environ, "PYTHONPATH": str(ROOT)}, cwd=tmp_path, timeout=300)
    assert log_run(toy_result(), tmp_path / "mlruns" / "runs" / "first", tmp_path / "mlruns") == tracked
