# ruff: noqa: DTZ001 - times of a shop are local times without a zone
"""Replay: policies see no outcomes, lose no rows; a case with stock from day to day against a plain loop."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

from pipelines.errors import ContractError
from pipelines.replay import replay, visible
from pipelines.run import follow
from pipelines.settings import CaseSettings
from pipelines.usecase import Column, UseCase

FIRST = date(2024, 1, 1)
SCHEMA = {
    "day": Column("date", "time", "day of sale"),
    "shop": Column("text", "key", "shop"),
    "demand": Column("number", "outcome", "pieces asked for", unit="pieces"),
    "last_sale": Column("number", "outcome", "hour of the last sale", optional=True),
    "ordered": Column("number", "decision", "pieces ordered", unit="pieces", optional=True),
}
S = CaseSettings()


def decide(rows, s):
    return rows.with_columns(order=pl.col("q0.5"))


def usual(rows, s):
    return rows.with_columns(order=pl.col("ordered"))


def value(rows, s):
    left, missed = (pl.col("order") - pl.col("demand")).clip(0), (pl.col("demand") - pl.col("order")).clip(0)
    return rows.select(eur=left + 3 * missed, missed=missed)


STATIC = UseCase(
    name="toy",
    schema=SCHEMA,
    settings=CaseSettings,
    features=lambda r, s: r,
    model=lambda s: None,  # type: ignore[arg-type, return-value]
    decide=decide,
    usual=usual,
    value=value,
)


def rows(days: int = 10, shops: str = "AB") -> pl.DataFrame:
    draw = np.random.default_rng(4)
    made = [
        {
            "day": FIRST + timedelta(days=day),
            "shop": shop,
            "demand": float(draw.integers(0, 20)),
            "q0.5": float(draw.integers(5, 15)),
            "ordered": 9.0,
        }
        for shop in shops
        for day in range(days)
    ]
    return pl.DataFrame(made)


def test_policies_never_see_outcomes_and_the_plan_not_even_decisions():
    assert visible(STATIC, rows(), decisions=True).columns == ["day", "shop", "q0.5", "ordered"]
    assert visible(STATIC, rows(), decisions=False).columns == ["day", "shop", "q0.5"]


@pytest.mark.parametrize("name", ["plan", "usual", "perfect", "habit"])
def test_every_policy_asks_in_vain_for_outcomes(name):
    with pytest.raises(pl.exceptions.ColumnNotFoundError, match="demand"):
        replay(STATIC, rows(), S, lambda r, s: r.with_columns(order=pl.col("demand")), name)


def test_the_plan_asks_in_vain_for_the_users_own_decision():
    assert replay(STATIC, rows(), S, usual, "usual").actions["order"].unique().to_list() == [9]
    with pytest.raises(pl.exceptions.ColumnNotFoundError, match="ordered"):
        replay(STATIC, rows(), S, usual, "plan")


def test_ledger_and_actions_by_hand():
    table = pl.DataFrame({"day": [FIRST, FIRST], "shop": ["A", "B"], "demand": [8.0, 12.0], "q0.5": [10.0, 10.0]})
    found = replay(STATIC, table, S, decide, "plan")
    assert found.actions.rows() == [(FIRST, "A", 10), (FIRST, "B", 10)]
    assert found.ledger.rows() == [(FIRST, "A", 2, 0), (FIRST, "B", 6, 2)]  # two left at 1; two missing at 3
    assert found.ledger.columns == ["day", "shop", "eur", "missed"]


BROKEN = {
    "drops rows": lambda r, s: decide(r, s).filter(pl.col("order") > 8),
    "repeats rows": lambda r, s: pl.concat([decide(r, s), decide(r, s).head(1)]),
    "repeats some, drops others": lambda r, s: pl.concat([decide(r, s).tail(-1), decide(r, s).tail(1)]),
    "renames a shop": lambda r, s: decide(r, s).with_columns(shop=pl.col("shop").replace("A", "C")),
    "shifts the days": lambda r, s: decide(r, s).with_columns(pl.col("day") + timedelta(days=1)),
    "forgets the keys": lambda r, s: decide(r, s).drop("shop"),
}


@pytest.mark.parametrize("fault", BROKEN)
@pytest.mark.parametrize("sequential", [False, True])
def test_lost_or_doubled_rows_are_an_error_that_names_the_policy(fault, sequential):
    case = sequential_case() if sequential else STATIC
    with pytest.raises(ContractError, match="toy breaks its contract: my habit returned") as caught:
        replay(case, rows(), S, lambda r, s, *state: BROKEN[fault](r, s), "my habit")
    assert (caught.value.key, caught.value.values["policy"], caught.value.exit_code) == ("run.lost_rows", "my habit", 1)
    assert caught.value.values["expected"] != caught.value.values["found"]


def test_a_policy_that_decides_nothing_is_an_error():
    with pytest.raises(ContractError, match="plan decided nothing"):
        replay(STATIC, rows(), S, lambda r, s: r, "plan")


@pytest.mark.parametrize("name", ["ordered", "demand", "last_sale"])
def test_an_action_must_not_take_the_name_of_what_the_judge_knows(name):
    """Else the ledger would judge the user's own order, or the outcome, in place of the plan's action."""
    with pytest.raises(ContractError, match=name) as caught:
        replay(STATIC, rows(), S, lambda r, s: r.with_columns(pl.lit(1.0).alias(name)), "plan")
    assert caught.value.key == "run.action_name"


def test_order_of_rows_is_nobodys_business():
    expected = replay(STATIC, rows(), S, decide, "plan")
    shuffled = replay(STATIC, rows(), S, lambda r, s: decide(r, s).sample(fraction=1, shuffle=True, seed=1), "plan")
    assert shuffled.ledger.equals(expected.ledger)
    assert shuffled.actions.sort("shop", "day").equals(expected.actions)


def test_a_ledger_with_time_and_keys_may_come_in_any_order():
    expected = replay(STATIC, rows(), S, decide, "plan").ledger

    def sorted_by_cost(table, s):
        return pl.concat([table.select("day", "shop"), value(table, s)], how="horizontal").sort("eur")

    assert replay(replace(STATIC, value=sorted_by_cost), rows(), S, decide, "plan").ledger.equals(expected)


@pytest.mark.parametrize(
    "judge", [lambda r, s: value(r, s).head(-1), lambda r, s: r.select("day", "shop", eur=1.0).with_columns(shop=pl.lit("A"))]
)
def test_a_judge_that_loses_rows_is_an_error(judge):
    with pytest.raises(ContractError, match="value of plan returned"):
        replay(replace(STATIC, value=judge), rows(), S, decide, "plan")


# a shop whose left-over pieces are sold tomorrow: the order fills the stock up to the forecast


def start(seen, s):
    return seen.select("shop").unique(maintain_order=True).with_columns(stock=pl.lit(4.0))


def fill_up(seen, s, state):
    filled = seen.join(state, on="shop", how="left", maintain_order="left")
    return seen.with_columns(order=(filled["q0.5"] - filled["stock"]).clip(0))


def judge(table, s, state):
    day = table.join(state, on="shop", how="left", maintain_order="left").with_columns(here=pl.col("stock") + pl.col("order"))
    left, missed = (pl.col("here") - pl.col("demand")).clip(0), (pl.col("demand") - pl.col("here")).clip(0)
    closed = state.join(day, on="shop", how="anti")
    return day.select(eur=left + 3 * missed, missed=missed), pl.concat([day.select("shop", stock=left), closed])


def sequential_case(**changes: Any) -> UseCase:
    return replace(STATIC, decide=fill_up, usual=lambda r, s, state: usual(r, s), value=judge, start=start, **changes)


def plain_loop(table: pl.DataFrame) -> dict[tuple[date, str], tuple[float, float, float]]:
    stock, found = dict.fromkeys("AB", 4.0), {}
    for row in table.sort("day", "shop").iter_rows(named=True):
        ordered = max(row["q0.5"] - stock[row["shop"]], 0.0)
        here = stock[row["shop"]] + ordered
        left, missed = max(here - row["demand"], 0.0), max(row["demand"] - here, 0.0)
        stock[row["shop"]] = left
        found[row["day"], row["shop"]] = (ordered, left + 3 * missed, missed)
    return found


@pytest.mark.parametrize("closed", [False, True])
def test_stock_is_carried_from_day_to_day_as_in_a_plain_loop(closed):
    table = rows(30).filter(~(pl.lit(closed) & (pl.col("shop") == "B") & (pl.col("day").dt.weekday() == 3)))
    found = replay(sequential_case(), table, S, fill_up, "plan")
    both = found.actions.join(found.ledger, on=["day", "shop"], validate="1:1")
    assert {(row["day"], row["shop"]): (row["order"], row["eur"], row["missed"]) for row in both.iter_rows(named=True)} == plain_loop(table)
    assert found.ledger.height == table.height


def test_the_first_day_by_hand():
    table = pl.DataFrame({"day": [FIRST, FIRST + timedelta(1)], "shop": ["A", "A"], "demand": [3.0, 11.0], "q0.5": [10.0, 9.0]})
    found = replay(sequential_case(), table, S, fill_up, "plan")
    assert found.actions["order"].to_list() == [6, 2]  # 10 - 4 on the shelf; 7 are left, so 9 - 7
    assert found.ledger["eur"].to_list() == [7, 6]  # 7 left at 1; 9 there, 2 of 11 missing at 3


def test_one_epoch_sees_its_own_days_and_the_state_alone():
    seen_days: list[list[date]] = []

    def watching(seen, s, state):
        seen_days.append(seen["day"].unique().sort().to_list())
        assert "demand" not in seen.columns
        return seen.with_columns(order=pl.lit(1.0))

    weekly = sequential_case(epoch="1w")
    replay(replace(weekly, value=lambda table, s, state: (table.select(eur=pl.col("order")), state)), rows(21, "A"), S, watching, "plan")
    assert seen_days == [[FIRST + timedelta(days=7 * week + day) for day in range(7)] for week in range(3)]  # 1 January 2024 was a Monday


def test_hours_are_put_together_to_days():
    schema = {**SCHEMA, "day": Column("datetime", "time", "hour")}
    table = pl.DataFrame(
        {"day": [datetime(2024, 1, 1) + timedelta(hours=6 * n) for n in range(8)], "shop": "A", "demand": 1.0, "q0.5": 2.0}
    )
    sizes: list[int] = []

    def counting(seen, s, state):
        sizes.append(seen.height)
        return seen.with_columns(order=1.0)

    simple = sequential_case(schema=schema)
    replay(replace(simple, value=lambda r, s, state: (r.select(eur=pl.col("order")), state)), table, S, counting, "plan")
    assert sizes == [4, 4]


def test_without_a_state_a_sequential_case_is_replayed_at_once():
    calls: list[int] = []

    def at_once(seen, s, state):
        calls.append(seen.height)
        assert state is None
        return decide(seen, s)

    case = sequential_case()
    found = replay(replace(case, start=lambda r, s: None, value=lambda r, s, state: (value(r, s), None)), rows(), S, at_once, "plan")
    assert calls == [20]
    assert found.ledger.equals(replay(STATIC, rows(), S, decide, "plan").ledger)


def test_a_solved_bound_is_followed_epoch_by_epoch():
    solved = rows(30).with_columns(order=pl.col("demand"))
    found = replay(sequential_case(), rows(30), S, follow(STATIC, solved.reverse()), "perfect")
    assert found.actions.sort("shop", "day")["order"].to_list() == rows(30)["demand"].to_list()
    assert found.ledger["missed"].sum() == 0
