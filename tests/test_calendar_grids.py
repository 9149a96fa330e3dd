"""Time grids on the days the clock changes, and local clock times back to UTC."""

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.calendar import local_to_utc, quarter_hour_grid
from pipelines.errors import InputError

DAY = timedelta(days=1)


def clock(*times: str | None) -> pl.Series:
    return pl.Series("at", times).str.to_datetime("%Y-%m-%d %H:%M")


@pytest.mark.parametrize(("day", "steps"), [(date(2024, 3, 31), 92), (date(2024, 10, 27), 100), (date(2024, 6, 1), 96)])
def test_a_local_day_has_92_96_or_100_quarter_hours(day, steps):
    grid = quarter_hour_grid(day - DAY, day + DAY)
    assert grid.filter(pl.col("day") == day).height == steps
    assert grid.filter(pl.col("day") == day)["steps"].unique().to_list() == [steps]
    assert grid.filter(pl.col("day") != day)["steps"].unique().to_list() == [96]
    assert grid["utc"].diff().drop_nulls().unique().to_list() == [timedelta(minutes=15)]


def test_the_spring_grid_has_no_hour_two_and_the_autumn_grid_has_it_twice():
    spring, autumn = quarter_hour_grid(date(2024, 3, 31), date(2024, 3, 31)), quarter_hour_grid(date(2024, 10, 27), date(2024, 10, 27))
    assert 2 not in spring["local"].dt.hour().to_list()
    assert autumn["local"].dt.hour().to_list().count(2) == 8
    assert spring["utc"][0] == datetime(2024, 3, 30, 23, tzinfo=UTC)
    assert autumn["utc"][0] == datetime(2024, 10, 26, 22, tzinfo=UTC)
    assert quarter_hour_grid(date(2024, 10, 27), date(2024, 10, 27), minutes=60).height == 25
    assert quarter_hour_grid(date(2024, 10, 27), date(2024, 10, 27), "UTC", 60).height == 24


@settings(max_examples=20, deadline=None)
@given(st.dates(date(2000, 1, 1), date(2035, 1, 1)), st.integers(0, 40), st.sampled_from([15, 30, 60]))
def test_local_times_of_a_grid_go_back_to_the_same_utc(first, length, minutes):
    grid = quarter_hour_grid(first, first + length * DAY, minutes=minutes)
    assert local_to_utc(grid["local"].dt.replace_time_zone(None)).to_list() == grid["utc"].to_list()


def test_a_doubled_time_is_resolved_by_order_of_appearance():
    found = local_to_utc(clock("2024-10-27 01:30", "2024-10-27 02:30", None, "2024-10-27 02:30", "2024-10-27 03:00"))
    assert found.name == "at"
    assert [stamp and (stamp.day, stamp.hour, stamp.minute) for stamp in found.to_list()] == (
        [(26, 23, 30), (27, 0, 30), None, (27, 1, 30), (27, 2, 0)]
    )


@pytest.mark.parametrize("copies", [1, 3])
def test_a_doubled_time_that_is_not_there_twice_is_an_error(copies):
    with pytest.raises(InputError, match="2024-10-27 02:15") as caught:
        local_to_utc(clock("2024-10-27 00:00", *["2024-10-27 02:15"] * copies))
    assert caught.value.key == "calendar.ambiguous_time"
    assert caught.value.values["count"] == copies
    assert str(caught.value.values["rows"]).startswith("2")


def test_a_time_that_was_skipped_is_an_error():
    with pytest.raises(InputError, match="2024-03-31 02:00") as caught:
        local_to_utc(clock("2024-03-31 01:45", "2024-03-31 02:00", "2024-03-31 03:00"))
    assert caught.value.key == "calendar.missing_time"
    assert (caught.value.values["count"], caught.value.values["rows"]) == (1, "2")


@pytest.mark.parametrize("zone", ["Berlin", "", "Europe/", "../etc"])
def test_an_unknown_zone_is_an_error(zone):
    with pytest.raises(InputError, match="Europe/Berlin"):
        quarter_hour_grid(date(2024, 1, 1), date(2024, 1, 1), zone)
    with pytest.raises(InputError, match="Europe/Berlin"):
        local_to_utc(clock("2024-01-01 00:00"), zone)


@pytest.mark.parametrize("minutes", [0, -15, 7, 90])
def test_a_step_that_does_not_divide_the_hour_is_an_error(minutes):
    with pytest.raises(InputError, match=str(minutes)):
        quarter_hour_grid(date(2024, 1, 1), date(2024, 1, 1), minutes=minutes)
