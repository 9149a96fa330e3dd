"""Inputs of the forecast, all known the evening before, and the forecast: quantiles of crates per customer and day."""

import polars as pl

from pipelines.models.panel import Panel
from pipelines.models.simple import Residual
from usecases.delivery_rounds.settings import DeliveryRounds

LEVELS = (0.1, 0.25, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)  # of the forecast, whatever quantile of it is planned for
PANEL = Panel(time="day", keys=("customer",), target="crates", level="level")


def features(rows: pl.DataFrame, s: DeliveryRounds) -> pl.DataFrame:
    """Return the rows (complete daily grid) with `level`, the usual crates of the weekday, and `service_expected`, minutes at the door."""
    crates, weekday = pl.col("crates").cast(pl.Float64), pl.col("day").dt.weekday()
    same = crates.rolling_mean(s.forecast.same_weekdays, min_samples=1).shift(1).over("customer", weekday, order_by="day")
    lately = crates.rolling_mean(s.forecast.days, min_samples=1).shift(1).over("customer", order_by="day")
    service = pl.col("service_minutes").cast(pl.Float64).rolling_mean(s.forecast.days, min_samples=1).shift(1).forward_fill()
    return rows.with_columns(
        weekday=weekday,
        level=pl.coalesce(same, lately, pl.lit(1.0)),
        service_expected=service.over("customer", order_by="day").fill_null(s.planning.service_minutes),
    )


def model(_: DeliveryRounds) -> Residual:
    """Return the unfitted forecaster: the level times what was taken of it, drawn towards all customers while data are few."""
    return Residual(LEVELS, PANEL)
