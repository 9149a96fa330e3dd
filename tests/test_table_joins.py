"""Which header is which column, several tables put together, where files lie, the digest of the data."""

import csv
import itertools
import re
import tomllib
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.errors import InputError
from pipelines.settings import TableSettings
from pipelines.table import assemble, data_digest, joins, load_tables, read_table
from pipelines.texts import catalogue
from tests.till import HEAD, HEADERS, NAMED, SCHEMA, loaded, read, refused, written


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
    with pytest.raises(InputError, match=r"1 negative value in column 'Menge' \(sold\); first rows: 3 "):
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
