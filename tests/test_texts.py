"""Both catalogues say the same, and every text the code asks for is there with everything that fills it."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from string import Formatter

import pytest

import pipelines
from pipelines import work
from pipelines.errors import InputError
from pipelines.texts import catalogue, number, text

ROOT = Path(pipelines.__file__).parents[1]
TEXTS = ROOT / "pipelines" / "texts"
AREAS = sorted(file.stem for file in (TEXTS / "en").glob("*.toml"))
CODE = sorted((*ROOT.glob("pipelines/**/*.py"), *ROOT.glob("usecases/**/*.py")))
FILES = {"toml", "html", "json", "parquet", "csv", "txt", "md", "py", "css"}  # settings.toml is a file, no text
RAISING = {"InputError", "ContractError", "GateError", "MusterwerkError"}
INFORMAL = r"\b(du|dich|dir|dein\w*|Ihnen|Ihre?[nmrs]?)\b|[a-zäöüß,] Sie\b"


def placeholders(template: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(template) if name is not None}


@cache
def parsed(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield getattr(node.func, "id", getattr(node.func, "attr", "")), node


def literal_keys() -> Iterator[tuple[str, str]]:
    """Yield (file, key) for every string in the code that reads like a text key."""
    key = re.compile(rf"({'|'.join(AREAS)})\.([a-z][a-z0-9_]*)")
    for file in CODE:
        tree = parsed(file)
        pieces = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in pieces:
                found = key.fullmatch(node.value)
                if found and found[2] not in FILES:
                    yield file.name, node.value


def built_keys() -> Iterator[tuple[str, str]]:
    """Yield (file, beginning) for every key made at run time, such as f"cli.stage_{stage}"."""
    for file in CODE:
        for node in ast.walk(parsed(file)):
            if isinstance(node, ast.JoinedStr) and node.values and isinstance(node.values[0], ast.Constant):
                found = re.fullmatch(rf"({'|'.join(AREAS)})\.[a-z0-9_]*", str(node.values[0].value))
                if found:
                    yield file.name, found[0]


def test_both_languages_have_the_same_areas():
    assert sorted(file.stem for file in (TEXTS / "de").glob("*.toml")) == AREAS
    assert {"cli", "run", "settings", "table"} <= set(AREAS)


@pytest.mark.parametrize("area", AREAS)
def test_both_languages_have_the_same_texts_and_placeholders(area):
    english, german = catalogue(area, "en"), catalogue(area, "de")
    assert sorted(english) == sorted(german)
    assert {key: placeholders(value) for key, value in english.items()} == {key: placeholders(value) for key, value in german.items()}
    assert {type(value) for value in (*english.values(), *german.values())} == {str}
    assert all(value.strip() for value in (*english.values(), *german.values()))


@pytest.mark.parametrize("area", AREAS)
def test_german_is_german_with_umlauts_and_addresses_nobody_directly(area):
    german = "\n".join(catalogue(area, "de").values())
    assert re.search("[äöüß]", german)
    assert not re.search(r"\b(fuer|koenn\w+|ueber|naech\w+|waer\w+|groess\w+|muess\w+|pruef\w+|Aend\w+|Oeff\w+)\b", german)
    assert not [line for line in german.splitlines() if re.search(INFORMAL, line)]


@pytest.mark.parametrize("area", AREAS)
def test_long_texts_are_translated(area):
    same = [key for key, value in catalogue(area, "en").items() if value == catalogue(area, "de")[key] and len(value.split()) > 4]
    assert not same


def test_every_key_in_the_code_exists():
    found = list(literal_keys())
    assert len(found) > 40
    assert not [(file, key) for file, key in found if key.split(".")[1] not in catalogue(key.split(".")[0], "en")]


def test_every_key_made_at_run_time_has_texts():
    found = list(built_keys())
    assert ("progress.py", "cli.stage_") in found
    for file, start in found:
        area, beginning = start.split(".")
        assert any(key.startswith(beginning) for key in catalogue(area, "en")), (file, start)


def test_errors_bring_everything_their_text_names():
    checked, missing = 0, []
    for file in CODE:
        for name, call in calls(parsed(file)):
            key = call.args[0] if call.args else None
            if name not in RAISING | {"text"} or not isinstance(key, ast.Constant) or "." not in str(key.value):
                continue
            given = {keyword.arg for keyword in call.keywords}
            if None in given:  # **values
                continue
            area, entry = str(key.value).split(".", 1)
            checked += 1
            if not placeholders(catalogue(area, "en")[entry]) <= given:
                missing.append((file.name, key.value, placeholders(catalogue(area, "en")[entry]) - given))
    assert checked > 40
    assert not missing


def test_every_stage_a_run_reports_has_a_name():
    stages = set()
    for name in ("run.py", "work.py"):
        tree = parsed(ROOT / "pipelines" / name)
        stages |= {
            str(call.args[0].value) for called, call in calls(tree) if called == "progress" and isinstance(call.args[0], ast.Constant)
        }
    assert {"read", "features", "select", "report", "replay", "refit", "done"} <= stages
    assert not {stage for stage in stages if f"stage_{stage}" not in catalogue("cli", "de")}


@pytest.mark.parametrize("verdict", ["better", "none", "worse"])
def test_every_verdict_has_a_sentence(verdict):
    assert text(f"cli.verdict_{verdict}", "de") != text(f"cli.verdict_{verdict}", "en")


@pytest.mark.parametrize("area", ["run", "settings"])
def test_no_text_is_left_over(area):
    used = {key.split(".")[1] for _, key in literal_keys() if key.startswith(f"{area}.")}
    assert not set(catalogue(area, "en")) - used


def test_texts_name_no_place_on_this_machine():
    files = sorted(TEXTS.glob("*/*.toml"))
    assert len(files) == 2 * len(AREAS)
    assert not [file for file in files if re.search(r"/(work|tmp|home|root)/", file.read_text(encoding="utf-8"))]


def test_unknown_texts_are_errors():
    with pytest.raises(KeyError, match="nowhere"):
        text("nowhere.key")
    with pytest.raises(KeyError):
        text("run.nothing_of_that_name")
    with pytest.raises(KeyError):
        text("run.too_short", period="select")  # a placeholder is missing


@pytest.mark.parametrize(
    ("value", "lang", "digits", "shown"),
    [
        (1234567.891, "en", 2, "1,234,567.89"),
        (1234567.891, "de", 2, "1.234.567,89"),
        (-1234.5, "de", 1, "-1.234,5"),
        (0.4, "de", 0, "0"),
        (999, "de", 0, "999"),
    ],
)
def test_numbers_are_written_as_the_language_does(value, lang, digits, shown):
    assert number(value, lang, digits) == shown


def test_a_placeholder_may_be_called_like_anything():
    error = InputError("settings.unknown_key", file="a.toml", key="x", near="y", known="y, z")
    assert (error.key, error.values["key"]) == ("settings.unknown_key", "x")
    assert error.render("de") != str(error)


FORMS = re.compile(r"\{(\w+):([^{}|]*)\|([^{}|]*)\}")
COUNTS = r"\{(count|rows|lines|days|weeks|pairs|cells|persons|trials|workers|groups|hours)\} "
# a number of these is never one, or the word is the same for one
ALWAYS_SEVERAL = {
    "check.note_aggregate", "check.contract_kept", "doctor.versions_fine", "report.weeks_title", "report.curve_beats", "report.curve_none",
    "plan.note_quiet", "table.members",
}  # fmt: skip


@pytest.mark.parametrize(("value", "shown"), [(1, "cell"), ("1", "cell"), (0, "cells"), (2, "cells"), ("1,001", "cells"), ("1.0", "cells")])
def test_a_count_of_one_takes_the_singular(value, shown):
    said = text("check.rows", "en", table="sales", rows=value)
    assert said == f"Table sales: {value} {'row' if shown == 'cell' else 'rows'} can be used."
    german = text("check.rows", "de", table="sales", rows=value)
    assert german == f"Tabelle sales: {value} {'Zeile ist' if shown == 'cell' else 'Zeilen sind'} brauchbar."


@pytest.mark.parametrize("area", ["audit", "check", "doctor", "pilot", "plan", "pseudonyms", "run", "table"])
def test_words_behind_a_count_have_both_forms(area):
    """A plural right behind a count, "{count} cells", would be said of one cell, too."""
    plural = {
        "en": re.compile(COUNTS + r"((new|such|empty|negative|different|changed) )?[a-z]+s\b"),
        "de": re.compile(COUNTS + r"[A-Z]\w+(n|e)\b"),
    }
    for lang, pattern in plural.items():
        found = {f"{area}.{key}" for key, said in catalogue(area, lang).items() if pattern.search(said)}
        assert found - ALWAYS_SEVERAL == set(), lang


@pytest.mark.parametrize("lang", ["en", "de"])
@pytest.mark.parametrize("area", AREAS)
def test_both_forms_are_said_of_a_placeholder_that_is_shown(area, lang):
    for key, said in catalogue(area, lang).items():
        for name, one, other in FORMS.findall(said):
            assert f"{{{name}}}" in said, (area, key)
            assert one != other, (area, key)
        assert "|" not in FORMS.sub("", said) or not re.search(r"\{\w+:[^{}]*\|", FORMS.sub("", said)), (area, key)


def test_a_unit_behind_one_is_singular():
    assert work._unit("toy", "eur", 1.2, "en") == "Euro"
    assert [work._unit("toy", "eur", amount, "en") for amount in (0.0, 2.0, 1.6, None)] == ["Euros"] * 4
    assert work._unit("toy", "kg", 1.0, "en") == text("report.unit_kg", "en")
    assert work._unit("toy", "gadgets", 1.0, "de") == "gadgets"
