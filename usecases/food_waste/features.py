"""Inputs of the demand forecast, all as known at the order deadline (`lead` days before the day of sale).

Everything is relative to the series' own weekday level, so that one model serves a 3-piece and a 300-piece article alike.
"""

from datetime import date, timedelta
from zlib import crc32

import polars as pl

from pipelines.calendar import easter_sunday, event_column
from pipelines.models import causal_columns
from pipelines.models.panel import PANEL
from pipelines.models.simple import WINDOWS
from pipelines.models.smoothing import GRID
from usecases.food_waste.costs import add_costs
from usecases.food_waste.rules import habit_columns
from usecases.food_waste.settings import FoodWaste

KEYS = list(PANEL.keys)
WEEK, YEAR = 7, 364
LEVEL_WEEKS = range(1, 9)
SMALLEST_LEVEL = 0.5  # pieces: a series that hardly sells is not divided by nearly nothing
HALF_LIVES = (2, 5, 14, 42)  # days
LATEST = (1, 2, 3, 4, 5, 6)  # last open days, whatever their date
CALENDAR_LAGS = (0, 1, 2, 3, 4, 5, 6, 7, 13, 20, 27)  # days beyond the lead
UNITS: dict[str, list[str]] = {"store": ["branch"], "product": ["product"], "chain": []}
PULSES = ("1", "2", "3", "7", "14", "fast", "slow", "year", "year_week", "feast")
MOVABLE = (-14, 63)  # days around Easter that move with it: Palm weekend to Corpus Christi
CHRISTMAS_FROM, CHRISTMAS_TO = (12, 18), (1, 8)
LEVELS = ("log_level", "level_slope", "level_spread")
DRIFTING = ("age", "year", "month", "days_to", "days_since", "distance", "closed", "_id")  # parts of names: dates, ages, numbers for names
WEATHER = ("temperature_c", "rain_mm")


def features(rows: pl.DataFrame, s: FoodWaste) -> pl.DataFrame:
    """Return the same rows in the same order with costs, `level`, the simple rules' columns and all inputs (Float32) appended.

    `rows`: complete daily grid sorted by series and day (null demand = closed or not yet known) with the calendar columns.
    A row of day t uses demand of day t - lead and older.
    """
    table = habit_columns(_keeping(add_costs(rows, s)), s)
    table = causal_columns(_cold(_levels(table), s), s.lead, PANEL)
    table = table.with_columns(pl.col(rates.name) / pl.col("level") for rates in GRID)
    table = table.with_columns(what.cast(pl.Float32).alias(name) for name, what in own_history(s.lead).items())
    table = table.with_columns(_latest(s.lead))
    for name, by in UNITS.items():
        table = _pulse(table, name, by, s.lead)
    found = {**calendar_inputs(), **known_inputs(s)}
    table = table.with_columns(what.cast(pl.Float32).alias(name) for name, what in found.items())
    return table.with_columns(_identity(table, key) for key in KEYS).drop("_ratio", "_usual")


def inputs(s: FoodWaste) -> list[str]:
    """Return the names of the model's input columns."""
    pulses = [f"{unit}_{pulse}" for unit in UNITS for pulse in PULSES]
    latest = [f"open_{n}" for n in LATEST]
    smooth = [rates.name for rates in GRID]
    return [*LEVELS, *smooth, *own_history(s.lead), *latest, *pulses, *calendar_inputs(), *known_inputs(s), *(f"{key}_id" for key in KEYS)]


def steady_inputs(s: FoodWaste) -> list[str]:
    """Return the inputs whose values stay within the range learnt from, fit for a regression that would follow the others too far."""
    return [name for name in inputs(s) if not any(part in name for part in DRIFTING)]


def _over(what: pl.Expr) -> pl.Expr:
    return what.over(KEYS)


def _levels(table: pl.DataFrame) -> pl.DataFrame:
    """Own same-weekday level (mean of the 4- and the 8-week mean, holidays left out) and the day's demand relative to it."""
    table = table.with_columns(_usual=pl.when(~pl.col("public_holiday")).then(pl.col("demand")).cast(pl.Float32))
    lags = [_over(pl.col("_usual").shift(WEEK * week)) for week in LEVEL_WEEKS]
    recent = _over(pl.col("_usual").rolling_mean(28, min_samples=3).shift(WEEK))
    short, long = pl.mean_horizontal(lags[:4]), pl.mean_horizontal(lags)
    level = pl.coalesce(short, long, recent) / 2 + pl.coalesce(long, short, recent) / 2
    spread = pl.concat_list(lags).list.std()
    table = table.with_columns(
        level=pl.when(level.is_not_null()).then(level.clip(SMALLEST_LEVEL)).cast(pl.Float32), _slope=short / long, _spread=spread
    )
    return table.with_columns(
        _ratio=pl.col("demand").cast(pl.Float32) / pl.col("level"),
        log_level=pl.col("level").log1p().cast(pl.Float32),
        level_slope=pl.col("_slope").fill_nan(None).cast(pl.Float32),
        level_spread=(pl.col("_spread") / pl.col("level")).cast(pl.Float32),
    ).drop("_slope", "_spread")


def _keeping(table: pl.DataFrame) -> pl.DataFrame:
    """Nothing keeps until tomorrow where the branch is closed tomorrow."""
    return table.with_columns(keeps=pl.col("keeps") & _over(pl.col("open").shift(-1)).fill_null(value=True))


def _cold(table: pl.DataFrame, s: FoodWaste) -> pl.DataFrame:
    """Weekday quantiles of a series without a level: what comparable series do, so that the simple rule has something to say."""
    names = [f"weekday_{weeks}_q{level:g}" for weeks in WINDOWS for level in s.forecast.levels]
    cold = pl.col("level").is_null()
    return table.with_columns(
        pl.when(cold).then(pl.coalesce(name, "expected")).otherwise(name).cast(pl.Float32).alias(name) for name in names
    )


def own_history(lead: int) -> dict[str, pl.Expr]:
    """Ratios of single past days, decaying and plain means, spread, the same time last year."""
    ratio, level = pl.col("_ratio"), pl.col("level")
    return {
        **{f"lag_{k}": _over(ratio.shift(lead + k)) for k in CALENDAR_LAGS},
        **{f"week_{w}": _over(pl.col("demand").shift(WEEK * w)) / level for w in (1, 2, 3, 4)},
        **{f"decay_{h}": _over(ratio.ewm_mean(half_life=h, ignore_nulls=True).forward_fill().shift(lead)) for h in HALF_LIVES},
        **{f"mean_{n}": _over(ratio.rolling_mean(n, min_samples=2).shift(lead)) for n in (7, 28, 56)},
        **{f"spread_{n}": _over(ratio.rolling_std(n, min_samples=3).shift(lead)) for n in (14, 56)},
        "zero_share": _over((pl.col("demand") == 0).cast(pl.Float32).rolling_mean(28, min_samples=1).shift(lead)),
        "year_same": _over(ratio.shift(YEAR)),
        "year_week": _over(ratio.rolling_mean(WEEK, min_samples=2).shift(YEAR - 3)),
        "year_growth": _over(level.shift(YEAR)) / level,
        "year_ahead": _over(level.shift(YEAR - 35)) / _over(level.shift(YEAR)),
    }


def _latest(lead: int) -> list[pl.Expr]:
    """Ratios of the last open days: a shift over (series, open) skips closed days, the deadline then cuts what is too new."""
    seen = pl.col("demand").is_not_null()
    past = [pl.when(seen).then(pl.col("_ratio").shift(n - 1).over([*KEYS, seen])) for n in LATEST]
    return [_over(what.forward_fill().shift(lead)).cast(pl.Float32).alias(f"open_{n}") for n, what in zip(LATEST, past, strict=True)]


def _pulse(table: pl.DataFrame, name: str, by: list[str], lead: int) -> pl.DataFrame:
    """Demand over level of a whole store, product or chain: yesterday, last week, decaying, last year."""
    seen = pl.col("demand").is_not_null() & pl.col("level").is_not_null()
    unit = (pl.concat_str(by) if by else pl.lit("")).alias("_unit")
    sums = (
        table.select(unit, "day", "demand", "level")
        .filter(seen)
        .group_by("_unit", "day", maintain_order=True)
        .agg(up=pl.col("demand").sum(), low=pl.col("level").cast(pl.Float64).sum())
    )
    first, last = table["day"].min(), table["day"].max()
    span = pl.DataFrame({"day": pl.date_range(first, last, eager=True)})  # type: ignore[arg-type]
    grid = sums.select(pl.col("_unit").unique()).sort("_unit").join(span, how="cross", maintain_order="left_right")
    sums = grid.join(sums, on=["_unit", "day"], how="left", maintain_order="left").select(
        "_unit", "day", pulse=pl.col("up") / pl.col("low")
    )
    pulse = pl.col("pulse")
    made = {
        "1": pulse.shift(lead),
        "2": pulse.shift(lead + 1),
        "3": pulse.shift(lead + 2),
        "7": pulse.shift(WEEK),
        "14": pulse.shift(2 * WEEK),
        "fast": pulse.ewm_mean(half_life=2, ignore_nulls=True).forward_fill().shift(lead),
        "slow": pulse.ewm_mean(half_life=7, ignore_nulls=True).forward_fill().shift(lead),
        "year": pulse.shift(YEAR),
        "year_week": pulse.rolling_mean(WEEK, min_samples=2).shift(YEAR - 3),
    }
    columns = sums.select("_unit", "day", *(what.over("_unit").cast(pl.Float32).alias(f"{name}_{k}") for k, what in made.items()))
    feast = sums.select("_unit", pl.col("day").alias("_before"), pulse.cast(pl.Float32).alias(f"{name}_feast"))
    columns = columns.join(_year_before(span), on="day", how="left", maintain_order="left")
    columns = columns.join(feast, on=["_unit", "_before"], how="left", maintain_order="left").drop("_before")
    # units x days in order: a row's place is counted, because a join would copy hundreds of megabytes
    units = columns["_unit"].unique(maintain_order=True)
    number = unit.replace_strict(units, pl.Series(range(len(units)), dtype=pl.Int64), default=None, return_dtype=pl.Int64)
    place = table.select(number * span.height + (pl.col("day") - first).dt.total_days()).to_series()
    return table.hstack(columns.drop("_unit", "day").select(pl.all().gather(place)))


def _year_before(span: pl.DataFrame) -> pl.DataFrame:
    """The matching day one year earlier: same distance to Easter, same date around Christmas, else same weekday."""
    found: list[tuple[date, date]] = []
    for day in span["day"]:
        offset = (day - easter_sunday(day.year)).days
        if MOVABLE[0] <= offset <= MOVABLE[1]:
            match = easter_sunday(day.year - 1) + timedelta(offset)
        elif (day.month, day.day) >= CHRISTMAS_FROM or (day.month, day.day) <= CHRISTMAS_TO:
            match = day.replace(year=day.year - 1)
        else:
            match = day - timedelta(YEAR)
        found.append((day, match))
    return pl.DataFrame(found, schema={"day": pl.Date, "_before": pl.Date}, orient="row")


def calendar_inputs() -> dict[str, pl.Expr]:
    """What the calendar knows in advance: season, feasts, holidays, closures before and after, age of the series."""
    day, closed = pl.col("day"), ~pl.col("open")
    last_closed, next_closed = pl.when(closed).then(day).forward_fill().shift(1), pl.when(closed).then(day).backward_fill().shift(-1)
    return {
        "weekday": day.dt.weekday(),
        "month": day.dt.month(),
        "month_day": day.dt.day(),
        "year_day": day.dt.ordinal_day(),
        "age": (day - _over(day.min())).dt.total_days(),
        "closed_before": _over(closed.shift(1)),
        "closed_after": _over(closed.shift(-1)),
        "closed_after_2": _over(closed.shift(-2)),
        "since_closed": (day - _over(last_closed)).dt.total_days().clip(0, 30),
        "until_closed": (_over(next_closed) - day).dt.total_days().clip(0, 30),
        "holiday_before": pl.col("days_since_holiday") == 1,
        "holiday_after": pl.col("days_to_holiday") == 1,
        "holiday_week_ago": _over(pl.col("public_holiday").shift(WEEK)),
        "bridge_week": _over(pl.col("bridge_day").cast(pl.Int8).rolling_max(3).shift(-1)),
        "school_share": _over(pl.col("school_holiday").cast(pl.Float32).rolling_mean(28).shift(WEEK)),
    }


def known_inputs(s: FoodWaste) -> dict[str, pl.Expr]:
    """What is known beforehand: holidays, own events, promotions, pre-orders, and the weather forecast where there is one."""
    calendar = ("public_holiday", "school_holiday", "bridge_day", "days_to_holiday", "days_since_holiday", "days_to_school_holiday",
                "days_since_school_holiday", "christmas_distance", "easter_distance")  # fmt: skip
    weather = WEATHER if s.forecast.weather != "none" else ()
    found = {f"is_{name}": pl.col(name) for name in (*calendar, "promotion", *(event_column(name) for name in s.calendar.events), *weather)}
    return {**found, "is_preordered": pl.col("preordered") / pl.col("level")}


def _identity(table: pl.DataFrame, key: str) -> pl.Expr:
    """A number per name that stays the same when other names come or go."""
    names = table[key].unique().sort().to_list()
    numbers = [crc32(name.encode()) / 2**32 for name in names]
    return pl.col(key).replace_strict(names, numbers, return_dtype=pl.Float32).alias(f"{key}_id")
