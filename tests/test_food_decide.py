"""How much to bake, worked out by hand: critical ratio, trays, display, oven, pre-orders, the second day."""

from datetime import timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy.special import ndtri

from pipelines.errors import InputError
from pipelines.replay import replay
from pipelines.run import featured
from tests.bakery import COSTS, LEFT, MISSING, MONDAY, chain, priced, settings
from usecases.food_waste import CASE, at_service
from usecases.food_waste.decide import decide

LEVELS = (0.1, 0.3, 0.5, 0.7, 0.9)
FREE = {"tray": 0}  # any number of pieces
DAY_OLD = {"demand_share": 0.2, "price_share": 0.5, "replaces": 0.5}


def normal(rows: pl.DataFrame, mean: float = 100, spread: float = 10) -> pl.DataFrame:
    """Normally distributed demand: its quantile at level c is mean + spread x score(c), and that is what the plan must bake."""
    return rows.with_columns(pl.lit(mean + spread * ndtri(level)).alias(f"q{level:g}") for level in LEVELS)


def certain(rows: pl.DataFrame, demand: list[float]) -> pl.DataFrame:
    return rows.with_columns(pl.Series(f"q{level:g}", demand, dtype=pl.Float64) for level in LEVELS)


def baked(rows: pl.DataFrame, s: Any, state: pl.DataFrame | None = None) -> list[float]:
    found: list[float] = decide(rows, s, state)["bake"].to_list()
    return found


def at(ratio: float) -> Any:
    return pytest.approx(100 + 10 * ndtri(ratio), abs=1e-9)


def test_the_plan_is_the_quantile_at_the_critical_ratio():
    s = settings(limits=FREE)
    assert baked(normal(priced(s, sold=[None])), s) == [at(MISSING / (MISSING + LEFT))]  # 0.80 / 1.15


def test_each_product_has_its_own_critical_ratio_and_the_data_win():
    s = settings(limits=FREE, products={"Torte": {"price_eur": 5.0}, "Keks": {"salvage_eur": 0.35}})
    rows = normal(priced(s, product=["Brot", "Torte", "Keks", "Torte", "Brot"], price_eur=[None, None, None, 0.6, 3.0]))
    # 0.80 / 1.15; (5.00 - 0.40 + 0.20) / (4.80 + 0.35); 0.80 / (0.80 + 0.10); data: (0.60 - 0.20) / 0.75; (3.00 - 0.20) / 3.15
    assert baked(rows, s) == [at(0.8 / 1.15), at(4.8 / 5.15), at(0.8 / 0.9), at(0.4 / 0.75), at(2.8 / 3.15)]


def test_a_setting_of_the_whole_bakery_changes_the_ratio():
    s = settings(limits=FREE, costs={**COSTS, "goodwill_eur": 1.0})
    assert baked(normal(priced(s, sold=[None])), s) == [at(1.6 / 1.95)]


@pytest.mark.parametrize("level", [0.5, 0.7, 0.9])
def test_at_service_decides_at_one_level_for_all_products(level):
    s = at_service(settings(limits=FREE, products={"Torte": {"price_eur": 5.0}}, day_old=DAY_OLD), level)
    rows = normal(priced(s, product=["Brot", "Torte"]))
    assert baked(rows, s) == 2 * [at(level)]
    nothing_old = rows.select("day", "branch", "product", day_old=pl.lit(0.0))
    assert baked(rows, s, nothing_old) == 2 * [at(level)]


@pytest.mark.parametrize(
    ("product", "data", "named"),
    [({"price_eur": 0.1}, None, "price_eur 0.1"), ({"salvage_eur": 0.45}, None, "salvage_eur 0.45"), ({}, 0.0, "price_eur 0.0")],
    ids=["missing costs nothing", "left over costs nothing", "free in the data"],
)
def test_costs_nothing_can_be_decided_with_are_refused(product, data, named):
    s = settings(products={"Torte": product})
    with pytest.raises(InputError, match=f"1 row .* Torte on 2024-01-08: .*{named}") as caught:
        priced(s, product=["Brot", "Torte"], price_eur=[1.0, data])
    assert caught.value.exit_code == 2


def test_trays_are_chosen_by_expected_cost_not_by_rounding():
    s = settings(limits={"tray": 6})
    # 8 wanted: 6 miss 2 x 0.80 = 1.60, 12 leave 4 x 0.35 = 1.40; the nearest tray is not the cheapest. 7: 0.80 against 1.75. 12: exact
    assert baked(certain(priced(s, sold=[None] * 3), [8, 7, 12]), s) == [12, 6, 12]


def test_trays_of_single_products_and_of_the_data():
    s = settings(limits={"tray": 6}, products={"Torte": {"tray": 5}})
    rows = certain(priced(s, product=["Brot", "Torte", "Torte"], tray=[None, None, 4]), [17, 17, 17])
    assert baked(rows, s) == [18, 20, 16]  # Torte, trays of 5: 15 miss 2 x 0.80, 20 leave 3 x 0.35 = 1.05


def test_whole_pieces_without_trays_of_their_own():
    s = settings()
    assert baked(certain(priced(s, sold=[None] * 2), [7.2, 7.9]), s) == [7, 8]  # 0.2 x 0.80 = 0.16 < 0.8 x 0.35; 0.72 > 0.035


def test_the_display_is_never_empty_and_is_whole_trays():
    assert baked(certain(priced(s := settings(limits={"display": 5}), sold=[None] * 2), [2, 9]), s) == [5, 9]
    assert baked(certain(priced(s := settings(limits={"display": 5, "tray": 4}), sold=[None]), [2]), s) == [8]
    s = settings(limits={"display": 5}, products={"Torte": {"display": 1}})
    assert baked(certain(priced(s, product=["Brot", "Torte", "Torte"], display=[None, None, 3]), [0, 0, 0]), s) == [5, 1, 3]


def test_the_oven_of_a_branch_keeps_the_trays_that_are_worth_most():
    s = settings(limits={"tray": 6, "oven_trays": 3}, products={"Torte": {"price_eur": 5.0}})
    rows = priced(
        s,
        day=[MONDAY] * 4 + [MONDAY + timedelta(1)] * 2,
        branch=["Nord", "Nord", "Süd", "Süd", "Nord", "Nord"],
        product=["Brot", "Torte"] * 3,
    )
    # Nord, Monday: 2 + 2 trays wanted, 3 fit: a tray less of the cheaper product; Süd and Tuesday have room enough
    assert baked(certain(rows, [12, 12, 6, 12, 12, 6]), s) == [6, 12, 6, 12, 12, 6]


def test_pre_orders_are_taken_off_and_share_the_trays():
    s = settings(limits=FREE)
    assert baked(normal(priced(s, preordered=[30.0])), s) == [pytest.approx(70 + 10 * ndtri(0.8 / 1.15))]
    trays = settings(limits={"tray": 6})
    # 10 wanted, 4 of them ordered before: two trays leave 2 x 0.35, one misses 4 x 0.80: 12 baked, 8 of them for the shop
    assert baked(certain(priced(trays, preordered=[4.0]), [10]), trays) == [8]


def test_pre_orders_are_always_served():
    s = settings(limits={"tray": 6, "oven_trays": 1})
    rows = certain(priced(s, preordered=[9.0, 8.0, 0.0], branch=["Nord", "Süd", "Süd"], product=["Brot", "Brot", "Torte"]), [3, 0, 6])
    # forecast below the pre-orders: two trays hold 9, 3 are over; Süd: two trays hold 8, the oven has no room for anything else
    total = np.array(baked(rows, s)) + rows["preordered"].to_numpy()
    assert (total >= rows["preordered"].to_numpy()).all()
    wide = settings(limits={"tray": 6})
    assert baked(rows, wide) == [3, 4, 6]


def test_pre_orders_do_not_lie_on_display():
    s = settings(limits={"display": 5})
    assert baked(certain(priced(s, preordered=[4.0, 0.0]), [4, 0]), s) == [5, 5]


def test_a_second_day_makes_left_over_pieces_cheaper():
    s = settings(limits=FREE, day_old={**DAY_OLD, "products": ["Brot"]})
    rows = normal(priced(s, product=["Brot", "Torte"]))
    nothing_old = rows.select("day", "branch", "product", day_old=pl.lit(0.0))
    # tomorrow 20 of 100 customers would take old bread, far more than is left over: every left-over piece is sold then. It brings
    # 0.50, replaces half a margin (0.30), spares disposal (0.05) and forgoes salvage (0.10): overage 0.35 - 0.15 = 0.20
    assert baked(rows, s, nothing_old) == [at(0.8 / 1.0), at(0.8 / 1.15)]


def test_old_pieces_on_the_shelf_replace_fresh_ones():
    s = settings(limits=FREE, day_old=DAY_OLD)
    rows = normal(priced(s, branch=["Nord", "Süd"]))
    state = rows.select("day", "branch", "product", day_old=pl.Series([10.0, 60.0]))
    # 10 old pieces replace 5 fresh ones; of 60 only a fifth of demand is wanted, half of that replaces: 10 % of each quantile
    assert baked(rows, s, state) == [pytest.approx(95 + 10 * ndtri(0.8)), pytest.approx(0.9 * (100 + 10 * ndtri(0.8)))]
    assert baked(rows, s, state.with_columns(day=pl.col("day") - timedelta(1))) == 2 * [at(0.8)]  # the pieces of another day


def test_at_noon_before_nobody_knows_what_will_be_left():
    s = settings(limits=FREE, day_old=DAY_OLD, demand={"deadline": "noon before"})
    rows = normal(priced(s, branch=["Nord", "Süd"]))
    assert baked(rows, s, rows.select("day", "branch", "product", day_old=pl.Series([10.0, 60.0]))) == 2 * [at(0.8)]


def test_a_second_day_never_makes_overproduction_free():
    s = settings(limits=FREE, day_old={"demand_share": 0.9, "price_share": 1.0, "replaces": 0.0})
    rows = normal(priced(s, sold=[None]))
    state = rows.select("day", "branch", "product", day_old=pl.lit(0.0))
    assert baked(rows, s, state) == [at(0.8 / (0.8 + 0.05 * 0.35))]  # 5 % of the overage stay


def weeks(number: int) -> list[float | None]:
    """20 pieces a day, closed on Sundays."""
    return [20.0 if day % 7 < 6 else None for day in range(7 * number)]


def test_nothing_is_baked_for_a_closed_branch():
    s = settings(day_old=DAY_OLD)
    sold = {("Nord", "Brot"): weeks(6), ("Süd", "Brot"): weeks(3) + [None] * 7 + weeks(2)}  # Süd: a week of holidays, too
    rows = chain(sold, s)
    made = featured(CASE, CASE.prepare(rows, s), s)
    closed = rows.filter(~pl.col("open"))
    assert closed.group_by("branch").len().sort("branch").rows() == [("Nord", 5), ("Süd", 11)]  # the data end on a Saturday
    assert made.join(closed, on=["day", "branch", "product"], how="semi").is_empty()
    forecasts = normal(made.filter(pl.col("day") >= MONDAY + timedelta(14)))
    for name, policy in {"plan": CASE.decide, "usual": CASE.usual, **CASE.rules}.items():
        actions = replay(CASE, forecasts, s, policy, name).actions
        assert actions.height == forecasts.height == 4 * 6 + 3 * 6
        assert (actions["bake"] >= 0).all()


def test_nothing_is_kept_for_a_day_on_which_the_branch_is_closed():
    s = settings(limits=FREE, day_old=DAY_OLD)
    made = featured(CASE, CASE.prepare(chain({("Nord", "Brot"): weeks(3)}, s), s), s)
    assert made.filter(~pl.col("keeps"))["day"].dt.weekday().unique().to_list() == [6]
    rows = normal(made.filter(pl.col("day") < pl.col("day").max()))  # nobody knows whether the bakery opens after the last day
    bakes = rows.with_columns(bake=pl.Series(baked(rows, s, rows.select("day", "branch", "product", day_old=pl.lit(0.0)))))
    for saturday, expected in ((True, at(0.8 / 1.15)), (False, at(0.8))):
        found = bakes.filter((pl.col("day").dt.weekday() == 6) == saturday)["bake"].unique()
        assert found.to_list() == [expected]
