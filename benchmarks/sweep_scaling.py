"""Trials per second and the storage's share of the time with 8 to 64 workers on one journal: trials that only sleep.

python benchmarks/sweep_scaling.py [--sleep 10] [--each 4] [8 16 32 64]

All workers are children of one process, so that 64 of them fit into a small machine's memory; the journal is the one a sweep uses.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from pipelines.sweep import study
from pipelines.sweep.spec import Spec, write_spec
from pipelines.sweep.status import events
from pipelines.sweep.worker import work
from pipelines.usecase import Span

SPACE = {f"x{number}": Span(0.0, 1.0) for number in range(6)}


def one(workers: int, trials: int, pause: float) -> str:
    """Run one sweep and return a row of the table."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        spec = Spec(
            name="scaling", case="-", trials=trials + 1, workers=workers, threads=1, seed=1, units=("eur",), settings={}, space=SPACE,
            trial_seconds=pause, data_digest="", data_source="", versions={}, created="2024-01-01T00:00:00+00:00",
        )  # fmt: skip
        write_spec(folder, spec)
        study.create(folder, spec, dict.fromkeys(SPACE, 0.5), (3.0,), {})

        def trial(params: dict[str, float], _told: object) -> tuple[tuple[float, ...], dict[str, float]]:
            time.sleep(pause)
            return (sum(params.values()),), {}

        children = []
        for _ in range(workers):
            child = os.fork()
            if child == 0:
                try:
                    work(folder, spec, spec.space, trial)
                except BaseException as error:  # noqa: BLE001 - the parent must know, and nothing of it may go on here
                    sys.stderr.write(f"{type(error).__name__}: {error}\n")
                    os._exit(1)
                os._exit(0)
            children.append(child)
        failed = sum(os.waitpid(child, 0)[1] != 0 for child in children)
        found = [event for event in events(folder) if event["event"] == "completed"]
        starts = [event["when"] - event["seconds"] - event["overhead_s"] for event in found]
        wall = max(event["when"] for event in found) - min(starts)
        overhead = sum(event["overhead_s"] for event in found)
        share = overhead / (overhead + sum(event["seconds"] for event in found))
        per_trial = overhead / len(found)
        cells = [
            workers,
            len(found),
            failed,
            f"{len(found) / wall:.2f}",
            f"{workers / pause:.2f}",
            f"{100 * share:.1f} %",
            f"{per_trial:.2f}",
        ]
        return f"| {' | '.join(map(str, cells))} |"


def main() -> None:
    """Print a table, line by line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("workers", nargs="*", type=int)
    parser.add_argument("--sleep", type=float, default=10.0)
    parser.add_argument("--each", type=int, default=4, help="trials per worker")
    options = parser.parse_args()
    head = ("workers", "trials", "failed workers", "trials/s", "at most", "storage share of time", "storage s per trial")
    print(f"| {' | '.join(head)} |\n{'|---' * len(head)}|")
    for workers in options.workers or (8, 16, 32, 64):
        print(one(workers, workers * options.each, options.sleep), flush=True)


if __name__ == "__main__":
    main()
