"""Forecasters: the only place where tables become arrays."""

from pipelines.models.combination import Combination
from pipelines.models.panel import Panel
from pipelines.models.probability import Probability
from pipelines.models.quantiles import Quantiles
from pipelines.models.simple import Residual, WeekdayQuantile, weekday_columns
from pipelines.models.smoothing import causal_columns
from pipelines.models.two_stage import TwoStage

__all__ = [
    "Combination",
    "Panel",
    "Probability",
    "Quantiles",
    "Residual",
    "TwoStage",
    "WeekdayQuantile",
    "causal_columns",
    "weekday_columns",
]
