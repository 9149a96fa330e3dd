"""What a sweep is, written once into its folder: use case, settings, search space, seed, data and versions."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, TypeAdapter, ValidationError

from pipelines.environment import versions
from pipelines.errors import InputError
from pipelines.folders import CODE, own_case
from pipelines.settings import CaseSettings, Frozen, load_settings
from pipelines.usecase import Options, Span, UseCase
from pipelines.work import find_case

SWEEPS = "sweeps"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,79}")
PACKAGES = ("musterwerk", "lightgbm", "numpy", "optuna", "polars", "scikit-learn", "scipy")  # what a trial's value depends on
Objective = Literal["decision", "forecast"]


class SamplerSettings(Frozen):
    """Optuna's TPE sampler, every option stated: defaults differ between versions of Optuna."""

    first: int = Field(10, description="points drawn beforehand, the untuned settings among them: the same whatever the number of workers")
    multivariate: bool = True
    constant_liar: bool = True
    candidates: int = 24


class Spec(Frozen):
    """One sweep, as `sweep.json` holds it."""

    name: str
    case: str = Field(description="name of the use case; usecase.py beside this file is used where there is one")
    trials: int = Field(description="completed trials wished for, the untuned settings among them", ge=2)
    workers: int = Field(ge=1)
    threads: int = Field(ge=1, description="threads per worker")
    seed: int = Field(ge=0, description="base of the samplers' seeds; each worker adds its own number")
    objective: Objective = "decision"
    units: tuple[str, ...] = Field(description="ledger columns that are minimised; two or more: the Pareto set is kept")
    prune: bool = False
    storage: str = Field("", description="database URL; empty: the journal in this folder")
    sampler: SamplerSettings = SamplerSettings()
    settings: dict[str, Any]
    space: dict[str, Span | Options]
    makes_features: tuple[str, ...] = Field((), description="parameters that change rows or features: these are made anew then")
    trial_seconds: float = Field(description="time of one trial with the untuned settings, seconds")
    lead_seconds: float = Field(120, description="before a job's time limit no trial is begun that would not end this much earlier", ge=0)
    data_digest: str = Field(description="sha256 of the shared files")
    data_source: str
    versions: dict[str, str]
    commit: str = ""
    created: str


@dataclass(frozen=True)
class Sweep:
    """A sweep's folder with its specification, use case and untuned settings."""

    folder: Path
    spec: Spec
    case: UseCase[CaseSettings]
    settings: CaseSettings

    @property
    def directions(self) -> int:
        """Number of values a trial has."""
        return len(self.spec.units) if self.spec.objective == "decision" else 1


SPEC, JOURNAL, OWN_CODE = "sweep.json", "journal.log", "case"
ADAPTER = TypeAdapter(Spec)


def sweep_folder(home: Path, name: str) -> Path:
    """Return the folder of a sweep by its name; raise InputError for a name that is no plain word."""
    if not NAME.fullmatch(name):
        raise InputError("sweep.bad_name", name=name)
    return home / SWEEPS / name


def write_spec(folder: Path, spec: Spec) -> None:
    """Write `sweep.json` as a whole or not at all."""
    file = folder / SPEC
    unfinished = file.with_name(f".{SPEC}.{os.getpid()}.part")
    unfinished.write_bytes(ADAPTER.dump_json(spec, indent=1))
    unfinished.replace(file)


def read_spec(folder: Path) -> Spec:
    """Return the specification; raise InputError naming the sweeps there are when this one is missing or cannot be read."""
    try:
        return ADAPTER.validate_json((folder / SPEC).read_bytes())
    except FileNotFoundError:
        known = sorted(file.parent.name for file in folder.parent.glob(f"*/{SPEC}"))
        raise InputError("sweep.none", folder=folder, known=", ".join(known) or "-") from None
    except ValidationError as error:
        raise InputError("sweep.unreadable", file=folder / SPEC, problem=str(error.errors()[0]["msg"])) from None


def open_sweep(folder: Path, cases: Mapping[str, str]) -> Sweep:
    """Return a sweep with its use case: the code that was copied into its folder, or else the built-in one."""
    spec = read_spec(folder)
    code = folder / OWN_CODE / CODE
    case = own_case(code) if code.is_file() else find_case(spec.case, cases)
    return Sweep(folder, spec, case, load_settings(case.settings, spec.settings, file=folder / SPEC))


def require_same_versions(spec: Spec) -> None:
    """Raise InputError when a package a trial's value depends on has another version than the sweep was started with."""
    here = versions(PACKAGES)
    for package, wanted in spec.versions.items():
        if here.get(package) != wanted:
            raise InputError("sweep.other_version", package=package, wanted=wanted, found=here.get(package, "-"))
