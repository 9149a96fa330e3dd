"""The 36 exports, and every way to write a number, a date or nothing in a cell."""

import random
from datetime import date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.settings import TableSettings
from pipelines.table import assemble, load_tables
from pipelines.table.cells import Cells, moments, numbers
from pipelines.usecase import Column
from tests.till import HEAD, HEADERS, loaded, read, refused

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
    for part in ("1 cell ", "'Datum' (day)", "%d.%m.%Y", "rows: 4 ", bad, "date_format"):
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
    for part in ("1 date ", "2025-03-01 to 2025-03-04", "rows: 4 ", f"{year}-03-03"):
        assert part in str(error)


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


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("form", ["%d.%m.%Y", "%d.%m.%y", "%Y-%m-%d"])
@pytest.mark.parametrize("decimal", [",", "."])
@pytest.mark.parametrize("separator", [";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_the_36_exports_with_values_from_a_seed(tmp_path, encoding, separator, decimal, form, seed):
    draw = random.Random(seed)
    days = [date(draw.randint(2019, 2025), draw.randint(1, 12), draw.randint(1, 28)) for _ in range(3)]
    days = [days[0] + timedelta(number) for number in range(30)]
    pieces = [round(draw.uniform(0, 9000), 1) for _ in range(30)]
    names = draw.sample(["Brötchen", "Käsestange", "Mohnstriezel", "Gesamtpaket", "Früchtebrot"], 3)

    def shown(value: float) -> str:
        english = f"{value:,.1f}"
        return english.translate(str.maketrans(",.", ".,")) if decimal == "," else english.replace(",", "")

    rows = [[names[n % 3], "Köln-Süd", day.strftime(form), shown(pieces[n]), f"00{draw.randint(10, 99)}"] for n, day in enumerate(days)]
    lines = [["Artikel", "Filiale", "Datum", "Menge", "Filial-Nr"], *rows, ["Summe", "", "", shown(sum(pieces)), ""]]
    path = tmp_path / "export.csv"
    path.write_bytes("".join(separator.join(cells) + "\r\n" for cells in lines).encode(encoding))
    settings = TableSettings(file=path.name, columns={**HEADERS, "number": "Filial-Nr"})
    table = assemble(load_tables(EXPORT, {"sales": settings}, tmp_path).tables, EXPORT, {"sales": settings}).sort("day")
    assert table.select("day", "product", "number").rows() == [(day, row[0], row[4]) for day, row in zip(days, rows, strict=True)]
    assert table["sold"].to_list() == pieces
    assert set(table["branch"]) == {"Köln-Süd"}
