"""The demand forecast: trees for what moves demand, smoothing and plain rules for what is steady, weighed on the select period."""

from pipelines.models import Combination, Residual, TwoStage, WeekdayQuantile
from pipelines.models.combination import Member
from pipelines.models.panel import PANEL
from pipelines.models.two_stage import LOCATION, QUICK
from pipelines.models.smoothing import GRID
from usecases.food_waste.features import inputs
from usecases.food_waste.settings import FoodWaste


def model(s: FoodWaste) -> Combination:
    """Return the unfitted forecaster: quantiles of demand (pieces) per branch, product and day."""
    levels = s.forecast.levels
    members: dict[str, Member] = {
        "trees": TwoStage(levels, inputs(s), PANEL, LOCATION if s.forecast.effort == "thorough" else QUICK, threads=s.threads),
        "smoothing": Residual(levels, PANEL, [rates.name for rates in GRID], name="smoothing"),
        "weekday": WeekdayQuantile(levels, PANEL),
        "level": Residual(levels, PANEL),
    }
    return Combination(levels, members, fallback="weekday", panel=PANEL, lead=s.lead)
