"""Options that several commands share, and groups of them."""

import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.errors import InputError
from pipelines.texts import Lang

if TYPE_CHECKING:
    from pipelines.work import Outcome, Request

CaseArgument = Annotated[str, typer.Argument(help="Built-in use case, or a folder with settings.toml.")]
DataOption = Annotated[Path | None, typer.Option("--data", help="File for the first table, or a folder with all files.")]
SettingsOption = Annotated[Path | None, typer.Option("--settings", help="Settings file (TOML).")]
ChangeOption = Annotated[list[str] | None, typer.Option("--set", help="Change a setting: costs.price_eur=3.1 (repeatable).")]
HomeOption = Annotated[Path, typer.Option("--home", help="Folder of all runs.")]
HOME = Path("mlruns")


def _placed(context: typer.Context, value: str) -> str:
    """Return the language stated with this command, else the one stated before it: musterwerk --lang de run ..."""
    stated = context.get_parameter_source("lang")
    if context.parent is None or (stated is not None and stated.name == "COMMANDLINE"):
        return value
    return str(context.parent.params.get("lang", value))


LangOption = Annotated[
    str, typer.Option("--lang", envvar="MUSTERWERK_LANG", callback=_placed, help="Language of report and messages: de or en.")
]
DebugOption = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON on stdout.")]


def speaks(group: typer.Typer) -> None:
    """Let a group of commands take --lang before the command's name; with nothing behind it, it shows its help."""

    @group.callback(invoke_without_command=True)
    def spoken(context: typer.Context, lang: LangOption = "en") -> None:
        if context.invoked_subcommand is None:
            typer.echo(context.get_help())


def checked(lang: str) -> Lang:
    """Return the language; raise InputError for another one than de and en."""
    if lang not in {"de", "en"}:
        raise InputError("cli.bad_lang", lang=lang)
    return "de" if lang == "de" else "en"


@dataclass(frozen=True)
class Common:
    """Options of every command that works on runs."""

    home: HomeOption = HOME
    lang: LangOption = "en"
    as_json: JsonOption = False
    debug: DebugOption = False  # read by `main`

    @property
    def language(self) -> Lang:
        """The language; raises InputError for an unknown one."""
        return checked(self.lang)

    def say(self, outcome: "Outcome") -> None:
        """Print what came out: for people, or as JSON."""
        shown = json.dumps(outcome.summary, ensure_ascii=False, indent=1, default=str) if self.as_json else outcome.message
        typer.echo(shown)


@dataclass(frozen=True)
class Inputs:
    """Options that say on which data and with which settings."""

    data: DataOption = None
    settings: SettingsOption = None
    change: ChangeOption = None

    def request(self, case: str, cases: Mapping[str, str], common: Common, *, audit: bool = False) -> "Request":
        """Return what is asked for."""
        from pipelines.work import Request

        changes = tuple(self.change or ())
        return Request(
            case=case,
            cases=cases,
            data=self.data,
            settings=self.settings,
            changes=changes,
            home=common.home,
            lang=common.language,
            audit=audit,
        )


def grouped(command: Callable[..., None]) -> Callable[..., None]:
    """Let a command take groups of options: a parameter whose type is a dataclass stands for its fields, after the command's own."""
    parameters = inspect.signature(command).parameters.values()
    groups: dict[str, Any] = {one.name: one.annotation for one in parameters if is_dataclass(one.annotation)}
    keyword = inspect.Parameter.KEYWORD_ONLY
    flat = [one.replace(kind=keyword) for one in parameters if one.name not in groups]
    for group in groups.values():
        flat += [inspect.Parameter(each.name, keyword, default=each.default, annotation=each.type) for each in fields(group)]

    @wraps(command)
    def called(**given: Any) -> None:
        made = {name: group(**{each.name: given.pop(each.name) for each in fields(group)}) for name, group in groups.items()}
        command(**given, **made)

    called.__signature__ = inspect.Signature(flat)  # type: ignore[attr-defined]
    called.__annotations__ = {one.name: one.annotation for one in flat}
    return called
