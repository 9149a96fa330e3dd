"""Slurm: a plain job script in the sweep's folder, checks before it is submitted, and the questions one must ask of squeue."""

import json
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from shutil import which

from jinja2 import Environment, StrictUndefined

from pipelines.errors import InputError
from pipelines.sweep.spec import Spec

ASK_SECONDS = 20  # a busy controller must not hold up a worker
STARTUP_SECONDS = 30  # imports from a cold file server, opening the journal
TRIALS_AT_LEAST = 2
COLUMNS = 3  # partition, its time limit, cores of its nodes
SCRIPT, JOBS = "job.sh", "jobs.jsonl"
FIELDS = {"D": 86400, "h": 3600, "m": 60, "s": 1}


@dataclass(frozen=True)
class Job:
    """What is asked of Slurm; empty texts leave the choice to the site."""

    nodes: int = 1
    tasks_per_node: int = 1
    time: str = ""
    partition: str = ""
    account: str = ""
    constraint: str = ""
    setup: Path | None = None  # lines for the script: modules, environment
    template: Path | None = None  # another script template
    array: bool = False  # one job per node instead of one job over all nodes
    extra: tuple[str, ...] = ()  # further #SBATCH options of a preset, such as --gres
    site: str = "generic"  # preset it comes from


def require_possible(spec: Spec, job: Job) -> None:
    """Raise InputError for what cannot work: no Slurm, unknown partition, more workers than cores, a time limit too short or too long."""
    if which("sbatch") is None:
        raise InputError("sweep.no_slurm")
    shown = _ask("sinfo", "--noheader", "--format=%R|%l|%c")
    if shown is None:
        raise InputError("sweep.slurm_silent")
    rows = [line.split("|") for line in shown.splitlines() if line.count("|") == COLUMNS - 1]
    limits = {name: limit for name, limit, _ in rows}
    cores = max((int(count.rstrip("+")) for name, _, count in rows if job.partition in ("", name)), default=0)
    if job.partition and job.partition not in limits:
        raise InputError("sweep.no_partition", partition=job.partition, known=", ".join(sorted(limits)))
    limit = seconds(job.time)
    most = seconds(limits[job.partition]) if job.partition else None
    if limit is not None and most is not None and limit > most:
        raise InputError("sweep.time_long", time=job.time, partition=job.partition, most=limits[job.partition])
    if cores and job.tasks_per_node * spec.threads > cores:
        raise InputError("sweep.node_cores", workers=job.tasks_per_node, threads=spec.threads, cores=cores)
    require_time(spec, job)


def require_time(spec: Spec, job: Job) -> None:
    """Raise InputError when a time limit leaves no room for start-up, two trials and the lead before the end."""
    limit = seconds(job.time)
    needed = STARTUP_SECONDS + TRIALS_AT_LEAST * spec.trial_seconds + spec.lead_seconds
    if limit is not None and limit < needed:
        facts = {"trial": round(spec.trial_seconds, 1), "startup": STARTUP_SECONDS, "lead": round(spec.lead_seconds)}
        raise InputError("sweep.time_short", time=job.time, needed=clock(needed), **facts)


def seconds(limit: str) -> int | None:
    """Return a Slurm time limit (`30`, `30:00`, `1:30:00`, `2-12:00:00`) in seconds; None where there is none.

    Raises InputError for anything else.
    """
    if not limit or limit.upper() in {"UNLIMITED", "INFINITE", "NOT_SET", "INVALID"}:
        return None
    found = re.fullmatch(r"(?:(\d+)-)?(\d+)(?::(\d+))?(?::(\d+))?", limit.strip())
    if not found:
        raise InputError("sweep.bad_time", time=limit)
    days, *parts = found.groups()
    numbers = [int(part) for part in parts if part is not None]
    # minutes, minutes:seconds or hours:minutes:seconds; after days hours come first
    units = "hms" if days is not None else {1: "m", 2: "ms", 3: "hms"}[len(numbers)]
    return int(days or 0) * FIELDS["D"] + sum(number * FIELDS[unit] for number, unit in zip(numbers, units, strict=False))


def clock(duration: float) -> str:
    """Return seconds as hours:minutes:seconds, as --time takes them."""
    whole = int(-(-duration // 1))
    return f"{whole // 3600}:{whole % 3600 // 60:02d}:{whole % 60:02d}"


def script(folder: Path, spec: Spec, job: Job) -> str:
    """Return the job script: readable, to be edited by hand where a site needs it."""
    source = job.template.read_text(encoding="utf-8") if job.template else _template()
    here = Environment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False)  # noqa: S701 - a shell script
    return here.from_string(source).render(
        spec=spec,
        job=job,
        lead=max(1, round(spec.lead_seconds)),
        folder=folder.resolve(),
        cwd=Path.cwd(),
        python=sys.executable,
        setup=job.setup.read_text(encoding="utf-8").strip() if job.setup else "",
    )


def _template() -> str:
    return files(__package__ or "pipelines.sweep").joinpath("job.sh.j2").read_text(encoding="utf-8")


def submit(folder: Path, job: Job) -> str:
    """Submit the script of the folder and write the job down; return its number."""
    done = _run("sbatch", "--parsable", str((folder / SCRIPT).resolve()))
    if done is None or done.returncode != 0:
        raise InputError("sweep.refused", problem=(done.stderr.strip() if done else "sbatch: timeout"))
    number = done.stdout.strip().partition(";")[0]
    with (folder / JOBS).open("a", encoding="utf-8") as lines:
        facts = {"job": number, "submitted": datetime.now(UTC).isoformat(timespec="seconds"), "array": job.array, "time": job.time}
        lines.write(json.dumps({**facts, "nodes": job.nodes, "tasks_per_node": job.tasks_per_node}) + "\n")
    return number


def submitted(folder: Path) -> list[str]:
    """Return the numbers of all jobs of a sweep, oldest first."""
    file = folder / JOBS
    return [json.loads(line)["job"] for line in file.read_text(encoding="utf-8").splitlines()] if file.is_file() else []


def job_states(folder: Path) -> dict[str, str] | None:
    """Return the state of each of the sweep's jobs that Slurm still knows (array tasks one by one); None when it does not answer."""
    numbers = submitted(folder)
    if not numbers or which("squeue") is None:
        return {} if not numbers else None
    shown = _ask("squeue", "--noheader", "--array", "--format=%i|%T", "--states=all", f"--jobs={','.join(numbers)}")
    if shown is None:  # a job that Slurm has forgotten makes squeue fail: ask for all of ours
        shown = _ask("squeue", "--noheader", "--array", "--format=%i|%T", "--me")
    if shown is None:
        return None
    known = dict(line.split("|", 1) for line in shown.splitlines() if "|" in line)
    return {task: state for task, state in known.items() if task.partition("_")[0] in numbers}


def running_jobs() -> dict[str, int] | None:
    """Return the running jobs of this user with how often each was restarted; None when Slurm is not there or does not answer."""
    if which("squeue") is None:
        return None
    shown = _ask("squeue", "--noheader", "--array", "--me", "--states=RUNNING,COMPLETING", "--Format=JobArrayID:60,RestartCnt:12")
    if shown is None:
        return None
    rows = (line.split() for line in shown.splitlines())
    return {row[0]: int(row[1]) for row in rows if len(row) > 1}


def waiting_or_running(folder: Path) -> list[str]:
    """Return the sweep's jobs that are not over."""
    states = job_states(folder) or {}
    return [task for task, state in states.items() if state in {"PENDING", "RUNNING", "COMPLETING", "CONFIGURING", "SUSPENDED", "REQUEUED"}]


def cancel(tasks: Sequence[str], *options: str) -> None:
    """Cancel or signal jobs, each by its own full name: an array task's bare number would hit the whole array."""
    for task in tasks:
        _run("scancel", *options, task)


def seconds_left(job: str) -> float | None:
    """Return the time until a job's limit; None outside a job, without a limit, or when Slurm does not answer."""
    if not job or which("squeue") is None:
        return None
    shown = _ask("squeue", "--noheader", "--format=%L", f"--jobs={job}")
    lines = (shown or "").split()
    return seconds(lines[0]) if lines else None


def _ask(*command: str) -> str | None:
    done = _run(*command)
    return done.stdout if done is not None and done.returncode == 0 else None


def _run(*command: str) -> "subprocess.CompletedProcess[str] | None":
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=ASK_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
