"""Exercise 1: saved euros and the branch that gains least, from a ledger of costs."""

import polars as pl

from pipelines.exercises.data import ledger
from pipelines.exercises.judging import Question, questions

SEEDS = (11, 12, 13, 14)


def _total(rows: pl.DataFrame, policy: str) -> float:
    return float(rows.filter(policy=policy)["eur"].sum())


def _mean(rows: pl.DataFrame, policy: str) -> float:
    return float(rows.filter(policy=policy)["eur"].to_numpy().mean())


def _by_branch(rows: pl.DataFrame) -> pl.DataFrame:
    wide = rows.pivot(on="policy", index="branch", values="eur", aggregate_function="sum").sort("branch")
    return wide.with_columns(saved=pl.col("usual") - pl.col("plan"))


def _first(rows: pl.DataFrame, column: str, *, descending: bool = False) -> str:
    return str(_by_branch(rows).sort(column, descending=descending)["branch"][0])


def _cases() -> list[tuple[pl.DataFrame]]:
    return [(ledger(seed, days=14 + seed),) for seed in SEEDS]


QUESTIONS = (
    Question(
        "saved_eur",
        right=lambda rows: _total(rows, "usual") - _total(rows, "plan"),
        mistakes={
            "ledger_sign": lambda rows: _total(rows, "plan") - _total(rows, "usual"),
            "ledger_perfect": lambda rows: _total(rows, "usual") - _total(rows, "perfect"),
            "ledger_mean": lambda rows: _mean(rows, "usual") - _mean(rows, "plan"),
            "ledger_plan_only": lambda rows: -_total(rows, "plan"),
        },
        cases=_cases,
    ),
    Question(
        "worst_branch",
        right=lambda rows: _first(rows, "saved"),
        mistakes={
            "ledger_best": lambda rows: _first(rows, "saved", descending=True),
            "ledger_dearest": lambda rows: _first(rows, "plan", descending=True),
            "ledger_cheapest": lambda rows: _first(rows, "plan"),
        },
        cases=_cases,
    ),
)
judge = questions(*QUESTIONS)
