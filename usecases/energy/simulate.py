"""A simulated bakery with a workshop: ovens before dawn, cooling, machines, a roof, two vans, and the grid around it.

Stochastic loads with known causes; PV from the sun's height (Haurwitz 1945 clear sky) and clouds that last; prices that follow sun, hour
and season. The same settings give the same world.
"""

from datetime import date, datetime, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipelines.calendar import calendar
from usecases.energy.clock import BERLIN
from usecases.energy.settings import Energy

Floats = NDArray[np.float64]
SITE, FIRST, LAST = "Bäckerei", date(2023, 1, 1), date(2024, 6, 30)
LATITUDE, PV_KWP = 51.5, 40.0
SATURDAY, SUNDAY = 6, 7


def simulate(s: Energy) -> dict[str, pl.DataFrame]:
    """Return the tables load (kW), pv (kW), prices (EUR/MWh, hourly), co2 (g/kWh), weather (°C, the forecast) and waiting (two vans)."""
    draw = np.random.default_rng([s.seed, 5])
    times = _stamps()
    local = times.dt.replace_time_zone("UTC").dt.convert_time_zone(BERLIN)
    clock = local.dt.replace_time_zone(None)
    hour = (clock.dt.hour() + clock.dt.minute() / 60).to_numpy().astype(float)
    day = (clock.dt.date() - FIRST).dt.total_days().to_numpy()
    days = calendar(FIRST, LAST, s.calendar)
    year_day = clock.dt.ordinal_day().to_numpy()
    temperature = _temperature(draw, day, hour, year_day)
    sky = _clouds(draw, len(times))
    sun = _sun(times, year_day)
    load = _load(draw, hour, day, clock.dt.weekday().to_numpy(), days["public_holiday"].to_numpy(), temperature)
    pv = PV_KWP * 0.85 * sun * sky
    written = clock  # files are written in legal time, the doubled hour twice
    price = _price(draw, hour, day, sun * sky, year_day)
    whole = times.dt.minute() == 0
    weather = temperature + np.repeat(draw.normal(0, 1.2, len(times) // 96 + 1), 96)[: len(times)]
    co2 = 250 + 2.2 * np.clip(price, 0, 150) - 90 * sun * sky
    return {
        "load": pl.DataFrame({"time": written, "site": SITE, "load": load.round(2)}),
        "pv": pl.DataFrame({"time": written, "site": SITE, "pv_kw": pv.round(2)}),
        "prices": pl.DataFrame({"time": written, "price": price.round(2)}).filter(whole),
        "co2": pl.DataFrame({"time": written, "co2_g_per_kwh": co2.round(0)}).filter(whole),
        "weather": pl.DataFrame({"time": written, "temperature_c": weather.round(1)}).filter(whole),
        "waiting": _vans(draw, days),
    }


def _stamps() -> pl.Series:
    """Return the quarter hours from midnight to midnight, legal time, as UTC."""
    begin, end = (
        pl.Series([datetime.combine(day, datetime.min.time())])
        .dt.replace_time_zone(BERLIN)
        .dt.convert_time_zone("UTC")
        .dt.replace_time_zone(None)[0]
        for day in (FIRST, LAST + timedelta(days=1))
    )
    return pl.datetime_range(begin, end, "15m", closed="left", eager=True, time_unit="us")


def _temperature(draw: np.random.Generator, day: NDArray[np.int64], hour: Floats, year_day: NDArray[np.int16]) -> Floats:
    spells = np.zeros(int(day.max()) + 1)
    for number in range(1, len(spells)):
        spells[number] = 0.8 * spells[number - 1] + draw.normal(0, 2)
    return np.asarray(10 - 9 * np.cos(2 * np.pi * (year_day - 20) / 365) + 4 * np.cos(2 * np.pi * (hour - 15) / 24) + spells[day])


def _clouds(draw: np.random.Generator, steps: int) -> Floats:
    """Return the share of clear-sky power (steps,): slow fronts and quick clouds."""
    slow, quick = np.zeros(steps), np.zeros(steps)
    for step in range(1, steps):
        slow[step] = 0.995 * slow[step - 1] + draw.normal(0, 0.1)
        quick[step] = 0.7 * quick[step - 1] + draw.normal(0, 0.3)
    return np.asarray(0.15 + 0.85 / (1 + np.exp(-(1.4 * slow + 0.4 * quick))))


def _sun(times: pl.Series, year_day: NDArray[np.int16]) -> Floats:
    """Return clear-sky horizontal irradiance (T,) in kW/m²: Haurwitz (1945), from the sun's height at 51.5° N, 10° E."""
    solar = (times.dt.hour() + times.dt.minute() / 60).to_numpy() + 0.125 + 10 / 15
    tilt = np.radians(23.45) * np.sin(2 * np.pi * (284 + year_day) / 365)
    latitude = np.radians(LATITUDE)
    height = np.sin(latitude) * np.sin(tilt) + np.cos(latitude) * np.cos(tilt) * np.cos(np.radians(15 * (solar - 12)))
    up = np.maximum(height, 1e-3)
    return np.where(height > 0, 1.098 * up * np.exp(-0.057 / up), 0.0)


def _load(
    draw: np.random.Generator,
    hour: Floats,
    day: NDArray[np.int64],
    weekday: NDArray[np.int8],
    holiday: NDArray[np.bool_],
    temperature: Floats,
) -> Floats:
    """Return the load (T,) in kW: base, cooling, ovens and mixers of the night, machines of the workshop."""
    steps, count = len(hour), int(day.max()) + 1
    closed = (weekday == SUNDAY) | holiday[day]
    busy = draw.normal(1, 0.08, count)[day] * np.where(weekday == SATURDAY, 1.15, 1.0) * np.where(closed, 0.0, 1.0)
    first = draw.normal(2.4, 0.25, count)[day]  # hour at which the ovens are lit
    length = draw.normal(4.5, 0.4, count)[day]
    ovens = 46 * np.clip((hour - first) / 0.4, 0, 1) * np.clip((first + length - hour) / 0.8, 0, 1)
    surge = 14 * np.exp(-(((hour - first - 0.5) / 0.35) ** 2))
    workshop = np.where((weekday <= 5) & ~closed, 17.0, 0.0) * ((hour >= 7) & (hour < 16) & ~((hour >= 12) & (hour < 12.75)))  # noqa: PLR2004 - opening hours
    machine = workshop * (0.5 + _bursts(draw, steps, 0.12, 0.35)) + np.where(closed, 0, 22) * _bursts(draw, steps, 0.015, 0.5) * (
        workshop > 0
    )
    cooling = (5 + 0.45 * np.maximum(temperature - 8, 0)) * (0.8 + 0.4 * _bursts(draw, steps, 0.4, 0.5))
    return np.asarray(np.maximum(3 + cooling + busy * (ovens + surge) * (1 + draw.normal(0, 0.05, steps)) + machine, 0.5))


def _bursts(draw: np.random.Generator, steps: int, begins: float, ends: float) -> Floats:
    """Return a course of on and off (steps,): chances per quarter hour to begin and to end."""
    chance, on, course = draw.random(steps), False, np.zeros(steps)
    for step in range(steps):
        on = chance[step] < begins if not on else chance[step] >= ends
        course[step] = on
    return course


def _price(draw: np.random.Generator, hour: Floats, day: NDArray[np.int64], sun: Floats, year_day: NDArray[np.int16]) -> Floats:
    """Return the day-ahead price (T,) in EUR/MWh: two humps, a valley of sun, windy days; some hours below zero."""
    wind = np.zeros(int(day.max()) + 1)
    for number in range(1, len(wind)):
        wind[number] = 0.6 * wind[number - 1] + draw.normal(0, 0.8)
    humps = 22 * np.exp(-(((hour - 8) / 2) ** 2)) + 34 * np.exp(-(((hour - 19) / 2.2) ** 2))
    return np.asarray(72 + humps - 85 * sun - 24 * wind[day] + 8 * np.cos(2 * np.pi * year_day / 365) - 12 * (hour < 5))  # noqa: PLR2004 - night


def _vans(draw: np.random.Generator, days: pl.DataFrame) -> pl.DataFrame:
    """Return the charging of two vans: back at noon or in the afternoon, gone before five the next morning."""
    rows = []
    for number, (day, holiday) in enumerate(days.select("day", "public_holiday").iter_rows()):
        if day.isoweekday() == SUNDAY or holiday or number == days.height - 1:
            continue
        for back in (12.5, 15.0):
            begin = datetime.combine(day, datetime.min.time()) + timedelta(hours=back + float(draw.uniform(-0.5, 1.0)))
            end = datetime.combine(day + timedelta(days=1), datetime.min.time()) + timedelta(hours=5)
            rows.append((begin.replace(second=0, microsecond=0), SITE, end, round(float(draw.uniform(12, 34)), 1), 11.0))
    return pl.DataFrame(rows, ["time", "site", "deadline", "energy_kwh", "most_kw"], orient="row")
