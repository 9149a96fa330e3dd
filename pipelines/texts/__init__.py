"""What end users read, in German and English: one catalogue per area (`en/table.toml`, `de/table.toml`, ...)."""

import tomllib
from datetime import date, datetime
from functools import cache
from importlib.resources import files
from string import Formatter
from typing import Literal

Lang = Literal["de", "en"]


@cache
def catalogue(area: str, lang: Lang) -> dict[str, str]:
    """Return the texts of one area; raise KeyError when the area does not exist."""
    source = files(__name__).joinpath(lang, f"{area}.toml")
    if not source.is_file():
        raise KeyError(f"no text catalogue {lang}/{area}.toml")
    return tomllib.loads(source.read_text(encoding="utf-8"))


class _Counting(Formatter):
    """`str.format`, and {count:cell|cells}: the first word where the value is shown as 1, else the second."""

    def format_field(self, value: object, format_spec: str) -> str:
        one, bar, other = format_spec.partition("|")
        if not bar:
            return str(super().format_field(value, format_spec))
        return one if value in (1, "1") else other


def text(key: str, lang: Lang = "en", /, **values: object) -> str:
    """Return the text `area.name` filled as by `filled`, dates as the language writes them; raise KeyError when it is unknown."""
    area, name = key.split(".", 1)
    return filled(catalogue(area, lang)[name], **{place: dated(value, lang) for place, value in values.items()})


def filled(template: str, /, **values: object) -> str:
    """Return a text with its {placeholders} filled; {count:cell|cells} is the first word where `count` is shown as 1, else the second."""
    return _Counting().vformat(template, (), values)


def label(case: str, group: str, name: str, lang: Lang, default: str = "") -> str:
    """Return the text `group_name` (column_product, unit_pieces) of the use case's catalogue, else the default or the name with blanks."""
    try:
        own = catalogue(case, lang)
    except KeyError:
        own = {}
    return own.get(f"{group}_{name}", default or name.replace("_", " "))


def dated(value: object, lang: Lang) -> object:
    """Return a date as the language writes it (21.03.2025, 2025-03-21), anything else as it is."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return f"{value:%d.%m.%Y}" if lang == "de" else value.isoformat()
    return value


def number(value: float, lang: Lang = "en", digits: int = 0) -> str:
    """Format a number the way the language writes it: 1,234.5 in English, 1.234,5 in German."""
    shown = f"{value:,.{digits}f}"
    return shown if lang == "en" else shown.translate(str.maketrans(",.", ".,"))
