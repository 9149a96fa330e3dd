"""Check an answer safely: the learner's script runs in a process of its own, in an empty folder, with a time limit."""

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from pipelines.errors import InputError
from pipelines.exercises.catalogue import Exercise
from pipelines.exercises.verdict import Verdict

SECONDS = 60.0  # the longest solution takes a tenth of it on a slow machine
SAID = 2000  # characters of what a script wrote before it died
ALONE = "PYTHON", "OMP_", "POLARS_", "LC_", "LANG"  # prefixes of the variables that the script's process inherits
NEEDED = {"PATH", "HOME", "SYSTEMROOT", "TEMP", "TMP", "TMPDIR", "USERPROFILE", "APPDATA", "LOCALAPPDATA", "VIRTUAL_ENV"}


def check(exercise: Exercise, file: Path, seconds: float = SECONDS) -> Verdict:
    """Return the verdict on a script.

    Raises
    ------
    InputError
        There is no such file.
    """
    if not file.is_file():
        raise InputError("exercises.no_file", file=file, number=exercise.number)
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        verdict, said = Path(folder) / "verdict.json", Path(folder) / "said.txt"
        here = Path(folder) / "here"
        here.mkdir()
        command = [sys.executable, "-m", "pipelines.exercises.runner", exercise.name, str(file.resolve()), str(verdict)]
        with said.open("wb") as out:
            process = subprocess.Popen(
                command, cwd=here, env=_environment(), stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
            )
            try:
                process.wait(seconds)
            except subprocess.TimeoutExpired:
                return Verdict(passed=False, hint="too_long", values={"seconds": f"{seconds:g}"})
            finally:
                _end(process)
        if not verdict.is_file():
            last = said.read_text(encoding="utf-8", errors="replace").strip()[-SAID:]
            return Verdict(passed=False, hint="died", values={"code": str(process.returncode), "said": last or "-"})
        return Verdict(**json.loads(verdict.read_text(encoding="utf-8")))


def _environment() -> dict[str, str]:
    """Return the environment without anything a script has no business with, such as keys and tokens."""
    kept = {name: value for name, value in os.environ.items() if name.upper() in NEEDED or name.upper().startswith(ALONE)}
    package = str(Path(__file__).resolve().parents[2])  # as imported here, also where nothing is installed
    path = os.pathsep.join(part for part in (package, kept.get("PYTHONPATH", "")) if part)
    return {**kept, "PYTHONPATH": path, "PYTHONUTF8": "1", "OMP_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1"}


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End the process and whatever it started."""
    if sys.platform == "win32":
        process.kill()
    else:
        with suppress(ProcessLookupError, PermissionError):  # nothing is left of the group
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()
