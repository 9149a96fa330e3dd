"""What is derived from the visit itself: red flags, the person's decision, early-warning points, groups for the report."""

from collections.abc import Sequence

import polars as pl

from usecases.medical_triage.schema import (
    ARRIVAL_CATEGORIES,
    ARRIVAL_NUMBERS,
    FURTHER_CATEGORIES,
    FURTHER_NUMBERS,
    STAY_CATEGORIES,
    STAY_NUMBERS,
    VITALS,
)
from usecases.medical_triage.settings import MedicalTriage

# red flags, NEWS2 extremes (Royal College of Physicians 2017) and common resuscitation criteria
LOWEST_SPO2, LOWEST_SBP, HIGHEST_RR = 90, 90, 30  # %, mmHg, per minute
UNRESPONSIVE = ("4", "unresponsive", "u", "bewusstlos")
ALERT = ("1", "alert", "a", "wach")
# (upper bound, points), first match counts; NEWS2 scale 1
NEWS = {
    "respiratory_rate": ((8, 3), (11, 1), (20, 0), (24, 2), (None, 3)),
    "spo2": ((91, 3), (93, 2), (95, 1), (None, 0)),
    "sbp": ((90, 3), (100, 2), (110, 1), (219, 0), (None, 3)),
    "heart_rate": ((40, 3), (50, 1), (90, 0), (110, 1), (130, 2), (None, 3)),
    "temperature_c": ((35.0, 3), (36.0, 1), (38.0, 0), (39.0, 1), (None, 2)),
}
NOT_ALERT = 3  # points
SBP_FLOOR = 30  # mmHg: below, a shock index says nothing more
AGES = (18, 40, 65)  # years: bounds of the age bands


def features(rows: pl.DataFrame, s: MedicalTriage) -> pl.DataFrame:
    """Return the rows with red_flag, human_urgent, candidate, news (points), derived inputs and the groups looked at apart."""
    conscious = pl.col("mental").str.to_lowercase()
    flags = [
        pl.col("spo2") < LOWEST_SPO2,
        pl.col("sbp") < LOWEST_SBP,
        pl.col("respiratory_rate") > HIGHEST_RR,
        conscious.is_in(UNRESPONSIVE),
    ]
    red = pl.any_horizontal(flag.fill_null(value=False) for flag in flags)
    human = (pl.col("human_level") <= s.human.urgent_upto).fill_null(value=False)
    alert = pl.when(conscious.is_not_null() & ~conscious.is_in(ALERT)).then(NOT_ALERT).otherwise(0)
    news = pl.sum_horizontal(*(_points(name) for name in NEWS), alert)
    return rows.with_columns(red_flag=red, human_urgent=human, candidate=~(red | human), news=news, age_band=age_band(), **derived())


def derived() -> dict[str, pl.Expr]:
    """Return inputs that `inputs.numbers` may name: shock index (1/min per mmHg), pulse pressure (mmHg), missing vital signs."""
    missing = pl.sum_horizontal(pl.col(name).is_null().cast(pl.Float64) for name in VITALS)
    return {
        "shock_index": pl.col("heart_rate") / pl.col("sbp").clip(SBP_FLOOR),
        "pulse_pressure": pl.col("sbp") - pl.col("dbp"),
        "vitals_missing": missing,
    }


def _points(name: str) -> pl.Expr:
    """Return the points of one vital sign; a missing one has none, as on paper: the guards look after missing ones."""
    made: pl.Expr = pl.lit(0)
    for bound, points in reversed(NEWS[name]):
        made = pl.lit(points) if bound is None else pl.when(pl.col(name) <= bound).then(points).otherwise(made)
    return pl.when(pl.col(name).is_not_null()).then(made).otherwise(0)


def age_band() -> pl.Expr:
    """Return the age band as text."""
    child, young, old = AGES
    made = pl.when(pl.col("age") < child).then(pl.lit(f"<{child}")).when(pl.col("age") < young).then(pl.lit(f"{child}-{young - 1}"))
    return made.when(pl.col("age") < old).then(pl.lit(f"{young}-{old - 1}")).when(pl.col("age") >= old).then(pl.lit(f"{old}+"))


def inputs(s: MedicalTriage, rows: pl.DataFrame | None = None) -> tuple[list[str], list[str], str | None]:
    """Return the model's numbers, categories and text column; with rows, those alone that have any value there.

    The level a person gave is never among them: the model must not copy the decision it looks at a second time. Nor is the site.
    """
    arrival = s.inputs.moment == "arrival"
    numbers = s.inputs.numbers or (*(ARRIVAL_NUMBERS if arrival else STAY_NUMBERS), *FURTHER_NUMBERS)
    categories = s.inputs.categories or (*(ARRIVAL_CATEGORIES if arrival else STAY_CATEGORIES), *FURTHER_CATEGORIES)
    text = s.inputs.text or None
    if rows is None:
        return list(numbers), list(categories), text
    return _held(rows, numbers), _held(rows, categories), text if text and _held(rows, (text,)) else None


def _held(rows: pl.DataFrame, names: Sequence[str]) -> list[str]:
    return [name for name in names if name in rows.columns and rows[name].null_count() < rows.height]
