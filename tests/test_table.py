"""Reading exports: what is understood, and what is refused with file, column, rows, value and remedy."""

import csv
import gzip
import itertools
import re
import tomllib
import zipfile
from datetime import date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from pipelines.errors import InputError
from pipelines.settings import TableSettings
from pipelines.table import assemble, data_digest, joins, load_tables, read_table, typed
from pipelines.table import reader as reader_module
from pipelines.table.cells import Cells, moments, numbers
from pipelines.texts import catalogue
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


# --- the 36 exports -------------------------------------------------------------------------------------------------------

EXPORT = {
    "day": Column("date", "time", "day of sale"),
    "branch": Column("text", "key", "shop"),
    "product": Column("text", "key", "article"),
    "number": Column("text", "key", "number of the shop"),
    "sold": Column("number", "outcome", "pieces sold", minimum=0),
}


@pytest.mark.parametrize("form", ["%d.%m.%Y", "%d.%m.%y", "%Y-%m-%d"])
@pytest.mark.parametrize("decimal", [",", "."])
@pytest.mark.parametrize("separator", [";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_the_36_exports_are_read_without_any_setting_but_the_mapping(tmp_path, encoding, separator, decimal, form):
    def shown(value: float) -> str:
        english = f"{value:,.1f}"
        return english.translate(str.maketrans(",.", ".,")) if decimal == "," else english.replace(",", "")

    rows = [["Brötchen", "Köln-Süd", date(2025, 3, d).strftime(form), shown(1234.5 + d), "0049"] for d in range(1, 29)]
    lines = [["Artikel", "Filiale", "Datum", "Menge", "Filial-Nr"], *rows, ["Summe", "", "", shown(36000), ""]]
    path = tmp_path / "export.csv"
    path.write_bytes("".join(separator.join(cells) + "\r\n" for cells in lines).encode(encoding))
    settings = TableSettings(file=path.name, columns={**HEADERS, "number": "Filial-Nr"})
    found = load_tables(EXPORT, {"sales": settings}, tmp_path)
    table = assemble(found.tables, EXPORT, {"sales": settings})
    assert table.height == 28
    assert table["product"][0] == "Brötchen"
    assert table["branch"][0] == "Köln-Süd"
    assert table["day"][4] == date(2025, 3, 5)
    assert table["sold"][2] == pytest.approx(1237.5, abs=1e-9)
    assert table["number"][0] == "0049"
    (totals,) = [note for note in found.notes if note.key == "table.note_totals"]
    assert totals.values["count"] == 1
    assert totals.values["rows"] == "30"


def written_number(value: float, digits: int, *, german: bool, grouped: bool) -> str:
    shown = f"{value:{',' if grouped else ''}.{digits}f}"
    return shown.translate(str.maketrans(",.", ".,")) if german else shown


@given(
    values=st.lists(st.decimals(-99_999, 999_999, places=2), min_size=1, max_size=20),
    german=st.booleans(),
    grouped=st.booleans(),
    form=st.sampled_from(["%d.%m.%Y", "%d.%m.%y", "%Y-%m-%d"]),
    start=st.dates(date(1970, 1, 1), date(2060, 1, 1)),
)
def test_numbers_and_dates_survive_being_written(values, german, grouped, form, start):
    text = [written_number(float(value), 2, german=german, grouped=grouped) for value in values]
    cells = Cells("f", "sold", "Menge", pl.Series(text), pl.Series(range(len(text))))
    assert numbers(cells, "auto").to_list() == pytest.approx([float(value) for value in values], abs=1e-9)
    days = [start + timedelta(days=7 * place) for place in range(len(values))]
    cells = Cells("f", "day", "Datum", pl.Series([day.strftime(form) for day in days]), pl.Series(range(len(days))))
    assert moments(cells, "auto").values.dt.date().to_list() == days


# --- numbers --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["1.234", "5,5"], [1234, 5.5]),
        (["1.234,50", "7"], [1234.5, 7]),
        (["1,234.5", "7"], [1234.5, 7]),
        (["1.234.567"], [1234567]),
        (["0.125", "1.234"], [0.125, 1.234]),
        (["0,125", "1,234"], [0.125, 1.234]),
        (["1234.567"], [1234.567]),
        (["12,5-", "3"], [-12.5, 3]),
        (["1 234,5", "2 € "], [1234.5, 2]),
        (["1e-05", "2.5"], [1e-5, 2.5]),
        (["12", "007"], [12, 7]),
    ],
)
def test_the_decimal_mark_is_found_per_column(cells, expected):
    column = Cells("f", "sold", "Menge", pl.Series(cells), pl.Series(range(len(cells))))
    assert numbers(column, "auto").to_list() == pytest.approx(expected)


def test_ambiguous_numbers_are_asked_about_not_guessed(tmp_path):
    lines = (HEAD, "2025-03-01;K;B;12", "2025-03-02;K;B;1.234", "2025-03-03;K;B;2.500")
    error = refused(tmp_path, *lines)
    assert error.key == "table.ambiguous"
    for part in ("kasse.csv", "'Menge'", "1.234", "row 3", "1234 with decimal comma", "1.234 with decimal point", 'decimal = ","'):
        assert part in str(error)
    comma, point = (TableSettings(file="kasse.csv", columns=HEADERS, decimal=mark) for mark in (",", "."))
    assert read(tmp_path, *lines, settings=comma)["sold"].to_list() == [12, 1234, 2500]
    assert read(tmp_path, *lines, settings=point)["sold"].to_list() == [12, 1.234, 2.5]


def test_two_decimal_marks_in_one_column_are_refused(tmp_path):
    error = refused(tmp_path, HEAD, "2025-03-01;K;B;1,5", "2025-03-02;K;B;2.5")
    assert error.key == "table.mixed_decimals"
    assert "'1,5'" in str(error)
    assert "'2.5'" in str(error)


def test_text_among_numbers_is_named_with_rows_and_example(tmp_path):
    rows = [f"2025-03-{d:02d};K;B;{'viel' if d in (2, 5, 6, 9) else d}" for d in range(1, 12)]
    error = refused(tmp_path, HEAD, *rows)
    assert error.key == "table.bad_number"
    for part in ("kasse.csv", "'Menge' (sold)", "4 cells", "rows: 3, 6, 7 ", "'viel'", "leave them empty"):
        assert part in str(error)
    german = error.render("de")
    assert "4 Zellen der Spalte 'Menge'" in german
    assert "{" not in german


@pytest.mark.parametrize("word", ["inf", "1,2,3,4", "12abc", "--5", "."])
def test_what_only_looks_like_a_number_is_refused(tmp_path, word):
    assert refused(tmp_path, HEAD, f'2025-03-01;K;B;"{word}"', "2025-03-02;K;B;7,5").key == "table.bad_number"


def test_negative_quantities_are_refused_or_netted_when_asked(tmp_path):
    lines = (HEAD, "2025-03-01;K;B;5", "2025-03-01;K;B;-2", "2025-03-02;K;B;-1", "2025-03-02;K;B;4")
    error = refused(tmp_path, *lines)
    assert error.key == "table.negative"
    for part in ("2 negative values", "rows: 3, 4 ", "-2.0 pieces", "aggregate = true"):
        assert part in str(error)
    table, notes = loaded(tmp_path, *lines, settings=TableSettings(file="kasse.csv", columns=HEADERS, aggregate=True))
    assert table["sold"].to_list() == [3, 3]
    assert notes["table.note_negative"]["count"] == 2
    assert notes["table.note_aggregated"] == {"table": "sales", "count": 4, "rows": 2}


def test_bounds_are_inclusive(tmp_path):
    assert read(tmp_path, HEAD, "2025-03-01;K;B;100000", "2025-03-02;K;B;0")["sold"].to_list() == [100_000, 0]
    error = refused(tmp_path, HEAD, "2025-03-01;K;B;100001")
    assert error.key == "table.too_high"
    assert "above 100000" in str(error)


# --- dates ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["5.3.2025", "06.03.2025"], [date(2025, 3, 5), date(2025, 3, 6)]),
        (["Mo 03.03.2025", "Di., 04.03.2025"], [date(2025, 3, 3), date(2025, 3, 4)]),
        (["2025-03-05 23:59:59.5", "2025-03-06T00:00"], [date(2025, 3, 5), date(2025, 3, 6)]),
        (["05.03.25 06:30", "06.03.25"], [date(2025, 3, 5), date(2025, 3, 6)]),
    ],
)
def test_iso_and_german_dates(cells, expected):
    column = Cells("f", "day", "Datum", pl.Series(cells), pl.Series([2, 3]))
    assert moments(column, "auto").values.dt.date().to_list() == expected


def test_times_of_day_are_kept_for_datetime_columns():
    column = Cells("f", "at", "Zeit", pl.Series(["05.03.2025 06:30", "05.03.2025 18:05:07"]), pl.Series([2, 3]))
    assert moments(column, "auto").values.to_list() == [datetime.fromisoformat(f"2025-03-05T{clock}") for clock in ("06:30", "18:05:07")]


@pytest.mark.parametrize("bad", ["31.02.2025", "2025-03-03", "03.03.25", "gestern", "03.03.2025 25:00"])
def test_dates_that_do_not_exist_or_have_another_form_are_refused(tmp_path, bad):
    error = refused(tmp_path, HEAD, "01.03.2025;K;B;1", "02.03.2025;K;B;1", f"{bad};K;B;1")
    assert error.key == "table.bad_date"
    for part in ("1 cells", "'Datum' (day)", "%d.%m.%Y", "rows: 4 ", bad, "date_format"):
        assert part in str(error)


def test_a_stated_date_format_decides(tmp_path):
    settings = TableSettings(file="kasse.csv", columns=HEADERS, date_format="%m/%d/%Y")
    assert read(tmp_path, HEAD, "03/04/2025;K;B;1", settings=settings)["day"].to_list() == [date(2025, 3, 4)]
    assert refused(tmp_path, HEAD, "13/04/2025;K;B;1", settings=settings).values["format"] == "%m/%d/%Y"


def test_excel_day_numbers_are_converted_and_reported(tmp_path):
    table, notes = loaded(tmp_path, HEAD, "45722;K;B;1", "45723;K;B;1")
    assert table["day"].to_list() == [date(2025, 3, 6), date(2025, 3, 7)]
    assert notes["table.note_serial"] == {"table": "sales", "column": "Datum", "value": "45722", "day": "2025-03-06"}


@pytest.mark.parametrize("year", [1925, 2205, 2035])
def test_a_mistyped_year_is_refused(tmp_path, year):
    error = refused(tmp_path, HEAD, "2025-03-01;K;B;1", "2025-03-02;K;B;1", f"{year}-03-03;K;B;1", "2025-03-04;K;B;1")
    assert error.key == "table.far_date"
    for part in ("1 dates", "2025-03-01 to 2025-03-04", "rows: 4 ", f"{year}-03-03"):
        assert part in str(error)


# --- text, flags, empty cells ----------------------------------------------------------------------------------------------


def test_flags_in_all_their_spellings(tmp_path):
    settings = TableSettings(file="kasse.csv", columns={**HEADERS, "promotion": "Aktion"})
    rows = [f"2025-03-{d:02d};K;B;1;{word}" for d, word in enumerate(["1", "0", "true", "Falsch", "JA", "nein", "Yes", "no", ""], start=1)]
    assert read(tmp_path, HEAD + ";Aktion", *rows, settings=settings)["promotion"].to_list() == [True, False] * 4 + [None]
    crosses = ["2025-03-01;K;B;1;x", "2025-03-02;K;B;1;", "2025-03-03;K;B;1;X"]
    assert read(tmp_path, HEAD + ";Aktion", *crosses, settings=settings)["promotion"].to_list() == [True, False, True]
    error = refused(tmp_path, HEAD + ";Aktion", "2025-03-01;K;B;1;vielleicht", settings=settings)
    assert error.key == "table.bad_flag"
    assert "'vielleicht'" in str(error)


def test_markers_of_nothing_are_empty_and_counted(tmp_path):
    words = ["#NV", "k.A.", "-", "NA", "NaN", ""]
    table, notes = loaded(tmp_path, HEAD, *(f"2025-03-0{d};K;B;{word}" for d, word in enumerate(words, start=1)), "2025-03-08;K;B;5")
    assert table["sold"].to_list() == [None] * 6 + [5]
    assert notes["table.note_markers"] == {"table": "sales", "column": "Menge", "count": 5}


def test_empty_keys_are_refused(tmp_path):
    error = refused(tmp_path, HEAD, "2025-03-01;K;B;1", "2025-03-02;;B;1", "2025-03-03;-;B;1")
    assert error.key == "table.empty_cells"
    assert "2 cells of column 'Filiale' (branch)" in str(error)
    assert "rows: 3, 4 " in str(error)


def test_composed_and_decomposed_umlauts_are_one_branch(tmp_path):
    table = read(tmp_path, HEAD, "2025-03-01;Ko\u0308ln;B;1", "2025-03-02;K\u00f6ln;B;1")
    assert table["branch"].unique().to_list() == ["K\u00f6ln"]


def test_totals_are_dropped_and_a_product_called_gesamtpaket_stays(tmp_path):
    rows = ("2025-03-01;K;Gesamtpaket;1", "2025-03-02;K;B;2", "Summe;;;3", "2025-03-02;Gesamt;;3", ";;Total K;3", "", ";;;", "Stand;;;")
    table, notes = loaded(tmp_path, HEAD + ";Bemerkung", *(f"{row};" if row else row for row in rows[:7]), ";;;;gedruckt am 3.3.")
    assert table["product"].to_list() == ["Gesamtpaket", "B"]
    assert notes["table.note_totals"] == {"table": "sales", "count": 3, "rows": "4, 5, 6"}
    assert notes["table.note_blank"] == {"table": "sales", "count": 1, "rows": "9"}


# --- files ----------------------------------------------------------------------------------------------------------------


def test_windows_1252_is_not_latin_1(tmp_path):
    table = read(tmp_path, HEAD, "2025-03-01;Köln;Brötchen 1 €;1", encoding="cp1252")
    assert table["product"][0] == "Brötchen 1 €"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_byte_order_marks(tmp_path, encoding):
    assert read(tmp_path, HEAD, "2025-03-01;Köln;B;1", encoding=encoding)["branch"][0] == "Köln"


def test_utf_16_without_mark_is_named(tmp_path):
    path = written(tmp_path, HEAD, "2025-03-01;K;B;1", encoding="utf-16-le")
    with pytest.raises(InputError, match="utf-16"):
        read_table(path, NAMED, "sales")
    stated = TableSettings(file="kasse.csv", columns=HEADERS, encoding="utf-16")
    assert read_table(path, stated, "sales").columns == HEAD.split(";")


def test_a_wrong_stated_encoding_names_byte_and_row(tmp_path):
    path = written(tmp_path, HEAD, "2025-03-01;K;B;1", "2025-03-02;Köln;B;1", encoding="cp1252")
    with pytest.raises(InputError, match=r"not valid utf-8: byte 0xF6 in row 3\..*\[data\.sales\]"):
        read_table(path, TableSettings(encoding="utf-8"), "sales")


@pytest.mark.parametrize("separator", [";", "\t", ",", "|"])
def test_a_separator_inside_quotes_is_text(tmp_path, separator):
    lines = (HEAD, "2025-03-01;K;QQ;1", "2025-03-02;K;B;2")
    marked = [line.replace(";", separator).replace("QQ", f'"Brot{separator} ""hell"""') for line in lines]
    assert read(tmp_path, *marked)["product"].to_list() == [f'Brot{separator} "hell"', "B"]


def test_old_line_ends_and_blank_lines(tmp_path):
    path = tmp_path / "kasse.csv"
    path.write_bytes(f"{HEAD}\r2025-03-01;K;B;1\r2025-03-02;K;B;2\r".encode())
    assert read_table(path, NAMED, "sales").height == 2
    error = refused(tmp_path, "", HEAD, "2025-03-01;K;B;1", "", "2025-03-02;K;B;zwei")
    assert "rows: 5 " in str(error)  # as numbered in the file, which begins with an empty line


def test_rows_of_unequal_length_are_named(tmp_path):
    rows = ("2025-03-01;K;B;1", "2025-03-02;K;B;2;3", "2025-03-03;K;4", "2025-03-04;K;B;5;;")
    error = refused(tmp_path, HEAD, *rows)
    assert error.key == "table.uneven"
    for part in ("2 rows do not have 4 cells", "rows: 3, 4 ", "first one has 5", "quotes"):
        assert part in str(error)
    assert read(tmp_path, HEAD, rows[0], rows[3], "Summe;;6")["sold"].to_list() == [1, 5]


@pytest.mark.parametrize(("lines", "key"), [((HEAD,), "table.header_only"), (("",), "table.empty"), ((HEAD, ";;;"), "table.header_only")])
def test_files_without_rows(tmp_path, lines, key):
    assert refused(tmp_path, *lines).key == key


def test_parquet_keeps_types_and_group_numbers_lose_their_point(tmp_path):
    table = pl.DataFrame(
        {
            "day": [datetime.fromisoformat("2025-03-01T07:00"), datetime.fromisoformat("2025-03-02")],
            "branch": [1.0, 2.0],
            "product": ["0049", "0050"],
            "sold": [1.5, float("nan")],
        }
    )
    table.write_parquet(tmp_path / "t.parquet")
    found = typed(read_table(tmp_path / "t.parquet", TableSettings(), "sales"), SCHEMA, TableSettings(), "t.parquet")
    assert found["day"].to_list() == [date(2025, 3, 1), date(2025, 3, 2)]
    assert found["branch"].to_list() == ["1", "2"]
    assert found["product"].to_list() == ["0049", "0050"]
    assert found["sold"].to_list() == [1.5, None]


def test_archives_give_what_the_file_gives(tmp_path):
    path = written(tmp_path, HEAD, "2025-03-01;Köln;B;1,5", encoding="cp1252")
    plain = read_table(path, NAMED, "sales")
    (tmp_path / "kasse.csv.gz").write_bytes(gzip.compress(path.read_bytes()))
    with zipfile.ZipFile(tmp_path / "kasse.zip", "w") as archive:
        archive.write(path, "ordner/kasse.csv")
        archive.writestr("__MACOSX/._kasse.csv", "x")
    assert_frame_equal(read_table(tmp_path / "kasse.csv.gz", NAMED, "sales"), plain)
    assert_frame_equal(read_table(tmp_path / "kasse.zip", NAMED, "sales"), plain)


def test_archives_that_cannot_be_used(tmp_path, monkeypatch):
    path = written(tmp_path, HEAD, *(f"2025-03-01;K;B;{n}" for n in range(5000)))
    packed = gzip.compress(path.read_bytes())
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as archive:
        archive.write(path, "a.csv")
        archive.write(path, "b.csv")
    (tmp_path / "cut.csv.gz").write_bytes(packed[: len(packed) // 2])
    (tmp_path / "whole.csv.gz").write_bytes(packed)
    with zipfile.ZipFile(tmp_path / "whole.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(path, "a.csv")
    with pytest.raises(InputError, match=r"2 files \(a.csv, b.csv\)"):
        read_table(tmp_path / "two.zip", NAMED, "sales")
    with pytest.raises(InputError, match="damaged"):
        read_table(tmp_path / "cut.csv.gz", NAMED, "sales")
    monkeypatch.setattr(reader_module, "UNPACKED_LIMIT", path.stat().st_size - 1)
    for name in ("whole.csv.gz", "whole.zip"):
        with pytest.raises(InputError, match="unpacks to more than"):
            read_table(tmp_path / name, NAMED, "sales")
    monkeypatch.setattr(reader_module, "UNPACKED_LIMIT", path.stat().st_size)
    assert read_table(tmp_path / "whole.csv.gz", NAMED, "sales").height == 5000


@pytest.mark.parametrize("name", ["kasse.xlsx", "kasse.csv", "kasse.xls"])
def test_a_damaged_workbook_comes_with_a_way_out_whatever_its_name(tmp_path, name):
    with zipfile.ZipFile(tmp_path / name, "w") as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
        archive.writestr("[Content_Types].xml", "<Types/>")
    with pytest.raises(InputError, match="damaged or protected workbook"):
        read_table(tmp_path / name, NAMED, "sales")


def test_unknown_kinds_of_file(tmp_path):
    with pytest.raises(InputError, match=r"not read\. Known are \.csv"):
        read_table(written(tmp_path, HEAD, "1;2;3;4", name="kasse.pdf"), NAMED, "sales")


# --- mapping --------------------------------------------------------------------------------------------------------------


def test_missing_columns_come_with_the_lines_to_add(tmp_path):
    settings = TableSettings(file="kasse.csv")
    error = refused(tmp_path, "Datum;Filiale;Artikel;Menge;Bemerkung", "2025-03-01;Köln;Brot;5;gut", settings=settings)
    assert error.key == "table.missing_columns"
    message = str(error)
    for part in ("kasse.csv", "sold (pieces sold)", "Headers found: Datum, Filiale, Artikel, Menge, Bemerkung"):
        assert part in message
    lines = re.search(r"(\[data\.sales\.columns\]\n(?:\w+ = \".*\"\n)+)", message)
    assert lines is not None
    mapping = tomllib.loads(lines[1])["data"]["sales"]["columns"]
    assert mapping == HEADERS
    assert read(tmp_path, HEAD, "2025-03-01;Köln;Brot;5", settings=TableSettings(columns=mapping)).height == 1


def test_headers_are_compared_exactly_first_then_loosely(tmp_path):
    settings = TableSettings(columns={**HEADERS, "sold": "menge"})
    table = read(tmp_path, " DATUM ;Filiale;Artikel;Menge;menge", "2025-03-01;K;B;1;2", settings=settings)
    assert table["sold"].to_list() == [2]


def test_own_names_need_no_mapping(tmp_path):
    assert read(tmp_path, "day;branch;product;sold", "2025-03-01;K;B;1", settings=TableSettings())["sold"].to_list() == [1]


@pytest.mark.parametrize(
    ("settings", "parts"),
    [
        ({"columns": {**HEADERS, "sold": "Mnege"}}, ["'Mnege'", "'sold'", "Did you mean 'Menge'"]),
        ({"columns": {**HEADERS, "slod": "Menge"}}, ["'slod'", "Did you mean 'sold'"]),
        ({"columns": HEADERS, "constants": {"brnch": "K"}}, ["'brnch'", "'branch'"]),
        ({"columns": {**HEADERS, "ordered": "Bestellt"}}, ["'Bestellt'", "'ordered'", "Headers found: Datum"]),
    ],
)
def test_settings_that_name_what_is_not_there(tmp_path, settings, parts):
    error = refused(tmp_path, HEAD, "2025-03-01;K;B;1", settings=TableSettings(file="kasse.csv", **settings))
    for part in parts:
        assert part in str(error)


def test_a_header_that_occurs_twice_is_refused_only_when_used(tmp_path):
    assert refused(tmp_path, HEAD + ";Menge", "2025-03-01;K;B;1;2").key == "table.header_twice"
    table, notes = loaded(tmp_path, HEAD + ";Rest;Rest", "2025-03-01;K;B;1;2;3")
    assert table["sold"].to_list() == [1]
    assert notes["table.note_extra"] == {"table": "sales", "count": 2, "headers": "Rest, Rest (2)"}


def test_constants_and_drop(tmp_path):
    mapping = {"day": "Datum", "product": "Artikel", "sold": "Menge"}
    settings = TableSettings(file="kasse.csv", columns=mapping, constants={"branch": "Kiel"}, drop={"product": ("6",)})
    table, notes = loaded(tmp_path, "Datum;Artikel;Menge", "2025-03-01;1;1", "2025-03-01;6;kaputt", settings=settings)
    assert table.select("branch", "product").rows() == [("Kiel", "1")]
    assert notes["table.note_dropped"] == {"table": "sales", "column": "product", "values": "6", "count": 1}
    _, notes = loaded(tmp_path, "Datum;Artikel;Menge", "2025-03-01;1;1", settings=settings)
    assert "table.note_drop_nothing" in notes


# --- several tables ---------------------------------------------------------------------------------------------------------

TWO = {
    "sales": NAMED,
    "weather": TableSettings(file="wetter.csv", columns={"day": "Tag", "rain_mm": "Regen"}, on=("day",)),
}


def two(folder: Path, *weather: str) -> tuple[pl.DataFrame, dict[str, dict]]:
    written(folder, HEAD, "01.03.2025;K;B;1", "01.03.2025;K;A;2", "02.03.2025;K;B;3")
    written(folder, "Tag;Regen", *weather, name="wetter.csv")
    found = load_tables(SCHEMA, TWO, folder)
    return assemble(found.tables, SCHEMA, TWO), {note.key: dict(note.values) for note in found.notes}


def test_a_joined_table_adds_columns_and_no_rows(tmp_path):
    table, notes = two(tmp_path, "2025-03-01;1,5", "2025-03-05;9,5")
    assert table.select("product", "sold", "rain_mm").rows() == [("B", 1, 1.5), ("A", 2, 1.5), ("B", 3, None)]
    assert table["ordered"].null_count() == 3
    assert table.columns == [name for name in SCHEMA if name != "demand"]
    assert notes["table.note_unmatched"] == {"table": "weather", "count": 1, "share": "33.3%", "keys": "day"}


def test_a_joined_table_with_double_keys_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"wetter.csv: 2 rows of the table 'weather' share their day, .* 2025-03-01 in rows 2, 4 "):
        two(tmp_path, "2025-03-01;1,5", "2025-03-02;9,5", "2025-03-01;1,5")


def test_a_join_that_matches_nothing_is_refused_with_both_sides(tmp_path):
    with pytest.raises(InputError, match=r"matches no row .* on day. Values there: 2024-03-01; in the first table: 2025-03-01; 2025-03-02"):
        two(tmp_path, "2024-03-01;1,5")


def test_a_joined_table_must_declare_its_keys(tmp_path):
    written(tmp_path, HEAD, "01.03.2025;K;B;1")
    written(tmp_path, "Tag;Regen", "2025-03-01;1,5", name="wetter.csv")
    data = {**TWO, "weather": TableSettings(file="wetter.csv", columns={"day": "Tag", "rain_mm": "Regen"})}
    with pytest.raises(InputError, match=r'Add to \[data.weather\]: on = \["day"\]'):
        load_tables(SCHEMA, data, tmp_path)


def test_a_column_stated_in_two_tables_is_refused_and_a_stated_one_beats_a_namesake(tmp_path):
    written(tmp_path, HEAD + ";rain_mm", "01.03.2025;K;B;1;7,5")
    written(tmp_path, "Tag;Regen", "2025-03-01;1,5", name="wetter.csv")
    assert assemble(load_tables(SCHEMA, TWO, tmp_path).tables, SCHEMA, TWO)["rain_mm"].to_list() == [1.5]
    both = {**TWO, "sales": TableSettings(file="kasse.csv", columns={**HEADERS, "rain_mm": "rain_mm"})}
    with pytest.raises(InputError, match="'rain_mm' is given by more than one table"):
        load_tables(SCHEMA, both, tmp_path)


def test_duplicates_are_refused_with_rows_and_remedy(tmp_path):
    path = written(tmp_path, HEAD, "01.03.2025;K;B;1", "02.03.2025;K;B;1", "01.03.2025;K;B;4")
    with pytest.raises(InputError) as caught:
        assemble(load_tables(SCHEMA, {"sales": NAMED}, path.parent).tables, SCHEMA, {"sales": NAMED})
    for part in ("kasse.csv", "2 rows", "day = 2025-03-01, branch = K, product = B in rows 2, 4 ", "aggregate = true in [data.sales]"):
        assert part in str(caught.value)


def test_transactions_become_days_by_each_columns_total(tmp_path):
    settings = TableSettings(
        file="kasse.csv",
        columns={**HEADERS, "day": "Zeit", "rain_mm": "Regen", "price": "Preis", "promotion": "Aktion", "ordered": "Bestellt"},
        aggregate=True,
    )
    rows = ("02.03.2025 09:00;K;B;2;1,0;3,10;nein;", "01.03.2025 17:00;K;B;1;2,0;2,90;ja;", "01.03.2025 08:00;K;B;4;4,0;3,20;nein;")
    table, notes = loaded(tmp_path, "Zeit;Filiale;Artikel;Menge;Regen;Preis;Aktion;Bestellt", *rows, settings=settings)
    table = table.sort("day")
    assert table["day"].to_list() == [date(2025, 3, 1), date(2025, 3, 2)]
    assert table["sold"].to_list() == [5, 2]  # sum
    assert table["rain_mm"].to_list() == [3, 1]  # mean
    assert table["price"].to_list() == [2.9, 3.1]  # last: 17:00, not the last row
    assert table["promotion"].to_list() == [True, False]
    assert table["ordered"].to_list() == [None, None]  # a sum over nothing is nothing, not 0
    assert notes["table.note_aggregated"]["rows"] == 2


def test_a_day_that_stays_negative_after_netting_is_refused(tmp_path):
    settings = TableSettings(file="kasse.csv", columns=HEADERS, aggregate=True)
    path = written(tmp_path, HEAD, "01.03.2025;K;B;1", "02.03.2025;K;B;-1")
    found = load_tables(SCHEMA, {"sales": settings}, path.parent)
    with pytest.raises(InputError, match=r"1 negative values in column 'Menge' \(sold\); first rows: 3 "):
        assemble(found.tables, SCHEMA, {"sales": settings})


def test_simulated_tables_need_no_settings_and_their_truth_stays_outside():
    days = [date(2025, 3, 1), date(2025, 3, 2)]
    sales = pl.DataFrame({"day": days, "branch": "K", "product": "B", "sold": [1, 2], "true_demand": [3.0, 4.0]})
    weather = pl.DataFrame({"day": days, "rain_mm": [0, 5]})
    table = assemble({"sales": sales, "weather": weather}, SCHEMA, {})
    assert "true_demand" not in table.columns
    assert table["rain_mm"].to_list() == [0, 5]
    (join,) = joins({"sales": sales, "weather": weather}, SCHEMA, {})
    assert (join.name, join.on, join.adds) == ("weather", ("day",), ["rain_mm"])
    with pytest.raises(InputError, match="lacks required columns: sold"):
        assemble({"sales": sales.drop("sold")}, SCHEMA, {})


# --- where the files are ----------------------------------------------------------------------------------------------------


def test_files_are_found_beside_the_settings_or_where_data_says(tmp_path):
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    written(here, HEAD, "2025-03-01;K;B;1")
    other = written(there, HEAD, "2025-03-01;K;B;2")
    own = written(there, HEAD, "2025-03-01;K;B;3", name="eigene.csv")
    for override, expected, source in ((None, 1, "kasse.csv"), (there, 2, "kasse.csv"), (other, 2, "kasse.csv"), (own, 3, "eigene.csv")):
        found = load_tables(SCHEMA, {"sales": NAMED}, here, override)
        assert found.tables["sales"]["sold"].to_list() == [expected]
        assert found.source == source


def test_a_missing_file_comes_with_what_is_there(tmp_path):
    written(tmp_path, HEAD, name="verkauf.csv")
    (tmp_path / "notes.pdf").write_text("x")
    with pytest.raises(InputError, match=r"no file 'kasse.csv' for the table 'sales' .* Files there: verkauf.csv\. .*--data"):
        load_tables(SCHEMA, {"sales": NAMED}, tmp_path)
    with pytest.raises(InputError, match=r'Add `file = "verkauf.csv"` to \[data.sales\]'):
        load_tables(SCHEMA, {"sales": TableSettings()}, tmp_path)
    with pytest.raises(InputError, match="--data does not exist"):
        load_tables(SCHEMA, {"sales": NAMED}, tmp_path, tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"\[data.sales\]"):
        load_tables(SCHEMA, {}, tmp_path)


# --- digest -----------------------------------------------------------------------------------------------------------------


def test_the_digest_knows_values_and_not_their_order():
    rows = pl.DataFrame(
        {
            "a": ["x", "y", None, "xy"],
            "b": [1.0, None, 0.0, 2.0],
            "c": [date(2025, 3, d) for d in range(1, 5)],
            "d": [True, None, False, True],
        }
    )
    known = data_digest(rows)
    assert re.fullmatch(r"[0-9a-f]{64}", known)
    assert data_digest(rows.reverse().select("d", "c", "b", "a")) == known
    assert data_digest(pl.concat([rows[2:], rows[:2]], rechunk=False)) == known
    changed = [
        rows.with_columns(b=pl.col("b").fill_null(0.0)),
        rows.with_columns(b=pl.when(pl.col("b") == 2).then(2.0000000000000004).otherwise("b")),
        rows.with_columns(a=pl.col("a").fill_null("")),
        rows.rename({"a": "e"}),
        rows[:3],
    ]
    assert len({known, *(data_digest(other) for other in changed)}) == 1 + len(changed)


def test_both_languages_have_the_same_texts_and_placeholders():
    english, german = catalogue("table", "en"), catalogue("table", "de")
    assert english.keys() == german.keys()
    for name, words in english.items():
        assert set(re.findall(r"{(\w+)}", words)) == set(re.findall(r"{(\w+)}", german[name])), name


def test_every_row_number_counts_the_header_as_row_one(tmp_path):
    for spaces, bad in itertools.product((0, 3), (2, 4)):
        rows = [f"2025-03-{d:02d};K;B;{'x' if d + 1 == bad else d}" for d in range(1, 6)]
        assert f"rows: {bad} " in str(refused(tmp_path, HEAD, *rows, *[""] * spaces))


@given(
    cells=st.lists(
        st.tuples(*[st.text(st.sampled_from('ab";\n ß'), max_size=5).map(lambda cell: cell.strip() or "z")] * 3), min_size=1, max_size=8
    ),
    always=st.booleans(),
)
def test_what_the_csv_module_writes_comes_back(tmp_path_factory, cells, always):
    path = tmp_path_factory.mktemp("quoted") / "t.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter=";", quoting=csv.QUOTE_ALL if always else csv.QUOTE_MINIMAL).writerows([("a", "b", "c"), *cells])
    assert read_table(path, TableSettings(separator=";"), "sales").rows() == cells
