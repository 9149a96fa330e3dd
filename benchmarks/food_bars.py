"""Run food waste on one of the two public bakery sets and write its decisions: series, date, q0.5, q0.7, q0.9 (unrounded).

    python benchmarks/food_bars.py ddop_bakery FOLDER_WITH_THE_FILES decisions.parquet

The run itself is `musterwerk run datasets/<set> --data FOLDER`: no choice is made outside it.
"""

import json
import subprocess
import sys
from pathlib import Path

import polars as pl

SETTINGS = Path(__file__).parents[1] / "datasets"
NAMES = {"ddop_bakery": pl.concat_str("branch", "product", separator="|"), "kiel_bakery": pl.concat_str(pl.lit("Kiel|WG"), "product")}


def main(name: str, data: str, output: str) -> None:
    """Run, then name series as the set's scorer does."""
    command = [sys.executable, "-m", "usecases", "run", str(SETTINGS / name), "--data", data, "--json"]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=SETTINGS.parent)
    folder = Path(json.loads(done.stdout)["folder"])
    forecasts = pl.read_parquet(SETTINGS.parent / folder / "forecasts.parquet")
    decisions = forecasts.select(NAMES[name].alias("series"), pl.col("day").alias("date"), "q0.5", "q0.7", "q0.9")
    decisions.write_parquet(output)
    sys.stderr.write(f"{decisions.height} decisions in {output}, the run in {folder}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
