"""Food waste: how many pieces of each product each branch should bake for tomorrow, and what that is worth.

predict demand per branch, product and day -> decide the bake by the bakery's own costs -> replay it against past orders.
"""

from pathlib import Path

import polars as pl

from pipelines.usecase import Sheet, UseCase
from usecases.food_waste import rules, story
from usecases.food_waste.decide import decide
from usecases.food_waste.demand import hindsight, prepare
from usecases.food_waste.features import features
from usecases.food_waste.model import SEARCH, model
from usecases.food_waste.reasons import reasons
from usecases.food_waste.schema import SCHEMA
from usecases.food_waste.settings import FoodWaste
from usecases.food_waste.simulate import WorldSettings, simulate
from usecases.food_waste.value import start, value
from usecases.food_waste.what_if import what_if


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
    own_data={
        "costs": {"unit_cost_share": "0.35"},
        "calendar": {"state": '""', "closed": '"nothing_sold"'},
        "day_old": {"products": "[]"},
        "forecast": {"weather": '"none"'},
    },
    prepare=prepare,
    hindsight=hindsight,
    lead=lambda s: s.lead,
    features=features,
    model=model,
    search=SEARCH,
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
    sheet=Sheet("branch", ("product",), "bake", "pieces"),
    reasons=reasons,
    what_if=what_if,
)
