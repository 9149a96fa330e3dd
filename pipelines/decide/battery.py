"""A battery behind a meter: what it can do, and how its controller holds a cap on the import, quarter hour by quarter hour.

Powers are kW (means over one step), energies kWh; a positive battery power discharges. Import is what the meter counts:
net load (load − PV) minus battery power, where that is positive.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
PASSES, CANDIDATES = 3, 32  # the search for the smallest cap: 32 caps side by side, three times finer each time
HELD = 1e-6  # kW: so much above the cap is rounding


@dataclass(frozen=True)
class Battery:
    """What a battery can do.

    Parameters
    ----------
    capacity_kwh, power_kw
        Energy content; largest charging and discharging power at the meter.
    charge_efficiency, discharge_efficiency
        Stored per taken, delivered per drawn energy, each in (0, 1].
    lowest, highest
        Bounds of the state of charge as shares of the capacity.
    wear_eur_per_kwh
        Cyclic ageing per discharged kWh.
    """

    capacity_kwh: float
    power_kw: float
    charge_efficiency: float = 0.95
    discharge_efficiency: float = 0.95
    lowest: float = 0.05
    highest: float = 0.95
    wear_eur_per_kwh: float = 0.04

    @property
    def floor_kwh(self) -> float:
        """Energy that always stays in."""
        return self.lowest * self.capacity_kwh

    @property
    def ceiling_kwh(self) -> float:
        """Energy at which it is full."""
        return self.highest * self.capacity_kwh


@dataclass(frozen=True)
class Orders:
    """What the controller is told for each step (T,).

    Parameters
    ----------
    battery_kw
        Planned battery power, positive = discharge.
    stored_kwh
        Planned energy at the end of the step: below it the controller charges, unless a discharge is planned.
    cap_kw
        Import to be held while the battery is full.
    slide_kw
        The cap slides up by so much until the battery is empty (0 = a fixed cap), so that a peak longer than the battery ends gently.
    refill_share
        Charging may lift the import to this share of the cap; 0 = charge from surplus PV alone.
    """

    battery_kw: Floats
    stored_kwh: Floats
    cap_kw: Floats
    slide_kw: Floats
    refill_share: Floats


@dataclass(frozen=True)
class Course:
    """What really happened at the meter (T,): battery power kW, import and export kW, stored energy kWh after each step."""

    battery_kw: Floats
    import_kw: Floats
    export_kw: Floats
    stored_kwh: Floats


def follow(net_kw: Floats, orders: Orders, battery: Battery, stored_kwh: float, peak_kw: float, hours: float = 0.25) -> Course:
    """Let the local controller follow its orders on the metered net load (T,) and return what happened.

    Each step, knowing its own meter alone: store surplus PV while below the planned energy; else do as planned, or catch up with the
    planned energy; discharge more where the import would pass the cap or the peak so far; never export from the battery; stay within
    power and energy. Below `peak_kw`, the import peak already paid in this billing period, there is nothing to hold.
    """
    power, floor, ceiling = battery.power_kw, battery.floor_kwh, battery.ceiling_kwh
    into, out, width = battery.charge_efficiency * hours, hours / battery.discharge_efficiency, max(ceiling - floor, 1e-9)
    done, stored = [0.0] * len(net_kw), [0.0] * len(net_kw)
    level, peak = float(stored_kwh), float(peak_kw)
    columns = (net_kw, orders.battery_kw, orders.stored_kwh, orders.cap_kw, orders.slide_kw, orders.refill_share)
    for step, (net, planned, target, cap, slide, refill) in enumerate(zip(*(column.tolist() for column in columns), strict=True)):
        wish = planned
        if (net < 0 or planned <= 0) and level < target:
            wish = min(planned, -(target - level) / into) if net >= 0 else -(target - level) / into
        if wish < 0:
            room = max(refill * max(cap, peak) - net, 0.0)
            wish = -min(-wish, room, power, max(ceiling - level, 0.0) / into)
        need = net - max(cap + slide * (1 - (level - floor) / width), peak)
        give = wish
        if max(wish, need) > 0:
            give = min(max(wish, need), max(net, 0.0), power, max(level - floor, 0.0) / out)
        level += -give * (into if give < 0 else out)
        peak = max(peak, net - give)
        done[step], stored[step] = give, level
    taken = np.array(done)
    meter = net_kw - taken
    return Course(taken, np.maximum(meter, 0), np.maximum(-meter, 0), np.array(stored))


def held_peaks(  # noqa: PLR0913 - one state per column
    net_kw: Floats, cap_kw: Floats, battery: Battery, stored_kwh: Floats, refill: float, slide_kw: float | Floats = 0.0, hours: float = 0.25
) -> Floats:
    """Return the highest import (N,) when N months, paths or caps are run side by side under the cap rule.

    The cap rule: recharge at once up to `refill` × cap, discharge what exceeds the cap, and where that fails take the import that came as
    the new cap (ratchet). `follow` does the same for one course with a plan.

    Parameters
    ----------
    net_kw
        Net load (T, N).
    cap_kw, stored_kwh
        Cap and stored energy at the start (N,).
    slide_kw
        See `Orders`; one for all or (N,).
    """
    power, floor, ceiling = battery.power_kw, battery.floor_kwh, battery.ceiling_kwh
    into, out, width = battery.charge_efficiency * hours, hours / battery.discharge_efficiency, max(ceiling - floor, 1e-9)
    level, highest, sliding = stored_kwh.astype(float), np.zeros(len(cap_kw)), bool(np.any(slide_kw))
    for net in net_kw:
        line = np.maximum(cap_kw + slide_kw * (1 - (level - floor) / width) if sliding else cap_kw, highest)
        most = np.minimum((level - floor) / out, power)
        least = -np.minimum((ceiling - level) / into, power)
        room = np.minimum(net - refill * np.maximum(cap_kw, highest), 0.0)
        give = np.where(net > line, np.minimum(net - line, most), np.maximum(room, least))
        level = level - np.where(give > 0, give * out, give * into)
        highest = np.maximum(highest, net - give)
    return highest


def smallest_caps(net_kw: Floats, battery: Battery, stored_kwh: float, refill: float, hours: float = 0.25) -> Floats:
    """Return per column (N,) of the net load (T, N) the smallest cap that the cap rule holds; for closed months, the course being known.

    Found on a grid that is made finer three times: exact to 1/30,000 of the battery's power. Holding is not monotone in theory (a lower
    cap leaves less room to recharge), so this is the lowest held cap seen.
    """
    top = np.maximum(net_kw.max(axis=0), 0.0)
    low, high = np.maximum(top - battery.power_kw, 0.0), top
    for _ in range(PASSES):
        caps = low + np.linspace(0, 1, CANDIDATES)[:, None] * (high - low)
        side = np.repeat(net_kw[:, None, :], CANDIDATES, axis=1).reshape(len(net_kw), -1)
        peaks = held_peaks(side, caps.ravel(), battery, np.full(caps.size, stored_kwh), refill, 0.0, hours).reshape(caps.shape)
        held = peaks <= caps + HELD
        held[-1] = True  # the highest load needs no battery
        first = held.argmax(axis=0)
        high = caps[first, np.arange(caps.shape[1])]
        low = caps[np.maximum(first - 1, 0), np.arange(caps.shape[1])]
    return np.asarray(high)
