"""A limited number of places per shift: who gets one, known together or one by one as people arrive."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
EXACT = 1e-9  # ten tenths are a whole one


def capacity(shifts: Ints, share: float, fixed: int | None = None) -> Ints:
    """Return the places of each shift (numbered from 0 in order of time): a fixed number, or a share of the rows of `shifts`.

    Fractions are carried forward, so that ten shifts of six rows at 10 % have six places together, not none.
    """
    count = np.bincount(shifts, minlength=int(shifts.max()) + 1 if len(shifts) else 0)
    if fixed is not None:
        return np.full(len(count), fixed, dtype=np.int64)
    return np.asarray(np.diff(np.floor(np.cumsum(count) * share + EXACT), prepend=0).astype(np.int64))


def ranked(shifts: Ints, priority: Floats, wants: Flags, places: Ints) -> Flags:
    """Return who gets a place when the rows of a shift are known together: the highest priority first, ties in order of the rows."""
    chosen = np.zeros(len(shifts), dtype=bool)
    order = np.lexsort((np.arange(len(shifts)), -priority, shifts))
    order = order[wants[order]]
    place = np.arange(len(order)) - np.searchsorted(shifts[order], shifts[order], side="left")
    chosen[order] = place < places[shifts[order]]
    return chosen


def arriving(shifts: Ints, wants: Flags, places: Ints) -> Flags:
    """Return who gets a place when rows come one by one (in order) and each that wants one takes it while one is free."""
    order = np.flatnonzero(wants)
    place = np.arange(len(order)) - np.searchsorted(shifts[order], shifts[order], side="left")
    chosen = np.zeros(len(shifts), dtype=bool)
    chosen[order] = place < places[shifts[order]]
    return chosen


def earned(shifts: Ints, wants: Flags, share: float) -> Flags:
    """Return who gets a place when every row that comes earns a `share` of one: how many a shift will have is not known beforehand.

    What a shift has not used is gone with its end; fractions are carried forward.
    """
    chosen = np.zeros(len(shifts), dtype=bool)
    free, shift = 0.0, -1
    for row, (now, wanted) in enumerate(zip(shifts, wants, strict=True)):
        if now != shift:
            free, shift = free % 1.0, int(now)
        free += share
        if wanted and free >= 1 - EXACT:
            chosen[row], free = True, free - 1
    return chosen


def paced(shifts: Ints, rank: Floats, wants: Flags, sure: Flags, places: Ints, to_come: Floats) -> Flags:
    """Return who gets a place when rows come one by one and the threshold follows what is left of the shift.

    With f places free and n rows still to come the best f of n + 1 are worth one: a row takes a place if its rank is among the upper
    f / (n + 1) (sequential assignment, Derman, Lieberman and Ross 1972, its limit for many rows).

    Parameters
    ----------
    rank
        Share of peers below, 0 to 1.
    sure
        Rows that take a free place whatever their rank.
    to_come
        Expected rows that want a place and come later in the same shift.
    """
    chosen = np.zeros(len(shifts), dtype=bool)
    free = places.copy()
    for row in np.flatnonzero(wants):
        left = free[shifts[row]]
        if left > 0 and (sure[row] or 1 - rank[row] <= left / (max(to_come[row], 0.0) + 1)):
            chosen[row] = True
            free[shifts[row]] -= 1
    return chosen
