"""A hash chain of JSON lines (Haber and Stornetta 1991): each line holds the hash of the line before, none can change unseen."""

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from pipelines.errors import GateError, InputError

START = "0" * 64  # what the first line names as the hash before it
HASH, END = b',"hash":"', b'"}'
BLOCK = 65536  # bytes read at a time when looking for the last line
_FAR = 2**40  # Windows locks bytes, not files: one that no log reaches


@dataclass(frozen=True)
class Head:
    """The end of a log: number of its lines, and the hash of the last one."""

    lines: int
    hash: str


def append(file: Path, entries: Sequence[Mapping[str, Any]]) -> Head:
    """Add lines to a log, all or none, and return its new end.

    One process writes at a time; the others wait. The lines are on the disk when this returns. A log that was cut off within
    a line, or at its end, is refused: nothing may hide a gap.

    Raises
    ------
    GateError
        The log is damaged at its end.
    InputError
        The log cannot be written.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with _locked(file) as number:
            before = _end(file, number)
            size = os.fstat(number).st_size
            text, head = _chained(entries, before)
            try:
                _write(number, text)
            except BaseException:  # a full disk, or Ctrl-C: take back what was written
                os.ftruncate(number, size)
                raise
            _write_head(file, head)
    except OSError as problem:
        raise InputError("audit.unwritable", file=file, problem=problem.strerror or problem) from None
    return head


def _chained(entries: Sequence[Mapping[str, Any]], before: Head) -> tuple[bytes, Head]:
    lines, head = [], before
    for entry in entries:
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        whole = {"line": head.lines + 1, "time": now, **entry, "prev": head.hash}
        body = json.dumps(whole, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()[:-1]
        head = Head(head.lines + 1, sha256(body).hexdigest())
        lines.append(body + HASH + head.hash.encode() + END + b"\n")
    return b"".join(lines), head


def _write(number: int, text: bytes) -> None:
    while text:
        text = text[os.write(number, text) :]
    os.fsync(number)


@contextmanager
def _locked(file: Path) -> Iterator[int]:
    """Yield the descriptor of the log, open for appending, while no other process writes to it."""
    number = os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0), 0o644)
    try:
        if sys.platform == "win32":
            import msvcrt

            os.lseek(number, _FAR, os.SEEK_SET)
            msvcrt.locking(number, msvcrt.LK_LOCK, 1)
        else:
            import fcntl

            fcntl.flock(number, fcntl.LOCK_EX)
        yield number
    finally:
        os.close(number)  # the lock goes with it


def _end(file: Path, number: int) -> Head:
    """Return where the log ends; raise GateError when its last line is cut off or lines that were there are gone."""
    last = _last_line(number)
    head = _read_head(file)
    if not last:
        found = Head(0, START)
    elif not last.endswith(b"\n"):
        raise GateError("audit.cut_off", file=file, line=_count(file) + 1)
    else:
        entry = _checked(file, last.rstrip(b"\n"), None, None)
        found = Head(int(entry["line"]), str(entry["hash"]))
    if head and head.lines > found.lines:
        raise GateError("audit.lines_gone", file=file, line=found.lines + 1, lines=found.lines, known=head.lines)
    return found


def _last_line(number: int) -> bytes:
    size = place = os.lseek(number, 0, os.SEEK_END)
    tail = b""
    while place and tail.rstrip(b"\n").count(b"\n") == 0:
        place = max(0, place - BLOCK)
        os.lseek(number, place, os.SEEK_SET)
        tail = os.read(number, size - place)
    return tail if not tail.rstrip(b"\n").count(b"\n") else tail[tail.rstrip(b"\n").rindex(b"\n") + 1 :]


def _count(file: Path) -> int:
    with file.open("rb") as lines:
        return sum(line.endswith(b"\n") for line in lines)


def _checked(file: Path, raw: bytes, line: int | None, before: str | None) -> dict[str, Any]:
    """Return one line's entry; raise GateError naming the line when its hash, its number or the hash before it is not right."""
    body, _, tail = raw.rpartition(HASH)
    digest = sha256(body).hexdigest()
    if tail != digest.encode() + END:
        raise GateError("audit.changed", file=file, line=line or _count(file))
    entry: dict[str, Any] = json.loads(raw)
    if line is not None and (entry["line"] != line or entry["prev"] != before):
        raise GateError("audit.out_of_order", file=file, line=line)
    return entry


def read(file: Path) -> Iterator[dict[str, Any]]:
    """Yield the entries of a log, first to last, each checked against the one before it.

    Raises
    ------
    GateError
        At the first line that was changed, taken away, put in, or cut off, naming it.
    InputError
        There is no such log.
    """
    if not file.is_file():
        raise InputError("audit.no_log", file=file)
    before, line = START, 0
    with file.open("rb") as lines:
        for line, raw in enumerate(lines, start=1):
            if not raw.endswith(b"\n"):
                raise GateError("audit.cut_off", file=file, line=line)
            entry = _checked(file, raw[:-1], line, before)
            before = entry["hash"]
            yield entry
    head = _read_head(file)
    if head and head.lines > line:
        raise GateError("audit.lines_gone", file=file, line=line + 1, lines=line, known=head.lines)


def verify(file: Path, holds: str | None = None) -> Head:
    """Check a whole log and return its end.

    Parameters
    ----------
    holds
        The hash of a line as somebody noted it earlier: a log that was rewritten from the start does not hold it.

    Raises
    ------
    GateError
        The log was changed, or does not hold the noted line.
    InputError
        There is no such log.
    """
    head, known, found = Head(0, START), _read_head(file), holds is None
    for entry in read(file):
        head = Head(int(entry["line"]), str(entry["hash"]))
        found = found or head.hash == holds
        if known and known.lines == head.lines and known.hash != head.hash:
            raise GateError("audit.out_of_order", file=file, line=head.lines)
    if not found:
        raise GateError("audit.not_held", file=file, hash=holds)
    return head


def repair(file: Path) -> Path | None:
    """Move a last line that was cut off (a crash while writing) to a file beside the log; return that file, None if nothing was cut off.

    Only what stands behind the last end of line is taken away; a complete line is never touched. The log itself records the repair.
    """
    if not file.is_file():
        raise InputError("audit.no_log", file=file)
    with _locked(file) as number:
        last = _last_line(number)
        if not last or last.endswith(b"\n"):
            return None
        aside = file.with_name(f"{file.name}.cut-{sha256(last).hexdigest()[:12]}")
        aside.write_bytes(last)
        os.ftruncate(number, os.fstat(number).st_size - len(last))
        os.fsync(number)
    append(file, [{"kind": "repair", "bytes": len(last), "sha256": sha256(last).hexdigest()}])
    return aside


def _head_file(file: Path) -> Path:
    return file.with_name(f"{file.name}.head")


def _write_head(file: Path, head: Head) -> None:
    """Note the end beside the log, so that lines missing from the end are seen; a crash before this leaves an older, still true note."""
    unfinished = file.with_name(f".{file.name}.head.part")
    unfinished.write_text(json.dumps(vars(head)) + "\n", encoding="utf-8")
    unfinished.replace(_head_file(file))


def _read_head(file: Path) -> Head | None:
    noted = _head_file(file)
    if not noted.is_file():
        return None
    try:
        return Head(**json.loads(noted.read_text(encoding="utf-8")))
    except (ValueError, TypeError):
        raise GateError("audit.bad_head", file=noted) from None
