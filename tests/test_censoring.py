"""Demand beyond a sold-out shelf: textbook survival curves, an independent estimator, causality, and a world with known demand."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import CensoredData, ecdf

from pipelines.censoring import (
    Grid,
    Survival,
    complete_demand,
    demand_in_hindsight,
    estimated_demand,
    kaplan_meier,
    poisson_beyond,
    weekday_level,
)

WEEKDAYS = np.array([0.8, 0.9, 1.0, 1.0, 1.2, 1.5, 0.6])
WARM_UP = 100  # days until levels and curves exist


def completed(sold, censored, seed):
    """Demand where every day is an ordinary one."""
    return complete_demand(sold, censored, np.zeros(sold.shape, dtype=np.int64), seed)


def world(mean: float, share: float, days: int = 300, series: int = 20, seed: int = 0) -> tuple[np.ndarray, ...]:
    """Poisson demand, what a shelf stocked by a noisy hand sold of it, and where it sold out (on `share` of the days)."""
    draw = np.random.default_rng(seed)
    rate = mean * WEEKDAYS[np.arange(days) % 7][:, None] * draw.uniform(0.8, 1.2, series)
    demand, noise = draw.poisson(rate).astype(float), np.exp(draw.normal(0, 0.3, (days, series)))
    factors = np.geomspace(0.2, 8, 200)
    stock = next(table for f in factors if (demand >= (table := np.maximum(np.round(rate * noise * f), 1))).mean() <= share)
    return demand, np.minimum(demand, stock), demand >= stock


def test_kaplan_meier_on_the_textbook_example():
    # remission weeks under 6-MP (Freireich et al. 1963; Cox and Oakes 1984, table 1.1), plus = censored; at 6 weeks 21 at risk,
    # 3 events: 18/21 = 0.857; at 7 weeks 17 at risk, 1 event: x 16/17 = 0.807; at 10: x 14/15 = 0.753; and so on
    weeks = np.array([6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35.0])
    plus = np.array([0, 0, 0, 1, 0, 1, 0, 1, 1, 0, 0, 1, 1, 1, 0, 0, 1, 1, 1, 1, 1]) == 1
    curve = kaplan_meier(weeks, plus)
    assert curve.values.tolist() == [6, 7, 10, 13, 16, 22, 23]
    assert curve.above.round(3).tolist() == [0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448]


@given(st.lists(st.tuples(st.integers(0, 8), st.booleans()), min_size=1, max_size=40))
def test_kaplan_meier_agrees_with_scipy(sample):
    values, censored = np.array([float(v) for v, _ in sample]), np.array([c for _, c in sample])
    curve = kaplan_meier(values, censored)
    reference = ecdf(CensoredData.right_censored(values, censored)).sf
    points = np.arange(-1.0, 10.0)
    np.testing.assert_allclose(curve.share_above(points), reference.evaluate(points), atol=1e-12)


@given(st.lists(st.tuples(st.integers(0, 6), st.booleans(), st.integers(1, 4)), min_size=1, max_size=20))
def test_a_weight_of_three_is_three_observations(sample):
    values, censored = np.array([float(v) for v, *_ in sample]), np.array([c for _, c, _ in sample])
    weights = np.array([float(w) for *_, w in sample])
    once = kaplan_meier(values, censored, weights)
    many = kaplan_meier(np.repeat(values, weights.astype(int)), np.repeat(censored, weights.astype(int)))
    assert once.values.tolist() == many.values.tolist()
    np.testing.assert_allclose(once.above, many.above, atol=1e-12)


def test_draws_beyond_a_bound_by_hand():
    curve = Survival(np.array([1.0, 2.0, 4.0]), np.array([0.75, 0.5, 0.25]))
    # beyond 1 lie 0.75: 0.75 x (1 - 0.2) = 0.6 is reached at 2, 0.75 x (1 - 0.5) = 0.375 at 4, 0.75 x 0.1 = 0.075 nowhere
    assert curve.beyond(np.ones(3), np.array([0.2, 0.5, 0.9])).tolist() == pytest.approx([2, 4, np.nan], nan_ok=True)
    assert np.isnan(curve.beyond(np.array([6.0]), np.array([0.5]))).all()
    # of what lies beyond 1 (0.75) and beyond 3 (0.5), 0.25 lies beyond the largest value anybody saw
    assert curve.untold(np.array([1.0, 3.0])).tolist() == pytest.approx([1 / 3, 1 / 2])
    assert curve.share_above(np.array([0.5, 1.0, 3.0, 9.0])).tolist() == [1, 0.75, 0.5, 0.25]


def test_weekday_level_of_a_steady_week_is_that_week():
    demand = np.tile(10 * WEEKDAYS, 10)[:, None]
    np.testing.assert_allclose(weekday_level(demand, 63)[:, 0], 10 * WEEKDAYS)
    assert np.isnan(weekday_level(demand, 0)).all()


def test_weekday_level_is_the_mean_of_six_weeks_times_the_share_of_the_weekday():
    # 20 weeks at 10 a day, then 6 at 16: last six weeks 16; every weekday has share 1
    demand = np.concatenate([np.full(140, 10.0), np.full(42, 16.0)])[:, None]
    np.testing.assert_allclose(weekday_level(demand, 182), 16.0)


@pytest.mark.parametrize(("mean", "tolerance"), [(3, 0.04), (20, 0.015), (100, 0.005)])
@pytest.mark.parametrize("share", [0.1, 0.25, 0.4])
def test_completed_demand_is_unbiased_in_a_poisson_world(mean, tolerance, share):
    demand, sold, censored = world(mean, share)
    assert censored.mean() == pytest.approx(share, abs=0.08)
    found = completed(sold, censored, seed=1)[WARM_UP:]
    truth, seen = demand[WARM_UP:], sold[WARM_UP:]
    assert found.sum() == pytest.approx(truth.sum(), rel=tolerance)
    assert abs(found.sum() - truth.sum()) < 0.35 * (truth.sum() - seen.sum())  # most of what was lost is found
    assert found.std() == pytest.approx(truth.std(), rel=0.1)  # not only the mean: a conditional mean would shrink the spread


@pytest.mark.parametrize("mean", [3, 20, 100])
def test_what_was_seen_stays_and_what_was_not_seen_is_never_less_than_sold(mean):
    _, sold, censored = world(mean, 0.3)
    sold[5::7] = np.nan  # one weekday closed
    found = completed(sold, censored & np.isfinite(sold), seed=1)
    np.testing.assert_array_equal(found[~censored], sold[~censored])
    np.testing.assert_array_equal(np.isnan(found), np.isnan(sold))
    assert (found[censored & np.isfinite(sold)] >= sold[censored & np.isfinite(sold)]).all()
    assert (np.mod(found[np.isfinite(found)], 1) == 0).all()


def test_weights_in_kilograms_stay_fractions():
    _, sold, censored = world(20, 0.3)
    found = completed(sold * 0.37, censored, seed=1)
    assert (found >= sold * 0.37).all()
    assert (np.abs(np.mod(found[censored] / 0.37, 1)) > 1e-6).any()


@pytest.mark.parametrize("first", [150, 153, 156])
@pytest.mark.parametrize("factor", [0.5, 3.0], ids=["halves, fractions appear", "threefold"])
def test_later_days_change_nothing_before_them(first, factor):
    _, sold, censored = world(8, 0.3)
    later, flags = sold.copy(), censored.copy()
    later[first:] = sold[first:] * factor
    flags[first:] = ~censored[first:]
    before, after = completed(sold, censored, seed=1), completed(later, flags, seed=1)
    np.testing.assert_array_equal(before[:first], after[:first])
    assert not np.array_equal(before[first:], after[first:])


def test_the_seed_fixes_the_draws_and_touches_sold_out_days_alone():
    _, sold, censored = world(8, 0.3)
    one, again, other = (completed(sold, censored, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, other)
    assert censored[one != other].all()


def test_without_history_sales_stand_as_they_are():
    sold = np.full((7, 3), 4.0)
    np.testing.assert_array_equal(completed(sold, np.ones((7, 3), dtype=bool), seed=1), sold)


def test_rows_get_demand_and_closed_days_none():
    _, sold, censored = world(20, 0.3, days=120, series=4)
    days = [date(2024, 1, 1) + timedelta(days=day) for day in range(120)]
    rows = pl.concat(
        pl.DataFrame({"day": days, "branch": f"B{s // 2}", "product": f"P{s % 2}", "sold": sold[:, s], "out": censored[:, s]})
        for s in range(4)
    ).with_columns(sold=pl.when(pl.col("day").dt.weekday() != 7).then("sold"))
    kind = pl.Series(np.zeros(rows.height, dtype=int))
    demand = estimated_demand(Grid.of(rows, "day", ["branch", "product"]), rows["sold"], rows["out"], kind, seed=1)
    expected = sold.copy()
    expected[6::7] = np.nan  # 1 January 2024 was a Monday
    table = completed(expected, censored & np.isfinite(expected), seed=1)
    np.testing.assert_array_equal(demand.to_numpy().reshape(4, 120).T, table)
    assert demand.is_null().equals(rows.select(pl.col("day").dt.weekday() == 7).to_series(), check_names=False)


def test_pieces_nobody_saw_are_poisson_given_that_they_exceed_the_bound():
    # mean 3, more than 4 pieces: P(5) = 0.1008, P(6) = 0.0504, P(7) = 0.0216, ... of 0.1847 in all: 5 up to u = 0.546, then 6 up to 0.819
    found = poisson_beyond(np.full(3, 4.0), np.full(3, 3.0), np.array([0.5, 0.6, 0.8]))
    assert found.tolist() == [5, 6, 6]
    assert poisson_beyond(np.array([2.5]), np.array([3.0]), np.array([0.0])).tolist() == [3]


def test_a_special_kind_of_day_is_completed_from_its_own_size():
    """Every fourth week demand doubles and the baker knows it: sold-out days then are completed near the doubled level."""
    draw = np.random.default_rng(3)
    special = np.zeros((420, 12), dtype=np.int64)
    special[[day for day in range(420) if day // 7 % 4 == 3]] = 1
    mean = 40.0 * (1 + special)
    asked, stock = draw.poisson(mean).astype(float), draw.poisson(mean * 1.02).astype(float)
    sold, out = np.minimum(asked, stock), asked >= stock
    late = np.arange(420) >= 200
    knowing, blind = complete_demand(sold, out, special, 1)[late].sum(), complete_demand(sold, out, special * 0, 1)[late].sum()
    truth = asked[late].sum()
    assert abs(knowing / truth - 1) < 0.04
    assert abs(knowing / truth - 1) < abs(blind / truth - 1)


def test_hindsight_completes_relative_to_the_forecast_and_leaves_seen_demand_alone():
    draw = np.random.default_rng(4)
    mean = draw.uniform(20, 200, 6000)
    asked, stock = draw.poisson(mean).astype(float), draw.poisson(mean).astype(float)
    sold, out = np.minimum(asked, stock), asked >= stock
    found = demand_in_hindsight(sold, out, mean, seed=1)
    np.testing.assert_array_equal(found[~out], asked[~out])
    assert (found >= sold).all()
    assert abs(found.sum() / asked.sum() - 1) < 0.01  # sales alone are about 5 % short
    assert sold.sum() / asked.sum() < 0.97


def test_a_shelf_that_always_sells_out_is_explored_a_little():
    sold = np.full((140, 3), 40.0)
    found = completed(sold, np.ones((140, 3), dtype=bool), seed=1)
    assert (found >= 40).all()
    assert found[-7:].mean() > 40
