"""`musterwerk report`: draw a run's report once more from what its folder holds."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.options import HOME, DebugOption, HomeOption, JsonOption, LangOption, checked
from pipelines.errors import InputError


def add(app: typer.Typer, cases: Mapping[str, str]) -> None:
    """Add the command."""

    @app.command(
        "report",
        help="Draw the report of a run again, in either language.\n\nExample: musterwerk report food_waste-20250321-141503 --lang de",
    )
    def report(  # noqa: PLR0913 - one parameter per option
        run: Annotated[str, typer.Argument(help="A run's name, or its folder.")],
        out: Annotated[
            Path | None, typer.Option("--out", help="File, with --papers folder to write; default: in the run's folder.")
        ] = None,
        papers: Annotated[bool, typer.Option("--papers", help="Write model card and technical file instead.")] = False,
        answers: Annotated[Path | None, typer.Option("--answers", help="What people state for the papers (TOML).")] = None,
        home: HomeOption = HOME,
        lang: LangOption = "en",
        as_json: JsonOption = False,
        debug: DebugOption = False,
    ) -> None:
        from pipelines.work import redraw, run_folder

        if answers is not None and not papers:
            raise InputError("papers.strange_command")
        if papers:
            from pipelines.papers import write_papers

            folder = write_papers(run_folder(run, home), home, checked(lang), out, answers)
            typer.echo(json.dumps({"papers": str(folder)}) if as_json else str(folder))
            return
        file = redraw(run, cases, home, out, checked(lang))
        typer.echo(json.dumps({"report": str(file)}) if as_json else str(file))
