"""What the checked rows hold: period, series, gaps, closed days, outliers, possible sell-outs, and what the use case can do with them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import polars as pl

from pipelines.texts import catalogue
from pipelines.usecase import Column, UseCase

OUTLIER = 10.0  # so many times the series' largest usual value (its 99 % quantile) is worth a look
OUTLIER_ROWS = 20  # shorter series have no usual value
ENOUGH_DAYS = 364  # a year: seasons and holidays were seen once
LEAST_DAYS = 140  # train, select and report of four weeks each need about this much
FEW = 3  # examples shown
SELL_OUT = 0.02  # share of rows with everything ordered sold from which sell-outs are likely


@dataclass(frozen=True)
class Finding:
    """One thing worth saying: a key of the catalogue `check`, its values, and whether it is a fact, a warning or a limit."""

    key: str
    values: Mapping[str, Any] = field(default_factory=dict)
    level: str = "fact"  # fact | warning | limit


def findings(case: UseCase[Any], tables: Mapping[str, pl.DataFrame], schemas: Mapping[str, Mapping[str, Column]]) -> list[Finding]:
    """Return what the tables hold, the first table in most detail."""
    found: list[Finding] = []
    for name, table in tables.items():
        found += _table(name, table, schemas[name])
    first = next(iter(tables))
    found += _limits(case, tables, schemas[first])
    return found


def _table(name: str, table: pl.DataFrame, schema: Mapping[str, Column]) -> list[Finding]:
    time = [ours for ours, column in schema.items() if column.role == "time" and ours in table.columns]
    keys = [ours for ours, column in schema.items() if column.role == "key" and ours in table.columns]
    found = [Finding("rows", {"table": name, "rows": table.height})]
    for key in keys:
        values = table[key].unique().sort()
        shown = ", ".join(str(value) for value in values.head(FEW)) + (" ..." if len(values) > FEW else "")
        found.append(Finding("key", {"table": name, "column": key, "count": len(values), "examples": shown}))
    if time:
        found += _times(name, table, time[0], keys)
    for ours, column in schema.items():
        if column.kind == "number" and column.role == "outcome" and ours in table.columns:
            found += _numbers(name, table, ours, column, keys)
    return found


def _times(name: str, table: pl.DataFrame, time: str, keys: list[str]) -> list[Finding]:
    days = table.select(pl.col(time).cast(pl.Date).alias("day"), *keys)
    first: Any = days["day"].min()
    last: Any = days["day"].max()
    length = (last - first).days + 1
    found = [Finding("period", {"table": name, "first": first, "last": last, "days": length})]
    if length < LEAST_DAYS:
        found.append(Finding("short", {"days": length, "least": LEAST_DAYS}, "warning"))
    elif length < ENOUGH_DAYS:
        found.append(Finding("no_year", {"days": length}, "limit"))
    seen = days["day"].unique().sort()
    missing = length - len(seen)
    if missing:
        found.append(Finding("days_without_rows", {"table": name, "count": missing, "examples": [*_absent(seen, first, last).head(FEW)]}))
    weekdays = sorted(set(range(1, 8)) - set(seen.dt.weekday().unique()))
    if weekdays and length > ENOUGH_DAYS // 12:
        found.append(Finding("closed_weekdays", {"table": name, "count": len(weekdays), "numbers": ", ".join(map(str, weekdays))}))
    gap: Any = seen.diff().max()
    if gap is not None and gap > timedelta(days=14):
        at = seen[int(seen.diff().arg_max() or 0)]
        found.append(Finding("gap", {"table": name, "days": gap.days - 1, "before": at}, "warning"))
    return found


def _absent(seen: pl.Series, first: date, last: date) -> pl.Series:
    every = pl.date_range(first, last, eager=True)
    return every.filter(~every.is_in(seen.to_list()))


def _numbers(name: str, table: pl.DataFrame, ours: str, column: Column, keys: list[str]) -> list[Finding]:
    values = table[ours]
    if values.null_count() == table.height:
        return []
    about = {"table": name, "column": ours, "unit": column.unit}
    found = [Finding("number", {**about, "total": float(values.sum()), "empty": values.null_count(), "zeros": int((values == 0).sum())})]
    if keys:
        usual = pl.col(ours).quantile(0.99).over(keys)
        large = (pl.col(ours) > OUTLIER * usual) & (usual > 0) & (pl.len().over(keys) >= OUTLIER_ROWS)
        odd = table.filter(large)
        if odd.height:
            row = odd.row(0, named=True)
            place = ", ".join(str(row[key]) for key in keys)
            at = {"count": odd.height, "row": row.get("row_in_file"), "value": row[ours], "place": place}
            found.append(Finding("outlier", {**about, **at}, "warning"))
    return found


def _limits(case: UseCase[Any], tables: Mapping[str, pl.DataFrame], schema: Mapping[str, Column]) -> list[Finding]:
    """Return what cannot be done without the optional columns that no table gives, in the use case's own words where it has some."""
    given = {column for table in tables.values() for column in table.columns if table[column].null_count() < table.height}
    own = catalogue(case.name, "en") if _has_texts(case.name) else {}
    found = []
    for ours, column in schema.items():
        if column.optional and not column.derived and ours not in given and f"without_{ours}" in own:
            found.append(Finding(f"{case.name}.without_{ours}", {}, "limit"))
    first = tables[next(iter(tables))]
    if {"ordered", "sold"} <= set(first.columns):
        both = first.filter(pl.col("ordered").is_not_null() & pl.col("sold").is_not_null() & (pl.col("ordered") > 0))
        share = both.filter(pl.col("sold") >= pl.col("ordered")).height / both.height if both.height else 0.0
        if share > SELL_OUT:
            found.append(Finding("sell_outs", {"share": 100 * share}))
    return found


def _has_texts(area: str) -> bool:
    try:
        catalogue(area, "en")
    except KeyError:
        return False
    return True
