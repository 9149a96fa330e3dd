"""Who gets a second look, and who is treated as urgent at once. Urgency is only ever raised.

The person decides as always. Then, among the patients that the person did not call urgent:

1. a red flag makes urgent, whatever the model says;
2. a visit the model must not be trusted with (alarm) abstains: it comes first for a slot, and without one it is urgent, never routine;
3. the remaining slots of the shift go to the highest risks.
"""

import numpy as np
import polars as pl

from pipelines.decide.slots import Flags, Floats, Ints, arriving, capacity, earned, paced, ranked
from usecases.medical_triage.settings import MedicalTriage
from usecases.medical_triage.story import groups

ROUTINE, SOON, URGENT = 0.0, 1.0, 2.0  # a person looks: in turn; by a slot; at once
FIRST = 2.0  # priority of an abstention: above every probability


def decide(rows: pl.DataFrame, s: MedicalTriage) -> pl.DataFrame:
    """Return the rows with urgency, slot, urgent, band, why, set, probability and flagged (what the model alone would do)."""
    both = pl.col("could_be_yes") & pl.col("could_be_no")
    unsure = pl.col("alarm") != ""
    if s.guards.abstain == "set":
        unsure = unsure | ~(pl.col("could_be_yes") ^ pl.col("could_be_no"))
    table = rows.with_columns(_abstains=unsure & pl.col("candidate"), _both=both)
    abstains, candidate = table["_abstains"].to_numpy(), table["candidate"].to_numpy()
    priority = np.where(abstains, FIRST, table["p"].to_numpy())
    slot = assigned(rows, s, priority, candidate) if s.slots.order == "ranked" else one_by_one(table, s)
    human, red = table["human_urgent"].to_numpy(), table["red_flag"].to_numpy()
    overflow = abstains & ~slot
    urgent = human | red | overflow
    kinds = [human, red, overflow, abstains, slot]
    reason = np.select(kinds, ["human", "red_flag", "overflow", "alarm", "risk"], "none")
    alarm = np.where(abstains & (table["alarm"].to_numpy() != ""), table["alarm"].to_numpy(), reason)
    reason = np.where(np.isin(reason, ["overflow", "alarm"]), alarm, reason)
    band = np.select([urgent, abstains, slot], ["urgent", "abstain", "soon"], "routine")
    level = np.select([urgent | abstains, slot], [URGENT, SOON], ROUTINE)
    return rows.with_columns(
        urgency=pl.Series(level),
        slot=pl.Series(slot.astype(float)),
        urgent=pl.Series(urgent.astype(float)),
        band=pl.Series(band),
        why=pl.Series(reason.astype(str)),
        set=conformal_set(),
        probability=pl.col("p"),
        alone=pl.col("flagged").cast(pl.Float64),
        groups=group_words(rows),
    )


def group_words(rows: pl.DataFrame) -> pl.Expr:
    """Return the groups of each visit as one text, such as age_band=65+|sex=f: the report and the audit look at them apart."""
    held = groups(rows)
    parts = [pl.lit(f"{name}=") + pl.col(name).fill_null("?").str.replace_all("[|=]", " ") for name in held]
    return pl.concat_str(parts, separator="|") if parts else pl.lit("")


def conformal_set() -> pl.Expr:
    """Return the class-conditional set in words."""
    yes, no = pl.col("could_be_yes"), pl.col("could_be_no")
    made = pl.when(yes & no).then(pl.lit("both")).when(yes).then(pl.lit("event"))
    return made.when(no).then(pl.lit("none")).otherwise(pl.lit("neither"))


def assigned(rows: pl.DataFrame, s: MedicalTriage, priority: Floats, candidate: Flags) -> Flags:
    """Return who gets a slot where the visits of a shift are known together. Rows in order of time."""
    shifts = shift_numbers(rows, s)
    return ranked(shifts, priority, candidate, capacity(shifts, s.slots.share, s.slots.per_shift))


def one_by_one(rows: pl.DataFrame, s: MedicalTriage) -> Flags:
    """Return who gets a slot where visits come one by one, each decided before the next one is known: abstentions and worthy risks."""
    shifts, candidate, abstains = shift_numbers(rows, s), rows["candidate"].to_numpy(), rows["_abstains"].to_numpy()
    rank = rows["rank"].to_numpy()
    worth = candidate & (abstains | (rank >= 1 - s.slots.top_share))
    if s.slots.per_shift is None:
        return earned(shifts, worth, s.slots.share)
    places = capacity(shifts, s.slots.share, s.slots.per_shift)
    if s.slots.threshold == "fixed":
        return arriving(shifts, worth, places)
    return paced(shifts, rank, candidate, abstains, places, rows["to_come"].to_numpy())


def shift_numbers(rows: pl.DataFrame, s: MedicalTriage) -> Ints:
    """Return the number of the shift of each row, counted from 0 in order of time."""
    number = rows["arrival"].dt.truncate(f"{s.slots.hours}h").rank("dense")
    return np.asarray(number.to_numpy().astype(np.int64) - 1)
