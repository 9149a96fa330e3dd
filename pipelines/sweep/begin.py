"""Begin a sweep: read the data once, judge the untuned settings, see what each parameter touches, write the folder as a whole."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any
from uuid import uuid4

from pipelines.backtest import split
from pipelines.environment import git_state, versions
from pipelines.errors import InputError
from pipelines.folders import CODE
from pipelines.result import DataFacts
from pipelines.run import data_facts, featured, gridded
from pipelines.settings import CaseSettings, load_settings
from pipelines.sweep import guard, study
from pipelines.sweep.journal import require_usable
from pipelines.sweep.objective import Aim, Judged, folds, judge
from pipelines.sweep.probe import makes_features, moves_forecast, require_untouched_judge
from pipelines.sweep.shared import Shared, before, write_shared
from pipelines.sweep.space import Space, Value, search_space, untuned
from pipelines.sweep.spec import OWN_CODE, PACKAGES, Spec, sweep_folder, write_spec
from pipelines.sweep.worker import Told, Trial
from pipelines.usecase import UseCase
from pipelines.work import Request, choose_settings, load, make_home


@dataclass(frozen=True)
class Wish:
    """What the user wants swept; an empty name, no units and no parameters leave the choice to us."""

    request: Request
    name: str = ""
    trials: int = 50
    workers: int = 1
    threads: int = 1
    seed: int = 1
    forecast: bool = False
    units: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()
    prune: bool = False
    storage: str = ""
    lead_seconds: float = 120


@dataclass(frozen=True)
class Begun:
    """A sweep's folder, and what came out of the untuned settings."""

    folder: Path
    spec: Spec
    folds: int
    left_out: tuple[str, ...] = ()  # settings that cannot move what is minimised
    unset: tuple[str, ...] = ()  # settings without a value, which the use case chooses by itself


def begin(wish: Wish) -> Begun:
    """Make the sweep's folder with its data, its study of N places and trial 0; nothing is left behind when it cannot be made.

    Raises
    ------
    InputError
        A name in use, an unknown parameter, one that changes the judge, too few days, a storage that cannot be used, no parameter
        that moves the forecast when its error is to be minimised.
    """
    require_usable(wish.storage)
    chosen = choose_settings(wish.request)
    case = chosen.case
    settings = load_settings(case.settings, chosen.settings.model_dump(mode="json", exclude_none=True), {"threads": wish.threads})
    wished = search_space(case, settings, wish.parameters)
    folder = sweep_folder(wish.request.home, wish.name or f"{case.name}-{datetime.now(UTC):%Y%m%d-%H%M%S}")
    if folder.exists():
        raise InputError("sweep.exists", folder=folder, name=folder.name)
    if wish.prune and len(wish.units) > 1:
        raise InputError("sweep.prune_pareto")
    make_home(wish.request.home)
    loaded = load(chosen, wish.request.data, wish.request.lang)
    rows = gridded(case, loaded, settings)
    facts = data_facts(case, loaded, rows, settings)
    periods = split(facts.first, facts.last, settings.periods, case.block)
    seen = before(rows, case.time, periods.report.first)
    start = Shared(seen, featured(case, case.prepare(seen, settings), settings), None, periods)
    aim = Aim(wish.units, wish.forecast)
    began = monotonic()
    plain = judge(case, start, settings, aim, fresh=False)
    seconds = monotonic() - began
    made_anew = makes_features(case, seen, settings, wished)
    space = moves_forecast(case, settings, wished, made_anew) if wish.forecast else wished
    require_untouched_judge(case, plain.forecasts, settings, space)
    shared = Shared(seen, start.features, _truth(case, plain), periods)
    with _new_folder(folder) as place:
        digest = write_shared(place, shared, rows)
        if (own := Path(wish.request.case) / CODE).is_file():
            (place / OWN_CODE).mkdir()
            shutil.copyfile(own, place / OWN_CODE / CODE)
        units = wish.units or tuple(column for column in plain.ledger.columns if column not in {case.time, *case.keys})[:1]
        spec = Spec(
            name=folder.name,
            units=units,
            objective="forecast" if wish.forecast else "decision",
            space=space,
            makes_features=tuple(name for name in made_anew if name in space),
            trial_seconds=round(seconds, 3),
            data_digest=digest,
            settings=settings.model_dump(mode="json", exclude_none=True),
            **_plainly(wish, case, facts),
        )
        write_spec(place, spec)
        worth = study.Worth(plain.values, plain.figures, guard.block_costs(case, plain.ledger, units[0]))
        study.create(place, spec, {name: untuned(settings, name) for name in space}, worth)
    unset = () if wish.parameters else tuple(name for name in case.search if name not in wished)
    return Begun(folder, spec, folds(shared, settings), tuple(name for name in wished if name not in space), unset)


def _plainly(wish: Wish, case: UseCase[CaseSettings], facts: DataFacts) -> dict[str, Any]:
    """Return what the specification takes over as it is."""
    commit = git_state(Path(__file__).parent)
    return {
        "case": case.name,
        "trials": wish.trials,
        "workers": wish.workers,
        "threads": wish.threads,
        "seed": wish.seed,
        "prune": wish.prune,
        "storage": wish.storage,
        "lead_seconds": wish.lead_seconds,
        "data_source": facts.source,
        "versions": versions(PACKAGES),
        "commit": commit.commit if commit else "",
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _truth(case: UseCase[CaseSettings], plain: Judged) -> Any:
    """Return the outcomes by which all trials are judged: estimated ones must not move with the forecast that is judged by them."""
    if case.hindsight is None:
        return None
    columns = [case.time, *case.keys, *case.columns("outcome")]
    return plain.forecasts.select(column for column in columns if column in plain.forecasts.columns)


@contextmanager
def _new_folder(folder: Path) -> Iterator[Path]:
    """Make a folder under another name and give it its own when it is complete."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    place = folder.parent / f".{folder.name}.{uuid4().hex[:8]}.part"
    place.mkdir()
    try:
        yield place
        place.rename(folder)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def judged_trial(case: UseCase[CaseSettings], spec: Spec, settings: CaseSettings, shared: Shared) -> Trial:
    """Return the function that a worker calls for every trial: parameters -> what came out."""
    from pipelines.sweep.space import changed

    space: Space = spec.space
    aim = Aim(spec.units, spec.objective == "forecast")

    def trial(params: Mapping[str, Value], told: Told | None) -> study.Worth:
        fresh = any(params[name] != untuned(settings, name) for name in spec.makes_features)
        found = judge(case, shared, changed(case, settings, {name: params[name] for name in space}), aim, fresh, told)
        return study.Worth(found.values, found.figures, guard.block_costs(case, found.ledger, spec.units[0]))

    return trial
