"""The forecasters of a panel: weights, recalibration, smoothing, and the combination as a whole."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from pipelines.evidence import load_model, save_model
from pipelines.models.combination import TOO_SMALL, Combination
from pipelines.models.conformal import Recalibration, corrected, factors, recalibrate
from pipelines.models.panel import PANEL, pinball, weighted_quantile
from pipelines.models.smoothing import Rates, recursion
from pipelines.models.two_stage import Trees, TwoStage, latest
from pipelines.models.weights import BlendRule, convex_weights
from pipelines.run import featured, prepare
from pipelines.settings import load_settings
from pipelines.table import Loaded
from usecases.food_waste import CASE
from usecases.food_waste.features import steady_inputs
from usecases.food_waste.simulate import WorldSettings, simulate

LEVELS = (0.1, 0.5, 0.9)


@pytest.fixture(scope="module")
def rows():
    return feature_rows(240)[0]


def feature_rows(days: int):
    s = load_settings(
        CASE.settings,
        {
            "costs": {"price_eur": 1.0, "unit_cost_eur": 0.3},
            "calendar": {"state": "NW", "closed": "no_row"},
            "forecast": {"levels": LEVELS, "effort": "quick"},
        },
    )
    world = simulate(WorldSettings(seed=4, branches=2, products=3, days=days, changes=False))
    data = prepare(CASE, Loaded({"sales": world.tables["sales"]}, (), "simulated"), s)
    return featured(CASE, data.rows, s), s


def split(rows, days: int = 35):
    cut = rows["day"].max() - timedelta(days=days)
    hidden = ["sold", "returned", "sold_out", "last_sale", "demand", "censored", "ordered"]
    later = rows.filter(pl.col("day") > cut)
    return rows.filter(pl.col("day") <= cut), later, later.drop(hidden)


def test_the_better_member_gets_the_weight_and_shrinking_is_towards_members_near_the_best():
    truth = np.random.default_rng(1).uniform(50, 150, 400)
    good, bad = truth * 1.001, truth + 40
    weights = convex_weights(np.column_stack([good, bad]), truth, 0.5)
    assert weights.tolist() == [1, 0]  # forty times worse than the best: left out
    near = convex_weights(np.column_stack([good, truth * 0.999]), truth, 0.5, BlendRule(shrink=1.0, close=2.0))
    assert near.tolist() == [0.5, 0.5]


@pytest.mark.parametrize("level", LEVELS)
def test_weights_are_convex_and_no_worse_than_the_best_member(level):
    draw = np.random.default_rng(2)
    truth = draw.gamma(20, 5, 500)
    members = np.column_stack([truth + draw.normal(0, spread, 500) for spread in (10, 12, 13)])
    weights = convex_weights(members, truth, level, BlendRule(shrink=0.0))
    assert weights.min() >= 0
    assert weights.sum() == pytest.approx(1)
    assert pinball(truth, members @ weights, level) <= min(pinball(truth, members[:, i], level) for i in range(3))


def test_weighted_quantile_by_hand():
    # weights 1, 1, 8 on 10, 20, 30: a tenth lies at 10, two tenths up to 20, all up to 30
    found = weighted_quantile(np.array([30.0, 10.0, 20.0]), np.array([8.0, 1.0, 1.0]), [0.1, 0.2, 0.21, 1.0])
    assert found.tolist() == [10, 20, 30, 30]


def calibrated(days: int = 120, high: float = 105.0) -> pl.DataFrame:
    draw = np.random.default_rng(3)
    when = [date(2024, 1, 1) + timedelta(days=day) for day in range(days) for _ in range(10)]
    truth = draw.normal(100, 10, len(when))
    return pl.DataFrame({"day": when, "branch": "B", "product": "P", "demand": truth, "q0.5": 100.0, "q0.9": high})


def test_recalibration_widens_quantiles_that_covered_too_little():
    frame = calibrated()  # 105 covers 69 %, the 90 % quantile is 112.8: a factor of 1.074
    how = Recalibration(window_days=112, prior_days=0.0)
    found = factors(frame, (0.5, 0.9), how, PANEL)
    assert found["*"][1] == pytest.approx(112.8 / 105, abs=0.01)
    fixed = corrected(frame, found, (0.5, 0.9), how)
    assert (fixed["demand"] <= fixed["q0.9"]).mean() == pytest.approx(0.9, abs=0.02)


def test_recalibration_never_looks_at_its_own_week_or_later():
    frame, how = calibrated(), Recalibration(window_days=56)
    cut = date(2024, 3, 18)  # a Monday, the first day of a recalibrated week
    other = frame.with_columns(demand=pl.when(pl.col("day") >= cut).then(pl.col("demand") * 3).otherwise("demand"))
    before = recalibrate(frame, (0.5, 0.9), how, 1, PANEL).filter(pl.col("day") < cut + timedelta(days=7))
    after = recalibrate(other, (0.5, 0.9), how, 1, PANEL).filter(pl.col("day") < cut + timedelta(days=7))
    assert before.select("q0.5", "q0.9").equals(after.select("q0.5", "q0.9"))


@pytest.mark.parametrize("lead", [1, 2])
def test_smoothing_learns_a_weekly_pattern_and_knows_no_later_day(lead):
    week = np.array([10.0, 12, 14, 16, 18, 30, np.nan])
    demand = np.tile(week, 20)[:, None]
    found = recursion(demand, lead, Rates("any", 0.1, 0.1))
    open_days = np.isfinite(demand[-7:, 0])
    np.testing.assert_allclose(found[-7:, 0][open_days], week[open_days], rtol=0.03)
    later = demand.copy()
    later[100:] *= 5
    np.testing.assert_array_equal(recursion(later, lead, Rates("any", 0.1, 0.1))[: 100 + lead], found[: 100 + lead])


def test_a_combination_comes_back_from_its_folder_with_weights_and_recalibration(rows, tmp_path):
    past, later, asked = split(rows)
    _, s = feature_rows(60)
    model = CASE.model(s)
    assert isinstance(model, Combination)
    model.fit(past)
    made = model.predict(asked).with_columns(later["demand"])
    model.minimum_rows = 100
    model.choose(made)
    model.settle(made)
    expected = model.predict(asked)
    assert not expected.select(model.columns).equals(made.select(model.columns))  # the choices count
    for level in range(len(LEVELS)):
        assert sum(weights[level] for weights in model.weights.values()) == pytest.approx(1)
    save_model(model, asked.head(3), tmp_path / "model")
    assert load_model(tmp_path / "model").predict(asked).select(model.columns).equals(expected.select(model.columns))


def test_quantiles_rise_and_the_median_beats_last_week(rows):
    past, later, asked = split(rows)
    _, s = feature_rows(60)
    made = CASE.model(s).fit(past).predict(asked)
    assert (np.diff(made.select("q0.1", "q0.5", "q0.9").to_numpy(), axis=1) >= 0).all()
    truth = later["demand"].to_numpy()
    assert np.abs(made["q0.5"].to_numpy() - truth).sum() < np.abs(later["last_week"].to_numpy() - truth).sum()


def test_little_history_falls_back_to_the_simple_rule_by_name():
    short, s = feature_rows(50)
    past, _, asked = split(short, 7)
    made = CASE.model(s).fit(past).predict(asked)
    assert made["model_used"].unique().to_list() == [TOO_SMALL]
    assert made.select("q0.1", "q0.5", "q0.9").null_count().sum_horizontal().item() == 0


@pytest.mark.parametrize("linear", [False, True])
def test_one_and_two_threads_give_the_same_numbers(rows, linear):
    past, _, asked = split(rows)
    _, s = feature_rows(60)
    made = []
    for threads in (1, 2):
        model = TwoStage(LEVELS, steady_inputs(s), PANEL, (Trees(rounds=20, linear=linear),), Trees(rounds=20), threads=threads)
        made.append(model.fit(past).predict(asked).select("q0.1", "q0.5", "q0.9").to_numpy())
    np.testing.assert_allclose(made[0], made[1], rtol=0, atol=1e-9)


def test_a_quick_fit_learns_from_the_latest_days_only():
    days = [date(2024, 1, 1) + timedelta(number) for number in range(10) for _ in range(3)]
    rows = pl.DataFrame({"day": days, "demand": range(30)})
    kept = latest(rows, 8, PANEL)
    assert kept["day"].unique().sort().to_list() == [date(2024, 1, 9), date(2024, 1, 10)]  # whole days: three of them would be nine rows
    assert latest(rows, 2, PANEL)["day"].unique().to_list() == [date(2024, 1, 10)]  # at least one day
    assert latest(rows, 30, PANEL).equals(rows)
    assert latest(rows, None, PANEL).equals(rows)
