"""What people ask for in a simulated bakery chain: true demand per branch, product and day, with its true distribution.

Demand = pre-orders + walk-in customers. Given everything a planner may know the evening before (calendar, weather forecast,
promotions, pre-orders), walk-in demand of a row is negative binomial with a known mean and size, so that true quantiles are exact.
The rows of a branch share a day's luck: a gamma rate is the sum of independent gamma parts (common to the branch, common to fair or
foul weather, the row's own), and such a sum is gamma again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Literal, TypeVar
from zlib import crc32

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipelines.calendar import calendar
from pipelines.settings import CalendarSettings

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
Thing = TypeVar("Thing")
Planner = Literal["noisy", "last_week", "optimal"]


@dataclass(frozen=True)
class Article:
    """One product: its usual pieces per branch and day, its money in EUR per piece, and what moves its demand.

    `weekend`: factor on Saturday and Sunday. `summer`: amplitude of the year (negative: a winter product). `warmth`: effect of ten degrees
    above the season. `preorder`: share of the mean ordered by customers beforehand. `from_`, `until`: life as shares of the world's days.
    """

    name: str
    group: str
    pieces: float
    price_eur: float
    unit_cost_eur: float
    salvage_eur: float
    weight_kg: float
    tray: int = 1
    weekend: float = 1.0
    summer: float = 0.0
    warmth: float = 0.0
    preorder: float = 0.0
    from_: float = 0.0
    until: float = 1.0


ARTICLES = (
    Article("Brötchen", "Brötchen", 240, 0.45, 0.14, 0.0, 0.058, tray=10, weekend=1.25, preorder=0.03),
    Article("Mischbrot", "Brot", 14, 4.20, 1.35, 0.40, 1.0, weekend=1.10, preorder=0.06),
    Article("Laugenbrezel", "Snack", 65, 0.95, 0.28, 0.05, 0.085, tray=6, weekend=0.85, summer=0.10),
    Article("Dinkelbrot", "Brot", 2.6, 4.90, 1.80, 0.50, 0.75, weekend=1.15, summer=-0.10),
    Article("Croissant", "Feingebäck", 42, 1.60, 0.55, 0.10, 0.07, tray=6, weekend=1.45),
    Article("Erdbeerschnitte", "Kuchen", 11, 3.20, 1.25, 0.0, 0.14, weekend=1.50, summer=0.55, warmth=0.15, preorder=0.10),
    Article("Kürbiskernbrötchen", "Brötchen", 36, 0.95, 0.30, 0.0, 0.075, weekend=1.15, from_=0.70),
    Article("Nusszopf", "Feingebäck", 1.6, 5.50, 1.90, 0.50, 0.45, weekend=1.60, summer=-0.20, preorder=0.08),
    Article("Apfeltasche", "Feingebäck", 13, 2.10, 0.70, 0.15, 0.11, summer=-0.15, warmth=-0.12),
    Article("Rosinenschnecke", "Feingebäck", 8, 2.20, 0.75, 0.15, 0.12, warmth=-0.08, until=0.75),
)
BRANCHES = (("Bahnhof", "station"), ("Lindenweg", "residential"), ("Gewerbepark", "office"), ("Marktplatz", "residential"),
            ("Rathaus", "office"), ("Südbahnhof", "station"))  # fmt: skip
# Monday to Sunday; 0 = closed
WEEKDAYS = {
    "station": (1.08, 1.00, 1.00, 1.03, 1.14, 0.88, 0.76),
    "residential": (0.88, 0.84, 0.86, 0.94, 1.10, 1.42, 1.05),
    "office": (1.06, 1.10, 1.10, 1.08, 0.96, 0.52, 0.0),
}
SCHOOL_HOLIDAY = {"station": 0.93, "residential": 0.90, "office": 0.82}
BRIDGE_DAY = {"station": 0.92, "residential": 1.06, "office": 0.55}
DAY_BEFORE, CHRISTMAS_EVE, OPEN_ON_HOLIDAY, SMALL_CHAIN = 1.28, 1.65, 0.85, 2
PROMOTED_WEEKS, PROMOTION_EFFECT, RAIN_EFFECT, HEAVY_RAIN_MM = 0.07, 1.40, -0.10, 10.0
OPENING, RENOVATION, RENOVATION_DAYS, BREAK, BREAK_EFFECT, RAMP_DAYS = 0.45, 0.40, 21, 0.62, 0.75, 42
COMMON_PART, WEATHER_PART = 0.35, 0.15  # parts of the size shared by a branch's day and by the weather
FORECAST_ERROR_C, TRUE_RAIN, WET_DAYS, MIDSUMMER, YEAR, SUNDAY = 1.5, -0.5, 0.38, 196, 365.25, 6


@dataclass(frozen=True)
class WorldSettings:
    """What kind of world.

    Parameters
    ----------
    noise
        Coefficient of variation of a row's customer rate: size of the negative binomial = 1 / noise².
    planner, planner_noise
        Who wrote the column `ordered`: `noisy` (mean of four same weekdays with a habit and this noise), `last_week` (what was sold on the
        last open same weekday, more when it sold out) or `optimal` (the best order under the true distribution of each row).
    independent
        Demand depends on branch × product level and weekday only; no two rows share anything else.
    holidays, weather, promotions, preorders, changes
        Parts of the world; changes are trends, a level break, an opening, a renovation, a new and a discontinued product.
    trays
        Orders come in whole trays; without, any number of pieces.
    censoring
        Sales stop when the shelf is empty. Without, the branch bakes on and everybody is served: sold is demand.
    critical_ratio
        Replaces the articles' costs by ones whose best service level is this one.
    goodwill_share, disposal_eur
        Cost of a customer sent away as a share of the price, and of throwing a piece away.
    """

    seed: int = 1
    branches: int = 6
    products: int = 10
    first: date = date(2022, 1, 3)
    days: int = 910
    state: str = "NW"
    noise: float = 0.12
    planner: Planner = "noisy"
    planner_noise: float = 0.05
    independent: bool = False
    holidays: bool = True
    weather: bool = True
    promotions: bool = True
    preorders: bool = True
    changes: bool = True
    trays: bool = True
    censoring: bool = True
    critical_ratio: float | None = None
    goodwill_share: float = 0.05
    disposal_eur: float = 0.01

    def __post_init__(self) -> None:
        if min(self.branches, self.products, self.days) < 1 or self.noise <= 0 or self.planner_noise < 0:
            raise ValueError("branches, products and days must be at least 1, noise above 0 and planner_noise not below 0")
        if self.critical_ratio is not None and not 0 < self.critical_ratio < 1:
            raise ValueError("critical_ratio must lie between 0 and 1, both excluded")

    @property
    def size(self) -> float:
        """Size (shape) of the negative binomial."""
        return 1 / self.noise**2

    def has(self, part: Literal["holidays", "weather", "promotions", "preorders", "changes"]) -> bool:
        """Whether this part of the world is on."""
        return bool(getattr(self, part)) and not self.independent


def rng(settings: WorldSettings, name: str) -> np.random.Generator:
    """Return a generator of its own for each purpose, so that switching one part off leaves the others as they are."""
    return np.random.default_rng([settings.seed, crc32(name.encode())])


@dataclass(frozen=True)
class Demand:
    """The world before anybody bakes; arrays are days × branches × products."""

    days: list[date]
    branches: list[str]
    articles: list[Article]
    listed: Flags  # the branch is open and the product is sold
    open: Flags  # days × branches
    preordered: Ints
    mean: Floats  # of walk-in demand, given what is known the evening before
    latent: Ints  # pieces asked for, pre-orders included
    promotion: Flags  # days × products
    special: Flags  # public holidays: a planner does not take them as a habit
    eve: Flags  # the day before one
    weather: pl.DataFrame  # forecast and truth


def demand(settings: WorldSettings) -> Demand:
    """Draw demand and its distribution for every branch, product and day."""
    days = [settings.first + timedelta(days=day) for day in range(settings.days)]
    articles = [replace(article, name=name) for article, name in _cycled(ARTICLES, [a.name for a in ARTICLES], settings.products)]
    branches = _cycled([kind for _, kind in BRANCHES], [name for name, _ in BRANCHES], settings.branches)
    kinds, names = [kind for kind, _ in branches], [name for _, name in branches]
    dates = calendar(days[0], days[-1], CalendarSettings(state=settings.state)).sort("day")
    fair, foul = rng(settings, "sky").gamma(WEATHER_PART * settings.size, size=(2, settings.days))
    weather = _weather(settings, days, (fair - foul) / np.sqrt(2 * WEATHER_PART * settings.size))
    promotion = _promotions(settings, days)
    is_open = _open(settings, days, kinds, dates)
    mean = _levels(settings, articles) * _weekdays(days, kinds, articles) * _seasons(settings, days, articles, weather)
    mean *= (_special_days(settings, days, kinds, dates) * _changes(settings))[:, :, None]
    mean *= np.where(promotion, PROMOTION_EFFECT, 1.0)[:, None, :]
    early = np.array([article.preorder if settings.has("preorders") else 0.0 for article in articles])
    preordered = rng(settings, "preorders").poisson(mean * early)
    luck = _luck(settings, [article.warmth >= 0 for article in articles], fair, foul)
    walk_in = rng(settings, "walk-in").poisson(mean * (1 - early) * luck)
    special, eve = (flags & settings.has("holidays") for flags in (dates["public_holiday"].to_numpy(), _eve(dates)))
    listed = is_open[:, :, None] & _on_the_list(settings, articles)[:, None, :]
    mean, latent = mean * (1 - early), preordered + walk_in
    return Demand(days, names, articles, listed, is_open, preordered, mean, latent, promotion, special, eve, weather)


def _cycled(things: Sequence[Thing], names: Sequence[str], count: int) -> list[tuple[Thing, str]]:
    """Return `count` of the things with a name each, starting over with numbered names when there are fewer."""
    rounds = [divmod(number, len(things)) for number in range(count)]
    return [(things[index], f"{names[index]} {turn + 1}" if turn else names[index]) for turn, index in rounds]


def _levels(settings: WorldSettings, articles: list[Article]) -> Floats:
    draw = rng(settings, "levels")
    branch = draw.uniform(0.7, 1.35, settings.branches)
    taste = np.exp(draw.normal(0, 0.15, (settings.branches, settings.products)))
    return np.array([article.pieces for article in articles]) * branch[:, None] * taste


def _weekdays(days: list[date], kinds: list[str], articles: list[Article]) -> Floats:
    pattern = np.array([WEEKDAYS[kind] for kind in kinds]).T[:, :, None]
    weekend = np.ones((7, 1, len(articles)))
    weekend[SUNDAY - 1 :, 0] = [article.weekend for article in articles]
    return np.asarray((pattern * weekend)[[day.weekday() for day in days]])


def _weather(settings: WorldSettings, days: list[date], surprise: Floats) -> pl.DataFrame:
    draw = rng(settings, "weather")
    normal = 10 + 8.5 * _year(days)
    steps, anomaly = draw.normal(0, 1.8, len(days)), np.zeros(len(days))
    for day in range(1, len(days)):
        anomaly[day] = 0.8 * anomaly[day - 1] + steps[day]
    rain = draw.gamma(0.9, 4.5, len(days)) * (draw.random(len(days)) < WET_DAYS)
    return pl.DataFrame(
        {"day": days, "temperature_c": np.round(normal + anomaly, 1), "rain_mm": np.round(rain, 1), "above_normal": anomaly,
         "true_temperature_c": np.round(normal + anomaly + FORECAST_ERROR_C * surprise, 1),
         "true_rain_mm": np.round(rain * np.exp(TRUE_RAIN * surprise), 1)}
    )  # fmt: skip


def _year(days: list[date]) -> Floats:
    return np.asarray(np.cos(2 * np.pi * (np.array([day.timetuple().tm_yday for day in days]) - MIDSUMMER) / YEAR))


def _seasons(settings: WorldSettings, days: list[date], articles: list[Article], weather: pl.DataFrame) -> Floats:
    if settings.independent:
        return np.ones((len(days), 1, len(articles)))
    factor = 1 + _year(days)[:, None] * np.array([article.summer for article in articles])
    if settings.has("weather"):
        warm = weather["above_normal"].to_numpy()[:, None] / 10 * np.array([article.warmth for article in articles])
        rain = np.minimum(weather["rain_mm"].to_numpy() / HEAVY_RAIN_MM, 1.0)[:, None] * RAIN_EFFECT
        factor = factor * np.exp(warm + rain)
    return np.asarray(factor[:, None, :])


def _promotions(settings: WorldSettings, days: list[date]) -> Flags:
    week = np.array([(day - settings.first).days + settings.first.weekday() for day in days]) // 7
    drawn = rng(settings, "promotions").random((int(week[-1]) + 1, settings.products)) < PROMOTED_WEEKS
    workday = np.array([day.weekday() < SUNDAY for day in days])
    return np.asarray(drawn[week] & workday[:, None] & settings.has("promotions"))


def _open(settings: WorldSettings, days: list[date], kinds: list[str], dates: pl.DataFrame) -> Flags:
    is_open = np.array([[WEEKDAYS[kind][day.weekday()] > 0 for kind in kinds] for day in days])
    if settings.has("holidays"):
        nobody = np.array([(day.month, day.day) in {(1, 1), (12, 25)} for day in days])
        station = np.array([kind == "station" for kind in kinds])
        is_open &= ~dates["public_holiday"].to_numpy()[:, None] | (station & ~nobody[:, None])
    if settings.has("changes") and settings.branches > SMALL_CHAIN:
        is_open[: int(OPENING * settings.days), -1] = False
        start = int(RENOVATION * settings.days)
        is_open[start : start + RENOVATION_DAYS, 0] = False
    return is_open


def _on_the_list(settings: WorldSettings, articles: list[Article]) -> Flags:
    share = np.arange(settings.days)[:, None] / settings.days
    life = np.array([(article.from_, article.until) for article in articles])
    return np.asarray((life[:, 0] <= share) & (share < life[:, 1]) | (not settings.has("changes")))


def _special_days(settings: WorldSettings, days: list[date], kinds: list[str], dates: pl.DataFrame) -> Floats:
    factor = np.ones((len(days), len(kinds)))
    if not settings.has("holidays"):
        return factor
    holiday, bridge, school = (dates[name].to_numpy()[:, None] for name in ("public_holiday", "bridge_day", "school_holiday"))
    before, christmas_eve = _eve(dates)[:, None], np.array([(day.month, day.day) == (12, 24) for day in days])[:, None]
    factor *= np.where(school, np.array([SCHOOL_HOLIDAY[kind] for kind in kinds]), 1.0)
    factor *= np.where(bridge & ~christmas_eve, np.array([BRIDGE_DAY[kind] for kind in kinds]), 1.0)
    return np.asarray(factor * np.select([christmas_eve, before, holiday], [CHRISTMAS_EVE, DAY_BEFORE, OPEN_ON_HOLIDAY], 1.0))


def _eve(dates: pl.DataFrame) -> Flags:
    eve = (dates["days_to_holiday"] == 1) | (dates["easter_distance"] == -1)
    return (eve & ~dates["public_holiday"]).to_numpy()


def _changes(settings: WorldSettings) -> Floats:
    day = np.arange(settings.days)[:, None]
    if not settings.has("changes"):
        return np.ones((settings.days, settings.branches))
    factor = np.asarray((1 + rng(settings, "trends").uniform(-0.06, 0.06, settings.branches)) ** (day / YEAR))
    if settings.branches > 1:
        factor[int(BREAK * settings.days) :, 1] *= BREAK_EFFECT
    if settings.branches > SMALL_CHAIN:
        factor[:, -1] *= np.clip(0.6 + 0.4 * (day[:, 0] - int(OPENING * settings.days)) / RAMP_DAYS, 0.6, 1.0)
    return factor


def _luck(settings: WorldSettings, likes_warmth: list[bool], fair: Floats, foul: Floats) -> Floats:
    draw, size, shape = rng(settings, "luck"), settings.size, (settings.days, settings.branches, settings.products)
    if settings.independent:
        return draw.gamma(size, size=shape) / size
    sky = np.where(likes_warmth, fair[:, None], foul[:, None])[:, None, :]
    common = draw.gamma(COMMON_PART * size, size=shape[:2])[:, :, None]
    return np.asarray((draw.gamma((1 - COMMON_PART - WEATHER_PART) * size, size=shape) + common + sky) / size)
