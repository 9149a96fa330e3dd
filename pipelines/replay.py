"""Replay a policy on days the model never saw: decide without outcomes, then judge with them, epoch by epoch."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import polars as pl

from pipelines.backtest import attach
from pipelines.errors import ContractError
from pipelines.usecase import Policy, S, UseCase


@dataclass(frozen=True)
class Replay:
    """What a policy did (time, keys, action columns) and what it cost (time, keys, cost columns)."""

    actions: pl.DataFrame
    ledger: pl.DataFrame


def visible(case: UseCase[S], rows: pl.DataFrame, *, decisions: bool) -> pl.DataFrame:
    """Return the rows as a policy may see them: no outcomes; the user's own decisions for business as usual alone."""
    hidden = case.columns("outcome") if decisions else case.columns("outcome", "decision")
    return rows.drop(hidden, strict=False)


def replay(case: UseCase[S], rows: pl.DataFrame, settings: S, policy: Policy, name: str) -> Replay:
    """Run one policy over the rows (features, forecasts, outcomes) and return its actions and ledger.

    A sequential case (one that gives `start`) is replayed epoch by epoch with the realised state; `start` may
    return None when nothing carries over with these settings. Raises ContractError naming the policy when rows get lost.
    """
    seen = visible(case, rows, decisions=name != "plan")
    state = case.start(seen, settings) if case.start else None
    if state is None:
        extra = () if case.start is None else (None,)
        acted = _act(case, seen, policy(seen, settings, *extra), name)
        judged = case.value(attach(case, rows, acted, _new(acted, rows)), settings, *extra)
        ledger = judged if case.start is None else judged[0]
        return Replay(_actions(case, acted, seen), _ledger(case, rows, ledger, name))
    return _sequential(case, rows, settings, policy, name)


def _sequential(case: UseCase[S], rows: pl.DataFrame, settings: S, policy: Policy, name: str) -> Replay:
    assert case.start is not None  # noqa: S101
    seen = visible(case, rows, decisions=name != "plan")
    state: Any = case.start(seen, settings)
    actions, ledgers = [], []
    for epoch_rows, epoch_seen in zip(_epochs(case, rows), _epochs(case, seen), strict=True):
        acted = _act(case, epoch_seen, policy(epoch_seen, settings, state), name)
        ledger, state = case.value(attach(case, epoch_rows, acted, _new(acted, epoch_rows)), settings, state)
        actions.append(_actions(case, acted, epoch_seen))
        ledgers.append(_ledger(case, epoch_rows, ledger, name))
    return Replay(pl.concat(actions), pl.concat(ledgers))


def _epochs(case: UseCase[S], rows: pl.DataFrame) -> Iterator[pl.DataFrame]:
    epoch = pl.col(case.time).cast(pl.Datetime).dt.truncate(case.epoch).alias("_epoch")
    ordered = rows.with_columns(epoch).sort("_epoch", maintain_order=True)
    yield from ordered.partition_by("_epoch", maintain_order=True, include_key=False)


def _new(acted: pl.DataFrame, rows: pl.DataFrame) -> list[str]:
    known = set(rows.columns)
    return [column for column in acted.columns if column not in known]


def _act(case: UseCase[S], seen: pl.DataFrame, acted: pl.DataFrame, name: str) -> pl.DataFrame:
    _same_rows(case, seen, acted, name)
    new = _new(acted, seen)
    if not new:
        raise ContractError("run.no_action", case=case.name, policy=name)
    for column in case.columns("outcome", "decision"):
        if column in new:
            raise ContractError("run.action_name", case=case.name, policy=name, column=column)
    return acted


def _same_rows(case: UseCase[S], rows: pl.DataFrame, made: pl.DataFrame, name: str) -> None:
    """Raise ContractError unless `made` has each time and key of `rows` exactly once, in any order."""
    index = [case.time, *case.keys]
    whole = set(index) <= set(made.columns)
    if whole and made.select(index).equals(rows.select(index)):
        return
    known = made.select(index).unique().join(rows.select(index), on=index, how="semi").height if whole else 0
    if known != rows.height or made.height != rows.height:
        found = known if made.height == rows.height else made.height
        raise ContractError("run.lost_rows", case=case.name, policy=name, expected=rows.height, found=found)


def _actions(case: UseCase[S], acted: pl.DataFrame, seen: pl.DataFrame) -> pl.DataFrame:
    return acted.select(case.time, *case.keys, *_new(acted, seen))


def _ledger(case: UseCase[S], rows: pl.DataFrame, ledger: pl.DataFrame, name: str) -> pl.DataFrame:
    index = [case.time, *case.keys]
    if set(index) <= set(ledger.columns) and not ledger.select(index).equals(rows.select(index)):
        _same_rows(case, rows, ledger, f"value of {name}")
        ledger = rows.select(index).join(ledger, on=index, how="left", validate="1:1", maintain_order="left")
    costs = ledger.drop(index, strict=False)
    if costs.height != rows.height:
        raise ContractError("run.lost_rows", case=case.name, policy=f"value of {name}", expected=rows.height, found=costs.height)
    return rows.select(index).hstack(costs)
