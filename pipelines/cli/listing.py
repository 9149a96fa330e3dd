"""`musterwerk list`: the built-in use cases."""

import json
from collections.abc import Mapping

import typer

from pipelines.cli.options import DebugOption, JsonOption, LangOption, checked
from pipelines.texts import text


def add(app: typer.Typer, cases: Mapping[str, str]) -> None:
    """Add the command."""

    @app.command("list", help="List the built-in use cases.")
    def list_cases(
        lang: LangOption = "en",
        as_json: JsonOption = False,
        debug: DebugOption = False,
    ) -> None:
        titles = {name: text(f"{name}.title", checked(lang)) for name in cases}
        typer.echo(json.dumps(titles, ensure_ascii=False) if as_json else "\n".join(f"{name}  {title}" for name, title in titles.items()))
