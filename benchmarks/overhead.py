"""What the pipeline costs beyond raw LightGBM: features + fit + predict against the same models on a prepared matrix.

    python benchmarks/overhead.py 100000 1000000          # rows; each side runs in a process of its own
    ROUNDS=15 python benchmarks/overhead.py 10000000      # fewer trees: features and binning weigh more, so the ratio is the harder one

Columns: CPU seconds of both sides and their ratio; peak memory of the pipeline over the size of the matrix.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

DAYS, LEVELS, THREADS = 1000, (0.1, 0.5, 0.9), 2
ROUNDS = int(os.environ.get("ROUNDS", "150"))


def panel(rows: int) -> pl.DataFrame:
    """Return a complete daily grid as `gridded` and `prepare` give it: rows / 1000 series of 1000 days."""
    from pipelines.calendar import calendar
    from pipelines.settings import CalendarSettings

    series, draw = rows // DAYS, np.random.default_rng(1)
    first, last = date(2022, 1, 3), date(2022, 1, 3) + timedelta(days=DAYS - 1)
    number = np.repeat(np.arange(series), DAYS)
    level = np.repeat(draw.uniform(3, 200, series), DAYS)
    demand = draw.poisson(level * (1 + 0.1 * (np.tile(np.arange(DAYS), series) % 7))).astype(np.float64)
    day = np.tile(np.datetime64(first, "D") + np.arange(DAYS), series)
    table = pl.DataFrame({"branch": number // 20, "product": number % 20, "day": day, "demand": demand}).with_columns(
        pl.col("branch", "product").cast(pl.String), pl.col("day").cast(pl.Date), open=pl.lit(value=True)
    )
    empty = {"preordered": pl.Float64, "promotion": pl.Boolean}
    table = table.with_columns(pl.lit(None, dtype=kind).alias(name) for name, kind in empty.items())
    return table.sort("branch", "product", "day").join(
        calendar(first, last, CalendarSettings(state="NW")), on="day", how="left", maintain_order="left"
    )


def model(inputs: list[str]):
    """Return the quantile model both sides fit."""
    from pipelines.models import Quantiles

    return Quantiles("demand", inputs, LEVELS, scale="level", threads=THREADS, rounds=ROUNDS)


def pipeline(rows: int, folder: Path) -> None:
    """Features + fit + predict; leave the matrix for the other side."""
    from pipelines.run import kept
    from usecases.food_waste.features import features, inputs
    from usecases.food_waste.settings import FoodWaste

    settings = FoodWaste.model_validate({"costs": {"price_eur": 1.0, "unit_cost_eur": 0.35}})
    table = panel(rows)
    start = time.process_time()
    made = features(table, settings)
    columns, known = [made.select(name) for name in made.columns], made["level"].is_not_null()
    del table, made
    made = kept(columns, known)
    feature_cpu = time.process_time() - start
    fitted = model(inputs(settings)).fit(made)
    fitted.predict(made.drop("demand"))
    cpu = time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    matrix = made.select(pl.col(inputs(settings)).cast(pl.Float32)).to_numpy()
    np.save(folder / "matrix.npy", matrix)
    np.save(folder / "target.npy", made.select(pl.col("demand") / pl.col("level"), "level").to_numpy())
    print(json.dumps({"cpu": cpu, "features": feature_cpu, "peak": peak, "matrix": matrix.nbytes, "rows": made.height}))


def raw(folder: Path) -> None:
    """The same models by LightGBM alone on the prepared matrix."""
    import lightgbm as lgb

    matrix, target = np.load(folder / "matrix.npy"), np.load(folder / "target.npy")
    how = model([])
    start = time.process_time()
    for level in LEVELS:
        parameters = how.parameters(level)
        data = lgb.Dataset(matrix, target[:, 0], weight=target[:, 1], params=parameters)
        lgb.train(parameters, data, how.rounds).predict(matrix, num_threads=THREADS)
    print(json.dumps({"cpu": time.process_time() - start}))


def measured(*arguments: str) -> dict[str, float]:
    """Run one side in a process of its own and return its figures."""
    memory = {"_RJEM_MALLOC_CONF": "dirty_decay_ms:200,muzzy_decay_ms:0"}  # as the command line sets it
    command = [sys.executable, __file__, *arguments]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env={**os.environ, **memory})
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main(sizes: list[int]) -> None:
    """Print one line per number of rows."""
    print(f"{'rows':>10} {'pipeline s':>11} {'features s':>11} {'raw s':>8} {'ratio':>6} {'peak/matrix':>12}")
    for rows in sizes:
        with tempfile.TemporaryDirectory() as folder:
            ours, theirs = measured("pipeline", str(rows), folder), measured("raw", folder)
        ratio, memory = ours["cpu"] / theirs["cpu"], ours["peak"] / ours["matrix"]
        print(f"{rows:>10} {ours['cpu']:>11.1f} {ours['features']:>11.1f} {theirs['cpu']:>8.1f} {ratio:>6.2f} {memory:>12.2f}", flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "pipeline":
        pipeline(int(sys.argv[2]), Path(sys.argv[3]))
    elif sys.argv[1] == "raw":
        raw(Path(sys.argv[2]))
    else:
        main([int(float(size)) for size in sys.argv[1:]])
