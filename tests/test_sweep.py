"""Sweeps from the command line: what is tuned, what is refused, what a person gets, and that the report period stays unseen."""

import json
import os
import re
import signal
import subprocess
import tomllib
from collections import Counter
from pathlib import Path

import polars as pl
import pytest
from optuna.trial import TrialState

from pipelines.run import prepare, run
from pipelines.settings import load_settings
from pipelines.sweep import begin as beginning
from pipelines.sweep import final, sites, study, verbs
from pipelines.sweep.lease import workers
from pipelines.sweep.objective import Aim, judge
from pipelines.sweep.shared import before, read_shared
from pipelines.sweep.space import changed, untuned
from pipelines.sweep.spec import Spec, open_sweep, read_spec
from pipelines.table import load_tables
from tests.slurm_cluster import until
from tests.sweeps import command, environment, said, sweep, toy, values


def opened(folder):
    return study.open_queue(folder, read_spec(folder))


def wish(case: Path, home: Path, **more):
    from pipelines.work import Request

    changes = tuple(f"{name}={value}" for name, value in more.pop("settings", {}).items())
    return beginning.Wish(Request(str(case), {}, None, None, changes, home, "en"), name="s", **more)


def told(capsys, *words):
    """What the command line prints as JSON, in this process."""
    assert sweep(*words, "--json") == 0
    return json.loads(capsys.readouterr().out)


def worked(case: Path, home: Path, compared: bool = False, **more):
    """A sweep begun and worked on in this process; returns its folder and the summary of `best`."""
    begun = beginning.begin(wish(case, home, **more))
    verbs.worker(begun.folder, {})
    return begun.folder, dict(verbs.best(verbs.Place(home, "s", {}, "en"), None, compared).summary)


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


@pytest.mark.parametrize(
    ("words", "said_so"),
    [
        (("--tune", "wekks"), "Did you mean weeks?"),
        (("--tune", "extra=5:1"), "smaller first"),
        (("--tune", "extra=-90:1"), "extra"),
        (("--tune", "rounding=1:2"), "choice of values"),
        (("--units", "eur,kg"), "kg_co2e"),
        (("--workers", "500"), "cores"),
        (("--objective", "profit"), "--objective profit"),
        (("--name", "../up"), "name of a sweep"),
        (("--storage", "postgresql://me:secret@db/x"), "password"),
        (("--slurm", "--time", "soon"), "--time soon"),
        (("--dry-run", "--time", "2"), "too short"),
        (("--preset", "moon", "--slurm"), "jupiter"),
        (("--preset", "juwels", "--dry-run", "--threads", 2), "48 cores of a node"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_written(tmp_path, capsys, words, said_so):
    toy(tmp_path / "toy")
    assert sweep("start", tmp_path / "toy", "--trials", 5, "--home", tmp_path / "h", *words) == 2
    error = capsys.readouterr().err
    assert said_so in error
    assert "secret" not in error
    assert not list((tmp_path / "h" / "sweeps").glob(".*")) if (tmp_path / "h" / "sweeps").is_dir() else True


def test_a_price_cannot_be_tuned(tmp_path, capsys):
    toy(tmp_path / "toy")
    code = (tmp_path / "toy" / "usecase.py").read_text().replace('"weeks": Span', '"make_eur": Span(0.2, 2.0, unit="EUR"), "weeks": Span')
    (tmp_path / "toy" / "usecase.py").write_text(code)
    assert sweep("start", tmp_path / "toy", "--trials", 5, "--home", tmp_path / "h") == 2
    assert "make_eur cannot be tuned" in capsys.readouterr().err
    assert not list((tmp_path / "h" / "sweeps").glob("*"))


def test_a_setting_that_the_use_case_chooses_by_itself_is_left_out_until_it_gets_a_value(tmp_path, capsys):
    toy(tmp_path / "toy")
    code = (tmp_path / "toy" / "usecase.py").read_text().replace('rounding: str = "whole"', "rounding: str | None = None")
    (tmp_path / "toy" / "usecase.py").write_text(code)
    begun = beginning.begin(wish(tmp_path / "toy", tmp_path, trials=5))
    assert begun.unset == ("rounding",)
    assert list(begun.spec.space) == ["weeks", "window", "extra"]
    assert sweep("start", tmp_path / "toy", "--trials", 5, "--home", tmp_path / "h", "--tune", "rounding") == 2
    assert "--set rounding=" in capsys.readouterr().err
    given = beginning.begin(wish(tmp_path / "toy", tmp_path / "g", trials=5, settings={"rounding": '"exact"'}))
    assert (given.unset, "rounding" in given.spec.space) == ((), True)


def test_a_sweep_with_other_data_or_versions_is_not_worked_on(tmp_path, capsys):
    toy(tmp_path / "toy")
    begun = beginning.begin(wish(tmp_path / "toy", tmp_path, trials=5))
    facts = json.loads((begun.folder / "sweep.json").read_text())
    facts["versions"]["polars"] = "0.1"
    (begun.folder / "sweep.json").write_text(json.dumps(facts))
    assert sweep("worker", begun.folder) == 2
    assert "polars 0.1" in capsys.readouterr().err
    (begun.folder / "data" / "rows.arrow").write_bytes(b"other")
    assert sweep("worker", begun.folder) == 2
    assert "not those this sweep was started with" in capsys.readouterr().err


def test_the_job_script_is_plain_and_holds_what_was_asked_for(tmp_path, capsys):
    toy(tmp_path / "toy")
    (tmp_path / "setup.sh").write_text("module load Python\n")
    words = ("--nodes", 3, "--tasks-per-node", 48, "--time", "2:00:00", "--account", "budget", "--constraint", "mem192", "--array")
    printed = told(
        capsys, "start", tmp_path / "toy", "--name", "j", "--trials", 9, "--home", tmp_path, "--dry-run", "--preset", "juwels", *words,
        "--setup", tmp_path / "setup.sh",
    )  # fmt: skip
    script = Path(printed["script"]).read_text()
    for line in ("--array=0-2", "--ntasks-per-node=48", "--time=2:00:00", "--partition=batch", "--account=budget", "--signal=B:USR1@120"):
        assert f"#SBATCH {line}" in script
    assert "module load Python" in script
    assert "sweep worker" in script
    assert subprocess.run(["bash", "-n", printed["script"]], check=False).returncode == 0


def test_time_nodes_and_energy_are_estimated_by_hand():
    """1,000 trials of 60 s by 2 nodes x 10 workers: 50 rounds of a minute; of 10 minutes 7 are left for trials, so 8 jobs."""
    given = {"case": "toy", "trials": 1000, "workers": 1, "threads": 1, "seed": 1, "units": ("eur",), "settings": {}, "space": {}}
    spec = Spec(name="s", trial_seconds=60.0, data_digest="", data_source="", versions={}, created="", lead_seconds=120, **given)
    job = sites.preset("juwels", {"nodes": 2, "tasks_per_node": 10, "time": "10:00"})
    found = sites.estimate(spec, job, 1000)
    hours = (50 * 60 + 8 * 30) / 3600
    assert (found.hours, found.node_hours, found.kwh) == pytest.approx((hours, 2 * hours, 2 * hours * 0.5))
    assert found.jobs == 8
    assert sites.estimate(spec, sites.preset("generic", {"nodes": 1, "tasks_per_node": 1}), 10).jobs == 1
    assert {name: site.tested for name, site in sites.presets().items()} == {"generic": True, "jupiter": False, "juwels": False}


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_hands_the_trials_back_and_resume_finishes_them(tmp_path, how):
    toy(tmp_path / "toy", pause_s=2.0)
    folder = tmp_path / "sweeps" / "c"
    words = command("start", tmp_path / "toy", "--name", "c", "--trials", 4, "--workers", 2, "--home", tmp_path)
    process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True, env=environment())
    until(lambda: (folder / "sweep.json").is_file() and len(opened(folder).states(TrialState.RUNNING)) == 2)
    process.send_signal(how)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130, error
    queue = opened(folder)
    assert not queue.states(TrialState.RUNNING)
    interrupted = [trial.params for trial in queue.states(TrialState.FAIL)]
    assert len(interrupted) == 2
    printed = said("resume", "c", "--home", tmp_path)
    assert (printed["completed"], printed["interrupted"]) == (4, 2)
    assert all(params in [trial.params for trial in opened(folder).states(TrialState.COMPLETE)] for params in interrupted)


@pytest.mark.slow
def test_a_killed_worker_is_replaced_and_its_trial_repeated(tmp_path):
    toy(tmp_path / "toy", pause_s=1.0)
    folder = tmp_path / "sweeps" / "k"
    words = command("start", tmp_path / "toy", "--name", "k", "--trials", 6, "--workers", 1, "--home", tmp_path, "--no-compare", "--json")
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment())
    until(lambda: (folder / "sweep.json").is_file() and opened(folder).states(TrialState.RUNNING))
    (victim,) = workers(folder).values()
    os.kill(victim.pid, signal.SIGKILL)
    printed = json.loads(process.communicate(timeout=120)[0])
    assert (printed["completed"], printed["interrupted"], printed["running"]) == (6, 1, 0)
    assert len(workers(folder)) == 2


@pytest.mark.slow
def test_stop_finishes_the_trials_and_status_says_so(tmp_path, capsys):
    toy(tmp_path / "toy", pause_s=1.0)
    folder = tmp_path / "sweeps" / "w"
    words = command("start", tmp_path / "toy", "--name", "w", "--trials", 30, "--home", tmp_path, "--no-compare", "--json")
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment())
    until(lambda: (folder / "sweep.json").is_file() and opened(folder).states(TrialState.RUNNING))
    assert sweep("stop", "w", "--home", tmp_path) == 0
    printed = json.loads(process.communicate(timeout=60)[0])
    assert printed["interrupted"] == printed["running"] == 0
    assert 2 <= printed["completed"] < 30
    capsys.readouterr()
    assert sweep("status", "w", "--home", tmp_path, "--lang", "de") == 0
    assert "Der Suchlauf wird angehalten" in capsys.readouterr().out


def test_an_rdb_storage_works_like_the_journal(tmp_path):
    toy(tmp_path / "toy")
    for name, storage in (("journal", ""), ("database", f"sqlite:///{tmp_path}/study.db")):
        begun = beginning.begin(wish(tmp_path / "toy", tmp_path / name, trials=8, storage=storage))
        assert sweep("worker", begun.folder) == 0
        assert Counter(trial.state.name for trial in opened(begun.folder).trials) == {"COMPLETE": 8}
    found = [values(opened(tmp_path / name / "sweeps" / "s").trials) for name in ("journal", "database")]
    assert found[0] == found[1]


def test_workers_know_no_mlflow(tmp_path):
    code = "import sys\nimport pipelines.sweep.verbs, pipelines.sweep.begin, pipelines.sweep.worker\nprint('mlflow' in sys.modules)"
    done = subprocess.run([*command()[:1], "-c", code], capture_output=True, text=True, check=True, env=environment())
    assert done.stdout.strip() == "False"


def test_time_limits_are_read_as_slurm_reads_them():
    from pipelines.sweep.slurm import clock, seconds

    limits = {"30": 1800, "30:00": 1800, "1:30:00": 5400, "2-12:00:00": 216000, "1-6": 108000, "UNLIMITED": None, "": None}
    assert {limit: seconds(limit) for limit in limits} == limits
    assert clock(5400.2) == "1:30:01"
