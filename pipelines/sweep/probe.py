"""What each parameter touches: features (then they are made anew), or the judge (then it must not be tuned)."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from math import isclose

import polars as pl

from pipelines.errors import InputError
from pipelines.replay import Replay, replay
from pipelines.run import featured, follow
from pipelines.settings import CaseSettings
from pipelines.sweep.space import Space, Value, changed, others, untuned
from pipelines.usecase import Options, S, Span, UseCase

MOST_ROWS = 50_000  # of the latest days: enough to see whether features change
SAME = 1e-9


def makes_features(case: UseCase[S], rows: pl.DataFrame, settings: S, space: Space) -> tuple[str, ...]:
    """Return the parameters whose other values change derived columns or features."""
    recent = _latest(rows, case.time)

    def made(params: Mapping[str, Value]) -> pl.DataFrame:
        candidate = changed(case, settings, params)
        return featured(case, case.prepare(recent, candidate), candidate)

    plain = made({})
    if all(made(params).equals(plain) for params in _joint_changes(space, settings)):
        return ()
    found = {name for name, value in _single_changes(space, settings) if not made({name: value}).equals(plain)}
    # together, too: one parameter may count only when another one is switched on
    rest = {name: range_ for name, range_ in space.items() if name not in found}
    if any(not made(params).equals(plain) for params in _joint_changes(rest, settings)):
        found |= set(rest)
    return tuple(name for name in space if name in found)


def moves_forecast(case: UseCase[S], settings: S, space: Space, made_anew: Sequence[str]) -> dict[str, Span | Options]:
    """Return the parameters that can change the forecast; the others would be drawn at random where its error alone is minimised.

    One can when it makes features anew or its model is another one by its own description (`repr`). Raises InputError when none can.
    """
    plain = repr(case.model(settings))
    other = {name for name, value in _single_changes(space, settings) if repr(case.model(changed(case, settings, {name: value}))) != plain}
    found = {name: range_ for name, range_ in space.items() if name in other or name in made_anew}
    if not found:
        raise InputError("sweep.no_forecast_parameter", known=", ".join(space))
    return found


def require_untouched_judge(case: UseCase[S], forecasts: pl.DataFrame, settings: S, space: Space) -> None:
    """Raise InputError for a parameter that changes what the same actions cost: a sweep would tune the price, not the plan."""
    for policy in ("usual", "plan"):
        acted = replay(case, forecasts, settings, case.usual if policy == "usual" else case.decide, policy)
        plain = _cost(case, forecasts, settings, acted)
        # all at once first: that is two replays where one parameter at a time would be dozens
        if all(_same(plain, _cost(case, forecasts, changed(case, settings, params), acted)) for params in _joint_changes(space, settings)):
            continue
        for name, value in _single_changes(space, settings):
            moved = _cost(case, forecasts, changed(case, settings, {name: value}), acted)
            if not _same(plain, moved):
                unit = next(unit for unit in plain if not _same({unit: plain[unit]}, moved))
                raise InputError("sweep.judge_moved", name=name, value=value, unit=unit, before=plain[unit], after=moved[unit])


def _same(plain: Mapping[str, float], moved: Mapping[str, float]) -> bool:
    return all(isclose(moved[unit], cost, rel_tol=SAME, abs_tol=SAME) for unit, cost in plain.items())


def _cost(case: UseCase[S], forecasts: pl.DataFrame, settings: S, acted: Replay) -> dict[str, float]:
    """Return what given actions cost under the settings."""
    ledger = replay(case, forecasts, settings, follow(case, acted.actions), "usual").ledger
    return {unit: float(ledger[unit].sum()) for unit in ledger.columns if unit not in {case.time, *case.keys}}


def _single_changes(space: Space, settings: CaseSettings) -> Iterator[tuple[str, Value]]:
    for name, range_ in space.items():
        for value in others(range_, untuned(settings, name)):
            yield name, value


def _joint_changes(space: Space, settings: CaseSettings) -> Iterator[dict[str, Value]]:
    """Yield changes of all parameters at once until each has had each of its other values."""
    values = {name: others(range_, untuned(settings, name)) for name, range_ in space.items()}
    for turn in range(max((len(some) for some in values.values()), default=0)):
        yield {name: some[turn] for name, some in values.items() if turn < len(some)}


def _latest(rows: pl.DataFrame, time: str) -> pl.DataFrame:
    """Return the rows of the latest days, whole days, about `MOST_ROWS` of them."""
    if rows.height <= MOST_ROWS:
        return rows
    day = pl.col(time).cast(pl.Date)
    first, last = rows.select(day.min().alias("first"), day.max().alias("last")).row(0)
    days = max(1, (last - first).days * MOST_ROWS // rows.height)
    return rows.filter(day > last - timedelta(days=days))
