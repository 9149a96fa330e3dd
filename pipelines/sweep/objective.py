"""What a trial is worth: the replayed cost of its decisions on the select period. The report period is never looked at here."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

import polars as pl

from pipelines.backtest import backtest, origins
from pipelines.errors import InputError
from pipelines.replay import replay
from pipelines.result import Period
from pipelines.run import chosen_forecasts, featured, silent
from pipelines.scores import scores
from pipelines.settings import CaseSettings
from pipelines.sweep.shared import Shared, with_outcomes
from pipelines.usecase import Forecaster, S, UseCase

FORECAST_ERRORS = ("pinball", "log_loss", "brier", "wape", "rmse", "mae")  # the first one a use case has
AfterFold = Callable[[int, float], None]  # (fold, cost per day so far): may raise to end the trial early
Case = UseCase[CaseSettings]


@dataclass(frozen=True)
class Judged:
    """What a trial is told: the values to minimise, and figures that go along (costs per unit, saved, forecast scores)."""

    values: tuple[float, ...]
    figures: Mapping[str, float]
    forecasts: pl.DataFrame
    ledger: pl.DataFrame


@dataclass(frozen=True)
class Aim:
    """What is minimised: ledger columns of the plan (none stated: the first one), or one error of the forecast."""

    units: Sequence[str]
    forecast: bool = False


def judge(case: UseCase[S], shared: Shared, settings: S, aim: Aim, fresh: bool, after_fold: AfterFold | None = None) -> Judged:
    """Fit, predict, decide and replay one candidate on the select period.

    Parameters
    ----------
    fresh
        The settings change rows or features: these are made anew instead of being taken from the shared file.
    after_fold
        Called after each refit block but the last with the plan's cost per day so far.
    """
    rows = featured(case, case.prepare(shared.rows, settings), settings) if fresh else shared.features
    model, select = case.model(settings), shared.periods.select

    def worth(raw: pl.DataFrame, period: Period) -> Judged:
        forecasts = with_outcomes(case, chosen_forecasts(case, model, raw, period, settings), shared.truth)
        return _worth(case, model, forecasts, settings, aim)

    done: list[pl.DataFrame] = []
    for number, block in enumerate(origins(select, settings.periods.refit_days) if after_fold else [select]):
        done.append(backtest(case, model, rows, block, settings, silent))
        if after_fold and block.last < select.last:
            so_far = Period(select.first, block.last)
            after_fold(number, worth(pl.concat(done, how="diagonal"), so_far).values[0] / so_far.days)
    return worth(pl.concat(done, how="diagonal"), select)


def _worth(case: UseCase[S], model: Forecaster, forecasts: pl.DataFrame, settings: S, aim: Aim) -> Judged:
    """Replay the plan on forecasts that stand beside their outcomes."""
    ledger = replay(case, forecasts, settings, case.decide, "plan").ledger
    costs = {unit: float(ledger[unit].sum()) for unit in ledger.columns if unit not in {case.time, *case.keys}}
    errors = {name: score for name, score in scores(forecasts, model.target).items() if isfinite(score)}
    figures = {**{f"cost.{unit}": cost for unit, cost in costs.items()}, **{f"score.{name}": score for name, score in errors.items()}}
    if aim.forecast:
        name = next((name for name in FORECAST_ERRORS if name in errors), None)
        if name is None:
            raise InputError("sweep.no_score", case=case.name)
        return Judged((errors[name],), figures, forecasts, ledger)
    units = aim.units or tuple(costs)[:1]
    for unit in units:
        if unit not in costs:
            raise InputError("sweep.no_unit", unit=unit, known=", ".join(costs))
    return Judged(tuple(costs[unit] for unit in units), figures, forecasts, ledger)


def folds(shared: Shared, settings: CaseSettings) -> int:
    """Return how many refit blocks the select period has."""
    return len(list(origins(shared.periods.select, settings.periods.refit_days)))
