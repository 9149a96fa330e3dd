"""Row a of the mobility bars: hourly rentals of one city, a day ahead, on the UCI Bike Sharing data.

Run: python -m benchmarks.mobility_uci ../shared/data/mobility/uci_bike/hour.csv [--test]

The idea of the use case's forecaster: boosted trees on a scale that grows with the city. Every input and every target is relative to the
level of the last week or to the city's own profile. Two members forecast the median: one learns most from busy hours, one from all alike;
how they share the hours is chosen on the last four months of the training part. The interval is corrected by its own record of the
last eight weeks (conformal, outcomes at least a day old). The test part is touched with --test alone.
"""

import sys
import time
from dataclasses import dataclass
from pathlib import Path

import lightgbm as lgb
import numpy as np
import polars as pl

TRAIN, SELECT_DAYS = 13_903, 120  # rows of the training part; its last days, on which weights are chosen
LAGS = (24, 48, 72, 168, 336)
WARM, DAY, WEEK, CONFORMAL_DAYS = 28 * 24, 24, 168, 56
LEAST_LEVEL, INSIDE = 20.0, 0.8
MEMBERS = {"level": ("regression_l1", "level"), "log": ("regression_l1", "log")}  # medians: busy hours weigh most, all hours weigh alike
TURNS = (0.0, 10.0, 20.0, 50.0, 100.0, 200.0, 400.0, 1e9)  # rentals per hour at which both weigh alike
PARAMETERS = {"learning_rate": 0.03, "num_leaves": 31, "min_data_in_leaf": 40, "bagging_fraction": 0.8, "bagging_freq": 1,
              "feature_fraction": 0.8, "num_threads": 1, "verbose": -1, "deterministic": True, "force_row_wise": True}  # fmt: skip
TREES, SEEDS = 800, (1, 2, 3)


@dataclass(frozen=True)
class Hours:
    """Counts, inputs (rows x columns), level and profile of every hour of the file, all known 24 hours before."""

    count: np.ndarray
    inputs: np.ndarray
    level: np.ndarray
    profile: np.ndarray
    known: np.ndarray  # hour number since the first, for "a day old"


def read(file: Path) -> Hours:
    """Return the hours of the file; lags look at a full grid on which a missing hour counts 0."""
    raw = pl.read_csv(file).with_columns(pl.col("dteday").str.to_date("%m/%d/%y"))
    number = ((raw["dteday"] - raw["dteday"].min()).dt.total_days() * DAY + raw["hr"]).to_numpy()
    grid = np.zeros(int(number.max()) + 1)
    grid[number] = raw["cnt"].to_numpy()
    past = np.concatenate([np.zeros(WARM), grid])

    def lag(hours: int) -> np.ndarray:
        return past[WARM - hours : WARM - hours + len(grid)][number]

    def mean(hours: list[int]) -> np.ndarray:
        return np.mean([lag(hour) for hour in hours], axis=0)

    level = np.maximum(mean([DAY + hour for hour in range(WEEK)]), LEAST_LEVEL)
    day, same_hour = mean([DAY + hour for hour in range(DAY)]), mean([DAY * n for n in range(1, 8)])
    same_week = mean([WEEK * n for n in range(1, 5)])
    relative = [values / level for values in (*map(lag, LAGS), same_hour, same_week, day)]
    relative += [lag(DAY) / np.maximum(same_hour, 1), lag(WEEK) / np.maximum(same_week, 1)]
    calendar = [raw[name].cast(pl.Float64).to_numpy() for name in ("hr", "weekday", "workingday", "holiday", "mnth", "season")]
    profile = np.maximum(0.5 * same_hour + 0.5 * same_week, 1.0)
    inputs = np.column_stack([*calendar, *relative, np.log(level)])
    return Hours(raw["cnt"].cast(pl.Float64).to_numpy(), inputs, level, profile, number)


def fitted(hours: Hours, rows: slice, objective: str, scale: str, **more: float) -> np.ndarray:
    """Return forecasts of all hours by trees that learnt from `rows`, as counts."""
    y, base = hours.count, hours.profile
    target = {"level": y / hours.level, "log": np.log((1 + y) / (1 + base)), "offset": y}[scale]
    weight = hours.level[rows] if scale == "level" else None
    total = 0.0
    for seed in SEEDS:
        data = lgb.Dataset(
            hours.inputs[rows], target[rows], weight=weight, init_score=np.log(hours.level)[rows] if scale == "offset" else None
        )
        model = lgb.train({**PARAMETERS, "objective": objective, "seed": seed, **more}, data, num_boost_round=TREES)
        total = total + model.predict(hours.inputs, raw_score=True)
    raw = np.asarray(total) / len(SEEDS)
    made = {"level": lambda: raw * hours.level, "log": lambda: (1 + base) * np.exp(raw) - 1, "offset": lambda: np.exp(raw) * hours.level}
    return np.maximum(made[scale](), 0.0)


def errors(truth: np.ndarray, forecast: np.ndarray) -> tuple[float, float]:
    """Return MAE and RMSLE."""
    return float(np.abs(truth - forecast).mean()), float(np.sqrt(((np.log1p(truth) - np.log1p(forecast)) ** 2).mean()))


def blended(members: dict[str, np.ndarray], turn: float) -> np.ndarray:
    """Return the mean on the log scale: the busier the hour, the more the member counts that learnt from busy hours."""
    level, log = (np.log1p(members[name]) for name in MEMBERS)
    weight = members["log"] / np.maximum(members["log"] + turn, 1e-9)
    return np.expm1(weight * level + (1 - weight) * log)


def chosen(members: dict[str, np.ndarray], truth: np.ndarray) -> float:
    """Return the turn with the least sum of MAE and RMSLE, each relative to the best member's."""
    alone = [errors(truth, member) for member in members.values()]
    best = [min(error[number] for error in alone) for number in (0, 1)]
    return min(TURNS, key=lambda turn: sum(error / least for error, least in zip(errors(truth, blended(members, turn)), best, strict=True)))


def interval(hours: Hours, low: np.ndarray, high: np.ndarray, rows: slice, since: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the 80 % interval widened or narrowed, on the log scale, by what its misses of the last eight weeks ask for."""
    logs = [np.log1p(values) for values in (hours.count, low, high)]
    miss = np.maximum(logs[1] - logs[0], logs[0] - logs[2])
    extra = np.zeros(len(miss))
    numbers = np.arange(len(miss))
    for at in numbers[rows]:
        seen = (hours.known <= hours.known[at] - DAY) & (hours.known > hours.known[at] - DAY - CONFORMAL_DAYS * DAY) & (numbers >= since)
        extra[at] = np.quantile(miss[seen], INSIDE, method="higher")
    return np.expm1(logs[1] - extra)[rows], np.expm1(logs[2] + extra)[rows]


def main(file: Path, *, test: bool) -> None:
    """Choose on the end of the training part; score the test part only when asked to."""
    started, hours = time.process_time(), read(file)
    select = slice(TRAIN - SELECT_DAYS * DAY, TRAIN)
    early, whole, later = slice(WARM, select.start), slice(WARM, TRAIN), slice(TRAIN, len(hours.count))
    truth = hours.count
    members = {name: fitted(hours, early, *kind) for name, kind in MEMBERS.items()}
    turn = chosen({name: member[select] for name, member in members.items()}, truth[select])
    for name, member in members.items():
        print(f"select {name}: MAE {errors(truth[select], member[select])[0]:.2f}, RMSLE {errors(truth[select], member[select])[1]:.4f}")
    found = errors(truth[select], blended(members, turn)[select])
    print(f"select chosen turn {turn:g}: MAE {found[0]:.2f}, RMSLE {found[1]:.4f}")
    band = [fitted(hours, early, "quantile", "log", alpha=level) for level in (0.1, 0.9)]
    half = slice(TRAIN - SELECT_DAYS * DAY // 2, TRAIN)
    low, high = interval(hours, *band, half, select.start)
    print(f"select interval holds {np.mean((low <= truth[half]) & (truth[half] <= high)):.3f}; {time.process_time() - started:.0f} CPU-s")
    if not test:
        return
    final = blended({name: fitted(hours, whole, *kind) for name, kind in MEMBERS.items()}, turn)
    later_band = [fitted(hours, whole, "quantile", "log", alpha=level) for level in (0.1, 0.9)]
    both = [np.where(np.arange(len(truth)) < TRAIN, before, after) for before, after in zip(band, later_band, strict=True)]
    low, high = interval(hours, *both, later, select.start)
    found = errors(truth[later], final[later])
    print(f"test: MAE {found[0]:.2f}, RMSLE {found[1]:.4f}, interval holds {np.mean((low <= truth[later]) & (truth[later] <= high)):.3f}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), test="--test" in sys.argv)
