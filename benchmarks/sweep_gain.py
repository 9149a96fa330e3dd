"""What tuning brings on days that were not tuned on.

python benchmarks/sweep_gain.py [--trials N] [--workers N] [--objective decision|forecast] [--home FOLDER] [CASE ...]

For each use case two sweeps on its embedded data: one minimises the plan's cost on the select period, one the forecast error there (by
the settings that move the forecast, where a use case has such). Then both best settings are compared with the untuned ones, once, on the
report period. Positive: tuning helped. Intervals are 95 %; `at least` is the gain on select that is left when one allows for the number
of tries, and only above zero are the tuned settings handed out. --home keeps the sweeps.
"""

import argparse
import os
import tempfile
from importlib import import_module
from pathlib import Path

for name in ("OMP_NUM_THREADS", "POLARS_MAX_THREADS"):
    os.environ[name] = "1"
os.environ["OMP_WAIT_POLICY"] = "passive"

from pipelines.errors import InputError  # noqa: E402
from pipelines.result import Interval  # noqa: E402
from pipelines.sweep import final, guard, study  # noqa: E402
from pipelines.sweep.begin import Wish, begin  # noqa: E402
from pipelines.sweep.local import run_local  # noqa: E402
from pipelines.sweep.spec import open_sweep  # noqa: E402
from pipelines.work import Request  # noqa: E402
from usecases.__main__ import built_in  # noqa: E402


def shown(gain: Interval) -> str:
    """Return a figure with its interval."""
    ends = "no interval" if gain.low is None or gain.high is None else f"{gain.low:,.0f} to {gain.high:,.0f}"
    return f"{gain.value or 0:,.0f} ({ends})"


def one(case: str, forecast: bool, options: argparse.Namespace, home: Path) -> None:
    """Sweep once and print one line."""
    request = Request(
        case=case, cases=built_in(), data=options.data, settings=options.settings, changes=tuple(options.change), home=home, lang="en"
    )
    wish = Wish(request, f"{case}-{'forecast' if forecast else 'decision'}", options.trials, options.workers, forecast=forecast)
    begun = begin(wish)
    queue = study.open_queue(begun.folder, begun.spec)
    run_local(queue, options.workers, lambda: None)
    chosen = final.chosen_trial(queue, None)
    advice = guard.advice(queue, chosen)
    found = final.compare(open_sweep(begun.folder, built_in()), chosen)
    unit = found.unit
    print(
        f"| {case} | {'forecast error' if forecast else 'decision cost'} | {options.trials} | {begun.spec.trial_seconds:.1f} | {unit} "
        f"| {shown(found.select[unit])} | {advice.low or float('nan'):,.0f} | {'tuned' if advice.tuned else 'untuned'} "
        f"| {shown(found.report[unit])} | {found.verdict} | {found.params} |",
        flush=True,
    )


def main() -> None:
    """Print a table, line by line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("cases", nargs="*")
    parser.add_argument("--trials", type=int, default=25)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--objective", action="append", choices=("decision", "forecast"))
    parser.add_argument("--home", type=Path)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--settings", type=Path)
    parser.add_argument("--set", dest="change", action="append", default=[])
    options = parser.parse_args()
    print(
        "| use case | minimised | trials | s per trial | unit | gain on select | at least | handed out | gain on report "
        "| verdict | settings |\n" + "|---" * 11 + "|"
    )
    for case in options.cases or [name for name, path in built_in().items() if import_module(path).CASE.search]:
        with tempfile.TemporaryDirectory() as own:
            for objective in options.objective or ("decision", "forecast"):
                try:
                    one(case, objective == "forecast", options, options.home or Path(own))
                except InputError as error:  # no setting of this use case moves the forecast
                    print(f"| {case} | {objective} | {error} |", flush=True)


if __name__ == "__main__":
    main()
