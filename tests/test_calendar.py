"""The calendar against dates anyone can look up, against its definitions day by day, and the school holidays against other lists."""

from datetime import date, timedelta
from importlib.resources import files
from itertools import pairwise

import polars as pl
import pytest
from dateutil.easter import easter  # type: ignore[import-untyped] # comes with holidays and pandas
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.calendar import (
    STATES,
    calendar,
    easter_sunday,
    event_column,
    quarter_hour_grid,
    school_holidays_known,
    school_holidays_span,
)
from pipelines.errors import InputError
from pipelines.settings import CalendarSettings

DAY = timedelta(days=1)
YEARS = range(2012, 2029)


def days(first: str, last: str, state: str = "", events: dict[str, tuple[str, ...]] | None = None) -> dict[date, dict]:
    rows = calendar(date.fromisoformat(first), date.fromisoformat(last), CalendarSettings(state=state, events=events or {}))
    return {row["day"]: row for row in rows.to_dicts()}


def on(day: str, state: str = "") -> dict:
    return days(day, day, state)[date.fromisoformat(day)]


def states_with(day: str, column: str) -> set[str]:
    return {state for state in STATES if on(day, state)[column]}


def test_corpus_christi_is_a_holiday_in_six_states_only():
    assert states_with("2024-05-30", "public_holiday") == {"BW", "BY", "HE", "NW", "RP", "SL"}
    assert not on("2024-05-30")["public_holiday"]


def test_reformation_day_is_nationwide_in_2017_and_northern_from_2018():
    east = {"BB", "MV", "SN", "ST", "TH"}
    assert states_with("2016-10-31", "public_holiday") == east
    assert states_with("2017-10-31", "public_holiday") == set(STATES)
    assert on("2017-10-31")["holiday_name"] == "Reformationstag"
    assert states_with("2018-10-31", "public_holiday") == east | {"SH", "HH", "HB", "NI"}


def test_repentance_day_is_a_public_holiday_in_saxony_and_a_school_free_day_in_bavaria():
    assert states_with("2024-11-20", "public_holiday") == {"SN"}
    assert on("2024-11-20", "SN")["holiday_name"] == "Buß- und Bettag"
    assert states_with("2024-11-20", "school_holiday") == {"BY"}


def test_nationwide_has_the_nine_holidays_of_a_common_year():
    year = days("2023-01-01", "2023-12-31").values()
    assert [str(row["day"])[5:] for row in year if row["public_holiday"]] == (
        ["01-01", "04-07", "04-10", "05-01", "05-18", "05-29", "10-03", "12-25", "12-26"]
    )
    assert all((row["holiday_name"] is None) == (not row["public_holiday"]) for row in year)


def test_bridge_days():
    assert on("2024-05-10", "SH")["bridge_day"]  # Friday after Ascension
    assert not on("2024-05-09", "SH")["bridge_day"]  # Ascension itself
    assert on("2018-04-30")["bridge_day"]  # Monday before a Tuesday, 1 May
    assert on("2024-05-31", "BY")["bridge_day"]  # Friday after Corpus Christi
    assert not on("2024-05-31", "SH")["bridge_day"]
    assert not on("2024-05-02")["bridge_day"]  # 1 May on a Wednesday leaves no bridge
    assert not on("2024-04-30")["bridge_day"]


def test_holiday_distances_cross_the_end_of_the_year():
    sh = days("2024-12-24", "2025-01-08", "SH")
    to = [sh[date(2024, 12, 24) + i * DAY]["days_to_holiday"] for i in range(10)]
    since = [sh[date(2024, 12, 24) + i * DAY]["days_since_holiday"] for i in range(10)]
    assert to == [1, 0, 0, 5, 4, 3, 2, 1, 0, 30]  # the holiday after New Year is Good Friday, 18 April
    assert since == [30, 0, 0, 1, 2, 3, 4, 5, 0, 1]  # the one before Christmas was Reformation Day, 54 days ago
    assert days("2025-01-02", "2025-01-08", "BY")[date(2025, 1, 2)]["days_to_holiday"] == 4  # Epiphany


def test_christmas_and_easter_distances_are_signed_and_capped():
    year = days("2024-01-01", "2024-12-31")
    christmas = {str(day)[5:]: row["christmas_distance"] for day, row in year.items()}
    assert [christmas[day] for day in ("12-25", "12-24", "12-26", "11-25", "01-01", "01-24", "01-25", "06-01", "07-01")] == (
        [0, -1, 1, -30, 7, 30, 30, 30, -30]
    )
    distance = {str(day)[5:]: row["easter_distance"] for day, row in year.items()}
    assert [distance[day] for day in ("03-31", "03-29", "04-01", "05-09", "05-20", "01-31", "01-01", "12-31")] == (
        [0, -2, 1, 39, 50, -60, -60, -60]
    )


def test_easter_sunday_agrees_with_another_implementation():
    assert [easter_sunday(year) for year in range(1900, 2200)] == [easter(year) for year in range(1900, 2200)]
    assert easter_sunday(2024) == date(2024, 3, 31)


@pytest.fixture(scope="module")
def periods() -> pl.DataFrame:
    source = files("pipelines").joinpath("calendar_data", "school_holidays.csv").read_bytes()
    return pl.read_csv(source, comment_prefix="#", try_parse_dates=True)


@pytest.mark.parametrize(
    ("state", "first", "last"),
    [
        ("BY", "2019-07-29", "2019-09-09"),
        ("BW", "2018-07-26", "2018-09-08"),
        ("SH", "2017-07-24", "2017-09-02"),
        ("NW", "2024-07-08", "2024-08-20"),
    ],
)
def test_known_summer_holidays_begin_and_end_on_the_day(state, first, last):
    start, end = date.fromisoformat(first), date.fromisoformat(last)
    found = days(str(start - 7 * DAY), str(end + 7 * DAY), state)
    inside = [day for day, row in found.items() if row["school_holiday"]]
    assert (inside[0], inside[-1], len(inside)) == (start, end, (end - start).days + 1)
    assert found[start - 3 * DAY]["days_to_school_holiday"] == 3
    assert found[end + 2 * DAY]["days_since_school_holiday"] == 2
    assert found[start]["days_to_school_holiday"] == found[end]["days_since_school_holiday"] == 0


# as published elsewhere for all states: summer 2015, 2017 and 2019 (KMK list of April 2019), Christmas 2012
LISTS = {
    ("Sommerferien", 2015): "BW 0730-0912 BY 0801-0914 BE 0716-0828 BB 0716-0828 HB 0723-0902 HH 0716-0826 HE 0727-0904 MV 0720-0829 "
    "NI 0723-0902 NW 0629-0811 RP 0727-0904 SL 0727-0905 SN 0713-0821 ST 0713-0826 SH 0720-0829 TH 0713-0821",
    ("Sommerferien", 2017): "BW 0727-0909 BY 0729-0911 BE 0720-0901 BB 0720-0901 HB 0622-0802 HH 0720-0830 HE 0703-0811 MV 0724-0902 "
    "NI 0622-0802 NW 0717-0829 RP 0703-0811 SL 0703-0814 SN 0626-0804 ST 0626-0809 SH 0724-0902 TH 0626-0809",
    ("Sommerferien", 2019): "BW 0729-0910 BY 0729-0909 BE 0620-0802 BB 0620-0803 HB 0704-0814 HH 0627-0807 HE 0701-0809 MV 0701-0810 "
    "NI 0704-0814 NW 0715-0827 RP 0701-0809 SL 0701-0809 SN 0708-0816 ST 0704-0814 SH 0701-0810 TH 0708-0817",
    ("Weihnachtsferien", 2012): "BW 1224-0105 BY 1224-0105 BE 1224-0104 BB 1224-0104 HB 1224-0105 HH 1221-0104 HE 1224-0112 MV 1221-0104 "
    "NI 1224-0105 NW 1221-0104 RP 1220-0104 SL 1224-0105 SN 1222-0102 ST 1219-0104 SH 1224-0105 TH 1224-0105",
}


@pytest.mark.parametrize(("name", "year"), LISTS)
def test_school_holidays_agree_with_lists_published_elsewhere(periods, name, year):
    words = LISTS[name, year].split()
    expected = dict(zip(words[::2], words[1::2], strict=True))
    rows = periods.filter((pl.col("name") == name) & (pl.col("first").dt.year() == year))
    assert {row["state"]: f"{row['first']:%m%d}-{row['last']:%m%d}" for row in rows.to_dicts()} == expected


@pytest.mark.parametrize("state", STATES)
def test_every_state_and_year_has_one_summer_of_five_to_seven_weeks(periods, state):
    of_state = periods.filter(pl.col("state") == state)
    summer = of_state.filter(pl.col("name") == "Sommerferien").with_columns(length=(pl.col("last") - pl.col("first")).dt.total_days() + 1)
    assert summer["first"].dt.year().to_list() == list(YEARS)
    assert summer["length"].is_between(38, 48).all()
    assert summer["first"].dt.month().is_in([6, 7, 8]).all()
    for name, lowest in {"Weihnachtsferien": 7, "Herbstferien": 3}.items():
        found = of_state.filter(pl.col("name") == name)
        assert set(found["first"].dt.year()) >= set(YEARS)
        assert ((found["last"] - found["first"]).dt.total_days() + 1).is_between(lowest, 22).all()


def test_school_holidays_are_in_order_and_never_overlap(periods):
    assert set(periods["state"]) == set(STATES)
    assert (periods["first"] <= periods["last"]).all()
    before = periods.with_columns(before=pl.col("last").shift(1).over("state"))
    assert before.filter(pl.col("first") <= pl.col("before")).is_empty()
    alone = periods.filter(pl.col("name") == "Unterrichtsfreier Tag")
    assert ((alone["last"] - alone["first"]).dt.total_days() <= 1).all()


def test_coverage_is_a_fact_to_ask_for():
    for state in STATES:
        start, end = school_holidays_span(state)
        assert start <= date(2012, 1, 1)
        assert end >= date(2028, 12, 31)
        assert school_holidays_known(state, start, end)
        assert not school_holidays_known(state, start - DAY, end)
        assert not school_holidays_known(state, start, end + DAY)
    assert not school_holidays_known("", date(2024, 1, 1), date(2024, 1, 2))


def test_a_plan_beyond_coverage_keeps_public_holidays_and_says_so():
    assert not school_holidays_known("SH", date(2031, 7, 1), date(2031, 7, 31))
    july = days("2031-07-01", "2031-07-31", "SH").values()
    assert not any(row["school_holiday"] for row in july)
    assert {row["days_to_school_holiday"] for row in july} == {row["days_since_school_holiday"] for row in july} == {60}
    assert on("2031-10-31", "SH")["public_holiday"]


def test_without_a_state_no_day_is_a_school_holiday():
    assert not any(row["school_holiday"] for row in days("2024-07-01", "2024-08-31").values())


def test_events_are_days_and_periods_with_both_ends():
    found = days("2025-06-20", "2025-07-01", "SH", {"Kieler Woche": ("2025-06-21/2025-06-23", " 2025-06-30 ")})
    assert [day.day for day, row in found.items() if row["event_kieler_woche"]] == [21, 22, 23, 30]


def test_event_columns_are_plain_names():
    assert [event_column(name) for name in ("Kieler Woche", "Straßenfest Süd", "Über-Öl 2", "ÄÖÜ")] == (
        ["event_kieler_woche", "event_strassenfest_sued", "event_ueber_oel_2", "event_aeoeue"]
    )


@pytest.mark.parametrize(
    "value", ["21.06.2025", "2025-06-31", "", "2025-06-21/", "2025-06-21/2025-06-22/2025-06-23", "2025-06-21 bis 2025-06-29"]
)
def test_a_malformed_event_names_event_value_and_remedy(value):
    with pytest.raises(InputError) as caught:
        days("2025-01-01", "2025-01-02", events={"fest": (value,)})
    assert caught.value.key == "calendar.bad_event"
    assert "'fest'" in str(caught.value)
    assert f"'{value}'" in str(caught.value)
    assert "2025-06-21/2025-06-29" in caught.value.render("de")


def test_a_reversed_event_shows_the_right_order():
    with pytest.raises(InputError, match="2025-06-21/2025-06-29"):
        days("2025-01-01", "2025-01-02", events={"fest": ("2025-06-29/2025-06-21",)})


def test_events_with_one_column_clash():
    with pytest.raises(InputError, match="event_stadt_fest") as caught:
        days("2025-01-01", "2025-01-02", events={"Stadt-Fest": ("2025-05-01",), "stadt fest": ("2025-06-01",)})
    assert caught.value.key == "calendar.event_clash"


@pytest.mark.parametrize(
    ("state", "near"), [("Bayern", "BY"), ("sh", "SH"), ("Schleswig Holstein", "SH"), ("NRW", "NW"), ("Kanton Zug", "-")]
)
def test_an_unknown_state_lists_the_codes_with_a_suggestion(state, near):
    with pytest.raises(InputError) as caught:
        on("2024-01-01", state)
    assert caught.value.key == "calendar.unknown_state"
    assert f"'{near}'" in str(caught.value)
    assert all(code in caught.value.render("de") for code in STATES)
    with pytest.raises(InputError):
        school_holidays_known(state, date(2024, 1, 1), date(2024, 1, 2))


def test_a_period_that_ends_before_it_begins_is_an_error():
    with pytest.raises(InputError, match="2024-02-02"):
        calendar(date(2024, 2, 2), date(2024, 2, 1), CalendarSettings())
    with pytest.raises(InputError, match="2024-02-02"):
        quarter_hour_grid(date(2024, 2, 2), date(2024, 2, 1))
    assert calendar(date(2024, 2, 1), date(2024, 2, 1), CalendarSettings()).height == 1


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(["", *STATES]), st.dates(date(2013, 1, 1), date(2028, 1, 1)), st.integers(1, 500))
def test_columns_follow_their_definitions(state, first, length):
    rows = calendar(first, first + (length - 1) * DAY, CalendarSettings(state=state)).to_dicts()
    assert [row["day"] for row in rows] == [first + i * DAY for i in range(length)]
    for row in rows:
        assert (row["days_to_holiday"] == 0) == (row["days_since_holiday"] == 0) == row["public_holiday"]
        assert (row["days_to_school_holiday"] == 0) == (row["days_since_school_holiday"] == 0) == row["school_holiday"]
        assert 0 <= row["days_to_holiday"] <= 30
        assert 0 <= row["days_since_school_holiday"] <= 60
    for today, tomorrow in pairwise(rows):
        for name in ("holiday", "school_holiday"):
            if 0 < today[f"days_to_{name}"] < 30:
                assert tomorrow[f"days_to_{name}"] == today[f"days_to_{name}"] - 1
            if 0 < tomorrow[f"days_since_{name}"] < 30:
                assert tomorrow[f"days_since_{name}"] == today[f"days_since_{name}"] + 1
    free = [row["public_holiday"] or row["day"].isoweekday() >= 6 for row in rows]
    for i in range(1, length - 1):
        assert rows[i]["bridge_day"] == (not free[i] and free[i - 1] and free[i + 1])
    for row in rows:
        nearest = min((row["day"] - date(row["day"].year + k, 12, 25) for k in (-1, 0, 1)), key=abs).days
        assert row["christmas_distance"] == max(-30, min(30, nearest)) or abs(nearest) >= 182
        nearest = min((row["day"] - easter(row["day"].year + k) for k in (-1, 0, 1)), key=abs).days
        assert row["easter_distance"] == max(-60, min(60, nearest)) or abs(nearest) >= 175


@settings(max_examples=15, deadline=None)
@given(st.sampled_from(["", *STATES]), st.dates(date(2013, 1, 1), date(2028, 1, 1)), st.integers(0, 60), st.integers(0, 60))
def test_a_window_says_the_same_as_a_longer_one(state, first, before, after):
    chosen = CalendarSettings(state=state)
    window = calendar(first, first + 20 * DAY, chosen)
    longer = calendar(first - before * DAY, first + (20 + after) * DAY, chosen)
    assert longer.filter(pl.col("day").is_between(first, first + 20 * DAY)).equals(window)


def test_column_types():
    schema = calendar(date(2024, 1, 1), date(2024, 1, 2), CalendarSettings(state="BY", events={"x": ()})).schema
    flags = ["public_holiday", "bridge_day", "school_holiday", "event_x"]
    distances = [f"days_{way}_{name}" for name in ("holiday", "school_holiday") for way in ("to", "since")]
    distances += ["christmas_distance", "easter_distance"]
    expected = dict.fromkeys(flags, pl.Boolean) | dict.fromkeys(distances, pl.Int16) | {"day": pl.Date, "holiday_name": pl.String}
    assert dict(schema) == expected
