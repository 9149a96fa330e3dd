"""Settings: frozen, from TOML; an unknown key is an error with a suggestion, a bad value one with unit and bound."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo

from pipelines.errors import EnglishOnly, InputError, Said, UnfitError
from pipelines.renamed import refuse_gone, todays


class Frozen(BaseModel):
    """A part of the settings: immutable, no unknown keys, no NaN or infinity.

    `renamed`: dotted names of an earlier version -> today's, read as such; `gone`: removed names -> the setting that does their work.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    renamed: ClassVar[Mapping[str, str]] = {}
    gone: ClassVar[Mapping[str, str]] = {}


Decimal = Literal["auto", ",", "."]


class MeltSettings(Frozen):
    """A wide table (one column per branch, product or weekday) that becomes one row per cell."""

    keep: tuple[str, ...] = Field(description="headers that stay columns, such as Datum and Artikel; all others are melted")
    headers: str = Field(description="our column that takes the melted headers, or weekday: they are added to the date of the week")
    values: str = Field(description="our column that takes the cells")


class TableSettings(Frozen):
    """Where one table comes from and how its columns map to the use case's names."""

    file: str = Field("", description="file, relative to the settings file or to --data; .csv .txt .xlsx .xls .parquet, .gz, .zip")
    sheet: str = Field("", description="sheet of a workbook; empty: the only one that holds a table")
    columns: dict[str, str] = Field({}, description="our column = header in the file")
    constants: dict[str, str] = Field({}, description="our column = one value for every row, such as the only branch")
    on: tuple[str, ...] = Field((), description="keys that join this table to the first one")
    encoding: Literal["auto", "utf-8", "cp1252", "utf-16"] = "auto"
    separator: str = Field("auto", description="field separator; auto finds ; , tab or |")
    decimal: Decimal | dict[str, Decimal] = Field("auto", description='decimal mark of the file, or per column: { sold = "," }')
    date_format: str | dict[str, str] = Field("auto", description="format such as %d.%m.%Y, or per column; auto: ISO, German")
    melt: MeltSettings | None = Field(None, description="for a wide table: one column per branch or weekday becomes rows")
    aggregate: bool = Field(False, description="put several rows per day and keys together (receipts, bookings); false: an error")
    missing: tuple[str, ...] = Field((), description="further cells that mean nothing, such as ? or #BEZUG!")
    drop: dict[str, tuple[str, ...]] = Field({}, description="rows to leave out: our column = values, such as a seasonal group")

    def decimal_of(self, column: str) -> Decimal:
        """Return the decimal mark stated for one of our columns."""
        return self.decimal.get(column, "auto") if isinstance(self.decimal, dict) else self.decimal

    def date_format_of(self, column: str) -> str:
        """Return the date format stated for one of our columns."""
        return self.date_format.get(column, "auto") if isinstance(self.date_format, dict) else self.date_format


class CalendarSettings(Frozen):
    """Days that differ: public and school holidays of a German state, own events, closed days."""

    state: str = Field("", description="German state such as BW, SH, NW; empty: nationwide holidays only")
    events: dict[str, tuple[str, ...]] = Field({}, description="own events: name = days or periods 2025-06-21/2025-06-29")
    closed: Literal["no_row", "nothing_sold", "column"] = Field(
        "nothing_sold",
        description="a series is closed when it has no row that day (no_row), when its branch sold nothing at all (nothing_sold), "
        "or as the column open says (column)",
    )


class PeriodSettings(Frozen):
    """Train < select < report: choices are made on select, the headline comes from report alone."""

    report_start: date | None = Field(None, description="first day of the report period; default: the last report_share of the days")
    report_share: float = Field(0.2, gt=0, lt=0.6, description="share of the days in the report period")
    select_share: float = Field(0.2, gt=0, lt=0.6, description="share of the days before the report period used for choices")
    refit_days: int = Field(28, ge=1, le=3650, description="days between two fits in the backtest")


class CaseSettings(Frozen):
    """What every use case shares; a use case adds its costs, limits and model settings."""

    case: str = Field("", description="name of the use case these settings belong to")
    data: dict[str, TableSettings] = Field({}, description="tables by name; the first one holds the rows")
    calendar: CalendarSettings = CalendarSettings()
    periods: PeriodSettings = PeriodSettings()
    seed: int = Field(1, ge=0, description="base of every random number")
    threads: int = Field(2, ge=1, le=1024, description="threads per model fit")


T = TypeVar("T", bound=Frozen)
PROBLEMS = {  # pydantic's kind of error, or the first word of it -> text
    "greater_than": "settings.problem_gt",
    "greater_than_equal": "settings.problem_ge",
    "less_than": "settings.problem_lt",
    "less_than_equal": "settings.problem_le",
    "literal_error": "settings.problem_choice",
    "finite_number": "settings.problem_finite",
    "float": "settings.problem_float",
    "int": "settings.problem_int",
    "bool": "settings.problem_bool",
    "string": "settings.problem_string",
    "date": "settings.problem_date",
    "too_short": "settings.problem_too_short",
    "too_long": "settings.problem_too_long",
    "tuple": "settings.problem_list",
    "list": "settings.problem_list",
    "dict": "settings.problem_section",
    "model": "settings.problem_section",
}


def read_toml(path: Path) -> dict[str, Any]:
    """Return a TOML file as nested dictionaries; raise InputError when it is missing or not TOML."""
    if not path.is_file():
        raise InputError("settings.no_file", file=path)
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError:
        raise InputError("settings.not_utf8", file=path) from None
    except tomllib.TOMLDecodeError as error:
        raise InputError("settings.not_toml", file=path, problem=_place(error)) from None


def _place(error: tomllib.TOMLDecodeError) -> Said:
    """Return where a TOML file breaks off, and in English what was expected there."""
    found = re.search(r"^(.*?) \(at (?:line (\d+), column (\d+)|end of document)\)$", str(error))
    reason = EnglishOnly(f" ({found[1] if found else error})")
    if found and found[2]:
        return Said("settings.toml_place", {"line": found[2], "column": found[3], "reason": reason})
    return Said("settings.toml_end", {"reason": reason})


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return `base` with the values of `over`, table by table."""
    tables = {key: value for key, value in over.items() if isinstance(value, Mapping) and isinstance(base.get(key), Mapping)}
    return {**base, **over, **{key: merged(base[key], value) for key, value in tables.items()}}


def override(pair: str) -> dict[str, Any]:
    """Return `costs.price_eur=3.1` as nested dictionaries; the value is TOML, or else text."""
    path, equals, value = pair.partition("=")
    if not equals or not path.strip():
        raise InputError("settings.bad_override", pair=pair)
    try:
        parsed: Any = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        parsed = value
    for name in reversed(path.strip().split(".")):
        parsed = {name: parsed}
    return dict(parsed)


def load_settings(kind: type[T], *sources: Mapping[str, Any], file: Path | str = "settings.toml") -> T:
    """Return validated settings; later sources win. Raise InputError with a suggestion, unit and bound."""
    values: dict[str, Any] = {}
    for source in sources:
        values = merged(values, source)
    values, _ = todays(values, kind.renamed, file)
    refuse_gone(values, kind.gone, file)
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise _as_input_error(kind, error, file) from None


def _as_input_error(kind: type[BaseModel], error: ValidationError, file: Path | str) -> InputError:
    # a misspelt key leaves another one missing: the misspelling is what to mend
    first = next((found for found in error.errors() if found["type"] == "extra_forbidden"), error.errors()[0])
    place = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        known = _fields(kind, first["loc"][:-1])
        close = get_close_matches(str(first["loc"][-1]), known, n=1, cutoff=0.5)
        shown = {"file": file, "key": place, "known": ", ".join(known)}
        return InputError("settings.unknown_key", near=close[0], **shown) if close else InputError("settings.strange_key", **shown)
    if first["type"] == "missing":
        return InputError("settings.missing_key", file=file, key=place)
    field = _fields(kind, first["loc"][:-1]).get(str(first["loc"][-1])) if first["loc"] else None
    meaning = EnglishOnly(f" ({field.description})" if field and field.description else "")
    return InputError("settings.bad_value", file=file, key=place, value=repr(first["input"]), problem=_problem(first), meaning=meaning)


def _problem(error: Mapping[str, Any]) -> Said:
    """Return what pydantic or a validator found, in the user's language; for a rare kind of error its English words are added."""
    kind, values = str(error["type"]), dict(error.get("ctx", {}))
    if isinstance(values.get("error"), UnfitError):
        return values["error"].said  # type: ignore[no-any-return]
    if "expected" in values:
        values["expected"] = str(values["expected"]).replace(" or ", " / ")
    known = kind if kind in PROBLEMS else kind.partition("_")[0]
    return (
        Said(PROBLEMS[known], values) if known in PROBLEMS else Said("settings.problem_other", {"reason": EnglishOnly(f": {error['msg']}")})
    )


def _fields(kind: Any, path: Sequence[int | str]) -> dict[str, FieldInfo]:
    """Return the settings that stand at `path`, by name."""
    for part in path:
        if isinstance(kind, type) and issubclass(kind, BaseModel) and part in kind.model_fields:
            kind = kind.model_fields[str(part)].annotation
        else:
            kind = (get_args(kind) or (kind,))[-1]
    return dict(sorted(kind.model_fields.items())) if isinstance(kind, type) and issubclass(kind, BaseModel) else {}
