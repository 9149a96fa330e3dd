"""The papers state what the run's record holds and nothing else; what it cannot know is open and names a role."""

import json
import re
import shutil
import tomllib
from dataclasses import replace
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from pipelines.audit import append, log_file
from pipelines.errors import InputError
from pipelines.evidence import read_run, write_run
from pipelines.models import Quantiles, WeekdayQuantile
from pipelines.models.panel import Panel
from pipelines.models.simple import weekday_columns
from pipelines.papers import write_papers
from pipelines.papers.build import HIGH, laws, outline, proposal
from pipelines.run import prepare, run
from pipelines.settings import CaseSettings
from pipelines.table import Loaded
from pipelines.texts import Lang, catalogue
from pipelines.usecase import Column, UseCase
from tests.toy_result import toy_result
from usecases.__main__ import main

PAPERS = {"model_card", "data_sheet", "annex_iv", "tripod", "instructions", "oversight", "risk"}
NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
PANEL = Panel(keys=("branch",), target="demand")
NOTICE = {"en": "Research and teaching, not a medical device", "de": "Forschung und Lehre, kein Medizinprodukt"}
SCHEMA = {
    "day": Column("date", "time", "day of sale"),
    "branch": Column("text", "key", "shop"),
    "promoted": Column("flag", "known", "on offer", optional=True),
    "demand": Column("number", "outcome", "pieces asked for", unit="pieces", minimum=0),
}


def features(rows, s):
    lags = {f"lag{week}": pl.col("demand").shift(7 * week).over("branch", order_by="day") for week in (1, 2)}
    return weekday_columns(rows, (0.5, 0.8), PANEL).with_columns(level=pl.col("weekday_8_q0.5"), weekday=pl.col("day").dt.weekday(), **lags)


def value(rows, s):
    return rows.select(eur=2.0 * (pl.col("demand") - pl.col("bake")).clip(0) + (pl.col("bake") - pl.col("demand")).clip(0))


CASE = UseCase(
    name="shops",
    schema=SCHEMA,
    settings=CaseSettings,
    notice=NOTICE,
    features=features,
    model=lambda s: Quantiles("demand", ["weekday", "lag1", "lag2"], (0.5, 0.8), rounds=5),
    decide=lambda rows, s: rows.with_columns(bake=pl.col("q0.8").ceil()),
    usual=lambda rows, s: rows.with_columns(bake=(pl.col("lag1") * 1.3).ceil().fill_null(0)),
    value=value,
    segments=lambda rows, s: {"branch": rows["branch"]},
)


def sales() -> pl.DataFrame:
    days = [date(2024, 1, 1) + timedelta(days=number) for number in range(190)]
    rows = pl.DataFrame({"day": days}).join(pl.DataFrame({"branch": ["Markt", "Süd"]}), how="cross")
    random = np.random.default_rng(5)
    demand = pl.Series("demand", random.poisson(30, rows.height).astype(float))
    return rows.with_columns(demand, promoted=pl.Series(random.random(rows.height) < 0.2))


def recorded(home: Path, case: UseCase[CaseSettings] = CASE, rows: pl.DataFrame | None = None, name: str = "shops-1") -> Path:
    settings = CaseSettings(case="shops", threads=1)
    loaded = Loaded({"sales": sales() if rows is None else rows}, (), "by hand")
    return write_run(run(case, prepare(case, loaded, settings), settings), home, name, {"duration": "1.5"})


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return recorded(tmp_path_factory.mktemp("home"))


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "runs" / made.name))


def texts(folder: Path, home: Path, lang: Lang, **more: Path) -> dict[str, str]:
    out = write_papers(folder, home, lang, **more)
    return {
        file.stem.removesuffix(f".{lang}"): file.read_text(encoding="utf-8") for file in out.iterdir() if file.stem.endswith(f".{lang}")
    }


def strings(value: object) -> list[str]:
    parts = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else None
    return [text for part in parts for text in strings(part)] if parts is not None else [str(value)]


@pytest.mark.parametrize("lang", ["en", "de"])
def test_every_number_in_the_text_occurs_in_the_record(folder, tmp_path, lang):
    append(log_file(tmp_path, "shops"), [{"kind": "decision", "run": "shops-1"}] * 37)
    papers = texts(folder, tmp_path, lang)
    facts = json.loads((folder / "papers" / "facts.json").read_text(encoding="utf-8"))
    known = {number for text in strings(facts) for number in NUMBER.findall(text)}
    known |= {number for text in catalogue("papers", lang).values() for number in NUMBER.findall(text)}  # Art. 14, 95 %
    known |= {
        number for law in laws() for when in (law["date"], law["checked"]) for number in (f"{when:%d.%m.%Y}", f"{when.day}", f"{when.year}")
    }
    known |= {number for law in laws() for number in NUMBER.findall(law["source"])}
    checked = 0
    for name in PAPERS:
        text = re.sub(r"^(---.*?^---$|##.*?)$", "", papers[name], flags=re.MULTILINE | re.DOTALL)
        found = NUMBER.findall(re.sub(r"sha256 [0-9a-f]{16}…", "", text))
        checked += len(found)
        assert not set(found) - known, name
    assert checked > 300


def test_every_fact_is_found_again_at_its_place_in_the_run(folder, tmp_path):
    texts(folder, tmp_path, "de")
    record = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    facts = json.loads((folder / "papers" / "facts.json").read_text(encoding="utf-8"))
    fields = [field for field in facts["fields"].values() if field]
    cells = [fact for field in fields for fact in (*field["facts"].values(), *(one for row in field["rows"] for one in row))]
    looked_up = 0
    for fact in cells:
        file, _, place = fact["source"].partition("#")
        if file == "result.json" and place not in {"", "sha256"}:
            found = record
            for part in place.split("."):
                found = found[int(part)] if isinstance(found, list) else found.get(part, found)
            if isinstance(found, dict) and "key" not in found:
                assert place.endswith(str(fact["value"]))  # the name of a place, such as train
            elif found != fact["value"]:
                assert place.endswith(fact["value"])  # the name beside its value
            else:
                looked_up += 1
        elif file.endswith(".parquet") and place not in {"", "sha256"}:
            row, _, column = place.partition(".")
            assert pl.read_parquet(folder / file)[column][int(row)] == fact["value"]
            looked_up += 1
    assert looked_up > 100
    for file, digest in facts["artifacts"].items():
        assert sha256((folder / file).read_bytes()).hexdigest() == digest


def test_the_facts_follow_the_model_class_and_the_columns(folder, tmp_path):
    first = texts(folder, tmp_path, "en")
    assert "pipelines.models.quantiles:Quantiles" in first["annex_iv"]
    assert "**Columns the model reads.** weekday, lag1, lag2" in first["tripod"]
    assert "| promoted | known | flag |" in first["data_sheet"]
    other = replace(CASE, model=lambda s: WeekdayQuantile((0.5, 0.8), PANEL))
    second = texts(recorded(tmp_path, other, sales().drop("promoted"), "shops-2"), tmp_path, "en")
    assert "pipelines.models.simple:WeekdayQuantile" in second["annex_iv"]
    together = "\n".join(second.values())
    assert not re.search("Quantiles|lag1|promoted|lightgbm:", together.replace("WeekdayQuantile", ""))
    assert "**Columns the model reads.** OPEN (data analyst)" in second["tripod"]


def test_other_figures_give_other_texts(folder, tmp_path):
    before = texts(folder, tmp_path, "en")["model_card"]
    facts = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    facts["savings"][0]["saved"]["value"] = 7654.25
    (folder / "result.json").write_text(json.dumps(facts), encoding="utf-8")
    after = texts(folder, tmp_path, "en")["model_card"]
    cells = [next(line for line in text.splitlines() if line.startswith("| eur |")).split(" | ") for text in (before, after)]
    changed = [(old, new) for old, new in zip(*cells, strict=True) if old != new]
    assert [new for _, new in changed] == ["7,654"]


@pytest.mark.parametrize("lang", ["en", "de"])
def test_a_fresh_run_has_open_fields_in_every_paper_and_counts_them(folder, tmp_path, lang):
    papers = texts(folder, tmp_path, lang)
    assert set(papers) == PAPERS | {"papers"}
    mark = {"en": "OPEN (", "de": "OFFEN ("}[lang]
    facts = json.loads((folder / "papers" / "facts.json").read_text(encoding="utf-8"))
    for name in PAPERS:
        opened = papers[name].count(mark)
        counts = facts["counts"][name]
        assert opened == counts["open"] > 0, name
        stated = {
            "en": f"{counts['filled']} of {counts['fields']} fields filled, {opened} open",
            "de": f"{counts['filled']} von {counts['fields']} Feldern ausgefüllt, {opened} offen",
        }
        assert stated[lang] in papers[name]
        assert papers[name].count("✔") + opened == counts["fields"]
        assert stated[lang] in papers["papers"]


def test_the_outline_has_all_headings():
    items = {document["name"]: [item["id"] for item in document["items"]] for document in outline()["document"]}
    assert items["annex_iv"] == [*(f"1({letter})" for letter in "abcdefgh"), *(f"2({letter})" for letter in "abcdefgh"), *"3456789"]
    assert sorted({int(number.rstrip("abcdefg")) for number in items["tripod"]}) == list(range(1, 28))
    assert len(items["tripod"]) == 52
    used = {f"{name}_{re.sub('[()]', '', number)}" for name, numbers in items.items() for number in numbers}
    kept = {key for key in catalogue("papers", "en") if key.startswith(tuple(f"{name}_" for name in PAPERS))}
    assert {key.removesuffix("_open") for key in kept} == used


def test_the_page_is_one_file_and_the_notice_stands_on_every_paper(folder, tmp_path):
    for lang in ("en", "de"):
        papers = texts(folder, tmp_path, lang)
        assert all(NOTICE[lang] in text for text in papers.values())
        page = papers["papers"]
        assert page.count(f'role="note">{NOTICE[lang]}') == 1 + len(PAPERS)
        assert not re.search(r"<(script|link|img|iframe)\b(?![^>]*data:)|url\(|@import|src=", page)
        assert len(page) < 1_000_000


def test_names_from_data_are_no_markup(tmp_path):
    rows = sales().with_columns(pl.col("branch").replace("Süd", "<b>|*Süd*"))
    papers = texts(recorded(tmp_path, rows=rows), tmp_path, "en")
    assert "&lt;b>\\|\\*Süd" in papers["model_card"]
    assert "<b>|" not in papers["papers"]


def test_what_people_state_carries_their_name_and_day(folder, tmp_path):
    answers = tmp_path / "answers.toml"
    answers.write_text('[annex_iv_1b]\ntext = "Reads the till | nothing else"\nby = "M. Petersen"\non = 2026-03-02\n', encoding="utf-8")
    papers = texts(folder, tmp_path, "de", answered=answers)
    assert "Reads the till \\| nothing else" in papers["annex_iv"]
    assert "Angegeben von M. Petersen, 02.03.2026." in papers["annex_iv"]
    assert "(1 der ausgefüllten von Menschen angegeben)" in papers["annex_iv"]
    for broken, key in (("[annex_iv_1z]", "strange_answer"), ("[risk_product]", "bad_answer")):
        answers.write_text(f'{broken}\ntext = "perhaps"\nby = "x"\non = 2026-03-02\n', encoding="utf-8")
        with pytest.raises(InputError) as caught:
            write_papers(folder, tmp_path, "en", answered=answers)
        assert caught.value.key == f"papers.{key}"
    answers.write_text('[annex_iv_1b]\ntext = "without a name"\n', encoding="utf-8")
    with pytest.raises(InputError, match="by \\(a name\\)"):
        write_papers(folder, tmp_path, "en", answered=answers)


def test_the_risk_class_follows_from_the_answers_alone():
    questions = [item["id"] for document in outline()["document"] if document["name"] == "risk" for item in document["items"]]
    none = {f"risk_{question}": {"text": "no"} for question in questions}
    assert proposal({}) == "unknown"
    assert proposal(none) == "minimal"
    assert proposal({**none, "risk_persons": {"text": "yes"}}) == "persons"
    assert proposal({**none, "risk_prohibited": {"text": "yes"}, "risk_product": {"text": "yes"}}) == "banned"
    for question in HIGH:
        assert proposal({**none, f"risk_{question}": {"text": "yes"}}) == "high"
        assert proposal({f"risk_{question}": {"text": "yes"}}) == "high"  # one is enough
        assert proposal({key: value for key, value in none.items() if key != f"risk_{question}"}) == "unknown"


def test_dates_of_law_stand_in_one_file_with_source_and_day_checked():
    assert all(set(law) == {"name", "date", "source", "checked", "primary"} and law["checked"] > date(2026, 1, 1) for law in laws())
    for lang in ("en", "de"):
        dated = r"\b(20[2-9]\d|August|Dezember|December)\b"
        words = {key: text for key, text in catalogue("papers", lang).items() if re.search(dated, text)}
        assert set(words) <= {"intro_annex_iv", "intro_tripod", "bad_answer"}, words  # numbers of a regulation and of a paper, an example


def test_overrides_in_the_log_are_counted(folder, tmp_path):
    file = log_file(tmp_path, "shops")
    append(file, [{"kind": "decision", "run": name, "keys": {"row": row}} for name in ("shops-1", "shops-9") for row in range(8)])
    changes: list[dict[str, object]] = [
        {"keys": {"row": 1}, "override": {"bake": 1.0}, "by": "M. P.", "reason": "fair"},
        {"keys": {"row": 2}, "override": {"bake": 1.0}, "by": None, "reason": None},
        {"keys": {"row": 3}, "override": {"bake": 1.0}, "by": "M. P.", "reason": "x"},
        {"keys": {"row": 3}, "override": None, "by": None, "reason": None},
    ]
    append(file, [{"kind": "override", "run": "shops-1", **change} for change in changes])
    said = texts(folder, tmp_path, "en")["oversight"]
    assert "8 decisions of this run in plans; 2 of them stand changed by people, 1 with a name and 1 with a reason." in said


def test_through_the_command_line(tmp_path, capsys):
    write_run(toy_result(), tmp_path, "toy")
    assert main(["report", "toy", "--papers", "--home", str(tmp_path), "--lang", "de"]) == 0
    assert (tmp_path / "runs" / "toy" / "papers" / "papers.de.html").is_file()
    before = (tmp_path / "runs" / "toy" / "papers" / "facts.json").read_bytes()
    assert main(["report", "toy", "--papers", "--home", str(tmp_path), "--lang", "de", "--out", str(tmp_path / "akte"), "--json"]) == 0
    assert (tmp_path / "akte" / "facts.json").read_bytes() == before  # the same run, the same papers
    assert main(["report", "toy", "--answers", "x.toml", "--home", str(tmp_path)]) == 2
    assert main(["report", "nothing", "--papers", "--home", str(tmp_path)]) == 2
    assert "no run folder" in capsys.readouterr().err


def test_answers_in_the_docs_are_accepted():
    page = (Path(__file__).parents[1] / "docs" / "how-to" / "technical-file.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```toml\n(.*?)^```$", page, flags=re.MULTILINE | re.DOTALL)
    known = {f"{document['name']}_{re.sub('[()]', '', item['id'])}" for document in outline()["document"] for item in document["items"]}
    assert set(tomllib.loads(block)) <= known


def test_runs_of_earlier_versions_are_read_and_leave_fields_open(folder, tmp_path):
    facts = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    del facts["notice"], facts["data"]["columns"], facts["model"]["inputs"]
    (folder / "result.json").write_text(json.dumps(facts), encoding="utf-8")
    result = read_run(folder).result(CaseSettings)
    assert (result.notice, result.data.columns) == ({}, {})
    papers = texts(folder, tmp_path, "en")
    assert "**Columns read.** OPEN (data analyst)" in papers["data_sheet"]
    assert "**Columns the model reads.** OPEN (data analyst)" in papers["model_card"]
    assert NOTICE["en"] not in papers["papers"]
