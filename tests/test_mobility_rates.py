"""Mobility's rates: the regression finds a known law, and the level follows what came, the last days first."""

import json
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from usecases.mobility.linear import LOCAL, Linear, Past
from usecases.mobility.model import LEVEL_HALF_LIFE, PRIOR_DAYS, level_factor, levels
from usecases.mobility.packed import HOURS

DAYS = [date(2025, 3, 1) + timedelta(days=number) for number in range(20)]


def test_the_regression_finds_a_known_law_and_survives_being_written_down():
    draw = np.random.default_rng(7)
    logs = draw.normal(0, 0.5, (2_000, HOURS, LOCAL))
    off = (draw.random(2_000) < 2 / 7).astype(float)
    past = Past(logs, np.column_stack([off, np.where(off > 0, 7, draw.integers(1, 6, 2_000))]))
    rates = np.exp(-1.0 + 0.7 * logs[:, :, 0] - 0.5 * off[:, None])
    exposed = np.where(draw.random(rates.shape) < 0.3, 0.5, 1.0)  # half of some hours the station stood empty
    found = Linear.fit(past, draw.poisson(rates * exposed).astype(float), exposed, seed=1)
    # 126 coefficients from about 15,000 events: chance alone makes sqrt(2 / pi * 126 / 15,000) = 0.073
    assert np.abs(np.log(found.predict(past) / rates)).mean() < 0.09
    again = Linear.of(json.loads(json.dumps(found.said())))
    assert np.array_equal(again.predict(past), found.predict(past))


def test_the_level_of_a_steady_miss_is_drawn_to_it_and_yesterday_counts_most():
    rows = pl.DataFrame({"day": DAYS})
    forecast = np.full(20, 10.0)
    steady = level_factor(rows, forecast, np.full(20, 20.0), DAYS[-1])
    weight = (0.5 ** (np.arange(20) / LEVEL_HALF_LIFE)).sum()
    assert steady == pytest.approx((2 * weight + PRIOR_DAYS) / (weight + PRIOR_DAYS))
    late, early = (level_factor(rows, forecast, np.where(np.arange(20) == day, 30.0, 10.0), DAYS[-1]) for day in (19, 0))
    assert 1 < early < late
    assert level_factor(rows.clear(), forecast[:0], forecast[:0], DAYS[-1]) == 1.0


def test_a_days_level_knows_only_the_days_before_it():
    rows = pl.DataFrame({"day": DAYS})
    forecast, counts = np.full((20, HOURS), 1.0), np.full((20, HOURS), 2.0)
    made = levels(rows, forecast, counts)
    assert made[0] == 1.0
    assert (np.diff(made) > 0).all()  # the more days have shown the miss, the more of it is believed
    counts[10:] = 99.0
    assert np.array_equal(levels(rows, forecast, counts)[:11], made[:11])
