"""Write a till export as small companies send it: German, messy, different for every seed.

    python docs/tutorials/make_export.py FOLDER --seed 7 [--corrected] [--careful]

The file is Excel or CSV; encoding, separator, decimal mark, date format and the names of the headers depend on the seed. Always there: a
title above the header, a totals row below, article numbers with leading zeros, a column nobody needs, closed Sundays without rows.
Unless `--corrected`, somebody typed `31.02.2025` for a date. `--careful`: a planner who already orders what the costs ask for.
"""

import argparse
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import xlsxwriter

DAYS, FIRST, CLOSED = 300, date(2024, 5, 25), 6  # the last day is Thursday, 20 March 2025
BRANCHES = {"Köln-Süd": 1.0, "Bahnhof": 0.6}
ARTICLES = {"Brötchen": ("0049", 80), "Mischbrot": ("0107", 22), "Franzbrötchen": ("0215", 30)}
HEADERS = {
    "day": ("Datum", "Verkaufstag", "Belegdatum"),
    "branch": ("Filiale", "Verkaufsstelle", "Markt"),
    "product": ("Artikel", "Artikelbezeichnung", "Sorte"),
    "sold": ("Menge", "Absatz", "Verkaufsmenge"),
    "ordered": ("Bestellt", "Bestellmenge", "Liefermenge"),
}
WRONG_DATE = "31.02.2025"


def rows(draw: np.random.Generator, careful: bool) -> list[tuple[date, str, str, str, int, int]]:
    """Day, branch, article number, article, pieces sold, pieces ordered; usually 45 % more is ordered than is asked for on average."""
    found = []
    for number in range(DAYS):
        day = FIRST + timedelta(number)
        for branch, size in BRANCHES.items():
            for article, (code, level) in ARTICLES.items():
                mean = level * size * (1.3 if day.weekday() == 5 else 1.0)
                asked = draw.poisson(mean)
                spread = 0.8 * np.sqrt(mean) if careful else 0.45 * mean + draw.normal(0, 0.1 * mean)
                ordered = round(mean + spread)
                if day.weekday() != CLOSED:
                    found.append((day, branch, code, article, min(int(asked), ordered), ordered))
    return found


def written(value: int, mark: str) -> str:
    """Return a quantity with one decimal, in German with dots for thousands."""
    shown = f"{value:,.1f}"
    return shown.translate(str.maketrans(",.", ".,")) if mark == "," else shown.replace(",", "")


def as_text(file: Path, table: list[list[str]], encoding: str, separator: str) -> None:
    """Write CSV as Windows programs do."""
    file.write_bytes("\r\n".join([separator.join(line) for line in table] + [""]).encode(encoding))


def as_workbook(file: Path, table: list[list[object]]) -> None:
    """Write Excel with real dates and numbers."""
    with xlsxwriter.Workbook(file) as book:
        sheet, day = book.add_worksheet("Umsatz"), book.add_format({"num_format": "dd.mm.yyyy"})
        for row, line in enumerate(table):
            for column, value in enumerate(line):
                if isinstance(value, date):
                    sheet.write_datetime(row, column, value, day)
                else:
                    sheet.write(row, column, value)


def export(folder: Path, seed: int, *, corrected: bool = False, careful: bool = False) -> Path:
    """Write the export and return its place."""
    draw = np.random.default_rng(seed)
    headers = {name: str(draw.choice(known)) for name, known in HEADERS.items()}
    excel, mark, form = bool(draw.integers(2)), str(draw.choice([",", "."])), str(draw.choice(["%d.%m.%Y", "%d.%m.%y", "%Y-%m-%d"]))
    encoding, separator = str(draw.choice(["cp1252", "utf-8", "utf-8-sig"])), str(draw.choice([";", "\t"]))
    found = rows(draw, careful)
    head = [headers["day"], headers["branch"], "Art.-Nr.", headers["product"], headers["sold"], headers["ordered"], "Kasse"]
    body = [[day, branch, code, article, sold, ordered, "K1"] for day, branch, code, article, sold, ordered in found]
    totals: list[object] = ["Summe", "", "", "", sum(row[4] for row in found), sum(row[5] for row in found), ""]
    if not corrected:
        body[4][0] = WRONG_DATE
    folder.mkdir(parents=True, exist_ok=True)
    title: list[list[object]] = [["Umsatzbericht der Kasse"], []]
    if excel:
        file = folder / "Umsätze.xlsx"
        as_workbook(file, [*title, head, *body, totals])
        return file
    file = folder / "Umsätze.csv"
    plain = [[day.strftime(form) if isinstance(day, date) else str(day), *texts, written(sold, mark), written(ordered, mark), till]
             for day, *texts, sold, ordered, till in [*body, totals]]  # fmt: skip
    width = len(head)
    as_text(file, [["Umsatzbericht der Kasse", *[""] * (width - 1)], [""] * width, head, *plain], encoding, separator)
    return file


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--corrected", action="store_true", help="without the mistyped date")
    parser.add_argument("--careful", action="store_true", help="orders that leave little to save")
    given = parser.parse_args()
    print(export(given.folder, given.seed, corrected=given.corrected, careful=given.careful))
