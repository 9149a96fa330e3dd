"""What all tests share: visible data, an MLflow home of their own, no way out to a network."""

import os
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

# before anything heavy is imported, and for the processes that tests start
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ["OMP_WAIT_POLICY"] = "passive"
os.environ.pop("MLFLOW_TRACKING_URI", None)
os.environ.pop("MLFLOW_REGISTRY_URI", None)

import hypothesis
import pytest

ROOT = Path(__file__).parents[1]
LOOPBACK = ("127.", "::1", "localhost")

hypothesis.settings.register_profile("repeatable", deadline=None, derandomize=True, database=None, print_blob=False)
hypothesis.settings.load_profile("repeatable")


def program(*names: str) -> str:
    """Return the path of an installed program; skip the test where there is none, but never in CI, which installs what it needs."""
    found = next((path for name in names if (path := shutil.which(name))), None)
    if found is None:
        missing = f"{names[0]} is not installed"
        if os.environ.get("CI"):
            pytest.fail(f"{missing}, and .ci/run should have installed it")
        pytest.skip(missing)
    return found


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of visible real data: MUSTERWERK_SHARED, or `shared` beside the repository."""
    named = os.environ.get("MUSTERWERK_SHARED")
    folder = Path(named) if named else ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip(f"no visible real data: MUSTERWERK_SHARED is {named!r} and {folder.name}/ does not stand beside the repository")
    return folder


@pytest.fixture(autouse=True)
def network_attempts(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Refuse connections beyond this machine and fail the test that tried: no test may need one, nothing tested may try."""
    attempts: list[str] = []

    def guarded(connect: Callable[[socket.socket, Any], Any]) -> Callable[[socket.socket, Any], Any]:
        def loopback_only(self: socket.socket, address: Any) -> Any:
            if isinstance(address, tuple) and not str(address[0]).startswith(LOOPBACK):
                attempts.append(str(address[0]))
                raise ConnectionRefusedError(f"tests reach nothing beyond this machine: {address[0]}")
            return connect(self, address)

        return loopback_only

    monkeypatch.setattr(socket.socket, "connect", guarded(socket.socket.connect))
    monkeypatch.setattr(socket.socket, "connect_ex", guarded(socket.socket.connect_ex))
    yield attempts
    assert not attempts, f"tried to reach {attempts}"


@pytest.fixture(scope="session")
def mlflow_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty MLflow database, made once for all workers: its migrations take seconds, and two at once crash."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "mlflow-template"
    ready = folder / "mlflow.db"
    try:
        folder.mkdir()
    except FileExistsError:
        deadline = time.monotonic() + 300
        while not ready.is_file() and time.monotonic() < deadline:
            time.sleep(0.1)
        assert ready.is_file(), "the other worker made no MLflow database"
        return ready
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    building = folder / "building.db"
    SqlAlchemyStore(f"sqlite:///{building.as_posix()}", (folder / "artifacts").as_posix()).engine.dispose()
    return building.rename(ready)


@pytest.fixture
def mlflow_home(mlflow_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh `mlruns` folder with an empty database; its parent is the working folder of the test."""
    home = tmp_path / "mlruns"
    home.mkdir()
    shutil.copyfile(mlflow_template, home / "mlflow.db")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    return home
