"""The data of a sweep: prepared once as Arrow files, then mapped into every worker's memory, read-only."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

import polars as pl
import pyarrow as pa
from pydantic import TypeAdapter

from pipelines.backtest import Periods, attach
from pipelines.errors import InputError
from pipelines.result import Period
from pipelines.usecase import S, UseCase

DATA = "data"
CHUNK = 1 << 20
ROWS, FEATURES, TRUTH, PERIODS = "rows.arrow", "features.arrow", "truth.arrow", "periods.json"
WHOLE = "whole"  # beside the data of the workers: all rows, for the one comparison on the report period


@dataclass(frozen=True)
class Shared:
    """What every trial starts from.

    Parameters
    ----------
    rows
        The rows on their grid up to the day before the report period, before anything is derived: for parameters that change
        features. What a worker cannot read it cannot learn from.
    features
        The open rows with features as the untuned settings make them.
    truth
        Outcomes of the select period by which all trials are judged, or None where the data hold them as they are.
    """

    rows: pl.DataFrame
    features: pl.DataFrame
    truth: pl.DataFrame | None
    periods: Periods


def before(rows: pl.DataFrame, time: str, day: date) -> pl.DataFrame:
    """Return the rows of earlier days."""
    return rows.filter(pl.col(time).cast(pl.Date) < day)


def write_shared(folder: Path, shared: Shared, whole: pl.DataFrame) -> str:
    """Write the files uncompressed, so that they can be mapped; return the digest of those the workers read."""
    place = folder / DATA
    (folder / WHOLE).mkdir(parents=True)
    whole.write_ipc(folder / WHOLE / ROWS, compression="zstd")
    place.mkdir()
    for name, frame in ((ROWS, shared.rows), (FEATURES, shared.features), (TRUTH, shared.truth)):
        if frame is not None:
            frame.rechunk().write_ipc(place / name, compression="uncompressed", record_batch_size=frame.height or 1)
    dates = {name: [period["first"].isoformat(), period["last"].isoformat()] for name, period in asdict(shared.periods).items()}
    (place / PERIODS).write_bytes(TypeAdapter(dict[str, list[str]]).dump_json(dates, indent=1))
    return digest(folder)


def read_shared(folder: Path, expected: str) -> Shared:
    """Map the files into memory; raise InputError when they are not those the sweep was started with."""
    if digest(folder) != expected:
        raise InputError("sweep.other_data", folder=folder / DATA)
    place = folder / DATA
    dates = TypeAdapter(dict[str, list[date]]).validate_json((place / PERIODS).read_bytes())
    truth = place / TRUTH
    return Shared(
        rows=mapped(place / ROWS),
        features=mapped(place / FEATURES),
        truth=mapped(truth) if truth.is_file() else None,
        periods=Periods(**{name: Period(*days) for name, days in dates.items()}),
    )


def with_outcomes(case: UseCase[S], forecasts: pl.DataFrame, truth: pl.DataFrame | None) -> pl.DataFrame:
    """Return the forecasts beside the outcomes by which every candidate is judged; None: those the data hold."""
    if truth is None:
        return forecasts
    outcomes = [column for column in case.columns("outcome") if column in truth.columns]
    return attach(case, forecasts.drop(outcomes, strict=False), truth, outcomes)


def mapped(file: Path) -> pl.DataFrame:
    """Return the frame of an Arrow file as it lies in the page cache, which all workers of a node share (polars' own reader copies)."""
    import pyarrow.ipc  # noqa: F401 - a part of pyarrow that must be asked for

    table = pa.ipc.open_file(pa.memory_map(str(file))).read_all()
    return pl.DataFrame(table)


def digest(folder: Path) -> str:
    """Return the sha256 of all shared files."""
    found = hashlib.sha256()
    for file in _files(folder):
        found.update(file.name.encode())
        with file.open("rb") as content:
            while chunk := content.read(CHUNK):
                found.update(chunk)
    return found.hexdigest()


def _files(folder: Path) -> Sequence[Path]:
    return sorted((folder / DATA).glob("*.arrow")) + sorted((folder / DATA).glob("*.json"))
