"""Waste against shortage, worked by hand on a shop that sells ten pieces every day."""

from dataclasses import replace
from datetime import date, timedelta

import polars as pl
import pytest

from pipelines.replay import replay
from pipelines.settings import CaseSettings
from pipelines.trade_off import LARGEST_FACTOR, SERVICE_LEVELS, STEPS, equal_service, first_action, trade_off_curve
from pipelines.usecase import Column, UseCase

DAYS, STEP = 40, LARGEST_FACTOR / 2**STEPS
SCHEMA = {
    "day": Column("date", "time", "day of sale"),
    "shop": Column("text", "key", "shop"),
    "demand": Column("number", "outcome", "pieces asked for", unit="pieces"),
}


class Shop(CaseSettings):
    level: float = 0.5


def decide(rows, s):
    return rows.with_columns(order=pl.col(f"q{s.level:g}"))


def constant(amount: float):
    return lambda rows, s: rows.with_columns(order=pl.lit(amount))


def value(rows, s):
    left, missed = (pl.col("order") - pl.col("demand")).clip(0), (pl.col("demand") - pl.col("order")).clip(0)
    return rows.select(eur=left + 2 * missed, wasted=left, missed=missed)


CASE = UseCase(
    name="shop",
    schema=SCHEMA,
    settings=Shop,
    features=lambda r, s: r,
    model=lambda s: None,  # type: ignore[arg-type, return-value]
    decide=decide,
    usual=constant(8.0),
    value=value,
    trade_off=("wasted", "missed"),
    at_service=lambda s, level: s.model_copy(update={"level": level}),
)
ROWS = pl.DataFrame(
    {"day": [date(2024, 1, 1) + timedelta(days=day) for day in range(DAYS)], "shop": "A", "demand": [5.0, 15.0] * (DAYS // 2)}
).with_columns(pl.lit(10.0 + 20 * (level - 0.5)).alias(f"q{level:g}") for level in SERVICE_LEVELS)


def ledgers(case: UseCase, plan: float) -> dict[str, pl.DataFrame]:
    policies = {"usual": case.usual, "plan": constant(plan), "perfect": constant(10.0)}
    return {name: replay(case, ROWS, Shop(), policy, name).ledger for name, policy in policies.items()}


def test_equal_service_by_hand():
    # demand 5 and 15 in turn. Usual 8: wastes 3 on half of the days, misses 7 on the others. Plan 12: misses 3. Usual misses no more
    # than 3 from 12 / 8 = 1.5 on, which is a point of the grid of 3 / 1024; it then wastes 7 on 20 days, as the plan does
    found = equal_service(CASE, ROWS, Shop(), ledgers(CASE, 12.0), "order")
    assert found is not None
    assert found.factor == 1.5
    assert (found.usual_waste, found.usual_missed, found.plan_waste, found.plan_missed) == (140, 60, 140, 60)
    assert (found.waste_unit, found.missed_unit) == ("wasted", "missed")


@pytest.mark.parametrize("plan", [3.0, 6.1, 9.7, 13.3, 14.9])
def test_the_factor_is_the_smallest_that_misses_no_more(plan):
    found = equal_service(CASE, ROWS, Shop(), ledgers(CASE, plan), "order")
    assert found is not None
    assert found.usual_missed <= found.plan_missed
    less = replay(CASE, ROWS, Shop(), constant(8.0 * (found.factor - STEP)), "usual").ledger
    assert less["missed"].sum() > found.plan_missed
    assert found.factor == pytest.approx(plan / 8, abs=STEP)


def test_where_no_factor_reaches_the_service_of_the_plan_there_is_no_comparison():
    nothing = replace(CASE, usual=constant(0.0))
    assert equal_service(nothing, ROWS, Shop(), ledgers(nothing, 12.0), "order") is None


def test_without_a_trade_off_there_is_neither_comparison_nor_curve():
    plain = replace(CASE, trade_off=None)
    assert equal_service(plain, ROWS, Shop(), ledgers(plain, 12.0), "order") is None
    curve = trade_off_curve(plain, ROWS, Shop(), ledgers(plain, 12.0))
    assert curve.is_empty()
    assert curve.columns == ["service_level", "policy", "wasted", "missed", "cost"]
    assert trade_off_curve(replace(CASE, at_service=None), ROWS, Shop(), ledgers(CASE, 12.0)).is_empty()


def test_curve_by_hand():
    curve = trade_off_curve(CASE, ROWS, Shop(), ledgers(CASE, 12.0))
    policies = curve.filter(pl.col("service_level").is_null())
    # usual 8: 20 x 3 wasted, 20 x 7 missed, cost 60 + 280; plan 12: 20 x 7, 20 x 3, 140 + 120; "perfect" 10: 100, 100, 300
    assert policies.drop("service_level").rows() == [("usual", 60, 140, 340), ("plan", 140, 60, 260), ("perfect", 100, 100, 300)]
    levels = curve.filter(pl.col("service_level").is_not_null())
    assert levels["service_level"].to_list() == list(SERVICE_LEVELS)
    assert levels["policy"].unique().to_list() == ["plan"]
    # order at level 0.9: 10 + 20 x 0.4 = 18: 20 x (13 + 3) wasted, none missed
    assert levels.filter(service_level=0.9).row(0) == (0.9, "plan", 320, 0, 320)
    assert levels["wasted"].is_sorted()
    assert levels["missed"].is_sorted(descending=True)


def test_first_action_is_the_quantity_decided():
    table = pl.DataFrame({"policy": ["usual"], "day": [date(2024, 1, 1)], "shop": ["A"], "order": [1.0], "trays": [1]})
    assert first_action(CASE, table) == "order"
