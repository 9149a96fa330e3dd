"""The search space: what the use case lets a sweep change, as Optuna distributions and as settings."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from math import floor, log10
from typing import TYPE_CHECKING, Any, cast

import tomli_w

from pipelines.errors import InputError
from pipelines.settings import CaseSettings, load_settings, merged
from pipelines.usecase import Options, S, Span, UseCase

if TYPE_CHECKING:
    from optuna import Trial
    from optuna.distributions import BaseDistribution

Space = Mapping[str, Span | Options]
Value = str | float | int | bool
# they say what is judged and on which days, not how it is decided
FIXED = ("case", "data", "calendar", "seed", "threads", "periods.report_start", "periods.report_share", "periods.select_share")
DIGITS = 12


def search_space(case: UseCase[S], settings: S, wanted: Sequence[str]) -> dict[str, Span | Options]:
    """Return the parameters of the sweep: those the use case declares, or of them the `wanted` ones, `name` or `name=low:high`.

    The untuned value is always inside: a span that leaves it out is widened. A parameter without a value is left out unless it is
    `wanted`: the use case chooses it by itself. Raises InputError for a use case without a
    search space, an unknown parameter, bounds outside the setting's own, and a setting that has no value yet.
    """
    if not case.search:
        raise InputError("sweep.no_space", case=case.name)
    chosen: dict[str, Span | Options] = {}
    for word in wanted or case.search:
        name, _, bounds = word.partition("=")
        if not wanted and untuned(settings, name) is None:
            continue
        if name not in case.search:
            near = get_close_matches(name, case.search, n=1, cutoff=0.3)
            known = ", ".join(case.search)
            raise InputError("sweep.unknown_parameter", name=name, near=near[0] if near else next(iter(case.search)), known=known)
        if name in FIXED or name.startswith(("data.", "calendar.")):
            raise InputError("sweep.fixed_parameter", name=name)
        chosen[name] = _around(name, _narrowed(name, case.search[name], bounds), untuned(settings, name))
        for value in _ends(chosen[name]):
            changed(case, settings, {name: value})  # the setting's own bounds
    if not chosen:
        raise InputError("sweep.no_value", name=next(iter(case.search)))
    return chosen


def _narrowed(name: str, range_: Span | Options, bounds: str) -> Span | Options:
    if not bounds:
        return range_
    if isinstance(range_, Options):
        raise InputError("sweep.bounds_of_options", name=name, known=", ".join(map(str, range_.values)))
    low, colon, high = bounds.partition(":")
    try:
        narrowed = Span(float(low), float(high), range_.log, range_.whole, range_.unit)
    except ValueError:
        raise InputError("sweep.bad_bounds", name=name, bounds=bounds) from None
    if not colon or narrowed.low >= narrowed.high or (narrowed.log and narrowed.low <= 0):
        raise InputError("sweep.bad_bounds", name=name, bounds=bounds)
    return narrowed


def _around(name: str, range_: Span | Options, value: Any) -> Span | Options:
    if value is None:
        raise InputError("sweep.no_value", name=name)
    if isinstance(range_, Options):
        return range_ if value in range_.values else Options((value, *range_.values))
    return Span(min(range_.low, value), max(range_.high, value), range_.log, range_.whole, range_.unit)


def _ends(range_: Span | Options) -> Sequence[Value]:
    if isinstance(range_, Options):
        return range_.values
    return [int(end) if range_.whole else end for end in (range_.low, range_.high)]


def others(range_: Span | Options, value: Value) -> list[Value]:
    """Return values that differ from this one: the ends of a span, all other options."""
    return [end for end in _ends(range_) if end != value]


def untuned(settings: CaseSettings, name: str) -> Any:
    """Return the value of a dotted setting."""
    place: Any = settings.model_dump(mode="json")
    for part in name.split("."):
        if not isinstance(place, Mapping) or part not in place:
            raise InputError("sweep.no_setting", name=name)
        place = place[part]
    return place


def nested(params: Mapping[str, Value]) -> dict[str, Any]:
    """Return dotted parameters as nested tables."""
    tables: dict[str, Any] = {}
    for name, value in params.items():
        part: Any = value
        for key in reversed(name.split(".")):
            part = {key: part}
        tables = merged(tables, part)
    return tables


def changed(case: UseCase[S], settings: S, params: Mapping[str, Value]) -> S:
    """Return the settings with these parameters; raise InputError where one is out of the setting's bounds."""
    return load_settings(case.settings, settings.model_dump(mode="json", exclude_none=True), nested(params), file="sweep")


def fragment(params: Mapping[str, Value]) -> str:
    """Return the parameters as TOML to be put into a settings.toml."""
    shown = {name: float(f"{value:.6g}") if isinstance(value, float) else value for name, value in params.items()}
    return tomli_w.dumps(nested(shown))


def distribution(range_: Span | Options) -> "BaseDistribution":
    """Return the range as an Optuna distribution."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if isinstance(range_, Options):
        return CategoricalDistribution(range_.values)
    if range_.whole:
        return IntDistribution(int(range_.low), int(range_.high), log=range_.log)
    return FloatDistribution(range_.low, range_.high, log=range_.log)


def suggest(trial: "Trial", space: Space) -> dict[str, Value]:
    """Let the sampler choose every parameter."""
    found: dict[str, Value] = {}
    for name, range_ in space.items():
        if isinstance(range_, Options):
            found[name] = cast("Value", trial.suggest_categorical(name, range_.values))
        elif range_.whole:
            found[name] = trial.suggest_int(name, int(range_.low), int(range_.high), log=range_.log)
        else:
            found[name] = trial.suggest_float(name, range_.low, range_.high, log=range_.log)
    return found


def rounded(params: Mapping[str, Value], space: Space, digits: int) -> dict[str, Value]:
    """Return the parameters with as many significant digits as people write down, within their span."""

    def one(name: str, value: Value) -> Value:
        range_ = space[name]
        if isinstance(range_, Options) or not isinstance(value, float) or value == 0:
            return value
        near = round(value, digits - 1 - floor(log10(abs(value))))
        return min(max(near, range_.low), range_.high)

    return {name: one(name, value) for name, value in params.items()}
