"""The cells of one column: text to dates, numbers and flags; what cannot be read for certain is refused, never guessed."""

from dataclasses import dataclass
from datetime import timedelta

import polars as pl

from pipelines.errors import InputError

NULLS = ("", "#NV", "#N/A", "k.A.", "k. A.", "-", "–", "NA", "N/A", "n/a", "NaN", "nan", "null", "NULL")
TRUE = ("1", "1.0", "true", "wahr", "ja", "j", "yes", "y", "x")
FALSE = ("0", "0.0", "false", "falsch", "nein", "n", "no")
FORMATS = {  # how a date is written -> what a cell then looks like
    "%Y-%m-%d": r"^\d{4}-\d{1,2}-\d{1,2}",
    "%d.%m.%Y": r"^\d{1,2}\.\d{1,2}\.\d{4}",
    "%d.%m.%y": r"^\d{1,2}\.\d{1,2}\.\d{2}",
}
_CLOCK = r"(?:[T ](\d{1,2}:\d{2}(?::\d{2})?)(?:\.\d+)?)?$"
_WEEKDAY = r"(?i)^(mo|di|mi|do|fr|sa|so|tu|we|th|su)[a-z]{0,8}\.?,?\s+"
SECONDS_PER_HOUR = 3600
_TIME_OF_DAY = r"^([01]?\d|2[0-4]):([0-5]\d)(?::([0-5]\d)(?:\.0+)?)?(?: Uhr)?$"
_SERIAL = r"^[2-7]\d{4}(\.\d+)?$"  # days since 1899-12-30, as Excel stores dates
_GERMAN = r"^-?(?:(?:\d{1,3}(?:\.\d{3})+|\d+)(?:,\d+)?|,\d+)$"
_ENGLISH = r"^-?(?:(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?$"
_GROUPED = r"^-?\d{1,3}(?:[\s']\d{3})+(?:[.,]\d+)?$"
# one cell that can only be German (or English) decides for its column
_SURELY_GERMAN = r",\d{1,2}$|,\d{4,}$|\.\d{3},|\.\d{3}\.\d{3}|^-?0?,|^-?\d{4,},"
_SURELY_ENGLISH = r"\.\d{1,2}$|\.\d{4,}$|,\d{3}\.|,\d{3},\d{3}|^-?0?\.|^-?\d{4,}\.|\d[eE]"
_DAY_NUMBER = pl.date(1899, 12, 30)


@dataclass(frozen=True)
class Cells:
    """One column as it stands in the file, and where: what an error message needs."""

    file: str
    column: str  # our name
    header: str  # the file's name
    values: pl.Series
    rows: pl.Series  # row numbers as a person counts them in the file: the header is row 1

    def error(self, key: str, bad: pl.Series, **values: object) -> InputError:
        """Return the error `key` for the cells marked in `bad`: their number, first three rows and an example."""
        hits = pl.DataFrame({"row": self.rows, "value": self.values}).filter(bad)
        rows = ", ".join(str(row) for row in hits["row"].head(3))
        place = {"file": self.file, "column": self.column, "header": self.header}
        return InputError(key, **{**place, "count": hits.height, "rows": rows, "value": hits["value"][0]}, **values)


def cleaned(values: pl.Series) -> pl.Series:
    """Return text without blanks at its ends, with composed umlauts, and null for every way to write "nothing"."""
    if values.dtype != pl.String:
        return values.fill_nan(None) if values.dtype.is_float() else values
    text = values.str.strip_chars().str.normalize("NFC")
    return pl.select(pl.when(~text.is_in(NULLS)).then(text).alias(values.name)).to_series()


def as_text(values: pl.Series) -> pl.Series:
    """Return any column as text; whole floats lose their `.0`, so that a group number stays `6`."""
    if values.dtype.is_float() and (values.drop_nulls() % 1 == 0).all():
        values = values.cast(pl.Int64)
    return cleaned(values.cast(pl.String))


def numbers(cells: Cells, decimal: str) -> pl.Series:
    """Return numbers; the decimal mark is found per column from cells that allow one reading only.

    Raises
    ------
    InputError
        For cells that are no numbers, contradicting decimal marks, and columns such as `1.234` that allow two readings.
    """
    values = cells.values
    if values.dtype.is_numeric() or values.dtype in (pl.Boolean, pl.Null):
        found = values.cast(pl.Float64)
        return _usable(cells, found, found.is_infinite().fill_null(value=False))
    text = values.cast(pl.String)
    if text.str.contains(r"[\s€'+−]|-$").any():
        text = _bare(text)
    german = (decimal if decimal != "auto" else _decimal(cells, text)) == ","
    bad = text.is_not_null() & ~text.str.contains(_GERMAN if german else _ENGLISH)
    plain = (
        text.str.replace_all(".", "", literal=True).str.replace(",", ".", literal=True)
        if german
        else text.str.replace_all(",", "", literal=True)
    )
    found = plain.cast(pl.Float64, strict=False)
    unread = text.is_not_null() & (found.is_null() | found.is_infinite())  # digits of other scripts, numbers too large to hold
    return _usable(cells, found, bad | unread)


def hours(values: pl.Series) -> pl.Series:
    """Return times of day (`17:29`, `7:05:30`, a workbook's time cells) as hours since midnight; other columns as they are."""
    if values.dtype == pl.Time:
        return values.cast(pl.Duration).dt.total_seconds() / SECONDS_PER_HOUR
    if values.dtype != pl.String or not is_clock(values):
        return values
    hour, minute, second = (values.str.extract(_TIME_OF_DAY, group).cast(pl.Float64) for group in (1, 2, 3))
    return (hour + minute / 60 + second.fill_null(0.0) / SECONDS_PER_HOUR).alias(values.name)


def is_clock(values: pl.Series) -> bool:
    """Return whether every filled cell is a time of day."""
    text = values.drop_nulls()
    return bool(len(text)) and bool(text.str.contains(_TIME_OF_DAY).all())


def written_german(text: pl.Series) -> bool:
    """Return whether any cell is a number that can only have a decimal comma."""
    return bool((text.str.contains(_GERMAN) & text.str.contains(_SURELY_GERMAN)).any())


def is_serial(values: pl.Series) -> bool:
    """Return whether every filled cell could be a day as Excel counts them (18264 is 1950, 79999 is 2119)."""
    text = as_text(values).drop_nulls()
    return bool(len(text)) and bool(text.str.contains(_SERIAL).all())


def without_weekday(text: pl.Series) -> pl.Series:
    """Return `Mo, 03.03.2025` as `03.03.2025`."""
    return text.str.replace(_WEEKDAY, "")


def _bare(text: pl.Series) -> pl.Series:
    """Return numbers without euro sign, plus, thousands blanks and with the minus in front.

    Blanks and apostrophes go only where they part thousands: `3 4`, `3+4` and `1'2` are no numbers, not 34 and 12.
    """
    text = text.str.replace(r"^\s*€\s*|\s*€\s*$", "").str.replace("−", "-").str.replace(r"^'", "").str.replace(r"^\+\s*", "")
    text = text.str.replace(r"^([^-].*?)\s*-$", "-$1").str.replace(r"^-\s+", "-")
    grouped = text.str.contains(_GROUPED).fill_null(value=False)
    return pl.select(pl.when(grouped).then(text.str.replace_all(r"[\s']", "")).otherwise(text).alias(text.name)).to_series()


def _decimal(cells: Cells, text: pl.Series) -> str:
    if not text.str.contains(r"[.,]").any():
        return "."
    german, english = text.str.contains(_SURELY_GERMAN), text.str.contains(_SURELY_ENGLISH)
    read = text.str.contains(_GERMAN) | text.str.contains(_ENGLISH)  # a cell of neither shape is no evidence
    german, english = german & read, english & read
    if german.any() and english.any():
        raise cells.error(
            "table.mixed_decimals", english.fill_null(value=False), other=cells.values.filter(german.fill_null(value=False))[0]
        )
    if german.any() or english.any():
        return "," if german.any() else "."
    unclear = (text.str.contains(r"[.,]") & read).fill_null(value=False)
    if not unclear.any():  # nothing but cells that are no numbers in either way, such as `5.`: refused as such
        return "."
    example = str(text.filter(unclear)[0])
    whole, fraction = example.replace(".", "").replace(",", ""), example.replace(",", ".")
    comma, point = (whole, fraction) if "." in example else (fraction, whole)
    raise cells.error("table.ambiguous", unclear, comma=comma, point=point)


def _usable(cells: Cells, found: pl.Series, bad: pl.Series) -> pl.Series:
    bad = bad.fill_null(value=False)
    if bad.any():
        raise cells.error("table.bad_number", bad)
    return found.alias(cells.column)


def flags(cells: Cells) -> pl.Series:
    """Return true/false; in a column that holds nothing but `x` an empty cell means no."""
    values = cells.values
    if values.dtype in (pl.Boolean, pl.Null):
        return values.cast(pl.Boolean).alias(cells.column)
    text = values.cast(pl.String).str.to_lowercase()
    yes, no = text.is_in(TRUE), text.is_in(FALSE)
    bad = text.is_not_null() & ~(yes | no)
    if bad.any():
        raise cells.error("table.bad_flag", bad.fill_null(value=False))
    if (text.drop_nulls() == "x").all() and text.is_not_null().any():
        yes = yes.fill_null(value=False)
    return yes.alias(cells.column)


@dataclass(frozen=True)
class Moments:
    """Dates as read: points in time without zone, and whether they stood there as Excel day numbers."""

    values: pl.Series
    serial: bool = False


def moments(cells: Cells, date_format: str) -> Moments:
    """Return points in time from ISO or German dates, with or without time of day, or from the stated format.

    One format serves the whole column; cells in another one are refused, for 03.04.25 read twice differently is worse than an error.
    """
    values = cells.values
    if values.dtype in (pl.Date, pl.Datetime):
        naive = values.dt.replace_time_zone(None) if values.dtype == pl.Datetime else values
        return Moments(naive.cast(pl.Datetime("us")).alias(cells.column))
    text = values.cast(pl.String).rename("text")
    each = text.drop_nulls().value_counts(name="count").sort("text")
    raw = each["text"]
    stated = date_format != "auto"
    serial = not stated and not raw.is_empty() and raw.str.contains(_SERIAL).all()
    if serial:
        days = raw.cast(pl.Float64)
        moment = pl.select(_DAY_NUMBER.cast(pl.Datetime("us")) + pl.duration(seconds=pl.lit(days * 86_400).round())).to_series()
        shown = "Excel"
    elif stated:
        moment, shown = _stated(raw, date_format), date_format
    else:
        moment, shown = _known(raw, each["count"])
    lookup = pl.DataFrame({"text": raw, "moment": moment.cast(pl.Datetime("us"))})
    found = text.to_frame().join(lookup, on="text", how="left", maintain_order="left")["moment"]
    bad = text.is_not_null() & found.is_null()
    if bad.any():
        raise cells.error("table.bad_date", bad, format=shown)
    return Moments(found.alias(cells.column), serial)


def _stated(raw: pl.Series, date_format: str) -> pl.Series:
    clock = any(part in date_format for part in ("%H", "%I", "%M", "%S", "%T", "%R"))
    return raw.str.to_datetime(date_format, strict=False) if clock else raw.str.to_date(date_format, strict=False)


def _known(raw: pl.Series, counts: pl.Series) -> tuple[pl.Series, str]:
    """Return the column read in the format most of its cells have, null where a cell does not have it."""
    text = without_weekday(raw)
    shapes = {form: text.str.contains(shape + _CLOCK) for form, shape in FORMATS.items()}
    best = max(FORMATS, key=lambda form: int(counts.filter(shapes[form]).sum()))
    days = text.str.extract(r"^([^T ]+)").str.to_date(best, strict=False).cast(pl.Datetime("us"))
    clock = text.str.extract(_CLOCK).str.replace(r"^(\d{1,2}:\d{2})$", "$1:00").str.to_time("%H:%M:%S", strict=False)
    bad_clock = text.str.extract(_CLOCK).is_not_null() & clock.is_null()
    moment = days + clock.cast(pl.Duration("us")).fill_null(timedelta(0))
    return pl.select(pl.when(shapes[best] & ~bad_clock).then(moment)).to_series(), best
