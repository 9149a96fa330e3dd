"""Damaged files: never a traceback, and never a number that is not in the known table."""

import random
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from pipelines.errors import InputError
from pipelines.settings import TableSettings
from pipelines.table import load_tables
from usecases.food_waste.schema import SCHEMA

SETTINGS = {"sales": TableSettings(file="kasse.csv", columns={"day": "Datum", "branch": "Filiale", "product": "Artikel", "sold": "Menge"})}
ODD = [
    "",
    "k.A.",
    "-",
    "#NV",
    "1.234",
    "1,5",
    "12,5-",
    "-3",
    "1e9",
    "0049",
    "31.02.2024",
    "45722",
    "Summe",
    '"',
    "=A1",
    "x",
    "ä",
    ";",
    "1;2",
    "NaN",
]


def good(draw: random.Random) -> list[list[str]]:
    rows = [["Datum", "Filiale", "Artikel", "Menge"]]
    for number in range(30):
        day = date(2024, 1, 1) + timedelta(number)
        rows += [[f"{day:%d.%m.%Y}", "Köln-Süd", "Brötchen", f"{draw.randint(1, 90)},{draw.choice('05')}"]]
    return rows


def damaged(rows: list[list[str]], draw: random.Random) -> tuple[bytes, set[int]]:
    """Return the bytes of a damaged file and the rows (0 = header) that were touched."""
    rows, touched = [list(row) for row in rows], set()
    if draw.random() < 0.5:  # cells
        for _ in range(draw.randint(1, 3)):
            row, cell = draw.randrange(len(rows)), draw.randrange(4)
            rows[row][cell] = draw.choice(ODD)
            touched.add(row)
        return "\r\n".join(";".join(row) for row in rows).encode("cp1252"), touched
    data = bytearray("\r\n".join(";".join(row) for row in rows).encode("cp1252"))
    place = draw.randrange(len(data))
    kind = draw.randrange(3)
    if kind == 0:
        data[place] = draw.randrange(256)
    elif kind == 1:
        del data[place : place + draw.randint(1, 4)]
    else:
        data[place:place] = bytes(draw.randrange(256) for _ in range(draw.randint(1, 3)))
    line = data.count(b"\n", 0, place)
    return bytes(data), {max(0, line - 1), line, line + 1}


def check(seed: int, folder: Path) -> bool:
    """Read one damaged file; return whether it was refused. Rows that were not touched must keep their values."""
    draw = random.Random(seed)
    rows = good(draw)
    data, touched = damaged(rows, draw)
    (folder / "kasse.csv").write_bytes(data)
    try:
        table = load_tables(SCHEMA, SETTINGS, folder).tables["sales"]
    except InputError as error:
        message = str(error)
    else:
        known = {(day, float(sold.replace(",", "."))) for n, (day, _, _, sold) in enumerate(rows) if n and n not in touched}
        lost = known - {(f"{day:%d.%m.%Y}", sold) for day, sold in table.select("day", "sold").rows()}
        assert not lost, (seed, lost)
        return False
    assert "kasse.csv" in message, (seed, message)
    return True


def run(count: int, folder: Path) -> None:
    refused = sum(check(seed, folder) for seed in range(count))
    assert 0 < refused < count  # both ends are reached: some damage is harmless, some is not


def test_200_damaged_files(tmp_path):
    run(200, tmp_path)


@pytest.mark.slow
def test_2000_damaged_files(tmp_path):
    run(2000, tmp_path)


def test_the_undamaged_file_is_read(tmp_path):
    rows = good(random.Random(1))
    (tmp_path / "kasse.csv").write_bytes("\r\n".join(";".join(row) for row in rows).encode("cp1252"))
    table = load_tables(SCHEMA, SETTINGS, tmp_path).tables["sales"]
    assert table["sold"].sum() == pytest.approx(sum(float(row[3].replace(",", ".")) for row in rows[1:]))
    assert table.schema["sold"] == pl.Float64
