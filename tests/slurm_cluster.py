"""The real Slurm of the tests: started once per test run, in a private directory, stopped whatever happens."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

HERE = Path(__file__).parent / "slurm"
REQUIRED = "MUSTERWERK_REQUIRE_SLURM"


@dataclass(frozen=True)
class Cluster:
    """A running Slurm with nodes n1, n2 and the partition `test`."""

    folder: Path

    def run(self, *command: str) -> str:
        """What a Slurm command prints; it must succeed."""
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, f"{command}: {done.stderr}"
        return done.stdout

    def state(self, job: str) -> str:
        """State of a job, or of an array's tasks, in capitals."""
        shown = subprocess.run(["squeue", "-h", "-r", "-t", "all", "-o", "%T", "-j", job], capture_output=True, text=True, check=False)
        return " ".join(sorted(set(shown.stdout.split())))


def until(true: Callable[[], object], seconds: float = 90, pause: float = 0.3) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not become so in time"
        time.sleep(pause)


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Slurm with two nodes of two CPUs; skipped where it is not installed, but never in CI."""
    path = f"{os.environ['PATH']}:/usr/sbin"
    missing = [name for name in ("munged", "slurmctld", "slurmd", "sbatch") if shutil.which(name, path=path) is None]
    if missing:
        reason = f"not installed: {', '.join(missing)} (slurmctld slurmd slurm-client munge)"
        if os.environ.get("CI") or os.environ.get(REQUIRED):
            pytest.fail(f"{reason}, and .ci/run should have installed it")
        pytest.skip(reason)
    before = dict(os.environ)
    folder = Path(f"/tmp/mw-slurm-{os.getpid()}")  # a socket's path must be short
    started = subprocess.run([HERE / "start-slurm.sh", folder], capture_output=True, text=True, timeout=120, check=False)
    try:
        assert started.returncode == 0, started.stderr
        os.environ |= {"SLURM_CONF": str(folder / "etc" / "slurm.conf"), "PATH": path}
        yield Cluster(folder)
    finally:
        os.environ.clear()
        os.environ.update(before)
        subprocess.run([HERE / "stop-slurm.sh", folder], capture_output=True, timeout=120, check=False)
