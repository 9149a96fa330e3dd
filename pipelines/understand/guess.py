"""Which header probably means which column: by known words, by likeness, and by what the cells look like."""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher

import polars as pl

from pipelines.table.cells import is_serial
from pipelines.table.headers import kind_of, plain
from pipelines.table.raw import ROW
from pipelines.usecase import Column

SURE, LIKELY, DOUBTFUL = 3.0, 2.0, 1.5  # scores: the very word; a word of it; below the last nothing is proposed
_ALIKE = 0.8  # likeness of two words from which a typing difference is assumed
_FITS = {("date", "datetime"), ("datetime", "date"), ("flag", "number"), ("text", "number"), ("text", "flag"), ("number", "flag")}
_SHORT = 3  # characters: shorter words only count as a whole


@dataclass(frozen=True)
class Guess:
    """One proposal: our column, the file's header, and whether it rests on the very word."""

    column: str
    header: str
    score: float

    @property
    def sure(self) -> bool:
        """Whether the header is a known word for the column and its cells fit."""
        return self.score >= SURE


def guesses(table: pl.DataFrame, schema: Mapping[str, Column]) -> list[Guess]:
    """Return at most one proposal per column and per header, the best ones first."""
    wanted = {name: column for name, column in schema.items() if not column.derived}
    scored = sorted(
        (
            Guess(name, header, _score(name, column, table[header]))
            for name, column in wanted.items()
            for header in table.columns
            if header != ROW
        ),
        key=lambda guess: -guess.score,
    )
    found: list[Guess] = []
    for guess in scored:
        taken = any(guess.column == other.column or guess.header == other.header for other in found)
        if guess.score >= DOUBTFUL and not taken:
            found.append(guess)
    return found


def _score(name: str, column: Column, values: pl.Series) -> float:
    kind = kind_of(values)
    if column.kind in ("date", "datetime") and kind == "number" and is_serial(values):
        kind = "date"
    if kind == "nothing" or not (kind == column.kind or (column.kind, kind) in _FITS):
        return 0.0
    header = plain(values.name)
    words = [plain(word) for word in (name, name.replace("_", " "), *column.words)]
    parts = header.replace("-", " ").replace("_", " ").replace(".", " ").split()
    exact = kind == column.kind
    if header in words:
        return SURE + 0.5 * exact
    if any(word in parts or (len(word) > _SHORT and header.startswith(word)) for word in words):
        return LIKELY + 0.5 * exact
    if any(len(word) > _SHORT and word in header for word in words):
        return LIKELY - 0.5 + 0.5 * exact
    best = max(SequenceMatcher(None, header, word).ratio() for word in words)
    return best + 1.0 if best >= _ALIKE else 0.0
