"""How long `musterwerk check` takes on a till export of a million rows, and how much memory: `python benchmarks/check_million.py`."""

import contextlib
import io
import json
import resource
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

ROWS, DAYS, BRANCHES, PRODUCTS = 1_000_000, 730, 10, 137


def export(path: Path, rows: int = ROWS) -> None:
    """Write a German till export: Windows-1252, semicolons, decimal commas."""
    draw, number = np.random.default_rng(1), np.arange(rows)
    days = pl.Series([f"{date(2023, 1, 2) + timedelta(day):%d.%m.%Y}" for day in range(DAYS)])
    table = pl.DataFrame({"Datum": days[number // (BRANCHES * PRODUCTS) % DAYS], "Filiale": number // PRODUCTS % BRANCHES}).with_columns(
        Filiale=pl.format("Filiale Süd {}", "Filiale"),
        Artikel=pl.format("Brötchen {}", pl.Series(number % PRODUCTS)),
        Menge=pl.format("{},{}", pl.Series(draw.integers(0, 90, rows)), pl.Series(draw.integers(0, 2, rows) * 5)),
    )
    path.write_bytes(table.write_csv(separator=";").encode("cp1252"))


def main() -> None:
    """Print CPU seconds and peak memory of one check in this process."""
    from usecases.__main__ import main as musterwerk

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "kasse.csv"
        export(path)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        start, said = time.process_time(), io.StringIO()
        with contextlib.redirect_stdout(said):
            code = musterwerk(["check", "food_waste", "--data", str(path), "--json"])
        cpu = time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    found = json.loads(said.getvalue())
    print(f"exit {code}, {found['files'][0]['rows']:,} rows, {cpu:.1f} CPU s, peak {peak:.2f} GiB (writing the file: {before / 2**20:.2f})")


if __name__ == "__main__":
    sys.exit(main())
