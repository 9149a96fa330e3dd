"""What one run gives: frozen and complete, so that report, tracking and plan need nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

import polars as pl

from pipelines.settings import CaseSettings
from pipelines.usecase import Forecaster

Verdict = Literal["better", "none", "worse"]  # the whole interval above 0, around 0, below 0


@dataclass(frozen=True)
class Note:
    """Something the reader must be told: a text key `area.name` and what fills it."""

    key: str
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Period:
    """First and last day, both included."""

    first: date
    last: date

    @property
    def days(self) -> int:
        """Number of calendar days."""
        return (self.last - self.first).days + 1


@dataclass(frozen=True)
class ColumnFacts:
    """One column of the data: its kind, role, meaning, unit and bounds, and in how many rows it has a value."""

    kind: str
    role: str
    doc: str
    unit: str
    minimum: float | None
    maximum: float | None
    filled: int


@dataclass(frozen=True)
class DataFacts:
    """What was read: the source as people name it, its digest, its size and period."""

    source: str
    digest: str  # sha256 of the checked rows
    rows: int
    series: int
    first: date
    last: date
    notes: tuple[Note, ...] = ()
    columns: Mapping[str, ColumnFacts] = field(default_factory=dict)  # of the schema; empty in runs of earlier versions


@dataclass(frozen=True)
class Interval:
    """A figure with its 95 % interval; None where it is not defined."""

    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Saving:
    """One ledger unit over the report period: totals of the three policies (costs, lower is better), what the plan saves."""

    unit: str
    usual: float
    plan: float
    perfect: float
    saved: Interval  # usual - plan
    captured: Interval  # saved / (usual - perfect)


@dataclass(frozen=True)
class Opponent:
    """The plan against one simple rule: both totals in the first ledger unit, and what the plan saves against it."""

    rule: str
    total: float
    saved: Interval
    chosen: bool  # the best simple rule by replay on the select period


@dataclass(frozen=True)
class EqualService:
    """Waste of the plan against business as usual times the factor that misses no more (chosen in hindsight, kind to usual)."""

    factor: float
    waste_unit: str
    missed_unit: str
    usual_waste: float
    usual_missed: float
    plan_waste: float
    plan_missed: float


@dataclass(frozen=True)
class Result:
    """Everything a run found out."""

    case: str
    settings: CaseSettings
    data: DataFacts
    train: Period
    select: Period
    report: Period
    forecasts: pl.DataFrame  # report rows: time, keys, outcomes, q..., model_used
    actions: pl.DataFrame  # policy, time, keys, action columns
    ledger: pl.DataFrame  # policy (usual, plan, perfect), time, keys, cost columns
    savings: tuple[Saving, ...]  # the first one is the headline
    opponents: tuple[Opponent, ...]
    equal_service: EqualService | None
    scores: Mapping[str, float]  # wape, bias, pinball, crossed ... of the report period
    calibration: pl.DataFrame  # level, coverage, low, high, rows
    segments: pl.DataFrame  # kind, segment, rows, usual, plan, perfect, saved, low, high, captured (first ledger unit)
    curve: pl.DataFrame  # service_level, policy, wasted, missed, cost (first ledger unit) on the report period
    choices: Mapping[str, Any]  # what was chosen on select, as JSON values
    notes: tuple[Note, ...]
    select_saved: Interval  # the same saving on the select period: decides on the champion
    model: Forecaster  # refitted on the whole history
    train_rows: pl.DataFrame  # a few feature rows: the model's signature
    what_if: Mapping[str, Any] | None = None  # tables from which the report's page values other costs
    notice: Mapping[str, str] = field(default_factory=dict)  # what every page must say, by language
    score_bounds: Mapping[str, Interval] = field(default_factory=dict)  # scores that have an interval
    extras: Mapping[str, Any] = field(default_factory=dict)  # the use case's further findings, as JSON values
    caveats: tuple[Note, ...] = ()  # what the headline must not be read without

    @property
    def headline(self) -> Saving:
        """The saving in the first ledger unit."""
        return self.savings[0]

    @property
    def best_rule(self) -> Opponent | None:
        """The plan against the simple rule that was best on select; None without rules, or where that rule is business as usual itself."""
        usual = self.choices.get("usual")
        return next((rival for rival in self.opponents if rival.chosen and rival.rule != usual), None)

    @property
    def verdict(self) -> Verdict:
        """Whether the interval of the headline saving lies above, around or below zero."""
        saved = self.headline.saved
        if saved.low is None or saved.high is None:
            return "none"
        return "better" if saved.low > 0 else "worse" if saved.high < 0 else "none"
