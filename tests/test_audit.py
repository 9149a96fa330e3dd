"""The audit log: nothing in it changes unseen, a crash loses nothing that was written, and every decision can be made again."""

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path

import numpy as np
import openpyxl
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.audit import People, append, log_file, people, read, repair, verify
from pipelines.audit.entries import ROWS, hashed, keep_state, kept_folder, model_digest
from pipelines.audit.replaying import read_state
from pipelines.errors import GateError, InputError
from pipelines.probabilities import clopper_pearson
from pipelines.report.people import people_section
from pipelines.texts import Lang
from tests.bakery import trusted_bakery
from usecases.__main__ import main

LAST = date(2024, 1, 2) + timedelta(days=239)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve lines in three appends."""
    file = tmp_path_factory.mktemp("log") / "toy.jsonl"
    for first in range(0, 12, 4):
        entries = [{"kind": "decision", "keys": {"ward": "Süd"}, "decision": {"bake": number}} for number in range(first, first + 4)]
        append(file, entries)
    return file


def copied(log: Path, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(f"{log}.head", folder / f"{log.name}.head")
    return Path(shutil.copy(log, folder / log.name))


def test_the_chain_is_what_anyone_can_compute(whole):
    before = "0" * 64
    for number, raw in enumerate(whole.read_bytes().splitlines(), start=1):
        found = re.fullmatch(rb'(.*),"hash":"([0-9a-f]{64})"}', raw)
        assert found is not None
        body, stated = found.groups()
        entry = json.loads(raw)
        assert sha256(body).hexdigest().encode() == stated
        assert (entry["line"], entry["prev"]) == (number, before)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", entry["time"])
        before = entry["hash"]
    assert verify(whole).hash == before
    assert verify(whole).lines == 12


def test_one_changed_byte_anywhere_is_found_and_its_line_named(tmp_path):
    file = tmp_path / "small.jsonl"
    append(file, [{"kind": "decision", "decision": {"bake": number}} for number in range(5)])
    content = file.read_bytes()
    assert len(content) > 1000
    for place in range(len(content)):
        line = content[:place].count(b"\n") + 1
        file.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        with pytest.raises(GateError) as caught:
            verify(file)
        assert caught.value.values["line"] == line, place


@settings(max_examples=150)
@given(st.data())
def test_any_other_byte_any_cut_any_swap_is_found(whole, data):
    content = whole.read_bytes()
    file = copied(whole, whole.parent / "other")
    lines = content.splitlines(keepends=True)
    place = data.draw(st.integers(0, len(content) - 1))
    number = data.draw(st.integers(0, len(lines) - 2))
    other = data.draw(st.integers(0, 255).filter(lambda byte: byte != content[place]))
    changes = {
        "byte": content[:place] + bytes([other]) + content[place + 1 :],
        "cut": content[:place],
        "swap": b"".join([*lines[:number], lines[number + 1], lines[number], *lines[number + 2 :]]),
        "gone": b"".join([*lines[:number], *lines[number + 1 :]]),
        "twice": b"".join([*lines[: number + 1], *lines[number:]]),
    }
    file.write_bytes(changes[data.draw(st.sampled_from(sorted(changes)))])
    with pytest.raises(GateError):
        verify(file)


def test_lines_missing_from_the_end_are_seen_and_nothing_is_written_behind_the_gap(whole, tmp_path):
    file = copied(whole, tmp_path)
    file.write_bytes(b"".join(whole.read_bytes().splitlines(keepends=True)[:10]))
    for act in (lambda: verify(file), lambda: append(file, [{"kind": "decision"}])):
        with pytest.raises(GateError, match="missing from line 11 on"):
            act()


def test_a_log_written_anew_does_not_hold_what_was_noted(whole, tmp_path):
    noted = [json.loads(line)["hash"] for line in whole.read_bytes().splitlines()]
    assert verify(whole, noted[4]).lines == 12
    other = tmp_path / "toy.jsonl"
    append(other, [{"kind": "decision", "run": "r", "decision": {"bake": number}} for number in range(12)])
    with pytest.raises(GateError, match=noted[4]):
        verify(other, noted[4])


@pytest.mark.parametrize("kept", [1, 40, -2, -1])
def test_a_line_cut_off_by_a_crash_is_named_and_repaired_without_losing_a_whole_one(whole, tmp_path, kept):
    file = copied(whole, tmp_path)
    before, last = whole.read_bytes().rsplit(b"\n", 2)[0] + b"\n", whole.read_bytes().splitlines()[-1] + b"\n"
    Path(f"{file}.head").unlink()  # a crash in the first append leaves none
    file.write_bytes(before + last[:kept])
    for act in (lambda: verify(file), lambda: append(file, [{"kind": "decision"}])):
        with pytest.raises(GateError, match=r"line 12: the line was cut off.*--repair"):
            act()
    assert file.read_bytes() == before + last[:kept]
    aside = repair(file)
    assert aside is not None
    assert aside.read_bytes() == last[:kept]
    assert file.read_bytes().startswith(before)
    entries = list(read(file))
    assert (entries[-1]["kind"], entries[-1]["bytes"], entries[-1]["line"]) == ("repair", len(last[:kept]), 12)
    assert repair(file) is None
    append(file, [{"kind": "decision"}])
    assert verify(file).lines == 13


def test_a_full_disk_leaves_the_log_as_it_was(whole, tmp_path, monkeypatch):
    file = copied(whole, tmp_path)
    write = os.write

    def full(number: int, text: bytes) -> int:
        write(number, text[:30])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pipelines.audit.chain.os.write", full)
    with pytest.raises(InputError, match="No space left"):
        append(file, [{"kind": "decision"}])
    assert file.read_bytes() == whole.read_bytes()


WRITER = """
import sys
from pathlib import Path
from pipelines.audit.chain import append
for number in range(25):
    append(Path(sys.argv[1]), [{"kind": "decision", "run": sys.argv[2], "row": sign * number} for sign in (1, -1)])
"""


def test_processes_that_write_at_once_make_one_chain(tmp_path):
    file = tmp_path / "busy.jsonl"
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(file), f"{name}"]) for name in range(3)]
    assert [writer.wait(timeout=120) for writer in writers] == [0] * 3
    assert verify(file).lines == 150
    entries = list(read(file))
    for name in range(3):
        rows = [entry["row"] for entry in entries if entry["run"] == f"{name}"]
        assert rows == [sign * number for number in range(25) for sign in (1, -1)]


def test_row_hashes_need_the_salt_and_see_every_value():
    rows = pl.DataFrame({"id": [1, 2], "x": [0.1, None], "word": ["a", "a"]})
    first = hashed(rows, ["id"], b"salt")["_hash"].to_list()
    assert first == hashed(rows.select("word", "x", "id"), ["id"], b"salt")["_hash"].to_list()
    assert not set(first) & set(hashed(rows, ["id"], b"other")["_hash"].to_list())
    assert first[0] != hashed(rows.with_columns(x=pl.lit(0.1 + 2**-56)), ["id"], b"salt")["_hash"][0]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, mlflow_template: Path) -> Path:
    """A bakery with one run, its backtest logged."""
    return trusted_bakery(tmp_path_factory.mktemp("bakery"), mlflow_template, "--audit")


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A copy of it to work in."""
    return Path(shutil.copytree(made, tmp_path / "bakery"))


def call(folder: Path, *words: str) -> int:
    return main([*words, "--home", str(folder / "mlruns")])


def plan(folder: Path, *words: str) -> int:
    return call(folder, "plan", str(folder), *words)


def logged(folder: Path, kind: str) -> list[dict]:
    return [entry for entry in read(log_file(folder / "mlruns", "food_waste")) if entry["kind"] == kind]


def test_a_plan_is_logged_line_by_line_and_made_again(folder, capsys):
    day = LAST - timedelta(days=2)
    assert plan(folder, "--for", f"{day}") == 0
    assert plan(folder, "--for", f"{LAST + timedelta(days=1)}") == 0
    entries = logged(folder, "decision")
    sheet = pl.read_parquet(folder / "mlruns" / "plans" / "food_waste" / f"{day}" / "plan.parquet")
    asked = [(*(entry["keys"][name] for name in ("day", "branch", "product")), entry["decision"]["bake"]) for entry in entries[:6]]
    assert sorted(asked) == sorted((f"{day}", *row) for row in sheet.select("branch", "product", "quantity").iter_rows())
    run = next((folder / "mlruns" / "runs").iterdir())
    first = entries[0]
    assert (first["run"], first["model"]) == (run.name, model_digest(run / "model"))
    assert set(first["forecast"]) == {"q0.3", "q0.7"}
    assert first["reason"].startswith("Monday: usually ")
    assert (first["override"], first["by"]) == (None, None)
    noted = json.loads((folder / "mlruns" / "plans" / "food_waste" / f"{day}" / "plan.json").read_text(encoding="utf-8"))["audit"]
    assert noted == {"lines": entries[5]["line"], "hash": entries[5]["hash"]}
    capsys.readouterr()
    assert call(folder, "audit", "replay", "food_waste", "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert said["decisions"] == said["identical"] == 12 + len(logged(folder, "backtest")) > 200
    assert call(folder, "audit", "verify", run.name, "--holds", noted["hash"], "--json") == 0
    assert json.loads(capsys.readouterr().out)["kinds"]["decision"] == 12


def test_the_backtest_in_the_log_is_the_one_in_the_run(folder):
    run = next((folder / "mlruns" / "runs").iterdir())
    actions = pl.read_parquet(run / "decisions.parquet").filter(policy="plan")
    names = ("day", "branch", "product")
    told = {tuple(entry["keys"][name] for name in names): entry["decision"]["bake"] for entry in logged(folder, "backtest")}
    assert told == {(f"{day}", *keys): bake for day, *keys, bake in actions.select(*names, "bake").iter_rows()}


def test_other_models_inputs_and_decisions_are_told_apart(folder, capsys):
    assert plan(folder, "--for", f"{LAST}") == 0
    entry = logged(folder, "decision")[0]
    home, replay = folder / "mlruns", ("audit", "replay", "food_waste", "--lang", "en")
    kept = kept_folder(home, "food_waste", entry["batch"])
    away = kept.rename(kept.with_name("elsewhere"))
    assert call(folder, *replay) == 3
    assert "inputs are no longer kept" in capsys.readouterr().out
    away.rename(kept)
    rows = pl.read_parquet(kept / ROWS)
    rows.with_columns(level=pl.col("level") * 2).write_parquet(kept / ROWS)
    assert call(folder, *replay) == 3
    assert "kept inputs or settings were changed" in capsys.readouterr().out
    rows.write_parquet(kept / ROWS)
    assert call(folder, *replay) == 0
    model = next((home / "runs" / entry["run"] / "model").glob("*.json"))
    model.write_text(model.read_text(encoding="utf-8") + " ", encoding="utf-8")
    capsys.readouterr()
    assert call(folder, *replay) == 3
    said = capsys.readouterr()
    assert "model's files are not those that decided" in said.out
    assert "6 decisions could not be reproduced" in said.err


def test_a_forged_decision_with_right_hashes_is_not_reproduced(folder, capsys):
    assert plan(folder, "--for", f"{LAST}") == 0
    file = log_file(folder / "mlruns", "food_waste")
    entries = [{key: value for key, value in entry.items() if key not in {"line", "prev", "hash"}} for entry in read(file)]
    entries[-1]["decision"]["bake"] += 1
    entries[-2]["forecast"]["q0.3"] += 1e-9
    entries[-3]["inputs"] = "0" * 64
    file.unlink()
    Path(f"{file}.head").unlink()
    append(file, entries)
    capsys.readouterr()
    assert call(folder, "audit", "verify", "food_waste") == 0  # the chain alone cannot know
    assert call(folder, "audit", "replay", "food_waste", "--json") == 3
    told = json.loads(capsys.readouterr().out.partition("\n{")[2].join(["{", ""]))["differing"]
    lines = len(entries)
    assert [(one["line"], one["reason"].split(".")[1]) for one in told] == [
        (lines - 2, "other_inputs"),
        (lines - 1, "other_forecast"),
        (lines, "other_decision"),
    ]


def change(file: Path, value: object, why: str) -> None:
    book = openpyxl.load_workbook(file)
    for row in book["Süd"].iter_rows(min_row=2):
        if row[0].value == "Brötchen":
            row[3].value, row[4].value = value, why
    book.save(file)


def test_overrides_say_who_and_why_once_and_may_be_taken_back(folder, capsys):
    day = LAST - timedelta(days=2)
    assert plan(folder, "--for", f"{day}") == 0
    file = folder / "mlruns" / "plans" / "food_waste" / f"{day}" / "plan.xlsx"
    made = {entry["keys"]["product"]: entry for entry in logged(folder, "decision") if entry["keys"]["branch"] == "Süd"}
    change(file, 55, "Baustelle")
    for _ in range(2):
        assert plan(folder, "--learn", str(file), "--by", "M. Petersen") == 0
    (entry,) = logged(folder, "override")
    assert entry["keys"] == made["Brötchen"]["keys"]
    assert (entry["decision"], entry["override"]) == ({"bake": made["Brötchen"]["decision"]["bake"]}, {"bake": 55.0})
    assert (entry["reason"], entry["by"], entry["run"]) == ("Baustelle", "M. Petersen", made["Brötchen"]["run"])
    capsys.readouterr()
    change(file, 60, "Baustelle")
    assert plan(folder, "--learn", str(file)) == 0
    assert "without a name" in capsys.readouterr().out
    change(file, None, "")
    assert plan(folder, "--learn", str(file), "--by", "M. Petersen") == 0
    assert [entry["override"] for entry in logged(folder, "override")] == [{"bake": 55.0}, {"bake": 60.0}, None]
    assert verify(log_file(folder / "mlruns", "food_waste")).lines > 0


def test_people_are_counted_by_direction_and_each_line_once(tmp_path):
    file = log_file(tmp_path, "shops")
    assert people(file) is None
    lines = [{"kind": "decision", "run": "r", "keys": {"day": "d", "row": row}, "decision": {"bake": 5.0}} for row in range(10)]
    append(file, [*lines, *lines[:3]])  # three lines were planned twice

    def override(row: int, value: float | None, why: str | None = None, by: str | None = None) -> dict[str, object]:
        stands = None if value is None else {"bake": value}
        return {
            "kind": "override",
            "keys": {"day": "d", "row": row},
            "decision": {"bake": 5.0},
            "override": stands,
            "reason": why,
            "by": by,
        }

    append(file, [override(0, 7.0, "fair", "M. P."), override(1, 2.0, "fair"), override(1, 3.0), override(2, 9.0), override(2, None)])
    append(file, [override(3, 5.0, "looked at", "M. P.")])
    found = people(file)
    assert found == People(planned=10, raised=1, lowered=1, confirmed=1, named=1, reasoned=1, reasons=(("fair", 1),))
    assert found.agreement == pytest.approx((0.8, *clopper_pearson(8, 10)))
    heads: dict[Lang, str] = {"en": "People left 80 % of 10", "de": "80 % von 10 geplanten"}
    for lang, said in heads.items():
        (section,) = people_section(found, "food_waste", lang)
        assert section.title.replace("\xa0", " ").replace("80%", "80 %").startswith(said)
        assert len(section.tables) == 1, "a reason given once may tell of a single case"
    assert people_section(None, "food_waste", "en") == []


def test_no_plan_without_a_sound_log(folder, capsys):
    file = log_file(folder / "mlruns", "food_waste")
    file.write_bytes(file.read_bytes() + b'{"line":')
    day = LAST + timedelta(days=1)
    assert plan(folder, "--for", f"{day}") == 3
    assert "--repair" in capsys.readouterr().err
    assert not (folder / "mlruns" / "plans" / "food_waste" / f"{day}").exists()
    assert call(folder, "audit", "verify", str(file)) == 3
    assert call(folder, "audit", "verify", str(file), "--repair", "--lang", "de") == 0
    assert "Die letzte Zeile war abgeschnitten" in capsys.readouterr().out
    assert plan(folder, "--for", f"{day}") == 0


def test_what_is_not_there_is_named(tmp_path, capsys):
    for verb in ("verify", "replay"):
        assert main(["audit", verb, "food_waste", "--home", str(tmp_path)]) == 2
        assert "no run and no audit log" in capsys.readouterr().err


OWN = """
import polars as pl
from pipelines.models import WeekdayQuantile
from pipelines.models.panel import Panel
from pipelines.models.simple import weekday_columns
from pipelines.settings import CaseSettings
from pipelines.usecase import Column, UseCase

SCHEMA = {
    "day": Column("date", "time", "day"),
    "ward": Column("text", "key", "ward"),
    "cases": Column("number", "outcome", "cases", minimum=0),
}
PANEL = Panel(keys=("ward",), target="cases")
LEVELS = (0.5, 0.8)

def value(rows, s):
    missed, idle = (pl.col("cases") - pl.col("beds")).clip(0), (pl.col("beds") - pl.col("cases")).clip(0)
    return rows.select(eur=3.0 * missed + idle)

CASE = UseCase(
    name="wards", schema=SCHEMA, settings=CaseSettings,
    features=lambda rows, s: weekday_columns(rows, LEVELS, PANEL).with_columns(level=pl.col("weekday_8_q0.5")),
    model=lambda s: WeekdayQuantile(LEVELS, PANEL),
    decide=lambda rows, s: rows.with_columns(beds=pl.col("q0.8").ceil()).sort("ward", descending=True),
    usual=lambda rows, s: rows.with_columns(beds=pl.lit(60.0)),
    value=value, notice={"en": "Research and teaching, not a medical device", "de": "Forschung und Lehre, kein Medizinprodukt"},
)
"""


def test_a_thousand_decisions_of_an_own_use_case_are_replayed_identically(tmp_path, mlflow_home, capsys):
    """1,020 wards in one plan; `decide` returns them in another order; the notice stands on every page."""
    folder = tmp_path / "wards"
    folder.mkdir()
    days = [date(2024, 1, 1) + timedelta(days=number) for number in range(180)]
    rows = pl.DataFrame({"day": days}).join(pl.DataFrame({"ward": [f"w{number:04}" for number in range(1020)]}), how="cross")
    rows.with_columns(cases=pl.Series(np.random.default_rng(3).poisson(20, rows.height))).write_csv(folder / "wards.csv")
    (folder / "usecase.py").write_text(OWN, encoding="utf-8")
    (folder / "settings.toml").write_text('case = "wards"\n[data.sales]\nfile = "wards.csv"\n', encoding="utf-8")
    assert main(["run", str(folder)]) == 0
    assert main(["plan", str(folder), "--for", "2024-06-29"]) == 0
    capsys.readouterr()
    assert main(["audit", "replay", "wards", "--case", str(folder), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["decisions"], said["identical"], said["differing"], said["lost"]) == (1020, 1020, [], [])
    run = next((mlflow_home / "runs").glob("wards-*"))
    notice = "Research and teaching, not a medical device"
    assert (run / "report.html").read_text(encoding="utf-8").count(notice) >= 2
    sheets = mlflow_home / "plans" / "wards" / "2024-06-29"
    assert (sheets / "plan.html").read_text(encoding="utf-8").count(notice) >= 2
    book = openpyxl.load_workbook(sheets / "plan.xlsx", read_only=False)
    page = book.worksheets[0]
    assert page.oddFooter.left.text == notice
    assert page.cell(page.max_row, 1).value == notice
    assert main(["plan", str(folder), "--learn", str(sheets / "plan.xlsx")]) == 0  # the notice is no changed line


def test_the_state_in_which_a_day_begins_is_kept_and_replayed(folder, capsys):
    """Day-old pieces on the shelf change the decision: without the kept state the replay would decide otherwise."""
    assert plan(folder, "--for", f"{LAST}") == 0
    assert plan(folder, "--for", f"{LAST}", "--set", "day_old.demand_share=0.4", "--set", "day_old.replaces=1.0") == 0
    entries = logged(folder, "decision")
    alone, shelf = ([entry["decision"]["bake"] for entry in entries[first : first + 6]] for first in (0, 6))
    assert alone != shelf
    kept = kept_folder(folder / "mlruns", "food_waste", entries[6]["batch"])
    assert pl.read_parquet(kept / "state.parquet").height > 0
    capsys.readouterr()
    assert call(folder, "audit", "replay", "food_waste", "--json") == 0
    assert json.loads(capsys.readouterr().out)["differing"] == []


@dataclass(frozen=True)
class Battery:
    """A state as a use case may have it."""

    charge_kwh: float
    since: date


class Closed:
    """A state that nothing can be said about."""


@pytest.mark.parametrize("state", [None, Battery(3.7, date(2024, 3, 1)), {"a": [1, 2.5]}, 0.1 + 0.2])
def test_states_are_read_back_equal(tmp_path, state):
    keep_state(tmp_path, state)
    assert read_state(tmp_path) == (True, state)


def test_a_state_that_cannot_be_kept_is_said_so(tmp_path):
    keep_state(tmp_path, Closed())
    assert read_state(tmp_path) == (False, None)
