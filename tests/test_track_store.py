"""The store MLflow writes to: made once, moved, locked, broken, elsewhere."""

import os
import shutil
import sqlite3
import time
from contextlib import closing
from multiprocessing import get_context
from pathlib import Path

import pytest

from pipelines.errors import InputError
from pipelines.evidence import write_run
from pipelines.track import log_run, store
from tests.toy_result import toy_result
from tests.tracked import MACHINE, client, logged


def test_locations_that_are_not_ours_stay(mlflow_home):
    logged(mlflow_home)
    client(mlflow_home).create_experiment("own", artifact_location="s3://bucket/artifacts-of/own")
    copy = mlflow_home.with_name("copy")
    shutil.copytree(mlflow_home, copy)
    store.mend_locations(copy)
    assert client(copy).get_experiment_by_name("own").artifact_location == "s3://bucket/artifacts-of/own"
    assert client(copy).get_experiment_by_name("food_waste").artifact_location == (copy / "artifacts" / "food_waste").as_uri()
    assert client(mlflow_home).get_experiment_by_name("food_waste").artifact_location.endswith("/mlruns/artifacts/food_waste")


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


def test_a_server_that_does_not_answer_is_named_without_the_password(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://baker:secret@127.0.0.1:9")
    with pytest.raises(InputError, match=r"http://127\.0\.0\.1:9 cannot be used") as caught:
        logged(tmp_path)
    assert "secret" not in caught.value.render("de") + caught.value.render("en")
    assert (tmp_path / "runs" / "first" / "result.json").is_file()


def test_a_store_of_another_mlflow_is_named_with_the_remedy(mlflow_home):
    with closing(sqlite3.connect(mlflow_home / "mlflow.db")) as database, database:
        database.execute("UPDATE alembic_version SET version_num = '451aebb31d03'")
    with pytest.raises(InputError, match="mlflow db upgrade sqlite:///"):
        logged(mlflow_home)


def test_a_binned_experiment_is_named_with_the_remedy(mlflow_home):
    logged(mlflow_home)
    client(mlflow_home).delete_experiment("1")
    with pytest.raises(InputError, match="mlflow experiments restore --experiment-id 1"):
        logged(mlflow_home, "second")


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
