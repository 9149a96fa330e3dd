"""What energy and peaks cost: prices per quarter hour, billing periods, the two-line annual tariff, atypical grid use."""

from dataclasses import dataclass
from datetime import time

import numpy as np
import polars as pl

from pipelines.decide.battery import Floats
from usecases.energy.settings import AtypicalUse, Energy, Line, TwoLines

QUARTER = 0.25  # hours
FRIDAY = 5
SEASONS = {"spring": (3, 4, 5), "summer": (6, 7, 8), "autumn": (9, 10, 11), "winter": (12, 1, 2)}  # other names hold all year


def prices(rows: pl.DataFrame, s: Energy) -> tuple[Floats, Floats]:
    """Return import and export price per row, EUR/kWh: spot or fixed energy price, grid energy, levies; feed-in."""
    tariff = s.tariff
    fixed = pl.lit(tariff.energy_eur_per_kwh)
    energy = pl.coalesce("spot_eur_per_kwh", fixed) if tariff.spot and "spot_eur_per_kwh" in rows.columns else fixed
    bought = rows.select(energy.cast(pl.Float64) + tariff.grid_eur_per_kwh + tariff.levies_eur_per_kwh).to_series().to_numpy()
    bought = np.broadcast_to(bought, rows.height).astype(float)
    return bought, np.full(rows.height, tariff.feed_in_eur_per_kwh)


def period(time: pl.Expr, s: Energy) -> pl.Expr:
    """Return the first day of the billing period of the peak charge, in standard time as days and months are everywhere else.

    In summer the first hour of a month on the clock therefore still counts to the month before.
    """
    return time.dt.truncate("1mo" if s.tariff.peak == "month" else "1y").dt.date().alias("period")


@dataclass(frozen=True)
class Bill:
    """A year under one line of the tariff: grid cost in EUR, hours of use, and whether the line is the one that applies."""

    line: str  # below or above
    eur: float
    hours: float
    valid: bool


def two_line_bills(import_kw: Floats, lines: TwoLines) -> tuple[Bill, Bill]:
    """Return the grid cost of a year of quarter-hour imports under both lines; exactly one is valid, by the hours of use.

    The bill is not convex in the peak: cutting it raises the hours and may move the site to the other line.
    """
    energy, peak = float(import_kw.sum()) * QUARTER, float(import_kw.max(initial=0.0))
    hours = energy / peak if peak > 0 else 0.0

    def cost(line: Line) -> float:
        return energy * line.grid_eur_per_kwh + peak * line.peak_eur_per_kw

    low = hours < lines.hours
    return Bill("below", cost(lines.below), hours, low), Bill("above", cost(lines.above), hours, not low)


@dataclass(frozen=True)
class Atypical:
    """Whether a year of imports counts as atypical grid use: peak inside the windows, of the year, the cut and what it would save."""

    inside_kw: float
    peak_kw: float
    share: float
    saved_eur: float
    granted: bool


def atypical_use(local: pl.Series, import_kw: Floats, holiday: pl.Series, season: str, rule: AtypicalUse, eur_per_kw: float) -> Atypical:
    """Return what the windows of one season say about a year of quarter hours: working days without public holidays alone count.

    Raises
    ------
    KeyError
        The settings name no windows for the season.
    """
    clock = local.dt.time()
    inside = np.zeros(len(local), dtype=bool)
    for window in rule.windows[season]:
        first, last = (time.fromisoformat(part) for part in window.split("-"))
        inside |= ((clock >= first) & (clock < last)).to_numpy()
    inside &= local.dt.month().is_in(SEASONS.get(season, tuple(range(1, 13)))).to_numpy()
    inside &= (local.dt.weekday() <= FRIDAY).to_numpy() & ~holiday.to_numpy().astype(bool)
    peak = float(import_kw.max(initial=0.0))
    within = float(import_kw[inside].max(initial=0.0))
    share = 1 - within / peak if peak > 0 else 0.0
    saved = (peak - within) * eur_per_kw
    return Atypical(within, peak, share, saved, bool(inside.any()) and share >= rule.least_share and saved >= rule.least_eur)
