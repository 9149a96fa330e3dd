# ruff: noqa: DTZ001 - times of a shop are local times without a zone
"""Scores by hand and against scikit-learn; a calibration interval that respects days."""

from datetime import date, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import mean_pinball_loss

from pipelines.result import Interval
from pipelines.scores import calibration, group_numbers, pinball_loss, quantile_levels, score_bounds, scores

DAY = date(2024, 3, 1)


def table(truth: list[float], **quantiles: list[float]) -> pl.DataFrame:
    days = [DAY + timedelta(days=number) for number in range(len(truth))]
    return pl.DataFrame({"day": days, "demand": truth, **{name.replace("_", "."): values for name, values in quantiles.items()}})


def test_quantile_levels_are_sorted_numbers_and_nothing_that_only_begins_with_q():
    assert quantile_levels(["q0.9", "day", "quality", "q", "q1", "q0", "q2", "q-0.5", "q0.05"]) == {0.05: "q0.05", 0.9: "q0.9"}


def test_scores_by_hand():
    rows = table([10, 20, 30], q0_1=[5, 15, 20], q0_5=[12, 20, 24], q0_9=[15, 18, 40])
    found = scores(rows, "demand")
    assert found["wape"] == pytest.approx((2 + 0 + 6) / 60)
    assert found["bias"] == pytest.approx(56 / 60 - 1)
    # q0.1: 0.1 x (5 + 5 + 10) = 2; q0.5: 0.5 x (2 + 0 + 6) = 4; q0.9: 0.1 x 5 + 0.9 x 2 + 0.1 x 10 = 3.3; per row and level: / 9
    assert found["pinball"] == pytest.approx((2 + 4 + 3.3) / 9)
    assert found["crossed"] == pytest.approx(1 / 3)  # 18 < 20 on the second day


def test_the_level_nearest_to_the_middle_stands_for_it():
    assert scores(table([10, 10], q0_1=[0, 0], q0_67=[11, 12]), "demand")["wape"] == pytest.approx(3 / 20)


def test_nothing_sold_has_no_relative_error_and_no_quantiles_no_scores():
    found = scores(table([0, 0], q0_5=[1, 1]), "demand")
    assert np.isnan([found["wape"], found["bias"]]).all()
    assert found["pinball"] == 0.5
    assert found["crossed"] == 0
    assert scores(table([1, 2]), "demand") == {}


pairs = st.lists(st.tuples(st.floats(0, 1e4), st.floats(0, 1e4)), min_size=1, max_size=30)


@given(pairs, st.floats(0.01, 0.99))
def test_pinball_loss_agrees_with_scikit_learn(sample, level):
    truth, forecast = np.array(sample).T
    assert pinball_loss(truth, forecast, level).mean() == pytest.approx(mean_pinball_loss(truth, forecast, alpha=level), abs=1e-9)


@given(st.lists(st.integers(0, 50), min_size=1, max_size=40), st.floats(0.05, 0.95), st.integers(-5, 60))
def test_no_constant_beats_the_sample_quantile(sample, level, other):
    truth = np.array(sample, dtype=float)
    best = np.quantile(truth, level, method="inverted_cdf")
    best_loss, other_loss = (pinball_loss(truth, np.full(len(truth), value), level).mean() for value in (best, float(other)))
    assert best_loss <= other_loss + 1e-9


def test_calibration_by_hand():
    # two days with two rows each: on the first both covered, on the second none -> share 2/4; residuals per day 2 - 1 = 1 and 0 - 1 = -1;
    # half width 1.96 x sqrt(1 + 1) / 4 = 0.693: cut to [0, 1]
    rows = pl.DataFrame(
        {"shop": list("ABAB"), "day": [DAY, DAY, DAY + timedelta(1), DAY + timedelta(1)], "demand": [1, 2, 8, 9], "q0.5": [5.0] * 4}
    )
    assert calibration(rows, "demand", "day").rows() == [(0.5, 0.5, 0.0, 1.0, 4)]


def test_calibration_of_hours_counts_days_not_rows():
    times = [datetime(2024, 3, 1) + timedelta(hours=hour) for hour in range(24 * 20)]
    covered = [float(time.day % 2) for time in times]  # whole days covered or not: 10 of 20 days
    rows = pl.DataFrame({"time": times, "load": [1.0] * len(times), "q0.5": covered})
    (level, share, low, high, count) = calibration(rows, "load", "time").row(0)
    assert (level, share, count) == (0.5, 0.5, 480)
    # daily residual +-12, twenty times: 1.96 x sqrt(20 x 144) / 480 = 0.219
    assert high - share == pytest.approx(0.219, abs=0.001) == share - low


def test_calibration_of_a_true_forecast_covers_the_nominal_level():
    draw = np.random.default_rng(0)
    rows = table(draw.random(2000).tolist(), q0_1=[0.1] * 2000, q0_5=[0.5] * 2000, q0_9=[0.9] * 2000)
    found = calibration(rows, "demand", "day")
    assert ((found["low"] < found["level"]) & (found["level"] < found["high"])).all()
    assert (found["high"] - found["low"]).to_numpy() == pytest.approx(2 * 1.96 * np.sqrt([0.09, 0.25, 0.09]) / np.sqrt(2000), rel=0.1)


def width(bounds: Interval) -> float:
    assert bounds.low is not None
    assert bounds.high is not None
    return bounds.high - bounds.low


def chances(people: int, visits: int) -> pl.DataFrame:
    """Visits of people whose outcome and probability are the same each time: the further visits say nothing new."""
    draw = np.random.default_rng(5)
    p = draw.random(people)
    one = pl.DataFrame({"who": [f"p{number}" for number in range(people)], "p": p, "event": (draw.random(people) < p).astype(float)})
    return pl.concat([one] * visits)


def test_scores_of_a_probability_have_intervals_that_draw_people_whole():
    once, often = chances(100, 1), chances(100, 4)
    alone, whole, rows = score_bounds(once, "event", "who"), score_bounds(often, "event", "who"), score_bounds(often, "event", None)
    assert set(alone) == {"auroc", "auprc", "brier", "ece", "slope", "intercept", "in_the_large"}
    for name in ("auroc", "brier", "in_the_large"):
        found = [width(bounds[name]) for bounds in (alone, whole, rows)]
        assert found[1] == pytest.approx(found[0], rel=0.15), "visits of the same people narrow nothing"
        assert found[2] < 0.65 * found[0], "visits drawn one by one would claim more than is known"
    assert alone["auroc"].value == scores(once, "event")["auroc"]


def test_rows_without_a_person_are_drawn_one_by_one():
    rows = pl.DataFrame({"who": ["a", None, "a", None]})
    assert len(set(group_numbers(rows, "who").tolist())) == 3
    assert group_numbers(rows, "who")[0] == group_numbers(rows, "who")[2]
    assert sorted(group_numbers(rows, None).tolist()) == [0, 1, 2, 3]
    assert score_bounds(table([1, 2]), "demand", None) == {}
