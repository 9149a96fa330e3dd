"""The interval a run reports, against the truth that only a simulated department knows."""

import os

import numpy as np
import polars as pl
import pytest

from pipelines.run import prepare, run
from pipelines.table import Loaded
from tests.test_triage_guards import settings
from usecases.medical_triage import CASE
from usecases.medical_triage.settings import MedicalTriage
from usecases.medical_triage.simulate import department

SEEDS = int(os.environ.get("TRIAGE_SEEDS", "20"))  # 100 take about eight minutes
DAYS, VISITS = 150, 25
pytestmark = pytest.mark.slow


def expected_undertriage(actions: pl.DataFrame, risk: pl.Series, s: MedicalTriage) -> float:
    """Return how many emergencies these decisions miss on average, when the risk of every visit is known."""
    caught = np.where(actions["urgent"].to_numpy() > 0, 1.0, actions["slot"].to_numpy() * s.reviewer.right)
    return float((risk.to_numpy() * (1 - caught)).sum())


def test_the_reported_interval_holds_the_true_saving():
    """The truth: what the same decisions save on average over all outcomes that these patients could have had."""
    s, held = settings(periods={"refit_days": 400, "report_share": 0.25, "select_share": 0.3}), []
    for seed in range(SEEDS):
        table = department(seed, DAYS, VISITS)
        result = run(CASE, prepare(CASE, Loaded({"visits": table.drop("true_risk")}, (), "test"), s), s)
        truth = {}
        for policy in ("usual", "plan"):
            acted = result.actions.filter(pl.col("policy") == policy).join(table.select("visit", "true_risk"), on="visit", how="left")
            truth[policy] = expected_undertriage(acted, acted["true_risk"], s)
        saved = result.headline.saved
        assert saved.low is not None
        assert saved.high is not None
        held.append(saved.low <= truth["usual"] - truth["plan"] <= saved.high)
    assert np.mean(held) >= 0.9, f"{sum(held)} of {len(held)} intervals hold the truth"
