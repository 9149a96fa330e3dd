"""`python -m usecases` end to end on a small German till export: results, messages for people, and what is left behind."""

import contextlib
import io
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from pipelines import __version__
from tests.bakery import SETTINGS, bakery
from usecases.__main__ import main

ROOT = Path(__file__).parents[1]
INDEX = ["policy", "day", "branch", "product"]


def start(arguments: list[str], folder: Path) -> "subprocess.Popen[str]":
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MUSTERWERK_", "MLFLOW_TRACKING"))}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # else every process compiles MLflow anew, half a minute each
    environment |= {"PYTHONPATH": str(ROOT), "PYTHONUTF8": "1", "POLARS_MAX_THREADS": "2"}
    command = [sys.executable, "-m", "usecases", *arguments]
    return subprocess.Popen(command, cwd=folder, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def ended(process: "subprocess.Popen[str]") -> tuple[int, str, str]:
    out, err = process.communicate(timeout=300)
    return process.returncode, out, err


def here(arguments: list[str], folder: Path) -> tuple[int, str, str]:
    """The same in this process, which knows MLflow already: seconds saved."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.chdir(folder), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(arguments)
    return code, out.getvalue(), err.getvalue()


@dataclass(frozen=True)
class Said:
    """What a command left: exit code, both streams, its run folder."""

    code: int
    out: str
    err: str
    folder: Path

    def frame(self, name: str) -> pl.DataFrame:
        return pl.read_parquet(self.folder / f"{name}.parquet")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, mlflow_template: Path) -> dict[str, Said]:
    """The same bakery three times: in German in a process of its own, for machines, and on one thread."""
    place = tmp_path_factory.mktemp("cli")
    bakery(place / "bakery")
    (place / "home").mkdir()
    shutil.copyfile(mlflow_template, place / "home" / "mlflow.db")
    found: dict[str, Said] = {}
    known: set[Path] = set()
    for name, more in {"german": ["--lang", "de"], "json": ["--json"], "one thread": ["--set", "threads=1"]}.items():
        words = ["run", "bakery", "--home", "home", *more]
        code, out, err = ended(start(words, place)) if name == "german" else here(words, place)
        (new,) = set((place / "home" / "runs").glob("*")) - known or {Path()}
        known.add(new)
        found[name] = Said(code, out, err, new)
    return found


@pytest.mark.parametrize("name", ["german", "json", "one thread"])
def test_a_run_ends_well_and_leaves_its_results(runs, name):
    said = runs[name]
    assert (said.code, "Traceback" in said.err) == (0, False), said.err
    files = {path.name for path in said.folder.iterdir()}
    assert {"report.html", "result.json", "settings.toml", "decisions.parquet", "ledger.parquet", "forecasts.parquet", "model"} <= files
    assert (said.folder / "report.html").read_text(encoding="utf-8").lower().startswith("<!doctype html>")
    assert not list(said.folder.parent.glob(".*")), "nothing half-written"


def test_the_headline_is_on_stdout_and_talk_on_stderr(runs):
    said = runs["one thread"]
    facts = json.loads((said.folder / "result.json").read_text(encoding="utf-8"))
    saved = round(facts["savings"][0]["saved"]["value"])
    assert re.search(rf"Saved {saved:,} (EUR|€|Euros?) \(95 % interval .*\) from 2024-07-12 to 2024-08-28", said.out), said.out
    rule = next(rival for rival in facts["opponents"] if rival["chosen"])
    assert re.search(rf"Against the best simple rule, .*: {round(rule['saved']['value']):,} Euros", said.out), said.out
    assert str(said.folder / "report.html").endswith(re.search(r"Report: (\S+)", said.out)[1])  # type: ignore[index]
    for stage in ("Reading the data", "Backtest on the report period", "Recording in MLflow"):
        assert stage in said.err
        assert stage not in said.out


def test_german_speaks_german(runs):
    said = runs["german"]
    assert "Bericht:" in said.out
    assert "Saved" not in said.out
    assert "Reading the data" not in said.err
    page = (said.folder / "report.html").read_text(encoding="utf-8")
    assert '<html lang="de"' in page
    assert "Kürbiskernbrot" in page


def test_json_is_for_machines(runs):
    said = runs["json"]
    found = json.loads(said.out)
    assert found["case"] == "food_waste"
    assert found["verdict"] in {"better", "none", "worse"}
    assert set(found["saved"]) == set(found["captured_share"]) == {"value", "low", "high"}
    assert set(found["totals"]) == {"eur", "kg", "kg_co2e", "sold_out"}
    total = found["totals"]["eur"]
    assert found["saved"]["value"] == pytest.approx(total["usual"] - total["plan"])
    assert found["captured_share"]["value"] == pytest.approx((total["usual"] - total["plan"]) / (total["usual"] - total["perfect"]))
    assert Path(found["report"]).name == "report.html"
    assert said.folder.parts[-3:] == Path(found["report"]).parts[:-1]
    assert found["mlflow_run"]


def test_the_figures_are_those_of_the_files(runs):
    said = runs["json"]
    total = json.loads(said.out)["totals"]
    ledger = said.frame("ledger")
    for unit in total:
        sums = dict(ledger.group_by("policy").agg(pl.col(unit).sum()).iter_rows())
        assert {name: sums[name] for name in ("usual", "plan", "perfect")} == pytest.approx(total[unit])
    # business as usual is the column Bestellt; a left-over piece costs 0.40, a missing one 1.10 - 0.40 + 0.05
    usual = said.frame("decisions").filter(policy="usual").join(said.frame("forecasts"), on=INDEX[1:], validate="1:1")
    assert usual.select((pl.col("bake") == pl.col("ordered")).all()).item()
    gap = pl.col("bake") - pl.col("demand")
    assert usual.select((gap.clip(0) * 0.40 + (-gap).clip(0) * 0.75).sum()).item() == pytest.approx(total["eur"]["usual"])


def test_production_totals_are_the_sum_of_the_branch_rows(runs):
    decisions, forecasts = runs["json"].frame("decisions"), runs["json"].frame("forecasts")
    for policy in ("usual", "plan", "perfect"):
        rows = decisions.filter(policy=policy)
        assert rows.select(INDEX[1:]).sort(INDEX[1:]).equals(forecasts.select(INDEX[1:]).sort(INDEX[1:])), (
            "one row per branch, article and day"
        )
        made = rows.group_by("product").agg(pl.col("bake").sum()).sort("product")
        branches = rows.pivot("branch", index="product", values="bake", aggregate_function="sum").sort("product")
        assert made["bake"].to_list() == branches.select(pl.sum_horizontal(pl.exclude("product"))).to_series().to_list()
        assert (rows["bake"] == rows["bake"].round()).all()


def test_the_same_command_twice_gives_the_same(runs):
    one, two = runs["german"], runs["json"]
    for name in ("decisions", "ledger", "forecasts", "segments", "curve"):
        assert one.frame(name).equals(two.frame(name)), name
    first, second = (json.loads((said.folder / "result.json").read_text(encoding="utf-8")) for said in (one, two))
    for name in ("savings", "opponents", "scores", "choices", "data", "select_saved", "verdict"):
        assert first[name] == second[name], name


def test_one_and_two_threads_agree(runs):
    one, two = runs["one thread"], runs["json"]
    assert "trees" in " ".join(two.frame("forecasts")["model_used"].unique())
    assert "threads = 1" in (one.folder / "settings.toml").read_text(encoding="utf-8")
    assert "threads = 2" in (two.folder / "settings.toml").read_text(encoding="utf-8")
    for name, columns in {"forecasts": ["q0.3", "q0.7"], "ledger": ["eur", "kg", "sold_out"], "decisions": ["bake"]}.items():
        left, right = (said.frame(name).select(columns).to_numpy() for said in (one, two))
        np.testing.assert_allclose(left, right, rtol=1e-9, atol=1e-9)


def test_ctrl_c_in_the_backtest_leaves_nothing_half_done(tmp_path, mlflow_template):
    bakery(tmp_path / "bakery", settings=SETTINGS.replace('"quick"', '"thorough"'))
    home = tmp_path / "home"
    home.mkdir()
    shutil.copyfile(mlflow_template, home / "mlflow.db")
    process = start(["run", "bakery", "--home", "home"], tmp_path)
    assert process.stderr is not None
    lines: list[str] = []
    for line in process.stderr:
        lines.append(line)
        if "Backtest on the select period" in line:
            process.send_signal(signal.SIGINT)
            break
    out, rest = process.communicate(timeout=120)
    assert (process.returncode, out) == (130, ""), "".join(lines) + rest
    assert rest.strip().endswith("Interrupted. Nothing half-written is left behind.")
    assert "Traceback" not in rest
    assert not list((home / "runs").iterdir())
    with sqlite3.connect(home / "mlflow.db") as database:
        assert database.execute("SELECT count(*) FROM runs").fetchone() == (0,)


def told(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str, str]:
    """Exit code and both streams of a command that ends before any work, run in this process."""
    code = main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    return code, out, err


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MUSTERWERK_LANG", raising=False)
    return tmp_path


LINES = ["Datum;Filiale;Artikel;Menge;Bestellt", "02.01.2024;Süd;Brötchen;12,0;14,0", "03.01.2024;Süd;Brötchen;11,0;14,0"]
WRONG = {
    "unknown setting": (
        LINES,
        SETTINGS.replace("price_eur", "prise_eur"),
        ["costs.prise_eur", "Did you mean 'price_eur'?", "settings.toml"],
    ),
    "bad value": (LINES, SETTINGS.replace("1.10", "-1.10"), ["costs.price_eur", "-1.1", "EUR per piece", "greater than 0"]),
    "no TOML": (LINES, SETTINGS.replace('"SH"', "SH"), ["settings.toml", "line"]),
    "missing file": (LINES, SETTINGS.replace("kasse.csv", "kase.csv"), ["kase.csv", "kasse.csv", "[data.sales]"]),
    "missing column": (["Datum;Filiale;Artikel;Bestellt", "02.01.2024;Süd;Brötchen;14"], SETTINGS, ["kasse.csv", "'Menge'", "sold"]),
    "bad date": ([*LINES, "31.02.2024;Süd;Brötchen;9,0;14,0"], SETTINGS, ["kasse.csv", "Datum", "first rows: 4", "31.02.2024"]),
    "bad number": ([*LINES, "04.01.2024;Süd;Brötchen;viele;14,0"], SETTINGS, ["kasse.csv", "Menge", "first rows: 4", "viele"]),
    "too short": (LINES, SETTINGS, ["days", "28"]),
    "other case": (LINES, SETTINGS.replace('"food_waste"', '"food_wast"'), ["food_wast", "food_waste"]),
    "no margin": (LINES, SETTINGS + '[products."Brötchen"]\nprice_eur = 0.2\n', ["Brötchen", "price_eur 0.2", "unit_cost_eur 0.4"]),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_wrong_is_named_and_nothing_is_written(wrong, place, capsys):
    lines, settings, named = WRONG[wrong]
    bakery(place / "bakery", lines, settings)
    code, out, err = told(capsys, "run", "bakery", "--home", "home")
    assert (code, out) == (2, ""), err
    for part in named:
        assert part in err, err
    assert "Traceback" not in err
    assert not list((place / "home").rglob("*.*"))
    assert sorted(path.name for path in (place / "bakery").iterdir()) == ["kasse.csv", "settings.toml"]


def test_a_mistake_met_in_a_process_of_its_own_shows_no_traceback(tmp_path):
    bakery(tmp_path / "bakery", LINES, SETTINGS.replace("price_eur", "prise_eur"))
    code, out, err = ended(start(["run", "bakery", "--lang", "de"], tmp_path))
    assert (code, out) == (2, "")
    assert ("price_eur" in err, "Einstellung" in err, "Traceback" in err) == (True, True, False), err
    assert [path.name for path in tmp_path.iterdir()] == ["bakery"]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["run", "food_wast"], ["food_wast", "Did you mean 'food_waste'?"]),
        (["run", "food_waste", "--set", "costs.price_eur"], ["costs.price_eur", "section.key=value"]),
        (["run", "food_waste", "--set", "costs.price_eur=cheap"], ["costs.price_eur", "cheap", "EUR per piece"]),
        (["run", "food_waste", "--set", "cost.price_eur=3"], ["cost", "Did you mean 'costs'?"]),
        (["run", "food_waste", "--data", "nowhere.csv"], ["nowhere.csv", "--data"]),
        (["run", "food_waste", "--settings", "nowhere.toml"], ["nowhere.toml"]),
        (["run", "food_waste", "--lang", "fr"], ["fr", "de or en"]),
        (["run"], ["Missing argument", "case", "musterwerk --help"]),
        (["run", "food_waste", "--hom", "x"], ["--hom", "musterwerk --help"]),
        (["fly"], ["fly", "musterwerk --help"]),
    ],
    ids=lambda value: " ".join(value) if value and value[0] in {"run", "fly"} else "",
)
def test_wrong_words_end_with_2_and_a_way_out(arguments, named, place, capsys):
    code, out, err = told(capsys, *arguments)
    assert (code, out) == (2, "")
    for part in named:
        assert part in err, err
    assert not list(place.iterdir())


def test_debug_shows_where_it_happened(place, capsys):
    code, _, err = told(capsys, "run", "food_waste", "--settings", "nowhere.toml", "--debug")
    assert code == 2
    assert "Traceback" in err
    assert "nowhere.toml" in err.splitlines()[-1]


def test_a_home_that_cannot_be_written_is_noticed_before_the_work(place, capsys):
    bakery(place / "bakery")
    (place / "file").write_text("", encoding="utf-8")
    code, out, err = told(capsys, "run", "bakery", "--home", place / "file" / "mlruns")
    assert (code, out, "Backtest" in err) == (2, "", False)
    assert f"cannot be written to {place / 'file' / 'mlruns'}" in err


def test_list_and_version(place, capsys):
    assert told(capsys, "--version") == (0, f"{__version__}\n", "")
    code, out, _ = told(capsys, "list")
    assert (code, "food_waste  Bake what will be sold" in out) == (0, True)
    code, out, _ = told(capsys, "list", "--lang", "de", "--json")
    assert (code, json.loads(out)["food_waste"].startswith("Backen, was gekauft wird")) == (0, True)


def test_the_environment_sets_the_language(place, capsys, monkeypatch):
    monkeypatch.setenv("MUSTERWERK_LANG", "de")
    assert "Backen" in told(capsys, "list")[1]
    code, _, err = told(capsys, "run", "food_wast")
    assert (code, "Anwendungsfall" in err) == (2, True), err
