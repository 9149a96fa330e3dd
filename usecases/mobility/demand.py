"""Trips nobody could make: where a station stood empty, the wanted rentals are drawn from the forecast, for the judge alone."""

from zlib import crc32

import numpy as np
import polars as pl

from usecases.mobility.packed import MINUTES, departures
from usecases.mobility.settings import Mobility

LOOKED_BACK = 2000  # earlier trips of a station from which destination and length of an unseen one are drawn


def hindsight(rows: pl.DataFrame, s: Mobility) -> pl.DataFrame:
    """Return forecast rows whose departures also hold the rentals that empty hours hid, where `trips.uncensor` is set.

    Their number is Poisson with the forecast rate of the empty hours, their destinations and lengths those of the station's other trips.
    Without it, a replay of observed rentals can reward nobody for filling a station that stood empty.
    """
    if not s.trips.uncensor or "rent_rates" not in rows.columns:
        return rows
    known = departures(rows)
    station = rows["station"].to_list()
    pool: dict[str, list[tuple[int, str]]] = {}
    for row, minute, back, destination in known.select("row", "minute", "back", "destination").iter_rows():
        pool.setdefault(station[row], []).append((back - minute, destination))
    rates = rows["rent_rates"].to_numpy()
    texts = []
    for row, (name, day, text, empty) in enumerate(rows.select("station", "day", "departures", "empty_hours").iter_rows()):
        if not empty or text is None or name not in pool:
            texts.append(text)
            continue
        draw = np.random.default_rng([s.seed, day.toordinal(), crc32(name.encode())])
        unseen = []
        for hour in map(int, empty.split(" ")):
            for _ in range(draw.poisson(rates[row][hour])):
                minute = hour * MINUTES + int(draw.integers(0, MINUTES))
                length, destination = pool[name][int(draw.integers(0, min(len(pool[name]), LOOKED_BACK)))]
                unseen.append(f"{minute} {minute + length} {destination}")
        texts.append("|".join([*([text] if text else []), *unseen]))
    return rows.with_columns(pl.Series("departures", texts, dtype=pl.String))
