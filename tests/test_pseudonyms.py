"""Pseudonyms: nobody links persons without the key, distances in time stay, small groups do not leave the house."""

import hmac
import json
import stat
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.errors import InputError
from pipelines.pseudonyms import Pseudonyms, pseudonym, pseudonymise_file, pseudonymised, read_key, shift_weeks
from usecases.__main__ import main

KEY = b"k" * 32
HOW = Pseudonyms(person="patient", ids=("visit",), dates=("arrived", "left"), age="age", keep=("sex", "pain"), quasi=("sex",))
SETTINGS = """
person = "patient"
ids = ["visit"]
dates = ["arrived"]
date_format = "%d.%m.%Y %H:%M"
age = "age"
age_band = 10
keep = ["sex", "pain"]
quasi = ["sex", "age"]
"""


def visits(**columns: list[object]) -> pl.DataFrame:
    made = {
        "patient": ["P1", "P2", "P1", "P3", "P4", "P5"],
        "visit": ["1", "2", "3", "4", "5", "6"],
        "arrived": ["01.03.2024", "02.03.2024", "15.03.2024", "", "04.03.2024", "29.02.2024"],
        "left": ["02.03.2024", "02.03.2024", "16.03.2024", "", "04.03.2024", "01.03.2024"],
        "age": ["41", "97", "41", "89,5", "", "90"],
        "sex": ["f", "f", "f", "f", "f", "f"],
        "pain": ["3", "7", None, "2", "1", "0"],
        "complaint": ["Brustschmerz, Frau Petersen", "", "", "", "", ""],
    }
    return pl.DataFrame({**made, **columns})


def test_hashes_are_keyed_and_the_column_is_part_of_them():
    expected = hmac.new(KEY, b"patient\x00P1", sha256).hexdigest()[:16]
    rows, _ = pseudonymised(visits(), HOW, KEY)
    assert rows["patient"][0] == rows["patient"][2] == expected == pseudonym(KEY, "patient", "P1")
    assert expected not in {sha256(text).hexdigest()[:16] for text in (b"P1", b"patient\x00P1")}  # no bare hash
    assert rows["patient"].n_unique() == 5
    assert pseudonym(KEY, "patient", "1") != pseudonym(KEY, "visit", "1")
    other, _ = pseudonymised(visits(), HOW, b"x" * 32)
    assert not set(other["patient"]) & set(rows["patient"])


def test_free_text_and_whatever_is_not_named_is_dropped():
    rows, report = pseudonymised(visits(), HOW, KEY)
    assert rows.columns == ["patient", "visit", "arrived", "left", "age", "sex", "pain"]
    assert report.dropped == ("complaint",)
    assert not any(name in rows.write_csv() for name in ("Petersen", "Brustschmerz", "P1"))


@given(st.text(min_size=1), st.integers(1, 520), st.binary(min_size=32, max_size=32))
def test_shifts_are_whole_weeks_within_bounds_and_never_none(person, weeks, key):
    shift = shift_weeks(key, person, weeks)
    assert shift == shift_weeks(key, person, weeks)
    assert 1 <= abs(shift) <= weeks


def test_all_shifts_occur_about_equally_often():
    found = [shift_weeks(KEY, f"P{number}", 2) for number in range(4000)]
    assert set(found) == {-2, -1, 1, 2}
    assert all(900 < found.count(shift) < 1100 for shift in set(found))


def test_weekdays_and_distances_of_a_person_stay():
    before = [(date(2024, 3, 1), date(2024, 3, 2)), (date(2024, 3, 15), date(2024, 3, 16))]
    rows, _ = pseudonymised(visits(), HOW, KEY)
    mine = rows.filter(patient=pseudonym(KEY, "patient", "P1"))
    shifts = set()
    for row, (arrived, left) in zip(mine.iter_rows(named=True), before, strict=True):
        shifts |= {(row["arrived"] - arrived).days, (row["left"] - left).days}
    assert shifts == {7 * shift_weeks(KEY, "P1", 52)}
    assert rows["arrived"].null_count() == 1
    persons = {pseudonym(KEY, "patient", f"P{number}"): 7 * shift_weeks(KEY, f"P{number}", 52) for number in range(1, 6)}
    assert len(set(persons.values())) > 1


def test_old_ages_are_put_together():
    rows, report = pseudonymised(visits(), HOW, KEY)
    assert rows["age"].to_list() == [41, 90, 41, 89, None, 90]
    assert report.top_coded == 2
    banded, _ = pseudonymised(visits(), HOW.model_copy(update={"age_band": 25}), KEY)
    assert banded["age"].to_list() == [25, 75, 25, 75, None, 75]


def test_cells_count_persons_not_rows_and_small_ones_are_left_out():
    # five rows of four women, five men: the women's cell is too small although it has five rows
    table = pl.DataFrame({"patient": ["A", "A", "B", "C", "D", "E", "F", "G", "H", "I"], "sex": ["f"] * 5 + ["m"] * 5})
    rows, report = pseudonymised(table, Pseudonyms(person="patient", keep=("sex",), quasi=("sex",)), KEY)
    assert rows["sex"].to_list() == ["m"] * 5
    assert (report.rows, report.persons, report.cells, report.smallest_cell, report.small_cells, report.suppressed) == (10, 9, 2, 4, 1, 5)
    missing = table.with_columns(sex=pl.when(pl.col("sex") == "m").then("sex"))
    assert pseudonymised(missing, Pseudonyms(person="patient", keep=("sex",), quasi=("sex",)), KEY)[0].height == 5  # empty is a cell too


@given(st.lists(st.tuples(st.integers(0, 30), st.sampled_from("fmx"), st.integers(0, 99)), min_size=1, max_size=80), st.integers(1, 8))
def test_no_cell_of_what_is_written_is_small(rows, smallest):
    table = pl.DataFrame([{"patient": f"P{number}", "sex": sex, "age": str(age)} for number, sex, age in rows])
    how = Pseudonyms(person="patient", age="age", age_band=20, keep=("sex",), quasi=("sex", "age"), smallest=smallest)
    left, report = pseudonymised(table, how, KEY)
    counted = left.group_by("sex", "age").agg(pl.col("patient").n_unique())["patient"]
    assert left.height + report.suppressed == table.height
    assert left.is_empty() or counted.min() >= smallest
    assert report.small_cells == 0 or report.suppressed > 0


def test_a_key_is_made_once_for_the_owner_alone(tmp_path):
    file = tmp_path / "keys" / "visits.key"
    first = read_key(file)
    assert first == read_key(file)
    assert len(first) == 64
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.write_text("short", encoding="utf-8")
    with pytest.raises(InputError, match="at least 32"):
        read_key(file)


def written(folder: Path, rows: int = 60) -> Path:
    lines = ["patient;visit;arrived;age;sex;pain;complaint"]
    for number in range(rows):
        day = date(2024, 1, 1) + timedelta(days=number)
        known = f"{20 + number % 40 // 20};{'mf'[number % 2]};{number % 10}"
        lines.append(f"Müller {number % 40};{number};{day:%d.%m.%Y} 07:{number % 60:02};{known};Sturz zu Hause")
    file = folder / "visits.csv"
    file.write_bytes("\r\n".join(lines).encode("cp1252"))
    (folder / "pseudonyms.toml").write_text(SETTINGS, encoding="utf-8")
    return file


def words(folder: Path, *more: str) -> list[str]:
    files = {"--settings": folder / "pseudonyms.toml", "--key": folder / "keys" / "visits.key", "--out": folder / "out" / "clean.csv"}
    return ["pseudonymise", str(folder / "visits.csv"), *(str(word) for pair in files.items() for word in pair), *more]


def test_through_the_command_line(tmp_path, capsys):
    written(tmp_path)
    assert main(words(tmp_path, "--lang", "de")) == 0
    said = capsys.readouterr().out
    assert "60 Zeilen von 40 Personen gelesen" in said
    text = (tmp_path / "out" / "clean.csv").read_text(encoding="utf-8-sig")
    assert "Müller" not in text
    assert "Sturz" not in text
    rows = pl.read_csv(tmp_path / "out" / "clean.csv", separator=";", try_parse_dates=True)
    assert rows.columns == ["patient", "visit", "arrived", "age", "sex", "pain"]
    assert rows["patient"].is_sorted()
    assert rows["age"].unique().to_list() == [20]
    report = json.loads((tmp_path / "out" / "clean.report.json").read_text(encoding="utf-8"))
    assert (report["rows"], report["persons"], report["cells"], report["suppressed"], report["dropped"]) == (60, 40, 2, 0, ["complaint"])
    first = (tmp_path / "out" / "clean.csv").read_bytes()
    assert main(words(tmp_path)) == 2
    assert "exists already" in capsys.readouterr().err
    (tmp_path / "out" / "clean.csv").unlink()
    assert main(words(tmp_path, "--json")) == 0
    assert (tmp_path / "out" / "clean.csv").read_bytes() == first  # the same key, the same pseudonyms


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("patient = ", "patients = "), "no column|person"),
        (('keep = ["sex"', 'keep = ["gender"'), "no column 'gender'"),
        (('ids = ["visit"]', 'ids = ["sex"]'), "two tasks"),
        (('keep = ["sex", "pain"]', 'keep = ["pain"]'), "stands in quasi but is not kept"),
        (('date_format = "%d.%m.%Y %H:%M"', 'date_format = "%Y-%m-%d"'), "row 2, 3, 4: '01.01.2024 07:00' is no date"),
        (("age_band = 10", "age_bands = 10"), "age_band"),
        (("age_band = 10", "smallest = 50"), "nothing is left"),
    ],
)
def test_what_does_not_fit_is_named_and_nothing_is_written(tmp_path, capsys, change, said):
    import re

    written(tmp_path)
    text = SETTINGS.replace(*change)
    if change[0] == "patient = ":
        text = SETTINGS.replace('person = "patient"', 'person = "patients"')
    (tmp_path / "pseudonyms.toml").write_text(text, encoding="utf-8")
    assert main(words(tmp_path)) in {2, 3}
    assert re.search(said, capsys.readouterr().err)
    assert not (tmp_path / "out" / "clean.csv").exists()


def test_the_key_never_lies_beside_the_result(tmp_path):
    file = written(tmp_path)
    with pytest.raises(InputError, match="Keep the key elsewhere"):
        pseudonymise_file(file, tmp_path / "pseudonyms.toml", tmp_path / "out" / "k", tmp_path / "out" / "clean.csv")
    assert not (tmp_path / "out").exists()


def test_persons_and_ages_that_cannot_be_read_are_named():
    with pytest.raises(InputError, match=r"row 2, 4: the person is missing"):
        pseudonymised(visits(patient=["", "P2", None, "P3", "P4", "P5"]), HOW, KEY)
    with pytest.raises(InputError, match=r"row 3: 'alt' is no age"):
        pseudonymised(visits(age=["41", "alt", "", "", "", ""]), HOW, KEY)
