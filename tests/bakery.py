"""Small bakeries made by hand for the tests of food waste: settings with round costs, rows as a run would see them."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import polars as pl

from pipelines.run import gridded
from pipelines.table import Loaded
from usecases.food_waste import CASE
from usecases.food_waste.costs import add_costs
from usecases.food_waste.settings import FoodWaste

MONDAY = date(2024, 1, 8)
KEYS = ["branch", "product"]
# a missing piece costs 1.00 - 0.40 + 0.20 = 0.80 EUR, a left-over one 0.40 + 0.05 - 0.10 = 0.35 EUR
COSTS = {
    "price_eur": 1.0,
    "unit_cost_eur": 0.4,
    "salvage_eur": 0.1,
    "disposal_eur": 0.05,
    "goodwill_eur": 0.2,
    "weight_kg": 0.5,
    "co2e_kg_per_kg": 0.8,
}
MISSING, LEFT = 0.8, 0.35


def settings(**parts: Any) -> FoodWaste:
    """Settings with the round costs above; the forecast is the quick one unless said otherwise."""
    forecast = {"effort": "quick", **parts.pop("forecast", {})}
    costs = {**COSTS, **parts.pop("costs", {})}
    return FoodWaste.model_validate({"case": "food_waste", "costs": costs, "forecast": forecast, "threads": 1, **parts})


def frame(**columns: Sequence[Any]) -> pl.DataFrame:
    """Rows with every column of the schema, empty where not given; default: MONDAY, branch Nord, product Brot."""
    height = len(next(iter(columns.values())))
    given: dict[str, Sequence[Any]] = {"day": [MONDAY] * height, "branch": ["Nord"] * height, "product": ["Brot"] * height}
    given |= columns
    kinds = {"date": pl.Date, "text": pl.String, "number": pl.Float64, "flag": pl.Boolean}
    types = {name: kinds[column.kind] for name, column in CASE.schema.items()}
    made = [pl.Series(name, values, dtype=types.get(name)) for name, values in given.items()]
    absent = [pl.Series(name, [None] * height, dtype=kind) for name, kind in types.items() if name not in given]
    return pl.DataFrame([*made, *absent])


def priced(s: FoodWaste, **columns: Sequence[Any]) -> pl.DataFrame:
    """`frame` with costs added, as decide and value see rows."""
    return add_costs(frame(**columns), s)


def chain(series: Mapping[tuple[str, str], Sequence[float | None]], s: FoodWaste, first: date = MONDAY, **columns: Any) -> pl.DataFrame:
    """Rows as `gridded` gives them: pieces sold day by day from `first` on, None = no row (closed); further columns as expressions."""
    made = [
        {"day": first + timedelta(days=number), "branch": branch, "product": product, "sold": float(pieces)}
        for (branch, product), sold in series.items()
        for number, pieces in enumerate(sold)
        if pieces is not None
    ]
    sales = pl.DataFrame(made).with_columns(**columns)
    return gridded(CASE, Loaded({"sales": sales}, (), "by hand"), s)


def ledger_of(rows: pl.DataFrame) -> list[dict[str, float]]:
    """Rows of a ledger rounded to a hundredth of a cent, for comparison with figures by hand."""
    return rows.select(pl.selectors.numeric().round(6)).to_dicts()
