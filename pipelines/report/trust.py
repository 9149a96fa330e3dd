"""Sections on why to trust it: forecast quality, choices and periods, data, how to read the figures."""

from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl
from pydantic import BaseModel

from pipelines.report import charts
from pipelines.report.charts import Told
from pipelines.report.page import Cell, Section, Table, section
from pipelines.report.words import Words, digits
from pipelines.result import Interval, Period, Result

DIGEST_LETTERS = 12
VALUE_LETTERS = 200
NOT_ASSUMED = {"case", "data"}  # where rows come from is no assumption
SMALL = 0.01  # a score below shows one more digit
SHARES = ("wape", "bias", "crossed", "coverage")
TERMS = ("usual", "plan", "perfect", "captured", "sign", "interval", "equal", "band")


def trust(result: Result, words: Words) -> list[Section]:
    """Return the sections for which the result has something to show, in reading order."""
    found = []
    if result.scores or not result.calibration.is_empty():
        found.append(forecast(result, words))
    return [*found, choices(result, words), data(result, words), method(result, words)]


def notes(result: Result, words: Words) -> Section:
    """Return what the reader must be told."""
    return section(words, "notes", words("notes_title", count=len(result.notes)), points=[words.note(note) for note in result.notes])


def forecast(result: Result, words: Words) -> Section:
    """Return calibration and scores of the forecast."""
    table = result.calibration
    off = (pl.col("coverage") - pl.col("level")).abs()
    outside = table.filter((pl.col("low") > pl.col("level")) | (pl.col("high") < pl.col("level"))).height
    pictures, tables, title = [], [_scores(result, words)], words("forecast_scores")
    if not table.is_empty():
        worst = words.number(100 * float(table.select(off.max()).item() or 0.0), 1)
        title = words("forecast_title", points=worst, count=outside, total=table.height)
        axes = words("axis_nominal"), words("axis_covered")
        picture = charts.reliability(Told("calibration", title, words("forecast_caption")), table, words, axes)
        pictures.append((words("forecast_caption"), picture))
        rows = [
            [
                words.percent(level),
                words.percent(coverage, 1),
                words.range(Interval(coverage, low, high), lambda share: words.percent(share, 1)),
                words.number(count, 0),
            ]
            for level, coverage, low, high, count in table.select("level", "coverage", "low", "high", "rows").iter_rows()
        ]
        tables.append(
            Table(
                words("forecast_caption"),
                [words("col_nominal"), words("col_covered"), words("col_interval"), words("col_rows")],
                rows,
                texts=0,
            )
        )
    text = [] if table.is_empty() else [words("forecast_text")]
    return section(words, "forecast", title, *text, charts=pictures, tables=tables)


def _scores(result: Result, words: Words) -> Table:
    rows = [[words.label("score", name), _score(result, words, name), words.find(f"meaning_{name}") or ""] for name in result.scores]
    return Table(words("scores_caption"), [words("col_score"), words("col_value"), words("col_meaning")], rows, shown=True, texts=3)


def _score(result: Result, words: Words, name: str) -> Cell:
    """Return a score, with its interval below where it has one."""

    def shown(value: float | None) -> str:
        small = value is not None and 0 < abs(value) < SMALL
        return words.percent(value, 1) if name.startswith(SHARES) else words.number(value, 4 if small else 3 if bounds else 2)

    bounds = result.score_bounds.get(name)
    return (shown(bounds.value), words.range(bounds, shown)) if bounds else shown(result.scores[name])


def choices(result: Result, words: Words) -> Section:
    """Return what was chosen on which period."""
    title = words("choices_title", day=words.day(result.report.first))
    unit, saved, days = result.headline.unit, result.select_saved, result.select.days
    week = Interval(*(None if value is None else value * 7 / days for value in (saved.value, saved.low, saved.high)))
    decimals = digits(week.value, week.low, week.high)
    shown = words.range(week, lambda value: words.amount(value, unit, decimals))
    on_select = words("choices_select", amount=words.amount(week.value, unit, decimals), interval=shown)
    periods: Mapping[str, Period] = {"train": result.train, "select": result.select, "report": result.report}
    rows = [
        [words(f"period_{name}"), words.day(period.first), words.day(period.last), words.number(period.days, 0), words(f"purpose_{name}")]
        for name, period in periods.items()
    ]
    head = [words("col_period"), words("col_first"), words("col_last"), words("col_days"), words("col_purpose")]
    chosen = [[words.label("choice", name), words.choice(value)] for name, value in result.choices.items()]
    tables = [
        Table(words("periods_table"), head, rows, shown=True, texts=5),
        Table(words("choices_caption"), [words("col_choice"), words("col_value")], chosen, texts=2),
    ]
    chart = charts.timeline(Told("periods", title, words("periods_caption")), result, words)
    return section(
        words,
        "choices",
        title,
        on_select,
        words("choices_text"),
        charts=[(words("periods_caption"), chart)],
        tables=[*tables, *_models(result, words)],
    )


def _models(result: Result, words: Words) -> list[Table]:
    if "model_used" not in result.forecasts.columns:
        return []
    counts = (
        result.forecasts.group_by(pl.col("model_used").cast(pl.String), maintain_order=True)
        .agg(pl.len())
        .sort("len", "model_used", descending=[True, False])
    )
    rows = [[words.label("model", name), words.number(count, 0)] for name, count in counts.iter_rows()]
    return [Table(words("models_caption"), [words("col_model"), words("col_rows")], rows)]


def data(result: Result, words: Words) -> Section:
    """Return what the figures were computed from."""
    facts = result.data
    period = words.period(Period(facts.first, facts.last))
    title = words("data_title", rows=words.number(facts.rows, 0), series=words.number(facts.series, 0), source=facts.source, period=period)
    return section(
        words, "data", title, words("data_text", digest=facts.digest[:DIGEST_LETTERS]), points=[words.note(note) for note in facts.notes]
    )


def method(result: Result, words: Words) -> Section:
    """Return how to read the figures, and what was assumed."""
    terms = [(words(f"term_{name}"), words(f"term_{name}_text")) for name in TERMS]
    rows = [[name, words.value(value)[:VALUE_LETTERS]] for name, value in flat(result.settings) if name.split(".")[0] not in NOT_ASSUMED]
    table = Table(words("settings_caption"), [words("col_setting"), words("col_value")], rows, texts=2)
    return section(words, "method", words("method_title"), terms=terms, tables=[table])


def flat(part: BaseModel | Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every setting as `costs.price_eur`, value."""
    for name, value in part.items() if isinstance(part, Mapping) else ((name, getattr(part, name)) for name in type(part).model_fields):
        if isinstance(value, BaseModel | Mapping):
            yield from flat(value, f"{path}{name}.")
        else:
            yield f"{path}{name}", value
