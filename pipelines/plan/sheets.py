"""The plan as a workbook: one sheet per group, one with the totals, room for what people change; and as plain rows."""

import io
import re
from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any

import polars as pl

from pipelines.plan.deciding import Planned
from pipelines.texts import Lang, label, text

FORMULA = ("=", "+", "-", "@", "\t", "\r")
_FORBIDDEN = re.compile(r"[\[\]:*?/\\\x00-\x1f]")
_NAME_LENGTH = 31  # what Excel allows
_WIDE, _NARROW = 38, 12
_LINE, _FULL = 15, 1.1  # points per line; a line holds somewhat fewer letters than its width says
_MOST = 60  # widest column, characters
_FOOTER = 200  # letters of a notice in the footer: Excel allows 255 in all


def rows_of(planned: Planned) -> pl.DataFrame:
    """Return group, items, `quantity` and `reason`, in the order of the sheets."""
    sheet = planned.sheet
    return (
        planned.rows.select(sheet.group, *sheet.item, pl.col(sheet.quantity).alias("quantity"))
        .with_columns(planned.reasons.alias("reason"))
        .sort(sheet.group, *sheet.item)
    )


def totals(rows: pl.DataFrame, item: Sequence[str]) -> pl.DataFrame:
    """Return the sum of the quantities per item: what the bakehouse makes in all."""
    return rows.group_by(list(item), maintain_order=True).agg(pl.col("quantity").sum()).sort(list(item))


def workbook(planned: Planned, lang: Lang, title: str) -> bytes:
    """Return an .xlsx file: totals first, then a sheet per group; A4 landscape, frozen header, autofilter, cells for changes."""
    import xlsxwriter

    rows, sheet = rows_of(planned), planned.sheet
    buffer = io.BytesIO()
    plain = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    book = xlsxwriter.Workbook(buffer, {"in_memory": True, **plain})
    book.set_properties({"title": title, "comments": text("plan.made_by", lang)})
    formats = {
        "head": book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "bg_color": "#E8EEF4"}),
        "number": book.add_format({"num_format": "#,##0.##", "valign": "top"}),
        "entry": book.add_format({"bg_color": "#FFF9E0", "border": 1}),
        "wrap": book.add_format({"text_wrap": True, "valign": "top", "indent": 1}),
    }
    taken: list[str] = []
    whole = totals(rows, sheet.item)
    quantity, names = quantity_label(planned, lang), item_labels(planned, lang)
    _fill(book, sheet_name(text("plan.all", lang), taken), whole.rename({**names, "quantity": quantity}), formats, "", planned, lang)
    entries = {text("plan.changed", lang): "entry", text("plan.why", lang): "entry"}
    for (group,), part in rows.group_by(sheet.group, maintain_order=True):
        shown = part.drop(sheet.group).rename({**names, "quantity": quantity, "reason": text("plan.reason", lang)})
        _fill(book, sheet_name(str(group), taken), shown, formats, str(group), planned, lang, entries)
    book.close()
    return buffer.getvalue()


def quantity_label(planned: Planned, lang: Lang) -> str:
    """Return the header of the quantity with its unit."""
    unit = planned.sheet.unit
    return text("plan.quantity_unit", lang, unit=label(planned.case, "unit", unit, lang)) if unit else text("plan.quantity", lang)


def item_labels(planned: Planned, lang: Lang) -> dict[str, str]:
    """Return the headers of the item columns in the language."""
    return {name: label(planned.case, "column", name, lang) for name in planned.sheet.item}


def _fill(  # noqa: PLR0913 - one sheet with all that stands on it
    book: Any,
    name: str,
    table: pl.DataFrame,
    formats: Mapping[str, Any],
    group: str,
    planned: Planned,
    lang: Lang,
    entries: Mapping[str, str] | None = None,
) -> None:
    page = book.add_worksheet(name)
    heads = [*table.columns, *(entries or {})]
    widths = []
    for place, head in enumerate(heads):
        page.write_string(0, place, head, formats["head"])
        longest = max([len(head) / 1.5, *(len(str(value)) for value in table[head].head(200))]) if head in table.columns else _NARROW * 1.6
        widths.append(min(max(_NARROW, longest + 2), _MOST))
        page.set_column(place, place, widths[-1])
    for number, row in enumerate(table.iter_rows(), start=1):
        # not every program finds the height of wrapped text by itself
        page.set_row(number, _LINE * max(ceil(len(str(cell)) * _FULL / width) for cell, width in zip(row, widths, strict=False)))
        for place, cell in enumerate(row):
            if isinstance(cell, int | float) and not isinstance(cell, bool):
                page.write_number(number, place, cell, formats["number"])
            else:
                page.write_string(number, place, "" if cell is None else str(cell), formats["wrap"])
        for place in range(len(table.columns), len(heads)):
            page.write_blank(number, place, None, formats["entry"])
    page.autofilter(0, 0, max(table.height, 1), len(heads) - 1)
    page.freeze_panes(1, 0)
    page.set_landscape()
    page.set_paper(9)  # A4
    page.fit_to_pages(1, 0)
    page.repeat_rows(0)
    day = f"{planned.day:%d.%m.%Y}" if lang == "de" else f"{planned.day:%Y-%m-%d}"
    page.set_header(f"&L{_escaped(group)}&R{day}")
    notice = planned.notice.get(lang, "")
    page.set_footer(f"&L{_escaped(notice[:_FOOTER])}&R&P / &N")
    if notice:  # on the screen too, under the table: the columns beside it are for changes
        page.write_string(table.height + 2, 0, notice)


def _escaped(words: str) -> str:
    return words.replace("&", "&&")


def sheet_name(wanted: str, taken: list[str]) -> str:
    """Return a legal and unique name of a sheet (31 characters, no brackets, colons, stars or slashes), and remember it."""
    base = _FORBIDDEN.sub(" ", wanted).strip()[:_NAME_LENGTH].strip("' ") or "-"
    name, number = base, 1
    while name.casefold() in taken:
        number += 1
        tail = f" ({number})"
        name = base[: _NAME_LENGTH - len(tail)] + tail
    taken.append(name.casefold())
    return name


def as_csv(planned: Planned) -> bytes:
    """Return the plan as csv (UTF-8 with mark, semicolons); a cell that Excel would take for a formula is quoted with an apostrophe."""
    rows = rows_of(planned)
    texts = [name for name, kind in rows.schema.items() if kind == pl.String]
    danger = {name: pl.col(name).str.slice(0, 1).is_in(FORMULA) for name in texts}
    safe = rows.with_columns(pl.when(danger[name]).then(pl.lit("'") + pl.col(name)).otherwise(name).alias(name) for name in texts)
    return b"\xef\xbb\xbf" + safe.write_csv(separator=";", datetime_format="%Y-%m-%d %H:%M:%S").encode()
