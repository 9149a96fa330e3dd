"""The how-to pages, followed literally by a script that knows nothing but the page."""

from pathlib import Path

import pytest

from tests.howto import Follower, files_shown

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
