"""Several forecasters as one: weights per level and recalibration are chosen on the select period, then stay fixed."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
import polars as pl

from pipelines.models.conformal import OFF, Recalibration, choose_recalibration, corrected, factors
from pipelines.models.panel import PANEL, Floats, Panel, attach, quantile_columns, read_json, saved_panel, with_panel, write_json
from pipelines.models.simple import Residual, WeekdayQuantile
from pipelines.models.two_stage import TwoStage
from pipelines.models.weights import convex_weights

Member = TwoStage | Residual | WeekdayQuantile
KINDS: dict[str, type[Member]] = {kind.__name__: kind for kind in (TwoStage, Residual, WeekdayQuantile)}
TOO_SMALL = "simple rule"  # the model_used of rows with too little history


@dataclass
class Combination:
    """Members, their weights per level, and the running recalibration.

    Parameters
    ----------
    members
        Forecasters by name; `fallback` names the simple one used while there is too little history.
    lead
        Days between the last known outcome and the decision.
    minimum_rows, minimum_days
        Below this much history the fall-back makes every number.
    weights
        Per member one weight per level; empty until `choose`.
    factors
        Recalibration of the quantiles by group, from the newest known outcomes.
    """

    levels: Sequence[float]
    members: dict[str, Member]
    fallback: str
    panel: Panel = PANEL
    lead: int = 1
    minimum_rows: int = 500
    minimum_days: int = 56
    weights: dict[str, list[float]] = field(default_factory=dict)
    recalibration: Recalibration = OFF
    factors: dict[str, list[float]] = field(default_factory=dict)
    enough: bool = False

    @property
    def target(self) -> str:
        """The outcome that is forecast."""
        return self.panel.target

    @property
    def columns(self) -> list[str]:
        """The forecast columns."""
        return quantile_columns(self.levels)

    @property
    def inputs(self) -> list[str]:
        """The columns that the trees read, each once; the plain rules read the series' own history."""
        return list(dict.fromkeys(name for model in self._active().values() if isinstance(model, TwoStage) for name in model.inputs))

    @property
    def choices(self) -> Mapping[str, Any]:
        """What was chosen on the select period."""
        return {"weights": self.weights, "recalibration": asdict(self.recalibration)}

    def _active(self) -> dict[str, Member]:
        return {
            name: model for name, model in self.members.items() if not self.weights or sum(self.weights[name]) > 0 or name == self.fallback
        }

    def fit(self, past: pl.DataFrame) -> Self:
        """Fit every member that counts; with too little history the fall-back alone."""
        seen = past.filter(pl.col(self.target).is_not_null() & pl.col(self.panel.level).is_not_null())
        self.factors = {}
        self.enough = seen.height >= self.minimum_rows and seen[self.panel.time].n_unique() >= self.minimum_days
        for name, model in self._active().items():
            if self.enough or name == self.fallback:
                model.fit(past)
        return self

    def predict(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return the rows with the combined quantiles, those of each member (`<member>:q0.5`) and `model_used`."""
        numbered = rows.with_row_index("_row")
        known = pl.col(self.panel.level).is_not_null() if self.enough else pl.lit(value=False)
        parts = [self._combined(numbered.filter(known)), self._simple(numbered.filter(~known))]
        made = pl.concat([part for part in parts if part.height], how="diagonal").sort("_row").drop("_row")
        return corrected(made, self.factors, self.levels, self.recalibration)

    def _combined(self, rows: pl.DataFrame) -> pl.DataFrame:
        if rows.is_empty():
            return rows
        made = {name: model.predict(rows).select(self.columns).to_numpy() for name, model in self._active().items()}
        single = [pl.Series(f"{name}:{column}", table[:, i]) for name, table in made.items() for i, column in enumerate(self.columns)]
        return attach(rows.with_columns(single), self._mix(made), self.levels, " + ".join(self._counting(made)))

    def _simple(self, rows: pl.DataFrame) -> pl.DataFrame:
        if rows.is_empty():
            return rows
        return self.members[self.fallback].predict(rows).with_columns(pl.lit(TOO_SMALL).alias("model_used"))

    def _counting(self, made: Mapping[str, Floats]) -> list[str]:
        return [name for name in made if not self.weights or sum(self.weights[name]) > 0]

    def _mix(self, made: Mapping[str, Floats]) -> Floats:
        names = self._counting(made)
        equal = [1 / len(names)] * len(self.levels)
        total: Floats = np.sum([made[name] * np.asarray(self.weights.get(name, equal))[None, :] for name in names], axis=0)
        return total

    def choose(self, select: pl.DataFrame) -> None:
        """Fix weights and recalibration by the pinball loss of the members' forecasts on the select period."""
        scored = select.filter(pl.col(self.target).is_not_null() & (pl.col("model_used") != TOO_SMALL))
        if scored.height < self.minimum_rows:
            return
        truth = scored[self.target].cast(pl.Float64).to_numpy()
        found: dict[str, list[float]] = {name: [] for name in self.members}
        for level, column in zip(self.levels, self.columns, strict=True):
            table = scored.select(f"{name}:{column}" for name in self.members).to_numpy()
            for name, weight in zip(self.members, convex_weights(table, truth, level), strict=True):
                found[name].append(float(weight))
        self.weights = found
        self.recalibration = choose_recalibration(self._remixed(scored), self.levels, self.lead, self.panel)

    def _remixed(self, forecasts: pl.DataFrame) -> pl.DataFrame:
        """Return forecasts combined anew from the members' columns with the weights as they are now."""
        numbered, modelled = forecasts.with_row_index("_row"), pl.col("model_used") != TOO_SMALL
        rows, rest = numbered.filter(modelled), numbered.filter(~modelled)
        if rows.is_empty():
            return forecasts
        names = [
            name
            for name in self.members
            if f"{name}:{self.columns[0]}" in rows.columns and (not self.weights or sum(self.weights[name]) > 0)
        ]
        made = {name: rows.select(f"{name}:{column}" for column in self.columns).to_numpy() for name in names}
        mixed = attach(rows, self._mix(made), self.levels, " + ".join(names))
        return pl.concat([mixed, rest], how="vertical_relaxed").sort("_row").drop("_row")

    def final(self, forecasts: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
        """Return the forecasts combined with the chosen weights and recalibrated on `known`: earlier ones beside their outcomes."""
        self.settle(known)
        return corrected(self._remixed(forecasts), self.factors, self.levels, self.recalibration)

    def settle(self, known: pl.DataFrame) -> None:
        """Take the recalibration from the newest known outcomes, for the forecasts that come next."""
        self.factors = {}
        if known.height and self.recalibration.window_days:
            time = pl.col(self.panel.time).cast(pl.Date)
            recent = known.filter(time > time.max() - pl.duration(days=self.recalibration.window_days))
            self.factors = factors(self._remixed(recent), self.levels, self.recalibration, self.panel)

    def save(self, folder: Path) -> None:
        """Write choices as JSON and every active member in a folder of its own."""
        active = self._active()
        names = ("fallback", "lead", "minimum_rows", "minimum_days", "factors", "enough")
        head = {**saved_panel(self.panel), **{name: getattr(self, name) for name in names}, "levels": list(self.levels)}
        weights = {name: self.weights[name] for name in active} if self.weights else {}
        kinds = {name: type(model).__name__ for name, model in active.items()}
        write_json(folder, {**head, "weights": weights, "recalibration": asdict(self.recalibration), "members": kinds})
        for name, model in active.items():
            if self.enough or name == self.fallback:
                model.save(folder / name)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        head = with_panel(read_json(folder))
        kinds = head.pop("members")
        kept = {name: kind for name, kind in kinds.items() if (folder / name).is_dir()}
        members: dict[str, Member] = {name: KINDS[kind].load(folder / name) for name, kind in kept.items()}
        return cls(**{**head, "members": members, "recalibration": Recalibration(**head["recalibration"])})
