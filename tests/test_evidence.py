"""The run folder and the environment: complete, repeatable, portable, never half-written."""

import json
import math
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from pipelines import evidence
from pipelines.environment import Environment, GitState, environment, git_state
from pipelines.errors import ContractError, InputError
from pipelines.evidence import evidence_json, load_model, read_run, run_name, write_run
from pipelines.result import Note
from pipelines.settings import TableSettings, load_settings, read_toml
from tests.toy_result import ToyForecaster, ToySettings, toy_result

MACHINE = Environment("3.11.7", "Linux", 2, {"polars": "2.1.0"}, GitState("0" * 40, dirty=False), None)


def test_a_run_read_back_is_the_run_that_was_written(tmp_path):
    result = toy_result()
    stored = read_run(write_run(result, tmp_path, "first", {"duration": "3.5", "command": "run"}, machine=MACHINE))
    again = stored.result(ToySettings)
    for frame in ("forecasts", "actions", "ledger", "calibration", "segments", "curve", "train_rows"):
        assert_frame_equal(getattr(again, frame), getattr(result, frame))
    for part in ("case", "settings", "data", "train", "select", "report", "savings", "opponents", "equal_service", "scores", "choices"):
        assert getattr(again, part) == getattr(result, part), part
    assert (again.notes, again.select_saved, again.verdict) == (result.notes, result.select_saved, "better")
    assert_frame_equal(again.model.predict(result.train_rows), result.model.predict(result.train_rows))
    assert (stored.name, stored.case, stored.facts["duration"], stored.facts["extra"]) == ("first", "food_waste", 3.5, {"command": "run"})
    assert stored.facts["environment"]["project"] == {"commit": "0" * 40, "dirty": False}


def test_result_json_speaks_of_the_run_in_words_worked_out_by_hand(tmp_path):
    facts = read_run(write_run(toy_result(), tmp_path, "first", machine=MACHINE)).facts
    saving = facts["savings"][0]
    assert saving["saved"]["value"] == pytest.approx(saving["usual"] - saving["plan"])
    assert (facts["report"], facts["seed"], facts["threads"]) == ({"first": "2024-09-09", "last": "2024-12-01"}, 1, 2)
    assert facts["model"] == {"class": "tests.toy_result:ToyForecaster", "target": "demand", "columns": [f"q0.{n}" for n in range(1, 10)]}
    assert datetime.fromisoformat(facts["created"]).utcoffset() is not None


def test_the_same_run_twice_gives_the_same_bytes(tmp_path):
    first = write_run(toy_result(), tmp_path, "a", {"duration": "1"}, machine=MACHINE)
    second = write_run(toy_result(), tmp_path, "b", {"duration": "2", "created": "2025-01-01T00:00:00+00:00"}, machine=MACHINE)
    names = sorted(file.relative_to(first).as_posix() for file in first.rglob("*") if file.is_file())
    assert len(names) == 11
    for name in set(names) - {"result.json"}:
        assert (first / name).read_bytes() == (second / name).read_bytes(), name
    texts = [(folder / "result.json").read_text(encoding="utf-8").splitlines() for folder in (first, second)]
    different = [line.split(":")[0].strip(' "') for line, other in zip(*texts, strict=True) if line != other]
    assert different == ["name", "created", "duration"]


def test_another_seed_gives_other_bytes(tmp_path):
    texts = [evidence_json(toy_result(seed), MACHINE, "a", {"created": "x"}) for seed in (1, 2)]
    assert texts[0] != texts[1]


def test_settings_can_be_fed_back(tmp_path):
    result = toy_result()
    folder = write_run(result, tmp_path, "first", machine=MACHINE)
    assert load_settings(ToySettings, read_toml(folder / "settings.toml")) == result.settings


def test_no_folder_of_this_machine_is_written_down(tmp_path):
    private = tmp_path / "Bäckerei Süd" / "sales.csv"
    toy = toy_result()
    result = replace(
        toy,
        settings=ToySettings(data={"sales": TableSettings(file=str(private)), "weather": TableSettings(file=r"C:\Daten\wetter.csv")}),
        data=replace(toy.data, source=str(private)),
        notes=(Note("track.no_run", {"folder": private, "file": str(private)}),),
    )
    folder = write_run(result, tmp_path, "first", {"settings": str(private)}, machine=environment(tmp_path))
    written = (folder / "result.json").read_text(encoding="utf-8") + (folder / "settings.toml").read_text(encoding="utf-8")
    for place in (tmp_path, Path.home(), Path(evidence.__file__).parents[1], "Daten", "Süd"):
        assert str(place) not in written
    assert read_run(folder).facts["settings"]["data"]["weather"]["file"] == "wetter.csv"
    assert read_run(folder).facts["data"]["source"] == "sales.csv"


def test_figures_that_are_not_defined_are_null(tmp_path):
    result = replace(toy_result(), scores={"wape": math.nan, "bias": math.inf, "pinball": 2.5}, equal_service=None)
    folder = write_run(result, tmp_path, "first", machine=MACHINE)
    stored = json.loads((folder / "result.json").read_text(encoding="utf-8"), parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert stored["scores"] == {"wape": None, "bias": None, "pinball": 2.5}
    again = read_run(folder).result(ToySettings)
    assert math.isnan(again.scores["wape"])
    assert again.equal_service is None


def test_further_files_stand_in_the_folder(tmp_path):
    folder = write_run(toy_result(), tmp_path, "first", files={"report.html": "<p>Süd</p>", "plan.xlsx": b"\x00"}, machine=MACHINE)
    assert (folder / "report.html").read_text(encoding="utf-8") == "<p>Süd</p>"
    assert (folder / "plan.xlsx").read_bytes() == b"\x00"


def test_evidence_is_never_overwritten(tmp_path):
    folder = write_run(toy_result(), tmp_path, "first", machine=MACHINE)
    before = (folder / "result.json").read_bytes()
    with pytest.raises(InputError, match="never overwritten"):
        write_run(toy_result(2), tmp_path, "first", machine=MACHINE)
    assert (folder / "result.json").read_bytes() == before


def test_the_slower_of_two_writers_of_one_name_is_told(tmp_path, monkeypatch):
    publish = evidence._publish
    monkeypatch.setattr(evidence, "_publish", lambda part, target: (write_first(), publish(part, target)))

    def write_first():
        monkeypatch.setattr(evidence, "_publish", publish)
        write_run(toy_result(2), tmp_path, "first", machine=MACHINE)

    with pytest.raises(InputError, match="never overwritten"):
        write_run(toy_result(1), tmp_path, "first", machine=MACHINE)
    assert read_run(tmp_path / "runs" / "first").facts["seed"] == 2
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["first"]


@pytest.mark.parametrize("stop", [KeyboardInterrupt, OSError("disk full")])
def test_an_interrupted_run_leaves_nothing(tmp_path, monkeypatch, stop):
    def interrupted(self, folder):
        (folder / "half").write_text("half", encoding="utf-8")
        raise stop

    monkeypatch.setattr(ToyForecaster, "save", interrupted)
    with pytest.raises(stop if isinstance(stop, type) else type(stop)):
        write_run(toy_result(), tmp_path, "first", machine=MACHINE)
    assert list((tmp_path / "runs").iterdir()) == []


@pytest.mark.parametrize("name", ["", "..", "a/b", ".hidden", "a b", "a:b", "x" * 200])
def test_names_that_are_no_folder_names_are_refused(tmp_path, name):
    with pytest.raises(InputError, match="cannot name a run"):
        write_run(toy_result(), tmp_path, name, machine=MACHINE)
    assert list(tmp_path.iterdir()) == []


def test_run_names_are_free_names(tmp_path):
    when = datetime(2025, 3, 21, 14, 15, 3, tzinfo=UTC)
    names = []
    for _ in range(3):
        names.append(run_name(tmp_path, "food_waste", when))
        (tmp_path / "runs" / names[-1]).mkdir(parents=True)
    assert names == ["food_waste-20250321-141503", "food_waste-20250321-141503-2", "food_waste-20250321-141503-3"]


def test_values_that_are_no_json_are_a_bug_and_said(tmp_path):
    with pytest.raises(TypeError, match="object is no JSON value"):
        evidence_json(replace(toy_result(), choices={"model": object()}), MACHINE, "a", {})


def test_a_model_that_cannot_be_loaded_is_a_broken_contract(tmp_path):
    class Unloadable:
        target = "demand"
        columns: Sequence[str] = ("q0.5",)

        def fit(self, past: pl.DataFrame) -> Self:
            return self

        def predict(self, rows: pl.DataFrame) -> pl.DataFrame:
            return rows.with_columns(pl.lit(1.0).alias("q0.5"))

        def save(self, folder: Path) -> None:
            pass

    with pytest.raises(ContractError, match="no classmethod load"):
        write_run(replace(toy_result(), model=Unloadable()), tmp_path, "first", machine=MACHINE)
    assert list((tmp_path / "runs").iterdir()) == []


@pytest.mark.parametrize("spoil", ["[]", "{", '{"format": 1}'])
def test_a_broken_run_is_named(tmp_path, spoil):
    folder = write_run(toy_result(), tmp_path, "first", machine=MACHINE)
    if spoil == '{"format": 1}':
        (folder / "ledger.parquet").write_bytes(b"PAR1")
    else:
        (folder / "result.json").write_text(spoil, encoding="utf-8")
    with pytest.raises(InputError, match="cannot be read") as caught:
        read_run(folder)
    assert str(folder) in caught.value.render("de")


def test_a_missing_figure_is_named(tmp_path):
    folder = write_run(toy_result(), tmp_path, "first", machine=MACHINE)
    facts = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    del facts["savings"]
    (folder / "result.json").write_text(json.dumps(facts), encoding="utf-8")
    with pytest.raises(InputError, match="cannot be read"):
        read_run(folder).result(ToySettings)


def test_no_run_and_a_newer_run_are_told_apart(tmp_path):
    with pytest.raises(InputError, match=r"result\.json is missing"):
        read_run(tmp_path)
    with pytest.raises(InputError, match=r"musterwerk\.json is missing"):
        load_model(tmp_path)
    folder = write_run(toy_result(), tmp_path, "first", machine=MACHINE)
    facts = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    (folder / "result.json").write_text(json.dumps({**facts, "format": 99}), encoding="utf-8")
    with pytest.raises(InputError, match="newer version"):
        read_run(folder)


@pytest.mark.parametrize("named", ["nowhere:Model", "tests.toy_result:Nobody", "math:pi", ":", "pathlib:Path"])
def test_a_model_of_an_unknown_class_is_not_loaded(tmp_path, named):
    folder = write_run(toy_result(), tmp_path, "first", machine=MACHINE) / "model"
    (folder / "musterwerk.json").write_text(json.dumps({"class": named}), encoding="utf-8")
    with pytest.raises(InputError, match="not installed here"):
        load_model(folder)


def _git(folder, *arguments):
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", folder, *identity, *arguments], check=True, capture_output=True)


def test_git_state_of_a_folder(tmp_path):
    assert git_state(tmp_path / "nowhere") is None
    _git(tmp_path, "init")
    assert git_state(tmp_path) is None  # no commit yet
    (tmp_path / "settings.toml").write_text("seed = 1", encoding="utf-8")
    _git(tmp_path, "add", ".")
    _git(tmp_path, "commit", "-m", "first")
    (tmp_path / "result.txt").write_text("untracked", encoding="utf-8")
    clean = git_state(tmp_path)
    assert clean is not None
    assert (len(clean.commit), clean.dirty) == (40, False)
    (tmp_path / "settings.toml").write_text("seed = 2", encoding="utf-8")
    assert git_state(tmp_path) == GitState(clean.commit, dirty=True)
    assert environment(tmp_path).user == GitState(clean.commit, dirty=True)


def test_without_git_there_is_no_state(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    here = environment(tmp_path)
    assert (here.project, here.user) == (None, None)
    assert here.versions["polars"] == pl.__version__


def test_asking_for_versions_imports_nothing_heavy():
    code = (
        "import sys; from pipelines.environment import environment; assert environment().versions['mlflow']; "
        "assert not {'mlflow', 'lightgbm', 'sklearn', 'pandas', 'polars'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(evidence.__file__).parents[1])
