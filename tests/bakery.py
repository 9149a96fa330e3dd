"""Small bakeries made by hand for the tests of food waste: settings with round costs, rows as a run would see them."""

import shutil
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from pipelines.run import gridded
from pipelines.table import Loaded
from usecases.__main__ import main
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
# of a bakery's own folder
SETTINGS = """
case = "food_waste"

[costs]
price_eur = 1.10
unit_cost_eur = 0.40
goodwill_eur = 0.05
weight_kg = 0.08

[calendar]
state = "SH"

[periods]
refit_days = 365

[forecast]
effort = "quick"
levels = [0.3, 0.7]

[data.sales]
file = "kasse.csv"

[data.sales.columns]
day = "Datum"
branch = "Filiale"
product = "Artikel"
sold = "Menge"
ordered = "Bestellt"
"""


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


def till_export() -> list[str]:
    """Two branches, three articles, 240 days, closed on Sundays; the baker orders a tenth too many of everything."""
    draw = np.random.default_rng(11)
    levels = {"Brötchen": 80, "Kürbiskernbrot": 14, "Franzbrötchen": 30}
    lines = ["Datum;Filiale;Artikel;Menge;Bestellt"]
    for day in (date(2024, 1, 2) + timedelta(number) for number in range(240)):
        for branch, size in (("Holtenauer Straße", 1.0), ("Süd", 0.6)):
            for product, level in levels.items():
                mean = level * size * (1.3 if day.weekday() == 5 else 1.0)
                asked, ordered = draw.poisson(mean), round(1.1 * mean) + draw.integers(0, 3)
                if day.weekday() < 6:
                    lines.append(f"{day:%d.%m.%Y};{branch};{product};{min(asked, ordered)},0;{ordered},0")
    return lines


def bakery(folder: Path, lines: list[str] | None = None, settings: str = SETTINGS) -> Path:
    """A folder as a bakery keeps it: an export in Windows encoding beside settings.toml."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "kasse.csv").write_bytes("\r\n".join(lines or till_export()).encode("cp1252"))
    (folder / "settings.toml").write_text(settings, encoding="utf-8")
    return folder


def generous_export() -> list[str]:
    """The same export by a planner who orders half as much again: the plan has something to save."""
    head, *rest = till_export()
    return [head, *(f"{line.rsplit(';', 1)[0]};{float(line.rsplit(';', 1)[1].replace(',', '.')) * 1.5:.0f},0" for line in rest)]


def trusted_bakery(folder: Path, mlflow_template: Path, *words: str) -> Path:
    """A bakery's folder with one run in `mlruns`, its model trusted to plan; `words`: further options of `run`."""
    home = bakery(folder, generous_export()) / "mlruns"
    home.mkdir()
    shutil.copyfile(mlflow_template, home / "mlflow.db")
    assert main(["run", str(folder), "--home", str(home), *words]) == 0
    return folder
