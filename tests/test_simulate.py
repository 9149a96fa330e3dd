"""The simulated bakery chain: known truth, honest files, planners of known quality."""

import hashlib
import tomllib
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal
from scipy.stats import nbinom

from usecases.food_waste.simulate import HOURS, TILL_HEADERS, best_stock, critical_ratio, simulate, till_export
from usecases.food_waste.world import BREAK_EFFECT, RENOVATION_DAYS, WorldSettings

SAMPLE = Path(__file__).parents[1] / "datasets" / "simulated_bakery"
SMALL = WorldSettings(branches=3, products=4, days=400)
KEYS = ["day", "branch", "product"]


@pytest.fixture(scope="module")
def world():
    return simulate(WorldSettings())


@pytest.fixture(scope="module")
def plain():
    return simulate(WorldSettings(independent=True, products=6, days=728))


def newsvendor_eur(world, stock):
    """Cost of a stock: a missing piece costs margin and goodwill, a left-over one what it no longer brings."""
    rows = world.served(stock).join(world.tables["products"], on="product", maintain_order="left")
    missing = pl.col("latent_demand") - pl.col("sold")
    missing_eur = missing * (pl.col("price_eur") - pl.col("unit_cost_eur") + pl.col("goodwill_eur"))
    left_eur = pl.col("returned") * (pl.col("unit_cost_eur") - pl.col("salvage_eur") + pl.col("disposal_eur"))
    return rows.select((missing_eur + left_eur).sum()).item()


def within(values, expected, errors=4.5):
    """Whether the mean of independent values is `expected` up to so many standard errors."""
    values = np.asarray(values, dtype=float)
    return abs(values.mean() - expected) <= errors * values.std(ddof=1) / np.sqrt(values.size)


def test_same_seed_same_world_and_other_seed_another():
    one, again, other = simulate(SMALL), simulate(SMALL), simulate(replace(SMALL, seed=2))
    assert_frame_equal(one.truth, again.truth)
    for name, table in one.tables.items():
        assert_frame_equal(table, again.tables[name])
    assert one.truth["latent_demand"].sum() != other.truth["latent_demand"].sum()


def test_switching_promotions_off_leaves_the_rest_of_the_world():
    small, calm = simulate(SMALL), simulate(replace(SMALL, promotions=False))
    both = small.truth.with_columns(small.tables["sales"]["promotion"]).join(calm.truth, on=KEYS, validate="1:1")
    changed = both.filter(pl.col("walk_in_mean") != pl.col("walk_in_mean_right"))
    assert both["promotion"].sum() > 50
    assert_frame_equal(changed.select(KEYS), both.filter("promotion").select(KEYS))


def test_pieces_are_conserved_and_sales_never_exceed_demand(world):
    sales, asked = world.tables["sales"], world.truth["latent_demand"]
    assert_frame_equal(sales.select(KEYS), world.truth.select(KEYS))
    assert (sales["sold"] + sales["returned"] == sales["ordered"]).all()
    assert (sales["sold"] <= asked).all()
    assert (sales["sold"] == asked).filter(~sales["sold_out"]).all()
    assert sales["sold_out"].filter(sales["sold"] < asked).all()
    assert sales["sold_out"].equals(sales["returned"] == 0)
    assert (sales["preordered"] <= sales["sold"]).all()
    assert (sales["ordered"] % sales.join(world.tables["products"], on="product", maintain_order="left")["tray"] == 0).all()


def test_demand_averages_to_what_is_expected(world):
    days = world.truth.group_by("day").agg((pl.col("latent_demand") / pl.col("expected")).mean())
    assert within(days["latent_demand"], 1.0)
    assert_frame_equal(world.truth.select(expected=pl.col("preordered") + pl.col("walk_in_mean")), world.truth.select("expected"))


def test_demand_is_as_dispersed_as_the_negative_binomial_says(plain):
    excess = (pl.col("latent_demand") - pl.col("expected")) ** 2 / (pl.col("expected") + pl.col("expected") ** 2 / pl.col("size"))
    assert within(plain.truth.select(excess).to_series(), 1.0)


def test_independent_demand_knows_only_branch_product_and_weekday(plain):
    cells = plain.truth.group_by("branch", "product", pl.col("day").dt.weekday()).agg(
        pl.col("expected").n_unique(), mean=pl.col("latent_demand").mean(), true=pl.col("expected").first(), rows=pl.len(),
        error=pl.col("latent_demand").std() / pl.len().sqrt(),
    )  # fmt: skip
    assert (cells["expected"] == 1).all()
    assert ((cells["mean"] - cells["true"]).abs() < 5 * cells["error"]).all()
    assert plain.tables["sales"].select(pl.col("promotion").any(), pl.col("preordered").sum()).row(0) == (False, 0)
    rest = plain.truth.with_columns(luck=pl.col("latent_demand") / pl.col("expected") - 1).filter(pl.col("expected") > 30)
    by_day = rest.pivot("product", index=["day", "branch"], values="luck").drop_nulls()
    assert abs(by_day.select(pl.corr("Brötchen", "Croissant")).item()) < 4 / np.sqrt(by_day.height)


def test_products_of_a_branch_share_their_day_in_the_full_world(world):
    luck = world.truth.with_columns(luck=pl.col("latent_demand") / pl.col("expected") - 1)
    by_day = luck.pivot("product", index=["day", "branch"], values="luck")
    assert by_day.select(pl.corr("Brötchen", "Croissant")).item() > 0.2


@pytest.mark.parametrize("level", [0.5, 0.9])
def test_true_quantile_agrees_with_scipy_and_covers_its_level(world, level):
    truth, quantile = world.truth, world.true_quantile(level)
    size = truth["size"].to_numpy()
    chance = size / (size + truth["walk_in_mean"].to_numpy())
    assert np.array_equal(quantile.to_numpy(), truth["preordered"].to_numpy() + nbinom.ppf(level, size, chance))
    exact = nbinom.cdf(quantile.to_numpy() - truth["preordered"].to_numpy(), size, chance)
    covered = (truth["latent_demand"] <= quantile).cast(pl.Float64) - exact
    days = truth.select("day", covered=covered).group_by("day").agg(pl.col("covered").mean())
    assert within(days["covered"], 0.0)
    assert (exact >= level - 1e-9).all()


def test_best_stock_by_hand():
    """Size 1 and mean 1 is geometric: P(demand <= 0, 1, 2, 3) = .5, .75, .875, .9375."""

    def stock(level, tray=1, preordered=0):
        return best_stock(np.array([1.0]), np.array([preordered]), 1.0, np.array([level]), np.array([tray])).tolist()

    assert stock(0.4) == [0]
    assert stock(0.7) == [1]
    assert stock(0.8, preordered=2) == [4]
    assert stock(0.6, tray=2) == [0]  # mean of .5 and .75 is above .6: the first tray does not pay
    assert stock(0.7, tray=2) == [2]
    assert stock(0.1, tray=2, preordered=3) == [4]  # pre-orders are covered whatever the level


def test_best_stock_has_the_least_expected_cost_by_brute_force():
    mean, size, tray, level, preordered = 23.0, 8.0, 6, 0.72, 4
    demand = np.arange(400)
    chance = nbinom.pmf(demand - preordered, size, size / (size + mean))
    costs = {q: (chance * np.where(demand > q, level * (demand - q), (1 - level) * (q - demand))).sum() for q in range(0, 120, tray)}
    found = best_stock(np.array([mean]), np.array([preordered]), size, np.array([level]), np.array([tray]))
    assert found.tolist() == [min(costs, key=costs.__getitem__)]


@pytest.mark.parametrize("level", [0.0, 1.0, float("nan")])
def test_best_stock_refuses_impossible_levels(level):
    with pytest.raises(ValueError, match="service levels"):
        best_stock(np.ones(1), np.zeros(1, dtype=np.int64), 1.0, np.array([level]), np.ones(1, dtype=np.int64))


def test_best_stock_refuses_demand_it_cannot_compute():
    with pytest.raises(ValueError, match="more noise"):
        best_stock(np.array([2000.0]), np.zeros(1, dtype=np.int64), 1e6, np.array([0.5]), np.ones(1, dtype=np.int64))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_noisy_planner_is_plausible(seed):
    sales = simulate(WorldSettings(seed=seed)).tables["sales"]
    waste, sold_out = sales.select(pl.col("returned").sum() / pl.col("ordered").sum(), pl.col("sold_out").mean()).row(0)
    assert 0.08 < waste < 0.20
    assert 0.10 < sold_out < 0.30


def test_the_optimal_planner_orders_the_best_and_nobody_else_does(world):
    best = world.best_orders()
    knowing = simulate(WorldSettings(planner="optimal"))
    assert knowing.tables["sales"]["ordered"].equals(best)
    optimum = newsvendor_eur(world, best)
    for other in (world.tables["sales"]["ordered"], (best * 1.1).ceil().cast(pl.Int64), (best * 0.9).floor().cast(pl.Int64)):
        assert optimum < newsvendor_eur(world, other)


def test_the_last_week_planner_repeats_what_was_sold(plain):
    settings = replace(plain.settings, planner="last_week", censoring=False, trays=False)
    sales = simulate(settings).tables["sales"]
    weeks = sales.with_columns(last=pl.col("sold").shift(1).over("branch", "product", pl.col("day").dt.weekday(), order_by="day"))
    assert weeks.drop_nulls("last").select((pl.col("ordered") == pl.max_horizontal("last", pl.lit(1))).all()).item()


def test_without_censoring_everybody_is_served():
    free = simulate(replace(SMALL, censoring=False))
    assert free.tables["sales"]["sold"].equals(free.truth["latent_demand"], check_names=False)
    assert not {"returned", "sold_out", "last_sale"} & set(free.tables["sales"].columns)


def test_closed_days_have_no_rows(world):
    rows = world.tables["sales"].select("day", "branch").unique().with_columns(sold=True)
    openings = world.tables["openings"].join(rows, on=["day", "branch"], how="left")
    assert openings.select((pl.col("open") == pl.col("sold").fill_null(value=False)).all()).item()
    assert openings.height == 6 * 910
    is_open = {(day, branch) for day, branch in rows.filter(pl.col("day").dt.year() == 2023).select("day", "branch").iter_rows()}
    sunday, labour_day, christmas = date(2023, 3, 5), date(2023, 5, 1), date(2023, 12, 25)
    assert (sunday, "Lindenweg") in is_open
    assert (sunday, "Gewerbepark") not in is_open
    assert (labour_day, "Bahnhof") in is_open
    assert (labour_day, "Lindenweg") not in is_open
    assert not {branch for day, branch in is_open if day == christmas}


def test_openings_renovation_launch_and_end_of_a_product(world):
    sales = world.tables["sales"]
    first = sales.group_by("branch").agg(pl.col("day").min()).filter(pl.col("day") > world.settings.first)
    assert first.select("branch", pl.col("day").dt.year()).rows() == [("Südbahnhof", 2023)]
    station_days = sales.filter(pl.col("branch") == "Bahnhof")["day"].unique().sort()
    assert station_days.diff().dt.total_days().max() >= RENOVATION_DAYS
    life = sales.group_by("product").agg(first=pl.col("day").min(), last=pl.col("day").max())
    late, gone = life.filter(pl.col("first") > date(2023, 1, 1)), life.filter(pl.col("last") < date(2024, 6, 1))
    assert (late["product"].to_list(), gone["product"].to_list()) == (["Kürbiskernbrötchen"], ["Rosinenschnecke"])


def test_a_level_breaks():
    quiet = WorldSettings(branches=2, products=1, holidays=False, weather=False, promotions=False)
    with_break, without = simulate(quiet).truth, simulate(replace(quiet, changes=False)).truth
    ratio = with_break.with_columns(ratio=pl.col("walk_in_mean") / without["walk_in_mean"]).filter(pl.col("branch") == "Lindenweg")
    before, after = ratio.filter(pl.col("day") == date(2023, 7, 10))["ratio"].item(), ratio["ratio"].last()
    assert after / before == pytest.approx(BREAK_EFFECT, rel=0.07)


def test_there_are_slow_and_fast_movers(world):
    pieces = dict(world.truth.group_by("product").agg(pl.col("latent_demand").mean()).iter_rows())
    assert pieces["Brötchen"] > 200
    assert 1 <= pieces["Nusszopf"] <= 3
    assert 1 <= pieces["Dinkelbrot"] <= 4


def test_the_weather_file_is_a_forecast_and_customers_see_the_sky(world):
    forecast, observed = world.tables["weather"], world.observed_weather
    error = observed["temperature_c"] - forecast["temperature_c"]
    assert 1.0 < error.std() < 2.0
    assert within(error, 0.0)
    chosen = world.truth.filter(pl.col("product").is_in(["Erdbeerschnitte", "Apfeltasche"]))
    luck = chosen.group_by("day", "product").agg(luck=(pl.col("latent_demand") / pl.col("expected")).mean())
    days = luck.join(forecast.with_columns(error=error), on="day")
    by_product = days.group_by("product").agg(surprise=pl.corr("luck", "error"), known=pl.corr("luck", "temperature_c"), rows=pl.len())
    found = {product: (surprise, known * rows**0.5) for product, surprise, known, rows in by_product.iter_rows()}
    assert found["Erdbeerschnitte"][0] > 0.1
    assert found["Apfeltasche"][0] < -0.1
    assert max(abs(known) for _, known in found.values()) < 4


def test_the_last_sale_tells_of_sell_outs(world):
    sales = world.tables["sales"].with_columns(missed=world.truth["latent_demand"] - world.tables["sales"]["sold"])
    assert sales["last_sale"].is_null().equals(sales["sold"] == 0, check_names=False)
    assert sales["last_sale"].min() >= HOURS[0]
    assert sales["last_sale"].max() <= HOURS[-1]
    many = sales.filter(pl.col("sold") > 20)
    far_too_few, nearly_enough, enough = pl.col("missed") > 20, pl.col("missed").is_between(1, 5), pl.col("missed") == 0
    hours = [many.filter(condition)["last_sale"].mean() for condition in (far_too_few, nearly_enough, enough)]
    assert hours[0] < 17.5
    assert hours[0] < hours[1] < hours[2]


def test_any_stock_can_be_replayed(world):
    stock = world.truth.select(pl.col("expected").ceil().cast(pl.Int64)).to_series()
    rows = world.served(stock)
    assert rows["sold"].equals(rows.select(pl.min_horizontal("latent_demand", stock)).to_series(), check_names=False)
    assert rows.columns[-5:] == ["ordered", "sold", "returned", "sold_out", "last_sale"]


def test_a_critical_ratio_can_be_asked_for():
    world = simulate(replace(SMALL, critical_ratio=0.9, trays=False))
    assert world.tables["products"].select(critical_ratio()).to_series().to_list() == pytest.approx([0.9] * 4)
    assert (world.tables["products"]["tray"] == 1).all()
    assert world.best_orders().equals(world.true_quantile(0.9), check_names=False)


@pytest.mark.parametrize("bad", [{"days": 0}, {"branches": 0}, {"noise": 0.0}, {"planner_noise": -0.1}, {"critical_ratio": 1.0}])
def test_impossible_worlds_are_refused(bad):
    with pytest.raises(ValueError, match="must"):
        WorldSettings(**bad)


def test_more_branches_and_products_than_names_get_numbers():
    world = simulate(WorldSettings(branches=8, products=12, days=14, changes=False))
    assert world.truth["branch"].n_unique() == 8
    assert {"Bahnhof 2", "Lindenweg 2"} <= set(world.truth["branch"])
    assert {"Brötchen 2", "Mischbrot 2"} <= set(world.tables["products"]["product"])


def test_a_german_till_export_reads_back():
    month = simulate(replace(SMALL, days=30))
    rows, sales = pl.read_csv(till_export(month).encode(), separator=";", decimal_comma=True), month.tables["sales"]
    assert tuple(rows.columns) == TILL_HEADERS
    assert rows["Datum"].str.to_date("%d.%m.%Y").equals(sales["day"], check_names=False)
    assert rows["Menge"].equals(sales["sold"], check_names=False)
    assert set(rows["Ausverkauft"]) == {"ja", "nein"}
    bread = rows.filter(pl.col("Artikel") == "Mischbrot")
    assert bread["Umsatz EUR"].to_list() == pytest.approx((bread["Menge"] * 4.2).to_list())


def test_the_sample_is_the_one_on_its_card():
    card, content = tomllib.loads((SAMPLE / "dataset.toml").read_text(encoding="utf-8")), (SAMPLE / "sample.csv").read_bytes()
    assert hashlib.sha256(content).hexdigest() == card["files"]["sample.csv"]["sha256"]
    rows = pl.read_csv(content.decode("cp1252").encode(), separator=";", decimal_comma=True)
    mapping = card["mapping"]["data"]["sales"]["columns"]
    assert set(mapping.values()) <= set(rows.columns)
    assert card["files"]["sample.csv"]["rows"] == rows.height
    assert 200 < rows.height < 600
    assert (rows["Menge"] + rows["Retoure"] == rows["Bestellt"]).all()
