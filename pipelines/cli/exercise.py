"""`musterwerk exercise list|start|check`: scripts with gaps for people who learn."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.options import DebugOption, JsonOption, LangOption, checked, speaks
from pipelines.texts import text

NumberArgument = Annotated[int, typer.Argument(metavar="N", help="Number of the exercise.")]


def add(app: typer.Typer, cases: Mapping[str, str]) -> None:
    """Add the commands."""
    group = typer.Typer(name="exercise", help="Exercises: scripts with gaps, and a check of the answers.", no_args_is_help=True)
    speaks(group)
    _list(group)
    _start(group, cases)
    _check(group)
    app.add_typer(group)


def _list(group: typer.Typer) -> None:
    @group.command("list", help="List the exercises.")
    def list_exercises(lang: LangOption = "en", as_json: JsonOption = False, debug: DebugOption = False) -> None:
        from pipelines.exercises.catalogue import EXERCISES
        from pipelines.exercises.script import title

        rows = [{"number": one.number, "title": title(one, checked(lang)), "minutes": one.minutes, "file": one.file} for one in EXERCISES]
        if as_json:
            typer.echo(json.dumps(rows, ensure_ascii=False, indent=1))
        else:
            typer.echo("\n".join(text("exercises.line", checked(lang), **row) for row in rows))


def _start(group: typer.Typer, cases: Mapping[str, str]) -> None:
    @group.command("start", help="Write the script of an exercise; never overwrites.\n\nExample: musterwerk exercise start 1 --lang de")
    def start_exercise(
        number: NumberArgument,
        to: Annotated[Path, typer.Option("--to", help="Folder for the script.")] = Path(),
        lang: LangOption = "en",
        debug: DebugOption = False,
    ) -> None:
        from pipelines.exercises.catalogue import exercise
        from pipelines.exercises.script import start

        file = start(exercise(number), cases, to, checked(lang))
        typer.echo(text("exercises.started", checked(lang), file=file, number=number))


def _check(group: typer.Typer) -> None:
    @group.command(
        "check",
        help="Run a script in a process of its own and judge its answers on hidden cases; exit code 3 when they are not right yet.\n\n"
        "Example: musterwerk exercise check 1",
    )
    def check_exercise(
        number: NumberArgument,
        file: Annotated[Path | None, typer.Option("--file", help="The script; default: as start named it, in this folder.")] = None,
        lang: LangOption = "en",
        as_json: JsonOption = False,
        debug: DebugOption = False,
    ) -> None:
        from pipelines.errors import GateError
        from pipelines.exercises.catalogue import exercise
        from pipelines.exercises.checking import check
        from pipelines.exercises.script import verdict_text

        chosen, language = exercise(number), checked(lang)
        verdict = check(chosen, file or Path(chosen.file))
        said = verdict_text(chosen, verdict, language)
        found = {"number": number, "passed": verdict.passed, "function": verdict.function, "hint": verdict.hint, "said": said}
        typer.echo(json.dumps(found, ensure_ascii=False, indent=1) if as_json else said)
        if not verdict.passed:
            raise GateError("exercises.not_yet", number=number)
