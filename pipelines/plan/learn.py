"""What people changed in a plan sheet, and what their changes brought once the truth is known."""

import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from pipelines.errors import InputError
from pipelines.plan.sheets import FORMULA, sheet_name
from pipelines.run import kept
from pipelines.settings import CaseSettings
from pipelines.texts import Lang, label, text
from pipelines.usecase import Sheet, UseCase

_NUMBER, _UNCLEAR = re.compile(r"\d+(?:[.,]\d+)?"), re.compile(r"\d{1,3}\.\d{3}")  # 1.200: twelve hundred, or one and a bit?
LANGUAGES: tuple[Lang, ...] = ("de", "en")


@dataclass(frozen=True)
class Brought:
    """What the changes brought: euros (first ledger unit) of the plan as made and as changed; positive `saved` = the people were right."""

    unit: str
    rows: int
    planned: float
    changed: float

    @property
    def saved(self) -> float:
        """What the changes saved against the plan as it was made."""
        return self.planned - self.changed


def changes(file: Path, case: str, sheet: Sheet, plan: pl.DataFrame, day: date) -> pl.DataFrame:
    """Return the changed lines of a sheet: day, group, items, planned, changed, why.

    Parameters
    ----------
    plan
        The plan as it was made: group, items, `quantity`.

    Raises
    ------
    InputError
        When the file is no plan sheet, a changed cell is no number, or a line is not in the plan.
    """
    import fastexcel

    try:
        book = fastexcel.read_excel(file)
    except (fastexcel.FastExcelError, FileNotFoundError) as problem:
        raise InputError("plan.no_sheet", file=file, problem=str(problem).splitlines()[0]) from None
    found = []
    for name in book.sheet_names:
        table = book.load_sheet(name, dtypes="string").to_polars()
        found += _changed(file, name, _unlabelled(table, case, sheet), sheet)
    schema: dict[str, Any] = {**dict.fromkeys(("sheet", *sheet.item), pl.String), "changed": pl.Float64, "why": pl.String}
    lines = pl.DataFrame(found, schema=schema, orient="row")
    return _matched(file, lines, sheet, plan, day)


def _unlabelled(table: pl.DataFrame, case: str, sheet: Sheet) -> pl.DataFrame:
    """Return the table with the items under their own names, whatever language their headers are in."""
    names = {label(case, "column", item, lang): item for item in sheet.item for lang in LANGUAGES}
    return table.rename({head: names[head] for head in table.columns if head in names})


def _changed(file: Path, name: str, table: pl.DataFrame, sheet: Sheet) -> list[tuple[Any, ...]]:
    """Return the lines of one sheet whose change cell is filled; a sheet without that column (the totals) has none."""
    heads = {text("plan.changed", lang): text("plan.why", lang) for lang in LANGUAGES}
    column = next((head for head in heads if head in table.columns), None)
    if column is None or not set(sheet.item) <= set(table.columns):
        return []
    lines = []
    for number, row in enumerate(table.iter_rows(named=True), start=2):
        cell = (row[column] or "").strip()
        if not cell:
            continue
        if not _NUMBER.fullmatch(cell) or _UNCLEAR.fullmatch(cell):
            raise InputError("plan.bad_change", file=file, sheet=name, row=number, column=column, value=cell)
        why = row.get(heads[column])
        safe = f"'{why}" if why and why.startswith(FORMULA) else why
        lines.append((name, *(row[item] for item in sheet.item), float(cell.replace(",", ".")), safe))
    return lines


def _matched(file: Path, lines: pl.DataFrame, sheet: Sheet, plan: pl.DataFrame, day: date) -> pl.DataFrame:
    taken = [text("plan.all", "de").casefold(), text("plan.all", "en").casefold()]
    names = {str(group): sheet_name(str(group), taken) for group in plan[sheet.group].unique(maintain_order=True)}
    known = plan.select(
        pl.col(sheet.group).replace_strict(names, return_dtype=pl.String).alias("sheet"),
        sheet.group,
        *(_shown(plan[item]) for item in sheet.item),
        pl.col("quantity").alias("planned"),
    )
    joined = lines.join(known, on=["sheet", *sheet.item], how="left", maintain_order="left")
    lost = joined.filter(pl.col("planned").is_null())
    if lost.height:
        shown = ", ".join(str(lost[item][0]) for item in ("sheet", *sheet.item))
        raise InputError("plan.unknown_line", file=file, line=shown)
    named = [name for name in (sheet.group, *sheet.item) if name != "day"]  # where lines are named by the day itself
    return joined.select(pl.lit(day).alias("day"), *named, "planned", "changed", "why")


def _shown(items: pl.Series) -> pl.Series:
    """Return the items as the sheet shows them."""
    if items.dtype == pl.Datetime:
        return pl.Series(items.name, [str(moment) for moment in items])
    return items.cast(pl.String)


def recorded(file: Path, rows: pl.DataFrame) -> pl.DataFrame:
    """Return the record of overrides; columns that `rows` have too get their type, so that the key 0815 stays a text."""
    heads = pl.read_csv(file, separator=";", n_rows=0).columns
    kinds = {name: rows.schema[name] for name in heads if rows.schema.get(name) == pl.String}
    return pl.read_csv(file, separator=";", try_parse_dates=True, schema_overrides=kinds)


def remember(file: Path, lines: pl.DataFrame) -> int:
    """Add changed lines to the record of overrides (csv); lines of the same day and keys are replaced. Return how many it holds."""
    keys = [column for column in lines.columns if column not in ("planned", "changed", "why")]
    if file.exists():
        before = pl.read_csv(file, separator=";", schema=lines.schema)
        lines = pl.concat([before.join(lines.select("day").unique(), on="day", how="anti"), lines])
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_name(f".{file.name}.part")
    unfinished.write_bytes(lines.sort(keys).write_csv(separator=";").encode())
    unfinished.replace(file)
    return lines.height


def brought(case: UseCase[Any], rows: pl.DataFrame, settings: CaseSettings, overrides: pl.DataFrame, quantity: str) -> Brought | None:
    """Return what the recorded changes brought on days whose outcomes are known; None when none is known yet.

    Both the plan and the changed plan are judged by the use case's own `value`, row by row; what carries over between days is left out.
    """
    index = [case.time, *case.keys]
    timed = overrides.drop("day") if case.time in overrides.columns and case.time != "day" else overrides.rename({"day": case.time})
    stated = timed.with_columns(pl.col(case.time).cast(rows.schema[case.time]))
    if not set(index) <= set(stated.columns):
        return None
    made = case.features(case.prepare(rows, settings), settings)
    columns, keep = [made.select(name) for name in made.columns], made[case.target].is_not_null()
    known = kept(columns, keep).join(stated.select(*index, "planned", "changed"), on=index, how="inner", maintain_order="left")
    if known.is_empty():
        return None
    costs, unit = [], ""
    for column in ("planned", "changed"):
        acted = known.with_columns(pl.col(column).alias(quantity)).drop("planned", "changed")
        ledger = case.value(acted, settings) if case.start is None else case.value(acted, settings, None)[0]
        unit = next(name for name in ledger.columns if name not in index)
        costs.append(float(ledger[unit].sum()))
    return Brought(unit, known.height, costs[0], costs[1])
