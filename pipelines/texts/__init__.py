"""What end users read, in German and English: one catalogue per area (`en/table.toml`, `de/table.toml`, ...)."""

import tomllib
from datetime import date, datetime
from functools import cache
from importlib.resources import files
from typing import Literal

Lang = Literal["de", "en"]


@cache
def catalogue(area: str, lang: Lang) -> dict[str, str]:
    """Return the texts of one area; raise KeyError when the area does not exist."""
    source = files(__name__).joinpath(lang, f"{area}.toml")
    if not source.is_file():
        raise KeyError(f"no text catalogue {lang}/{area}.toml")
    return tomllib.loads(source.read_text(encoding="utf-8"))


def text(key: str, lang: Lang = "en", /, **values: object) -> str:
    """Return the text `area.name` with its {placeholders} filled; raise KeyError when it is unknown.

    Where `count` (or `days`) is 1 and the area has a text `name_one`, that is the one: "1 trip has", not "1 trips have".
    """
    area, name = key.split(".", 1)
    texts = catalogue(area, lang)
    chosen = texts.get(f"{name}_one", texts[name]) if values.get("count", values.get("days")) in (1, "1") else texts[name]
    return chosen.format(**{place: dated(value, lang) for place, value in values.items()})


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
