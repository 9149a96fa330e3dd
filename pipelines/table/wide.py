"""Wide tables: one column per branch, product or weekday becomes one row per cell."""

from pathlib import Path

import polars as pl

from pipelines.errors import InputError
from pipelines.settings import MeltSettings, TableSettings
from pipelines.table.cells import Cells, cleaned, moments
from pipelines.table.raw import ROW, Raw

WEEKDAY = "weekday"
WEEKDAYS = {
    word: number
    for number, words in enumerate(
        ("mo mon", "di tu tue die", "mi we wed mit", "do th thu don", "fr fri fre", "sa sat sam", "so su sun son")
    )
    for word in words.split()
}
_LETTERS = 3


def melted(raw: Raw, settings: TableSettings, path: Path, name: str) -> Raw:
    """Return the table with the melted headers and cells as two columns named like ours; row numbers stay those of the file.

    With `headers = "weekday"` the single kept date is the week's: the weekday's date takes its place (Monday = first day of that week).

    Raises
    ------
    InputError
        When `keep` names a header that is not there, nothing is left to melt, or a header is no weekday.
    """
    how = settings.melt
    if how is None:
        return raw
    headers = [header for header in raw.table.columns if header != ROW]
    absent = [header for header in how.keep if header not in headers]
    if absent:
        raise InputError("table.melt_keep", file=path, table=name, header=absent[0], headers=", ".join(headers))
    wide = [header for header in headers if header not in how.keep and raw.table[header].null_count() < raw.table.height]
    if not wide:
        raise InputError("table.melt_nothing", file=path, table=name, headers=", ".join(headers))
    table = raw.table.with_columns(pl.col(wide).cast(pl.String)) if len({raw.table.schema[header] for header in wide}) > 1 else raw.table
    long = table.unpivot(on=wide, index=[ROW, *how.keep], variable_name=how.headers, value_name=how.values)
    long = long.filter(pl.col(how.values).is_not_null()).sort(ROW, maintain_order=True)
    if how.headers == WEEKDAY:
        long = _dated(long, how, settings, path, name)
    return Raw(long, raw.notes, {**raw.facts, "melted": len(wide)})


def _dated(long: pl.DataFrame, how: MeltSettings, settings: TableSettings, path: Path, name: str) -> pl.DataFrame:
    """Put the date of the weekday in place of the week's date."""
    days = {header: WEEKDAYS.get(header.strip().rstrip(".").lower()[:_LETTERS]) for header in long[WEEKDAY].unique()}
    days = {header: WEEKDAYS.get(header.strip().lower()[:2]) if day is None else day for header, day in days.items()}
    strange = [header for header, day in days.items() if day is None]
    if strange:
        raise InputError("table.melt_weekday", file=path, table=name, header=strange[0])
    dates = [(ours, header) for ours, header in settings.columns.items() if header in how.keep and ours in ("day", "date", "time")]
    ours, header = dates[0] if dates else ("day", how.keep[0])
    cells = Cells(path.name, ours, header, cleaned(long[header]), long[ROW])
    week = moments(cells, settings.date_format_of(ours)).values.rename("week")
    monday = pl.col("week").dt.truncate("1w")
    shift = pl.duration(days=pl.col(WEEKDAY).replace_strict(days, return_dtype=pl.Int64))
    dated = long.with_columns(week).with_columns((monday + shift).alias(header))
    return dated.drop("week", WEEKDAY)
