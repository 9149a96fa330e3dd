"""Decide one day: history and the day itself through the same functions as in the backtest, then the champion's forecast."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import polars as pl

from pipelines.backtest import known_until
from pipelines.errors import GateError, InputError
from pipelines.plan.upcoming import extended, unknown_columns
from pipelines.replay import visible
from pipelines.result import Note
from pipelines.run import gridded
from pipelines.settings import CaseSettings
from pipelines.table import Loaded
from pipelines.texts import Lang
from pipelines.usecase import Forecaster, Sheet, UseCase

RECENT_DAYS, QUIET_DAYS = 28, 7  # a series, a group without any sale for so long is worth a word
SHRUNKEN = 0.7  # fewer series than this share of those the model was judged on: something is missing from the export


@dataclass(frozen=True)
class Planned:
    """The decisions of one day.

    Parameters
    ----------
    rows
        Time, keys, features, forecasts and action columns of the open series.
    sheet
        How they are laid out.
    reasons
        One sentence per row.
    inputs
        What the model was asked about: the rows without outcomes, decisions, forecasts and actions, in the same order.
    state
        In which the day begins (sequential cases), else None.
    notice
        What every page must say, by language.
    """

    case: str
    day: date
    rows: pl.DataFrame
    sheet: Sheet
    reasons: pl.Series
    last: date
    notes: tuple[Note, ...]
    inputs: pl.DataFrame
    state: Any
    notice: Mapping[str, str]


def decided(case: UseCase[Any], rows: pl.DataFrame, settings: CaseSettings, model: Forecaster, day: date, lang: Lang = "en") -> Planned:
    """Return the decisions for `day`; `rows`: history and the day itself, from `everything`.

    Outcomes after the deadline are taken away first, so that a plan for a past day is the one that would have been made then.

    Raises
    ------
    InputError
        When no series is open on that day.
    """
    moment = known_until(case, day, settings)
    late = pl.col(case.time).cast(pl.Datetime) >= moment
    hidden = [name for name in case.columns("outcome", "decision") if name in rows.columns]
    last: Any = rows.filter(~late & pl.col(case.target).is_not_null())[case.time].cast(pl.Date).max()
    rows = rows.with_columns(pl.when(~late).then(pl.col(name)).alias(name) for name in hidden)
    made = case.features(case.prepare(rows, settings), settings)
    of_day = pl.col(case.time).cast(pl.Date) == day
    today = made.filter(of_day & pl.col("open")) if "open" in made.columns else made.filter(of_day)
    if today.is_empty():
        raise InputError("plan.closed", day=day, last=last)
    inputs = visible(case, today, decisions=False)
    forecasts = model.predict(inputs)
    decisions, state = _act(case, made, forecasts, settings, day)
    sheet = case.sheet or _default_sheet(case, forecasts, decisions)
    reasons = case.reasons(decisions, settings, lang) if case.reasons else pl.Series("reason", [""] * decisions.height)
    lacking = unknown_columns(case, rows, day) if "open" in rows.columns else []
    notes = [Note("plan.note_lacking", {"columns": ", ".join(lacking)})] if lacking else []
    return Planned(case.name, day, decisions, sheet, reasons, last, tuple(notes), inputs, state, case.notice)


def everything(case: UseCase[Any], loaded: Loaded, settings: CaseSettings, day: date) -> pl.DataFrame:
    """Return history and the day to plan, before `prepare`."""
    if case.grid == "daily":
        return extended(case, loaded, settings, day)
    history = gridded(case, loaded, settings)
    if case.upcoming is None:
        raise InputError("plan.no_upcoming", case=case.name)
    earlier = history.filter(pl.col(case.time).cast(pl.Date) < day)
    return pl.concat([earlier, case.upcoming(history, settings, day)], how="diagonal_relaxed")


def _act(case: UseCase[Any], made: pl.DataFrame, forecasts: pl.DataFrame, settings: CaseSettings, day: date) -> tuple[pl.DataFrame, Any]:
    state = case.start(visible(case, forecasts, decisions=False), settings) if case.start else None
    if state is not None:
        state = _state(case, made, settings, day, state)
    return acted(case, forecasts, settings, state), state


def acted(case: UseCase[Any], forecasts: pl.DataFrame, settings: CaseSettings, state: Any) -> pl.DataFrame:
    """Return the forecast rows of one epoch with the action columns; `state`: in which a sequential case begins."""
    seen = visible(case, forecasts, decisions=False)
    return case.decide(seen, settings) if case.start is None else case.decide(seen, settings, state)


def _state(case: UseCase[Any], made: pl.DataFrame, settings: CaseSettings, day: date, state: Any) -> Any:
    """Return the state in which the day begins: what the day before really left, judged on what the business itself did."""
    before = made.filter((pl.col(case.time).cast(pl.Date) == day - timedelta(days=1)) & pl.col(case.target).is_not_null())
    if before.is_empty():
        return state
    first = case.start(before, settings) if case.start else None
    acted = case.usual(visible(case, before, decisions=True), settings, first)
    index, new = [case.time, *case.keys], [column for column in acted.columns if column not in before.columns]
    return case.value(before.join(acted.select(*index, *new), on=index, how="left", maintain_order="left"), settings, first)[1]


def _default_sheet(case: UseCase[Any], forecasts: pl.DataFrame, acted: pl.DataFrame) -> Sheet:
    quantity = next(column for column in acted.columns if column not in forecasts.columns)
    group, *others = case.keys
    return Sheet(group, tuple(others) or (case.time,), quantity)


def gaps(case: UseCase[Any], planned: Planned, rows_of_run: pl.DataFrame, fresh: pl.DataFrame, settings: CaseSettings) -> list[Note]:
    """Return a note on series that the model was judged on and that have no rows any more.

    Raises
    ------
    GateError
        When the data end too early for the day, a whole group (branch) is gone, or more than three in ten series are.

    Parameters
    ----------
    rows_of_run
        Forecasts of the run: time, keys.
    fresh
        Rows of the fresh data, outcomes included.
    """
    open_days: Sequence[date] = fresh.filter("open")[case.time].unique().sort().to_list() if "open" in fresh.columns else []
    between = [day for day in open_days if planned.last < day < planned.day]
    allowed = int(case.lead(settings)) - 1
    if len(between) > allowed:
        raise GateError("plan.stale", last=planned.last, day=planned.day, missing=len(between), first=between[0])
    if not rows_of_run.select(case.keys).is_duplicated().any():  # single events, such as visits: no series that could end
        return []
    end: Any = rows_of_run[case.time].cast(pl.Date).max()
    then = rows_of_run.filter(pl.col(case.time).cast(pl.Date) > end - timedelta(days=RECENT_DAYS)).select(case.keys).unique()
    now = _selling(case, fresh, planned.last, RECENT_DAYS)
    gone = then.join(now.select(case.keys).unique(), on=case.keys, how="anti")
    group = planned.sheet.group if planned.sheet.group in case.keys else case.keys[0]
    lately = _selling(case, fresh, planned.last, QUIET_DAYS).select(group).unique()
    quiet = now.select(group).unique().join(lately, on=group, how="anti").sort(group)
    silent = [Note("plan.note_quiet", {"groups": ", ".join(map(str, quiet[group])), "days": QUIET_DAYS})] if quiet.height else []
    if gone.is_empty():
        return silent
    values = {"then": then.height, "now": then.height - gone.height}
    shown = "; ".join(", ".join(map(str, row)) for row in gone.sort(case.keys).head(3).rows())
    if values["now"] / then.height < SHRUNKEN:
        raise GateError("plan.shrunken", **values, examples=shown)
    lost = then.select(group).unique().join(now.select(group).unique(), on=group, how="anti").sort(group)
    if lost.height:
        raise GateError("plan.lost_group", groups=", ".join(map(str, lost[group].head(3))), count=lost.height)
    return [*silent, Note("plan.note_gone", {**values, "examples": shown})]


def _selling(case: UseCase[Any], fresh: pl.DataFrame, last: date, days: int) -> pl.DataFrame:
    """Return the rows of the last days of the data on which something happened: a day without a row counts as zero for a while."""
    day = pl.col(case.time).cast(pl.Date)
    return fresh.filter((pl.col(case.target).cast(pl.Float64) > 0) & (day > last - timedelta(days=days)) & (day <= last))
