"""`musterwerk check`: what is said of good files, and that every broken one ends with file, place and remedy - and nothing written."""

import gzip
import json
import random
import tomllib
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from pipelines.table import load_tables
from pipelines.understand import understand
from usecases.__main__ import main
from usecases.food_waste import CASE
from usecases.food_waste.schema import SCHEMA

DAYS = 200


def till(seed: int = 1, days: int = DAYS, **other: str) -> list[str]:
    """Return a German till export; `other` replaces the headers."""
    draw = random.Random(seed)
    names = {"Datum": "Datum", "Filiale": "Filiale", "Artikel": "Artikel", "Menge": "Menge", "Bestellt": "Bestellt", **other}
    lines = [";".join(names.values())]
    for number in range(days):
        day = date(2024, 1, 1) + timedelta(number)
        for branch in ("Köln-Süd", "Bonn"):
            for product in ("Brötchen", "Mischbrot"):
                ordered = draw.randint(20, 40)
                lines.append(f"{day:%d.%m.%Y};{branch};{product};{min(ordered, draw.randint(10, 50))},0;{ordered},0")
    return lines


def saved(folder: Path, lines: list[str], name: str = "kasse.csv", encoding: str = "cp1252") -> Path:
    path = folder / name
    path.write_bytes("\r\n".join([*lines, ""]).encode(encoding))
    return path


def test_a_till_export_is_understood_and_the_settings_read_it(tmp_path, capsys):
    path = saved(tmp_path, ["Umsatzbericht", "", *till(Menge="Verkaufte Menge"), "Summe;;;99.999,0;"])
    target = tmp_path / "settings.toml"
    assert main(["check", "food_waste", "--data", str(path), "--json", "--write", str(target)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["fine"]
    assert found["files"][0] | {"encoding": "cp1252", "separator": ";", "header_row": 3} == found["files"][0]
    assert {column: guess["header"] for column, guess in found["mapping"]["sales"].items()} == {
        "day": "Datum",
        "branch": "Filiale",
        "product": "Artikel",
        "sold": "Verkaufte Menge",
        "ordered": "Bestellt",
    }
    assert not found["mapping"]["sales"]["sold"]["sure"]
    keys = {finding["key"]: finding for finding in found["findings"]}
    assert keys["period"]["days"] == DAYS
    assert keys["sell_outs"]["share"] > 20
    assert "food_waste.without_ordered" not in keys
    settings = CASE.settings.model_validate(tomllib.loads(target.read_text(encoding="utf-8")))
    rows = load_tables(SCHEMA, settings.data, tmp_path).tables["sales"]
    assert rows.height == DAYS * 4
    assert settings.calendar.closed == "nothing_sold"  # and not what the simulated example needs
    assert settings.calendar.state == ""


def test_what_cannot_be_done_is_said_in_both_languages(tmp_path, capsys):
    lines = [line.rsplit(";", 1)[0] for line in till()]
    path = saved(tmp_path, lines)
    assert main(["check", "food_waste", "--data", str(path), "--lang", "de"]) == 0
    assert "sonst wird der Plan mit demselben Wochentag der Vorwoche verglichen" in capsys.readouterr().out
    assert main(["check", "food_waste", "--data", str(path)]) == 0
    assert "compared with the same weekday of last week" in capsys.readouterr().out


def test_receipts_are_added_up_and_a_single_shop_needs_no_column(tmp_path):
    lines = ["Datum;Artikel;Menge"]
    lines += [f"{date(2024, 1, 1) + timedelta(n):%d.%m.%Y};Brot;{m}" for n in range(DAYS) for m in (1, 2, -1)]
    seen = understand(CASE, [saved(tmp_path, lines)])
    assert not seen.fine  # negative rows: asked about, unless they are receipts of one day
    lines = [line for line in lines if not line.endswith("-1")]
    seen = understand(CASE, [saved(tmp_path, lines)])
    assert seen.fine
    assert seen.tables["sales"]["aggregate"] is True
    assert seen.tables["sales"]["constants"] == {"branch": "all"}


def test_a_cancelled_receipt_now_and_then_is_taken_off_and_told(tmp_path):
    lines = ["Datum;Artikel;Menge;Stückpreis"]
    lines += [f"{date(2024, 1, 1) + timedelta(n):%d.%m.%Y};Brot;{m};4,20 €" for n in range(DAYS) for m in range(1, 9)]
    lines[9::80] = [line.replace(";1;", ";-1;") for line in lines[9::80]]
    seen = understand(CASE, [saved(tmp_path, lines)])
    assert seen.fine
    assert seen.tables["sales"]["aggregate"] is True
    assert "price_eur" in seen.mapping["sales"]
    assert any(note.key == "table.note_negative" and note.values["count"] == len(lines[9::80]) for note in seen.notes)


def test_the_time_on_a_receipt_tells_the_last_sale(tmp_path):
    lines = ["Datum;Uhrzeit;Artikel;Menge"]
    lines += [f"{date(2024, 1, 1) + timedelta(n):%d.%m.%Y};{h:02d}:30;Brot;2" for n in range(DAYS) for h in (7, 12, 9)]
    seen = understand(CASE, [saved(tmp_path, lines)])
    assert seen.mapping["sales"]["last_sale"].header == "Uhrzeit"
    assert seen.loaded is not None
    assert seen.loaded.tables["sales"]["last_sale"].unique().sort().to_list() == [7.5, 9.5, 12.5]


def test_a_second_table_is_joined_on_the_keys_it_has(tmp_path):
    sales = saved(tmp_path, till())
    weather = ["Datum;Temperatur"] + [f"{date(2024, 1, 1) + timedelta(n):%d.%m.%Y};{n % 30},5" for n in range(DAYS)]
    seen = understand(CASE, [saved(tmp_path, weather, "wetter.csv"), sales])
    assert seen.fine, seen.problems
    assert list(seen.tables) == ["sales", "wetter"]
    assert seen.tables["wetter"]["on"] == ["day"]


def test_a_folder_stands_for_the_tables_in_it(tmp_path, capsys):
    folder = tmp_path / "Kasse 2024"
    folder.mkdir()
    assert main(["check", "food_waste", "--data", str(folder)]) == 2
    assert "holds no file that can be read" in capsys.readouterr().err
    for name in ("liesmich.md", "~$kasse.xlsx", ".versteckt.csv"):
        (folder / name).write_text("no table", encoding="utf-8")
    saved(folder, till())
    assert main(["check", "food_waste", "--data", str(folder)]) == 0
    assert "kasse.csv" in capsys.readouterr().out
    assert main(["new", str(tmp_path / "neu"), "--from", "food_waste", "--data", str(folder)]) == 0
    assert (tmp_path / "neu" / "kasse.csv").is_file()


def test_outliers_gaps_and_short_data_are_named(tmp_path):
    lines = till(days=100)
    lines[50] = lines[50].rsplit(";", 2)[0] + ";9000,0;9000,0"
    seen = understand(CASE, [saved(tmp_path, [lines[0], *lines[1:121], *lines[241:]])])
    keys = {finding.key: finding.values for finding in seen.findings}
    assert keys["outlier"]["row"] == 51
    assert keys["gap"]["days"] == 30
    assert keys["short"]["days"] == 100


def test_an_existing_file_is_not_overwritten(tmp_path, capsys):
    target = tmp_path / "settings.toml"
    target.write_text("mine", encoding="utf-8")
    assert main(["check", "food_waste", "--data", str(saved(tmp_path, till())), "--write", str(target)]) == 2
    assert "not overwritten" in capsys.readouterr().err
    assert target.read_text(encoding="utf-8") == "mine"


def changed(column: int, value: str, row: int = 7) -> Callable[[list[str]], list[str]]:
    def change(lines: list[str]) -> list[str]:
        cells = lines[row].split(";")
        cells[column] = value
        return [*lines[:row], ";".join(cells), *lines[row + 1 :]]

    return change


def column(number: int, value: Callable[[int], str]) -> Callable[[list[str]], list[str]]:
    def change(lines: list[str]) -> list[str]:
        cells = [line.split(";") for line in lines]
        return [lines[0], *(";".join([*c[:number], value(n), *c[number + 1 :]]) for n, c in enumerate(cells[1:]))]

    return change


BROKEN: dict[str, tuple[Callable[[list[str]], list[str]], str]] = {
    "header only": (lambda lines: lines[:1], "no rows of data"),
    "no quantity column": (column(3, lambda _: "gut"), "required columns are missing: sold"),
    "a date that does not exist": (changed(0, "31.02.2024"), "not a date.*first rows: 8 .*'31.02.2024'"),
    "text among numbers": (changed(3, "viele"), "not a number; first rows: 8 .*'viele'"),
    "only thousands or only decimals": (column(3, lambda n: f"{n % 9 + 1}.234"), "can be read in two ways.*decimal"),
    "two decimal marks": (changed(3, "12.75"), "mixes decimal marks"),
    "mixed date formats": (changed(0, "2024-01-03"), "not a date of the form"),
    "american dates among german ones": (changed(0, "01/13/2024"), "not a date of the form"),
    "a mistyped year": (changed(0, "02.01.2204"), "years away"),
    "a year in the future": (column(0, lambda n: f"{date(2124, 1, 1) + timedelta(n // 4):%d.%m.%Y}"), "lie in the future"),
    "an empty date": (changed(0, ""), "is empty but must not be"),
    "an empty branch": (changed(1, ""), "is empty but must not be"),
    "a negative sale": (changed(3, "-4,0"), "negative value in.*aggregate = true"),
    "a trailing minus": (changed(3, "4,0-"), "negative value in"),
    "a row too long": (changed(3, "4;5;6"), "does not have 5 cells"),
    "an open quote": (changed(2, '"Brot'), "cells|quot"),
    "a percent sign": (changed(3, "12 %"), "not a number"),
    "a formula": (changed(3, "=A1+B1"), "not a number"),
    "an error of Excel": (changed(3, "#DIV/0!"), "not a number"),
    "infinity": (changed(3, "inf"), "not a number"),
    "a number with three commas": (changed(3, "1,2,3"), "not a number"),
    "a header twice": (lambda lines: [lines[0] + ";Menge", *(line + ";1,0" for line in lines[1:])], "more than once"),
    "dates without a year": (column(0, lambda n: f"{n % 28 + 1:02d}.01."), "required columns are missing: day"),
    "nothing was sold": (column(3, lambda _: "k.A."), "required columns are missing: sold|nothing"),
}


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("lang", ["en", "de"])
def test_broken_files_end_with_file_place_and_remedy(tmp_path, capsys, name, lang):
    change, said = BROKEN[name]
    path = saved(tmp_path, change(till(days=60)))
    before = sorted(tmp_path.iterdir())
    code = main(["check", "food_waste", "--data", str(path), "--write", str(tmp_path / "s.toml"), "--lang", lang])
    shown = capsys.readouterr().err
    assert code == 2, shown
    assert "kasse.csv" in shown
    assert "Traceback" not in shown
    assert sorted(tmp_path.iterdir()) == before
    if lang == "en":
        assert pl.Series([shown.replace("\n", " ")]).str.contains(said)[0], shown


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("leer.csv", b"", "is empty"),
        ("null.csv", b"\0\1\2\0\0", "not a text file"),
        ("kasse.xlsx", b"PK\x03\x04damaged", "damaged"),
        ("kasse.csv.gz", gzip.compress(b"Datum;Filiale\n", mtime=0)[:-4], "damaged or protected archive"),
        ("kasse.xls", b"<html><table><tr><td>Datum</td></tr></table></html>", "web page"),
        ("kasse.pdf", b"%PDF-1.4 something", "not read"),
        ("kasse.parquet", b"PAR1 not really", "not a Parquet file"),
        ("utf16.csv", "Datum;Filiale;Artikel;Menge\n01.01.2024;K;B;1\n".encode("utf-16-le"), "utf-16"),
    ],
)
def test_files_that_are_no_tables(tmp_path, capsys, name, content, said):
    (tmp_path / name).write_bytes(content)
    assert main(["check", "food_waste", "--data", str(tmp_path / name)]) == 2
    shown = capsys.readouterr().err
    assert said in shown
    assert name in shown
    assert "Traceback" not in shown
