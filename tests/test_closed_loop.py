"""The loop a bakery really lives in: it sees min(demand, stock), plans from that, and sees min(demand, the new stock)."""

import numpy as np
import polars as pl
import pytest

from pipelines.censoring import Grid, complete_demand
from usecases.food_waste.simulate import WorldSettings, simulate

WEEKS, LAST = 35, 8  # weeks in the loop; same weekdays the policy looks at
pytestmark = pytest.mark.slow


def demand_table(rows: pl.DataFrame) -> np.ndarray:
    """Days x series of true demand; NaN = closed."""
    table: np.ndarray = Grid.of(rows, "day", ["branch", "product"]).table(
        rows["demand"].cast(pl.Float64).fill_null(np.nan).to_numpy(), np.nan
    )
    return table


def weekday_quantile(history: np.ndarray, ratio: float) -> np.ndarray:
    """The plain policy for the coming week (7 x series): the quantile of the last eight open same weekdays."""
    out = np.zeros((7, history.shape[1]))
    for weekday in range(7):
        same = history[(len(history) + weekday) % 7 :: 7]
        for series in range(history.shape[1]):
            seen = same[np.isfinite(same[:, series]), series][-LAST:]
            out[weekday, series] = np.quantile(seen, ratio) if len(seen) else 0.0
    return out


def cost_in_the_loop(demand: np.ndarray, ratio: float, *, handling: str) -> float:
    """Newsvendor cost of 35 weeks; before them everything was seen."""
    start = len(demand) - 7 * WEEKS
    sold, out = demand.copy(), np.zeros(demand.shape, dtype=bool)
    total, kind = 0.0, np.zeros(demand.shape, dtype=np.int64)
    for first in range(start, len(demand), 7):
        week = slice(first, first + 7)
        if handling == "truth":
            history = demand[:first]
        elif handling == "sales":
            history = sold[:first]
        else:
            history = complete_demand(sold[:first], out[:first], kind[:first], seed=1)
        order = np.floor(weekday_quantile(history, ratio) + 0.5)
        gap = order - demand[week]
        total += float(np.nansum(np.where(gap > 0, (1 - ratio) * gap, -ratio * gap)))
        sold[week] = np.where(np.isfinite(demand[week]), np.minimum(demand[week], order), np.nan)
        out[week] = np.isfinite(demand[week]) & (demand[week] >= order)
    return total


@pytest.fixture(scope="module")
def simulated() -> np.ndarray:
    world = simulate(WorldSettings(seed=3, branches=4, products=8, days=630, changes=False))
    return demand_table(world.truth.select("day", "branch", "product", demand="latent_demand").sort("branch", "product", "day"))


@pytest.mark.parametrize("ratio", [0.5, 0.7, 0.9])
def test_stock_does_not_spiral_down_when_only_sales_are_seen(simulated, ratio):
    truth = cost_in_the_loop(simulated, ratio, handling="truth")
    completed = cost_in_the_loop(simulated, ratio, handling="completed") / truth
    naive = cost_in_the_loop(simulated, ratio, handling="sales") / truth
    assert completed <= 1.02
    assert completed < naive


@pytest.mark.parametrize("ratio", [0.5, 0.7, 0.9])
def test_the_same_on_a_real_chain(shared, ratio):
    raw = pl.read_csv(shared / "data" / "food" / "ddop_bakery" / "bakery_panel.csv.gz", try_parse_dates=True)
    rows = raw.select(
        pl.col("date").alias("day"), pl.col("store").alias("branch"), "product", demand=pl.when(pl.col("open") == 1).then("y")
    )
    demand = demand_table(rows.sort("branch", "product", "day"))
    completed = cost_in_the_loop(demand, ratio, handling="completed") / cost_in_the_loop(demand, ratio, handling="truth")
    assert completed <= 1.02
