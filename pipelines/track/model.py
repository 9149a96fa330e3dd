"""The model in MLflow: plain files, a signature, pinned requirements, a registered version, perhaps the champion.

MLflow loads it through `_load_pyfunc` of this module, so only installed code runs: no pickle, no code out of the store.
"""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import polars as pl

from pipelines.environment import versions
from pipelines.evidence import MODEL_ROWS, load_model
from pipelines.result import Result

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.models import ModelSignature
    from mlflow.types import Schema

CHAMPION = "champion"
REQUIREMENTS = ("lightgbm", "mlflow", "numpy", "pandas", "polars", "pyarrow", "pydantic", "scikit-learn", "scipy", "skops")


def register(client: "MlflowClient", experiment: str, run_id: str, result: Result, folder: Path) -> str:
    """Store the model, register it under the use case's name and return its version.

    It becomes the champion when the whole interval of its saving on the select period lies above zero.
    """
    from mlflow.entities import LoggedModelOutput

    logged = client.create_logged_model(experiment, name=result.case, source_run_id=run_id)
    status: Literal["READY", "FAILED"] = "FAILED"
    try:
        with tempfile.TemporaryDirectory() as temporary:
            path = Path(temporary) / "model"
            _write(path, folder, result, str(logged.model_id), run_id)
            client.log_model_artifacts(logged.model_id, str(path))
        status = "READY"
    finally:
        client.finalize_logged_model(logged.model_id, status)
    client.log_outputs(run_id, models=[LoggedModelOutput(logged.model_id, step=0)])
    _make_registered(client, result.case)
    made = client.create_model_version(result.case, logged.artifact_location, run_id, model_id=logged.model_id)
    if result.select_saved.low is not None and result.select_saved.low > 0:
        client.set_registered_model_alias(result.case, CHAMPION, made.version)
    return str(made.version)


def _write(path: Path, folder: Path, result: Result, model_id: str, run_id: str) -> None:
    from mlflow import pyfunc
    from mlflow.models import Model

    pyfunc.save_model(
        path,
        loader_module=__name__,
        data_path=str(folder),
        mlflow_model=Model(model_id=model_id, model_uuid=model_id, run_id=run_id),
        signature=_signature(result),
        pip_requirements=[f"{package}=={version}" for package, version in versions(REQUIREMENTS).items()],
    )


def _make_registered(client: "MlflowClient", case: str) -> None:
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(case)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def _signature(result: Result) -> "ModelSignature":
    from mlflow.models import ModelSignature

    forecast = result.model.predict(result.train_rows).select(result.model.columns)
    return ModelSignature(_schema(result.train_rows), _schema(forecast))


def _schema(frame: pl.DataFrame) -> "Schema":
    """Return MLflow's schema; numbers are doubles, because pandas makes a column with a missing value one.

    MLflow does not take a whole 64-bit column for doubles, so these stay what they are unless a value is missing.
    """
    from mlflow.types import ColSpec, Schema
    from mlflow.types.schema import Array, DataType

    def named(column: pl.Series) -> "str | Array":
        kind = column.dtype
        if isinstance(kind, pl.Array | pl.List):
            return Array(DataType.double)
        if kind == pl.Boolean:
            return "boolean"
        if kind.is_temporal():
            return "datetime"
        if not kind.is_numeric():
            return "string"
        return "long" if kind in {pl.Int64, pl.UInt64} and column.null_count() == 0 else "double"

    return Schema([ColSpec(named(column), column.name) for column in frame.iter_columns()])


class _Served:
    """What MLflow asks for forecasts: a pandas frame in, the forecast columns out, in the same order."""

    def __init__(self, folder: Path) -> None:
        self.model, self.kinds = load_model(folder), pl.read_parquet_schema(folder / MODEL_ROWS)

    def predict(self, rows: Any) -> Any:
        frame = pl.from_pandas(rows)
        known = {name: kind for name, kind in self.kinds.items() if name in frame.columns}
        return self.model.predict(frame.cast(known)).select(self.model.columns).to_pandas()  # type: ignore[arg-type]


def _load_pyfunc(folder: str) -> _Served:
    """Load the model; MLflow finds this function by its name."""
    return _Served(Path(folder))
