"""How a sweep scales: real trials on one and two cores, sleeping trials with many workers on one journal.

python benchmarks/sweep_scaling.py cores                # parallel efficiency from one to two workers, trials of 3 CPU seconds each
python benchmarks/sweep_scaling.py journal 8 16 32 64   # trials per second and the storage's share of the workers' time, trials of 10 s

The first wants two idle cores. The second needs about 0.15 GB of memory a worker; starting 64 of them takes minutes on two cores, so time
counts from the moment all of them work.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.sweeps import command, environment, toy

BURN = "end = time.process_time() + self.pause_s\n        while time.process_time() < end:\n            sum(range(10_000))"
BUSY_SECONDS, SLEEP_SECONDS, TRIALS_OF_CORES, TRIALS_EACH = 3.0, 10.0, 24, 4


def begun(folder: Path, trials: int, seconds: float, *, busy: bool) -> Path:
    """Make a sweep of the toy bakery without starting anybody; return its folder."""
    case = toy(folder / "toy", pause_s=seconds)
    if busy:
        code = case / "usecase.py"
        code.write_text(code.read_text(encoding="utf-8").replace("time.sleep(self.pause_s)", BURN), encoding="utf-8")
    words = ("start", case, "--trials", trials, "--home", folder / "mlruns", "--name", "s", "--slurm", "--dry-run", "--no-compare")
    subprocess.run(command(*map(str, words)), check=True, capture_output=True, env=environment(), cwd=Path(__file__).parents[1])
    return folder / "mlruns" / "sweeps" / "s"


def worked(folder: Path, workers: int) -> list[list[dict[str, Any]]]:
    """Let so many workers finish the sweep; return what each of them logged."""
    root = Path(__file__).parents[1]
    crew = [
        subprocess.Popen(command("worker", str(folder)), env=environment(), cwd=root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(workers)
    ]
    for process in crew:
        process.wait()
    logs = sorted((folder / "workers").glob("*.jsonl"))
    return [[json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()] for log in logs]


def rate(logs: Sequence[Sequence[dict[str, Any]]]) -> tuple[float, float, float]:
    """Return trials per second, the storage's share of the workers' time, and its seconds per trial, while all of them work."""
    first = max(next(event["when"] for event in log if event["event"] == "claimed") for log in logs)
    ends = [[event["when"] for event in log if event["event"] == "completed"] for log in logs]
    last = min(moments[-1] for moments in ends if moments)
    done = [event for log in logs for event in log if event["event"] == "completed" and first < event["when"] <= last]
    storage = sum(event["overhead_s"] for event in done)
    return len(done) / (last - first), storage / sum(event["overhead_s"] + event["seconds"] for event in done), storage / len(done)


def cores() -> None:
    """Print the parallel efficiency and the overhead of a trial."""
    found = []
    for workers in (1, 2):
        with tempfile.TemporaryDirectory() as folder:
            logs = worked(begun(Path(folder), TRIALS_OF_CORES, BUSY_SECONDS, busy=True), workers)
        found.append(rate(logs))
        done = [event for log in logs for event in log if event["event"] == "completed"]
        cpu = sum(event["overhead_cpu_s"] for event in done) / sum(event["cpu_s"] for event in done)
        print(f"{workers} workers: {found[-1][0]:.3f} trials/s, sweep overhead {cpu:.1%} of the fit in CPU, {found[-1][1]:.1%} in time")
    print(f"parallel efficiency 1 -> 2: {found[1][0] / found[0][0] / 2:.3f}")


def journal(counts: Sequence[int]) -> None:
    """Print a line per number of workers."""
    print(f"{'workers':>8} {'trials/s':>9} {'most possible':>14} {'storage s/trial':>16} {'storage share':>14}", flush=True)
    for workers in counts:
        with tempfile.TemporaryDirectory() as folder:
            logs = worked(begun(Path(folder), workers * TRIALS_EACH + 1, SLEEP_SECONDS, busy=False), workers)
        per_second, share, each = rate(logs)
        print(f"{workers:>8} {per_second:>9.2f} {workers / SLEEP_SECONDS:>14.2f} {each:>16.2f} {share:>14.1%}", flush=True)


if __name__ == "__main__":
    os.environ["OMP_NUM_THREADS"] = "1"
    if sys.argv[1:2] == ["cores"]:
        cores()
    else:
        journal([int(count) for count in sys.argv[2:]] or [8, 16, 32, 64])
