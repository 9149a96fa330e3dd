"""What the tests of MLflow share: a run recorded in a home of its own, and what the store holds."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from pipelines.environment import Environment
from pipelines.evidence import write_run
from pipelines.track import TrackedRun, log_run, store
from tests.toy_result import toy_result

MACHINE = Environment("3.11.7", "Linux", 2, {"polars": "2.1.0"}, None, None)


def client(home: Path):
    from mlflow import MlflowClient

    return MlflowClient(store.database_uri(home), store.database_uri(home))


def aliases(home: Path) -> dict[str, str]:
    return {alias: str(version) for alias, version in client(home).get_registered_model("food_waste").aliases.items()}


def logged(home: Path, name: str = "first", **changes: Any) -> TrackedRun:
    result = replace(toy_result(), **changes)
    return log_run(result, write_run(result, home, name, {"duration": "2.5"}, {"report.html": "<p>"}, MACHINE), home)
