"""The battery's schedule and controller: against an independent formulation, within limits, by hand."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp

from pipelines.decide.battery import Battery, Orders, follow, held_peaks, smallest_caps
from pipelines.decide.dispatch import Flexible, Problem, schedule
from pipelines.decide.peak_cap import LEAST_MONTHS, CapRule, day_cap, learnt_aims, needed_caps
from usecases.energy.settings import AtypicalUse, TwoLines
from usecases.energy.tariff import atypical_use, two_line_bills

HOURS = 0.25


def problem(draw: np.random.Generator, steps: int) -> Problem:
    capacity = float(draw.uniform(5, 120))
    battery = Battery(capacity, float(draw.uniform(2, 60)), 0.95, 0.9, 0.05, 0.95, float(draw.choice([0.0, 0.04])))
    net = draw.uniform(-30, 90, steps) * draw.choice([1.0, 0.3])
    price = draw.normal(0.12, 0.1, steps)  # some below zero, some below the export price
    stored = float(draw.choice([battery.floor_kwh, battery.ceiling_kwh, draw.uniform(battery.floor_kwh, battery.ceiling_kwh)]))
    half = steps // 2
    period = np.repeat([0, 1], [half, steps - half])
    return Problem(net, price, np.full(steps, float(draw.choice([-0.02, 0.06]))), period, np.array([float(draw.uniform(0, 60)), 0.0]), 3.0,
                   battery, stored, end_eur_per_kwh=0.05)  # fmt: skip


def independent(p: Problem) -> float:
    """The same problem without variables for energy and export: cumulated sums, and binaries at every step."""
    steps, b = len(p.net_kw), p.battery
    into, out = b.charge_efficiency * HOURS, HOURS / b.discharge_efficiency
    names = 4 * steps  # charge, discharge, bought, charging?; then buying? and two peaks
    wide = names + steps + 2
    c, d, i, u, v = (np.eye(steps, wide, place * steps) for place in range(5))
    total = np.tril(np.ones((steps, steps)))
    energy = total @ (into * c - out * d)
    export = i - c + d  # minus net load: what leaves the site
    peak = np.zeros((steps, wide))
    peak[np.arange(steps), names + steps + p.period] = 1.0
    big = float(np.abs(p.net_kw).max() + b.power_kw + 1)
    surplus = np.maximum(-p.net_kw, 0)
    rows = [
        LinearConstraint(energy, b.floor_kwh - p.stored_kwh, b.ceiling_kwh - p.stored_kwh),
        LinearConstraint(export, p.net_kw, p.net_kw + surplus),
        LinearConstraint(i - peak, -np.inf, 0),
        LinearConstraint(c - b.power_kw * u, -np.inf, 0),
        LinearConstraint(d + b.power_kw * u, -np.inf, b.power_kw),
        LinearConstraint(i - big * v, -np.inf, 0),
        LinearConstraint(export + np.diag(surplus) @ v, -np.inf, p.net_kw + surplus),
    ]
    cost = (
        HOURS * (p.price_in @ i)
        - HOURS * (p.price_out @ export)
        + b.wear_eur_per_kwh * HOURS * d.sum(axis=0)
        - p.end_eur_per_kwh * energy[-1]
    )
    cost[names + steps :] = p.peak_eur_per_kw
    low = np.zeros(wide)
    low[names + steps :] = p.peak_kw
    high = np.full(wide, np.inf)
    high[: 2 * steps], high[3 * steps : 5 * steps] = b.power_kw, 1.0
    whole = np.zeros(wide)
    whole[3 * steps : 5 * steps] = 1
    found = milp(cost, constraints=rows, bounds=Bounds(low, high), integrality=whole, options={"mip_rel_gap": 1e-9})
    assert found.success
    constant = HOURS * float(p.price_out @ p.net_kw) - p.end_eur_per_kwh * p.stored_kwh
    return float(found.fun) + constant


@pytest.mark.parametrize("block", range(8))
def test_the_schedule_agrees_with_an_independent_formulation_and_keeps_every_limit(block):
    draw = np.random.default_rng(block)
    for _ in range(25):
        p = problem(draw, int(draw.integers(4, 13)))
        found = schedule(p)
        assert found.objective == pytest.approx(independent(p), abs=1e-6, rel=1e-6)
        assert not found.broken
        b = p.battery
        assert (found.stored_kwh >= b.floor_kwh - 1e-6).all()
        assert (found.stored_kwh <= b.ceiling_kwh + 1e-6).all()
        assert (np.abs(found.battery_kw) <= b.power_kw + 1e-6).all()
        assert np.allclose(p.net_kw - found.battery_kw, found.import_kw - found.export_kw, atol=1e-6)
        assert not ((found.import_kw > 1e-6) & (found.export_kw > 1e-6)).any()
        moved = np.diff(np.concatenate([[p.stored_kwh], found.stored_kwh]))
        lost = np.where(
            found.battery_kw < 0, -found.battery_kw * b.charge_efficiency * HOURS, -found.battery_kw * HOURS / b.discharge_efficiency
        )
        assert np.allclose(moved, lost, atol=1e-5)  # holds only when it never charges and discharges at once


@pytest.mark.parametrize("steps", [92, 96, 100])
def test_days_of_every_length_are_scheduled(steps):
    found = schedule(problem(np.random.default_rng(steps), steps))
    assert len(found.battery_kw) == steps
    assert not found.broken


@settings(max_examples=30)
@given(st.integers(0, 10_000), st.floats(-50, 500), st.floats(1, 80))
def test_no_state_and_no_limit_makes_it_unsolvable(seed, stored, limit):
    draw = np.random.default_rng(seed)
    steps = 8
    base = problem(draw, steps)
    late = np.cumsum(draw.uniform(0, 20, steps))
    flexible = Flexible(late, late, np.full(steps, 2.0))  # more wanted than power allows
    p = Problem(base.net_kw, base.price_in, base.price_out, base.period, base.peak_kw, 3.0, base.battery, max(stored, 0.0), end_kwh=1e4,
                limit_kw=np.full(steps, limit), flexible=flexible)  # fmt: skip
    found = schedule(p)
    assert np.isfinite(found.objective)
    assert found.broken["late"] > 0
    assert found.broken["end"] > 0


def test_prices_that_are_no_numbers_are_named():
    p = problem(np.random.default_rng(1), 8)
    broken = Problem(p.net_kw, np.full(8, np.nan), p.price_out, p.period, p.peak_kw, 3.0, p.battery, p.stored_kwh)
    with pytest.raises(ValueError, match="finite"):
        schedule(broken)


def test_a_peak_already_paid_is_not_shaved_again():
    battery, net = Battery(100, 50, wear_eur_per_kwh=0.04), np.array([40.0, 95.0, 40.0, 40.0])
    flat = np.full(4, 0.2)
    done = schedule(Problem(net, flat, flat * 0, np.zeros(4, int), np.array([100.0]), 24.8, battery, 50.0, end_kwh=50.0))
    assert np.abs(done.battery_kw).max() == pytest.approx(0, abs=1e-6)
    cut = schedule(Problem(net, flat, flat * 0, np.zeros(4, int), np.array([0.0]), 24.8, battery, 50.0, end_kwh=50.0))
    assert cut.import_kw.max() < 60


def orders(steps: int, **given: float) -> Orders:
    plain = {"battery_kw": 0.0, "stored_kwh": 0.0, "cap_kw": 1e9, "slide_kw": 0.0, "refill_share": 0.0, **given}
    return Orders(*(np.full(steps, value) for value in plain.values()))


def test_the_controller_by_hand():
    battery = Battery(40, 20, 1.0, 1.0, 0.0, 1.0)
    done = follow(np.array([30.0, 60.0, 10.0, -8.0]), orders(4, stored_kwh=40, cap_kw=45, refill_share=0.8), battery, 20.0, 0.0)
    # 30 kW: may charge up to 0.8 x 45 = 36; 60 kW: gives 15 to hold 45; 10 kW: charges with its power; surplus: stored
    assert done.battery_kw.tolist() == pytest.approx([-6.0, 15.0, -20.0, -20.0])
    assert done.stored_kwh.tolist() == pytest.approx([21.5, 17.75, 22.75, 27.75])
    assert done.import_kw.tolist() == pytest.approx([36.0, 45.0, 30.0, 12.0])


def test_the_quarter_hour_mean_counts_and_an_empty_battery_ratchets():
    battery = Battery(10, 50, 1.0, 1.0, 0.0, 1.0)
    done = follow(np.full(4, 60.0), orders(4, cap_kw=50), battery, 5.0, 0.0)
    assert done.import_kw.tolist() == pytest.approx([50, 50, 60, 60])
    assert done.stored_kwh[-1] == 0


@given(st.integers(0, 10_000))
def test_the_controller_keeps_power_energy_and_never_exports_from_the_battery(seed):
    draw = np.random.default_rng(seed)
    b, steps = Battery(50, 25), 40
    net = draw.uniform(-40, 90, steps)
    told = Orders(
        draw.uniform(-40, 40, steps),
        draw.uniform(0, 60, steps),
        draw.uniform(0, 90, steps),
        draw.uniform(0, 20, steps),
        draw.uniform(0, 1, steps),
    )
    done = follow(net, told, b, 20.0, float(draw.uniform(0, 60)))
    assert (np.abs(done.battery_kw) <= b.power_kw + 1e-9).all()
    assert (done.stored_kwh >= b.floor_kwh - 1e-9).all()
    assert (done.stored_kwh <= b.ceiling_kwh + 1e-9).all()
    assert (done.export_kw <= np.maximum(-net, 0) + 1e-9).all()


def test_months_side_by_side_are_what_the_controller_does_alone():
    draw = np.random.default_rng(3)
    b, net = Battery(50, 25), draw.gamma(2.0, 15.0, (300, 3))
    caps = np.array([40.0, 60.0, 80.0])
    side = held_peaks(net, caps, b, np.full(3, 25.0), 0.9, slide_kw=10.0)
    for place, cap in enumerate(caps):
        alone = follow(net[:, place], orders(300, stored_kwh=b.ceiling_kwh, cap_kw=cap, slide_kw=10.0, refill_share=0.9), b, 25.0, 0.0)
        assert side[place] == pytest.approx(alone.import_kw.max(), abs=1e-9)


def test_the_smallest_cap_is_held_and_a_lower_one_is_not():
    b = Battery(20, 10, 1.0, 1.0, 0.0, 1.0)
    net = np.full((40, 1), 20.0)
    net[20:24] = 28.0  # one hour, 8 kW above: 8 kWh, well within 10 kWh at the start
    (cap,) = smallest_caps(net, b, 10.0, 0.9)
    assert cap == pytest.approx(19.8, abs=0.02)  # the 2 kWh to spare last for 0.2 kW over the ten hours
    net[20:24] = 45.0  # limited by 10 kW of power
    (cap,) = smallest_caps(net, b, 10.0, 0.9)
    assert cap == pytest.approx(35.0, abs=0.02)


def test_a_day_that_cannot_be_held_raises_the_cap_and_certainty_needs_no_slide():
    b, rule = Battery(20, 10, 1.0, 1.0, 0.0, 1.0), CapRule(slide=0.5, day_quantile=0.5, day_slide=0.2)
    quiet, wild = np.full((96, 1), 20.0), np.full((96, 1), 20.0)
    wild[40:60] = 60.0
    assert day_cap(np.hstack([quiet, quiet + 1]), 30.0, 0.0, b, 20.0, rule) == (30.0, 5.0)
    assert day_cap(np.hstack([quiet, quiet]), 30.0, 0.0, b, 20.0, rule) == (30.0, 0.0)
    cap, slide = day_cap(np.hstack([wild, wild]), 30.0, 0.0, b, 20.0, rule)
    assert cap > 35
    assert slide == 2.0
    assert day_cap(np.hstack([wild, wild]), 30.0, 70.0, b, 20.0, rule)[0] == 30.0  # the peak is paid: nothing to hold below 70
    assert (needed_caps(wild, 30.0, b, 20.0, 0.9) <= 60).all()


def test_share_and_slide_are_learnt_from_earlier_months_alone():
    b, rule = Battery(20, 10, 1.0, 1.0, 0.0, 1.0), CapRule(share=0.9, slide=0.65)
    draw = np.random.default_rng(2)
    months = 40 + draw.uniform(0, 3, (200, 9))
    months[50:54] = 52.0  # one hour that needs ten kWh: a fixed cap of 42 holds it, a slide only gives away
    least, tells = np.full(9, 42.0), np.ones(9, dtype=bool)
    aims, slides = learnt_aims(months, least, tells, b, 20.0, rule)
    assert aims[:LEAST_MONTHS].tolist() == pytest.approx([0.9 * 42] * LEAST_MONTHS)
    assert slides[:LEAST_MONTHS].tolist() == pytest.approx([6.5] * LEAST_MONTHS)
    assert slides[LEAST_MONTHS] < 6.5
    wild = months.copy()
    wild[:, 6:] = draw.uniform(0, 90, (200, 3))
    later, _ = learnt_aims(wild, least, tells, b, 20.0, rule)
    assert later[:7].tolist() == aims[:7].tolist()  # month 6 teaches month 7, not itself
    assert learnt_aims(months, least, ~tells, b, 20.0, rule)[0].tolist() == pytest.approx([0.9 * 42] * 9)


def test_what_may_wait_is_not_put_off_when_it_costs_as_much_later():
    b = Battery(0, 0)
    price = np.array([0.3, 0.1, 0.3, 0.3])
    arrives, nothing = np.full(4, 5.0), np.zeros(4)
    base = (np.zeros(4), price, np.zeros(4), np.zeros(4, int), np.array([0.0]), 0.0, b, 0.0)
    for worth, served in ((0.0, 0.0), (0.2, 2.5)):  # at most 10 kW for the one cheap quarter hour
        flexible = Flexible(arrives, nothing, np.full(4, 10.0), worth)
        assert schedule(Problem(*base, flexible=flexible)).flexible_kw.sum() / 4 == pytest.approx(served)


def test_exactly_one_line_of_the_annual_tariff_applies():
    lines = TwoLines()
    steady, spiky = np.full(35_040, 50.0), np.full(35_040, 20.0)
    spiky[0] = 200.0
    for course, line in ((steady, "above"), (spiky, "below")):
        below, above = two_line_bills(course, lines)
        assert [below.valid, above.valid] == [line == "below", line == "above"]
    below, _ = two_line_bills(spiky, lines)
    assert below.eur == pytest.approx(200 * 34.29 + spiky.sum() / 4 * 0.068)


def test_atypical_use_looks_at_working_days_inside_the_windows_alone():
    times = pl.datetime_range(pl.datetime(2025, 1, 1), pl.datetime(2025, 1, 31, 23, 45), "15m", eager=True)
    load = np.where((times.dt.hour() == 17).to_numpy(), 40.0, 20.0)
    load[times.dt.hour().to_numpy() == 3] = 100.0
    holiday = times.dt.date() == pl.date(2025, 1, 1)
    found = atypical_use(times, load, pl.select(holiday).to_series(), "winter", AtypicalUse(), 34.29)
    assert (found.inside_kw, found.peak_kw, found.granted) == (40.0, 100.0, True)
