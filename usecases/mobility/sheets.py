"""The driver's files: a sheet to print (xlsx, A4), and the tour and all stations as GeoJSON."""

import io
import json
from collections.abc import Mapping
from typing import Any

import polars as pl

from pipelines.texts import Lang, dated, text
from usecases.mobility.decide import travel
from usecases.mobility.reasons import headline, reasons
from usecases.mobility.settings import Mobility

WIDTHS, HEAD = (6, 10, 28, 14, 9, 9, 10, 70), 3  # characters; the line of the headers


def plan_files(rows: pl.DataFrame, s: Mobility, lang: Lang) -> Mapping[str, str | bytes]:
    """Return driver.xlsx, driven.geojson and stations.geojson of one night."""
    said = rows.with_columns(reasons(rows, s, lang).alias("reason"))
    return {
        "driver.xlsx": driver_sheet(said, s, lang),
        "driven.geojson": geojson(said, s, tour=True),
        "stations.geojson": geojson(said, s, tour=False),
    }


def driver_sheet(rows: pl.DataFrame, s: Mobility, lang: Lang) -> bytes:
    """Return the tour as a workbook for the driver: from the depot over the stops and back, with times and reasons; A4 landscape."""
    import xlsxwriter

    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    page = book.add_worksheet(text("mobility.sheet_name", lang))
    big = book.add_format({"bold": True, "font_size": 14})
    bold = book.add_format({"bold": True, "text_wrap": True, "bottom": 1, "valign": "top"})
    wrap = book.add_format({"text_wrap": True, "valign": "top", "border": 1})
    page.set_landscape()
    page.set_paper(9)  # A4
    page.fit_to_pages(1, 0)
    page.repeat_rows(HEAD)
    page.set_footer("&C&P/&N")
    page.write_string(0, 0, text("mobility.sheet_title", lang, day=dated(rows["day"][0], lang), truck=s.truck.name), big)
    page.merge_range(1, 0, 1, len(WIDTHS) - 1, headline(rows, s, lang), book.add_format({"text_wrap": True, "valign": "top"}))
    page.set_row(1, 32)  # points: two lines
    for place, (head, width) in enumerate(zip(text("mobility.sheet_head", lang).split("|"), WIDTHS, strict=True)):
        page.set_column(place, place, width)
        page.write_string(HEAD, place, head, bold)
    for line, cells in enumerate(driven(rows, s, lang), start=HEAD + 1):
        for place, cell in enumerate(cells):
            page.write(line, place, cell, wrap)
    book.close()
    return buffer.getvalue()


def driven(rows: pl.DataFrame, s: Mobility, lang: Lang) -> list[tuple[str | int, ...]]:
    """Return the lines of the driver's sheet: start, stops with the minute of arrival, and the way back; none without a tour."""
    stops = rows.with_row_index("_at").filter(pl.col("stop") > 0).sort("stop")
    if stops.is_empty():
        return []
    ways, home = travel(rows, s).minutes, depot(rows, s)
    lines: list[tuple[str | int, ...]] = []
    here, clock, on_board = 0, 0.0, s.truck.load

    def at_depot(key: str) -> tuple[str | int, ...]:
        return ("", home["station"], home["name"] or "", text(key, lang), "", on_board, round(clock), "")

    lines.append(at_depot("mobility.sheet_start"))
    for row in stops.iter_rows(named=True):
        change, there = int(row["change"]), row["_at"] + 1
        clock += float(ways[here, there])
        on_board -= change
        action = text("mobility.sheet_unload" if change > 0 else "mobility.sheet_load", lang, count=abs(change))
        lines.append((int(row["stop"]), row["station"], row["name"] or "", action, int(row["stock"]) + change, on_board, round(clock),
                      row["reason"]))  # fmt: skip
        clock += s.truck.stop_minutes + s.truck.vehicle_minutes * abs(change)
        here = there
    clock += float(ways[here, 0])
    return [*lines, at_depot("mobility.sheet_back")]


def depot(rows: pl.DataFrame, s: Mobility) -> dict[str, Any]:
    """Return the row of the station at which the truck starts and ends."""
    mine = rows.filter(pl.col("station") == s.truck.depot)
    return (mine if mine.height else rows).row(0, named=True)


def geojson(rows: pl.DataFrame, s: Mobility, *, tour: bool) -> str:
    """Return the stations as points (RFC 7946: longitude first); with `tour` only the stops, and the way from the depot and back."""
    chosen = rows.filter(pl.col("stop") > 0).sort("stop") if tour else rows
    features: list[dict[str, Any]] = [
        {"type": "Feature", "geometry": {"type": "Point", "coordinates": [row["longitude"], row["latitude"]]},
         "properties": {"station": row["station"], "name": row["name"], "stop": int(row["stop"]), "change": int(row["change"]),
                        "stock": int(row["stock"]), "capacity": int(row["capacity"]), "reason": row["reason"]}}
        for row in chosen.iter_rows(named=True)
    ]  # fmt: skip
    if tour and chosen.height:
        home = depot(rows, s)
        start = [home["longitude"], home["latitude"]]
        line = [start, *([lon, lat] for lon, lat in chosen.select("longitude", "latitude").iter_rows()), start]
        features.append({"type": "Feature", "geometry": {"type": "LineString", "coordinates": line}, "properties": {"kind": "tour"}})
        features.append({"type": "Feature", "geometry": {"type": "Point", "coordinates": start},
                         "properties": {"kind": "depot", "station": home["station"], "name": home["name"]}})  # fmt: skip
    return json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False, indent=1)
