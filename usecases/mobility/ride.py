"""One day of real trips, ridden from a given morning stock: what is lost, what overflows, where the vehicles end up."""

from dataclasses import dataclass
from heapq import heappop, heappush

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Day:
    """The trips of one day in order of their start, stations numbered from 0: minutes since midnight, a return may come after 1440."""

    minute: Ints
    origin: Ints
    destination: Ints
    back: Ints


@dataclass(frozen=True)
class Ridden:
    """What happened per station: rentals not served, returns that found no room, vehicles in the evening."""

    lost: Ints
    overflow: Ints
    stock: Ints


def ride(day: Day, stock: Ints, capacity: Ints, nearest: Ints) -> Ridden:
    """Ride a day's trips from the stock at midnight.

    A rental at an empty station is lost, and so is its return. A return to a full station overflows into the nearest one with room
    (`nearest`: per station all stations by distance). Returns due are booked before a rental of the same minute.
    """
    here, room = stock.tolist(), capacity.tolist()
    by_distance = nearest.tolist()
    lost, overflow = [0] * len(here), [0] * len(here)
    riding: list[tuple[int, int, int]] = []

    def bring(station: int) -> None:
        if here[station] >= room[station]:
            overflow[station] += 1
            station = next((other for other in by_distance[station] if here[other] < room[other]), station)
        here[station] += 1

    trips = zip(day.minute.tolist(), day.origin.tolist(), day.destination.tolist(), day.back.tolist(), strict=True)
    for number, (minute, origin, destination, back) in enumerate(trips):
        while riding and riding[0][0] <= minute:
            bring(heappop(riding)[2])
        if here[origin] == 0:
            lost[origin] += 1
        else:
            here[origin] -= 1
            heappush(riding, (back, number, destination))
    while riding:
        bring(heappop(riding)[2])
    return Ridden(np.array(lost), np.array(overflow), np.array(here))
