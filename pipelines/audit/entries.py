"""What a line of the log says of a decision or an override, and the inputs that are kept so that it can be replayed."""

import hmac
import json
import math
import secrets
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from hashlib import sha256
from pathlib import Path
from typing import Any

import polars as pl
from pydantic import TypeAdapter
from pydantic.errors import PydanticSchemaGenerationError

from pipelines.audit.chain import Head, append, read
from pipelines.evidence import MODEL, StoredRun
from pipelines.plan.deciding import Planned
from pipelines.replay import Replay, visible
from pipelines.settings import CaseSettings
from pipelines.usecase import Sheet, UseCase

FOLDER, KEPT = "audit", "inputs"
HASHED = "_hash"
NOBODY: dict[str, Any] = {"override": None, "by": None}  # no person changed it
ROWS, SETTINGS, SALT, STATE_ROWS, STATE = "rows.parquet", "settings.json", "salt", "state.parquet", "state.json"


@dataclass(frozen=True)
class Subject:
    """What decided: run, model (sha256 of its files, None where none is kept), data (sha256 of the rows), settings."""

    case: UseCase[Any]
    run: str
    model: str | None
    data: str
    settings: CaseSettings


def log_file(home: Path, case: str) -> Path:
    """Return the log of a use case."""
    return home / FOLDER / f"{case}.jsonl"


def kept_folder(home: Path, case: str, batch: str) -> Path:
    """Return where the inputs of one batch of decisions are kept; it may be deleted earlier than the log."""
    return home / FOLDER / KEPT / case / batch


def model_digest(folder: Path) -> str:
    """Return the sha256 over names and contents of all files of a model, whatever their order on the disk."""
    digest = sha256()
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        content = file.read_bytes()
        digest.update(f"{file.relative_to(folder).as_posix()}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def log_plan(home: Path, planned: Planned, case: UseCase[Any], stored: StoredRun, settings: CaseSettings, data: str) -> Head:
    """Keep the inputs of a plan and log its decisions, one line per row; return the end of the log.

    Parameters
    ----------
    data
        sha256 of the rows the plan was made from.
    """
    subject = Subject(case, stored.name, model_digest(stored.folder / MODEL), data, settings)
    batch, salt = keep(home, subject, planned.inputs, planned.state)
    rows, index = planned.rows, [case.time, *case.keys]
    actions = [name for name in rows.columns if name not in planned.inputs.columns]
    forecast = [name for name in actions if name in stored.facts["model"]["columns"]]
    decision = [name for name in actions if name not in forecast and name != "model_used"]
    shown = _plain(rows.select(shown_keys(case, planned.sheet)))
    hashes = rows.select(index).join(hashed(planned.inputs, index, salt), on=index, how="left", maintain_order="left")[HASHED]
    parts = (shown, _plain(rows.select(forecast)), _plain(rows.select(decision)), hashes, planned.reasons)
    return append(log_file(home, case.name), _lines(_head("decision", subject, batch), *parts))


def log_backtest(home: Path, subject: Subject, rows: pl.DataFrame, replayed: Replay, forecast: list[str]) -> Head:
    """Log the plan's decisions on the report period of a run; the models of the backtest are not kept, so their forecasts are inputs.

    Parameters
    ----------
    rows
        Features, forecasts and outcomes of the report period, as the replay saw them.
    forecast
        Names of the forecast columns.
    """
    case = subject.case
    batch, salt = keep(home, subject, rows, None)
    index = [case.time, *case.keys]
    done = rows.select(index).join(replayed.actions, on=index, how="left", maintain_order="left").drop(index)
    hashes = hashed(visible(case, rows, decisions=False), index, salt)[HASHED]
    parts = (_plain(rows.select(index)), _plain(rows.select(forecast)), _plain(done), hashes, [None] * rows.height)
    return append(log_file(home, case.name), _lines(_head("backtest", subject, batch), *parts))


def _lines(head: Mapping[str, Any], *parts: Iterable[Any]) -> list[dict[str, Any]]:
    return [
        {
            **head,
            "row": row,
            "inputs": inputs,
            "keys": keys,
            "forecast": seen,
            "decision": done,
            "reason": why,
            "override": None,
            "by": None,
        }
        for row, (keys, seen, done, inputs, why) in enumerate(zip(*parts, strict=True))
    ]


def _head(kind: str, subject: Subject, batch: str) -> dict[str, Any]:
    settings = sha256(_settings(subject.settings)).hexdigest()
    return {"kind": kind, "case": subject.case.name, "run": subject.run, "model": subject.model, "data": subject.data,
            "settings": settings, "batch": batch}  # fmt: skip


def log_overrides(home: Path, plan: Mapping[str, Any], sheet: Sheet, lines: pl.DataFrame, day: date, by: str | None) -> int:
    """Log what people changed in the plan of a day, and what they took back; return how many lines were new.

    Parameters
    ----------
    plan
        The plan's facts: case, run.
    lines
        day, group, items, planned, changed, why; the sheet as it is now, so that reading it twice logs nothing twice.
    by
        Who changed it; None: not stated.
    """
    file, names = log_file(home, plan["case"]), list(dict.fromkeys(("day", sheet.group, *sheet.item)))
    now = {_name(keys): (keys, row) for row, keys in zip(_plain(lines), _plain(lines.select(names)), strict=True)}
    standing = _standing(file, f"{day}")
    head = {"kind": "override", "case": plan["case"], "run": plan["run"]}
    new = []
    for name, (keys, row) in now.items():
        before, value = standing.get(name, {"override": None}), {sheet.quantity: row["changed"]}
        if before["override"] != value or before["reason"] != row["why"] or (by is not None and before["by"] != by):
            planned = {sheet.quantity: row["planned"]}
            new.append({**head, "keys": keys, "decision": planned, "override": value, "reason": row["why"], "by": by})
    for name, entry in standing.items():
        if name not in now and entry["override"] is not None:
            new.append({**head, "keys": entry["keys"], "decision": entry["decision"], "override": None, "reason": None, "by": by})
    if new:
        append(file, new)
    return len(new)


def _standing(file: Path, day: str) -> dict[str, dict[str, Any]]:
    """Return the last logged change of each line of a day's plan."""
    changes = (entry for entry in (read(file) if file.is_file() else ()) if entry["kind"] == "override")
    return {_name(entry["keys"]): entry for entry in changes if entry["keys"]["day"] == day}


def _name(keys: Mapping[str, Any]) -> str:
    return json.dumps(list(keys.values()), ensure_ascii=False)


def shown_keys(case: UseCase[Any], sheet: Sheet) -> list[str]:
    """Return the columns that name a line of the plan: time, group and items, each once."""
    return list(dict.fromkeys((case.time, sheet.group, *sheet.item)))


def hashed(rows: pl.DataFrame, index: list[str], salt: bytes) -> pl.DataFrame:
    """Return time and keys with a keyed hash (HMAC-SHA256) of each row as `_hash`.

    Without the salt, which is kept with the inputs and goes with them, nobody can try values against it.
    """
    names = sorted(rows.columns)
    texts = (json.dumps(row, ensure_ascii=False, default=str) for row in rows.select(names).iter_rows())
    head = json.dumps(names).encode()
    return rows.select(index).with_columns(pl.Series(HASHED, [hmac.new(salt, head + text.encode(), sha256).hexdigest() for text in texts]))


def keep(home: Path, subject: Subject, rows: pl.DataFrame, state: Any) -> tuple[str, bytes]:
    """Keep what a batch of decisions was made from; return its name, a hash of the contents, and the salt of its row hashes."""
    case, salt = subject.case.name, secrets.token_bytes(32)
    part = kept_folder(home, case, f".{salt.hex()[:12]}.part")
    part.mkdir(parents=True)
    try:
        rows.write_parquet(part / ROWS)
        (part / SETTINGS).write_bytes(_settings(subject.settings))
        (part / SALT).write_bytes(salt)
        keep_state(part, state)
        batch = model_digest(part)
        part.rename(kept_folder(home, case, batch))
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return batch, salt


def _settings(settings: CaseSettings) -> bytes:
    return settings.model_dump_json(exclude={"data"}).encode()


def keep_state(folder: Path, state: Any) -> None:
    """Keep the state in which a day began: a frame, or what pydantic can write as JSON; what cannot be kept is named by the replay."""
    kind = f"{type(state).__module__}:{type(state).__qualname__}"
    if isinstance(state, pl.DataFrame):
        state.write_parquet(folder / STATE_ROWS)
        return
    try:
        value = TypeAdapter(type(state)).dump_python(state, mode="json")
    except (PydanticSchemaGenerationError, ValueError):  # no schema, or a value that is no JSON
        value, kind = None, ""
    (folder / STATE).write_text(json.dumps({"kind": kind, "value": value}), encoding="utf-8")


def _plain(rows: pl.DataFrame) -> list[dict[str, Any]]:
    """Return the rows as JSON values: dates as ISO text, numbers that are not finite as null."""
    return [{name: json_value(value) for name, value in row.items()} for row in rows.iter_rows(named=True)]


def json_value(value: Any) -> Any:
    """Return a cell as a JSON value that reads back equal."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, list):
        return [json_value(part) for part in value]
    return value if isinstance(value, str | int | bool) or value is None else str(value)
