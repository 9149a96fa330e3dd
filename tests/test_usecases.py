"""Every built-in use case, found by its folder, keeps the contract on its own embedded data."""

from importlib import import_module
from pathlib import Path

import pytest

from pipelines.checks import check_usecase
from pipelines.contracting import SERIES, few_series
from pipelines.run import gridded
from pipelines.settings import load_settings, override, read_toml
from pipelines.table import Loaded
from pipelines.texts import text
from usecases import __main__ as command

FOLDERS = sorted(file.parent for file in Path(command.__file__).parent.glob("*/__init__.py"))
SMALLER = {"forecast.effort": '"quick"', "forecast.levels": "[0.3, 0.7]", "threads": "1"}


def built_in(name: str):
    return import_module(command.built_in()[name]).CASE


def small_settings(case):
    """The settings that come with the case, with the effort of a quick look where it has such a setting."""
    settings = load_settings(case.settings, {"case": case.name}, read_toml(case.folder / "settings.toml"))
    for key, value in SMALLER.items():
        part, _, name = key.rpartition(".")
        place = settings.model_dump() if not part else settings.model_dump().get(part, {})
        if name in place:
            settings = load_settings(case.settings, settings.model_dump(exclude_none=True), override(f"{key}={value}"))
    return settings


def test_every_folder_is_a_use_case_that_the_command_line_finds():
    assert [folder.name for folder in FOLDERS] == list(command.built_in())
    assert "food_waste" in command.built_in()


@pytest.mark.parametrize("name", [folder.name for folder in FOLDERS])
def test_a_use_case_describes_itself(name):
    case = built_in(name)
    assert case.name == name
    assert set(case.title) == {"de", "en"}
    assert case.folder == FOLDERS[0].parent / name
    assert text(f"{name}.title", "de") != text(f"{name}.title", "en")
    for column, described in case.schema.items():
        assert described.doc, column
        assert described.unit or described.kind != "number", f"{column} has no unit"


@pytest.mark.parametrize("name", [folder.name for folder in FOLDERS])
def test_a_use_case_keeps_the_contract_on_its_embedded_data(name):
    case = built_in(name)
    settings = small_settings(case)
    rows = few_series(case, gridded(case, Loaded(case.simulate(settings), (), "embedded"), settings))
    assert 0 < rows.select(case.keys).n_unique() <= SERIES or rows.select(case.keys).n_unique() == rows.height
    findings = check_usecase(case, rows, settings)
    assert not {finding.check: finding.problem for finding in findings if not finding.passed}
    assert len(findings) >= 8
