"""`musterwerk pseudonymise`: a table about persons without their names, before it leaves the house."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.options import DebugOption, JsonOption, LangOption, checked
from pipelines.texts import number, text


def add(app: typer.Typer, cases: Mapping[str, str]) -> None:
    """Add the command."""

    @app.command(
        "pseudonymise",
        help="Replace names by keyed pseudonyms, shift dates, drop free text, leave out small cells.\n\n"
        "Example: musterwerk pseudonymise visits.csv --settings pseudonyms.toml --key ../keys/visits.key --out clean.csv",
    )
    def pseudonymise(  # noqa: PLR0913 - one parameter per option
        file: Annotated[Path, typer.Argument(help="Table about persons: csv, Excel, Parquet.")],
        settings: Annotated[Path, typer.Option("--settings", help="What each column is (TOML).")],
        key: Annotated[Path, typer.Option("--key", help="File with the key, made when it is not there. It stays with you.")],
        out: Annotated[Path, typer.Option("--out", help="File to write (csv).")],
        lang: LangOption = "en",
        as_json: JsonOption = False,
        debug: DebugOption = False,
    ) -> None:
        from pipelines.pseudonyms import pseudonymise_file

        language = checked(lang)
        report = pseudonymise_file(file, settings, key, out)
        if as_json:
            typer.echo(json.dumps(vars(report), ensure_ascii=False, indent=1))
            return
        values = {name: number(value, language) for name, value in vars(report).items() if isinstance(value, int)}
        typer.echo(text("pseudonyms.done", language, **values, dropped=", ".join(report.dropped) or "-", file=out, key=key))
