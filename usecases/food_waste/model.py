"""The demand forecast: trees for what moves demand, smoothing and plain rules for what is steady, weighed on the select period."""

from dataclasses import replace

from pipelines.models import Combination, Residual, TwoStage, WeekdayQuantile
from pipelines.models.combination import Member
from pipelines.models.panel import PANEL
from pipelines.models.smoothing import GRID
from pipelines.models.two_stage import LINEAR, LOCATION, QUICK, QUICK_SPREAD, SPREAD, Trees
from pipelines.usecase import Options, Span
from usecases.food_waste.features import inputs, steady_inputs
from usecases.food_waste.settings import FoodWaste

QUICK_ROWS = 120_000  # a quick fit learns from the latest days that hold so many rows
# what a sweep may change: the trees, and how far the order leans away from the forecast
SEARCH: dict[str, Span | Options] = {
    "trees.rounds_share": Span(0.4, 3.0, log=True, unit="share"),
    "trees.rate_share": Span(0.4, 2.5, log=True, unit="share"),
    "trees.leaves": Span(4, 63, log=True, whole=True, unit="leaves"),
    "trees.min_rows": Span(20, 400, log=True, whole=True, unit="rows"),
    "trees.l2": Span(0.1, 30.0, log=True),
    "ratio_shift": Span(-0.06, 0.06, unit="probability"),
}


def model(s: FoodWaste) -> Combination:
    """Return the unfitted forecaster: quantiles of demand (pieces) per branch, product and day."""
    levels, thorough = s.forecast.levels, s.forecast.effort == "thorough"
    location, linear = (tuple(sized(one, s) for one in trees) for trees in (LOCATION if thorough else QUICK, LINEAR))
    spread, most = sized(SPREAD if thorough else QUICK_SPREAD, s), None if thorough else QUICK_ROWS
    members: dict[str, Member] = {
        "trees": TwoStage(levels, inputs(s), PANEL, location, spread, most_rows=most, threads=s.threads, name="trees"),
        "smoothing": Residual(levels, PANEL, [rates.name for rates in GRID], name="smoothing"),
        "weekday": WeekdayQuantile(levels, PANEL),
        "level": Residual(levels, PANEL),
    }
    if thorough:
        members["regression trees"] = TwoStage(levels, steady_inputs(s), PANEL, linear, threads=s.threads, name="regression trees")
    return Combination(levels, members, fallback="weekday", panel=PANEL, lead=s.lead)


def sized(trees: Trees, s: FoodWaste) -> Trees:
    """Return trees of the size and pace the settings state."""
    rounds, rate = max(1, round(trees.rounds * s.trees.rounds_share)), trees.rate * s.trees.rate_share
    return replace(trees, rounds=rounds, rate=rate, leaves=s.trees.leaves, min_rows=s.trees.min_rows, l2=s.trees.l2)
