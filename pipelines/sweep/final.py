"""Did tuning help? Untuned and tuned settings side by side on the report period, judged by the same outcomes, with an interval."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import polars as pl
from optuna.trial import FrozenTrial, TrialState
from pydantic import TypeAdapter

from pipelines import value
from pipelines.backtest import Periods, backtest, finished
from pipelines.errors import InputError
from pipelines.replay import replay
from pipelines.result import Interval, Period
from pipelines.run import chosen_forecasts, featured, judged, silent, stacked, units
from pipelines.sweep import study
from pipelines.sweep.shared import ROWS, WHOLE, read_shared, with_outcomes
from pipelines.sweep.space import Value, changed, untuned
from pipelines.sweep.spec import Sweep
from pipelines.sweep.study import Queue
from pipelines.usecase import S, UseCase

FILE = "final.json"


@dataclass(frozen=True)
class Comparison:
    """What the tuned settings save against the untuned ones, by ledger unit; positive: tuning helped. Intervals are 95 %."""

    trial: int
    params: dict[str, Value]
    untuned: dict[str, Value]
    unit: str
    select: dict[str, Interval]  # optimistic: the settings were chosen there
    report: dict[str, Interval]
    plain_saved: Interval  # untuned settings against business as usual, on the report period
    tuned_saved: Interval
    select_period: Period
    report_period: Period
    looks: int  # how many different settings of this sweep have been compared on the report period so far

    @property
    def verdict(self) -> Literal["better", "none", "worse"]:
        """Whether the gain on the report period lies above, around or below zero."""
        gain = self.report[self.unit]
        if gain.low is None or gain.high is None:
            return "none"
        return "better" if gain.low > 0 else "worse" if gain.high < 0 else "none"


def chosen_trial(queue: Queue, number: int | None) -> FrozenTrial:
    """Return the trial to compare: a stated one, or the best; of a Pareto set the one that is best in the first unit.

    Raises InputError while nothing is complete, or when the stated trial is not.
    """
    best = study.better(queue)
    if not best:
        raise InputError("sweep.nothing_done", name=queue.spec.name)
    if number is None:
        return min(best, key=lambda trial: (trial.values[0], trial.number))
    done = {trial.number: trial for trial in queue.states(TrialState.COMPLETE)}
    if number not in done:
        raise InputError("sweep.no_trial", trial=number, known=", ".join(str(trial.number) for trial in best))
    return done[number]


def compare(sweep: Sweep, trial: FrozenTrial) -> Comparison:
    """Backtest both settings on select and report, once: what was compared before is read back.

    Parameters
    ----------
    trial
        Whose parameters are compared with the untuned ones.
    """
    before = stored(sweep.folder)
    params = {name: trial.params[name] for name in sweep.spec.space}
    found = next((one for one in before if one.params == params), None)
    if found is not None:
        return found
    case, plain = sweep.case, {name: untuned(sweep.settings, name) for name in sweep.spec.space}
    periods = read_shared(sweep.folder, sweep.spec.data_digest).periods
    rows = pl.read_ipc(sweep.folder / WHOLE / ROWS)
    tuned = changed(case, sweep.settings, params)
    ledgers = both_periods(case, rows, periods, {"untuned": sweep.settings, "tuned": tuned})
    unit = sweep.spec.units[0]
    gains = {
        name: {one: value.difference(ledger, case.time, one, "tuned", "untuned", case.block) for one in units(case, ledger)}
        for name, ledger in ledgers.items()
    }
    saved = {name: value.difference(ledgers["report"], case.time, unit, name, f"usual {name}", case.block) for name in ("untuned", "tuned")}
    made = Comparison(
        trial=trial.number,
        params=params,
        untuned=plain,
        unit=unit,
        select=gains["select"],
        report=gains["report"],
        plain_saved=saved["untuned"],
        tuned_saved=saved["tuned"],
        select_period=periods.select,
        report_period=periods.report,
        looks=len(before) + 1,
    )
    _store(sweep.folder, [*before, made])
    return made


def both_periods(
    case: UseCase[S], rows: pl.DataFrame, periods: Periods, candidates: Mapping[str, S]
) -> dict[Literal["select", "report"], pl.DataFrame]:
    """Return the ledgers of select and report: policies are the candidates' plans and, beside each, business as usual.

    The first candidate's outcomes judge all: estimated demand must not move with the forecast that is judged by it.
    """
    found: dict[Literal["select", "report"], dict[str, pl.DataFrame]] = {"select": {}, "report": {}}
    truth: dict[str, pl.DataFrame] = {}
    for name, settings in candidates.items():
        made = featured(case, case.prepare(rows, settings), settings)
        model = case.model(settings)
        raw = backtest(case, model, made, periods.select, settings, silent)
        select = chosen_forecasts(case, model, raw, periods.select, settings)
        later = backtest(case, model, made, periods.report, settings, silent)
        report = judged(case, finished(case, model, later, raw, periods.report, settings), settings)
        for period, forecasts in (("select", select), ("report", report)):
            truth.setdefault(period, forecasts)
            seen = with_outcomes(case, forecasts, truth[period] if case.hindsight else None)
            ledgers = found[period]  # type: ignore[index]
            ledgers[name] = replay(case, seen, settings, case.decide, "plan").ledger
            ledgers[f"usual {name}"] = replay(case, seen, settings, case.usual, "usual").ledger
    return {period: stacked(ledgers) for period, ledgers in found.items()}


def stored(folder: Path) -> list[Comparison]:
    """Return the comparisons made so far."""
    file = folder / FILE
    return TypeAdapter(list[Comparison]).validate_json(file.read_bytes()) if file.is_file() else []


def _store(folder: Path, comparisons: list[Comparison]) -> None:
    unfinished = folder / f".{FILE}.{os.getpid()}.part"
    unfinished.write_text(json.dumps([asdict(one) for one in comparisons], indent=1, default=str), encoding="utf-8")
    unfinished.replace(folder / FILE)


def as_dict(found: Comparison) -> dict[str, Any]:
    """Return the comparison in machine-readable form."""
    return {**asdict(found), "verdict": found.verdict}
