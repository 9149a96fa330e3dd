"""Food waste: how many pieces of each product each branch should bake for tomorrow, and what that is worth.

predict demand per branch, product and day -> decide the bake by the bakery's own costs -> replay it against past orders.
"""

from pathlib import Path

import polars as pl

from pipelines.usecase import Column, UseCase
from usecases.food_waste import rules, story
from usecases.food_waste.decide import decide
from usecases.food_waste.demand import hindsight, prepare
from usecases.food_waste.features import features
from usecases.food_waste.model import model
from usecases.food_waste.settings import FoodWaste
from usecases.food_waste.simulate import WorldSettings, simulate
from usecases.food_waste.value import start, value

SCHEMA = {
    "day": Column("date", "time", "day of sale (local date)"),
    "branch": Column("text", "key", "shop"),
    "product": Column("text", "key", "article"),
    "sold": Column("number", "outcome", "pieces sold, pre-orders included", unit="pieces", minimum=0),
    "returned": Column("number", "outcome", "pieces left over at closing", unit="pieces", minimum=0, optional=True),
    "sold_out": Column("flag", "outcome", "nothing was left at closing", optional=True, total="max"),
    "last_sale": Column(
        "number", "outcome", "time of the last sale", unit="hours of local time", minimum=0, maximum=24, optional=True, total="max"
    ),
    "demand": Column("number", "outcome", "pieces asked for; estimated where the day sold out", unit="pieces", derived=True, optional=True),
    "censored": Column("flag", "outcome", "demand is estimated because the day sold out", derived=True, optional=True),
    "ordered": Column("number", "decision", "pieces really baked or delivered", unit="pieces", minimum=0, optional=True),
    "preordered": Column("number", "known", "pieces ordered by customers before the deadline", unit="pieces", minimum=0, optional=True),
    "promotion": Column("flag", "known", "the product is promoted that day", optional=True, total="max"),
    "temperature_c": Column("number", "known", "temperature as forecast at the deadline", unit="°C", optional=True, total="mean"),
    "rain_mm": Column("number", "known", "rain as forecast at the deadline", unit="mm", minimum=0, optional=True, total="mean"),
    "price_eur": Column("number", "known", "selling price", unit="EUR per piece", minimum=0, optional=True, total="mean"),
    "unit_cost_eur": Column("number", "known", "cost of one more piece", unit="EUR per piece", minimum=0, optional=True, total="mean"),
    "salvage_eur": Column("number", "known", "what a left-over piece brings", unit="EUR per piece", minimum=0, optional=True, total="mean"),
    "disposal_eur": Column("number", "known", "cost of disposing of a piece", unit="EUR per piece", minimum=0, optional=True, total="mean"),
    "goodwill_eur": Column(
        "number", "known", "cost of a disappointed customer", unit="EUR per piece", minimum=0, optional=True, total="mean"
    ),
    "weight_kg": Column("number", "known", "weight of a piece", unit="kg", minimum=0, optional=True, total="mean"),
    "tray": Column("number", "known", "pieces per tray", unit="pieces", minimum=0, optional=True, total="max"),
    "display": Column("number", "known", "minimum display", unit="pieces", minimum=0, optional=True, total="max"),
}


def simulated(s: FoodWaste) -> dict[str, pl.DataFrame]:
    """Return the embedded data: a simulated bakery chain (its true demand stays beside it, in `simulate`)."""
    tables = simulate(WorldSettings(seed=s.seed)).tables
    sales = tables["sales"].join(tables["products"].drop("group"), on="product", how="left", maintain_order="left")
    return {"sales": sales.join(tables["weather"], on="day", how="left", maintain_order="left")}


def at_service(s: FoodWaste, level: float) -> FoodWaste:
    """Return settings that decide at this service level whatever the product: one critical ratio for all."""
    return s.model_copy(update={"service_level": level})


CASE = UseCase(
    name="food_waste",
    title={"en": "Bake what will be sold", "de": "Backen, was gekauft wird"},
    folder=Path(__file__).parent,
    schema=SCHEMA,
    settings=FoodWaste,
    simulate=simulated,
    prepare=prepare,
    hindsight=hindsight,
    lead=lambda s: s.lead,
    features=features,
    model=model,
    decide=decide,
    usual=rules.usual,
    usual_name=story.usual_name,
    rules=rules.RULES,
    start=start,
    value=value,
    at_service=at_service,
    trade_off=("kg", "sold_out"),
    segments=story.segments,
    notes=story.notes,
)
