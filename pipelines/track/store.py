"""The local MLflow database as a file: made once even when several processes start at once, mended after a move."""

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from urllib.parse import quote, unquote
from uuid import uuid4

DATABASE, ARTIFACTS = "mlflow.db", "artifacts"
HEARTBEAT_SECONDS, STALE_SECONDS = 1.0, 15.0
# where MLflow keeps absolute locations of artifacts
LOCATIONS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "storage_location"),
    ("model_versions", "source"),
)


def sqlite_uri(file: Path) -> str:
    """Return the URI of a database file; SQLAlchemy reads % and ? in it as its own signs."""
    return f"sqlite:///{file.resolve().as_posix().replace('%', '%25').replace('?', '%3F')}"


def database_uri(home: Path) -> str:
    """Return the tracking URI of the database below a home folder."""
    return sqlite_uri(home / DATABASE)


def is_ours(uri: str, home: Path) -> bool:
    """Return whether a tracking URI, perhaps a relative one, means the database below home."""
    return uri.startswith("sqlite:///") and sqlite_uri(Path(unquote(uri.removeprefix("sqlite:///")))) == database_uri(home)


def artifact_root(home: Path) -> str:
    """Return where all artifacts are kept; those of a use case stand in a folder of its name."""
    return (home.resolve() / ARTIFACTS).as_uri()


def make_once(path: Path, build: Callable[[Path], None]) -> None:
    """Make a file that several processes may ask for at once; whoever comes second waits.

    The lock only saves work. What makes it safe is the last step: the finished file gets its name if nobody has it yet.
    """
    lock = path.with_name(f"{path.name}.lock")
    path.parent.mkdir(parents=True, exist_ok=True)
    last, since = 0, time.monotonic()
    while not path.exists():
        with _locked(lock) as mine:
            if mine and not path.exists():
                _build(path, build)
        if mine:
            return
        beat = _beat(lock)
        if beat != last:
            last, since = beat, time.monotonic()
        elif time.monotonic() - since > STALE_SECONDS:
            lock.unlink(missing_ok=True)
        time.sleep(0.05)


def _beat(lock: Path) -> int:
    with suppress(FileNotFoundError):
        return lock.stat().st_mtime_ns
    return 0


@contextmanager
def _locked(lock: Path) -> Iterator[bool]:
    """Hold a lock file and touch it every second, so that a dead holder is noticed; yield whether it is ours."""
    try:
        os.close(os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    except FileExistsError:
        yield False
        return
    done = threading.Event()

    def touch() -> None:
        while not done.wait(HEARTBEAT_SECONDS):
            with suppress(OSError):
                os.utime(lock)

    beats = threading.Thread(target=touch, daemon=True)
    beats.start()
    try:
        yield True
    finally:
        done.set()
        beats.join()
        lock.unlink(missing_ok=True)


def _build(path: Path, build: Callable[[Path], None]) -> None:
    part = path.with_name(f".{path.name}.{uuid4().hex[:8]}.part")
    try:
        build(part)
        try:
            os.link(part, path)
        except FileExistsError:
            return
        except OSError:  # a file system without hard links
            if not path.exists():
                part.rename(path)
    finally:
        part.unlink(missing_ok=True)


def mend_locations(home: Path) -> int:
    """Point a moved or copied database at the artifacts beside it; return how many old places were replaced.

    Only experiments under our naming count: `<anywhere>/artifacts/<name>`.
    """
    here = f"{artifact_root(home)}/"
    with closing(sqlite3.connect(home / DATABASE, timeout=20)) as database, database:
        known = database.execute("SELECT experiment_id, name, artifact_location FROM experiments").fetchall()
        places = {place for number, name, location in known if (place := _place(location, str(number), quote(name))) not in {"", here}}
        for table, column in LOCATIONS if places else ():
            for old in places:
                database.execute(
                    f"UPDATE {table} SET {column} = ? || substr({column}, ?) WHERE substr({column}, 1, ?) = ?",  # noqa: S608 - fixed names
                    (here, len(old) + 1, len(old), old),
                )
    return len(places)


def _place(location: str | None, *names: str) -> str:
    for name in names:
        if location and location.endswith(f"/{ARTIFACTS}/{name}"):
            return location.removesuffix(name)
    return ""


def left_running(home: Path) -> list[str]:
    """Return the names of runs that the local database still calls RUNNING; none where there is no database."""
    if not (home / DATABASE).is_file():
        return []
    with closing(sqlite3.connect(home / DATABASE, timeout=20)) as database:
        return [str(name) for (name,) in database.execute("SELECT name FROM runs WHERE status = 'RUNNING' ORDER BY start_time")]


def is_broken(home: Path) -> bool:
    """Return whether the local database is there but cannot be read as MLflow's."""
    if not (home / DATABASE).is_file():
        return False
    try:
        left_running(home)
    except sqlite3.DatabaseError:
        return True
    return False


def end_left_running(home: Path) -> int:
    """Set runs that are still RUNNING to KILLED, ended now; return how many. Only for a database that nobody is writing to."""
    if not (home / DATABASE).is_file():
        return 0
    now = int(time.time() * 1000)
    with closing(sqlite3.connect(home / DATABASE, timeout=20)) as database, database:
        return database.execute("UPDATE runs SET status = 'KILLED', end_time = ? WHERE status = 'RUNNING'", (now,)).rowcount
