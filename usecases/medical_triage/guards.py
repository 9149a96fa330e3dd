"""Stop before a wrong number is believed: leaks, inverted labels, wrong units, few events, patients on both sides of a split."""

from datetime import date
from typing import Any

import numpy as np
import polars as pl

from pipelines.backtest import split
from pipelines.errors import InputError
from pipelines.probabilities import auroc
from usecases.medical_triage.features import features, inputs
from usecases.medical_triage.schema import AT_DISCHARGE
from usecases.medical_triage.settings import MedicalTriage

# plausible range of a living patient; outside lies a typing error or another unit
PLAUSIBLE = {
    "age": (0, 115),
    "temperature_c": (30, 43),
    "sbp": (40, 280),
    "dbp": (15, 180),
    "heart_rate": (20, 250),
    "respiratory_rate": (4, 70),
    "spo2": (40, 100),
}
WRONG_UNIT = 0.2  # more implausible values than this are a wrong unit, not typing errors
# words of headers that are known only after the decision
LATE_WORDS = ("disposition", "diagnosis in ed", "length of stay", "los_", "expert", "mistriage", "error_group", "ktas duration", "outcome",
              "readmit", "entlass", "verweildauer", "endgültig")  # fmt: skip
# +1: more of it, more risk
DIRECTIONS = {"age": 1, "heart_rate": 1, "respiratory_rate": 1, "spo2": -1, "news": 1, "human_urgent": 1, "red_flag": 1,
              "inpatient_stays": 1, "emergency_visits": 1, "length_of_stay": 1, "diagnoses": 1, "medications": 1}  # fmt: skip
CLEAR = 3.0  # standard errors by which a direction must differ from chance to count
DEMANDED = 2  # factors that must speak, so that one odd column does not accuse the labels
LEAST_PRESENT = 50


def prepare(rows: pl.DataFrame, s: MedicalTriage) -> pl.DataFrame:
    """Return the rows after every guard on data as a whole; visits left out by the patient rule have no event.

    Raises
    ------
    InputError
        A leak by name or by ranking, labels that look inverted, a wrong unit, too few events, a patient in two periods.
    """
    labelled = rows.filter(pl.col("event").is_not_null())
    refuse_late_names(s)
    refuse_few_events(labelled, s)
    refuse_units(rows)
    refuse_leaks(labelled, s)
    refuse_inverted(features(labelled, s))
    return without_repeats(rows, s)


def refuse_late_names(s: MedicalTriage) -> None:
    """Refuse inputs that by their own or their header's name are known only after the decision."""
    numbers, categories, text = inputs(s)
    named = {ours: header for table in s.data.values() for ours, header in table.columns.items()}
    for ours in (*numbers, *categories, *([text] if text else [])):
        header = named.get(ours, "")
        late = next((word for word in LATE_WORDS if word in header.lower()), None) if s.inputs.moment == "arrival" else None
        if s.inputs.moment == "arrival" and ours in AT_DISCHARGE:
            raise InputError("medical_triage.known_late", column=ours, header=header or ours)
        if late and ours not in s.guards.leak_ok:
            raise InputError("medical_triage.late_name", column=ours, header=header, word=late)


def refuse_few_events(rows: pl.DataFrame, s: MedicalTriage) -> None:
    """Refuse data with fewer events, or fewer others, than can be split into fit, choice and judgement."""
    events = int(rows["event"].sum())
    if min(events, rows.height - events) < s.guards.least_events:
        raise InputError("medical_triage.few_events", events=events, rows=rows.height, least=s.guards.least_events)


def refuse_units(rows: pl.DataFrame) -> None:
    """Refuse a column most of whose values no living patient can have: it is in another unit."""
    for name, (low, high) in PLAUSIBLE.items():
        values = rows[name].drop_nulls() if name in rows.columns else pl.Series([], dtype=pl.Float64)
        outside = values.filter(~values.is_between(low, high))
        if len(values) >= LEAST_PRESENT and len(outside) > WRONG_UNIT * len(values):
            share = round(100 * len(outside) / len(values))
            raise InputError("medical_triage.unit", column=name, share=share, low=low, high=high, value=outside[0])


def implausible() -> pl.Expr:
    """Return the name of the first implausible input of each row, or null."""
    checks = [
        pl.when((~pl.col(name).is_between(low, high)).fill_null(value=False)).then(pl.lit(f"unit:{name}"))
        for name, (low, high) in PLAUSIBLE.items()
    ]
    return pl.coalesce(*checks)


def refuse_leaks(rows: pl.DataFrame, s: MedicalTriage) -> None:
    """Refuse a single input that ranks the outcome like the outcome itself.

    A category is ranked by the share of events of its levels, made on every other row and judged on the rest.
    """
    events = rows["event"].to_numpy() > 0
    numbers, categories, _ = inputs(s, rows)
    for name in (*numbers, *categories):
        if name in s.guards.leak_ok:
            continue
        found = _ranking(rows, name, events, number=name in numbers)
        if found > s.guards.leak_auroc:
            raise InputError("medical_triage.leak", column=name, auroc=f"{found:.2f}", limit=s.guards.leak_auroc)


def _ranking(rows: pl.DataFrame, name: str, events: np.ndarray, *, number: bool) -> float:
    if number:
        present = rows[name].is_not_null().to_numpy()
        if min(events[present].sum(), (~events[present]).sum()) < LEAST_PRESENT // 2:
            return 0.5
        found = auroc(events[present], rows[name].drop_nulls().to_numpy().astype(float))
        return max(found, 1 - found)
    half = np.arange(rows.height) % 2 == 0
    learnt = (
        rows.select(name, "event").filter(pl.Series(half)).group_by(name, maintain_order=True).agg(pl.col("event").mean().alias("_share"))
    )
    judged = rows.select(name).filter(pl.Series(~half)).join(learnt, on=name, how="left", nulls_equal=True, maintain_order="left")
    return auroc(events[~half], judged["_share"].fill_null(float(events.mean())).to_numpy())


def refuse_inverted(rows: pl.DataFrame) -> None:
    """Refuse labels against which most known risk factors point clearly the wrong way: 0 and 1 have been exchanged."""
    right, wrong = directions(rows)
    if len(wrong) >= DEMANDED and len(wrong) > len(right):
        raise InputError("medical_triage.inverted", wrong=", ".join(wrong), right=", ".join(right) or "-")


def directions(rows: pl.DataFrame) -> tuple[list[str], list[str]]:
    """Return the known risk factors that point the right and the wrong way, by more than three standard errors."""
    right: list[str] = []
    wrong: list[str] = []
    for name, sign in DIRECTIONS.items():
        if name not in rows.columns or rows[name].null_count() == rows.height:
            continue
        kept = rows.filter(pl.col(name).is_not_null())
        events = kept["event"].to_numpy() > 0
        found = auroc(events, sign * kept[name].cast(pl.Float64).to_numpy())
        least = max(min(int(events.sum()), int((~events).sum())), 1)
        error = 0.5 / np.sqrt(3 * least)  # of an AUROC under chance, from above (Hanley and McNeil 1982)
        if abs(found - 0.5) > CLEAR * error:
            (right if found > 0.5 else wrong).append(name)  # noqa: PLR2004
    return right, wrong


def without_repeats(rows: pl.DataFrame, s: MedicalTriage) -> pl.DataFrame:
    """Return the rows with every patient in one period alone; raise InputError where the settings say refuse."""
    if "patient" not in rows.columns or rows["patient"].null_count() == rows.height:
        return rows
    days = rows["arrival"].cast(pl.Date)
    first: Any = days.min()
    last: Any = days.max()
    found = split(first, last, s.periods)
    part = pl.when(days <= found.train.last).then(0).when(days <= found.select.last).then(1).otherwise(2)
    table = rows.with_columns(part.alias("_part")).with_columns(_first=pl.col("_part").min().over("patient"))
    repeated = (pl.col("_part") > pl.col("_first")) & pl.col("patient").is_not_null() & pl.col("event").is_not_null()
    both = table.filter(repeated)
    if both.height and s.guards.patients == "refuse":
        _refuse_patients(both, found.select.first)
    return table.with_columns(pl.when(~repeated).then(pl.col("event")).alias("event")).drop("_part", "_first")


def _refuse_patients(both: pl.DataFrame, day: date) -> None:
    raise InputError("medical_triage.both_sides", patients=both["patient"].n_unique(), visits=both.height, day=day)
