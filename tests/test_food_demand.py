"""Which days sold out, by hand for every signal; and what is said about demand nobody saw."""

from dataclasses import replace
from datetime import timedelta

import polars as pl
import pytest

from pipelines.run import gridded
from pipelines.table import Loaded
from tests.bakery import KEYS, MONDAY, chain, frame, settings
from usecases.food_waste import CASE
from usecases.food_waste.demand import evidence, prepare, sold_out, with_orders
from usecases.food_waste.simulate import simulate
from usecases.food_waste.story import notes, unknown_products
from usecases.food_waste.world import WorldSettings

NEVER = settings(demand={"sold_out": "never"})


def test_the_flag_of_the_till_goes_before_everything_else():
    rows = frame(
        sold=[5, 5, 0, None], sold_out=[True, False, True, None], returned=[3, 0, 0, None], ordered=[5, 5, 5, None], last_sale=[8] * 4
    )
    assert evidence(rows) == "sold_out"
    # a product of which nothing was left in the morning has sold out, too; a closed day never
    assert sold_out(rows, settings()).to_list() == [True, False, True, False]


def test_nothing_returned_means_sold_out_if_anything_was_sold():
    rows = frame(sold=[5, 5, 0, 5, None], returned=[0, 2, 0, None, None], ordered=[9, 5, 0, 5, None])
    assert evidence(rows) == "returned"
    assert sold_out(rows, settings()).to_list() == [True, False, False, False, False]


def test_what_was_baked_is_sold_plus_left_over_where_no_orders_are_given():
    rows = frame(sold=[5, 5, None], returned=[2, 0, None])
    assert with_orders(rows)["ordered"].to_list() == [7.0, 5.0, None]
    given = rows.with_columns(ordered=pl.Series([9.0, None, None]))
    assert with_orders(given)["ordered"].to_list() == [9.0, None, None]


def test_everything_ordered_sold_means_sold_out():
    rows = frame(sold=[5, 5, 6, 0, 5, None], ordered=[5, 7, 5, 0, None, 5], last_sale=[8] * 6)
    assert evidence(rows) == "ordered"
    assert sold_out(rows, settings()).to_list() == [True, False, True, False, False, False]  # the third: more was sold than ordered


def test_an_early_last_sale_means_sold_out():
    # open from 7; the branch's last sale of the day is at 18:00. Expected customers after the last sale: pieces an hour x hours of silence.
    rows = frame(
        product=["Brötchen", "Torte", "Brezel", "Keks", "Brot", "Zopf"],
        sold=[30, 1, 3, 3, 8, 0],
        last_sale=[18.0, 14.0, 10.0, 13.0, 7.0, None],
    )
    assert evidence(rows) == "last_sale"
    # Torte: 1 in 7 h, silence 4 h: 0.57 customers, exp(-0.57) = 0.57, likely. Brezel: 3 in 3 h, silence 8 h: exp(-8), unlikely.
    # Keks: 3 in 6 h, silence 5 h: exp(-2.5) = 0.08, still likely. Brot sold 8 right at opening: counted as a quarter of an hour.
    assert sold_out(rows, settings()).to_list() == [False, False, True, False, True, False]
    # a bakery that opens at 10: Keks sold 3 in 3 h, silence 5 h: exp(-5) = 0.007
    assert sold_out(rows, settings(demand={"opening_hour": 10})).to_list() == [False, False, True, True, True, False]


def test_the_last_sale_is_compared_within_a_branch_and_a_day():
    rows = frame(
        day=[MONDAY, MONDAY, MONDAY + timedelta(1), MONDAY],
        branch=["Nord", "Nord", "Nord", "Süd"],
        product=["Brot", "Brezel", "Brot", "Brot"],
        sold=[10, 10, 10, 10],
        last_sale=[12.0, 18.0, 12.0, 12.0],
    )
    # only where another product of the same branch and day sold until 18:00
    assert sold_out(rows, settings()).to_list() == [True, False, False, False]


def test_nothing_is_recognised_without_a_signal_or_when_told_not_to():
    plain, flagged = frame(sold=[5, 0]), frame(sold=[5, 0], sold_out=[True, True], returned=[0, 0])
    assert evidence(plain) == "none"
    assert sold_out(plain, settings()).to_list() == [False, False]
    assert sold_out(flagged, NEVER).to_list() == [False, False]
    rows = prepare(chain({("Nord", "Brot"): [5, 3, None, 7] * 30}, NEVER, sold_out=pl.lit(value=True)), NEVER)
    assert rows["sold_out"].sum() == 90
    assert rows["demand"].equals(rows["sold"].cast(pl.Float64), check_names=False)


@pytest.fixture(scope="module")
def small():
    world = simulate(WorldSettings(seed=3, branches=3, products=4, days=300))
    s = settings()
    return world, prepare(gridded(CASE, Loaded(world.tables, (), "small"), s), s)


def test_demand_is_never_below_sales_and_is_sales_where_nothing_sold_out(small):
    _, rows = small
    seen = rows.filter(pl.col("sold").is_not_null())
    assert seen["demand"].null_count() == 0
    assert seen.select((pl.col("demand") >= pl.col("sold")).all()).item()
    assert seen.filter(~pl.col("censored")).select((pl.col("demand") == pl.col("sold")).all()).item()
    assert seen["censored"].equals(seen["sold_out"], check_names=False)
    more = seen.filter("censored").select((pl.col("demand") > pl.col("sold")).mean()).item()
    assert more > 0.5, "most sold-out days had more customers"


def test_a_closed_day_has_no_demand(small):
    _, rows = small
    closed = rows.filter(pl.col("sold").is_null())
    assert closed.height > 100
    assert closed["demand"].null_count() == closed["censored"].null_count() == closed.height


def test_estimated_demand_comes_nearer_to_the_truth_than_sales(small):
    world, rows = small
    both = rows.join(world.truth, on=["day", *KEYS], validate="1:1")
    sold, demand, truth = both.select("sold", "demand", "latent_demand").sum().row(0)
    assert sold < 0.975 * truth
    assert abs(demand - truth) < (truth - sold) / 3


def test_the_same_rows_give_the_same_estimates(small):
    world, rows = small
    s = settings()
    again = gridded(CASE, Loaded(replace(world).tables, (), "small"), s)
    assert prepare(again, s)["demand"].equals(rows["demand"])


def test_the_report_says_how_much_demand_was_never_seen():
    rows = frame(sold=[8, 10, 10, 12], demand=[10, 10, 18, 12], censored=[True, False, True, False], sold_out=[True, False, True, False])
    told = dict(notes(rows, settings()))
    # 2 + 8 of 50 pieces were asked for and not sold, on 2 of 4 days
    assert told["food_waste.unseen"] == {"column": "sold_out", "days": 50.0, "share": 20.0, "pieces": 10}
    assert "food_waste.no_sold_out" not in told


def test_the_report_says_when_sell_outs_cannot_be_seen():
    rows = frame(sold=[8, 10], demand=[8, 10], censored=[False, False], sold_out=[True, False])
    assert "food_waste.no_sold_out" in dict(notes(rows, NEVER))
    assert "food_waste.no_sold_out" in dict(notes(rows.with_columns(sold_out=pl.lit(None, dtype=pl.Boolean)), settings()))


def test_the_report_names_deadline_business_as_usual_weather_and_simple_rows():
    rows = frame(sold=[8, 10], demand=[8, 10], censored=[False, False]).with_columns(
        model_used=pl.Series(["simple rule", "trees + weekday"])
    )
    noon = settings(demand={"deadline": "noon before"}, forecast={"weather": "observed"})
    told = dict(notes(rows, noon))
    assert {"food_waste.deadline_2", "food_waste.usual_same_weekday_last_week", "food_waste.optimistic_weather"} <= set(told)
    assert told["food_waste.fallback"] == {"rows": 1, "share": 50.0}
    told = dict(notes(rows[1:].with_columns(ordered=pl.lit(19.0)), settings()))
    assert set(told) == {"food_waste.deadline_1", "food_waste.unseen", "food_waste.usual_ordered"}
    assert told["food_waste.unseen"] == {"column": "ordered", "days": 0.0, "share": 0.0, "pieces": 0}


def test_figures_for_a_product_that_is_not_sold_are_named_with_the_nearest_name():
    rows = frame(sold=[5, 5]).with_columns(product=pl.lit("Mischbrot"))
    assert unknown_products(rows, settings(products={"Mischbrod": {"price_eur": 4.2}, "Torte": {"tray": 6}})) == [
        "Mischbrod (Mischbrot?)",
        "Torte",
    ]
    assert unknown_products(rows, settings(day_old={"products": ["Zopf"]})) == []  # nothing is sold on the second day
    assert unknown_products(rows, settings(day_old={"products": ["Zopf"], "demand_share": 0.1})) == ["Zopf"]
