"""Delivery rounds on X and Solomon instances: `python benchmarks/rounds_bars.py SHARED_DATA [seconds] [iterations]`.

First PyVRP called directly against `plan_rounds`, same seed and iterations; then gaps after so many CPU seconds beside the best known.
"""

import sys
import time
from pathlib import Path

import pyvrp
from pyvrp.stop import MaxIterations

from pipelines.decide.rounds import check_rounds, plan_rounds, read_solomon, read_vrplib

X = {"X-n101-k25": 27_591, "X-n153-k22": 21_220, "X-n200-k36": 58_578, "X-n303-k21": 21_736}
PEER = {"X-n101-k25": 27_591, "X-n153-k22": 21_412, "X-n200-k36": 59_766, "X-n303-k21": 21_989, "RC208": 776.1, "rc208": 776.1,
        "r101": 1637.7, "r105": 1355.8, "rc101": 1635.7, "r201": 1143.2, "c105": 827.3, "c201": 589.1}  # fmt: skip


def direct_solomon(file: Path) -> pyvrp.ProblemData:
    """Build the instance with PyVRP's own Model, from the file's numbers alone."""
    lines = [[float(word) for word in line.split()] for line in file.read_text().splitlines() if line.strip()]
    capacity, places = int(lines[1][1]), lines[2:]
    model = pyvrp.Model()
    spots = [model.add_location(0, 0) for _ in places]
    model.add_depot(spots[0])
    for spot, place in zip(spots[1:], places[1:], strict=True):
        window = {"tw_early": int(place[-2] * 10), "tw_late": int(place[-1] * 10)}
        model.add_client(spot, delivery=int(place[4]), service_duration=int(place[3] * 10), **window)
    model.add_vehicle_type(25, capacity=capacity, tw_late=int(places[0][-1] * 10))
    for a, one in zip(spots, places, strict=True):
        for b, other in zip(spots, places, strict=True):
            gap = ((one[1] - other[1]) ** 2 + (one[2] - other[2]) ** 2) ** 0.5
            model.add_edge(a, b, distance=int(10 * gap + 1e-8), duration=int(10 * gap + 1e-8))
    return model.data()


def main(data: str = "../shared/data/mobility", seconds: str = "10", iterations: str = "500") -> None:
    """Print one line per instance."""
    root, worst = Path(data), 0.0
    instances = [(name, root / "cvrplib" / f"{name}.vrp", "round") for name in X] + [("RC208", root / "solomon" / "RC208.vrp", "dimacs")]
    instances += [(name, root / "solomon" / f"{name}.txt", "") for name in ("rc208", "r101", "r105", "rc101", "r201", "c105", "c201")]
    print(f"{'instance':12} {'ours':>9} {'direct':>9} {iterations} iterations | cost and gap at {seconds} CPU-s")
    for name, file, rounding in instances:
        customers, vehicles, units = read_vrplib(file, rounding) if rounding else read_solomon(file)
        problem = pyvrp.read(file, rounding) if rounding else direct_solomon(file)
        ours = plan_rounds(customers, vehicles, seed=1, iterations=int(iterations), units=units)
        direct = pyvrp.solve(problem, MaxIterations(int(iterations)), seed=1, display=False)
        end = time.process_time() + float(seconds)
        found = plan_rounds(customers, vehicles, seed=1, units=units, stop=lambda _, end=end: time.process_time() > end)
        faults = check_rounds(ours, customers, vehicles) + check_rounds(found, customers, vehicles)
        cost, best = found.cost / units.per_eur, X.get(name, 776.1 if name.lower() == "rc208" else None)
        gap = f"{100 * (cost / best - 1):.2f} %" if best else "no best known"
        worst = max(worst, abs(ours.cost - direct.cost()))
        print(
            f"{name:12} {ours.cost:9} {direct.cost():9} | {cost:.1f} {len(found.rounds)} {gap}, {PEER[name]}, {best or '-'}, {faults}",
            flush=True,
        )
    print(f"largest difference to PyVRP called directly: {worst:g}")


if __name__ == "__main__":
    main(*sys.argv[1:])
