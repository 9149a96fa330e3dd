"""MLflow's own pages over the local database: on the loopback interface, one worker, no telemetry, no jobs."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from pipelines.errors import InputError
from pipelines.running import ended_like_ctrl_c
from pipelines.track.store import DATABASE, artifact_root, database_uri, mend_locations

HOST = "127.0.0.1"


def free_port(wanted: int) -> int:
    """Return the port if it is free on the loopback interface, else one the system picks."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise OSError("no free port on 127.0.0.1")


def served(home: Path, port: int, tell: Callable[[str], None]) -> None:
    """Serve until interrupted; all child processes end with it. Raise InputError when there are no runs to show."""
    if not (home / DATABASE).is_file():
        raise InputError("doctor.no_runs", home=home)
    mend_locations(home)
    chosen = free_port(port)
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    words = ["-m", "mlflow", "server", "--host", HOST, "--port", str(chosen), "--workers", "1"]
    stores = ["--backend-store-uri", database_uri(home), "--artifacts-destination", artifact_root(home), "--serve-artifacts"]
    tell(f"http://{HOST}:{chosen}")
    with ended_like_ctrl_c():
        process = subprocess.Popen([sys.executable, *words, *stores], env={**os.environ, **quiet}, start_new_session=os.name != "nt")
        try:
            process.wait()
        finally:
            _ended(process)


def _ended(process: "subprocess.Popen[bytes]") -> None:
    """End the server and the workers it started."""
    import signal

    if os.name == "nt":
        process.terminate()
    else:
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(process.pid, number)
                process.wait(timeout=5)
            except (ProcessLookupError, subprocess.TimeoutExpired):
                continue
    process.wait()
