"""What a policy costs: emergencies recognised late, patients treated as urgent without need, minutes, waiting, euros."""

import heapq

import numpy as np
import polars as pl
from numpy.typing import NDArray

from usecases.medical_triage.decide import SOON, URGENT
from usecases.medical_triage.rules import chance
from usecases.medical_triage.settings import MedicalTriage

Floats = NDArray[np.float64]
MINUTES_PER_HOUR = 60


def value(rows: pl.DataFrame, s: MedicalTriage) -> pl.DataFrame:
    """Return the ledger of a policy, one row per visit.

    undertriaged, overtriaged: patients. minutes: of clinicians, for second looks and needless urgency. wait_minutes: to the physician, of
    true emergencies, where a queue can be replayed. eur, first where an emergency recognised late has a price in the settings.
    """
    if "slot" not in rows.columns:  # what a person put into the plan: a number of urgency alone
        level = pl.col("urgency")
        rows = rows.with_columns(urgent=(level >= URGENT).cast(pl.Float64), slot=((level >= SOON) & (level < URGENT)).cast(pl.Float64))
    event, treated = rows["event"].to_numpy() > 0, treated_urgent(rows, s)
    late, over = event & ~treated, ~event & treated
    minutes = rows["slot"].to_numpy() * s.costs.review_minutes + over * s.costs.overtriage_minutes
    costs: dict[str, Floats] = {"undertriaged": late.astype(float), "overtriaged": over.astype(float), "minutes": minutes}
    if queue_known(rows):
        costs["wait_minutes"] = np.where(event, waiting(rows, treated, s), 0.0)
    if s.costs.missed_eur > 0:
        eur = late * s.costs.missed_eur + minutes / MINUTES_PER_HOUR * s.costs.clinician_eur_per_hour
        costs = {"eur": eur, **costs}
    return pl.DataFrame(costs)


def treated_urgent(rows: pl.DataFrame, s: MedicalTriage) -> NDArray[np.bool_]:
    """Return who is treated as urgent in the end: at once, or after a second look by a reader who may err."""
    luck, slot, event = chance(rows, "reader"), rows["slot"].to_numpy() > 0, rows["event"].to_numpy() > 0
    raised = slot & (luck < np.where(event, s.reviewer.right, s.reviewer.false_upgrade))
    return np.asarray((rows["urgent"].to_numpy() > 0) | raised)


def queue_known(rows: pl.DataFrame) -> bool:
    """Return whether the data have real arrival times and the physicians' minutes."""
    dated = bool(rows["dated"].fill_null(value=False).all()) if "dated" in rows.columns else False
    return dated and "service_minutes" in rows.columns and rows["service_minutes"].null_count() == 0


def waiting(rows: pl.DataFrame, treated: NDArray[np.bool_], s: MedicalTriage) -> Floats:
    """Return the minutes from arrival to the physician in a queue with two classes, urgent first, without interruption.

    A visit upgraded by a second look joins the urgent ones when the look is over.
    """
    arrival = rows["arrival"].dt.epoch("s").to_numpy() / 60
    at_once = rows["urgent"].to_numpy() > 0
    events = [(arrival[row], 0 if at_once[row] else 1, row) for row in range(rows.height)]
    events += [(arrival[row] + s.costs.review_minutes, 0, int(row)) for row in np.flatnonzero(treated & ~at_once)]
    heapq.heapify(events)
    free = [0.0] * s.queue.physicians
    return _served(events, free, arrival, rows["service_minutes"].to_numpy())


def _served(events: list[tuple[float, int, int]], free: list[float], arrival: Floats, minutes: Floats) -> Floats:
    """Return waits; `events`: heap of (minute, class, row) at which a row joins a class; `free`: when each physician is free."""
    waits = np.full(len(arrival), np.nan)
    waiting_rows: list[tuple[int, float, int]] = []
    while events or waiting_rows:
        now = heapq.heappop(free)
        if not waiting_rows and events:
            now = max(now, events[0][0])
        while events and events[0][0] <= now:
            _, kind, row = heapq.heappop(events)
            heapq.heappush(waiting_rows, (kind, arrival[row], row))
        chosen = _next(waiting_rows, waits)
        if chosen is not None:
            waits[chosen] = now - arrival[chosen]
            now += minutes[chosen]
        heapq.heappush(free, now)
    return waits


def _next(queue: list[tuple[int, float, int]], waits: Floats) -> int | None:
    """Return the next row of the queue that nobody has seen yet: an upgraded visit stands in it twice."""
    while queue:
        row = heapq.heappop(queue)[2]
        if np.isnan(waits[row]):
            return row
    return None
