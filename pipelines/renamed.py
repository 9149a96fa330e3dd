"""Settings that an earlier version called otherwise: an old settings.toml is read as if it had today's names, and one is told."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipelines.errors import InputError
from pipelines.texts import Lang, text


def todays(values: Mapping[str, Any], renamed: Mapping[str, str], file: Path | str) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the settings under today's names, and which earlier names were met (earlier -> today's, both dotted).

    Raises
    ------
    InputError
        A setting stands there under both names.
    """
    result, met = dict(values), {}
    for old, new in renamed.items():
        value = at(result, old)
        if value is None:
            continue
        if at(result, new) is not None:
            raise InputError("settings.renamed_twice", file=file, old=old, new=new)
        result, met[old] = _moved(result, old, new, value), new
    return result, met


def told(values: Mapping[str, Any], renamed: Mapping[str, str], file: Path | str, lang: Lang) -> list[str]:
    """Return a line for each setting that stands there under its earlier name."""
    return [text("settings.renamed", lang, file=file, old=old, new=new) for old, new in todays(values, renamed, file)[1].items()]


def refuse_gone(values: Mapping[str, Any], gone: Mapping[str, str], file: Path | str) -> None:
    """Raise InputError for a setting that there is no longer; it names the one that does its work today."""
    for old, instead in gone.items():
        if at(values, old) is not None:
            raise InputError("settings.gone_key", file=file, key=old, instead=instead)


def at(values: Any, dotted: str) -> Any:
    """Return what stands at a dotted name in nested dictionaries, None where nothing does."""
    for name in dotted.split("."):
        values = values.get(name) if isinstance(values, Mapping) else None
    return values


def _moved(values: Mapping[str, Any], old: str, new: str, value: Any) -> dict[str, Any]:
    return _put(_without(values, old.split(".")), new.split("."), value)


def _without(values: Mapping[str, Any], path: list[str]) -> dict[str, Any]:
    if len(path) == 1:
        return {name: value for name, value in values.items() if name != path[0]}
    return {**values, path[0]: _without(values[path[0]], path[1:])}


def _put(values: Mapping[str, Any], path: list[str], value: Any) -> dict[str, Any]:
    inner = value if len(path) == 1 else _put(values.get(path[0], {}), path[1:], value)
    return {**values, path[0]: inner}
