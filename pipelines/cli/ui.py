"""`musterwerk ui`: the runs in MLflow's own pages, on this machine only."""

from collections.abc import Mapping
from typing import Annotated

import typer

from pipelines.cli.options import HOME, DebugOption, HomeOption, LangOption, checked
from pipelines.texts import text


def add(app: typer.Typer, cases: Mapping[str, str]) -> None:
    """Add the command."""

    @app.command("ui", help="Show all runs in MLflow's pages on this machine; Ctrl-C ends it.")
    def ui(
        port: Annotated[
            int, typer.Option("--port", min=1, max=65535, help="Port on 127.0.0.1; a free one is taken when it is in use.")
        ] = 5000,
        home: HomeOption = HOME,
        lang: LangOption = "en",
        debug: DebugOption = False,
    ) -> None:
        from pipelines.track.pages import served

        language = checked(lang)
        served(home, port, lambda address: typer.echo(text("doctor.ui", language, address=address), err=True))
