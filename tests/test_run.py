"""The whole pipeline on the minimal use case: figures by hand, nothing known too early, the same answer every time."""

import runpy
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from pipelines.backtest import split
from pipelines.checks import scrambled
from pipelines.errors import ContractError, InputError
from pipelines.models import Quantiles
from pipelines.result import Note, Result
from pipelines.run import Prepared, featured, gridded, prepare, run
from pipelines.table import Loaded
from pipelines.usecase import UseCase

MINIMAL = Path(__file__).parents[1] / "docs" / "tutorials" / "minimal.py"
FIRST, DAYS = date(2024, 1, 1), 240
INDEX = ["day", "branch", "product"]

NO_STATE = Note("calendar.no_state", {})  # the settings name no German state


def small_model(s):
    return Quantiles("demand", ["weekday", "lag1", "lag2", "lag3"], levels=[s.level()], seed=s.seed, rounds=25, threads=s.threads)


@pytest.fixture(scope="module")
def minimal() -> UseCase:
    return replace(runpy.run_path(str(MINIMAL))["CASE"], model=small_model)


def loaded(days: int = DAYS) -> Loaded:
    """Two branches, two products, closed on Sundays."""
    draw = np.random.default_rng(5)
    series = [(branch, product, level) for branch, level in (("Nord", 40), ("Süd", 15)) for product in ("Brot", "Brezel")]
    made = [
        {"day": day, "branch": branch, "product": product, "demand": float(draw.poisson(level * (1 + day.weekday() / 10)))}
        for branch, product, level in series
        for day in (FIRST + timedelta(days=number) for number in range(days))
        if day.weekday() < 6
    ]
    return Loaded({"sales": pl.DataFrame(made)}, (Note("run.read", {"rows": 1}),), "by hand")


def ran(case: UseCase, data: Prepared | None = None, **settings: Any) -> Result:
    chosen = case.settings(**settings)
    return run(case, data or prepare(case, loaded(), chosen), chosen)


@pytest.fixture(scope="module")
def result(minimal) -> Result:
    return ran(minimal)


def test_periods_are_those_of_the_data(result):
    # 240 days to 27 August, a Tuesday: report the last 48, select 0.2 x 192 = 38 before, train 154
    assert (result.train.days, result.select.days, result.report.days) == (154, 38, 48)
    assert (result.train.first, result.report.last) == (FIRST, FIRST + timedelta(days=DAYS - 1))
    assert (result.data.rows, result.data.series, result.data.source) == (4 * 206, 4, "by hand")  # 206 of 240 days are no Sundays
    assert result.forecasts["day"].min() == result.report.first
    assert result.forecasts["day"].max() == result.report.last


def test_headline_is_the_arithmetic_of_the_actions(result):
    truth = {(row["day"], row["branch"], row["product"]): row["demand"] for row in loaded().tables["sales"].iter_rows(named=True)}
    totals = dict.fromkeys(("usual", "plan", "perfect"), 0.0)
    left = dict.fromkeys(totals, 0.0)
    for row in result.actions.iter_rows(named=True):
        demand = truth[row["day"], row["branch"], row["product"]]
        totals[row["policy"]] += row["bake"] * 1.0 - min(row["bake"], demand) * 3.0  # unit cost 1, price 3
        left[row["policy"]] += max(row["bake"] - demand, 0)
    head, pieces = result.savings
    assert (head.unit, pieces.unit) == ("eur", "pieces_left")
    assert [head.usual, head.plan, head.perfect] == pytest.approx([totals["usual"], totals["plan"], totals["perfect"]])
    assert [pieces.usual, pieces.plan, pieces.perfect] == pytest.approx([left["usual"], left["plan"], 0])
    assert head.saved.value == pytest.approx(totals["usual"] - totals["plan"])
    assert head.captured.value == pytest.approx((totals["usual"] - totals["plan"]) / (totals["usual"] - totals["perfect"]))
    assert result.headline is head


def test_perfect_foresight_bakes_the_demand(result):
    demand = result.forecasts["demand"].sum()
    assert result.headline.perfect == pytest.approx(-2 * demand)  # every piece wanted earns 3 - 1
    assert result.headline.perfect < min(result.headline.plan, result.headline.usual)


def test_business_as_usual_is_last_week_and_a_tenth(result):
    actions = result.actions.filter(policy="usual").join(
        loaded().tables["sales"].with_columns(pl.col("day") + timedelta(days=7)), on=INDEX, validate="1:1"
    )
    assert actions.height == result.forecasts.height
    assert actions["bake"].to_list() == [np.ceil(demand * 1.1) for demand in actions["demand"]]


def test_every_policy_acts_once_on_every_open_row(result):
    expected = result.forecasts.select(INDEX).sort(INDEX)
    assert expected.height == 4 * 41  # 11 July to 27 August without seven Sundays
    for frame in (result.actions, result.ledger):
        assert set(frame["policy"]) == {"usual", "plan", "perfect"}
        for _, part in frame.group_by("policy"):
            assert part.select(INDEX).sort(INDEX).equals(expected)


def test_what_a_case_does_not_have_is_absent(result):
    assert result.opponents == ()
    assert result.equal_service is None
    assert result.curve.is_empty()
    assert result.segments.is_empty()
    assert result.choices == {"usual": None, "rule": None}
    assert result.notes == (Note("run.read", {"rows": 1}), NO_STATE)
    assert result.calibration["level"].to_list() == [0.67]
    assert result.scores["crossed"] == 0


def test_the_model_is_refitted_on_the_whole_history(minimal, result):
    settings = minimal.settings()
    rows = featured(minimal, prepare(minimal, loaded(), settings).rows, settings)
    assert result.model.predict(rows.tail(20)).equals(minimal.model(settings).fit(rows).predict(rows.tail(20)))
    assert not {"demand", "bake"} & set(result.train_rows.columns)
    assert result.model.predict(result.train_rows).height == 5


@pytest.mark.parametrize(
    ("lead", "offset"), [(1, 0), (1, 28), (1, 40), (2, 28)], ids=["first report day", "refit day", "within a block", "noon before"]
)
def test_nothing_known_too_late_changes_a_feature_a_forecast_or_a_plan(minimal, lead, offset):
    case = replace(minimal, lead=lambda _: lead)
    settings = case.settings()
    rows = gridded(case, loaded(), settings)
    facts = prepare(case, loaded(), settings).facts
    day = split(facts.first, facts.last, settings.periods).report.first + timedelta(days=offset)
    other = scrambled(case, rows, day, settings)
    upto, later = pl.col("day") <= day, pl.col("day") > day
    assert other.filter(pl.col("day") < day - timedelta(days=lead - 1)).equals(rows.filter(pl.col("day") < day - timedelta(days=lead - 1)))
    features = [featured(case, table, settings).drop("demand") for table in (rows, other)]
    assert features[0].filter(upto).equals(features[1].filter(upto))
    one, two = (run(case, Prepared(table, facts), settings) for table in (rows, other))
    columns = [*INDEX, "q0.67"]
    assert one.forecasts.filter(upto).select(columns).equals(two.forecasts.filter(upto).select(columns))
    assert one.forecasts.filter(upto).height > 0
    for policy in ("usual", "plan"):
        first, second = (found.actions.filter(pl.col("policy") == policy) for found in (one, two))
        assert first.filter(upto).equals(second.filter(upto))
        assert not first.filter(later).equals(second.filter(later)), "the noise must reach later days, else this test proves nothing"


def assert_same(one: Result, two: Result) -> None:
    for name in ("forecasts", "actions", "ledger", "calibration", "segments", "curve", "train_rows"):
        assert getattr(one, name).equals(getattr(two, name)), name
    for name in ("savings", "opponents", "scores", "choices", "notes", "select_saved", "data", "report"):
        assert getattr(one, name) == getattr(two, name), name


def test_the_same_command_twice_gives_the_same_to_the_last_bit(minimal, result):
    assert_same(result, ran(minimal))


def test_one_and_two_threads_agree(minimal, result):
    other = ran(minimal, threads=1)
    assert result.settings.threads == 2
    for left, right in zip(result.savings, other.savings, strict=True):
        for name in ("usual", "plan", "perfect"):
            assert getattr(left, name) == pytest.approx(getattr(right, name), rel=1e-9)
    np.testing.assert_allclose(result.forecasts["q0.67"].to_numpy(), other.forecasts["q0.67"].to_numpy(), rtol=0, atol=1e-9)


def test_simple_rules_are_opponents_and_the_best_on_select_is_chosen(minimal, result):
    rules = {
        "nothing": lambda r, s: r.with_columns(bake=pl.lit(0)),
        "last_week": lambda r, s: r.with_columns(bake=pl.col("lag1").fill_null(0)),
    }
    found = ran(replace(minimal, rules=rules))
    assert {opponent.rule: opponent.chosen for opponent in found.opponents} == {"nothing": False, "last_week": True}
    assert found.choices == {"usual": None, "rule": "last_week"}
    nothing, last_week = found.opponents
    assert nothing.total == 0  # nothing baked, nothing earned
    assert nothing.saved.value == pytest.approx(-found.headline.plan)
    lag = found.forecasts.join(loaded().tables["sales"].with_columns(pl.col("day") + timedelta(days=7)), on=INDEX, suffix="_back")
    assert last_week.total == pytest.approx(lag.select(pl.col("demand_back") - 3 * pl.min_horizontal("demand", "demand_back")).sum().item())
    assert found.savings == result.savings


def test_a_policy_may_count_in_whole_numbers(minimal):
    found = ran(replace(minimal, usual=lambda r, s: r.with_columns(bake=pl.lit(20, dtype=pl.Int32))))
    assert found.actions.filter(policy="usual")["bake"].unique().to_list() == [20]
    assert found.headline.usual == pytest.approx(found.forecasts.select(20 - 3 * pl.min_horizontal("demand", pl.lit(20))).sum().item())


def test_a_solved_bound_takes_the_place_of_certain_forecasts(minimal):
    found = ran(replace(minimal, perfect=lambda rows, s: rows.with_columns(bake=pl.col("demand") + 1)))
    assert found.headline.perfect == pytest.approx(-2 * found.forecasts["demand"].sum() + found.forecasts.height)  # one left over per row


def test_notes_and_segments_of_the_case_are_in_the_result(minimal):
    case = replace(
        minimal,
        notes=lambda rows, s: [("run.contract", {"problems": str(rows.height)})],
        segments=lambda rows, s: {"branch": rows["branch"]},
        usual_name=lambda rows, s: "last_week",
    )
    found = ran(case)
    assert found.notes == (Note("run.read", {"rows": 1}), NO_STATE, Note("run.contract", {"problems": "164"}))
    assert found.choices["usual"] == "last_week"
    assert found.segments.select("kind", "segment", "rows").rows() == [("branch", "Nord", 82), ("branch", "Süd", 82)]
    for unit in ("usual", "plan", "perfect", "saved"):
        whole = found.headline.saved.value if unit == "saved" else getattr(found.headline, unit)
        assert found.segments[unit].sum() == pytest.approx(whole)


def test_features_that_lose_rows_are_named(minimal):
    with pytest.raises(ContractError, match="features returned"):
        ran(replace(minimal, features=lambda r, s: minimal.features(r, s).filter(pl.col("lag3").is_not_null())))


def test_short_data_end_with_exit_code_2(minimal):
    settings = minimal.settings()
    with pytest.raises(InputError) as caught:
        run(minimal, prepare(minimal, loaded(100), settings), settings)
    assert (caught.value.key, caught.value.exit_code) == ("run.too_short", 2)


def test_progress_names_every_stage_in_order(minimal):
    told: list[tuple[str, float]] = []
    settings = minimal.settings()
    run(minimal, prepare(minimal, loaded(), settings), settings, lambda stage, share: told.append((stage, share)))
    assert list(dict.fromkeys(stage for stage, _ in told)) == ["features", "select", "report", "replay", "refit", "done"]
    assert told[-1] == ("done", 1.0)
    assert all(0 <= share <= 1 for _, share in told)
