"""Write docs/reference/commands.md from the command line itself: `python docs/reference/make_commands.py`."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, get_args

import typer

from pipelines.cli import application
from usecases.__main__ import built_in

PAGE = Path(__file__).with_name("commands.md")
HEAD = """# Every command and option

<!-- made by docs/reference/make_commands.py: change the commands, not this page -->

What `musterwerk VERB --help` says, on one page. What the results mean, exit codes and environment variables: [Command line](cli.md).
"""
KINDS = {str: "TEXT", int: "NUMBER", float: "NUMBER", Path: "PATH", datetime: "DAY"}


def cell(text: str) -> str:
    """Return text that may stand in a cell of a table."""
    return " ".join(text.split()).replace("|", r"\|").replace("<", "&lt;")


def shown_default(parameter: Any) -> str:
    """Return the value an option has when it is not given."""
    if parameter.required:
        return "**required**"
    value = parameter.default
    return "" if value in (None, False, "") or callable(value) else f"`{value}`"


def named(parameter: Any) -> str:
    """Return how a parameter is written, with the kind of its value."""
    several = " ..." if parameter.multiple or parameter.nargs == -1 else ""
    if parameter.param_type_name == "argument":
        return f"`{parameter.name.upper()}`{several}"
    value = "" if parameter.is_flag else f" {parameter.metavar or kind(parameter.type_descriptor.annotation)}"
    return ", ".join(f"`{option}{value}`" for option in (*parameter.opts, *parameter.secondary_opts)) + several


def kind(annotation: Any) -> str:
    """Return what a value is, in capitals as in the synopsis."""
    inner = next((part for part in get_args(annotation) if part is not type(None)), annotation)
    return KINDS.get(inner, "VALUE")


def lines(command: Any, name: str) -> Iterator[str]:
    """Yield the section of one command, and of those below it."""
    paragraphs = [paragraph for paragraph in (command.help or "").split("\n\n") if paragraph.strip()]
    yield from (f"## `{name}`", "")
    for paragraph in paragraphs:
        said = " ".join(paragraph.split())
        yield from (["```", said.removeprefix("Example: "), "```", ""] if said.startswith("Example: ") else [said, ""])
    below = getattr(command, "commands", {})
    parameters = [parameter for parameter in command.params if parameter.name != "help"]
    if parameters:
        yield from ("| option | meaning | default |", "|---|---|---|")
        for parameter in parameters:
            meaning = getattr(parameter, "help", "") or ""
            variable = f" Environment: `{parameter.envvar}`." if parameter.envvar else ""
            yield f"| {named(parameter)} | {cell(meaning)}{variable} | {shown_default(parameter)} |"
        yield ""
    for part, inner in below.items():
        yield from lines(inner, f"{name} {part}")


def page() -> str:
    """Return the whole page."""
    root = typer.main.get_command(application(built_in()))
    return "\n".join([HEAD, *lines(root, "musterwerk")]).rstrip() + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8", newline="\n")
