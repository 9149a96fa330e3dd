"""Rolling-origin backtest: train < select < report, and a model that has seen only what was known at each origin."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

import polars as pl

from pipelines.errors import InputError
from pipelines.result import Period
from pipelines.settings import PeriodSettings
from pipelines.usecase import Block, Choosing, Forecaster, S, UseCase

Progress = Callable[[str, float], None]  # (stage, share done 0..1)
CALIBRATION_DAYS = 7  # days between two recalibrations
MINIMUM_DAYS = 28  # the shortest train, select or report period that says anything


@dataclass(frozen=True)
class Periods:
    """The three periods of a run, in order and without overlap."""

    train: Period
    select: Period
    report: Period


def split(first: date, last: date, settings: PeriodSettings, block: Block = "week") -> Periods:
    """Cut the days into train < select < report.

    Parameters
    ----------
    block
        "month": unless it is stated, the report period starts on the first of the month nearest to its share of the days.

    Raises
    ------
    InputError
        When one of the three would be shorter than 28 days.
    """
    days = (last - first).days + 1
    shared = last - timedelta(days=int(days * settings.report_share) - 1)
    report_start = settings.report_start or (_first_of_month(shared) if block == "month" else shared)
    before = (report_start - first).days
    select_start = report_start - timedelta(days=int(before * settings.select_share))
    lengths = {
        "train": (select_start - first).days,
        "select": (report_start - select_start).days,
        "report": (last - report_start).days + 1,
    }
    for name, length in lengths.items():
        if length < MINIMUM_DAYS:
            raise InputError("run.too_short", period=name, days=max(length, 0), minimum=MINIMUM_DAYS, first=first, last=last)
    day = timedelta(days=1)
    return Periods(Period(first, select_start - day), Period(select_start, report_start - day), Period(report_start, last))


def _first_of_month(day: date) -> date:
    """Return the first of a month that is nearest to the day."""
    this = day.replace(day=1)
    following = (this + timedelta(days=31)).replace(day=1)
    return this if day - this <= following - day else following


def origins(period: Period, refit_days: int) -> Iterator[Period]:
    """Yield the blocks of a period: the model is fitted before each block and predicts it day by day."""
    start = period.first
    while start <= period.last:
        end = min(start + timedelta(days=refit_days - 1), period.last)
        yield Period(start, end)
        start = end + timedelta(days=1)


def known_before(case: UseCase[S], rows: pl.DataFrame, day: date, settings: S) -> pl.DataFrame:
    """Return the rows whose outcomes are known when the decision for `day` is taken (older than the lead)."""
    return rows.filter(pl.col(case.time).cast(pl.Datetime) < known_until(case, day, settings))


def known_until(case: UseCase[S], day: date, settings: S) -> datetime:
    """Return the moment (data's own clock) at which the decision for `day` is taken: what began before it is known."""
    return datetime.combine(day, time.min) - timedelta(days=case.lead(settings) - 1)


def within(case: UseCase[S], rows: pl.DataFrame, period: Period) -> pl.DataFrame:
    """Return the rows of a period."""
    return rows.filter(pl.col(case.time).dt.date().is_between(period.first, period.last))


def backtest(case: UseCase[S], model: Forecaster, rows: pl.DataFrame, period: Period, settings: S, progress: Progress) -> pl.DataFrame:
    """Return the period's rows with forecasts, each made by a model that knew only older outcomes.

    `rows` holds features and outcomes of open rows; outcomes are taken away before predict and put back after it.
    """
    hidden = case.columns("outcome", "decision")
    blocks, forecasts = list(origins(period, settings.periods.refit_days)), []
    for number, block in enumerate(blocks):
        progress("backtest", number / len(blocks))
        future = within(case, rows, block)
        if future.is_empty():
            continue
        model.fit(known_before(case, rows, block.first, settings))
        forecasts.append(attach(case, model.predict(future.drop(hidden, strict=False)), future, hidden))
    if not forecasts:
        raise InputError("run.empty_period", first=period.first, last=period.last)
    return pl.concat(forecasts, how="diagonal")


def finished(case: UseCase[S], model: Forecaster, raw: pl.DataFrame, earlier: pl.DataFrame, period: Period, settings: S) -> pl.DataFrame:
    """Return raw forecasts as the model chose them (combined, recalibrated), week by week from what was known then."""
    if not isinstance(model, Choosing):
        return raw
    hidden = [column for column in case.columns("outcome", "decision") if column in raw.columns]
    history, done = pl.concat([earlier, raw], how="diagonal"), []
    for block in origins(period, CALIBRATION_DAYS):
        part = within(case, raw, block)
        if not part.is_empty():
            known = known_before(case, history, block.first, settings)
            done.append(attach(case, model.final(part.drop(hidden), known), part, hidden))
    return pl.concat(done)


def attach(case: UseCase[S], made: pl.DataFrame, source: pl.DataFrame, columns: list[str]) -> pl.DataFrame:
    """Put `columns` of `source` back beside rows made from it, joined one to one on time and keys."""
    index = [case.time, *case.keys]
    columns = [column for column in columns if column in source.columns]
    if made.height == source.height and made.select(index).equals(source.select(index)):
        return made.with_columns(source.select(columns))
    return made.join(source.select(*index, *columns), on=index, how="left", validate="1:1", maintain_order="left")
