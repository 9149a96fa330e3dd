"""Files as companies export them: archive, encoding and separator are found out, cells stay text.

The seam for richer readers (Excel, title rows, two-row headers) is `text_table`: whatever gives rows of cells may stand in its place.
"""

import csv
import gzip
import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import IO, BinaryIO

import polars as pl

from pipelines.errors import InputError
from pipelines.settings import TableSettings

UNPACKED_LIMIT = 2 * 2**30  # bytes an archive may unpack to
SEPARATORS = ";\t,|"
TEXT_SUFFIXES = (".csv", ".txt", ".tsv")
SUFFIXES = (*TEXT_SUFFIXES, ".parquet", ".gz", ".zip")
EXCEL_SUFFIXES = (".xlsx", ".xlsm", ".xls", ".ods")
TOTALS = r"(?i)^\s*(summe|gesamt|total|zwischensumme|endsumme)"
_BLOCK = 2**20
_HEAD = 2**18  # characters looked at to find the separator
_ROWS_AT_ONCE = 100_000
_LOOKED_AT = 10  # first non-empty lines that decide on the separator


def read_table(path: Path, settings: TableSettings, name: str) -> pl.DataFrame:
    """Return a file as a table: every column as text for csv, in its own type for Parquet.

    Parameters
    ----------
    path
        .csv, .txt, .tsv or .parquet; also inside .gz or .zip (one file).
    name
        The table's name in the settings, for messages.

    Raises
    ------
    InputError
        When the file is absent, empty, an Excel file, a damaged or too large archive, or not text in a known encoding.
    """
    inner, data = _unpacked(path)
    suffix = Path(inner).suffix.lower()
    if data.startswith(b"PAR1") and suffix != ".parquet":
        suffix = ".parquet"
    if suffix in EXCEL_SUFFIXES or data.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise InputError("table.excel", file=path)
    if suffix == ".parquet":
        return _parquet(path, data)
    if suffix not in TEXT_SUFFIXES:
        raise InputError("table.suffix", file=path, known=", ".join(SUFFIXES))
    return text_table(_utf8(path, data, settings.encoding, name), settings, path, name)


def text_table(data: bytes, settings: TableSettings, path: Path, name: str) -> pl.DataFrame:
    """Return UTF-8 csv text as a table of text columns; blank rows stay, so that row i stands in line i + 2 of the file."""
    text = data.strip(b"\r\n")
    if b"\n" not in text:
        text = text.replace(b"\r", b"\n")
    if not text:
        raise InputError("table.empty", file=path)
    head = text[:_HEAD].decode("utf-8", errors="ignore")
    separator = _separator(head, settings.separator, path, name)
    headers = _headers(next(csv.reader(io.StringIO(head), delimiter=separator)))
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
    return pl.concat(blocks)


def _is_total(row: list[str]) -> bool:
    return pl.Series(row).str.contains(TOTALS).any()


def _headers(cells: list[str]) -> list[str]:
    """Return unique headers: an empty one becomes `column 3`, a repeated one `Menge (2)`."""
    headers: list[str] = []
    for place, cell in enumerate(cells, start=1):
        header = cell.strip() or f"column {place}"
        count = 1 + sum(header == other.strip() for other in cells[: place - 1] if other.strip())
        headers.append(header if count == 1 else f"{header} ({count})")
    return headers


def _separator(head: str, wanted: str, path: Path, name: str) -> str:
    """Return the separator whose smallest cell count over the first non-empty lines is largest."""
    if wanted != "auto":
        separator = {"tab": "\t", "\\t": "\t"}.get(wanted.lower(), wanted)
        if len(separator) != 1 or not separator.isascii():
            raise InputError("table.separator", file=path, value=wanted, table=name)
        return separator

    def fewest(separator: str) -> int:
        counts: list[int] = []
        with suppress(csv.Error):
            lines = (len(cells) for cells in csv.reader(io.StringIO(head), delimiter=separator) if any(cells))
            counts = list(islice(lines, _LOOKED_AT))
        return min(counts, default=0)

    return max(SEPARATORS, key=fewest)


def _utf8(path: Path, data: bytes, encoding: str, name: str) -> bytes:
    """Return the text as UTF-8 without byte order mark: strict UTF-8, UTF-16 with its mark, else Windows-1252."""
    known = encoding if encoding != "auto" else "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8"
    data = data.removeprefix(b"\xef\xbb\xbf")
    try:
        text = data.decode(known)
    except UnicodeDecodeError as problem:
        if encoding != "auto" or known == "utf-16":
            raise _undecodable(path, data, name, problem) from None
        try:
            text = data.decode("cp1252")
        except UnicodeDecodeError as second:
            raise _undecodable(path, data, name, second) from None
    if "\0" in text:
        raise InputError("table.not_text", file=path, table=name)
    return data if known == "utf-8" and text.isascii() else text.encode("utf-8")


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
            if mark.startswith(b"PK\x03\x04") and path.suffix.lower() not in EXCEL_SUFFIXES:
                return _from_zip(file, path)
            return path.name, file.read()
    except (zipfile.BadZipFile, gzip.BadGzipFile, EOFError, zlib.error, RuntimeError, NotImplementedError) as problem:
        raise InputError("table.archive", file=path, problem=problem) from None
    except OSError as problem:
        raise InputError("table.unreadable", file=path, problem=problem.strerror or problem) from None


def _from_zip(file: BinaryIO, path: Path) -> tuple[str, bytes]:
    with zipfile.ZipFile(file) as archive:
        names = [name for name in archive.namelist() if not name.endswith("/") and not name.startswith("__MACOSX/")]
        if "xl/workbook.xml" in names:
            raise InputError("table.excel", file=path)
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
