"""What the sections count: every policy beside the outcomes, with exact intervals; by patient where patients come more than once."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipelines.probabilities import clopper_pearson
from pipelines.probabilities.scores import percentiles, resamples
from pipelines.result import Interval, Result
from pipelines.scores import group_numbers
from usecases.medical_triage.settings import MedicalTriage
from usecases.medical_triage.value import treated_urgent

ALONE = "alone"
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Share:
    """A count of a total with its 95 % interval: exact, or `drawn` by patient where patients come more than once."""

    hits: int
    total: int
    drawn: tuple[float, float] | None = None

    @property
    def bounds(self) -> Interval:
        """The share with its interval; no value where nothing was counted."""
        low, high = self.drawn or clopper_pearson(self.hits, self.total)
        return Interval(self.hits / self.total if self.total else None, low, high)


def share(hit: Flags, among: Flags, rows: pl.DataFrame) -> Share:
    """Return how many of `among` are hit; the interval draws whole patients, or is exact where each has one visit or none is named."""
    hits, total = int((hit & among).sum()), int(among.sum())
    if not total or not repeated(rows):
        return Share(hits, total)
    who = group_numbers(rows, "patient")
    of_patient = np.stack([np.bincount(who, weights=mask.astype(float)) for mask in (hit & among, among)], axis=1)
    ratios = [
        found[0] / found[1] if found[1] else np.nan for found in (of_patient[draw].sum(0) for draw in resamples(np.arange(len(of_patient))))
    ]
    return Share(hits, total, percentiles(ratios))


def repeated(rows: pl.DataFrame) -> bool:
    """Return whether a patient has several visits: then intervals are drawn by patient."""
    return rows.height > 0 and int(group_numbers(rows, "patient").max()) + 1 < rows.height


@dataclass(frozen=True)
class Judged:
    """One policy: emergencies missed, others treated as urgent, slots used."""

    policy: str
    missed: Share
    over: Share
    slots: int


def table(result: Result, policy: str) -> pl.DataFrame:
    """Return the policy's actions beside event and p, one row per visit in order of the forecasts."""
    mine = result.actions.filter(pl.col("policy") == policy).drop("policy")
    return result.forecasts.join(mine, on=["arrival", "visit"], how="left", validate="1:1", maintain_order="left")


def policies(result: Result) -> list[Judged]:
    """Return every policy, the model alone among them where its threshold can claim anything."""
    assert isinstance(result.settings, MedicalTriage)  # noqa: S101
    names = result.actions["policy"].unique(maintain_order=True).to_list()
    found = [judged(name, table(result, name), result.settings) for name in names]
    if claimed(result):
        plan = table(result, "plan")
        found.append(judged(ALONE, plan.with_columns(urgent=pl.col("alone"), slot=pl.lit(0.0)), result.settings))
    return found


def judged(name: str, rows: pl.DataFrame, s: MedicalTriage) -> Judged:
    """Return what a policy missed and what it treated as urgent without need."""
    event, treated = events(rows), treated_urgent(rows, s)
    return Judged(name, share(~treated, event, rows), share(treated, ~event, rows), int(rows["slot"].sum()))


def events(rows: pl.DataFrame) -> NDArray[np.bool_]:
    """Return which rows are events."""
    return np.asarray(rows["event"].to_numpy() > 0)


def claimed(result: Result) -> bool:
    """Return whether the threshold of the model alone may claim its recall."""
    return bool(result.choices.get("recall_claim", {}).get("claimed"))


def groups(rows: pl.DataFrame) -> dict[str, pl.Series]:
    """Return the groups written down with the actions: kind -> one level per row."""
    named = rows["groups"].str.split("|")
    kinds = [part.partition("=")[0] for part in (named[0] if rows.height else []) if part]
    return {kind: named.list.get(place).str.split("=").list.get(1) for place, kind in enumerate(kinds)}
