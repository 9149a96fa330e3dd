"""Days that differ (public and school holidays, bridge days, own events) and time grids that survive the clock changes."""

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo

import polars as pl

from pipelines.errors import InputError
from pipelines.settings import CalendarSettings

STATES = {
    "BB": "Brandenburg",
    "BE": "Berlin",
    "BW": "Baden-Württemberg",
    "BY": "Bayern",
    "HB": "Bremen",
    "HE": "Hessen",
    "HH": "Hamburg",
    "MV": "Mecklenburg-Vorpommern",
    "NI": "Niedersachsen",
    "NW": "Nordrhein-Westfalen",
    "RP": "Rheinland-Pfalz",
    "SH": "Schleswig-Holstein",
    "SL": "Saarland",
    "SN": "Sachsen",
    "ST": "Sachsen-Anhalt",
    "TH": "Thüringen",
}
HOLIDAY_CAP, SCHOOL_CAP, CHRISTMAS_CAP, EASTER_CAP = 30, 60, 30, 60
BERLIN = "Europe/Berlin"

_SATURDAY = 6
_PAD = timedelta(days=400)  # more than a year on both sides: the nearest Christmas and Easter are always inside
_MINUTES_AN_HOUR = 60
_SHOWN = 5
_DAY = pl.col("day")


def calendar(first: date, last: date, settings: CalendarSettings) -> pl.DataFrame:
    """Return one row per day from `first` to `last`, both included.

    Columns: day; public_holiday, holiday_name, bridge_day, school_holiday; days_to_holiday, days_since_holiday (0 on the day, at most 30);
    days_to_school_holiday, days_since_school_holiday (0 within, at most 60); christmas_distance, easter_distance (days from the nearest
    25 December or Easter Sunday, negative before, at most 30 and 60); event_<name>, true on the days of each own event.
    Without a state, and outside the school holidays known, no day is a school holiday: ask `school_holidays_known`.

    Raises
    ------
    InputError
        The state is none of the 16 codes, `last` is before `first`, or an event is malformed or clashes with another one.
    """
    _check_state(settings.state)
    if last < first:
        raise InputError("calendar.empty_period", first=first, last=last)
    events = _events(settings)
    names = _public_holidays(settings.state, first - _PAD, last + _PAD)
    years = range((first - _PAD).year, (last + _PAD).year + 1)
    days = pl.DataFrame({"day": pl.date_range(first - _PAD, last + _PAD, eager=True)})
    days = days.join(names, on="day", how="left", maintain_order="left")
    holiday, school = pl.col("holiday_name").is_not_null(), _DAY.is_in(_school_days(settings.state))
    off = holiday | (_DAY.dt.weekday() >= _SATURDAY)
    days = days.select(
        "day",
        public_holiday=holiday,
        holiday_name="holiday_name",
        bridge_day=(~off & off.shift(1) & off.shift(-1)),
        school_holiday=school,
        days_to_holiday=_capped(_until(holiday), HOLIDAY_CAP),
        days_since_holiday=_capped(_since(holiday), HOLIDAY_CAP),
        days_to_school_holiday=_capped(_until(school), SCHOOL_CAP),
        days_since_school_holiday=_capped(_since(school), SCHOOL_CAP),
        christmas_distance=_distance([date(year, 12, 25) for year in years], CHRISTMAS_CAP),
        easter_distance=_distance([easter_sunday(year) for year in years], EASTER_CAP),
        **events,
    )
    return days.filter(_DAY.is_between(first, last))


def school_holidays_known(state: str, first: date, last: date) -> bool:
    """Return whether the packaged school holidays of a state cover every day from `first` to `last`; false without a state."""
    _check_state(state)
    if not state:
        return False
    start, end = school_holidays_span(state)
    return start <= first and last <= end


def school_holidays_span(state: str) -> tuple[date, date]:
    """Return the first and the last day for which the school holidays of a state are packaged; `state` is one of `STATES`."""
    _check_state(state)
    return _spans()[state]


def easter_sunday(year: int) -> date:
    """Return Easter Sunday of a year in the Gregorian calendar (Meeus/Jones/Butcher; Meeus, Astronomical Algorithms, 1991, ch. 8)."""
    century, rest = divmod(year, 100)
    moon = (19 * (year % 19) + century - century // 4 - (century - (century + 8) // 25 + 1) // 3 + 15) % 30
    weekday = (32 + 2 * (century % 4) + 2 * (rest // 4) - moon - rest % 4) % 7
    late = (year % 19 + 11 * moon + 22 * weekday) // 451
    month, day = divmod(moon + weekday - 7 * late + 114, 31)
    return date(year, month, day + 1)


def quarter_hour_grid(first: date, last: date, zone: str = BERLIN, minutes: int = 15) -> pl.DataFrame:
    """Return every time step of the local days from `first` to `last`, both included.

    Columns: utc and local (the start of the step, with time zone), day (local date), steps (steps of that local day: with 15 minutes
    96, but 92 when the clock goes forward and 100 when it goes back).

    Raises
    ------
    InputError
        The zone is unknown, `minutes` does not divide an hour, or `last` is before `first`.
    """
    place = _zone(zone)
    if minutes < 1 or _MINUTES_AN_HOUR % minutes:
        raise InputError("calendar.bad_minutes", minutes=minutes)
    if last < first:
        raise InputError("calendar.empty_period", first=first, last=last)
    start, end = (datetime.combine(day, time(), place).astimezone(UTC) for day in (first, last + timedelta(days=1)))
    grid = pl.DataFrame({"utc": pl.datetime_range(start, end, timedelta(minutes=minutes), closed="left", time_unit="us", eager=True)})
    grid = grid.with_columns(local=pl.col("utc").dt.convert_time_zone(zone))
    return grid.with_columns(day=pl.col("local").dt.date()).with_columns(steps=pl.len().over("day").cast(pl.Int16))


def local_to_utc(stamps: pl.Series, zone: str = BERLIN) -> pl.Series:
    """Return local clock times (no time zone) of ONE series in UTC; nulls stay null.

    When the clock goes back, an hour happens twice: the first appearance of a time is taken as the earlier one, the second as the later.

    Raises
    ------
    InputError
        The zone is unknown, a time was skipped as the clock went forward, or a time of the doubled hour does not appear exactly twice.
    """
    _zone(zone)
    local = pl.col("local")
    times = pl.DataFrame({"local": stamps.cast(pl.Datetime("us"))}).with_row_index("row", offset=1)
    times = times.with_columns(
        early=local.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null"),
        late=local.dt.replace_time_zone(zone, ambiguous="latest", non_existent="null"),
        turn=local.cum_count().over("local"),
        turns=pl.len().over("local"),
    )
    twice = pl.col("early") != pl.col("late")
    _refuse("calendar.missing_time", zone, times.filter(local.is_not_null() & pl.col("early").is_null()))
    _refuse("calendar.ambiguous_time", zone, times.filter(twice & (pl.col("turns") != 2)))  # noqa: PLR2004 - twice is two
    right = pl.when(twice & (pl.col("turn") > 1)).then("late").otherwise("early")
    return times.select(right.dt.convert_time_zone("UTC").alias(stamps.name)).to_series()


def _check_state(state: str) -> None:
    if not state or state in STATES:
        return
    known = {key.casefold(): code for code, name in STATES.items() for key in (code, name)}
    near = get_close_matches(state.strip().casefold(), known, n=1, cutoff=0.6)
    raise InputError("calendar.unknown_state", state=state, near=known[near[0]] if near else "-", known=", ".join(STATES))


def _public_holidays(state: str, first: date, last: date) -> pl.DataFrame:
    """Return day and holiday_name of the holidays by law: of the whole state, or without a state of all of Germany."""
    import holidays

    found = holidays.country_holidays("DE", subdiv=state or None, years=range(first.year, last.year + 1), language="de")
    return pl.DataFrame(list(found.items()), schema={"day": pl.Date, "holiday_name": pl.String}, orient="row")


@cache
def _school_periods() -> pl.DataFrame:
    source = files("pipelines").joinpath("calendar_data", "school_holidays.csv").read_bytes()
    dates = {"first": pl.Date, "last": pl.Date}
    return pl.read_csv(source, comment_prefix="#", schema={"state": pl.String, "name": pl.String, **dates})


@cache
def _spans() -> dict[str, tuple[date, date]]:
    rows = _school_periods().group_by("state", maintain_order=True).agg(pl.col("first").min(), pl.col("last").max()).rows()
    return {state: (first, last) for state, first, last in rows}


@cache
def _school_days(state: str) -> tuple[date, ...]:
    periods = _school_periods().filter(pl.col("state") == state)
    return tuple(periods.select(pl.date_ranges("first", "last").explode())["first"].to_list())


def _events(settings: CalendarSettings) -> dict[str, pl.Expr]:
    columns: dict[str, pl.Expr] = {}
    origin: dict[str, str] = {}
    for name, spans in settings.events.items():
        column = event_column(name)
        if column in columns:
            raise InputError("calendar.event_clash", first=origin[column], second=name, column=column)
        origin[column] = name
        columns[column] = pl.any_horizontal(pl.lit(value=False), *(_DAY.is_between(*_event_span(name, span)) for span in spans))
    return columns


def event_column(name: str) -> str:
    """Return the column of an own event: Kieler Woche becomes event_kieler_woche."""
    plain = name.lower().replace("ä", "ae").replace("ö", "oe").replace("ü", "ue").replace("ß", "ss")
    return "event_" + re.sub(r"[^a-z0-9]", "_", plain)


def _event_span(name: str, value: str) -> tuple[date, date]:
    first, _, last = value.partition("/")
    try:
        span = date.fromisoformat(first.strip()), date.fromisoformat((last if "/" in value else first).strip())
    except ValueError:
        raise InputError("calendar.bad_event", event=name, value=value) from None
    if span[1] < span[0]:
        raise InputError("calendar.reversed_event", event=name, value=value, right=f"{span[1]}/{span[0]}")
    return span


def _until(flag: pl.Expr) -> pl.Expr:
    return (pl.when(flag).then(_DAY).backward_fill() - _DAY).dt.total_days()


def _since(flag: pl.Expr) -> pl.Expr:
    return (_DAY - pl.when(flag).then(_DAY).forward_fill()).dt.total_days()


def _capped(days: pl.Expr, cap: int) -> pl.Expr:
    """No such day within reach is the same as `cap` days away."""
    return days.fill_null(cap).clip(-cap, cap).cast(pl.Int16)


def _distance(anchors: Iterable[date], cap: int) -> pl.Expr:
    flag = _DAY.is_in(list(anchors))
    since, until = _since(flag), _until(flag)
    return _capped(pl.when(since.is_null() | (until < since)).then(-until).otherwise(since), cap)


def _zone(zone: str) -> ZoneInfo:
    try:
        return ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        raise InputError("calendar.unknown_zone", zone=zone) from None


def _refuse(key: str, zone: str, bad: pl.DataFrame) -> None:
    if bad.is_empty():
        return
    shown = bad.head(_SHOWN)
    rows = ", ".join(str(row) for row in shown["row"])
    raise InputError(key, zone=zone, count=bad.height, rows=rows, example=f"{shown['local'][0]:%Y-%m-%d %H:%M}")
