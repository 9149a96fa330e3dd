"""Presets of sites, and what a sweep would cost there: hours, node hours, energy."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.resources import files
from math import ceil
from typing import Any

from pipelines.errors import InputError
from pipelines.sweep.slurm import STARTUP_SECONDS, Job, seconds
from pipelines.sweep.spec import Spec

HOUR, KILO = 3600.0, 1000.0


@dataclass(frozen=True)
class Preset:
    """A site's usual values."""

    name: str
    tested: bool
    about: str
    cores: int  # of a node; 0: the site's Slurm is asked instead
    watts: float  # of a whole node under load, estimated
    job: Job


@dataclass(frozen=True)
class Estimate:
    """What the open trials need: wall time and node time in hours, energy in kWh; `jobs`: how often the time limit is reached."""

    hours: float
    node_hours: float
    kwh: float
    jobs: int


def presets() -> dict[str, Preset]:
    """Return the presets by name."""
    table = tomllib.loads(files(__package__ or "pipelines.sweep").joinpath("presets.toml").read_text(encoding="utf-8"))
    return {
        name: Preset(name, facts["tested"], facts["about"], facts["cores"], facts["watts"], Job(**_job(facts["job"]), site=name))
        for name, facts in table.items()
    }


def _job(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in facts.items()}


def preset(name: str, stated: Mapping[str, Any]) -> Job:
    """Return a preset with what the user stated; raise InputError for an unknown preset."""
    known = presets()
    if name not in known:
        raise InputError("sweep.no_preset", name=name, known=", ".join(known))
    return replace(known[name].job, **{key: value for key, value in stated.items() if value not in (None, "", 0)})


def require_cores_of_site(spec: Spec, job: Job) -> None:
    """Raise InputError when the workers of a node would want more cores than the preset's nodes have."""
    cores = presets()[job.site].cores
    if cores and job.tasks_per_node * spec.threads > cores:
        raise InputError("sweep.node_cores", workers=job.tasks_per_node, threads=spec.threads, cores=cores)


def estimate(spec: Spec, job: Job, trials: int) -> Estimate:
    """Return what so many trials need, from the seconds of the one that was judged at the start and the preset's watts per node.

    A node is reckoned whole and for the whole time, as sites bill it. Cores of another kind make trials faster or slower.
    """
    rounds = ceil(trials / (job.nodes * job.tasks_per_node))
    limit, needed = seconds(job.time), rounds * spec.trial_seconds
    jobs = 1
    if limit is not None:
        fits = max(1.0, (limit - STARTUP_SECONDS - spec.lead_seconds) // max(spec.trial_seconds, 1e-9))
        jobs = ceil(rounds / fits)
    hours = (needed + jobs * STARTUP_SECONDS) / HOUR
    return Estimate(hours, job.nodes * hours, job.nodes * hours * presets()[job.site].watts / KILO, jobs)
