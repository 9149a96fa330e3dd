"""The how-to pages, followed literally by a script that knows nothing but the page."""

from pathlib import Path

import pytest

from tests.bakery import generous_export
from tests.howto import Follower, files_shown, steps

HOW_TO = Path(__file__).parents[1] / "docs" / "how-to"


@pytest.fixture
def follower(tmp_path, mlflow_template, monkeypatch, capsys) -> Follower:
    return Follower(tmp_path, mlflow_template, monkeypatch, capsys)


@pytest.mark.slow
def test_a_person_with_the_page_alone_adds_a_fifth_use_case(follower):
    page = HOW_TO / "add-a-use-case.md"
    follower.follow(page)
    assert files_shown(page) == ["usecase.py"] * 6 + ["settings.toml", "test_usecase.py", "meals.csv"]
    assert follower.ran >= 7
    report = (follower.place / "bericht.html").read_text(encoding="utf-8")
    assert "Kochen, was gegessen wird" in report
    assert (follower.place / "mlruns" / "plans" / "canteen" / "2025-02-21" / "plan.xlsx").is_file()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["my-own-costs.md", "past-orders.md", "add-a-feature.md", "pilot.md", "delete-everything.md"])
def test_a_page_is_followed_with_an_export_at_hand(name, follower, tmp_path, tmp_path_factory, monkeypatch):
    home = tmp_path_factory.mktemp("home")
    for place in ("HOME", "USERPROFILE", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(place, str(home))
    (tmp_path / "kasse.csv").write_bytes("\r\n".join(generous_export()).encode("cp1252"))
    follower.follow(HOW_TO / name)
    assert follower.ran >= 2
    if name == "delete-everything.md":
        assert [path.name for path in tmp_path.iterdir()] == ["kasse.csv"]
        assert list(home.iterdir()) == []  # no cache, no settings of the user
    if name == "pilot.md":
        assert (tmp_path / "bakery" / "pilot.csv").read_text(encoding="utf-8").startswith("group;week;follows;cost\n")


def test_the_formula_of_the_pilot_is_the_one_computed():
    (code,) = [step.content for step in steps(HOW_TO / "pilot.md") if step.language == "python"]
    exec(compile(code, "pilot.md", "exec"), {})
