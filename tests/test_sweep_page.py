"""The report of a sweep in a real browser: no error, no request, accessible in both languages, legible charts, narrow screens."""

from pathlib import Path
from typing import Any

import pytest

from pipelines.sweep import verbs
from tests.sweeps import toy, worked
from tests.test_what_if import browser, opened

__all__ = ["browser"]
pytestmark = pytest.mark.slow
OVERLAPS = """() => [...document.querySelectorAll('svg')].flatMap(svg => {
  const boxes = [...svg.querySelectorAll('text')].map(one => [one.textContent, one.getBoundingClientRect()]);
  return boxes.flatMap(([a, x], i) => boxes.slice(i + 1).filter(([b, y]) =>
    Math.min(x.right, y.right) - Math.max(x.left, y.left) > 2 && Math.min(x.bottom, y.bottom) - Math.max(x.top, y.top) > 3)
    .map(([b]) => a + ' | ' + b));
})"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("page")
    made: Path = worked(toy(home / "toy"), home, compared=True, trials=20, units=("eur", "kg_co2e"))[0]
    return made


@pytest.mark.parametrize("lang", ["en", "de"])
def test_the_page_opens_without_error_request_barrier_or_overlap(folder: Path, browser: Any, lang):
    verbs.best(verbs.Place(folder.parents[1], "s", {}, lang), None)
    from axe_core_python.sync_playwright import Axe

    page, wrong = opened(browser, folder / "report.html")
    assert wrong == []
    found = Axe().run(page)
    assert [(one["id"], one["nodes"][0]["html"]) for one in found["violations"]] == []
    assert page.evaluate(OVERLAPS) == []
    for width in (1280, 400):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    page.context.close()
