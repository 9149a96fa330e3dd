"""Folders that a command may be given in place of a use case: one's own with settings and code, or the card of a data set."""

import sys
from collections.abc import Iterable, Mapping
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

from pipelines.errors import InputError, Said
from pipelines.settings import CaseSettings, read_toml
from pipelines.usecase import UseCase

SETTINGS = "settings.toml"
CODE = "usecase.py"
CARD = "dataset.toml"


def settings_file(case: str, stated: Path | None, cases: Mapping[str, str]) -> Path | None:
    """Return the settings file to use: the stated one, or that of the folder named in place of a use case; None for a use case by name.

    Raises
    ------
    InputError
        The folder has no settings; the message says what to do with a folder of this kind.
    """
    folder = Path(case)
    if stated is not None or case in cases or not folder.is_dir():
        return stated
    if (folder / SETTINGS).is_file():
        return folder / SETTINGS
    if (folder / CARD).is_file():
        card = read_toml(folder / CARD)
        raise InputError(
            "cli.card_alone", folder=folder, title=card.get("title", folder.name), case=card.get("case", next(iter(cases), "-"))
        )
    raise InputError("cli.no_settings_there", folder=folder)


def refuse_card(folder: Path, files: Iterable[Path]) -> None:
    """Raise InputError where a folder holds the card and the settings of a data set, but none of its files: it says what to do."""
    named = list(files)
    if not named or not (folder / CARD).is_file() or any(file.exists() for file in named):
        return
    card = read_toml(folder / CARD)
    raise InputError("cli.card_without_data", folder=folder, title=card.get("title", folder.name), case=card.get("case", "-"))


def own_case(file: Path) -> UseCase[CaseSettings]:
    """Return CASE of a folder's own code.

    Raises
    ------
    InputError
        The file has no CASE, or cannot be imported; the message says where.
    """
    spec = spec_from_file_location(f"musterwerk_folder_{file.resolve().parent.name}", file)
    if spec is None or spec.loader is None:
        raise InputError("cli.own_code", file=file, problem=Said("cli.no_python", {}))
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # the user's own code may fail in any way
        raise InputError("cli.own_code", file=file, problem=f"{type(error).__name__}: {error}") from error
    found = getattr(module, "CASE", None)
    if not isinstance(found, UseCase):
        raise InputError("cli.own_code", file=file, problem=Said("cli.no_case_there", {}))
    return found
