"""`musterwerk check`: what was understood of the user's files, what is wrong, and settings that read them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.options import CaseArgument, DebugOption, JsonOption, LangOption, SettingsOption, checked


def add(app: typer.Typer, cases: Mapping[str, str]) -> None:
    """Add the command."""

    @app.command(
        "check",
        help="Say what is understood of your files, what is wrong, and which settings read them.\n\n"
        "Example: musterwerk check food_waste --data sales.csv --write settings.toml",
    )
    def check_files(  # noqa: PLR0913 - one parameter per option
        case: CaseArgument,
        data: Annotated[list[Path], typer.Option("--data", help="File to look at (repeatable).")],
        settings: SettingsOption = None,
        write: Annotated[Path | None, typer.Option("--write", help="Save the proposed settings here; never overwrites.")] = None,
        lang: LangOption = "en",
        as_json: JsonOption = False,
        debug: DebugOption = False,
    ) -> None:
        from pipelines.checking import CheckRequest, check

        outcome = check(CheckRequest(case, cases, tuple(data), settings, write, checked(lang)))
        typer.echo(json.dumps(outcome.summary, ensure_ascii=False, indent=1, default=str) if as_json else outcome.message)
        if outcome.problem is not None:
            raise outcome.problem
