"""The interval a run reports, against the truth that only a simulated department knows.

Two truths. *These visits*: what the same decisions save on average over all outcomes that the report period's patients could have had.
*This department*: what this way of deciding saves on average in as many days of any patients; the headline claims this one, for its
interval draws days. It is taken from a report period many times as long, after the same history.
"""

import os
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from pipelines.result import Result
from pipelines.run import prepare, run
from pipelines.table import Loaded
from tests.test_triage_guards import settings
from usecases.medical_triage import CASE
from usecases.medical_triage.settings import MedicalTriage
from usecases.medical_triage.simulate import START, department

SEEDS = int(os.environ.get("TRIAGE_SEEDS", "6"))  # 100 take about twenty minutes
DAYS, VISITS, REPORT = 150, 25, 37
LONG = 10  # times the report period
pytestmark = pytest.mark.slow


def ran(table: pl.DataFrame, s: MedicalTriage) -> Result:
    return run(CASE, prepare(CASE, Loaded({"visits": table.drop("true_risk")}, (), "test"), s), s)


def expected_undertriage(actions: pl.DataFrame, risk: pl.Series, s: MedicalTriage) -> float:
    """Return how many emergencies these decisions miss on average, when the risk of every visit is known."""
    caught = np.where(actions["urgent"].to_numpy() > 0, 1.0, actions["slot"].to_numpy() * s.reviewer.right)
    return float((risk.to_numpy() * (1 - caught)).sum())


def expected_saving(result: Result, table: pl.DataFrame, s: MedicalTriage) -> float:
    """Return what the plan of the run saves on average over all outcomes of its visits."""
    truth = {}
    for policy in ("usual", "plan"):
        acted = result.actions.filter(pl.col("policy") == policy).join(table.select("visit", "true_risk"), on="visit", how="left")
        truth[policy] = expected_undertriage(acted, acted["true_risk"], s)
    return truth["usual"] - truth["plan"]


def prolonged(table: pl.DataFrame, seed: int, report: date) -> pl.DataFrame:
    """Return the same history, and after it many times as many days of other patients of the same department."""
    first = START + timedelta(days=(report - START.date()).days)
    others = department(10_000 + seed, REPORT * LONG, VISITS).with_columns(
        (pl.col("arrival") + (first - START)).alias("arrival"), ("n" + pl.col("visit")).alias("visit")
    )
    return pl.concat([table.filter(pl.col("arrival") < first), others])


def test_the_reported_interval_holds_the_true_saving():
    report = START.date() + timedelta(days=DAYS - REPORT)
    s = settings(periods={"refit_days": 400, "report_start": f"{report}", "select_share": 0.3})
    held: dict[str, list[bool]] = {"these visits": [], "this department": []}
    for seed in range(SEEDS):
        table = department(seed, DAYS, VISITS)
        result, longer = ran(table, s), prolonged(table, seed, report)
        saved = result.headline.saved
        assert saved.low is not None
        assert saved.high is not None
        truths = {"these visits": expected_saving(result, table, s), "this department": expected_saving(ran(longer, s), longer, s) / LONG}
        for kind, truth in truths.items():
            held[kind].append(saved.low <= truth <= saved.high)
    for kind, found in held.items():
        print(f"{kind}: {sum(found)} of {len(found)} intervals hold the truth")  # noqa: T201 - the figure of the docs
        assert np.mean(found) >= 0.9 or len(found) - sum(found) <= 1, f"{kind}: {sum(found)} of {len(found)} intervals hold the truth"
