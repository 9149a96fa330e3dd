"""The ready settings file: the use case's own example with its comments, the user's data in place of the example's."""

import re
from collections.abc import Mapping
from typing import Any

import tomli_w

from pipelines.texts import Lang, text
from pipelines.usecase import UseCase

EXAMPLE = "settings.toml"
_DATA = re.compile(r"^(# )?\[data\..*?(?=^\[(?!data\.)|\Z)", re.MULTILINE | re.DOTALL)
_HEAD = re.compile(r"\A(?:#[^\n]*\n)+")


def settings_toml(case: UseCase[Any], tables: Mapping[str, Mapping[str, Any]], lang: Lang = "en") -> str:
    """Return a settings.toml that reads the tables; values the example had invented for its own data are emptied and marked."""
    file = case.folder / EXAMPLE if case.folder else None
    example = file.read_text(encoding="utf-8") if file and file.is_file() else f'case = "{case.name}"\n'
    body = _HEAD.sub("", _DATA.sub("", example)).strip()
    for section, values in case.own_data.items():
        for name, value in values.items():
            body = _with_value(body, section, name, value)
    data = tomli_w.dumps({"data": {name: _plain(values) for name, values in tables.items()}})
    head = text("check.settings_head", lang, title=case.title.get(lang, case.name))
    return f"{head}\n{body}\n\n{text('check.settings_data', lang)}\n{data}"


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: list(value) if isinstance(value, tuple) else value for key, value in values.items() if value not in ({}, [], (), "", None)}


def _with_value(body: str, section: str, name: str, value: str) -> str:
    """Return the TOML text with `name` of a section set to another TOML value; the comment of the line stays."""
    pattern = re.compile(rf"(^\[{re.escape(section)}\][^\[]*?^{re.escape(name)}\s*=\s*)([^#\n]*?)(\s*(?:#[^\n]*)?$)", re.MULTILINE)
    return pattern.sub(lambda found: f"{found[1]}{value}{found[3]}", body, count=1)
