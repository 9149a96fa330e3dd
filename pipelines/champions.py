"""Which run plans: the last one whose plan beat business as usual on the select period; readable without MLflow."""

import json
from pathlib import Path
from typing import Any

from pipelines.errors import GateError, InputError
from pipelines.evidence import StoredRun, read_run

FOLDER = "champions"


def remember(home: Path, case: str, run: str, version: str | None, beats: bool) -> None:
    """Record a run's registered version, and make the run the champion when it beat business as usual on select."""
    facts = _read(home, case)
    if version:
        facts["versions"][version] = run
    if beats:
        facts["champion"] = run
    file = home / FOLDER / f"{case}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_name(f".{file.name}.part")
    unfinished.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    unfinished.replace(file)


def chosen_run(home: Path, case: str, wanted: str | None) -> StoredRun:
    """Return the champion's run, or the one wanted: a run's name, or the number of its registered version.

    Raises
    ------
    InputError
        The wanted run does not exist.
    GateError
        No run has beaten business as usual on the select period yet.
    """
    facts = _read(home, case)
    name = facts["versions"].get(wanted, wanted) if wanted else facts["champion"]
    if name is None:
        known = sorted(path.name for path in (home / "runs").glob(f"{case}-*") if path.is_dir())
        if not known:
            raise InputError("plan.no_run", case=case, home=home)
        raise GateError("plan.no_champion", case=case, latest=known[-1])
    folder = home / "runs" / name
    if not folder.is_dir():
        versions = ", ".join(f"{version} = {run}" for version, run in facts["versions"].items())
        raise InputError("plan.no_such_model", model=wanted or name, home=home, versions=versions or "-")
    return read_run(folder)


def _read(home: Path, case: str) -> dict[str, Any]:
    file = home / FOLDER / f"{case}.json"
    if not file.is_file():
        return {"champion": None, "versions": {}}
    facts: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return facts
