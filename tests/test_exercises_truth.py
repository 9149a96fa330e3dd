"""What the exercises call right is right: compared with brute force, with the base's own functions and with what a method promises."""

from itertools import product

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines import value
from pipelines.exercises.data import cost_eur, ledger, sales, select_period
from pipelines.exercises.judges import baseline, capacity, captured_share, conformal, lag, newsvendor, random_split
from pipelines.scores import scores

PIECES = st.lists(st.integers(0, 60), min_size=3, max_size=25)
GAINS = st.lists(st.lists(st.floats(-5, 9), min_size=1, max_size=4).map(lambda row: sorted(row, reverse=True)), min_size=1, max_size=3)


@given(PIECES, st.floats(0.1, 5), st.floats(0.1, 5))
def test_no_order_costs_less_than_the_best_order(demands, underage, overage):
    asked = np.array(demands, dtype=float)

    def cost(order: float) -> float:
        return float(np.mean(np.maximum(order - asked, 0) * overage + np.maximum(asked - order, 0) * underage))

    best = cost(newsvendor.best_order(asked, underage, overage))
    assert best <= min(cost(order) for order in range(61)) + 1e-9


@given(GAINS, st.integers(0, 10))
def test_no_way_of_sharing_the_oven_gains_more(gains, trays):
    taken = capacity.share_oven(gains, trays)
    assert sum(taken) <= trays

    def gain(counts) -> float:
        return sum(sum(row[:count]) for row, count in zip(gains, counts, strict=True))

    every = (counts for counts in product(*(range(len(row) + 1) for row in gains)) if sum(counts) <= trays)
    assert gain(taken) >= max(gain(counts) for counts in every) - 1e-9


def test_recalibration_covers_as_often_as_it_promises():
    """Over many draws a new day is covered with a chance of k / (n + 1), which is level or a little more."""
    draw, n, level = np.random.default_rng(1), 19, 0.8
    truth, forecast = draw.gamma(4, 5, (4000, n + 1)), draw.uniform(5, 30, (4000, n + 1))
    truth = truth * forecast / 20
    covered = [bool(truth[i, n] <= conformal.recalibrated(truth[i, :n], forecast[i, :n], forecast[i, n:], level)[0]) for i in range(4000)]
    assert np.mean(covered) == pytest.approx(16 / 20, abs=3 * (0.16 / 4000) ** 0.5)


def test_captured_share_and_interval_are_those_of_the_report():
    rows = ledger(3, days=70)
    saving = value.saving(rows, "day", "eur")
    weeks = value.block_totals(rows, "day", "eur")
    parts = weeks["usual"], weeks["plan"], weeks["perfect"]
    share, interval = (question.right for question in captured_share.QUESTIONS)
    assert share(*parts) == pytest.approx(saving.captured.value)
    assert interval(*parts, value.resamples(10)) == pytest.approx((saving.captured.low, saving.captured.high))


def test_wape_is_that_of_the_report():
    draw = np.random.default_rng(2)
    truth, forecast = draw.poisson(5, 40).astype(float), draw.uniform(1, 9, 40)
    report = scores(pl.DataFrame({"truth": truth, "q0.5": forecast}), "truth")["wape"]
    assert random_split.QUESTIONS[0].right(truth, forecast) == pytest.approx(report)


@pytest.mark.parametrize("lead", [1, 2, 5])
def test_the_lag_is_the_mean_of_seven_days_worked_out_one_by_one(lead):
    rows = sales(5, days=40)
    made = lag.recent(rows, lead)
    one = made.filter(branch="Rathaus", product="Brezel").sort("day")
    asked, found = one["demand"].to_list(), one["recent"].to_list()
    for day in range(40):
        window = [pieces for pieces in asked[max(0, day - lead - 6) : max(0, day - lead + 1)] if pieces is not None]
        assert found[day] == (pytest.approx(sum(window) / len(window)) if window else None)


def test_the_same_seed_gives_the_same_table_and_sundays_are_closed():
    assert sales(4).equals(sales(4))
    assert not sales(4).equals(sales(5))
    assert ledger(4).equals(ledger(4))
    rows = sales(4)
    assert (rows["demand"].is_null() == (rows["day"].dt.weekday() == 7)).all()
    assert rows.select("day", "branch", "product").is_unique().all()


def test_what_the_baseline_exercise_asks_for_is_what_its_text_says():
    assert pytest.approx(0.75) == baseline.RATIO
    rows = pl.DataFrame({"order": [10.0, 10.0], "demand": [8.0, 13.0]})
    assert cost_eur(rows["order"], rows["demand"]) == pytest.approx(2 * 0.5 + 3 * 1.5)
    assert not select_period().select(f"week{n}" for n in range(1, 9)).null_count().sum_horizontal().item()


@pytest.mark.parametrize("lang", ["de", "en"])
def test_the_text_of_the_baseline_exercise_names_its_threshold(lang):
    from pipelines.texts import text

    assert f"{100 * baseline.REQUIRED:.0f} %" in text("lessons.baseline_task", lang)
