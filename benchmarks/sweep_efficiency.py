"""Parallel efficiency of a sweep from one to two workers, and what the sweep costs beside the fits.

python benchmarks/sweep_efficiency.py [--seconds 2.0] [--trials 24] [--rounds 1]

Every trial computes for `--seconds` of CPU in one thread. The rate counts from the first trial's claim to the last one's end, so
start-up is left out; it is printed beside. On a machine where others work, repeat it: the last line is the figure.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from pipelines.sweep import study
from pipelines.sweep.spec import Spec, write_spec
from pipelines.sweep.status import events
from pipelines.usecase import Span

SPACE = {f"x{number}": Span(0.0, 1.0) for number in range(6)}
WORKER = """
import sys, time
from pathlib import Path
from pipelines.sweep.spec import read_spec
from pipelines.sweep.worker import work

spec, seconds = read_spec(Path(sys.argv[1])), float(sys.argv[2])

def trial(params, told):
    began = time.process_time()
    while time.process_time() - began < seconds:
        sum(number * number for number in range(20000))
    return (sum(params.values()),), {}

work(Path(sys.argv[1]), spec, spec.space, trial)
"""


def one(workers: int, trials: int, seconds: float) -> dict[str, float]:
    """Return trials per second, overhead per trial (wall and CPU) and start-up, in seconds."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        spec = Spec(
            name="efficiency", case="-", trials=trials + 1, workers=workers, threads=1, seed=1, units=("eur",), settings={}, space=SPACE,
            trial_seconds=seconds, data_digest="", data_source="", versions={}, created="2024-01-01T00:00:00+00:00",
        )  # fmt: skip
        write_spec(folder, spec)
        study.create(folder, spec, dict.fromkeys(SPACE, 0.5), (3.0,), {})
        began = time.time()
        quiet = {**os.environ, "OMP_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1"}
        crew = [subprocess.Popen([sys.executable, "-c", WORKER, str(folder), str(seconds)], env=quiet) for _ in range(workers)]
        for process in crew:
            assert process.wait() == 0
        found = list(events(folder))
        # from the moment at which all workers work to the last moment at which all still do: the rest is start-up and the odd trial
        firsts = [min(e["when"] for e in found if e["worker"] == number and e["event"] == "claimed") for number in range(workers)]
        lasts = [max(e["when"] for e in found if e["worker"] == number and e["event"] == "completed") for number in range(workers)]
        span = min(lasts) - max(firsts)
        done = [e for e in found if e["event"] == "completed"]
        # a trial counts by the share of it that lies in the span
        inside = [max(0.0, min(e["when"], min(lasts)) - max(e["when"] - e["seconds"], max(firsts))) / e["seconds"] for e in done]
        fit, overhead = sum(e["seconds"] for e in done), sum(e["overhead_s"] for e in done)
        cpu = sum(e["overhead_cpu_s"] for e in done) / sum(e["cpu_s"] for e in done)
        return {"per_s": sum(inside) / span, "overhead": overhead / fit, "overhead_cpu": cpu, "startup_s": max(firsts) - began}


def main() -> None:
    """Print one line per run and the efficiency."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--trials", type=int, default=24)
    parser.add_argument("--rounds", type=int, default=1)
    options = parser.parse_args()
    best = {1: 0.0, 2: 0.0}
    for _ in range(options.rounds):
        for workers in (1, 2):
            found = one(workers, options.trials, options.seconds)
            best[workers] = max(best[workers], found["per_s"])
            print(json.dumps({"workers": workers, **{name: round(value, 4) for name, value in found.items()}}), flush=True)
    print(f"parallel efficiency 1 -> 2 workers: {best[2] / (2 * best[1]):.3f}")


if __name__ == "__main__":
    main()
