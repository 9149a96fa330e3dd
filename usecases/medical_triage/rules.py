"""What the model must beat: the person alone, and simple rules that use the same slots. And the bound: perfect foresight."""

from collections.abc import Callable
from zlib import crc32

import numpy as np
import polars as pl

from pipelines.decide.slots import Floats
from usecases.medical_triage.decide import ROUTINE, SOON, URGENT, assigned, group_words
from usecases.medical_triage.settings import MedicalTriage

Rule = Callable[[pl.DataFrame, MedicalTriage], pl.DataFrame]
LARGE = 2**32
NUMBER = 1e-3  # of a second criterion against a first one that counts whole


def chance(rows: pl.DataFrame, purpose: str) -> Floats:
    """Return a number in [0, 1) for each visit that never changes: all policies meet the same second reader."""
    return np.array([crc32(f"{purpose}|{visit}".encode()) / LARGE for visit in rows["visit"]])


def usual(rows: pl.DataFrame, s: MedicalTriage) -> pl.DataFrame:
    """Return business as usual: the person's level alone, or the simple rule named in the settings."""
    return human(rows, s) if s.usual == "human" else RULES[s.usual](rows, s)


def human(rows: pl.DataFrame, s: MedicalTriage) -> pl.DataFrame:
    """Do as the person did; no second look."""
    return _acted(rows, np.zeros(rows.height, dtype=bool), rows["human_urgent"].to_numpy())


def first(*criteria: tuple[str, float]) -> Rule:
    """Return the rule that gives the slots by the first criterion, then the next ones: (column, weight), missing = least."""

    def rule(rows: pl.DataFrame, s: MedicalTriage) -> pl.DataFrame:
        order = pl.sum_horizontal(pl.lit(0.0), *(pl.col(name).cast(pl.Float64).fill_null(0.0) * weight for name, weight in criteria))
        return slotted(rows, s, rows.select(order.alias("_order"))["_order"].to_numpy())

    return rule


def random_slots(rows: pl.DataFrame, s: MedicalTriage) -> pl.DataFrame:
    """Give the slots by lot."""
    return slotted(rows, s, chance(rows, "lot"))


def slotted(rows: pl.DataFrame, s: MedicalTriage, priority: Floats) -> pl.DataFrame:
    """Return the person's decisions with the slots by this priority, known together within a shift: kind to the rule."""
    candidate = ~rows["human_urgent"].to_numpy()
    return _acted(rows, assigned(rows, s, priority, candidate), rows["human_urgent"].to_numpy())


def perfect(rows: pl.DataFrame, s: MedicalTriage) -> pl.DataFrame:
    """Return the same slots on true events that the reader will recognise; red flags and alarms raise true events alone."""
    event = rows["event"].to_numpy() > 0
    human_urgent = rows["human_urgent"].to_numpy()
    raised = event & (rows["red_flag"].to_numpy() | (rows["alarm"].to_numpy() != ""))
    useful = event & ~human_urgent & ~raised & (chance(rows, "reader") < s.reviewer.right)
    slot = assigned(rows, s, useful.astype(float), useful)
    return _acted(rows, slot, human_urgent | raised)


def _acted(rows: pl.DataFrame, slot: np.ndarray, urgent: np.ndarray) -> pl.DataFrame:
    level = np.select([urgent, slot], [URGENT, SOON], ROUTINE)
    named = np.select([urgent, slot], ["urgent", "soon"], "routine")
    return rows.with_columns(
        urgency=pl.Series(level),
        slot=pl.Series(slot.astype(float)),
        urgent=pl.Series(urgent.astype(float)),
        band=pl.Series(named),
        why=pl.lit("rule"),
        set=pl.lit(""),
        probability=pl.lit(0.0),
        alone=pl.lit(0.0),
        groups=group_words(rows),
    )


RULES: dict[str, Rule] = {
    "pain_first": first(("pain_score", 1.0)),
    "news_first": first(("news", 1.0), ("age", NUMBER)),
    "inpatient_first": first(("inpatient_stays", 1.0), ("emergency_visits", NUMBER), ("length_of_stay", NUMBER**2)),
    "random_slots": random_slots,
}
