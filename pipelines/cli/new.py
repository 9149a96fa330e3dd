"""`musterwerk new`: a folder for one's own data that runs at once."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.options import DebugOption, LangOption, checked
from pipelines.texts import text


def add(app: typer.Typer, cases: Mapping[str, str]) -> None:
    """Add the command."""

    @app.command(
        "new",
        help="Make a folder for your own data: settings, next steps, smoke test, schedule.\n\n"
        "Example: musterwerk new my-bakery --from food_waste --data sales.csv",
    )
    def new(
        folder: Annotated[Path, typer.Argument(help="Folder to make.")],
        case: Annotated[str, typer.Option("--from", help="Use case to start from.")] = "food_waste",
        data: Annotated[list[Path] | None, typer.Option("--data", help="File with your data (repeatable); it is copied.")] = None,
        own_code: Annotated[bool, typer.Option("--own-code", help="Add usecase.py, in which parts can be replaced.")] = False,
        lang: LangOption = "en",
        debug: DebugOption = False,
    ) -> None:
        from pipelines.scaffold import new_folder
        from pipelines.work import find_case

        language, found = checked(lang), find_case(case, cases)
        given = list(data or ())
        if not given and sys.stdin.isatty():
            answer = typer.prompt(text("new.ask_data", language), default="", show_default=False)
            given = [Path(answer)] if answer.strip() else []
        new_folder(folder, found, cases[case], given, language, own_code=own_code)
        typer.echo(text("new.made", language, folder=folder))
        typer.echo(text("new.next", language, folder=folder))
