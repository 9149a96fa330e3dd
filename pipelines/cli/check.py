"""`musterwerk check`: what is understood of files, before anything is run; and whether a use case keeps the contract."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.options import HOME, CaseArgument, DebugOption, JsonOption, LangOption, SettingsOption, checked


def add(app: typer.Typer, cases: Mapping[str, str]) -> None:
    """Add the command."""

    @app.command(
        "check",
        help="Say what is understood of your files, what is wrong, and which settings read them.\n\n"
        "Example: musterwerk check food_waste --data sales.csv --write settings.toml",
    )
    def check_files(  # noqa: PLR0913 - one parameter per option
        case: CaseArgument,
        data: Annotated[
            list[Path] | None, typer.Option("--data", help="File or folder to look at (repeatable); default: a folder's own.")
        ] = None,
        settings: SettingsOption = None,
        write: Annotated[Path | None, typer.Option("--write", help="Save the proposed settings here; never overwrites.")] = None,
        contract: Annotated[bool, typer.Option("--contract", help="Check the use case's code: does it see the future?")] = False,
        lang: LangOption = "en",
        as_json: JsonOption = False,
        debug: DebugOption = False,
    ) -> None:
        language, files = checked(lang), tuple(data or ())
        if contract:
            from pipelines.contracting import check_contract
            from pipelines.work import Request

            first = files[0] if files else None
            kept = check_contract(Request(case=case, cases=cases, data=first, settings=settings, changes=(), home=HOME, lang=language))
            typer.echo(json.dumps(kept.summary, ensure_ascii=False, indent=1) if as_json else kept.message)
            return
        from pipelines.checking import CheckRequest, check

        outcome = check(CheckRequest(case, cases, files, settings, write, language))
        typer.echo(json.dumps(outcome.summary, ensure_ascii=False, indent=1, default=str) if as_json else outcome.message)
        if outcome.problem is not None:
            raise outcome.problem
