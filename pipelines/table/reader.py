"""Files as companies export them: archive, encoding, separator and header row are found out, cells of text files stay text."""

import csv
import gzip
import io
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import IO, BinaryIO

import polars as pl

from pipelines.errors import InputError, Said
from pipelines.result import Note
from pipelines.settings import TableSettings
from pipelines.table.header_rows import LOOKED_AT, Header, find_header
from pipelines.table.raw import ROW, Raw

UNPACKED_LIMIT = 2 * 2**30  # bytes an archive may unpack to
SEPARATORS = ";\t,|"
TEXT_SUFFIXES = (".csv", ".txt", ".tsv")
EXCEL_SUFFIXES = (".xlsx", ".xlsm", ".xls", ".xlsb", ".ods")
SUFFIXES = (*TEXT_SUFFIXES, *EXCEL_SUFFIXES, ".parquet", ".gz", ".zip")
TOTALS = r"(?i)^\s*(summe|gesamt|total|zwischensumme|endsumme)"
_BLOCK = 2**20
_HEAD = 2**18  # characters looked at to find the separator
_ROWS_AT_ONCE = 100_000
_MARK = 20  # bytes that tell a web page


def read_table(path: Path, settings: TableSettings, name: str) -> pl.DataFrame:
    """Return the rows of a file without their numbers; see `read_file`."""
    return read_file(path, settings, name).table.drop(ROW)


def files_in(paths: Iterable[Path]) -> tuple[Path, ...]:
    """Return the files, and for a folder all files in it that can hold a table, by name.

    Raises
    ------
    InputError
        A folder holds none.
    """
    files: list[Path] = []
    for path in paths:
        if not path.is_dir():
            files.append(path)
            continue
        found = sorted(file for file in path.iterdir() if file.is_file() and file.suffix.lower() in SUFFIXES and file.name[0] not in ".~")
        if not found:
            raise InputError("table.folder_without_files", folder=path, known=", ".join(SUFFIXES))
        files += found
    return tuple(files)


def read_file(path: Path, settings: TableSettings, name: str) -> Raw:
    """Return a file as a table: every column as text for csv, in its own type for Excel and Parquet.

    Parameters
    ----------
    path
        .csv, .txt, .tsv, .xlsx, .xls, .ods or .parquet; also inside .gz or .zip (one file). What the file is counts, not its name.
    name
        The table's name in the settings, for messages.

    Raises
    ------
    InputError
        When the file is absent, empty, a damaged or too large archive or workbook, or not text in a known encoding.
    """
    inner, data = _unpacked(path)
    suffix = Path(inner).suffix.lower()
    if data.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        from pipelines.table.excel import read_workbook

        found = read_workbook(path, data, settings, name)
        renamed = () if suffix in EXCEL_SUFFIXES else (Note("table.note_really_excel", {"table": name, "file": path.name}),)
        return Raw(found.table, (*found.notes, *renamed), found.facts)
    if suffix == ".parquet" or data.startswith(b"PAR1"):
        table = _parquet(path, data)
        return Raw(table.with_row_index(ROW, offset=1), (), {"kind": "parquet"})
    if data.lstrip()[:_MARK].lower().startswith((b"<html", b"<!doctype html", b"<table", b"<?xml")):
        raise InputError("table.web_page", file=path)
    if suffix not in (*TEXT_SUFFIXES, *EXCEL_SUFFIXES):
        raise InputError("table.suffix", file=path, known=", ".join(SUFFIXES))
    text, encoding = _utf8(path, data, settings.encoding, name)
    return text_table(text, settings, path, name, encoding)


def text_table(data: bytes, settings: TableSettings, path: Path, name: str, encoding: str = "utf-8") -> Raw:
    """Return UTF-8 csv text as a table of text columns, titles and blank lines above the header left out; blank rows below it stay."""
    text = data.rstrip(b"\r\n")
    if b"\n" not in text:
        text = text.replace(b"\r", b"\n")
    if not text.strip():
        raise InputError("table.empty", file=path)
    head = text[:_HEAD].decode("utf-8", errors="ignore")
    separator = _separator(head, settings.separator, path, name)
    header, line = _located(head, separator)
    text = b"\n".join(text.split(b"\n", line)[line:])
    facts = {"kind": "text", "encoding": encoding, "separator": separator, "header_row": line + 1}
    notes = (Note("table.note_titles", {"table": name, "count": header.titles, "row": line + 1}),) if header.titles else ()
    table = _body(text, header.names, separator, path)
    return Raw(table.with_row_index(ROW, offset=line + 2), notes, facts)


def _located(head: str, separator: str) -> tuple[Header, int]:
    """Return the header and how many lines of the file stand above its last row."""
    rows, starts, reader = [], [0], csv.reader(io.StringIO(head), delimiter=separator)
    with suppress(csv.Error):
        for row in islice(reader, LOOKED_AT):
            rows.append(row)
            starts.append(reader.line_num)
    if not rows:
        rows = [head.split("\n", 1)[0].split(separator)]
    header = find_header(rows)
    return header, starts[header.last]


def _body(text: bytes, headers: list[str], separator: str, path: Path) -> pl.DataFrame:
    bare = _without_quoted(text, separator)
    lines = bare.count(b"\n") + 1
    if lines == 1:
        raise InputError("table.header_only", file=path, headers=", ".join(headers))
    # regular files go to the fast reader; stray quotes, blank lines and rows of unequal length to one that can say where they stand
    regular = b'"' not in bare and bare.count(separator.encode()) == lines * (len(headers) - 1)
    if regular and b"\n\n" not in bare and b"\n\r\n" not in bare:
        quote = '"' if b'"' in text else None
        table = pl.read_csv(io.BytesIO(text), new_columns=headers, separator=separator, quote_char=quote, infer_schema=False)
        return table if quote is None else table.with_columns(pl.all().replace("", None))
    return _careful(text, separator, headers, path)


def _without_quoted(text: bytes, separator: str) -> bytes:
    """Return the text without its properly quoted cells: what is left shows the shape of the table."""
    if b'"' not in text:
        return text
    edge = re.escape(separator).encode()
    return re.sub(rb'(?<![^%b\n])"[^"]*+(?:""[^"]*+)*+"(?![^%b\r\n])' % (edge, edge), b"_", text)


def _careful(text: bytes, separator: str, headers: list[str], path: Path) -> pl.DataFrame:
    """Read row by row; a row with too many or too few cells is an error, unless the surplus cells are empty or it is a total."""
    reader = csv.reader(io.TextIOWrapper(io.BytesIO(text), encoding="utf-8", newline=""), delimiter=separator)
    uneven: list[tuple[int, int]] = []

    def rows() -> Iterator[list[str | None]]:
        for number, cells in enumerate(reader, start=2):
            row = cells
            if len(row) > len(headers) and not any(row[len(headers) :]):
                row = row[: len(headers)]
            if len(row) != len(headers):
                if any(row) and not (len(row) < len(headers) and _is_total(row)):
                    uneven.append((number, len(row)))
                row = (row + [""] * len(headers))[: len(headers)]
            yield [cell or None for cell in row]

    try:
        next(reader)
        lines = rows()
        blocks = []
        while block := list(islice(lines, _ROWS_AT_ONCE)):
            blocks.append(pl.DataFrame(block, schema=dict.fromkeys(headers, pl.String), orient="row"))
    except csv.Error as problem:
        raise InputError("table.not_csv", file=path, row=reader.line_num, problem=problem) from None
    if uneven:
        first = ", ".join(str(number) for number, _ in uneven[:3])
        raise InputError("table.uneven", file=path, count=len(uneven), rows=first, found=uneven[0][1], expected=len(headers))
    if not blocks:  # an open quote has swallowed every row
        raise InputError("table.not_csv", file=path, row=reader.line_num, problem=Said("table.open_quote", {}))
    return pl.concat(blocks)


def _is_total(row: list[str]) -> bool:
    return pl.Series(row).str.contains(TOTALS).any()


def _separator(head: str, wanted: str, path: Path, name: str) -> str:
    """Return the separator that cuts the first lines into most cells; the median line counts, for titles have one cell."""
    if wanted != "auto":
        separator = {"tab": "\t", "\\t": "\t"}.get(wanted.lower(), wanted)
        if len(separator) != 1 or not separator.isascii():
            raise InputError("table.separator", file=path, value=wanted, table=name)
        return separator

    def cells(separator: str) -> tuple[int, int]:
        counts: list[int] = []
        with suppress(csv.Error):
            lines = (len(cells) for cells in csv.reader(io.StringIO(head), delimiter=separator) if any(cells))
            counts = sorted(islice(lines, LOOKED_AT))
        return (counts[len(counts) // 2], counts[0]) if counts else (0, 0)

    return max(SEPARATORS, key=cells)


def _utf8(path: Path, data: bytes, encoding: str, name: str) -> tuple[bytes, str]:
    """Return the text as UTF-8 without byte order mark, and its encoding: strict UTF-8, UTF-16 with its mark, else Windows-1252."""
    known = encoding if encoding != "auto" else "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8"
    data = data.removeprefix(b"\xef\xbb\xbf")
    try:
        text = data.decode(known)
    except UnicodeDecodeError as problem:
        if encoding != "auto" or known == "utf-16":
            raise _undecodable(path, data, name, problem) from None
        if _is_damaged_utf8(data):
            raise _undecodable(path, data, name, problem) from None
        known = "cp1252"
        try:
            text = data.decode(known)
        except UnicodeDecodeError as second:
            raise _undecodable(path, data, name, second) from None
    if "\0" in text:
        raise InputError("table.not_text", file=path, table=name)
    return (data if known == "utf-8" and text.isascii() else text.encode("utf-8")), known


def _is_damaged_utf8(data: bytes) -> bool:
    """Return whether most characters outside ASCII are whole in UTF-8: as Windows-1252 every `ö` of the file would become `Ã¶`."""
    text = data.decode("utf-8", "replace")
    broken = text.count("\ufffd")
    return len(text) - len(text.encode("ascii", "ignore")) > 2 * broken


def _undecodable(path: Path, data: bytes, name: str, problem: UnicodeDecodeError) -> InputError:
    row = data.count(b"\n", 0, problem.start) + 1
    value = f"0x{data[problem.start]:02X}"
    return InputError("table.encoding", file=path, table=name, encoding=problem.encoding, row=row, value=value)


def _parquet(path: Path, data: bytes) -> pl.DataFrame:
    try:
        table = pl.read_parquet(io.BytesIO(data))
    except pl.exceptions.PolarsError as problem:
        raise InputError("table.not_parquet", file=path, problem=problem) from None
    if table.is_empty():
        raise InputError("table.header_only", file=path, headers=", ".join(table.columns))
    return table


def _unpacked(path: Path) -> tuple[str, bytes]:
    """Return the name and the bytes of the file itself, out of its archive when it is in one."""
    try:
        with path.open("rb") as file:
            mark = file.read(4)
            file.seek(0)
            if mark.startswith(b"\x1f\x8b"):
                return path.stem if path.suffix.lower() == ".gz" else path.name, _limited(gzip.open(file), path)
            if mark.startswith(b"PK\x03\x04") and not _is_workbook(file):
                return _from_zip(file, path)
            return path.name, file.read()
    except (zipfile.BadZipFile, gzip.BadGzipFile, EOFError, zlib.error, RuntimeError, NotImplementedError) as problem:
        raise InputError("table.archive", file=path, problem=problem) from None
    except OSError as problem:
        raise InputError("table.unreadable", file=path, problem=problem.strerror or problem) from None


def _is_workbook(file: BinaryIO) -> bool:
    """Return whether a zip archive is an Excel or OpenDocument workbook."""
    with zipfile.ZipFile(file) as archive:
        names = set(archive.namelist())
        size = sum(part.file_size for part in archive.infolist())
    file.seek(0)
    if names & {"xl/workbook.xml", "xl/workbook.bin", "content.xml"}:
        if size > UNPACKED_LIMIT:
            raise InputError("table.too_large", file=file.name, limit=UNPACKED_LIMIT // 2**20)
        return True
    return False


def _from_zip(file: BinaryIO, path: Path) -> tuple[str, bytes]:
    with zipfile.ZipFile(file) as archive:
        names = [name for name in archive.namelist() if not name.endswith("/") and not name.startswith("__MACOSX/")]
        if len(names) != 1:
            raise InputError("table.members", file=path, count=len(names), names=", ".join(names[:5]))
        with archive.open(names[0]) as member:
            return names[0], _limited(member, path)


def _limited(source: IO[bytes] | gzip.GzipFile, path: Path) -> bytes:
    """Unpack block by block and stop at the limit: the size an archive states about itself proves nothing."""
    parts, size = [], 0
    while block := source.read(_BLOCK):
        size += len(block)
        if size > UNPACKED_LIMIT:
            raise InputError("table.too_large", file=path, limit=UNPACKED_LIMIT // 2**20)
        parts.append(block)
    return b"".join(parts)
