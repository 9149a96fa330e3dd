"""One truck's tour against the exact optimum, best known costs and the clock: `python benchmarks/tour_bars.py SHARED_DATA [cases]`."""

import sys
import time
from pathlib import Path

import numpy as np

from pipelines.decide.tour import check_tour, plan_tour
from pipelines.decide.tour.serve_all import read_dellamico, served_in_full
from tests.exact_tour import exact_eur, night, truck
from tests.test_tour import cases


def main(data: str = "../shared/data/mobility", count: str = "100") -> None:
    """Print gaps, costs and CPU seconds."""
    gaps, spent, faults, idle = [], 0.0, 0, 0
    for stops, van in cases(int(count)):
        best, start = exact_eur(stops, van), time.process_time()
        tour = plan_tour(stops, van, seed=1)
        spent += time.process_time() - start
        faults += len(check_tour(tour, stops, van))
        idle += not tour.order
        gaps.append((best - tour.eur) / best if best > 1e-6 else float(bool(tour.order)))
    print(f"{count} cases of 6 to 11 stations: mean gap {100 * np.mean(gaps):.4f} %, largest {100 * max(gaps):.3f} %, "
          f"{idle} nights without a tour, {faults} faults, {spent / len(gaps):.2f} CPU-s each")  # fmt: skip
    for name, best_known in (("parma5", 19_500), ("parma8", 22_700), ("parma9", 23_400), ("parma10", 25_400)):
        stops, van, _ = served_in_full(*read_dellamico(Path(data) / "brp_dellamico" / f"{name}.txt"))
        tour = plan_tour(stops, van, seed=1)
        print(f"{name}: {tour.km:.0f}, best known {best_known}, faults {check_tour(tour, stops, van)}")
    for n, shift in ((50, 1e6), (50, 240), (50, 120), (100, 240)):
        stops, van, start = night(5, n, value=25), truck(shift_minutes=shift), time.process_time()
        tour = plan_tour(stops, van, seed=1)
        print(f"{n} stations, shift {shift:g} min: {tour.eur:.2f} EUR, {len(tour.order)} stops, {tour.minutes:.0f} min, "
              f"{time.process_time() - start:.1f} CPU-s, faults {check_tour(tour, stops, van)}", flush=True)  # fmt: skip


if __name__ == "__main__":
    main(*sys.argv[1:])
