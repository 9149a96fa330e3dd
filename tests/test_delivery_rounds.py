"""Delivery rounds as a use case: the judge on a hand-worked day, fixed rounds, strange vehicles, files for drivers."""

import json
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from pipelines.errors import InputError
from pipelines.settings import load_settings, read_toml
from usecases import delivery_rounds
from usecases.delivery_rounds import CASE
from usecases.delivery_rounds.rules import perfect, usual
from usecases.delivery_rounds.sheets import plan_files, reasons
from usecases.delivery_rounds.value import value

S = load_settings(CASE.settings, read_toml(Path(delivery_rounds.__file__).with_name("settings.toml")))


def one_day(vehicle: str = "Wagen 1") -> pl.DataFrame:
    """Two customers 1 and 2 hundredths of a degree north of the depot: 1.50 and 3.00 road km away."""
    return pl.DataFrame(
        {
            "day": [date(2024, 5, 6)] * 2, "customer": ["far", "near"], "latitude": [50.604, 50.594], "longitude": [8.678, 8.678],
            "opens": [4.0, 4.0], "closes": [4.1, 8.0], "crates": [3.0, 40.0], "service_minutes": [4.0, 6.0], "service_expected": [4.0, 6.0],
            "level": [3.0, 30.0], "q0.7": [3.0, 35.0], "usual_vehicle": [vehicle, vehicle], "usual_stop": [2.0, 1.0],
        }
    )  # fmt: skip


def test_the_judge_adds_up_a_day_by_hand():
    ledger = value(usual(one_day(), S), S)
    km = 2 * 0.02 * 111.195 * 1.35
    assert ledger["km"].sum() == pytest.approx(km, rel=1e-3)
    assert ledger["minutes"].sum() == pytest.approx(km * 60 / 34 + 10, rel=1e-3)
    late = km / 2 * 60 / 34 + 6 - 6  # out at four, six minutes at the near door, window of the far one ends at 4:06
    assert ledger["late_stops"].to_list() == [float(late > 5), 0.0]
    assert ledger["eur"].sum() == pytest.approx(5 + 0.35 * km + 0.4 * (km * 60 / 34 + 10) + late, rel=1e-3)


def test_perfect_foresight_costs_no_more_than_plan_and_habit():
    rows = one_day()
    best = value(perfect(rows, S), S)["eur"].sum()
    hidden = rows.drop("crates", "service_minutes")
    for policy in (CASE.decide, usual):
        acted = policy(hidden, S).with_columns(rows["crates"], rows["service_minutes"])
        assert best <= float(value(acted, S)["eur"].sum()) + 1e-9


def test_a_vehicle_that_the_settings_do_not_know_is_named():
    with pytest.raises(InputError, match="Sprinter"):
        usual(one_day("Sprinter"), S)


def test_drivers_get_times_and_a_map_file():
    rows = CASE.decide(one_day().drop("crates", "service_minutes"), S)
    assert all("dort gegen 04:" in said for said in reasons(rows, S, "de"))
    found = json.loads(plan_files(rows, S, "en")["stops.geojson"])
    assert [feature["geometry"]["type"] for feature in found["features"]].count("Point") == 3


def test_more_crates_than_all_vehicles_hold_are_planned_down_and_everybody_is_visited():
    many = pl.concat([one_day().with_columns(customer=pl.col("customer") + f" {number}") for number in range(8)]).drop(
        "crates", "service_minutes"
    )
    acted = CASE.decide(many, S)  # 8 x (3 + 35) crates for three vans of 60
    assert acted["load"].sum() <= 180
    assert (acted["stop"] > 0).all()
