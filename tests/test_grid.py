"""The complete daily grid: a closed day is not a zero, and the visible data give exactly the rows of their protocol."""

import hashlib
import tomllib
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from pipelines.errors import ContractError, InputError
from pipelines.grid import QUIET_DAYS, complete_grid
from pipelines.settings import CalendarSettings, load_settings, read_toml
from pipelines.table import Join, assemble, load_tables
from pipelines.usecase import Column
from usecases.food_waste.settings import FoodWaste

DATASETS = Path(__file__).parents[1] / "datasets"
SCHEMA = {
    "day": Column("date", "time", "day of sale"),
    "branch": Column("text", "key", "shop"),
    "product": Column("text", "key", "article"),
    "sold": Column("number", "outcome", "pieces sold", minimum=0),
    "returned": Column("number", "outcome", "left over", minimum=0, optional=True),
    "ordered": Column("number", "decision", "ordered", minimum=0, optional=True),
    "rain_mm": Column("number", "known", "rain", optional=True),
}
START = date(2025, 3, 1)


def rows(*cells: tuple, **more: list) -> pl.DataFrame:
    """Return rows from (branch, product, offset in days, sold)."""
    table = pl.DataFrame(cells, schema={"branch": pl.String, "product": pl.String, "offset": pl.Int32, "sold": pl.Float64}, orient="row")
    blank = {name: pl.lit(None, dtype=pl.Float64) for name in ("returned", "ordered", "rain_mm")}
    table = table.with_columns(day=pl.lit(START) + pl.duration(days="offset"), **blank).with_columns(
        **{k: pl.Series(v) for k, v in more.items()}
    )
    return table.select(*SCHEMA, *(name for name in more if name not in SCHEMA))


def grid(table: pl.DataFrame, closed: str, joins: tuple[Join, ...] = ()) -> dict[tuple[str, str], list]:
    """Return sold by series, `x` where closed."""
    full = complete_grid(table, SCHEMA, CalendarSettings(closed=closed), "sold", joins)
    assert full.filter(pl.col("open") != pl.col("sold").is_not_null()).is_empty()
    steps = full.select(pl.col("day").diff().over("branch", "product").drop_nulls().unique()).to_series().to_list()
    assert steps in ([], [timedelta(days=1)])
    shown = full.with_columns(pl.col("sold").cast(pl.String).str.replace(".0", "", literal=True).fill_null("x"))
    return {key: part["sold"].to_list() for key, part in shown.group_by("branch", "product", maintain_order=True)}


def test_no_row_means_closed_and_a_zero_is_a_zero():
    table = rows(("K", "B", 0, 5), ("K", "B", 1, 0), ("K", "B", 3, 2), ("K", "A", 0, 1), ("K", "A", 4, 1))
    assert grid(table, "no_row") == {("K", "A"): ["1", "x", "x", "x", "1"], ("K", "B"): ["5", "0", "x", "2", "x"]}


def test_nothing_sold_looks_at_all_products_of_the_branch():
    table = rows(
        ("K", "B", 0, 5), ("K", "A", 0, 1), ("K", "A", 1, 3), ("K", "B", 2, 0), ("K", "A", 2, 0), ("K", "B", 4, 2), ("L", "B", 2, 7)
    )
    assert grid(table, "nothing_sold") == {
        ("K", "A"): ["1", "3", "x", "x", "0"],
        ("K", "B"): ["5", "0", "x", "x", "2"],
        ("L", "B"): ["7", "x", "x"],
    }


def test_the_column_decides_and_absent_rows_follow_their_branch():
    table = rows(
        ("K", "B", 0, 5), ("K", "A", 0, 1), ("K", "A", 1, 3), ("K", "A", 2, 0), ("K", "B", 4, 2), open=[True, True, True, False, True]
    )
    assert grid(table, "column") == {("K", "A"): ["1", "3", "x", "x", "0"], ("K", "B"): ["5", "0", "x", "x", "2"]}


def test_the_column_must_exist_and_agree_with_the_sales():
    with pytest.raises(InputError, match="nothing_sold"):
        grid(rows(("K", "B", 0, 5)), "column")
    with pytest.raises(InputError, match=r"1 row is marked closed .* K, B, 2025-03-02: sold = 4.0"):
        grid(rows(("K", "B", 0, 5), ("K", "B", 1, 4), open=[True, False]), "column")


def test_a_series_begins_with_its_first_sale_and_a_discontinued_one_ends_with_its_last():
    late = QUIET_DAYS + 3
    table = rows(
        ("K", "A", 0, 1),
        ("K", "A", late, 1),
        ("K", "B", 0, 0),
        ("K", "B", 1, 1),
        ("K", "B", 2, 1),
        ("K", "B", 9, 0),
        ("K", "C", 3, 1),
        ("K", "D", 0, 0),
    )
    found = grid(table, "nothing_sold")
    assert found["K", "B"] == ["1", "1"]  # last sale on day 2: 29 days before the end
    assert len(found["K", "C"]) == QUIET_DAYS + 1  # last sale on day 3: exactly 28 days before the end, so it goes on
    assert ("K", "D") not in found  # never sold
    assert len(found["K", "A"]) == late + 1


def test_weeks_of_closure_stay_closed_days():
    table = rows(*(("K", p, d, 1) for p in "AB" for d in range(60) if not 20 <= d < 41), *(("L", "A", d, 1) for d in range(60)))
    found = grid(table, "nothing_sold")
    assert found["K", "A"][20:41] == ["x"] * 21
    assert "x" not in found["L", "A"]


@pytest.mark.parametrize("closed", ["no_row", "nothing_sold"])
def test_an_empty_target_is_unknown_never_zero(closed):
    table = rows(("K", "A", 0, 1), ("K", "A", 1, None), ("K", "A", 2, 3), ("K", "B", 0, 1), ("K", "B", 1, 1), ("K", "B", 2, 1))
    assert grid(table, closed)["K", "A"] == ["1", "x", "3"]


def test_closed_rows_lose_outcomes_and_decisions_but_keep_what_is_known():
    table = rows(
        ("K", "A", 0, 1), ("K", "A", 1, 0), ("K", "A", 2, 1), returned=[1.0, 2.0, 3.0], ordered=[4.0, 5.0, 6.0], rain_mm=[7.0, 8.0, 9.0]
    )
    full = complete_grid(table, SCHEMA, CalendarSettings(closed="nothing_sold"), "sold")
    closed = {"sold": None, "returned": None, "ordered": None, "rain_mm": 8.0, "open": False}
    assert full.row(1, named=True) == {"day": date(2025, 3, 2), "branch": "K", "product": "A", **closed}


def test_joined_tables_fill_days_without_a_row():
    days = [START + timedelta(days=d) for d in range(3)]
    weather = Join("weather", ("day",), pl.DataFrame({"day": days, "rain_mm": [1.0, 2.0, 3.0]}))
    orders = Join(
        "orders", ("day", "branch", "product"), pl.DataFrame({"day": days[1:2], "branch": ["K"], "product": ["A"], "ordered": [6.0]})
    )
    table = rows(("K", "A", 0, 1), ("K", "A", 2, 1), ("K", "B", 0, 1), ("K", "B", 1, 1), ("K", "B", 2, 1)).with_columns(rain_mm=pl.lit(9.0))
    full = complete_grid(table, SCHEMA, CalendarSettings(closed="nothing_sold"), "sold", (weather, orders))
    absent = full.filter(branch="K", product="A", day=days[1]).row(0, named=True)
    assert (absent["sold"], absent["open"], absent["rain_mm"], absent["ordered"]) == (0, True, 2.0, 6.0)
    assert full.filter(product="B")["rain_mm"].to_list() == [9.0] * 3  # rows of the first table keep their own


def test_one_key_is_enough_and_a_time_of_day_is_not():
    schema = {name: column for name, column in SCHEMA.items() if name != "product"}
    table = rows(("K", "A", 0, 1), ("K", "A", 1, 0), ("K", "A", 3, 1)).drop("product")
    full = complete_grid(table, schema, CalendarSettings(closed="nothing_sold"), "sold")
    assert full["open"].to_list() == [True, False, False, True]
    with pytest.raises(ContractError, match="grid"):
        complete_grid(table, {**schema, "day": Column("datetime", "time", "moment")}, CalendarSettings(), "sold")


def test_data_without_any_sale_are_refused():
    with pytest.raises(InputError, match="'sold'"):
        grid(rows(("K", "A", 0, 0)), "nothing_sold")


@given(
    st.lists(
        st.tuples(st.sampled_from("KL"), st.sampled_from("AB"), st.integers(0, 20), st.integers(0, 3)),
        min_size=1,
        unique_by=lambda c: c[:3],
    )
)
def test_no_sale_is_lost_and_the_order_of_rows_does_not_matter(cells):
    table = rows(*cells)
    if not (table["sold"] > 0).any():
        return
    for closed in ("no_row", "nothing_sold"):
        full = complete_grid(table, SCHEMA, CalendarSettings(closed=closed), "sold")
        assert full["sold"].sum() == table["sold"].sum()
        assert full.select("branch", "product", "day").is_unique().all()
        assert_frame_equal(full, full.sort("branch", "product", "day"))
        assert_frame_equal(full, complete_grid(table.reverse(), SCHEMA, CalendarSettings(closed=closed), "sold"))


# --- the visible data -------------------------------------------------------------------------------------------------------


def dataset(name: str, shared: Path) -> tuple[pl.DataFrame, FoodWaste]:
    settings = load_settings(FoodWaste, read_toml(DATASETS / name / "settings.toml"))
    found = load_tables(SCHEMA, settings.data, DATASETS / name, shared / "data" / "food" / name)
    return assemble(found.tables, SCHEMA, settings.data), settings


@pytest.mark.parametrize("closed", ["column", "nothing_sold"])
def test_ddop_bakery_gives_the_rows_of_its_protocol(shared, closed):
    table, settings = dataset("ddop_bakery", shared)
    assert settings.calendar.closed == "column"
    full = complete_grid(table, SCHEMA, settings.calendar.model_copy(update={"closed": closed}), "sold")
    decided = full.filter(pl.col("open") & pl.col("day").is_between(date(2018, 8, 31), date(2019, 4, 30)))
    assert decided.height == 23_442
    assert decided.select("branch", "product").n_unique() == 105
    firsts = full.group_by("branch").agg(pl.col("day").min()).filter(pl.col("day") > date(2018, 1, 1)).sort("branch")
    assert firsts.rows() == [("S03", date(2018, 5, 3)), ("S08", date(2018, 6, 7))]


def test_kiel_bakery_gives_the_rows_of_its_protocol(shared):
    table, settings = dataset("kiel_bakery", shared)
    full = complete_grid(table, SCHEMA, settings.calendar, "sold")
    decided = full.filter(pl.col("open") & pl.col("day").is_between(date(2017, 7, 26), date(2018, 7, 31)))
    assert decided.height == 1_815
    assert full["product"].unique().sort().to_list() == ["1", "2", "3", "4", "5"]
    assert full["branch"].unique().to_list() == ["Kiel"]


def test_the_kieler_woche_of_the_settings_is_that_of_the_file(shared):
    settings = load_settings(FoodWaste, read_toml(DATASETS / "kiel_bakery" / "settings.toml"))
    days: set[date] = set()
    for period in settings.calendar.events["kieler_woche"]:
        first, last = (date.fromisoformat(day) for day in period.split("/"))
        days |= {first + timedelta(days=d) for d in range((last - first).days + 1)}
    file = pl.read_csv(shared / "data" / "food" / "kiel_bakery" / "kiwo.csv", try_parse_dates=True)
    assert days == set(file["Datum"])


@pytest.mark.parametrize("name", ["ddop_bakery", "kiel_bakery"])
def test_the_cards_describe_these_files(shared, name):
    card = tomllib.loads((DATASETS / name / "dataset.toml").read_text(encoding="utf-8"))
    for file, facts in card["files"].items():
        data = (shared / "data" / "food" / name / file).read_bytes()
        assert hashlib.sha256(data).hexdigest() == facts["sha256"]
        assert len(data) == facts["bytes"]
