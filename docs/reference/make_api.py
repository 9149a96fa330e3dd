"""Write docs/reference/api.md from the docstrings of the modules a script writer uses: `python docs/reference/make_api.py`."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = Path(__file__).with_name("api.md")
# in the order in which a script meets them; of a package every module
MODULES = ("usecase", "settings", "table", "calendar", "run", "backtest", "replay", "value", "scores", "result", "trade_off", "checks",
           "models", "decide", "evidence", "report/write", "errors", "texts")  # fmt: skip
HEAD = """# Python interface

<!-- made by docs/reference/make_api.py: change the docstrings, not this page -->

Everything `musterwerk run` calls is public: a script of your own uses the same functions. What a package's `__init__` offers can be imported
from the package itself, such as `from pipelines.models import Quantiles`. The shortest complete script: [A use case in 25
lines](../tutorials/minimal.md). Names with a leading underscore are not part of the interface.
"""
_SECTION = re.compile(r"^(\w[\w ]*)\n-{3,}\n", re.MULTILINE)


def described(docstring: str) -> str:
    """Return a NumPy-style docstring as Markdown: its sections as bold words, its entries as lists."""
    head, *parts = _SECTION.split(docstring)
    shown = [plain(head)]
    for title, body in zip(parts[::2], parts[1::2], strict=True):
        entries = re.sub(r"^(\S.*)\n((?:    .*\n?)+)", lambda found: f"- `{found[1].strip()}`: {' '.join(found[2].split())}\n", body + "\n",
                         flags=re.MULTILINE)  # fmt: skip
        shown.append(f"*{title}*\n\n{entries.strip()}")
    return "\n\n".join(part.strip() for part in shown)


def plain(text: str) -> str:
    """Return text without what Markdown would take for markup."""
    pieces = re.split(r"(`+[^`]*`+)", text)
    return "".join(piece if piece.startswith("`") else re.sub(r"([_<\[])", r"\\\1", piece) for piece in pieces)


def signature(node: ast.FunctionDef, *, method: bool = False) -> str:
    """Return a function as it is called, with types and defaults."""
    arguments = ast.unparse(node.args)
    arguments = re.sub(r"^(self|cls)(, )?", "", arguments) if method else arguments
    return f"{node.name}({arguments})" + (f" -> {ast.unparse(node.returns)}" if node.returns else "")


def public(body: list[ast.stmt]) -> Iterator[ast.FunctionDef | ast.ClassDef]:
    """Yield the functions and classes meant for others."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield node


def fields(node: ast.ClassDef) -> Iterator[str]:
    """Yield a class as it stands in the code: its bases, and its fields with types and defaults."""
    bases = ", ".join(ast.unparse(base) for base in node.bases)
    yield f"class {node.name}({bases}):" if bases else f"class {node.name}:"
    named = [part for part in node.body if isinstance(part, ast.AnnAssign) and not ast.unparse(part.target).startswith("_")]
    yield from (f"    {ast.unparse(part)}" for part in named)


def entry(node: ast.FunctionDef | ast.ClassDef) -> Iterator[str]:
    """Yield what one function or class has to say."""
    is_class = isinstance(node, ast.ClassDef)
    yield from (f"### `{node.name}`", "", "```python")
    yield from fields(node) if is_class else [signature(node)]
    yield from ("```", "", described(ast.get_docstring(node) or ""), "")
    if is_class:
        members = [(member, ast.get_docstring(member) or "") for member in public(node.body) if isinstance(member, ast.FunctionDef)]
        for member, text in members:
            is_property = any(ast.unparse(mark).endswith("property") for mark in member.decorator_list)
            name = member.name if is_property else signature(member, method=True)
            yield f"- `{name}`: {plain(text.partition(chr(10) * 2)[0].replace(chr(10), ' '))}"
        if members:
            yield ""


def files() -> Iterator[tuple[str, Path]]:
    """Yield (import path, file) of the modules, packages spread out."""
    for module in MODULES:
        place = ROOT / "pipelines" / module
        found = sorted(place.glob("*.py")) if place.is_dir() else [place.with_suffix(".py")]
        for file in found:
            dotted = ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            yield dotted, file


def page() -> str:
    """Return the whole page."""
    lines = [HEAD]
    for dotted, file in files():
        tree = ast.parse(file.read_text(encoding="utf-8"))
        entries = list(public(tree.body))
        if entries:
            lines += [f"## `{dotted}`", "", plain(ast.get_docstring(tree) or ""), ""]
            lines += [line for node in entries for line in entry(node)]
    return "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8", newline="\n")
