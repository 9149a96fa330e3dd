"""What a day costs, worked out by hand, and the ledger against an independent count of the money."""

from datetime import timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import settings as effort
from hypothesis import strategies as st

from pipelines.replay import replay
from tests.bakery import COSTS, KEYS, LEFT, MISSING, MONDAY, frame, ledger_of, priced, settings
from usecases.food_waste import CASE
from usecases.food_waste.costs import add_costs
from usecases.food_waste.value import start, value

TUESDAY = MONDAY + timedelta(1)
DAY_OLD = {"demand_share": 0.2, "price_share": 0.5, "replaces": 0.5}


def planned(rows, s, state):
    """The policy that bakes what the column `planned` says."""
    return rows.with_columns(bake=pl.col("planned"))


def booked(s, **columns: Any) -> list[dict[str, float]]:
    return ledger_of(value(priced(s, **columns), s, None)[0])


def test_a_missing_piece_costs_margin_and_goodwill():
    # 10 wanted, 8 baked: 2 x (1.00 - 0.40 + 0.20)
    assert booked(settings(), demand=[10], bake=[8.0]) == [{"eur": 1.6, "kg": 0, "kg_co2e": 0, "sold_out": 2}]


def test_a_left_over_piece_costs_what_it_no_longer_brings():
    # 10 wanted, 13 baked: 3 x (0.40 + 0.05 - 0.10); 3 x 0.5 kg; 1.5 kg x 0.8 kg CO2e
    assert booked(settings(), demand=[10], bake=[13.0]) == [{"eur": 1.05, "kg": 1.5, "kg_co2e": 1.2, "sold_out": 0}]


def test_the_right_number_costs_nothing():
    assert booked(settings(), demand=[10, 0], bake=[10.0, 0.0]) == 2 * [{"eur": 0, "kg": 0, "kg_co2e": 0, "sold_out": 0}]


def test_salvage_disposal_and_goodwill_each_by_hand():
    def eur(bake: float, **costs: float) -> float:
        plain = {"salvage_eur": 0.0, "disposal_eur": 0.0, "goodwill_eur": 0.0}
        return booked(settings(costs={**plain, **costs}), demand=[10], bake=[bake])[0]["eur"]

    assert (eur(14), eur(6)) == (1.6, 2.4)  # 4 left x 0.40; 4 missing x 0.60
    assert (eur(14, salvage_eur=0.3), eur(6, salvage_eur=0.3)) == (0.4, 2.4)  # 4 x (0.40 - 0.30)
    assert (eur(14, disposal_eur=0.25), eur(6, disposal_eur=0.25)) == (2.6, 2.4)  # 4 x (0.40 + 0.25)
    assert (eur(14, goodwill_eur=0.5), eur(6, goodwill_eur=0.5)) == (1.6, 4.4)  # 4 x (0.60 + 0.50)


def test_pre_orders_are_served_apart():
    # 10 wanted, 4 of them ordered before: 6 walk-in customers meet 5 pieces; the second row: 6 customers, 9 pieces, 3 left
    rows = booked(settings(), demand=[10, 10], preordered=[4, 4], bake=[5.0, 9.0])
    assert [(row["eur"], row["sold_out"], row["kg"]) for row in rows] == [(0.8, 1, 0), (1.05, 0, 1.5)]


def test_more_pre_orders_than_demand_leave_no_walk_in_customer_owing():
    assert booked(settings(), demand=[3], preordered=[4], bake=[2.0])[0] == {"eur": 0.7, "kg": 1.0, "kg_co2e": 0.8, "sold_out": 0}


def test_unit_costs_may_be_a_share_of_each_price():
    s = settings(costs={"unit_cost_share": 0.4}, products={"Keks": {"unit_cost_eur": 0.3}})
    rows = add_costs(frame(product=["Brot", "Torte", "Keks", "Torte"], price_eur=[None, 5.0, 1.0, 0.2]), s)
    assert rows["unit_cost_eur"].to_list() == pytest.approx([0.4 * COSTS["price_eur"], 2.0, 0.3, 0.08])


def test_costs_of_single_products_and_of_the_data_are_used():
    s = settings(products={"Torte": {"price_eur": 5.0, "weight_kg": 2.0}})
    rows = booked(s, product=["Brot", "Torte", "Torte"], unit_cost_eur=[None, None, 2.0], demand=[10, 10, 10], bake=[9.0, 9.0, 11.0])
    # 1 x 0.80; 1 x (5.00 - 0.40 + 0.20); 1 x (2.00 + 0.05 - 0.10) and 2 kg
    assert [(row["eur"], row["kg"]) for row in rows] == [(0.8, 0), (4.8, 0), (1.95, 2)]


def test_there_is_no_state_without_a_day_old_sale():
    assert start(frame(demand=[1]), settings()) is None
    state = start(frame(demand=[1, 2, 3], branch=["Nord", "Nord", "Süd"]), settings(day_old=DAY_OLD))
    assert state is not None
    assert state.rows() == [(MONDAY, "Nord", "Brot", 0.0), (MONDAY, "Süd", "Brot", 0.0)]


def test_the_day_old_sale_by_hand():
    s = settings(day_old=DAY_OLD)
    first, state = value(priced(s, demand=[10], bake=[14.0]), s, start(frame(demand=[10]), s))
    # 4 are left and booked as thrown away: 4 x 0.35, 4 x 0.5 kg
    assert ledger_of(first) == [{"eur": 1.4, "kg": 2.0, "kg_co2e": 1.6, "sold_out": 0}]
    assert state is not None
    assert state.rows() == [(TUESDAY, "Nord", "Brot", 4.0)]
    second, state = value(priced(s, day=[TUESDAY], demand=[10], bake=[10.0]), s, state)
    # a fifth of 10 customers take 2 of the 4; half of these 2 would have bought a fresh one: 9 fresh wanted, 1 left.
    # 1 x 0.35 + 2 x (half a margin 0.30 - price 0.50 - disposal 0.05 + salvage 0.10) = 0.35 - 0.30; (1 - 2) x 0.5 kg
    assert ledger_of(second) == [{"eur": 0.05, "kg": -0.5, "kg_co2e": -0.4, "sold_out": 0}]
    assert state is not None
    assert state.rows() == [(TUESDAY + timedelta(1), "Nord", "Brot", 1.0)]  # what lay there for two days is gone
    # thrown away in truth: 4 - 2 of the first day, 1 of the second
    assert pl.concat([first, second])["kg"].sum() == pytest.approx(3 * 0.5)


def test_products_that_do_not_keep_are_not_sold_the_next_day():
    s = settings(day_old={**DAY_OLD, "products": ["Brot"]})
    rows = priced(s, product=["Brot", "Torte"], demand=[10, 10], bake=[12.0, 12.0])
    _, state = value(rows, s, start(rows, s))
    assert state is not None
    assert state.rows() == [(TUESDAY, "Nord", "Brot", 2.0), (TUESDAY, "Nord", "Torte", 0.0)]


def test_a_branch_closed_on_the_next_day_sells_no_day_old_bread_later():
    s = settings(day_old=DAY_OLD)
    days = [MONDAY, MONDAY + timedelta(1), MONDAY + timedelta(2)]
    # Süd is closed on Tuesday: its two left-over pieces of Monday are thrown away
    rows = priced(
        s, day=[*days, days[0], days[2]], branch=["Nord"] * 3 + ["Süd"] * 2, demand=[10.0] * 5, planned=[12.0, 10.0, 10.0, 12.0, 10.0]
    )
    eur = replay(CASE, rows, s, planned, "plan").ledger.pivot("branch", index="day", values="eur").sort("day")
    assert eur["Süd"].to_list() == [pytest.approx(2 * LEFT), None, pytest.approx(0)]
    # Nord, Tuesday: 2 day-old sold in place of 1 fresh one: 1 left; Wednesday: 1 day-old sold, half a piece fresh less
    assert eur["Nord"].to_list() == pytest.approx([2 * LEFT, LEFT - 2 * 0.15, 0.5 * LEFT - 0.15])


def test_saturdays_bread_is_not_mondays_day_old_bread():
    s = settings(day_old=DAY_OLD)
    saturday, monday = MONDAY + timedelta(5), MONDAY + timedelta(7)
    # the whole chain is closed on Sunday
    rows = priced(s, day=[saturday, monday], demand=[10.0, 10.0], planned=[14.0, 10.0])
    ledger = replay(CASE, rows, s, planned, "plan").ledger
    assert ledger["eur"].to_list() == pytest.approx([4 * LEFT, 0])
    assert ledger["kg"].to_list() == [2.0, 0.0]


pieces = st.integers(0, 40)
euros = st.integers(0, 200).map(lambda cents: cents / 100)
day = st.tuples(pieces, pieces, pieces, st.booleans())  # walk-in customers, pre-orders, bake, open
shares = st.sampled_from([0.0, 0.1, 0.3, 0.9])
money = st.fixed_dictionaries(
    dict.fromkeys(("unit_cost_eur", "salvage_eur", "disposal_eur", "goodwill_eur"), euros) | {"margin": euros}
).filter(lambda c: c["margin"] + c["goodwill_eur"] > 0 and c["unit_cost_eur"] + c["disposal_eur"] > c["salvage_eur"])


def counted(days, c, price, share, price_share, replaces) -> tuple[float, float, float]:
    """Profit with perfect luck, profit as it came, pieces thrown away: the till and the bin, piece by piece."""
    ideal = real = thrown = shelf = 0.0
    for walk_in, preordered, bake, is_open in days:
        if not is_open:
            bin_today, shelf = shelf, 0.0
            thrown += bin_today
            real += bin_today * (c["salvage_eur"] - c["disposal_eur"])
            continue
        ideal += (walk_in + preordered) * (price - c["unit_cost_eur"])
        day_old = min(shelf, walk_in * share)
        fresh_wanted = walk_in - day_old * replaces
        fresh = min(fresh_wanted, bake)
        real += (fresh + preordered) * price + day_old * price * price_share
        real -= (bake + preordered) * c["unit_cost_eur"]
        real -= (fresh_wanted - fresh) * c["goodwill_eur"]
        bin_today = shelf - day_old
        shelf = bake - fresh
        if share == 0:
            bin_today, shelf = bin_today + shelf, 0.0
        thrown += bin_today
        real += bin_today * (c["salvage_eur"] - c["disposal_eur"])
    return ideal, real + shelf * (c["salvage_eur"] - c["disposal_eur"]), thrown + shelf


@effort(max_examples=40)
@given(st.lists(st.lists(day, min_size=6, max_size=6), min_size=2, max_size=3), money, shares, shares, shares)
@example([[(10, 2, 14, True), (10, 0, 10, True), (9, 0, 20, False), (10, 0, 12, True)] * 2] * 2,
         {"unit_cost_eur": 0.4, "salvage_eur": 0.1, "disposal_eur": 0.05, "goodwill_eur": 0.2, "margin": 0.6}, 0.3, 0.3, 0.9)  # fmt: skip
def test_eur_is_ideal_less_realised_profit(series, c, share, price_share, replaces):
    price = c["margin"] + c["unit_cost_eur"]
    if price == 0:
        return
    costs = {**{name: amount for name, amount in c.items() if name != "margin"}, "price_eur": price, "weight_kg": 0.25}
    s = settings(costs=costs, day_old={"demand_share": share, "price_share": price_share, "replaces": replaces})
    rows = [
        (MONDAY + timedelta(number), f"branch {name}", float(walk_in + preordered), float(preordered), float(bake))
        for name, days in enumerate(series)
        for number, (walk_in, preordered, bake, is_open) in enumerate(days)
        if is_open
    ]
    if not rows:
        return
    names = ("day", "branch", "demand", "preordered", "planned")
    table = add_costs(frame(**dict(zip(names, zip(*rows, strict=True), strict=True))), s)
    ledger = replay(CASE, table, s, planned, "plan").ledger
    found = [counted(days, c, price, share, price_share, replaces) for days in series]
    ideal, real, thrown = (sum(column) for column in zip(*found, strict=True))
    assert ledger["eur"].sum() == pytest.approx(ideal - real, abs=1e-6)
    assert ledger["kg"].sum() == pytest.approx(0.25 * thrown, abs=1e-6)
    assert ledger["kg_co2e"].sum() == pytest.approx((ledger["kg"] * 0.8).sum(), abs=1e-6)


def test_without_a_day_old_sale_the_days_may_be_valued_in_any_order():
    s = settings()
    rows = priced(s, branch=[f"{n}" for n in range(9)], demand=list(range(9)), bake=[4.0] * 9)
    whole, single = value(rows, s, None)[0], pl.concat([value(rows[n : n + 1], s, None)[0] for n in range(9)])
    assert whole.equals(single)
    assert whole["sold_out"].sum() == 1 + 2 + 3 + 4
    assert whole["eur"].sum() == pytest.approx(10 * MISSING + 10 * LEFT)


def test_the_ledger_of_a_chain_is_the_sum_of_its_branches():
    s = settings(day_old=DAY_OLD)
    rows = priced(
        s, day=[MONDAY + timedelta(n // 4) for n in range(12)], branch=["Nord", "Nord", "Süd", "Süd"] * 3, product=["Brot", "Brezel"] * 6,
        demand=[float(5 + n % 7) for n in range(12)], planned=[float(12 - n % 5) for n in range(12)],
    )  # fmt: skip
    whole = replay(CASE, rows, s, planned, "plan")
    parts = [replay(CASE, part, s, planned, "plan") for part in rows.partition_by(KEYS, maintain_order=True)]
    for unit in ("eur", "kg", "kg_co2e", "sold_out"):
        assert whole.ledger[unit].sum() == pytest.approx(sum(part.ledger[unit].sum() for part in parts))
    assert whole.actions["bake"].sum() == rows["planned"].sum()
