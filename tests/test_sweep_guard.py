"""The best of many tries is handed out only when its gain on the select period is more than luck."""

import json
import tomllib
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy.stats import t as student

from pipelines.sweep import guard, study
from pipelines.sweep.spec import read_spec
from tests.sweeps import sweep, toy, worked


def bound(gains: Any, best: int = 0) -> float:
    found = guard.lower_bound(np.atleast_2d(np.asarray(gains, dtype=float)), best)
    assert found is not None
    return found


def test_the_bound_of_one_try_is_students_t_and_more_tries_widen_it():
    gains = [3.0, 1.0, 4.0, 1.0, 5.0, 9.0]
    spread = np.std(gains, ddof=1) * np.sqrt(6)
    assert bound(gains) == pytest.approx(23 - student.ppf(0.975, 5) * spread, abs=0.1 * spread)
    others = np.random.default_rng(2).standard_normal((40, 6))
    assert bound([gains, *others]) < bound([gains, *others[:10]]) < bound(gains)
    # forty independent tries come near Bonferroni; forty times the same one are one
    assert bound([gains, *others]) > 23 - student.ppf(1 - 0.025 / 41, 5) * spread
    assert bound([gains] * 41) == pytest.approx(bound(gains))
    assert bound([gains, [0.0] * 6]) == bound(gains)
    assert guard.lower_bound(np.array([gains[:3]]), 0) is None  # three weeks say nothing about their spread


@pytest.mark.parametrize(("weeks", "shared"), [(6, 0.0), (12, 0.0), (12, 0.8)])
def test_luck_alone_is_hardly_ever_handed_out_and_a_real_gain_mostly_is(weeks, shared):
    """Thirty tries that gain nothing: without the guard the best one looks demonstrable in every seventh sweep and more."""
    draw = np.random.default_rng(4)
    fooled, naive, found = 0, 0, 0
    for _ in range(150):
        gains = np.sqrt(shared) * draw.standard_normal((1, weeks)) + np.sqrt(1 - shared) * draw.standard_normal((30, weeks))
        best = int(gains.sum(1).argmax())
        fooled += bound(gains, best) > 0
        naive += bound(gains[best]) > 0
        gains[best] += 3.0  # standard deviations of a week
        found += bound(gains, best) > 0
    assert fooled / 150 <= 0.06
    assert naive / 150 > 0.1
    assert found / 150 > (0.9 if weeks > 6 else 0.3)


def handed_out(folder):
    return tomllib.loads((folder / "best.toml").read_text(encoding="utf-8"))


def test_a_gain_that_may_be_luck_leaves_the_settings_as_they_were_unless_a_trial_is_named(tmp_path, capsys):
    """One same weekday more or less, two pieces more or less: nothing that the weeks of select could tell from luck."""
    folder, printed = worked(toy(tmp_path / "toy"), tmp_path, trials=9, parameters=("extra=-1:1", "weeks=2:3"))
    assert printed["advice"]["tuned"] is False
    assert printed["advice"]["low"] <= 0 <= printed["advice"]["gain"]
    assert printed["handed_out"] == {"extra": 0.0, "weeks": 2} == handed_out(folder)
    assert printed["params"] != printed["handed_out"]
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "Keep the untuned settings" in page
    assert "extra = 0.0" in page
    assert sweep("best", "s", "--home", tmp_path, "--no-compare", "--trial", printed["trial"], "--json") == 0
    named = json.loads(capsys.readouterr().out)
    assert named["handed_out"] == printed["params"]
    assert handed_out(folder)["extra"] == pytest.approx(printed["params"]["extra"], rel=1e-5)


def test_a_gain_in_every_week_is_handed_out(tmp_path):
    """Settings that were far off: baking 50 pieces too many costs money every single week."""
    folder, printed = worked(toy(tmp_path / "toy", extra=50.0), tmp_path, trials=9, parameters=("extra",))
    assert printed["advice"]["tuned"] is True
    assert 0 < printed["advice"]["low"] < printed["advice"]["gain"]
    assert printed["advice"]["gain"] == pytest.approx(printed["untuned"] - printed["best"])
    assert handed_out(folder)["extra"] == pytest.approx(printed["params"]["extra"], rel=1e-5)
    assert printed["advice"]["tried"] == 8


def test_an_older_sweep_without_costs_per_block_keeps_the_untuned_settings(tmp_path):
    folder, _ = worked(toy(tmp_path / "toy", extra=50.0), tmp_path, trials=4, parameters=("extra",))
    queue = study.open_queue(folder, read_spec(folder))
    trial = study.better(queue)[0]
    bare: Any = SimpleNamespace(number=trial.number, params=trial.params, user_attrs={})
    found = guard.choose(queue, bare, named=False)
    assert (found.advice.low, found.tuned, found.handed_out) == (None, False, {"extra": 50.0})
