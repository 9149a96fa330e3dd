"""Make every logged decision again from the stored model and the kept inputs, and compare it with the log."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from importlib import import_module
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any

import polars as pl
from pydantic import TypeAdapter

from pipelines.audit.chain import read
from pipelines.audit.entries import HASHED, ROWS, SALT, SETTINGS, STATE, STATE_ROWS, hashed, json_value, kept_folder, model_digest
from pipelines.evidence import MODEL, load_model
from pipelines.plan.deciding import acted
from pipelines.replay import replay, visible
from pipelines.usecase import UseCase

DECIDED = ("decision", "backtest")
Case = UseCase[Any]


@dataclass(frozen=True)
class Replayed:
    """What a replay found: `differing` and `lost` (not replayable) hold line numbers with the reason as a text key."""

    decisions: int
    differing: tuple[tuple[int, str], ...]
    lost: tuple[tuple[int, str], ...]

    @property
    def identical(self) -> int:
        """Decisions made again exactly as logged."""
        return self.decisions - len(self.differing) - len(self.lost)


def replay_log(file: Path, home: Path, find: Callable[[str], Case], run: str | None = None) -> Replayed:
    """Replay every decision of a log, or of one run; the chain is verified on the way.

    Parameters
    ----------
    find
        Name of a use case -> the use case.

    Raises
    ------
    GateError
        The log itself was changed.
    """
    logged = (entry for entry in read(file) if entry["kind"] in DECIDED and run in {None, entry["run"]})
    count = 0
    differing: list[tuple[int, str]] = []
    lost: list[tuple[int, str]] = []
    for _, batch in groupby(logged, key=lambda entry: (entry["batch"], entry["kind"], entry["run"])):
        entries = list(batch)
        count += len(entries)
        reason, rows = _made_again(entries[0], home, find)
        if rows is None:
            lost += [(entry["line"], reason) for entry in entries]
        elif reason:
            differing += [(entry["line"], reason) for entry in entries]
        else:
            differing += _compared(entries, rows)
    return Replayed(count, tuple(differing), tuple(lost))


def _made_again(entry: Mapping[str, Any], home: Path, find: Callable[[str], Case]) -> tuple[str, list[dict[str, Any]] | None]:
    """Return the reason why a batch cannot be replayed or must differ, and its rows made again."""
    folder = kept_folder(home, entry["case"], entry["batch"])
    if not folder.is_dir():
        return "audit.inputs_gone", None
    if model_digest(folder) != entry["batch"] or sha256((folder / SETTINGS).read_bytes()).hexdigest() != entry["settings"]:
        return "audit.inputs_changed", []
    model_folder = home / "runs" / entry["run"] / MODEL
    if entry["kind"] == "decision" and not model_folder.is_dir():
        return "audit.run_gone", None
    if entry["kind"] == "decision" and model_digest(model_folder) != entry["model"]:
        return "audit.model_changed", []
    case = find(entry["case"])
    rows = pl.read_parquet(folder / ROWS)
    settings = case.settings.model_validate_json((folder / SETTINGS).read_bytes())
    seen = rows if entry["kind"] == "decision" else visible(case, rows, decisions=False)
    index = [case.time, *case.keys]
    if entry["kind"] == "backtest":
        actions = replay(case, rows, settings, case.decide, "plan").actions
        made = rows.join(actions, on=index, how="left", maintain_order="left")
    else:
        known, state = read_state(folder)
        if not known:
            return "audit.state_lost", None
        made = acted(case, load_model(model_folder).predict(rows), settings, state)
    hashes = hashed(seen, index, (folder / SALT).read_bytes())
    return "", made.join(hashes, on=index, how="left", maintain_order="left").to_dicts()


def _compared(entries: Iterable[Mapping[str, Any]], rows: list[dict[str, Any]]) -> list[tuple[int, str]]:
    found = []
    for entry in entries:
        row = rows[entry["row"]] if entry["row"] < len(rows) else {}
        again = {part: {name: json_value(row.get(name)) for name in entry[part]} for part in ("keys", "forecast", "decision")}
        if row.get(HASHED) != entry["inputs"] or again["keys"] != entry["keys"]:
            found.append((entry["line"], "audit.other_inputs"))
        elif again["forecast"] != entry["forecast"]:
            found.append((entry["line"], "audit.other_forecast"))
        elif again["decision"] != entry["decision"]:
            found.append((entry["line"], "audit.other_decision"))
    return found


def read_state(folder: Path) -> tuple[bool, Any]:
    """Return whether the state was kept, and the state."""
    if (folder / STATE_ROWS).is_file():
        return True, pl.read_parquet(folder / STATE_ROWS)
    stored = json.loads((folder / STATE).read_text(encoding="utf-8"))
    module, _, kind = stored["kind"].partition(":")
    if not kind:
        return False, None
    found: Any = type(None) if kind == "NoneType" else attrgetter(kind)(import_module(module))
    return True, TypeAdapter(found).validate_python(stored["value"])
