"""From an export nobody has seen to a plan: `python benchmarks/new_run_plan.py [seed] [branches] [products] [days]`, seconds per step."""

import random
import subprocess
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path


def export(path: Path, seed: int, branches: int, products: int, days: int) -> date:
    """Write a German till export with the planner's orders; return the day after its end."""
    draw, first = random.Random(seed), date(2023, 1, 2)
    shops = [(f"Filiale {number} Süd", draw.uniform(0.6, 1.6)) for number in range(branches)]
    goods = [(f"Brötchen {number}", draw.uniform(4, 90)) for number in range(products)]
    lines = ["Umsatzbericht;;;;", "", "Datum;Filiale;Artikel;Verkaufte Menge;Bestellmenge"]
    for number in range(days):
        day = first + timedelta(number)
        if day.weekday() == 6:
            continue
        weather = draw.gauss(1, 0.12)
        for shop, size in shops:
            for good, level in goods:
                mean = level * size * weather * (1.35 if day.weekday() == 5 else 1.0)
                asked = max(0, round(draw.gauss(mean, mean**0.5)))
                ordered = round(level * size * (1.35 if day.weekday() == 5 else 1.0) * draw.gauss(1.15, 0.1))
                lines.append(f"{day:%d.%m.%Y};{shop};{good};{min(asked, ordered)},0;{ordered},0")
    path.write_bytes("\r\n".join(lines).encode("cp1252"))
    return first + timedelta(days)


def main(seed: int = 1, branches: int = 12, products: int = 40, days: int = 730) -> None:
    """Run the three commands as a user would and print how long each took."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        day = export(place / "kasse.csv", seed, branches, products, days)
        day += timedelta(days=day.weekday() == 6)
        here, home = str(place / "laden"), ["--home", str(place / "mlruns"), "--lang", "de"]
        steps = {
            "new": ["new", here, "--from", "food_waste", "--data", str(place / "kasse.csv"), "--lang", "de"],
            "run": ["run", here, *home],
            "plan": ["plan", here, "--for", f"{day}", "--despite-gaps", *home],
        }
        whole = 0.0
        for name, words in steps.items():
            start = time.monotonic()
            done = subprocess.run([sys.executable, "-m", "usecases", *words], check=False, capture_output=True, text=True)
            whole += time.monotonic() - start
            said = (done.stdout or done.stderr).strip().splitlines()
            print(f"{name}: exit {done.returncode}, {time.monotonic() - start:.1f} s: {said[0] if said else ''}", flush=True)
        print(f"in all {whole:.1f} s for {branches} branches x {products} products x {days} days")


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
