"""The contract: a use case is a record of plain functions, in running order."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Generic, Literal, Protocol, Self, TypeVar, runtime_checkable

import polars as pl

from pipelines.settings import CaseSettings
from pipelines.texts import Lang

Kind = Literal["date", "datetime", "text", "number", "flag"]
Block = Literal["day", "week", "month"]
Role = Literal["time", "key", "known", "decision", "outcome"]
S = TypeVar("S", bound=CaseSettings)


@dataclass(frozen=True)
class Column:
    """One column of a use case's rows: what it holds and *when it becomes known*.

    Parameters
    ----------
    kind
        Type of the values; a flag is true/false (files may say 1/0, ja/nein, yes/no, x).
    role
        `time` and `key` identify a row. `known`: known at decision time. `decision`: what the user's own
        business decided then (orders, baked pieces): seen by business as usual alone. `outcome`: known
        only after the fact; `run` takes it away before predict, decide and usual.
    doc, unit
        Meaning and unit, as shown in the reference and in error messages.
    minimum, maximum
        Inclusive bounds in the column's unit; a value outside is an error naming file, column and row.
    optional
        The column may be absent from the user's data; it is then null in every row.
    derived
        Made by `prepare` from other outcomes (estimated demand); never read from a file.
    total
        How transactions of one day are put together: their sum, maximum, mean or last value.
    aliases
        Words that files use for the column, German and English, set apart by commas: `musterwerk check` guesses by them.
    """

    kind: Kind
    role: Role
    doc: str
    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None
    optional: bool = False
    derived: bool = False
    total: Literal["sum", "max", "mean", "last"] = "sum"
    aliases: str = ""

    @property
    def words(self) -> list[str]:
        """The aliases one by one."""
        return [word.strip() for word in self.aliases.split(",") if word.strip()]


@dataclass(frozen=True)
class Span:
    """A number that a sweep may choose: inclusive bounds in `unit`, on a logarithmic scale or in whole numbers where stated."""

    low: float
    high: float
    log: bool = False
    whole: bool = False
    unit: str = ""


@dataclass(frozen=True)
class Options:
    """Values among which a sweep may choose: texts, numbers or flags."""

    values: tuple[str | float | bool, ...]


@dataclass(frozen=True)
class Sheet:
    """How a plan is laid out for people: one sheet per value of `group`, one line per `item`, the number to follow in `quantity`."""

    group: str  # a key column: branch, station, shift
    item: tuple[str, ...]  # key or time columns that name a line
    quantity: str  # the action column
    unit: str = ""


class Forecaster(Protocol):
    """Predicts a distribution. Fitted on past rows (features and outcomes), asked about rows without outcomes."""

    @property
    def target(self) -> str:
        """The outcome that is forecast."""
        ...

    @property
    def columns(self) -> Sequence[str]:
        """Forecast columns that predict adds, such as q0.1 ... q0.9, each in the target's unit."""
        ...

    def fit(self, past: pl.DataFrame) -> Self:
        """Learn from rows whose outcomes are known; return self."""
        ...

    def predict(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return the rows with the forecast columns added, in the same order."""
        ...

    def save(self, folder: Path) -> None:
        """Write the fitted model to a folder, without pickles."""
        ...


@runtime_checkable
class Choosing(Protocol):
    """What a forecaster may offer beyond fit and predict: choices made on the select period, and running recalibration."""

    @property
    def choices(self) -> Mapping[str, Any]:
        """What was chosen, as JSON values."""
        ...

    def choose(self, select: pl.DataFrame) -> None:
        """Fix weights and settings from forecasts of the select period that stand beside their outcomes."""
        ...

    def final(self, forecasts: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
        """Return the forecasts as chosen (combined, recalibrated); `known`: earlier forecasts beside their outcomes."""
        ...

    def settle(self, known: pl.DataFrame) -> None:
        """Recalibrate what `predict` gives from now on by earlier forecasts beside their outcomes: before a plan."""
        ...


Rows = pl.DataFrame
Policy = Callable[..., Rows]  # (rows, settings) -> rows + actions; sequential: (rows, settings, state)


def _no_preparation(rows: Rows, _: Any) -> Rows:
    return rows


def _evening_before(_: Any) -> float:
    return 1


@dataclass(frozen=True)
class UseCase(Generic[S]):
    """A use case: the slots in running order (see docs/reference/contract.md).

    The required slots are those of the minimal example. A sequential case also gives `start`; then decide, usual
    and every rule take `(rows, settings, state)` for one epoch, and value returns `(ledger, next state)`.
    """

    name: str
    schema: Mapping[str, Column]
    settings: type[S]
    features: Callable[[Rows, S], Rows]
    model: Callable[[S], Forecaster]
    decide: Policy
    usual: Policy
    value: Callable[..., Any]

    title: Mapping[str, str] = field(default_factory=dict)  # {"en": ..., "de": ...}
    notice: Mapping[str, str] = field(default_factory=dict)  # the same: what every page must say (report, plan sheets, papers)
    folder: Path | None = None  # where settings.toml and README.md stand
    grid: Literal["daily", "none"] = "daily"  # complete daily grid: closed days become rows without outcomes
    tables: Mapping[str, Mapping[str, Column]] = field(default_factory=dict)  # input tables by name, where they are not the rows
    assemble: Callable[[Mapping[str, Rows], S], Rows] | None = None  # typed input tables -> rows; default: joins on declared keys
    simulate: Callable[[S], Mapping[str, Rows]] | None = None  # the embedded default: table name -> rows
    prepare: Callable[[Rows, S], Rows] = _no_preparation  # adds derived columns; causal like features
    hindsight: Callable[[Rows, S], Rows] | None = None  # derived outcomes once more, with forecasts beside them: for the judge alone
    lead: Callable[[S], float] = _evening_before  # in days: a decision for day t sees what happened before midnight of t - (lead - 1)
    start: Callable[[Rows, S], Any] | None = None  # the state before the first epoch; None: nothing carries over
    epoch: str = "1d"  # how long one decision holds (polars duration)
    block: Block = "week"  # days that move together: drawn whole by the bootstrap
    perfect: Policy | None = None  # default: decide with a forecast that equals the outcome
    rules: Mapping[str, Policy] = field(default_factory=dict)  # simple rules shown beside business as usual
    usual_name: Callable[[Rows, S], str] | None = None  # what business as usual is here: a label key such as "ordered"
    own_data: Mapping[str, Mapping[str, str]] = field(
        default_factory=dict
    )  # section -> setting -> TOML value to start own data with; "" = none
    own_settings: Callable[[Mapping[str, Rows]], Mapping[str, Any]] | None = None  # user's tables -> settings found in them (vehicles)
    asked: Sequence[str] = ()  # dotted settings that `musterwerk new` asks for on a terminal; default: every number under [costs]
    upcoming: Callable[[Rows, S, date], Rows] | None = None  # history, day to plan -> that day's rows, outcomes null; default: daily grid
    sheet: Sheet | None = None  # layout of the plan; default: first key, the other keys, first action column
    reasons: Callable[[Rows, S, Lang], pl.Series] | None = None  # rows with actions, settings, language -> why, one sentence per row
    plan_files: Callable[[Rows, S, Lang], Mapping[str, str | bytes]] | None = None  # the same -> further files of the plan by name
    what_if: Callable[[Rows, Rows, S], Mapping[str, Any] | None] | None = None  # forecasts, usual's actions -> tables for the sliders
    together: str | None = None  # known column whose equal values are one person: drawn whole for the intervals of the scores
    search: Mapping[str, Span | Options] = field(default_factory=dict)  # what a sweep may change: dotted setting -> range
    shown: Sequence[str] = ()  # known columns that the Result keeps beside the forecasts, for `sections` (coordinates of a map)
    sections: Callable[[Any, Lang], Sequence[Any]] | None = None  # Result, language -> the report's further sections (report.page.Section)
    extras: Callable[[Rows, Rows, S], Mapping[str, Any]] | None = None  # see the contract: further findings, kept for `sections`
    at_service: Callable[[S, float], S] | None = None  # settings that decide at this service level: trade-off curve
    trade_off: tuple[str, str] | None = None  # ledger columns (wasted, missed) drawn against each other
    segments: Callable[[Rows, S], Mapping[str, pl.Series]] | None = None  # kind -> segment of each row
    notes: Callable[[Rows, S], Sequence[tuple[str, dict[str, Any]]]] | None = None  # what the report must say
    caveats: Callable[[Rows, S], Sequence[tuple[str, dict[str, Any]]]] | None = None  # what the headline must not be read without
    faults: Callable[[Mapping[str, Rows], S], Sequence[tuple[str, dict[str, Any]]]] | None = None  # input tables -> what is wrong in them

    def columns(self, *roles: Role) -> list[str]:
        """Return the schema's columns that have one of the roles, in schema order."""
        return [name for name, column in self.schema.items() if column.role in roles]

    @property
    def time(self) -> str:
        """The time column."""
        return self.columns("time")[0]

    @property
    def target(self) -> str:
        """The first outcome: null where a series was closed."""
        return self.columns("outcome")[0]

    @property
    def keys(self) -> list[str]:
        """The key columns; with the time they identify a row."""
        return self.columns("key")
