"""Find English left in German output: any English text of the catalogues, of a schema, a setting or an option, and English words."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from string import Formatter
from typing import Any, get_args

import typer
from pydantic import BaseModel

import pipelines
from pipelines.cli import application
from pipelines.texts import catalogue
from tests.untranslated import ENGLISH
from usecases.__main__ import built_in

AREAS = sorted(file.stem for file in (Path(pipelines.__file__).parent / "texts" / "en").glob("*.toml"))
LEAST_WORDS = 3
MARK = "\x00"  # in place of what fills a text


def pieces(template: str, forms: bool = False) -> list[str]:
    """The fixed parts of a text between its placeholders; of two forms for one and for several, the one for several."""
    parts = [(fixed, spec) for fixed, _, spec, _ in Formatter().parse(template)] if not forms else [(template, "")]
    said = "".join(fixed + (spec.partition("|")[2] if spec and "|" in spec else MARK) for fixed, spec in parts)
    lines = (" ".join(line.split()) for part in said.split(MARK) for line in part.splitlines())
    return [line for line in lines if line]


def telling(piece: str) -> bool:
    """Whether a piece is long enough to be of one language alone."""
    return len(re.findall(r"[A-Za-zÄÖÜäöüß]{2,}", piece)) >= LEAST_WORDS


def described(kind: type[BaseModel], seen: set[type[BaseModel]]) -> Iterator[str]:
    """The descriptions of settings, nested ones included."""
    seen.add(kind)
    for field in kind.model_fields.values():
        yield field.description or ""
        for part in (field.annotation, *get_args(field.annotation)):
            if isinstance(part, type) and issubclass(part, BaseModel) and part not in seen:
                yield from described(part, seen)


def helps(command: Any) -> Iterator[str]:
    """The help of a command, its options, and all commands below."""
    yield from (command.help or "").partition("\n\n")[:1]
    yield from (parameter.help or "" for parameter in command.params)
    for inner in getattr(command, "commands", {}).values():
        yield from helps(inner)


@cache
def english() -> Mapping[str, str]:
    """Every English piece that may not appear in German output -> where it is from."""
    german = "\n".join(" ".join(text.split()) for area in AREAS for text in catalogue(area, "de").values())
    found = {piece: f"{area}.{key}" for area in AREAS for key, text in catalogue(area, "en").items() for piece in pieces(text)}
    for name, module in built_in().items():
        case = import_module(module).CASE
        schemas = [case.schema, *case.tables.values()]
        found |= {
            piece: f"schema of {name}" for schema in schemas for column in schema.values() for piece in pieces(column.doc, forms=True)
        }
        found |= {piece: f"settings of {name}" for text in described(case.settings, set()) for piece in pieces(text, forms=True)}
    root = typer.main.get_command(application(built_in()))
    found |= {piece: "help" for text in helps(root) for piece in pieces(text, forms=True)}
    return {piece: where for piece, where in found.items() if telling(piece) and piece not in german}


def english_words(said: str) -> list[str]:
    """English words of a message; settings, commands and quoted words of the user do not count."""
    said = re.sub(r"(Hier bekannt|Eingebaut): .*", "", said)  # names of settings and use cases
    plain = re.sub(r"'[^']*'|`[^`]*`|\"[^\"]*\"|\S*[_./=]\S*|--[\w-]+", " ", said)
    return ENGLISH.findall(plain.lower())


def texts_left(said: str) -> list[str]:
    """The English texts of ours that stand in German output."""
    plain = " ".join(said.split())
    return [f"{where}: {piece}" for piece, where in english().items() if piece in plain]


def left_over(said: str) -> list[str]:
    """What is English in German output: a text of ours, or a line with more than one English word (one may be the name of a column)."""
    return texts_left(said) + [line for line in said.splitlines() if len(set(english_words(line))) > 1]
