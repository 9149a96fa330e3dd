"""Bake tomorrow's bread: pieces per branch and product, so that less is thrown away."""
import polars as pl
from pipelines.models import Quantiles
from pipelines.settings import CaseSettings
from pipelines.usecase import Column, UseCase
SCHEMA = {"day": Column("date", "time", "day of sale"), "branch": Column("text", "key", "shop"), "product": Column("text", "key", "article"),
          "demand": Column("number", "outcome", "pieces asked for", unit="pieces", minimum=0)}
class Bakery(CaseSettings):
    price_eur: float = 3.0
    make_eur: float = 1.0
    def level(self) -> float:  # critical ratio: what a missing piece costs over what a missing and a left-over one cost together
        return round(1 - self.make_eur / self.price_eur, 2)
def features(rows, s):  # on a complete daily grid: closed days are rows, so that 7 rows are 7 days
    weeks = {f"lag{w}": pl.col("demand").shift(7 * w).over("branch", "product", order_by="day") for w in (1, 2, 3)}
    return rows.with_columns(weekday=pl.col("day").dt.weekday(), **weeks)
def model(s):
    return Quantiles("demand", ["weekday", "lag1", "lag2", "lag3"], levels=[s.level()], seed=s.seed)
def decide(rows, s):
    return rows.with_columns(bake=pl.col(f"q{s.level():g}").round().clip(0))
def usual(rows, s):
    return rows.with_columns(bake=(pl.col("lag1") * 1.1).ceil().fill_null(0))
def value(rows, s):
    sold, left = pl.min_horizontal("bake", "demand"), (pl.col("bake") - pl.col("demand")).clip(0)
    return rows.select(eur=pl.col("bake") * s.make_eur - sold * s.price_eur, pieces_left=left)
CASE = UseCase(name="minimal", schema=SCHEMA, settings=Bakery, features=features, model=model, decide=decide, usual=usual, value=value)
