"""What a past day would have cost for every start stock, and how that record is mixed with the queue's expectation."""

from datetime import date
from typing import cast

import numpy as np
import polars as pl
from numpy.typing import NDArray

from usecases.mobility.packed import Panel, arrivals, departures

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
HALF_LIFE = 60.0  # days: how fast the record of past days' costs is forgotten
ROUNDED = 4  # vehicles to which a soft capacity is rounded


def realised_curves(rows: pl.DataFrame, capacity: Ints, size: int, overflow: float) -> Floats:
    """Return the cost of each row's real day per start stock 0 ... size - 1, in lost trips (R, size), each station taken by itself.

    A rental at an empty station costs 1, a return to a full one `overflow`. Beyond the capacity the last step goes on: racks are soft.
    """
    events, length = _sequences(rows)
    order = np.argsort(-length, kind="stable")
    room = capacity[order].astype(np.int16)[:, None]
    stock = np.tile(np.arange(size, dtype=np.int16), (rows.height, 1))
    np.minimum(stock, room, out=stock)
    cost = np.zeros(stock.shape, dtype=np.float64)
    events, length = events[order], length[order]
    for step in range(events.shape[1]):
        active = int(np.searchsorted(-length, -step, side="left"))
        moved = stock[:active] + events[:active, step, None]
        cost[:active] += (moved < 0) + overflow * (moved > room[:active])
        np.clip(moved, 0, room[:active], out=stock[:active])
    curves = np.empty_like(cost)
    curves[order] = cost
    beyond = np.arange(size) - capacity[:, None]
    full = np.clip(capacity, 1, size - 1)[:, None]
    last = np.maximum(np.take_along_axis(curves, full, 1) - np.take_along_axis(curves, full - 1, 1), 0.0)
    return np.asarray(curves + np.maximum(beyond, 0) * last)


def _sequences(rows: pl.DataFrame) -> tuple[NDArray[np.int8], Ints]:
    """Return each row's events in order of time (R, E), +1 a return, -1 a rental, returns first within a minute; and their number."""
    out = departures(rows).select("row", "minute", event=pl.lit(-1, dtype=pl.Int8))
    row, minute = arrivals(rows)
    back = pl.DataFrame({"row": row, "minute": minute}, schema={"row": pl.Int64, "minute": pl.Int64}).with_columns(
        event=pl.lit(1, dtype=pl.Int8)
    )
    both = pl.concat([out.cast({"row": pl.Int64, "minute": pl.Int64}), back])
    both = both.sort(["row", "minute", "event"], descending=[False, False, True]).with_columns(step=pl.int_range(pl.len()).over("row"))
    length = np.bincount(both["row"].to_numpy(), minlength=rows.height).astype(np.int64)
    events = np.zeros((rows.height, int(length.max(initial=1)) or 1), dtype=np.int8)
    events[both["row"].to_numpy(), both["step"].to_numpy()] = both["event"].to_numpy()
    return events, length


def record(rows: pl.DataFrame, day_off: NDArray[np.bool_], size: int, overflow: float) -> Floats:
    """Return per row what earlier days of the kind would have cost per start stock, at about the capacity the station has that night.

    Racks are soft: a station that holds more vehicles than docks has that capacity. Capacities are rounded to docks plus a multiple of
    four, so that each station's days are ridden a few times only.
    """
    docks, capacity = rows["docks"].cast(pl.Int64).to_numpy(), rows["capacity"].cast(pl.Int64).to_numpy()
    level = np.rint((capacity - docks) / ROUNDED).astype(np.int64)
    made = np.zeros((rows.height, size))
    there = rows["rentals"].is_not_null().to_numpy().astype(float)[:, None]
    station = rows["station"].to_numpy()
    first = cast(date, rows["day"].min())
    days = len(day_off)
    for extra in np.unique(level):
        concerned = np.flatnonzero(np.isin(station, np.unique(station[level == extra])))
        part = rows[concerned]
        curves = realised_curves(part, docks[concerned] + ROUNDED * extra, size, overflow)
        panel = Panel.of(part)
        offset = (panel.days[0] - first).days
        found = remembered(panel, curves * there[concerned], there[concerned], day_off[offset : min(days, offset + len(panel.days))])
        wanted = level[concerned] == extra
        made[concerned[wanted]] = found[wanted]
    return made


def remembered(panel: Panel, curves: Floats, known: Floats, day_off: NDArray[np.bool_]) -> Floats:
    """Return per row the mean of earlier days' curves of the same kind of day (R, size); older ones are forgotten (HALF_LIFE).

    `known`: 1 for rows whose day is over, 0 else (R, 1); `day_off`: per day of the panel. A day sees only days
    before it; where a station has no such day yet, the curve is flat (0).
    """
    table = panel.spread(curves)
    there = panel.spread(known)
    keep = 0.5 ** (1 / HALF_LIFE)
    made = np.zeros_like(table)
    total = {kind: np.zeros(table.shape[1:]) for kind in (False, True)}
    weight = {kind: np.zeros((table.shape[1], 1)) for kind in (False, True)}
    for day in range(len(table)):
        kind = bool(day_off[day])
        np.divide(total[kind], weight[kind], out=made[day], where=weight[kind] > 0)
        for each in (False, True):
            total[each] *= keep
            weight[each] *= keep
        total[kind] += table[day]
        weight[kind] += there[day]
    return panel.gather(made)
