"""What a business's own tables say about its settings: the vehicles it drives with, and roughly where it starts."""

from collections.abc import Mapping
from math import ceil
from typing import Any

import polars as pl

SPARE = 1.1  # a van that was full once is taken to hold a tenth more
PLACES = 3  # decimals of a degree: about 100 m
EXAMPLE: dict[str, Any] = {"start": 4.0, "end": 12.0, "shift_hours": 8.0}  # hours; for the business to correct


def own_settings(tables: Mapping[str, pl.DataFrame]) -> dict[str, Any]:
    """Return vehicles by the names in `usual_vehicle`, their capacity from the fullest day, and the middle of all customers as depot."""
    found: dict[str, Any] = {}
    deliveries = next(iter(tables.values()))
    places = next((table for table in tables.values() if {"latitude", "longitude"} <= set(table.columns)), None)
    if places is not None:
        found["depot"] = {name: round(float(places[name].mean()), PLACES) for name in ("latitude", "longitude")}  # type: ignore[arg-type]
    if "usual_vehicle" in deliveries.columns and deliveries["usual_vehicle"].count():
        loads = deliveries.drop_nulls("usual_vehicle").group_by("usual_vehicle", "day", maintain_order=True).agg(pl.col("crates").sum())
        fullest = loads.group_by("usual_vehicle", maintain_order=True).agg(pl.col("crates").max()).sort("usual_vehicle")
        found["vehicles"] = {str(name): {"capacity": max(1, ceil(SPARE * crates)), **EXAMPLE} for name, crates in fullest.iter_rows()}
    return found
