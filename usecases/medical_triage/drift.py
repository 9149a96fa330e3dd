"""Do the visits still look like those the model was fitted on? One figure per input, and the share of missing values then and now.

Population stability index: sum over bins of (now - then) * ln(now / then); below 0.1 counts as stable, above 0.25 as another population
(Siddiqi 2006). Missing values are a bin of their own: they are what differs first between departments.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Self

import numpy as np
import polars as pl

BINS, LEVELS = 10, 20  # of a number by quantiles of the past; of a category, the most frequent ones
LEAST_SHARE = 1e-4  # an empty bin counts as this, or one visit in it would be infinitely far
LEAST_ROWS = 500  # with fewer visits the figure is mostly chance
MISSING, OTHER = "", "*"


@dataclass(frozen=True)
class Moved:
    """One input: stability index, and the share of missing values in the fit and now."""

    name: str
    psi: float
    missing_then: float
    missing_now: float


@dataclass
class Profile:
    """Shares of each input's bins in the past; the missing ones first."""

    edges: dict[str, list[float]] = field(default_factory=dict)
    levels: dict[str, list[str]] = field(default_factory=dict)
    shares: dict[str, list[float]] = field(default_factory=dict)

    def fit(self, past: pl.DataFrame, numbers: Sequence[str], categories: Sequence[str]) -> Self:
        """Learn the shares."""
        self.edges, self.levels = {}, {}
        for name in numbers:
            values = past[name].cast(pl.Float64).drop_nulls().to_numpy()
            self.edges[name] = np.unique(np.quantile(values, np.linspace(0, 1, BINS + 1)[1:-1])).tolist() if len(values) else []
        for name in categories:
            counted = (
                past[name].cast(pl.String).drop_nulls().value_counts(sort=True, name="rows").sort("rows", name, descending=[True, False])
            )
            self.levels[name] = counted[name].head(LEVELS).to_list()
        self.shares = {name: self._shares(past, name) for name in (*self.edges, *self.levels)}
        return self

    def _shares(self, rows: pl.DataFrame, name: str) -> list[float]:
        gone = rows[name].is_null().to_numpy()
        if name in self.edges:
            place = np.searchsorted(self.edges[name], rows[name].cast(pl.Float64).fill_null(0.0).to_numpy(), side="left") + 1
            width = len(self.edges[name]) + 2
        else:
            known = {level: number for number, level in enumerate(self.levels[name], start=1)}
            place = np.array([known.get(level, len(known) + 1) for level in rows[name].cast(pl.String).fill_null(MISSING)], dtype=np.int64)
            width = len(known) + 2
        counted = np.bincount(np.where(gone, 0, place), minlength=width)
        return [float(share) for share in counted / max(rows.height, 1)]

    def moved(self, rows: pl.DataFrame) -> list[Moved]:
        """Return every input that the rows have, the one that moved most first; nothing for few rows."""
        if rows.height < LEAST_ROWS:
            return []
        found = []
        for name, then in self.shares.items():
            if name in rows.columns:
                now = self._shares(rows, name)
                before, after = (np.maximum(np.array(part), LEAST_SHARE) for part in (then, now))
                found.append(Moved(name, float(((after - before) * np.log(after / before)).sum()), then[0], now[0]))
        return sorted(found, key=lambda one: (-one.psi, one.name))


def written(moved: Sequence[Moved]) -> str:
    """Return the figures as one text: the forecasts carry it to the report."""
    return json.dumps([asdict(one) for one in moved]) if moved else ""


def read(rows: pl.DataFrame) -> list[Moved]:
    """Return the figures that forecasts carry; of several fits those of the latest."""
    said = (
        rows["drift"].drop_nulls().filter(rows["drift"].drop_nulls() != "") if "drift" in rows.columns else pl.Series([], dtype=pl.String)
    )
    return [Moved(**one) for one in json.loads(said[-1])] if len(said) else []
