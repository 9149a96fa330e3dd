"""A map drawn offline as inline SVG: places, ways between them, labels and a scale bar, without tiles or streets. North is up."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import cos, radians

from markupsafe import Markup

from pipelines.report import svg
from pipelines.report.charts import WIDTH, Told
from pipelines.report.svg import LETTER, Point, label, line, tag
from pipelines.report.words import Words

KM_PER_DEGREE = 111.195  # of latitude, on a sphere of 6371 km
MARGIN, LOWEST, HIGHEST, FOOT = 44.0, 260.0, 700.0, 46.0  # pixels
SMALLEST_KM = 0.2
BAR_SHARE = 0.25  # of the width: the scale bar at most
BARS = (1.0, 2.0, 5.0)
COLOURS = 6  # of route0 … route5 in report.css
ROOM, HALF_LINE = 9.0, 8.0  # pixels between a dot and its label, half the height of a line of text

LatLon = tuple[float, float]  # degrees north, degrees east


@dataclass(frozen=True)
class Place:
    """A point: its label (empty: none), what is shown on hovering, and whether it is a `depot`, a `stop` or only `other`."""

    at: LatLon
    name: str = ""
    note: str = ""
    kind: str = "stop"


@dataclass(frozen=True)
class Way:
    """A line through points in order, with arrows halfway; `colour` 0 … 5, the next ones start again."""

    through: Sequence[LatLon]
    colour: int = 0
    note: str = ""


def map_svg(told: Told, places: Sequence[Place], ways: Sequence[Way], words: Words) -> Markup:
    """Draw places and ways to scale (equirectangular around the middle latitude: right for a region, not for a continent)."""
    spots = [place.at for place in places] + [at for way in ways for at in way.through]
    if not spots:
        raise ValueError("a map needs at least one place")
    plane = _Plane.around(spots)
    parts = [_way(plane, way) for way in ways]
    parts += [_place(plane, place) for place in sorted(places, key=lambda place: place.kind != "other")]
    parts += _labels(plane, places)
    parts.append(_scale_bar(plane, words))
    return svg.picture(told.name, (WIDTH, plane.height + FOOT), told.title, told.desc, parts)


@dataclass(frozen=True)
class _Plane:
    west: float
    north: float
    east_km: float  # km per degree of longitude here
    pixels: float  # per km
    shift: Point
    height: float

    @classmethod
    def around(cls, spots: Sequence[LatLon]) -> "_Plane":
        lat, lon = [at[0] for at in spots], [at[1] for at in spots]
        east_km = KM_PER_DEGREE * max(cos(radians((min(lat) + max(lat)) / 2)), 0.01)
        wide, high = max((max(lon) - min(lon)) * east_km, SMALLEST_KM), max((max(lat) - min(lat)) * KM_PER_DEGREE, SMALLEST_KM)
        pixels = min((WIDTH - 2 * MARGIN) / wide, (HIGHEST - 2 * MARGIN) / high)
        height = max(LOWEST, high * pixels + 2 * MARGIN)
        shift = ((WIDTH - (max(lon) - min(lon)) * east_km * pixels) / 2, (height - (max(lat) - min(lat)) * KM_PER_DEGREE * pixels) / 2)
        return cls(min(lon), max(lat), east_km, pixels, shift, height)

    def __call__(self, at: LatLon) -> Point:
        x, y = (at[1] - self.west) * self.east_km, (self.north - at[0]) * KM_PER_DEGREE
        return self.shift[0] + x * self.pixels, self.shift[1] + y * self.pixels


def _way(plane: _Plane, way: Way) -> Markup:
    kind, dots = f"way route{way.colour % COLOURS}", [plane(at) for at in way.through]
    inside = (tag("title", way.note),) if way.note else ()
    drawn = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in dots)
    arrows = [_arrow(start, end, kind) for start, end in pairwise(dots)]
    return Markup("").join([tag("path", *inside, d=drawn, class_=kind), *arrows])


def _arrow(start: Point, end: Point, kind: str) -> Markup:
    """Return a small triangle halfway, pointing to the end; nothing on a short line."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    length = (dx * dx + dy * dy) ** 0.5
    if length < 4 * ROOM:
        return Markup("")
    ux, uy, x, y = dx / length, dy / length, (start[0] + end[0]) / 2, (start[1] + end[1]) / 2
    corners = [(x + 6 * ux, y + 6 * uy), (x - 5 * ux - 4 * uy, y - 5 * uy + 4 * ux), (x - 5 * ux + 4 * uy, y - 5 * uy - 4 * ux)]
    return tag("path", d="M" + "L".join(f"{a:.1f} {b:.1f}" for a, b in corners) + "Z", class_=kind.replace("way", "head"))


def _place(plane: _Plane, place: Place) -> Markup:
    x, y = plane(place.at)
    inside = (tag("title", place.note or place.name),) if place.note or place.name else ()
    if place.kind == "depot":
        return tag("rect", *inside, x=x - 7, y=y - 7, width=14, height=14, class_="place depot")
    return tag("circle", *inside, cx=x, cy=y, r=5.0 if place.kind == "stop" else 3.0, class_=f"place {place.kind}")


def _labels(plane: _Plane, places: Sequence[Place]) -> list[Markup]:
    """Return the labels that have room, the depot's first: right of the dot or left of it, never over another dot or label."""
    taken = [(x - 5, y - 5, x + 5, y + 5) for x, y in (plane(place.at) for place in places if place.kind != "other")]
    shown = []
    for place in sorted((place for place in places if place.name), key=lambda place: place.kind != "depot"):
        (x, y), wide = plane(place.at), LETTER * len(place.name)
        for left, anchor, at in ((x + ROOM, "start", x + ROOM), (x - ROOM - wide, "end", x - ROOM)):
            box = (left, y - HALF_LINE, left + wide, y + HALF_LINE)
            if box[0] >= 0 and box[2] <= WIDTH and not any(_overlap(box, other) for other in taken):
                taken.append(box)
                shown.append(label(at, y + 5, place.name, anchor, "strong" if place.kind == "depot" else ""))
                break
    return shown


def _overlap(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _scale_bar(plane: _Plane, words: Words) -> Markup:
    km = max(step * 10.0**power for power in range(-2, 5) for step in BARS if step * 10.0**power * plane.pixels <= BAR_SHARE * WIDTH)
    y, end = plane.height + FOOT / 2, MARGIN + km * plane.pixels
    ends = [line((x, y - 5), (x, y + 5), "zero") for x in (MARGIN, end)]
    said = words.amount(km, "km", 0 if km >= 1 else 2)
    return Markup("").join([line((MARGIN, y), (end, y), "zero"), *ends, label(end + ROOM, y + 5, said)])
