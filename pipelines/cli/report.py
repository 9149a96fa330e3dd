"""`musterwerk report`: draw a run's report once more from what its folder holds."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.options import HOME, DebugOption, HomeOption, JsonOption, LangOption, checked


def add(app: typer.Typer, cases: Mapping[str, str]) -> None:
    """Add the command."""

    @app.command(
        "report",
        help="Draw the report of a run again, in either language.\n\nExample: musterwerk report food_waste-20250321-141503 --lang de",
    )
    def report(
        run: Annotated[str, typer.Argument(help="A run's name, or its folder.")],
        out: Annotated[Path | None, typer.Option("--out", help="File to write; default: report.html in the run's folder.")] = None,
        home: HomeOption = HOME,
        lang: LangOption = "en",
        as_json: JsonOption = False,
        debug: DebugOption = False,
    ) -> None:
        from pipelines.work import redraw

        file = redraw(run, cases, home, out, checked(lang))
        typer.echo(json.dumps({"report": str(file)}) if as_json else str(file))
