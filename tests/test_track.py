"""MLflow: what is recorded, and what must never happen: runs left running, champions without a saving."""

import json
import os
import signal
import time
from dataclasses import replace

import pytest

from pipelines.evidence import read_run, write_run
from pipelines.result import Interval
from pipelines.track import figures, log_run, store
from tests.toy_result import ToySettings, toy_result
from tests.tracked import MACHINE, aliases, client, logged


def test_everything_is_recorded_at_once(mlflow_home, tmp_path):
    tracked = logged(mlflow_home)
    run = client(mlflow_home).get_run(tracked.run_id)
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
    tracked = logged(mlflow_home)
    recorded = mlflow_home / "artifacts" / "food_waste" / tracked.run_id / "artifacts"
    assert read_run(recorded).result(ToySettings).savings == toy_result().savings
    assert (recorded / "report.html").read_text(encoding="utf-8") == "<p>"


def test_the_model_has_a_signature_and_pinned_requirements(mlflow_home):
    tracked = logged(mlflow_home)
    version = client(mlflow_home).get_model_version_by_alias("food_waste", "champion")
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
    tracked = logged(mlflow_home, select_saved=Interval(10.0, low, 20.0))
    assert (tracked.version, tracked.champion) == ("1", False)
    assert aliases(mlflow_home) == {}


def test_a_champion_stays_until_a_better_than_usual_follows(mlflow_home):
    logged(mlflow_home)
    assert logged(mlflow_home, "second", select_saved=Interval(1.0, -1.0, 3.0)).champion is False
    assert aliases(mlflow_home) == {"champion": "1"}
    assert logged(mlflow_home, "third").champion is True
    assert aliases(mlflow_home) == {"champion": "3"}


def test_a_folder_is_recorded_once(mlflow_home):
    first = logged(mlflow_home)
    again = log_run(toy_result(), mlflow_home / "runs" / "first", mlflow_home)
    assert again == first
    assert len(client(mlflow_home).search_model_versions("name = 'food_waste'")) == 1


def test_recording_is_quick(mlflow_home):
    logged(mlflow_home)
    folder = write_run(toy_result(2), mlflow_home, "second", machine=MACHINE)
    before = time.process_time()
    log_run(toy_result(2), folder, mlflow_home)
    assert time.process_time() - before < 1.5


@pytest.mark.parametrize(("stop", "status"), [(KeyboardInterrupt, "KILLED"), (RuntimeError, "FAILED")])
@pytest.mark.parametrize("step", ["log_batch", "log_artifacts", "log_model_artifacts", "create_model_version"])
def test_a_stopped_recording_is_not_left_running(mlflow_home, monkeypatch, stop, status, step):
    logged(mlflow_home)

    def stopped(*_arguments, **_options):
        raise stop

    monkeypatch.setattr(f"mlflow.MlflowClient.{step}", stopped)
    with pytest.raises(stop):
        logged(mlflow_home, "second")
    monkeypatch.undo()
    runs = client(mlflow_home).search_runs(["1"])
    assert {run.info.run_name: run.info.status for run in runs} == {"first": "FINISHED", "second": status}
    folder = mlflow_home / "runs" / "second"
    assert log_run(toy_result(), folder, mlflow_home).champion  # and it can be recorded after all


@pytest.mark.parametrize("step", ["create_run", "set_terminated"])
def test_ctrl_c_waits_while_a_run_is_started_or_ended(mlflow_home, monkeypatch, step):
    logged(mlflow_home)
    from mlflow import MlflowClient

    original = getattr(MlflowClient, step)

    def pressed(*arguments, **options):
        os.kill(os.getpid(), signal.SIGINT)
        return original(*arguments, **options)

    monkeypatch.setattr(MlflowClient, step, pressed)
    with pytest.raises(KeyboardInterrupt):
        logged(mlflow_home, "second")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    runs = client(mlflow_home).search_runs(["1"])
    assert {run.info.run_name: run.info.status for run in runs}["second"] == {"create_run": "KILLED", "set_terminated": "FINISHED"}[step]


@pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType")
def test_a_moved_home_still_finds_its_artifacts(mlflow_home, tmp_path, monkeypatch):
    first = logged(mlflow_home)
    moved = tmp_path / "umgezogen nach Süd" / "mlruns"
    moved.parent.mkdir()
    mlflow_home.rename(moved)
    assert store.mend_locations(moved) == 1
    assert store.mend_locations(moved) == 0
    run = client(moved).get_run(first.run_id)
    assert run.info.artifact_uri == f"{(moved / 'artifacts' / 'food_waste').as_uri()}/{first.run_id}/artifacts"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store.database_uri(moved))
    assert _forecast_of_champion()["q0.5"].tolist() == _expected()["q0.5"].to_list()
    second = logged(moved, "second")
    assert (moved / "artifacts" / "food_waste" / second.run_id / "artifacts" / "result.json").is_file()
    assert not mlflow_home.exists()


def _forecast_of_champion():
    import mlflow

    return mlflow.pyfunc.load_model("models:/food_waste@champion").predict(toy_result().train_rows.to_pandas())


def _expected():
    return toy_result().model.predict(toy_result().train_rows)


def test_settings_mlflow_cannot_show_whole_are_cut_and_said(mlflow_home):
    limit = figures.VALUE_LIMIT
    tracked = logged(mlflow_home, settings=ToySettings(notice="x" * (limit + 1)))
    assert [(note.key, note.values["setting"]) for note in tracked.notes] == [("track.cut_setting", "notice")]
    shown = client(mlflow_home).get_run(tracked.run_id).data.params["notice"]
    assert (len(shown), shown[-2:]) == (limit, "x…")


def test_the_longest_setting_is_not_cut():
    assert figures.parameters({"a": "x" * figures.VALUE_LIMIT}) == ({"a": "x" * figures.VALUE_LIMIT}, ())


def test_many_and_oddly_named_settings_are_all_recorded(mlflow_home):
    events = {f"Straßenfest {number} (Markt/Süd)": ("2024-05-01",) for number in range(150)} | {"a/b": (), "a:b": ()}
    settings = ToySettings().model_copy(update={"calendar": ToySettings().calendar.model_copy(update={"events": events})})
    tracked = logged(mlflow_home, settings=settings)
    shown = client(mlflow_home).get_run(tracked.run_id).data.params
    assert shown["calendar.events.Straßenfest 7 _Markt_Süd_"] == '["2024-05-01"]'
    assert len([name for name in shown if name.startswith("calendar.events")]) == 152
    assert shown["calendar.events.a_b 2"] == "[]"


def test_figures_that_are_not_defined_are_left_out():
    result = replace(toy_result(), scores={"wape": float("nan"), "bias": 0.0}, select_saved=Interval(None, None, None), equal_service=None)
    metrics = figures.metrics(result, None)
    assert not {"score.wape", "select.saved", "duration_s", "equal_service.factor"} & set(metrics)
    assert metrics["score.bias"] == 0.0
