"""A folder for one's own data: settings, data, next steps, a smoke test, a schedule; made whole or not at all."""

import shutil
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any
from uuid import uuid4

from pipelines.errors import InputError
from pipelines.texts import Lang, text
from pipelines.understand import Understanding, understand
from pipelines.understand.write import settings_toml
from pipelines.usecase import UseCase

SETTINGS, README, CODE = "settings.toml", "README.md", "usecase.py"
TEMPLATES = ("smoke_test.py", "schedule.md")


def new_folder(folder: Path, case: UseCase[Any], module: str, data: Sequence[Path], lang: Lang, *, own_code: bool = False) -> Understanding:
    """Make the folder and return what was understood of the data.

    Parameters
    ----------
    module
        Import path of the built-in use case, for own code that starts from it.
    data
        Files to copy into the folder, the main table first or anywhere; none: the embedded example data are used.
    own_code
        Also write `usecase.py`, in which any part of the use case can be replaced.

    Raises
    ------
    InputError
        The folder exists and is not empty, or the data cannot be used; nothing is written then.
    """
    folder = folder.resolve()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError("new.exists", folder=folder)
    seen = understand(case, data, lang) if data else Understanding((), {}, {}, ())
    if seen.problems:
        raise seen.problems[0]
    part = folder.with_name(f".{folder.name}.{uuid4().hex[:8]}.part")
    try:
        part.mkdir(parents=True)
        (part / SETTINGS).write_text(settings_toml(case, seen.tables, lang), encoding="utf-8", newline="\n")
        for file in data:
            shutil.copyfile(file, part / file.name)
        for name, content in _texts(folder, case, module, data, lang, own_code=own_code).items():
            (part / name).write_text(content, encoding="utf-8", newline="\n")
        if folder.exists():
            folder.rmdir()
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return seen


def _texts(folder: Path, case: UseCase[Any], module: str, data: Sequence[Path], lang: Lang, *, own_code: bool) -> dict[str, str]:
    values = {"name": folder.name, "case": case.name, "title": case.title.get(lang, case.name), "module": module,
              "file": data[0].name if data else "-"}  # fmt: skip
    here = files(__package__ or "pipelines.scaffold")
    found = {README: text("new.readme", lang, **values)}
    for name in (*TEMPLATES, *((CODE,) if own_code else ())):
        template = here.joinpath("templates", f"{name}.txt").read_text(encoding="utf-8")
        for key, value in values.items():
            template = template.replace(f"%{key}%", value)
        found[name] = template
    return found
