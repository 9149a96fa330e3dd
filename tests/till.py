"""A till export and its schema, as the tests of reading tables share them."""

from pathlib import Path

import polars as pl
import pytest

from pipelines.errors import InputError
from pipelines.settings import TableSettings
from pipelines.table import assemble, load_tables, read_table, typed
from pipelines.usecase import Column

SCHEMA = {
    "day": Column("date", "time", "day of sale", aliases="datum"),
    "branch": Column("text", "key", "shop", aliases="filiale"),
    "product": Column("text", "key", "article", aliases="artikel"),
    "sold": Column("number", "outcome", "pieces sold", unit="pieces", minimum=0, maximum=100_000, aliases="menge"),
    "ordered": Column("number", "decision", "pieces ordered", unit="pieces", minimum=0, optional=True),
    "promotion": Column("flag", "known", "on offer", optional=True, total="max"),
    "rain_mm": Column("number", "known", "forecast rain", unit="mm", minimum=0, optional=True, total="mean"),
    "price": Column("number", "known", "price", unit="EUR", optional=True, total="last"),
    "demand": Column("number", "outcome", "pieces asked for", derived=True),
}
HEADERS = {"day": "Datum", "branch": "Filiale", "product": "Artikel", "sold": "Menge"}
NAMED = TableSettings(file="kasse.csv", columns=HEADERS)
HEAD = "Datum;Filiale;Artikel;Menge"


def written(folder: Path, *lines: str, name: str = "kasse.csv", encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_bytes("\r\n".join([*lines, ""]).encode(encoding))
    return path


def read(folder: Path, *lines: str, settings: TableSettings = NAMED, encoding: str = "utf-8") -> pl.DataFrame:
    path = written(folder, *lines, encoding=encoding)
    return typed(read_table(path, settings, "sales"), SCHEMA, settings, path.name)


def refused(folder: Path, *lines: str, settings: TableSettings = NAMED) -> InputError:
    path = written(folder, *lines)
    with pytest.raises(InputError) as caught:
        load_tables(SCHEMA, {"sales": settings}, path.parent)
    caught.value.render("de")
    return caught.value


def loaded(folder: Path, *lines: str, settings: TableSettings = NAMED) -> tuple[pl.DataFrame, dict[str, dict]]:
    path = written(folder, *lines)
    found = load_tables(SCHEMA, {"sales": settings}, path.parent)
    return assemble(found.tables, SCHEMA, {"sales": settings}), {note.key: dict(note.values) for note in found.notes}
