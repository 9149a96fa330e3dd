"""How good probabilities are: ranking (AUROC, AUPRC), squared error (Brier), calibration (ECE, slope, intercept, reliability)."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipelines.probabilities.exact import clopper_pearson

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
BINS = 10
SMALL = 1e-6
DRAWS = 1000
LEVEL = (0.025, 0.975)
STEPS, ENOUGH = 50, 1e-10  # of Newton's method


def auroc(events: Flags, scores: Floats) -> float:
    """Return the chance that an event scores above another row, ties count half (Mann and Whitney 1947); NaN without both classes."""
    from scipy.stats import rankdata

    positives = int(events.sum())
    negatives = len(events) - positives
    if not positives or not negatives:
        return float("nan")
    return float((rankdata(scores)[events].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def auprc(events: Flags, scores: Floats) -> float:
    """Return the average precision: area under precision over recall, by steps; NaN without events."""
    if not events.any():
        return float("nan")
    order = np.argsort(-scores, kind="stable")
    hits, ranked = np.cumsum(events[order]), scores[order]
    last = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)  # ties are taken together
    recall = hits[last] / hits[-1]
    return float(np.sum(np.diff(recall, prepend=0.0) * hits[last] / (last + 1)))


def brier(events: Flags, scores: Floats) -> float:
    """Return the mean squared difference between probability and outcome (Brier 1950)."""
    return float(np.mean((scores - events) ** 2))


def bins(scores: Floats, count: int = BINS) -> list[NDArray[np.int64]]:
    """Return the row numbers of bins of equal size, lowest scores first."""
    return [part for part in np.array_split(np.argsort(scores, kind="stable"), count) if len(part)]


def ece(events: Flags, scores: Floats, count: int = BINS) -> float:
    """Return the expected calibration error over bins of equal size."""
    return float(sum(abs(scores[part].mean() - events[part].mean()) * len(part) for part in bins(scores, count)) / len(scores))


def logit(scores: Floats) -> Floats:
    """Return the log odds of probabilities, which are kept away from 0 and 1."""
    kept = np.clip(scores, SMALL, 1 - SMALL)
    return np.asarray(np.log(kept / (1 - kept)))


def slope_intercept(events: Flags, scores: Floats) -> tuple[float, float]:
    """Return slope and intercept of a logistic regression of the outcome on the log odds (Cox 1958): 1 and 0 are right.

    A slope below 1 says that the probabilities are too extreme. NaN without both classes.
    """
    if events.all() or not events.any():
        return float("nan"), float("nan")
    table = np.column_stack([logit(scores), np.ones(len(scores))])
    beta = np.array([1.0, 0.0])
    for _ in range(STEPS):
        chance = 1 / (1 + np.exp(-np.clip(table @ beta, -30, 30)))
        weight = np.maximum(chance * (1 - chance), SMALL)
        step = np.linalg.solve(table.T @ (table * weight[:, None]) + SMALL * np.eye(2), table.T @ (events - chance))
        beta = beta + np.clip(step, -2, 2)
        if np.abs(step).max() < ENOUGH:
            break
    return float(beta[0]), float(beta[1])


def reliability(events: Flags, scores: Floats, count: int = BINS) -> pl.DataFrame:
    """Return per bin the mean probability (level), the share of events (coverage) with its exact 95 % interval, and the rows."""
    rows = []
    for part in bins(scores, count):
        hits = int(events[part].sum())
        low, high = clopper_pearson(hits, len(part))
        rows.append({"level": float(scores[part].mean()), "coverage": hits / len(part), "low": low, "high": high, "rows": len(part)})
    return pl.DataFrame(rows, schema={"level": pl.Float64, "coverage": pl.Float64, "low": pl.Float64, "high": pl.Float64, "rows": pl.Int64})


def bootstrap(
    measure: Callable[..., float], groups: NDArray[np.int64], *arrays: NDArray[np.generic], draws: int = DRAWS, seed: int = 1
) -> tuple[float, float]:
    """Return the 95 % percentile interval of `measure(*arrays)`, drawing whole groups (patients) with replacement.

    `groups`: group number of each row, counted from 0. Undefined draws are left out.
    """
    return percentiles([measure(*(array[rows] for array in arrays)) for rows in resamples(groups, draws, seed)])


def resamples(groups: NDArray[np.int64], draws: int = DRAWS, seed: int = 1) -> Iterator[NDArray[np.int64]]:
    """Yield the row numbers of each draw: as many whole groups (numbered from 0) as there are, with replacement."""
    random = np.random.default_rng(seed)
    order = np.argsort(groups, kind="stable")
    starts = np.searchsorted(groups[order], np.arange(groups.max() + 2))
    single = bool((np.diff(starts) == 1).all())
    for _ in range(draws):
        drawn = random.integers(0, len(starts) - 1, len(starts) - 1)
        yield order[drawn] if single else np.concatenate([order[starts[group] : starts[group + 1]] for group in drawn])


def percentiles(found: Sequence[float]) -> tuple[float, float]:
    """Return the 2.5 % and the 97.5 % percentile of the draws that are defined; NaN without any."""
    finite = np.array(found)[np.isfinite(found)]
    low, high = np.quantile(finite, LEVEL) if finite.size else (np.nan, np.nan)
    return float(low), float(high)


def probability_scores(events: Flags, scores: Floats) -> dict[str, float]:
    """Return the measures by name; `in_the_large` is the mean score minus the share of events."""
    slope, intercept = slope_intercept(events, scores)
    return {
        "auroc": auroc(events, scores),
        "auprc": auprc(events, scores),
        "brier": brier(events, scores),
        "ece": ece(events, scores),
        "slope": slope,
        "intercept": intercept,
        "in_the_large": float(scores.mean() - events.mean()),
    }


def probability_bounds(events: Flags, scores: Floats, groups: NDArray[np.int64]) -> dict[str, tuple[float, float]]:
    """Return the 95 % interval of each of `probability_scores`; the same 1000 draws of whole groups (patients) serve all of them."""
    order = np.argsort(scores, kind="stable")  # once: what is sorted already is sorted anew in no time
    events, scores, groups = events[order], scores[order], groups[order]
    found = [probability_scores(events[rows], scores[rows]) for rows in map(np.sort, resamples(groups))]
    return {name: percentiles([draw[name] for draw in found]) for name in found[0]}
