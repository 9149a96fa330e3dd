"""Rows from tables: transactions put together to days, other tables joined on declared keys without gaining or losing a row."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from pipelines.errors import InputError
from pipelines.result import Note
from pipelines.settings import TableSettings
from pipelines.table.cells import Cells
from pipelines.table.headers import with_open
from pipelines.table.raw import ROW
from pipelines.table.typed import DTYPES, netted, refuse_out_of_bounds
from pipelines.usecase import Column


@dataclass(frozen=True)
class Join:
    """A table beside the rows: its columns other than `on` are added; each combination of `on` occurs once."""

    name: str
    on: tuple[str, ...]
    table: pl.DataFrame

    @property
    def adds(self) -> list[str]:
        """The columns the table adds to the rows."""
        return [column for column in self.table.columns if column not in self.on]


def assemble(tables: Mapping[str, pl.DataFrame], schema: Mapping[str, Column], data: Mapping[str, TableSettings]) -> pl.DataFrame:
    """Return one row per time and keys with all columns of the schema that are not derived (and `open`, if a table gives it).

    The first table holds the rows; several rows of one day are put together when its settings say `aggregate = true`.
    Optional columns that no table gives are null. Columns unknown to the schema are left out.

    Raises
    ------
    InputError
        For duplicate rows, a joined table whose keys repeat or match no row at all, and required columns without a table.
    """
    columns = with_open(schema)
    name = next(iter(tables))
    rows = _conformed(tables[name], columns)
    identity = [ours for ours, column in columns.items() if column.role in ("time", "key")]
    _refuse_absent([ours for ours in identity if ours not in rows.columns], name)
    rows = _one_row_each(rows, identity, columns, data.get(name, TableSettings()), name)
    for join in joins(tables, schema, data):
        rows = _joined(rows, join)
    _refuse_absent([ours for ours, column in columns.items() if not column.optional and ours not in rows.columns], name)
    absent = [ours for ours in columns if ours not in rows.columns and ours in schema]
    rows = rows.with_columns(pl.lit(None, dtype=DTYPES[columns[ours].kind]).alias(ours) for ours in absent)
    return rows.select(ours for ours in dict.fromkeys((*schema, "open")) if ours in rows.columns)


def conformed(rows: pl.DataFrame, schema: Mapping[str, Column]) -> pl.DataFrame:
    """Return rows that a use case assembled itself: the schema's columns in their types, null where an optional one is absent.

    Raises
    ------
    InputError
        When a required column is missing or the same time and keys occur twice.
    """
    _refuse_absent([ours for ours, column in schema.items() if not (column.optional or column.derived) and ours not in rows.columns], "")
    identity = [ours for ours, column in schema.items() if column.role in ("time", "key")]
    typed = rows.with_columns(
        pl.col(ours).cast(DTYPES[column.kind]) if ours in rows.columns else pl.lit(None, dtype=DTYPES[column.kind]).alias(ours)
        for ours, column in schema.items()
        if not column.derived
    )
    _refuse_duplicates(typed.with_row_index(ROW, offset=1), identity, "table.duplicates", "", "")
    return typed.select(ours for ours in dict.fromkeys((*schema, "open")) if ours in typed.columns)


def joins(tables: Mapping[str, pl.DataFrame], schema: Mapping[str, Column], data: Mapping[str, TableSettings]) -> tuple[Join, ...]:
    """Return the tables after the first one, checked to hold each combination of their keys once.

    A table without settings (simulated) is joined on the times and keys it has.
    """
    columns = with_open(schema)
    identity = [ours for ours, column in columns.items() if column.role in ("time", "key")]
    found = []
    for name in list(tables)[1:]:
        table = _conformed(tables[name], columns)
        on = data[name].on if name in data else tuple(ours for ours in identity if ours in table.columns)
        if not on:
            raise InputError("table.no_on", table=name, file=_file(data, name), keys=", ".join(f'"{ours}"' for ours in identity))
        if name in data and data[name].aggregate:
            table = _put_together(table, list(on), columns)
        _refuse_duplicates(table, list(on), "table.duplicate_keys", name, _file(data, name))
        found.append(Join(name, on, table.drop(ROW, strict=False)))
    return tuple(found)


def notes_on_joins(tables: Mapping[str, pl.DataFrame], schema: Mapping[str, Column], data: Mapping[str, TableSettings]) -> list[Note]:
    """Return how many rows were put together to days and how many found no partner in a joined table."""
    name = next(iter(tables))
    identity = [ours for ours, column in schema.items() if column.role in ("time", "key")]
    rows = tables[name].select(identity).unique()
    notes = []
    if data[name].aggregate and rows.height < tables[name].height:
        notes.append(Note("table.note_aggregated", {"table": name, "count": tables[name].height, "rows": rows.height}))
    for join in joins(tables, schema, data):
        if set(join.on) <= set(rows.columns):
            lonely = rows.join(join.table, on=join.on, how="anti").height
            if lonely:
                share = f"{lonely / rows.height:.1%}"
                notes.append(
                    Note("table.note_unmatched", {"table": join.name, "count": lonely, "share": share, "keys": ", ".join(join.on)})
                )
    return notes


def data_digest(rows: pl.DataFrame) -> str:
    """Return the sha256 of the values, whatever the order of rows and columns, the chunks or the number of threads."""
    names = sorted(rows.columns)
    ordered = rows.select(names).sort(names, nulls_last=True)
    digest = hashlib.sha256(f"{rows.height}".encode())
    for name in names:
        column = ordered[name]
        digest.update(f"\0{name}\0{column.dtype}\0".encode())
        digest.update(np.packbits(column.is_null().to_numpy()).tobytes())
        if column.dtype.is_float():
            digest.update((column.cast(pl.Float64).fill_null(0.0).to_numpy() + 0.0).astype("<f8").tobytes())
        elif column.dtype.is_integer() or column.dtype.is_temporal() or column.dtype == pl.Boolean:
            digest.update(column.to_physical().cast(pl.Int64).fill_null(0).to_numpy().astype("<i8").tobytes())
        else:
            text = column.cast(pl.String).fill_null("")
            digest.update(text.str.len_bytes().to_numpy().astype("<i8").tobytes())
            digest.update("".join(text).encode())
    return digest.hexdigest()


def _conformed(table: pl.DataFrame, columns: Mapping[str, Column]) -> pl.DataFrame:
    """Return the columns of the schema in their own types; a truth kept beside a simulated table stays outside."""
    keep = [ours for ours in table.columns if ours in columns]
    numbered = table if ROW in table.columns else table.with_row_index(ROW, offset=2)
    return numbered.select(ROW, *(pl.col(ours).cast(DTYPES[columns[ours].kind]) for ours in keep))


def _one_row_each(
    rows: pl.DataFrame, identity: list[str], columns: Mapping[str, Column], settings: TableSettings, name: str
) -> pl.DataFrame:
    if not settings.aggregate:
        _refuse_duplicates(rows, identity, "table.duplicates", name, settings.file or name)
        return rows
    whole = _put_together(rows, identity, columns)
    for ours in whole.columns:
        if ours in columns and netted(columns[ours], settings):
            header = settings.columns.get(ours, ours)
            refuse_out_of_bounds(Cells(settings.file or name, ours, header, whole[ours], whole[ROW]), columns[ours])
    return whole


def _put_together(rows: pl.DataFrame, identity: list[str], columns: Mapping[str, Column]) -> pl.DataFrame:
    """Return one row per identity; a total over nothing but empty cells stays empty."""

    def total(ours: str) -> pl.Expr:
        column, cells = columns[ours], pl.col(ours)
        if column.kind == "flag" and column.total != "last":
            return cells.max()
        if column.kind != "number" or column.total == "last":
            return cells.drop_nulls().last()
        if column.total == "sum":
            return pl.when(cells.count() > 0).then(cells.sum()).alias(ours)
        return cells.max() if column.total == "max" else cells.mean()

    others = [ours for ours in rows.columns if ours not in identity and ours != ROW]
    return rows.group_by(identity, maintain_order=True).agg(pl.col(ROW).min(), *(total(ours) for ours in others))


def _refuse_duplicates(rows: pl.DataFrame, keys: list[str], key: str, name: str, file: str) -> None:
    double = rows.filter(pl.struct(keys).is_duplicated()) if rows.select(keys).n_unique() < rows.height else rows.clear()
    if double.is_empty():
        return
    first = double.sort(ROW).row(0, named=True)
    same = double.filter(pl.all_horizontal(pl.col(ours) == first[ours] for ours in keys))[ROW].sort()
    value = ", ".join(f"{ours} = {first[ours]}" for ours in keys)
    shown = ", ".join(str(row) for row in same.head(3))
    raise InputError(key, table=name, file=file, count=double.height, keys=", ".join(keys), value=value, rows=shown)


def _joined(rows: pl.DataFrame, join: Join) -> pl.DataFrame:
    _refuse_absent([ours for ours in join.on if ours not in rows.columns], join.name)
    twice = [ours for ours in join.adds if ours in rows.columns]
    if twice:
        raise InputError("table.column_twice", column=twice[0], tables=join.name)
    if rows.join(join.table, on=join.on, how="semi").is_empty():
        ours, theirs = _example(rows, join.on), _example(join.table, join.on)
        raise InputError("table.no_match", table=join.name, keys=", ".join(join.on), ours=ours, theirs=theirs)
    return rows.join(join.table, on=join.on, how="left", maintain_order="left")


def _example(table: pl.DataFrame, keys: Sequence[str]) -> str:
    return "; ".join(", ".join(str(value) for value in row) for row in table.select(keys).unique(maintain_order=True).head(3).rows())


def _refuse_absent(absent: Sequence[str], name: str) -> None:
    if absent:
        raise InputError("table.absent", columns=", ".join(absent), table=name)


def _file(data: Mapping[str, TableSettings], name: str) -> str:
    return data[name].file or name if name in data else name
