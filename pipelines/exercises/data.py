"""Small made-up tables for the exercises: what scripts show and, with other seeds, the hidden cases."""

from datetime import date, timedelta

import numpy as np
import polars as pl

FIRST = date(2024, 1, 1)  # a Monday
BRANCHES = ("Bahnhof", "Marktplatz", "Rathaus")
PRODUCTS = {"Brot": 24.0, "Brezel": 50.0}  # pieces on an ordinary day
WEEKDAYS = (0.95, 0.9, 0.95, 1.0, 1.15, 1.4)  # Monday to Saturday; closed on Sunday
SUNDAY = 6
PRICE_EUR, MAKE_EUR = 2.0, 0.5


def ledger(seed: int = 0, days: int = 28) -> pl.DataFrame:
    """Return a ledger: policy (usual, plan, perfect), day, branch, eur = cost of the day (a profit is negative), in no order."""
    draw = np.random.default_rng(seed)
    rows = []
    for branch, habit in zip(BRANCHES, draw.permutation([60.0, 25.0, -12.0]), strict=True):
        for number in range(days):
            perfect = -float(draw.uniform(150, 400))
            plan = perfect + float(draw.uniform(10, 40)) * (1 + BRANCHES.index(branch))
            costs = {"usual": plan + habit + float(draw.normal(0, 20)), "plan": plan, "perfect": perfect}
            rows += [
                {"policy": policy, "day": FIRST + timedelta(days=number), "branch": branch, "eur": round(eur, 2)}
                for policy, eur in costs.items()
            ]
    return pl.DataFrame(rows).sample(fraction=1.0, shuffle=True, seed=seed)


def sales(seed: int = 0, days: int = 200) -> pl.DataFrame:
    """Return a complete daily grid: day, branch, product, promotion, demand (pieces; null on Sundays, closed)."""
    draw = np.random.default_rng(seed)
    rows = []
    for branch in BRANCHES:
        size, drift = float(draw.uniform(0.6, 1.6)), float(draw.uniform(-0.2, 0.3))
        for product, level in PRODUCTS.items():
            for number in range(days):
                day = FIRST + timedelta(days=number)
                promotion = bool(draw.random() < 1 / 15)
                closed = day.weekday() == SUNDAY
                mean = (
                    level * size * (1 + drift * number / days) * (1.4 if promotion else 1.0) * (0.0 if closed else WEEKDAYS[day.weekday()])
                )
                asked = float(draw.poisson(mean * draw.gamma(30, 1 / 30)))
                rows.append({"day": day, "branch": branch, "product": product, "promotion": promotion, "demand": None if closed else asked})
    return pl.DataFrame(rows, schema_overrides={"demand": pl.Float64})


def select_period(seed: int = 0) -> pl.DataFrame:
    """Return the open rows of a select period: `sales` with week1 ... week8, the demand of the same weekday 1 to 8 weeks before."""
    weeks = {f"week{n}": pl.col("demand").shift(7 * n).over("branch", "product", order_by="day") for n in range(1, 9)}
    rows = sales(seed).with_columns(weekday=pl.col("day").dt.weekday(), **weeks)
    start = FIRST + timedelta(days=90)
    return rows.filter((pl.col("day") >= start) & pl.col("demand").is_not_null())


def cost_eur(order: pl.Series, demand: pl.Series) -> float:
    """Return what orders cost beyond the unavoidable: 1.50 EUR margin lost per missing piece, 0.50 EUR made in vain per left-over one."""
    gap = order - demand
    left, missing = float(gap.clip(0).sum()), float((-gap).clip(0).sum())
    return left * MAKE_EUR + missing * (PRICE_EUR - MAKE_EUR)
