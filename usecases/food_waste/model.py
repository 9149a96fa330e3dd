"""The demand forecast: trees for what moves demand, smoothing and plain rules for what is steady, weighed on the select period."""

from pipelines.models import Combination, Residual, TwoStage, WeekdayQuantile
from pipelines.models.combination import Member
from pipelines.models.panel import PANEL
from pipelines.models.smoothing import GRID
from pipelines.models.two_stage import LINEAR, LOCATION, QUICK, QUICK_SPREAD, SPREAD
from usecases.food_waste.features import inputs, steady_inputs
from usecases.food_waste.settings import FoodWaste

QUICK_ROWS = 120_000  # a quick fit learns from the latest days that hold so many rows


def model(s: FoodWaste) -> Combination:
    """Return the unfitted forecaster: quantiles of demand (pieces) per branch, product and day."""
    levels, thorough = s.forecast.levels, s.forecast.effort == "thorough"
    location, spread, most = (LOCATION, SPREAD, None) if thorough else (QUICK, QUICK_SPREAD, QUICK_ROWS)
    members: dict[str, Member] = {
        "trees": TwoStage(levels, inputs(s), PANEL, location, spread, most_rows=most, threads=s.threads, name="trees"),
        "smoothing": Residual(levels, PANEL, [rates.name for rates in GRID], name="smoothing"),
        "weekday": WeekdayQuantile(levels, PANEL),
        "level": Residual(levels, PANEL),
    }
    if thorough:
        members["regression trees"] = TwoStage(levels, steady_inputs(s), PANEL, LINEAR, threads=s.threads, name="regression trees")
    return Combination(levels, members, fallback="weekday", panel=PANEL, lead=s.lead)
