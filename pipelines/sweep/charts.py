"""The sweep's pictures as inline SVG: history, importances, parallel coordinates."""

from collections.abc import Callable, Mapping, Sequence
from math import log

from markupsafe import Markup
from optuna.trial import FrozenTrial

from pipelines.report.svg import Scale, axis_x, axis_y, clipped, label, line, path, picture, scale, tag
from pipelines.sweep.space import Space, Value
from pipelines.usecase import Options

WIDTH, HEIGHT = 1000.0, 300.0
LEFT, RIGHT, TOP, BOTTOM = 90.0, 980.0, 20.0, 250.0
BAR, BAR_LEFT = 30.0, 260.0
BEST_SHARE, LEAST = 0.1, 1e-9
SHORT = 18
Show = Callable[[float], str]
Said = tuple[str, str]  # title and description


def history(trials: Sequence[FrozenTrial], untuned: float, said: Said, show: Show, along_name: str) -> Markup:
    """Return values over trial numbers, with the best so far and the untuned settings."""
    points = [(trial.number, trial.values[0]) for trial in trials]
    at, marks = scale([value for _, value in points] + [untuned], BOTTOM, TOP, zero=False)
    along, numbers = scale([float(number) for number, _ in points], LEFT, RIGHT)
    best = float("inf")
    steps: list[tuple[float, float | None]] = []
    for number, value in points:
        if value < best:
            steps += [(along(number), at(best))] if steps else []
            best = value
        steps.append((along(number), at(best)))
    parts = [
        axis_y(at, marks, LEFT, RIGHT, show),
        axis_x(along, numbers, BOTTOM, BOTTOM, lambda number: f"{number:.0f}"),
        line((LEFT, at(untuned)), (RIGHT, at(untuned)), "line usual"),
        path(steps, "line plan"),
        *(tag("circle", cx=along(number), cy=at(value), r=3, class_="mark") for number, value in points),
    ]
    parts.append(label(RIGHT, BOTTOM + 42, along_name, "end", "tick"))
    return picture("history", (WIDTH, HEIGHT), *said, parts)


def importances(shares: Mapping[str, float], title: str, desc: str, show: Show) -> Markup:
    """Return one bar per setting, the most important first."""
    ordered = sorted(shares.items(), key=lambda item: -item[1])
    at = Scale(0.0, max(*shares.values(), LEAST), BAR_LEFT, RIGHT - 70)
    parts = []
    for row, (name, share) in enumerate(ordered):
        y = 10 + row * BAR
        parts += [
            label(BAR_LEFT - 10, y + 16, clipped(name, 32), "end"),
            tag("rect", x=BAR_LEFT, y=y, width=max(1.0, at(share) - BAR_LEFT), height=BAR - 10, class_="gain"),
            label(at(share) + 8, y + 16, show(share), "start", "tick"),
        ]
    return picture("importance", (WIDTH, 20 + len(ordered) * BAR), title, desc, parts)


def parallel(trials: Sequence[FrozenTrial], space: Space, said: Said, show: Callable[[Value], str], worth: tuple[str, Show]) -> Markup:
    """Return one line per trial over all settings, the best tenth in colour and drawn last; the last axis is the value.

    Parameters
    ----------
    worth
        Name of the last axis, and how its figures are written.
    """
    names = list(space)
    step = (RIGHT - LEFT) / len(names)
    ordered = sorted(trials, key=lambda trial: -trial.values[0])
    best_from = len(ordered) - max(1, round(len(ordered) * BEST_SHARE))
    low, high = ordered[-1].values[0], ordered[0].values[0]
    height = {trial.number: _between(trial.values[0], low, high) for trial in ordered}
    parts = []
    for rank, trial in enumerate(ordered):
        points = [(LEFT + index * step, _y(_share(space[name], trial.params[name]))) for index, name in enumerate(names)]
        parts.append(path([*points, (RIGHT, _y(height[trial.number]))], "line plan" if rank >= best_from else "thin"))
    for index, name in enumerate(names):
        x, anchor = LEFT + index * step, "start" if index == 0 else "middle"
        parts.append(line((x, TOP), (x, BOTTOM), "zero"))
        parts += [label(x, y, clipped(words, SHORT), anchor, "tick") for y, words in _ends(space[name], show)]
        parts.append(label(x, BOTTOM + (38 if index % 2 == 0 else 56), clipped(name, 26), anchor))
    parts += [line((RIGHT, TOP), (RIGHT, BOTTOM), "zero"), label(RIGHT, TOP - 6, worth[1](high), "end", "tick")]
    parts += [label(RIGHT, BOTTOM + 18, worth[1](low), "end", "tick"), label(RIGHT, BOTTOM + 38, clipped(worth[0], 26), "end")]
    return picture("parallel", (WIDTH, HEIGHT + 20), *said, parts)


def _ends(range_: object, show: Callable[[Value], str]) -> list[tuple[float, str]]:
    if isinstance(range_, Options):
        return [(TOP - 6, show(range_.values[-1])), (BOTTOM + 18, show(range_.values[0]))]
    return [(TOP - 6, show(range_.high)), (BOTTOM + 18, show(range_.low))]  # type: ignore[attr-defined]


def _y(share: float) -> float:
    return BOTTOM - share * (BOTTOM - TOP)


def _between(value: float, low: float, high: float) -> float:
    return (value - low) / (high - low) if high > low else 0.5


def _share(range_: object, value: Value) -> float:
    """Return where a value lies in its range, 0 to 1."""
    if isinstance(range_, Options):
        return _between(float(range_.values.index(value)), 0.0, len(range_.values) - 1.0)
    low, high, number = range_.low, range_.high, float(value)  # type: ignore[attr-defined]
    return _between(log(number), log(low), log(high)) if range_.log else _between(number, low, high)  # type: ignore[attr-defined]
