"""The command line: results on stdout, talk and progress on stderr.

Exit codes: 0 fine, 1 our bug, 2 bad input, 3 a gate is not met, 130 interrupted.
"""

import json
import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Annotated

import typer

from pipelines import __version__
from pipelines.errors import InputError, MusterwerkError
from pipelines.texts import Lang, text

INTERRUPTED = 130


def main(cases: Mapping[str, str], argv: Sequence[str] | None = None) -> int:
    """Run the command line over the built-in use cases (name -> import path); return the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    lang = _language(words)
    try:
        command = typer.main.get_command(application(cases))
        code = command.main(words, prog_name="musterwerk", standalone_mode=False)
    except KeyboardInterrupt:
        code = INTERRUPTED
    except MusterwerkError as error:
        if "--debug" in words:
            traceback.print_exc()
        return _say(error.render(lang), error.exit_code)
    except Exception as error:  # noqa: BLE001 - nobody shall meet a traceback without --debug
        if hasattr(error, "format_message"):  # click's errors on wrong options
            return _say(f"{error.format_message()}\n{text('cli.see_help', lang)}", InputError.exit_code)
        if "--debug" in words:
            traceback.print_exc()
        return _say(text("cli.bug", lang, kind=type(error).__name__, problem=error), 1)
    if code == INTERRUPTED:  # typer turns Ctrl-C within a command into this code
        return _say(text("cli.interrupted", lang), INTERRUPTED)
    return code if isinstance(code, int) else 0


def _say(message: str, code: int) -> int:
    sys.stderr.write(message.rstrip() + "\n")
    return code


def _language(words: Sequence[str]) -> Lang:
    """Return the language before the options are parsed: errors about options speak it, too."""
    stated = [after for word, after in pairwise(words) if word == "--lang"]
    stated += [word.removeprefix("--lang=") for word in words if word.startswith("--lang=")]
    wanted = stated[-1] if stated else os.environ.get("MUSTERWERK_LANG", "en")
    return "de" if wanted == "de" else "en"


LangOption = Annotated[str, typer.Option("--lang", envvar="MUSTERWERK_LANG", help="Language of report and messages: de or en.")]
DebugOption = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON on stdout.")]


def application(cases: Mapping[str, str]) -> typer.Typer:
    """Return the command line for these use cases."""
    app = typer.Typer(
        name="musterwerk",
        help="Predict, decide, and say what it is worth: industry use cases on your own data.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )

    @app.callback(invoke_without_command=True)
    def root(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
        if version:
            typer.echo(__version__)
            raise typer.Exit

    @app.command("list", help="List the built-in use cases.")
    def list_cases(
        lang: LangOption = "en",
        as_json: JsonOption = False,
        debug: DebugOption = False,  # noqa: ARG001 - main looks for it
    ) -> None:
        titles = {name: text(f"{name}.title", _checked(lang)) for name in cases}
        typer.echo(json.dumps(titles, ensure_ascii=False) if as_json else "\n".join(f"{name}  {title}" for name, title in titles.items()))

    @app.command(
        "run",
        help="Backtest a use case, fit it, write the report and record the run.\n\nExample: musterwerk run food_waste --data sales.csv",
    )
    def run_case(  # noqa: PLR0913 - one parameter per option
        case: Annotated[str, typer.Argument(help="Built-in use case, or a folder with settings.toml.")],
        data: Annotated[Path | None, typer.Option("--data", help="File for the first table, or a folder with all files.")] = None,
        settings: Annotated[Path | None, typer.Option("--settings", help="Settings file (TOML).")] = None,
        change: Annotated[list[str] | None, typer.Option("--set", help="Change a setting: costs.price_eur=3.1 (repeatable).")] = None,
        home: Annotated[Path, typer.Option("--home", help="Folder of all runs.")] = Path("mlruns"),
        lang: LangOption = "en",
        as_json: JsonOption = False,
        debug: DebugOption = False,  # noqa: ARG001 - main looks for it
    ) -> None:
        from pipelines.work import Request, run_and_record

        request = Request(case=case, cases=cases, data=data, settings=settings, changes=tuple(change or ()), home=home, lang=_checked(lang))
        outcome = run_and_record(request)
        typer.echo(json.dumps(outcome.summary, ensure_ascii=False, indent=1, default=str) if as_json else outcome.message)

    return app


def _checked(lang: str) -> Lang:
    if lang not in {"de", "en"}:
        raise InputError("cli.bad_lang", lang=lang)
    return "de" if lang == "de" else "en"
