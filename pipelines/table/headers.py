"""Which header of a file is which of our columns: stated in the settings, or the same name."""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher, get_close_matches

import polars as pl

from pipelines.errors import ByLanguage, InputError
from pipelines.settings import TableSettings
from pipelines.table.cells import FALSE, FORMATS, TRUE, cleaned, is_clock, without_weekday
from pipelines.table.raw import ROW
from pipelines.texts import label
from pipelines.usecase import Column

_LOOKED_AT = 200  # cells looked at to guess what a column holds
_FITS = 1.0  # weight of the kind of values beside the likeness of names


@dataclass(frozen=True)
class Source:
    """Where a table comes from: the file people know, the table's name in the settings, and the use case that names its columns."""

    file: str
    table: str
    case: str = ""


def with_open(schema: Mapping[str, Column]) -> dict[str, Column]:
    """Return the columns a file may give: the schema's own without derived ones, and the flag `open` of an opening calendar."""
    given = {name: column for name, column in schema.items() if not column.derived and name != "open"}
    return {**given, "open": Column("flag", "known", "open on that day", optional=True, total="max")}


def mapped_headers(table: pl.DataFrame, schema: Mapping[str, Column], settings: TableSettings, source: Source) -> dict[str, str]:
    """Return our column -> header: what `columns` states, then headers that carry our names.

    Raises
    ------
    InputError
        When the settings name a column the use case does not have, or a header the file does not have or has twice.
    """
    for ours in (*settings.columns, *settings.constants, *settings.drop, *settings.on):
        if ours not in schema:
            near = get_close_matches(ours, schema, n=1, cutoff=0.4)
            values = {"near": near[0] if near else "-", "known": ", ".join(schema)}
            raise InputError("table.unknown_column", table=source.table, column=ours, **values)
    table = table.drop(ROW, strict=False)
    mapping: dict[str, str] = {}
    for ours, wanted in settings.columns.items():
        header = _find(wanted, table.columns)
        if header is None:
            near = get_close_matches(wanted, table.columns, n=1, cutoff=0.4)
            values = {"near": near[0] if near else "-", "headers": ", ".join(table.columns)}
            raise InputError("table.no_header", file=source.file, table=source.table, column=ours, header=wanted, **values)
        mapping[ours] = header
    for ours in schema:
        header = _find(ours, table.columns)
        if ours not in mapping and ours not in settings.constants and header is not None and header not in mapping.values():
            mapping[ours] = header
    for ours, header in mapping.items():
        if f"{header} (2)" in table.columns:
            raise InputError("table.header_twice", file=source.file, header=header, column=ours)
    return mapping


def missing_columns(
    missing: Sequence[str], table: pl.DataFrame, taken: Sequence[str], schema: Mapping[str, Column], source: Source
) -> InputError:
    """Return the error for required columns nobody gives: headers found, and the closest of them as lines ready for the settings."""
    table = table.drop(ROW, strict=False)
    free = [header for header in table.columns if header not in taken]
    lines = []
    for ours in missing:
        scores = {header: _likeness(ours, schema[ours], table[header]) for header in free}
        guess = max(scores, key=lambda header: scores[header], default=None)
        if guess is not None:
            free.remove(guess)
        lines.append(f'{ours} = "{guess if guess is not None else "..."}"')
    english = ", ".join(f"{ours} ({schema[ours].doc})" for ours in missing)
    german = ", ".join(f"{ours} ({label(source.case, 'column', ours, 'de', schema[ours].doc)})" for ours in missing)
    return InputError(
        "table.missing_columns",
        file=source.file,
        columns=ByLanguage(english, german),
        headers=", ".join(table.columns),
        lines="\n".join([f"[data.{source.table}.columns]", *lines]),
        table=source.table,
        first=missing[0],
    )


def _find(wanted: str, headers: Sequence[str]) -> str | None:
    if wanted in headers:
        return wanted
    return next((header for header in headers if plain(header) == plain(wanted)), None)


def plain(header: str) -> str:
    """Return a header as it is compared: lower case, composed umlauts, single blanks."""
    return " ".join(unicodedata.normalize("NFC", header).casefold().split())


def _likeness(ours: str, column: Column, values: pl.Series) -> float:
    words = [ours, *column.words, *column.doc.split()]
    header = plain(values.name)
    alike = max(SequenceMatcher(None, header, word.casefold()).ratio() for word in words)
    return alike + _FITS * (kind_of(values) in {column.kind, "datetime" if column.kind == "date" else column.kind})


def kind_of(values: pl.Series) -> str:
    """Return what the first cells look like."""
    if values.dtype.is_temporal():
        return "date"
    if values.dtype.is_numeric():
        return "number"
    text = cleaned(values.drop_nulls().head(_LOOKED_AT).cast(pl.String)).drop_nulls()
    if text.is_empty():
        return "nothing"
    days = without_weekday(text)
    if any(days.str.contains(shape).mean() > 0.5 for shape in FORMATS.values()):  # type: ignore[operator]  # noqa: PLR2004
        return "date"
    if text.str.to_lowercase().is_in((*TRUE, *FALSE)).all():
        return "flag"
    numeric = is_clock(text) or text.str.contains(r"^(?:€\s*)?[-+−]?[\d.,]+\s*€?-?$").mean() > 0.5  # type: ignore[operator]  # noqa: PLR2004
    return "number" if numeric and not text.str.contains(r"^0\d+$").any() else "text"
