"""One writer at a time, on file systems that several nodes share: a symbolic link that says who holds it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from socket import gethostname
from time import monotonic, sleep
from uuid import uuid4

from pipelines.running import alive, born

GRACE_SECONDS = 30.0  # a lock held unchanged for so long by a process of another node is taken to be a dead one's
FIRST_SLEEP, LONGEST_SLEEP = 0.001, 0.25


@dataclass
class Lock:
    """A lock beside a file, `<file>.lock`; making a symbolic link is atomic on local disks, NFS, GPFS and Lustre.

    The link's target is no file but the holder: host, process, when that was started. So a process killed on this host is noticed at once
    by the others here; one of another node after `GRACE_SECONDS`.
    """

    file: Path
    token: str = field(init=False)

    def __post_init__(self) -> None:
        self.link = self.file.with_name(f"{self.file.name}.lock")
        self.token = f"{gethostname()}|{os.getpid()}|{born(os.getpid())}|{uuid4().hex}"

    def acquire(self) -> None:
        """Wait until the lock is ours; raise OSError when links cannot be made here (disk full, no permission)."""
        pause, seen, since = FIRST_SLEEP, "", monotonic()
        while True:
            with suppress(FileExistsError):
                self.link.symlink_to(self.token)
                return
            holder = self._holder()
            if holder != seen:
                seen, since = holder, monotonic()
            if holder and (_dead(holder) or monotonic() - since > GRACE_SECONDS):
                self._break(holder)
            sleep(pause)
            pause = min(2 * pause, LONGEST_SLEEP)

    def release(self) -> None:
        """Give the lock back; nothing happens when it was taken from us because we looked dead."""
        if self._holder() == self.token:
            self.link.unlink(missing_ok=True)

    def _holder(self) -> str:
        with suppress(OSError):
            return str(self.link.readlink())
        return ""

    def _break(self, holder: str) -> None:
        """Take the lock away from this holder and from no other: of several that find it dead, only one does it."""
        with _alone(self.link.with_name(f"{self.link.name}.break")):
            if self._holder() == holder:
                self.link.unlink(missing_ok=True)


def _dead(holder: str) -> bool:
    host, pid, since = [*holder.split("|"), "", ""][:3]
    return host == gethostname() and pid.isdigit() and not alive(int(pid), since)


@contextmanager
def _alone(file: Path) -> Iterator[None]:
    """Let one process of this host at a time into the block; the kernel frees it when the process dies."""
    try:
        import fcntl
    except ImportError:  # not on Windows: there a holder is never called dead before the grace is over
        yield
        return
    with file.open("a") as content:
        fcntl.flock(content, fcntl.LOCK_EX)
        yield


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Hold the lock beside a file within the block."""
    lock = Lock(file)
    lock.acquire()
    try:
        yield
    finally:
        lock.release()
