"""What the report tells beside the figures: kinds of days, remarks, and the rounds of one day on a map."""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl
from markupsafe import Markup

from pipelines.report.charts import Told
from pipelines.report.map import Place, Way, map_svg
from pipelines.report.page import Section
from pipelines.report.words import Words
from pipelines.result import Result
from pipelines.texts import Lang, filled
from usecases.delivery_rounds.rules import usual_name
from usecases.delivery_rounds.settings import DeliveryRounds

WEEKEND = 6


def segments(rows: pl.DataFrame, s: DeliveryRounds) -> Mapping[str, pl.Series]:
    """Return working days, Saturdays and Sundays, and holidays apart."""
    day = pl.when("public_holiday").then(pl.lit("holiday")).when(pl.col("weekday") >= WEEKEND).then(pl.lit("weekend"))
    return {"day_type": rows.select(day.otherwise(pl.lit("working_day")).alias("day_type"))["day_type"]}


def notes(rows: pl.DataFrame, s: DeliveryRounds) -> Sequence[tuple[str, dict[str, Any]]]:
    """Return what must be said: where distances come from, what business as usual is, how perfect foresight is found."""
    found: list[tuple[str, dict[str, Any]]] = [
        ("delivery_rounds.straight_roads", {"detour": s.roads.detour, "speed": s.roads.km_per_hour}),
        (f"delivery_rounds.usual_{usual_name(rows, s)}", {}),
        ("delivery_rounds.recourse", {}),
        ("delivery_rounds.no_bound", {}),
    ]
    if not rows["service_minutes"].count():
        found.append(("delivery_rounds.no_service", {"minutes": s.planning.service_minutes}))
    return found


def sections(result: Result, lang: Lang) -> Sequence[Section]:
    """Return the rounds of the report period's last working day on two maps: business as usual and the plan."""
    words = Words(lang, result.case)
    days = result.actions.filter(pl.col("policy") == "plan").group_by("day", maintain_order=True).len().sort("len", "day")
    day = days["day"][-1]
    spots = result.forecasts.filter(pl.col("day") == day).select("customer", "latitude", "longitude")
    charts = [(caption, drawn) for policy in ("usual", "plan") for caption, drawn in [_map(result, words, policy, day, spots)]]
    return [Section("rounds", _say(words, "nav_rounds"), _say(words, "map_title", day=words.day(day)), [_say(words, "map_text")], charts)]


def _map(result: Result, words: Words, policy: str, day: Any, spots: pl.DataFrame) -> tuple[str, Markup]:
    settings: Any = result.settings
    depot = (settings.depot.latitude, settings.depot.longitude)
    stops = result.actions.filter((pl.col("policy") == policy) & (pl.col("day") == day)).join(spots, on="customer").sort("vehicle", "stop")
    ledger = result.ledger.filter((pl.col("policy") == policy) & (pl.col("day") == day))
    places = [
        Place((row["latitude"], row["longitude"]), f"{row['stop']}", f"{row['customer']} ({row['vehicle']})") for row in stops.to_dicts()
    ]
    places.append(Place(depot, _say(words, "depot"), kind="depot"))
    ways = [
        Way([depot, *part.select("latitude", "longitude").rows(), depot], list(settings.vehicles).index(name), str(name))
        for (name,), part in stops.group_by("vehicle", maintain_order=True)
    ]
    km, eur, late = (float(ledger[unit].sum()) for unit in ("km", "eur", "late_stops"))
    said = {
        "vehicles": len(ways),
        "stops": stops.height,
        "km": words.amount(km, "km", 0),
        "eur": words.amount(eur, "eur", 0),
        "late": round(late),
    }
    caption = _say(words, f"map_{policy}", **said)
    return caption, map_svg(Told(f"rounds-{policy}", caption, _say(words, "map_desc")), places, ways, words)


def _say(words: Words, name: str, **values: object) -> str:
    found = words.find(name)
    if found is None:
        raise KeyError(name)
    return filled(found, **values)
