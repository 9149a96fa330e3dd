"""Why each stop is in the tour or out of it, and what would have to be true for a tour to pay."""

from collections.abc import Mapping
from dataclasses import replace

import polars as pl

from pipelines.decide.tour import Tour, plan_tour, stop_reasons
from pipelines.texts import Lang, number, text
from usecases.mobility.decide import plan_curves, stops_of, travel, truck
from usecases.mobility.settings import Mobility

MOST, STEPS = 64.0, 12  # the break-even is looked for up to this multiple of the value, to within 1/64 of a doubling


def tour_of(night: pl.DataFrame) -> Tour:
    """Return the tour that the action columns of one night describe (costs are not needed here)."""
    numbered = night.with_row_index("_row").filter(pl.col("stop") > 0).sort("stop")
    order, change = tuple(numbered["_row"].to_list()), tuple(int(c) for c in numbered["change"])
    return Tour(order, change, float(night["leg_minutes"].sum()), float(night["leg_km"].sum()), 0.0, float(night["expected_eur"].sum()))


def reasons(rows: pl.DataFrame, s: Mobility, lang: Lang) -> pl.Series:
    """Return one sentence per row: gain against detour of each stop, and why the others are left alone."""
    said = pl.Series("reason", [""] * rows.height, dtype=pl.String)
    for _, night in rows.with_row_index("_at").group_by("day", maintain_order=True):
        stops = stops_of(night, plan_curves(night, s, damped=True), travel(night, s))
        plan = tour_of(night)
        wage, way = s.costs.eur_per_hour / 60 * plan.minutes, s.costs.eur_per_km * plan.km
        found = stop_reasons(replace(plan, eur_truck=wage + way), stops, truck(s))
        said = said.scatter(night["_at"], [reason.sentence(lang) for reason in found])
    return said


def break_even(night: pl.DataFrame, s: Mobility) -> float | None:
    """Return the smallest value of a lost trip (EUR) at which a tour pays tonight; None when it does not even at 64 times today's.

    The value of an overflow grows in proportion. Found by halving; the tour planned is the one the settings ask for.
    """
    stops = stops_of(night, plan_curves(night, s, damped=True), travel(night, s))

    def pays(times: float) -> bool:
        return bool(plan_tour(replace(stops, loss=stops.loss * times), truck(s), seed=s.seed, iterations=s.planning.iterations).order)

    low, high = 1 / MOST, MOST
    if not pays(high):
        return None
    for _ in range(STEPS):
        middle = (low * high) ** 0.5
        low, high = (low, middle) if pays(middle) else (middle, high)
    return high * s.costs.lost_trip_eur


def headline(night: pl.DataFrame, s: Mobility, lang: Lang) -> str:
    """Return the night in one or two sentences: the tour, or that there is none, and the break-even."""
    value = break_even(night, s)
    values: Mapping[str, object] = {
        "even": "-" if value is None else number(value, lang, 2),
        "value": number(s.costs.lost_trip_eur, lang, 2),
        "stops": text("mobility.stops", lang, count=int((night["stop"] > 0).sum())),
        "moved": text("mobility.vehicles", lang, count=number(float(night["change"].clip(0).sum()), lang)),
        "km": number(float(night["leg_km"].sum()), lang, 1),
        "minutes": number(float(night["leg_minutes"].sum()), lang),
        "saved": number(float(night["expected_eur"].sum()), lang, 2),
        "truck": number(truck_eur(night, s), lang, 2),
    }
    first = text("mobility.tonight" if (night["stop"] > 0).any() else "mobility.no_tour_tonight", lang, **values)
    return first + " " + text("mobility.even_tonight" if value is not None else "mobility.never_even_tonight", lang, **values)


def truck_eur(rows: pl.DataFrame, s: Mobility) -> float:
    """Return what the truck costs for the tours of these rows, EUR."""
    return float(rows["leg_km"].sum()) * s.costs.eur_per_km + float(rows["leg_minutes"].sum()) * s.costs.eur_per_hour / 60
