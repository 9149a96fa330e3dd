"""Pseudonyms for tables about persons: keyed hashes, dates shifted by whole weeks per person, old ages put together, free text dropped.

What comes out is still personal data under the GDPR for whoever holds the key (Art. 4 no. 5), and no guarantee of anonymity.
"""

import hmac
import json
import secrets
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import polars as pl
from pydantic import Field

from pipelines.errors import GateError, InputError
from pipelines.settings import Frozen, TableSettings, load_settings, read_toml
from pipelines.table import read_table

KEY_BYTES = 32
PSEUDONYM = 16  # hex digits: two persons of a million meet with probability 3e-8
WEEK = 7


class Pseudonyms(Frozen):
    """What each column of the file is; a column that is named nowhere is dropped."""

    person: str = Field(description="column that names the person, such as a patient or customer number")
    ids: tuple[str, ...] = Field((), description="further columns to replace by pseudonyms, such as the number of a visit")
    dates: tuple[str, ...] = Field((), description="columns of dates: shifted by the person's own number of whole weeks")
    date_format: str = Field("%d.%m.%Y", description="how the dates are written")
    age: str = Field("", description="column of the age in years; empty: none")
    oldest: int = Field(90, description="ages from here on become this one, years", ge=1, le=120)
    age_band: int = Field(1, description="ages are rounded down to bands of so many years", ge=1, le=50)
    keep: tuple[str, ...] = Field((), description="columns that stay as they are: measured values, categories")
    quasi: tuple[str, ...] = Field((), description="columns by which a person might be recognised together: cells are counted over them")
    smallest: int = Field(5, description="rows in cells with fewer persons are left out", ge=1)
    weeks: int = Field(52, description="largest shift of dates, weeks in either direction", ge=1, le=520)


@dataclass(frozen=True)
class Report:
    """What was done: rows and persons read, columns dropped, the cells of the quasi-identifiers and what was left out of small ones."""

    rows: int
    persons: int
    dropped: tuple[str, ...]
    cells: int
    smallest_cell: int  # persons in the smallest cell of what was read: the k of k-anonymity
    small_cells: int  # cells below the limit
    suppressed: int  # rows left out
    top_coded: int


def read_key(file: Path) -> bytes:
    """Return the key of a file, made when it is not there: whoever has it can link persons, so it never goes along with the data.

    Raises
    ------
    InputError
        The file holds too little to be a key.
    """
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600, exist_ok=False)
        file.write_text(secrets.token_hex(KEY_BYTES) + "\n", encoding="utf-8")
    key = file.read_bytes().strip()
    if len(key) < KEY_BYTES:
        raise InputError("pseudonyms.short_key", file=file, found=len(key), least=KEY_BYTES)
    return key


def pseudonym(key: bytes, column: str, value: str) -> str:
    """Return HMAC-SHA256 of a value under the key (RFC 2104), shortened; the column is part of it, so that equal numbers do not link."""
    return hmac.new(key, f"{column}\0{value}".encode(), sha256).hexdigest()[:PSEUDONYM]


def shift_weeks(key: bytes, person: str, weeks: int) -> int:
    """Return the person's shift, between -weeks and +weeks and never 0: weekdays and distances stay, the date does not."""
    drawn = int.from_bytes(hmac.new(key, f"shift\0{person}".encode(), sha256).digest()[:8]) % (2 * weeks)
    return drawn - weeks if drawn < weeks else drawn - weeks + 1


def pseudonymised(table: pl.DataFrame, how: Pseudonyms, key: bytes, file: Path | str = "") -> tuple[pl.DataFrame, Report]:
    """Return the table without names, and what was done; `table` holds text columns.

    Raises
    ------
    InputError
        A named column is missing, a person, date or age cannot be read.
    """
    _refuse_missing(table, how, file)
    persons = table[how.person].cast(pl.String)
    _refuse(persons.is_null() | (persons.str.strip_chars() == ""), persons, how.person, file, "pseudonyms.no_person")
    columns = [_replaced(table[name], key) for name in (how.person, *how.ids)]
    columns += [_shifted(table[name], persons, how, key, file) for name in how.dates]
    old = 0
    if how.age:
        ages = _ages(table[how.age], file)
        old = int((ages >= how.oldest).sum())
        columns.append((ages // how.age_band * how.age_band).clip(upper_bound=how.oldest).alias(how.age))
    columns += [table[name] for name in how.keep]
    made = pl.DataFrame(columns)
    kept, cells = _without_small_cells(made, how)
    dropped = tuple(name for name in table.columns if name not in made.columns)
    report = Report(made.height, made[how.person].n_unique(), dropped, cells.height, int(cells["persons"].min() or 0),  # type: ignore[arg-type]
                    cells.filter(pl.col("persons") < how.smallest).height, made.height - kept.height, old)  # fmt: skip
    return kept, report


def _replaced(values: pl.Series, key: bytes) -> pl.Series:
    names = values.cast(pl.String)
    return pl.Series(values.name, [None if name is None else pseudonym(key, values.name, name) for name in names], dtype=pl.String)


def _refuse_missing(table: pl.DataFrame, how: Pseudonyms, file: Path | str) -> None:
    named = [how.person, *how.ids, *how.dates, *([how.age] if how.age else []), *how.keep]
    for name in (*named, *how.quasi):
        if name not in table.columns:
            raise InputError("pseudonyms.no_column", file=file, column=name, known=", ".join(table.columns))
    twice = sorted({name for name in named if named.count(name) > 1})
    if twice:
        raise InputError("pseudonyms.twice", column=twice[0])
    lost = sorted(set(how.quasi) - set(named))
    if lost:
        raise InputError("pseudonyms.quasi_dropped", column=lost[0])


def _refuse(bad: pl.Series, values: pl.Series, column: str, file: Path | str, key: str, example: str = "") -> None:
    """Raise InputError naming the first rows in which `bad` is true."""
    if bad.any():
        rows = bad.fill_null(value=False).arg_true()
        shown = ", ".join(str(row + 2) for row in rows.head(3))
        raise InputError(key, file=file, column=column, rows=shown, value=values[int(rows[0])], example=example)


def _shifted(values: pl.Series, persons: pl.Series, how: Pseudonyms, key: bytes, file: Path | str) -> pl.Series:
    """Return dates moved by each person's own whole weeks; a time of day in the format stays."""
    if values.dtype.is_temporal():
        moments = values.cast(pl.Datetime("us"))
    else:
        plain = values.cast(pl.String).str.strip_chars().replace("", None)
        moments = plain.str.to_datetime(how.date_format, strict=False, time_unit="us")
        _refuse(moments.is_null() & plain.is_not_null(), plain, values.name, file, "pseudonyms.bad_date", how.date_format)
    days = pl.Series([shift_weeks(key, name, how.weeks) * WEEK for name in persons], dtype=pl.Int64)
    moved = pl.DataFrame({"at": moments, "days": days}).select(pl.col("at") + pl.duration(days="days")).to_series()
    whole = values.dtype == pl.Date or not any(sign in how.date_format for sign in ("%H", "%M", "%S", "%T"))
    return (moved.cast(pl.Date) if whole else moved).alias(values.name)


def _ages(values: pl.Series, file: Path | str) -> pl.Series:
    plain = values.cast(pl.String).str.strip_chars().replace("", None)
    ages = plain.str.replace(",", ".", literal=True).cast(pl.Float64, strict=False)
    bad = (ages.is_null() & plain.is_not_null()) | (ages < 0) | ages.is_nan()
    _refuse(bad, plain, values.name, file, "pseudonyms.bad_age")
    return ages.floor().cast(pl.Int64)


def _without_small_cells(rows: pl.DataFrame, how: Pseudonyms) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the rows without those in small cells, and the cells with their numbers of persons (k-anonymity: Sweeney 2002)."""
    if not how.quasi:
        return rows, pl.DataFrame({"persons": [rows[how.person].n_unique()]})
    cells = rows.group_by(how.quasi, maintain_order=True).agg(pl.col(how.person).n_unique().alias("persons"))
    large = cells.filter(pl.col("persons") >= how.smallest)
    return rows.join(large.select(how.quasi), on=list(how.quasi), how="semi", nulls_equal=True, maintain_order="left"), cells


def pseudonymise_file(file: Path, settings: Path, key_file: Path, out: Path) -> Report:
    """Read a file, write its pseudonymised rows (csv, UTF-8, semicolons, in an order that says nothing) and the report beside it.

    Raises
    ------
    InputError
        Settings, key or file cannot be used, or `out` exists already.
    GateError
        Every row stands in a cell that is too small.
    """
    if out.exists():
        raise InputError("pseudonyms.exists", file=out)
    if key_file.resolve().parent == out.resolve().parent:
        raise InputError("pseudonyms.key_beside", file=key_file, folder=out.resolve().parent)
    how = load_settings(Pseudonyms, read_toml(settings), file=settings)
    table = read_table(file, TableSettings(), file.name)
    rows, report = pseudonymised(table, how, read_key(key_file), file)
    if rows.is_empty():
        raise GateError("pseudonyms.nothing_left", file=file, smallest=how.smallest)
    out.parent.mkdir(parents=True, exist_ok=True)
    contents = {
        out: b"\xef\xbb\xbf" + rows.sort(how.person, *how.dates, nulls_last=True).write_csv(separator=";").encode(),
        out.with_suffix(".report.json"): (json.dumps(vars(report), ensure_ascii=False, indent=1) + "\n").encode(),
    }
    for target, content in contents.items():
        unfinished = target.with_name(f".{target.name}.part")
        unfinished.write_bytes(content)
        unfinished.replace(target)
    return report
