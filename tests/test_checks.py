"""The public checker passes the minimal use case and catches the bugs newcomers really make."""

import runpy
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from pipelines.checks import check_usecase, require
from pipelines.errors import ContractError
from pipelines.run import gridded
from pipelines.table import Loaded
from pipelines.usecase import UseCase
from tests.english_left import texts_left

MINIMAL = Path(__file__).parents[1] / "docs" / "tutorials" / "minimal.py"


@pytest.fixture(scope="module")
def minimal() -> UseCase:
    case: UseCase = runpy.run_path(str(MINIMAL))["CASE"]
    return case


@pytest.fixture(scope="module")
def rows(minimal):
    return gridded(minimal, loaded(), minimal.settings())


def loaded(days: int = 240) -> Loaded:
    draw = np.random.default_rng(5)
    series = [(branch, product, level) for branch, level in (("Nord", 40), ("Süd", 15)) for product in ("Brot", "Brezel")]
    made = [
        {
            "day": date(2024, 1, 1) + timedelta(days=day),
            "branch": branch,
            "product": product,
            "demand": float(draw.poisson(level * (1 + day % 7 / 10))),
        }
        for branch, product, level in series
        for day in range(days)
        if (date(2024, 1, 1) + timedelta(days=day)).weekday() < 6
    ]
    return Loaded({"sales": pl.DataFrame(made)}, (), "test")


def failed(case, rows) -> dict[str, str]:
    findings = check_usecase(case, rows, case.settings())
    assert [finding.line("de") for finding in findings if texts_left(finding.line("de"))] == []
    assert [finding.line("en").removeprefix("ok  ").startswith(finding.check) for finding in findings] == [True] * len(findings)
    return {finding.check: finding.problem for finding in findings if not finding.passed}


def test_minimal_use_case_has_at_most_30_lines():
    assert len(MINIMAL.read_text(encoding="utf-8").splitlines()) <= 30


def test_minimal_use_case_passes_every_check(minimal, rows):
    findings = check_usecase(minimal, rows, minimal.settings())
    assert not {finding.check: finding.problem for finding in findings if not finding.passed}
    assert len(findings) >= 8
    require(findings)


def lag_of_the_future(rows, s):
    return rows.with_columns(
        weekday=pl.col("day").dt.weekday(),
        **{f"lag{w}": pl.col("demand").shift(-7 * w).over("branch", "product", order_by="day") for w in (1, 2, 3)},
    )


def same_day_mean(case):
    return lambda rows, s: case.features(rows, s).with_columns(lag2=pl.col("demand").mean().over("day"))


def global_scaling(case):
    return lambda rows, s: case.features(rows, s).with_columns(lag3=pl.col("lag3") / pl.col("demand").mean())


def ungrouped_lag(rows, s):
    return rows.with_columns(weekday=pl.col("day").dt.weekday(), **{f"lag{w}": pl.col("demand").shift(7 * w) for w in (1, 2, 3)})


def peeking_decide(rows, s):
    return rows.with_columns(bake=pl.col("demand"))


def peeking_usual(rows, s):
    return rows.with_columns(bake=pl.col("demand") * 1.1)


def decide_from_later_lags(rows, s):
    """Today's demand is next week's lag: not asked for by name, and still peeking."""
    today = pl.col("lag1").shift(-7).over("branch", "product", order_by="day")
    return rows.with_columns(bake=pl.coalesce(today, pl.col("q0.67")))


def unseeded_features(case):
    return lambda rows, s: case.features(rows, s).with_columns(lag3=pl.col("lag3") + pl.Series(np.random.default_rng().random(rows.height)))


def unseeded_decide(case):
    return lambda rows, s: case.decide(rows, s).with_columns(
        bake=pl.col("bake") + pl.Series(np.random.default_rng().integers(0, 5, rows.height))
    )


def flipped_sign(case):
    return lambda rows, s: case.value(rows, s).with_columns(-pl.col("eur"))


def dropped_rows(case):
    return lambda rows, s: case.features(rows, s).filter(pl.col("lag3").is_not_null())


def dropping_decide(case):
    return lambda rows, s: case.decide(rows, s).filter(pl.col("bake") > 30)


PLANTED = {
    "future lag": (lambda case: {"features": lag_of_the_future}, "features know no future", "lag1"),
    "same-day mean": (lambda case: {"features": same_day_mean(case)}, "features know no future", "lag2"),
    "global scaling": (lambda case: {"features": global_scaling(case)}, "features know no future", "lag3"),
    "ungrouped lag": (lambda case: {"features": ungrouped_lag}, "features know no future", "lag1"),
    "peeking decide": (lambda case: {"decide": peeking_decide}, "decide sees no outcome", "demand, which is not known at decision time"),
    "peeking usual": (lambda case: {"usual": peeking_usual}, "usual sees no outcome", "demand, which is not known at decision time"),
    "decide from later lags": (
        lambda case: {"decide": decide_from_later_lags},
        "policies know no future",
        "decide changes its action bake",
    ),
    "unseeded features": (lambda case: {"features": unseeded_features(case)}, "features repeat", "fix the seed"),
    "unseeded decide": (lambda case: {"decide": unseeded_decide(case)}, "decide sees no outcome", "fix the seed"),
    "flipped sign": (lambda case: {"value": flipped_sign(case)}, "ledger is a cost", "is the sign flipped"),
    "dropped rows": (lambda case: {"features": dropped_rows(case)}, "features know no future", "returned"),
    "dropping decide": (lambda case: {"decide": dropping_decide(case)}, "decide sees no outcome", "plan returned"),
}


@pytest.mark.parametrize("bug", PLANTED)
def test_planted_bug_is_caught_by_the_check_made_for_it(bug, minimal, rows):
    change, check, message = PLANTED[bug]
    found = failed(replace(minimal, **change(minimal)), rows)
    assert message in found[check]
    with pytest.raises(ContractError, match=check):
        require(check_usecase(replace(minimal, **change(minimal)), rows, minimal.settings()))
