"""Files: encodings, separators, quotes, archives, damaged and strange ones."""

import gzip
import zipfile
from datetime import date, datetime

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from pipelines.errors import InputError
from pipelines.settings import TableSettings
from pipelines.table import read_table, typed
from pipelines.table import reader as reader_module
from tests.till import HEAD, HEADERS, NAMED, SCHEMA, read, refused, written


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
