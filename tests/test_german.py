"""A German run speaks German: report, plan, errors of every command, summaries of the commands."""

import ast
import re
from importlib import import_module
from pathlib import Path

import pytest
import typer
from pydantic import BaseModel, Field

from pipelines.cli import application
from pipelines.cli.speaking import usage
from pipelines.errors import InputError, UnfitError
from pipelines.report.write import render
from pipelines.settings import CaseSettings, load_settings
from pipelines.texts import catalogue, text
from tests.english_left import english_words, left_over
from tests.toy_result import toy_result
from tests.untranslated import untranslated
from usecases.__main__ import built_in, main

ROOT = Path(__file__).parents[1]
CODE = sorted((*ROOT.glob("pipelines/**/*.py"), *ROOT.glob("usecases/**/*.py")))
SPEAKING = {"InputError", "GateError", "Said", "Note", "UnfitError"}


def test_the_search_finds_what_is_not_translated():
    page = "<html><body><p>{}</p><p>12,5 %</p><p>Holtenauer Straße</p><img alt='{}'></body></html>"
    english, names = page.format("What the plan is worth", "saved per week"), {"Holtenauer Straße"}
    assert untranslated(english, page.format("Was der Plan wert ist", "saved per week"), names) == {"saved per week"}
    assert untranslated(english, page.format("What the plan is worth", "gespart"), names) == {"What the plan is worth"}
    assert untranslated(english, page.format("Der Plan: each day of the week", "x"), names) == {"Der Plan: each day of the week"}


def test_no_string_of_the_report_is_forgotten():
    result = toy_result()
    choices = {name.replace("_", " ") for name in result.choices}  # of an invented use case, which has no catalogue
    assert untranslated(render(result, "en", "Toy"), render(result, "de", "Spiel"), choices) == set()


@pytest.mark.parametrize(
    "words",
    [
        ["run"],
        ["fliege"],
        ["rum"],
        ["run", "food_waste", "--hom", "x"],
        ["run", "food_waste", "zu", "viel"],
        ["run", "food_wast"],
        ["run", "food_waste", "--set", "costs.price_eur"],
        ["run", "food_waste", "--set", "costs.price_eur=billig"],
        ["run", "food_waste", "--set", "costs.price_eur=0.1"],
        ["run", "food_waste", "--set", "costs.salvage_eur=0.9"],
        ["run", "food_waste", "--set", "forecast.levels=[0.9, 0.1]"],
        ["run", "food_waste", "--set", "forecast.levels=[]"],
        ["run", "food_waste", "--set", "forecast.levels=3"],
        ["run", "food_waste", "--set", "forecast.effort=viel"],
        ["run", "food_waste", "--set", "costs=1"],
        ["run", "food_waste", "--set", "seed=-1"],
        ["run", "food_waste", "--set", "seed=1.5"],
        ["run", "food_waste", "--set", "periods.report_start=gestern"],
        ["run", "food_waste", "--set", "kosten.preis=1"],
        ["run", "energy", "--set", "battery.capacity_kwh=-1"],
        ["run", "delivery_rounds", "--set", "vehicles.Neu.capacity=1", "--set", "vehicles.Neu.end=2"],
        ["run", "food_waste", "--data", "nirgends.csv"],
        ["run", "food_waste", "--settings", "nirgends.toml"],
        ["run", "food_waste", "--settings", "kaputt.toml"],
        ["check", "food_waste"],
        ["plan", "food_waste"],
        ["plan", "food_waste", "--for", "heute"],
        ["plan", "food_waste", "--learn", "nirgends.xlsx"],
        ["plan", "food_waste", "--for", "01.01.2025"],
        ["report", "nirgends"],
        ["ui", "--port", "0"],
        ["new", "x", "--from", "nichts"],
        ["new", "x", "--column", "sold"],
        ["exercise", "start", "99"],
        ["audit", "verify", "nichts"],
        ["sweep", "status", "nichts"],
        ["pseudonymise", "nichts.csv"],
    ],
    ids=" ".join,
)
def test_errors_of_every_command_are_german(words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MUSTERWERK_LANG", "de")
    Path("kaputt.toml").write_text("[costs\nprice = ", encoding="utf-8")
    assert main(words) in {2, 3}
    said = capsys.readouterr().err
    assert said.strip()
    assert english_words(said) == left_over(said) == [], said


MISSING = {  # of each use case: an export with one required column too few
    "food_waste": "day;branch;product\n2025-03-01;K;B\n",
    "delivery_rounds": "name;latitude\nDepot;52.1\n",
    "energy": "time\n2025-03-01 00:00\n",
    "medical_triage": "visit;age\n1;70\n",
    "mobility": "start;vehicle\n2025-03-01 08:00;r1\n",
}


@pytest.mark.parametrize("name", list(built_in()))
def test_a_missing_column_is_described_in_german(name, tmp_path, monkeypatch, capsys):
    (tmp_path / "export.csv").write_text(MISSING[name], encoding="utf-8")
    monkeypatch.setenv("MUSTERWERK_LANG", "de")
    assert main(["run", name, "--data", str(tmp_path / "export.csv"), "--home", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert "Pflichtspalten fehlen" in said
    case = import_module(built_in()[name]).CASE
    for schema in [case.schema, *case.tables.values()]:
        assert not [column.doc for column in schema.values() if f"({column.doc})" in said]


@pytest.mark.parametrize("name", list(built_in()))
def test_every_column_a_file_may_give_has_a_german_name(name):
    case, own = import_module(built_in()[name]).CASE, catalogue(name, "de")
    given = {ours for schema in [case.schema, *case.tables.values()] for ours, column in schema.items() if not column.derived}
    assert sorted(ours for ours in given if f"column_{ours}" not in own) == []


def test_a_message_of_pydantic_stays_out_of_german_and_comes_through_in_english():
    class Odd(CaseSettings):
        when: dict[str, tuple[int, int]] = Field({})

    with pytest.raises(InputError) as caught:
        load_settings(Odd, {"when": {"a": [1, 2, 3]}})
    assert english_words(caught.value.render("de")) == []
    assert len(caught.value.render("en")) > len("The setting")


@pytest.mark.parametrize("name", list(built_in()))
def test_validators_of_settings_speak_by_key(name):
    """A ValueError with English words in a validator would reach a German user."""
    kinds, seen = [import_module(built_in()[name]).CASE.settings], set()
    while kinds:
        kind = kinds.pop()
        seen.add(kind)
        tree = ast.parse(Path(str(import_module(kind.__module__).__file__)).read_text(encoding="utf-8"))
        raised = [node.exc for node in ast.walk(tree) if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call)]
        assert not [ast.unparse(one) for one in raised if getattr(one.func, "id", "") == "ValueError"]
        parts = [part for field in kind.model_fields.values() for part in (field.annotation, *getattr(field.annotation, "__args__", ()))]
        kinds += [part for part in parts if isinstance(part, type) and issubclass(part, BaseModel) and part not in seen]


def test_no_words_are_handed_to_a_text_that_no_catalogue_holds():
    """`problem="no such file"` would stay English in a German message."""
    found = []
    for file in CODE:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or getattr(node.func, "id", getattr(node.func, "attr", "")) not in SPEAKING:
                continue
            given = [*node.args[1:], *(keyword.value for keyword in node.keywords)]
            literals = [part.value for value in given for part in ast.walk(value) if isinstance(part, ast.Constant)]
            found += [(file.name, one) for one in literals if isinstance(one, str) and re.search(r"[a-z]{2,} [a-z]{2,}", one)]
    assert found == []


def commands(command, words=()):
    for name, inner in getattr(command, "commands", {}).items():
        yield "_".join((*words, name)), inner
        yield from commands(inner, (*words, name))


def test_every_command_has_its_summary_in_both_languages():
    found = dict(commands(typer.main.get_command(application(built_in()))))
    assert set(catalogue("help", "en")) == {*found, "musterwerk"}
    for name, command in found.items():
        assert (command.help or "").partition("\n\n")[0].replace("\n", " ") == text(f"help.{name}", "en"), name


def test_help_is_german_where_german_is_asked_for(monkeypatch, capsys):
    assert main(["--help", "--lang", "de"]) == 0
    assert text("help.run", "de")[:30] in capsys.readouterr().out
    monkeypatch.setenv("MUSTERWERK_LANG", "de")
    assert main(["report", "--help"]) == 0
    said = capsys.readouterr().out
    assert text("help.report", "de")[:40] in said
    assert "Beispiel: musterwerk report" in said


@pytest.mark.parametrize(
    ("message", "key"),
    [
        ("Missing argument 'case'.", "cli.usage_missing"),
        ("No such option: --foo", "cli.usage_option"),
        ("No such option: --hom Did you mean --home?", "cli.usage_option_near"),
        ("No such command 'rum'. Did you mean 'run'?", "cli.usage_command_near"),
        ("Something quite new", "cli.usage_other"),
    ],
)
def test_what_typer_says_is_understood(message, key):
    error = usage(message)
    assert error.key == key
    assert english_words(error.render("de")) == []


def test_a_problem_of_a_validator_is_still_a_value_error():
    assert issubclass(UnfitError, ValueError)
    assert "price_eur" in str(UnfitError("food_waste.unfit_missing"))
