"""Waste against shortage: anybody saves waste by ordering less, so both are always shown together."""

import polars as pl

from pipelines.replay import replay
from pipelines.result import EqualService
from pipelines.usecase import Rows, S, UseCase

SERVICE_LEVELS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
STEPS = 10  # halvings of the factor interval: a grid of 3 / 2**10
LARGEST_FACTOR = 3.0


def trade_off_curve(case: UseCase[S], rows: Rows, settings: S, ledgers: dict[str, Rows]) -> pl.DataFrame:
    """Return wasted, missed and the headline cost of the plan at several service levels, and of the other policies.

    Columns: service_level (null for policies that have none), policy, wasted, missed, cost.
    """
    schema = {"service_level": pl.Float64, "policy": pl.String, "wasted": pl.Float64, "missed": pl.Float64, "cost": pl.Float64}
    if case.trade_off is None or case.at_service is None:
        return pl.DataFrame(schema=schema)
    points = [{"service_level": None, "policy": name, **_totals(case, ledgers[name])} for name in ("usual", "plan", "perfect")]
    for level in SERVICE_LEVELS:
        ledger = replay(case, rows, case.at_service(settings, level), case.decide, "plan").ledger
        points.append({"service_level": level, "policy": "plan", **_totals(case, ledger)})
    return pl.DataFrame(points, schema=schema)


def equal_service(case: UseCase[S], rows: Rows, settings: S, ledgers: dict[str, Rows], action: str) -> EqualService | None:
    """Compare waste with business as usual times the smallest factor that misses no more than the plan.

    The factor is found in hindsight, which is kind to business as usual. None when even three times as much misses more:
    what is not ordered at all (a new product) grows by no factor.
    """
    if case.trade_off is None:
        return None
    waste, missed = case.trade_off
    goal = float(ledgers["plan"][missed].sum())

    def scaled(factor: float) -> Rows:
        def policy(seen: Rows, *rest: object) -> Rows:
            return case.usual(seen, *rest).with_columns(pl.col(action) * factor)

        return replay(case, rows, settings, policy, "usual").ledger

    if float(scaled(LARGEST_FACTOR)[missed].sum()) > goal:
        return None
    low, high = 0.0, LARGEST_FACTOR
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if float(scaled(middle)[missed].sum()) <= goal else (middle, high)
    ledger = scaled(high)
    return EqualService(
        factor=high,
        waste_unit=waste,
        missed_unit=missed,
        usual_waste=float(ledger[waste].sum()),
        usual_missed=float(ledger[missed].sum()),
        plan_waste=float(ledgers["plan"][waste].sum()),
        plan_missed=goal,
    )


def _totals(case: UseCase[S], ledger: Rows) -> dict[str, float]:
    assert case.trade_off is not None  # noqa: S101
    waste, missed = case.trade_off
    cost = next(column for column in ledger.columns if column not in {case.time, *case.keys, "policy"})
    return {"wasted": float(ledger[waste].sum()), "missed": float(ledger[missed].sum()), "cost": float(ledger[cost].sum())}


def first_action(case: UseCase[S], actions: Rows) -> str:
    """Return the name of the first action column: the quantity that is decided."""
    return next(column for column in actions.columns if column not in {case.time, *case.keys, "policy"})
