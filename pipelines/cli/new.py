"""`musterwerk new`: a folder for one's own data that runs at once."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from pipelines.cli.options import ChangeOption, DebugOption, LangOption, checked
from pipelines.errors import InputError
from pipelines.texts import Lang, text

ColumnOption = Annotated[
    list[str] | None, typer.Option("--column", help="Which header holds a column: sold=Menge, or TABLE.sold=Menge (repeatable).")
]


def add(app: typer.Typer, cases: Mapping[str, str]) -> None:
    """Add the command."""

    @app.command(
        "new",
        help="Make a folder for your own data: settings, next steps, smoke test, schedule. On a terminal it asks; options go without.\n\n"
        "Example: musterwerk new my-bakery --from food_waste --data sales.csv --set costs.price_eur=1.2",
    )
    def new(  # noqa: PLR0913 - one parameter per option
        folder: Annotated[Path, typer.Argument(help="Folder to make.")],
        case: Annotated[str | None, typer.Option("--from", help="Use case to start from, or scratch for one of your own.")] = None,
        data: Annotated[
            list[Path] | None, typer.Option("--data", help="File with your data, or a folder of files (repeatable); copied.")
        ] = None,
        column: ColumnOption = None,
        change: ChangeOption = None,
        own_code: Annotated[bool, typer.Option("--own-code", help="Add usecase.py, in which parts can be replaced.")] = False,
        lang: LangOption = "en",
        debug: DebugOption = False,
    ) -> None:
        from pipelines.scaffold import SCRATCH, NewFolder, new_folder
        from pipelines.scaffold.asking import asked, asked_case
        from pipelines.settings import merged, override
        from pipelines.table.reader import files_in
        from pipelines.work import find_case

        language = checked(lang)
        asks = not data and sys.stdin.isatty()
        name = case or (asked_case(cases, language, _ask) if asks else "food_waste")
        found = None if name == SCRATCH else find_case(name, cases)
        values: dict[str, Any] = {}
        for pair in change or ():
            values = merged(values, override(pair))
        module = cases[name] if found else ""
        wish = NewFolder(folder, module, files_in(data or ()), _columns(column or ()), values, own_code=own_code, lang=language)
        made = new_folder(asked(wish, found, _ask) if asks else wish, found)
        typer.echo(text("new.made", language, folder=folder))
        for note in _notes(found.name if found else "", made, language):
            typer.echo(note)
        if made.problem:
            typer.echo(f"{text('new.problem', language)}\n{made.problem.render(language)}", err=True)
        typer.echo(text("new.next", language, folder=folder))

    def _columns(pairs: Any) -> dict[str, dict[str, str]]:
        columns: dict[str, dict[str, str]] = {}
        for pair in pairs:
            name, equals, header = pair.partition("=")
            if not equals or not name.strip() or not header.strip():
                raise InputError("new.bad_column", pair=pair)
            table, _, ours = name.strip().rpartition(".")
            columns.setdefault(table, {})[ours] = header.strip()
        return columns


def _ask(question: str) -> str:
    try:
        return input(question)
    except EOFError:  # the end of the input is no answer: as Ctrl-C
        raise KeyboardInterrupt from None


def _notes(case: str, made: Any, lang: Lang) -> list[str]:
    """Return what was noticed in the data, and which settings were found in them."""
    from pipelines.checking import said_of

    said = [said_of(case, note.key, note.values, lang, "·") for note in made.seen.notes]
    said += [said_of(case, each.key, each.values, lang, "!") for each in made.seen.findings if each.level == "warning"]
    if made.found:
        shown = "; ".join(f"{section}: {', '.join(map(str, part))}" for section, part in made.found.items())
        said.append(text("new.found", lang, shown=shown))
    return said
