"""Orders against known answers, against brute force over all orders and against exhaustive search over all trays in the oven."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from pipelines.decide.newsvendor import SCENARIOS, Limits, critical_ratio, expected_cost, order, quantile_at, scenarios, within_capacity

LEVELS = np.array([0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95])


def limits(count: int, tray: float = 0, display: float = 0, capacity: float = np.inf, group: int = 0) -> Limits:
    full = np.ones(count)
    return Limits(full * tray, full * display, np.full(count, group), full * capacity)


def normal(mean: float, spread: float, count: int = 1) -> np.ndarray:
    return np.tile(norm.ppf(LEVELS, mean, spread), (count, 1))


def test_critical_ratio_by_hand():
    # price 3, unit cost 1: a missing piece loses 2, a left-over one 1 -> 2 / (2 + 1)
    assert critical_ratio(np.array([2.0]), np.array([1.0])) == pytest.approx(2 / 3)


def test_quantile_at_gives_back_the_forecast_at_its_own_levels_to_the_last_bit():
    quantiles = np.array([[1.1, 2.2, 3.3, 4.7, 5.0, 6.0, 7.0], [0.0, 0.0, 0.0, 1.0, 2.0, 2.0, 9.0]])
    for place, level in enumerate(LEVELS):
        assert quantile_at(LEVELS, quantiles, np.full(2, level)).tolist() == quantiles[:, place].tolist()


@pytest.mark.parametrize("at", [0.005, 0.05, 0.33, 0.5, 0.62, 0.9, 0.97, 0.999])
def test_quantile_at_is_exact_for_a_normal_forecast_between_and_beyond_the_levels(at):
    assert quantile_at(LEVELS, normal(100, 20), np.array([at])) == pytest.approx(norm.ppf(at, 100, 20))


@given(st.lists(st.floats(0, 1000), min_size=7, max_size=7), st.lists(st.floats(0.001, 0.999), min_size=2, max_size=9))
def test_quantile_at_rises_with_the_level_and_is_never_negative(values, wanted):
    found = quantile_at(LEVELS, np.sort(values)[None, :], np.sort(wanted)[None, :])[0]
    assert found.min() >= 0
    assert (np.diff(found) >= -1e-9 * (1 + found[1:])).all()


def test_a_single_level_stands_for_every_level_and_is_never_negative():
    found = quantile_at(np.array([0.5]), np.array([[12.0], [-3.0]]), np.array([0.9, 0.1]))
    assert found.tolist() == [12.0, 0.0]


def test_no_rows_give_no_orders():
    nothing = np.zeros(0)
    found = order(LEVELS, np.zeros((0, 7)), nothing, nothing, Limits(nothing, nothing, np.zeros(0, dtype=np.int64), nothing))
    assert found.shape == (0,)


def test_scenarios_keep_mean_and_shares_of_the_forecast():
    found = scenarios(LEVELS, normal(100, 20))[0]
    assert found.shape == (SCENARIOS,)
    assert found.mean() == pytest.approx(100)  # symmetric around the median
    assert (found <= norm.ppf(0.75, 100, 20)).mean() == 0.75


def test_expected_cost_by_hand():
    # order 10, demand 8, 10, 14: two left over at 1, none, four missing at 2 -> (2 + 0 + 8) / 3
    found = expected_cost(np.array([10.0]), np.array([[8.0, 10.0, 14.0]]), np.array([2.0]), np.array([1.0]))
    assert found == pytest.approx(10 / 3)


def test_any_quantity_is_the_critical_quantile_itself():
    found = order(LEVELS, normal(100, 20), np.array([3.0]), np.array([1.0]), limits(1))
    assert found == pytest.approx(norm.ppf(0.75, 100, 20))


def test_whole_trays_are_chosen_by_cost_not_by_rounding():
    # demand is 12 for sure, trays of 10. One tray misses 2, two leave 8.
    # missing costs 5, left over 1: 10 against 8 -> two trays, though 12 is rounded to 10
    sure = np.full((1, 7), 12.0)
    assert order(LEVELS, sure, np.array([5.0]), np.array([1.0]), limits(1, tray=10)).tolist() == [20]
    # missing costs 3: 6 against 8 -> one tray
    assert order(LEVELS, sure, np.array([3.0]), np.array([1.0]), limits(1, tray=10)).tolist() == [10]


def test_minimum_display_is_rounded_up_to_trays():
    nobody = np.zeros((1, 7))
    assert order(LEVELS, nobody, np.array([1.0]), np.array([1.0]), limits(1, tray=6, display=7)).tolist() == [12]
    assert order(LEVELS, nobody, np.array([1.0]), np.array([1.0]), limits(1, display=7)).tolist() == [7]


def test_a_small_oven_keeps_the_trays_that_earn_most():
    # both want two trays of 10 for sure; a tray of A saves 50, of B 10; three trays fit
    sure, costs = np.full((2, 7), 20.0), np.array([5.0, 1.0])
    assert order(LEVELS, sure, costs, np.ones(2), limits(2, tray=10, capacity=3)).tolist() == [20, 10]


def test_display_comes_before_gain_when_the_oven_is_small():
    sure, costs = np.full((2, 7), 20.0), np.array([5.0, 1.0])
    bounds = Limits(np.full(2, 10.0), np.array([0.0, 20.0]), np.zeros(2, dtype=np.int64), np.full(2, 2.0))
    assert order(LEVELS, sure, costs, np.ones(2), bounds).tolist() == [0, 20]


def test_ovens_do_not_share():
    sure = np.full((3, 7), 20.0)
    bounds = Limits(np.full(3, 10.0), np.zeros(3), np.array([0, 1, 1]), np.array([1.0, 9.0, 9.0]))
    assert order(LEVELS, sure, np.full(3, 2.0), np.ones(3), bounds).tolist() == [10, 20, 20]


# critical ratios (k + 0.5) / 40 are the levels of the scenarios themselves: the best of all orders is then unique
ratios = st.integers(0, SCENARIOS - 1).map(lambda k: (2.0 * k + 1, 2.0 * SCENARIOS - 1 - 2 * k))
forecasts = st.lists(st.floats(0, 60), min_size=7, max_size=7).map(sorted)


@settings(max_examples=150)
@given(forecasts, ratios, st.integers(1, 12), st.integers(0, 30))
def test_order_is_the_cheapest_of_all_orders_in_whole_trays(values, costs, tray, display):
    quantiles, (under, over) = np.array([values]), costs
    demand = scenarios(LEVELS, quantiles)
    found = order(LEVELS, quantiles, np.array([under]), np.array([over]), limits(1, tray, display))
    least = -(-display // tray)
    possible = tray * np.arange(least, least + int(demand.max() / tray) + 2.0)
    every = [cost(amount, demand[0], under, over) for amount in possible]
    assert found[0] % tray == 0
    assert found[0] >= display
    assert cost(found[0], demand[0], under, over) == pytest.approx(min(every), rel=1e-9, abs=1e-9)


def cost(amount: float, demand: np.ndarray, under: float, over: float) -> float:
    return float(np.mean([over * (amount - d) if amount > d else under * (d - amount) for d in demand]))


@settings(max_examples=60)
@given(
    st.lists(st.tuples(forecasts, ratios, st.sampled_from([10, 15, 20]), st.sampled_from([0, 0, 5, 25])), min_size=2, max_size=3),
    st.integers(0, 9),
)
def test_oven_allocation_is_the_best_of_all_allocations(products, capacity):
    quantiles = np.array([values for values, *_ in products])
    under, over = (np.array([costs[side] for _, costs, *_ in products]) for side in (0, 1))
    tray, display = np.array([p[2] for p in products], dtype=float), np.array([p[3] for p in products], dtype=float)
    bounds = Limits(tray, display, np.zeros(len(products), dtype=np.int64), np.full(len(products), float(capacity)))
    demand, found = scenarios(LEVELS, quantiles), order(LEVELS, quantiles, under, over, bounds)
    least = np.ceil(display / tray).astype(int)
    trays = np.round(found / tray).astype(int)
    assert trays.sum() <= capacity
    if least.sum() > capacity:  # the oven is too small for the display: it is full, and of nothing else
        assert trays.sum() == capacity
        assert (trays <= least).all()
        return
    assert (trays >= least).all()
    choices = product(
        *(range(low, max(low, int(top / size) + 2) + 1) for low, top, size in zip(least, demand.max(axis=1), tray, strict=True))
    )
    table = [[cost(k * tray[i], demand[i], under[i], over[i]) for k in range(30)] for i in range(len(products))]
    best = min(sum(table[i][k] for i, k in enumerate(choice)) for choice in choices if sum(choice) <= capacity)
    assert sum(table[i][k] for i, k in enumerate(trays)) == pytest.approx(best, rel=1e-9, abs=1e-9)


def test_capacity_leaves_enough_room_alone():
    chosen = np.array([12.5, 30.0])
    demand = scenarios(LEVELS, normal(20, 5, 2))
    assert within_capacity(chosen, np.zeros(2), demand, np.ones(2), np.ones(2), limits(2, capacity=43)) is chosen
