"""The expected-loss curve against the matrix exponential, its convexity, and the allocation against an exact dynamic program."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import expm

from pipelines.decide.allocation import allocate, moving_cost
from pipelines.decide.loss_curve import loss_curves


def by_matrix_exponential(rentals, returns, capacity, lost, overflow):
    ahead = np.zeros(capacity + 1)
    for out, back in zip(rentals[::-1], returns[::-1], strict=True):
        generator = np.zeros((capacity + 2, capacity + 2))
        for stock in range(capacity + 1):
            if stock > 0:
                generator[stock, stock - 1] = out
            if stock < capacity:
                generator[stock, stock + 1] = back
            generator[stock, stock] = -generator[stock].sum()
        generator[0, -1] += lost * out
        generator[capacity, -1] += overflow * back
        ahead = (expm(generator) @ np.append(ahead, 1.0))[:-1]
    return ahead


@pytest.mark.parametrize("level", [0.05, 1.0, 15.0, 40.0])
def test_the_curve_equals_the_matrix_exponential(level):
    draw = np.random.default_rng(3)
    capacity = draw.integers(3, 40, 6)
    rentals, returns = draw.gamma(0.7, level, (2, 6, 24))
    curves = loss_curves(rentals, returns, capacity, lost=1.0, overflow=0.5)
    for station, room in enumerate(capacity):
        exact = by_matrix_exponential(rentals[station], returns[station], room, 1.0, 0.5)
        assert np.abs(curves[station, : room + 1] - exact).max() < 1e-6
        assert np.isinf(curves[station, room + 1 :]).all()


def test_without_events_nothing_is_lost_and_a_lone_rental_is_lost_with_its_own_probability():
    nothing = loss_curves(np.zeros((1, 24)), np.zeros((1, 24)), np.array([4]))
    assert np.abs(nothing).max() < 1e-8
    rentals = np.zeros((1, 24))
    rentals[0, 8] = 0.7
    curve = loss_curves(rentals, np.zeros((1, 24)), np.array([3]))[0]
    assert curve[0] == pytest.approx(0.7)
    assert curve[1] == pytest.approx(0.7 - (1 - np.exp(-0.7)))  # all but the first one


@given(st.integers(0, 2**32 - 1), st.floats(0.01, 20))
def test_the_curve_is_convex_and_bounded_by_what_can_happen(seed, level):
    draw = np.random.default_rng(seed)
    rentals, returns = draw.gamma(0.5, level, (2, 2, 6))
    curves = loss_curves(rentals, returns, np.array([9, 5]), lost=2.0, overflow=1.0)
    for station, room in enumerate((9, 5)):
        curve = curves[station, : room + 1]
        assert np.diff(curve, 2).min() > -1e-9
        assert curve.min() >= 0
        assert curve.max() <= 2 * rentals[station].sum() + returns[station].sum() + 1e-9


def exact_allocation(curves, total):
    """Cheapest total cost by dynamic programming over stations."""
    best = np.full(total + 1, np.inf)
    best[0] = 0.0
    for curve in curves:
        options = [best[: total + 1 - stock] + curve[stock] for stock in range(min(total, len(curve) - 1) + 1)]
        best = np.min([np.concatenate([np.full(stock, np.inf), option]) for stock, option in enumerate(options)], axis=0)
    return best[total]


@given(st.integers(0, 2**32 - 1), st.floats(0, 0.3))
def test_the_allocation_is_as_cheap_as_the_exact_program(seed, handling):
    draw = np.random.default_rng(seed)
    capacity = draw.integers(2, 9, 6)
    rates = draw.gamma(0.5, 0.6, (2, 6, 12))
    stock = draw.integers(0, capacity + 1)
    curves = moving_cost(loss_curves(rates[0], rates[1], capacity), stock, handling)
    target = allocate(curves, int(stock.sum()))
    assert target.sum() == stock.sum()
    assert (target <= capacity).all()
    assert curves[np.arange(6), target].sum() == pytest.approx(exact_allocation(curves, int(stock.sum())), abs=1e-7)


def test_more_vehicles_than_room_is_refused_and_a_dear_handling_leaves_everything():
    curves = loss_curves(np.ones((2, 24)), np.ones((2, 24)), np.array([3, 3]))
    assert allocate(curves, 6).tolist() == [3, 3]
    with pytest.raises(ValueError, match="hold 6"):
        allocate(curves, 7)
    assert allocate(moving_cost(curves, np.array([0, 3]), 100.0), 3).tolist() == [0, 3]
