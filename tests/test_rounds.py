"""Delivery rounds: hand-worked days, the same cost as PyVRP itself, readers that name faults, an independent checker."""

from dataclasses import replace
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.decide.rounds import Customers, Round, Rounds, Vehicle, check_rounds, drive, plan_rounds, read_solomon, read_vrplib
from pipelines.errors import InputError

VAN = Vehicle("van", 10, start=240, end=720, shift_minutes=480, eur_per_km=0.5, eur_per_minute=0.5, eur_per_round=8)


def day(seed: int, n: int, windows: bool = True) -> Customers:
    rng = np.random.default_rng(seed)
    places = rng.uniform(0, 20, (n + 1, 2))
    km = np.linalg.norm(places[:, None] - places[None], axis=2)
    earliest = rng.uniform(240, 420, n) if windows else np.full(n, 0.0)
    latest = earliest + rng.uniform(60, 180, n) if windows else np.full(n, np.inf)
    minutes = km * 2 * rng.uniform(0.9, 1.2, km.shape)
    return Customers(rng.integers(1, 5, n).astype(float), earliest, latest, rng.uniform(2, 8, n), minutes, km)


def line(*km: float, earliest: float = 0.0, latest: float = np.inf) -> Customers:
    """Customers along one road, a minute per km, one crate each, no time at the door."""
    places = np.array([0.0, *km])
    ways = np.abs(places[:, None] - places[None])
    n = len(km)
    return Customers(np.ones(n), np.full(n, earliest), np.full(n, latest), np.zeros(n), ways, ways)


def test_one_round_out_and_back_where_the_van_holds_everything():
    found = plan_rounds(line(5, 10, 15), [VAN], seed=1, iterations=50)
    assert len(found.rounds) == 1
    assert found.cost / 60_000 == pytest.approx(8 + 30 * 0.5 + 30 * 0.5)


def test_capacity_splits_the_rounds_and_a_second_van_costs_its_round():
    vans = [replace(VAN, capacity=2, available=2)]
    found = plan_rounds(line(5, 10, 15), vans, seed=1, iterations=50)
    assert sorted(len(each.order) for each in found.rounds) == [1, 2]
    assert found.cost / 60_000 == pytest.approx(16 + (30 + 10) * 1.0)  # near one alone: the far two share their way


def test_windows_are_kept_and_waiting_is_paid():
    customers = replace(line(5, 10), earliest=np.array([300.0, 240.0]), latest=np.array([310.0, 260.0]))
    found = plan_rounds(customers, [VAN], seed=1, iterations=50)
    assert check_rounds(found, customers, [VAN]) == []
    (only,) = found.rounds
    driven = drive(only.order, VAN, customers)
    assert list(only.order) == [1, 0]
    assert driven.departs == 250  # at the far one at 260, when its window ends, so that the van waits as little as it can
    assert list(driven.begins) == [260, 300]
    assert driven.minutes == 55
    assert found.cost / 60_000 == pytest.approx(driven.eur(VAN))


def test_what_fits_nowhere_is_an_error_or_left_out():
    customers = replace(line(5, 300), latest=np.array([700.0, 300.0]))
    with pytest.raises(InputError, match="No rounds for 2 customers"):
        plan_rounds(customers, [VAN], seed=1, iterations=20)
    found = plan_rounds(customers, [VAN], seed=1, iterations=20, all_served=False)
    assert found.left_out == (1,)
    assert check_rounds(found, customers, [VAN], all_served=False) == []


def test_too_many_crates_mean_a_way_back_to_the_depot():
    driven = drive((0, 1), replace(VAN, capacity=1), line(5, 10))
    assert driven.reloads == 1
    assert driven.km == 5 + 5 + 10 + 10
    huge = drive((0,), replace(VAN, capacity=1), replace(line(5), demand=np.array([3.0])))
    assert huge.km == 30  # three times there and back, loaded at the start for the first
    assert huge.leg_km[0] == 25


def test_late_minutes_are_counted_from_the_end_of_the_window():
    customers = line(60, latest=270)
    driven = drive((0,), VAN, customers)
    assert driven.departs == 240
    assert driven.late == (30,)


@given(seed=st.integers(0, 10_000), n=st.integers(1, 4))
@settings(max_examples=25)
def test_small_days_are_solved_to_the_optimum(seed, n):
    customers = day(seed, n, windows=False)
    van = replace(VAN, capacity=100)
    found = plan_rounds(customers, [van], seed=1, iterations=40)
    best = min(drive(order, van, customers).eur(van) for order in permutations(range(n)))
    assert found.cost / 60_000 == pytest.approx(best, rel=2e-3)


@given(seed=st.integers(0, 10_000), n=st.integers(1, 20))
@settings(max_examples=25)
def test_rounds_can_be_driven_and_cost_what_the_solver_says(seed, n):
    customers, vans = day(seed, n), [replace(VAN, available=3), replace(VAN, name="bike", capacity=4, eur_per_km=0.1, available=2)]
    found = plan_rounds(customers, vans, seed=1, iterations=30, all_served=False)
    rounded = replace(customers, minutes=np.round(customers.minutes * 60) / 60, service=np.round(customers.service * 60) / 60)
    assert check_rounds(found, rounded, vans, all_served=False) == []
    driven = [(drive(each.order, vans[each.vehicle], rounded), vans[each.vehicle]) for each in found.rounds]
    assert all(max(each.late) < 1e-6 and not each.reloads for each, _ in driven)
    assert found.cost / 60_000 == pytest.approx(sum(each.eur(van) for each, van in driven), rel=5e-3, abs=0.05)


def test_the_checker_finds_each_fault():
    customers = replace(line(5, 10, 15), latest=np.array([246.0, 700, 700]))
    good = Rounds((Round(0, (0, 1, 2)),), (), 0)
    assert check_rounds(good, customers, [VAN]) == []
    assert check_rounds(Rounds((Round(0, (0, 1)),), (), 0), customers, [VAN]) == ["customer 2 is served or left out 0 times"]
    assert "customer 0 is served or left out 2 times" in check_rounds(Rounds((Round(0, (0, 1, 2, 0)),), (), 0), customers, [VAN])
    assert "customers (2,) are left out" in check_rounds(Rounds((Round(0, (0, 1)),), (2,), 0), customers, [VAN])
    assert any(
        "van: 2 rounds, 1 vehicles" in fault for fault in check_rounds(Rounds((Round(0, (0, 1)), Round(0, (2,))), (), 0), customers, [VAN])
    )
    assert any("19.0 too late" in fault for fault in check_rounds(Rounds((Round(0, (2, 1, 0)),), (), 0), customers, [VAN]))
    for words, van in {
        "3 loaded, room for 2": replace(VAN, capacity=2),
        "back at minute 270.0, 10.0 too late": replace(VAN, end=260),
        "takes 30.0 minutes, the shift has 29.0": replace(VAN, shift_minutes=29),
    }.items():
        assert any(words in fault for fault in check_rounds(good, customers, [van])), words
    assert any("no vehicle 3" in fault for fault in check_rounds(Rounds((Round(3, (0, 1, 2)),), (), 0), customers, [VAN]))


def test_waiting_counts_in_the_checkers_shift():
    customers = replace(line(5, 10), earliest=np.array([0.0, 400]), latest=np.array([250.0, 500]))
    found = Rounds((Round(0, (0, 1)),), (), 0)
    assert check_rounds(found, customers, [replace(VAN, shift_minutes=165)]) == []  # out at 245, served at 400, back at 410
    assert "takes 165.0 minutes" in check_rounds(found, customers, [replace(VAN, shift_minutes=164)])[0]


@pytest.mark.parametrize(("name", "rounding"), [("cvrplib/X-n101-k25.vrp", "round"), ("solomon/RC208.vrp", "dimacs")])
def test_same_cost_as_pyvrp_called_directly(shared, name, rounding):
    import pyvrp
    from pyvrp.stop import MaxIterations

    file = shared / "data" / "mobility" / name
    customers, vehicles, units = read_vrplib(file, rounding)
    found = plan_rounds(customers, vehicles, seed=3, iterations=60, units=units)
    assert found.cost == pyvrp.solve(pyvrp.read(file, rounding), MaxIterations(60), seed=3, display=False).cost()
    assert check_rounds(found, customers, vehicles) == []


def test_both_files_of_rc208_are_the_same_instance(shared):
    folder = shared / "data" / "mobility" / "solomon"
    (one, _, _), (other, _, _) = read_vrplib(folder / "RC208.vrp", "dimacs"), read_solomon(folder / "rc208.txt")
    for part in ("demand", "earliest", "latest", "service", "km"):
        np.testing.assert_allclose(getattr(one, part), getattr(other, part), err_msg=part)


@pytest.mark.parametrize(
    ("name", "fault"),
    [("c101", "lines 1 and 2 must be"), ("c102", "lines 1 and 2 must be"), ("c204", "line 1 says type 2")],
)
def test_faulty_solomon_files_are_named(shared, name, fault):
    with pytest.raises(ValueError, match=rf"{name}\.txt: {fault}"):
        read_solomon(shared / "data" / "mobility" / "solomon" / f"{name}.txt")


def test_a_line_that_is_no_place_is_named(tmp_path: Path):
    file = tmp_path / "r1.txt"
    file.write_text("4 1 1 1 \n0 10\n 0 0 0 0 0 0 0 0 100\n 1 3 4 ten 1 1 1 1 0 50\n\n")
    with pytest.raises(ValueError, match=r"r1\.txt: line 4 is no place"):
        read_solomon(file)
    file.write_text("4 1 2 1 \n0 10\n 0 0 0 0 0 0 0 0 100\n 1 3 4 10 1 1 1 1 0 50\n")
    with pytest.raises(ValueError, match="promises 2 customers"):
        read_solomon(file)
