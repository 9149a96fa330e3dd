"""What a bakery sets: its costs, its limits, when it orders, and how its sell-outs can be recognised."""

from typing import Literal, Self

from pydantic import Field, model_validator

from pipelines.errors import UnfitError
from pipelines.settings import CaseSettings, Frozen


class Costs(Frozen):
    """Euros per piece; a column of the same name in the data wins, then `products`, then these."""

    price_eur: float = Field(description="selling price, EUR per piece", gt=0)
    unit_cost_eur: float = Field(description="cost of making one more piece, EUR", ge=0)
    unit_cost_share: float = Field(
        0.0, description="instead of unit_cost_eur: cost of one more piece as a share of its price; 0 = off", ge=0, lt=1
    )
    salvage_eur: float = Field(0.0, description="what a left-over piece still brings (feed, bread crumbs), EUR", ge=0)
    disposal_eur: float = Field(0.0, description="cost of getting rid of a left-over piece, EUR", ge=0)
    goodwill_eur: float = Field(0.0, description="cost of a disappointed customer beyond the lost margin, EUR", ge=0)
    weight_kg: float = Field(0.1, description="weight of a piece, kg", ge=0)
    co2e_kg_per_kg: float = Field(0.8, description="greenhouse gases of making bread, kg CO2e per kg", ge=0)

    @model_validator(mode="after")
    def _margins_are_positive(self) -> Self:
        if self.price_eur + self.goodwill_eur <= self.unit_cost_eur:
            raise UnfitError("food_waste.unfit_missing")
        if self.unit_cost_eur + self.disposal_eur <= self.salvage_eur:
            raise UnfitError("food_waste.unfit_left")
        return self


class Product(Frozen):
    """What one product has of its own; anything left out follows `costs` and `limits`."""

    price_eur: float | None = Field(None, gt=0)
    unit_cost_eur: float | None = Field(None, ge=0)
    salvage_eur: float | None = Field(None, ge=0)
    disposal_eur: float | None = Field(None, ge=0)
    goodwill_eur: float | None = Field(None, ge=0)
    weight_kg: float | None = Field(None, ge=0)
    tray: float | None = Field(None, ge=0)
    display: float | None = Field(None, ge=0)


class Limits(Frozen):
    """What the bakehouse can do."""

    tray: float = Field(1, description="pieces per tray: orders are whole trays; 0 = any quantity", ge=0)
    display: float = Field(0, description="minimum display per branch and product, pieces", ge=0)
    oven_trays: float = Field(0, description="trays all products of a branch may take together per day; 0 = no limit", ge=0)


class DayOld(Frozen):
    """Yesterday's left-over pieces sold cheaper today; `demand_share = 0`: there is no such sale."""

    products: tuple[str, ...] = Field((), description="products that are sold on the second day; empty = all")
    demand_share: float = Field(0.0, description="share of a day's demand that would take a day-old piece", ge=0, lt=1)
    price_share: float = Field(0.5, description="price of a day-old piece as a share of price_eur", ge=0, le=1)
    replaces: float = Field(0.5, description="share of day-old sales that replace a fresh one", ge=0, le=1)


class Demand(Frozen):
    """How sell-outs are recognised, and when the order is placed."""

    deadline: Literal["evening before", "noon before"] = Field(
        "evening before", description="evening before: all sales up to the day before are known; noon before: up to two days before"
    )
    sold_out: Literal["auto", "never"] = Field(
        "auto",
        description="auto: from the columns sold_out, returned, ordered or last_sale, the first the data have; never: sales are demand",
    )
    opening_hour: float = Field(7.0, description="usual opening, hours of local time", ge=0, lt=24)


class Changes(Frozen):
    """Changes of all costs at once, for questions of the kind "and if flour were 20 % dearer?"; the report's sliders are these."""

    price_percent: float = Field(0.0, description="all prices by so many per cent", gt=-100, le=1000)
    unit_cost_percent: float = Field(0.0, description="all unit costs by so many per cent", gt=-100, le=1000)
    disposal_add_eur: float = Field(0.0, description="EUR per piece added to the cost of disposal", ge=-100, le=100)
    salvage_add_eur: float = Field(0.0, description="EUR per piece added to what a left-over piece brings", ge=-100, le=100)
    goodwill_add_eur: float = Field(0.0, description="EUR per piece added to the cost of a disappointed customer", ge=-100, le=100)


class Forecast(Frozen):
    """The forecast's quantile levels and what it may use."""

    levels: tuple[float, ...] = Field((0.1, 0.3, 0.5, 0.7, 0.9), description="quantile levels, ascending, each between 0 and 1")
    effort: Literal["quick", "thorough"] = Field(
        "thorough",
        description="quick: one small ensemble, learnt from at most the latest 120,000 rows, seconds per fit; "
        "thorough: several ensembles, all rows, about ten times slower and a little better",
    )
    weather: Literal["none", "forecast", "observed"] = Field(
        "none",
        description="none: weather columns are not used; forecast: they hold the forecast known at the deadline; "
        "observed: they hold measured weather, and the result is marked optimistic",
    )

    @model_validator(mode="after")
    def _levels_ascend(self) -> Self:
        if not self.levels or list(self.levels) != sorted(set(self.levels)) or not 0 < self.levels[0] <= self.levels[-1] < 1:
            raise UnfitError("food_waste.unfit_levels")
        return self


class Trees(Frozen):
    """Size and pace of the boosted trees; what is stated here holds for every ensemble of the forecast."""

    rounds_share: float = Field(1.0, description="boosting rounds as a share of those that come with the effort", gt=0, le=10)
    rate_share: float = Field(1.0, description="learning rate as a share of the one that comes with the effort", gt=0, le=10)
    leaves: int = Field(15, description="leaves per tree", ge=2, le=1024)
    min_rows: int = Field(60, description="rows per leaf at least", ge=1)
    l2: float = Field(1.0, description="shrinks what a leaf says", ge=0)


class FoodWaste(CaseSettings):
    """All settings of the food-waste use case."""

    costs: Costs
    products: dict[str, Product] = Field({}, description="what single products have of their own, by name")
    changes: Changes = Changes()
    limits: Limits = Limits()
    day_old: DayOld = DayOld()
    demand: Demand = Demand()
    forecast: Forecast = Forecast()
    trees: Trees = Trees()
    ratio_shift: float = Field(
        0.0, description="added to every critical ratio: above 0 bakes more than the forecast and the costs say", gt=-0.5, lt=0.5
    )
    service_level: float | None = Field(None, description="one service level for all products instead of their critical ratios", gt=0, lt=1)

    @property
    def lead(self) -> int:
        """Days between the last known sales and the day of sale."""
        return 1 if self.demand.deadline == "evening before" else 2
