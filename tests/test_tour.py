"""The nightly tour: hand-worked nights, an exact optimum, an independent checker, and the reasons."""

from dataclasses import replace
from itertools import pairwise, permutations, product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.decide.tour import Stops, Tour, Truck, check_tour, plan_tour, stop_reasons
from pipelines.decide.tour.serve_all import read_dellamico, served_in_full
from tests.exact_tour import exact_eur, night, truck


def two_stations(eur: float, minutes: float = 5.0) -> Stops:
    """Station 0 has four bikes too many, station 1 loses `eur` for each of four that it lacks."""
    loss = np.array([[0.0, 0, 0, 0, 0], [4 * eur, 3 * eur, 2 * eur, eur, 0]])
    ways = np.full((3, 3), minutes)
    np.fill_diagonal(ways, 0)
    return Stops(np.array([4, 0]), np.array([4, 4]), loss, ways, ways / 2)


def test_the_bikes_go_where_they_are_missing() -> None:
    tour = plan_tour(two_stations(10), Truck(20, 240, 0.4, 0.75, 2, 1), seed=1)
    assert (tour.order, tour.change) == ((0, 1), (-4, 4))
    assert tour.minutes == 15 + 2 * 2 + 8 * 1
    assert tour.km == 7.5
    assert tour.eur_truck == pytest.approx(0.4 * 7.5 + 0.75 * 27)
    assert tour.eur_saved == pytest.approx(40)


def test_no_tour_where_it_does_not_pay() -> None:
    van = Truck(20, 240, 0.4, 0.75, 2, 1)  # four bikes cost 23.25 EUR: 5.82 EUR each
    assert plan_tour(two_stations(5.8), van, seed=1) == Tour((), (), 0, 0, 0, 0)
    assert plan_tour(two_stations(5.9), van, seed=1).order == (0, 1)


def test_handling_that_costs_more_than_it_saves_leaves_bikes_where_they_are() -> None:
    stops = replace(two_stations(10), loss=np.array([[0.0] * 5, [32, 20, 10, 1, 0]]))
    tour = plan_tour(stops, Truck(20, 240, 0.1, 0.75, 2, 1), seed=1)
    assert tour.change == (-3, 3)  # the fourth bike would save 1.00 for 1.50 of handling


def test_truck_capacity_and_shift_limit_the_bikes() -> None:
    assert plan_tour(two_stations(20), Truck(3, 240, 0.4, 0.75, 2, 1), seed=1).change == (-3, 3)
    assert plan_tour(two_stations(20), Truck(20, 24, 0.4, 0.75, 2, 1), seed=1).change == (-2, 2)  # 19 minutes go without a bike
    assert plan_tour(two_stations(20), Truck(20, 20, 0.4, 0.75, 2, 1), seed=1).order == ()


def test_bikes_of_the_depot_may_be_delivered_and_are_never_more_afterwards() -> None:
    stops = replace(two_stations(10), stock=np.array([0, 0]))
    assert plan_tour(stops, Truck(20, 240, 0.4, 0.75, 2, 1), seed=1).order == ()
    tour = plan_tour(stops, Truck(20, 240, 0.4, 0.75, 2, 1, load=3), seed=1)
    assert (tour.order, tour.change) == ((1,), (3,))


def test_order_follows_asymmetric_minutes() -> None:
    ways = np.full((4, 4), 30.0)
    for a, b in [(0, 2), (2, 1), (1, 3), (3, 0)]:
        ways[a, b] = 3
    loss = np.array([[90.0, 60, 30, 0], [0, 0, 0, 0], [90, 60, 30, 0]])
    stops = Stops(np.array([0, 3, 0]), np.array([3, 3, 3]), loss, ways, ways)
    tour = plan_tour(stops, Truck(9, 240, 0.4, 0.2, 0, 0, load=3), seed=1)
    assert tour.order == (1, 0, 2)


def cases(count: int) -> list[tuple[Stops, Truck]]:
    """Return random nights of 6, 8 or 11 stations: small and large trucks, empty or loaded, poor and rich nights."""
    kinds = [(11, 8, 11, 6, 11)[seed % 5] for seed in range(count)]
    return [
        (night(seed, n, value=(25, 12, 8, 50)[seed % 4]), truck(load=(0, 0, 4, 0)[seed % 4], capacity=(20, 8, 15)[seed % 3]))
        for seed, n in enumerate(kinds)
    ]


def mean_gap(nights: list[tuple[Stops, Truck]], iterations: int) -> float:
    gaps = []
    for stops, van in nights:
        best, tour = exact_eur(stops, van), plan_tour(stops, van, seed=1, iterations=iterations)
        assert check_tour(tour, stops, van) == []
        assert tour.eur <= best + 1e-6
        assert best > 1e-6 or tour.order == ()
        gaps.append((best - tour.eur) / best if best > 1e-6 else 0.0)
    return float(np.mean(gaps))


def test_the_gap_to_the_exact_optimum_is_small() -> None:
    assert mean_gap(cases(10), 20) <= 0.01


@pytest.mark.slow
def test_the_gap_to_the_exact_optimum_is_small_in_a_hundred_cases() -> None:
    assert mean_gap(cases(100), 40) <= 0.01


def brute_force_eur(stops: Stops, van: Truck) -> float:
    """Return the best worth of any order with any changes that fit truck and shift, by trying them all."""
    best = 0.0
    for count in range(1, len(stops.stock) + 1):
        for order in permutations(range(len(stops.stock)), count):
            places = (0, *(i + 1 for i in order), 0)
            travel = [(stops.minutes[a, b], stops.km[a, b]) for a, b in pairwise(places)]
            minutes, km = (sum(column) for column in zip(*travel, strict=True))
            choices = [range(-int(stops.stock[i]), int(stops.capacity[i] - stops.stock[i]) + 1) for i in order]
            for change in product(*choices):
                loads = van.load - np.cumsum([0, *change])
                time = minutes + van.stop_minutes * count + van.bike_minutes * sum(map(abs, change))
                if 0 in change or loads.min() < 0 or loads.max() > van.capacity or loads[-1] > van.load or time > van.shift_minutes:
                    continue
                saved = sum(stops.loss[i, stops.stock[i]] - stops.loss[i, stops.stock[i] + d] for i, d in zip(order, change, strict=True))
                best = max(best, float(saved - km * van.eur_per_km - time * van.eur_per_minute))
    return best


def small_night(seed: int, n: int, docks: int) -> Stops:
    stops = night(seed, n, value=60)
    stock, loss = np.minimum(stops.stock, docks), stops.loss[:, : docks + 1]
    return Stops(stock, np.full(n, docks), np.where(np.isinf(loss), 0, loss), stops.minutes, stops.km)


@pytest.mark.parametrize("seed", range(6))
def test_a_binding_shift_is_used_as_well_as_possible(seed: int) -> None:
    stops, van = small_night(seed, 4, 4), truck(capacity=5, load=seed % 2)
    free = plan_tour(stops, van, seed=1)
    tight = replace(van, shift_minutes=0.6 * free.minutes)
    tour = plan_tour(stops, tight, seed=1)
    assert check_tour(tour, stops, tight) == []
    assert tour.eur == pytest.approx(brute_force_eur(stops, tight), rel=1e-9, abs=1e-9)


@settings(max_examples=30)
@given(seed=st.integers(0, 10_000), n=st.integers(1, 14), shift=st.sampled_from([30, 60, 120, 1e6]), load=st.integers(0, 5))
def test_every_tour_is_possible_and_never_loses_money(seed: int, n: int, shift: float, load: int) -> None:
    stops, van = night(seed, n, value=20), truck(capacity=8, shift_minutes=shift, load=load)
    tour = plan_tour(stops, van, seed=1, iterations=2)
    assert check_tour(tour, stops, van) == []
    assert tour.eur >= 0
    assert len(stop_reasons(tour, stops, van)) == n


def test_same_seed_same_tour() -> None:
    stops = night(3, 20, value=25)
    assert plan_tour(stops, truck(shift_minutes=90), seed=7, iterations=5) == plan_tour(
        stops, truck(shift_minutes=90), seed=7, iterations=5
    )


def test_the_checker_finds_each_fault() -> None:
    stops, van = two_stations(10), Truck(3, 240, 0.4, 0.75, 2, 1)
    good = plan_tour(stops, van, seed=1)
    assert check_tour(good, stops, van) == []
    wrong = {
        "visited twice": replace(good, order=(0, 0)),
        "none of the 2": replace(good, order=(0, 5)),
        "2 stops but 1": replace(good, change=(1,)),
        "would hold": replace(good, change=(1, -1)),
        "nothing is done": replace(good, change=(-3, 0)),
        "4 bikes on a truck for 3": replace(good, change=(-4, 4)),
        "brought back": replace(good, change=(-3, 2)),
        "-3 bikes on": replace(good, order=(1, 0), change=(3, -3)),
        "km is given": replace(good, km=1.0),
        "eur_saved is given": replace(good, eur_saved=99.0),
    }
    for words, tour in wrong.items():
        assert any(words in fault for fault in check_tour(tour, stops, van)), words
    assert any("do not fit into a shift" in fault for fault in check_tour(good, stops, replace(van, shift_minutes=20)))


def test_every_station_has_its_reason() -> None:
    stops, van = two_stations(10), Truck(20, 240, 0.4, 0.75, 2, 1)
    load, unload = stop_reasons(plan_tour(stops, van, seed=1), stops, van)
    assert (load.key, unload.key) == ("load", "unload")
    assert unload.values["gain_eur"] == pytest.approx(40)
    assert unload.values["detour_eur"] == pytest.approx(0.4 * 2.5 + 0.75 * (5 + 2 + 4))
    none = stop_reasons(plan_tour(two_stations(5), van, seed=1), two_stations(5), van)
    assert [reason.key for reason in none] == ["fine", "no_tour"]
    assert "4 Räder" in none[1].sentence("de")
    assert "4 bikes" in none[1].sentence("en")


def test_reasons_for_staying_out() -> None:
    places = np.array([[0.0, 0], [0, 1], [0, 2], [0, 3], [0, 30], [9, 0]])
    ways = np.linalg.norm(places[:, None] - places[None], axis=2)
    a_bike = np.array([0, 10, 3, 5, 40])[:, None]  # EUR lost for each bike that is missing
    loss = a_bike * np.arange(6.0, -1, -1)
    stops = Stops(np.array([6, 0, 0, 0, 0]), np.full(5, 6), loss, ways, ways)
    van = Truck(20, 200, 0.4, 0.75, 2, 0.1)
    tour = plan_tour(stops, van, seed=1)
    assert tour.order == (0, 4)
    assert [reason.key for reason in stop_reasons(tour, stops, van)] == ["load", "bikes", "bikes", "detour", "unload"]
    short = replace(van, shift_minutes=20)  # the way to station 4 and back takes 23 minutes
    tour = plan_tour(stops, short, seed=1)
    assert tour.order == (0, 1)
    assert [reason.key for reason in stop_reasons(tour, stops, short)] == ["load", "unload", "bikes", "detour", "shift"]


@pytest.mark.parametrize(("name", "best_known"), [("parma5", 19_500), ("parma8", 22_700), ("parma9", 23_400), ("parma10", 25_400)])
def test_best_known_cost_of_the_parma_instances(name: str, best_known: float, shared: Path) -> None:
    demand, capacity, cost = read_dellamico(shared / "data" / "mobility" / "brp_dellamico" / f"{name}.txt")
    stops, van, unserved = served_in_full(demand, capacity, cost)
    tour = plan_tour(stops, van, seed=1)
    assert check_tour(tour, stops, van) == []
    assert tour.km == best_known
    assert tour.eur_saved == unserved * len(demand)


def test_a_second_round_serves_what_one_round_cannot() -> None:
    ways = 10.0 * (1 - np.eye(3))
    stops, van, unserved = served_in_full(np.array([3, 3]), 3, ways)
    tour = plan_tour(stops, van, seed=1)
    assert tour.eur_saved == 2 * unserved
    assert sorted(tour.order) == [0, 1, 2]
    assert tour.order[1] == 2  # back to the depot in between
    assert tour.km == 40


def test_a_damaged_instance_is_named(tmp_path: Path) -> None:
    file = tmp_path / "short.txt"
    file.write_text("3\n0 1 -1\n5\n0 1 2\n1 0\n")
    with pytest.raises(ValueError, match=r"short\.txt: 3 places need 13 numbers"):
        read_dellamico(file)
