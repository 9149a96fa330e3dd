"""Decisions of an own use case replayed from the log, and the states in which a day begins."""

import json
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import openpyxl
import polars as pl
import pytest

from pipelines.audit.entries import keep_state
from pipelines.audit.replaying import read_state
from usecases.__main__ import main

LAST = date(2024, 1, 2) + timedelta(days=239)


OWN = """
import polars as pl
from pipelines.models import WeekdayQuantile
from pipelines.models.panel import Panel
from pipelines.models.simple import weekday_columns
from pipelines.settings import CaseSettings
from pipelines.usecase import Column, UseCase

SCHEMA = {
    "day": Column("date", "time", "day"),
    "ward": Column("text", "key", "ward"),
    "cases": Column("number", "outcome", "cases", minimum=0),
}
PANEL = Panel(keys=("ward",), target="cases")
LEVELS = (0.5, 0.8)

def value(rows, s):
    missed, idle = (pl.col("cases") - pl.col("beds")).clip(0), (pl.col("beds") - pl.col("cases")).clip(0)
    return rows.select(eur=3.0 * missed + idle)

CASE = UseCase(
    name="wards", schema=SCHEMA, settings=CaseSettings,
    features=lambda rows, s: weekday_columns(rows, LEVELS, PANEL).with_columns(level=pl.col("weekday_8_q0.5")),
    model=lambda s: WeekdayQuantile(LEVELS, PANEL),
    decide=lambda rows, s: rows.with_columns(beds=pl.col("q0.8").ceil()).sort("ward", descending=True),
    usual=lambda rows, s: rows.with_columns(beds=pl.lit(60.0)),
    value=value, notice={"en": "Research and teaching, not a medical device", "de": "Forschung und Lehre, kein Medizinprodukt"},
)
"""


def test_a_thousand_decisions_of_an_own_use_case_are_replayed_identically(tmp_path, mlflow_home, capsys):
    """1,020 wards in one plan; `decide` returns them in another order; the notice stands on every page."""
    folder = tmp_path / "wards"
    folder.mkdir()
    days = [date(2024, 1, 1) + timedelta(days=number) for number in range(180)]
    rows = pl.DataFrame({"day": days}).join(pl.DataFrame({"ward": [f"w{number:04}" for number in range(1020)]}), how="cross")
    rows.with_columns(cases=pl.Series(np.random.default_rng(3).poisson(20, rows.height))).write_csv(folder / "wards.csv")
    (folder / "usecase.py").write_text(OWN, encoding="utf-8")
    (folder / "settings.toml").write_text('case = "wards"\n[data.sales]\nfile = "wards.csv"\n', encoding="utf-8")
    assert main(["run", str(folder)]) == 0
    assert main(["plan", str(folder), "--for", "2024-06-29"]) == 0
    capsys.readouterr()
    assert main(["audit", "replay", "wards", "--case", str(folder), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["decisions"], said["identical"], said["differing"], said["lost"]) == (1020, 1020, [], [])
    run = next((mlflow_home / "runs").glob("wards-*"))
    notice = "Research and teaching, not a medical device"
    assert (run / "report.html").read_text(encoding="utf-8").count(notice) >= 2
    sheets = mlflow_home / "plans" / "wards" / "2024-06-29"
    assert (sheets / "plan.html").read_text(encoding="utf-8").count(notice) >= 2
    book = openpyxl.load_workbook(sheets / "plan.xlsx", read_only=False)
    page = book.worksheets[0]
    assert page.oddFooter.left.text == notice
    assert page.cell(page.max_row, 1).value == notice
    assert main(["plan", str(folder), "--learn", str(sheets / "plan.xlsx")]) == 0  # the notice is no changed line


@dataclass(frozen=True)
class Battery:
    """A state as a use case may have it."""

    charge_kwh: float
    since: date


class Closed:
    """A state that nothing can be said about."""


@pytest.mark.parametrize("state", [None, Battery(3.7, date(2024, 3, 1)), {"a": [1, 2.5]}, 0.1 + 0.2])
def test_states_are_read_back_equal(tmp_path, state):
    keep_state(tmp_path, state)
    assert read_state(tmp_path) == (True, state)


def test_a_state_that_cannot_be_kept_is_said_so(tmp_path):
    keep_state(tmp_path, Closed())
    assert read_state(tmp_path) == (False, None)
