"""The plain quantile forecaster: one LightGBM model per level (Koenker and Bassett 1978; Ke et al. 2017)."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
import polars as pl

FILE = "model.json"
ROWS_AT_ONCE = 25_000  # rows predicted at a time, so that a large table is not held twice
FEW_ROWS = 100  # below this the quantiles of all past rows are as good as trees


@dataclass
class Quantiles:
    """Quantiles of the target from feature columns.

    Parameters
    ----------
    target
        Outcome column, in its unit; rows without it are not learnt from.
    features
        Numeric feature columns.
    levels
        Quantile levels in (0, 1); each becomes a forecast column such as q0.5.
    scale
        Column the target is divided by (its own usual level): one model then serves small and large series alike.
        Where it is empty or 0 the target stands as it is.
    rounds, rate, leaves
        Size of each model: boosting rounds, learning rate, leaves per tree.
    """

    target: str
    features: Sequence[str]
    levels: Sequence[float]
    seed: int = 1
    scale: str | None = None
    rounds: int = 150
    rate: float = 0.06
    leaves: int = 15
    threads: int = 1
    models: list[Any] = field(default_factory=list, repr=False)

    @property
    def inputs(self) -> list[str]:
        """The columns the model reads."""
        return [*self.features, *([self.scale] if self.scale and self.scale not in self.features else [])]

    @property
    def columns(self) -> list[str]:
        """The forecast columns."""
        return [f"q{level:g}" for level in self.levels]

    def parameters(self, level: float) -> dict[str, Any]:
        """Return LightGBM's parameters; deterministic for any number of threads."""
        return {
            "objective": "quantile",
            "alpha": level,
            "learning_rate": self.rate,
            "num_leaves": self.leaves,
            "seed": self.seed,
            "num_threads": self.threads,
            "deterministic": True,
            "force_col_wise": True,
            "verbose": -1,
        }

    def fit(self, past: pl.DataFrame) -> Self:
        """Fit one model per level; with fewer than 100 rows the trees cannot split and give the plain quantile."""
        import lightgbm as lgb

        rows = past if past[self.target].null_count() == 0 else past.filter(pl.col(self.target).is_not_null())  # a filter copies
        size = self._size(rows)
        truth = rows[self.target].cast(pl.Float64).to_numpy() / size
        inputs = self._inputs(rows).to_arrow()  # as it lies in memory: no second copy of a large table
        few = {"min_data_in_leaf": max(1, rows.height)} if rows.height < FEW_ROWS else {}
        weight = size if self.scale else None
        data = lgb.Dataset(inputs, truth, weight=weight, params={**self.parameters(self.levels[0]), **few})
        self.models = [lgb.train({**self.parameters(level), **few}, data, self.rounds) for level in self.levels]
        return self

    def predict(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return the rows with the forecast columns, ascending per row."""
        parts = [self._predicted(part) for part in self._inputs(rows).iter_slices(ROWS_AT_ONCE)] or [np.empty((0, len(self.levels)))]
        found = np.concatenate(parts) * self._size(rows)[:, None]
        ordered, rank = np.sort(found, axis=1), np.argsort(np.argsort(self.levels))
        return rows.with_columns(pl.Series(name, ordered[:, place]) for name, place in zip(self.columns, rank, strict=True))

    def _inputs(self, rows: pl.DataFrame) -> pl.DataFrame:
        return rows.select(pl.col(name).cast(pl.Float32) for name in self.features)

    def _predicted(self, inputs: pl.DataFrame) -> np.ndarray:
        matrix = inputs.to_numpy()
        return np.column_stack([model.predict(matrix, num_threads=self.threads) for model in self.models])

    def _size(self, rows: pl.DataFrame) -> np.ndarray:
        if self.scale is None:
            return np.ones(rows.height)
        scale = pl.col(self.scale).cast(pl.Float64)
        return rows.select(pl.when(scale > 0).then(scale).otherwise(1.0)).to_series().to_numpy()

    def save(self, folder: Path) -> None:
        """Write parameters as JSON and models as LightGBM text."""
        folder.mkdir(parents=True, exist_ok=True)
        head = {name: getattr(self, name) for name in ("target", "seed", "scale", "rounds", "rate", "leaves", "threads")}
        (folder / FILE).write_text(json.dumps({**head, "features": list(self.features), "levels": list(self.levels)}), encoding="utf-8")
        for column, model in zip(self.columns, self.models, strict=True):
            (folder / f"{column}.txt").write_text(model.model_to_string(), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        import lightgbm as lgb

        made = cls(**json.loads((folder / FILE).read_text(encoding="utf-8")))
        made.models = [lgb.Booster(model_str=(folder / f"{column}.txt").read_text(encoding="utf-8")) for column in made.columns]
        return made
