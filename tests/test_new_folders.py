"""`musterwerk new` from every use case and from scratch: it asks, it takes options, and what it makes runs at once."""

import json
import subprocess
import sys
import time
import tomllib
from datetime import date, timedelta
from importlib import import_module
from pathlib import Path

import polars as pl
import pytest

from pipelines.cli import new as new_verb
from pipelines.contracting import few_series
from pipelines.scaffold.folder import NewFolder, new_folder
from pipelines.understand import understand
from pipelines.understand.write import with_values
from tests.english_left import texts_left
from tests.own_exports import FILES, exported
from tests.untranslated import Texts, untranslated
from usecases.__main__ import built_in, main

MADE = {"settings.toml", "README.md", "smoke_test.py", "schedule.md"}
LONGEST_CPU_SECONDS = 90


def answering(monkeypatch, *answers):
    """A terminal at which somebody gives these answers; returns the questions asked."""
    left, asked = list(answers), []

    def ask(question):
        asked.append(question)
        if not left:
            raise KeyboardInterrupt
        return left.pop(0)

    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr(new_verb, "_ask", ask)
    return asked


def settings_of(folder: Path) -> dict:
    return tomllib.loads((folder / "settings.toml").read_text(encoding="utf-8"))


def till(folder: Path, header: str = "Datum;Filiale;Artikel;Stk.verk.") -> Path:
    lines = [header, *(f"{1 + day % 28:02d}.{1 + day // 28:02d}.2024;Süd;Brot;{20 + day % 7}" for day in range(300))]
    path = folder / "kasse.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_the_wizard_asks_for_case_file_column_and_costs(tmp_path, monkeypatch, capsys):
    file = till(tmp_path)
    number = str(list(built_in()).index("food_waste") + 1)
    questions = answering(monkeypatch, number, f'"{file}"', "", "Stk.verk.", "1,20", *[""] * 20)
    assert main(["new", str(tmp_path / "laden"), "--lang", "de"]) == 0
    assert "Fertig" not in capsys.readouterr().err
    values = settings_of(tmp_path / "laden")
    assert values["data"]["sales"]["columns"]["sold"] == "Stk.verk."
    assert (values["costs"]["price_eur"], values["costs"]["unit_cost_share"], values["costs"]["goodwill_eur"]) == (1.2, 0.35, 0.05)
    assert "Backen, was gekauft wird" in questions[0]
    assert [question for question in questions if "sold" in question and "Stk.verk." in question]
    assert [question for question in questions if question.startswith("costs.price_eur [1]")]


def test_a_file_that_does_not_exist_is_asked_for_again(tmp_path, monkeypatch):
    file = till(tmp_path, "Datum;Filiale;Artikel;Menge")
    answering(monkeypatch, str(tmp_path / "nichts.csv"), "", str(file), *[""] * 20)
    assert main(["new", str(tmp_path / "laden"), "--from", "food_waste"]) == 0
    assert settings_of(tmp_path / "laden")["data"]["sales"]["file"] == "kasse.csv"


@pytest.mark.parametrize("answers", [0, 1, 2, 3])
def test_ctrl_c_leaves_nothing(tmp_path, monkeypatch, answers):
    answering(monkeypatch, *["food_waste", str(till(tmp_path)), ""][:answers])
    assert main(["new", str(tmp_path / "laden")]) == 130
    assert [path.name for path in tmp_path.iterdir()] == ["kasse.csv"]


def test_options_say_what_the_wizard_would_ask(tmp_path, capsys):
    file = till(tmp_path)
    words = ["new", str(tmp_path / "laden"), "--data", str(file), "--column", "sold=Stk.verk.", "--set", "costs.price_eur=1.5"]
    assert main([*words, "--set", "limits.tray=6", "--set", 'calendar.state="BW"']) == 0
    values = settings_of(tmp_path / "laden")
    assert values["data"]["sales"]["columns"]["sold"] == "Stk.verk."
    assert (values["costs"]["price_eur"], values["limits"]["tray"], values["calendar"]["state"]) == (1.5, 6, "BW")
    for wrong in (["--column", "sold"], ["--set", "costs.prise_eur=1"], ["--column", "sold=Menge"], ["--from", "food_wast"]):
        assert main(["new", str(tmp_path / "anders"), "--data", str(file), *wrong]) == 2
    assert "food_waste" in capsys.readouterr().err
    assert not (tmp_path / "anders").exists()


def test_comments_stay_where_values_are_put_in():
    body = 'case = "x"\n\n[costs]   # EUR\nprice_eur = 1.0  # a piece\n\n[vehicles."A"]\ncapacity = 1\n\n[roads]\ndetour = 1.3'
    made = with_values(body, {"costs": {"price_eur": 2.5, "new": 1}, "vehicles": {"B": {"capacity": 7}}, "limits": {"tray": 6}, "seed": 3})
    assert "price_eur = 2.5  # a piece" in made
    assert "[costs]   # EUR" in made
    assert tomllib.loads(made) == {
        "case": "x",
        "seed": 3,
        "costs": {"price_eur": 2.5, "new": 1},
        "roads": {"detour": 1.3},
        "vehicles": {"B": {"capacity": 7}},
        "limits": {"tray": 6},
    }


def test_vehicles_and_depot_are_taken_from_the_business(tmp_path, capsys):
    files = exported("delivery_rounds", tmp_path)
    renamed = files[0].read_bytes().decode("cp1252").replace("Wagen 1", "Sprinter")
    files[0].write_bytes(renamed.encode("cp1252"))
    words = [word for file in files for word in ("--data", str(file))]
    assert main(["new", str(tmp_path / "tour"), "--from", "delivery_rounds", *words]) == 0
    assert "Sprinter" in capsys.readouterr().out
    values = settings_of(tmp_path / "tour")
    assert set(values["vehicles"]) == {"Sprinter", "Wagen 2", "Wagen 3"}
    assert 50.4 < values["depot"]["latitude"] < 50.7


def test_words_for_yes_are_the_events_of_a_department(tmp_path):
    (file,) = exported("medical_triage", tmp_path)
    said = file.read_bytes().decode("cp1252")
    head, *lines = said.split("\r\n")
    place = head.split(";").index("Notfall")
    cells = [line.split(";") for line in lines if line]
    told = [";".join([*row[:place], "ja" if row[place] == "1" else "nein", *row[place + 1 :]]) for row in cells]
    file.write_bytes("\r\n".join([head, *told]).encode("cp1252"))
    assert main(["new", str(tmp_path / "ambulanz"), "--from", "medical_triage", "--data", str(file)]) == 0
    assert settings_of(tmp_path / "ambulanz")["outcome"]["events"] == ["ja"]


def test_each_file_finds_its_table_and_what_lacks_a_site_gets_one(tmp_path):
    case = import_module("usecases.energy").CASE
    seen = understand(case, [*exported("energy", tmp_path), till(tmp_path)], "de")
    assert {name: table["file"] for name, table in seen.tables.items()} == {"load": "Lastgang.csv", "prices": "Börsenpreise.csv"}
    assert seen.tables["load"]["constants"] == {"site": "alle"}
    assert {note.key for note in seen.notes} >= {"check.note_file_unused", "check.note_one_key"}


def test_what_would_stop_the_first_run_is_said_at_once(tmp_path, capsys):
    """A counter given as load cannot be seen by reading alone; the folder is made, the remedy named."""
    first = pl.lit("01.01.2024").str.to_datetime("%d.%m.%Y")
    rows = pl.DataFrame({"n": range(96 * 200)}).with_columns(at=first + pl.duration(minutes=15) * pl.col("n"))
    lines = [f"{at:%d.%m.%Y %H:%M};{1000 + 5 * number}" for number, at in rows.iter_rows()]
    file = tmp_path / "zaehler.csv"
    file.write_text("\n".join(["Zeitstempel;Leistung", *lines]), encoding="utf-8")
    assert main(["new", str(tmp_path / "werk"), "--from", "energy", "--data", str(file), "--set", 'meter.zone="grid"']) == 0
    assert "counter" in capsys.readouterr().err
    assert (tmp_path / "werk" / "settings.toml").is_file()


def test_a_use_case_from_scratch_keeps_the_contract(tmp_path, capsys):
    folder = tmp_path / "Mein Lager"
    assert main(["new", str(folder), "--from", "scratch", "--lang", "de"]) == 0
    assert {path.name for path in folder.iterdir()} - {"__pycache__"} == {*MADE, "usecase.py"}
    assert settings_of(folder)["case"] == "mein_lager"
    assert main(["check", str(folder), "--contract"]) == 0
    assert "8 of 8 checks passed" in capsys.readouterr().out
    code = folder / "usecase.py"
    code.write_text(code.read_text(encoding="utf-8").replace("shift(7 *", "shift(-7 *"), encoding="utf-8")
    assert main(["check", str(folder), "--contract"]) == 3
    assert "features know no future" in capsys.readouterr().err


def test_data_for_a_use_case_from_scratch_are_understood(tmp_path):
    folder = tmp_path / "lager"
    file = till(tmp_path, "Datum;Standort;Teil;Verbrauch")
    assert main(["new", str(folder), "--from", "scratch", "--data", str(file)]) == 0
    columns = settings_of(folder)["data"]["sales"]["columns"]
    assert columns == {"day": "Datum", "place": "Standort", "item": "Teil", "demand": "Verbrauch"}


def test_a_folder_is_checked_by_its_own_settings(tmp_path, capsys):
    folder = tmp_path / "laden"
    assert main(["new", str(folder), "--data", str(till(tmp_path, "Datum;Filiale;Artikel;Menge"))]) == 0
    capsys.readouterr()
    assert main(["check", str(folder), "--lang", "de"]) == 0
    assert "kasse.csv: 300 Zeilen" in capsys.readouterr().out
    assert main(["new", str(tmp_path / "leer")]) == 0
    assert main(["check", str(tmp_path / "leer")]) == 2
    assert "--data FILE" in capsys.readouterr().err


def test_few_series_keeps_the_last_days_of_living_series():
    case = import_module("usecases.food_waste").CASE
    days = pl.date_range(pl.date(2023, 1, 1), pl.date(2024, 12, 31), eager=True)
    names = pl.DataFrame({"product": [f"p{number}" for number in range(9)], "branch": ["b"] * 9})
    rows = pl.DataFrame({"day": days}).join(names, how="cross").filter((pl.col("product") != "p0") | (pl.col("day") < days[-1]))
    few = few_series(case, rows)
    assert few["product"].n_unique() == 4
    assert "p0" not in few["product"]
    assert few["day"].min() == days[-1] - timedelta(days=299)


def said_by_data(run: Path) -> set[str]:
    """Texts of the user's data and settings: names that stay as they are."""
    facts = json.loads((run / "result.json").read_text(encoding="utf-8"))
    frames = [pl.read_parquet(run / f"{name}.parquet") for name in ("forecasts", "decisions")]
    texts = [frame[name].drop_nulls().unique().to_list() for frame in frames for name, kind in frame.schema.items() if kind == pl.String]
    return {text for part in texts for text in part} | set(strings(facts["settings"]))


def strings(value) -> list[str]:
    """All texts in nested settings."""
    if isinstance(value, dict):
        return [text for part in (*value, *value.values()) for text in strings(part)]
    return [text for part in value for text in strings(part)] if isinstance(value, list) else [value] * isinstance(value, str)


@pytest.mark.slow
@pytest.mark.parametrize("name", [*FILES, "scratch"])
def test_a_new_folder_runs_at_once_and_works_with_every_verb(name, tmp_path, mlflow_home, monkeypatch):
    folder = tmp_path / "mein-betrieb"
    files = exported(name, tmp_path) if name in FILES else []
    words = [word for file in files for word in ("--data", str(file))]
    assert main(["new", str(folder), "--from", name, "--lang", "de", *words]) == 0
    assert {path.name for path in folder.iterdir()} >= MADE | {file.name for file in files}
    home, began = str(mlflow_home), time.process_time()
    assert main(["run", str(folder), "--home", home, "--lang", "de"]) == 0
    assert time.process_time() - began < LONGEST_CPU_SECONDS
    run = next(path for path in (mlflow_home / "runs").iterdir() if path.is_dir())
    assert main(["check", str(folder), "--contract"]) == 0
    monkeypatch.chdir(folder)  # a run of one's own code is drawn again where the code lies
    again = tmp_path / "again.html"
    assert main(["report", run.name, "--home", home, "--lang", "en", "--out", str(again)]) == 0
    german, names = (run / "report.html").read_text(encoding="utf-8"), said_by_data(run)
    assert untranslated(again.read_text(encoding="utf-8"), german, names) == set()
    assert texts_left("\n".join(Texts(german).pieces)) == []
    if name != "medical_triage":  # its plan is for visits whose outcome is not known yet
        last = json.loads((run / "result.json").read_text(encoding="utf-8"))["data"]["last"]
        day = date.fromisoformat(last) + timedelta(days=1)
        pages = []
        for lang in ("en", "de"):
            assert main(["plan", ".", "--home", home, "--for", f"{day}", "--model", run.name, "--lang", lang]) == 0
            pages.append(next((mlflow_home / "plans").rglob("plan.html")).read_text(encoding="utf-8"))
        assert untranslated(pages[0], pages[1], names) == set()
        assert texts_left("\n".join(Texts(pages[1]).pieces)) == []


@pytest.mark.slow
def test_the_smoke_test_runs(tmp_path):
    folder = tmp_path / "laden"
    files = tuple(exported("food_waste", tmp_path))
    assert new_folder(NewFolder(folder, built_in()["food_waste"], files), import_module("usecases.food_waste").CASE).problem is None
    command = [sys.executable, str(folder / "smoke_test.py")]
    done = subprocess.run(command, check=False, cwd=Path(__file__).parents[1], capture_output=True, text=True)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "fine"), done.stderr
