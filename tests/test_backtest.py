# ruff: noqa: DTZ001 - times of a shop are local times without a zone
"""Periods, origins, and a forecaster that writes down all it was ever shown: nothing younger than the lead, no outcome, no decision."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Self

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.backtest import CALIBRATION_DAYS, attach, backtest, finished, known_before, origins, split
from pipelines.errors import InputError
from pipelines.result import Period
from pipelines.settings import CaseSettings, PeriodSettings
from pipelines.usecase import Column, UseCase

FIRST = date(2023, 1, 1)
SCHEMA = {
    "day": Column("date", "time", "day of sale"),
    "shop": Column("text", "key", "shop"),
    "sold": Column("number", "outcome", "pieces sold", unit="pieces"),
    "rain_mm": Column("number", "known", "rain forecast", unit="mm"),
    "ordered": Column("number", "decision", "pieces ordered", unit="pieces", optional=True),
}


@dataclass
class Recorder:
    """Predicts the number of its fit, and remembers what it saw."""

    target: str = "sold"
    columns: tuple[str, ...] = ("q0.5",)
    fitted: list[pl.DataFrame] = field(default_factory=list)
    asked: list[pl.DataFrame] = field(default_factory=list)

    def fit(self, past: pl.DataFrame) -> Self:
        self.fitted.append(past)
        return self

    def predict(self, rows: pl.DataFrame) -> pl.DataFrame:
        self.asked.append(rows)
        return rows.with_columns(pl.lit(float(len(self.fitted))).alias("q0.5"))

    def save(self, folder: Any) -> None:
        raise NotImplementedError


@dataclass
class Chooser(Recorder):
    """Adds the sum of what it knew when it finished a forecast."""

    known: list[pl.DataFrame] = field(default_factory=list)
    finishing: list[pl.DataFrame] = field(default_factory=list)

    @property
    def choices(self) -> dict[str, Any]:
        return {}

    def choose(self, select: pl.DataFrame) -> None:
        raise NotImplementedError

    def settle(self, known: pl.DataFrame) -> None:
        """Nothing to take over."""

    def final(self, forecasts: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
        self.finishing.append(forecasts)
        self.known.append(known)
        return forecasts.with_columns(pl.col("q0.5") + (known["sold"] - known["q0.5"]).sum()).reverse()


def case(lead: int = 1) -> UseCase:
    def unused(*_: object) -> Any:
        raise NotImplementedError

    functions = dict.fromkeys(("features", "model", "decide", "usual", "value"), unused)
    return UseCase(name="toy", schema=SCHEMA, settings=CaseSettings, lead=lambda _: lead, **functions)  # type: ignore[arg-type]


def rows(days: int = 100) -> pl.DataFrame:
    made = [
        {"day": FIRST + timedelta(days=day), "shop": shop, "sold": 10.0 * day + len(shop), "rain_mm": day % 3, "ordered": 5.0}
        for shop in ("A", "BB")
        for day in range(days)
    ]
    return pl.DataFrame(made)


def settings(refit_days: int = 28) -> CaseSettings:
    return CaseSettings(periods=PeriodSettings(refit_days=refit_days))


def quiet(stage: str, share: float) -> None:
    assert stage == "backtest"
    assert 0 <= share <= 1


@pytest.mark.parametrize(("days", "report", "select"), [(1215, 243, 194), (1857, 371, 297), (1000, 200, 160)])
def test_default_periods(days, report, select):
    # the last fifth of the days is reported; a fifth of the days before makes choices: 0.2 x (1215 - 243) = 194.4
    last = FIRST + timedelta(days=days - 1)
    found = split(FIRST, last, PeriodSettings())
    assert (found.report.days, found.select.days, found.train.days) == (report, select, days - report - select)
    assert (found.train.first, found.report.last) == (FIRST, last)
    assert found.select.first - found.train.last == found.report.first - found.select.last == timedelta(days=1)


def test_report_start_can_be_stated():
    found = split(FIRST, FIRST + timedelta(days=299), PeriodSettings(report_start=date(2023, 8, 1), select_share=0.25))
    # 1 August is day 212: select 0.25 x 212 = 53 days before, report 300 - 212 = 88
    assert (found.train.days, found.select.days, found.report.days) == (159, 53, 88)


@given(st.integers(1, 2500), st.floats(0.01, 0.59), st.floats(0.01, 0.59))
def test_periods_follow_each_other_and_are_never_shorter_than_four_weeks(days, report_share, select_share):
    last = FIRST + timedelta(days=days - 1)
    try:
        found = split(FIRST, last, PeriodSettings(report_share=report_share, select_share=select_share))
    except InputError:
        shares = report_share, select_share * (1 - report_share), (1 - select_share) * (1 - report_share)
        assert min(shares) * days < 30  # rounded down twice, at most
        return
    assert found.train.days + found.select.days + found.report.days == days
    assert min(found.train.days, found.select.days, found.report.days) >= 28


@pytest.mark.parametrize(
    ("days", "options", "period", "length"),
    [
        (60, {}, "select", 9),  # report 12 of 60, select 0.2 x 48 = 9.6, train 39: the first that is too short is named
        (100, {"report_start": date(2023, 12, 1)}, "report", 0),
        (100, {"report_start": date(2022, 12, 1)}, "train", 0),
        (139, {"report_share": 0.2, "select_share": 0.5}, "report", 27),
    ],
)
def test_too_short_says_which_period_and_how_much_is_missing(days, options, period, length):
    with pytest.raises(InputError, match="28") as caught:
        split(FIRST, FIRST + timedelta(days=days - 1), PeriodSettings(**options))
    assert caught.value.exit_code == 2
    assert caught.value.key == "run.too_short"
    assert (caught.value.values["period"], caught.value.values["days"]) == (period, length)
    assert f"{FIRST:%d.%m.%Y}" in caught.value.render("de")
    assert str(FIRST) in caught.value.render("en")


def test_exactly_four_weeks_are_enough():
    # 28 report days of 140, 28 of the 112 before, 84 to train; one day less and the report has 27
    assert split(FIRST, FIRST + timedelta(days=139), PeriodSettings(select_share=0.25)).select.days == 28
    with pytest.raises(InputError):
        split(FIRST, FIRST + timedelta(days=138), PeriodSettings(select_share=0.25))


@given(st.integers(1, 400), st.integers(1, 100))
def test_origins_cut_a_period_into_blocks_without_gap_or_overlap(days, refit_days):
    period = Period(FIRST, FIRST + timedelta(days=days - 1))
    blocks = list(origins(period, refit_days))
    covered = [block.first + timedelta(days=day) for block in blocks for day in range(block.days)]
    assert covered == [FIRST + timedelta(days=day) for day in range(days)]
    assert all(block.days == refit_days for block in blocks[:-1])


@pytest.mark.parametrize("lead", [1, 2, 7])
def test_models_see_no_outcome_younger_than_the_lead_and_none_of_the_days_they_predict(lead):
    model, period = Recorder(), Period(date(2023, 3, 1), date(2023, 4, 10))  # days 59 to 99
    found = backtest(case(lead), model, rows(), period, settings(14), quiet)
    starts = [date(2023, 3, 1), date(2023, 3, 15), date(2023, 3, 29)]
    assert [past["day"].max() for past in model.fitted] == [start - timedelta(days=lead) for start in starts]
    assert [past["day"].min() for past in model.fitted] == [FIRST] * 3
    assert [past.height for past in model.fitted] == [2 * (59 + 14 * block - lead + 1) for block in range(3)]
    for asked, start in zip(model.asked, starts, strict=True):
        assert set(asked.columns) == {"day", "shop", "rain_mm"}
        assert asked["day"].min() == start
    assert found.height == 2 * 41


def test_forecasts_stand_beside_their_own_outcomes():
    period = Period(date(2023, 3, 1), date(2023, 4, 10))
    found = backtest(case(), Recorder(), rows(), period, settings(14), quiet).sort("shop", "day")
    expected = rows().filter(pl.col("day").is_between(period.first, period.last)).sort("shop", "day")
    assert found.select(expected.columns).equals(expected)
    assert found.filter(shop="A")["q0.5"].to_list() == [1.0] * 14 + [2.0] * 14 + [3.0] * 13


def test_blocks_without_open_days_are_passed_over():
    closed = rows().filter(~pl.col("day").is_between(date(2023, 3, 10), date(2023, 3, 30)))
    model = Recorder()
    found = backtest(case(), model, closed, Period(date(2023, 3, 1), date(2023, 4, 10)), settings(7), quiet)
    assert len(model.fitted) == 4  # 1 to 7 and 8 to 9 March, 31 March to 4 April (block of 29 March), 5 to 10 April
    assert found.height == 2 * (9 + 11)


def test_a_period_without_open_days_is_an_error():
    with pytest.raises(InputError, match="2030-01-01") as caught:
        backtest(case(), Recorder(), rows(), Period(date(2030, 1, 1), date(2030, 2, 1)), settings(), quiet)
    assert caught.value.key == "run.empty_period"


@pytest.mark.parametrize("lead", [1, 2])
def test_recalibration_knows_older_forecasts_and_outcomes_alone(lead):
    toy, model = case(lead), Chooser()
    select, report = Period(date(2023, 2, 1), date(2023, 2, 28)), Period(date(2023, 3, 1), date(2023, 3, 20))
    earlier, raw = (backtest(toy, model, rows(), period, settings(), quiet) for period in (select, report))
    found = finished(toy, model, raw, earlier, report, settings())
    starts = [date(2023, 3, 1) + timedelta(days=CALIBRATION_DAYS * block) for block in range(3)]
    assert [known["day"].max() for known in model.known] == [start - timedelta(days=lead) for start in starts]
    assert {known["day"].min() for known in model.known} == {select.first}
    assert not any({"sold", "ordered"} & set(part.columns) for part in model.finishing)
    # reversed by the model, and still each outcome is its own
    assert found.sort("shop", "day").select(rows().columns).equals(raw.sort("shop", "day").select(rows().columns))
    first, total = found.filter(day=report.first), (model.known[0]["sold"] - model.known[0]["q0.5"]).sum()
    assert first["q0.5"].unique().to_list() == [raw["q0.5"][0] + total]


def test_models_without_choices_stay_as_they_are():
    raw = rows().with_columns(pl.lit(1.0).alias("q0.5"))
    assert finished(case(), Recorder(), raw, raw.clear(), Period(FIRST, FIRST), settings()) is raw


def test_known_before_understands_times_of_day():
    hours = pl.DataFrame({"day": [datetime(2023, 1, 1) + timedelta(hours=hour) for hour in range(72)]})
    assert known_before(case(1), hours, date(2023, 1, 3), settings())["day"].max() == datetime(2023, 1, 2, 23)
    assert known_before(case(2), hours, date(2023, 1, 3), settings())["day"].max() == datetime(2023, 1, 1, 23)


def test_attach_joins_one_to_one_whatever_the_order():
    source = rows(5)
    shuffled = source.select("day", "shop").sample(fraction=1, shuffle=True, seed=1)
    found = attach(case(), shuffled, source, ["sold", "not there"])
    assert found.select("day", "shop").equals(shuffled)
    assert found.sort("shop", "day").equals(source.sort("shop", "day").select("day", "shop", "sold"))
    with pytest.raises(pl.exceptions.ComputeError):
        attach(case(), pl.concat([shuffled, shuffled]), source, ["sold"])
