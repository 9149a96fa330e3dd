"""Run the console blocks of a page: each command as a reader would type it, its output held against what the page shows.

A block ```console holds commands after `$ ` and below each what it prints, all of it; a line `...` stands for any number of lines left out,
and a command with nothing below it is shown for its effect. `$ echo $?` with the number below it states the exit code of the command
before; without that it must be 0. Everything printed must be as shown, every figure included, but for the time of day in the name of a
run, seconds and megabytes used, the place of the working folder, and version numbers.
"""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
SAVED = re.compile(r"^<!-- saved as ([\w.-]+) -->\n```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NUMBER = re.compile(r"\d[\d,.]*\d|\d")
RUN = re.compile(r"\b([a-z_]+)-\d{8}-\d{6}(?:-\d+)?\b")
OMITTED = "..."


@dataclass(frozen=True)
class Step:
    """A command, the lines it must print, and its exit code."""

    command: str
    expected: tuple[str, ...]
    code: int


def steps(text: str) -> list[Step]:
    """Return the commands of all console blocks of a page."""
    found: list[Step] = []
    for block in BLOCK.findall(text):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, *lines = part.rstrip("\n").split("\n")
            if command == "echo $?":
                found[-1] = Step(found[-1].command, found[-1].expected, int(lines[0]))
            else:
                found.append(Step(command, tuple(line for line in lines if line.strip()), 0))
    return found


def plain(line: str, folder: Path) -> str:
    """Return a line without what differs from run to run: place, time of day, seconds, megabytes, versions."""
    line = line.replace(f"{folder}{os.sep}", "").replace(str(folder), ".")
    line = RUN.sub(r"\1-TIME", line)
    line = re.sub(r"\b\d+(?:\.\d+)? (s|MB|kB)\b", r"# \1", line)
    return re.sub(r"\b\d+\.\d+\.\d+\b(?!\.)", "VERSION", line).rstrip()


def difference(step: Step, output: str, folder: Path) -> str:
    """Return the first line that the page shows and the output lacks at its place, or the first one printed that the page leaves out."""
    if not step.expected:
        return ""
    printed = [plain(line, folder) for line in output.splitlines() if line.strip()]
    at, anywhere = 0, False
    for line in (plain(shown, folder) for shown in step.expected):
        if line == OMITTED:
            anywhere = True
            continue
        place = printed.index(line, at) if line in printed[at:] else -1
        if place < 0 or (place > at and not anywhere):
            return f"the page shows: {line}\nprinted is:     {printed[at] if at < len(printed) else 'nothing more'}"
        at, anywhere = place + 1, False
    return "" if anywhere or at == len(printed) else f"the page leaves out: {printed[at]}"


def environment(home: Path) -> dict[str, str]:
    """Return the surroundings of somebody who has just installed the project: own home, nothing set."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MUSTERWERK", "MLFLOW", "PYTEST"))}
    path = os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", "")])
    return {**kept, "HOME": str(home), "PATH": path, "PYTHONUTF8": "1", "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive"}


def newest(command: str, folder: Path) -> str:
    """Return the command with the name of a run as the page shows it replaced by that of the newest run of the same use case."""

    def name(found: re.Match[str]) -> str:
        runs = sorted(path.name for path in (folder / "mlruns" / "runs").glob(f"{found[1]}-*"))
        return runs[-1] if runs else found[0]

    return RUN.sub(name, command)


def run_page(text: str, folder: Path) -> list[str]:
    """Run all commands of a page in a folder that has the project's `docs`, and the page's own files; return what they printed.

    Raises
    ------
    AssertionError
        A command ends otherwise than the page says, or prints something else.
    """
    if not (folder / "docs").exists():
        shutil.copytree(ROOT / "docs", folder / "docs", ignore=shutil.ignore_patterns("__pycache__", "*.png"))
    for name, content in SAVED.findall(text):
        (folder / name).write_text(content, encoding="utf-8")
    printed = []
    for step in steps(text):
        command = ["bash", "-c", newest(step.command, folder)]
        done = subprocess.run(
            command, check=False, cwd=folder, env=environment(folder), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        assert done.returncode == step.code, f"$ {step.command}\nexit code {done.returncode}, the page says {step.code}\n{done.stdout}"
        differs = difference(step, done.stdout, folder)
        assert not differs, f"$ {step.command}\n{differs}\n\n{done.stdout}"
        printed.append(done.stdout)
    return printed


def unfounded(text: str, printed: list[str]) -> list[str]:
    """Return the amounts in a page's prose (1,144 EUR, 61 %, 43 days) that no command of it printed."""
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    amounts = re.findall(r"(\d[\d,.]*)\s?(?:EUR|Euros?|€|pieces|rows|open days)", prose) + re.findall(r"€\s?(\d[\d,.]*)", prose)
    known = {number for output in printed for number in NUMBER.findall(output)}
    return [amount for amount in amounts if amount.rstrip(".,") not in known]
