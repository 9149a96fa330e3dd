"""The report's charts as inline SVG; each is told its title and description, and a table stands beside it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import polars as pl
from markupsafe import Markup

from pipelines.report import svg
from pipelines.report.facts import Series, Week
from pipelines.report.svg import Scale, label, line, tag
from pipelines.report.words import Words
from pipelines.result import Interval, Period, Result

WIDTH = 920
ROW = 34
NAME_LETTERS = 40
WEEK_LABELS, MOMENT_LABELS = 12, 10
LABELLED_LEVELS = 9
Show = Callable[[float], str]


@dataclass(frozen=True)
class Told:
    """Name (unique in the page), title and description of a chart."""

    name: str
    title: str
    desc: str


@dataclass(frozen=True)
class Whisker:
    """A named figure with its interval; without a figure it is a heading."""

    name: str
    bounds: Interval | None
    strong: bool = False


def forest(told: Told, rows: Sequence[Whisker], show: Show, sides: tuple[str, str]) -> Markup:
    """Draw figures with intervals around zero, one row each; `sides` says what left and right of zero mean."""
    left, right, top = 300.0, WIDTH - 120.0, 30.0
    bottom = top + ROW * len(rows)
    values = [value for row in rows if row.bounds for value in (row.bounds.value, row.bounds.low, row.bounds.high)]
    at, marks = svg.scale(values, left, right)
    parts = [svg.axis_x(at, marks, top, bottom, show), label(right, 16, f"{sides[1]} →", "end", "side")]
    if at.low < 0:
        parts.append(label(left, 16, f"← {sides[0]}", "start", "side"))
    for index, row in enumerate(rows):
        y = top + ROW * (index + 0.5)
        kind = "strong" if row.strong or row.bounds is None else ""
        parts.append(label(left - 16, y + 5, svg.clipped(row.name, NAME_LETTERS), "end", kind))
        if row.bounds is not None and row.bounds.value is not None:
            parts.append(_whisker(at, y, row.bounds) + label(right + 14, y + 5, show(row.bounds.value), "start", "strong"))
    return svg.picture(told.name, (WIDTH, bottom + 30), told.title, told.desc, parts)


def _whisker(at: Scale, y: float, bounds: Interval) -> Markup:
    dot = svg.mark(at(bounds.value or 0.0), y, "plan")
    if bounds.low is None or bounds.high is None:
        return dot
    ends = [line((at(end), y - 6), (at(end), y + 6), "whisker") for end in (bounds.low, bounds.high)]
    return Markup("").join([line((at(bounds.low), y), (at(bounds.high), y), "whisker"), *ends, dot])


def share_bar(told: Told, share: Interval, ends: tuple[str, str], show: Show) -> Markup:
    """Draw how far the plan goes from business as usual (left) to perfect foresight (right)."""
    width, top, height = 300, 8, 22
    at = Scale(0.0, 1.0, 4.0, width - 4.0)
    value = min(max(share.value or 0.0, 0.0), 1.0)
    parts = [
        tag("rect", x=at(0), y=top, width=at(1) - at(0), height=height, rx=3, class_="possible"),
        tag("rect", x=at(0), y=top, width=at(value) - at(0), height=height, rx=3, class_="captured"),
        label(at(0), top + height + 20, ends[0]),
        label(at(1), top + height + 20, ends[1], "end"),
    ]
    if share.low is not None and share.high is not None:
        low, high = (at(min(max(end, 0.0), 1.0)) for end in (share.low, share.high))
        middle = top + height / 2
        if low < high:  # an interval outside 0 to 100 % has no place on the bar
            parts.append(line((low, middle), (high, middle), "whisker"))
            parts += [line((end, middle - 6), (end, middle + 6), "whisker") for end in (low, high)]
    return svg.picture(told.name, (width, 56), told.title, f"{told.desc} {show(value)}", parts)


def week_bars(told: Told, weeks: Sequence[Week], mean: float, words: Words, show: Show) -> Markup:
    """Draw what each week saved, with the mean of the report period; an incomplete week is hollow."""
    left, right, top, bottom = 90.0, WIDTH - 10.0, 40.0, 280.0
    at, marks = svg.scale([week.saved for week in weeks] + [mean], bottom, top)
    slot = (right - left) / max(len(weeks), 1)
    every = max(1, -(-len(weeks) // WEEK_LABELS))
    parts = [svg.axis_y(at, marks, left, right, show)]
    for index, week in enumerate(weeks):
        x = left + slot * (index + 0.14)
        upper, lower = sorted((at(0.0), at(week.saved)))
        kind = ("gain" if week.saved >= 0 else "loss") + ("" if week.complete else " hollow")
        tip = tag("title", f"{words.day(week.first)}: {show(week.saved)}")
        parts.append(tag("rect", tip, x=x, y=upper, width=slot * 0.72, height=max(lower - upper, 0.5), class_=kind))
        if index % every == 0:
            parts.append(label(x + slot * 0.36, bottom + 19, words.moment(week.first), "middle", "tick"))
    parts.append(line((left, at(mean)), (right, at(mean)), "line mean"))
    entries = [("gain", words("weeks_gain")), ("loss", words("weeks_loss")), ("line mean", words("weeks_mean", mean=show(mean)))]
    parts.append(svg.legend(left, 18, [entry for entry in entries if entry[0] != "loss" or any(week.saved < 0 for week in weeks)]))
    return svg.picture(told.name, (WIDTH, bottom + 30), told.title, told.desc, parts)


def series_lines(told: Told, series: Series, words: Words, names: dict[str, str]) -> Markup:
    """Draw the outcome, its forecast band and what usual and plan did, over the last time steps."""
    left, right, top, bottom = 60.0, WIDTH - 10.0, 40.0, 270.0
    track = series.track
    drawn = [track[name].cast(pl.Float64).to_list() for name in ("target", "low", "high", "usual", "plan")]
    at, marks = svg.scale([value for values in drawn for value in values], bottom, top)
    across = Scale(0.0, max(track.height - 1.0, 1.0), left + 8, right - 8)
    xs = [across(float(index)) for index in range(track.height)]
    pixels = [[None if value is None else at(value) for value in values] for values in drawn]
    target, low, high, usual, plan = pixels
    parts = [svg.axis_y(at, marks, left, right, lambda value: words.number(value, 0 if marks[1] - marks[0] >= 1 else 1))]
    parts += [svg.area(list(zip(xs, low, high, strict=True)), "band")] if names.get("band") else []
    parts += [svg.path(list(zip(xs, usual, strict=True)), "line usual"), svg.path(list(zip(xs, plan, strict=True)), "line plan")]
    parts += [tag("circle", cx=x, cy=y, r=3.2, class_="outcome") for x, y in zip(xs, target, strict=True) if y is not None]
    every = max(1, -(-track.height // MOMENT_LABELS))
    for index, when in enumerate(track["time"].to_list()):
        if index % every == 0:
            parts.append(label(xs[index], bottom + 19, words.moment(when), "middle", "tick"))
    kinds = {"target": "mark outcome", "band": "band", "plan": "line plan", "usual": "line usual"}
    parts.append(svg.legend(left, 18, [(kind, names[name]) for name, kind in kinds.items() if name in names]))
    return svg.picture(told.name, (WIDTH, bottom + 30), told.title, told.desc, parts)


def trade_off(told: Told, curve: pl.DataFrame, words: Words, axes: tuple[str, str]) -> Markup:
    """Draw wasted against missed: a line over the service levels, a marked point for each policy as it was replayed."""
    left, right, top, bottom = 90.0, WIDTH - 20.0, 64.0, 370.0
    x_at, x_marks = svg.scale(curve["missed"].to_list(), left, right)
    y_at, y_marks = svg.scale(curve["wasted"].to_list(), bottom, top)
    parts = [svg.axis_y(y_at, y_marks, left, right, words.number), svg.axis_x(x_at, x_marks, top, bottom, words.number)]
    parts += [label((left + right) / 2, bottom + 42, axes[1], "middle"), label(left, 50, f"↑ {axes[0]}")]
    entries: list[tuple[str, str]] = []
    lines = pl.col("service_level").is_not_null() & (pl.len().over("policy") > 1)
    for (policy,), points in curve.filter(lines).sort("service_level").group_by("policy", maintain_order=True):
        spots = [(x_at(missed), y_at(wasted)) for wasted, missed in points.select("wasted", "missed").iter_rows()]
        parts += [svg.path(spots, f"line {policy}"), *_level_labels(points, spots, words)]
        entries.append((f"line {policy}", words("curve_levels", policy=words.label("policy", policy))))
    for policy, wasted, missed in curve.filter(~lines).select("policy", "wasted", "missed").iter_rows():
        parts.append(svg.mark(x_at(missed), y_at(wasted), policy, words.label("policy", policy)))
        entries.append((f"mark {policy}", words.label("policy", policy)))
    parts.append(svg.legend(left, 18, entries))
    return svg.picture(told.name, (WIDTH, bottom + 52), told.title, told.desc, parts)


def _level_labels(points: pl.DataFrame, spots: Sequence[tuple[float, float]], words: Words) -> list[Markup]:
    every = max(1, len(spots) // LABELLED_LEVELS)
    levels = points["service_level"].to_list()
    return [
        tag("circle", cx=x, cy=y, r=3, class_="step")
        + (
            label(x + 8, y - 7, words.percent(levels[index]), "start", "tick")
            if index % every == 0 and levels[index] is not None
            else Markup("")
        )
        for index, (x, y) in enumerate(spots)
    ]


def reliability(told: Told, table: pl.DataFrame, words: Words, axes: tuple[str, str]) -> Markup:
    """Draw covered against nominal shares with intervals; the diagonal is perfect calibration."""
    left, right, top, bottom = 90.0, 410.0, 34.0, 300.0
    x_at, y_at = Scale(0.0, 1.0, left, right), Scale(0.0, 1.0, bottom, top)
    marks = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    parts = [svg.axis_y(y_at, marks, left, right, words.percent), svg.axis_x(x_at, marks, top, bottom, words.percent)]
    parts.append(line((left, bottom), (right, top), "line mean"))
    for level, coverage, low, high in table.select("level", "coverage", "low", "high").iter_rows():
        if low is not None and high is not None:
            parts.append(line((x_at(level), y_at(low)), (x_at(level), y_at(high)), "whisker"))
        if coverage is not None:
            parts.append(svg.mark(x_at(level), y_at(coverage), "plan", f"{words.percent(level)}: {words.percent(coverage, 1)}"))
    parts += [label((left + right) / 2, bottom + 42, axes[0], "middle"), label(left, 18, f"↑ {axes[1]}")]
    return svg.picture(told.name, (430, bottom + 52), told.title, told.desc, parts)


def timeline(told: Told, result: Result, words: Words) -> Markup:
    """Draw train, select and report as one bar over time."""
    first, last = result.train.first.toordinal(), result.report.last.toordinal() + 1
    at = Scale(float(first), float(last), 4.0, WIDTH - 4.0)
    parts: list[Markup] = []
    periods: dict[str, Period] = {"train": result.train, "select": result.select, "report": result.report}
    for name, period in periods.items():
        x, end = at(float(period.first.toordinal())), at(float(period.last.toordinal() + 1))
        parts.append(tag("rect", x=x + 1, y=26, width=max(end - x - 2, 1.0), height=26, rx=3, class_=f"period {name}"))
        parts.append(
            label(x + 2, 18, words(f"period_{name}"), "start", "strong") + label(x + 2, 72, words.day(period.first), "start", "tick")
        )
    parts.append(label(at(float(last)), 72, words.day(result.report.last), "end", "tick"))
    return svg.picture(told.name, (WIDTH, 80), told.title, told.desc, parts)
