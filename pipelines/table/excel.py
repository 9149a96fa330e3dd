"""Excel and OpenDocument workbooks: the sheet with the data, its header row, every column in the type its cells have."""

from pathlib import Path

from pipelines.errors import InputError
from pipelines.result import Note
from pipelines.settings import TableSettings
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
