"""What `musterwerk audit` does: find the log, verify it, replay its decisions, and say it in the user's language."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipelines.audit import log_file, read, repair, replay_log, verify
from pipelines.errors import InputError
from pipelines.evidence import read_run
from pipelines.folders import CODE, own_case
from pipelines.texts import Lang, number, text
from pipelines.usecase import UseCase
from pipelines.work import Outcome, find_case, run_folder

SHOWN = 10  # lines named before the rest is counted


def find_log(named: str, home: Path) -> tuple[Path, str | None]:
    """Return the log that a file, a run or a use case names, and the run if it was one."""
    if Path(named).is_file():
        return Path(named), None
    folder = run_folder(named, home)
    if folder.is_dir() and (folder / "result.json").is_file():
        stored = read_run(folder)
        return log_file(home, stored.case), stored.name
    if log_file(home, named).is_file():
        return log_file(home, named), None
    raise InputError("audit.not_found", name=named, home=home)


def verified(named: str, home: Path, lang: Lang, holds: str | None, *, mend: bool) -> Outcome:
    """Verify a log; with `mend`, first move a cut-off last line aside.

    Raises
    ------
    GateError
        At the first line that is not as it was written.
    InputError
        There is no such log.
    """
    file, run = find_log(named, home)
    said = []
    aside = repair(file) if mend else None
    if aside:
        said.append(text("audit.repaired", lang, file=aside))
    head = verify(file, holds)
    kinds: dict[str, int] = {}
    times: list[str] = []
    for entry in read(file):
        times = [*times[:1], str(entry["time"])]
        if run in {None, entry.get("run")}:
            kinds[entry["kind"]] = kinds.get(entry["kind"], 0) + 1
    counted = ", ".join(f"{number(count, lang)} {text(f'audit.kind_{kind}', lang)}" for kind, count in sorted(kinds.items())) or "-"
    said.append(text("audit.whole", lang, file=file, lines=number(head.lines, lang), counted=counted))
    if times:
        said.append(text("audit.span", lang, first=times[0], last=times[-1], hash=head.hash))
    summary = {"file": str(file), "lines": head.lines, "hash": head.hash, "kinds": kinds, "run": run, "moved_aside": aside}
    return Outcome("\n".join(said), summary)


def replayed(named: str, cases: Mapping[str, str], folder: Path | None, home: Path, lang: Lang) -> Outcome:
    """Replay the decisions of a log or of one run.

    Raises
    ------
    GateError
        The log was changed.
    InputError
        There is no such log or use case.
    """
    file, run = find_log(named, home)

    def find(name: str) -> UseCase[Any]:
        return own_case(folder / CODE) if folder else find_case(name, cases)

    found = replay_log(file, home, find, run)
    said = [text("audit.replayed", lang, decisions=number(found.decisions, lang), identical=number(found.identical, lang))]
    problems = (*found.differing, *found.lost)
    said += [text("audit.at_line", lang, line=line, problem=text(key, lang)) for line, key in problems[:SHOWN]]
    if len(problems) > SHOWN:
        said.append(text("audit.further", lang, count=number(len(problems) - SHOWN, lang)))
    summary = {"file": str(file), "run": run, "decisions": found.decisions, "identical": found.identical,
               "differing": [{"line": line, "reason": key} for line, key in found.differing],
               "lost": [{"line": line, "reason": key} for line, key in found.lost]}  # fmt: skip
    return Outcome("\n".join(said), summary)
