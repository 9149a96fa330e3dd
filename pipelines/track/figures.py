"""What MLflow shows of a run in its tables: parameters, metrics and tags as flat, short texts and numbers."""

import json
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pipelines.result import Interval, Note, Result

VALUE_LIMIT, KEY_LIMIT = 6000, 200  # MLflow takes 6000 and 250 characters; keys leave room for a number


def parameters(settings: Mapping[str, Any]) -> tuple[dict[str, str], tuple[Note, ...]]:
    """Return the settings under flat keys such as costs.price_eur, and a note on each value that had to be cut."""
    found: dict[str, str] = {}
    notes = []
    for name, value in _flat(settings):
        short, number = key(name), 1
        while short in found:
            number += 1
            short = f"{key(name)} {number}"
        if len(value) > VALUE_LIMIT:
            notes.append(Note("track.cut_setting", {"setting": name, "limit": VALUE_LIMIT}))
        found[short] = value if len(value) <= VALUE_LIMIT else value[: VALUE_LIMIT - 1] + "…"
    return found, tuple(notes)


def metrics(result: Result, duration: float | None) -> dict[str, float]:
    """Return the finite figures of a result, such as saved.eur and saved.eur.low; `duration` in seconds."""
    found: list[tuple[str, float | None]] = [("duration_s", duration), *_interval("select.saved", result.select_saved)]
    for saving in result.savings:
        found += [(f"{policy}.{saving.unit}", getattr(saving, policy)) for policy in ("usual", "plan", "perfect")]
        found += [*_interval(f"saved.{saving.unit}", saving.saved), *_interval(f"captured.{saving.unit}", saving.captured)]
    for opponent in result.opponents:
        found += [(f"opponent.{opponent.rule}.total", opponent.total), *_interval(f"opponent.{opponent.rule}.saved", opponent.saved)]
    if equal := result.equal_service:
        names = ("factor", "usual_waste", "usual_missed", "plan_waste", "plan_missed")
        found += [(f"equal_service.{name}", getattr(equal, name)) for name in names]
    found += [(f"score.{name}", score) for name, score in result.scores.items()]
    return {key(name): float(figure) for name, figure in found if figure is not None and math.isfinite(figure)}


def tags(facts: Mapping[str, Any], folder: Path, home: Path) -> dict[str, str]:
    """Return data digest, git state, versions, verdict and the run folder as seen from home."""
    machine = facts["environment"]
    inside = folder.resolve().is_relative_to(home.resolve())
    found = {
        "case": facts["case"],
        "verdict": facts["verdict"],
        "data.digest": facts["data"]["digest"],
        "data.source": facts["data"]["source"],
        "folder": folder.resolve().relative_to(home.resolve()).as_posix() if inside else folder.name,
        "python": machine["python"],
        "versions": json.dumps(machine["versions"]),
        "mlflow.source.name": "musterwerk",
        "mlflow.source.type": "LOCAL",
    }
    for name in ("project", "user"):
        if state := machine[name]:
            found |= {f"git.{name}.commit": state["commit"], f"git.{name}.dirty": str(state["dirty"]).lower()}
    return found


def key(name: str) -> str:
    """Return a name that MLflow takes as a key."""
    return re.sub(r"[^\w.\- ]", "_", name)[:KEY_LIMIT]


def _flat(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for part, inner in value.items():
            yield from _flat(inner, f"{name}.{part}" if name else part)
    else:
        yield name, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _interval(name: str, interval: Interval) -> list[tuple[str, float | None]]:
    return [(name, interval.value), (f"{name}.low", interval.low), (f"{name}.high", interval.high)]
