"""The plan as a page to print: one table per group, nothing loaded from elsewhere."""

from functools import cache
from importlib.resources import files

from jinja2 import Environment, StrictUndefined, Template

from pipelines.plan.deciding import Planned
from pipelines.plan.sheets import item_labels, quantity_label, rows_of, totals
from pipelines.texts import Lang, number, text


def page(planned: Planned, lang: Lang, title: str, basis: str) -> str:
    """Return the plan as HTML; names from data are escaped."""
    rows, sheet = rows_of(planned), planned.sheet
    quantity, items = quantity_label(planned, lang), list(item_labels(planned, lang).values())
    heads = [*items, quantity, text("plan.reason", lang)]
    groups = [_group(text("plan.all", lang), [*items, quantity], totals(rows, sheet.item).rows(), len(sheet.item), lang)]
    groups += [
        _group(str(name), heads, part.drop(sheet.group).rows(), len(sheet.item), lang)
        for (name,), part in rows.group_by(sheet.group, maintain_order=True)
    ]
    day = f"{planned.day:%d.%m.%Y}" if lang == "de" else f"{planned.day:%Y-%m-%d}"
    notes = [text(note.key, lang, **note.values) for note in planned.notes]
    return _template().render(lang=lang, title=title, day=day, basis=basis, notes=notes, groups=groups, notice=planned.notice.get(lang, ""))


def _group(name: str, heads: list[str], rows: list[tuple[object, ...]], right: int, lang: Lang) -> dict[str, object]:
    shown = [[_cell(cell, lang) for cell in row] for row in rows]
    return {"name": name, "heads": heads, "rows": shown, "right": {right}}


def _cell(cell: object, lang: Lang) -> str:
    if isinstance(cell, float | int) and not isinstance(cell, bool):
        return number(cell, lang, 0 if float(cell).is_integer() else 2)
    return "" if cell is None else str(cell)


@cache
def _template() -> Template:
    source = files(__package__ or "pipelines.plan").joinpath("plan.html.j2").read_text(encoding="utf-8")
    return Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True).from_string(source)
