"""The plain quantile forecaster: known distributions, scale, storage without pickles, the same answer on any number of threads."""

import pickle
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy.stats import norm

from pipelines.models import Quantiles

LEVELS = (0.1, 0.5, 0.9)
SMALL: dict[str, Any] = {"rounds": 60, "rate": 0.1}


def world(count: int = 3000, seed: int = 0) -> pl.DataFrame:
    """Demand 20 x group, plus normal noise of 4 x group, in five groups."""
    draw = np.random.default_rng(seed)
    group = draw.integers(1, 6, count).astype(float)
    return pl.DataFrame(
        {"group": group, "noise": draw.random(count), "level": 20 * group, "demand": 20 * group + draw.normal(0, 4 * group)}
    )


@pytest.fixture(scope="module")
def fitted() -> Quantiles:
    return Quantiles("demand", ["group", "noise"], LEVELS, **SMALL).fit(world())


def test_quantiles_of_a_known_distribution(fitted):
    made = fitted.predict(world(seed=1)).group_by("group").agg(pl.col(fitted.columns).mean()).sort("group")
    for level in LEVELS:
        truth = norm.ppf(level, 20 * made["group"].to_numpy(), 4 * made["group"].to_numpy())
        assert made[f"q{level:g}"].to_numpy() == pytest.approx(truth, rel=0.06)


def test_coverage_on_rows_never_seen(fitted):
    made = fitted.predict(world(seed=2))
    for level in LEVELS:
        assert (made["demand"] <= made[f"q{level:g}"]).mean() == pytest.approx(level, abs=0.03)


def test_rows_keep_their_order_and_columns_and_quantiles_never_cross(fitted):
    rows = world(500, seed=3).with_columns(noise=pl.when(pl.col("noise") > 0.1).then("noise"))  # empty cells are allowed
    made = fitted.predict(rows)
    assert made.drop(fitted.columns).equals(rows)
    assert fitted.columns == ["q0.1", "q0.5", "q0.9"]
    table = made.select(fitted.columns).to_numpy()
    assert np.isfinite(table).all()
    assert (np.diff(table, axis=1) >= 0).all()


def test_predicting_needs_no_outcome(fitted):
    rows = world(50)
    assert fitted.predict(rows.drop("demand")).equals(fitted.predict(rows).drop("demand"))


def test_levels_in_any_order_keep_their_own_columns(fitted):
    turned = Quantiles("demand", ["group", "noise"], (0.9, 0.1, 0.5), **SMALL).fit(world()).predict(world(50, seed=1))
    assert turned.select(fitted.columns).equals(fitted.predict(world(50, seed=1)).select(fitted.columns))


def test_a_model_read_back_gives_the_same_to_the_last_bit_and_is_no_pickle(fitted, tmp_path, monkeypatch):
    for name in ("load", "loads", "dump", "dumps"):
        monkeypatch.setattr(pickle, name, lambda *_, **__: pytest.fail("a pickle"))
    fitted.save(tmp_path / "model")
    found = Quantiles.load(tmp_path / "model")
    assert found.predict(world(200, seed=5)).equals(fitted.predict(world(200, seed=5)))
    assert (found.target, found.features, found.levels, found.rounds) == ("demand", ["group", "noise"], list(LEVELS), 60)
    assert sorted(file.name for file in (tmp_path / "model").iterdir()) == ["model.json", "q0.1.txt", "q0.5.txt", "q0.9.txt"]
    assert all(file.read_bytes().isascii() for file in (tmp_path / "model").iterdir())


def test_same_data_same_forecast_whatever_the_threads(fitted):
    rows = world(300, seed=6)
    first = fitted.predict(rows).select(fitted.columns)
    assert first.equals(Quantiles("demand", ["group", "noise"], LEVELS, **SMALL).fit(world()).predict(rows).select(fitted.columns))
    two = Quantiles("demand", ["group", "noise"], LEVELS, threads=2, **SMALL).fit(world()).predict(rows).select(fitted.columns)
    np.testing.assert_allclose(first.to_numpy(), two.to_numpy(), rtol=0, atol=1e-9)


def test_outcomes_not_known_yet_teach_nothing(fitted):
    unknown = pl.concat([world(), world(500, seed=9).with_columns(demand=pl.lit(None, dtype=pl.Float64))])
    again = Quantiles("demand", ["group", "noise"], LEVELS, **SMALL).fit(unknown)
    assert again.predict(world(50)).equals(fitted.predict(world(50)))


def test_with_a_scale_forecasts_grow_with_the_series():
    rows = world().with_columns(pl.lit(1.0).alias("one"))
    model = Quantiles("demand", ["one", "noise"], LEVELS, scale="level", **SMALL).fit(rows)
    large = model.predict(rows.head(5).with_columns(pl.col("level") * 1000)).select(model.columns).to_numpy()
    np.testing.assert_allclose(large, 1000 * model.predict(rows.head(5)).select(model.columns).to_numpy())
    # demand / level is normal with mean 1 and spread 0.2 in every group
    assert large.mean(axis=0) / (1000 * rows["level"].head(5).mean()) == pytest.approx(norm.ppf(LEVELS, 1, 0.2), abs=0.03)  # type: ignore[operator]


@pytest.mark.parametrize("empty", [None, 0.0])
def test_a_series_without_a_level_spoils_no_other(empty):
    """Divided by nothing its target would be infinite, and so would be the model's gradients."""
    rows = world().with_columns(level=pl.when(pl.col("group") > 1).then("level").otherwise(pl.lit(empty, dtype=pl.Float64)))
    model = Quantiles("demand", ["group", "noise"], LEVELS, scale="level", **SMALL).fit(rows)
    made = model.predict(rows).select("group", *model.columns)
    assert made.select(pl.col(model.columns).is_finite().all()).row(0) == (True,) * 3
    assert made.filter(pl.col("group") == 4)[model.columns].mean().row(0) == pytest.approx(norm.ppf(LEVELS, 80, 16), rel=0.06)


@pytest.mark.parametrize("count", [1, 7, 60, 99])
def test_few_rows_give_their_plain_quantiles(count):
    rows = world(count)
    made = Quantiles("demand", ["group", "noise"], LEVELS, rounds=5).fit(rows).predict(world(20, seed=1))
    for level in LEVELS:
        (found,) = made[f"q{level:g}"].unique().to_list()  # one number for all: nothing was split
        low, high = (np.quantile(rows["demand"].to_numpy(), level, method=method) for method in ("lower", "higher"))
        near = 1 / count + 1e-6
        sample = np.sort(rows["demand"].to_numpy())
        rank = np.searchsorted(sample, found, side="right") / count
        assert sample[0] - 1e-4 <= found <= sample[-1] + 1e-4
        assert low - 1e-4 <= found <= high + 1e-4 or abs(rank - level) <= near
