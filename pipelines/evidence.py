"""The run folder: everything a run found out, readable without MLflow; written once, as a whole or not at all."""

import json
import math
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, is_dataclass
from datetime import UTC, date, datetime
from importlib import import_module
from operator import attrgetter
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any
from uuid import uuid4

import polars as pl
from pydantic import TypeAdapter, ValidationError

from pipelines.environment import Environment, environment
from pipelines.errors import ContractError, InputError
from pipelines.result import DataFacts, EqualService, Interval, Note, Opponent, Period, Result, Saving
from pipelines.settings import CaseSettings, load_settings, read_toml
from pipelines.usecase import Forecaster

FORMAT = 1
FACTS, SETTINGS, MODEL = "result.json", "settings.toml", "model"
MODEL_FACTS, MODEL_ROWS = "musterwerk.json", "musterwerk_rows.parquet"  # beside the forecaster's own files
FRAMES = {name: name for name in ("forecasts", "ledger", "calibration", "segments", "curve")} | {"actions": "decisions"}
PARTS: dict[str, Any] = {
    "data": DataFacts,
    "train": Period,
    "select": Period,
    "report": Period,
    "savings": tuple[Saving, ...],
    "opponents": tuple[Opponent, ...],
    "equal_service": EqualService | None,
    "choices": dict[str, Any],
    "notes": tuple[Note, ...],
    "select_saved": Interval,
    "what_if": dict[str, Any] | None,
    "notice": dict[str, str],
    "score_bounds": dict[str, Interval],
    "caveats": tuple[Note, ...],
    "extras": dict[str, Any],
}
LATER = {"notice", "score_bounds", "caveats", "extras"}  # parts that runs of earlier versions do not have
PATHS = frozenset({"file", "folder", "path", "source"})  # keys whose text may be a path
SETTINGS_HEAD = "# All settings of this run, defaults included. Absolute paths of files are shortened to the file name.\n\n"


@dataclass(frozen=True)
class StoredRun:
    """A run folder read back: `facts` is result.json, `frames` the tables by their name in Result."""

    folder: Path
    facts: Mapping[str, Any]
    frames: Mapping[str, pl.DataFrame]

    @property
    def name(self) -> str:
        """The name of the run and of its folder."""
        return str(self.facts["name"])

    @property
    def case(self) -> str:
        """The use case's name."""
        return str(self.facts["case"])

    def result(self, settings: type[CaseSettings]) -> Result:
        """Return the Result as it was; `settings` is the use case's class of settings.

        Raises
        ------
        InputError
            The settings or the model do not fit the installed version any more.
        """
        file = self.folder / SETTINGS
        scores = {name: math.nan if score is None else float(score) for name, score in self.facts["scores"].items()}
        try:
            stored = {name: kind for name, kind in PARTS.items() if name not in LATER or name in self.facts}
            parts: dict[str, Any] = {name: TypeAdapter(kind).validate_python(self.facts[name]) for name, kind in stored.items()}
        except (KeyError, ValidationError) as error:
            raise InputError("track.broken_run", folder=self.folder, problem=error) from None
        parts |= {**self.frames, "train_rows": pl.read_parquet(self.folder / MODEL / MODEL_ROWS)}
        return Result(
            case=self.case,
            settings=load_settings(settings, read_toml(file), file=file),
            scores=scores,
            model=load_model(self.folder / MODEL),
            **parts,
        )


def run_name(home: Path, case: str, when: datetime) -> str:
    """Return a free name such as food_waste-20250321-141503; a second run in the same second gets -2."""
    stem = f"{case}-{when:%Y%m%d-%H%M%S}"
    name, number = stem, 1
    while (home / "runs" / name).exists():
        number += 1
        name = f"{stem}-{number}"
    return name


def write_run(
    result: Result,
    home: Path,
    name: str,
    extra: Mapping[str, str] | None = None,
    files: Mapping[str, str | bytes] | None = None,
    machine: Environment | None = None,
) -> Path:
    """Write the folder `<home>/runs/<name>` and return it.

    Parameters
    ----------
    extra
        Further facts for result.json. `created` (ISO time) and `duration` (seconds) have places of their own.
    files
        Further files by name, such as report.html.
    machine
        What `environment` says; default: asked without a user folder.

    Raises
    ------
    InputError
        The name is no folder name, or such a run exists: evidence is never overwritten.
    ContractError
        The model has no classmethod `load`.
    """
    if not re.fullmatch(r"\w[\w.\-]{0,150}", name):
        raise InputError("track.bad_name", name=name)
    target = home / "runs" / name
    if target.exists():
        raise InputError("track.run_exists", folder=target)
    part = target.with_name(f".{name}.{uuid4().hex[:8]}.part")
    try:
        _write_files(result, part, files or {})
        text = evidence_json(result, machine or environment(), name, extra or {})
        (part / FACTS).write_text(text, encoding="utf-8", newline="\n")
        _publish(part, target)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return target


def _write_files(result: Result, folder: Path, files: Mapping[str, str | bytes]) -> None:
    import tomli_w

    folder.mkdir(parents=True)
    for attribute, file in FRAMES.items():
        getattr(result, attribute).write_parquet(folder / f"{file}.parquet")
    settings = tomli_w.dumps(_without_none(_portable(result.settings.model_dump())))
    (folder / SETTINGS).write_text(SETTINGS_HEAD + settings, encoding="utf-8", newline="\n")
    for name, content in files.items():
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    save_model(result.model, result.train_rows, folder / MODEL)


def _publish(part: Path, target: Path) -> None:
    try:
        os.rename(part, target)  # noqa: PTH104 - Path.rename says the same; a folder that is not empty is never replaced
    except OSError:
        if target.exists():
            raise InputError("track.run_exists", folder=target) from None
        raise


def evidence_json(result: Result, machine: Environment, name: str, extra: Mapping[str, str]) -> str:
    """Return result.json; the same run gives the same text but for `name`, `created` and `duration`."""
    further = {key: _short(value) for key, value in extra.items() if key not in {"created", "duration"}}
    plain = {part: _portable(getattr(result, part)) for part in (*PARTS, "scores")}
    settings = result.settings
    facts = {
        "format": FORMAT,
        "name": name,
        "created": extra.get("created") or datetime.now(UTC).isoformat(timespec="seconds"),
        "duration": float(extra["duration"]) if "duration" in extra else None,
        "case": result.case,
        "verdict": result.verdict,
        **plain,
        "settings": _portable(settings.model_dump()),
        "seed": settings.seed,
        "threads": settings.threads,
        "model": _model_facts(result.model),
        "environment": asdict(machine),
        "extra": further,
    }
    return json.dumps(facts, ensure_ascii=False, indent=1, allow_nan=False, default=_as_text) + "\n"


def _portable(value: Any, key: str = "") -> Any:
    """Return plain dictionaries, lists and values: no NaN or infinity (None), no absolute paths of this machine."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _portable(getattr(value, field.name), field.name) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(name): _portable(part, str(name)) for name, part in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_portable(part, key) for part in (sorted(value) if isinstance(value, set | frozenset) else value)]
    if isinstance(value, Path) or (isinstance(value, str) and key in PATHS):
        return _short(str(value))
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value.item() if type(value).__module__ == "numpy" else value


def _without_none(value: Any) -> Any:
    """Leave out what is None: TOML cannot say it, and it is the default wherever it is allowed."""
    if isinstance(value, dict):
        return {name: _without_none(part) for name, part in value.items() if part is not None}
    return [_without_none(part) for part in value] if isinstance(value, list) else value


def _short(path: str) -> str:
    """Return the last part of an absolute path, anything else as it is: folders of a machine are nobody's business."""
    for kind in (PurePosixPath, PureWindowsPath):
        if kind(path).is_absolute():
            return kind(path).name
    return path


def _as_text(value: Any) -> str:
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is no JSON value; choices, scores and notes hold plain values only")


def read_run(folder: Path) -> StoredRun:
    """Read a run folder; raise InputError when it is not there, incomplete or written by a newer version."""
    if not (folder / FACTS).is_file():
        raise InputError("track.no_run", folder=folder, file=FACTS)
    try:
        facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
        if facts["format"] > FORMAT:
            raise InputError("track.newer_run", folder=folder, found=facts["format"], known=FORMAT)
        frames = {attribute: pl.read_parquet(folder / f"{file}.parquet") for attribute, file in FRAMES.items()}
    except (OSError, ValueError, KeyError, TypeError, pl.exceptions.PolarsError) as error:
        raise InputError("track.broken_run", folder=folder, problem=error) from None
    return StoredRun(folder, facts, frames)


def _model_facts(model: Forecaster) -> dict[str, Any]:
    kind = type(model)
    facts = {"class": f"{kind.__module__}:{kind.__qualname__}", "target": model.target, "columns": list(model.columns)}
    inputs = getattr(model, "inputs", None)  # optional in the protocol: the feature columns it reads
    return facts if inputs is None else {**facts, "inputs": list(inputs)}


def save_model(model: Forecaster, rows: pl.DataFrame, folder: Path) -> None:
    """Write a fitted model, the name of its class and a few rows it can be asked about."""
    if not callable(getattr(type(model), "load", None)):
        raise ContractError("track.no_load", kind=type(model).__name__)
    folder.mkdir(parents=True, exist_ok=True)
    model.save(folder)
    (folder / MODEL_FACTS).write_text(json.dumps(_model_facts(model), ensure_ascii=False, indent=1) + "\n", encoding="utf-8", newline="\n")
    rows.write_parquet(folder / MODEL_ROWS)


def load_model(folder: Path) -> Forecaster:
    """Return the fitted model of a folder; only installed code runs, nothing is unpickled.

    Raises
    ------
    InputError
        The folder holds no model, or its class is not installed here.
    """
    file = folder / MODEL_FACTS
    if not file.is_file():
        raise InputError("track.no_run", folder=folder, file=MODEL_FACTS)
    named = str(json.loads(file.read_text(encoding="utf-8"))["class"])
    module, _, kind = named.partition(":")
    try:
        found: Any = attrgetter(kind)(import_module(module))
    except (ImportError, AttributeError, ValueError):
        raise InputError("track.no_class", folder=folder, kind=named) from None
    if not all(callable(getattr(found, method, None)) for method in ("load", "predict")):
        raise InputError("track.no_class", folder=folder, kind=named)
    model: Forecaster = found.load(folder)
    return model
