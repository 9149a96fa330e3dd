"""What the forecast may know at midnight: means of past days per station and hour, and what past days would have cost."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from usecases.mobility.censoring import exposure
from usecases.mobility.curves import record
from usecases.mobility.packed import HOURS, Panel, floats, hourly, numbers
from usecases.mobility.settings import Mobility

Floats = NDArray[np.float64]
WINDOWS = (7, 28, 56)  # days of the plain means
KIND_WINDOWS = (56, 112)  # days of the means over the same kind of day


def features(rows: pl.DataFrame, s: Mobility) -> pl.DataFrame:
    """Return the rows with features, all from days before: arrays of 24 hourly means, and the cost record `past_curve`.

    `rent_28`: mean rentals per hour over the last 28 days; `rent_kind_56`: over days of the same kind (working day or day off);
    `back_...` the same for returns. `past_curve`: mean cost in lost trips per start stock on earlier days of the kind.
    """
    panel = Panel.of(rows)
    rentals, returns = hourly(rows)
    there = rows["rentals"].is_not_null().to_numpy().astype(float)
    off = panel.spread(floats(rows, "day_off")).max(axis=1) > 0
    open_hours = np.repeat(there[:, None], HOURS, axis=1)
    made: dict[str, Floats] = {}
    scalars: dict[str, Floats] = {}
    for word, counts in (("rent", rentals), ("back", returns)):
        events, hours = panel.spread(counts * open_hours), panel.spread(open_hours * exposure(rows, word, s))
        for window in WINDOWS:
            made[f"{word}_{window}"] = panel.gather(mean_before(events, hours, window))
        for window in KIND_WINDOWS:
            made[f"{word}_kind_{window}"] = panel.gather(mean_of_kind(events, hours, window, off))
        scalars |= {f"{word}_{name}": values for name, values in _levels(panel, events).items()}
    size = int(numbers(rows, "capacity").max()) + 1
    made["past_curve"] = record(rows, off, size, s.overflow)
    arrays = [pl.Series(name, values, dtype=pl.Array(pl.Float64, values.shape[1])) for name, values in made.items()]
    weekday = pl.col("day").dt.weekday()
    return rows.with_columns(arrays).with_columns(
        *(pl.Series(name, values) for name, values in scalars.items()),
        weekday=pl.when(pl.col("day_off") & (weekday < 6)).then(7).otherwise(weekday).cast(pl.Float64),  # noqa: PLR2004 - a holiday is a Sunday
        day_of_year=pl.col("day").dt.ordinal_day().cast(pl.Float64),
    )


def _levels(panel: Panel, events: Floats) -> dict[str, Floats]:
    """Return events per day: of the station yesterday and over three days, of all stations over 1, 3, 7 and 28 days."""
    station = events.sum(axis=2, keepdims=True)
    city = np.broadcast_to(station.sum(axis=1, keepdims=True), station.shape)
    made = {f"last_{days}": mean_before(station, np.ones_like(station), days) for days in (1, 3)}
    made |= {f"city_{days}": mean_before(city, np.ones_like(station), days) for days in (1, 3, 7, 28)}
    return {name: panel.gather(values)[:, 0] for name, values in made.items()}


def mean_before(events: Floats, exposed: Floats, window: int) -> Floats:
    """Return the mean of the `window` days before each day (D, N, H), 0 where nothing is known."""
    total, days = _sum_before(events, window), _sum_before(exposed, window)
    return np.divide(total, days, out=np.zeros_like(total), where=days > 0)


def mean_of_kind(events: Floats, exposed: Floats, window: int, day_off: NDArray[np.bool_]) -> Floats:
    """Return the mean over earlier days of the same kind; where there was none, over all days of the window."""
    made = mean_before(events, exposed, window)
    for kind in (False, True):
        same = (day_off == kind)[:, None, None]
        total, days = _sum_before(events * same, window), _sum_before(exposed * same, window)
        made = np.where(same & (days > 0), np.divide(total, days, out=np.zeros_like(total), where=days > 0), made)
    return made


def _sum_before(values: Floats, window: int) -> Floats:
    summed = np.concatenate([np.zeros((1, *values.shape[1:])), np.cumsum(values, axis=0)])
    day = np.arange(len(values))
    return np.asarray(summed[day] - summed[np.maximum(0, day - window)])
