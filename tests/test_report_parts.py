"""The parts of the report: what is computed, how numbers are written, the catalogues, the SVG building blocks."""

import re
import subprocess
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from string import Formatter

import polars as pl
import pytest

from pipelines.report import facts, svg, write_report
from pipelines.report.words import Shown, Words, digits
from pipelines.result import Note, Result
from pipelines.texts import catalogue
from tests.conftest import program
from tests.toy_result import toy_result


@pytest.fixture(scope="module")
def result() -> Result:
    return toy_result(seed=1)


def test_weeks_count_from_the_first_report_day_and_add_up(result):
    weeks = facts.weeks(result)
    assert len(weeks) == 12
    assert sum(week.saved for week in weeks) == pytest.approx(result.headline.usual - result.headline.plan)
    assert [week.complete for week in weeks] == [True] * 12
    shorter = replace(result, report=replace(result.report, last=date(2024, 11, 30)))
    assert [week.complete for week in facts.weeks(shorter)] == [True] * 11 + [False]


def test_best_and_worst_series_are_found_independently(result):
    costs: dict[tuple[str, str], float] = {}
    for row in result.ledger.iter_rows(named=True):
        sign = {"usual": 1, "plan": -1}.get(row["policy"], 0)
        costs[row["branch"], row["product"]] = costs.get((row["branch"], row["product"]), 0.0) + sign * row["eur"]
    ranking = facts.series_savings(result)
    best, worst = max(costs, key=costs.__getitem__), min(costs, key=costs.__getitem__)
    assert ranking.row(0)[:2] == best
    assert ranking.row(-1)[:2] == worst
    assert ranking["saved"][0] == pytest.approx(costs[best])
    series = facts.one_series(result, ranking.row(0, named=True))
    assert series.track.height == facts.MOMENTS
    last = result.forecasts.filter(pl.col("branch") == best[0], pl.col("product") == best[1]).sort("day").row(-1, named=True)
    assert series.track.row(-1, named=True)["target"] == last["demand"]
    assert series.track.row(-1, named=True)["plan"] == round(last["q0.6"])


def test_closed_days_break_lines_instead_of_becoming_zero():
    path = svg.path([(0.0, 1.0), (1.0, None), (2.0, 3.0), (3.0, 4.0)], "line plan")
    assert 'd="M0 1M2 3L3 4"' in path
    area = svg.area([(0.0, 1.0, 2.0), (1.0, None, None), (2.0, 3.0, 4.0)], "band")
    assert area.count("M") == 2


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0, 100, [0, 20, 40, 60, 80, 100]), (-30, 70, [-40, -20, 0, 20, 40, 60, 80]), (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]), (0, 0, [0])],
)
def test_ticks_are_round_and_enclose(low, high, expected):
    assert svg.ticks(low, high) == pytest.approx(expected)


def test_numbers_amounts_and_dates_by_language():
    english, german = Words("en", "food_waste"), Words("de", "food_waste")
    assert [words.number(-1234.5) for words in (english, german)] == ["−1,234", "−1.234"]
    assert [words.amount(-1240.0, "eur") for words in (english, german)] == ["−€1,240", "−1.240\u00a0€"]
    assert [words.amount(3.456, "km") for words in (english, german)] == ["3.46\u00a0km", "3,46\u00a0km"]
    assert [words.percent(0.1234, 1) for words in (english, german)] == ["12.3%", "12,3\u00a0%"]
    assert [words.day(date(2025, 3, 5)) for words in (english, german)] == ["5 Mar 2025", "05.03.2025"]
    assert [words.moment(datetime(2025, 3, 5, 14, 30, tzinfo=UTC)) for words in (english, german)] == ["5 Mar 14:30", "05.03. 14:30"]
    assert english.number(-0.001) == "0.00"
    assert english.amount(12.0, "odd_unit") == "12\u00a0odd unit"
    assert english.value({"a": [1, 2.5], "b": True, "c": None}) == "a: 1, 2.50; b: yes; c: –"
    assert (digits(19.5), digits(20.5), digits(3.0, 19.0), digits(3.0, 0.5)) == (2, 0, 0, 2)


def test_notes_speak_the_language_with_and_without_a_format_spec():
    value = Shown(6000.5)
    value.lang = "de"
    assert (f"{value}", f"{value:,.1f}", f"{Shown(-0.25):.0%}") == ("6.000", "6.000,5", "−25%")
    shown = Words("de", "food_waste").note(Note("track.cut_setting", {"setting": "data.x", "limit": 6000}))
    assert "länger als 6.000 Zeichen" in shown


def placeholders(words: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(words) if name is not None}


def test_catalogues_match_and_every_text_is_used():
    english, german = (catalogue("report", lang) for lang in ("en", "de"))
    assert english.keys() == german.keys()
    for key in english:
        assert placeholders(english[key]) == placeholders(german[key]), key
    sources = Path(svg.__file__).parent
    code = "".join(file.read_text(encoding="utf-8") for file in sources.iterdir() if file.suffix in {".py", ".j2"})
    names = set(re.findall(r"[\"']([a-z_0-9]+)[\"']", code))
    stems = set(re.findall(r'f"([a-z_]+_)\{', code)) | {f"{group}_" for group in re.findall(r'label\("([a-z]+)"', code)}
    unused = [key for key in english if key not in names and not any(key.startswith(stem) for stem in stems)]
    assert unused == []


@pytest.mark.slow
def test_a_browser_without_network_shows_it_without_an_error(result, tmp_path):
    browser = program("chromium", "google-chrome")
    write_report(result, tmp_path / "report.html", "de", "Backplan")
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
    options += ["--disable-component-update", "--disable-sync", f"--user-data-dir={tmp_path / 'profile'}", "--window-size=1280,720"]
    shot = tmp_path / "shot.png"
    command = [browser, *options, "--enable-logging=stderr", f"--screenshot={shot}", (tmp_path / "report.html").as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert shot.stat().st_size > 20_000
    assert "CONSOLE" not in done.stderr
