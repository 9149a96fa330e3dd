"""`musterwerk pilot`: how long a pilot must be, who follows the plan when, and what came of it."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.options import HOME, DebugOption, HomeOption, JsonOption, LangOption, checked
from pipelines.errors import InputError
from pipelines.texts import number, text


def add(app: typer.Typer, cases: Mapping[str, str]) -> None:
    """Add the command."""

    @app.command(
        "pilot",
        help="Prove a plan in practice: size of a pilot, weeks drawn by chance, and what came of it.\n\n"
        "Example: musterwerk pilot food_waste-20250321-141503 --out pilot.csv",
    )
    def pilot(  # noqa: PLR0913 - one parameter per option
        run: Annotated[str, typer.Argument(help="A run's name, or its folder.")],
        out: Annotated[Path | None, typer.Option("--out", help="Write the schedule here; never overwrites.")] = None,
        weeks: Annotated[int | None, typer.Option("--weeks", min=2, help="Weeks per branch; default: as many as it takes.")] = None,
        read: Annotated[Path | None, typer.Option("--read", help="A schedule whose costs are filled in.")] = None,
        home: HomeOption = HOME,
        lang: LangOption = "en",
        as_json: JsonOption = False,
        debug: DebugOption = False,
    ) -> None:
        from pipelines import pilot as proof
        from pipelines.evidence import read_run
        from pipelines.work import run_folder

        language = checked(lang)
        size = proof.needed(read_run(run_folder(run, home)))
        if read is not None:
            seen = proof.found(proof.read_pilot(read))
            shown = {name: number(value, language, 1) for name, value in asdict(seen).items() if name not in {"pairs", "chance"}}
            key = "pilot.proved" if seen.low > 0 else "pilot.refuted" if seen.high < 0 else "pilot.open"
            said = text("pilot.found", language, pairs=seen.pairs, chance=number(100 * seen.chance, language, 1), unit=size.unit, **shown)
            typer.echo(json.dumps(asdict(seen)) if as_json else f"{said}\n{text(key, language)}")
            return
        length = (weeks or size.weeks) // 2 * 2
        if out is not None:
            if out.exists():
                raise InputError("pilot.exists", file=out)
            table = proof.schedule(size.groups, length)
            out.write_text(table.write_csv(separator=";"), encoding="utf-8", newline="\n")
        shown = {"saving": number(size.saving, language, 1), "spread": number(size.spread, language, 1), "unit": size.unit}
        said = text("pilot.size", language, pairs=size.pairs, weeks=size.weeks, groups=len(size.groups), **shown)
        written = text("pilot.written", language, file=out, weeks=length) if out else ""
        typer.echo(json.dumps(asdict(size)) if as_json else f"{said}\n{written}".rstrip())
