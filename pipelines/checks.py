"""check_usecase: the public contract checker. A use case that passes cannot see the future, lose rows or flip a sign unnoticed."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from datetime import time as midnight
from typing import Any

import numpy as np
import polars as pl

from pipelines.backtest import known_before, known_until
from pipelines.errors import ContractError, MusterwerkError, Said
from pipelines.replay import Replay, replay, visible
from pipelines.run import certain, featured, follow, units
from pipelines.texts import Lang, text
from pipelines.usecase import S, UseCase

Problem = Callable[..., Said | None]  # (case, rows, settings) -> what is wrong, None: nothing
QUIET_DAYS = 21  # the scrambled future begins this long before the end of the rows
TOLERANCE = 1e-6  # relative: perfect foresight may cost this much more by rounding


@dataclass(frozen=True)
class Finding:
    """One check: its name, and what is wrong (None: passed)."""

    check: str
    said: Said | None = None

    @property
    def passed(self) -> bool:
        """Whether the check found nothing."""
        return self.said is None

    @property
    def problem(self) -> str:
        """What is wrong, in English; empty when the check is passed."""
        return str(self.said or "")

    def line(self, lang: Lang) -> str:
        """Return the check's name, and what is wrong, in the language."""
        name = text(f"contract.name_{self.check.replace(' ', '_')}", lang)
        return f"ok  {name}" if self.said is None else f"{name}: {self.said.render(lang)}"


def check_usecase(case: UseCase[S], rows: pl.DataFrame, settings: S) -> tuple[Finding, ...]:
    """Check a use case against the contract of `pipelines.usecase`.

    Parameters
    ----------
    rows
        Rows as `pipelines.run.gridded` gives them, before `prepare`: a few series over a year or so.

    Returns
    -------
    One finding per check, in running order; raise ContractError yourself with `require(findings)`.
    """
    return tuple(_guarded(name, check, case, rows, settings) for name, check in CHECKS.items())


def require(findings: tuple[Finding, ...]) -> None:
    """Raise ContractError naming every failed check."""
    failed = [finding for finding in findings if not finding.passed]
    if failed:
        raise ContractError("run.contract", problems="; ".join(f"{finding.check}: {finding.problem}" for finding in failed))


def _guarded(name: str, check: Problem, case: UseCase[S], rows: pl.DataFrame, settings: S) -> Finding:
    try:
        return Finding(name, check(case, rows, settings))
    except pl.exceptions.ColumnNotFoundError as error:
        quoted = re.search(r'"([^"]+)"', str(error))
        column = quoted.group(1) if quoted else str(error)
        unknown = column in case.columns("outcome", "decision")
        return Finding(name, Said(f"contract.{'column_unknown' if unknown else 'column_absent'}", {"column": column}))
    except MusterwerkError as error:
        return Finding(name, Said("contract.raised", {"kind": type(error).__name__, "problem": Said(error.key, error.values)}))
    except (ValueError, TypeError, pl.exceptions.PolarsError) as error:
        return Finding(name, Said("contract.raised", {"kind": type(error).__name__, "problem": str(error)}))


def _cut(case: UseCase[S], rows: pl.DataFrame) -> date:
    last: Any = rows[case.time].cast(pl.Date).max()
    return last - timedelta(days=QUIET_DAYS)  # type: ignore[no-any-return]


def _schema(case: UseCase[S], rows: pl.DataFrame, _: S) -> Said | None:
    for role, least in (("time", 1), ("key", 1), ("outcome", 1)):
        if len(case.columns(role)) < least:  # type: ignore[arg-type]
            return Said("contract.no_role", {"role": role})
    demanded = [name for name, column in case.schema.items() if not (column.derived or column.optional)]
    unknown = [name for name in demanded if name not in rows.columns]
    return Said("contract.rows_lack", {"columns": ", ".join(unknown)}) if unknown else None


def scrambled(case: UseCase[S], rows: pl.DataFrame, day: date, settings: S) -> pl.DataFrame:
    """Return the rows with everything unknown at the decision for `day` replaced by noise: outcomes by lead, decisions of the day on."""
    draw = np.random.default_rng(0)
    time = pl.col(case.time).cast(pl.Datetime)
    starts = {"outcome": known_until(case, day, settings), "decision": datetime.combine(day, midnight.min)}
    changed = []
    for name in case.columns("outcome", "decision"):
        if name not in rows.columns or case.schema[name].derived:
            continue
        late = time >= starts[case.schema[name].role]
        if case.schema[name].kind == "number":
            noise = pl.Series(draw.uniform(0.2, 3.0, rows.height))
            other: pl.Expr = ((pl.col(name) + 1) * noise).round(0).clip(upper_bound=case.schema[name].maximum).cast(rows.schema[name])
        elif case.schema[name].kind == "flag":
            other = pl.when(pl.col(name).is_not_null()).then(pl.Series(draw.random(rows.height) < 0.5))  # noqa: PLR2004 - a fair coin
        else:
            other = pl.col(name).sort_by(pl.Series(draw.random(rows.height)))
        changed.append(pl.when(late).then(other).otherwise(pl.col(name)).alias(name))
    return rows.with_columns(changed)


def _features(case: UseCase[S], rows: pl.DataFrame, settings: S) -> pl.DataFrame:
    made = case.features(case.prepare(rows, settings), settings)
    if made.height != rows.height:
        raise ContractError("run.lost_rows", case=case.name, policy="features", expected=rows.height, found=made.height)
    return made


def _first_difference(left: pl.DataFrame, right: pl.DataFrame) -> str | None:
    for name in left.columns:
        if name not in right.columns or not left[name].equals(right[name]):
            return name
    return None


def _features_know_no_future(case: UseCase[S], rows: pl.DataFrame, settings: S) -> Said | None:
    day = _cut(case, rows)
    hidden, upto = case.columns("outcome", "decision"), pl.col(case.time).cast(pl.Date) <= day
    before, after = (
        _features(case, table, settings).filter(upto).drop(hidden, strict=False) for table in (rows, scrambled(case, rows, day, settings))
    )
    name = _first_difference(before, after)
    return Said("contract.feature_sees", {"feature": name, "lead": f"{case.lead(settings):g}"}) if name else None


def _features_repeat(case: UseCase[S], rows: pl.DataFrame, settings: S) -> Said | None:
    name = _first_difference(_features(case, rows, settings), _features(case, rows, settings))
    return Said("contract.feature_differs", {"name": name}) if name else None


def _fitted(case: UseCase[S], rows: pl.DataFrame, settings: S) -> tuple[pl.DataFrame, pl.DataFrame, Any]:
    """Return the past, the later rows with forecasts beside their outcomes, and the model."""
    made = featured(case, case.prepare(rows, settings), settings)
    day = _cut(case, rows)
    past, later = known_before(case, made, day, settings), made.filter(pl.col(case.time).cast(pl.Date) >= day)
    hidden = case.columns("outcome", "decision")
    model = case.model(settings).fit(past)
    forecasts = model.predict(later.drop(hidden, strict=False))
    if forecasts.height != later.height:
        raise ContractError("run.lost_rows", case=case.name, policy="model", expected=later.height, found=forecasts.height)
    return past, forecasts.with_columns(later.select(name for name in hidden if name in later.columns)), model


def _model_repeats(case: UseCase[S], rows: pl.DataFrame, settings: S) -> Said | None:
    first, second = (_fitted(case, rows, settings) for _ in range(2))
    columns = list(first[2].columns)
    if first[1].select(columns).null_count().sum_horizontal().item():
        return Said("contract.forecast_empty", {})
    name = _first_difference(first[1].select(columns), second[1].select(columns))
    return Said("contract.forecast_differs", {"name": name}) if name else None


def _policy_check(policy: str) -> Problem:
    def check(case: UseCase[S], rows: pl.DataFrame, settings: S) -> Said | None:
        _, forecasts, _ = _fitted(case, rows, settings)
        function = case.decide if policy == "plan" else case.usual
        first, second = (replay(case, forecasts, settings, function, policy) for _ in range(2))
        name = _first_difference(first.actions, second.actions)
        if name:
            return Said("contract.action_differs", {"name": name})
        missing = [column for column in first.actions.columns if first.actions[column].null_count()]
        return Said("contract.action_empty", {"name": missing[0]}) if missing else None

    return check


def _policies_know_no_future(case: UseCase[S], rows: pl.DataFrame, settings: S) -> Said | None:
    """Decide for many days at once on rows whose later outcomes differ: the first day's actions must not."""
    day = _cut(case, rows)
    _, known, model = _fitted(case, rows, settings)
    decisions = known.select(name for name in case.columns("decision") if name in known.columns)
    for policy, function in (("decide", case.decide), ("usual", case.usual)):
        actions = []
        for table in (rows, scrambled(case, rows, day, settings)):
            made = featured(case, case.prepare(table, settings), settings).filter(pl.col(case.time).cast(pl.Date) >= day)
            forecasts = model.predict(made.drop(case.columns("outcome", "decision"), strict=False)).with_columns(decisions)
            seen = visible(case, forecasts, decisions=policy == "usual")
            extra = () if case.start is None else (case.start(seen, settings),)
            acted = function(seen, settings, *extra).filter(pl.col(case.time).cast(pl.Date) == day)
            actions.append(acted.select(*case.keys, *(name for name in acted.columns if name not in seen.columns)))
        name = _first_difference(actions[0], actions[1])
        if name:
            return Said("contract.policy_sees", {"policy": policy, "name": name})
    return None


def _ledger_is_cost(case: UseCase[S], rows: pl.DataFrame, settings: S) -> Said | None:
    _, forecasts, model = _fitted(case, rows, settings)
    ledgers = {
        "usual": replay(case, forecasts, settings, case.usual, "usual").ledger,
        "plan": replay(case, forecasts, settings, case.decide, "plan").ledger,
        "perfect": _perfect(case, forecasts, settings, model).ledger,
    }
    unit = units(case, ledgers["plan"])[0]
    for name, ledger in ledgers.items():
        broken = [column for column in units(case, ledger) if not ledger[column].cast(pl.Float64).is_finite().all()]
        if broken:
            return Said("contract.ledger_not_finite", {"column": broken[0], "name": name})
    perfect = float(ledgers["perfect"][unit].sum())
    for name in ("usual", "plan"):
        other = float(ledgers[name][unit].sum())
        if perfect > other + TOLERANCE * max(abs(other), 1.0):
            figures = {"perfect": f"{perfect:.2f}", "unit": unit, "name": name, "other": f"{other:.2f}"}
            return Said("contract.sign_flipped", figures)
    return None


def _perfect(case: UseCase[S], forecasts: pl.DataFrame, settings: S, model: Any) -> Replay:
    if case.perfect is None:
        return replay(case, certain(model, forecasts), settings, case.decide, "perfect")
    return replay(case, forecasts, settings, follow(case, case.perfect(forecasts, settings)), "perfect")


CHECKS: dict[str, Problem] = {
    "schema": _schema,
    "features know no future": _features_know_no_future,
    "features repeat": _features_repeat,
    "model repeats": _model_repeats,
    "decide sees no outcome": _policy_check("plan"),
    "usual sees no outcome": _policy_check("usual"),
    "policies know no future": _policies_know_no_future,
    "ledger is a cost": _ledger_is_cost,
}
