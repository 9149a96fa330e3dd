"""`musterwerk run`: backtest, fit, report, record."""

import json
from collections.abc import Mapping
from typing import Annotated

import typer

from pipelines.cli.options import (
    HOME,
    CaseArgument,
    ChangeOption,
    DataOption,
    DebugOption,
    HomeOption,
    JsonOption,
    LangOption,
    SettingsOption,
    checked,
)


def add(app: typer.Typer, cases: Mapping[str, str]) -> None:
    """Add the command."""

    @app.command(
        "run",
        help="Backtest a use case, fit it, write the report and record the run.\n\nExample: musterwerk run food_waste --data sales.csv",
    )
    def run_case(  # noqa: PLR0913 - one parameter per option
        case: CaseArgument,
        data: DataOption = None,
        settings: SettingsOption = None,
        change: ChangeOption = None,
        audit: Annotated[bool, typer.Option("--audit", help="Log every decision of the backtest in the audit log.")] = False,
        home: HomeOption = HOME,
        lang: LangOption = "en",
        as_json: JsonOption = False,
        debug: DebugOption = False,
    ) -> None:
        from pipelines.work import Request, run_and_record

        changes, language = tuple(change or ()), checked(lang)
        request = Request(case=case, cases=cases, data=data, settings=settings, changes=changes, home=home, lang=language, audit=audit)
        outcome = run_and_record(request)
        typer.echo(json.dumps(outcome.summary, ensure_ascii=False, indent=1, default=str) if as_json else outcome.message)
