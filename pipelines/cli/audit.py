"""`musterwerk audit`: whether the log of decisions is whole, and whether each decision can be made again."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.options import HOME, DebugOption, HomeOption, JsonOption, LangOption, checked, speaks
from pipelines.errors import GateError

LogArgument = Annotated[str, typer.Argument(help="A log file, a run's name, or a use case.")]


def add(app: typer.Typer, cases: Mapping[str, str]) -> None:
    """Add the commands."""
    audit = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Check the log of decisions, and make each decision again.")
    speaks(audit)
    app.add_typer(audit, name="audit")

    @audit.command("verify", help="Check every line of the log.\n\nExample: musterwerk audit verify food_waste")
    def verify_log(  # noqa: PLR0913 - one parameter per option
        log: LogArgument,
        holds: Annotated[str | None, typer.Option("--holds", help="Hash of a line noted earlier: the log must still hold it.")] = None,
        mend: Annotated[bool, typer.Option("--repair", help="Move a last line that a crash cut off to a file beside the log.")] = False,
        home: HomeOption = HOME,
        lang: LangOption = "en",
        as_json: JsonOption = False,
        debug: DebugOption = False,
    ) -> None:
        from pipelines.auditing import verified

        outcome = verified(log, home, checked(lang), holds, mend=mend)
        typer.echo(json.dumps(outcome.summary, ensure_ascii=False, indent=1, default=str) if as_json else outcome.message)

    @audit.command("replay", help="Make every logged decision again and compare.\n\nExample: musterwerk audit replay food_waste")
    def replay(
        log: LogArgument,
        case: Annotated[Path | None, typer.Option("--case", help="Folder whose usecase.py decided, if no built-in one did.")] = None,
        home: HomeOption = HOME,
        lang: LangOption = "en",
        as_json: JsonOption = False,
        debug: DebugOption = False,
    ) -> None:
        from pipelines.auditing import replayed

        outcome = replayed(log, cases, case, home, checked(lang))
        typer.echo(json.dumps(outcome.summary, ensure_ascii=False, indent=1, default=str) if as_json else outcome.message)
        if outcome.summary["identical"] < outcome.summary["decisions"]:
            raise GateError("audit.not_identical", count=outcome.summary["decisions"] - outcome.summary["identical"])
