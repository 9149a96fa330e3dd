"""One table of a file checked against the schema: our column names, typed values, row numbers for messages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import polars as pl

from pipelines.errors import InputError
from pipelines.result import Note
from pipelines.settings import TableSettings
from pipelines.table.cells import Cells, as_text, cleaned, flags, hours, moments, numbers
from pipelines.table.headers import Source, mapped_headers, missing_columns, with_open
from pipelines.table.raw import ROW
from pipelines.table.reader import TOTALS
from pipelines.usecase import Column

DTYPES = {"date": pl.Date(), "datetime": pl.Datetime("us"), "text": pl.String(), "number": pl.Float64(), "flag": pl.Boolean()}
GAP = timedelta(days=3 * 365)  # a hole of this length between two dates of one column is a typing error in the year
_SHOWN = 8  # ignored headers listed in a note


@dataclass(frozen=True)
class Checked:
    """A typed table and what the reader must be told about it."""

    rows: pl.DataFrame
    notes: tuple[Note, ...]


def typed(table: pl.DataFrame, schema: Mapping[str, Column], settings: TableSettings, file: str, name: str = "sales") -> pl.DataFrame:
    """Return the table with the schema's columns and types (see `checked`); here every required column must be in this one table."""
    source, columns = Source(str(file), name), with_open(schema)
    mapping = mapped_headers(table, columns, settings, source)
    missing = [ours for ours, column in columns.items() if not column.optional and ours not in {*mapping, *settings.constants}]
    if missing:
        raise missing_columns(missing, table, list(mapping.values()), columns, source)
    return checked(table, columns, settings, source, mapping).rows


def checked(
    table: pl.DataFrame, schema: Mapping[str, Column], settings: TableSettings, source: Source, mapping: Mapping[str, str]
) -> Checked:
    """Return the mapped columns with types, plus `row_in_file`; totals, empty and dropped rows are left out and noted.

    Parameters
    ----------
    schema
        The columns expected of this table; times, keys and the columns it is joined on must not be empty.
    mapping
        Our column -> header, from `headers.mapped_headers`.

    Raises
    ------
    InputError
        When cells cannot be read, are out of bounds or must not be empty: file, column, rows, an example and the remedy.
    """
    wanted = {ours: header for ours, header in mapping.items() if ours in schema}
    table = table if ROW in table.columns else table.with_row_index(ROW, offset=2)
    raw = table.select(ROW, *(_prepared(table[header], schema[ours]).alias(ours) for ours, header in wanted.items()))
    notes = _notes_on_cells(table, raw, wanted, source)
    table, raw, left_out = _without_totals(table, raw, schema, wanted, source)
    raw, dropped = _without_dropped(raw, settings, source)
    if raw.is_empty():
        raise InputError("table.header_only", file=source.file, headers=", ".join(wanted.values()))
    columns = {ROW: raw[ROW]}
    for ours, header in wanted.items():
        cells = Cells(source.file, ours, header, raw[ours], raw[ROW])
        columns[ours], said = _read(cells, schema[ours], settings, source)
        notes.extend(said)
        _refuse_empty(cells, columns[ours], schema[ours], settings)
    _refuse_future(columns, schema, wanted, source)
    rows = _with_constants(pl.DataFrame(columns), schema, settings, source)
    return Checked(_in_order_of_time(rows, schema), (*notes, *left_out, *dropped))


def refuse_out_of_bounds(cells: Cells, column: Column) -> None:
    """Raise InputError when a number lies outside the column's bounds; negative quantities get a remedy of their own."""
    values = cells.values
    if column.minimum is not None and (values < column.minimum).any():
        key = "table.negative" if column.minimum == 0 else "table.too_low"
        raise cells.error(key, (values < column.minimum).fill_null(value=False), minimum=column.minimum, unit=column.unit)
    if column.maximum is not None and (values > column.maximum).any():
        raise cells.error("table.too_high", (values > column.maximum).fill_null(value=False), maximum=column.maximum, unit=column.unit)


def netted(column: Column, settings: TableSettings) -> bool:
    """Return whether single rows may be negative: cancellations that the daily sum takes off again."""
    return settings.aggregate and column.kind == "number" and column.total == "sum"


def _prepared(values: pl.Series, column: Column) -> pl.Series:
    if column.kind == "text":
        return as_text(values)
    return hours(cleaned(values)) if column.unit.startswith("hours") else cleaned(values)


def _read(cells: Cells, column: Column, settings: TableSettings, source: Source) -> tuple[pl.Series, list[Note]]:
    if column.kind == "text":
        return cells.values, []
    if column.kind == "flag":
        return flags(cells), []
    if column.kind == "number":
        values = numbers(cells, settings.decimal_of(cells.column))
        found = Cells(cells.file, cells.column, cells.header, values, cells.rows)
        if not netted(column, settings):
            refuse_out_of_bounds(found, column)
            return values, []
        negative = int((values < 0).sum())
        return values, [Note("table.note_negative", {"table": source.table, "column": cells.header, "count": negative})] if negative else []
    read = moments(cells, settings.date_format_of(cells.column))
    if column.role == "time":
        _refuse_far(cells, read.values)
    if not read.serial:
        return read.values, []
    place = read.values.is_not_null().arg_max() or 0
    day = f"{read.values[place]:%Y-%m-%d}"
    return read.values, [
        Note("table.note_serial", {"table": source.table, "column": cells.header, "value": cells.values[place], "day": day})
    ]


def _refuse_empty(cells: Cells, values: pl.Series, column: Column, settings: TableSettings) -> None:
    if (column.role in ("time", "key") or cells.column in settings.on) and values.has_nulls():
        raise cells.error("table.empty_cells", values.is_null())


def _refuse_far(cells: Cells, values: pl.Series) -> None:
    """Refuse the smaller side of a hole of three years: a mistyped year (2205 for 2025) would stretch the calendar."""
    days = values.drop_nulls().unique().sort()
    holes = days.diff().fill_null(timedelta(0))
    if len(days) < 2 or holes.max() < GAP:  # type: ignore[operator]  # noqa: PLR2004
        return
    after: datetime = days[int(holes.arg_max() or 0)]
    late = values >= after
    bad = late if late.sum() * 2 <= values.count() else ~late
    other = values.filter(~bad.fill_null(value=True)).dt.strftime("%Y-%m-%d")
    raise cells.error("table.far_date", bad.fill_null(value=False), first=other.min(), last=other.max())


def _refuse_future(columns: Mapping[str, pl.Series], schema: Mapping[str, Column], wanted: Mapping[str, str], source: Source) -> None:
    """Refuse outcomes of days after tomorrow: nobody has sold anything then; prices and promotions may be known."""
    times = [ours for ours in wanted if schema[ours].role == "time"]
    outcomes = [ours for ours in wanted if schema[ours].role == "outcome"]
    if not times or not outcomes:
        return
    late = columns[times[0]] > datetime.now(UTC).replace(tzinfo=None) + timedelta(days=2)
    bad = late & columns[outcomes[0]].is_not_null()
    if bad.any():
        cells = Cells(source.file, times[0], wanted[times[0]], columns[times[0]].dt.strftime("%Y-%m-%d"), columns[ROW])
        raise cells.error("table.future", bad)


def _notes_on_cells(table: pl.DataFrame, raw: pl.DataFrame, wanted: Mapping[str, str], source: Source) -> list[Note]:
    notes = []
    for ours, header in wanted.items():
        count = raw[ours].null_count() - table[header].null_count()
        if count > 0:
            notes.append(Note("table.note_markers", {"table": source.table, "column": header, "count": count}))
    unused = (header for header in table.columns if header not in wanted.values() and header != ROW)
    extra = [header for header in unused if table[header].null_count() < table.height]
    if extra:
        shown = ", ".join(extra[:_SHOWN]) + (" ..." if len(extra) > _SHOWN else "")
        notes.append(Note("table.note_extra", {"table": source.table, "count": len(extra), "headers": shown}))
    return notes


def _without_totals(
    table: pl.DataFrame, raw: pl.DataFrame, schema: Mapping[str, Column], wanted: Mapping[str, str], source: Source
) -> tuple[pl.DataFrame, pl.DataFrame, list[Note]]:
    """Leave out rows without any value of ours, and totals: a cell starts with Summe, Gesamt or Total where time or keys are empty.

    A product "Gesamtpaket" with a day and a branch stays.
    """
    blank = raw.select(pl.all_horizontal(pl.exclude(ROW).is_null())).to_series()
    times = [ours for ours in wanted if schema[ours].role == "time"]
    keys = [ours for ours in wanted if schema[ours].role == "key"]

    def nothing(ours: str) -> pl.Expr:
        text = raw.schema[ours] == pl.String
        return pl.col(ours).is_null() | (pl.col(ours).str.contains(TOTALS) if text else pl.lit(value=False))

    candidate = raw.select(pl.any_horizontal(pl.lit(value=False), *(nothing(ours) for ours in (*times, *keys)))).to_series()
    total = pl.repeat(value=False, n=raw.height, dtype=pl.Boolean, eager=True)
    if candidate.any():
        words = [pl.col(name).str.contains(TOTALS).fill_null(value=False) for name, kind in table.schema.items() if kind == pl.String]
        named = table.select(pl.any_horizontal(pl.lit(value=False), *words)).to_series()
        no_time = raw.select(pl.any_horizontal(pl.lit(value=False), *(nothing(ours) for ours in times))).to_series()
        named_keys = pl.any_horizontal(pl.lit(value=False), *(pl.col(ours).is_null() for ours in keys))
        other_keys = raw.select(named_keys & pl.all_horizontal(pl.lit(value=True), *(nothing(ours) for ours in keys))).to_series()
        total = candidate & named & (no_time | other_keys)
    notes = []
    if total.any():
        rows = ", ".join(str(row) for row in raw[ROW].filter(total).head(3))
        notes.append(Note("table.note_totals", {"table": source.table, "count": int(total.sum()), "rows": rows}))
    filled = blank & ~total & table.select(pl.any_horizontal(pl.exclude(ROW).is_not_null())).to_series()
    if filled.any():
        rows = ", ".join(str(row) for row in raw[ROW].filter(filled).head(3))
        notes.append(Note("table.note_blank", {"table": source.table, "count": int(filled.sum()), "rows": rows}))
    keep = ~(total | blank)
    return table.filter(keep), raw.filter(keep), notes


def _without_dropped(raw: pl.DataFrame, settings: TableSettings, source: Source) -> tuple[pl.DataFrame, list[Note]]:
    notes = []
    for ours, values in settings.drop.items():
        if ours not in raw.columns:
            raise InputError("table.drop_column", table=source.table, column=ours, file=source.file)
        hit = as_text(raw[ours]).is_in([value.strip() for value in values]).fill_null(value=False)
        key = "table.note_dropped" if hit.any() else "table.note_drop_nothing"
        notes.append(Note(key, {"table": source.table, "column": ours, "values": ", ".join(values), "count": int(hit.sum())}))
        raw = raw.filter(~hit)
    return raw, notes


def _with_constants(rows: pl.DataFrame, schema: Mapping[str, Column], settings: TableSettings, source: Source) -> pl.DataFrame:
    for ours, value in settings.constants.items():
        if ours in schema:
            cells = Cells(source.file, ours, f"constants.{ours}", pl.Series(ours, [value]), pl.Series([1]))
            single, _ = _read(cells, schema[ours], settings, source)
            rows = rows.with_columns(pl.lit(single[0], dtype=single.dtype).alias(ours))
    return rows


def _in_order_of_time(rows: pl.DataFrame, schema: Mapping[str, Column]) -> pl.DataFrame:
    """Order by moment, so that the last value of a day is its latest one, then cut moments to days where the schema wants days."""
    times: Sequence[str] = [ours for ours in rows.columns if ours in schema and schema[ours].role == "time"]
    if times:
        rows = rows.sort(times, maintain_order=True)
    return rows.with_columns(pl.col(ours).cast(DTYPES[schema[ours].kind]) for ours in rows.columns if ours in schema)
