"""The journal of a sweep: Optuna's file backend that leaves no broken line behind, its check, its repair, and other storages."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from shutil import copyfile
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import urlsplit

from optuna.storages.journal import JournalFileBackend

from pipelines.errors import InputError
from pipelines.sweep.heartbeat import database
from pipelines.sweep.lock import locked
from pipelines.sweep.spec import JOURNAL, Spec

if TYPE_CHECKING:
    from optuna.storages import BaseStorage

TAIL = 1 << 16
NEWLINE = b"\n"


class Journal(JournalFileBackend):
    """Optuna's journal file, appended to whole lines at a time.

    A process killed in the middle of a line, or a full disk, leaves a torn last line: a record that was never confirmed to anybody.
    The next writer cuts it off under the lock before it appends, instead of writing onto it.
    """

    def __init__(self, file: Path) -> None:
        super().__init__(str(file))
        self.file = file

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Append records; on a full disk take back what was written of them and raise the OSError."""
        lines = "".join(json.dumps(log, separators=(",", ":")) + "\n" for log in logs).encode()
        with locked(self.file), self.file.open("r+b") as content:
            end = _cut_torn_line(self.file, content)
            try:
                content.seek(end)
                content.write(lines)
                content.flush()
                os.fsync(content.fileno())
            except OSError:
                os.truncate(self.file, end)
                raise


def _cut_torn_line(file: Path, content: BinaryIO) -> int:
    """Return where the next line begins, after cutting off an unfinished one."""
    size = content.seek(0, os.SEEK_END)
    if size == 0:
        return 0
    content.seek(max(0, size - TAIL))
    tail = content.read()
    end = size - len(tail) + tail.rfind(NEWLINE) + 1
    if end < size:
        _keep(file, "torn", tail[tail.rfind(NEWLINE) + 1 :])
        content.truncate(end)
    return end


def _keep(file: Path, why: str, line: bytes) -> None:
    """Write down what was dropped."""
    note = {"when": datetime.now(UTC).isoformat(timespec="seconds"), "why": why, "line": line.decode(errors="replace")}
    with file.with_name("dropped.jsonl").open("a", encoding="utf-8") as notes:
        notes.write(json.dumps(note) + "\n")


@dataclass(frozen=True)
class Broken:
    """A line of the journal that cannot be read: its number from 1, and its beginning."""

    number: int
    line: str


def broken_lines(file: Path) -> tuple[Broken, ...]:
    """Return the lines that are no JSON record, the torn last one included."""
    found = []
    with file.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if not _readable(line):
                found.append(Broken(number, line.decode(errors="replace").strip()[:200]))
    return tuple(found)


def _readable(line: bytes) -> bool:
    try:
        return line.endswith(NEWLINE) and isinstance(json.loads(line), Mapping)
    except ValueError:
        return False


def require_sound(folder: Path, spec: Spec) -> None:
    """Raise InputError, naming the line and `repair`, when a whole line of the journal cannot be read.

    A torn last line is none: the next writer mends it.
    """
    if spec.storage:
        return
    with locked(folder / JOURNAL):
        broken = broken_lines(folder / JOURNAL)
        with (folder / JOURNAL).open("rb") as content:
            torn = bool(content.seek(0, os.SEEK_END)) and _last_byte(content) != NEWLINE
    worse = broken[:-1] if torn else broken
    if worse:
        raise InputError("sweep.broken_journal", file=folder / JOURNAL, line=worse[0].number, name=folder.name)


def _last_byte(content: BinaryIO) -> bytes:
    content.seek(-1, os.SEEK_END)
    return content.read(1)


def repair(folder: Path) -> Sequence[Broken]:
    """Keep a copy of the journal, drop the lines that cannot be read, and return them. The workers must not be running."""
    file = folder / JOURNAL
    with locked(file):
        broken = broken_lines(file)
        if not broken:
            return ()
        copyfile(file, file.with_name(f"{JOURNAL}.{datetime.now(UTC):%Y%m%dT%H%M%S}.before_repair"))
        unfinished = file.with_name(f".{JOURNAL}.{os.getpid()}.part")
        with file.open("rb") as lines, unfinished.open("wb") as kept:
            for line in lines:
                if _readable(line):
                    kept.write(line)
                else:
                    _keep(file, "repair", line)
            kept.flush()
            os.fsync(kept.fileno())
        unfinished.replace(file)
    return broken


def require_usable(url: str) -> None:
    """Raise InputError for a database URL that carries a password or cannot be opened."""
    if urlsplit(url).password:
        raise InputError("sweep.password")


def open_storage(folder: Path, url: str) -> "BaseStorage":
    """Return the sweep's storage: the journal in its folder, or a database by URL."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    if not url:
        return optuna.storages.JournalStorage(Journal(folder / JOURNAL))
    try:
        return database(url)
    except Exception as error:  # driver missing, server away, wrong name: each database has its own errors
        raise InputError("sweep.storage", url=url, problem=f"{type(error).__name__}: {str(error).partition(chr(10))[0]}") from error
