"""Write docs/reference/settings.md from the settings classes: `python docs/reference/make_settings.py`."""

import types
from collections.abc import Iterator
from datetime import date
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from pipelines.settings import CaseSettings
from usecases.__main__ import built_in

PAGE = Path(__file__).with_name("settings.md")
HEAD = """# Settings

<!-- made by docs/reference/make_settings.py: change the classes, not this page -->

All settings stand in one TOML file, usually `settings.toml`; `--set section.key=value` changes one for a single run. An unknown key is an
error that names the closest known one; a value out of bounds is an error that names the bound. Settings do not change during a run, and
every run folder holds a copy of all of them, defaults included.
"""
WORDS = {str: "text", int: "whole number", float: "number", bool: "true or false", date: "date"}
BOUNDS = {"gt": ">", "ge": "≥", "lt": "<", "le": "≤"}


def kind(hint: Any) -> str:
    """Return a type in words."""
    origin, parts = get_origin(hint), [part for part in get_args(hint) if part not in (type(None), Ellipsis)]
    if origin is Literal:
        return " or ".join(f'`"{part}"`' for part in parts)
    if origin in (Union, types.UnionType):
        return " or ".join(kind(part) for part in parts)
    if origin is tuple:
        return f"list of {kind(parts[0])}s"
    if origin is dict:
        return f"table: name = {kind(parts[1])}"
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        return "table with " + ", ".join(f"`{name}`" for name in hint.model_fields)
    return WORDS[hint]


def shown(field: FieldInfo) -> str:
    """Return a default as TOML writes it."""
    value = field.get_default(call_default_factory=True, validated_data={})
    if value is PydanticUndefined:
        return "**required**"
    if value is None:
        return "none"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        return f"`[{', '.join(f'{part!r}' for part in value)}]`"
    if isinstance(value, str):
        return f'`"{value}"`'
    return "`{}`" if value == {} else f"`{value}`"


def bounds(field: FieldInfo) -> str:
    """Return the bounds of a number."""
    found = [f"{sign} {getattr(rule, name):g}" for rule in field.metadata for name, sign in BOUNDS.items() if hasattr(rule, name)]
    return ", ".join(found)


def nested(field: FieldInfo) -> tuple[str, type[BaseModel]] | None:
    """Return how a section's heading ends and its class, or None for a plain key."""
    hint = field.annotation
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        return "", hint
    parts = get_args(hint)
    if get_origin(hint) is dict and isinstance(parts[1], type) and issubclass(parts[1], BaseModel):
        return ".<name>", parts[1]
    return None


def meaning(model: type[BaseModel], name: str, field: FieldInfo) -> str:
    """Return a key's description; a key that overrides one of another section points there."""
    if field.description:
        return field.description
    for section, other in model.model_fields.items():
        inside = nested(other)
        if inside and not inside[0] and name in inside[1].model_fields:
            return f"as `{section}.{name}`, for this one alone"
    return ""


def table(model: type[BaseModel], owner: type[BaseModel], names: list[str]) -> Iterator[str]:
    """Yield the lines of one table of keys."""
    yield from ("| key | type | default | bounds | meaning |", "|---|---|---|---|---|")
    for name in names:
        field = model.model_fields[name]
        said = meaning(owner, name, field).replace("|", r"\|")
        yield f"| `{name}` | {kind(field.annotation)} | {shown(field)} | {bounds(field)} | {said} |"


def sections(model: type[BaseModel], names: list[str]) -> Iterator[str]:
    """Yield the plain keys of a class, then one heading and table per section."""
    plain = [name for name in names if not nested(model.model_fields[name])]
    if plain:
        yield from ("", "### At the top of the file", "", *table(model, model, plain))
    for name in names:
        inside = nested(model.model_fields[name])
        if inside:
            described = model.model_fields[name].description
            text = (inside[1].__doc__ or "").strip() + (f" `{name}` holds {described}." if described else "")
            yield from ("", f"### `[{name}{inside[0]}]`", "", text, "", *table(inside[1], model, list(inside[1].model_fields)))


def page() -> str:
    """Return the whole page."""
    shared = list(CaseSettings.model_fields)
    lines = [HEAD, "## Shared by all use cases", *sections(CaseSettings, shared)]
    for name, module in built_in().items():
        model = import_module(module).CASE.settings
        lines += ["", f"## `{name}`", *sections(model, [key for key in model.model_fields if key not in shared])]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8", newline="\n")
