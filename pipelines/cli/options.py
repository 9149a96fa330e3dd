"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

from pipelines.errors import InputError
from pipelines.texts import Lang

CaseArgument = Annotated[str, typer.Argument(help="Built-in use case, or a folder with settings.toml.")]
DataOption = Annotated[Path | None, typer.Option("--data", help="File for the first table, or a folder with all files.")]
SettingsOption = Annotated[Path | None, typer.Option("--settings", help="Settings file (TOML).")]
ChangeOption = Annotated[list[str] | None, typer.Option("--set", help="Change a setting: costs.price_eur=3.1 (repeatable).")]
HomeOption = Annotated[Path, typer.Option("--home", help="Folder of all runs.")]
HOME = Path("mlruns")
LangOption = Annotated[str, typer.Option("--lang", envvar="MUSTERWERK_LANG", help="Language of report and messages: de or en.")]
DebugOption = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON on stdout.")]


def checked(lang: str) -> Lang:
    """Return the language; raise InputError for another one than de and en."""
    if lang not in {"de", "en"}:
        raise InputError("cli.bad_lang", lang=lang)
    return "de" if lang == "de" else "en"
