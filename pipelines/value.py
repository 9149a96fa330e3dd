"""What the plan is worth: totals, savings with a block-bootstrap interval, captured share. Lower cost is better."""

from collections.abc import Mapping

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipelines.result import Interval, Opponent, Saving
from pipelines.usecase import Block

DRAWS = 1000
BLOCK_DAYS = {"day": 1, "week": 7}  # sales of one week move together; weeks are drawn whole
LEVEL = (0.025, 0.975)
MINIMUM_BLOCKS = 4  # fewer blocks say nothing about the spread between them
Array = NDArray[np.float64]


def block_totals(ledger: pl.DataFrame, time: str, unit: str, block: Block = "week") -> dict[str, Array]:
    """Return the cost per policy and block, aligned over policies: weeks count from the ledger's first day, months are calendar months."""
    day = pl.col(time).dt.date()
    number = day.dt.truncate("1mo") if block == "month" else (day - day.min()).dt.total_days() // BLOCK_DAYS[block]
    week = number.alias("week")
    table = (
        ledger.select(pl.col("policy").cast(pl.String), week, pl.col(unit).cast(pl.Float64))
        .group_by("policy", "week", maintain_order=True)
        .agg(pl.col(unit).sum())
        .pivot(on="policy", index="week", values=unit)
        .sort("week")
        .fill_null(0.0)
    )
    return {name: table[name].to_numpy() for name in table.columns if name != "week"}


def resamples(blocks: int, seed: int = 1) -> NDArray[np.int64]:
    """Return 1000 draws of as many whole blocks, with replacement: the block bootstrap (Carlstein 1986, non-overlapping blocks)."""
    return np.random.default_rng(seed).integers(0, blocks, (DRAWS, blocks))


def interval(value: float | None, draws: Array) -> Interval:
    """Return the figure with the 2.5 % and 97.5 % percentiles of its draws; no interval from too few or undefined draws."""
    finite = draws[np.isfinite(draws)]
    if value is None or not np.isfinite(value) or finite.size < DRAWS // 2:
        return Interval(value if value is not None and np.isfinite(value) else None, None, None)
    low, high = np.quantile(finite, LEVEL)
    return Interval(float(value), float(low), float(high))


def saving(ledger: pl.DataFrame, time: str, unit: str, block: Block = "week") -> Saving:
    """Return totals of usual, plan and perfect, what the plan saves and the captured share, with intervals.

    captured share = (usual - plan) / (usual - perfect); undefined where perfect foresight saves nothing.
    """
    blocks = block_totals(ledger, time, unit, block)
    usual, plan, perfect = blocks["usual"], blocks["plan"], blocks["perfect"]
    saved, possible = usual - plan, usual - perfect
    share = float(saved.sum() / possible.sum()) if possible.sum() > 0 else None
    if len(usual) < MINIMUM_BLOCKS:
        nothing = np.array([])
        return Saving(
            unit,
            float(usual.sum()),
            float(plan.sum()),
            float(perfect.sum()),
            interval(float(saved.sum()), nothing),
            interval(share, nothing),
        )
    draws = resamples(len(usual))
    drawn, drawn_possible = saved[draws].sum(1), possible[draws].sum(1)
    shares = np.divide(drawn, drawn_possible, out=np.full(DRAWS, np.nan), where=drawn_possible > 0)
    return Saving(
        unit,
        float(usual.sum()),
        float(plan.sum()),
        float(perfect.sum()),
        interval(float(saved.sum()), drawn),
        interval(share, shares),
    )


def difference(ledger: pl.DataFrame, time: str, unit: str, policy: str, against: str, block: Block = "week") -> Interval:
    """Return what `policy` saves against another policy, paired block by block, with its interval."""
    blocks = block_totals(ledger, time, unit, block)
    saved = blocks[against] - blocks[policy]
    draws = saved[resamples(len(saved))].sum(1) if len(saved) >= MINIMUM_BLOCKS else np.array([])
    return interval(float(saved.sum()), draws)


def opponents(ledgers: Mapping[str, pl.DataFrame], time: str, unit: str, chosen: str | None, block: Block = "week") -> tuple[Opponent, ...]:
    """Compare the plan with every simple rule in the ledger's first unit."""
    plan = ledgers["plan"].with_columns(policy=pl.lit("plan"))
    found = []
    for rule, ledger in ledgers.items():
        if rule in {"usual", "plan", "perfect"}:
            continue
        both = pl.concat([plan, ledger.with_columns(policy=pl.lit(rule))], how="vertical_relaxed")
        found.append(Opponent(rule, float(ledger[unit].sum()), difference(both, time, unit, "plan", rule, block), rule == chosen))
    return tuple(found)


def segment_table(ledger: pl.DataFrame, time: str, unit: str, segments: Mapping[str, pl.DataFrame], block: Block = "week") -> pl.DataFrame:
    """Return savings per segment: for each kind a frame of time, keys and `segment`."""
    rows = []
    for kind, members in segments.items():
        index = [column for column in members.columns if column != "segment"]
        parts = ledger.join(members, on=index, how="inner")
        for (name,), part in sorted(parts.group_by("segment", maintain_order=True), key=lambda item: str(item[0])):
            found = saving(part, time, unit, block)
            count = part.filter(pl.col("policy") == "plan").height
            rows.append(
                {
                    "kind": kind,
                    "segment": str(name),
                    "rows": count,
                    "usual": found.usual,
                    "plan": found.plan,
                    "perfect": found.perfect,
                    "saved": found.saved.value,
                    "low": found.saved.low,
                    "high": found.saved.high,
                    "captured": found.captured.value,
                }
            )
    floats = ("usual", "plan", "perfect", "saved", "low", "high", "captured")
    schema = {"kind": pl.String, "segment": pl.String, "rows": pl.Int64, **dict.fromkeys(floats, pl.Float64)}
    return pl.DataFrame(rows, schema=schema)
