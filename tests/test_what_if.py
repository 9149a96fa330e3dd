"""The sliders of the report in a real browser: no error, no request, accessible, fast, and the same figures as the command line."""

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipelines.backtest import backtest, finished, split
from pipelines.report.write import render
from pipelines.result import Result, Saving
from pipelines.run import Prepared, choose, featured, judged, prepare, replay_all, run, silent, stacked
from pipelines.table import Loaded
from pipelines.value import saving
from tests.bakery import COSTS
from tests.conftest import program
from usecases.food_waste import CASE, simulated
from usecases.food_waste.costs import add_costs
from usecases.food_waste.settings import FoodWaste

FIELDS = ("price_percent", "unit_cost_percent", "disposal_add_eur", "salvage_add_eur", "goodwill_add_eur")


@pytest.fixture(scope="module")
def world() -> tuple[Prepared, FoodWaste]:
    settings = FoodWaste.model_validate({"costs": COSTS, "forecast": {"effort": "quick"}, "periods": {"refit_days": 365}})
    sales = simulated(settings)["sales"]
    few = sales.filter(pl.col("branch").is_in(sales["branch"].unique().sort().head(2).to_list()))
    return prepare(CASE, Loaded({"sales": few}, (), "simulated"), settings), settings


@pytest.fixture(scope="module")
def result(world) -> Result:
    return run(CASE, *world)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    chromium = program("chromium", "chromium-browser", "google-chrome")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        yield started
        started.close()


def opened(browser: Any, file: Path, **how: Any) -> tuple[Any, list[str]]:
    """Return the page and a list that fills with console errors and requests beyond the file."""
    wrong: list[str] = []
    context = browser.new_context(viewport={"width": 1280, "height": 720}, **how)
    page = context.new_page()
    page.on("console", lambda message: wrong.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on(
        "request", lambda request: None if request.url == file.as_uri() or request.url.startswith("data:") else wrong.append(request.url)
    )
    page.goto(file.as_uri())
    return page, wrong


def written(result: Result, folder: Path, lang: Any = "en") -> Path:
    file = folder / f"report-{lang}.html"
    file.write_text(render(result, lang, "Bake", "run-1"), encoding="utf-8")
    return file


def forecast_again(world: tuple[Prepared, FoodWaste], changed: FoodWaste) -> tuple[Any, Any]:
    """Return the selected model and the judged forecasts of the report period, as `run --set changes....` makes them."""
    data, _ = world
    rows = featured(CASE, data.rows, changed)
    periods = split(data.facts.first, data.facts.last, changed.periods)
    selected = choose(CASE, rows, periods, changed, silent)
    raw = backtest(CASE, selected.model, rows, periods.report, changed, silent)
    return selected, judged(CASE, finished(CASE, selected.model, raw, selected.raw, periods.report, changed), changed)


def saving_of(selected: Any, forecasts: pl.DataFrame, changed: FoodWaste) -> Saving:
    """Return the headline saving of decide, replay and value with these costs."""
    ledgers = {name: done.ledger for name, done in replay_all(CASE, selected.model, forecasts, changed).items()}
    ledger = stacked({name: ledgers[name] for name in ("usual", "plan", "perfect")})
    return saving(ledger, "day", "eur")


def settings_of(settings: FoodWaste, draw: random.Random) -> FoodWaste:
    values = (draw.randint(-20, 40), draw.randint(-40, 60), draw.randint(0, 30) / 100, draw.randint(0, 10) / 100, draw.randint(0, 80) / 100)
    return settings.model_copy(update={"changes": settings.changes.model_copy(update=dict(zip(FIELDS, map(float, values), strict=True)))})


def moved(page: Any, changed: FoodWaste) -> dict[str, float]:
    for name in FIELDS:
        page.evaluate(
            "([name, value]) => { const slider = document.getElementById('what-if-' + name); slider.value = value;"
            " slider.dispatchEvent(new Event('input')) }",
            [name, getattr(changed.changes, name)],
        )
    found: dict[str, float] = page.evaluate("window.musterwerkWhatIf")
    return found


def test_the_page_opens_without_error_request_or_barrier(result, browser, tmp_path):
    from axe_core_python.sync_playwright import Axe

    for lang in ("en", "de"):
        page, wrong = opened(browser, written(result, tmp_path, lang))
        assert page.locator("#what-if-said").inner_text()
        assert not wrong
        checked, _ = opened(browser, written(result, tmp_path, lang), bypass_csp=True)
        serious = [found for found in Axe().run(checked)["violations"] if found["impact"] in ("serious", "critical")]
        assert not serious, [(found["id"], [node["html"][:200] for node in found["nodes"][:3]]) for found in serious]
    assert written(result, tmp_path).stat().st_size < 3_000_000


def test_the_page_begins_where_the_run_ended(result, browser, tmp_path):
    page, _ = opened(browser, written(result, tmp_path))
    found, head = page.evaluate("window.musterwerkWhatIf"), result.headline
    assert found["saved"] == pytest.approx(head.saved.value, rel=0.005)
    assert found["captured"] == pytest.approx(head.captured.value, rel=0.01)
    assert found["usual"] == pytest.approx(head.usual, rel=1e-3)
    weekly = round(head.saved.value * 7 / result.report.days)
    assert f"saves {weekly:,} €" in page.locator("#what-if-said").inner_text()
    assert found["low"] == pytest.approx(head.saved.low, rel=0.05)  # other draws of the same weeks
    assert found["high"] == pytest.approx(head.saved.high, rel=0.05)


def test_a_slider_answers_at_once_by_keyboard(result, browser, tmp_path):
    page, _ = opened(browser, written(result, tmp_path))
    before = page.evaluate("window.musterwerkWhatIf.saved")
    page.focus("#what-if-price_percent")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("window.musterwerkWhatIf.saved") != before
    spent = page.evaluate(
        "() => { const slider = document.getElementById('what-if-price_percent'); const start = performance.now();"
        " slider.value = 20; slider.dispatchEvent(new Event('input')); return performance.now() - start }"
    )
    assert spent < 100
    page.click("#what-if-reset")
    assert page.evaluate("window.musterwerkWhatIf.saved") == before


def test_a4_print_is_complete_without_sliders(result, browser, tmp_path):
    page, _ = opened(browser, written(result, tmp_path))
    pdf = page.pdf(format="A4")
    assert 2 <= pdf.count(b"/Type /Page\n") + pdf.count(b"/Type /Page ") + pdf.count(b"/Type/Page") <= 30
    page.emulate_media(media="print")
    assert not page.locator("#what-if").is_visible()
    assert page.locator(".hero").is_visible()


def test_what_if_is_what_the_command_line_says(world, result, browser, tmp_path):
    page, _ = opened(browser, written(result, tmp_path))
    draw = random.Random(3)
    selected, forecasts = forecast_again(world, world[1])
    for number in range(20):
        changed = settings_of(world[1], draw)
        if number == 0:  # costs move no forecast: once the whole pipeline, from then on decide, replay and value
            _, anew = forecast_again(world, changed)
            assert anew.select("day", "branch", "product", "q0.5").equals(forecasts.select("day", "branch", "product", "q0.5"))
        expected = saving_of(selected, add_costs(forecasts, changed), changed)
        found = moved(page, changed)
        assert found["usual"] == pytest.approx(expected.usual, rel=0.005)
        assert found["plan"] == pytest.approx(expected.plan, rel=0.005)
        assert found["perfect"] == pytest.approx(expected.perfect, rel=0.005, abs=1.0)


def test_what_depends_on_more_than_the_ratio_has_no_sliders(world, result):
    settings = world[1].model_copy(update={"day_old": world[1].day_old.model_copy(update={"demand_share": 0.1})})
    rows = result.forecasts.with_columns(price_eur=1.0, unit_cost_eur=0.3, salvage_eur=0.0, disposal_eur=0.0, goodwill_eur=0.0)
    assert CASE.what_if is not None
    assert CASE.what_if(rows, rows, settings) is None
    page = render(replace(result, what_if=None), "en")
    assert "<script" not in page
