"""Exact intervals of shares, and how many events a claim about a share needs (Clopper and Pearson 1934)."""

from scipy.special import betaincinv  # scipy.stats would double the time every command takes to start

CONFIDENCE = 0.95
SEARCHED = 100_000  # events: a claim that needs more is never made here


def clopper_pearson(hits: int, total: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Return the exact two-sided interval of the share hits / total; (0, 1) when nothing was counted.

    Raises ValueError unless 0 <= hits <= total.
    """
    if not 0 <= hits <= total:
        raise ValueError(f"{hits} of {total} is no share")
    if total == 0:
        return 0.0, 1.0
    tail = (1 - confidence) / 2
    low = 0.0 if hits == 0 else float(betaincinv(hits, total - hits + 1, tail))
    high = 1.0 if hits == total else float(betaincinv(hits + 1, total - hits, 1 - tail))
    return low, high


def upper_miss_rate(missed: int, events: int, confidence: float) -> float:
    """Return the one-sided exact upper bound of the share of events missed; 1 without events."""
    if events == 0 or missed >= events:
        return 1.0
    return float(betaincinv(missed + 1, events - missed, confidence))


def events_needed(recall: float, confidence: float, missed: int = 0) -> int:
    """Return the least number of events with which `missed` misses still prove recall >= `recall` with this confidence.

    Without a miss, recall .95 needs 59 events at 95 % confidence and 45 at 90 %.
    """
    low, high = missed + 1, SEARCHED
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if upper_miss_rate(missed, middle, confidence) <= 1 - recall else (middle + 1, high)
    return low
