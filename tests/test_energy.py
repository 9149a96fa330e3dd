"""The energy use case from end to end: the contract, leakage, the meter as judge, the run and the plan on the command line."""

import json
from datetime import date, datetime
from functools import cache

import numpy as np
import polars as pl
import pytest

from pipelines.settings import load_settings, read_toml
from pipelines.table import conformed
from usecases.__main__ import main
from usecases.energy import CASE
from usecases.energy.decide import decide
from usecases.energy.months import month_columns
from usecases.energy.perfect import perfect
from usecases.energy.rules import RULES, cap_rule, no_battery, orders
from usecases.energy.settings import Energy
from usecases.energy.simulate import simulate
from usecases.energy.sizes import compared, sizes
from usecases.energy.value import SiteState, bill, serve, value

# ruff: noqa: DTZ001 - the data's own clock
SMALL = {"forecast": {"levels": [0.1, 0.5, 0.9], "scenarios": 10, "weather": "none"}, "threads": 1}


@cache
def small() -> tuple[Energy, pl.DataFrame]:
    assert CASE.folder is not None
    assert CASE.assemble is not None
    s = load_settings(Energy, read_toml(CASE.folder / "settings.toml"), SMALL)
    tables = {name: table.filter(pl.col("time") < datetime(2023, 5, 15)) for name, table in simulate(s).items()}
    return s, conformed(CASE.assemble(tables, s), CASE.schema)


def scenarios(rows, paths=3):
    """Rows with plain scenarios: yesterday's load stands in for a forecast."""
    wild = np.random.default_rng(0)
    made = [(pl.col("load_kw").shift(96).fill_null(20.0) * wild.uniform(0.8, 1.2)).alias(f"path_{number:02d}") for number in range(paths)]
    return rows.with_columns(made, recent_peak_kw=pl.lit(80.0))


def test_closed_months_alone_set_the_cap():
    s, rows = small()
    before = month_columns(rows, s)
    later = pl.col("local") >= datetime(2023, 4, 10)
    after = month_columns(rows.with_columns(pl.when(later).then(pl.col("load_kw") * 3).otherwise("load_kw").alias("load_kw")), s)
    day = pl.col("local").dt.date() <= date(2023, 4, 10)
    names = ["last_cap_kw", "least_cap_kw", "peak_so_far_kw"]
    assert before.filter(day).select(names).equals(after.filter(day).select(names))
    assert (
        before.filter(pl.col("local") < datetime(2023, 2, 1))["last_cap_kw"].null_count()
        == before.filter(pl.col("local") < datetime(2023, 2, 1)).height
    )


def test_the_bill_follows_the_meter_and_never_the_plan():
    s, rows = small()
    day = rows.filter(pl.col("local").dt.date() == date(2023, 3, 7))
    acted = orders(day)
    state = {"Bäckerei": SiteState(30.0, 0.0, date(2023, 3, 1))}
    ledger, _ = value(acted, s, state)
    raised, _ = value(acted.with_columns(pl.col("load_kw") + 10.0), s, state)
    assert raised["kw_peak"].sum() == pytest.approx(ledger["kw_peak"].sum() + 10, abs=3)
    assert raised["eur"].sum() > ledger["eur"].sum() + 200


def test_the_peak_charge_of_a_month_is_its_highest_quarter_hour_whatever_the_days_are():
    s, rows = small()
    march = rows.filter(pl.col("local").dt.month() == 3)
    ledger = bill(march.with_columns(waiting_kw=pl.lit(0.0), waiting_most_kw=pl.lit(0.0), latest_kw=pl.lit(0.0)), s, no_battery)
    net = (march["load_kw"] - march["pv_kw"]).to_numpy()
    assert ledger["kw_peak"].sum() == pytest.approx(net.max())


def test_perfect_foresight_beats_every_rule_and_vans_are_never_late():
    s, rows = small()
    rows = scenarios(month_columns(rows, s)).filter(pl.col("local").is_between(datetime(2023, 3, 1), datetime(2023, 4, 1), closed="left"))
    best = perfect(rows, s)
    limit = bill(rows, s, lambda day, *_: day.join(best, on=["time", "site"], how="left", maintain_order="left"))
    for policy in (*RULES.values(), decide):
        ledger = bill(rows, s, policy)
        assert ledger["eur"].sum() >= float(limit["eur"].sum()) - 1.0
        assert ledger["late_kwh"].sum() == pytest.approx(0, abs=1e-6)
    assert limit["late_kwh"].sum() == pytest.approx(0, abs=1e-3)
    assert limit["kw_peak"].sum() < bill(rows, s, no_battery)["kw_peak"].sum() - 15


def test_vans_give_way_above_the_cap_until_their_deadline_and_catch_up():
    names = {"waiting_kw": [8.0] * 2 + [0.0] * 4, "waiting_most_kw": [8.0] * 6, "served_kw": [8.0] * 2 + [0.0] * 4}
    rows = pl.DataFrame({"load_kw": [30.0, 38.0, 40.0, 32.0, 45.0, 45.0], "pv_kw": [None] * 6, "latest_kw": [0.0] * 5 + [16.0], **names})
    state = SiteState(0.0, 0.0)
    free, _, _ = serve(rows, state)
    assert free.tolist() == [8, 8, 0, 0, 0, 0]
    held, late, after = serve(rows.with_columns(yield_kw=pl.lit(40.0)), state)
    assert held.tolist() == pytest.approx([8, 2, 0, 6, 0, 0])  # 40 kW are never passed, all is served before it is due
    assert after.waiting_kwh == pytest.approx(0)
    tight = rows.with_columns(load_kw=pl.lit(60.0), yield_kw=pl.lit(40.0), latest_kw=pl.Series([0.0] * 4 + [8.0] * 2))
    held, late, _ = serve(tight, state)
    assert held.tolist() == pytest.approx([0, 0, 0, 0, 8, 8])  # the deadline goes before the cap
    assert late.sum() == 0
    paid, _, _ = serve(tight, SiteState(0.0, 70.0))
    assert paid.tolist() == pytest.approx([8, 8, 0, 0, 0, 0])  # below the peak already paid there is room


def test_a_size_is_worth_what_its_own_replay_says_per_year():
    s, rows = small()
    rows = month_columns(rows, s)
    report = rows.filter(pl.col("time").dt.month() == 4).with_columns(trusted=pl.lit(value=False))
    assert compared(s, "Bäckerei") == [(30, 15), (60, 30), (120, 60)]
    priced = s.model_copy(
        update={"sizing": s.sizing.model_copy(update={"capacities_kwh": (60.0,), "powers_kw": (30.0,), "fixed_eur": 400.0})}
    )
    (one,) = sizes(rows, report, priced)["sizes"]
    without, rule = bill(report, s, no_battery), bill(report, s, cap_rule)
    peak = 24.8 * float((without["kw_peak"] - rule["kw_peak"]).sum())
    energy = float((without["eur"] - rule["eur"]).sum()) - peak
    assert one["saved_eur_per_year"]["value"] == pytest.approx(12 * peak + energy * 365 / 30, rel=1e-6)
    assert one["invested_eur"] == 60 * 760 + 400
    assert one["payback_years"]["value"] == pytest.approx(one["invested_eur"] / one["saved_eur_per_year"]["value"])
    assert one["payback_years"]["low"] is None  # one month says nothing about the spread
    assert 0 < one["captured"] <= 1.001


def test_the_plan_knows_no_later_load():
    s, rows = small()
    rows = scenarios(month_columns(rows, s))
    day = rows.filter(pl.col("local").dt.date() == date(2023, 3, 7)).drop("load_kw", "pv_kw")
    state = {"Bäckerei": SiteState(30.0, 40.0, date(2023, 3, 1))}
    assert decide(day, s, state).equals(decide(day, s, state))
    assert {"battery_kw", "cap_kw", "served_kw"} <= set(decide(day, s, state).columns)


def test_without_a_forecast_or_trust_the_cap_rule_is_followed():
    s, rows = small()
    rows = month_columns(rows, s).filter(pl.col("local").dt.date() == date(2023, 3, 7)).with_columns(recent_peak_kw=pl.lit(80.0))
    state = {"Bäckerei": SiteState(30.0, 40.0, date(2023, 3, 1))}
    doubted = scenarios(rows).with_columns(trusted=pl.lit(value=False))
    for table in (rows, doubted, scenarios(rows).with_columns(path_01=pl.lit(None, dtype=pl.Float64))):
        made = decide(table, s, state)
        assert made["followed"].to_list() == [1.0] * rows.height
        assert made["cap_kw"].equals(cap_rule(table, s, state)["cap_kw"])


@pytest.mark.slow
def test_a_run_and_a_plan_from_the_command_line(mlflow_home, capsys):
    changes = [
        "forecast.levels=[0.1,0.5,0.9]",
        "forecast.scenarios=10",
        "threads=1",
        "periods.report_start=2024-03-01",
        "periods.refit_days=900",
    ]
    given = [part for change in changes for part in ("--set", change)]
    assert main(["run", "energy", "--json", *given]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["verdict"] in {"better", "none", "worse"}
    assert 0 < said["captured_share"]["value"] <= 1
    page = (mlflow_home.parent / said["report"]).read_text(encoding="utf-8")
    assert page.count('class="chart"') > 5
    assert "cap rule" in page
    assert main(["plan", "energy", "--for", "2024-07-01", "--json", *given]) == 0
    planned = json.loads(capsys.readouterr().out)
    schedule = json.loads((mlflow_home.parent / planned["folder"] / "schedule.json").read_text(encoding="utf-8"))
    steps = schedule["sites"]["Bäckerei"]["steps"]
    assert len(steps) == 96
    assert steps[0]["start"] == "2024-06-30T23:00:00Z"
    assert (mlflow_home.parent / planned["folder"] / "plan.xlsx").is_file()
