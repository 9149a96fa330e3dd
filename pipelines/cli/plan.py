"""`musterwerk plan`: the next decisions as sheets, and what people's changes to them brought."""

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
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
    def plan_day(  # noqa: PLR0913 - one parameter per option
        case: CaseArgument,
        day: DayOption = None,
        learn_from: Annotated[Path | None, typer.Option("--learn", help="A plan sheet that people changed.")] = None,
        by: Annotated[str | None, typer.Option("--by", help="Who changed the sheet, for the audit log; with --learn.")] = None,
        model: Annotated[str | None, typer.Option("--model", help="Another model: a run's name or its registered version.")] = None,
        out: Annotated[Path | None, typer.Option("--out", help="Folder for the sheets; default: below --home.")] = None,
        force: Annotated[bool, typer.Option("--despite-gaps", help="Plan although the data are stale or incomplete.")] = False,
        data: DataOption = None,
        settings: SettingsOption = None,
        change: ChangeOption = None,
        home: HomeOption = HOME,
        lang: LangOption = "en",
        as_json: JsonOption = False,
        debug: DebugOption = False,
    ) -> None:
        from pipelines.planning import PlanRequest, learn, make_plan
        from pipelines.work import Request

        run = Request(case=case, cases=cases, data=data, settings=settings, changes=tuple(change or ()), home=home, lang=checked(lang))
        if learn_from is not None:
            outcome = learn(run, learn_from, by)
        elif day is not None:
            outcome = make_plan(PlanRequest(run, day.date(), model, out, force))
        else:
            raise InputError("plan.no_day")
        typer.echo(json.dumps(outcome.summary, ensure_ascii=False, indent=1, default=str) if as_json else outcome.message)
