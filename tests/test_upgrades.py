"""A folder that `musterwerk new` of an earlier version made works with today's library, without edits."""

import json
import subprocess
import sys
from datetime import date, timedelta
from importlib import import_module
from pathlib import Path

import pytest

from pipelines.errors import InputError
from pipelines.renamed import at, todays
from pipelines.settings import load_settings, read_toml
from pipelines.texts import text
from pipelines.work import Request, choose_settings
from tests.english_left import left_over
from tests.own_exports import exported
from usecases.__main__ import built_in, main
from usecases.energy import CASE as ENERGY
from usecases.mobility import CASE as MOBILITY

ROOT = Path(__file__).parents[1]

OLD = Path(__file__).with_name("upgrades")
DATA = {"bakery": "food_waste", "delivery": "delivery_rounds", "energy": "energy"}


def old_folder(name: str, place: Path) -> Path:
    """The folder as it was made then, with its data."""
    folder = place / f"old_{name}"
    folder.mkdir()
    for file in (OLD / name).glob("*.txt"):
        (folder / file.stem).write_bytes(file.read_bytes())
    if name in DATA:
        exported(DATA[name], folder)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}


def works(name: str, place: Path, home: Path, *words: str) -> None:
    """Run, check and plan an old folder; nothing in it is edited."""
    folder = old_folder(name, place)
    before = contents(folder)
    assert main(["run", str(folder), "--home", str(home), *words]) == 0
    run = next(path for path in (home / "runs").iterdir() if path.is_dir())
    last = json.loads((run / "result.json").read_text(encoding="utf-8"))["data"]["last"]
    day = date.fromisoformat(last) + timedelta(days=1)
    files = [] if name in DATA else ["--data", str(place / "own.csv")]
    if files:
        (place / "own.csv").write_text("Datum;Standort;Teil;Verbrauch\n01.01.2024;Süd;A;3\n02.01.2024;Süd;A;4\n", encoding="utf-8")
    assert main(["check", str(folder), *files]) == 0
    assert main(["plan", str(folder), "--home", str(home), "--for", f"{day}", "--model", run.name]) == 0
    assert list((home / "plans").rglob("plan.html"))
    assert contents(folder) == before


def test_a_use_case_of_ones_own_from_an_earlier_template_works(tmp_path, mlflow_home):
    works("scratch", tmp_path, mlflow_home)


@pytest.mark.slow
@pytest.mark.parametrize("name", DATA)
def test_a_folder_of_an_earlier_version_works(name, tmp_path, mlflow_home):
    works(name, tmp_path, mlflow_home)


@pytest.mark.slow
def test_the_smoke_test_of_an_earlier_version_runs(tmp_path):
    folder = old_folder("bakery", tmp_path)
    command = [sys.executable, str(folder / "smoke_test.py")]
    done = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "fine"), done.stderr


@pytest.mark.parametrize("name", [folder.name for folder in OLD.iterdir() if folder.is_dir()])
def test_settings_of_an_earlier_version_are_read(name, tmp_path, capsys):
    folder = old_folder(name, tmp_path)
    chosen = choose_settings(Request(str(folder), built_in(), None, None, (), tmp_path / "mlruns", "de"))
    assert chosen.settings.case == read_toml(folder / "settings.toml")["case"]
    said = capsys.readouterr().err
    assert ("heißt 'plan' heute 'planning'" in said) == (name == "mobility")
    assert left_over(said) == []


def test_a_renamed_section_keeps_its_values(tmp_path):
    folder = old_folder("mobility", tmp_path)
    old = read_toml(folder / "settings.toml")
    settings = load_settings(MOBILITY.settings, old)
    assert settings.planning.iterations == old["plan"]["iterations"] == 60
    changed = choose_settings(Request(str(folder), built_in(), None, None, ("plan.iterations=7",), tmp_path, "en"))
    assert changed.settings.model_dump()["planning"]["iterations"] == 7


def test_a_renamed_key_moves_to_another_section():
    old: dict[str, dict[str, float]] = {
        "battery": {"capacity_kwh": 60, "power_kw": 30, "price_eur_per_kwh": 444.0},
        "sizing": {"fixed_eur": 5},
    }
    settings = load_settings(ENERGY.settings, {"case": "energy"}, old)
    assert (settings.sizing.eur_per_kwh, settings.sizing.fixed_eur) == (444.0, 5)
    assert old["battery"]["price_eur_per_kwh"] == 444.0  # the caller's dictionary is left alone


@pytest.mark.parametrize(
    ("values", "key", "named"),
    [
        ({"plan": {"iterations": 5}, "planning": {"iterations": 6}}, "settings.renamed_twice", ["plan", "planning"]),
        ({"planning": {"seconds": 5}}, "settings.gone_key", ["planning.seconds", "planning.iterations"]),
        ({"plan": {"seconds": 5}}, "settings.gone_key", ["planning.seconds", "planning.iterations"]),
    ],
)
def test_what_cannot_be_read_as_before_names_the_new_key(values, key, named):
    with pytest.raises(InputError) as caught:
        load_settings(MOBILITY.settings, {"case": "mobility"}, values, file="alt.toml")
    assert caught.value.key == key
    for lang in ("de", "en"):
        assert all(name in caught.value.render(lang) for name in ("alt.toml", *named))
    assert left_over(caught.value.render("de")) == []


@pytest.mark.parametrize("name", list(built_in()))
def test_earlier_names_lead_to_settings_there_are(name):
    kind = import_module(built_in()[name]).CASE.settings
    for old, new in {**kind.renamed, **kind.gone}.items():
        part = kind
        for step in new.split("."):
            assert step in part.model_fields, (old, new)
            part = part.model_fields[step].annotation
        first, _, rest = old.partition(".")
        part = kind.model_fields.get(first)
        assert part is None or rest not in part.annotation.model_fields, f"{old} is still a setting"


def test_earlier_names_are_looked_for_anywhere():
    values = {"a": {"b": {"c": 1, "d": 2}}, "e": 3}
    assert todays(values, {"a.b.c": "x.y", "e": "a.e", "nothing": "z"}, "f.toml") == (
        {"a": {"b": {"d": 2}, "e": 3}, "x": {"y": 1}},
        {"a.b.c": "x.y", "e": "a.e"},
    )
    assert at({"a": 1}, "a.b") is None


def test_the_page_on_upgrades_quotes_the_messages_and_the_lines():
    page = (ROOT / "docs" / "how-to" / "upgrade.md").read_text(encoding="utf-8")
    assert text("settings.renamed", "en", file="settings.toml", old="plan", new="planning") in page
    assert text("settings.gone_key", "en", file="settings.toml", key="planning.seconds", instead="planning.iterations") in page
    code = (ROOT / "usecases" / "mobility" / "settings.py").read_text(encoding="utf-8")
    assert [line in code for line in page.splitlines() if "ClassVar" in line] == [True, True]
