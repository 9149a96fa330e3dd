"""A small bakery whose forecast and decision can be tuned, for the tests of sweeps: cheap to fit, slow on demand."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.sweep import begin as beginning
from pipelines.sweep import study, verbs
from pipelines.sweep.spec import read_spec
from usecases.__main__ import main

ROOT = Path(__file__).parents[1]
# ordering the mean of the last `weeks` same weekdays plus `extra` pieces; `pause_s` makes a trial as slow as a test needs it
CODE = '''
"""A bakery that orders the mean of past weekdays plus something extra."""

import json
import time
from dataclasses import dataclass
from pathlib import Path

import polars as pl
from pydantic import Field

from pipelines.settings import CaseSettings
from pipelines.usecase import Column, Options, Span, UseCase

SCHEMA = {
    "day": Column("date", "time", "day of sale"),
    "branch": Column("text", "key", "shop"),
    "demand": Column("number", "outcome", "pieces asked for", unit="pieces", minimum=0),
}


class Toy(CaseSettings):
    price_eur: float = Field(3.0, gt=0)
    make_eur: float = Field(1.0, gt=0)
    weeks: int = Field(2, ge=1, le=12)
    window: int = Field(7, ge=7, le=28)
    extra: float = Field(0.0, ge=-50, le=50)
    rounding: str = "whole"
    pause_s: float = Field(0.0, ge=0)
    hold: str = ""  # while this file exists no trial ends
    fails_above: float = 1000.0


@dataclass
class Mean:
    weeks: int
    pause_s: float
    hold: str
    target: str = "demand"
    columns: tuple = ("q0.5",)

    def fit(self, past):
        time.sleep(self.pause_s)
        while self.hold and Path(self.hold).exists():
            time.sleep(0.05)
        return self

    def predict(self, rows):
        lags = [f"lag{week}" for week in range(1, self.weeks + 1)]
        return rows.with_columns(pl.mean_horizontal(lags).fill_null(0.0).alias("q0.5"))

    def save(self, folder):
        (Path(folder) / "mean.json").write_text(json.dumps({"weeks": self.weeks}))


def features(rows, s):
    lags = {f"lag{w}": pl.col("demand").shift(s.window * w).over("branch", order_by="day") for w in range(1, 13)}
    return rows.with_columns(**lags)


def model(s):
    return Mean(s.weeks, s.pause_s, s.hold)


def decide(rows, s):
    if s.extra > s.fails_above:
        raise ValueError("no bread today")
    wanted = pl.col("q0.5") + s.extra
    return rows.with_columns(bake=(wanted.round() if s.rounding == "whole" else wanted).clip(0))


def usual(rows, s):
    return rows.with_columns(bake=(pl.col("lag1") * 1.1).ceil().fill_null(0))


def value(rows, s):
    sold, left = pl.min_horizontal("bake", "demand"), (pl.col("bake") - pl.col("demand")).clip(0)
    return rows.select(eur=pl.col("bake") * s.make_eur - sold * s.price_eur, kg_co2e=left * 0.1)


SEARCH = {
    "weeks": Span(1, 12, whole=True, unit="weeks"),
    "window": Span(7, 14, whole=True, unit="days"),
    "extra": Span(-20, 20, unit="pieces"),
    "rounding": Options(("whole", "exact")),
}
SLOTS = {"features": features, "model": model, "decide": decide, "usual": usual, "value": value}
CASE = UseCase(name="toy", schema=SCHEMA, settings=Toy, **SLOTS, search=SEARCH)
'''
SETTINGS = """
case = "toy"

[calendar]
closed = "no_row"

[periods]
refit_days = 400

[data.sales]
file = "sales.csv"
"""


def toy(folder: Path, **settings: Any) -> Path:
    """A folder with the use case, its settings and 240 days of sales of two branches."""
    folder.mkdir(parents=True)
    draw = np.random.default_rng(5)
    lines = ["day,branch,demand"]
    for number in range(240):
        day = date(2024, 1, 1) + timedelta(number)
        lines += [
            f"{day},{branch},{draw.poisson(level * (1.4 if day.weekday() == 5 else 1.0))}" for branch, level in (("A", 60), ("B", 25))
        ]
    (folder / "sales.csv").write_text("\n".join(lines), encoding="utf-8")
    (folder / "usecase.py").write_text(CODE, encoding="utf-8")
    own = "".join(f"{name} = {json.dumps(value)}\n" for name, value in settings.items())
    (folder / "settings.toml").write_text(own + SETTINGS, encoding="utf-8")
    return folder


def sweep(*words: object) -> int:
    """The command line in this process; returns the exit code."""
    return main(["sweep", *map(str, words)])


def command(*words: object) -> list[str]:
    """The same as a process of its own."""
    return [sys.executable, "-m", "usecases", "sweep", *map(str, words)]


def said(*words: object, cwd: Path | None = None) -> dict[str, Any]:
    """What the command prints as JSON, run as a process of its own; it must succeed."""
    done = subprocess.run([*command(*words), "--json"], cwd=cwd or ROOT, capture_output=True, text=True, check=False, env=environment())
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def environment() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1", "PYTHONPATH": str(ROOT)}


def values(trials: Sequence[Any]) -> list[tuple[Any, ...]]:
    """What trials tried and what came out, in order."""
    return [(sorted(trial.params.items()), tuple(trial.values)) for trial in trials if trial.values]


def opened(folder):
    return study.open_queue(folder, read_spec(folder))


def wish(case: Path, home: Path, **more):
    from pipelines.work import Request

    changes = tuple(f"{name}={value}" for name, value in more.pop("settings", {}).items())
    return beginning.Wish(Request(str(case), {}, None, None, changes, home, "en"), name="s", **more)


def told(capsys, *words):
    """What the command line prints as JSON, in this process."""
    assert sweep(*words, "--json") == 0
    return json.loads(capsys.readouterr().out)


def worked(case: Path, home: Path, compared: bool = False, **more):
    """A sweep begun and worked on in this process; returns its folder and the summary of `best`."""
    begun = beginning.begin(wish(case, home, **more))
    verbs.worker(begun.folder, {})
    return begun.folder, dict(verbs.best(verbs.Place(home, "s", {}, "en"), None, compared).summary)
