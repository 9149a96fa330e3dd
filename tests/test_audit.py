"""The audit log: nothing in it changes unseen, a crash loses nothing that was written, and every decision can be made again."""

import json
import shutil
from datetime import date, timedelta
from pathlib import Path

import openpyxl
import polars as pl
import pytest

from pipelines.audit import People, append, log_file, people, read, verify
from pipelines.audit.entries import ROWS, kept_folder, model_digest
from pipelines.probabilities import clopper_pearson
from pipelines.report.people import people_section
from pipelines.texts import Lang
from tests.bakery import trusted_bakery
from usecases.__main__ import main

LAST = date(2024, 1, 2) + timedelta(days=239)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, mlflow_template: Path) -> Path:
    """A bakery with one run, its backtest logged."""
    return trusted_bakery(tmp_path_factory.mktemp("bakery"), mlflow_template, "--audit")


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A copy of it to work in."""
    return Path(shutil.copytree(made, tmp_path / "bakery"))


def call(folder: Path, *words: str) -> int:
    return main([*words, "--home", str(folder / "mlruns")])


def plan(folder: Path, *words: str) -> int:
    return call(folder, "plan", str(folder), *words)


def logged(folder: Path, kind: str) -> list[dict]:
    return [entry for entry in read(log_file(folder / "mlruns", "food_waste")) if entry["kind"] == kind]


def test_a_plan_is_logged_line_by_line_and_made_again(folder, capsys):
    day = LAST - timedelta(days=2)
    assert plan(folder, "--for", f"{day}") == 0
    assert plan(folder, "--for", f"{LAST + timedelta(days=1)}") == 0
    entries = logged(folder, "decision")
    sheet = pl.read_parquet(folder / "mlruns" / "plans" / "food_waste" / f"{day}" / "plan.parquet")
    asked = [(*(entry["keys"][name] for name in ("day", "branch", "product")), entry["decision"]["bake"]) for entry in entries[:6]]
    assert sorted(asked) == sorted((f"{day}", *row) for row in sheet.select("branch", "product", "quantity").iter_rows())
    run = next((folder / "mlruns" / "runs").iterdir())
    first = entries[0]
    assert (first["run"], first["model"]) == (run.name, model_digest(run / "model"))
    assert set(first["forecast"]) == {"q0.3", "q0.7"}
    assert first["reason"].startswith("Monday: usually ")
    assert (first["override"], first["by"]) == (None, None)
    noted = json.loads((folder / "mlruns" / "plans" / "food_waste" / f"{day}" / "plan.json").read_text(encoding="utf-8"))["audit"]
    assert noted == {"lines": entries[5]["line"], "hash": entries[5]["hash"]}
    capsys.readouterr()
    assert call(folder, "audit", "replay", "food_waste", "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert said["decisions"] == said["identical"] == 12 + len(logged(folder, "backtest")) > 200
    assert call(folder, "audit", "verify", run.name, "--holds", noted["hash"], "--json") == 0
    assert json.loads(capsys.readouterr().out)["kinds"]["decision"] == 12


def test_the_backtest_in_the_log_is_the_one_in_the_run(folder):
    run = next((folder / "mlruns" / "runs").iterdir())
    actions = pl.read_parquet(run / "decisions.parquet").filter(policy="plan")
    names = ("day", "branch", "product")
    told = {tuple(entry["keys"][name] for name in names): entry["decision"]["bake"] for entry in logged(folder, "backtest")}
    assert told == {(f"{day}", *keys): bake for day, *keys, bake in actions.select(*names, "bake").iter_rows()}


def test_other_models_inputs_and_decisions_are_told_apart(folder, capsys):
    assert plan(folder, "--for", f"{LAST}") == 0
    entry = logged(folder, "decision")[0]
    home, replay = folder / "mlruns", ("audit", "replay", "food_waste", "--lang", "en")
    kept = kept_folder(home, "food_waste", entry["batch"])
    away = kept.rename(kept.with_name("elsewhere"))
    assert call(folder, *replay) == 3
    assert "inputs are no longer kept" in capsys.readouterr().out
    away.rename(kept)
    rows = pl.read_parquet(kept / ROWS)
    rows.with_columns(level=pl.col("level") * 2).write_parquet(kept / ROWS)
    assert call(folder, *replay) == 3
    assert "kept inputs or settings were changed" in capsys.readouterr().out
    rows.write_parquet(kept / ROWS)
    assert call(folder, *replay) == 0
    model = next((home / "runs" / entry["run"] / "model").glob("*.json"))
    model.write_text(model.read_text(encoding="utf-8") + " ", encoding="utf-8")
    capsys.readouterr()
    assert call(folder, *replay) == 3
    said = capsys.readouterr()
    assert "model's files are not those that decided" in said.out
    assert "6 decisions could not be reproduced" in said.err


def test_a_forged_decision_with_right_hashes_is_not_reproduced(folder, capsys):
    assert plan(folder, "--for", f"{LAST}") == 0
    file = log_file(folder / "mlruns", "food_waste")
    entries = [{key: value for key, value in entry.items() if key not in {"line", "prev", "hash"}} for entry in read(file)]
    entries[-1]["decision"]["bake"] += 1
    entries[-2]["forecast"]["q0.3"] += 1e-9
    entries[-3]["inputs"] = "0" * 64
    file.unlink()
    Path(f"{file}.head").unlink()
    append(file, entries)
    capsys.readouterr()
    assert call(folder, "audit", "verify", "food_waste") == 0  # the chain alone cannot know
    assert call(folder, "audit", "replay", "food_waste", "--json") == 3
    told = json.loads(capsys.readouterr().out.partition("\n{")[2].join(["{", ""]))["differing"]
    lines = len(entries)
    assert [(one["line"], one["reason"].split(".")[1]) for one in told] == [
        (lines - 2, "other_inputs"),
        (lines - 1, "other_forecast"),
        (lines, "other_decision"),
    ]


def change(file: Path, value: object, why: str) -> None:
    book = openpyxl.load_workbook(file)
    for row in book["Süd"].iter_rows(min_row=2):
        if row[0].value == "Brötchen":
            row[3].value, row[4].value = value, why
    book.save(file)


def test_overrides_say_who_and_why_once_and_may_be_taken_back(folder, capsys):
    day = LAST - timedelta(days=2)
    assert plan(folder, "--for", f"{day}") == 0
    file = folder / "mlruns" / "plans" / "food_waste" / f"{day}" / "plan.xlsx"
    made = {entry["keys"]["product"]: entry for entry in logged(folder, "decision") if entry["keys"]["branch"] == "Süd"}
    change(file, 55, "Baustelle")
    for _ in range(2):
        assert plan(folder, "--learn", str(file), "--by", "M. Petersen") == 0
    (entry,) = logged(folder, "override")
    assert entry["keys"] == made["Brötchen"]["keys"]
    assert (entry["decision"], entry["override"]) == ({"bake": made["Brötchen"]["decision"]["bake"]}, {"bake": 55.0})
    assert (entry["reason"], entry["by"], entry["run"]) == ("Baustelle", "M. Petersen", made["Brötchen"]["run"])
    capsys.readouterr()
    change(file, 60, "Baustelle")
    assert plan(folder, "--learn", str(file)) == 0
    assert "without a name" in capsys.readouterr().out
    change(file, None, "")
    assert plan(folder, "--learn", str(file), "--by", "M. Petersen") == 0
    assert [entry["override"] for entry in logged(folder, "override")] == [{"bake": 55.0}, {"bake": 60.0}, None]
    assert verify(log_file(folder / "mlruns", "food_waste")).lines > 0


def test_people_are_counted_by_direction_and_each_line_once(tmp_path):
    file = log_file(tmp_path, "shops")
    assert people(file) is None
    lines = [{"kind": "decision", "run": "r", "keys": {"day": "d", "row": row}, "decision": {"bake": 5.0}} for row in range(10)]
    append(file, [*lines, *lines[:3]])  # three lines were planned twice

    def override(row: int, value: float | None, why: str | None = None, by: str | None = None) -> dict[str, object]:
        stands = None if value is None else {"bake": value}
        return {
            "kind": "override",
            "keys": {"day": "d", "row": row},
            "decision": {"bake": 5.0},
            "override": stands,
            "reason": why,
            "by": by,
        }

    append(file, [override(0, 7.0, "fair", "M. P."), override(1, 2.0, "fair"), override(1, 3.0), override(2, 9.0), override(2, None)])
    append(file, [override(3, 5.0, "looked at", "M. P.")])
    found = people(file)
    assert found == People(planned=10, raised=1, lowered=1, confirmed=1, named=1, reasoned=1, reasons=(("fair", 1),))
    assert found.agreement == pytest.approx((0.8, *clopper_pearson(8, 10)))
    heads: dict[Lang, str] = {"en": "People left 80 % of 10", "de": "80 % von 10 geplanten"}
    for lang, said in heads.items():
        (section,) = people_section(found, "food_waste", lang)
        assert section.title.replace("\xa0", " ").replace("80%", "80 %").startswith(said)
        assert len(section.tables) == 1, "a reason given once may tell of a single case"
    assert people_section(None, "food_waste", "en") == []


def test_no_plan_without_a_sound_log(folder, capsys):
    file = log_file(folder / "mlruns", "food_waste")
    file.write_bytes(file.read_bytes() + b'{"line":')
    day = LAST + timedelta(days=1)
    assert plan(folder, "--for", f"{day}") == 3
    assert "--repair" in capsys.readouterr().err
    assert not (folder / "mlruns" / "plans" / "food_waste" / f"{day}").exists()
    assert call(folder, "audit", "verify", str(file)) == 3
    assert call(folder, "audit", "verify", str(file), "--repair", "--lang", "de") == 0
    assert "Die letzte Zeile war abgeschnitten" in capsys.readouterr().out
    assert plan(folder, "--for", f"{day}") == 0


def test_what_is_not_there_is_named(tmp_path, capsys):
    for verb in ("verify", "replay"):
        assert main(["audit", verb, "food_waste", "--home", str(tmp_path)]) == 2
        assert "no run and no audit log" in capsys.readouterr().err


def test_the_state_in_which_a_day_begins_is_kept_and_replayed(folder, capsys):
    """Day-old pieces on the shelf change the decision: without the kept state the replay would decide otherwise."""
    assert plan(folder, "--for", f"{LAST}") == 0
    assert plan(folder, "--for", f"{LAST}", "--set", "day_old.demand_share=0.4", "--set", "day_old.replaces=1.0") == 0
    entries = logged(folder, "decision")
    alone, shelf = ([entry["decision"]["bake"] for entry in entries[first : first + 6]] for first in (0, 6))
    assert alone != shelf
    kept = kept_folder(folder / "mlruns", "food_waste", entries[6]["batch"])
    assert pl.read_parquet(kept / "state.parquet").height > 0
    capsys.readouterr()
    assert call(folder, "audit", "replay", "food_waste", "--json") == 0
    assert json.loads(capsys.readouterr().out)["differing"] == []
