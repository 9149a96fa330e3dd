"""The real PostgreSQL of the tests: a cluster of its own in a private directory, reached by a socket, stopped whatever happens."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

REQUIRED = "MUSTERWERK_REQUIRE_POSTGRES"
OWNER = "postgres"  # the server refuses to run as root; Debian's package makes this user


@dataclass(frozen=True)
class Postgres:
    """A running server with the empty database `postgres`."""

    folder: Path
    tools: Path

    @property
    def url(self) -> str:
        """Address for --storage."""
        return f"postgresql+psycopg://{OWNER}@/postgres?host={self.folder}"

    def control(self, *words: str) -> None:
        """Start or stop the server."""
        run(self.tools / "pg_ctl", "--pgdata", self.folder / "data", "--wait", "--log", self.folder / "log", *words)


def run(*command: object) -> None:
    """Run a command of the server as a user that may; it must succeed."""
    user = OWNER if os.geteuid() == 0 else None
    done = subprocess.run([str(word) for word in command], user=user, capture_output=True, text=True, timeout=120, check=False, cwd="/")
    assert done.returncode == 0, f"{command}: {done.stdout} {done.stderr}"


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    """PostgreSQL without network; skipped where it is not installed, but never in CI."""
    tools = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
    found = tools[-1] if tools else shutil.which("pg_ctl")
    if found is None:
        reason = "not installed: postgresql"
        if os.environ.get("CI") or os.environ.get(REQUIRED):
            pytest.fail(f"{reason}, and .ci/run should have installed it")
        pytest.skip(reason)
    folder = Path(f"/tmp/mw-postgres-{os.getpid()}")  # a socket's path must be short
    folder.mkdir(mode=0o700)
    if os.geteuid() == 0:
        shutil.chown(folder, OWNER)
    server = Postgres(folder, Path(found).parent)
    try:
        run(server.tools / "initdb", "--pgdata", folder / "data", "--auth=trust", "--no-sync", f"--username={OWNER}", "--locale=C.UTF-8")
        server.control("start", "--options", f"-k {folder} -c listen_addresses='' -c fsync=off")
        yield server
    finally:
        subprocess.run(
            [server.tools / "pg_ctl", "--pgdata", folder / "data", "stop", "--mode=immediate"],
            user=OWNER if os.geteuid() == 0 else None, capture_output=True, timeout=60, check=False, cwd="/",
        )  # fmt: skip
        shutil.rmtree(folder, ignore_errors=True)
