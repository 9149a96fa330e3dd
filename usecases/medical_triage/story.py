"""What the report tells beside the figures: groups looked at apart, what business as usual is, what must be known."""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from usecases.medical_triage.drift import read
from usecases.medical_triage.settings import MedicalTriage

GROUPS = ("age_band", "sex", "arrival_mode", "site")
MOST_LEVELS = 8  # of a group shown apart


def segments(rows: pl.DataFrame, s: MedicalTriage) -> Mapping[str, pl.Series]:
    """Return the groups the data have."""
    return {name: rows[name].fill_null("?") for name in groups(rows)}


def groups(rows: pl.DataFrame) -> list[str]:
    """Return the group columns with two to eight levels."""
    held = [name for name in GROUPS if name in rows.columns]
    return [name for name in held if 1 < rows[name].n_unique() <= MOST_LEVELS]


def usual_name(rows: pl.DataFrame, s: MedicalTriage) -> str:
    """Return what business as usual is."""
    return s.usual


def notes(rows: pl.DataFrame, s: MedicalTriage) -> Sequence[tuple[str, dict[str, Any]]]:
    """Return what must be said: no medical device, the reader's assumption, drawn times, alarms, small numbers."""
    found: list[tuple[str, dict[str, Any]]] = [("medical_triage.notice", {})]
    found.append(("medical_triage.reader", {"right": round(100 * s.reviewer.right), "false": round(100 * s.reviewer.false_upgrade)}))
    if not rows["dated"].fill_null(value=False).all():
        found.append(("medical_triage.undated", {}))
    candidates = rows.filter("candidate")
    if candidates.height:
        both = float((candidates["could_be_yes"] & candidates["could_be_no"]).mean())  # type: ignore[arg-type]
        found.append(("medical_triage.unsure", {"share": round(100 * both), "level": round(100 * s.forecast.level)}))
    alarms = rows.filter(pl.col("alarm") != "")["alarm"].str.extract(r"^(\w+):").value_counts(sort=True)
    found += [(f"medical_triage.alarm_{kind}", {"count": count}) for kind, count in alarms.iter_rows()]
    moved = [one.name for one in read(rows) if one.psi > s.guards.drift]
    if moved:
        found.append(("medical_triage.drifted", {"columns": ", ".join(moved), "limit": s.guards.drift}))
    events = int(rows["event"].sum())
    if events < s.guards.least_events:
        found.append(("medical_triage.small", {"events": events, "rows": rows.height}))
    return found


def reasons(rows: pl.DataFrame, s: MedicalTriage, lang: Any) -> pl.Series:
    """Return why each visit is treated as it is, in one sentence."""
    from pipelines.texts import text

    def said(reason: str, probability: float) -> str:
        kind, _, column = reason.partition(":")
        return text(f"medical_triage.why_{kind}", lang, column=column, risk=round(100 * probability))

    return pl.Series("reason", [said(*row) for row in rows.select("why", "probability").iter_rows()])
