"""What a stock costs tomorrow, against the matrix exponential; target stocks against every possible allocation."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st
from scipy.linalg import expm

from pipelines.decide.allocation import allocate, moving_cost
from pipelines.decide.loss_curve import loss_curves

RATE = st.floats(0, 12)


def by_matrix_exponential(rentals, returns, capacity, lost, overflow):
    """The same curve from the generator of the queue, extended by the cost that accrues: an independent second way."""
    ahead = np.zeros(capacity + 1)
    for out, back in zip(rentals[::-1], returns[::-1], strict=True):
        rates = np.zeros((capacity + 2, capacity + 2))
        for stock in range(capacity + 1):
            if stock > 0:
                rates[stock, stock - 1] = out
            if stock < capacity:
                rates[stock, stock + 1] = back
            rates[stock, stock] = -rates[stock].sum()
        rates[0, -1] += lost * out
        rates[capacity, -1] += overflow * back
        ahead = (expm(rates) @ np.append(ahead, 1.0))[:-1]
    return ahead


@effort(max_examples=40)
@given(st.lists(st.tuples(RATE, RATE), min_size=1, max_size=6), st.integers(1, 25), st.floats(0.1, 3), st.floats(0.1, 3))
def test_the_curve_is_that_of_the_matrix_exponential_and_convex(rates, capacity, lost, overflow):
    rentals, returns = (np.array(side) for side in zip(*rates, strict=True))
    curve = loss_curves(rentals[None], returns[None], np.array([capacity]), lost=lost, overflow=overflow)[0]
    assert curve == pytest.approx(by_matrix_exponential(rentals, returns, capacity, lost, overflow), abs=1e-6, rel=1e-6)
    assert (np.diff(curve, 2) >= -1e-9).all()


def test_by_hand():
    # one hour, rentals alone, two docks: empty loses the mean; with one bike the first rental is served
    curve = loss_curves(np.array([[1.0]]), np.array([[0.0]]), np.array([2]))[0]
    some, more = 1 - np.exp(-1), 1 - 2 * np.exp(-1)  # P(at least one), P(at least two)
    assert curve == pytest.approx([1.0, 1.0 - some, 1.0 - some - more])


def test_stations_of_different_size_and_pace_stand_in_their_own_row():
    rentals, returns = np.array([[9.0, 1.0], [0.0, 0.0], [2.0, 7.0]]), np.array([[1.0, 8.0], [0.0, 0.0], [2.0, 1.0]])
    curves = loss_curves(rentals, returns, np.array([4, 2, 7]))
    assert np.isinf(curves[0, 5:]).all()
    assert curves[1, :3].tolist() == [0, 0, 0]
    for station, size in enumerate((4, 2, 7)):
        alone = loss_curves(rentals[[station]], returns[[station]], np.array([size]))
        assert curves[station, : size + 1] == pytest.approx(alone[0])


@effort(max_examples=40)
@given(st.lists(st.lists(st.floats(-3, 3), min_size=3, max_size=3), min_size=1, max_size=4), st.integers(0, 9))
def test_allocation_is_the_best_of_all(slopes, total):
    curves = np.array([np.concatenate([[5.0], 5.0 + np.cumsum(sorted(slope))]) for slope in slopes])
    if total > 3 * len(curves):
        with pytest.raises(ValueError, match="hold"):
            allocate(curves, total)
        return
    cost = {
        stocks: sum(curves[n, k] for n, k in enumerate(stocks)) for stocks in product(range(4), repeat=len(curves)) if sum(stocks) == total
    }
    found = allocate(curves, total)
    assert found.sum() == total
    assert sum(curves[n, k] for n, k in enumerate(found)) == pytest.approx(min(cost.values()))


def test_handling_keeps_bikes_where_they_are_unless_it_pays():
    curves = np.array([[3.0, 1.0, 0.8, 0.8], [3.0, 1.0, 0.8, 0.8]])
    assert allocate(curves, 3).tolist() == [2, 1]
    assert allocate(moving_cost(curves, np.array([0, 3]), 0.5), 3).tolist() == [1, 2]  # the first bike is worth two handlings
    assert allocate(moving_cost(curves, np.array([0, 3]), 2.0), 3).tolist() == [0, 3]
