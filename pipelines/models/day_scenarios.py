"""Joint scenarios of a whole day: calibrated quantiles per step, tied together by the rank courses of past days.

Quantiles: LightGBM (Ke et al. 2017), recalibrated on the recent past (conformalized quantile regression, Romano et al. 2019, scaled by
the width of the band). Joint courses: the Schaake shuffle (Clark et al. 2004): each past day gives the course of its ranks in its own
forecast, and the new day's quantiles at these ranks are one scenario. So peaks, ramps and their persistence stay as they were seen,
which quantiles per step cannot tell.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import ndtri

Floats = NDArray[np.float64]
Shifts = Mapping[str, Sequence[Sequence[float]]]  # per series: part of the day, level
WINDOWS = (56, 112, 168)  # days of evidence for recalibration, chosen on select
DAY_PARTS = 12  # a forecast errs otherwise at night than in the morning: each part of the day is recalibrated by itself
BAND = 0.8
FURTHEST = 2.75  # normal score: scenarios reach no further into the tails
LEAST_DAYS = 10  # fewer past days tie no scenarios together: all steps then move together
HEAD, MODEL = "scenarios.json", "model"


@dataclass
class DayScenarios:
    """Quantiles and joint scenarios of the target.

    Parameters
    ----------
    target, minus
        Outcome forecast; outcome taken off it in the scenarios (its course is that of the past day), or None.
    features
        Numeric feature columns.
    levels
        Ascending quantile levels.
    count
        Number of scenarios.
    members
        LightGBM parameters and rounds of each ensemble; their quantiles are averaged.
    scale, key, day, step, kind
        Columns: usual level of the series, its name, the day and the number of the step within it (0 to `steps` − 1), the kind of day.
    """

    target: str
    features: Sequence[str]
    levels: Sequence[float]
    count: int
    members: Sequence[tuple[Mapping[str, Any], int]]
    minus: str | None = None
    scale: str = "level"
    key: str = "site"
    day: str = "date"
    step: str = "slot"
    kind: str = "kind"
    steps: int = 96
    seed: int = 1
    threads: int = 1
    window: int = 56
    models: list[list[Any]] = field(default_factory=list, repr=False)
    shifts: dict[str, list[list[float]]] = field(default_factory=dict, repr=False)
    past: pl.DataFrame | None = field(default=None, repr=False)

    @property
    def columns(self) -> list[str]:
        """The quantiles and the scenarios."""
        return [*self.quantiles, *self.paths]

    @property
    def quantiles(self) -> list[str]:
        """The quantile columns."""
        return [f"q{level:g}" for level in self.levels]

    @property
    def paths(self) -> list[str]:
        """The scenario columns."""
        return [f"path_{number:02d}" for number in range(self.count)]

    @property
    def choices(self) -> dict[str, Any]:
        """What was chosen on select."""
        return {"recalibration_days": self.window}

    def fit(self, past: pl.DataFrame) -> Self:
        """Fit every member's quantiles on rows whose target and level are known."""
        import lightgbm as lgb

        rows = past.filter(pl.col(self.target).is_not_null() & (pl.col(self.scale) > 0))
        share = (rows[self.target].cast(pl.Float64) / rows[self.scale]).to_numpy()
        inputs = self._inputs(rows)
        plain = {"objective": "quantile", "num_threads": self.threads, "seed": self.seed, "deterministic": True, "force_col_wise": True}
        few = {"min_child_samples": max(1, min(20, rows.height // 4))} if rows.height < 2000 else {}  # noqa: PLR2004 - three weeks
        self.models = []
        for parameters, rounds in self.members:
            settings = {**plain, **parameters, **few, "verbose": -1}
            data = lgb.Dataset(inputs, share, params=settings)
            self.models.append([lgb.train({**settings, "alpha": level}, data, rounds) for level in self.levels])
        return self

    def predict(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return the rows with quantiles and scenarios; recalibrated and tied together once `settle` has been called."""
        inputs, size = self._inputs(rows), rows[self.scale].cast(pl.Float64).fill_null(0.0).to_numpy()
        made = np.zeros((rows.height, len(self.levels)))
        for member in self.models:
            made += np.column_stack([model.predict(inputs, num_threads=self.threads) for model in member])
        made = np.maximum(np.sort(made / max(len(self.models), 1), axis=1), 0.0) * size[:, None]
        raw = rows.with_columns(pl.Series(name, made[:, place]) for place, name in enumerate(self.quantiles))
        return self._finished(raw, self.shifts, self.past)

    def choose(self, select: pl.DataFrame) -> None:
        """Choose how many days recalibration looks back: the 80 % band nearest to 80 % over the later half of select."""
        days = select[self.day]
        middle = days.min() + (days.max() - days.min()) / 2  # type: ignore[operator]
        gaps = []
        for window in WINDOWS:
            inside = []
            for origin in days.filter(days > middle).unique().sort().gather_every(7):
                due = select.filter(pl.col(self.day).is_between(origin, origin + timedelta(days=6)))
                known = select.filter(pl.col(self.day) < origin - timedelta(days=1))
                made = self._shifted(due, self._shifts(known, window))
                inside.append(((due[self.target] >= made[self.quantiles[0]]) & (due[self.target] <= made[self.quantiles[-1]])).to_numpy())
            gaps.append(abs(float(np.concatenate(inside).mean()) - BAND) if inside else 1.0)
        self.window = WINDOWS[int(np.argmin(gaps))]

    def final(self, forecasts: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
        """Return the forecasts recalibrated and tied together by the days known."""
        return self._finished(forecasts, self._shifts(known, self.window), known)

    def settle(self, known: pl.DataFrame) -> None:
        """Keep what `predict` needs from now on: shifts and rank courses of the latest days."""
        self.shifts = self._shifts(known, self.window)
        wanted = [self.key, self.day, self.step, self.kind, self.target, *([self.minus] if self.minus else []), *self.quantiles]
        last = known[self.day].max()
        self.past = known.filter(pl.col(self.day) > last - timedelta(days=max(WINDOWS))).select(wanted)  # type: ignore[operator]

    def save(self, folder: Path) -> None:
        """Write parameters as JSON, models as LightGBM text, the latest days as Parquet."""
        folder.mkdir(parents=True, exist_ok=True)
        names = (
            [
                "target",
                "levels",
                "count",
                "members",
                "minus",
                "scale",
                "key",
                "day",
                "step",
                "kind",
                "steps",
                "seed",
                "threads",
                "window",
                "shifts",
            ],
            ("features",),
        )
        head = {name: getattr(self, name) for part in names for name in part}
        (folder / HEAD).write_text(json.dumps(head), encoding="utf-8")
        for number, member in enumerate(self.models):
            for name, model in zip(self.quantiles, member, strict=True):
                (folder / f"{MODEL}_{number}_{name}.txt").write_text(model.model_to_string(), encoding="utf-8")
        if self.past is not None:
            self.past.write_parquet(folder / "past.parquet")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        import lightgbm as lgb

        made = cls(**json.loads((folder / HEAD).read_text(encoding="utf-8")))
        for number in range(len(made.members)):
            files = [folder / f"{MODEL}_{number}_{name}.txt" for name in made.quantiles]
            made.models.append([lgb.Booster(model_str=file.read_text(encoding="utf-8")) for file in files])
        file = folder / "past.parquet"
        made.past = pl.read_parquet(file) if file.is_file() else None
        return made

    def _inputs(self, rows: pl.DataFrame) -> Floats:
        return np.asarray(rows.select(pl.col(name).cast(pl.Float32) for name in self.features).to_numpy())

    def _shifts(self, known: pl.DataFrame, window: int) -> dict[str, list[list[float]]]:
        """Return per series, part of the day and level how far a quantile is moved, in widths of the band."""
        if known.is_empty():
            return {}
        last = known[self.day].max()
        recent = known.filter((pl.col(self.day) > last - timedelta(days=window)) & pl.col(self.target).is_not_null())  # type: ignore[operator]
        found = {}
        for (name,), part in recent.group_by(self.key, maintain_order=True):
            if part[self.day].n_unique() < LEAST_DAYS:
                continue
            made = part.select(self.quantiles).to_numpy()
            width = np.maximum(made[:, -1] - made[:, 0], 1e-9)
            misses = (part[self.target].cast(pl.Float64).to_numpy()[:, None] - made) / width[:, None]
            parts = self._day_part(part)
            found[str(name)] = [self._at_levels(misses[parts == number]) for number in range(DAY_PARTS)]
        return found

    def _day_part(self, rows: pl.DataFrame) -> NDArray[np.int64]:
        return np.asarray(rows[self.step].to_numpy() * DAY_PARTS // self.steps, dtype=np.int64)

    def _at_levels(self, misses: Floats) -> list[float]:
        if not len(misses):
            return [0.0] * len(self.levels)
        return [float(np.quantile(misses[:, place], level)) for place, level in enumerate(self.levels)]

    def _shifted(self, rows: pl.DataFrame, shifts: Shifts) -> pl.DataFrame:
        if not shifts:
            return rows
        made = rows.select(self.quantiles).to_numpy()
        names = sorted(shifts)
        table = np.array([*(shifts[name] for name in names), np.zeros((DAY_PARTS, len(self.levels)))])
        place = {name: number for number, name in enumerate(names)}
        move = table[[place.get(str(name), -1) for name in rows[self.key]], self._day_part(rows)]
        moved = np.maximum(np.sort(made + move * np.maximum(made[:, -1:] - made[:, :1], 0), axis=1), 0)
        return rows.with_columns(pl.Series(name, moved[:, place]) for place, name in enumerate(self.quantiles))

    def _finished(self, raw: pl.DataFrame, shifts: Shifts, past: pl.DataFrame | None) -> pl.DataFrame:
        made = self._shifted(raw, shifts)
        days = {} if past is None or past.is_empty() else self._rank_courses(self._shifted(past, shifts))
        paths = np.zeros((raw.height, self.count))
        numbered = made.with_row_index("_row")
        for (name, _), part in numbered.group_by(self.key, self.day, maintain_order=True):
            place = part["_row"].to_numpy()
            paths[place] = self._paths(part, days.get(str(name), []))
        return made.with_columns(pl.Series(name, paths[:, place]) for place, name in enumerate(self.paths))

    def _rank_courses(self, past: pl.DataFrame) -> dict[str, list[tuple[Any, Floats, Floats]]]:
        """Return per series its past days, oldest first: kind of day, normal scores and the subtracted course, each (steps,)."""
        found: dict[str, list[tuple[Any, Floats, Floats]]] = {}
        ordered = past.filter(pl.col(self.target).is_not_null()).sort(self.key, self.day, self.step)
        for (name, _), part in ordered.group_by(self.key, self.day, maintain_order=True):
            place = part[self.step].to_numpy()
            if len(np.unique(place)) < self.steps - 4:  # an incomplete day; the day of the clock change in spring is complete enough
                continue
            score, taken = np.zeros(self.steps), np.zeros(self.steps)
            score[place] = scores_of(
                np.array(self.levels), part.select(self.quantiles).to_numpy(), part[self.target].to_numpy().astype(float)
            )
            if self.minus:
                taken[place] = part[self.minus].fill_null(0.0).to_numpy()
            found.setdefault(str(name), []).append((part[self.kind][0], score, taken))
        return found

    def _paths(self, day: pl.DataFrame, past: list[tuple[Any, Floats, Floats]]) -> Floats:
        """Return the scenarios of one day (rows, count)."""
        kind, place = day[self.kind][0], day[self.step].to_numpy()
        alike = [course for course in past if course[0] == kind]
        used = (alike if len(alike) >= LEAST_DAYS else past)[-self.count :]
        made = day.select(self.quantiles).to_numpy()
        if len(used) < LEAST_DAYS:
            even = ndtri((np.arange(self.count) + 0.5) / self.count)
            return values_at(np.array(self.levels), made, np.tile(even, (day.height, 1)))
        turn = [used[number % len(used)] for number in range(self.count)]
        scores = np.column_stack([score[place] for _, score, _ in turn])
        taken = np.column_stack([course[place] for _, _, course in turn])
        return np.asarray(values_at(np.array(self.levels), made, scores) - taken)


def scores_of(levels: Floats, quantiles: Floats, values: Floats) -> Floats:
    """Return the normal score of each value (N,) in its forecast (N, L): linear between levels, the last slope beyond them."""
    marks, rising = ndtri(levels), quantiles + np.arange(len(levels)) * 1e-6
    right = np.clip((values[:, None] > rising).sum(axis=1), 1, len(levels) - 1)
    rows = np.arange(len(values))
    low, high = rising[rows, right - 1], rising[rows, right]
    share = (values - low) / np.maximum(high - low, 1e-9)
    return np.asarray(np.clip(marks[right - 1] + share * (marks[right] - marks[right - 1]), -FURTHEST, FURTHEST))


def values_at(levels: Floats, quantiles: Floats, scores: Floats) -> Floats:
    """Return the forecast (N, L) at normal scores (N, M), not below zero; the inverse of `scores_of`."""
    marks = ndtri(levels)
    right = np.clip(np.searchsorted(marks, scores), 1, len(levels) - 1)
    rows = np.arange(len(quantiles))[:, None]
    low, high = quantiles[rows, right - 1], quantiles[rows, right]
    share = (scores - marks[right - 1]) / (marks[right] - marks[right - 1])
    return np.asarray(np.maximum(low + share * (high - low), 0.0))
