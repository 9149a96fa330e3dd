"""`musterwerk doctor`: is everything in order here, and what to do where it is not."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.options import HOME, DebugOption, HomeOption, JsonOption, LangOption, checked
from pipelines.errors import GateError
from pipelines.texts import text


def add(app: typer.Typer, cases: Mapping[str, str]) -> None:
    """Add the command."""

    @app.command("doctor", help="Look for what is wrong with this installation and folder; --repair mends what is safe to mend.")
    def doctor(
        repair: Annotated[bool, typer.Option("--repair", help="Remove what killed work left, end runs nobody works on.")] = False,
        home: HomeOption = HOME,
        lang: LangOption = "en",
        as_json: JsonOption = False,
        debug: DebugOption = False,
    ) -> None:
        from pipelines.doctor import examined

        language, open_ones, shown = checked(lang), 0, []
        for symptom in examined(home, Path.cwd()):
            mended = repair and symptom.bad and symptom.mend is not None
            if mended and symptom.mend is not None:
                symptom.mend()
            open_ones += symptom.bad and not mended
            state = "mended" if mended else "bad" if symptom.bad else "fine"
            shown.append({"key": symptom.key, "state": state, "said": symptom.said(language)})
        if as_json:
            typer.echo(json.dumps(shown, ensure_ascii=False, indent=1))
        else:
            for line in shown:
                typer.echo(f"{text('doctor.' + line['state'], language)} {line['said']}")
        if open_ones:
            raise GateError("doctor.attention", count=open_ones)
