"""What drivers get: per vehicle the stops in order with times and reasons, and the same as GeoJSON for a phone's map."""

import json
from collections.abc import Mapping

import polars as pl

from pipelines.decide.rounds import drive
from pipelines.texts import Lang, number, text
from usecases.delivery_rounds.days import customers, rounds_of, vehicles
from usecases.delivery_rounds.settings import DeliveryRounds

SOON = 10.0  # minutes before the window's end from which on a driver should hurry


def arrivals(rows: pl.DataFrame, s: DeliveryRounds) -> list[float]:
    """Return when service is expected to begin at each row's customer, minutes after midnight."""
    asked, vans, found = customers(rows, s, "load", "service_expected"), vehicles(s), [0.0] * rows.height
    for each, departs in rounds_of(rows, vans):
        driven = drive(each.order, vans[each.vehicle], asked, departs)
        for customer, begins in zip(each.order, driven.begins, strict=True):
            found[customer] = begins
    return found


def reasons(rows: pl.DataFrame, s: DeliveryRounds, lang: Lang) -> pl.Series:
    """Return per row when to be there, why then, and what was planned for."""
    said = []
    for row, begins in zip(rows.iter_rows(named=True), arrivals(rows, s), strict=True):
        parts = [text("delivery_rounds.why_there", lang, time=clock(begins))]
        if row["stop"] == 1:
            parts.insert(0, text("delivery_rounds.why_departs", lang, time=clock(row["departs"])))
        if row["opens"] is not None or row["closes"] is not None:
            window = {"opens": clock((row["opens"] or 0.0) * 60), "closes": clock(24 * 60 if row["closes"] is None else row["closes"] * 60)}
            left = float("inf") if row["closes"] is None else row["closes"] * 60 - begins
            key = "late" if left < -0.5 else "tight" if left < SOON else "window"  # noqa: PLR2004 - half a minute is no delay
            parts.append(text(f"delivery_rounds.why_{key}", lang, **window, minutes=number(abs(left), lang) if key != "window" else ""))
        share = {"usual": number(row["level"], lang, 1), "share": number(100 * s.planning.load_quantile, lang)}
        parts.append(text("delivery_rounds.why_load", lang, load=number(row["load"], lang, 1), **share))
        said.append("; ".join(parts))
    return pl.Series("reason", said, dtype=pl.String)


def clock(minutes: float) -> str:
    """Return minutes after midnight as 05:42."""
    whole = round(minutes)
    return f"{whole // 60:02d}:{whole % 60:02d}"


def plan_files(rows: pl.DataFrame, s: DeliveryRounds, lang: Lang) -> Mapping[str, str | bytes]:
    """Return `stops.geojson` (RFC 7946): the depot, each stop, and a line per vehicle, as straight lines between stops."""
    begins, why = arrivals(rows, s), reasons(rows, s, lang)
    depot = [s.depot.longitude, s.depot.latitude]
    found = [_feature("Point", depot, {"name": text("delivery_rounds.depot", lang)})]
    spots = [[row["longitude"], row["latitude"]] for row in rows.iter_rows(named=True)]
    for each, departs in rounds_of(rows, vehicles(s)):
        name = rows["vehicle"][each.order[0]]
        line = [depot, *(spots[customer] for customer in each.order), depot]
        found.append(_feature("LineString", line, {"vehicle": name, "departs": clock(departs), "stops": len(each.order)}))
        for stop, customer in enumerate(each.order, start=1):
            said = {"vehicle": name, "stop": stop, "customer": rows["customer"][customer], "time": clock(begins[customer])}
            found.append(_feature("Point", spots[customer], {**said, "crates": rows["load"][customer], "reason": why[customer]}))
    return {"stops.geojson": json.dumps({"type": "FeatureCollection", "features": found}, ensure_ascii=False, indent=1) + "\n"}


def _feature(kind: str, coordinates: object, properties: Mapping[str, object]) -> dict[str, object]:
    return {"type": "Feature", "geometry": {"type": kind, "coordinates": coordinates}, "properties": dict(properties)}
