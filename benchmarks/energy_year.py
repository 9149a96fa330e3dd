"""The two-line annual tariff at company 10 with perfect foresight, and the schedule's time against the bare HiGHS solve.

    python benchmarks/energy_year.py FOLDER_WITH_kit_companies_AND_prices_de

Both lines are solved with their own prices; each result is kept only if its hours of use are on its side of the border.
"""

import sys
import time
from pathlib import Path

import numpy as np
import polars as pl
from energy_bars import SETTINGS, rows_of
from scipy.optimize import linprog

from pipelines.decide import dispatch
from pipelines.decide.dispatch import Problem, schedule
from pipelines.settings import load_settings, read_toml
from usecases.energy.settings import Energy
from usecases.energy.tariff import two_line_bills

RUNS = 50
LEVIES = 0.0481


def year(load: np.ndarray, spot: np.ndarray, s: Energy) -> None:
    """Print bills without and with the battery under both lines, and which of them applies."""
    for name in ("below", "above"):
        line = getattr(s.two_lines, name)
        price = spot + line.grid_eur_per_kwh + LEVIES
        one = np.zeros(len(load), dtype=np.int64)
        clock = time.process_time()
        found = schedule(
            Problem(load, price, np.full(len(load), 0.06), one, np.zeros(1), line.peak_eur_per_kw, s.battery.of("10"), 50.0, end_kwh=50.0)
        )
        spent = time.process_time() - clock
        without = float(price @ load) / 4 + line.peak_eur_per_kw * load.max()
        (valid,) = (bill for bill in two_line_bills(found.import_kw, s.two_lines) if bill.valid)
        before = next(bill for bill in two_line_bills(load, s.two_lines) if bill.valid)
        applies = "applies" if valid.line == name == before.line else "does not apply"
        print(
            f"{name:6s} without {without:8.0f}  with {found.objective:8.0f}  saved {without - found.objective:6.0f} EUR a year",
            f"peak {found.import_kw.max():.1f} kW  hours {before.hours:.0f} -> {valid.hours:.0f}  {applies}  {spent:.1f} CPU s",
        )


def speed(load: np.ndarray, spot: np.ndarray, s: Energy) -> None:
    """Print milliseconds per schedule of 96 and 2,976 steps, and of linprog alone on the same matrices."""
    for steps, runs in ((96, RUNS), (2976, 3)):
        taken: list[float] = []

        def timed(*given: object, taken: list[float] = taken, **named: object) -> object:
            clock = time.process_time()
            found = linprog(*given, **named)
            taken.append(time.process_time() - clock)
            return found

        dispatch.linprog = timed
        clock = time.process_time()
        for number in range(runs):
            place = slice(number * 96, number * 96 + steps)
            one, price = np.zeros(steps, dtype=np.int64), spot[place] + 0.0703
            schedule(
                Problem(load[place], price, np.full(steps, 0.06), one, np.zeros(1), 24.8, s.battery.of("10"), 50.0, end_eur_per_kwh=0.08)
            )
        whole = time.process_time() - clock
        print(f"{steps} steps: {1000 * whole / runs:.1f} ms, HiGHS alone {1000 * sum(taken) / runs:.1f} ms, ratio {whole / sum(taken):.2f}")
        dispatch.linprog = linprog


def main(folder: str) -> None:
    """Print both."""
    s = load_settings(Energy, read_toml(SETTINGS))
    rows = rows_of(Path(folder), s).filter((pl.col("site") == "10") & (pl.col("time").dt.year() == 2016))
    load, spot = rows["load_kw"].to_numpy(), rows["spot_eur_per_kwh"].to_numpy()
    speed(load, spot, s)
    year(load, spot, s)


if __name__ == "__main__":
    main(*sys.argv[1:])
