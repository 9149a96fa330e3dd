"""Where the header stands: below titles and blank lines, in one row or, merged cells above, in two."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

LOOKED_AT = 60  # first rows of a file that are looked at
_VALUE = re.compile(r"^[-+−]?[\d.,'\s]*\d[\d.,'\s]*(?:%|€|[eE][+-]?\d+)?-?$|^\d{1,4}[-./]\d{1,2}[-./]\d{1,4}")
_NARROW = 0.5  # a title fills fewer than this share of the columns


@dataclass(frozen=True)
class Header:
    """The header's names and the place of its last row among the rows looked at (0 is the first row of the file)."""

    names: list[str]
    last: int
    titles: int  # rows with words above the header


def find_header(rows: Sequence[Sequence[str | None]]) -> Header:
    """Return the header: the first row as wide as the table that holds no number and no date; else the first row that is filled.

    Two rows are put together where the upper one has gaps (merged cells), the lower one fills them, and a row with values follows:
    `Filiale | Menge | (gap)` over `(gap) | Stück | kg` gives `Filiale`, `Menge Stück`, `Menge kg`.
    """
    filled = [[(cell or "").strip() for cell in row] for row in rows[:LOOKED_AT]]
    present = [number for number, row in enumerate(filled) if any(row)]
    if not present:
        return Header([], 0, 0)
    width = _width([filled[number] for number in present])
    wide = [number for number in present if _count(filled[number]) > width * _NARROW or _count(filled[number]) == width]
    first = next((number for number in wide if not any(_is_value(cell) for cell in filled[number])), wide[0] if wide else present[0])
    if _is_value("".join(filled[first][:1])) and first != present[0] and not wide:
        first = present[0]
    titles = sum(any(row) for row in filled[:first])
    if _merged(filled, first):
        return Header(unique_headers(_put_together(filled[first], filled[first + 1])), first + 1, titles)
    return Header(unique_headers(filled[first]), first, titles)


def unique_headers(cells: Sequence[str]) -> list[str]:
    """Return unique headers: an empty one becomes `column 3`, a repeated one `Menge (2)`."""
    headers: list[str] = []
    for place, cell in enumerate(cells, start=1):
        header = cell.strip() or f"column {place}"
        count = 1 + sum(header == other.strip() for other in cells[: place - 1] if other.strip())
        headers.append(header if count == 1 else f"{header} ({count})")
    return headers


def _width(rows: Sequence[Sequence[str]]) -> int:
    """Return how many columns the table has: the commonest number of cells up to the last filled one, the larger one at a tie."""
    counts = Counter(max(place for place, cell in enumerate(row, start=1) if cell) for row in rows)
    return max(counts, key=lambda size: (counts[size], size))


def _count(row: Sequence[str]) -> int:
    return sum(bool(cell) for cell in row)


def _is_value(cell: str) -> bool:
    return bool(_VALUE.match(cell))


def _merged(rows: Sequence[Sequence[str]], first: int) -> bool:
    below, values = first + 1, first + 2
    if values >= len(rows) or any(_is_value(cell) for cell in rows[below]) or not any(_is_value(cell) for cell in rows[values]):
        return False
    gaps = [place for place, cell in enumerate(rows[first]) if not cell]
    return bool(gaps) and all(place < len(rows[below]) and rows[below][place] for place in gaps)


def _put_together(upper: Sequence[str], lower: Sequence[str]) -> list[str]:
    names, last = [], ""
    for above, below in zip(upper, lower, strict=False):
        last = above or (last if below else "")
        names.append(" ".join(part for part in (last if below or above else "", below) if part))
    return names
