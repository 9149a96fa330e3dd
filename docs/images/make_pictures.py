"""Take the pictures of the documentation from real runs, and note beside each what it shows.

    python docs/images/make_pictures.py              all of them: every built-in use case, and the consultant's meeting
    python docs/images/make_pictures.py energy       only these

A picture is as old as its note in `pictures.json`: the text of the report's first screen and a digest of the code that made it. As long as
the code is the same the picture is fresh; when it changed, `make docs` runs it again and compares the text. Then `make pictures` mends it.
"""

import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
NOTES = HERE / "pictures.json"
CODE = {".py", ".toml", ".css", ".j2", ".js", ".csv", ".json"}
NOT_IN_A_RUN = {"sweep", "exercises", "papers", "scaffold", "de"}  # folders that the English report of a run does not depend on
SCREEN = {"width": 1280, "height": 720}
WITH_SLIDERS = {"width": 1280, "height": 925}
MEETING = "docs/tutorials/twenty-minutes.md"
DEARER = {"unit_cost_percent": 20.0}
ENDS = ("what-if", "contents")  # the first screen of a report ends before the sliders


class FirstScreen(HTMLParser):
    """Collects the text of a report's first screen, charts included."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.reading = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "header":
            self.reading = True
        if dict(attrs).get("id") in ENDS:
            self.reading = False

    def handle_data(self, data: str) -> None:
        if self.reading and data.strip():
            self.lines.append(" ".join(data.split()))


def shown(report: Path) -> list[str]:
    """Return the text of the report's first screen, piece by piece."""
    return FirstScreen(report.read_text(encoding="utf-8")).lines


def code_of(*parts: str) -> str:
    """Return a digest over the code and settings in these folders or files of the project."""
    digest = sha256()
    for part in parts:
        place = ROOT / part
        files = [place] if place.is_file() else sorted(file for file in place.rglob("*") if file.suffix in CODE and file.is_file())
        for file in (file for file in files if not NOT_IN_A_RUN & set(file.relative_to(ROOT).parts)):
            digest.update(f"{file.relative_to(ROOT).as_posix()}\0".encode() + file.read_bytes() + b"\0")
    return digest.hexdigest()


def code_of_case(name: str) -> str:
    """Return a digest over all that a run of a built-in use case depends on."""
    return code_of("pipelines", f"usecases/{name}", "requirements.lock")


def surroundings(home: Path) -> dict[str, str]:
    """Return an environment with a home of its own and one thread."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MUSTERWERK", "MLFLOW"))}
    path = os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", "")])
    return {**kept, "HOME": str(home), "PATH": path, "PYTHONUTF8": "1", "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive"}


def run(folder: Path, *words: str) -> float:
    """Run `musterwerk` with these words in a folder; return the CPU seconds it took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(["musterwerk", *words], check=True, cwd=folder, env=surroundings(folder), stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def newest(folder: Path, case: str) -> Path:
    """Return the folder of the newest run of a use case."""
    return max((folder / "mlruns" / "runs").glob(f"{case}-*"))


@contextmanager
def browser() -> Iterator[Any]:
    """Give a headless Chromium that is closed afterwards."""
    from playwright.sync_api import sync_playwright

    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        yield started
        started.close()


def moved(page: Any, sliders: dict[str, float]) -> list[str]:
    """Move sliders of an opened report; return what the page then says."""
    for key, value in sliders.items():
        page.evaluate(
            "([id, value]) => { const slider = document.getElementById(id); slider.value = value; slider.dispatchEvent(new Event('input')) }",
            [f"what-if-{key}", value],
        )
    return [str(line) for line in page.locator("#what-if").inner_text().splitlines() if line.strip()]


def picture(report: Path, name: str, screen: dict[str, int], sliders: dict[str, float] | None = None) -> dict[str, Any]:
    """Take a picture of the top of a report, or of its sliders once moved; return its digest and the text in it."""
    file, said = HERE / f"{name}.png", shown(report)
    file.parent.mkdir(exist_ok=True)
    with browser() as opened:
        page = opened.new_page(viewport=screen)
        page.goto(report.resolve().as_uri())
        if sliders:
            said = moved(page, sliders)
            page.add_style_tag(content="#what-if { padding: 1em }")
        (page.locator("#what-if") if sliders else page).screenshot(path=file)
    return {"picture": sha256(file.read_bytes()).hexdigest(), "shown": said}


def figures(run_folder: Path) -> dict[str, Any]:
    """Return the figures of a run that the gallery states."""
    result = json.loads((run_folder / "result.json").read_text(encoding="utf-8"))
    rules = [one for one in result["opponents"] if one["chosen"]]
    return {"verdict": result["verdict"], "headline": result["savings"][0], "rule": rules[0] if rules else None, "report": result["report"]}


def take_case(name: str) -> dict[str, Any]:
    """Run a built-in use case on its embedded data, take its pictures and return the notes."""
    code = code_of_case(name)
    with tempfile.TemporaryDirectory() as place:
        seconds = run(Path(place), "run", name)
        return taken_of(name, newest(Path(place), name), {"code": code, "cpu_seconds": round(seconds)})


def taken_of(name: str, done: Path, known: dict[str, Any]) -> dict[str, Any]:
    """Take the pictures of a run's report and return the notes."""
    taken = {f"gallery/{name}": picture(done / "report.html", f"gallery/{name}", SCREEN)}
    if name == "food_waste":
        taken["report"] = picture(done / "report.html", "report", WITH_SLIDERS)
    return {picture: {**note, **known, "case": name, "figures": figures(done)} for picture, note in taken.items()}


def take_meeting(folder: Path) -> dict[str, Any]:
    """Take the pictures of the consultant's page from a folder in which its commands have been run; return the notes."""
    runs = sorted(folder.glob("mlruns/runs/food_waste-*"))
    first, guest = runs[0] / "report.html", runs[-1] / "report.html"
    taken = {
        "first": picture(first, "first", SCREEN),
        "sliders": picture(first, "sliders", SCREEN, DEARER),
        "guest": picture(guest, "guest", SCREEN),
    }
    return {name: {**note, "page": MEETING} for name, note in taken.items()}


def hold_meeting(folder: Path) -> None:
    """Run the commands of the consultant's page."""
    (folder / "docs" / "tutorials").mkdir(parents=True)
    shutil.copy(ROOT / "docs/tutorials/make_export.py", folder / "docs/tutorials")
    commands = re.findall(r"^\$ ((?:musterwerk (?:new|run)|python docs).*)$", (ROOT / MEETING).read_text(encoding="utf-8"), re.MULTILINE)
    for command in commands:
        subprocess.run(["bash", "-c", command], check=True, cwd=folder, env=surroundings(folder), stdout=subprocess.DEVNULL)


def notes() -> dict[str, Any]:
    """Return what is noted beside the pictures."""
    return dict(json.loads(NOTES.read_text(encoding="utf-8"))) if NOTES.is_file() else {}


def keep(found: dict[str, Any]) -> None:
    """Write the notes of these pictures, and leave those of the others."""
    text = json.dumps({**notes(), **found}, ensure_ascii=False, indent=1, sort_keys=True)
    NOTES.write_text(text + "\n", encoding="utf-8", newline="\n")


def main(wanted: list[str]) -> None:
    """Take the wanted pictures, or all."""
    from usecases.__main__ import built_in

    for name in wanted or [*sorted(built_in()), "meeting"]:
        print(name, file=sys.stderr)
        if name == "meeting":
            with tempfile.TemporaryDirectory() as place:
                hold_meeting(Path(place))
                keep(take_meeting(Path(place)))
        else:
            keep(take_case(name))


if __name__ == "__main__":
    main(sys.argv[1:])
