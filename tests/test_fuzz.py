"""Damaged files: never a traceback, and never a number that is not in the known table."""

import random
import re
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


# --- the damaged cells themselves -----------------------------------------------------------------------------------------

NOTHING = {"", "#NV", "#N/A", "k.A.", "k. A.", "-", "–", "NA", "N/A", "n/a", "NaN", "nan", "null", "NULL"}
GERMAN = re.compile(r"[+-]?(?:[0-9]{1,3}(?:\.[0-9]{3})+|[0-9]+)?(?:,[0-9]+)?-?")
ENGLISH = re.compile(r"[+-]?(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)?(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?-?")
THOUSANDS = re.compile(r"[+-]?[0-9]{1,3}([\s'][0-9]{3})+([.,][0-9]+)?-?")
STRANGE = "0123456789.,-+ '€eExk\u00a0\u0663\uff15\u2212\"/%"


def meant(cell: str, *, german: bool) -> float | str | None:
    """Return the number a cell states in one way of writing, None for nothing, "bad" where it is none: written apart from the reader."""
    cell = cell.strip()
    if cell in NOTHING:
        return None
    cell = re.sub(r"^€\s*|\s*€$", "", cell).replace("\u2212", "-").removeprefix("'")
    if THOUSANDS.fullmatch(cell):
        cell = re.sub(r"[\s']", "", cell)
    if not (GERMAN if german else ENGLISH).fullmatch(cell) or not re.search("[0-9]", cell):
        return "bad"
    value = float((cell.replace(".", "").replace(",", ".") if german else cell.replace(",", "")).strip("+-"))
    return -value if cell.startswith("-") != cell.endswith("-") else value


def scribbled(cell: str, draw: random.Random) -> str:
    """Return the cell with one to three characters put in, left out or replaced."""
    letters = list(cell)
    for _ in range(draw.randint(1, 3)):
        place, what = draw.randrange(len(letters) + 1), draw.random()
        if what < 0.6 or not letters:
            letters.insert(place, draw.choice(STRANGE))
        elif what < 0.8:
            letters.pop(min(place, len(letters) - 1))
        else:
            letters[min(place, len(letters) - 1)] = draw.choice(STRANGE)
    return "".join(letters)


def misread(seed: int, folder: Path) -> bool | None:
    """Return whether a file with scribbled numbers is read wrongly; None: it was refused by name."""
    draw = random.Random(seed)
    german, fraction = draw.random() < 0.5, draw.random() < 0.7
    numbers = [draw.randint(0, 2000) / 2 for _ in range(30)]
    cells = [f"{number:.1f}".replace(".", "," if german else ".") if fraction else str(int(number)) for number in numbers]
    for _ in range(draw.randint(1, 2)):
        place = draw.randrange(30)
        cells[place] = scribbled(cells[place], draw)
    lines = ["Datum;Filiale;Artikel;Menge"]
    lines += [f"{date(2024, 1, 1) + timedelta(row):%d.%m.%Y};Bonn;Brot;{cell}" for row, cell in enumerate(cells)]
    (folder / "kasse.csv").write_bytes("\r\n".join(lines).encode("utf-8"))
    try:
        found = load_tables(SCHEMA, SETTINGS, folder).tables["sales"].sort("day")["sold"].to_list()
    except InputError:
        return None
    ways = [german] if fraction else [False, True]
    return not any([meant(cell.replace('"', ""), german=way) for cell in cells] == found for way in ways)


@pytest.mark.parametrize("count", [200, pytest.param(2000, marks=pytest.mark.slow)])
def test_no_scribbled_number_is_misread(tmp_path, count):
    found = [misread(seed, tmp_path) for seed in range(count)]
    assert [seed for seed, wrong in enumerate(found) if wrong] == []
    assert found.count(False) > count / 10  # harmless scribbles are read, not all is refused
    assert found.count(None) > count / 10
