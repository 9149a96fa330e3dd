"""What `musterwerk doctor` looks at: versions, shadowed packages, threads, write access, and what killed work left behind."""

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any

from pipelines.running import killed, marks
from pipelines.texts import Lang, text
from pipelines.track.store import end_left_running, is_broken, left_running, mend_locations

LOW_DISK_GB = 2.0
SHADOWED = ("polars", "pandas", "numpy", "lightgbm", "mlflow", "optuna", "sklearn", "scipy", "pydantic", "typer", "pipelines", "usecases")
_GB = 1024**3


@dataclass(frozen=True)
class Symptom:
    """One finding: a key of the catalogue `doctor`, its values, whether it needs attention, and what mends it (None: the user)."""

    key: str
    values: Mapping[str, Any] = field(default_factory=dict)
    bad: bool = False
    mend: Callable[[], object] | None = None

    def said(self, lang: Lang) -> str:
        """Return the finding in the language."""
        return text(f"doctor.{self.key}", lang, **self.values)


def examined(home: Path, folder: Path) -> list[Symptom]:
    """Return everything found; `folder`: where the user works (files there may hide packages)."""
    return [*_versions(), *_shadows(folder), *_threads(), *_writable(home), *_leftovers(home)]


def _versions() -> Iterator[Symptom]:
    from packaging.requirements import Requirement

    wrong = []
    try:
        wanted = [Requirement(line) for line in requires("musterwerk") or []]
    except PackageNotFoundError:
        yield Symptom("not_installed", {}, bad=True)
        return
    for need in wanted:
        if need.marker is not None and not need.marker.evaluate({"extra": ""}):
            continue
        try:
            found = version(need.name)
        except PackageNotFoundError:
            wrong.append(f"{need.name} ({need.specifier}, missing)")
            continue
        if not need.specifier.contains(found, prereleases=True):
            wrong.append(f"{need.name} {found} ({need.specifier})")
    if wrong:
        yield Symptom("versions", {"packages": ", ".join(wrong)}, bad=True)
    else:
        yield Symptom("versions_fine", {"version": version("musterwerk"), "count": len(wanted)})


def _shadows(folder: Path) -> Iterator[Symptom]:
    own = Path(__file__).resolve().parents[1]
    for name in SHADOWED:
        for path in (folder / f"{name}.py", folder / name / "__init__.py"):
            if path.is_file() and folder.resolve() != own:
                yield Symptom("shadow", {"file": path, "package": name}, bad=True)


def _threads() -> Iterator[Symptom]:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    stated = os.environ.get("OMP_NUM_THREADS")
    if stated is not None and stated.isdigit() and int(stated) > cores:
        yield Symptom("threads", {"stated": stated, "cores": cores}, bad=True)
    else:
        yield Symptom("threads_fine", {"cores": cores})


def _writable(home: Path) -> Iterator[Symptom]:
    place = home if home.is_dir() else next((parent for parent in home.absolute().parents if parent.is_dir()), Path.cwd())
    if not os.access(place, os.W_OK):
        yield Symptom("not_writable", {"folder": place}, bad=True)
        return
    free = shutil.disk_usage(place).free / _GB
    yield Symptom("disk_low" if free < LOW_DISK_GB else "disk_fine", {"folder": place, "free": f"{free:.1f}"}, bad=free < LOW_DISK_GB)


def _leftovers(home: Path) -> Iterator[Symptom]:
    """Yield half-written folders, marks of killed work, runs that MLflow still calls running, and a moved database."""
    busy = [mark for mark in marks(home) if mark.alive]
    for mark in busy:
        yield Symptom("busy", {"verb": mark.verb, "case": mark.case, "started": mark.started, "pid": mark.pid})
    for mark in killed(home):
        yield Symptom(
            "killed",
            {"verb": mark.verb, "case": mark.case, "started": mark.started},
            bad=True,
            mend=partial(_removed, mark.file),
        )
    if busy:
        return  # what looks left over may be theirs
    for part in [*(home / "runs").glob(".*.part"), *(home / "plans").glob("*/*/.part"), *(home / "running").glob("*.part")]:
        yield Symptom("half", {"path": part}, bad=True, mend=partial(_removed, part))
    if is_broken(home):
        yield Symptom("broken_database", {"file": home / "mlflow.db"}, bad=True)
        return
    running = left_running(home)
    if running:
        yield Symptom("left_running", {"runs": ", ".join(running)}, bad=True, mend=partial(end_left_running, home))
    if (home / "mlflow.db").is_file():
        moved = mend_locations(home)
        if moved:
            yield Symptom("moved", {"folder": home})


def _removed(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
