"""Rows b of the mobility bars: forecast and replay on Pittsburgh, everything chosen on July to September 2016.

Run: python -m benchmarks.mobility_pittsburgh ../shared/data/mobility/pittsburgh
Protocol: models for the selection period learn from 2015-11-26 to 2016-06-30, those for the report period (April to June 2017) up to
2017-03-31; trained once per period; each day replayed from its own midnight stock. Prints CPU seconds too.
"""

import sys
import time
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from pipelines.decide.allocation import allocate, moving_cost
from usecases.mobility.choosing import mixed, nights, queue_curves
from usecases.mobility.features import features
from usecases.mobility.model import LEVELS, Rates, day_quantile
from usecases.mobility.packed import hourly
from usecases.mobility.ride import ride
from usecases.mobility.settings import Mobility
from usecases.mobility.trips import assemble

FIRST, TRAINED = date(2015, 11, 26), date(2016, 6, 30)
SELECT, REPORT = (date(2016, 7, 1), date(2016, 9, 30)), (date(2017, 4, 1), date(2017, 6, 30))
MARCH = (date(2017, 3, 1), date(2017, 3, 31))
LEAST_RENTALS = 300
STAMP = "%m/%d/%Y %H:%M"


def tables(folder: Path) -> dict[str, pl.DataFrame]:
    """Return all trips and the 51 stations of the protocol."""
    files = sorted(folder.glob("*rentals-*.csv.gz"))
    raw = pl.concat([pl.read_csv(file, infer_schema=False) for file in files])
    moment = [pl.col(name).str.to_datetime(STAMP).alias(ours) for name, ours in (("Starttime", "start"), ("Stoptime", "end"))]
    trips = raw.select(*moment, pl.col("Bikeid").alias("vehicle"), pl.col("From station id").alias("origin"),
                       pl.col("To station id").alias("destination"), pl.col("Trip id").cast(pl.Int64)).sort("start", "Trip id")  # fmt: skip
    trips = trips.drop("Trip id")
    before = trips.filter(pl.col("start").dt.date() < REPORT[0])
    many = before.group_by("origin", maintain_order=True).len().filter(pl.col("len") > LEAST_RENTALS)["origin"]
    march = before.filter(pl.col("start").dt.date().is_between(*MARCH))["origin"].unique()
    listed = pl.read_csv(folder / "stations_clean.csv", schema_overrides={"id": pl.String})
    names = {"id": "station", "cap": "capacity", "lat": "latitude", "lon": "longitude"}
    stations = listed.rename(names).with_columns(pl.col("capacity").cast(pl.Float64))
    return {"trips": trips, "stations": stations.filter(pl.col("station").is_in(many.implode()) & pl.col("station").is_in(march.implode()))}


def settings() -> Mobility:
    """Return the settings of the protocol: an overflow costs half a lost rental, a moved bike a tenth."""
    return Mobility.model_validate({"costs": {"lost_trip_eur": 10, "overflow_eur": 5}, "trips": {"country": "US"}, "threads": 1})


def deviance(counts: np.ndarray, rates: np.ndarray) -> float:
    """Return the mean Poisson deviance, forecasts floored at 1e-4."""
    rates = np.maximum(rates, 1e-4)
    return float(2 * np.mean(np.where(counts > 0, counts * np.log(np.where(counts > 0, counts, 1) / rates), 0) - (counts - rates)))


def pinball(counts: np.ndarray, rates: np.ndarray, spread: float) -> float:
    """Return the mean pinball loss of station-days at 0.1, 0.5, 0.9; spread 0 = Poisson, the protocol."""
    truth, mean = counts.sum(axis=1), rates.sum(axis=1)
    miss = [(truth - day_quantile(mean, level, spread), level) for level in LEVELS]
    return float(np.mean([np.maximum(level * off, (level - 1) * off).mean() for off, level in miss]))


def replay(rows: pl.DataFrame, model: Rates, s: Mobility) -> dict[str, float]:
    """Return lost, overflow, bikes moved per night and J of the plan without a tour."""
    found, where = nights(rows)
    out, back = rows["plan_rent"].to_numpy(), rows["plan_back"].to_numpy()
    lost = over = moved = 0.0
    for night, at in zip(found, where, strict=True):
        curves = mixed(queue_curves(out[at], back[at], night.capacity, s.overflow, model.chosen.dispersion), night.past, model.chosen.share)
        target = allocate(moving_cost(curves, night.stock, model.chosen.handling), int(night.stock.sum()))
        ridden = ride(night.day, target, night.capacity, night.nearest)
        lost, over, moved = lost + ridden.lost.sum(), over + ridden.overflow.sum(), moved + np.abs(target - night.stock).sum() / 2
    return {"lost": lost, "overflow": over, "moved per night": moved / len(found), "J": lost + 0.5 * over + 0.1 * moved}


def main(folder: Path, *, report: bool) -> None:
    """Choose on the selection period; score the report period only when asked to."""
    started, s = time.process_time(), settings()
    rows = assemble(tables(folder), s)
    rows = features(rows, s).filter(pl.col("day") >= FIRST)
    model = Rates(s).fit(rows.filter(pl.col("day") <= TRAINED))
    hidden = ["rentals", "returns", "departures", "arrivals", "empty_minutes", "full_minutes", "operator"]
    select = rows.filter(pl.col("day").is_between(*SELECT))
    raw = model.predict(select.drop(hidden)).with_columns(select.select(hidden))
    model.choose(raw)
    print("chosen on July to September 2016:", dict(model.choices))
    _show("select", model, raw, raw, s)
    print(f"{time.process_time() - started:.0f} CPU-s")
    if not report:
        return
    model.fit(rows.filter(pl.col("day") < REPORT[0]))
    later = rows.filter(pl.col("day").is_between(*REPORT))
    raw_report = model.predict(later.drop(hidden)).with_columns(later.select(hidden))
    _show("report", model, raw_report, raw_report, s)
    print(f"{time.process_time() - started:.0f} CPU-s")


def _show(period: str, model: Rates, raw: pl.DataFrame, known: pl.DataFrame, s: Mobility) -> None:
    made = model.final(raw, known)
    for side, counts in zip(("rent", "back"), hourly(made), strict=True):
        rates = made[f"{side}_rates"].to_numpy()
        print(f"{period} {side}: deviance {deviance(counts, rates):.4f}, station-day pinball {pinball(counts, rates, 0.0):.4f} (Poisson),"
              f" {pinball(counts, rates, model.spread):.4f} (own spread), bias {rates.sum() / counts.sum() - 1:+.3f}")  # fmt: skip
    print(period, {name: round(float(value), 1) for name, value in replay(made, model, s).items()})


if __name__ == "__main__":
    main(Path(sys.argv[1]), report="--report" in sys.argv)
