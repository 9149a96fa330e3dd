"""What a run ran on: versions, machine, git state. Nothing heavy is imported for it."""

import os
import platform
import subprocess
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ("musterwerk", "holidays", "lightgbm", "mlflow", "numpy", "pandas", "polars", "pydantic", "scikit-learn", "scipy", "skops")
GIT_SECONDS = 10  # a slow file server must not hold up a run


@dataclass(frozen=True)
class GitState:
    """The checked-out commit; dirty when a tracked file differs from it."""

    commit: str
    dirty: bool


@dataclass(frozen=True)
class Environment:
    """Where a run took place; `user` is the git state of the user's own folder when that is another repository."""

    python: str
    platform: str
    cpus: int
    versions: dict[str, str]
    project: GitState | None
    user: GitState | None


def environment(folder: Path | None = None) -> Environment:
    """Return versions, machine and git states; `folder` holds the user's settings or use case."""
    here = Path(__file__).resolve()
    return Environment(
        python=platform.python_version(),
        platform=f"{platform.system()} {platform.release()} {platform.machine()}",
        cpus=os.cpu_count() or 1,
        versions=versions(),
        # an installed copy inside a user's repository must not pass the user's commit off as ours
        project=git_state(here.parent) if _git(here.parent, "ls-files", "--error-unmatch", here.name) else None,
        user=git_state(folder) if folder and _root(folder) != _root(here.parent) else None,
    )


def versions(packages: tuple[str, ...] = PACKAGES) -> dict[str, str]:
    """Return the installed versions by package; packages that are not installed are left out."""
    found = {}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def git_state(folder: Path) -> GitState | None:
    """Return the commit of the repository around a folder; None without git, repository or commit."""
    commit = _git(folder, "rev-parse", "HEAD")
    changes = _git(folder, "status", "--porcelain", "--untracked-files=no")
    return GitState(commit, changes != "") if commit and changes is not None else None


def _root(folder: Path) -> str | None:
    return _git(folder, "rev-parse", "--show-toplevel")


def _git(folder: Path, *arguments: str) -> str | None:
    """Return what git prints; None when it fails. A repository's own settings never start programs here."""
    settings = {name: value for name, value in os.environ.items() if name not in {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"}}
    command = ["git", "-c", "core.fsmonitor=false", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            env={**settings, "GIT_OPTIONAL_LOCKS": "0"},
            timeout=GIT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
