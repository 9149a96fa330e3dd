"""Write docs/reference/errors.md from the code and its text catalogues: `python docs/reference/make_errors.py`."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from pipelines import errors
from pipelines.texts import catalogue

ROOT = Path(__file__).parents[2]
PAGE = Path(__file__).with_name("errors.md")
HEAD = """# Every error and its remedy

<!-- made by docs/reference/make_errors.py: change the texts, not this page -->

Every message says what is wrong, where, and what to do. Words in braces are filled in: `{file}`, `{column}`, `{rows}` (numbered as in the
file), `{value}` (an example). The key in the first column is what a script finds in `error.key`. The language
follows `--lang` or `MUSTERWERK_LANG`. Exit code 2: the data, settings or options cannot be used. 3: a gate is not met. 1: a use case breaks
its contract. Nothing half-written is left behind in any case.

For the usual ones with the reasons behind them: [From till export to first run](../how-to/your-own-data.md#error-messages).
"""
KINDS = {name: kind.exit_code for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, errors.MusterwerkError)}


def raised() -> Iterator[tuple[str, int]]:
    """Yield (text key, exit code) of every error the code raises by a key that stands there."""
    for file in sorted((*ROOT.glob("pipelines/**/*.py"), *ROOT.glob("usecases/**/*.py"))):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            name, key = getattr(node.func, "id", getattr(node.func, "attr", "")), node.args[0]
            if name in KINDS and isinstance(key, ast.Constant) and "." in str(key.value):
                yield str(key.value), KINDS[name]


def cell(text: str) -> str:
    """Return a message that may stand in a cell of a table; of {count:cell|cells} the second word."""
    text = re.sub(r"\{\w+:[^|{}]*\|([^{}]*)\}", r"\1", text)
    return "<br>".join(text.strip().splitlines()).replace("|", r"\|").replace("*", r"\*").replace("[", r"\[").replace("_", r"\_")


def page() -> str:
    """Return the whole page."""
    found = dict(sorted(raised()))
    parts = [HEAD]
    for area in sorted({key.partition(".")[0] for key in found}):
        parts += [f"## {area}\n", "| key | exit | message | German |", "|---|---|---|---|"]
        for key, code in found.items():
            where, _, name = key.partition(".")
            if where == area:
                parts.append(f"| `{key}` | {code} | {cell(catalogue(area, 'en')[name])} | {cell(catalogue(area, 'de')[name])} |")
        parts.append("")
    return "\n".join(parts).rstrip() + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8", newline="\n")
