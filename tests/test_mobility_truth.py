"""What the judge says of a simulated city, against its known demand: lost trips, overflows, and the interval of the saving."""

import os
from datetime import datetime

import numpy as np
import polars as pl
import pytest

from pipelines.decide.allocation import allocate, moving_cost
from pipelines.decide.loss_curve import loss_curves
from pipelines.result import Interval
from pipelines.run import prepare, run
from pipelines.settings import load_settings, read_toml
from pipelines.table import Loaded
from usecases.mobility import CASE
from usecases.mobility.censoring import open_share
from usecases.mobility.demand import hindsight
from usecases.mobility.packed import HOURS, great_circle_km, numbers, one_day
from usecases.mobility.ride import Day, Ridden, ride
from usecases.mobility.settings import Mobility
from usecases.mobility.simulate import City, CitySettings, simulate, wanted_again
from usecases.mobility.trips import assemble

SEEDS = int(os.environ.get("MOBILITY_SEEDS", "4"))  # half a minute each
DRAWS = 20  # of what people could have wanted
assert CASE.folder is not None
SETTINGS = load_settings(CASE.settings, read_toml(CASE.folder / "settings.toml"))


def nearest(night: pl.DataFrame) -> np.ndarray:
    return np.argsort(great_circle_km(night["latitude"].to_numpy(), night["longitude"].to_numpy()), axis=1, kind="stable")


def wanted_day(night: pl.DataFrame, wanted: pl.DataFrame) -> Day:
    """Return all trips that people wanted to make that day, also those that nobody could."""
    number = {station: row for row, station in enumerate(night["station"])}
    origin, destination = (wanted[name].replace_strict(number, return_dtype=pl.Int64).to_numpy() for name in ("station", "destination"))
    return Day(wanted["minute"].to_numpy(), origin, destination, wanted["back"].to_numpy())


def true_rates(city: City, rows: pl.DataFrame) -> pl.DataFrame:
    """Return the rows with the true expected rentals per hour, and the mean wanted returns of the kind of day at the level of the day."""
    names, days = city.stations["station"].to_list(), sorted(city.wanted["day"].unique())
    at = (np.array([days.index(day) for day in rows["day"]]), np.array([names.index(name) for name in rows["station"]]))
    back = np.zeros(city.rates.shape)
    came = city.wanted.filter(pl.col("back") < HOURS * 60)
    order = {day: number for number, day in enumerate(days)} | {name: number for number, name in enumerate(names)}
    day, place = (np.array([order[value] for value in came[name]]) for name in ("day", "destination"))
    np.add.at(back, (day, place, came["back"].to_numpy() // 60), 1.0)
    level, off = city.rates.sum(axis=(1, 2), keepdims=True), np.array([day.weekday() >= 5 for day in days])
    for kind in (False, True):
        back[off == kind] = (back[off == kind].sum(axis=0) / level[off == kind].sum()) * level[off == kind]
    made = {"rent_rates": city.rates[at], "back_rates": back[at]}
    return rows.with_columns(pl.Series(name, values, dtype=pl.Array(pl.Float64, HOURS)) for name, values in made.items())


def test_minutes_without_vehicles_and_without_room():
    moment = lambda hour, minute: datetime(2025, 3, 3, hour, minute)  # noqa: E731, DTZ001 - local
    trips = pl.DataFrame({"start": [moment(8, 0), moment(8, 30)], "end": [moment(8, 53), moment(9, 0)], "vehicle": ["r1", "r2"],
                          "origin": ["A", "A"], "destination": ["A", "B"]})  # fmt: skip
    before = trips.with_columns(pl.col("start", "end").dt.offset_by("-1d"), destination=pl.lit("A"))
    stations = pl.DataFrame({"station": ["A", "B"], "latitude": [52.0, 52.1], "longitude": [8.0, 8.0], "capacity": [2.0, 1.0]})
    small = SETTINGS.model_copy(update={"stations": SETTINGS.stations.model_copy(update={"minimum_capacity": 1})})
    rows = assemble({"trips": pl.concat([before, trips]), "stations": stations}, small)
    day = {row["station"]: row for row in rows.filter(pl.col("day") == moment(0, 0).date()).iter_rows(named=True)}
    assert (day["A"]["empty_minutes"], day["A"]["full_minutes"]) == ("511-533", "0-481")
    assert (day["B"]["empty_minutes"], day["B"]["full_minutes"]) == ("0-540", "541-1440")
    share = open_share(rows.filter((pl.col("station") == "A") & (pl.col("day") == moment(0, 0).date())), "rent")[0]
    assert share[8] == pytest.approx(1 - 22 / 60)
    assert share.sum() == pytest.approx(HOURS - 22 / 60)


def test_the_judge_counts_about_as_many_lost_trips_and_overflows_as_there_were():
    """Observed trips alone acquit the operator: they are what his stock made possible. With the unseen ones he is judged as he was."""
    city = simulate(CitySettings(days=120))
    rows = assemble({"trips": city.trips, "stations": city.stations}, SETTINGS)
    first, last = rows["day"].min(), rows["day"].max()
    rows = true_rates(city, rows.filter(pl.col("day").is_between(first, last, closed="none"))).sort("day", "station")
    said, wanted = hindsight(rows, SETTINGS), dict(city.wanted.group_by("day"))
    seen, judged, true = ({"operator": np.zeros(2), "target": np.zeros(2)} for _ in range(3))
    nights = zip(rows.group_by("day", maintain_order=True), said.group_by("day", maintain_order=True), strict=True)
    for ((day,), night), (_, whole) in nights:
        stock, capacity, near = numbers(night, "stock"), numbers(night, "capacity"), nearest(night)
        curves = loss_curves(night["rent_rates"].to_numpy(), night["back_rates"].to_numpy(), capacity, overflow=0.5)
        starts = {"operator": np.clip(stock + numbers(night, "operator"), 0, capacity),
                  "target": allocate(moving_cost(curves, stock, 0.3), int(stock.sum()))}  # fmt: skip
        for name, start in starts.items():
            for trips, total in ((one_day(night), seen), (one_day(whole), judged), (wanted_day(night, wanted[day,]), true)):
                total[name] += _counted(ride(trips, start, capacity, near))
    assert seen["operator"].sum() < 0.05 * true["operator"].sum()
    for name in ("operator", "target"):
        assert judged[name] == pytest.approx(true[name], rel=0.15)


def small(seed: int) -> CitySettings:
    return CitySettings(seed=seed, stations=5, days=150)


def expected_eur(actions: pl.DataFrame, draws: list[dict[tuple[object, ...], pl.DataFrame]], s: Mobility) -> float:
    """Return what these nights cost on average over what people could have wanted on their days (EUR)."""
    lost = overflow = 0.0
    for day, night in actions.group_by("day", maintain_order=True):
        start, capacity, near = numbers(night, "stock") + numbers(night, "change"), numbers(night, "capacity"), nearest(night)
        for draw in draws:
            ridden = ride(wanted_day(night, draw[day]), start, capacity, near)
            lost, overflow = lost + ridden.lost.sum() / len(draws), overflow + ridden.overflow.sum() / len(draws)
    truck = float((actions["leg_km"] * s.costs.eur_per_km + actions["leg_minutes"] * s.costs.eur_per_hour / 60).sum())
    return float(lost * s.costs.lost_trip_eur + overflow * s.costs.overflow_eur + truck)


def one_city(seed: int) -> tuple[Interval, float]:
    """Return the reported saving of a small city with its interval, and the true one: of the same tours, over 20 draws of demand."""
    s = load_settings(CASE.settings, SETTINGS.model_dump(exclude_none=True), {"forecast": {"effort": "profile"},
                      "planning": {"iterations": 1}, "periods": {"report_share": 0.2, "select_share": 0.25}})  # fmt: skip
    city = simulate(small(seed))
    data = prepare(CASE, Loaded({"trips": city.trips, "stations": city.stations}, (), "test"), s)
    result = run(CASE, data, s)
    draws = [dict(wanted_again(small(seed), number).group_by("day")) for number in range(DRAWS)]
    where = data.rows.select("day", "station", "latitude", "longitude", "stock", "capacity")
    eur = {}
    for policy in ("usual", "plan"):
        acted = result.actions.filter(pl.col("policy") == policy).join(where, on=["day", "station"], how="left", maintain_order="left")
        eur[policy] = expected_eur(acted.filter(pl.col("day").is_in(city.wanted["day"].unique().implode())), draws, s)
    return result.headline.saved, eur["usual"] - eur["plan"]


@pytest.mark.slow
def test_the_reported_interval_holds_the_true_saving():
    """The truth: what the same tours save on average over all demand there could have been on these days."""
    held = []
    for seed in range(1, SEEDS + 1):
        saved, true = one_city(seed)
        assert saved.low is not None
        assert saved.high is not None
        held.append(saved.low <= true <= saved.high)
    misses = len(held) - sum(held)
    assert misses <= max(1, 0.1 * len(held)), f"{sum(held)} of {len(held)} intervals hold the truth"


def _counted(ridden: Ridden) -> np.ndarray:
    return np.array([ridden.lost.sum(), ridden.overflow.sum()], dtype=float)
