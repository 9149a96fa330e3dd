"""Every setting of the triage use case from a table to report, plan, a clinician's changes and papers, as people type it."""

import io
import json
import zipfile
from datetime import timedelta
from pathlib import Path

import openpyxl
import polars as pl
import pytest

from benchmarks.nhamcs_table import table
from pipelines.run import prepare, run
from pipelines.settings import load_settings, read_toml
from pipelines.table import Loaded
from usecases.__main__ import main
from usecases.medical_triage import CASE

DATASETS = Path(__file__).parents[1] / "datasets"
PLAIN = ("--set", 'forecast.members=["logistic"]', "--set", "threads=1")
NEW = 12  # cases whose outcome is still open: the plan is for them
DEPARTMENT = ("medical_triage", *PLAIN, "--set", "world.days=200", "--set", "world.visits_per_day=25")


def said(capsys, *words: object) -> str:
    """Run the command, which must succeed, and return what it printed."""
    code = main([str(word) for word in words])
    printed = capsys.readouterr()
    assert code == 0, printed.err
    return str(printed.out)


def ran(capsys, home: Path, *words: object) -> Path:
    """Run a use case and return its folder; report and papers are there."""
    found = json.loads(said(capsys, "run", *words, "--home", home, "--json"))
    folder = Path(found["folder"])
    assert "Not a medical device" in (folder / "report.html").read_text(encoding="utf-8")
    assert {"auroc", "ece"} <= set(json.loads((folder / "result.json").read_text(encoding="utf-8"))["score_bounds"])
    said(capsys, "report", folder.name, "--papers", "--home", home)
    assert list((folder / "papers").iterdir())
    return folder


def planned(capsys, home: Path, folder: Path, day: object, *words: object) -> pl.DataFrame:
    """Plan a day with the model of a run."""
    said(capsys, "plan", *words, "--for", day, "--model", folder.name, "--home", home)
    return pl.read_parquet(home / "plans" / "medical_triage" / f"{day}" / "plan.parquet")


def test_wisconsin_teaches_without_a_file_and_refuses_the_claim():
    file = DATASETS / "wisconsin" / "settings.toml"
    s = load_settings(CASE.settings, read_toml(file), {"forecast": {"members": ["logistic"]}}, file=file)
    assert CASE.simulate is not None
    result = run(CASE, prepare(CASE, Loaded(CASE.simulate(s), (), "wisconsin"), s), s)
    assert result.scores["auroc"] > 0.95
    claim = result.choices["recall_claim"]
    assert not claim["claimed"]
    assert claim["events"] < claim["needed"] or claim["missed"] > 0
    assert CASE.sections is not None
    page = " ".join(" ".join(section.text) for section in CASE.sections(result, "en"))
    assert "No safety claim" in page


@pytest.mark.slow
def test_a_clinician_changes_the_plan_and_the_statistics_count_it(mlflow_home, capsys):
    folder = ran(capsys, mlflow_home, *DEPARTMENT)
    day = pl.read_parquet(folder / "forecasts.parquet")["arrival"].max().date() - timedelta(days=3)  # type: ignore[union-attr]
    made = planned(capsys, mlflow_home, folder, day, *DEPARTMENT)
    assert set(made["band"]) <= {"urgent", "soon", "routine", "abstain"}
    sheet = mlflow_home / "plans" / "medical_triage" / f"{day}" / "plan.xlsx"
    book = openpyxl.load_workbook(sheet)
    for row in list(book["routine"].iter_rows(min_row=2))[:2]:
        row[-2].value, row[-1].value = 2, "looked worse"
    first = next(book["urgent"].iter_rows(min_row=2))
    first[-2].value, first[-1].value = 0, "seen at once"
    book.save(sheet)
    told = json.loads(said(capsys, "plan", *DEPARTMENT, "--learn", sheet, "--by", "ward 3", "--home", mlflow_home, "--json"))
    counted = told["people"]
    assert (counted["planned"], counted["raised"], counted["lowered"], counted["named"]) == (made.height, 2, 1, 3)
    assert (told["unit"], told["judged"]) == ("undertriaged", 3)
    said(capsys, "report", folder.name, "--home", mlflow_home)
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "looked worse" in page
    assert "seen at once" not in page, "a reason given once may tell of a single case"
    assert "agreement" in page
    said(capsys, "audit", "replay", "medical_triage", "--home", mlflow_home)


def opened(rows: pl.DataFrame, outcome: str) -> pl.DataFrame:
    """Return the rows, the outcome of the last few not known yet."""
    return rows.with_columns(pl.when(pl.int_range(pl.len()) < pl.len() - NEW).then(pl.col(outcome)).alias(outcome))


def read(name: str, folder: Path, file: str) -> pl.DataFrame:
    """Return a table as text."""
    how = read_toml(DATASETS / name / "settings.toml")["data"]["visits"]
    content: bytes = (folder / file).read_bytes()
    if file.endswith(".zip"):
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            content = packed.read(packed.namelist()[0])
    words = content.decode(how.get("encoding", "utf-8"))
    return pl.read_csv(io.StringIO(words), separator=how["separator"], infer_schema=False)


def written(rows: pl.DataFrame, name: str, folder: Path) -> Path:
    """Write the table under the name that the settings know, in their encoding."""
    how = read_toml(DATASETS / name / "settings.toml")["data"]["visits"]
    words = rows.write_csv(separator=how["separator"])
    file = folder / str(how["file"])
    if file.suffix == ".zip":
        with zipfile.ZipFile(file, "w") as packed:
            packed.writestr(file.stem, words)
    else:
        file.write_bytes(words.encode(how.get("encoding", "utf-8")))
    return file


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ktas", "diabetes130", "nhamcs_ed"])
def test_a_visible_set_runs_by_its_settings_file(name, shared, tmp_path, mlflow_home, capsys):
    folder, home = shared / "data" / "triage" / name, mlflow_home
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there")
    changes: tuple[str, ...] = PLAIN
    if name == "nhamcs_ed":  # years before the test year alone, one visit in three
        rows = opened(table(folder).filter(pl.col("year") < 2019).gather_every(3).cast(pl.String), "ADMIT")
        changes = (*PLAIN, "--set", "periods.report_start=2018-01-01")
    elif name == "ktas":
        rows = opened(read(name, folder, "ktas_raw.csv"), "KTAS_expert")
    else:
        rows = opened(read(name, folder, "diabetic_data.csv.zip").head(16_000), "readmitted")
        changes = (*PLAIN, "--set", "undated_per_day=80")
    written(rows, name, tmp_path)
    words = (DATASETS / name, "--data", tmp_path, *changes)
    made = planned(capsys, home, ran(capsys, home, *words), "2030-01-02", *words)
    assert made.height == NEW
    assert (made["quantity"] > 0).any(), "slots are given"
