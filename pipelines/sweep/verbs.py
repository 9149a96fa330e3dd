"""What the verbs of `musterwerk sweep` do: start, status, resume, stop, best, sync, repair, and the worker they all rely on."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.errors import InputError
from pipelines.report.words import Words, digits
from pipelines.running import running
from pipelines.sweep import advice_text, final, guard, journal, sites, slurm, study
from pipelines.sweep.begin import Begun, Wish, begin, judged_trial
from pipelines.sweep.heartbeat import answering
from pipelines.sweep.lease import living
from pipelines.sweep.local import require_cores, run_local
from pipelines.sweep.shared import read_shared
from pipelines.sweep.space import fragment
from pipelines.sweep.spec import Spec, Sweep, open_sweep, read_spec, sweep_folder, write_spec
from pipelines.sweep.status import as_dict, as_text, shown, status
from pipelines.sweep.worker import STOP, work
from pipelines.texts import Lang, number, text
from pipelines.work import Outcome

BEST, REPORT = "best.toml", "report.html"


@dataclass(frozen=True)
class Place:
    """Where a sweep is and how to speak of it."""

    home: Path
    name: str
    cases: Mapping[str, str]
    lang: Lang

    @property
    def folder(self) -> Path:
        """The sweep's folder."""
        return sweep_folder(self.home, self.name)


def start(wish: Wish, job: slurm.Job | None, dry_run: bool = False, compared: bool = True) -> Outcome:
    """Begin a sweep and run it here, or hand it to Slurm."""
    if job is None:
        require_cores(wish.workers, wish.threads)
    elif job.time:
        slurm.seconds(job.time)  # before anything is computed: can it be read
    began = begin(wish)
    place = Place(wish.request.home, began.spec.name, wish.request.cases, wish.request.lang)
    _say_begun(began, place.lang)
    if job is None:
        return _run_here(place, wish.workers, compared)
    return _submit(place, began.spec, job, dry_run)


def _say_begun(began: Begun, lang: Lang) -> None:
    spec = began.spec
    facts = {"name": spec.name, "folder": began.folder, "seconds": number(spec.trial_seconds, lang, 1), "count": len(spec.space)}
    sys.stderr.write(text("sweep.begun", lang, trials=spec.trials, parameters=", ".join(spec.space), **facts) + "\n")
    if began.unset:
        sys.stderr.write(text("sweep.unset", lang, names=", ".join(began.unset)) + "\n")
    if began.left_out:
        sys.stderr.write(text("sweep.forecast_space", lang, names=", ".join(began.left_out)) + "\n")
    if spec.prune and began.folds < 2:  # noqa: PLR2004 - after the only fold nothing is left to be saved
        sys.stderr.write(text("sweep.prune_one_fold", lang) + "\n")


def _run_here(place: Place, workers: int, compared: bool) -> Outcome:
    spec = read_spec(place.folder)
    queue = study.open_queue(place.folder, spec)
    with answering(spec.storage, spec.name), running(place.home, "sweep", spec.case), shown(queue, place.lang) as show:
        run_local(queue, workers, show)
    found = status(queue)
    if not found.finished:
        return Outcome(as_text(found, place.lang), as_dict(found))
    return best(place, None, compared)


def _submit(place: Place, spec: Spec, job: slurm.Job, dry_run: bool) -> Outcome:
    """Write the job script and submit it; with `dry_run` only write it."""
    sites.require_cores_of_site(spec, job)
    script = place.folder / slurm.SCRIPT
    script.write_text(slurm.script(place.folder, spec, job), encoding="utf-8")
    if dry_run:
        slurm.require_time(spec, job)
        _say_costs(place, spec, job)
        return Outcome(text("sweep.dry", place.lang, script=script), {"name": spec.name, "script": str(script), "job": None})
    slurm.require_possible(spec, job)
    _say_costs(place, spec, job)
    number_ = slurm.submit(place.folder, job)
    facts = {"name": spec.name, "job": number_, "script": str(script)}
    return Outcome(text("sweep.submitted", place.lang, **facts), facts)


def _say_costs(place: Place, spec: Spec, job: slurm.Job) -> None:
    """Say on stderr whether the preset was ever tried, and what the open trials will take of time, nodes and energy."""
    left = len(study.open_queue(place.folder, spec).states(*study.OPEN))
    found, site = sites.estimate(spec, job, left), sites.presets()[job.site]
    facts = {"hours": found.hours, "node_hours": found.node_hours, "kwh": found.kwh}
    shown_ = {name: number(figure, place.lang, 2) for name, figure in facts.items()}
    lines = [] if site.tested else [text("sweep.site_untested", place.lang, site=site.name)]
    lines.append(text("sweep.estimate", place.lang, trials=left, watts=number(site.watts, place.lang), **shown_))
    lines += [text("sweep.estimate_jobs", place.lang, jobs=found.jobs, time=job.time, name=spec.name)] if found.jobs > 1 else []
    sys.stderr.write("\n".join(lines) + "\n")


def worker(folder: Path, cases: Mapping[str, str]) -> int:
    """Work on a sweep until nothing is left: the one command that laptop and cluster start. Returns the number of confirmed trials."""
    sweep = open_sweep(folder, cases)
    shared = read_shared(folder, sweep.spec.data_digest)
    return work(folder, sweep.spec, sweep.spec.space, judged_trial(sweep.case, sweep.spec, sweep.settings, shared))


def show_status(place: Place) -> Outcome:
    """Say how far the sweep is."""
    spec = read_spec(place.folder)
    journal.require_sound(place.folder, spec)
    found = status(study.open_queue(place.folder, spec))
    return Outcome(as_text(found, place.lang), as_dict(found))


def follow(place: Place, pause: float = 5.0) -> Outcome:
    """Show the sweep until it is finished or nobody works on it any more."""
    from time import sleep

    queue = study.open_queue(place.folder, read_spec(place.folder))
    with shown(queue, place.lang) as show:
        while True:
            show()
            found = status(queue)
            if found.finished or not (found.workers or slurm.waiting_or_running(place.folder)):
                return Outcome(as_text(found, place.lang), as_dict(found))
            sleep(pause)


def resume(place: Place, trials: int | None, workers: int | None, job: slurm.Job | None, dry_run: bool = False) -> Outcome:
    """Return what dead workers held to the queue and work on to exactly the wished number; `trials` may raise it."""
    spec = read_spec(place.folder)
    journal.require_sound(place.folder, spec)
    if trials is not None and trials < spec.trials:
        raise InputError("sweep.fewer", trials=trials, wished=spec.trials)
    if trials is not None and trials > spec.trials:
        spec = spec.model_copy(update={"trials": trials})
        write_spec(place.folder, spec)
    queue = study.open_queue(place.folder, spec)
    reaped = study.reap(queue, living(place.folder, slurm.running_jobs()))
    (place.folder / STOP).unlink(missing_ok=True)
    if reaped:
        sys.stderr.write(text("sweep.reaped", place.lang, trials=", ".join(map(str, reaped))) + "\n")
    if study.too_many_errors(spec, queue.trials):
        raise InputError("sweep.too_many_errors", name=spec.name, **_last_error(queue))
    if queue.finished:
        return best(place, None, compared=False)
    if job is not None:
        return _submit(place, spec, job, dry_run)
    crew = spec.workers if workers is None else workers
    require_cores(crew, spec.threads)
    return _run_here(place, crew, compared=True)


def _last_error(queue: study.Queue) -> dict[str, Any]:
    errors = [trial for trial in queue.trials if trial.user_attrs.get(study.ENDED) == study.ERROR]
    return {"count": len(errors), "reason": errors[-1].user_attrs.get("reason", "?") if errors else "?"}


def stop(place: Place, now: bool) -> Outcome:
    """Let every worker finish its trial and stop; `now`: hand the trials back at once. What waits in Slurm's queue is cancelled."""
    import os
    import signal
    from contextlib import suppress
    from socket import gethostname

    from pipelines.sweep.lease import workers

    spec = read_spec(place.folder)
    (place.folder / STOP).touch()
    states = slurm.job_states(place.folder) or {}
    slurm.cancel([task for task, state in states.items() if state == "PENDING"])
    alive = living(place.folder)
    if now:
        slurm.cancel([task for task, state in states.items() if state == "RUNNING"])
        for number_, one in workers(place.folder).items():
            if number_ in alive and not one.job and one.host == gethostname():
                with suppress(ProcessLookupError):
                    os.kill(one.pid, signal.SIGTERM)
    facts = {"name": spec.name, "workers": len(alive), "now": now}
    return Outcome(text("sweep.stopping_now" if now else "sweep.stopping", place.lang, **facts), facts)


def best(place: Place, trial: int | None, compared: bool = True) -> Outcome:
    """Write the settings handed out as TOML and the report; compare the best with the untuned ones on the report period.

    The untuned settings are handed out while the best one's gain on select may be luck; a trial named by its number always is.
    """
    from pipelines.sweep.page import render

    sweep = open_sweep(place.folder, place.cases)
    queue = study.open_queue(place.folder, sweep.spec)
    chosen = final.chosen_trial(queue, trial)
    choice = guard.choose(queue, chosen, named=trial is not None)
    comparison = (
        final.compare(sweep, chosen) if compared else next((one for one in final.stored(place.folder) if one.trial == chosen.number), None)
    )
    _write(place.folder / BEST, f"# {advice_text.head(choice, sweep.spec.name, place.lang)}\n{fragment(choice.handed_out)}")
    found = status(queue, ask_slurm=False)
    _write(place.folder / REPORT, render(sweep, queue, choice, comparison, place.lang))
    message = "\n".join([as_text(found, place.lang), _said(sweep, queue, choice, comparison, place)])
    summary = {
        **as_dict(found),
        "trial": chosen.number,
        "params": choice.params,
        "advice": {**vars(choice.advice), "tuned": choice.advice.tuned},
        "handed_out": choice.handed_out,
        "values": list(chosen.values),
        "pareto": [one.number for one in study.better(queue)] if sweep.directions > 1 else None,
        "settings": str(place.folder / BEST),
        "report": str(place.folder / REPORT),
        "final": final.as_dict(comparison) if comparison else None,
    }
    return Outcome(message, summary)


def _said(sweep: Sweep, queue: study.Queue, choice: guard.Choice, comparison: final.Comparison | None, place: Place) -> str:
    """Return what a person reads at the end: best against untuned on select, whether it held on report, where everything is."""
    lang, plain, chosen, words = place.lang, queue.trials[0].values[0], choice.trial, Words(place.lang, sweep.case.name)
    in_money, unit = sweep.spec.objective == "decision", sweep.spec.units[0]
    gain = {
        name: words.amount(value, unit) if in_money else number(value, lang, 4)
        for name, value in (("before", plain), ("after", chosen.values[0]))
    }
    lines = [text("sweep.best" if in_money else "sweep.best_forecast", lang, trial=chosen.number, **gain)]
    if sweep.directions > 1:
        lines.append(text("sweep.pareto", lang, trials=", ".join(str(one.number) for one in study.better(queue))))
    if comparison:
        report = comparison.report[comparison.unit]
        decimals = digits(*vars(report).values())
        shown_ = {name: "?" if figure is None else words.amount(figure, unit, decimals) for name, figure in vars(report).items()}
        days = {"first": comparison.report_period.first, "last": comparison.report_period.last}
        lines.append(text(f"sweep.final_{comparison.verdict}", lang, **shown_, **days))
        if comparison.looks > 1:
            lines.append(text("sweep.looks", lang, count=comparison.looks))
    lines.append(advice_text.said(choice, comparison, words))
    lines.append(text("sweep.paths", lang, report=place.folder / REPORT, settings=place.folder / BEST))
    return "\n".join(lines)


def sync(place: Place, uri: str | None = None) -> Outcome:
    """Record the sweep in MLflow: one parent run, one run per finished trial; what is there already is left alone."""
    from pipelines.sweep.record import record
    from pipelines.track.sweeps import log_sweep

    spec = read_spec(place.folder)
    found = log_sweep(record(place.folder, spec, study.open_queue(place.folder, spec)), place.home, uri)
    facts = {"name": spec.name, "parent": found.parent, "written": found.written, "known": found.known, "ui": found.ui}
    return Outcome(text("sweep.synced", place.lang, **facts), facts)


def repair(place: Place) -> Outcome:
    """Mend the journal: a copy is kept, lines that cannot be read are dropped and named."""
    spec = read_spec(place.folder)
    if spec.storage:
        raise InputError("sweep.repair_database")
    if alive := living(place.folder, slurm.running_jobs()):
        raise InputError("sweep.still_working", count=len(alive), name=spec.name)
    dropped = journal.repair(place.folder)
    study.reap(study.open_queue(place.folder, spec), ())
    lines = [text("sweep.repaired" if dropped else "sweep.sound", place.lang, count=len(dropped))]
    lines += [text("sweep.dropped", place.lang, line=one.number, content=one.line) for one in dropped]
    return Outcome("\n".join(lines), {"name": spec.name, "dropped": [vars(one) for one in dropped]})


def _write(file: Path, content: str) -> None:
    unfinished = file.with_name(f".{file.name}.part")
    unfinished.write_text(content, encoding="utf-8", newline="\n")
    unfinished.replace(file)
