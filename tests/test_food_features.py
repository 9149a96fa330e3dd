"""Inputs of the forecast: nothing from the future, one type, rows as they came, and series without a history."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from pipelines.backtest import known_before
from pipelines.models import TwoStage
from pipelines.models.combination import TOO_SMALL
from pipelines.replay import replay
from pipelines.run import gridded
from pipelines.table import Loaded
from tests.bakery import KEYS, MONDAY, chain, settings
from usecases.food_waste import CASE
from usecases.food_waste.features import features, inputs
from usecases.food_waste.simulate import simulate
from usecases.food_waste.world import WorldSettings

INDEX = ["day", *KEYS]
DEADLINES = ["evening before", "noon before"]
OUTCOMES = ("sold", "returned", "sold_out", "last_sale")
QUICK = {"levels": [0.3, 0.7]}
NO_ROW = {"state": "NW", "closed": "no_row"}


@pytest.fixture(scope="module")
def world():
    """Three branches, the last one opened late; four products; North Rhine-Westphalia from July to July."""
    return simulate(WorldSettings(seed=4, branches=3, products=4, first=date(2022, 7, 1), days=400)).tables


def checked(s, world):
    sales = world["sales"].join(world["weather"], on="day", how="left", maintain_order="left")
    return gridded(CASE, Loaded({"sales": sales}, (), "small"), s)


def deadline(words, **parts):
    return settings(demand={"deadline": words}, calendar=NO_ROW, forecast=QUICK, **parts)


def noise(rows: pl.DataFrame, outcomes_from: date, decisions_from: date) -> pl.DataFrame:
    """Everything nobody can know yet, replaced: outcomes and own orders of later days; closed days stay closed."""
    draw = np.random.default_rng(8)

    def number(name: str, since: date, high: float) -> pl.Expr:
        other = pl.Series(draw.integers(0, int(high), rows.height).astype(float))
        return pl.when((pl.col("day") >= since) & pl.col(name).is_not_null()).then(other).otherwise(pl.col(name)).alias(name)

    flags = pl.Series(draw.random(rows.height) < 0.5)
    late = (pl.col("day") >= outcomes_from) & pl.col("sold_out").is_not_null()
    return rows.with_columns(
        number("sold", outcomes_from, 900),
        number("returned", outcomes_from, 3),
        number("last_sale", outcomes_from, 24),
        number("ordered", decisions_from, 900),
        sold_out=pl.when(late).then(flags).otherwise("sold_out"),
    )


@pytest.mark.parametrize(("words", "day_old"), [("evening before", 0.0), ("noon before", 0.1)])
def test_noise_in_all_outcomes_from_the_deadline_on_changes_neither_features_nor_plans(world, words, day_old):
    s = deadline(words, day_old={"demand_share": day_old})
    rows = checked(s, world)
    day = rows["day"].last() - timedelta(45)
    other = noise(rows, day - timedelta(s.lead - 1), day)
    hidden = CASE.columns("outcome", "decision")
    made = [features(CASE.prepare(table, s), s) for table in (rows, other)]
    upto = [table.filter(pl.col("day") <= day) for table in made]
    assert upto[0].drop(hidden).equals(upto[1].drop(hidden))
    # the noise does reach what may depend on it, else this test proves nothing
    later = [table.filter(pl.col("day") == day + timedelta(1)).select(inputs(s)) for table in made]
    assert not later[0].equals(later[1])
    opened = [table.filter(pl.col("demand").is_not_null()) for table in made]
    past = [known_before(CASE, table, day - timedelta(6), s) for table in opened]
    assert past[0].equals(past[1])
    model = CASE.model(s).fit(past[0])
    plans = []
    for table in opened:
        asked = table.filter(pl.col("day").is_between(day - timedelta(6), day))
        forecasts = model.predict(asked.drop(hidden)).with_columns(asked.select(*OUTCOMES, "demand", "ordered"))
        actions = {name: replay(CASE, forecasts, s, policy, name).actions for name, policy in {"plan": CASE.decide, **CASE.rules}.items()}
        plans.append(pl.concat(actions.values()))
    assert plans[0].height > 100
    assert plans[0].equals(plans[1])


@pytest.mark.parametrize("words", DEADLINES)
def test_every_input_is_there_as_a_small_float_and_no_row_is_lost(world, words):
    s = deadline(words)
    rows = CASE.prepare(checked(s, world), s)
    made = features(rows, s)
    assert made.select(INDEX).equals(rows.select(INDEX))
    assert made.select(rows.columns[:9]).equals(rows.select(rows.columns[:9]))
    names = inputs(s)
    assert len(set(names)) == len(names) > 50
    assert set(made.select(names).dtypes) == {pl.Float32}
    for name in (*names, "level"):
        assert not made[name].is_nan().any(), name
        assert not made[name].is_infinite().any(), name
    assert not [name for name in made.columns if name.startswith("_")]


def test_weather_is_an_input_only_where_it_may_be_used(world):
    assert not [name for name in inputs(deadline("evening before")) if "temperature" in name or "rain" in name]
    for use in ("forecast", "observed"):
        s = settings(forecast={**QUICK, "weather": use}, calendar=NO_ROW)
        assert {"is_temperature_c", "is_rain_mm"} <= set(inputs(s))
        made = features(CASE.prepare(checked(s, world), s), s)
        assert made["is_rain_mm"].drop_nulls().n_unique() > 20


def test_own_events_are_inputs():
    s = settings(calendar={"events": {"Stadtfest": ["2024-01-13/2024-01-14"]}})
    (name,) = set(inputs(s)) - set(inputs(settings()))
    made = features(CASE.prepare(chain({("Nord", "Brot"): [10.0] * 30}, s), s), s)
    assert made.filter(pl.col(name) == 1)["day"].to_list() == [date(2024, 1, 13), date(2024, 1, 14)]


def test_an_identity_does_not_depend_on_other_names():
    s = settings()
    few = chain({("Nord", "Brot"): [10.0] * 20, ("Süd", "Torte"): [5.0] * 20}, s)
    more = chain({(branch, product): [10.0] * 20 for branch in ("Altstadt", "Nord", "Süd") for product in ("Brezel", "Brot", "Torte")}, s)

    def identities(rows: pl.DataFrame) -> dict[str, float]:
        made = features(CASE.prepare(rows, s), s)
        return {name: number for key in KEYS for name, number in made.select(key, f"{key}_id").unique().iter_rows()}

    known, all_of_them = identities(few), identities(more)
    assert {name: all_of_them[name] for name in known} == known
    assert len(set(all_of_them.values())) == 6


def test_the_level_by_hand():
    # 20 on Mondays, 10 on other days, doubled in the ninth week
    s = settings()
    sold = [(20.0 if day % 7 == 0 else 10.0) * (2 if day // 7 == 8 else 1) for day in range(7 * 10)]
    made = features(CASE.prepare(chain({("Nord", "Brot"): sold}, s), s), s)
    level = dict(made.select("day", "level").iter_rows())
    assert level[MONDAY + timedelta(7)] == 20
    assert level[MONDAY + timedelta(29)] == 10
    # tenth week: mean of four weeks (40 + 20 + 20 + 20) / 4 = 25, of eight weeks 22.5
    assert level[MONDAY + timedelta(63)] == 23.75
    row = made.filter(pl.col("day") == MONDAY + timedelta(64)).row(0, named=True)
    assert (row["lag_6"], row["week_1"]) == (pytest.approx(2.0), pytest.approx(20 / 11.875))  # last Tuesday: 20 for an expected 10


def test_closed_days_are_missing_and_not_zero():
    s = settings()
    sold = [None if day % 7 == 6 else 10.0 for day in range(60)]
    made = features(CASE.prepare(chain({("Nord", "Brot"): sold}, s), s), s).filter(pl.col("demand").is_not_null())
    late = made.filter(pl.col("day") >= MONDAY + timedelta(28))
    assert late["level"].unique().to_list() == [10]
    for name in ("decay_2", "mean_7", "mean_28", "open_1", "open_6", "store_fast", "chain_slow"):
        assert late[name].to_list() == pytest.approx([1.0] * late.height), name
    mondays = late.filter(pl.col("day").dt.weekday() == 1)
    assert mondays["lag_0"].null_count() == mondays.height  # Sunday is no zero
    assert mondays["closed_before"].unique().to_list() == [1]
    assert late["zero_share"].unique().to_list() == [0]


@pytest.fixture(scope="module")
def cold(world):
    """Features with two series that begin 3 days before the end: a new branch, and a new product in an old one."""
    s = deadline("evening before")
    sales = world["sales"]
    end = sales["day"].max()
    new = sales.filter((pl.col("day") > end - timedelta(3)) & (pl.col("branch") == "Bahnhof"))
    shop = new.with_columns(branch=pl.lit("Neubau"), sold=pl.col("sold") // 2)
    cake = new.filter(product="Brötchen").with_columns(product=pl.lit("Neujahrskranz"))
    rows = checked(s, {**world, "sales": pl.concat([sales, shop, cake])})
    return s, features(CASE.prepare(rows, s), s).filter(pl.col("demand").is_not_null()), end


def test_a_series_without_history_gets_the_simple_rule_and_a_flag(cold):
    s, made, end = cold
    late = made.filter(pl.col("day") > end - timedelta(3))
    new = (pl.col("branch") == "Neubau") | (pl.col("product") == "Neujahrskranz")
    assert late.filter(new)["level"].null_count() == late.filter(new).height >= 12
    model = CASE.model(s).fit(known_before(CASE, made, end - timedelta(2), s))
    assert model.enough  # type: ignore[attr-defined]
    found = model.predict(late.drop(CASE.columns("outcome", "decision")))
    assert found.select(INDEX).equals(late.select(INDEX))
    assert found.filter(new)["model_used"].unique().to_list() == [TOO_SMALL]
    assert TOO_SMALL not in found.filter(~new)["model_used"].to_list()
    assert found.select("q0.3", "q0.7").null_count().sum_horizontal().item() == 0


def test_a_new_branch_bakes_what_its_products_sell_elsewhere(cold):
    s, made, end = cold
    day = end - timedelta(2)
    model = CASE.model(s).fit(known_before(CASE, made, day, s))
    asked = made.filter(pl.col("day") == day).drop(CASE.columns("outcome", "decision"))
    plan = CASE.decide(model.predict(asked), s, None).filter(branch="Neubau")
    others = made.filter((pl.col("branch") != "Neubau") & pl.col("day").is_between(day - timedelta(28), day - timedelta(1)))
    daily = others.group_by("product", "day").agg(pl.col("demand").mean())
    elsewhere = dict(daily.group_by("product").agg(pl.col("demand").mean()).iter_rows())
    assert plan.height >= 3
    for product, made_in_all in plan.select("product", pl.col("bake") + pl.col("preordered")).iter_rows():
        assert made_in_all == pytest.approx(elsewhere[product], abs=1.0), product


def test_the_trees_see_every_input(world):
    s = deadline("evening before")
    trees = CASE.model(s).members["trees"]  # type: ignore[attr-defined]
    assert isinstance(trees, TwoStage)
    assert list(trees.inputs) == inputs(s)
