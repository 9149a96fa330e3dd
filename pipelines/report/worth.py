"""Sections on what the plan is worth: units, opponents, equal availability, trade-off, weeks, series, segments."""

from collections.abc import Sequence

import polars as pl

from pipelines.report import charts
from pipelines.report.charts import Told, Whisker
from pipelines.report.facts import Series, columns, one_series, series_savings, weeks
from pipelines.report.head import change, relative
from pipelines.report.page import Cell, Section, Table, joined, section
from pipelines.report.words import Words, digits, per_week, weekly_interval
from pipelines.result import Interval, Opponent, Result

ENDS = 5  # so many best and worst series are listed by name


def worth(result: Result, words: Words) -> list[Section]:
    """Return the sections for which the result has something to show, in reading order."""
    found = [units(result, words)]
    if result.opponents:
        found.append(opponents(result, words))
    if result.equal_service is not None:
        found.append(equal_service(result, words))
    if not result.curve.is_empty():
        found.append(curve(result, words))
    found += [by_week(result, words), *by_series(result, words)]
    if not result.segments.is_empty():
        found.append(segments(result, words))
    return found


def amount_cell(result: Result, words: Words, bounds: Interval, unit: str) -> Cell:
    """Return a saving per week with its interval in a small line."""
    week = weekly_interval(result, bounds)
    decimals = digits(week.value, week.low, week.high)
    return words.amount(week.value, unit, decimals), words.range(week, lambda value: words.amount(value, unit, decimals))


def units(result: Result, words: Words) -> Section:
    """Return every ledger unit of the three policies."""
    tones = {saving.unit: change(words, saving)[0] for saving in result.savings[1:]}
    better, worse = ([words.label("unit", unit) for unit, tone in tones.items() if tone == wanted] for wanted in ("better", "worse"))
    finding = "alone" if not tones else "both" if better and worse else "better" if better else "worse" if worse else "none"
    title = words(f"units_{finding}", better=joined(words, better), worse=joined(words, worse))
    rows = []
    for saving in result.savings:
        totals = [words.amount(per_week(result, total), saving.unit) for total in (saving.usual, saving.plan, saving.perfect)]
        share = words.percent(saving.captured.value), words.range(saving.captured, words.percent)
        saved = amount_cell(result, words, saving.saved, saving.unit)
        rows.append([(words.label("unit", saving.unit), change(words, saving)[1]), *totals, saved, relative(words, saving), share])
    policies = [words.label("policy", policy) for policy in ("usual", "plan", "perfect")]
    head = [words("col_unit"), *policies, words("col_saved"), words("col_change"), words("col_captured")]
    table = Table(words("units_caption"), head, rows, shown=True)
    return section(words, "units", title, words("units_text"), tables=[table])


def opponents(result: Result, words: Words) -> Section:
    """Return the plan against business as usual and the simple rules."""
    unit = result.headline.unit
    best = next((rival for rival in result.opponents if rival.chosen), min(result.opponents, key=lambda rival: rival.total))
    rivals = [Opponent("usual", result.headline.usual, result.headline.saved, chosen=False), *result.opponents]
    names = [_rival(words, rival) for rival in rivals]
    week = [weekly_interval(result, rival.saved) for rival in rivals]
    title = _against(result, words, best)
    told = Told("opponents", title, words("opponents_caption"))
    rows = [Whisker(name, bounds, rival.chosen) for name, bounds, rival in zip(names, week, rivals, strict=True)]
    chart = charts.forest(told, rows, lambda value: words.amount(value, unit), (words("side_worse"), words("side_better")))
    cells = [
        [name, words.amount(per_week(result, rival.total), unit), amount_cell(result, words, rival.saved, unit)]
        for name, rival in zip(names, rivals, strict=True)
    ]
    cells.append([words("policy_plan"), words.amount(per_week(result, result.headline.plan), unit), words("nothing")])
    table = Table(words("opponents_caption"), [words("col_rule"), words("col_cost"), words("col_saved_against")], cells)
    return section(words, "opponents", title, words("opponents_text"), charts=[(told.desc, chart)], tables=[table])


def _rival(words: Words, rival: Opponent) -> str:
    name = words("policy_usual") if rival.rule == "usual" else words.label("rule", rival.rule)
    return words("rule_chosen", rule=name) if rival.chosen else name


def _against(result: Result, words: Words, best: Opponent) -> str:
    rule, saved = words.label("rule", best.rule), best.saved
    shown = words.amount(abs(per_week(result, saved.value) or 0.0), result.headline.unit)
    if saved.value is None or saved.low is None or saved.high is None or saved.low <= 0 <= saved.high:
        return words("opponents_none", rule=rule)
    if saved.high < 0:
        return words("opponents_worse", rule=rule, amount=shown)
    if best.total <= 0:
        return words("opponents_amount", rule=rule, amount=shown)
    return words("opponents_better", rule=rule, percent=words.percent(saved.value / best.total))


def equal_service(result: Result, words: Words) -> Section:
    """Return waste at equal availability."""
    equal = result.equal_service
    assert equal is not None  # noqa: S101
    waste, missed = (
        [per_week(result, value) for value in pair]
        for pair in ((equal.usual_waste, equal.plan_waste), (equal.usual_missed, equal.plan_missed))
    )
    factor = words.number(equal.factor, 2)
    share = equal.plan_waste / equal.usual_waste - 1 if equal.usual_waste > 0 else 0.0
    finding = "less" if share < 0 else "more" if share > 0 else "same"
    title = words(f"equal_{finding}", percent=words.percent(abs(share)), unit=words.label("unit", equal.waste_unit))
    rows = [
        [name, words.amount(waste[index], equal.waste_unit), words.amount(missed[index], equal.missed_unit)]
        for index, name in enumerate((words("equal_usual", factor=factor), words("policy_plan")))
    ]
    head = [words("col_policy"), words.label("unit", equal.waste_unit), words.label("unit", equal.missed_unit)]
    table = Table(words("equal_caption"), head, rows, shown=True)
    return section(words, "equal", title, words("equal_text", factor=factor), tables=[table])


def curve(result: Result, words: Words) -> Section:
    """Return the trade-off of waste against shortage."""
    table = result.curve
    usual = table.filter(pl.col("policy") == "usual").select("wasted", "missed").rows()
    levels = table.filter(pl.col("policy") == "plan", pl.col("service_level").is_not_null()).select("wasted", "missed").rows()
    beating = [spot for spot in levels if usual and spot != usual[0] and spot[0] <= usual[0][0] and spot[1] <= usual[0][1]]
    finding = "free" if not usual or not levels else "beats" if beating else "none"
    title = words(f"curve_{finding}", count=len(beating), total=len(levels))
    per = pl.col("wasted", "missed") * (7 / result.report.days)
    equal = result.equal_service
    axes = [words("axis_wasted"), words("axis_missed")]
    if equal is not None:
        axes = [f"{axis}: {words.label('unit', unit)}" for axis, unit in zip(axes, (equal.waste_unit, equal.missed_unit), strict=True)]
    weekly = table.with_columns(per)
    chart = charts.trade_off(Told("curve", title, words("curve_caption")), weekly, words, (axes[0], axes[1]))
    rows = [
        [words.label("policy", policy), words.percent(level), words.number(wasted), words.number(missed)]
        for policy, level, wasted, missed in weekly.select("policy", "service_level", "wasted", "missed").iter_rows()
    ]
    folded = Table(words("curve_caption"), [words("col_policy"), words("col_level"), *axes], rows)
    return section(words, "curve", title, words("curve_text"), charts=[(words("curve_caption"), chart)], tables=[folded])


def by_week(result: Result, words: Words) -> Section:
    """Return savings over time."""
    found, unit = weeks(result), result.headline.unit
    title = words("weeks_title", count=sum(week.saved > 0 for week in found), total=len(found))
    decimals = digits(*(week.saved for week in found))
    mean = per_week(result, result.headline.saved.value) or 0.0

    def show(value: float) -> str:
        return words.amount(value, unit, decimals)

    chart = charts.week_bars(Told("weeks", title, words("weeks_caption")), found, mean, words, show)
    rows = [[words.day(week.first) + ("" if week.complete else f" {words('incomplete')}"), show(week.saved)] for week in found]
    table = Table(words("weeks_caption"), [words("col_week"), words("col_saved")], rows)
    text = [words("weeks_text")] + ([words("weeks_incomplete")] if not all(week.complete for week in found) else [])
    return section(words, "weeks", title, *text, charts=[(words("weeks_caption"), chart)], tables=[table])


def by_series(result: Result, words: Words) -> list[Section]:
    """Return the series with the largest and the smallest saving over time, and the ends of the list."""
    ranking, unit = series_savings(result), result.headline.unit
    if ranking.is_empty():
        return []
    ends = [one_series(result, row) for row in (ranking.row(0, named=True), *([ranking.row(-1, named=True)] if ranking.height > 1 else []))]
    shown = [words.amount(per_week(result, series.saved), unit) for series in ends]
    title = words(
        "series_title" if len(ends) > 1 else "series_one",
        best=ends[0].name,
        best_amount=shown[0],
        worst=ends[-1].name,
        worst_amount=shown[-1],
    )
    names = _names(result, words)
    pictures, tables = [], []
    for series, saved, end in zip(ends, shown, ("best", "worst"), strict=False):
        caption = words(f"series_{end}", name=series.name, amount=saved)
        pictures.append((caption, charts.series_lines(Told(f"series-{end}", caption, words("series_text")), series, words, names)))
        tables.append(_track(words, series, caption, names))
    if ranking.height > len(ends):
        tables.insert(0, _ranking(result, words, ranking))
    return [section(words, "series", title, words("series_text"), charts=pictures, tables=tables)]


def _names(result: Result, words: Words) -> dict[str, str]:
    found = columns(result)
    names = {"target": words.label("column", found.target), "plan": words("policy_plan"), "usual": words("policy_usual")}
    return {**names, **({"band": words("band")} if found.low else {})}


def _track(words: Words, series: Series, caption: str, names: dict[str, str]) -> Table:
    rows = [
        [
            words.moment(when),
            words.number(target),
            words("range", low=words.number(low), high=words.number(high)),
            words.number(plan),
            words.number(usual),
        ]
        for when, target, low, high, plan, usual in series.track.select("time", "target", "low", "high", "plan", "usual").iter_rows()
    ]
    return Table(caption, [words("col_time"), names["target"], words("band"), names["plan"], names["usual"]], rows)


def _ranking(result: Result, words: Words, ranking: pl.DataFrame) -> Table:
    picked = ranking if ranking.height <= 2 * ENDS else pl.concat([ranking.head(ENDS), ranking.tail(ENDS)])
    keys = ranking.columns[:-1]
    rows = [[*(str(key) for key in row[:-1]), words.amount(per_week(result, row[-1]), result.headline.unit)] for row in picked.iter_rows()]
    head = [*(words.label("column", key) for key in keys), words("col_saved")]
    return Table(words("ranking_caption", count=picked.height, total=ranking.height), head, rows, texts=len(keys))


def segments(result: Result, words: Words) -> Section:
    """Return savings per segment, each kind under its own heading."""
    unit, table = result.headline.unit, result.segments
    better, worse = table.filter(pl.col("low") > 0).height, table.filter(pl.col("high") < 0).height
    title = words("segments_title", better=better, worse=worse, total=table.height)
    chart_rows: list[Whisker] = []
    cells: list[Sequence[Cell]] = []
    for (kind,), part in table.group_by("kind", maintain_order=True):
        chart_rows.append(Whisker(words.label("kind", kind), None))
        for row in part.iter_rows(named=True):
            name, saved = words.label("segment", row["segment"]), Interval(row["saved"], row["low"], row["high"])
            chart_rows.append(Whisker(name, weekly_interval(result, saved)))
            totals = [words.amount(per_week(result, row[policy]), unit) for policy in ("usual", "plan", "perfect")]
            saved_cell = amount_cell(result, words, saved, unit)
            cells.append(
                [words.label("kind", kind), name, words.number(row["rows"], 0), *totals, saved_cell, words.percent(row["captured"])]
            )
    told = Told("segments", title, words("segments_caption"))
    chart = charts.forest(told, chart_rows, lambda value: words.amount(value, unit), (words("side_worse"), words("side_better")))
    policies = [words.label("policy", policy) for policy in ("usual", "plan", "perfect")]
    head = [words("col_kind"), words("col_segment"), words("col_rows"), *policies, words("col_saved"), words("col_captured")]
    return section(
        words,
        "segments",
        title,
        words("segments_text"),
        charts=[(told.desc, chart)],
        tables=[Table(words("segments_caption"), head, cells, texts=2)],
    )
