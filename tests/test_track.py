"""MLflow: what is recorded, where, and what must never happen: network, pickles, runs left running."""

import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from pipelines.environment import Environment
from pipelines.errors import InputError
from pipelines.evidence import read_run, write_run
from pipelines.result import Interval
from pipelines.track import TrackedRun, figures, log_run, store
from tests.toy_result import ToySettings, toy_result

MACHINE = Environment("3.11.7", "Linux", 2, {"polars": "2.1.0"}, None, None)
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


def _client(home: Path):
    from mlflow import MlflowClient

    return MlflowClient(store.database_uri(home), store.database_uri(home))


def _aliases(home: Path) -> dict[str, str]:
    return {alias: str(version) for alias, version in _client(home).get_registered_model("food_waste").aliases.items()}


def _log(home: Path, name: str = "first", **changes: Any) -> TrackedRun:
    result = replace(toy_result(), **changes)
    return log_run(result, write_run(result, home, name, {"duration": "2.5"}, {"report.html": "<p>"}, MACHINE), home)


def test_everything_is_recorded_at_once(mlflow_home, tmp_path):
    tracked = _log(mlflow_home)
    run = _client(mlflow_home).get_run(tracked.run_id)
    result = toy_result()
    assert (run.info.status, run.info.run_name, tracked.experiment) == ("FINISHED", "first", "food_waste")
    assert (run.data.params["costs.price_eur"], run.data.params["data.sales.columns.sold"]) == ("3.1", "Menge")
    assert run.data.metrics["saved.eur"] == result.headline.saved.value
    assert run.data.metrics["captured.kg.low"] == result.savings[1].captured.low
    assert (run.data.metrics["duration_s"], run.data.metrics["score.wape"]) == (2.5, result.scores["wape"])
    assert run.data.metrics["opponent.mean_of_four.total"] == result.opponents[1].total
    tags = run.data.tags
    assert (tags["verdict"], tags["data.digest"], tags["folder"]) == ("better", result.data.digest, "runs/first")
    assert json.loads(tags["versions"]) == {"polars": "2.1.0"}
    assert run.inputs.dataset_inputs[0].dataset.digest == result.data.digest[:36]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mlruns"]  # nothing beside the home


def test_the_recorded_files_are_a_run_folder(mlflow_home):
    tracked = _log(mlflow_home)
    recorded = mlflow_home / "artifacts" / "food_waste" / tracked.run_id / "artifacts"
    assert read_run(recorded).result(ToySettings).savings == toy_result().savings
    assert (recorded / "report.html").read_text(encoding="utf-8") == "<p>"


def test_the_model_has_a_signature_and_pinned_requirements(mlflow_home):
    tracked = _log(mlflow_home)
    version = _client(mlflow_home).get_model_version_by_alias("food_waste", "champion")
    assert (tracked.version, tracked.champion, str(version.version), version.run_id) == ("1", True, "1", tracked.run_id)
    (folder,) = (mlflow_home / "artifacts" / "food_waste" / "models").glob("m-*/artifacts")
    assert version.source == folder.as_uri()
    required = (folder / "requirements.txt").read_text(encoding="utf-8").split()
    assert {line.partition("==")[0] for line in required} >= {"lightgbm", "mlflow", "polars"}
    assert all("==" in line for line in required)
    from mlflow.models import Model

    signature = Model.load(str(folder)).signature
    kinds = {column["name"]: column["type"] for column in [*signature.inputs.to_dict(), *signature.outputs.to_dict()]}
    assert {name: kinds[name] for name in ("day", "branch", "weekday", "q0.9")} == {
        "day": "datetime",
        "branch": "string",
        "weekday": "double",
        "q0.9": "double",
    }
    assert not [file for file in folder.rglob("*") if file.suffix in {".pkl", ".pickle"}]


@pytest.mark.parametrize("low", [0.0, -1.0, None])
def test_no_champion_without_a_saving_on_select(mlflow_home, low):
    tracked = _log(mlflow_home, select_saved=Interval(10.0, low, 20.0))
    assert (tracked.version, tracked.champion) == ("1", False)
    assert _aliases(mlflow_home) == {}


def test_a_champion_stays_until_a_better_than_usual_follows(mlflow_home):
    _log(mlflow_home)
    assert _log(mlflow_home, "second", select_saved=Interval(1.0, -1.0, 3.0)).champion is False
    assert _aliases(mlflow_home) == {"champion": "1"}
    assert _log(mlflow_home, "third").champion is True
    assert _aliases(mlflow_home) == {"champion": "3"}


def test_a_folder_is_recorded_once(mlflow_home):
    first = _log(mlflow_home)
    again = log_run(toy_result(), mlflow_home / "runs" / "first", mlflow_home)
    assert again == first
    assert len(_client(mlflow_home).search_model_versions("name = 'food_waste'")) == 1


def test_recording_is_quick(mlflow_home):
    _log(mlflow_home)
    folder = write_run(toy_result(2), mlflow_home, "second", machine=MACHINE)
    before = time.process_time()
    log_run(toy_result(2), folder, mlflow_home)
    assert time.process_time() - before < 1.5


@pytest.mark.parametrize(("stop", "status"), [(KeyboardInterrupt, "KILLED"), (RuntimeError, "FAILED")])
@pytest.mark.parametrize("step", ["log_batch", "log_artifacts", "log_model_artifacts", "create_model_version"])
def test_a_stopped_recording_is_not_left_running(mlflow_home, monkeypatch, stop, status, step):
    _log(mlflow_home)

    def stopped(*_arguments, **_options):
        raise stop

    monkeypatch.setattr(f"mlflow.MlflowClient.{step}", stopped)
    with pytest.raises(stop):
        _log(mlflow_home, "second")
    monkeypatch.undo()
    runs = _client(mlflow_home).search_runs(["1"])
    assert {run.info.run_name: run.info.status for run in runs} == {"first": "FINISHED", "second": status}
    folder = mlflow_home / "runs" / "second"
    assert log_run(toy_result(), folder, mlflow_home).champion  # and it can be recorded after all


@pytest.mark.parametrize("step", ["create_run", "set_terminated"])
def test_ctrl_c_waits_while_a_run_is_started_or_ended(mlflow_home, monkeypatch, step):
    _log(mlflow_home)
    from mlflow import MlflowClient

    original = getattr(MlflowClient, step)

    def pressed(*arguments, **options):
        os.kill(os.getpid(), signal.SIGINT)
        return original(*arguments, **options)

    monkeypatch.setattr(MlflowClient, step, pressed)
    with pytest.raises(KeyboardInterrupt):
        _log(mlflow_home, "second")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    runs = _client(mlflow_home).search_runs(["1"])
    assert {run.info.run_name: run.info.status for run in runs}["second"] == {"create_run": "KILLED", "set_terminated": "FINISHED"}[step]


@pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType")
def test_a_moved_home_still_finds_its_artifacts(mlflow_home, tmp_path, monkeypatch):
    first = _log(mlflow_home)
    moved = tmp_path / "umgezogen nach Süd" / "mlruns"
    moved.parent.mkdir()
    mlflow_home.rename(moved)
    assert store.mend_locations(moved) == 1
    assert store.mend_locations(moved) == 0
    run = _client(moved).get_run(first.run_id)
    assert run.info.artifact_uri == f"{(moved / 'artifacts' / 'food_waste').as_uri()}/{first.run_id}/artifacts"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store.database_uri(moved))
    assert _forecast_of_champion()["q0.5"].tolist() == _expected()["q0.5"].to_list()
    second = _log(moved, "second")
    assert (moved / "artifacts" / "food_waste" / second.run_id / "artifacts" / "result.json").is_file()
    assert not mlflow_home.exists()


def _forecast_of_champion():
    import mlflow

    return mlflow.pyfunc.load_model("models:/food_waste@champion").predict(toy_result().train_rows.to_pandas())


def _expected():
    return toy_result().model.predict(toy_result().train_rows)


def test_locations_that_are_not_ours_stay(mlflow_home):
    _log(mlflow_home)
    _client(mlflow_home).create_experiment("own", artifact_location="s3://bucket/artifacts-of/own")
    copy = mlflow_home.with_name("copy")
    shutil.copytree(mlflow_home, copy)
    store.mend_locations(copy)
    assert _client(copy).get_experiment_by_name("own").artifact_location == "s3://bucket/artifacts-of/own"
    assert _client(copy).get_experiment_by_name("food_waste").artifact_location == (copy / "artifacts" / "food_waste").as_uri()
    assert _client(mlflow_home).get_experiment_by_name("food_waste").artifact_location.endswith("/mlruns/artifacts/food_waste")


@pytest.mark.slow
def test_recording_and_loading_need_no_network_and_no_pickle(mlflow_home, python):
    out = _finished(python(RECORD + ASK, mlflow_home, "first", 1, MLFLOW_TRACKING_URI=store.database_uri(mlflow_home)))
    assert out.split()[1:] == ["1", "True"]


def _count_builds(folder: Path) -> None:
    def build(file: Path) -> None:
        (folder / f"built-{os.getpid()}").touch()
        time.sleep(0.5)
        file.write_text("whole", encoding="utf-8")

    store.make_once(folder / "made", build)
    assert (folder / "made").read_text(encoding="utf-8") == "whole"


def test_of_four_processes_one_makes_the_file(tmp_path):
    processes = [get_context("spawn").Process(target=_count_builds, args=(tmp_path,)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0] * 4
    assert len(list(tmp_path.glob("built-*"))) == 1
    assert {path.name.partition("-")[0] for path in tmp_path.iterdir()} == {"made", "built"}


def test_the_lock_of_a_dead_process_is_taken_over(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "STALE_SECONDS", 0.3)
    (tmp_path / "made.lock").touch()
    store.make_once(tmp_path / "made", Path.touch)
    assert [path.name for path in tmp_path.iterdir()] == ["made"]


def test_a_failed_making_leaves_nothing_behind(tmp_path):
    def build(file: Path) -> None:
        file.write_text("half", encoding="utf-8")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        store.make_once(tmp_path / "made", build)
    assert list(tmp_path.iterdir()) == []


def test_two_holders_of_the_lock_make_one_file(tmp_path):
    def build(file: Path) -> None:
        (tmp_path / "made").write_text("of the other", encoding="utf-8")
        file.write_text("mine", encoding="utf-8")

    store.make_once(tmp_path / "made", build)
    assert (tmp_path / "made").read_text(encoding="utf-8") == "of the other"


@pytest.mark.slow
def test_four_processes_open_a_new_store(tmp_path, python):
    home = tmp_path / "Bäckerei 100%41" / "mlruns"
    processes = [python(RECORD, home, f"run-{number}", number) for number in range(1, 5)]
    versions = {_finished(process).split()[1] for process in processes}
    assert versions == {"1", "2", "3", "4"}
    assert {run.info.status for run in _client(home).search_runs(["1"])} == {"FINISHED"}
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
    tracked = _log(tmp_path / "mlruns")
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


def test_a_server_that_does_not_answer_is_named_without_the_password(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://baker:secret@127.0.0.1:9")
    with pytest.raises(InputError, match=r"http://127\.0\.0\.1:9 cannot be used") as caught:
        _log(tmp_path)
    assert "secret" not in caught.value.render("de") + caught.value.render("en")
    assert (tmp_path / "runs" / "first" / "result.json").is_file()


def test_a_store_of_another_mlflow_is_named_with_the_remedy(mlflow_home):
    with closing(sqlite3.connect(mlflow_home / "mlflow.db")) as database, database:
        database.execute("UPDATE alembic_version SET version_num = '451aebb31d03'")
    with pytest.raises(InputError, match="mlflow db upgrade sqlite:///"):
        _log(mlflow_home)


def test_a_binned_experiment_is_named_with_the_remedy(mlflow_home):
    _log(mlflow_home)
    _client(mlflow_home).delete_experiment("1")
    with pytest.raises(InputError, match="mlflow experiments restore --experiment-id 1"):
        _log(mlflow_home, "second")


def test_a_uri_given_by_hand_wins(mlflow_home, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    result = toy_result()
    folder = write_run(result, mlflow_home, "first", machine=MACHINE)
    assert log_run(result, folder, mlflow_home, store.database_uri(mlflow_home)).version == "1"


@pytest.mark.parametrize(
    ("uri", "ours"),
    [
        ("sqlite:///mlruns/mlflow.db", True),
        ("sqlite:///./mlruns/mlflow.db", True),
        ("sqlite:///mlflow.db", False),
        ("http://127.0.0.1:9", False),
        ("postgresql://mlruns/mlflow.db", False),
    ],
)
def test_the_local_database_is_known_by_any_name(tmp_path, monkeypatch, uri, ours):
    monkeypatch.chdir(tmp_path)
    assert store.is_ours(uri, Path("mlruns")) is ours
    assert store.is_ours(store.database_uri(Path("a%41?b")), tmp_path / "a%41?b")


def test_settings_mlflow_cannot_show_whole_are_cut_and_said(mlflow_home):
    limit = figures.VALUE_LIMIT
    tracked = _log(mlflow_home, settings=ToySettings(notice="x" * (limit + 1)))
    assert [(note.key, note.values["setting"]) for note in tracked.notes] == [("track.cut_setting", "notice")]
    shown = _client(mlflow_home).get_run(tracked.run_id).data.params["notice"]
    assert (len(shown), shown[-2:]) == (limit, "x…")


def test_the_longest_setting_is_not_cut():
    assert figures.parameters({"a": "x" * figures.VALUE_LIMIT}) == ({"a": "x" * figures.VALUE_LIMIT}, ())


def test_many_and_oddly_named_settings_are_all_recorded(mlflow_home):
    events = {f"Straßenfest {number} (Markt/Süd)": ("2024-05-01",) for number in range(150)} | {"a/b": (), "a:b": ()}
    settings = ToySettings().model_copy(update={"calendar": ToySettings().calendar.model_copy(update={"events": events})})
    tracked = _log(mlflow_home, settings=settings)
    shown = _client(mlflow_home).get_run(tracked.run_id).data.params
    assert shown["calendar.events.Straßenfest 7 _Markt_Süd_"] == '["2024-05-01"]'
    assert len([name for name in shown if name.startswith("calendar.events")]) == 152
    assert shown["calendar.events.a_b 2"] == "[]"


def test_figures_that_are_not_defined_are_left_out():
    result = replace(toy_result(), scores={"wape": float("nan"), "bias": 0.0}, select_saved=Interval(None, None, None), equal_service=None)
    metrics = figures.metrics(result, None)
    assert not {"score.wape", "select.saved", "duration_s", "equal_service.factor"} & set(metrics)
    assert metrics["score.bias"] == 0.0
