"""`musterwerk plan`: what would have been planned then, sheets people can work with, changes that are neither lost nor forgotten."""

import csv
import io
import json
import shutil
import subprocess
from datetime import date, timedelta
from pathlib import Path

import openpyxl
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from pipelines.champions import chosen_run
from pipelines.errors import GateError
from pipelines.evidence import load_model
from pipelines.plan.deciding import decided, everything
from pipelines.plan.sheets import sheet_name
from pipelines.run import featured, prepare
from pipelines.settings import load_settings, read_toml
from pipelines.table import Loaded, load_tables
from pipelines.usecase import Sheet
from tests.bakery import SETTINGS, bakery, generous_export, trusted_bakery
from tests.conftest import program
from usecases.__main__ import main
from usecases.food_waste import CASE
from usecases.food_waste.features import inputs
from usecases.food_waste.schema import SCHEMA
from usecases.food_waste.settings import FoodWaste

LAST = date(2024, 1, 2) + timedelta(days=239)  # a Wednesday
NEXT = LAST + timedelta(days=1)
LINES = generous_export()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, mlflow_template: Path) -> Path:
    """A bakery's folder with one run in `mlruns`, its model trusted to plan."""
    return trusted_bakery(tmp_path_factory.mktemp("bakery"), mlflow_template)


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A copy of that folder to work in."""
    shutil.copytree(made, tmp_path / "bakery")
    return tmp_path / "bakery"


def plan(folder: Path, *words: str) -> int:
    return main(["plan", str(folder), "--home", str(folder / "mlruns"), *words])


def sheets(folder: Path, day: date = NEXT) -> Path:
    return folder / "mlruns" / "plans" / "food_waste" / f"{day}"


def loaded(folder: Path) -> tuple[Loaded, FoodWaste]:
    settings = load_settings(FoodWaste, read_toml(folder / "settings.toml"))
    return load_tables(SCHEMA, settings.data, folder), settings


def test_a_past_day_is_planned_with_the_features_of_the_backtest(folder):
    data, settings = loaded(folder)
    day = LAST - timedelta(days=20)
    model = load_model(chosen_run(folder / "mlruns", "food_waste", None).folder / "model")
    planned = decided(CASE, everything(CASE, data, settings, day), settings, model, day)
    backtest = featured(CASE, prepare(CASE, data, settings).rows, settings).filter(pl.col("day") == day).sort("branch", "product")
    names = inputs(settings)
    assert_frame_equal(planned.rows.sort("branch", "product").select(names), backtest.select(names), check_exact=True)
    again = CASE.decide(
        model.predict(backtest.drop("sold", "ordered", "demand", "censored", "returned", "sold_out", "last_sale")), settings, None
    )
    assert planned.rows.sort("branch", "product")["bake"].to_list() == again["bake"].to_list()


def test_nothing_after_the_deadline_moves_the_plan(folder):
    data, settings = loaded(folder)
    day = LAST - timedelta(days=20)
    model = load_model(chosen_run(folder / "mlruns", "food_waste", None).folder / "model")
    other = data.tables["sales"].with_columns(
        pl.when(pl.col("day") >= day).then(pl.col(name) * 3 + 1).otherwise(name).alias(name) for name in ("sold", "ordered")
    )
    plans = [
        decided(CASE, everything(CASE, found, settings, day), settings, model, day).rows["bake"]
        for found in (data, Loaded({"sales": other}, (), ""))
    ]
    assert plans[0].equals(plans[1])


def test_data_cut_the_evening_before_give_the_same_inputs(folder):
    data, settings = loaded(folder)
    day = LAST - timedelta(days=20)  # an ordinary week: the projected openings are the real ones
    cut = Loaded({"sales": data.tables["sales"].filter(pl.col("day") < day)}, (), "")
    model = load_model(chosen_run(folder / "mlruns", "food_waste", None).folder / "model")
    whole, early = (decided(CASE, everything(CASE, found, settings, day), settings, model, day).rows for found in (data, cut))
    assert early["bake"].equals(whole["bake"])
    assert_frame_equal(early.select(inputs(settings)), whole.select(inputs(settings)), check_exact=True)


def test_the_sheets(folder, capsys):
    assert plan(folder, "--for", f"{NEXT}", "--json") == 0
    said = json.loads(capsys.readouterr().out)
    book = openpyxl.load_workbook(sheets(folder) / "plan.xlsx")
    assert book.sheetnames == ["All", "Holtenauer Straße", "Süd"]
    branches = [list(book[name].iter_rows(min_row=2, values_only=True)) for name in book.sheetnames[1:]]
    in_all = {row[0]: row[1] for row in book["All"].iter_rows(min_row=2, values_only=True)}
    for product in ("Brötchen", "Franzbrötchen", "Kürbiskernbrot"):
        assert in_all[product] == sum(row[1] for rows in branches for row in rows if row[0] == product)
    assert said["total"] == sum(in_all.values())
    page = book["Süd"]
    assert [cell.value for cell in page[1]] == ["product", "Quantity (pieces)", "Why", "Changed to", "Reason for the change"]
    assert (page.freeze_panes, page.auto_filter.ref, page.page_setup.orientation) == ("A2", "A1:E4", "landscape")
    assert (page.page_setup.paperSize, page.print_title_rows) == ("9", "$1:$1") or page.page_setup.paperSize == 9
    assert all(row[2].startswith("Thursday: usually ") for rows in branches for row in rows)
    rows = list(csv.DictReader(io.StringIO((sheets(folder) / "plan.csv").read_text(encoding="utf-8-sig")), delimiter=";"))
    assert sum(float(row["quantity"]) for row in rows) == said["total"]
    html = (sheets(folder) / "plan.html").read_text(encoding="utf-8")
    assert "Holtenauer Straße" in html
    assert "http" not in html.replace("http-equiv", "")


def test_the_same_command_twice_gives_the_same_bytes(folder):
    assert plan(folder, "--for", f"{NEXT}") == 0
    first = {file.name: file.read_bytes() for file in sheets(folder).iterdir() if file.suffix in {".csv", ".html", ".parquet"}}
    assert plan(folder, "--for", f"{NEXT}") == 0
    assert {file.name for file in sheets(folder).iterdir()} == {"plan.xlsx", "plan.csv", "plan.html", "plan.json", "plan.parquet"}
    assert first == {name: (sheets(folder) / name).read_bytes() for name in first}


def changed(file: Path, **cells: tuple[str, object, str]) -> None:
    """Fill in the change cells: product = (sheet, new quantity, reason)."""
    book = openpyxl.load_workbook(file)
    for product, (sheet, value, why) in cells.items():
        for row in book[sheet].iter_rows(min_row=2):
            if row[0].value == product:
                row[3].value, row[4].value = value, why
    book.save(file)


def test_a_changed_sheet_stays_and_is_learnt_from(folder, capsys):
    day = LAST - timedelta(days=2)
    assert plan(folder, "--for", f"{day}") == 0
    file = sheets(folder, day) / "plan.xlsx"
    planned = pl.read_parquet(sheets(folder, day) / "plan.parquet").filter(branch="Süd", product="Brötchen")["quantity"][0]
    changed(file, Brötchen=("Süd", 1, "Baustelle"))
    mine = file.read_bytes()
    assert plan(folder, "--for", f"{day}") == 0
    assert "was changed by somebody and stays" in capsys.readouterr().out
    assert file.read_bytes() == mine
    assert (file.parent / "plan-2.xlsx").is_file()
    assert plan(folder, "--learn", str(file), "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert said["changes"] == 1
    # one roll for a shop that sells dozens: dear, and by exactly what the missed and left-over pieces cost
    data, settings = loaded(folder)
    sold = data.tables["sales"].filter(pl.col("day") == day, branch="Süd", product="Brötchen")["sold"][0]
    assert said["changed"] > said["planned"]
    missed = (settings.costs.price_eur - settings.costs.unit_cost_eur + settings.costs.goodwill_eur) * (sold - 1)
    assert said["changed"] >= missed * 0.999  # demand of a sold-out day may be more than was sold
    record = pl.read_csv(folder / "mlruns" / "overrides" / "food_waste.csv", separator=";")
    assert record.select("branch", "product", "planned", "changed", "why").row(0) == ("Süd", "Brötchen", planned, 1.0, "Baustelle")
    assert plan(folder, "--learn", str(file)) == 0  # reading it again does not double it
    assert pl.read_csv(folder / "mlruns" / "overrides" / "food_waste.csv", separator=";").height == 1


@pytest.mark.parametrize("cell", ["nan", "inf", "-5", "1_0", "1.200", "zwölf"])
def test_only_plain_numbers_are_learnt(folder, cell):
    assert plan(folder, "--for", f"{NEXT}") == 0
    changed(sheets(folder) / "plan.xlsx", Brötchen=("Süd", cell, ""))
    assert plan(folder, "--learn", str(sheets(folder) / "plan.xlsx")) == 2


def test_two_days_in_one_folder_are_told_apart(folder):
    days = [LAST - timedelta(days=2), LAST - timedelta(days=1)]
    out = folder / "blatt"
    assert plan(folder, "--for", f"{days[0]}", "--out", str(out)) == 0
    changed(out / "plan.xlsx", Brötchen=("Süd", 3, "=1+1"))
    assert plan(folder, "--for", f"{days[1]}", "--out", str(out)) == 0
    assert plan(folder, "--learn", str(out / "plan.xlsx")) == 0
    text = (folder / "mlruns" / "overrides" / "food_waste.csv").read_text(encoding="utf-8")
    assert text.splitlines()[1].startswith(f"{days[0]};")
    assert ";=1+1" not in text


@pytest.mark.parametrize("day", ["9999-12-30", "2099-08-28", "2024-01-02"])
def test_days_that_do_not_fit_the_data_are_named(folder, capsys, day):
    assert plan(folder, "--for", day) == 2
    assert "does not fit the data" in capsys.readouterr().err


def test_another_deadline_needs_another_run(folder, capsys):
    assert plan(folder, "--for", f"{NEXT}", "--set", "demand.deadline=noon before") == 2
    assert "fitted for a deadline 1 day(s) ahead" in capsys.readouterr().err


def test_what_cannot_be_learnt_from_is_named(folder, capsys):
    assert plan(folder, "--for", f"{NEXT}") == 0
    file = sheets(folder) / "plan.xlsx"
    changed(file, Brötchen=("Süd", "viel", ""))
    assert plan(folder, "--learn", str(file)) == 2
    assert "sheet 'Süd', row 2: 'viel'" in capsys.readouterr().err
    changed(file, Brötchen=("Süd", 5, ""))
    book = openpyxl.load_workbook(file)
    book["Süd"]["A2"] = "Semmel"
    book.save(file)
    assert plan(folder, "--learn", str(file)) == 2
    assert "'Süd, Semmel' is not in the plan" in capsys.readouterr().err
    assert plan(folder, "--learn", str(shutil.copy(file, folder / "elsewhere.xlsx"))) == 2
    assert "does not lie beside the plan" in capsys.readouterr().err
    assert not (folder / "mlruns" / "overrides").exists()


def test_stale_and_shrunken_data_are_refused_with_the_reason(folder, capsys):
    assert plan(folder, "--for", f"{LAST + timedelta(days=3)}") == 3
    assert "2 open days in between are missing" in capsys.readouterr().err  # Thursday and Friday
    lines = [line for line in LINES if "Süd" not in line or (line < "Z" and int(line[3:5]) < 7)]
    bakery(folder, lines)
    assert plan(folder, "--for", f"{NEXT}") == 3
    assert "3 of 6 still have rows" in capsys.readouterr().err
    assert plan(folder, "--for", f"{NEXT}", "--despite-gaps") == 0


def test_a_lost_branch_is_refused_and_a_lost_article_named(folder, capsys):
    bakery(folder, [line for line in LINES if ";Süd;" not in line or line[3:5] < "08"])
    assert plan(folder, "--for", f"{NEXT}") == 3
    capsys.readouterr()
    bakery(folder, [line for line in LINES if ";Süd;" not in line or line[3:5] + line[:2] < "0815"])
    assert plan(folder, "--for", f"{NEXT}") == 0
    assert "in the last 7 days of the data for: Süd" in capsys.readouterr().out
    bakery(folder, [line for line in LINES if "Süd;Franzbrötchen" not in line or line[3:5] < "08"])
    assert plan(folder, "--for", f"{NEXT}") == 0
    assert "Süd, Franzbrötchen (5 of 6 go on)" in capsys.readouterr().out


def test_a_closed_day_and_a_missing_day(folder, capsys):
    sunday = LAST + timedelta(days=(6 - LAST.weekday()))
    assert plan(folder, "--for", f"{sunday}") == 2
    assert "no series that goes on" in capsys.readouterr().err
    assert plan(folder) == 2
    assert "--for 2025-03-21" in capsys.readouterr().err


def test_no_trusted_model_no_plan(tmp_path, capsys, made):
    folder = bakery(tmp_path / "neu", LINES)
    assert plan(folder, "--for", f"{NEXT}") == 2
    assert "musterwerk run food_waste" in capsys.readouterr().err
    shutil.copytree(made / "mlruns" / "runs", folder / "mlruns" / "runs")
    with pytest.raises(GateError, match="--model food_waste-"):
        chosen_run(folder / "mlruns", "food_waste", None)
    run = next((folder / "mlruns" / "runs").iterdir()).name
    assert plan(folder, "--for", f"{NEXT}", "--model", run) == 0
    assert plan(folder, "--for", f"{NEXT}", "--model", "7") == 2
    assert "no model '7'" in capsys.readouterr().err


def test_names_never_become_formulas_or_markup(folder):
    evil = {"Süd": "=cmd|'/c calc'!A1", "Brötchen": "<script>alert(1)</script>"}
    lines = LINES
    for name, other in evil.items():
        lines = [line.replace(f";{name};", f";{other};") for line in lines]
    bakery(folder, lines, SETTINGS)
    assert plan(folder, "--for", f"{NEXT}", "--despite-gaps") == 0
    html = (sheets(folder) / "plan.html").read_text(encoding="utf-8")
    assert "<script>alert" not in html
    text = (sheets(folder) / "plan.csv").read_text(encoding="utf-8-sig")
    assert "'=cmd" in text
    assert not [line for line in text.splitlines() if line.startswith("=")]
    book = openpyxl.load_workbook(sheets(folder) / "plan.xlsx")
    assert all(cell.data_type != "f" for page in book for row in page.iter_rows() for cell in row)


def test_german_sheets(folder):
    assert plan(folder, "--for", NEXT.strftime("%d.%m.%Y"), "--lang", "de") == 0
    page = openpyxl.load_workbook(sheets(folder) / "plan.xlsx")["Süd"]
    assert [cell.value for cell in page[1]][1:] == ["Menge (Stück)", "Warum", "Geändert auf", "Grund der Änderung"]
    assert page["C2"].value.startswith("Donnerstag: sonst ")


def test_names_of_sheets_are_legal_and_unique():
    taken: list[str] = []
    names = [sheet_name(wanted, taken) for wanted in ("A/B:C*?", "a b c  ", "x" * 40, "X" * 45, "", "'q'")]
    assert len({name.casefold() for name in names}) == len(names)
    assert all(0 < len(name) <= 31 and not set(name) & set("[]:*?/\\") for name in names)


def test_a_sheet_says_how_it_is_laid_out():
    assert CASE.sheet == Sheet("branch", ("product",), "bake", "pieces")


@pytest.mark.slow
def test_libreoffice_opens_and_saves_the_sheet_and_changes_survive(folder):
    office = program("soffice")
    assert plan(folder, "--for", f"{NEXT}") == 0
    file = sheets(folder) / "plan.xlsx"
    changed(file, Brötchen=("Süd", 7, "Fest"))
    command = [office, "--headless", f"-env:UserInstallation=file://{folder}/office", "--convert-to", "xlsx:Calc MS Excel 2007 XML"]
    subprocess.run([*command, "--outdir", str(folder / "saved"), str(file)], check=True, capture_output=True, timeout=240)
    shutil.copy(folder / "saved" / "plan.xlsx", file)
    assert plan(folder, "--learn", str(file)) == 0
    record = pl.read_csv(folder / "mlruns" / "overrides" / "food_waste.csv", separator=";")
    assert record.select("branch", "product", "changed", "why").row(0) == ("Süd", "Brötchen", 7.0, "Fest")
