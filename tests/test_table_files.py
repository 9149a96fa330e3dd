"""Workbooks, titles above the header, merged headers, wide tables: files as offices keep them."""

import io
from datetime import date, datetime
from pathlib import Path

import polars as pl
import pytest
import xlsxwriter

from pipelines.errors import InputError
from pipelines.settings import MeltSettings, TableSettings
from pipelines.table import load_tables
from pipelines.table.header_rows import find_header
from pipelines.table.reader import read_file
from pipelines.usecase import Column

SCHEMA = {
    "day": Column("date", "time", "day of sale"),
    "branch": Column("text", "key", "shop"),
    "product": Column("text", "key", "article"),
    "sold": Column("number", "outcome", "pieces sold", unit="pieces", minimum=0),
}
MAPPING = {"day": "Datum", "branch": "Filiale", "product": "Artikel", "sold": "Menge"}


def loaded(path: Path, **more: object) -> tuple[pl.DataFrame, list[str]]:
    settings = TableSettings.model_validate({"file": path.name, "columns": MAPPING, **more})
    found = load_tables(SCHEMA, {"sales": settings}, path.parent)
    return found.tables["sales"], [note.key for note in found.notes]


def workbook(path: Path, titles: int = 0, sheets: tuple[str, ...] = ("Umsatz",)) -> Path:
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer)
    day = book.add_format({"num_format": "dd.mm.yyyy"})
    for name in sheets:
        sheet = book.add_worksheet(name)
        for row in range(titles):
            sheet.write(row, 0, f"Umsatzbericht Teil {row}")
        sheet.write_row(titles, 0, ["Artikel", "Filiale", "Datum", "Menge", "Filial-Nr"])
        for row in range(3):
            sheet.write_row(titles + 1 + row, 0, ["Brötchen", "Köln-Süd"])
            sheet.write_datetime(titles + 1 + row, 2, datetime(2025, 3, row + 1), day)  # noqa: DTZ001
            sheet.write_number(titles + 1 + row, 3, 1.234 + row)
            sheet.write_string(titles + 1 + row, 4, "0049")
        sheet.write_row(titles + 4, 0, ["Summe", None, None, 99.0])
    book.close()
    path.write_bytes(buffer.getvalue())
    return path


@pytest.mark.parametrize("titles", [0, 1, 3])
@pytest.mark.parametrize("name", ["kasse.xlsx", "kasse.csv"])
def test_a_workbook_keeps_types_whatever_it_is_called(tmp_path, titles, name):
    rows, notes = loaded(workbook(tmp_path / name, titles))
    assert rows["day"].to_list() == [date(2025, 3, day) for day in (1, 2, 3)]
    assert rows["sold"].to_list() == [1.234, 2.234, 3.234]  # a number cell is never ambiguous
    assert rows["row_in_file"].to_list() == [titles + 2, titles + 3, titles + 4]
    assert "table.note_totals" in notes
    assert ("table.note_titles" in notes) == (titles > 0)
    assert ("table.note_really_excel" in notes) == (name == "kasse.csv")


def test_several_sheets_are_asked_about_and_a_stated_one_is_read(tmp_path):
    path = workbook(tmp_path / "kasse.xlsx", sheets=("Januar", "Februar"))
    with pytest.raises(InputError, match=r"Januar, Februar.*sheet = \"Januar\""):
        loaded(path)
    assert loaded(path, sheet="Februar")[0].height == 3
    with pytest.raises(InputError, match=r"no sheet 'März'.*Januar, Februar"):
        loaded(path, sheet="März")


TITLED = "\r\n".join(
    [
        "Umsatzbericht 01.01.2025 bis 31.01.2025",
        "",
        "Datum;Filiale;Artikel;Menge",
        "01.03.2025;Köln;Brot;1,5",
        "02.03.2025;Köln;Brot;zwei",
        "",
    ]
)


def test_title_lines_are_left_out_and_rows_count_as_in_the_file(tmp_path):
    path = tmp_path / "kasse.csv"
    path.write_text(TITLED, encoding="cp1252", newline="")
    with pytest.raises(InputError, match="first rows: 5 "):
        loaded(path)
    path.write_text(TITLED.replace("zwei", "2,5"), encoding="cp1252", newline="")
    rows, notes = loaded(path)
    assert rows["sold"].to_list() == [1.5, 2.5]
    assert "table.note_titles" in notes
    assert read_file(path, TableSettings(), "sales").facts["header_row"] == 3


@pytest.mark.parametrize("separator", [";", "\t", ",", "|"])
def test_titles_do_not_hide_the_separator(tmp_path, separator):
    path = tmp_path / "kasse.csv"
    lines = ["Bericht", "Filialen: alle", "", separator.join(["Datum", "Filiale", "Artikel", "Menge"])]
    lines += [separator.join([f"2025-03-0{day}", "Köln", "Brot", "7"]) for day in range(1, 9)]
    path.write_text("\n".join(lines), encoding="utf-8")
    assert loaded(path)[0]["sold"].to_list() == [7.0] * 8


def test_merged_headers_of_two_rows_are_put_together():
    rows = [["Datum", "Filiale", "Menge", ""], ["", "", "Stück", "kg"], ["01.03.2025", "Köln", "12", "3,4"]]
    header = find_header(rows)
    assert header.names == ["Datum", "Filiale", "Menge Stück", "Menge kg"]
    assert header.last == 1


@pytest.mark.parametrize(
    ("rows", "names"),
    [
        ([["Datum", "Menge"], ["01.03.2025", "3"]], ["Datum", "Menge"]),
        ([["Datum", "", "Menge"], ["01.03.2025", "Notiz", "3"]], ["Datum", "column 2", "Menge"]),
        ([["Filiale", "Artikel"], ["Köln", "Brot"]], ["Filiale", "Artikel"]),  # a table of words only
        ([["Bericht", "", ""], ["Datum", "Filiale", "Menge"], ["01.03.2025", "Köln", "3"]], ["Datum", "Filiale", "Menge"]),
        ([["01.03.2025", "3"], ["02.03.2025", "4"]], ["01.03.2025", "3"]),  # no header at all: the first row, for the error to show
    ],
)
def test_where_the_header_is(rows, names):
    assert find_header(rows).names == names


def test_a_wide_table_becomes_rows_by_branch(tmp_path):
    path = tmp_path / "breit.csv"
    path.write_text("Datum;Artikel;Köln;Bonn\n01.03.2025;Brot;1,5;2\n02.03.2025;Brot;;4,5\n", encoding="utf-8")
    melt = MeltSettings(keep=("Datum", "Artikel"), headers="branch", values="sold")
    rows, _ = loaded(path, columns={"day": "Datum", "product": "Artikel"}, melt=melt.model_dump())
    assert rows.select("day", "branch", "sold").sort("day", "branch").rows() == [
        (date(2025, 3, 1), "Bonn", 2.0),
        (date(2025, 3, 1), "Köln", 1.5),
        (date(2025, 3, 2), "Bonn", 4.5),
    ]


def test_a_column_per_weekday_becomes_dates(tmp_path):
    path = tmp_path / "woche.csv"
    path.write_text("Woche ab;Filiale;Artikel;Mo;Di;So\n03.03.2025;Köln;Brot;1;2;7\n10.03.2025;Köln;Brot;8;9;14\n", encoding="utf-8")
    melt = {"keep": ["Woche ab", "Filiale", "Artikel"], "headers": "weekday", "values": "sold"}
    rows, _ = loaded(path, columns={"day": "Woche ab", "branch": "Filiale", "product": "Artikel"}, melt=melt)
    days = [date(2025, 3, day) for day in (3, 4, 9, 10, 11, 16)]
    assert dict(rows.select("day", "sold").rows()) == dict(zip(days, [1.0, 2.0, 7.0, 8.0, 9.0, 14.0], strict=True))


@pytest.mark.parametrize(
    ("melt", "said"),
    [
        ({"keep": ["Tag"], "headers": "branch", "values": "sold"}, "'Tag', which does not occur"),
        ({"keep": ["Datum", "Köln"], "headers": "branch", "values": "sold"}, "no column is left to melt"),
        ({"keep": ["Datum"], "headers": "weekday", "values": "sold"}, "'Köln' is no weekday"),
    ],
)
def test_melting_what_is_not_there(tmp_path, melt, said):
    path = tmp_path / "breit.csv"
    path.write_text("Datum;Köln\n01.03.2025;1\n", encoding="utf-8")
    with pytest.raises(InputError, match=said):
        loaded(path, columns={"day": "Datum"}, melt=melt)


def test_one_column_may_have_its_own_decimal_mark(tmp_path):
    path = tmp_path / "kasse.csv"
    path.write_text("Datum;Filiale;Artikel;Menge\n01.03.2025;Köln;Brot;1.234\n", encoding="utf-8")
    with pytest.raises(InputError, match="two ways"):
        loaded(path)
    assert loaded(path, decimal={"sold": ","})[0]["sold"].to_list() == [1234.0]
    assert loaded(path, decimal={"sold": "."})[0]["sold"].to_list() == [1.234]


def test_sales_in_the_future_are_refused(tmp_path):
    path = tmp_path / "kasse.csv"
    path.write_text("Datum;Filiale;Artikel;Menge\n01.03.2125;Köln;Brot;1\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"lie in the future.*2125-03-01"):
        loaded(path)


def test_a_web_page_in_disguise_is_named(tmp_path):
    path = tmp_path / "kasse.xls"
    path.write_text("<html><table><tr><td>Datum</td></tr></table></html>", encoding="utf-8")
    with pytest.raises(InputError, match="web page"):
        loaded(path)
