"""`musterwerk plan`: the next decisions as sheets, and what people's changes to them brought."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.options import CaseArgument, Common, Inputs, grouped
from pipelines.errors import InputError

DayOption = Annotated[
    datetime | None, typer.Option("--for", formats=["%Y-%m-%d", "%d.%m.%Y"], help="Day to plan: 2025-03-21 or 21.03.2025.")
]


def add(app: typer.Typer, cases: Mapping[str, str]) -> None:
    """Add the command."""

    @app.command(
        "plan",
        help="Decide one day with the champion and write sheets; or read a changed sheet back with --learn.\n\n"
        "Example: musterwerk plan food_waste --data sales.csv --for 2025-03-21",
    )
    @grouped
    def plan_day(  # noqa: PLR0913 - one parameter per option
        case: CaseArgument,
        inputs: Inputs,
        common: Common,
        day: DayOption = None,
        learn_from: Annotated[Path | None, typer.Option("--learn", help="A plan sheet that people changed.")] = None,
        by: Annotated[str | None, typer.Option("--by", help="Who changed the sheet, for the audit log; with --learn.")] = None,
        model: Annotated[str | None, typer.Option("--model", help="Another model: a run's name or its registered version.")] = None,
        out: Annotated[Path | None, typer.Option("--out", help="Folder for the sheets; default: below --home.")] = None,
        force: Annotated[bool, typer.Option("--despite-gaps", help="Plan although the data are stale or incomplete.")] = False,
    ) -> None:
        from pipelines.planning import PlanRequest, learn, make_plan

        run = inputs.request(case, cases, common)
        if learn_from is not None:
            outcome = learn(run, learn_from, by)
        elif day is not None:
            outcome = make_plan(PlanRequest(run, day.date(), model, out, force))
        else:
            raise InputError("plan.no_day")
        common.say(outcome)
