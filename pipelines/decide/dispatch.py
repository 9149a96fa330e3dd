"""Schedule a battery and flexible loads against prices and a peak charge: one linear programme on HiGHS (through scipy).

Standard formulation of behind-the-meter dispatch with a demand charge; see docs/explanation/peak-cap.md. It is never infeasible: limits
that a site may be unable to keep (its connection, deadlines, the battery's floor) are soft, at a price no tariff reaches.

Binary variables come in only at steps where the linear programme would gain by burning energy: a price not above zero (charge and
discharge at once) or an import price not above the export price (import and export at once).
"""

from dataclasses import dataclass, field

import numpy as np
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, OptimizeResult, linprog, milp

from pipelines.decide.battery import Battery, Floats

LONG = 15_000  # steps from which HiGHS's interior point is faster than its simplex (with crossover: the same vertex)
MOST_WITH_BINARIES = 1_000  # steps; longer horizons are relaxed: a lower bound of the cost, settled by the meter like every other plan
SOFT = 1_000.0  # EUR per kWh or kW and step: above any price and any peak charge of one kWh, so that a soft limit gives way last
PARTS = ("charge", "discharge", "imported", "exported", "stored", "flexible", "done", "over", "late", "short")


@dataclass(frozen=True)
class Flexible:
    """Load that may wait (EV charging, jobs): its cumulated energy must stay between two curves (T,), kWh.

    `earliest` is what could have been done at once, `latest` what must be done by then; `most_kw` bounds the power of each step.
    `end_eur_per_kwh` is what a kWh left for after the horizon will cost then: without it everything that may wait would be put off.
    """

    earliest_kwh: Floats
    latest_kwh: Floats
    most_kw: Floats
    end_eur_per_kwh: float = 0.0


@dataclass(frozen=True)
class Problem:
    """One horizon of T steps.

    Parameters
    ----------
    net_kw
        Load − PV; where negative, at most this surplus can be exported: the battery never exports.
    price_in, price_out
        EUR per kWh imported, per kWh exported.
    period
        Number of the billing period of each step, from 0.
    peak_kw
        Import peak already paid in each billing period.
    peak_eur_per_kw
        Peak charge per kW of each billing period.
    stored_kwh, end_kwh
        Energy at the start; least energy at the end (soft), 0 = none.
    end_eur_per_kwh, reserve_eur_per_kwh
        Worth of energy left at the end; worth of each kWh kept through one step (a reserve against surprises).
    limit_kw
        Soft limit of the import per step, such as the connection or a dimming signal; inf = none.
    """

    net_kw: Floats
    price_in: Floats
    price_out: Floats
    period: np.ndarray
    peak_kw: Floats
    peak_eur_per_kw: float
    battery: Battery
    stored_kwh: float
    end_kwh: float = 0.0
    end_eur_per_kwh: float = 0.0
    reserve_eur_per_kwh: float = 0.0
    limit_kw: Floats | None = None
    flexible: Flexible | None = None
    hours: float = 0.25


@dataclass(frozen=True)
class Schedule:
    """The solution (T,): battery power (positive = discharge), import, export, flexible load in kW; energy in kWh; peaks in kW.

    `broken` sums what soft limits gave way, in kW or kWh by name; empty when all were kept.
    """

    battery_kw: Floats
    import_kw: Floats
    export_kw: Floats
    flexible_kw: Floats
    stored_kwh: Floats
    peak_kw: Floats
    objective: float
    broken: dict[str, float] = field(default_factory=dict)


def schedule(problem: Problem) -> Schedule:
    """Return the cheapest schedule.

    Raises
    ------
    ValueError
        A price, load or state is not a finite number; nothing else can make the programme unsolvable.
    """
    steps = len(problem.net_kw)
    if steps == 0 or not all(np.isfinite(part).all() for part in (problem.net_kw, problem.price_in, problem.price_out)):
        raise ValueError("loads and prices must be finite numbers, one per step")
    costs, bounds = _costs(problem), _bounds(problem)
    equal, equals = _equalities(problem)
    below, most = _inequalities(problem)
    binary = np.flatnonzero(_burning_pays(problem))
    if binary.size == 0 or steps > MOST_WITH_BINARIES:
        found = linprog(costs, below, most, equal, equals, np.column_stack(bounds), method="highs-ipm" if steps > LONG else "highs")
    else:
        found = _with_binaries(problem, costs, (equal, equals), (below, most), bounds, binary)
    if found.x is None:
        raise ValueError(f"HiGHS: {found.message}")
    return _read(problem, found.x, float(found.fun))


def _burning_pays(p: Problem) -> np.ndarray:
    """Return the steps (T,) at which energy lost in the battery, or bought and sold at once, would lower the bill."""
    inverted = (p.net_kw < 0) & ((p.price_in <= p.price_out) | (p.price_out < 0))
    return np.asarray((p.price_in <= 0) | inverted)


def _at(part: str, steps: int) -> slice:
    place = PARTS.index(part)
    return slice(place * steps, (place + 1) * steps)


def _costs(p: Problem) -> Floats:
    steps, count = len(p.net_kw), len(p.peak_kw)
    costs = np.zeros(len(PARTS) * steps + count + 1)
    costs[_at("imported", steps)] = p.price_in * p.hours
    costs[_at("exported", steps)] = -p.price_out * p.hours
    costs[_at("discharge", steps)] = p.battery.wear_eur_per_kwh * p.hours
    costs[_at("stored", steps)] = -p.reserve_eur_per_kwh
    costs[_at("stored", steps).stop - 1] -= p.end_eur_per_kwh
    costs[_at("done", steps).stop - 1] -= p.flexible.end_eur_per_kwh if p.flexible is not None else 0.0
    for soft in ("over", "late", "short"):
        costs[_at(soft, steps)] = SOFT
    costs[len(PARTS) * steps : -1] = p.peak_eur_per_kw
    costs[-1] = SOFT  # energy missing at the end
    return costs


def _bounds(p: Problem) -> tuple[Floats, Floats]:
    steps, count = len(p.net_kw), len(p.peak_kw)
    low, high = np.zeros(len(PARTS) * steps + count + 1), np.full(len(PARTS) * steps + count + 1, np.inf)
    high[_at("charge", steps)] = high[_at("discharge", steps)] = p.battery.power_kw
    high[_at("exported", steps)] = np.maximum(-p.net_kw, 0)
    high[_at("stored", steps)] = max(p.battery.ceiling_kwh, p.stored_kwh)
    high[_at("flexible", steps)] = 0.0 if p.flexible is None else p.flexible.most_kw
    high[_at("done", steps)] = 0.0 if p.flexible is None else np.maximum(p.flexible.earliest_kwh, 0)
    low[len(PARTS) * steps : -1] = p.peak_kw
    for soft, used in (("over", p.limit_kw is not None), ("late", p.flexible is not None)):
        if not used:
            high[_at(soft, steps)] = 0.0
    high[_at("short", steps)] = max(p.battery.floor_kwh - p.stored_kwh, 0.0)  # only a battery found below its floor may stay there
    return low, high


def _wide(p: Problem, parts: dict[str, sparse.spmatrix], peaks: sparse.spmatrix | None = None) -> sparse.spmatrix:
    steps, count = len(p.net_kw), len(p.peak_kw)
    rows = next(iter(parts.values())).shape[0]
    empty = sparse.csr_matrix((rows, steps))
    last = [peaks if peaks is not None else sparse.csr_matrix((rows, count)), sparse.csr_matrix((rows, 1))]
    return sparse.hstack([*(parts.get(name, empty) for name in PARTS), *last], format="csr")


def _equalities(p: Problem) -> tuple[sparse.spmatrix, Floats]:
    """Balance at the meter; energy in the battery; flexible energy served so far."""
    steps, one = len(p.net_kw), sparse.identity(len(p.net_kw), format="csr")
    balance = _wide(p, {"charge": one, "discharge": -one, "flexible": one, "imported": -one, "exported": one})
    into, out = p.battery.charge_efficiency * p.hours, p.hours / p.battery.discharge_efficiency
    change = one - sparse.diags([np.ones(steps - 1)], [-1], shape=(steps, steps), format="csr")
    energy = _wide(p, {"stored": change, "charge": -into * one, "discharge": out * one})
    served = _wide(p, {"done": change, "flexible": -p.hours * one})
    before = np.zeros(steps)
    before[0] = p.stored_kwh
    return sparse.vstack([balance, energy, served], format="csr"), np.concatenate([-p.net_kw, before, np.zeros(steps)])


def _inequalities(p: Problem) -> tuple[sparse.spmatrix, Floats]:
    """Import below the peak and the soft limit; energy above the soft floor; flexible energy between its curves; energy at the end."""
    steps, one = len(p.net_kw), sparse.identity(len(p.net_kw), format="csr")
    of = sparse.csr_matrix((np.ones(steps), (np.arange(steps), p.period)), shape=(steps, len(p.peak_kw)))
    rows = [_wide(p, {"imported": one}, -of), _wide(p, {"stored": -one, "short": -one})]
    most = [np.zeros(steps), np.full(steps, -p.battery.floor_kwh)]
    if p.limit_kw is not None:
        known = np.flatnonzero(np.isfinite(p.limit_kw))
        rows.append(_wide(p, {"imported": one[known], "over": -one[known]}))
        most.append(p.limit_kw[known])
    if p.flexible is not None:
        rows.append(_wide(p, {"done": -one, "late": -one}))
        most.append(-p.flexible.latest_kwh)
    if p.end_kwh > 0:
        end = _wide(p, {"stored": -one[steps - 1]}).tolil()
        end[0, -1] = -1.0
        rows.append(end.tocsr())
        most.append(np.array([-p.end_kwh]))
    return sparse.vstack(rows, format="csr"), np.concatenate(most)


Rows = tuple[sparse.spmatrix, Floats]


def _with_binaries(
    p: Problem, costs: Floats, equal: Rows, below: Rows, bounds: tuple[Floats, Floats], steps_with: np.ndarray
) -> OptimizeResult:
    """Solve with two binaries per step in `steps_with`: charge or discharge, import or export, never both."""
    steps, count, wide = len(p.net_kw), len(steps_with), len(costs)
    one = sparse.identity(steps, format="csr")[steps_with]
    most = float(np.maximum(p.net_kw, 0).max() + p.battery.power_kw + (p.flexible.most_kw.max() if p.flexible is not None else 0.0)) + 1.0
    surplus = np.maximum(-p.net_kw[steps_with], 0)
    eye, nothing = sparse.identity(count, format="csr"), sparse.csr_matrix((below[0].shape[0], 2 * count))
    power = p.battery.power_kw
    exclusive = sparse.vstack(
        [
            sparse.hstack([_wide(p, {"charge": one}), -power * eye, 0 * eye]),
            sparse.hstack([_wide(p, {"discharge": one}), power * eye, 0 * eye]),
            sparse.hstack([_wide(p, {"imported": one}), 0 * eye, -most * eye]),
            sparse.hstack([_wide(p, {"exported": one}), 0 * eye, sparse.diags(surplus)]),
        ],
        format="csr",
    )
    rights = np.concatenate([np.zeros(count), np.full(count, power), np.zeros(count), surplus])
    upper = sparse.vstack([sparse.hstack([below[0], nothing]), exclusive], format="csr")
    same = sparse.hstack([equal[0], sparse.csr_matrix((equal[0].shape[0], 2 * count))], format="csr")
    low, high = (np.concatenate([bound, np.full(2 * count, value)]) for bound, value in zip(bounds, (0.0, 1.0), strict=True))
    limits = [LinearConstraint(upper, -np.inf, np.concatenate([below[1], rights])), LinearConstraint(same, equal[1], equal[1])]
    whole = np.concatenate([np.zeros(wide), np.ones(2 * count)])
    options = {"mip_rel_gap": 1e-7}
    return milp(
        np.concatenate([costs, np.zeros(2 * count)]), constraints=limits, bounds=Bounds(low, high), integrality=whole, options=options
    )


def _read(p: Problem, x: Floats, objective: float) -> Schedule:
    steps = len(p.net_kw)
    part = {name: x[_at(name, steps)] for name in PARTS}
    peaks, missing = x[len(PARTS) * steps : len(PARTS) * steps + len(p.peak_kw)], x[len(PARTS) * steps + len(p.peak_kw)]
    broken = {name: float(part[name].sum()) for name in ("over", "late", "short")} | {"end": float(missing)}
    return Schedule(
        part["discharge"] - part["charge"], part["imported"], part["exported"], part["flexible"], part["stored"], peaks, objective,
        {name: amount for name, amount in broken.items() if amount > 1e-6},  # noqa: PLR2004 - rounding
    )  # fmt: skip
