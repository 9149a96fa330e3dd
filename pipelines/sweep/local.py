"""Workers on this machine: independent processes, watched, restarted when killed, asked to stop when the user says so."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep

from pipelines.errors import InputError
from pipelines.sweep import study
from pipelines.sweep.lease import living
from pipelines.sweep.spec import Spec
from pipelines.sweep.study import Queue

LOOK_SECONDS = 0.5
SHOW_SECONDS = 2.0
MOST_RESTARTS = 3  # of each worker
ENDING_SECONDS = 60.0


@dataclass
class Crew:
    """The worker processes that this process started."""

    folder: Path
    spec: Spec
    processes: list["subprocess.Popen[bytes]"] = field(default_factory=list)
    restarts: int = 0

    def add(self) -> None:
        """Start one worker; what it says goes to a log file of its own."""
        number = len(list((self.folder / "logs").glob("*.log")))
        (self.folder / "logs").mkdir(exist_ok=True)
        threads = str(self.spec.threads)
        quiet = {"OMP_NUM_THREADS": threads, "POLARS_MAX_THREADS": threads, "OMP_WAIT_POLICY": "passive"}
        command = [sys.executable, "-m", "usecases", "sweep", "worker", str(self.folder.resolve())]
        with (self.folder / "logs" / f"worker-{number:03d}.log").open("wb") as log:
            # a session of its own: Ctrl-C reaches this process alone, which then asks the workers to hand back
            process = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, **quiet}, start_new_session=True)
        self.processes.append(process)

    def look(self) -> bool:
        """Replace workers that were killed; return whether any is left."""
        for process in list(self.processes):
            code = process.poll()
            if code is None:
                continue
            self.processes.remove(process)
            if code < 0 and self.restarts < MOST_RESTARTS * self.spec.workers:
                self.restarts += 1
                self.add()
        return bool(self.processes)

    def end(self) -> None:
        """Let every worker hand its trial back, and wait."""
        for process in self.processes:
            process.send_signal(signal.SIGTERM)
        deadline = monotonic() + ENDING_SECONDS
        for process in self.processes:
            try:
                process.wait(max(0.1, deadline - monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def require_cores(workers: int, threads: int) -> None:
    """Raise InputError when workers x threads exceed the cores this process may use."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if workers * threads > cores:
        raise InputError("sweep.cores", workers=workers, threads=threads, cores=cores)


def run_local(queue: Queue, workers: int, show: Callable[[], None]) -> None:
    """Run workers until nothing is open any more; then every place is finished, or the sweep was stopped.

    KeyboardInterrupt (Ctrl-C, SIGTERM, closed terminal): the workers hand their trials back first.
    """
    crew = Crew(queue.folder, queue.spec)
    for _ in range(workers):
        crew.add()
    shown = monotonic()
    try:
        while crew.look():
            sleep(LOOK_SECONDS)
            if monotonic() - shown > SHOW_SECONDS:
                shown = monotonic()
                show()
    except BaseException:
        crew.end()
        raise
    finally:
        study.reap(queue, living(queue.folder))
        show()
