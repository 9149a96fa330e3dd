"""Why each number of the plan is what it is, in one line: the level, what lifts or lowers the day, and the bakery's own costs."""

import polars as pl

from pipelines.decide.newsvendor import critical_ratio
from pipelines.texts import Lang, number, text
from usecases.food_waste.decide import column
from usecases.food_waste.settings import FoodWaste

MARKED = 0.05  # a trend or forecast within five per cent of the usual level is not worth a word
NARROW = 0.05  # critical ratio around one half: no lean to either side


def reasons(rows: pl.DataFrame, s: FoodWaste, lang: Lang) -> pl.Series:
    """Return one sentence per row, each part read from the very columns that the forecast and the decision used."""
    ratio = critical_ratio(column(rows, "underage"), column(rows, "overage"))
    if s.service_level is not None:
        ratio[:] = s.service_level
    said = [_said(row, float(lean), lang) for row, lean in zip(rows.iter_rows(named=True), ratio, strict=True)]
    return pl.Series("reason", said, dtype=pl.String)


def _said(row: dict[str, object], ratio: float, lang: Lang) -> str:
    weekday = text("food_waste.weekdays", lang).split()[int(row["day"].isoweekday()) - 1]  # type: ignore[attr-defined]
    level, middle = _number(row, "level"), _number(row, "q0.5")
    if level is None:
        return text("food_waste.why_new", lang, weekday=weekday)
    parts = [text("food_waste.why_level", lang, weekday=weekday, level=number(level, lang, 0 if level >= 10 else 1))]  # noqa: PLR2004
    slope = _number(row, "level_slope")
    lifted = (middle or level) > level
    if slope is not None and abs(slope - 1) > MARKED and (slope > 1) == lifted:  # a trend the forecast does not follow is no reason
        parts.append(text("food_waste.why_rising" if slope > 1 else "food_waste.why_falling", lang))
    parts += [text(f"food_waste.why_{name}", lang) for name in _special(row)]
    if middle is not None and abs(middle / level - 1) > MARKED:
        change = f"{'+' if middle > level else '−'}{number(abs(100 * (middle / level - 1)), lang)}"
        parts.append(text("food_waste.why_expected", lang, pieces=number(middle, lang, 0 if middle >= 10 else 1), change=change))  # noqa: PLR2004
    if abs(ratio - 0.5) > NARROW:
        key = "food_waste.why_plenty" if ratio > 0.5 else "food_waste.why_scarce"  # noqa: PLR2004
        parts.append(text(key, lang, share=number(100 * ratio, lang)))
    preordered = _number(row, "preordered")
    if preordered:
        parts.append(text("food_waste.why_preordered", lang, pieces=number(preordered, lang)))
    return " + ".join(parts[:1]) + "".join(f", {part}" for part in parts[1:])


def _special(row: dict[str, object]) -> list[str]:
    """Return what is special about the day and enters the forecast: promotions, feasts and their neighbours, school holidays."""
    found = [name for name in ("promotion", "public_holiday", "bridge_day", "school_holiday") if row.get(name)]
    if not row.get("public_holiday"):
        found += ["before_holiday"] if row.get("days_to_holiday") == 1 else []
        found += ["after_holiday"] if row.get("days_since_holiday") == 1 else []
    return found + (["before_closed"] if row.get("closed_after") == 1 else [])


def _number(row: dict[str, object], name: str) -> float | None:
    value = row.get(name)
    return float(value) if isinstance(value, int | float) else None
