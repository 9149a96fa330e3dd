"""What is known at noon about the load of the next day: the same quarter hour on earlier days, this morning, the calendar."""

from datetime import date, timedelta

import polars as pl

from pipelines.calendar import calendar
from usecases.energy.months import month_columns
from usecases.energy.settings import Energy

SLOTS, NOON = 96, 48  # quarter hours of a day on the clock, and those before noon
WEEKS = (7, 14, 21, 28)
LAGS = (2, 3, 4, 5, 7, 14, 21, 28)
LEVEL_LEAST = 7  # days from which on there is a level
NOON_HOUR = 12
HOUR, SMOOTH = 4, 9  # quarter hours
SATURDAY, SUNDAY = 6, 7
INDEX = ["site", "date", "slot"]
DAY_INDEX = ["site", "date"]


def features(rows: pl.DataFrame, s: Energy) -> pl.DataFrame:
    """Return the rows with `level` (kW, mean of `level_days` up to the day before yesterday), `inputs` and `month_columns`.

    Slots are those of the clock, days those of standard time, as the decision's: in summer the hour after midnight still belongs to the
    day before. Of the doubled hour in autumn the mean counts, the hour missing in spring is empty. Loads are given as shares of the
    level, so that one model serves small and large sites.
    """
    placed = rows.with_columns(date=pl.col("time").dt.date(), slot=slot_of(pl.col("local")))
    grid = _grid(placed)
    days = _day_features(grid, s.forecast.level_days)
    made = grid.with_columns(**_slot_features()).join(days, on=DAY_INDEX, how="left", maintain_order="left")
    level = pl.col("level")
    shares = [(pl.col(name) / level).alias(name) for name in (*_slot_features(), *_day_columns()) if name in made.columns]
    made = made.with_columns(shares).join(_calendar(grid, s), on="date", how="left", maintain_order="left")
    wanted = [name for name in ("level", "recent_peak_kw", *inputs(s)) if name not in placed.columns]
    joined = placed.join(made.select(*INDEX, *wanted), on=INDEX, how="left", maintain_order="left")
    kind = (
        pl.when((pl.col("weekday") == SUNDAY) | (pl.col("holiday") == 1)).then(2).when(pl.col("weekday") == SATURDAY).then(1).otherwise(0)
    )
    return month_columns(joined.with_columns(kind=kind), s)


def slot_of(local: pl.Expr) -> pl.Expr:
    """Return the quarter hour of the day, 0 to 95."""
    return (local.dt.hour().cast(pl.Int32) * HOUR + local.dt.minute().cast(pl.Int32) // 15).alias("slot")


def inputs(s: Energy) -> list[str]:
    """Return the names of the forecast's inputs."""
    weather = ["temperature_c"] if s.forecast.weather != "none" else []
    return [*_slot_features(), *_day_columns(), *_calendar_columns(), "slot", "site_number", *weather]


def _grid(placed: pl.DataFrame) -> pl.DataFrame:
    """Return site × day × 96 slots with the mean load, empty where nothing was metered."""
    first, last = placed["date"].min(), placed["date"].max()
    days = pl.DataFrame({"date": pl.date_range(first, last, eager=True)})  # type: ignore[arg-type]
    whole = (
        placed.select("site").unique().join(days, how="cross").join(pl.DataFrame({"slot": range(SLOTS)}, {"slot": pl.Int32}), how="cross")
    )
    means = placed.group_by(INDEX, maintain_order=True).agg(pl.col("load_kw").mean(), early=pl.col("time").dt.hour().max() < NOON_HOUR)
    grid = whole.join(means, on=INDEX, how="left").sort(INDEX)
    smooth = pl.col("load_kw").rolling_mean(SMOOTH, center=True, min_samples=1).over(*DAY_INDEX, order_by="slot")
    return grid.with_columns(smooth=smooth)


def _over(value: pl.Expr) -> pl.Expr:
    return value.over("site", "slot", order_by="date")


def _slot_features() -> dict[str, pl.Expr]:
    """The same quarter hour on earlier days, kW."""
    load = pl.col("load_kw")
    back = {days: _over(load.shift(days)) for days in LAGS}
    weeks = [back[days] for days in WEEKS]
    mean = pl.mean_horizontal(weeks)
    return {
        **{f"lag_{days}": back[days] for days in LAGS},
        "weeks_mean": mean,
        "weeks_least": pl.min_horizontal(weeks),
        "weeks_most": pl.max_horizontal(weeks),
        "weeks_spread": (pl.mean_horizontal([week**2 for week in weeks]) - mean**2).clip(0).sqrt(),
        "recent_mean": pl.mean_horizontal(back[days] for days in (2, 3, 4, 5)),
        "smooth_2": _over(pl.col("smooth").shift(2)),
        "smooth_7": _over(pl.col("smooth").shift(7)),
        "smooth_14": _over(pl.col("smooth").shift(14)),
        "this_morning": _over(pl.when(pl.col("early") & (pl.col("slot") < NOON)).then(load).shift(1)),
    }


def _day_features(grid: pl.DataFrame, level_days: int) -> pl.DataFrame:
    """What whole days and this morning say, kW, and the level; one row per site and day."""
    load, slot = pl.col("load_kw"), pl.col("slot")
    morning = pl.col("early") & (slot < NOON)
    days = grid.group_by(DAY_INDEX, maintain_order=True).agg(
        mean=load.mean(),
        most=load.max(),
        least=load.min(),
        morning=load.filter(morning).mean(),
        last_hour=load.filter(slot.is_between(NOON - HOUR, NOON - 1)).mean(),
        early=load.filter(morning & (slot < NOON // 2)).mean(),
    )
    site = pl.col("site").rank("dense").alias("site_number")

    def back(name: str, lag: int) -> pl.Expr:
        return pl.col(name).shift(lag).over("site", order_by="date")

    level = pl.col("mean").shift(2).rolling_mean(level_days, min_samples=LEVEL_LEAST).over("site", order_by="date")
    peak = pl.col("most").shift(2).rolling_max(level_days, min_samples=1).over("site", order_by="date")
    columns = {"recent_peak_kw": peak} | {name: back(*place) for name, place in _DAYS.items()}
    return days.select(*DAY_INDEX, site, level=level, **columns)


_DAYS = {
    "morning_1": ("morning", 1),
    "morning_2": ("morning", 2),
    "morning_7": ("morning", 7),
    "morning_8": ("morning", 8),
    "early_1": ("early", 1),
    "last_hour_1": ("last_hour", 1),
    "last_hour_8": ("last_hour", 8),
    "mean_2": ("mean", 2),
    "mean_7": ("mean", 7),
    "mean_14": ("mean", 14),
    "most_2": ("most", 2),
    "most_7": ("most", 7),
    "least_2": ("least", 2),
}


def _day_columns() -> list[str]:
    return list(_DAYS)


def _calendar(grid: pl.DataFrame, s: Energy) -> pl.DataFrame:
    """Weekday, month, holidays of the day, its neighbours and the days looked back to, the year's end."""
    first: date = grid["date"].min()  # type: ignore[assignment]
    last: date = grid["date"].max()  # type: ignore[assignment]
    days = calendar(first - timedelta(days=28), last + timedelta(days=1), s.calendar).sort("day")
    holiday = pl.col("public_holiday").cast(pl.Int8)
    end = (pl.col("day").dt.month() == 12) & (pl.col("day").dt.day() >= 24) | (pl.col("day").dt.ordinal_day() == 1)  # noqa: PLR2004 - the week of the year's end
    return days.select(
        date="day",
        weekday=pl.col("day").dt.weekday(),
        month=pl.col("day").dt.month(),
        year_day=pl.col("day").dt.ordinal_day(),
        holiday=holiday,
        holiday_next=holiday.shift(-1),
        holiday_before=holiday.shift(1),
        holiday_2=holiday.shift(2),
        holiday_7=holiday.shift(7),
        holiday_14=holiday.shift(14),
        bridge=pl.col("bridge_day").cast(pl.Int8),
        year_end=end.cast(pl.Int8),
        school=pl.col("school_holiday").cast(pl.Int8),
    )


def _calendar_columns() -> list[str]:
    names = "weekday month year_day holiday holiday_next holiday_before holiday_2 holiday_7 holiday_14 bridge year_end school"
    return names.split()
