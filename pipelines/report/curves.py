"""Charts of probabilities: lines over an axis (decision curve, slots), and a histogram of two groups. Inline SVG, general."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from pipelines.report import svg
from pipelines.report.charts import WIDTH, Show, Told
from pipelines.report.svg import Scale, label, tag

Spot = tuple[float, float]


@dataclass(frozen=True)
class Line:
    """A named line through points (x, y); kind: plan, usual, perfect, mean."""

    name: str
    kind: str
    points: Sequence[Spot]


@dataclass(frozen=True)
class Axes:
    """What the axes show, and how their figures are written."""

    across: str
    upward: str
    show_x: Show
    show_y: Show


def lines(told: Told, drawn: Sequence[Line], axes: Axes, spots: Sequence[tuple[str, str, Spot]] = ()) -> Markup:
    """Draw lines over a common axis; `spots`: single points (name, kind, place), named beside the point."""
    left, right, top, bottom = 90.0, WIDTH - 20.0, 64.0, 350.0
    places = [spot for one in drawn for spot in one.points] + [spot for _, _, spot in spots]
    x_at, x_marks = svg.scale([x for x, _ in places], left, right)
    y_at, y_marks = svg.scale([y for _, y in places], bottom, top)
    parts = [svg.axis_y(y_at, y_marks, left, right, axes.show_y), svg.axis_x(x_at, x_marks, top, bottom, axes.show_x)]
    parts += [label((left + right) / 2, bottom + 42, axes.across, "middle"), label(left, 50, f"↑ {axes.upward}")]
    parts += [svg.path([(x_at(x), y_at(y)) for x, y in one.points], f"line {one.kind}") for one in drawn]
    for name, kind, (x, y) in spots:
        parts.append(svg.mark(x_at(x), y_at(y), kind, name) + label(x_at(x) + 10, y_at(y) + 16, name, "start", "tick"))
    parts.append(svg.legend(left, 18, [(f"line {one.kind}", one.name) for one in drawn]))
    return svg.picture(told.name, (WIDTH, bottom + 52), told.title, told.desc, parts)


def histogram(told: Told, groups: Sequence[tuple[str, str, Sequence[float]]], axes: Axes) -> Markup:
    """Draw shares per bin side by side, one set of bars for each group (name, kind, shares); the bins divide 0 to 1 evenly."""
    left, right, top, bottom = 90.0, WIDTH - 20.0, 64.0, 290.0
    bins = max((len(shares) for _, _, shares in groups), default=1)
    y_at, y_marks = svg.scale([share for _, _, shares in groups for share in shares], bottom, top)
    x_at = Scale(0.0, 1.0, left, right)
    marks = [place / 5 for place in range(6)]
    parts = [svg.axis_y(y_at, y_marks, left, right, axes.show_y), svg.axis_x(x_at, marks, top, bottom, axes.show_x)]
    parts += [label((left + right) / 2, bottom + 42, axes.across, "middle"), label(left, 50, f"↑ {axes.upward}")]
    width = (right - left) / bins * 0.8 / max(len(groups), 1)
    for number, (_, kind, shares) in enumerate(groups):
        for place, share in enumerate(shares):
            x = x_at(place / bins) + (right - left) / bins * 0.1 + number * width
            parts.append(tag("rect", x=x, y=y_at(share), width=width, height=max(bottom - y_at(share), 0.0), class_=kind))
    parts.append(svg.legend(left, 18, [(kind, name) for name, kind, _ in groups]))
    return svg.picture(told.name, (WIDTH, bottom + 52), told.title, told.desc, parts)
