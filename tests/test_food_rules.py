"""Business as usual and the simple rules, by hand: what last week says, and what a holiday must not say."""

from datetime import date, timedelta

import polars as pl
import pytest

from tests.bakery import KEYS, chain, settings
from usecases.food_waste import CASE
from usecases.food_waste.costs import add_costs
from usecases.food_waste.rules import RULES, habit_columns, mean_of_last_four, plain_quantile, same_weekday_last_week, usual

FIRST_OF_MAY = date(2024, 5, 1)  # a Wednesday and a public holiday
START = FIRST_OF_MAY - timedelta(28)  # 3 April, a Wednesday after Easter
NORD = ("Nord", "Brot")


def habits(sold, s=None, first=START) -> pl.DataFrame:
    """Habit columns with demand = pieces sold; `sold` of one series, or of several by keys."""
    s = s or settings()
    series = sold if isinstance(sold, dict) else {NORD: sold}
    rows = chain(series, s, first).with_columns(demand=pl.col("sold").cast(pl.Float64))
    return habit_columns(add_costs(rows, s), s)


def habit(rows: pl.DataFrame, day: date, name: str, branch: str = "Nord") -> float:
    return float(rows.filter((pl.col("day") == day) & (pl.col("branch") == branch))[name].item())


def counting(days: int) -> list[float | None]:
    """10 pieces on the first day, 11 on the second, ...: every figure names its day."""
    return [10.0 + day for day in range(days)]


def test_last_week_is_the_same_weekday_one_week_ago():
    rows = habits(counting(21))
    assert habit(rows, START + timedelta(20), "last_week") == 10 + 13
    assert habit(rows, START + timedelta(7), "last_week") == 10


def test_a_holiday_last_week_is_never_this_weeks_habit():
    sold = counting(43)
    sold[28] = 500.0  # 1 May: open, and everybody buys rolls
    rows = habits(sold)
    week_later = FIRST_OF_MAY + timedelta(7)
    assert habit(rows, week_later, "last_week") == 10 + 21  # 24 April
    assert habit(rows, week_later, "mean_of_four") == 10 + (7 + 14 + 21) / 3  # without 1 May
    assert habit(rows, week_later + timedelta(7), "mean_of_four") == pytest.approx(10 + (14 + 21 + 35) / 3)
    for name in (name for name in rows.columns if name.startswith("weekday_")):
        assert (rows.filter(pl.col("day") > FIRST_OF_MAY)[name].drop_nulls() < 100).all(), name
    assert habit(rows, FIRST_OF_MAY, "last_week") == 10 + 21  # the holiday itself starts from last Wednesday


def test_a_holiday_yesterday_is_no_habit_either():
    # opened on 30 April, served 500 on the holiday: on 2 May the last open day that says anything is 30 April
    rows = habits([40.0, 500.0, 42.0, 43.0], first=FIRST_OF_MAY - timedelta(1))
    assert habit(rows, FIRST_OF_MAY + timedelta(1), "last_week") == 40
    assert habit(rows, FIRST_OF_MAY + timedelta(2), "last_week") == 42


def test_closed_days_are_skipped_two_three_and_four_weeks_back():
    sold = counting(56)
    day = START + timedelta(49)
    for weeks, expected in ((1, 35), (2, 21), (3, 21)):  # 1 May (28 days after the start) is skipped besides
        sold[49 - 7 * weeks] = None
        assert habit(habits(sold), day, "last_week") == 10 + expected, weeks
    sold = counting(64)
    for weeks in (1, 2, 3):
        sold[63 - 7 * weeks] = None
    assert habit(habits(sold), START + timedelta(63), "last_week") == 10 + 35  # four weeks back


def test_the_last_open_day_speaks_when_four_weeks_are_silent():
    # Nord opened on Monday 8 April; closed on all Wednesdays until 15 May, when it opens for the first time
    first, sold = date(2024, 4, 8), counting(40)
    for number in range(2, 37, 7):
        sold[number] = None
    rows = habits(sold, first=first)
    wednesday = first + timedelta(37)
    assert habit(rows, wednesday, "last_week") == 10 + 36
    assert habit(rows, wednesday, "mean_of_four") == 10 + 36
    noon = habits(sold, settings(demand={"deadline": "noon before"}), first)
    assert habit(noon, wednesday, "last_week") == 10 + 35  # Tuesday's sales are not known on Tuesday at noon


@pytest.mark.parametrize("deadline", ["evening before", "noon before"])
def test_habits_know_nothing_after_the_deadline(deadline):
    s = settings(demand={"deadline": deadline})
    day = START + timedelta(45)
    sold = counting(50)
    other = [pieces if START + timedelta(number) <= day - timedelta(s.lead) else 7777.0 for number, pieces in enumerate(sold)]
    names = ["last_week", "mean_of_four", "expected"]
    one, two = (habits(table, s).filter(pl.col("day") <= day) for table in (sold, other))
    names += [name for name in one.columns if name.startswith("weekday_")]
    assert one.select(names).equals(two.select(names))


def test_series_do_not_lend_each_other_their_habits():
    rows = habits({NORD: counting(15), ("Süd", "Brot"): [100.0 + day for day in range(15)]})
    assert habit(rows, START + timedelta(14), "last_week") == 10 + 7
    assert habit(rows, START + timedelta(14), "last_week", "Süd") == 100 + 7


def test_weekday_quantiles_by_hand():
    # Thursdays from 4 April on sell 1, 2, 3, 4, 5, everything else 50
    sold = [float(day // 7 + 1) if day % 7 == 1 else 50.0 for day in range(36)]
    rows = habits(sold)
    thursday = START + timedelta(29)  # 2 May: 1, 2, 3, 4 are known
    assert habit(rows, thursday, "weekday_8_q0.5") == 2.5
    assert habit(rows, thursday, "weekday_8_q0.9") == pytest.approx(1 + 0.9 * 3)  # linear between the third and the fourth
    assert habit(rows, thursday - timedelta(7), "weekday_26_q0.5") == 2
    early = rows.filter(pl.col("day") == thursday - timedelta(14))
    assert early["weekday_8_q0.5"].item() is None  # two Thursdays are no quantile


def test_a_window_of_eight_weeks_forgets_the_ninth():
    first = date(2024, 6, 3)  # no holiday in North Rhine-Westphalia until autumn
    sold = [float(10 * (day // 7 + 1)) for day in range(7 * 11)]
    day = first + timedelta(70)
    rows = habits(sold, settings(calendar={"state": "NW"}), first)
    assert habit(rows, day, "weekday_8_q0.5") == 65  # weeks 3 to 10
    assert habit(rows, day, "weekday_26_q0.5") == 55  # weeks 1 to 10


def test_a_new_series_starts_with_what_its_product_does_elsewhere():
    sold = {NORD: [30.0] * 28, ("Süd", "Brot"): [50.0] * 28, ("West", "Brot"): [None] * 20 + [8.0] * 8, ("Nord", "Torte"): [4.0] * 28}
    rows = habits(sold)
    opening = START + timedelta(20)
    west = rows.filter((pl.col("branch") == "West") & (pl.col("day") <= opening + timedelta(3)))
    # first day: mean of Brot in Nord and Süd; then its own days
    assert west["expected"].to_list() == pytest.approx([40, 8, 8, 8])
    assert west["last_week"].to_list() == pytest.approx([40, 8, 8, 8])
    noon = habits(sold, settings(demand={"deadline": "noon before"})).filter((pl.col("branch") == "West") & (pl.col("day") > opening))
    assert noon["expected"].to_list()[0] == pytest.approx(40)  # the first day's sales are not known yet: Brot elsewhere, up to yesterday's


def test_a_new_product_starts_with_the_level_of_its_branch_and_a_chain_with_nothing():
    sold = {NORD: [30.0] * 14, ("Nord", "Zopf"): [None] * 10 + [5.0] * 4, ("Süd", "Brezel"): [None] * 9 + [70.0] * 5}
    rows = habits(sold)
    first = rows.group_by(KEYS).agg(pl.all().sort_by("day").first()).sort(KEYS).select(*KEYS, "expected", "last_week")
    # Süd opens with a product nobody has: the mean of the chain
    assert first.rows() == [("Nord", "Brot", None, 0), ("Nord", "Zopf", 30, 30), ("Süd", "Brezel", 30, 30)]


def decided(rule, s, sold=None, **columns) -> list[float]:
    rows = habits(sold or counting(8), s).with_columns(**columns).filter(pl.col("day") == START + timedelta(7))
    found: list[float] = rule(rows, s, None)["bake"].to_list()
    return found


def test_the_bakerys_own_orders_are_business_as_usual():
    s = settings()
    assert decided(usual, s) == [10]  # no orders known: last Wednesday
    assert decided(usual, s, ordered=pl.lit(33.0)) == [33]
    assert decided(usual, s, ordered=pl.lit(33.0), preordered=pl.lit(5.0)) == [28]
    assert decided(usual, s, ordered=pl.lit(3.0), preordered=pl.lit(5.0)) == [0]
    assert decided(usual, s, ordered=pl.lit(0.0)) == [0]
    # what was really ordered needs no tray and no oven
    assert decided(usual, settings(limits={"tray": 8}), ordered=pl.lit(33.0)) == [33]
    for rule in RULES.values():
        assert decided(rule, s, ordered=pl.lit(33.0)) == [10]


def test_business_as_usual_says_its_name():
    s = settings()
    rows = habits(counting(8), s)
    assert CASE.usual_name is not None
    assert CASE.usual_name(rows, s) == "same_weekday_last_week"
    assert CASE.usual_name(rows.with_columns(ordered=pl.lit(3.0)), s) == "ordered"


def test_simple_rules_respect_pre_orders_trays_and_display():
    for rule in (usual, same_weekday_last_week, mean_of_last_four):
        assert decided(rule, settings(), preordered=pl.lit(4.0)) == [6]
        assert decided(rule, settings(limits={"tray": 8})) == [8]  # 10 wanted: 8 miss 2 x 0.80 = 1.60, 16 leave 6 x 0.35 = 2.10
        assert decided(rule, settings(limits={"display": 15})) == [15]


def test_the_quantile_rule_bakes_the_critical_quantile():
    s = settings(
        limits={"tray": 0}, forecast={"levels": [0.2, 0.5, 0.8]}, costs={"unit_cost_eur": 0.5, "goodwill_eur": 0.0, "salvage_eur": 0.05}
    )
    sold = [float(day // 7 + 1) for day in range(36)]
    rows = habits(sold, s).filter(pl.col("day") == START + timedelta(29))
    # a missing piece costs 0.50, a left-over one 0.50: the median of 1, 2, 3, 4
    assert plain_quantile(8)(rows, s, None)["bake"].to_list() == [2.5]
    # too little history: last week
    early = habits(sold, s).filter(pl.col("day") == START + timedelta(8))
    assert plain_quantile(8)(early, s, None)["bake"].to_list() == [1]
