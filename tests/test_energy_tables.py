"""Twenty broken inputs: each a clear refusal or a named repair, nothing silently wrong; and what is right is read right."""

# ruff: noqa: DTZ001 - the naive clock of files is what is tested

from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest

from pipelines.errors import InputError
from pipelines.settings import load_settings
from usecases.energy.settings import Energy
from usecases.energy.story import caveats
from usecases.energy.tables import assemble

DAYS = 70
BASE = {"battery": {"capacity_kwh": 50, "power_kw": 25}}


def settings(**sections):
    return load_settings(Energy, BASE, sections)


def legal(days=DAYS, first=datetime(2025, 1, 6)):
    """Quarter hours of whole days in legal time; the doubled hour stands there twice."""
    begin, end = pl.Series([first, first + timedelta(days=days)]).dt.replace_time_zone("Europe/Berlin").dt.convert_time_zone("UTC")
    utc = pl.datetime_range(begin, end, "15m", closed="left", eager=True)
    return utc.dt.convert_time_zone("Europe/Berlin").dt.replace_time_zone(None)


def site(days=DAYS, first=datetime(2025, 1, 6), scale=1.0):
    times = legal(days, first)
    hour = (times.dt.hour() + times.dt.minute() / 60).to_numpy()
    load = 20 + 40 * np.exp(-(((hour - 5) / 2) ** 2)) + np.random.default_rng(1).uniform(0, 5, len(times))
    return pl.DataFrame({"time": times, "site": "Werk", "load": load * scale})


def spot(table, scale=1.0):
    hours = table.filter(pl.col("time").dt.minute() == 0)
    return hours.select("time", price=(80 + 30 * (pl.col("time").dt.hour() > 16).cast(pl.Float64)) * scale)


def refused(tables, key, **sections):
    with pytest.raises(InputError) as caught:
        assemble(tables, settings(**sections))
    assert caught.value.key == f"energy.{key}"
    for lang in ("en", "de"):
        assert len(caught.value.render(lang)) > 60
    return caught.value


def test_a_good_file_is_read_as_it_stands():
    rows = assemble({"load": site(), "prices": spot(site())}, settings())
    assert rows.height == DAYS * 96
    assert rows["load_kw"].to_list() == pytest.approx(site()["load"].to_list())
    assert rows["spot_eur_per_kwh"].max() == pytest.approx(0.11)


@pytest.mark.parametrize(
    ("first", "day", "quarters"), [(datetime(2025, 3, 1), datetime(2025, 3, 30), 92), (datetime(2025, 10, 1), datetime(2025, 10, 26), 100)]
)
def test_days_of_the_clock_change_keep_every_quarter_and_every_kwh(first, day, quarters):
    table = site(56, first)
    rows = assemble({"load": table}, settings())
    assert rows.filter(pl.col("local").dt.date() == day.date()).height == quarters
    assert rows["load_kw"].sum() == pytest.approx(table["load"].sum())
    assert rows["time"].diff().drop_nulls().unique().to_list() == [timedelta(minutes=15)]


@pytest.mark.parametrize(("unit", "factor"), [("kw", 1.0), ("kwh", 0.25), ("w", 1000.0)])
def test_declared_units_give_the_same_load(unit, factor):
    rows = assemble({"load": site(scale=factor)}, settings(meter={"load": unit}))
    assert rows["load_kw"].mean() == pytest.approx(site()["load"].mean())


def test_a_counter_is_differenced_and_its_roll_over_repaired():
    table = site()
    reading = (9_000 + table["load"].cum_sum().shift(1, fill_value=0.0) / 4) % 10_000
    rows = assemble({"load": table.with_columns(load=reading)}, settings(meter={"load": "counter_kwh"}))
    assert rows["load_kw"].to_list() == pytest.approx(table["load"][:-1].to_list(), rel=1e-6)


def test_1_counter_declared_as_load():
    table = site()
    refused({"load": table.with_columns(load=table["load"].cum_sum())}, "counter")


def test_2_load_declared_as_counter():
    refused({"load": site()}, "no_counter", meter={"load": "counter_kwh"})


def test_3_end_stamps_read_as_starts():
    refused({"load": site().with_columns(pl.col("time") + timedelta(minutes=15))}, "end_stamps")


def test_4_start_stamps_read_as_ends():
    refused({"load": site()}, "start_stamps", meter={"stamps": "end"})


def test_end_stamps_are_shifted_and_the_last_row_belongs_to_the_day_before():
    rows = assemble({"load": site().with_columns(pl.col("time") + timedelta(minutes=15))}, settings(meter={"stamps": "end"}))
    assert rows["local"][0] == datetime(2025, 1, 6)
    assert rows["local"][-1] == datetime(2025, 3, 16, 23, 45)


def test_5_a_long_gap_is_refused():
    error = refused({"load": site().filter(~pl.col("time").is_between(datetime(2025, 2, 1), datetime(2025, 2, 1, 9)))}, "gap")
    assert "2025-02-01" in str(error)


def test_6_a_short_gap_is_interpolated():
    whole = assemble({"load": site()}, settings())
    rows = assemble({"load": site().filter(pl.col("time") != datetime(2025, 2, 1, 9))}, settings())
    assert rows.height == whole.height
    assert rows["load_kw"].null_count() == 0


def test_7_double_rows():
    table = site()
    refused({"load": pl.concat([table, table[200:204]]).sort("time")}, "double")


def test_8_the_hour_that_does_not_exist():
    table = pl.DataFrame({"time": pl.datetime_range(datetime(2025, 3, 1), datetime(2025, 4, 20), "15m", eager=True, closed="left")})
    refused({"load": table.with_columns(site=pl.lit("Werk"), load=pl.lit(20.0) + pl.int_range(pl.len()) % 7)}, "spring")


def test_9_the_doubled_hour_given_once():
    table = site(56, datetime(2025, 10, 1)).unique("time", keep="first", maintain_order=True)
    refused({"load": table}, "autumn")


def test_10_a_file_with_96_quarters_every_day_is_read_as_grid():
    table = pl.DataFrame({"time": pl.datetime_range(datetime(2025, 3, 1), datetime(2025, 4, 20), "15m", eager=True, closed="left")})
    table = table.with_columns(site=pl.lit("Werk"), load=pl.lit(20.0) + pl.int_range(pl.len()) % 7)
    assert assemble({"load": table}, settings(meter={"zone": "grid"})).height == table.height


def test_11_utc_is_not_legal_time():
    table = pl.DataFrame({"time": pl.datetime_range(datetime(2025, 3, 1), datetime(2025, 4, 20), "15m", eager=True, closed="left")})
    table = table.with_columns(site=pl.lit("Werk"), load=pl.lit(20.0) + pl.int_range(pl.len()) % 7)
    rows = assemble({"load": table}, settings(meter={"zone": "utc"}))
    assert rows["local"][0] == datetime(2025, 3, 1, 1)
    assert rows["local"][-1] == datetime(2025, 4, 20, 1, 45)


def test_12_a_unit_that_changes_on_the_way():
    table = site()
    refused(
        {"load": table.with_columns(load=pl.when(pl.col("time") < datetime(2025, 2, 10)).then("load").otherwise(pl.col("load") / 4))},
        "unit_jump",
    )


def test_13_a_spike_of_the_meter():
    table = site().with_columns(load=pl.when(pl.col("time") == datetime(2025, 2, 3, 9)).then(60_000.0).otherwise("load"))
    refused({"load": table}, "hours_of_use")


def test_14_a_week_of_zeros_raises_a_question():
    table = site().with_columns(
        load=pl.when(pl.col("time").is_between(datetime(2025, 2, 1), datetime(2025, 2, 8))).then(0.0).otherwise("load")
    )
    refused({"load": table}, "zero_run")
    assert assemble({"load": table}, settings(meter={"zeros_are_real": True})).height == DAYS * 96


def test_15_net_exchange_given_as_load():
    refused({"load": site().with_columns(load=pl.col("load") - 40)}, "negative_load")


def test_16_cents_read_as_euros_per_mwh():
    refused({"load": site(), "prices": spot(site(), 0.001)}, "price_unit")


def test_17_euros_per_mwh_read_as_cents():
    refused({"load": site(), "prices": spot(site())}, "price_unit", meter={"price": "ct_per_kwh"})


def test_18_prices_that_end_too_early():
    refused({"load": site(), "prices": spot(site()).filter(pl.col("time") < datetime(2025, 3, 1))}, "price_gap")


def test_19_feed_in_above_the_import_price():
    refused({"load": site(), "prices": spot(site())}, "inverted", tariff={"feed_in_eur_per_kwh": 6.0})


def test_20_an_interval_nobody_meters_in():
    table = site().gather_every(7)
    refused({"load": table}, "odd_step")


def test_21_a_van_that_leaves_before_it_comes():
    van = pl.DataFrame(
        {
            "time": [datetime(2025, 2, 1, 15)],
            "site": ["Werk"],
            "deadline": [datetime(2025, 2, 1, 9)],
            "energy_kwh": [20.0],
            "most_kw": [11.0],
        }
    )
    refused({"load": site(), "waiting": van}, "bad_session")


def test_a_van_gives_two_courses_of_the_same_energy():
    van = pl.DataFrame(
        {
            "time": [datetime(2025, 2, 1, 15)],
            "site": ["Werk"],
            "deadline": [datetime(2025, 2, 2, 5)],
            "energy_kwh": [20.0],
            "most_kw": [11.0],
        }
    )
    rows = assemble({"load": site(), "waiting": van}, settings())
    assert rows["waiting_kw"].sum() / 4 == pytest.approx(20)
    assert rows["latest_kw"].sum() / 4 == pytest.approx(20)
    assert rows.filter(pl.col("waiting_kw") > 0)["local"].min() == datetime(2025, 2, 1, 15)
    assert rows.filter(pl.col("latest_kw") > 0)["local"].max() == datetime(2025, 2, 2, 4, 45)


def test_hourly_readings_become_quarter_hours_and_five_minute_readings_their_mean():
    hourly = site().gather_every(4)
    rows = assemble({"load": hourly}, settings())
    assert rows.height == DAYS * 96
    fine = pl.DataFrame({"time": pl.datetime_range(datetime(2025, 1, 6), datetime(2025, 2, 10), "5m", eager=True, closed="left")})
    fine = fine.with_columns(
        site=pl.lit("Werk"), load=pl.lit(50.0) + 100.0 * (pl.int_range(pl.len()) % 3 == 2) + pl.int_range(pl.len()) % 5
    )
    means = assemble({"load": fine}, settings())
    assert means["load_kw"].to_numpy().max() < 100  # a spike of five minutes counts by a third


def test_annual_prices_follow_the_line_and_stated_ones_stay():
    month, year = settings().tariff, settings(tariff={"peak": "year"}).tariff
    assert (month.peak_eur_per_kw, month.grid_eur_per_kwh) == (24.80, 0.0222)
    assert (year.peak_eur_per_kw, year.grid_eur_per_kwh) == (34.29, 0.0680)
    above = settings(tariff={"peak": "year", "line": "above"}, two_lines={"above": {"peak_eur_per_kw": 120, "grid_eur_per_kwh": 0.02}})
    assert (above.tariff.peak_eur_per_kw, above.tariff.grid_eur_per_kwh) == (120, 0.02)
    assert settings(tariff={"peak": "year", "peak_eur_per_kw": 50}).tariff.peak_eur_per_kw == 50
    again = load_settings(Energy, above.model_dump(mode="json", exclude_none=True), {})
    assert again == above


def test_hours_of_use_that_belong_to_the_other_line_are_said_before_the_figure():
    rows = pl.DataFrame(
        {"site": ["Werk"] * 4, "load_kw": [50.0, 60.0, 55.0, 50.0], "pv_kw": [None] * 4}, schema_overrides={"pv_kw": pl.Float64}
    )
    assert [key for key, _ in caveats(rows, settings(tariff={"peak": "year"}))] == ["energy.other_line"]
    assert not caveats(rows, settings(tariff={"peak": "year", "line": "above"}))
    assert not caveats(rows, settings())
