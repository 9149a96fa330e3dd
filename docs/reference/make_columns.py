"""Write docs/reference/columns.md from the schemas of the built-in use cases: `python docs/reference/make_columns.py`."""

from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path

from pipelines.usecase import Column
from usecases.__main__ import built_in

PAGE = Path(__file__).with_name("columns.md")
HEAD = """# Every column

<!-- made by docs/reference/make_columns.py: change the schemas, not this page -->

What each use case reads, from the schema in its code. Your file may name its columns as it likes: `[data.<table>.columns]` says `ours =
"yours"`, and `musterwerk check` proposes it. A column is *required* unless it says optional. The roles say when a value becomes known:
[the contract](contract.md#columns-and-their-roles). *One day* says how several rows of one day are put together with `aggregate = true`.
Flags are read from 1/0, true/false, yes/no, ja/nein, x and empty.
"""


def bounds(column: Column) -> str:
    """Return the inclusive bounds of a column's values."""
    low = f"≥ {column.minimum:g}" if column.minimum is not None else ""
    high = f"≤ {column.maximum:g}" if column.maximum is not None else ""
    return ", ".join(part for part in (low, high) if part)


def table(columns: Mapping[str, Column]) -> Iterator[str]:
    """Yield one table, a line per column that a file may give."""
    yield from (
        "| column | kind | role | unit | bounds | meaning | one day | found under headers like |",
        "|---|---|---|---|---|---|---|---|",
    )
    for name, column in columns.items():
        needed = "optional" if column.optional else "**required**"
        words = ", ".join(column.words)
        total = column.total if column.kind in ("number", "flag") else ""
        unit = f" {column.unit} " if column.unit else " "
        yield (
            f"| `{name}` {needed} | {column.kind} | {column.role} |{unit}| {bounds(column)} | {column.doc} | {total} | {words} |".replace(
                "|  |", "| |"
            )
        )


def page() -> str:
    """Return the whole page."""
    parts = [HEAD]
    for name, module in built_in().items():
        case = import_module(module).CASE
        parts.append(f"## `{name}`\n")
        tables = case.tables or {"rows": case.schema}
        for title, schema in tables.items():
            if case.tables:
                parts.append(f"### Table `{title}`\n")
            read = {column: about for column, about in schema.items() if not about.derived}
            parts.append("\n".join(table(read)) + "\n")
            made = [f"`{column}` ({about.doc})" for column, about in schema.items() if about.derived]
            if made:
                parts.append(f"Made by the use case itself, never read: {', '.join(made)}.\n")
    return "\n".join(parts).rstrip() + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8", newline="\n")
