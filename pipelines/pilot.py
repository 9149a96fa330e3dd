"""Prove a plan in a pilot: how many weeks it takes, who follows the plan when, and what came of it.

The design is a paired one: in each branch (the first key of the use case) two weeks in a row form a pair, and chance says which of them
follows the plan. So seasons and the size of a branch cancel out, and the only assumption is that the draw was kept.
"""

from dataclasses import dataclass
from math import ceil, sqrt
from pathlib import Path

import numpy as np
import polars as pl
from scipy.stats import norm, t

from pipelines.errors import GateError, InputError
from pipelines.evidence import StoredRun

WEEK = 7
LEAST_PAIRS = 4  # fewer say nothing about their spread
DRAWS = 10_000
COLUMNS = ("group", "week", "follows", "cost")


@dataclass(frozen=True)
class Needed:
    """What a pilot must see: the saving per group and week, the spread of pairs without any plan, and how many it takes."""

    unit: str
    groups: tuple[str, ...]
    saving: float  # per group and week, as the run found it
    spread: float  # standard deviation of the difference of two weeks in a row under business as usual
    pairs: int
    weeks: int  # for all groups together: two per pair


@dataclass(frozen=True)
class Found:
    """What a pilot showed: mean saving per pair with its 95 % interval, and how often chance alone gives as much."""

    pairs: int
    saving: float
    low: float
    high: float
    chance: float


def pairs_needed(saving: float, spread: float, power: float = 0.8, level: float = 0.05) -> int:
    """Return n = (z(1 - level/2) + z(power))² · spread² / saving²: pairs that show the saving with this probability.

    Chow, Shao, Wang and Lokhnygina, Sample Size Calculations in Clinical Research, 3rd ed. 2017, chapter 3 (one-sample comparison of
    paired differences). At least 4.
    """
    wanted: float = (norm.ppf(1 - level / 2) + norm.ppf(power)) ** 2 * spread**2 / saving**2
    return max(LEAST_PAIRS, ceil(wanted))


def needed(run: StoredRun, power: float = 0.8) -> Needed:
    """Return the size of a pilot for a stored run.

    Raises
    ------
    GateError
        The run found no saving: there is nothing to prove.
    InputError
        The report period has fewer than four pairs of weeks.
    """
    ledger, unit = run.frames["ledger"], str(run.facts["savings"][0]["unit"])
    time, group = ledger.columns[1], ledger.columns[2]
    week = ((pl.col(time).dt.date() - pl.col(time).dt.date().min()).dt.total_days() // WEEK).alias("week")
    costs = (
        ledger.group_by("policy", pl.col(group).cast(pl.String).alias("group"), week, maintain_order=True)
        .agg(pl.col(unit).sum())
        .sort("group", "week")
    )
    wide = costs.with_columns(pl.col("policy").cast(pl.String)).pivot(on="policy", index=["group", "week"], values=unit)
    saving = float((wide["usual"] - wide["plan"]).mean() or 0.0)  # type: ignore[arg-type]
    if saving <= 0:
        raise GateError("pilot.no_saving", run=run.name)
    steps = wide.with_columns(step=pl.col("usual").diff().over("group", order_by="week")).drop_nulls("step")["step"]
    if len(steps) < LEAST_PAIRS:
        raise InputError("pilot.too_short", run=run.name, least=LEAST_PAIRS)
    spread = sqrt(float((steps**2).mean()))  # type: ignore[arg-type]
    pairs = pairs_needed(saving, spread, power)
    groups = tuple(wide["group"].unique().sort().to_list())
    return Needed(unit, groups, saving, spread, pairs, 2 * ceil(pairs / len(groups)))


def schedule(groups: tuple[str, ...], weeks: int, seed: int = 1) -> pl.DataFrame:
    """Return group, week (1, 2, ...), follows (plan or usual, drawn within each pair of weeks) and an empty cost to be filled in."""
    draw = np.random.default_rng(seed)
    rows = []
    for group in groups:
        for first in range(1, weeks, 2):
            order = ("plan", "usual") if draw.random() < 0.5 else ("usual", "plan")  # noqa: PLR2004 - a fair coin
            rows += [(group, first + place, follows, None) for place, follows in enumerate(order)]
    return pl.DataFrame(rows, schema={"group": pl.String, "week": pl.Int64, "follows": pl.String, "cost": pl.Float64}, orient="row")


def read_pilot(file: Path) -> pl.DataFrame:
    """Return a schedule whose costs are filled in; raise InputError for another file."""
    try:
        table = pl.read_csv(file, separator=";", decimal_comma=True, schema_overrides={"group": pl.String, "cost": pl.Float64})
    except (OSError, pl.exceptions.PolarsError):
        raise InputError("pilot.unreadable", file=file, columns=";".join(COLUMNS)) from None
    if set(COLUMNS) - set(table.columns) or not set(table["follows"].unique()) <= {"plan", "usual"}:
        raise InputError("pilot.unreadable", file=file, columns=";".join(COLUMNS))
    return table


def found(table: pl.DataFrame, seed: int = 1) -> Found:
    """Return what the pairs whose two costs are known say.

    The interval is that of Student's t over pairs; `chance` is the share of 10,000 draws of the signs that save at least as much
    (randomisation test, Fisher 1935: it assumes nothing but the draw).

    Raises
    ------
    InputError
        Fewer than four whole pairs.
    """
    whole = table.drop_nulls("cost").with_columns(pair=(pl.col("week") - 1) // 2)
    wide = whole.pivot(on="follows", index=["group", "pair"], values="cost")
    wide = wide.drop_nulls() if {"plan", "usual"} <= set(wide.columns) else wide.clear()
    if wide.height < LEAST_PAIRS:
        raise InputError("pilot.few_pairs", count=wide.height, least=LEAST_PAIRS)
    saved = (wide["usual"] - wide["plan"]).to_numpy()
    mean, error = float(saved.mean()), float(saved.std(ddof=1)) / sqrt(len(saved))
    reach = float(t.ppf(0.975, len(saved) - 1)) * error
    signs = np.random.default_rng(seed).choice((-1.0, 1.0), size=(DRAWS, len(saved)))
    chance = float(((signs * saved).mean(axis=1) >= mean - 1e-12).mean())
    return Found(len(saved), mean, mean - reach, mean + reach, chance)
