"""What the forecasters of a panel of series share: names of its columns, quantile columns, pinball loss, files without pickle."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

Floats = npt.NDArray[np.float64]
FILE = "model.json"


@dataclass(frozen=True)
class Panel:
    """Names of a panel's columns.

    Parameters
    ----------
    target
        Outcome to forecast, in its unit; null = closed or not yet known.
    level
        The series' usual size for that weekday, in the target's unit, as known at the deadline; null = no history.
    age
        Days since the series began.
    """

    time: str = "day"
    keys: tuple[str, ...] = ("branch", "product")
    target: str = "demand"
    level: str = "level"
    age: str = "age"

    def series(self) -> pl.Expr:
        """Return one text per series."""
        return pl.concat_str(self.keys, separator="|")


PANEL = Panel()


def quantile_columns(levels: Sequence[float], prefix: str = "") -> list[str]:
    """Column names of quantile levels, for example `q0.5`."""
    return [f"{prefix}q{level:g}" for level in levels]


def pinball(truth: Floats, forecast: Floats, level: float) -> float:
    """Mean pinball loss in the target's unit (Koenker and Bassett 1978)."""
    gap = truth - forecast
    return float(np.mean(np.maximum(level * gap, (level - 1) * gap)))


def ordered(values: Floats) -> Floats:
    """Return quantiles (rows x levels) at least zero and in rising order."""
    found: Floats = np.sort(np.maximum(values, 0), axis=1)
    return found


def attach(rows: pl.DataFrame, values: Floats, levels: Sequence[float], model: str) -> pl.DataFrame:
    """Append the quantiles (rows x levels), at least zero and in rising order, and the name of the model that made them."""
    found = ordered(values)
    columns = [pl.Series(name, found[:, i]) for i, name in enumerate(quantile_columns(levels))]
    return rows.with_columns(*columns, pl.lit(model).alias("model_used"))


def weighted_quantile(values: Floats, weights: Floats, levels: Sequence[float]) -> Floats:
    """Smallest values whose cumulated weight reaches each level."""
    order = np.argsort(values, kind="stable")
    total = np.cumsum(weights[order])
    found = np.searchsorted(total, np.asarray(levels) * total[-1])
    chosen: Floats = values[order][np.minimum(found, len(values) - 1)]
    return chosen


def saved_panel(panel: Panel) -> dict[str, Any]:
    """Return the panel as JSON values under the name `panel`."""
    return {"panel": asdict(panel)}


def with_panel(head: dict[str, Any]) -> dict[str, Any]:
    """Return what `saved_panel` wrote with the panel made again."""
    panel = head["panel"]
    return {**head, "panel": Panel(**{**panel, "keys": tuple(panel["keys"])})}


def write_json(folder: Path, content: Mapping[str, Any]) -> None:
    """Write `content` as `model.json`, creating the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FILE).write_text(json.dumps(content, indent=1, ensure_ascii=False), encoding="utf-8")


def read_json(folder: Path) -> dict[str, Any]:
    """Read `model.json`."""
    content: dict[str, Any] = json.loads((folder / FILE).read_text(encoding="utf-8"))
    return content
