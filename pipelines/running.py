"""Marks of work in progress: a run that was killed is seen by the next command, and `doctor` clears what it left."""

import json
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from socket import gethostname
from uuid import uuid4

FOLDER = "running"


@dataclass(frozen=True)
class Mark:
    """One piece of work: what it was, when it began (UTC), the process that did it, and whether that still lives."""

    file: Path
    verb: str
    case: str
    started: str
    pid: int
    alive: bool


@contextmanager
def running(home: Path, verb: str, case: str) -> Iterator[None]:
    """Mark work in progress below `home`; the mark goes when the work ends in any way but a kill. SIGTERM ends it as Ctrl-C does."""
    folder = home / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{verb}-{os.getpid()}-{uuid4().hex[:6]}.json"
    facts = {
        "verb": verb,
        "case": case,
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "pid": os.getpid(),
        "host": gethostname(),
        "born": born(os.getpid()),
    }
    unfinished = file.with_suffix(".part")
    unfinished.write_text(json.dumps(facts), encoding="utf-8")
    unfinished.replace(file)
    try:
        with ended_like_ctrl_c():
            yield
    finally:
        file.unlink(missing_ok=True)


@contextmanager
def ended_like_ctrl_c() -> Iterator[None]:
    """Let SIGTERM and a closed terminal (SIGHUP) raise KeyboardInterrupt within the block; outside the main thread nothing is changed."""

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    names = [name for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {name: signal.signal(getattr(signal, name), stop) for name in names}
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(getattr(signal, name), handler)


def born(pid: int) -> str:
    """Return when a process was started (Linux: clock ticks since boot), so that a reused number is not mistaken; empty elsewhere."""
    with suppress(OSError, IndexError):
        return _stat(pid)[19]
    return ""


def _stat(pid: int) -> list[str]:
    """Return what Linux knows of a process, from its state on."""
    return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()


def alive(pid: int, since: str) -> bool:
    """Return whether the process of this number that was started `since` (see `born`) still lives."""
    if os.name == "nt":
        return True  # a signal 0 would end the process there, so nothing is ever called killed on Windows
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    with suppress(OSError, IndexError):
        if _stat(pid)[0] == "Z":  # killed, and its parent has not looked yet
            return False
    return not since or born(pid) == since


def marks(home: Path) -> list[Mark]:
    """Return the marks below `home`, oldest first."""
    found = []
    for file in sorted((home / FOLDER).glob("*.json")):
        try:
            facts = json.loads(file.read_text(encoding="utf-8"))
            elsewhere = facts.get("host", gethostname()) != gethostname()  # a node that shares the folder: nothing is known of it
            lives = elsewhere or alive(int(facts["pid"]), str(facts["born"]))
            found.append(Mark(file, facts["verb"], facts["case"], facts["started"], int(facts["pid"]), lives))
        except (OSError, ValueError, KeyError):
            found.append(Mark(file, "?", "?", "?", 0, alive=False))
    return found


def killed(home: Path) -> list[Mark]:
    """Return the marks of work that ended without saying so."""
    return [mark for mark in marks(home) if not mark.alive]
