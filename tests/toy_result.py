"""A small Result made by hand: three branches, three products, twelve weeks; for tests of what comes after a run."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Self

import numpy as np
import polars as pl

from pipelines.result import DataFacts, EqualService, Interval, Note, Opponent, Period, Result, Saving
from pipelines.settings import CaseSettings, Frozen, TableSettings

LEVELS = tuple(level / 10 for level in range(1, 10))
COLUMNS = tuple(f"q{level}" for level in LEVELS)
UNITS = ("eur", "kg", "kg_co2e", "sold_out")
BRANCHES, PRODUCTS = ("Bahnhof", "Markt", "Süd"), {"Brezel": 60.0, "Krapfen": 12.0, "Roggenbrot": 25.0}
EXTRA = Note("table.note_extra", {"table": "sales", "count": 2, "headers": "Kasse, Bon"})
START, TRAIN_DAYS, SELECT_DAYS, REPORT_DAYS = date(2024, 1, 1), 168, 84, 84
PRICE, COST, KG, CO2E, SHARE = 3.1, 1.1, 0.5, 1.2, 0.65


class ToyCosts(Frozen):
    """What a piece costs."""

    price_eur: float = PRICE
    make_eur: float = COST


class ToySettings(CaseSettings):
    """Settings of a bakery, shortened."""

    costs: ToyCosts = ToyCosts()
    notice: str | None = None


@dataclass
class ToyForecaster:
    """Quantiles of the past per branch, product and weekday; a JSON file."""

    target: str = "demand"
    columns: Sequence[str] = COLUMNS
    table: pl.DataFrame = field(default_factory=pl.DataFrame)

    def fit(self, past: pl.DataFrame) -> Self:
        """Remember the quantiles of each group."""
        quantiles = [pl.col(self.target).quantile(level, "linear").alias(name) for level, name in zip(LEVELS, COLUMNS, strict=True)]
        self.table = past.group_by("branch", "product", "weekday").agg(quantiles).sort("branch", "product", "weekday")
        return self

    def predict(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Look the quantiles up."""
        return rows.join(self.table, on=["branch", "product", "weekday"], how="left", maintain_order="left")

    def save(self, folder: Path) -> None:
        """Write one JSON file."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "toy.json").write_text(
            json.dumps({"target": self.target, "table": self.table.to_dict(as_series=False)}), encoding="utf-8"
        )

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the JSON file."""
        stored = json.loads((folder / "toy.json").read_text(encoding="utf-8"))
        return cls(stored["target"], COLUMNS, pl.DataFrame(stored["table"], schema_overrides={"weekday": pl.Int8}))


def _sales(random: np.random.Generator) -> pl.DataFrame:
    days = [START + timedelta(days=number) for number in range(TRAIN_DAYS + SELECT_DAYS + REPORT_DAYS)]
    keys = pl.DataFrame({"branch": BRANCHES}).join(pl.DataFrame({"product": list(PRODUCTS), "level": list(PRODUCTS.values())}), how="cross")
    rows = pl.DataFrame({"day": days}).join(keys, how="cross").with_columns(weekday=pl.col("day").dt.weekday())
    mean = rows["level"].to_numpy() * (0.8 + 0.08 * rows["weekday"].to_numpy())
    demand = pl.Series("demand", random.negative_binomial(12, 12 / (12 + mean)).astype(float))
    return rows.drop("level").with_columns(demand, sold=demand).sort("branch", "product", "day")


def _actions(rows: pl.DataFrame) -> pl.DataFrame:
    bakes = {
        "usual": (pl.col("last_week") * 1.1).ceil(),
        "plan": pl.col("q0.6").round(),
        "perfect": pl.col("demand"),
    }
    keys = ["day", "branch", "product"]
    return pl.concat([rows.select(pl.lit(policy).alias("policy"), *keys, bake=bake) for policy, bake in bakes.items()])


def _ledger(actions: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    judged = actions.join(
        rows.select("day", "branch", "product", "demand"), on=["day", "branch", "product"], validate="m:1", maintain_order="left"
    )
    left, missed = (pl.col("bake") - pl.col("demand")).clip(0), (pl.col("demand") - pl.col("bake")).clip(0)
    costs = {"eur": left * COST + missed * (PRICE - COST), "kg": left * KG, "kg_co2e": left * KG * CO2E, "sold_out": missed}
    return judged.select("policy", "day", "branch", "product", **costs)


def _saving(ledger: pl.DataFrame, unit: str, random: np.random.Generator) -> Saving:
    weeks = (
        ledger.group_by(pl.col("day").dt.truncate("1w"), "policy")
        .agg(pl.col(unit).sum())
        .sort("day")
        .pivot("policy", index="day", values=unit)
    )
    usual, plan, perfect = (weeks[policy].to_numpy() for policy in ("usual", "plan", "perfect"))
    draws = random.integers(0, len(usual), (400, len(usual)))
    saved = (usual - plan)[draws].sum(axis=1)
    share = saved / (usual - perfect)[draws].sum(axis=1)
    totals = float(usual.sum()), float(plan.sum()), float(perfect.sum())
    gained, possible = totals[0] - totals[1], totals[0] - totals[2]
    return Saving(unit, *totals, Interval(gained, *_bounds(saved)), Interval(gained / possible, *_bounds(share)))


def _bounds(draws: np.ndarray) -> tuple[float, float]:
    low, high = np.quantile(draws, [0.025, 0.975])
    return float(low), float(high)


def _segments(ledger: pl.DataFrame) -> pl.DataFrame:
    mover = pl.col("product").replace_strict({"Brezel": "fast", "Roggenbrot": "medium", "Krapfen": "slow"})
    special = pl.when(pl.col("day").dt.weekday() == 6).then(pl.lit("special")).otherwise(pl.lit("ordinary"))
    totals = [pl.col("eur").filter(policy=policy).sum().alias(policy) for policy in ("usual", "plan", "perfect")]
    parts = [
        ledger.group_by(pl.lit(kind).alias("kind"), segment.alias("segment"))
        .agg(pl.len().cast(pl.Int64).floordiv(3).alias("rows"), *totals)
        .sort("segment")
        for kind, segment in {"movement": mover, "days": special, "branch": pl.col("branch")}.items()
    ]
    saved = pl.col("usual") - pl.col("plan")
    return pl.concat(parts).with_columns(
        saved=saved, low=saved - 0.3 * saved.abs(), high=saved + 0.3 * saved.abs(), captured=saved / (pl.col("usual") - pl.col("perfect"))
    )


def _calibration(forecasts: pl.DataFrame) -> pl.DataFrame:
    coverage = [float((forecasts["demand"] <= forecasts[name]).to_numpy().mean()) for name in COLUMNS]
    half = [1.96 * (level * (1 - level) / forecasts.height) ** 0.5 for level in LEVELS]
    return pl.DataFrame(
        {
            "level": LEVELS,
            "coverage": coverage,
            "low": [share - width for share, width in zip(coverage, half, strict=True)],
            "high": [share + width for share, width in zip(coverage, half, strict=True)],
            "rows": [forecasts.height] * len(LEVELS),
        }
    )


def _curve(rows: pl.DataFrame) -> pl.DataFrame:
    points = []
    for policy, bakes in {"plan": {level: pl.col(f"q{level}") for level in LEVELS}, "usual": {0.9: pl.col("last_week") * 1.1}}.items():
        for level, bake in bakes.items():
            left, missed = (bake - pl.col("demand")).clip(0).sum(), (pl.col("demand") - bake).clip(0).sum()
            wasted, lost = rows.select(left, missed.alias("missed")).row(0)
            points.append((level, policy, wasted * KG, lost, wasted * COST + lost * (PRICE - COST)))
    return pl.DataFrame(points, schema=["service_level", "policy", "wasted", "missed", "eur"], orient="row")


def toy_result(seed: int = 1) -> Result:
    """Return a complete Result with realistic figures; the same seed gives the same frames."""
    random = np.random.default_rng(seed)
    sales = _sales(random).with_columns(last_week=pl.col("demand").shift(7).over("branch", "product", order_by="day"))
    train, select, report = (
        Period(START + timedelta(days=first), START + timedelta(days=first + days - 1))
        for first, days in ((0, TRAIN_DAYS), (TRAIN_DAYS, SELECT_DAYS), (TRAIN_DAYS + SELECT_DAYS, REPORT_DAYS))
    )
    past = sales.filter(pl.col("day") < report.first)
    rows = ToyForecaster().fit(past).predict(sales.filter(pl.col("day") >= report.first)).with_columns(model_used=pl.lit("toy"))
    actions = _actions(rows)
    ledger = _ledger(actions, rows)
    savings = tuple(_saving(ledger, unit, random) for unit in UNITS)
    usual, plan, perfect = savings[0].usual, savings[0].plan, savings[0].perfect
    kg, sold_out = savings[1], savings[3]
    demand = rows["demand"].to_numpy()
    error = np.abs(rows["q0.5"].to_numpy() - demand).sum() / demand.sum()
    return Result(
        case="food_waste",
        settings=ToySettings(case="food_waste", data={"sales": TableSettings(file="sales.csv", columns={"sold": "Menge"})}, seed=seed),
        data=DataFacts("toy bakery", f"{seed:064x}", sales.height, 9, START, report.last, (EXTRA,)),
        train=train,
        select=select,
        report=report,
        forecasts=rows.select("day", "branch", "product", "demand", "sold", *COLUMNS, "model_used"),
        actions=actions,
        ledger=ledger,
        savings=savings,
        opponents=(
            Opponent("last_week", usual, savings[0].saved, False),
            Opponent("mean_of_four", 0.95 * usual, Interval(0.95 * usual - plan, 0.5 * (usual - plan), usual - plan), True),
        ),
        equal_service=EqualService(1.05, "kg", "sold_out", 1.2 * kg.usual, sold_out.plan, kg.plan, sold_out.plan),
        scores={"wape": float(error), "bias": 0.01, "pinball": 2.4, "crossed": 0.0, "coverage_80": 0.79},
        calibration=_calibration(rows),
        segments=_segments(ledger),
        curve=_curve(rows),
        choices={"model": "toy", "weight": 0.6, "best_rule": "mean_of_four", "recalibrated": True, "possible_eur": usual - perfect},
        notes=(Note("track.cut_setting", {"setting": "data.sales.drop", "limit": 6000}),),
        select_saved=Interval(usual - plan, 0.6 * (usual - plan), 1.4 * (usual - plan)),
        model=ToyForecaster().fit(sales),
        train_rows=sales.drop("demand", "sold").drop_nulls().head(20),
    )
