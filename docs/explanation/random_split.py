"""Measure what a random split promises and what comes true: python docs/explanation/random_split.py"""

import polars as pl
from lightgbm import LGBMRegressor

from usecases.food_waste.simulate import WorldSettings, simulate

HISTORY, LATER = 728, 182  # days the analyst has; days that come afterwards
FEATURES = ["number", "weekday", "branch_number", "product_number", "temperature_c", "rain_mm", "week_before"]
SEEDS = (1, 2, 3)


def rows(seed):
    """Uncensored demand (sold pieces) with features that are all known the evening before, except that `number` names the day."""
    world = simulate(WorldSettings(seed=seed, days=HISTORY + LATER, censoring=False))
    sales = world.tables["sales"].join(world.tables["weather"], on="day", how="left", maintain_order="left")
    before = sales.select(pl.col("day").dt.offset_by("7d"), "branch", "product", week_before="sold")
    return sales.join(before, on=["day", "branch", "product"], how="left", maintain_order="left").with_columns(
        number=(pl.col("day") - pl.col("day").min()).dt.total_days(),
        weekday=pl.col("day").dt.weekday(),
        branch_number=pl.col("branch").rank("dense"),
        product_number=pl.col("product").rank("dense"),
    )


def wape(past, future):
    """Share of pieces missed by a model fitted on `past`, judged on `future`."""
    model = LGBMRegressor(objective="l1", n_estimators=600, num_leaves=127, min_child_samples=5, n_jobs=1, verbose=-1)
    made = model.fit(past.select(FEATURES).to_numpy(), past["sold"].to_numpy()).predict(future.select(FEATURES).to_numpy())
    return float(abs(made - future["sold"].to_numpy()).sum() / future["sold"].sum())


def measure(seed):
    """Return the promise of a random split, the promise of a split by time, and what came true."""
    table = rows(seed)
    known, later = table.filter(pl.col("number") < HISTORY), table.filter(pl.col("number") >= HISTORY)
    mixed = known.sample(fraction=1.0, shuffle=True, seed=seed)
    cut = int(0.8 * known.height)
    day = int(0.8 * HISTORY)
    promised_by_chance = wape(mixed.head(cut), mixed.tail(known.height - cut))
    promised_by_time = wape(known.filter(pl.col("number") < day), known.filter(pl.col("number") >= day))
    return promised_by_chance, promised_by_time, wape(known, later)


if __name__ == "__main__":
    for seed in SEEDS:
        print(f"| {seed} | " + " | ".join(f"{100 * share:.1f} %" for share in measure(seed)) + " |")
