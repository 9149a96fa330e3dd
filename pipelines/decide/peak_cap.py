"""Which import cap to aim for in a billing month: decided before the month is known, which is what decides a battery's value.

A cap too low empties the battery and the real peak jumps; a cap too high leaves savings on the table: a newsvendor whose demand is the
month's peak. Two answers are combined: what closed months would have allowed, and what the scenarios of the next day make unavoidable.
A cap that slides up as the battery empties is a policy function approximation in Powell's sense (Powell 2022, Reinforcement Learning and
Stochastic Optimization, ch. 12): its few parameters are found by replaying closed months.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.decide.battery import Battery, Floats, held_peaks

ROUNDING = 1e-6  # kW
SHARES, SLIDES = np.arange(0.75, 1.051, 0.05), np.array([0.0, 0.2, 0.4, 0.65, 0.9, 1.2])
LEAST_MONTHS = 4  # so many months must have been replayed before share and slide are learnt from them
STEPS = 20  # caps tried between the one aimed for and one battery power above it


@dataclass(frozen=True)
class CapRule:
    """How the cap is set.

    Parameters
    ----------
    share
        Cap = share × the smallest cap that the closed months looked back to would have allowed.
    slide
        The cap slides up by this share of the battery's power until the battery is empty.
    refill
        Charging may lift the import to this share of the cap.
    day_quantile
        A day's cap is raised to what this share of the day's scenarios need at least; 0 = never.
    day_slide
        As `slide`, on a day whose cap was raised.
    """

    share: float = 0.9
    slide: float = 0.65
    refill: float = 0.97
    day_quantile: float = 0.15
    day_slide: float = 0.4


def learnt_aims(
    months_kw: Floats, least_kw: Floats, tells: NDArray[np.bool_], battery: Battery, stored_kwh: float, rule: CapRule
) -> tuple[Floats, Floats]:
    """Return per month (M,) the cap to aim for and its slide, kW: share and slide that would have kept earlier months' peaks lowest.

    Parameters
    ----------
    months_kw
        Net load (T, M), oldest month first.
    least_kw
        What the months looked back to allowed before each month (M,); nan where nothing was known.
    tells
        Months (M,) long enough to learn from. A month never teaches its own aim.
    rule
        Holds until `LEAST_MONTHS` months have been replayed.
    """
    shares, slides = (grid.ravel() for grid in np.meshgrid(SHARES, SLIDES, indexing="ij"))
    slides = slides * battery.power_kw
    known = np.flatnonzero(np.isfinite(least_kw))
    aims, slide = rule.share * least_kw, np.where(np.isfinite(least_kw), rule.slide * battery.power_kw, np.nan)
    if known.size <= LEAST_MONTHS:
        return aims, slide
    caps = (least_kw[known, None] * shares).ravel()
    side = np.repeat(months_kw[:, known], len(shares), axis=1)
    peaks = held_peaks(side, caps, battery, np.full(caps.size, stored_kwh), rule.refill, np.tile(slides, known.size))
    so_far = np.cumsum(peaks.reshape(known.size, -1) * tells[known, None], axis=0)
    for place, month in enumerate(known):
        if tells[known[:place]].sum() >= LEAST_MONTHS:
            best = int(np.argmin(np.round(so_far[place - 1], 6)))
            aims[month], slide[month] = shares[best] * least_kw[month], slides[best]
    return aims, slide


def needed_caps(paths_kw: Floats, least_kw: float, battery: Battery, stored_kwh: float, refill: float) -> Floats:
    """Return per scenario (J,) the lowest import the battery can hold on that day, not below `least_kw`.

    Parameters
    ----------
    paths_kw
        Joint scenarios of net load (T, J). Quantiles per step must not be used: the q90 of each step is not the q90 of the peak.
    """
    paths = paths_kw.shape[1]
    caps = least_kw + np.linspace(0, battery.power_kw, STEPS + 1)
    side = np.repeat(paths_kw[:, None, :], len(caps), axis=1).reshape(len(paths_kw), -1)
    each = np.repeat(caps, paths)
    peaks = held_peaks(side, each, battery, np.full(each.size, stored_kwh), refill).reshape(len(caps), paths)
    return np.asarray(np.maximum(peaks, least_kw).min(axis=0))


def day_cap(  # noqa: PLR0913 - the day, the month and the battery
    paths_kw: Floats, aim_kw: float, peak_kw: float, battery: Battery, stored_kwh: float, rule: CapRule, slide_kw: float | None = None
) -> tuple[float, float]:
    """Return the cap (kW) and its slide (kW) for one day; `slide_kw`: the month's slide, by default the rule's.

    A cap below what nearly all scenarios need cannot be held: trying would empty the battery before the worst quarter hour. So it is
    raised to the `day_quantile` of what the scenarios need; a low quantile, because a raise that was not needed is paid for the month.
    The slide insures against what the scenarios do not know: where they all agree, there is none.
    """
    slide = rule.slide * battery.power_kw if slide_kw is None else slide_kw
    if rule.day_quantile <= 0 or paths_kw.shape[1] == 0:
        return aim_kw, slide
    least = max(aim_kw, peak_kw)
    needs = needed_caps(paths_kw, least, battery, stored_kwh, rule.refill)
    needed = float(np.quantile(needs, rule.day_quantile))
    if needed > least + ROUNDING:
        return needed, rule.day_slide * battery.power_kw
    certain = float(np.ptp(paths_kw, axis=1).max()) < ROUNDING
    return aim_kw, 0.0 if certain else slide
