"""Sweeps from the command line: what is tuned, what a person gets, and that the report period stays unseen."""

import json
import re
import tomllib

import polars as pl
import pytest
from optuna.trial import TrialState

from pipelines.run import prepare, run
from pipelines.settings import load_settings
from pipelines.sweep import begin as beginning
from pipelines.sweep import final
from pipelines.sweep.objective import Aim, judge
from pipelines.sweep.shared import before, read_shared
from pipelines.sweep.space import changed, untuned
from pipelines.sweep.spec import open_sweep, read_spec
from pipelines.table import load_tables
from tests.sweeps import opened, sweep, toy, values, wish, worked


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A finished sweep of 16 trials with its report, and the summary of `best`."""
    folder = tmp_path_factory.mktemp("finished")
    return worked(toy(folder / "toy"), folder / "mlruns", compared=True, trials=16)


def test_a_sweep_completes_exactly_what_was_wished_for(finished):
    folder, printed = finished
    assert (printed["completed"], printed["running"], printed["waiting"], printed["finished"]) == (16, 0, 0, True)
    trials = opened(folder).trials
    assert trials[0].params == {"weeks": 2, "window": 7, "extra": 0.0, "rounding": "whole"}
    assert printed["best"] == min(trial.values[0] for trial in trials) == printed["values"][0]
    assert len({json.dumps(trial.params, sort_keys=True) for trial in trials}) == 16


def test_a_trial_is_worth_what_the_pipeline_says_on_the_select_period(finished):
    """The value of a trial is the plan's replayed cost, as `run` gets it: saved on select = usual - plan."""
    folder, _ = finished
    opened_sweep = open_sweep(folder, {})
    shared = read_shared(folder, opened_sweep.spec.data_digest)
    case, spec = opened_sweep.case, opened_sweep.spec
    trial = min(opened(folder).trials[1:], key=lambda trial: trial.values[0])
    settings = changed(case, opened_sweep.settings, trial.params)
    loaded = load_tables(case.schema, settings.data, folder.parents[2] / "toy", None)
    result = run(case, prepare(case, loaded, settings), settings)
    days = before(shared.features, case.time, shared.periods.report.first).filter(pl.col("day") >= shared.periods.select.first)
    again = judge(case, shared, settings, Aim(spec.units), fresh=True)
    assert again.values[0] == pytest.approx(trial.values[0], abs=1e-9)
    usual = case.value(case.usual(case.features(shared.rows, settings), settings), settings)["eur"]
    select = shared.rows["day"].is_between(shared.periods.select.first, shared.periods.select.last)
    assert result.select_saved.value == pytest.approx(usual.filter(select).sum() - trial.values[0], abs=1e-6)
    assert days.height > 0


def test_workers_cannot_see_the_report_period(finished):
    folder, _ = finished
    periods = read_shared(folder, read_spec(folder).data_digest).periods
    for name in ("rows", "features"):
        assert (pl.read_ipc(folder / "data" / f"{name}.arrow")["day"] < periods.report.first).all()
    assert read_shared(folder, read_spec(folder).data_digest).rows["day"].max() == periods.select.last


def test_scrambling_the_report_period_changes_no_trial(tmp_path):
    toy(tmp_path / "toy")
    begun = beginning.begin(wish(tmp_path / "toy", tmp_path / "a", trials=5))
    first = read_shared(begun.folder, begun.spec.data_digest).periods.report.first
    lines = (tmp_path / "toy" / "sales.csv").read_text().splitlines()
    changed_lines = [re.sub(r"\d+$", "9999", line) if line[:10] >= first.isoformat() and line[0] == "2" else line for line in lines]
    assert changed_lines != lines
    (tmp_path / "toy" / "sales.csv").write_text("\n".join(changed_lines))
    again = beginning.begin(wish(tmp_path / "toy", tmp_path / "b", trials=5))
    assert begun.spec.data_digest == again.spec.data_digest
    assert values(opened(begun.folder).trials) == values(opened(again.folder).trials)


def test_parameters_that_change_features_are_found_and_the_others_reuse_them(tmp_path):
    toy(tmp_path / "toy")
    begun = beginning.begin(wish(tmp_path / "toy", tmp_path, trials=5))
    assert begun.spec.makes_features == ("window",)
    opened_sweep = open_sweep(begun.folder, {})
    shared = read_shared(begun.folder, begun.spec.data_digest)
    trial = beginning.judged_trial(opened_sweep.case, begun.spec, opened_sweep.settings, shared)
    params = {name: untuned(opened_sweep.settings, name) for name in begun.spec.space}
    for change in ({"window": 9}, {"weeks": 5}, {"extra": 3.0}):
        settings = changed(opened_sweep.case, opened_sweep.settings, {**params, **change})
        fresh = judge(opened_sweep.case, shared, settings, Aim(("eur",)), fresh=True)
        assert trial({**params, **change}, None)[0] == fresh.values


def test_the_report_says_honestly_whether_tuning_helped(finished):
    folder, printed = finished
    found = printed["final"]
    low, high = found["report"]["eur"]["low"], found["report"]["eur"]["high"]
    assert low < found["report"]["eur"]["value"] < high
    assert found["verdict"] == ("better" if low > 0 else "worse" if high < 0 else "none")
    # what tuned saves against untuned is the difference of what both save against business as usual
    gain = found["tuned_saved"]["value"] - found["plain_saved"]["value"]
    assert found["report"]["eur"]["value"] == pytest.approx(gain)
    assert final.stored(folder)[0].looks == 1


@pytest.mark.parametrize("lang", ["en", "de"])
def test_the_page_stands_alone_in_both_languages(finished, lang):
    folder, _ = finished
    assert sweep("best", "s", "--home", folder.parents[1], "--lang", lang) == 0
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert f'<html lang="{lang}">' in page
    assert ("Hat sich die Suche gelohnt?" in page) is (lang == "de")
    assert page.count("<svg") == 3
    assert not re.search(r"<script|(src|href)=\"(?!#|data:)", page)
    assert "extra" in page
    assert len(final.stored(folder)) == 1  # looking again is no second comparison


def test_best_settings_go_into_a_settings_file(finished):
    folder, printed = finished
    opened_sweep = open_sweep(folder, {})
    tuned = load_settings(
        opened_sweep.case.settings, opened_sweep.settings.model_dump(exclude_none=True), tomllib.loads((folder / "best.toml").read_text())
    )
    assert {name: getattr(tuned, name) for name in printed["handed_out"]} == pytest.approx(
        {name: value if isinstance(value, str) else pytest.approx(value, rel=1e-5) for name, value in printed["handed_out"].items()}
    )
    assert printed["handed_out"] == (printed["params"] if printed["advice"]["tuned"] else opened(folder).trials[0].params)


def test_a_forecast_objective_minimises_the_error(tmp_path):
    toy(tmp_path / "toy")
    begun = beginning.begin(wish(tmp_path / "toy", tmp_path, trials=5, forecast=True))
    first = opened(begun.folder).trials[0]
    assert first.values == [first.user_attrs["figures"]["score.pinball"]]
    # what cannot move the forecast stays as it is: the error says nothing about it
    assert set(begun.spec.space) == {"weeks", "window"}
    assert begun.left_out == ("extra", "rounding")


def test_a_forecast_objective_wants_a_parameter_of_the_forecast(tmp_path, capsys):
    toy(tmp_path / "toy")
    words = ("--objective", "forecast", "--tune", "extra")
    assert sweep("start", tmp_path / "toy", "--trials", 5, "--home", tmp_path / "h", *words) == 2
    assert "changes the forecast: extra" in capsys.readouterr().err


def test_two_units_give_a_pareto_set(tmp_path):
    folder, printed = worked(toy(tmp_path / "toy"), tmp_path, trials=12, units=("eur", "kg_co2e"))
    trials = {trial.number: trial.values for trial in opened(folder).trials}
    better = [n for n, v in trials.items() if not any(o != v and o[0] <= v[0] and o[1] <= v[1] for o in trials.values())]
    assert sorted(printed["pareto"]) == sorted(better)
    assert "Pareto" in (folder / "report.html").read_text(encoding="utf-8")


def test_pruning_ends_bad_trials_after_a_fold_and_counts_them(tmp_path):
    settings = {"periods.refit_days": 14}
    folder, printed = worked(toy(tmp_path / "toy", weeks=4), tmp_path, trials=24, prune=True, settings=settings, parameters=("extra",))
    assert printed["pruned"] > 0
    assert printed["completed"] + printed["pruned"] == 24
    opened_sweep = open_sweep(folder, {})
    shared = read_shared(folder, opened_sweep.spec.data_digest)
    trial = beginning.judged_trial(opened_sweep.case, opened_sweep.spec, opened_sweep.settings, shared)
    ended = [one for one in opened(folder).trials if one.state == TrialState.PRUNED]
    assert all(trial(one.params, None).values[0] > printed["best"] for one in ended)
    assert all(len(one.intermediate_values) < 3 for one in ended)
