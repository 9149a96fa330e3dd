"""The forecaster: members for both directions, combined on select; what the plan uses is chosen by replay, not by forecast error."""

import json
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Self, cast

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.stats import nbinom, poisson

from usecases.mobility.censoring import exposure
from usecases.mobility.choosing import CHOSEN_FIRST, Chosen, best_by_replay, best_weights
from usecases.mobility.demand import hindsight
from usecases.mobility.linear import Linear
from usecases.mobility.packed import hourly
from usecases.mobility.rates import FLOOR, MEMBERS, Trees, inputs
from usecases.mobility.settings import Mobility

Floats = NDArray[np.float64]
LEVELS = (0.1, 0.5, 0.9)
LEVEL_HALF_LIFE, LEVEL_DAYS, PRIOR_DAYS = 8.0, 48, 5.0  # days that correct the level, weighed against days' worth of "no correction"
SPREADS = (0.0, 0.05, 0.1, 0.2, 0.4)  # variance of a day total = mean + spread x mean squared
FIRST_WEIGHTS = (0.35, 0.35, 0.0, 0.0, 0.3)
EFFORTS = {"profile": (), "quick": ((True, 1),), "thorough": ((False, 1), (False, 2), (True, 1), (True, 2))}  # level-scaled?, seed
BLENDS = {"forecast": None, "profile_56": "profile_56", "profile_112": "profile_112"}


class Rates:
    """Rates per station-hour for rentals and returns; columns q0.1 ... are quantiles of a station's rentals of the day.

    Forecast columns: `rent_rates`, `back_rates` (24 events per hour each), `plan_rent`, `plan_back` (those the plan goes by), and what the
    replay on select chose for the plan: `share`, `dispersion`, `handling`.
    """

    target = "rentals"

    def __init__(self, s: Mobility) -> None:
        self.settings = s
        self.trees: dict[str, list[Trees]] = {}
        self.linear: dict[str, Linear] = {}
        self.stations: dict[str, int] = {}
        self.chosen: Chosen = CHOSEN_FIRST
        self.factor = {"rent": 1.0, "back": 1.0}
        self.weights: dict[str, tuple[float, ...]] = {"rent": FIRST_WEIGHTS, "back": FIRST_WEIGHTS}
        self.spread = 0.1

    @property
    def columns(self) -> Sequence[str]:
        """Forecast columns."""
        return ("rent_rates", "back_rates", "plan_rent", "plan_back", "share", "dispersion", "handling", *(f"q{level}" for level in LEVELS))

    @property
    def choices(self) -> Mapping[str, Any]:
        """What was chosen on select."""
        weights = {f"weight_{side}": dict(zip(MEMBERS, map(float, self.weights[side]), strict=True)) for side in self.weights}
        return {**weights, "spread": self.spread, **self.chosen.said()}

    def fit(self, past: pl.DataFrame) -> Self:
        """Learn from rows with features and outcomes."""
        self.stations = {name: number for number, name in enumerate(past["station"].unique().sort())}
        counts = dict(zip(("rent", "back"), hourly(past), strict=True))
        wanted_trees = EFFORTS[self.settings.forecast.effort]
        for side, wanted in counts.items():
            made = inputs(past, side, self.stations)
            of_side = [Trees(level, 100 * self.settings.seed + seed, self.settings.threads) for level, seed in wanted_trees]
            exposed = exposure(past, side, self.settings)
            self.trees[side] = [tree.fit(made, wanted, exposed) for tree in of_side]
            if self.settings.forecast.effort == "thorough":
                self.linear[side] = Linear.fit(made.past, wanted, exposed, self.settings.seed)
        return self

    def predict(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return the rows with every member's rates and the forecast columns as chosen so far."""
        members = []
        for side in ("rent", "back"):
            made = inputs(rows, side, self.stations)
            level = [tree.predict(made) for tree in self.trees[side] if tree.level]
            plain = [tree.predict(made) for tree in self.trees[side] if not tree.level]
            alone = [made.profiles["profile_112"]]  # without trees the profile stands in their place
            linear = [self.linear[side].predict(made.past)] if side in self.linear else []
            found = {"trees": np.mean(plain or level or alone, axis=0), "level": np.mean(level or alone, axis=0),
                     "linear": np.mean(linear or level or alone, axis=0), **made.profiles}  # fmt: skip
            members += [_array(f"{side}_{name}", np.maximum(found[name], FLOOR)) for name in MEMBERS]
        return self._combined(rows.with_columns(members))

    def _combined(self, rows: pl.DataFrame) -> pl.DataFrame:
        made: dict[str, Floats] = {}
        for side in ("rent", "back"):
            blended = sum(w * _of(rows, f"{side}_{name}") for w, name in zip(self.weights[side], MEMBERS, strict=True))
            made[f"{side}_rates"] = np.maximum(np.asarray(blended) * self.factor[side], FLOOR)
            member = BLENDS[self.chosen.blend]
            made[f"plan_{side}"] = made[f"{side}_rates"] if member is None else _of(rows, f"{side}_{member}") * self.factor[side]
        handling = self.chosen.handling if self.settings.planning.handling is None else self.settings.planning.handling
        total = made["rent_rates"].sum(axis=1)
        return rows.with_columns(
            *(_array(name, values) for name, values in made.items()),
            share=pl.lit(self.chosen.share),
            dispersion=pl.lit(self.chosen.dispersion),
            handling=pl.lit(handling),
            **{f"q{level}": pl.Series(day_quantile(total, level, self.spread)) for level in LEVELS},
        )

    def choose(self, select: pl.DataFrame) -> None:
        """Fix weights by Poisson deviance, the spread by pinball loss, and what the plan goes by through replay cost."""
        counts = dict(zip(("rent", "back"), hourly(select), strict=True))
        for side, wanted in counts.items():
            exposed = exposure(select, side, self.settings)
            parts = [_of(select, f"{side}_{name}") * exposed for name in MEMBERS]
            if self.settings.forecast.level:  # each member at the level it will have in the plan: the weights are for the shape
                parts = [part * levels(select, part, wanted)[:, None] for part in parts]
            self.weights[side] = best_weights([np.maximum(part, FLOOR) for part in parts], wanted)
        exposed, members = exposure(select, "rent", self.settings), zip(self.weights["rent"], MEMBERS, strict=True)
        total = sum((w * _of(select, f"rent_{name}") * exposed).sum(axis=1) for w, name in members)
        self.spread = min(SPREADS, key=lambda spread: _pinball(counts["rent"].sum(axis=1), np.asarray(total), spread))
        blended, made = {}, select
        for name in BLENDS:
            self.chosen = Chosen(name, self.chosen.share, self.chosen.dispersion, self.chosen.handling)
            made = self.final(select, select)  # each week's level from the weeks before it
            blended[name] = (_of(made, "plan_rent"), _of(made, "plan_back"))
        self.chosen = best_by_replay(hindsight(made, self.settings), blended, self.settings)

    def final(self, forecasts: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
        """Return the forecasts as chosen, their level corrected by what was known one, two ... days before each day."""
        if not self.settings.forecast.level or known.is_empty():
            self.factor = {"rent": 1.0, "back": 1.0}
            return self._combined(forecasts)
        parts = []
        for (day,), part in forecasts.with_row_index("_row").group_by("day", maintain_order=True):
            self.settle(known.filter(pl.col("day") < day))
            parts.append(self._combined(part))
        return pl.concat(parts).sort("_row").drop("_row")

    def settle(self, known: pl.DataFrame) -> None:
        """Correct the level of all stations by the last weeks' counts over forecasts, recent days first, drawn towards 1."""
        self.factor = {"rent": 1.0, "back": 1.0}
        if known.is_empty() or not self.settings.forecast.level:
            return
        last = cast(date, known["day"].max())
        recent = known.filter(pl.col("day") > last - timedelta(days=LEVEL_DAYS))
        for side, outcome in (("rent", "rentals"), ("back", "returns")):
            exposed, weighted = exposure(recent, side, self.settings), zip(self.weights[side], MEMBERS, strict=True)
            forecast = sum(float(w) * (_of(recent, f"{side}_{name}") * exposed).sum(axis=1) for w, name in weighted)
            self.factor[side] = level_factor(recent, np.asarray(forecast), recent[outcome].fill_null(0).to_numpy(), last)

    def save(self, folder: Path) -> None:
        """Write trees as text and choices as JSON."""
        folder.mkdir(parents=True, exist_ok=True)
        kinds = {side: [{"level": tree.level, "seed": tree.seed} for tree in trees] for side, trees in self.trees.items()}
        facts = {"settings": self.settings.model_dump(mode="json"), "stations": self.stations, "chosen": self.chosen.said(), "trees": kinds,
                 "factor": self.factor, "spread": self.spread,
                 "weights": {side: list(map(float, w)) for side, w in self.weights.items()},
                 "linear": {side: linear.said() for side, linear in self.linear.items()}}  # fmt: skip
        (folder / "rates.json").write_text(json.dumps(facts, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        for side, trees in self.trees.items():
            for number, tree in enumerate(trees):
                (folder / f"{side}-{number}.txt").write_text(tree.text, encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read a saved model."""
        facts = json.loads((folder / "rates.json").read_text(encoding="utf-8"))
        model = cls(Mobility.model_validate(facts["settings"]))
        model.stations, model.factor, model.spread = facts["stations"], facts["factor"], facts["spread"]
        model.weights = {side: _weights(saved) for side, saved in facts["weights"].items()}
        model.chosen = Chosen(**facts["chosen"])
        model.linear = {side: Linear.of(linear) for side, linear in facts.get("linear", {}).items()}
        for side, trees in facts["trees"].items():
            texts = [(folder / f"{side}-{number}.txt").read_text(encoding="utf-8") for number in range(len(trees))]
            model.trees[side] = [
                Trees(tree["level"], tree["seed"], model.settings.threads, text) for tree, text in zip(trees, texts, strict=True)
            ]
        return model


def _weights(saved: Sequence[float]) -> tuple[float, ...]:
    """Return weights in the order of MEMBERS; models saved before there was a regression have none for it."""
    names = MEMBERS if len(saved) == len(MEMBERS) else [name for name in MEMBERS if name != "linear"]
    named = dict(zip(names, saved, strict=True))
    return tuple(named.get(name, 0.0) for name in MEMBERS)


def model(s: Mobility) -> Rates:
    """Return the unfitted forecaster."""
    return Rates(s)


def level_factor(rows: pl.DataFrame, forecast: Floats, counts: Floats, last: date) -> float:
    """Return counts over forecasts of rows up to the day `last`, a day counting half of one LEVEL_HALF_LIFE later, drawn towards 1."""
    if not rows.height:
        return 1.0
    weight = 0.5 ** ((last - rows["day"]).dt.total_days().to_numpy() / LEVEL_HALF_LIFE)
    _, number = np.unique(rows["day"].to_numpy(), return_index=True)
    expected = float((weight * forecast).sum())
    prior = PRIOR_DAYS * expected / max(float(weight[number].sum()), 1.0)
    return float(((weight * counts).sum() + prior) / max(expected + prior, FLOOR))


def levels(rows: pl.DataFrame, forecast: Floats, counts: Floats) -> Floats:
    """Return per row the level factor of its day, from the days before it alone; forecast and counts per row and hour (R, 24)."""
    day, made = rows["day"], np.ones(rows.height)
    for today in day.unique().sort():
        past = ((day < today) & (day >= today - timedelta(days=LEVEL_DAYS))).to_numpy()
        yesterday = today - timedelta(days=1)
        made[(day == today).to_numpy()] = level_factor(rows.filter(past), forecast[past].sum(1), counts[past].sum(1), yesterday)
    return made


def day_quantile(mean: Floats, level: float, spread: float) -> Floats:
    """Return the quantile of a count with this mean and variance mean + spread x mean squared (negative binomial; Poisson at 0)."""
    if spread == 0:
        return np.asarray(poisson.ppf(level, mean))
    return np.asarray(nbinom.ppf(level, 1 / spread, 1 / (1 + spread * mean)))


def _pinball(truth: Floats, mean: Floats, spread: float) -> float:
    miss = [(truth - day_quantile(mean, level, spread), level) for level in LEVELS]
    return float(np.mean([np.maximum(level * off, (level - 1) * off).mean() for off, level in miss]))


def _of(rows: pl.DataFrame, name: str) -> Floats:
    return rows[name].to_numpy().astype(float)


def _array(name: str, values: Floats) -> pl.Series:
    return pl.Series(name, np.ascontiguousarray(values), dtype=pl.Array(pl.Float64, values.shape[1]))
