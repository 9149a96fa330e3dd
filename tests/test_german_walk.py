"""Every command, walked through in German: nothing it says or writes holds an English text of the catalogues, schemas or settings."""

import re
import shutil
import tomllib
from importlib import import_module
from pathlib import Path

import openpyxl
import pytest
import typer

from pipelines.cli import application
from tests.bakery import bakery, generous_export
from tests.english_left import english, left_over, pieces, texts_left
from tests.sweeps import toy
from tests.test_audit import change
from tests.test_german import commands
from tests.test_pseudonyms import words as pseudonymising
from tests.test_pseudonyms import written as visits
from tests.untranslated import Texts
from usecases.__main__ import built_in, main

ROOT = Path(__file__).parents[1]


@pytest.fixture
def german(monkeypatch, tmp_path, capsys):
    """Call a command in German in a folder of its own; return what it says."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MUSTERWERK_LANG", "de")
    monkeypatch.setenv("COLUMNS", "200")

    def called(*words: object, code: int = 0) -> str:
        capsys.readouterr()
        assert main([str(word) for word in words]) == code, (words, capsys.readouterr())
        said = "\n".join(capsys.readouterr())
        assert left_over(said) == [], (words, said)
        return said

    return called


def test_what_is_english_is_found():
    assert len(english()) > 1000
    assert pieces("{count} {count:cell|cells} of the {table}: no\nmore") == ["cells of the", ": no", "more"]
    for said in (
        "kasse.csv: 3 cells of column 'Datum' sind keine",
        "Meldung: The report period\n  of food_waste is too short",
        "sold (pieces sold, pre-orders included)",
        "Das ist die base of every random\n number.",
        "Built-in use case, or a folder with settings.toml.",
        "es fehlt the column of the file",
    ):
        assert left_over(said) != [], said
    assert left_over("Von 3 Zeilen sind alle brauchbar. Der Plan ist nachweislich besser als das bisherige Vorgehen.") == []


def test_every_page_of_help(german):
    for name, _ in commands(typer.main.get_command(application(built_in()))):
        said = german(*name.split("_"), "--help")
        assert said.startswith("Aufruf: musterwerk")
        assert "Diese Hilfe zeigen" in said
    for words in (["--help"], ["--lang", "de"], ["exercise", "--lang", "de"]):
        assert "Befehle:" in german(*words)


def test_the_language_may_stand_before_the_command(german, monkeypatch, capsys):
    monkeypatch.setenv("MUSTERWERK_LANG", "en")
    first = next(iter(tomllib.loads((ROOT / "pipelines/texts/de/food_waste.toml").read_text(encoding="utf-8")).values()))
    for words in (["--lang", "de", "list"], ["--lang=de", "list"], ["list", "--lang", "de"], ["--lang", "en", "list", "--lang", "de"]):
        assert first in german(*words)
    assert (
        german("--lang", "de", "exercise", "list")
        == german("exercise", "--lang", "de", "list")
        == german("exercise", "list", "--lang", "de")
    )
    assert main(["list"]) == 0
    assert first not in capsys.readouterr().out
    assert main(["--lang", "fr", "list"]) == 2


@pytest.mark.parametrize("name", [*built_in(), "scratch"])
def test_a_new_folder(name, german, tmp_path):
    german("--lang", "de", "new", "neu", "--from", name, *(["--own-code"] if name != "scratch" else []))
    for file in ("settings.toml", "README.md", "schedule.md", "smoke_test.py"):
        assert left_over((tmp_path / "neu" / file).read_text(encoding="utf-8")) == [], file


@pytest.mark.parametrize("name", list(built_in()))
def test_every_comment_of_the_example_settings_has_a_translation(name):
    folder = import_module(built_in()[name]).CASE.folder
    known = tomllib.loads((folder / "comments_de.toml").read_text(encoding="utf-8"))
    lines = (folder / "settings.toml").read_text(encoding="utf-8").splitlines()[1:]  # the first line is written anew for each folder
    said = {line.rpartition("# ")[2] for line in lines if "# " in line}
    comments = {one for one in said if (" = " not in one and not one.startswith("[")) or one in known}
    assert comments == set(known)


def test_looking_at_files(german, tmp_path):
    folder = bakery(tmp_path / "laden")
    assert "Zeilen" in german("check", folder)
    assert "geschrieben" in german("check", "food_waste", "--data", folder / "kasse.csv", "--write", tmp_path / "s.toml")
    (tmp_path / "fehlt.csv").write_text("Datum;Filiale\n01.01.2024;Süd\n", encoding="utf-8")
    german("check", "food_waste", "--data", tmp_path / "fehlt.csv", code=2)
    german("new", "neu", "--data", tmp_path / "fehlt.csv", code=2)
    german("check", tmp_path, code=2)
    for name in ("giessen_bikes", "simulated_bakery", "wisconsin"):
        german("check", ROOT / "datasets" / name, code=2)
    german("run", ROOT / "datasets" / "giessen_bikes", code=2)


def test_the_small_commands(german, tmp_path):
    german("list")
    german("--lang", "de", "exercise", "list")
    german("exercise", "start", "1")
    script = next(tmp_path.glob("*.py"))
    assert texts_left(script.read_text(encoding="utf-8")) == []
    german("exercise", "check", "1", code=3)
    german("doctor")
    visits(tmp_path)
    german(*pseudonymising(tmp_path))


def written_for_people(folder: Path) -> dict[str, str]:
    """What commands wrote for people below a folder: pages, sheets and documents as text."""
    found = {}
    for file in folder.rglob("*"):
        name = str(file.relative_to(folder))
        if file.suffix == ".html":
            page = re.sub(r"<style>.*?</style>", "", file.read_text(encoding="utf-8"), flags=re.DOTALL)
            found[name] = "\n".join([*Texts(page).pieces, page])  # the sliders' words stand in a script
        elif file.suffix == ".xlsx":
            sheets = openpyxl.load_workbook(file).worksheets
            cells = [str(cell) for sheet in sheets for row in sheet.iter_rows(values_only=True) for cell in row if cell is not None]
            found[name] = "\n".join([*(sheet.title for sheet in sheets), *cells])
        elif file.suffix in (".md", ".txt"):
            found[name] = file.read_text(encoding="utf-8")
    return found


@pytest.mark.slow
def test_from_run_to_pilot(german, tmp_path, mlflow_template):
    folder = bakery(tmp_path / "laden", generous_export())
    home = folder / "mlruns"
    home.mkdir()
    shutil.copyfile(mlflow_template, home / "mlflow.db")
    at = ("--home", home)
    german("run", folder, "--audit", *at)
    run = next(path.name for path in (home / "runs").iterdir() if path.is_dir())
    german("check", folder, "--contract")
    german("plan", folder, "--for", "29.08.2024", "--model", run, *at)
    german("plan", folder, "--for", "29.08.2034", "--model", run, *at, code=2)
    sheet = next((home / "plans").rglob("plan.xlsx"))
    change(sheet, 3, "Regen")
    german("plan", folder, "--learn", sheet, *at)
    german("audit", "verify", "food_waste", *at)
    german("audit", "replay", "food_waste", *at)
    german("report", run, *at, "--out", home / "again.html")
    german("report", run, *at, "--papers", "--out", home / "papers")
    german("pilot", run, *at, "--out", tmp_path / "pilot.csv")
    german("doctor", "--repair", *at)
    pages = written_for_people(home)
    assert {Path(name).suffix for name in pages} >= {".html", ".xlsx", ".md"}
    assert {name: texts_left(said) for name, said in pages.items() if texts_left(said)} == {}


@pytest.mark.slow
def test_a_sweep_from_start_to_sync(german, tmp_path, mlflow_template):
    case, home = toy(tmp_path / "toy"), tmp_path / "mlruns"
    home.mkdir()
    shutil.copyfile(mlflow_template, home / "mlflow.db")
    at = ("--home", home)
    german("sweep", "start", case, "--name", "s", "--trials", "4", "--workers", "1", *at)
    german("sweep", "start", case, "--name", "j", "--trials", "4", "--slurm", "--dry-run", *at)
    for verb in ("status", "best", "sync", "repair", "stop"):
        german("sweep", verb, "s", *at)
    german("sweep", "resume", "s", "--trials", "5", *at)
    pages = written_for_people(home)
    assert pages
    assert {name: texts_left(said) for name, said in pages.items() if texts_left(said)} == {}
