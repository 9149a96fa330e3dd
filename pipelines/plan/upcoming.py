"""The days ahead: which series will be open, and what is known about them beforehand."""

from datetime import date, timedelta
from typing import Any

import polars as pl

from pipelines.calendar import calendar
from pipelines.errors import InputError
from pipelines.grid import complete_grid
from pipelines.settings import CaseSettings
from pipelines.table import Join, Loaded, assemble, joins
from pipelines.usecase import Column, UseCase

FURTHEST_DAYS = 366  # a plan for a day further away is a typing error in the year
AHEAD_DAYS = 30  # days after the planned one: features look at closed days that follow
PATTERN_WEEKS = 8  # weeks from which the opening pattern is read
MOSTLY = 0.5
STEADY = 0.1  # a number that changes on fewer days than this is carried forward (prices, weights)


def extended(case: UseCase[Any], loaded: Loaded, settings: CaseSettings, day: date) -> pl.DataFrame:
    """Return history and the days up to a month after `day` as `pipelines.run.gridded` would give them; outcomes ahead are null.

    A series goes on when it has rows up to the end of the data. It is taken to be open as on most of the last eight weekdays of the
    kind, on public holidays as on most of those in the data, and as a row of the user's own file says. Known columns come from rows
    and joined tables that reach into the future; numbers that hardly ever change (prices) are carried forward.
    """
    rows = assemble(loaded.tables, case.schema, settings.data)
    joined = joins(loaded.tables, case.schema, settings.data)
    history = complete_grid(rows, case.schema, settings.calendar, case.target, joined)
    first: Any = history[case.time].min()
    end: Any = history[case.time].max()
    if not first < day <= end + timedelta(days=FURTHEST_DAYS):
        raise InputError("plan.too_far", day=day, first=first, last=end)
    last = max(day, end) + timedelta(days=AHEAD_DAYS)
    days = calendar(first, last, settings.calendar).rename({"day": case.time})
    dated = history.join(days, on=case.time, how="left", maintain_order="left")
    if last <= end:
        return dated
    ahead = _ahead(case, dated, days.filter(pl.col(case.time) > end), end)
    ahead = _known(case, ahead, history, rows.filter(pl.col(case.time) > end), joined)
    return pl.concat([dated, ahead.select(dated.columns)], how="vertical_relaxed").sort(*case.keys, case.time)


def _ahead(case: UseCase[Any], dated: pl.DataFrame, days: pl.DataFrame, end: date) -> pl.DataFrame:
    """Return living series x days to come with calendar and projected openings, everything else null."""
    alive = dated.filter(pl.col(case.time) == end).select(case.keys)
    grid = alive.join(days, how="cross").with_columns(_weekday=pl.col(case.time).dt.weekday())
    recent = dated.filter(pl.col(case.time) > end - timedelta(weeks=PATTERN_WEEKS))
    usual = recent.filter(~pl.col("public_holiday")).group_by(
        *case.keys, pl.col(case.time).dt.weekday().alias("_weekday"), maintain_order=True
    )
    grid = grid.join(usual.agg(_usual=pl.col("open").mean()), on=[*case.keys, "_weekday"], how="left")
    feasts = dated.filter("public_holiday").group_by(case.keys, maintain_order=True).agg(_feast=pl.col("open").mean())
    grid = grid.join(feasts, on=case.keys, how="left")
    usual_open = pl.col("_usual").fill_null(0.0) > MOSTLY
    feast_open = (pl.col("_feast") > MOSTLY).fill_null(usual_open)
    grid = grid.with_columns(open=pl.when("public_holiday").then(feast_open).otherwise(usual_open))
    missing = [column for column in dated.columns if column not in grid.columns]
    return grid.with_columns(pl.lit(None, dtype=dated.schema[column]).alias(column) for column in missing)


def _known(case: UseCase[Any], ahead: pl.DataFrame, history: pl.DataFrame, own: pl.DataFrame, joined: tuple[Join, ...]) -> pl.DataFrame:
    """Fill known columns: from own future rows, joined tables, and steady numbers of the past, in this order."""
    known = [name for name, column in case.schema.items() if column.role == "known" and name in ahead.columns]
    index = [case.time, *case.keys]
    filled = [name for name in (*known, "open") if name in own.columns]
    stated = ahead.select(index).join(own.select(*index, *filled), on=index, how="left", maintain_order="left")
    ahead = ahead.with_columns(pl.coalesce(stated[name], pl.col(name)).alias(name) for name in filled)
    for join in joined:
        adds = [name for name in join.adds if name in known]
        found = ahead.select(join.on).join(join.table.select(*join.on, *adds), on=join.on, how="left", maintain_order="left")
        ahead = ahead.with_columns(pl.coalesce(pl.col(name), found[name]).alias(name) for name in adds)
    steady = [name for name in known if _is_steady(case.schema[name], history, name, case)]
    lasting = history.sort(case.time).group_by(case.keys, maintain_order=True).agg(pl.col(name).drop_nulls().last() for name in steady)
    latest = ahead.select(case.keys).join(lasting, on=case.keys, how="left", maintain_order="left")
    return ahead.with_columns(pl.coalesce(pl.col(name), latest[name]).alias(name) for name in steady)


def _is_steady(column: Column, history: pl.DataFrame, name: str, case: UseCase[Any]) -> bool:
    if column.kind != "number" or history[name].null_count() == history.height:
        return False
    changes = history.select((pl.col(name).drop_nulls().diff() != 0).over(case.keys, mapping_strategy="explode").mean()).item()
    return changes is not None and changes < STEADY


def unknown_columns(case: UseCase[Any], rows: pl.DataFrame, day: date) -> list[str]:
    """Return known columns that the history has and the planned day lacks: the plan is made without them."""
    past, today = rows.filter(pl.col(case.time) < day), rows.filter((pl.col(case.time) == day) & pl.col("open"))
    known = [name for name, column in case.schema.items() if column.role == "known" and name in rows.columns]
    return [name for name in known if past[name].null_count() < past.height and today.height and today[name].null_count() == today.height]
