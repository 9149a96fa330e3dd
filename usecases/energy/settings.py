"""What a site sets: its battery, its tariff, how its meter writes time and amounts, and how caution is weighed."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from pipelines.decide.battery import Battery
from pipelines.decide.peak_cap import CapRule
from pipelines.errors import UnfitError
from pipelines.settings import CaseSettings, Frozen

PER_YEAR = 12


class BatterySettings(Frozen):
    """The battery of each site; `sites` states other sizes by site name."""

    capacity_kwh: float = Field(description="energy content, kWh; 0 = no battery", ge=0)
    power_kw: float = Field(description="largest charging and discharging power, kW", ge=0)
    charge_efficiency: float = Field(0.95, description="stored per taken energy", gt=0, le=1)
    discharge_efficiency: float = Field(0.95, description="delivered per drawn energy", gt=0, le=1)
    lowest: float = Field(0.05, description="lowest state of charge as a share of the capacity", ge=0, lt=1)
    highest: float = Field(0.95, description="highest state of charge as a share of the capacity", gt=0, le=1)
    start: float = Field(0.5, description="state of charge at the start, share of the capacity", ge=0, le=1)
    wear_eur_per_kwh: float = Field(0.04, description="cyclic ageing, EUR per discharged kWh", ge=0)
    sites: dict[str, tuple[float, float]] = Field({}, description="site = [capacity_kwh, power_kw] where sites differ")

    @model_validator(mode="after")
    def _bounds_are_in_order(self) -> Self:
        if self.lowest >= self.highest:
            raise UnfitError("energy.unfit_charge")
        return self

    def of(self, site: str) -> Battery:
        """Return the battery of a site."""
        capacity, power = self.sites.get(site, (self.capacity_kwh, self.power_kw))
        return Battery(capacity, power, self.charge_efficiency, self.discharge_efficiency, self.lowest, self.highest, self.wear_eur_per_kwh)


class Tariff(Frozen):
    """What a kWh and a kW cost, net of VAT. Defaults: low voltage, Stadtwerke Malchow, price sheet 2025."""

    spot: bool = Field(
        True, description="true: the day-ahead price of the data plus components; false: `energy_eur_per_kwh` for every hour"
    )
    energy_eur_per_kwh: float = Field(0.18, description="energy price without grid and levies where there is no spot price, EUR per kWh")
    grid_eur_per_kwh: float = Field(0.0222, description="grid energy price, EUR per kWh", ge=0)
    levies_eur_per_kwh: float = Field(0.0481, description="levies and electricity tax, EUR per kWh: an assumption, see the bill", ge=0)
    feed_in_eur_per_kwh: float = Field(0.06, description="paid for exported energy, EUR per kWh")
    peak: Literal["month", "year"] = Field("month", description="billing period of the peak charge: calendar month or calendar year")
    line: Literal["below", "above"] = Field(
        "below", description='line of `two_lines` whose prices hold with peak = "year", unless `peak_eur_per_kw` and `grid_eur_per_kwh` do'
    )
    peak_eur_per_kw: float = Field(24.80, description="peak charge per kW of the highest quarter-hour import, EUR per billing period", ge=0)
    limit_kw: float | None = Field(None, description="connection limit, kW of import; none where left out", gt=0)


class Line(Frozen):
    """One line of a two-line annual grid tariff."""

    peak_eur_per_kw: float = Field(description="EUR per kW and year", ge=0)
    grid_eur_per_kwh: float = Field(description="EUR per kWh", ge=0)


class TwoLines(Frozen):
    """The annual grid tariff with two lines that part at 2,500 hours of use (annual kWh / annual peak kW)."""

    hours: float = Field(2500, description="hours of use at which the lines part, h per year", gt=0)
    below: Line = Line(peak_eur_per_kw=34.29, grid_eur_per_kwh=0.0680)
    above: Line = Line(peak_eur_per_kw=148.82, grid_eur_per_kwh=0.0222)


class AtypicalUse(Frozen):
    """Atypical grid use (§ 19 (2) sentence 1 StromNEV): the peak inside published windows of high load must stay well below the year's."""

    windows: dict[str, tuple[str, ...]] = Field(
        {"winter": ("10:45-13:30", "16:30-18:45")},
        description="season = windows of high load on working days, local time: ask the grid operator",
    )
    least_share: float = Field(
        0.30, description="the peak inside must lie below the annual peak by this share (low voltage 0.30)", gt=0, lt=1
    )
    least_eur: float = Field(500.0, description="least saving for which it is granted, EUR per year", ge=0)


class Meter(Frozen):
    """How the files write time and amounts; nothing is guessed silently."""

    stamps: Literal["start", "end"] = Field("start", description="a time stamp names the start or the end of its interval")
    zone: Literal["local", "utc", "grid"] = Field(
        "local",
        description="local: German legal time, 92 and 100 quarter hours on the days of the clock change; utc; "
        "grid: 96 quarter hours every day, the clock change already smoothed away",
    )
    load: Literal["kw", "kwh", "w", "counter_kwh"] = Field(
        "kw", description="kw: mean power per interval; kwh: energy per interval; w: watts; counter_kwh: a meter reading that only rises"
    )
    price: Literal["eur_per_kwh", "eur_per_mwh", "ct_per_kwh"] = Field("eur_per_mwh", description="unit of the price column")
    longest_gap_hours: float = Field(2.0, description="shorter gaps are interpolated and named; longer ones are refused", ge=0)
    longest_zero_days: float = Field(3.0, description="a longer run of zero load is refused as a probable outage", gt=0)
    zeros_are_real: bool = Field(False, description="true: long runs of zero load are real, keep them")
    hours_of_use: tuple[float, float] = Field((500, 8760), description="plausible annual kWh / peak kW, h; outside it the unit is doubted")


class Forecast(Frozen):
    """How the load of the next day is forecast, at noon."""

    levels: tuple[float, ...] = Field((0.1, 0.25, 0.5, 0.75, 0.9), description="quantile levels, ascending, each between 0 and 1")
    scenarios: int = Field(30, description="joint courses of the day", ge=5, le=200)
    effort: Literal["quick", "thorough"] = Field(
        "quick", description="quick: one small ensemble; thorough: two larger ones, four times slower"
    )
    weather: Literal["none", "forecast"] = Field("none", description="forecast: temperature_c holds the forecast known at noon")
    level_days: int = Field(28, description="days whose mean load is the level that loads are given as shares of", ge=7, le=365)


class Trees(Frozen):
    """Size and pace of the boosted trees, as shares of what comes with `forecast.effort`."""

    rounds_share: float = Field(1.0, description="boosting rounds", gt=0, le=10)
    rate_share: float = Field(1.0, description="learning rate", gt=0, le=10)
    leaves_share: float = Field(1.0, description="leaves per tree", gt=0, le=10)
    rows_share: float = Field(1.0, description="rows per leaf at least", gt=0, le=50)


class Decision(Frozen):
    """How the month's cap is set; the defaults were chosen on two companies' months before any reported one."""

    learn: bool = Field(
        True, description="true: `cap_share` and `slide` of each site are learnt by replaying its closed months, once there are five"
    )
    cap_share: float = Field(0.9, description="cap = share × the smallest cap that the last closed months would have allowed", gt=0, le=2)
    slide: float = Field(0.65, description="the cap slides up by this share of the battery's power until it is empty", ge=0, le=3)
    refill: float = Field(0.97, description="charging may lift the import to this share of the cap", gt=0, le=1)
    day_quantile: float = Field(0.15, description="a day's cap is raised to what this share of scenarios needs; 0 = never", ge=0, lt=1)
    day_slide: float = Field(0.4, description="slide on a day with a raised cap", ge=0, le=3)
    closed_months: int = Field(3, description="closed months the cap is learnt from", ge=1, le=24)
    reserve_eur_per_kwh: float = Field(0.001, description="worth of a kWh kept in store through a quarter hour, EUR", ge=0)
    fallback: bool = Field(True, description="true: follow the cap rule where the plan did not beat it on the select period")

    def rule(self) -> CapRule:
        """Return the parameters of the cap."""
        return CapRule(self.cap_share, self.slide, self.refill, self.day_quantile, self.day_slide)


class Sizing(Frozen):
    """Which batteries are compared, and what they cost to buy.

    Default price: an example published in February 2026, 38,000 EUR for a commercial battery of 50 kWh (mieterstromjetzt.de). It is one
    seller's figure, not a market study: put in your own offer.
    """

    capacities_kwh: tuple[float, ...] = Field((), description="energy contents to compare, kWh; empty: half, once and twice the battery's")
    powers_kw: tuple[float, ...] = Field((), description="powers to compare, kW; empty: as the battery's, in proportion to the content")
    eur_per_kwh: float = Field(760.0, description="investment per kWh of content, EUR net", ge=0)
    eur_per_kw: float = Field(0.0, description="further investment per kW of power, EUR net", ge=0)
    fixed_eur: float = Field(0.0, description="further investment whatever the size, EUR net", ge=0)


class Energy(CaseSettings):
    """All settings of the energy use case."""

    renamed: ClassVar[Mapping[str, str]] = {"battery.price_eur_per_kwh": "sizing.eur_per_kwh"}

    battery: BatterySettings
    tariff: Tariff = Tariff()
    two_lines: TwoLines = TwoLines()
    atypical: AtypicalUse = AtypicalUse()
    meter: Meter = Meter()
    forecast: Forecast = Forecast()
    trees: Trees = Trees()
    decision: Decision = Decision()
    sizing: Sizing = Sizing()
    cap_rule_refill: float = Field(0.9, description="the cap rule recharges up to this share of its cap", gt=0, le=1)
    usual: Literal["no_battery", "self_consumption", "cap_rule"] = Field("no_battery", description="what the site does today")
    grid_g_per_kwh: float = Field(374.0, description="CO2 of grid power where the data have no column, g per kWh: German mix 2020", ge=0)

    @model_validator(mode="before")
    @classmethod
    def _annual_prices_follow_the_line(cls, values: Any) -> Any:
        """Fill in the prices of the annual line where the peak is billed by the year: a month's price would be twelve times too little."""
        tariff = values.get("tariff") if isinstance(values, Mapping) else None
        if not isinstance(tariff, Mapping) or tariff.get("peak") != "year":
            return values
        stated = values.get("two_lines", {})
        lines = stated if isinstance(stated, TwoLines) else TwoLines.model_validate(stated)
        return {**values, "tariff": {**getattr(lines, str(tariff.get("line", "below")), lines.below).model_dump(), **tariff}}
