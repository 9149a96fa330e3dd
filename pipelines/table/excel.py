"""Excel and OpenDocument workbooks: the sheet with the data, its header row, every column in the type its cells have."""

from pathlib import Path

import polars as pl

from pipelines.errors import InputError
from pipelines.result import Note
from pipelines.settings import TableSettings
from pipelines.table.cells import written_german
from pipelines.table.header_rows import LOOKED_AT, find_header
from pipelines.table.raw import ROW, Raw


def read_workbook(path: Path, data: bytes, settings: TableSettings, name: str) -> Raw:
    """Return one sheet of a workbook (.xlsx, .xlsm, .xls, .xlsb, .ods); numbers and dates keep their types, text stays text.

    Raises
    ------
    InputError
        When the workbook is damaged or protected, the stated sheet is absent, several sheets might be meant, or none holds rows.
    """
    import fastexcel

    try:
        book = fastexcel.read_excel(data)
        sheet = _sheet(book, path, settings, name)
        head = book.load_sheet(sheet, header_row=None, n_rows=LOOKED_AT, dtypes="string").to_polars()
        header = find_header(head.rows())
        body = book.load_sheet(sheet, header_row=None, skip_rows=header.last + 1, schema_sample_rows=None).to_polars()
        body = _in_one_writing(book, sheet, header.last + 1, body)
    except fastexcel.FastExcelError as problem:
        raise InputError("table.not_excel", file=path, problem=str(problem).splitlines()[0]) from None
    if head.is_empty() or body.is_empty():
        raise InputError("table.header_only", file=path, headers=", ".join(header.names) or "-")
    body = body[:, : len(header.names)].rename(dict(zip(body.columns, header.names, strict=False)))
    others = ", ".join(other for other in book.sheet_names if other != sheet)
    notes = [Note("table.note_sheet", {"table": name, "sheet": sheet, "others": others})]
    if header.titles:
        notes.append(Note("table.note_titles", {"table": name, "count": header.titles, "row": header.last + 1}))
    facts = {"kind": "excel", "sheet": sheet, "header_row": header.last + 1}
    return Raw(body.with_row_index(ROW, offset=header.last + 2), tuple(notes if len(book.sheet_names) > 1 else notes[1:]), facts)


def _in_one_writing(book: object, sheet: str, skip: int, body: pl.DataFrame) -> pl.DataFrame:
    """Return the body with number cells written as the text cells around them: a column of both comes as text, its numbers with a point.

    Beside a text cell `3,5` the number 1.234 would otherwise be read as 1234.
    """
    texts = [name for name, kind in body.schema.items() if kind == pl.String]
    mixed = [name for name in texts if written_german(body[name]) and body[name].str.contains(r"^-?\d+\.\d+$").any()]
    if not mixed:
        return body
    options = {"header_row": None, "skip_rows": skip, "schema_sample_rows": None, "dtypes": "boolean"}  # text cells become null
    numbers = book.load_sheet(sheet, **options).to_polars()  # type: ignore[attr-defined]
    return body.with_columns(
        pl.when(numbers[name].is_not_null()).then(pl.col(name).str.replace(".", ",", literal=True)).otherwise(pl.col(name)).alias(name)
        for name in mixed
    )


def _sheet(book: object, path: Path, settings: TableSettings, name: str) -> str:
    """Return the stated sheet, or the only one that is a table; several tables are asked about."""
    names: list[str] = book.sheet_names  # type: ignore[attr-defined]
    if settings.sheet:
        if settings.sheet not in names:
            raise InputError("table.no_sheet", file=path, sheet=settings.sheet, sheets=", ".join(names), table=name)
        return settings.sheet
    if len(names) == 1:
        return names[0]
    tables = [sheet for sheet in names if _is_table(book, sheet)]
    if len(tables) > 1:
        raise InputError("table.which_sheet", file=path, sheets=", ".join(tables), table=name, first=tables[0])
    return tables[0] if tables else names[0]


def _is_table(book: object, sheet: str) -> bool:
    head = book.load_sheet(sheet, header_row=None, n_rows=LOOKED_AT, dtypes="string").to_polars()  # type: ignore[attr-defined]
    return bool(head.height > 1 and head.width > 1)
