"""A complete daily grid: seven rows are seven days, and a closed day is told apart from a day on which nothing was sold."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

import polars as pl

from pipelines.errors import ContractError, InputError
from pipelines.settings import CalendarSettings
from pipelines.table.joins import Join
from pipelines.usecase import Column

QUIET_DAYS = 28  # a series without a sale for longer than this at the end of the data counts as discontinued
_ROW = "has_row"


def complete_grid(
    rows: pl.DataFrame, schema: Mapping[str, Column], calendar: CalendarSettings, target: str, joins: Sequence[Join] = ()
) -> pl.DataFrame:
    """Return one row per series and day, sorted by keys and day, with `open`; on closed days outcomes and decisions are null.

    A series begins on its first day with sales and ends with the data (the last day on which any series has a target), or on its last
    day with sales when more than 28 days without a sale follow (discontinued). A series that never sold has no rows. On an open day
    without a row the target is a real 0; a row with an empty target tells nothing and is treated as closed (missing), never as 0.

    Parameters
    ----------
    rows
        One row per time and keys, from `assemble`.
    calendar
        `closed`. no_row: the series has no row. nothing_sold: the branch (first key) sold nothing of any product. column: as `open`
        says; without a row, open when another row of the branch is.
    target
        The outcome that counts sales, in its own unit.
    joins
        The joined tables (`table.joins`): they fill the days that have no row in the first table.

    Raises
    ------
    InputError
        When nothing was ever sold, or the column `open` is absent or contradicts the sales.
    """
    (time,) = [name for name, column in schema.items() if column.role == "time"]
    keys = [name for name, column in schema.items() if column.role == "key"]
    if schema[time].kind != "date" or not keys:
        raise ContractError("table.grid_needs_days", column=time)
    days = _days(rows, time, keys, target)
    marked = rows.with_columns(pl.lit(value=True).alias(_ROW))
    full = days.join(marked, on=[*keys, time], how="left", maintain_order="left").with_columns(pl.col(_ROW).fill_null(value=False))
    for join in joins:
        full = _filled(full, join)
    full = full.with_columns(_open(full, calendar, time, keys, target).alias("open"))
    hidden = [name for name, column in schema.items() if column.role in ("outcome", "decision") and name in full.columns]
    return _emptied(full, target, hidden).select(*dict.fromkeys([*rows.columns, "open"]))


def _emptied(full: pl.DataFrame, target: str, hidden: Sequence[str]) -> pl.DataFrame:
    """Return real zeros on open days without a row, and nothing in the hidden columns of closed days."""
    unknown = pl.col(_ROW) & pl.col(target).is_null()
    full = full.with_columns(pl.col("open") & ~unknown, pl.col(target).fill_null(0))
    return full.with_columns(pl.when("open").then(pl.col(name)).alias(name) for name in hidden)


def _days(rows: pl.DataFrame, time: str, keys: list[str], target: str) -> pl.DataFrame:
    """Return every day of every series, sorted by keys and day."""
    sales = rows.filter(pl.col(target) > 0)
    if sales.is_empty():
        raise InputError("table.no_sales", column=target)
    end = rows.filter(pl.col(target).is_not_null())[time].max()
    last = pl.when(pl.col("last") < pl.lit(end) - timedelta(days=QUIET_DAYS)).then("last").otherwise(pl.lit(end))
    series = sales.group_by(keys, maintain_order=True).agg(pl.col(time).min().alias("first"), pl.col(time).max().alias("last")).sort(keys)
    return series.select(*keys, pl.date_ranges("first", last).alias(time)).explode(time, empty_as_null=False)


def _filled(full: pl.DataFrame, join: Join) -> pl.DataFrame:
    """Fill the columns a joined table adds on days that have no row in the first table."""
    adds = [column for column in join.adds if column in full.columns]
    found = full.select(join.on).join(join.table.select(*join.on, *adds), on=join.on, how="left", maintain_order="left")
    return full.with_columns(pl.when(_ROW).then(pl.col(column)).otherwise(found[column]).alias(column) for column in adds)


def _open(full: pl.DataFrame, calendar: CalendarSettings, time: str, keys: list[str], target: str) -> pl.Expr:
    branch_day = [keys[0], time]
    if calendar.closed == "no_row":
        return pl.col(_ROW)
    if calendar.closed == "nothing_sold":
        return (pl.col(target) > 0).fill_null(value=False).any().over(branch_day)
    if "open" not in full.columns or full["open"].null_count() == full.height:
        raise InputError("table.no_open_column")
    wrong = full.filter(~pl.col("open") & (pl.col(target) > 0))
    if not wrong.is_empty():
        row = wrong.row(0, named=True)
        value = ", ".join(str(row[name]) for name in (*keys, time))
        raise InputError("table.sold_while_closed", count=wrong.height, value=value, sold=row[target], column=target)
    return pl.coalesce("open", pl.col("open").fill_null(value=False).any().over(branch_day))
