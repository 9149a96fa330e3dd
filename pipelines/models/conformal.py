"""Recalibration of quantiles on the recent past, one step at a time as it could have been done.

Split conformal prediction in relative form (Romano et al. 2019, conformalized quantile regression), rolling as in Gibbs and Candès 2021.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import polars as pl

from pipelines.models.panel import Floats, Panel, ordered, pinball, quantile_columns, weighted_quantile

ALL = "*"  # the group of all series together


@dataclass(frozen=True)
class Recalibration:
    """How the recent past corrects the quantiles.

    Parameters
    ----------
    window_days
        Days looked back; 0 = switched off.
    by
        Key column whose values are corrected apart; None = all together.
    prior_days
        Days of evidence that move a quantile half of the way.
    weight
        Power of the forecast that weighs its row: 0 counts rows, 1 counts pieces.
    most
        A quantile is multiplied by at most this factor, and by at least one over it.
    """

    window_days: int = 112
    by: str | None = None
    prior_days: float = 28.0
    weight: float = 0.0
    most: float = 1.5


OFF = Recalibration(window_days=0)


def grid(panel: Panel) -> tuple[Recalibration, ...]:
    """Return the ways of recalibrating that the select period chooses from."""
    groups = (None, panel.keys[-1]) if len(panel.keys) > 1 else (None,)
    return OFF, *(Recalibration(window, by, weight=weight) for window in (56, 112, 224) for by in groups for weight in (0.0, 1.0))


def factors(known: pl.DataFrame, levels: Sequence[float], how: Recalibration, panel: Panel) -> dict[str, list[float]]:
    """Return per group the factors its quantiles are multiplied by: level-quantiles of truth / forecast over the window.

    `known`: earlier forecasts beside their outcomes, the newest day being the last one known.
    """
    if how.window_days == 0 or known.is_empty():
        return {}
    last = known[panel.time].cast(pl.Date).max()
    recent = known.filter((pl.col(panel.time).cast(pl.Date) > last - timedelta(days=how.window_days)) & pl.col(panel.target).is_not_null())  # type: ignore[operator]
    parts = {(ALL,): recent} if how.by is None else recent.partition_by(how.by, as_dict=True, maintain_order=True)
    return {str(name): _factors(part, levels, how, panel).tolist() for (name,), part in parts.items()}


def corrected(forecasts: pl.DataFrame, found: dict[str, list[float]], levels: Sequence[float], how: Recalibration) -> pl.DataFrame:
    """Return the forecasts with each quantile multiplied by the factor of its group, in rising order."""
    if not found:
        return forecasts
    columns = quantile_columns(levels)
    names = [ALL] * forecasts.height if how.by is None else forecasts[how.by].cast(pl.String).to_list()
    plain = [1.0] * len(levels)
    times = np.array([found.get(name, plain) for name in names]).reshape(forecasts.height, len(levels))
    values = ordered(forecasts.select(columns).to_numpy() * times)
    return forecasts.with_columns(pl.Series(name, values[:, i]) for i, name in enumerate(columns))


def recalibrate(
    forecasts: pl.DataFrame, levels: Sequence[float], how: Recalibration, lead: int, panel: Panel, every_days: int = 7
) -> pl.DataFrame:
    """Recalibrate a whole period week by week; the week from `origin` on uses outcomes up to origin - lead only."""
    if how.window_days == 0 or forecasts.is_empty():
        return forecasts
    day = pl.col(panel.time).cast(pl.Date)
    first, last = forecasts[panel.time].cast(pl.Date).min(), forecasts[panel.time].cast(pl.Date).max()
    numbered, done = forecasts.with_row_index("_row"), []
    origin = first
    while origin <= last:  # type: ignore[operator]
        after = origin + timedelta(days=every_days)  # type: ignore[operator]
        due = numbered.filter((day >= origin) & (day < after))
        if due.height:
            known = forecasts.filter(day <= origin - timedelta(days=lead))  # type: ignore[operator]
            done.append(corrected(due, factors(known, levels, how, panel), levels, how))
        origin = after
    return pl.concat(done).sort("_row").drop("_row")


def _factors(known: pl.DataFrame, levels: Sequence[float], how: Recalibration, panel: Panel) -> Floats:
    """One factor per level, drawn towards 1 while days are few."""
    made, actual = known.select(quantile_columns(levels)).to_numpy().astype(np.float64), known[panel.target].cast(pl.Float64).to_numpy()
    n_days, found = known[panel.time].n_unique(), np.ones(len(levels))
    for i, level in enumerate(levels):
        use = made[:, i] > 0
        if use.any():
            found[i] = weighted_quantile(actual[use] / made[use, i], made[use, i] ** how.weight, [level])[0]
    share = n_days / (n_days + how.prior_days)
    bounded: Floats = np.clip(1 + share * (found - 1), 1 / how.most, how.most)
    return bounded


def choose_recalibration(forecasts: pl.DataFrame, levels: Sequence[float], lead: int, panel: Panel) -> Recalibration:
    """Return the way with the least relative pinball loss plus mean coverage gap, both over the later half of the select period."""
    days = forecasts[panel.time].cast(pl.Date)
    middle = days.min() + (days.max() - days.min()) / 2  # type: ignore[operator]
    late = (days > middle).to_numpy()
    actual = forecasts[panel.target].cast(pl.Float64).to_numpy()
    choices, scores = grid(panel), []
    for how in choices:
        made = recalibrate(forecasts, levels, how, lead, panel).select(quantile_columns(levels)).to_numpy()
        loss = sum(pinball(actual[late], made[late, i], level) for i, level in enumerate(levels))
        gap = float(np.mean([abs(np.mean(made[late, i] >= actual[late]) - level) for i, level in enumerate(levels)]))
        scores.append((loss, gap))
    least = min(loss for loss, _ in scores)
    return choices[int(np.argmin([loss / least + gap for loss, gap in scores]))]
