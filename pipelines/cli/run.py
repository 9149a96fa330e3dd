"""`musterwerk run`: backtest, fit, report, record."""

from collections.abc import Mapping
from typing import Annotated

import typer

from pipelines.cli.options import CaseArgument, Common, Inputs, grouped


def add(app: typer.Typer, cases: Mapping[str, str]) -> None:
    """Add the command."""

    @app.command(
        "run",
        help="Backtest a use case, fit it, write the report and record the run.\n\nExample: musterwerk run food_waste --data sales.csv",
    )
    @grouped
    def run_case(
        case: CaseArgument,
        inputs: Inputs,
        common: Common,
        audit: Annotated[bool, typer.Option("--audit", help="Log every decision of the backtest in the audit log.")] = False,
    ) -> None:
        from pipelines.work import run_and_record

        common.say(run_and_record(inputs.request(case, cases, common, audit=audit)))
