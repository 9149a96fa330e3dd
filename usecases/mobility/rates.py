"""Rates of rentals or returns per station-hour: smoothed profiles, and boosted trees with a Poisson loss on top of them."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from usecases.mobility.censoring import LEAST_OPEN
from usecases.mobility.linear import Past
from usecases.mobility.packed import HOURS

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
SIDES = {"rent": "back", "back": "rent"}  # each direction also looks at the other one
MEMBERS = ("trees", "level", "linear", "profile_56", "profile_112")
FLOOR = 1e-4  # events per hour: no rate is zero
SMALLEST_BASE, QUIETEST = 2e-3, 0.3  # events per hour and per day below which ratios mean nothing
LIMIT = 20.0  # a forecast this many times the station's profile is an accident of a tree
LEARNT = 0.7  # share of the rows each tree model learns from
SOURCES = ("7", "28", "56", "kind_56", "kind_112")


@dataclass(frozen=True)
class Inputs:
    """Inputs of one direction per row and hour: named arrays (R, 24), the profile they are relative to, and logs of means."""

    plain: dict[str, Floats]
    relative: dict[str, Floats]
    base: Floats
    profiles: dict[str, Floats]
    past: Past


def smoothed(rates: Floats) -> Floats:
    """Return hourly rates smoothed over the neighbouring hours (weights 1/4, 1/2, 1/4), midnight next to midnight."""
    return np.asarray(0.25 * np.roll(rates, 1, axis=1) + 0.5 * rates + 0.25 * np.roll(rates, -1, axis=1))


def inputs(rows: pl.DataFrame, side: str, stations: dict[str, int]) -> Inputs:
    """Return the model inputs of rows with features for rentals (`rent`) or returns (`back`)."""
    hourly = {name: rows[f"{side}_{name}"].to_numpy().astype(float) for name in SOURCES}
    other = {name: rows[f"{SIDES[side]}_{name}"].to_numpy().astype(float) for name in ("28", "kind_112")}
    level = {name: hourly[name].sum(axis=1) for name in SOURCES}
    city = {days: rows[f"{side}_city_{days}"].to_numpy() for days in (1, 3, 7, 28)}
    city_hour = _of_the_city(rows, hourly["kind_56"])
    shape = smoothed(hourly["kind_112"] + 0.02 * city_hour)
    base = np.maximum(level["kind_56"], 0.05)[:, None] * shape / np.maximum(shape.sum(axis=1, keepdims=True), 1e-6)
    base = np.maximum(base, SMALLEST_BASE)
    number = np.array([stations.get(name, -1) for name in rows["station"]], dtype=float)
    calendar = {"hour": np.broadcast_to(np.arange(HOURS, dtype=float), base.shape), "weekday": _wide(rows["weekday"].to_numpy()),
                "station": _wide(number)}  # fmt: skip
    scaled = hourly["kind_56"] * (city[7] / np.maximum(level_of_city(rows, level["56"]), 1.0))[:, None]
    plain = {**hourly, **calendar, "scaled": scaled, "station_7": _wide(level["7"]), "city_1": _wide(city[1]), "city_7": _wide(city[7]),
             "day_of_year": _wide(rows["day_of_year"].to_numpy())}  # fmt: skip
    del plain["kind_112"]
    typical = np.maximum(level["kind_56"], QUIETEST)
    relative = {f"hour_{name}": values / np.maximum(base, 0.01) for name, values in hourly.items()}
    relative |= {f"other_{name}": smoothed(values) / np.maximum(base, 0.01) for name, values in other.items()}
    relative |= {f"level_{name}": _wide(level[name] / typical) for name in ("7", "28", "56")}
    relative |= {f"last_{days}": _wide(rows[f"{side}_last_{days}"].to_numpy() / typical) for days in (1, 3)}
    relative |= {f"city_{days}": _wide(city[days] / np.maximum(city[28], 1.0)) for days in (1, 3, 7)}
    off = rows["day_off"].cast(pl.Float64).to_numpy()
    relative |= {**calendar, "base": base, "city_shape": city_hour, "typical": _wide(level["kind_56"]), "day_off": _wide(off)}
    profiles = {"profile_56": hourly["kind_56"], "profile_112": smoothed(hourly["kind_112"])}
    logs = [np.log(smoothed(smoothed(values)) + 0.01) for values in (*hourly.values(), *other.values())]
    logs += [*(_wide(np.log(values + QUIETEST)) for values in level.values()), np.log(city_hour + 1e-3)]
    logs += [_wide(np.log(rows[f"{side}_last_{days}"].to_numpy() + 0.5)) for days in (1, 3)]
    logs += [_wide(np.log(values + 5.0)) for values in city.values()]
    past = Past(np.stack(logs, axis=-1).astype(np.float32), np.column_stack([off, rows["weekday"].to_numpy()]))
    return Inputs(plain, relative, base, profiles, past)


def _wide(values: Floats) -> Floats:
    return np.broadcast_to(values.astype(float)[:, None], (len(values), HOURS))


def _of_the_city(rows: pl.DataFrame, hourly: Floats) -> Floats:
    """Return the share of each hour in the day of all stations together, per row."""
    days, number = np.unique(rows["day"].to_numpy(), return_inverse=True)
    total = np.zeros((len(days), HOURS))
    np.add.at(total, number, hourly)
    share = smoothed(total) / np.maximum(total.sum(axis=1, keepdims=True), 1e-9)
    return np.asarray(share[number])


def level_of_city(rows: pl.DataFrame, level: Floats) -> Floats:
    """Return the sum of a station level over all stations of the row's day."""
    days, number = np.unique(rows["day"].to_numpy(), return_inverse=True)
    return np.asarray(np.bincount(number, weights=level, minlength=len(days))[number])


@dataclass
class Trees:
    """Boosted trees for one direction; `level`: on the scale of the station's own profile, robust when everything grows."""

    level: bool
    seed: int
    threads: int
    text: str = field(default="", repr=False)

    def fit(self, made: Inputs, counts: Floats, exposed: Floats) -> "Trees":
        """Learn from inputs and counts (R, 24); `exposed`: the share of each hour in which counts could arise."""
        import lightgbm as lgb

        names = made.relative if self.level else made.plain
        share = exposed.reshape(-1)
        draw = (np.random.default_rng(self.seed).random(counts.size) < LEARNT) & (share >= LEAST_OPEN)
        table = np.stack(list(names.values()), axis=-1).reshape(counts.size, -1).astype(np.float32)[draw]
        offset = np.log(share[draw]) + (np.log(made.base.reshape(-1)[draw]) if self.level else 0.0)
        data = lgb.Dataset(table, counts.reshape(-1)[draw], init_score=offset, feature_name=list(names))
        self.text = lgb.train(self._parameters(), data, num_boost_round=200 if self.level else 250).model_to_string()
        return self

    def _parameters(self) -> dict[str, Any]:
        rows, rate = (600, 0.04) if self.level else (400, 0.06)
        return {"objective": "poisson", "learning_rate": rate, "num_leaves": 31, "min_data_in_leaf": rows, "bagging_fraction": 0.8,
                "bagging_freq": 1, "feature_fraction": 0.8, "extra_trees": True, "seed": self.seed, "num_threads": self.threads,
                "verbose": -1, "deterministic": True, "force_row_wise": True}  # fmt: skip

    def predict(self, made: Inputs) -> Floats:
        """Return rates per row and hour (R, 24)."""
        import lightgbm as lgb

        names = made.relative if self.level else made.plain
        table = np.stack(list(names.values()), axis=-1).reshape(made.base.size, -1).astype(np.float32)
        raw = np.asarray(lgb.Booster(model_str=self.text).predict(table, raw_score=True, num_threads=self.threads)).reshape(made.base.shape)
        if not self.level:
            return np.asarray(np.exp(np.minimum(raw, 10.0)))
        return np.asarray(np.minimum(made.base * np.exp(np.minimum(raw, 10.0)), LIMIT * made.base + 1.0))
