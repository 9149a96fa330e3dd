"""What the report tells beside the figures: the break-even, planned against realised, the last night's map, and limits of the claims."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
import polars as pl

from pipelines.report.charts import Told
from pipelines.report.map import Place, Way, map_svg
from pipelines.report.page import Section, Table
from pipelines.report.words import Words
from pipelines.result import Result
from pipelines.texts import Lang, number, text
from pipelines.value import interval, resamples
from usecases.mobility.censoring import open_share
from usecases.mobility.decide import travel
from usecases.mobility.packed import HOURS
from usecases.mobility.settings import Mobility

BUSY = 2 / 3
UNITS = ("lost_trips", "overflow", "moved", "km", "minutes")
FACTORS = (0.5, 1.0, 2.0)


def segments(rows: pl.DataFrame, s: Mobility) -> Mapping[str, pl.Series]:
    """Return busy and quiet stations (thirds by rentals of the last 56 days), and working days and days off apart."""
    level = pl.col("rent_56").arr.sum().mean().over("station")
    third = level.rank("dense") / level.rank("dense").max()
    mover = pl.when(third > BUSY).then(pl.lit("fast")).when(third > 1 - BUSY).then(pl.lit("medium")).otherwise(pl.lit("slow"))
    day = pl.when("day_off").then(pl.lit("day_off")).otherwise(pl.lit("working_day"))
    made = rows.select(mover=mover, day_type=day)
    return {"mover": made["mover"], "day_type": made["day_type"]}


def usual_name(rows: pl.DataFrame, s: Mobility) -> str:
    """Return what business as usual is."""
    return s.planning.usual


def notes(rows: pl.DataFrame, s: Mobility) -> Sequence[tuple[str, dict[str, Any]]]:
    """Return what must be said: what is replayed, what was never seen, what ways are estimated."""
    empty, full = (float((open_share(rows, side).sum(axis=1) <= HOURS - 1).mean()) for side in ("rent", "back"))
    found: list[tuple[str, dict[str, Any]]] = [("mobility.note_replay", {}), (f"mobility.note_usual_{s.planning.usual}", {})]
    found.append(
        (
            "mobility.note_uncensored" if s.trips.uncensor else "mobility.note_censored",
            {"share": round(100 * empty, 1), "full": round(100 * full, 1)},
        )
    )
    night = rows.filter(pl.col("day") == rows["day"].max())
    estimated = travel(night, s).estimated
    if estimated:
        found.append(("mobility.note_haversine", {"count": estimated, "all": night.height * (night.height - 1)}))
    soft = rows.filter(pl.col("stock") > pl.col("docks"))
    if soft.height:
        found.append(("mobility.note_soft", {"count": soft.height, "station": soft["station"][0]}))
    return found


def caveats(rows: pl.DataFrame, s: Mobility) -> Sequence[tuple[str, dict[str, Any]]]:
    """Return what the headline must not be read without: against the real operator on his own trips, euros may be spared driving alone."""
    return [("mobility.caveat_operator", {})] if s.planning.usual == "operator" and not s.trips.uncensor else []


def sections(result: Result, lang: Lang) -> Sequence[Section]:
    """Return the use case's own sections: break-even, planned against realised, the last night."""
    words, s = Words(lang, "mobility"), cast(Mobility, result.settings)
    nights = _nights(result, s)
    return [_side_by_side(result, lang), _break_even(nights, s, lang), _planned(result, nights, lang), _last_night(result, s, words, lang)]


def _side_by_side(result: Result, lang: Lang) -> Section:
    """Return what business as usual, plan and perfect foresight lost, moved and drove per night."""
    names = ("usual", "plan", "perfect")
    nights = result.ledger["day"].n_unique()
    sums = result.ledger.group_by("policy", maintain_order=True).agg(pl.col(UNITS).sum() / nights)
    of = {row["policy"]: row for row in sums.iter_rows(named=True)}
    rows = [[text(f"mobility.unit_{unit}", lang), *(number(of[name][unit], lang, 1) for name in names)] for unit in UNITS]
    table = Table(text("mobility.side_caption", lang), text("mobility.side_head", lang).split("|"), rows, texts=1, shown=True)
    shown = {f"{name}_{unit}": number(of[name][unit], lang, 1) for name in ("usual", "plan") for unit in ("lost_trips", "km")}
    return Section("side_by_side", text("mobility.nav_side", lang), text("mobility.side_title", lang, **shown), [], tables=[table])


def _nights(result: Result, s: Mobility) -> pl.DataFrame:
    """Return per night what plan and business as usual lost, and what their trucks cost (EUR)."""
    costs = pl.col("km") * s.costs.eur_per_km + pl.col("minutes") * s.costs.eur_per_hour / 60
    ledger = (
        result.ledger.with_columns(truck=costs)
        .group_by("policy", "day", maintain_order=True)
        .agg(pl.col("lost_trips", "overflow", "truck").sum())
    )
    plan, usual = (ledger.filter(pl.col("policy") == name).drop("policy") for name in ("plan", "usual"))
    return plan.join(usual, on="day", suffix="_usual").sort("day")


def _break_even(nights: pl.DataFrame, s: Mobility, lang: Lang) -> Section:
    """Return the value of a lost trip at which the plan's tours just pay, with its interval, and the saving at other values."""
    saved = (nights["lost_trips_usual"] - nights["lost_trips"] + s.overflow * (nights["overflow_usual"] - nights["overflow"])).to_numpy()
    extra = (nights["truck"] - nights["truck_usual"]).to_numpy()
    draws = resamples(len(saved))
    tours = int((nights["truck"] > 0).sum())
    values = {"tours": tours, "nights": len(saved), "value": number(s.costs.lost_trip_eur, lang, 2)}
    if not tours:
        title = text("mobility.even_none", lang, **values)
    elif extra.sum() <= 0 and saved.sum() < 0:  # less truck, more lost trips: cheaper only while these are worth little
        title = text("mobility.even_below", lang, even=number(float(extra.sum() / saved.sum()), lang, 2), **values)
    elif extra.sum() <= 0:
        title = text("mobility.even_free", lang, **values)
    elif saved.sum() <= 0:
        title = text("mobility.even_never", lang, **values)
    else:
        drawn = np.divide(extra[draws].sum(1), saved[draws].sum(1), out=np.full(len(draws), np.inf), where=saved[draws].sum(1) > 0)
        low, high = np.quantile(drawn, (0.025, 0.975), method="nearest")
        shown = number(float(high), lang, 2) if np.isfinite(high) else "∞"
        even = number(float(extra.sum() / saved.sum()), lang, 2)
        title = text("mobility.even_title", lang, even=even, low=number(max(float(low), 0.0), lang, 2), high=shown, **values)
    rows = []
    for factor in FACTORS:
        nightly = saved * s.costs.lost_trip_eur * factor - extra
        found = interval(float(nightly.sum()), nightly[draws].sum(1))
        cells = [number(value * 7 / len(saved), lang, 2) if value is not None else "–" for value in (found.value, found.low, found.high)]
        rows.append([number(s.costs.lost_trip_eur * factor, lang, 2), cells[0], f"{cells[1]} … {cells[2]}"])
    table = Table(text("mobility.even_caption", lang), text("mobility.even_head", lang).split("|"), rows, texts=1, shown=True)
    return Section("break_even", text("mobility.nav_break_even", lang), title, [text("mobility.even_text", lang, **values)], tables=[table])


def _planned(result: Result, nights: pl.DataFrame, lang: Lang) -> Section:
    """Return what the plan expected to save beside what the replay says, per night."""
    s = cast(Mobility, result.settings)
    expected = (
        result.actions.filter(pl.col("policy") == "plan").group_by("day", maintain_order=True).agg(pl.col("expected_eur").sum()).sort("day")
    )
    still = result.ledger.filter(pl.col("policy") == "usual")
    planned = float(expected["expected_eur"].sum()) / max(expected.height, 1)
    lost, over = s.costs.lost_trip_eur, s.costs.overflow_eur
    gained = (
        (nights["lost_trips_usual"] - nights["lost_trips"]) * lost + (nights["overflow_usual"] - nights["overflow"]) * over
    ).to_numpy()
    found = interval(float(gained.mean()), gained[resamples(len(gained))].mean(1))
    shown = [number(value, lang, 2) if value is not None else "–" for value in (found.value, found.low, found.high)]
    values = {"planned": number(planned, lang, 2), "real": shown[0], "low": shown[1], "high": shown[2], "nights": still["day"].n_unique()}
    key = "planned_nothing" if s.planning.usual == "nothing" else "planned_other"
    return Section(
        "planned", text("mobility.nav_planned", lang), text("mobility.planned_title", lang, **values), [text(f"mobility.{key}", lang)]
    )


def _last_night(result: Result, s: Mobility, words: Words, lang: Lang) -> Section:
    """Return the map of the last night of the report period on which the plan drove, else of the last night."""
    plan = result.actions.filter(pl.col("policy") == "plan")
    driven = plan.filter(pl.col("stop") > 0)
    day = (driven if driven.height else plan)["day"].max()
    night = plan.filter(pl.col("day") == day).join(result.forecasts.drop("stop", strict=False), on=["day", "station"], how="left")
    stops = night.filter(pl.col("stop") > 0).sort("stop")
    places = []
    for row in night.iter_rows(named=True):
        stock = text("mobility.vehicles", lang, count=int(row["stock"]))
        note = text("mobility.map_note", lang, name=row["name"] or row["station"], stock=stock, change=f"{int(row['change']):+d}")
        shown = f"{int(row['stop'])}: {int(row['change']):+d}" if row["stop"] > 0 else ""
        places.append(Place((row["latitude"], row["longitude"]), shown, note, "stop" if row["stop"] > 0 else "other"))
    depot = s.truck.depot if s.truck.depot in set(night["station"]) else night["station"].sort()[0]
    home = night.filter(pl.col("station") == depot).row(0, named=True)
    start = (home["latitude"], home["longitude"])
    places.append(Place(start, text("mobility.map_depot", lang), "", "depot"))
    through = [start, *((row["latitude"], row["longitude"]) for row in stops.iter_rows(named=True)), start]
    values = {
        "day": day,
        "stops": text("mobility.stops", lang, count=stops.height),
        "km": number(float(stops["leg_km"].sum()), lang, 1),
        "minutes": number(float(stops["leg_minutes"].sum()), lang),
    }
    title = text("mobility.map_title" if stops.height else "mobility.map_none", lang, **values)
    caption = text("mobility.map_caption", lang)
    picture = map_svg(Told("tour", title, caption), places, [Way(through)] if stops.height else [], words)
    return Section("tour", text("mobility.nav_tour", lang), title, [text("mobility.map_text", lang)], charts=[(caption, picture)])
