"""Who works on a sweep: every worker has a number of its own and a lease file that it touches; a stale one is a dead worker."""

import json
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from socket import gethostname
from time import time
from uuid import uuid4

from pipelines.running import alive, born

WORKERS = "workers"
BEAT_SECONDS = 2.0
STALE_SECONDS = 60.0  # far above the beat: a busy file server must not make a living worker look dead


@dataclass(frozen=True)
class Worker:
    """A process that works on a sweep; `number` is unique in the sweep: it differs by task, rank and restart."""

    number: int
    host: str
    pid: int
    born: str
    started: float  # seconds since 1970, UTC
    job: str = ""  # Slurm: job, or array job and task as 17_3
    restarts: int = 0
    rank: str = ""


def this_process(number: int, environment: Mapping[str, str]) -> Worker:
    """Return this process as a worker, with its place in a Slurm job if it has one."""
    job = environment.get("SLURM_JOB_ID", "")
    if "SLURM_ARRAY_TASK_ID" in environment:  # in an array, the last task's own id is that of the whole array
        job = f"{environment['SLURM_ARRAY_JOB_ID']}_{environment['SLURM_ARRAY_TASK_ID']}"
    restarts, rank = int(environment.get("SLURM_RESTART_COUNT", "0")), environment.get("SLURM_PROCID", "")
    return Worker(number, gethostname(), os.getpid(), born(os.getpid()), time(), job, restarts, rank)


@contextmanager
def registered(folder: Path) -> Iterator[Worker]:
    """Take the next free worker number and hold its lease until the block ends."""
    place = folder / WORKERS
    place.mkdir(exist_ok=True)
    worker = _take_number(place)
    done = threading.Event()
    beats = threading.Thread(target=_beat, args=(_lease(place, worker.number), done), daemon=True)
    beats.start()
    try:
        yield worker
    finally:
        done.set()
        beats.join()
        _lease(place, worker.number).unlink(missing_ok=True)


def _take_number(place: Path) -> Worker:
    number = max((int(file.stem) for file in place.glob("[0-9]*.json")), default=-1) + 1
    while True:
        worker = this_process(number, os.environ)
        part = place / f".{uuid4().hex}.part"
        part.write_text(json.dumps(asdict(worker)), encoding="utf-8")
        try:
            os.link(part, place / f"{number:04d}.json")  # appears whole, and only once
        except FileExistsError:
            number += 1
            continue
        finally:
            part.unlink()
        _lease(place, number).touch()
        return worker


def _lease(place: Path, number: int) -> Path:
    return place / f"{number:04d}.lease"


def _beat(lease: Path, done: threading.Event) -> None:
    while not done.wait(BEAT_SECONDS):
        with suppress(OSError):
            lease.touch()


def workers(folder: Path) -> dict[int, Worker]:
    """Return all workers that ever registered, by number."""
    found = (json.loads(file.read_text(encoding="utf-8")) for file in sorted((folder / WORKERS).glob("[0-9]*.json")))
    return {facts["number"]: Worker(**facts) for facts in found}


def living(folder: Path, jobs: Mapping[str, int] | None = None) -> set[int]:
    """Return the numbers of workers that are alive.

    Parameters
    ----------
    jobs
        Slurm's running jobs with how often each was restarted; None when Slurm cannot be asked: then the leases alone decide.

    A worker is dead without a lease, when its process is gone from this host, when Slurm does not run its job (or runs it anew), or when
    its lease is stale by the file server's own clock.
    """
    now = _server_time(folder / WORKERS) if (folder / WORKERS).is_dir() else 0.0
    found = set()
    for number, worker in workers(folder).items():
        try:
            age = now - _lease(folder / WORKERS, number).stat().st_mtime
        except FileNotFoundError:
            continue
        ended = jobs is not None and worker.job != "" and jobs.get(worker.job, -1) != worker.restarts
        gone = worker.host == gethostname() and not alive(worker.pid, worker.born)
        if age < STALE_SECONDS and not ended and not gone:
            found.add(number)
    return found


def _server_time(place: Path) -> float:
    """Return the file system's idea of now, seconds since 1970: nodes' clocks differ."""
    probe = place / f".{uuid4().hex}.now"
    probe.touch()
    try:
        return probe.stat().st_mtime
    finally:
        probe.unlink()
