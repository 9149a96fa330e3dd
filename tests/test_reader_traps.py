"""Files that look harmless: a number is read as it is meant, or refused by name - never changed, lost or met with a bug."""

import io
import tomllib
from datetime import date, datetime, time, timedelta
from pathlib import Path

import polars as pl
import pytest
import xlsxwriter

from pipelines.errors import InputError
from pipelines.settings import TableSettings
from pipelines.table import load_tables
from pipelines.table.cells import Cells, hours, numbers
from pipelines.understand import understand
from usecases.__main__ import main
from usecases.food_waste import CASE

HEAD = "Datum;Filiale;Artikel;Menge"
DAYS = [date(2024, 1, 1) + timedelta(number) for number in range(200)]
WEEKDAYS = ["Mo", "Di", "Mi", "Do", "Fr", "Sa", "So"]
ROWS = [f"{day:%d.%m.%Y};Köln;Brot;{10 + number % 7}" for number, day in enumerate(DAYS)]


def saved(folder: Path, lines: list[str], name: str = "kasse.csv") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes("\r\n".join([*lines, ""]).encode())
    return path


def read(*cells: str) -> list[float | None]:
    rows = pl.Series(range(2, 2 + len(cells)))
    return numbers(Cells("kasse.csv", "sold", "Menge", pl.Series(cells), rows), "auto").to_list()


NO_NUMBERS = ["3+4", "3 4", "1'2", "1 5 7", "12..5", "5.", "5,", "1.000.00", "1,000,00", "1e999", "9" * 400, "\uff15", "5\u0663", "(5)"]


@pytest.mark.parametrize("cell", NO_NUMBERS)
@pytest.mark.parametrize("others", [["3", "4"], ["3,5", "4"], ["3.5", "4"]])
def test_what_is_no_number_is_refused_whatever_stands_around_it(cell, others):
    with pytest.raises(InputError) as caught:
        read(others[0], cell, others[1])
    contradicts = cell == "1e999" and others[0] == "3,5"  # an exponent is English, and the refusal says so
    assert caught.value.key == ("table.mixed_decimals" if contradicts else "table.bad_number")
    assert "first rows: 3" in caught.value.render("en")


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("1 234,5", 1234.5),
        ("1\u00a0234\u00a0567,5", 1234567.5),
        ("1'234'567,5", 1234567.5),
        ("+5,5", 5.5),
        ("3,50 €", 3.5),
        ("€ 3,50", 3.5),
        ("12,5-", -12.5),
        ("12,5 -", -12.5),
        ("- 12,5", -12.5),
        ("\u221212,5", -12.5),
        ("-1 234,5", -1234.5),
    ],
)
def test_usual_ways_to_write_a_number(cell, value):
    assert read(cell, "1,25") == [value, 1.25]


def test_a_nonsense_cell_beside_an_ambiguous_one_still_asks():
    with pytest.raises(InputError) as caught:
        read("1.234", "5.")
    assert caught.value.key == "table.ambiguous"


def test_a_damaged_utf8_file_is_named_and_not_read_as_windows_1252(tmp_path):
    path = saved(tmp_path, [HEAD, *ROWS])
    data = path.read_bytes()
    place = data.index(b"\xc3", 1500)
    path.write_bytes(data[:place] + data[place + 1 :])
    (problem,) = understand(CASE, [path]).problems
    assert problem.key == "table.encoding"
    assert "utf-8" in problem.render("en")
    path.write_bytes("\r\n".join([HEAD, *ROWS, "20.07.2024;Köln;„Spaß“;5"]).encode("cp1252"))  # ß“ alone would be UTF-8
    seen = understand(CASE, [path])
    assert seen.loaded is not None
    assert set(seen.loaded.tables["sales"]["branch"]) == {"Köln"}


@pytest.mark.parametrize(
    ("cells", "values"),
    [([1.234, "3,5"], [1.234, 3.5]), ([1.234, "1.234,5"], [1.234, 1234.5]), ([1234.567, "7,5"], [1234.567, 7.5])],
)
def test_number_cells_beside_german_text_cells_keep_their_value(tmp_path, cells, values):
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer)
    sheet, form = book.add_worksheet(), book.add_format({"num_format": "dd.mm.yyyy"})
    sheet.write_row(0, 0, HEAD.split(";"))
    for row, cell in enumerate(cells, start=1):
        sheet.write_datetime(row, 0, datetime(2024, 1, row), form)  # noqa: DTZ001
        sheet.write_row(row, 1, ["Köln", "Brot", cell])
    book.close()
    (tmp_path / "kasse.xlsx").write_bytes(buffer.getvalue())
    columns = {"day": "Datum", "branch": "Filiale", "product": "Artikel", "sold": "Menge"}
    found = load_tables(CASE.schema, {"sales": TableSettings(file="kasse.xlsx", columns=columns)}, tmp_path)
    assert found.tables["sales"]["sold"].to_list() == values


@pytest.mark.parametrize("rows", [[*ROWS, ROWS[-1]], [*ROWS, *ROWS]])
def test_copied_rows_are_asked_about_and_not_added_up(tmp_path, rows):
    seen = understand(CASE, [saved(tmp_path, [HEAD, *rows])])
    (problem,) = seen.problems
    assert problem.key == "table.duplicates"
    assert "kasse.csv" in problem.render("en")
    assert "aggregate" not in seen.tables["sales"]
    stated = understand(CASE, [saved(tmp_path, [HEAD, *rows])], stated={"sales": {"aggregate": True}})
    assert stated.fine


def test_revenue_is_not_taken_for_pieces(tmp_path):
    lines = [f"{row.rsplit(';', 1)[0]};{number},5;{number}" for number, row in enumerate(ROWS)]
    seen = understand(CASE, [saved(tmp_path, ["Datum;Filiale;Artikel;Umsatz;Menge", *lines])])
    assert seen.mapping["sales"]["sold"].header == "Menge"
    lines = [line.rsplit(";", 1)[0] for line in lines]
    (problem,) = understand(CASE, [saved(tmp_path, ["Datum;Filiale;Artikel;Umsatz EUR", *lines])]).problems
    assert problem.key == "table.missing_columns"


@pytest.mark.parametrize(
    "written",
    [lambda day: f"{WEEKDAYS[day.weekday()]}, {day:%d.%m.%y}", lambda day: str((day - date(1899, 12, 30)).days)],
)
def test_dates_with_weekdays_and_excel_days_are_guessed(tmp_path, written):
    rows = [f"{written(day)};Köln;Brot;3" for day in DAYS]
    seen = understand(CASE, [saved(tmp_path, [HEAD, *rows])])
    assert seen.fine, seen.problems
    assert seen.loaded is not None
    assert seen.loaded.tables["sales"]["day"].to_list() == DAYS


def test_settings_written_elsewhere_find_the_data(tmp_path, capsys):
    path, target = saved(tmp_path, [HEAD, *ROWS], "daten/kasse.csv"), tmp_path / "fall" / "settings.toml"
    assert main(["check", "food_waste", "--data", str(path), "--write", str(target)]) == 0
    file = tomllib.loads(target.read_text(encoding="utf-8"))["data"]["sales"]["file"]
    assert (target.parent / file).resolve() == path.resolve()
    assert main(["check", "food_waste", "--data", str(path), "--write", str(path / "settings.toml")]) == 2
    assert "cannot be written" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("cells", "hours_of_day"),
    [(["17:29", "07:05:30"], [17 + 29 / 60, 7 + 5 / 60 + 30 / 3600]), ([time(18, 15)], [18.25]), (["24:00", None], [24.0, None])],
)
def test_times_of_day_are_hours(cells, hours_of_day):
    assert hours(pl.Series("last_sale", cells)).to_list() == pytest.approx(hours_of_day)


@pytest.mark.parametrize("cells", [["17:29", "spät"], ["25:00"], ["17.5"]])
def test_other_cells_are_left_to_the_reader_of_numbers(cells):
    assert hours(pl.Series("last_sale", cells)).to_list() == cells
