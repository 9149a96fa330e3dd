"""The two-stage forecaster on LightGBM: location first, then the spread around it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import polars as pl

from pipelines.models.panel import PANEL, Floats, Panel, attach, quantile_columns, read_json, saved_panel, with_panel, write_json

LEVEL = "level"  # the scale that is the panel's own level
LINEAR_RIDGE = 10.0  # of the regression in each leaf
FLOOR = 0.05  # least ratio before the logarithm: a zero day is "at most 5 % of usual"


@dataclass(frozen=True)
class Trees:
    """Size and pace of one boosted model; `linear` puts a ridge regression into every leaf (Shi et al. 2019)."""

    rounds: int = 150
    rate: float = 0.05
    leaves: int = 15
    min_rows: int = 60
    features: float = 0.6
    bagging: float = 0.8
    l2: float = 1.0
    bins: int = 63
    linear: bool = False
    scale: str = LEVEL
    seed: int = 1

    def parameters(self, threads: int, **more: Any) -> dict[str, Any]:
        """LightGBM parameters, set so that results depend on neither threads nor run."""
        return {
            "learning_rate": self.rate, "num_leaves": self.leaves, "min_data_in_leaf": self.min_rows, "feature_fraction": self.features,
            "bagging_fraction": self.bagging, "bagging_freq": 1, "lambda_l2": self.l2, "max_bin": self.bins, "linear_tree": self.linear,
            "linear_lambda": LINEAR_RIDGE, "seed": self.seed, "deterministic": True, "force_col_wise": True, "num_threads": threads,
            "verbose": -1, **more,
        }  # fmt: skip


QUICK, QUICK_SPREAD = (Trees(rounds=80, rate=0.12),), Trees(rounds=60, rate=0.08, features=0.4)
LOCATION = (
    Trees(rounds=120, rate=0.08),
    Trees(rounds=120, rate=0.08, scale="smooth_fast", seed=2),
    Trees(rounds=120, rate=0.08, scale="smooth_mid", seed=3),
    Trees(rounds=120, rate=0.08, seed=4),
)
# a regression in each leaf follows growth and weather further than constant leaves do: give it inputs that stay in the range learnt
LINEAR = (Trees(linear=True), Trees(linear=True, scale="smooth_fast", seed=2))
SPREAD = Trees(rounds=100, min_rows=60, features=0.4, bagging=0.8)
LARGE_LEAF = 200


def scale_of(rows: pl.DataFrame, name: str, panel: Panel) -> Floats:
    """The size demand is divided by: the own weekday level or level x a smoothing ratio, never below a tenth of the level."""
    level = pl.col(panel.level).cast(pl.Float64)
    size = level if name == LEVEL else pl.max_horizontal(level * pl.col(name).fill_null(1.0), level / 10)
    return rows.select(size).to_series().to_numpy()


def matrix(rows: pl.DataFrame, inputs: Sequence[str]) -> npt.NDArray[np.float32]:
    """Inputs as an array, null = NaN."""
    return rows.select(pl.col(list(inputs)).cast(pl.Float32)).to_numpy()


def usable(past: pl.DataFrame, warm_days: float, panel: Panel) -> pl.DataFrame:
    """Rows one can learn from: demand seen, a level known and the series at least `warm_days` old."""
    return past.filter(pl.col(panel.target).is_not_null() & pl.col(panel.level).is_not_null() & (pl.col(panel.age) >= warm_days))


def latest(rows: pl.DataFrame, most: int | None, panel: Panel) -> pl.DataFrame:
    """Return the rows of the latest days that together are at most `most` (and at least one day); None: all."""
    if most is None or rows.height <= most:
        return rows
    days = rows[panel.time].sort(descending=True)
    return rows.filter(pl.col(panel.time) > days[most]) if days[most] < days[0] else rows.filter(pl.col(panel.time) == days[0])


@dataclass
class TwoStage:
    """Ensemble of log-ratio regressions, then quantile trees for demand / location.

    `most_rows` limits the rows learnt from to those of the latest days.
    The second stage learns from cross-fitted locations, so that its spread is one of unseen days (residuals of
    out-of-fold predictions as in cross-conformal prediction, Vovk 2015; location-scale quantiles, He 1997).
    """

    levels: Sequence[float]
    inputs: Sequence[str]
    panel: Panel = PANEL
    location: Sequence[Trees] = LOCATION
    spread: Trees = SPREAD
    blocks: int = 3
    block_days: int = 28
    warm_days: int = 28
    most_rows: int | None = None
    threads: int = 1
    name: str = "lightgbm"
    means: list[Any] = field(default_factory=list)
    bounds: list[tuple[float, float]] = field(default_factory=list)
    quantiles: list[Any] = field(default_factory=list)

    @property
    def target(self) -> str:
        """The outcome that is forecast."""
        return self.panel.target

    @property
    def columns(self) -> list[str]:
        """The forecast columns."""
        return quantile_columns(self.levels)

    def fit(self, past: pl.DataFrame) -> Self:
        """Fit the locations on all rows and, block by block, for the rows left out; then the quantiles."""
        import lightgbm as lgb

        rows = latest(usable(past, self.warm_days, self.panel), self.most_rows, self.panel)
        inputs, truth = matrix(rows, self.inputs), rows[self.target].cast(pl.Float64).to_numpy()
        since = (rows[self.panel.time] - rows[self.panel.time].min()).dt.total_days().to_numpy()
        block = since // self.block_days % self.blocks
        fitted = [self._fit_location(trees, rows, inputs, truth, block) for trees in self.location]
        self.means, self.bounds = [model for model, _, _ in fitted], [bound for _, bound, _ in fitted]
        center = np.exp(np.mean([logs for _, _, logs in fitted], axis=0))
        size = scale_of(rows, LEVEL, self.panel)
        stacked = np.column_stack([inputs, np.log(center), center / size]).astype(np.float32)
        # tails need many rows per leaf, small panels have few: one per cent of the rows within [60, 200]
        leaf = min(max(rows.height // 100, self.spread.min_rows), LARGE_LEAF)
        hows = [self.spread.parameters(self.threads, objective="quantile", alpha=level, min_data_in_leaf=leaf) for level in self.levels]
        data = lgb.Dataset(stacked, truth / center, weight=center, params=hows[0])  # binned once for all levels
        self.quantiles = [lgb.train(how, data, self.spread.rounds) for how in hows]
        return self

    def _fit_location(
        self, trees: Trees, rows: pl.DataFrame, inputs: npt.NDArray[np.float32], truth: Floats, block: npt.NDArray[np.int64]
    ) -> tuple[Any, tuple[float, float], Floats]:
        """One model of all rows, its bounds and the cross-fitted log locations."""
        import lightgbm as lgb

        size = scale_of(rows, trees.scale, self.panel)
        target = np.log(np.maximum(truth / size, FLOOR))
        # a regression per leaf is summed over threads in changing order: only one thread gives the same model everywhere
        how = trees.parameters(1 if trees.linear else self.threads, objective="regression")
        # the square root lies between equal rows and equal pieces: variance of the log falls with the level
        weight = np.sqrt(size)

        def train(keep: npt.NDArray[np.bool_]) -> lgb.Booster:
            return lgb.train(how, lgb.Dataset(inputs[keep], target[keep], weight=weight[keep], params=how), trees.rounds)

        bound = (float(target.min()), float(target.max()))
        crossed = np.zeros(len(truth))
        for part in range(self.blocks):
            out = block == part
            if out.any():
                crossed[out] = train(~out).predict(inputs[out], num_threads=self.threads)
        return train(block >= 0), bound, np.clip(crossed, *bound) + np.log(size)

    def predict(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Append the quantiles."""
        inputs = matrix(rows, self.inputs)
        logs = [
            np.clip(model.predict(inputs, num_threads=self.threads), *bound) + np.log(scale_of(rows, trees.scale, self.panel))
            for trees, model, bound in zip(self.location, self.means, self.bounds, strict=True)
        ]
        center = np.exp(np.mean(logs, axis=0))
        stacked = np.column_stack([inputs, np.log(center), center / scale_of(rows, LEVEL, self.panel)]).astype(np.float32)
        ratio = [np.asarray(model.predict(stacked, num_threads=self.threads)) for model in self.quantiles]
        return attach(rows, np.column_stack(ratio) * center[:, None], self.levels, self.name)

    def save(self, folder: Path) -> None:
        """Write all models as LightGBM text beside a JSON file with the parameters."""
        head = {key: getattr(self, key) for key in ("blocks", "block_days", "warm_days", "most_rows", "threads", "name", "bounds")}
        lists = {"levels": list(self.levels), "inputs": list(self.inputs), "location": [asdict(t) for t in self.location]}
        write_json(folder, {**head, **lists, "spread": asdict(self.spread), **saved_panel(self.panel)})
        for kind, models in {"mean": self.means, "quantile": self.quantiles}.items():
            for i, model in enumerate(models):
                (folder / f"{kind}_{i}.txt").write_text(model.model_to_string(), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        import lightgbm as lgb

        head = with_panel(read_json(folder))
        head["location"], head["spread"] = [Trees(**t) for t in head["location"]], Trees(**head["spread"])
        head["bounds"] = [tuple(bound) for bound in head["bounds"]]

        def read(kind: str, count: int) -> list[Any]:
            return [lgb.Booster(model_str=(folder / f"{kind}_{i}.txt").read_text(encoding="utf-8")) for i in range(count)]

        return cls(**head, means=read("mean", len(head["location"])), quantiles=read("quantile", len(head["levels"])))
