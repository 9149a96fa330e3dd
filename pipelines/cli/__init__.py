"""The command line: results on stdout, talk and progress on stderr.

Exit codes: 0 fine, 1 our bug, 2 bad input, 3 a gate is not met, 130 interrupted.
"""

import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Annotated

import typer

from pipelines import __version__
from pipelines.cli import audit, check, doctor, exercise, listing, new, pilot, plan, pseudonymise, report, sweep, ui
from pipelines.cli import run as run_verb
from pipelines.cli.options import LangOption
from pipelines.cli.speaking import translated, usage
from pipelines.errors import InputError, MusterwerkError
from pipelines.texts import Lang, text

INTERRUPTED = 130
VERBS = (listing, check, new, run_verb, plan, report, pilot, sweep, audit, pseudonymise, ui, doctor, exercise)  # in the order of --help


def main(cases: Mapping[str, str], argv: Sequence[str] | None = None) -> int:
    """Run the command line over the built-in use cases (name -> import path); return the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    lang = _language(words)
    try:
        command = translated(typer.main.get_command(application(cases)), lang)
        code = command.main(words, prog_name="musterwerk", standalone_mode=False)
    except KeyboardInterrupt:
        code = INTERRUPTED
    except MusterwerkError as error:
        if "--debug" in words:
            traceback.print_exc()
        return _say(error.render(lang), error.exit_code)
    except Exception as error:  # noqa: BLE001 - nobody shall meet a traceback without --debug
        if hasattr(error, "format_message"):  # click's errors on wrong options
            if not error.format_message().strip() or type(error).__name__ == "NoArgsIsHelpError":  # the page of help itself
                return _say(error.format_message(), InputError.exit_code)
            return _say(f"{usage(error.format_message()).render(lang)}\n{text('cli.see_help', lang)}", InputError.exit_code)
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
    def root(
        context: typer.Context,
        version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
        lang: LangOption = "en",
    ) -> None:
        if version:
            typer.echo(__version__)
            raise typer.Exit
        if context.invoked_subcommand is None:
            typer.echo(context.get_help())

    for verb in VERBS:
        verb.add(app, cases)
    return app
