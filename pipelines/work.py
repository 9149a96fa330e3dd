"""What `musterwerk run` does: find the use case, its settings and data, run, write the evidence, record it in MLflow."""

import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryFile
from time import monotonic
from typing import Any

from pipelines.backtest import Progress
from pipelines.errors import InputError
from pipelines.folders import CODE, SETTINGS, own_case, refuse_card, settings_file
from pipelines.progress import shown_progress
from pipelines.renamed import told
from pipelines.result import Note, Result
from pipelines.run import prepare, run
from pipelines.running import killed, running
from pipelines.settings import CaseSettings, TableSettings, load_settings, merged, override, read_toml
from pipelines.table import Loaded
from pipelines.texts import Lang, number, text
from pipelines.usecase import UseCase

REPORT = "report" + ".html"


@dataclass(frozen=True)
class Request:
    """What the user asked for on the command line."""

    case: str
    cases: Mapping[str, str]
    data: Path | None
    settings: Path | None
    changes: tuple[str, ...]
    home: Path
    lang: Lang
    audit: bool = False  # log every decision of the backtest


@dataclass(frozen=True)
class Outcome:
    """What the user gets: a message for people, a summary for machines."""

    message: str
    summary: Mapping[str, Any]


@dataclass(frozen=True)
class Chosen:
    """A use case with the settings to run it with and the folder its files are relative to."""

    case: UseCase[CaseSettings]
    settings: CaseSettings
    base: Path
    own_settings: bool


def find_case(name: str, cases: Mapping[str, str]) -> UseCase[CaseSettings]:
    """Return the built-in use case; raise InputError with the closest name when there is none."""
    if name not in cases:
        near = get_close_matches(name, cases, n=1)
        raise InputError("cli.no_case", case=name, near=near[0] if near else next(iter(cases), "-"), known=", ".join(cases))
    found: UseCase[CaseSettings] = import_module(cases[name]).CASE
    return found


def choose_settings(request: Request) -> Chosen:
    """Return use case and settings: a folder's settings.toml, --settings, or the built-in example; then each --set.

    Raises
    ------
    InputError
        When the use case or file does not exist or a setting is unknown or out of bounds.
    """
    folder = Path(request.case)
    file = settings_file(request.case, request.settings, request.cases)
    values = read_toml(file) if file else {}
    name = request.case if request.case in request.cases else str(values.get("case", request.case))
    case = own_case(folder / CODE) if (folder / CODE).is_file() and file is not None else find_case(name, request.cases)
    if file is None:
        values = read_toml(case.folder / SETTINGS) if case.folder else {}
    if values.get("case", name) != name:
        raise InputError("cli.other_case", file=file, found=values["case"], case=name)
    for pair in request.changes:
        values = merged(values, override(pair))
    settings = load_settings(case.settings, {"case": name}, values, file=file or SETTINGS)
    sys.stderr.writelines(f"{line}\n" for line in told(values, case.settings.renamed, file or SETTINGS, request.lang))
    if request.data is None and file is not None:
        refuse_card(file.parent, (file.parent / table.file for table in settings.data.values()))
    return Chosen(case, settings, file.parent if file else Path.cwd(), file is not None)


def load(chosen: Chosen, data: Path | None, lang: Lang) -> Loaded:
    """Return the tables: the user's files, or the embedded simulated data when no data are named anywhere."""
    from pipelines.table import load_separate, load_tables

    if data is None and not chosen.settings.data:
        if chosen.case.simulate is None:
            raise InputError("cli.no_data", case=chosen.case.name)
        return Loaded(chosen.case.simulate(chosen.settings), (), text("cli.simulated", lang))
    first = next(iter(chosen.case.tables), "sales")
    tables = chosen.settings.data or {first: TableSettings()}
    if chosen.case.assemble is None:
        loaded = load_tables(chosen.case.schema, tables, chosen.base, data, chosen.case.name)
    else:
        loaded = load_separate(chosen.case.tables, tables, chosen.base, data, chosen.case.name)
    return loaded if chosen.own_settings else replace(loaded, notes=(*loaded.notes, Note("cli.example_settings", {})))


def run_and_record(request: Request) -> Outcome:
    """Run a use case from the command line's request; write the run folder and record it in MLflow."""
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    started = monotonic()
    chosen = choose_settings(request)
    hint_at_killed_work(request.home, request.lang)
    with shown_progress(request.lang) as progress:
        progress("read", 0.0)
        loaded = load(chosen, request.data, request.lang)
        make_home(request.home)
        with running(request.home, "run", chosen.case.name):
            return _run(request, chosen, loaded, progress, started)


def _run(request: Request, chosen: Chosen, loaded: Loaded, progress: Progress, started: float) -> Outcome:
    from pipelines.champions import remember
    from pipelines.evidence import run_name, write_run
    from pipelines.report.write import render

    kept: list[Any] = []
    keep = (lambda rows, replayed: kept.extend((rows, replayed))) if request.audit else None
    result = run(chosen.case, prepare(chosen.case, loaded, chosen.settings), chosen.settings, progress, keep)
    progress("write", 0.0)
    name = run_name(request.home, chosen.case.name, datetime.now(UTC))
    further = _sections(chosen.case, result, request.home, request.lang)
    page = render(result, request.lang, chosen.case.title.get(request.lang, ""), name, further)
    extra = {"duration": f"{monotonic() - started:.1f}", "data": result.data.source}
    folder = write_run(result, request.home, name, extra, files={REPORT: page})
    if request.audit:
        _log(request.home, name, chosen.case, result, *kept)
    beats = result.select_saved.low is not None and result.select_saved.low > 0
    remember(request.home, chosen.case.name, name, None, beats=beats)  # also where MLflow cannot be reached
    progress("track", 0.0)
    tracked = _track(result, folder, request.home)
    remember(request.home, chosen.case.name, name, tracked.version, beats=beats)
    return Outcome(headline(result, folder, request.lang), summary(result, folder, tracked))


def _sections(case: UseCase[CaseSettings], result: Result, home: Path, lang: Lang) -> list[Any]:
    """Return the report's further sections: the use case's own, and what people made of its plans so far."""
    from pipelines.audit import log_file, people
    from pipelines.report.people import people_section

    own = case.sections(result, lang) if case.sections else ()
    return [*own, *people_section(people(log_file(home, case.name)), case.name, lang)]


def _log(home: Path, name: str, case: UseCase[CaseSettings], result: Result, rows: Any, replayed: Any) -> None:
    from pipelines.audit import Subject, log_backtest

    subject = Subject(case, name, None, result.data.digest, result.settings)
    log_backtest(home, subject, rows, replayed, list(result.model.columns))


def run_folder(run_or_folder: str, home: Path) -> Path:
    """Return the folder of a run below `home` by its name, else the folder named."""
    return home / "runs" / run_or_folder if (home / "runs" / run_or_folder).is_dir() else Path(run_or_folder)


def case_of_run(name: str, cases: Mapping[str, str], home: Path) -> UseCase[CaseSettings]:
    """Return a stored run's use case: the own code of the folder around `home`, or of the one worked in, goes before the built-in one."""
    for folder in (home.resolve().parent, Path.cwd()):
        if (folder / CODE).is_file() and (folder / SETTINGS).is_file() and read_toml(folder / SETTINGS).get("case") == name:
            return own_case(folder / CODE)
    if name not in cases:
        raise InputError("cli.not_its_folder", case=name, file=CODE)
    return find_case(name, cases)


def redraw(run_or_folder: str, cases: Mapping[str, str], home: Path, out: Path | None, lang: Lang) -> Path:
    """Draw a run's report again from its folder; return the file. Raise InputError when there is no such run or use case."""
    from pipelines.evidence import read_run
    from pipelines.report.write import render

    folder = run_folder(run_or_folder, home)
    stored = read_run(folder)
    case = case_of_run(stored.case, cases, home)
    result = stored.result(case.settings)
    further = _sections(case, result, home, lang)
    file = out or folder / REPORT
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_name(f".{file.name}.{os.getpid()}.part")
    unfinished.write_text(render(result, lang, case.title.get(lang, ""), stored.name, further), encoding="utf-8", newline="\n")
    unfinished.replace(file)
    return file


def hint_at_killed_work(home: Path, lang: Lang) -> None:
    """Tell on stderr of work that was killed: nobody shall wonder why a run is missing."""
    for mark in killed(home)[:1]:
        sys.stderr.write(text("doctor.hint", lang, verb=mark.verb, case=mark.case, started=mark.started) + "\n")


def make_home(home: Path) -> None:
    """Make the folder of all runs, so that a run of minutes does not end where nothing can be written."""
    try:
        (home / "runs").mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=home / "runs"):
            pass
    except OSError as error:
        raise InputError("cli.no_home", folder=home, problem=error.strerror or error) from None


def _track(result: Result, folder: Path, home: Path) -> Any:
    from pipelines.track import log_run

    return log_run(result, folder, home, os.environ.get("MLFLOW_TRACKING_URI"))


def headline(result: Result, folder: Path, lang: Lang) -> str:
    """Return what a person reads at the end: verdict, saving with interval, captured share, and where everything is."""
    head = result.headline
    values = {
        "saved": number(head.saved.value or 0.0, lang),
        "weekly": number((head.saved.value or 0.0) / (result.report.days / 7), lang),
        "low": number(head.saved.low, lang) if head.saved.low is not None else "?",
        "high": number(head.saved.high, lang) if head.saved.high is not None else "?",
        "unit": _unit(result.case, head.unit, head.saved.value, lang),
        "captured": number(100 * head.captured.value, lang) if head.captured.value is not None else "?",
        "first": result.report.first,
        "last": result.report.last,
        "folder": folder,
    }
    lines = [text(f"cli.verdict_{result.verdict}", lang), text("cli.headline", lang, **values), *caveats(result, lang)]
    return "\n".join([*lines, text("cli.paths", lang, **values)])


def caveats(result: Result, lang: Lang) -> list[str]:
    """Return what the headline must not be read without: the plan against the best simple rule, and what the use case says."""
    found, rival, unit = [], result.best_rule, result.headline.unit
    if rival is not None:
        saved = {name: "?" if value is None else number(value, lang) for name, value in vars(rival.saved).items()}
        named = _unit(result.case, unit, rival.saved.value, lang)
        given = {"saved": saved["value"], "low": saved["low"], "high": saved["high"], "unit": named}
        found.append(text("cli.against_rule", lang, rule=_label(result.case, "rule", rival.rule, lang), **given))
    return [*found, *(text(note.key, lang, **note.values) for note in result.caveats)]


def _unit(case: str, unit: str, amount: float | None, lang: Lang) -> str:
    """Return a unit as it stands behind an amount: Euro behind 1, Euros behind others."""
    one = f"{unit}_one" if number(amount or 0.0, lang) == "1" else unit
    said = _label(case, "unit", one, lang)
    return said if said != one else _label(case, "unit", unit, lang)


def _label(case: str, group: str, name: str, lang: Lang) -> str:
    """Return a unit or rule in the user's words; its bare name where no catalogue has it (a folder's own code)."""
    for area in (case, "report"):
        with suppress(KeyError):
            return text(f"{area}.{group}_{name}", lang)
    return name


def summary(result: Result, folder: Path, tracked: Any) -> dict[str, Any]:
    """Return the run in machine-readable form."""
    head, rule = result.headline, result.best_rule
    return {
        "case": result.case,
        "verdict": result.verdict,
        "unit": head.unit,
        "saved": vars(head.saved),
        "captured_share": vars(head.captured),
        "best_rule": None if rule is None else {"rule": rule.rule, "saved": vars(rule.saved)},
        "extras": dict(result.extras),
        "caveats": [text(note.key, "en", **note.values) for note in result.caveats],
        "totals": {saving.unit: {"usual": saving.usual, "plan": saving.plan, "perfect": saving.perfect} for saving in result.savings},
        "report_period": [result.report.first, result.report.last],
        "scores": dict(result.scores),
        "data_digest": result.data.digest,
        "folder": str(folder),
        "report": str(folder / "report.html"),
        "mlflow_run": tracked.run_id,
    }
