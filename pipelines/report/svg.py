"""A few building blocks for charts as inline SVG: tags, scales, axes, legends. Colours live in report.css."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

from markupsafe import Markup, escape

LETTER = 7.3  # mean width of a letter in the charts' 14 px type
STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
Point = tuple[float, float]


@dataclass(frozen=True)
class Scale:
    """A linear map from data to pixels."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Return the pixel of a value."""
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


def tag(name: str, *children: str, **attributes: object) -> Markup:
    """Return one element; text children are escaped, pixels rounded so that the same Result gives the same bytes."""
    shown = Markup("").join(
        Markup(' {}="{}"').format(key.rstrip("_").replace("_", "-"), _plain(value)) for key, value in attributes.items()
    )
    inner = Markup("").join(escape(child) for child in children)
    return Markup("<{0}{1}>{2}</{0}>").format(Markup(name), shown, inner) if children else Markup("<{}{}/>").format(Markup(name), shown)  # noqa: S704


def _plain(value: object) -> str:
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else str(value)


def picture(name: str, size: tuple[float, float], title: str, desc: str, parts: Sequence[str]) -> Markup:
    """Return an SVG that scales with the page and is read aloud as title and description."""
    head = tag("title", title, id=f"{name}-title"), tag("desc", desc, id=f"{name}-desc")
    labelled = {"role": "img", "aria_labelledby": f"{name}-title {name}-desc"}
    return tag("svg", *head, *parts, class_="chart", viewBox=f"0 0 {_plain(float(size[0]))} {_plain(float(size[1]))}", **labelled)


def label(x: float, y: float, words: str, anchor: str = "start", kind: str = "") -> Markup:
    """Return text at a point; anchor is start, middle or end."""
    return tag("text", words, x=x, y=y, text_anchor=anchor, **({"class_": kind} if kind else {}))


def line(start: Point, end: Point, kind: str) -> Markup:
    """Return a straight line."""
    return tag("line", x1=start[0], y1=start[1], x2=end[0], y2=end[1], class_=kind)


def clipped(words: str, letters: int) -> str:
    """Return at most so many letters."""
    return words if len(words) <= letters else words[: letters - 1].rstrip() + "…"


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Return about `count` round numbers that enclose low and high."""
    rough = max(high - low, 1e-12) / count
    power = 10.0 ** floor(log10(rough))
    step = next(step * power for step in STEPS if step * power >= rough * (1 - 1e-9))
    return [round(step * index, 12) for index in range(floor(low / step + 1e-9), ceil(high / step - 1e-9) + 1)]


def scale(values: Sequence[float | None], start: float, end: float, zero: bool = True) -> tuple[Scale, list[float]]:
    """Return a scale over the values (and zero) with its ticks."""
    known = [value for value in values if value is not None] + ([0.0] if zero else [])
    low, high = min(known, default=0.0), max(known, default=0.0)
    marks = ticks(low, high if high > low else low + 1.0)
    return Scale(marks[0], marks[-1], start, end), marks


def axis_y(at: Scale, marks: Sequence[float], left: float, right: float, show: Callable[[float], str]) -> Markup:
    """Return horizontal grid lines with figures on the left; the zero line is strong."""
    parts = [
        line((left, at(mark)), (right, at(mark)), "zero" if mark == 0 else "grid")
        + label(left - 8, at(mark) + 5, show(mark), "end", "tick")
        for mark in marks
    ]
    return Markup("").join(parts)


def axis_x(at: Scale, marks: Sequence[float], top: float, bottom: float, show: Callable[[float], str]) -> Markup:
    """Return vertical grid lines with figures below; the zero line is strong."""
    parts = [
        line((at(mark), top), (at(mark), bottom), "zero" if mark == 0 else "grid")
        + label(at(mark), bottom + 19, show(mark), "middle", "tick")
        for mark in marks
    ]
    return Markup("").join(parts)


def path(points: Sequence[tuple[float, float | None]], kind: str) -> Markup:
    """Return a line through the points, broken where there is no value."""
    commands, pen = [], "M"
    for x, y in points:
        if y is None:
            pen = "M"
            continue
        commands.append(f"{pen}{_plain(float(x))} {_plain(float(y))}")
        pen = "L"
    return tag("path", d="".join(commands), class_=kind)


def area(points: Sequence[tuple[float, float | None, float | None]], kind: str) -> Markup:
    """Return the area between two lines, broken where one has no value."""
    pieces: list[list[tuple[float, float, float]]] = [[]]
    for x, low, high in points:
        if low is None or high is None:
            pieces.append([])
        else:
            pieces[-1].append((x, low, high))
    shapes = [[*((x, high) for x, _, high in piece), *((x, low) for x, low, _ in reversed(piece))] for piece in pieces if piece]
    drawn = "".join("M" + "L".join(f"{_plain(float(x))} {_plain(float(y))}" for x, y in shape) + "Z" for shape in shapes)
    return tag("path", d=drawn, class_=kind)


def mark(x: float, y: float, kind: str, note: str = "") -> Markup:
    """Return a marker whose shape differs by policy: plan a dot, usual a square, perfect a diamond."""
    inside = (tag("title", note),) if note else ()
    if kind == "usual":
        return tag("rect", *inside, x=x - 6, y=y - 6, width=12, height=12, class_="mark usual")
    if kind == "perfect":
        return tag(
            "path", *inside, d=f"M{x:.1f} {y - 8:.1f}L{x + 8:.1f} {y:.1f}L{x:.1f} {y + 8:.1f}L{x - 8:.1f} {y:.1f}Z", class_="mark perfect"
        )
    return tag("circle", *inside, cx=x, cy=y, r=5, class_=f"mark {kind}")


def legend(x: float, y: float, entries: Sequence[tuple[str, str]]) -> Markup:
    """Return swatches with their names in one row; a kind is `line usual`, `band` or `mark plan`."""
    parts = []
    for kind, words in entries:
        if kind.startswith("mark"):
            swatch = mark(x + 14, y - 5, kind.split()[1])
        elif kind.startswith("line"):
            swatch = line((x, y - 5), (x + 28, y - 5), kind)
        else:
            swatch = tag("rect", x=x, y=y - 12, width=28, height=14, class_=kind)
        parts.append(swatch + label(x + 36, y, words))
        x += 36 + LETTER * len(words) + 28
    return Markup("").join(parts)
