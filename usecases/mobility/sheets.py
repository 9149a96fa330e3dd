"""The driver's files: a sheet to print (xlsx, A4), and the tour and all stations as GeoJSON."""

import io
import json
from collections.abc import Mapping
from typing import Any

import polars as pl

from pipelines.texts import Lang, dated, text
from usecases.mobility.reasons import headline, reasons
from usecases.mobility.settings import Mobility

WIDTHS = (6, 12, 34, 14, 10, 10, 10, 70)


def plan_files(rows: pl.DataFrame, s: Mobility, lang: Lang) -> Mapping[str, str | bytes]:
    """Return driver.xlsx, driven.geojson and stations.geojson of one night."""
    said = rows.with_columns(reasons(rows, s, lang).alias("reason"))
    return {
        "driver.xlsx": driver_sheet(said, s, lang),
        "driven.geojson": geojson(said, tour=True),
        "stations.geojson": geojson(said, tour=False),
    }


def driver_sheet(rows: pl.DataFrame, s: Mobility, lang: Lang) -> bytes:
    """Return the tour as a workbook for the driver: order, station, load or unload, minutes since the start, reason; A4 landscape."""
    import xlsxwriter

    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    page = book.add_worksheet(text("mobility.sheet_name", lang))
    bold, wrap = (
        book.add_format({"bold": True, "text_wrap": True, "bottom": 1}),
        book.add_format({"text_wrap": True, "valign": "top", "border": 1}),
    )
    page.set_landscape()
    page.set_paper(9)  # A4
    page.fit_to_pages(1, 0)
    page.write_string(0, 0, text("mobility.sheet_title", lang, day=dated(rows["day"][0], lang), truck=s.truck.name), bold)
    page.write_string(1, 0, headline(rows, s, lang))
    for place, (head, width) in enumerate(zip(text("mobility.sheet_head", lang).split("|"), WIDTHS, strict=True)):
        page.set_column(place, place, width)
        page.write_string(3, place, head, bold)
    clock, on_board = 0.0, s.truck.load
    for line, row in enumerate(rows.filter(pl.col("stop") > 0).sort("stop").iter_rows(named=True), start=4):
        clock += row["leg_minutes"]
        change = int(row["change"])
        on_board -= change
        action = text("mobility.sheet_unload" if change > 0 else "mobility.sheet_load", lang, count=abs(change))
        cells = (
            int(row["stop"]),
            row["station"],
            row["name"] or "",
            action,
            int(row["stock"]) + change,
            on_board,
            round(clock),
            row["reason"],
        )
        for place, cell in enumerate(cells):
            page.write(line, place, cell, wrap)
    book.close()
    return buffer.getvalue()


def geojson(rows: pl.DataFrame, *, tour: bool) -> str:
    """Return the stations as points (RFC 7946: longitude first); with `tour` only the stops, and the way between them as a line."""
    chosen = rows.filter(pl.col("stop") > 0).sort("stop") if tour else rows
    features: list[dict[str, Any]] = [
        {"type": "Feature", "geometry": {"type": "Point", "coordinates": [row["longitude"], row["latitude"]]},
         "properties": {"station": row["station"], "name": row["name"], "stop": int(row["stop"]), "change": int(row["change"]),
                        "stock": int(row["stock"]), "capacity": int(row["capacity"]), "reason": row["reason"]}}
        for row in chosen.iter_rows(named=True)
    ]  # fmt: skip
    if tour and chosen.height > 1:
        line = [[lon, lat] for lon, lat in chosen.select("longitude", "latitude").iter_rows()]
        features.append({"type": "Feature", "geometry": {"type": "LineString", "coordinates": line}, "properties": {"kind": "tour"}})
    return json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False, indent=1)
