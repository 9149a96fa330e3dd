"""The report: one calm page in two languages, true to its Result."""

import os
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import polars as pl
import pytest

from pipelines.report import write_report
from pipelines.result import Interval, Note, Result
from pipelines.texts import Lang, catalogue
from tests.toy_result import toy_result

LANGS: tuple[Lang, ...] = ("en", "de")
SECTIONS = ["units", "notes", "opponents", "equal", "curve", "weeks", "series", "segments", "forecast", "choices", "data", "method"]
NOTHING = Interval(None, None, None)
VOID = {"meta", "link"}


@pytest.fixture(scope="module")
def result() -> Result:
    return toy_result(seed=1)


class Page(HTMLParser):
    """What a browser would see: tags, attributes, text and whether tags close in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] not in (["style"], ["title"]):
            self.text.append(data)

    @property
    def words(self) -> str:
        return " ".join(" ".join(self.text).split())

    def attributes(self, name: str) -> list[str]:
        return [str(found[name]) for _, found in self.tags if name in found]


def page(result: Result, folder: Path, lang: Lang = "en", title: str = "Bakery", run: str = "") -> Page:
    file = folder / "report.html"
    write_report(result, file, lang, title, run)
    return Page(file.read_text(encoding="utf-8"))


def with_saving(result: Result, saved: Interval, captured: Interval | None = None) -> Result:
    first = replace(result.headline, saved=saved, captured=captured or result.headline.captured)
    return replace(result, savings=(first, *result.savings[1:]))


@pytest.mark.parametrize("lang", LANGS)
def test_every_section_stands_there_with_a_sentence_and_a_table_beside_each_chart(result, tmp_path, lang):
    seen = page(result, tmp_path, lang)
    assert seen.open == []
    assert [found["id"] for tag, found in seen.tags if tag == "section"] == SECTIONS
    assert [found["lang"] for tag, found in seen.tags if tag == "html"] == [lang]
    assert [href for href in seen.attributes("href") if href.startswith("#")] == ["#contents", *(f"#{name}" for name in SECTIONS)]
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    titles = re.findall(r"<h2[^>]*>(.*?)</h2>", html)
    assert len(titles) == len(set(titles)) == len(SECTIONS)
    for name in ("opponents", "curve", "weeks", "series", "segments", "forecast", "choices"):
        body = html.split(f'<section id="{name}"')[1].split("</section>")[0]
        assert body.count("<svg") >= 1
        assert body.count("<table") >= body.count("<svg")


@pytest.mark.parametrize("lang", LANGS)
def test_the_first_screen_says_what_is_left_against_the_best_simple_rule_and_what_must_not_be_overlooked(result, tmp_path, lang):
    as_good = replace(result.opponents[1], saved=Interval(0.0, 0.0, 0.0))
    caveat = Note("energy.follows_rule", {"sites": "Werk Süd"})
    seen = page(replace(result, opponents=(result.opponents[0], as_good), caveats=(caveat,)), tmp_path, lang)
    first = seen.words.split(catalogue("report", lang)["share_label"])[0]
    assert catalogue("report", lang)["against_rule_label"] in first
    assert {"en": "€0 per week (€0 to €0)", "de": "0\u00a0€ pro Woche (0\u00a0€ bis 0\u00a0€)"}[lang].replace(
        "\u00a0", " "
    ) in first.replace("\u00a0", " ")
    assert "Werk Süd" in first
    assert catalogue("report", lang)["against_rule_label"] not in page(replace(result, opponents=()), tmp_path, lang).words


@pytest.mark.parametrize("lang", LANGS)
def test_nothing_is_loaded_and_the_page_is_small(result, tmp_path, lang):
    seen = page(result, tmp_path, lang)
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "http" not in html.replace("http-equiv", "")
    assert not {"script", "img", "iframe", "object", "embed", "base", "form", "use", "image"} & {tag for tag, _ in seen.tags}
    assert seen.attributes("src") == []
    assert {href for href in seen.attributes("href") if not href.startswith("#")} == {"data:,"}
    assert not re.search(r"url\(|@import|@font-face", html)
    assert not [name for _, found in seen.tags for name in found if name.startswith("on") or name == "style"]
    assert "default-src 'none'" in html
    assert len(html.encode()) < 600_000


def test_the_same_result_gives_the_same_bytes_and_no_half_written_file(result, tmp_path):
    write_report(result, tmp_path / "one" / "a.html", "de", "Backplan")
    write_report(toy_result(seed=1), tmp_path / "two" / "b.html", "de", "Backplan")
    assert (tmp_path / "one" / "a.html").read_bytes() == (tmp_path / "two" / "b.html").read_bytes()
    assert os.listdir(tmp_path / "one") == ["a.html"]  # noqa: PTH208


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize(
    ("saved", "verdict"),
    [
        (Interval(1200.0, 600.0, 1800.0), "better"),
        (Interval(120.0, -600.0, 800.0), "none"),
        (Interval(-1200.0, -1800.0, -600.0), "worse"),
        (Interval(1200.0, None, None), "none"),
    ],
)
def test_the_verdict_is_said_in_words(result, tmp_path, lang, saved, verdict):
    seen = page(with_saving(result, saved), tmp_path, lang)
    texts = catalogue("report", lang)
    assert texts[f"verdict_{verdict}"] in seen.words
    assert texts["verdict_few_text" if saved.low is None else f"verdict_{verdict}_text"] in seen.words
    for other in {"better", "none", "worse"} - {verdict}:
        assert texts[f"verdict_{other}_text"] not in seen.words
    assert f"card verdict {verdict}" in seen.attributes("class")


def test_the_first_screen_shows_figure_interval_share_and_period(result, tmp_path):
    # 84 report days are 12 weeks: 1200 euros are 100 per week
    shown = with_saving(result, Interval(1200.0, 600.0, 1800.0), Interval(0.25, 0.125, 0.375))
    english = page(replace(shown, choices={"usual": "ordered"}), tmp_path).words
    assert "Bakery: the plan saves €100 per week against business as usual" in english
    assert "95% interval €50 to €150" in english
    assert "Over the whole report period: €1,200 (€600 to €1,800) in 84 days" in english
    assert "25%" in english
    assert "95% interval 12% to 38%" in english
    assert "9 Sep 2024 to 1 Dec 2024" in english
    assert "Business as usual here: own past orders." in english
    german = page(shown, tmp_path, "de").words
    assert "Bakery: Der Plan spart 100 € pro Woche gegenüber dem bisherigen Vorgehen" in german
    assert "Im ganzen Berichtszeitraum: 1.200 € (600 € bis 1.800 €) in 84 Tagen" in german
    assert "09.09.2024 bis 01.12.2024" in german


def test_names_from_the_data_stay_text(result, tmp_path):
    evil = "<b>x</b>\"'&=cmd|{0}"
    renamed = [frame.with_columns(product=pl.lit(evil)) for frame in (result.forecasts, result.actions, result.ledger)]
    changed = replace(
        result,
        forecasts=renamed[0].unique(["day", "branch", "product"], maintain_order=True),
        actions=renamed[1].unique(["policy", "day", "branch", "product"], maintain_order=True),
        ledger=renamed[2],
        data=replace(result.data, source="<script>alert(1)</script>"),
        segments=result.segments.with_columns(segment=pl.lit(evil)),
        choices={evil: evil},
        opponents=(replace(result.opponents[0], rule=evil, chosen=True),),
    )
    seen = page(changed, tmp_path, title="<i>Bäckerei</i>", run="<u>run</u>")
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert not {"script", "i", "u"} & {tag for tag, _ in seen.tags}
    assert html.count("<b>") == 1  # the brand
    assert "<b>x" not in html
    for words in (f"Bahnhof · {evil}", "<script>alert(1)</script>", "<i>Bäckerei</i>", "<u>run</u>"):
        assert words in seen.words


@pytest.mark.parametrize("lang", LANGS)
def test_what_is_not_there_is_left_out(result, tmp_path, lang):
    bare = replace(
        with_saving(result, NOTHING, NOTHING),
        savings=(replace(result.headline, saved=NOTHING, captured=NOTHING),),
        opponents=(),
        equal_service=None,
        curve=result.curve.clear(),
        segments=result.segments.clear(),
        calibration=result.calibration.clear(),
        scores={},
        choices={},
        notes=(),
        select_saved=NOTHING,
        forecasts=result.forecasts.drop("model_used", "q0.1", "q0.9"),
    )
    seen = page(bare, tmp_path, lang)
    assert [found["id"] for tag, found in seen.tags if tag == "section"] == ["units", "weeks", "series", "choices", "data", "method"]
    texts = catalogue("report", lang)
    assert texts["no_interval"] in seen.words
    assert texts["share_undefined"] in seen.words
    assert "None" not in seen.words


def test_missing_intervals_in_every_part(result, tmp_path):
    empty = pl.lit(None, pl.Float64)
    changed = replace(
        result,
        savings=tuple(replace(saving, saved=NOTHING, captured=NOTHING) for saving in result.savings),
        opponents=tuple(replace(rival, saved=NOTHING) for rival in result.opponents),
        segments=result.segments.with_columns(saved=empty, low=empty, high=empty, captured=empty),
        calibration=result.calibration.with_columns(low=empty, high=empty),
        scores={"wape": float("nan")},
        select_saved=NOTHING,
    )
    seen = page(changed, tmp_path)
    assert "No demonstrable difference between the plan and the best simple rule" in seen.words
    assert "Of 8 segments 0 are demonstrably better and 0 demonstrably worse" in seen.words
    assert not {"None", "nan"} & set(seen.words.split())


@pytest.mark.parametrize(
    ("total", "saved", "sentence"),
    [
        (1000.0, Interval(190.0, 120.0, 260.0), "The plan's costs are 19% below the best simple rule (mean of the last four weeks)"),
        (
            -9000.0,
            Interval(1200.0, 120.0, 2600.0),
            "The plan saves €100 per week against the best simple rule (mean of the last four weeks)",
        ),
        (1000.0, Interval(190.0, -1.0, 260.0), "No demonstrable difference between the plan and the best simple rule"),
        (1000.0, Interval(-2400.0, -3000.0, -1.0), "The best simple rule (mean of the last four weeks) beats the plan by €200 per week"),
    ],
)
def test_the_comparison_with_the_best_simple_rule_is_honest(result, tmp_path, total, saved, sentence):
    best = replace(result.opponents[1], total=total, saved=saved)
    assert sentence in page(replace(result, opponents=(result.opponents[0], best)), tmp_path).words


@pytest.mark.parametrize(
    ("usual", "sentence"),
    [
        ((100.0, 100.0), "1 of 2 service levels beat business as usual in waste and shortage at once"),
        ((10.0, 10.0), "None of 2 service levels beats business as usual in waste and shortage at once"),
        (None, "More availability costs more waste: the curve shows the price"),
    ],
)
def test_the_trade_off_says_whether_business_as_usual_is_beaten(result, tmp_path, usual, sentence):
    rows = [
        (0.5, "plan", 50.0, 200.0, 1.0),
        (0.8, "plan", 90.0, 80.0, 1.0),
        (None, "plan", 70.0, 100.0, 1.0),
        (None, "perfect", 0.0, 0.0, 0.0),
    ]
    rows += [(None, "usual", *usual, 2.0)] if usual else []
    curve = pl.DataFrame(rows, schema=result.curve.schema, orient="row")
    seen = page(replace(result, curve=curve), tmp_path)
    assert sentence in seen.words
    drawn = (tmp_path / "report.html").read_text(encoding="utf-8").split('<section id="curve"')[1].split("</section>")[0]
    assert drawn.count('class="step"') == 2
    assert drawn.count('class="mark perfect"') == 2  # the point and its legend
    assert drawn.count('class="mark usual"') == (2 if usual else 0)


@pytest.mark.parametrize(
    ("tones", "sentence"),
    [
        ((1, 1, 1), "Demonstrably less with the plan: Waste (kg), Emissions (kg CO₂e) and Sold out (missing pieces)"),
        ((1, 0, -1), "Demonstrably less with the plan: Waste (kg); demonstrably more: Sold out (missing pieces)"),
        ((0, 0, -1), "Demonstrably more with the plan: Sold out (missing pieces)"),
        ((0, 0, 0), "Beside the headline no other figure changes demonstrably"),
    ],
)
def test_other_units_are_named_by_what_is_proven(result, tmp_path, tones, sentence):
    bounds = {1: Interval(10.0, 5.0, 15.0), 0: Interval(1.0, -5.0, 6.0), -1: Interval(-10.0, -15.0, -5.0)}
    others = [replace(saving, saved=bounds[tone]) for saving, tone in zip(result.savings[1:], tones, strict=True)]
    assert sentence in page(replace(result, savings=(result.headline, *others)), tmp_path).words


def test_hours_other_units_and_other_names_work_as_well(result, tmp_path):
    frames = [
        frame.select(pl.col("day").cast(pl.Datetime("us", "UTC")).dt.offset_by("6h"), pl.exclude("day")).rename({"day": "start"})
        for frame in (result.forecasts, result.actions.rename({"bake": "charge_kw"}), result.ledger)
    ]
    actions, ledger = (frame.select("policy", "start", pl.exclude("policy", "start")) for frame in frames[1:])
    changed = replace(
        result,
        case="energy",
        forecasts=frames[0],
        actions=actions,
        ledger=ledger.rename({"eur": "tonnes_of_ice"}),
        savings=(replace(result.headline, unit="tonnes_of_ice"),),
    )
    seen = page(changed, tmp_path, title="")
    assert "energy: the plan saves 323 tonnes of ice per week" in seen.words
    assert "1 Dec 06:00" in seen.words


def test_only_one_series_or_one_week(result, tmp_path):
    one = (pl.col("branch") == "Markt") & (pl.col("product") == "Brezel")
    first = pl.col("day") == result.report.first
    changed = replace(
        result,
        forecasts=result.forecasts.filter(one & first),
        actions=result.actions.filter(one & first),
        ledger=result.ledger.filter(one & first),
        report=replace(result.report, last=result.report.first),
    )
    seen = page(changed, tmp_path)
    assert re.search(r"Markt · Brezel: −?€[\d.,]+ saved per week", seen.words)
    assert "of 1 weeks" in seen.words
