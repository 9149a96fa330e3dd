"""Savings by hand, the bootstrap against a slow loop, and the interval against a world whose true saving is known."""

from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.result import Interval
from pipelines.value import DRAWS, block_totals, difference, interval, opponents, resamples, saving, segment_table

FIRST = date(2024, 5, 1)


def ledger(days: int = 35, shop: str = "A", **cost: Any) -> pl.DataFrame:
    """One row per policy and day; a cost is a number or a function of the day's number."""
    rows = [
        {"policy": policy, "day": FIRST + timedelta(days=day), "shop": shop, "eur": float(of(day) if callable(of) else of)}
        for policy, of in cost.items()
        for day in range(days)
    ]
    return pl.DataFrame(rows)


def test_weeks_are_counted_from_the_first_day_whatever_the_weekday():
    # 1 May 2024 is a Wednesday; 9 days: one whole week (0+1+...+6 = 21) and two more days (7 + 8 = 15)
    blocks = block_totals(ledger(9, usual=lambda day: day, plan=1), "day", "eur")
    assert blocks["usual"].tolist() == [21, 15]
    assert blocks["plan"].tolist() == [7, 2]


@given(st.lists(st.tuples(st.sampled_from(["usual", "plan"]), st.integers(0, 60), st.integers(-50, 50)), min_size=1, max_size=60))
def test_blocks_keep_every_cost_once_in_any_row_order(entries):
    rows = pl.DataFrame(
        {
            "policy": [p for p, *_ in entries],
            "day": [FIRST + timedelta(days=d) for _, d, _ in entries],
            "eur": [float(c) for *_, c in entries],
        }
    )
    blocks, mirrored = block_totals(rows, "day", "eur"), block_totals(rows.reverse(), "day", "eur")
    for policy in set(rows["policy"]):
        assert blocks[policy].sum() == rows.filter(pl.col("policy") == policy)["eur"].sum()
        assert blocks[policy].tolist() == mirrored[policy].tolist()


def test_saving_and_captured_share_by_hand():
    # 35 days: usual 10, plan 7, perfect 4 a day -> saved 35 x 3 = 105 of 35 x 6 = 210: half of what was possible, every week alike
    found = saving(ledger(usual=10, plan=7, perfect=4), "day", "eur")
    assert (found.unit, found.usual, found.plan, found.perfect) == ("eur", 350, 245, 140)
    assert found.saved == Interval(105, 105, 105)
    assert found.captured == Interval(0.5, 0.5, 0.5)


def test_captured_share_is_undefined_where_perfect_foresight_saves_nothing():
    found = saving(ledger(usual=4, plan=5, perfect=4), "day", "eur")
    assert found.saved == Interval(-35, -35, -35)
    assert found.captured == Interval(None, None, None)


@pytest.mark.parametrize(("days", "known"), [(21, False), (22, True)])
def test_three_weeks_give_no_interval_and_a_fourth_begun_does(days, known):
    found = saving(ledger(days, usual=10, plan=7, perfect=4), "day", "eur")
    assert found.saved.value == 3 * days
    assert (found.saved.low is not None) is known
    assert (found.captured.high is not None) is known
    assert (difference(ledger(days, usual=10, plan=7), "day", "eur", "plan", "usual").low is not None) is known


def noisy(days: int, seed: int, gain: float = 1.0) -> pl.DataFrame:
    draw = np.random.default_rng(seed)
    usual = np.repeat(draw.normal(0, 3, days // 7 + 1), 7)[:days] + draw.normal(10 + gain, 1, days)  # weeks differ as a whole
    plan, perfect = draw.normal(10, 1, days), np.full(days, 5.0)
    return ledger(days, usual=lambda day: usual[day], plan=lambda day: plan[day], perfect=lambda day: perfect[day])


def test_intervals_are_those_of_a_direct_slow_bootstrap_of_weeks():
    rows = noisy(100, seed=3)  # 14 weeks and two days
    week = [[row for row in rows.iter_rows(named=True) if (row["day"] - FIRST).days // 7 == number] for number in range(15)]
    saved, share = [], []
    for draw in resamples(15):
        total = dict.fromkeys(("usual", "plan", "perfect"), 0.0)
        for number in draw:
            for row in week[number]:
                total[row["policy"]] += row["eur"]
        saved.append(total["usual"] - total["plan"])
        share.append((total["usual"] - total["plan"]) / (total["usual"] - total["perfect"]))
    found = saving(rows, "day", "eur")
    assert [found.saved.low, found.saved.high] == pytest.approx(np.percentile(saved, [2.5, 97.5]).tolist())
    assert [found.captured.low, found.captured.high] == pytest.approx(np.percentile(share, [2.5, 97.5]).tolist())


def test_interval_covers_the_true_saving_about_as_often_as_it_says():
    hits = []
    for seed in range(200):
        saved = saving(noisy(245, seed, gain=1.0), "day", "eur").saved  # true mean saving: 1 a day
        assert saved.low is not None
        assert saved.high is not None
        hits.append(saved.low <= 245 <= saved.high)
    assert 0.88 <= np.mean(hits) <= 0.99  # a percentile bootstrap of 35 weeks is a little narrow


def test_difference_turns_its_sign_with_its_sides():
    rows = noisy(70, seed=1)
    there, back = difference(rows, "day", "eur", "plan", "usual"), difference(rows, "day", "eur", "usual", "plan")
    assert there == saving(rows, "day", "eur").saved
    assert [there.value, there.low, there.high] == pytest.approx([-back.value, -back.high, -back.low])  # type: ignore[operator]


def test_resamples_are_fixed_and_draw_every_block():
    draws = resamples(5)
    assert draws.shape == (DRAWS, 5)
    assert np.array_equal(draws, resamples(5))
    assert set(draws.ravel().tolist()) == {0, 1, 2, 3, 4}
    assert not np.array_equal(draws, resamples(5, seed=2))


@pytest.mark.parametrize("value", [None, float("nan"), float("inf")])
def test_no_figure_no_interval(value):
    assert interval(value, np.arange(1000.0)) == Interval(None, None, None)


def test_mostly_undefined_draws_give_no_interval():
    draws = np.where(np.arange(DRAWS) < DRAWS // 2 + 1, np.nan, 1.0)
    assert interval(1.0, draws) == Interval(1.0, None, None)


def test_opponents_are_the_simple_rules_alone():
    costs = {"usual": 10, "plan": 7, "perfect": 4, "habit": 9, "mean": 6}
    ledgers = {name: ledger(35, "A", **{name: cost}).drop("policy") for name, cost in costs.items()}
    habit, mean = opponents(ledgers, "day", "eur", "mean")
    assert (habit.rule, habit.total, habit.saved, habit.chosen) == ("habit", 315, Interval(70, 70, 70), False)
    assert (mean.rule, mean.total, mean.saved, mean.chosen) == ("mean", 210, Interval(-35, -35, -35), True)


def test_opponents_may_count_in_whole_numbers():
    whole = ledger(35, plan=7).drop("policy")
    (rule,) = opponents({"plan": whole, "habit": whole.with_columns(pl.col("eur").cast(pl.Int32) + 1)}, "day", "eur", None)
    assert rule.saved.value == 35


def test_segments_by_hand_and_sorted():
    rows = pl.concat([ledger(shop="A", usual=10, plan=7, perfect=4), ledger(shop="B", usual=5, plan=6, perfect=5)])
    index = rows.filter(pl.col("policy") == "plan").select("day", "shop")
    members = {
        "size": index.with_columns(segment=pl.when(pl.col("shop") == "A").then(pl.lit("large")).otherwise(pl.lit("a small one"))),
        "month": index.with_columns(segment=pl.col("day").dt.strftime("%m")),
    }
    table = segment_table(rows, "day", "eur", members)
    # May has 31 of the 35 days: saved 31 x (3 - 1) = 62 of 31 x 6 = 186 possible; June has 4 days: one week, no interval
    assert table.rows() == [
        ("size", "a small one", 35, 175, 210, 175, -35, -35, -35, None),
        ("size", "large", 35, 350, 245, 140, 105, 105, 105, 0.5),
        ("month", "05", 62, 465, 403, 279, 62, table["low"][2], table["high"][2], pytest.approx(1 / 3)),
        ("month", "06", 8, 60, 52, 36, 8, None, None, pytest.approx(1 / 3)),
    ]
    assert table["low"][2] < 62 < table["high"][2]  # the last week is shorter: no longer all alike
    assert segment_table(rows, "day", "eur", {}).is_empty()
