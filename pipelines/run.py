"""THE pipeline: data -> features -> backtest -> decide -> replay -> value. One short function anyone can follow."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from pipelines import value
from pipelines.backtest import Periods, Progress, backtest, finished, split
from pipelines.calendar import calendar, school_holidays_known, school_holidays_span
from pipelines.errors import ContractError
from pipelines.grid import complete_grid
from pipelines.replay import Replay, replay
from pipelines.result import ColumnFacts, DataFacts, Interval, Note, Period, Result
from pipelines.scores import calibration, score_bounds, scores
from pipelines.settings import CaseSettings
from pipelines.table import Loaded, assemble, conformed, data_digest, joins
from pipelines.trade_off import equal_service, first_action, trade_off_curve
from pipelines.usecase import Choosing, Forecaster, Policy, S, UseCase

SIGNATURE_ROWS = 5


def silent(stage: str, share: float) -> None:
    """Show no progress."""


@dataclass(frozen=True)
class Prepared:
    """Checked rows on a complete grid, with calendar and derived outcomes, and what they were made from."""

    rows: pl.DataFrame
    facts: DataFacts


@dataclass(frozen=True)
class Selected:
    """What the select period decided: the model with its choices made, the best simple rule, and the saving there."""

    model: Forecaster
    raw: pl.DataFrame  # forecasts of the select period before combination, beside their outcomes
    rule: str | None
    saved: Interval


def gridded(case: UseCase[S], loaded: Loaded, settings: S) -> pl.DataFrame:
    """Return the rows as the schema describes them: tables joined, closed days as missing rows, calendar added.

    Raises
    ------
    InputError
        When the data do not fit the schema, naming file, column, rows and remedy.
    """
    if case.assemble is None:
        rows = assemble(loaded.tables, case.schema, settings.data)
    else:
        rows = conformed(case.assemble(loaded.tables, settings), case.schema)
    if case.grid == "none":
        return rows
    joined = joins(loaded.tables, case.schema, settings.data)
    rows = complete_grid(rows, case.schema, settings.calendar, case.target, joined)
    first, last = rows[case.time].min(), rows[case.time].max()
    days = calendar(first, last, settings.calendar)  # type: ignore[arg-type]
    return rows.join(days.rename({"day": case.time}), on=case.time, how="left", maintain_order="left")


def prepare(case: UseCase[S], loaded: Loaded, settings: S) -> Prepared:
    """Return the rows with derived outcomes, and the facts of what was read."""
    rows = gridded(case, loaded, settings)
    return Prepared(case.prepare(rows, settings), data_facts(case, loaded, rows, settings))


def data_facts(case: UseCase[S], loaded: Loaded, rows: pl.DataFrame, settings: S) -> DataFacts:
    """Return the facts of what was read; `rows` are those of `gridded`."""
    days = rows[case.time].cast(pl.Date)
    return DataFacts(
        source=loaded.source,
        digest=data_digest(rows),
        rows=rows.filter(pl.col(case.target).is_not_null()).height,
        series=rows.select(case.keys).n_unique(),
        first=days.min(),  # type: ignore[arg-type]
        last=days.max(),  # type: ignore[arg-type]
        notes=(
            *loaded.notes,
            *_faults(case, loaded, settings),
            *(_calendar_notes(settings, days.min(), days.max()) if case.grid == "daily" else ()),  # type: ignore[arg-type]
        ),
        columns=_column_facts(case, rows),
    )


def _column_facts(case: UseCase[S], rows: pl.DataFrame) -> dict[str, ColumnFacts]:
    """Return what each column of the schema holds in these data; derived ones are made later and left out."""
    read = {name: column for name, column in case.schema.items() if name in rows.columns and not column.derived}
    return {
        name: ColumnFacts(column.kind, column.role, column.doc, column.unit, column.minimum, column.maximum, rows[name].count())
        for name, column in read.items()
    }


def _faults(case: UseCase[S], loaded: Loaded, settings: S) -> list[Note]:
    """Return what the use case finds wrong in its input tables, each fault with its remedy."""
    return [Note(key, values) for key, values in case.faults(loaded.tables, settings)] if case.faults else []


def _calendar_notes(settings: CaseSettings, first: date, last: date) -> list[Note]:
    state = settings.calendar.state
    if not state:
        return [Note("calendar.no_state", {})]
    span = school_holidays_span(state)
    known = school_holidays_known(state, first, last)
    return [] if known else [Note("calendar.school_unknown", {"state": state, "first": str(span[0]), "last": str(span[1])})]


Keep = Callable[[pl.DataFrame, Replay], None]


def run(case: UseCase[S], data: Prepared, settings: S, progress: Progress = silent, keep: Keep | None = None) -> Result:
    """Backtest a use case and return everything found out.

    train < select < report: the model is fitted on the past alone, every choice is made on select, and the headline
    is the replay of usual, plan and perfect on report. Last, the model is refitted on the whole history for planning.
    `keep` gets the report period's rows (features, forecasts, outcomes) and what the plan did there: for the audit log.
    """
    progress("features", 0.0)
    rows = featured(case, data.rows, settings)
    periods = split(data.facts.first, data.facts.last, settings.periods, case.block)
    selected = choose(case, rows, periods, settings, progress)
    raw = backtest(case, selected.model, rows, periods.report, settings, lambda _, share: progress("report", share))
    forecasts = judged(case, finished(case, selected.model, raw, selected.raw, periods.report, settings), settings)
    progress("replay", 0.0)
    replays = replay_all(case, selected.model, forecasts, settings)
    if keep:
        keep(forecasts, replays["plan"])
    found = findings(case, forecasts, replays, settings, selected)
    extras = case.extras(rows, forecasts, settings) if case.extras else {}
    progress("refit", 0.0)
    model = selected.model.fit(rows)
    if isinstance(model, Choosing):
        model.settle(pl.concat([selected.raw, raw], how="diagonal"))
    progress("done", 1.0)
    return Result(
        case=case.name,
        settings=settings,
        data=data.facts,
        train=periods.train,
        select=periods.select,
        report=periods.report,
        forecasts=shown_forecasts(case, model, forecasts),
        choices={
            "usual": case.usual_name(forecasts, settings) if case.usual_name else None,
            "rule": selected.rule,
            **(model.choices if isinstance(model, Choosing) else {}),
        },
        notes=(*data.facts.notes, *(Note(key, values) for key, values in (case.notes(forecasts, settings) if case.notes else ()))),
        select_saved=selected.saved,
        model=model,
        notice=case.notice,
        extras=extras,
        caveats=tuple(Note(key, values) for key, values in case.caveats(forecasts, settings)) if case.caveats else (),
        train_rows=rows.drop(case.columns("outcome", "decision"), strict=False).tail(SIGNATURE_ROWS),
        **found,
    )


def findings(case: UseCase[S], forecasts: pl.DataFrame, replays: Mapping[str, Replay], settings: S, selected: Selected) -> dict[str, Any]:
    """Return the judged part of a Result: ledger, savings, opponents, segments, scores, calibration, trade-off."""
    ledgers = {name: replayed.ledger for name, replayed in replays.items()}
    ledger = stacked({name: ledgers[name] for name in ("usual", "plan", "perfect")})
    cost, target = units(case, ledger), selected.model.target
    kinds = case.segments(forecasts, settings) if case.segments else {}
    index = forecasts.select(case.time, *case.keys)
    members = {kind: index.with_columns(segment.cast(pl.String).alias("segment")) for kind, segment in kinds.items()}
    action = first_action(case, replays["usual"].actions)
    return {
        "actions": stacked({name: replayed.actions for name, replayed in replays.items()}),
        "ledger": ledger,
        "savings": tuple(value.saving(ledger, case.time, unit, case.block) for unit in cost),
        "opponents": value.opponents(ledgers, case.time, cost[0], selected.rule, case.block),
        "equal_service": equal_service(case, forecasts, settings, ledgers, action),
        "scores": scores(forecasts, target),
        "score_bounds": score_bounds(forecasts, target, case.together),
        "calibration": calibration(forecasts, target, case.time),
        "segments": value.segment_table(ledger, case.time, cost[0], members, case.block),
        "what_if": _what_if(case, forecasts, replays["usual"], settings),
        "curve": trade_off_curve(case, forecasts, settings, ledgers),
    }


def _what_if(case: UseCase[S], forecasts: pl.DataFrame, usual: Replay, settings: S) -> Mapping[str, Any] | None:
    """Return the tables for the page's sliders, or None where the use case has none."""
    if case.what_if is None:
        return None
    index = [case.time, *case.keys]
    return case.what_if(forecasts, forecasts.select(index).join(usual.actions, on=index, how="left", maintain_order="left"), settings)


def shown_forecasts(case: UseCase[S], model: Forecaster, forecasts: pl.DataFrame) -> pl.DataFrame:
    """Return what people look at: time, keys, outcomes, decisions, columns `shown`, forecasts and the model that made them."""
    wanted = [case.time, *case.keys, *case.columns("outcome", "decision"), *case.shown, *model.columns, "model_used"]
    return forecasts.select(column for column in wanted if column in forecasts.columns)


def featured(case: UseCase[S], rows: pl.DataFrame, settings: S) -> pl.DataFrame:
    """Return the open rows with features; raise ContractError when features change the number of rows."""
    made = case.features(rows, settings)
    if made.height != rows.height:
        raise ContractError("run.lost_rows", case=case.name, policy="features", expected=rows.height, found=made.height)
    columns, keep = [made.select(name) for name in made.columns], made[case.target].is_not_null()
    del made
    return kept(columns, keep)


def kept(columns: list[pl.DataFrame], keep: pl.Series) -> pl.DataFrame:
    """Return a frame of the rows where `keep` is true; takes the columns out of the list one by one: a wide table is never held twice."""
    if keep.all():
        return pl.concat(columns, how="horizontal")
    return pl.concat([columns.pop(0).filter(keep) for _ in range(len(columns))], how="horizontal")


def judged(case: UseCase[S], forecasts: pl.DataFrame, settings: S) -> pl.DataFrame:
    """Return the forecast rows with the outcomes the judge goes by: derived ones are estimated once more, in hindsight."""
    return case.hindsight(forecasts, settings) if case.hindsight else forecasts


def choose(case: UseCase[S], rows: pl.DataFrame, periods: Periods, settings: S, progress: Progress) -> Selected:
    """Make every choice on the select period: the model's own (weights, recalibration) and the best simple rule."""
    model = case.model(settings)
    raw = backtest(case, model, rows, periods.select, settings, lambda _, share: progress("select", share))
    forecasts = chosen_forecasts(case, model, raw, periods.select, settings)
    policies = {**case.rules, "usual": case.usual, "plan": case.decide}
    ledgers = {name: replay(case, forecasts, settings, policy, name).ledger for name, policy in policies.items()}
    unit = units(case, ledgers["plan"])[0]
    rule = min(case.rules, key=lambda name: float(ledgers[name][unit].sum()), default=None)
    return Selected(model, raw, rule, value.difference(stacked(ledgers), case.time, unit, "plan", "usual", case.block))


def chosen_forecasts(case: UseCase[S], model: Forecaster, raw: pl.DataFrame, select: Period, settings: S) -> pl.DataFrame:
    """Let the model choose by its raw forecasts of the select period; return its final ones beside the outcomes the judge goes by."""
    forecasts = raw
    if isinstance(model, Choosing):
        model.choose(judged(case, raw, settings))
        forecasts = finished(case, model, raw, raw.clear(), select, settings)
    return judged(case, forecasts, settings)


def certain(model: Forecaster, forecasts: pl.DataFrame) -> pl.DataFrame:
    """Return the rows with a forecast that equals the outcome: what perfect foresight decides on."""
    return forecasts.with_columns(pl.col(model.target).cast(pl.Float64).alias(column) for column in model.columns)


def replay_all(case: UseCase[S], model: Forecaster, forecasts: pl.DataFrame, settings: S) -> dict[str, Replay]:
    """Replay usual, plan, perfect and the simple rules side by side on the same days."""
    replays = {
        "usual": replay(case, forecasts, settings, case.usual, "usual"),
        "plan": replay(case, forecasts, settings, case.decide, "plan"),
    }
    if case.perfect is None:
        replays["perfect"] = replay(case, certain(model, forecasts), settings, case.decide, "perfect")
    else:
        replays["perfect"] = replay(case, forecasts, settings, follow(case, case.perfect(forecasts, settings)), "perfect")
    return replays | {name: replay(case, forecasts, settings, rule, name) for name, rule in case.rules.items()}


def follow(case: UseCase[S], solved: pl.DataFrame) -> Policy:
    """Return the policy that takes the solved actions of the whole period, epoch by epoch."""
    index = [case.time, *case.keys]

    def policy(seen: pl.DataFrame, *_: object) -> pl.DataFrame:
        columns = [column for column in solved.columns if column not in seen.columns]
        columns = [column for column in columns if column not in case.columns("outcome", "decision")]
        return seen.join(solved.select(*index, *columns), on=index, how="left", validate="1:1", maintain_order="left")

    return policy


def units(case: UseCase[S], ledger: pl.DataFrame) -> list[str]:
    """Return the ledger's cost columns; the first one is the headline."""
    return [column for column in ledger.columns if column not in {case.time, *case.keys, "policy"}]


def stacked(frames: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Return one frame with the policy's name as first column."""
    return pl.concat([frame.select(pl.lit(name).alias("policy"), pl.all()) for name, frame in frames.items()], how="diagonal_relaxed")
