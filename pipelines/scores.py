"""How good the forecast is, apart from its value: WAPE, bias, pinball loss, coverage. Never MAPE (days without sales).

A probability `p` of a yes-or-no outcome has measures of its own: `pipelines.probabilities`.
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipelines.probabilities import probability_bounds, probability_scores
from pipelines.result import Interval

NORMAL_95 = 1.96
MIDDLE = 0.5
PROBABILITY = "p"  # forecast column of the chance that the target is 1
ROUNDING = 1e-9  # units: quantiles that close have not crossed


def quantile_levels(columns: list[str]) -> dict[float, str]:
    """Return level -> column for the quantile columns q0.1, q0.5, ... in ascending order."""
    found = {}
    for column in columns:
        try:
            level = float(column.removeprefix("q")) if column.startswith("q") else -1.0
        except ValueError:
            continue
        if 0 < level < 1:
            found[level] = column
    return dict(sorted(found.items()))


def pinball_loss(truth: np.ndarray, forecast: np.ndarray, level: float) -> np.ndarray:
    """Return the pinball (quantile) loss per row, in the target's unit (Koenker and Bassett 1978)."""
    miss = truth - forecast
    return np.asarray(np.maximum(level * miss, (level - 1) * miss))


def scores(forecasts: pl.DataFrame, target: str) -> dict[str, float]:
    """Return WAPE and bias of the median, the mean pinball loss and the share of rows with crossed quantiles; of a probability its own."""
    levels = quantile_levels(forecasts.columns)
    if PROBABILITY in forecasts.columns:
        return probability_scores(forecasts[target].to_numpy() > 0, forecasts[PROBABILITY].to_numpy().astype(float))
    if not levels:
        return {}
    truth = forecasts[target].to_numpy().astype(float)
    middle = forecasts[levels[min(levels, key=lambda level: abs(level - MIDDLE))]].to_numpy().astype(float)
    losses = [pinball_loss(truth, forecasts[column].to_numpy().astype(float), level).mean() for level, column in levels.items()]
    table = forecasts.select(levels.values()).to_numpy()
    total = float(truth.sum())
    return {
        "wape": float(np.abs(middle - truth).sum()) / total if total else float("nan"),
        "bias": float(middle.sum()) / total - 1 if total else float("nan"),
        "pinball": float(np.mean(losses)),
        "crossed": float((np.diff(table, axis=1) < -ROUNDING).any(axis=1).mean()) if len(levels) > 1 else 0.0,
    }


def score_bounds(forecasts: pl.DataFrame, target: str, together: str | None) -> dict[str, Interval]:
    """Return the 95 % intervals of a probability's scores, rows with the same value of `together` (a patient) drawn whole; else nothing.

    Rows without a value there, and all rows where the column is absent, are drawn one by one.
    """
    if PROBABILITY not in forecasts.columns or forecasts.is_empty():
        return {}
    found = scores(forecasts, target)
    ends = probability_bounds(
        forecasts[target].to_numpy() > 0, forecasts[PROBABILITY].to_numpy().astype(float), group_numbers(forecasts, together)
    )
    defined = {name: (low, high) for name, (low, high) in ends.items() if np.isfinite([found[name], low, high]).all()}
    return {name: Interval(found[name], *defined[name]) for name in defined}


def group_numbers(rows: pl.DataFrame, together: str | None) -> NDArray[np.int64]:
    """Return the number of each row's group, counted from 0; rows without a value of `together` are groups of their own."""
    own = pl.concat_str(pl.lit("row "), pl.int_range(pl.len()))
    name = own if together is None or together not in rows.columns else pl.coalesce("of " + pl.col(together).cast(pl.String), own)
    return np.asarray(rows.select(name.rank("dense") - 1).to_series().to_numpy().astype(np.int64))


def calibration(forecasts: pl.DataFrame, target: str, time: str) -> pl.DataFrame:
    """Return per level the share of rows at or below the quantile, with a 95 % interval of day-to-day noise.

    Rows of one day are not independent: the interval comes from the spread of daily shares, not of rows.
    """
    rows = []
    for level, column in quantile_levels(forecasts.columns).items():
        inside = forecasts.select(day=pl.col(time).dt.date(), covered=(pl.col(target) <= pl.col(column)).cast(pl.Float64))
        daily = inside.group_by("day", maintain_order=True).agg(pl.col("covered").sum(), n=pl.len()).sort("day")
        share = float(inside["covered"].sum()) / max(inside.height, 1)
        residual = (daily["covered"] - share * daily["n"]).to_numpy()
        half = NORMAL_95 * float(np.sqrt((residual**2).sum())) / inside.height
        low, high = max(0.0, share - half), min(1.0, share + half)
        rows.append({"level": level, "coverage": share, "low": low, "high": high, "rows": inside.height})
    schema = {"level": pl.Float64, "coverage": pl.Float64, "low": pl.Float64, "high": pl.Float64, "rows": pl.Int64}
    return pl.DataFrame(rows, schema=schema)
