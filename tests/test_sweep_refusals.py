"""Sweeps before they begin: what is refused and why, the job script, and what a site would take."""

import json
import subprocess
from pathlib import Path

import pytest

from pipelines.sweep import begin as beginning
from pipelines.sweep import sites
from pipelines.sweep.spec import Spec
from tests.sweeps import sweep, told, toy, wish


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


def test_time_limits_are_read_as_slurm_reads_them():
    from pipelines.sweep.slurm import clock, seconds

    limits = {"30": 1800, "30:00": 1800, "1:30:00": 5400, "2-12:00:00": 216000, "1-6": 108000, "UNLIMITED": None, "": None}
    assert {limit: seconds(limit) for limit in limits} == limits
    assert clock(5400.2) == "1:30:01"
