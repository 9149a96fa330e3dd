"""Follow a page of the documentation literally: write the files it says, run the commands it shows, compare what it prints."""

import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from usecases.__main__ import main

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"^(Write|Append to) `([^`]+)`")
CODE = re.compile(r"\s+#.*exit code (\d+).*$|\s{2,}#.*$")


@dataclass(frozen=True)
class Step:
    """A block of a page: its language, its text, and the line of prose before it."""

    language: str
    content: str
    before: str


def steps(page: Path) -> list[Step]:
    text = page.read_text(encoding="utf-8")
    found = []
    for block in FENCE.finditer(text):
        prose = [line for line in text[: block.start()].splitlines() if line.strip()]
        found.append(Step(block[1], block[2], prose[-1] if prose else ""))
    return found


class Follower:
    """A person who does what a page says, in a folder of their own."""

    def __init__(self, folder: Path, template: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.start, self.place, self.template = folder, folder, template
        self.patch, self.capture, self.printed, self.ran = monkeypatch, capsys, "", 0
        self.files: list[str] = []
        monkeypatch.chdir(folder)

    def follow(self, page: Path) -> None:
        for step in steps(page):
            named = FILE.match(step.before)
            if step.language == "sh":
                self.printed = "".join(self.command(line) for line in step.content.splitlines() if line.strip())
            elif step.language == "text":
                self.compare(step)
            elif named:
                self.write(named[1], self.place / named[2], step.content)

    def write(self, how: str, file: Path, content: str) -> None:
        assert how == "Write" or file.is_file(), file
        before = file.read_text(encoding="utf-8") if how == "Append to" else ""
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(before + content, encoding="utf-8")
        self.files.append(file.name)

    def command(self, line: str) -> str:
        expected = re.search(r"#.*exit code (\d+)", line)
        words = shlex.split(CODE.sub("", line))
        program, rest = words[0], [self.latest() if word == "RUN" else word for word in words[1:]]
        if program == "cd":
            self.place = (self.place / rest[0]).resolve()
            assert self.start in (self.place, *self.place.parents), self.place
            self.patch.chdir(self.place)
            return ""
        if program == "rm":
            target = (self.place / rest[-1]).resolve()
            assert self.start in target.parents, target
            shutil.rmtree(target)
            return ""
        if program == "python":
            done = subprocess.run([sys.executable, *rest], check=False, capture_output=True, text=True, cwd=self.place)
            said, code = done.stdout + done.stderr, done.returncode
        else:
            assert program == "musterwerk", line
            said, code = self.musterwerk(rest)
        assert code == (int(expected[1]) if expected else 0), f"{line}: exit code {code}\n{said}"
        self.ran += 1
        return said

    def musterwerk(self, words: list[str]) -> tuple[str, int]:
        home = self.place / "mlruns"
        if words[0] == "run" and not home.exists():  # an empty database made before: its migrations take seconds
            home.mkdir()
            shutil.copyfile(self.template, home / "mlflow.db")
        self.capture.readouterr()
        code = main(words)
        seen = self.capture.readouterr()
        return seen.out + seen.err, code

    def latest(self) -> str:
        return max(
            (path for path in (self.place / "mlruns" / "runs").iterdir() if path.is_dir()), key=lambda path: path.stat().st_mtime
        ).name

    def compare(self, step: Step) -> None:
        missing = [line for line in step.content.splitlines() if line.strip() and line.strip() not in self.printed]
        assert not missing, f"the page shows what is not printed: {missing}\n{self.printed}"


def files_shown(page: Path) -> list[str]:
    """Files that a page tells to write, in order."""
    return [named[2] for step in steps(page) if (named := FILE.match(step.before))]
