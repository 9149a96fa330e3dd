"""Rules anyone can check by hand: weekday quantiles, and the weekday level times a residual quantile."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import numpy as np
import polars as pl

from pipelines.models.panel import (
    PANEL,
    Floats,
    Panel,
    attach,
    quantile_columns,
    read_json,
    saved_panel,
    weighted_quantile,
    with_panel,
    write_json,
)

WINDOWS = (8, 26, 52)  # same weekdays looked back
SERIES = "_series"
LEVEL = "level"  # the point forecast that is the level itself
POOLED = "*"  # residuals of all series together


def weekday_columns(rows: pl.DataFrame, levels: Sequence[float], panel: Panel, weeks: Sequence[int] = WINDOWS) -> pl.DataFrame:
    """Add `weekday_8_q0.5`, ...: quantiles of the last n same weekdays, closed days skipped (sample average approximation).

    `rows` must hold a complete daily grid. Last week's weekday is the newest value used, so any lead up to seven days is safe.
    """
    weekday = pl.col(panel.time).dt.weekday()
    past = pl.col(panel.target).cast(pl.Float64)
    found = {
        f"weekday_{n}_q{level:g}": past.rolling_quantile(level, "linear", window_size=n, min_samples=3)
        .shift(1)
        .over([*panel.keys, weekday], order_by=panel.time)
        for n in weeks
        for level in levels
    }
    return rows.with_columns(what.cast(pl.Float32).alias(name) for name, what in found.items())


@dataclass
class WeekdayQuantile:
    """Quantile of the last same weekdays; the number of weeks is the one that was best on the past."""

    levels: Sequence[float]
    panel: Panel = PANEL
    weeks: Sequence[int] = WINDOWS
    chosen: int = 0
    name: str = "weekday_quantile"

    @property
    def target(self) -> str:
        """The outcome that is forecast."""
        return self.panel.target

    @property
    def columns(self) -> list[str]:
        """The forecast columns."""
        return quantile_columns(self.levels)

    def fit(self, past: pl.DataFrame) -> Self:
        """Choose the window with the least pinball loss over the last half year."""
        recent = past.filter(pl.col(self.panel.time) > pl.col(self.panel.time).max() - pl.duration(days=182))
        losses = {}
        for n in self.weeks:
            gaps = [(pl.col(self.panel.target) - pl.col(f"weekday_{n}_q{level:g}"), level) for level in self.levels]
            losses[n] = recent.select(
                pl.sum_horizontal(pl.max_horizontal(level * gap, (level - 1) * gap) for gap, level in gaps).mean()
            ).item()
        self.chosen = min(losses, key=lambda n: np.inf if losses[n] is None else losses[n])
        return self

    def predict(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Append the quantiles; a series without three same weekdays gets its level."""
        cells = [pl.coalesce(pl.col(f"weekday_{self.chosen}_q{level:g}"), pl.col(self.panel.level), pl.lit(0.0)) for level in self.levels]
        values = rows.select(cell.alias(str(i)) for i, cell in enumerate(cells)).to_numpy().astype(np.float64)
        return attach(rows, values, self.levels, f"{self.name}_{self.chosen}")

    def save(self, folder: Path) -> None:
        """Write the chosen window as JSON."""
        write_json(
            folder,
            {**saved_panel(self.panel), "levels": list(self.levels), "weeks": list(self.weeks), "chosen": self.chosen, "name": self.name},
        )

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        return cls(**with_panel(read_json(folder)))


@dataclass
class Residual:
    """A point forecast column times quantiles of demand / forecast, per series, drawn towards all series while data are few.

    `points` names candidate columns (ratios to `level`, or `level` itself); each series takes the one with the least absolute error
    over the last `days`. With the columns of `smoothing.causal_columns` this is the exponential-smoothing member.
    """

    levels: Sequence[float]
    panel: Panel = PANEL
    points: Sequence[str] = (LEVEL,)
    days: int = 365
    prior: float = 60.0
    name: str = "level_residual"
    choice: dict[str, str] = field(default_factory=dict)
    ratios: dict[str, list[float]] = field(default_factory=dict)

    @property
    def target(self) -> str:
        """The outcome that is forecast."""
        return self.panel.target

    @property
    def columns(self) -> list[str]:
        """The forecast columns."""
        return quantile_columns(self.levels)

    def _point(self, column: str) -> pl.Expr:
        level = pl.col(self.panel.level).cast(pl.Float64)
        return level if column == LEVEL else level * pl.col(column).cast(pl.Float64).fill_null(1.0)

    def fit(self, past: pl.DataFrame) -> Self:
        """Choose the point forecast and the residual quantiles of every series."""
        known = pl.col(self.panel.target).is_not_null() & pl.col(self.panel.level).is_not_null()
        recent = past.filter(known & (pl.col(self.panel.time) > pl.col(self.panel.time).max() - pl.duration(days=self.days)))
        made = recent.select(self.panel.series().alias(SERIES), self.panel.target, **{name: self._point(name) for name in self.points})
        errors = {name: (pl.col(self.panel.target) - pl.col(name)).abs().sum() for name in self.points}
        every = made.select(**errors).row(0, named=True)
        own = {row[SERIES]: row for row in made.group_by(SERIES, maintain_order=True).agg(**errors).iter_rows(named=True)}
        self.choice = {POOLED: min(self.points, key=lambda name: every[name])}
        self.choice |= {series: min(self.points, key=lambda name: row[name]) for series, row in own.items()}
        parts = {str(key[0]): part for key, part in made.partition_by(SERIES, as_dict=True, maintain_order=True).items()}
        pooled = self._quantiles(made, self.choice[POOLED])
        self.ratios = {POOLED: pooled.tolist()}
        for series, part in parts.items():
            share = part.height / (part.height + self.prior)
            self.ratios[series] = (share * self._quantiles(part, self.choice[series]) + (1 - share) * pooled).tolist()
        return self

    def _quantiles(self, part: pl.DataFrame, column: str) -> Floats:
        point = np.maximum(part[column].to_numpy(), 1e-6)
        return weighted_quantile(part[self.panel.target].cast(pl.Float64).to_numpy() / point, point, self.levels)

    def predict(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Append the quantiles; an unknown series uses the residuals of all."""
        series = rows.select(self.panel.series().alias(SERIES)).to_series().to_list()
        points = rows.select(self._point(name).fill_null(0.0).alias(name) for name in self.points).to_numpy()
        column = {name: i for i, name in enumerate(self.points)}
        index = np.array([column[self.choice.get(s, self.choice[POOLED])] for s in series], dtype=np.intp)
        ratio = np.array([self.ratios.get(s, self.ratios[POOLED]) for s in series]).reshape(len(series), len(self.levels))
        return attach(rows, points[np.arange(len(series)), index][:, None] * ratio, self.levels, self.name)

    def save(self, folder: Path) -> None:
        """Write choices and residual quantiles as JSON."""
        head = {"levels": list(self.levels), "points": list(self.points), "days": self.days, "prior": self.prior}
        write_json(folder, {**saved_panel(self.panel), **head, "name": self.name, "choice": self.choice, "ratios": self.ratios})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        return cls(**with_panel(read_json(folder)))
