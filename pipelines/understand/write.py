"""The ready settings file: the use case's own example with its comments, the user's data in place of the example's."""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomli_w

from pipelines.texts import Lang, text
from pipelines.usecase import UseCase

EXAMPLE, COMMENTS = "settings.toml", "comments_{lang}.toml"
_DATA = re.compile(r"^(# )?\[data\..*?(?=^\[(?!data\.)|\Z)", re.MULTILINE | re.DOTALL)
_COMMENT = re.compile(r"# ([^#\n]+)$", re.MULTILINE)
_HEAD = re.compile(r"\A(?:#[^\n]*\n)+")


def settings_toml(
    case: UseCase[Any], tables: Mapping[str, Mapping[str, Any]], lang: Lang = "en", own: Mapping[str, Any] | None = None
) -> str:
    """Return a settings.toml that reads the tables; values the example had invented for its own data are emptied and marked.

    `own`: values known of this user, as nested dictionaries; they replace the example's, the comments of their lines stay.
    """
    file = case.folder / EXAMPLE if case.folder else None
    example = file.read_text(encoding="utf-8") if file and file.is_file() else f'case = "{case.name}"\n'
    body = _HEAD.sub("", _DATA.sub("", example)).strip()
    if tables:
        for section, values in case.own_data.items():
            for name, value in values.items():
                body = _replaced(body, section, name, value)
    body = with_values(body, own or {})
    if case.folder:
        body = translated(body, case.folder / COMMENTS.format(lang=lang))
    head = text("check.settings_head", lang, title=case.title.get(lang, case.name))
    if not tables:
        return f"{head}\n{body}\n"
    data = tomli_w.dumps({"data": {name: _plain(values) for name, values in tables.items()}})
    return f"{head}\n{body}\n\n{text('check.settings_data', lang)}\n{data}"


def translated(body: str, words: Path) -> str:
    """Return the TOML text with the comments that the file `words` knows (comment = translation); without the file, as it is."""
    known = tomllib.loads(words.read_text(encoding="utf-8")) if words.is_file() else {}
    return _COMMENT.sub(lambda found: f"# {known.get(found[1], found[1])}", body)


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: list(value) if isinstance(value, tuple) else value for key, value in values.items() if value not in ({}, [], (), "", None)}


def with_values(body: str, values: Mapping[str, Any]) -> str:
    """Return the TOML text with nested values put in: a single one in its line, a table of tables (vehicles by name) as a whole."""
    for section, part in values.items():
        if not isinstance(part, Mapping):
            body = _put(body, "", section, part)
        elif any(isinstance(value, Mapping) for value in part.values()):
            blocks = re.compile(rf"^\[{re.escape(section)}\..*?(?=^\[(?!{re.escape(section)}\.)|\Z)", re.MULTILINE | re.DOTALL)
            body = f"{blocks.sub('', body).strip()}\n\n{tomli_w.dumps({section: dict(part)}).strip()}"
        else:
            for name, value in part.items():
                body = _put(body, section, name, value)
    return body


def _put(body: str, section: str, name: str, value: Any) -> str:
    """Return the text with one value set: in its line, else as the first of its section, else in a new section at the end."""
    line = tomli_w.dumps({name: value}).strip()
    changed = _replaced(body, section, name, line.partition("=")[2].strip())
    if changed != body or not section:
        return changed if changed != body or re.search(rf"^{re.escape(name)}\s*=", body, re.MULTILINE) else f"{line}\n{body}"
    if re.search(rf"^\[{re.escape(section)}\][^\[]*?^{re.escape(name)}\s*=", body, re.MULTILINE):
        return body  # it has this value already
    if re.search(rf"^\[{re.escape(section)}\]", body, re.MULTILINE):
        return re.sub(rf"(^\[{re.escape(section)}\][^\n]*\n)", lambda found: f"{found[1]}{line}\n", body, count=1, flags=re.MULTILINE)
    return f"{body}\n\n[{section}]\n{line}"


def _replaced(body: str, section: str, name: str, value: str) -> str:
    """Return the TOML text with `name` of a section set to another TOML value, or its line left out; the comment of the line stays."""
    start = rf"^\[{re.escape(section)}\][^\[]*?" if section else r"\A[^\[]*?"
    pattern = re.compile(rf"({start}^)({re.escape(name)}\s*=\s*)([^#\n]*?)(\s*(?:#[^\n]*)?$)", re.MULTILINE)
    if not value:
        return re.sub(rf"({start}^){re.escape(name)}\s*=[^\n]*\n?", lambda found: found[1], body, count=1, flags=re.MULTILINE)
    return pattern.sub(lambda found: f"{found[1]}{found[2]}{value}{found[4]}", body, count=1)
