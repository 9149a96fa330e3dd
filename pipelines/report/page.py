"""What the template shows: sections made of sentences, charts and tables. Strings are escaped by the template."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from pipelines.report.words import Words

Cell = str | tuple[str, str]  # a figure, or a figure with a small line under it


@dataclass(frozen=True)
class Table:
    """A table; the first `texts` columns hold words, the others figures. Unless open, it is folded under its caption."""

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    texts: int = 1
    shown: bool = False


@dataclass(frozen=True)
class Section:
    """One section: its label in the list of contents, the finding as a sentence, and what shows it."""

    name: str
    label: str
    title: str
    text: Sequence[str] = ()
    charts: Sequence[tuple[str, Markup]] = ()  # caption, picture
    tables: Sequence[Table] = ()
    points: Sequence[str] = ()
    terms: Sequence[tuple[str, str]] = ()


def section(words: Words, name: str, title: str, *text: str, **parts: Sequence[object]) -> Section:
    """Return a section with its label from the catalogue."""
    return Section(name, words(f"nav_{name}"), title, text, **parts)  # type: ignore[arg-type]


def joined(words: Words, names: Sequence[str]) -> str:
    """Return `a, b and c` in the language."""
    return words("and", first=", ".join(names[:-1]), last=names[-1]) if len(names) > 1 else "".join(names)
