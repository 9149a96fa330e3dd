"""A folder for one's own data: settings, data, next steps, a smoke test, a schedule; made whole or not at all."""

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any
from uuid import uuid4

from pipelines.errors import InputError
from pipelines.folders import own_case
from pipelines.settings import load_settings, merged, read_toml
from pipelines.texts import Lang, text
from pipelines.understand import Understanding, understand
from pipelines.understand.write import settings_toml
from pipelines.usecase import UseCase

SETTINGS, README, CODE = "settings.toml", "README.md", "usecase.py"
TEMPLATES = {"smoke_test_{lang}.py": "smoke_test.py", "schedule_{lang}.md": "schedule.md"}
SCRATCH = "scratch"  # what `--from` calls the template of a use case of one's own


@dataclass(frozen=True)
class NewFolder:
    """What is wanted.

    Parameters
    ----------
    module
        Import path of the built-in use case to start from; empty: a use case of one's own, written into `usecase.py`.
    data
        Files to copy into the folder, the main table first or anywhere; none: the embedded example data are used.
    columns
        Table -> our column -> the file's header, where it is not to be guessed.
    values
        Settings as nested dictionaries, such as costs; they replace the example's.
    own_code
        Also write `usecase.py`, in which any part of the built-in use case can be replaced.
    """

    folder: Path
    module: str
    data: tuple[Path, ...] = ()
    columns: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)
    own_code: bool = False
    lang: Lang = "en"


@dataclass(frozen=True)
class Made:
    """What came of it: what was understood of the data, settings found in them, and what still stops a run, if anything does."""

    seen: Understanding
    found: Mapping[str, Any]
    problem: InputError | None


def new_folder(wish: NewFolder, case: UseCase[Any] | None) -> Made:
    """Make the folder; `case`: the built-in use case, None for one of one's own.

    Raises
    ------
    InputError
        The folder exists and is not empty, or the data cannot be read; nothing is written then.
    """
    folder = wish.folder.resolve()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError("new.exists", folder=folder)
    part = folder.with_name(f".{folder.name}.{uuid4().hex[:8]}.part")
    try:
        part.mkdir(parents=True)
        mine = case or _scratch(part, folder.name, wish.lang)
        made = _filled(part, folder.name, wish, mine)
        if folder.exists():
            folder.rmdir()
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return made


def _scratch(part: Path, name: str, lang: Lang) -> UseCase[Any]:
    """Write the template of a use case of one's own and its example settings; return the use case."""
    word = re.sub(r"\W+", "_", name.lower(), flags=re.ASCII).strip("_") or "my_case"
    values = {"case": word if word[0].isalpha() else f"case_{word}", "name": name.replace('"', "")}
    for template, file in (("scratch_usecase.py", CODE), (f"scratch_settings_{lang}.toml", SETTINGS)):
        (part / file).write_text(_template(template, values), encoding="utf-8", newline="\n")
    return own_case(part / CODE)


def _filled(part: Path, name: str, wish: NewFolder, case: UseCase[Any]) -> Made:
    stated = {table: {"columns": dict(columns)} for table, columns in wish.columns.items()}
    seen = understand(case, wish.data, wish.lang, stated) if wish.data else Understanding((), {}, {}, ())
    if seen.problems:
        raise seen.problems[0]
    found = case.own_settings(seen.loaded.tables) if case.own_settings and seen.loaded else {}
    toml = settings_toml(case, seen.tables, wish.lang, merged(found, wish.values))
    (part / SETTINGS).write_text(toml, encoding="utf-8", newline="\n")
    load_settings(case.settings, {"case": case.name}, read_toml(part / SETTINGS), file=SETTINGS)
    for source in wish.data:
        shutil.copyfile(source, part / source.name)
    values = {"name": name, "case": case.name, "title": case.title.get(wish.lang, case.name), "module": wish.module,
              "file": wish.data[0].name if wish.data else "-"}  # fmt: skip
    readme = "new.readme" if wish.module else "new.readme_scratch"
    (part / README).write_text(text(readme, wish.lang, **values), encoding="utf-8", newline="\n")
    for template, file in (TEMPLATES | ({CODE: CODE} if wish.own_code and wish.module else {})).items():
        (part / file).write_text(_template(template.format(lang=wish.lang), values), encoding="utf-8", newline="\n")
    return Made(seen, found, _problem(part, case, seen))


def _template(name: str, values: Mapping[str, str]) -> str:
    content = files(__package__ or "pipelines.scaffold").joinpath("templates", f"{name}.txt").read_text(encoding="utf-8")
    for key, value in values.items():
        content = content.replace(f"%{key}%", value)
    return content


def _problem(part: Path, case: UseCase[Any], seen: Understanding) -> InputError | None:
    """Return what would stop a run on the user's data: units, gaps, too short a history; None where nothing does."""
    from pipelines.backtest import split
    from pipelines.run import gridded

    if seen.loaded is None:
        return None
    settings = load_settings(case.settings, {"case": case.name}, read_toml(part / SETTINGS), file=SETTINGS)
    try:
        days = gridded(case, seen.loaded, settings)[case.time].dt.date()
        split(days.min(), days.max(), settings.periods, case.block)  # type: ignore[arg-type]
    except InputError as problem:
        return problem
    return None
