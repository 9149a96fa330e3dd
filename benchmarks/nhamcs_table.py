"""Put the ten NHAMCS files (features_YEAR.csv, labels_YEAR.csv) together into one table that the settings read.

    python benchmarks/nhamcs_table.py FOLDER_WITH_THE_FILES nhamcs_ed.csv

Codes that mean "blank", "unknown" or "by Doppler" become empty cells; the reason for the visit stands there with its
first digit, its first two and so on: a rare reason is then learnt with its group.
"""

import sys
from pathlib import Path

import polars as pl

YEARS = range(2015, 2020)
DOPPLER, CODE = 998, 5  # CODE: digits of a reason for the visit; the first ones name its group


def table(folder: Path) -> pl.DataFrame:
    """Return all visits with year, outcome ADMIT and inputs as coded (temperature in °F times ten)."""
    parts = []
    for year in YEARS:
        features = pl.read_csv(folder / f"features_{year}.csv", infer_schema_length=None).cast(pl.Float64)
        labels = pl.read_csv(folder / f"labels_{year}.csv", infer_schema_length=None)
        parts.append(features.with_columns(ADMIT=labels["ADMIT"].cast(pl.Int64), year=pl.lit(year)))
    rows = pl.concat(parts)
    names = [name for name in rows.columns if name not in ("ADMIT", "year")]
    rows = rows.with_columns(pl.when((pl.col(name) >= 0) & (pl.col(name) != DOPPLER)).then(pl.col(name)).alias(name) for name in names)
    coded = {name: pl.col(name).cast(pl.Int64) for name in ("SEX", "ARREMS", "NOCHRON")}
    code = {f"reason_{digits}": (pl.col("RFV1") // 10 ** (CODE - digits)).cast(pl.Int64) for digits in range(1, CODE + 1)}
    return rows.with_columns(**code, **coded).drop("RFV1")


if __name__ == "__main__":
    table(Path(sys.argv[1])).write_csv(sys.argv[2])
