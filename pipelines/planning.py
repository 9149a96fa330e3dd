"""What `musterwerk plan` does: the champion on fresh data, sheets that nobody's changes are lost in, and learning from changes."""

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from pipelines.audit import Head, log_file, log_overrides, log_plan, people
from pipelines.champions import chosen_run
from pipelines.errors import InputError, Said
from pipelines.evidence import StoredRun, load_model
from pipelines.plan.deciding import Planned, decided, everything, gaps
from pipelines.plan.learn import brought, changes, recorded
from pipelines.plan.learn import remember as remember_changes
from pipelines.plan.page import page
from pipelines.plan.sheets import as_csv, quantity_label, rows_of, workbook
from pipelines.run import gridded
from pipelines.running import running
from pipelines.settings import CaseSettings, load_settings, merged, override, read_toml
from pipelines.table import Loaded, data_digest
from pipelines.texts import Lang, label, number, text
from pipelines.usecase import Sheet, UseCase
from pipelines.work import Chosen, Outcome, Request, choose_settings, hint_at_killed_work, load, make_home

FACTS, ROWS = "plan.json", "plan.parquet"
DAY = "planned_day"
XLSX = ".xlsx"
STEM = "plan"
WORKBOOK = STEM + XLSX


@dataclass(frozen=True)
class PlanRequest:
    """What the user asked for: the run's request, the day, an earlier model, another folder, whether gates are overruled."""

    run: Request
    day: date
    model: str | None
    out: Path | None
    force: bool


def make_plan(request: PlanRequest) -> Outcome:
    """Plan one day and write workbook, csv and page; return what a person reads.

    Raises
    ------
    InputError
        Unknown use case, files or model, or no series open that day.
    GateError
        No champion, stale or shrunken data.
    """
    chosen = choose_settings(request.run)
    hint_at_killed_work(request.run.home, request.run.lang)
    case, lang = chosen.case, request.run.lang
    stored = chosen_run(request.run.home, case.name, request.model)
    settings = _settings(chosen, stored, request.run)
    loaded = load(Chosen(case, settings, chosen.base, chosen.own_settings), request.run.data, lang)
    make_home(request.run.home)
    with running(request.run.home, "plan", case.name):
        return _planned(request, case, stored, settings, loaded)


def _planned(request: PlanRequest, case: UseCase[Any], stored: StoredRun, settings: CaseSettings, loaded: Loaded) -> Outcome:
    lang = request.run.lang
    fitted = load_settings(case.settings, read_toml(stored.folder / "settings.toml"))
    if case.lead(fitted) != case.lead(settings):
        raise InputError("plan.other_lead", run=stored.name, then=case.lead(fitted), now=case.lead(settings))
    rows = everything(case, loaded, settings, request.day)
    planned = decided(case, rows, settings, load_model(stored.folder / "model"), request.day, lang)
    if not request.force:
        found = gaps(case, planned, stored.frames["forecasts"], rows, settings)
        planned = replace(planned, notes=(*planned.notes, *found))
    title = case.title.get(lang, case.name)
    basis = text("plan.basis", lang, run=stored.name, last=planned.last, source=loaded.source)
    sheets = workbook(planned, lang, title)
    files = {f"{STEM}.csv": as_csv(planned), f"{STEM}.html": page(planned, lang, title, basis).encode(), WORKBOOK: sheets}
    if case.plan_files:
        further = case.plan_files(planned.rows, settings, lang)
        files |= {name: content if isinstance(content, bytes) else content.encode() for name, content in further.items()}
    head = log_plan(request.run.home, planned, case, stored, settings, data_digest(rows))  # before anybody sees the plan
    folder = request.out or plan_folder(request.run.home, case.name, request.day)
    workbook_name, spared = _write(folder, files, planned, stored, case, head)
    return _outcome(planned, stored, folder / workbook_name, spared, lang)


def _settings(chosen: Chosen, stored: StoredRun, request: Request) -> CaseSettings:
    """Return the settings the model was fitted with, but the files, costs and limits of today's settings and each --set."""
    fitted = read_toml(stored.folder / "settings.toml")
    now = chosen.settings.model_dump(exclude_unset=True)
    keep: dict[str, Any] = {name: fitted[name] for name in ("forecast", "seed", "threads") if name in fitted}
    values = merged(now, keep)
    for pair in request.changes:
        values = merged(values, override(pair))
    return load_settings(chosen.case.settings, values)


def plan_folder(home: Path, case: str, day: date) -> Path:
    """Return where the plan of a day is kept."""
    return home / "plans" / case / f"{day:%Y-%m-%d}"


def _write(
    folder: Path, files: Mapping[str, bytes], planned: Planned, stored: StoredRun, case: UseCase[Any], logged: Head
) -> tuple[str, str | None]:
    """Write the files; a workbook that somebody changed stays, the new one gets a number. Return the new one's name and the spared one."""
    folder.mkdir(parents=True, exist_ok=True)
    facts = _facts(folder)
    name, number_ = WORKBOOK, 1
    while (folder / name).exists() and _digest((folder / name).read_bytes()) != facts["workbooks"].get(name):
        number_ += 1
        name = f"plan-{number_}{XLSX}"
    spared = WORKBOOK if name != WORKBOOK else None
    contents = {(name if file_name == WORKBOOK else file_name): content for file_name, content in files.items()}
    sheet = planned.sheet
    facts |= {"case": case.name, "day": f"{planned.day}", "run": stored.name, "data_until": f"{planned.last}",
              "audit": vars(logged), "notice": dict(planned.notice),
              "sheet": {"group": sheet.group, "item": list(sheet.item), "quantity": sheet.quantity, "unit": sheet.unit},
              "workbooks": {**facts["workbooks"], name: _digest(contents[name])}}  # fmt: skip
    part = folder / ".part"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    for file_name, content in contents.items():
        (part / file_name).write_bytes(content)
    rows_of(planned).with_columns(pl.lit(planned.day).alias(DAY)).write_parquet(part / f"{Path(name).stem}.parquet")
    (part / FACTS).write_text(json.dumps(facts, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    for file in sorted(part.iterdir(), key=lambda path: path.name == FACTS, reverse=True):  # the facts first: they know the digest
        os.replace(file, folder / file.name)  # noqa: PTH105 - says that it replaces
    part.rmdir()
    return name, spared


def _facts(folder: Path) -> dict[str, Any]:
    file = folder / FACTS
    facts: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {"workbooks": {}}
    return facts


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _total(quantity: pl.Series, lang: Lang) -> str:
    """Return the sum of the quantities; where some are negative (taken here, brought there), what is added and what is taken."""
    more, less = float(quantity.clip(lower_bound=0).sum()), float(quantity.clip(upper_bound=0).sum())
    return f"+{number(more, lang)} / −{number(-less, lang)}" if less else number(more, lang)


def _outcome(planned: Planned, stored: StoredRun, workbook_file: Path, spared: str | None, lang: Lang) -> Outcome:
    rows = rows_of(planned)
    total = float(rows["quantity"].sum())
    values = {
        "day": planned.day,
        "rows": number(rows.height, lang),
        "groups": number(rows[planned.sheet.group].n_unique(), lang),
        "total": _total(rows["quantity"], lang),
        "unit": quantity_label(planned, lang),
        "run": stored.name,
        "file": workbook_file,
        "folder": workbook_file.parent,
    }
    lines = [text("plan.headline", lang, **values)]
    lines += [text(note.key, lang, **note.values) for note in planned.notes]
    if spared:
        lines.append(text("plan.spared", lang, file=workbook_file.parent / spared, other=workbook_file.name))
    lines.append(text("plan.paths", lang, **values))
    summary = {"day": planned.day, "rows": rows.height, "total": total, "run": stored.name, "data_until": planned.last,
               "file": str(workbook_file), "folder": str(workbook_file.parent), "changed_sheet_kept": spared}  # fmt: skip
    return Outcome("\n".join(lines), summary)


def learn(request: Request, file: Path, by: str | None = None) -> Outcome:
    """Read a changed plan sheet back, record the overrides, and say what all recorded ones brought where the truth is known.

    Parameters
    ----------
    by
        Who changed the sheet, for the audit log.

    Raises
    ------
    InputError
        The file does not lie beside the plan it belongs to, or a changed cell cannot be read.
    """
    chosen = choose_settings(request)
    case, lang = chosen.case, request.lang
    if not file.is_file():
        raise InputError("plan.no_sheet", file=file, problem=Said("cli.no_such_file", {}))
    facts = _facts(file.parent)
    plan = file.parent / f"{file.stem}.parquet"
    plan = plan if plan.is_file() else file.parent / ROWS
    if facts.get("case") != case.name or not plan.is_file():
        raise InputError("plan.not_beside", file=file, case=case.name)
    sheet = Sheet(**{**facts["sheet"], "item": tuple(facts["sheet"]["item"])})
    made = pl.read_parquet(plan)
    lines = changes(file, case.name, sheet, made, made[DAY][0])
    record = request.home / "overrides" / f"{case.name}.csv"
    logged = log_overrides(request.home, facts, sheet, lines, made[DAY][0], by)
    held = remember_changes(record, lines) if lines.height else 0
    said = [text("plan.learnt", lang, count=number(lines.height, lang), file=record)]
    if logged:
        key = "audit.logged" if by else "audit.logged_nobody"
        said.append(text(key, lang, count=number(logged, lang), file=log_file(request.home, case.name)))
    counted = people(log_file(request.home, case.name))
    if counted is not None and counted.agreement is not None:
        share, low, high = (number(100 * part, lang, 1) for part in counted.agreement)
        figures = {name: number(getattr(counted, name), lang) for name in ("planned", "changed", "raised", "lowered")}
        said.append(text("plan.people", lang, **figures, share=share, low=low, high=high))
    summary: dict[str, Any] = {"changes": lines.height, "recorded": held, "logged": logged, "file": str(record),
                               "people": vars(counted) if counted else None}  # fmt: skip
    if record.is_file() and (request.data is not None or chosen.settings.data or case.simulate):
        rows = gridded(case, load(chosen, request.data, lang), chosen.settings)
        found = brought(case, rows, chosen.settings, recorded(record, rows), sheet.quantity)
        if found is None:
            said.append(text("plan.truth_unknown", lang))
        else:
            shown = {"unit": label(case.name, "unit", found.unit, lang), "rows": found.rows, "saved": number(abs(found.saved), lang, 2)}
            said.append(text("plan.brought_saved" if found.saved >= 0 else "plan.brought_lost", lang, **shown))
            summary |= {"unit": found.unit, "judged": found.rows, "planned": found.planned, "changed": found.changed, "saved": found.saved}
    return Outcome("\n".join(said), summary)
