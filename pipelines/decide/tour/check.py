"""Is a tour possible, and are its figures right? Shares no code with the planner, on purpose."""

from math import isclose, isinf

from pipelines.decide.tour.model import Stops, Tour, Truck


def check_tour(tour: Tour, stops: Stops, truck: Truck) -> list[str]:
    """Return what is wrong with the tour, in words; empty when it can be driven as it stands and its figures are right."""
    n = len(stops.stock)
    if len(tour.order) != len(tour.change):
        return [f"{len(tour.order)} stops but {len(tour.change)} changes"]
    if any(not 0 <= station < n for station in tour.order):
        return [f"a stop is none of the {n} stations: {tour.order}"]
    faults = [] if len(set(tour.order)) == len(tour.order) else [f"a station is visited twice: {tour.order}"]
    faults += _stations(tour, stops) + _load(tour, truck)
    minutes = km = 0.0
    here = 0
    for place in [*(station + 1 for station in tour.order), 0]:
        if tour.order:
            minutes += float(stops.minutes[here][place])
            km += float(stops.km[here][place])
        here = place
    for change in tour.change:
        minutes += truck.stop_minutes + abs(change) * truck.bike_minutes
    if minutes > truck.shift_minutes + 1e-6:
        faults.append(f"{minutes:.1f} minutes do not fit into a shift of {truck.shift_minutes:.1f}")
    if not faults:
        saved = 0.0
        for station, change in zip(tour.order, tour.change, strict=True):
            bikes = int(stops.stock[station])
            saved += float(stops.loss[station][bikes]) - float(stops.loss[station][bikes + change])
        right = {"minutes": minutes, "km": km, "eur_truck": km * truck.eur_per_km + minutes * truck.eur_per_minute, "eur_saved": saved}
        said = {name: float(getattr(tour, name)) for name in right}
        faults += [
            f"{name} is given as {said[name]:.6g}, adds up to {value:.6g}"
            for name, value in right.items()
            if not isclose(said[name], value, rel_tol=1e-9, abs_tol=1e-6)
        ]
    return faults


def _stations(tour: Tour, stops: Stops) -> list[str]:
    faults = []
    for station, change in zip(tour.order, tour.change, strict=True):
        after = int(stops.stock[station]) + change
        if change == 0:
            faults.append(f"nothing is done at station {station}")
        elif after < 0 or after > int(stops.capacity[station]):
            faults.append(f"station {station} would hold {after} of {int(stops.capacity[station])} bikes")
        elif isinf(float(stops.loss[station][after])):
            faults.append(f"station {station} must not hold {after} bikes")
    return faults


def _load(tour: Tour, truck: Truck) -> list[str]:
    """Return faults of the load. With any load at the start, some start must keep it between 0 and capacity all the way."""
    relative, loads = 0, [0]
    for change in tour.change:
        relative -= change
        loads.append(relative)
    start = -min(loads) if truck.any_load else truck.load
    faults = [f"{start + load} bikes on a truck for {truck.capacity}" for load in loads if not 0 <= start + load <= truck.capacity]
    if not truck.any_load and start + relative > truck.load:
        faults.append(f"{start + relative} bikes are brought back, {truck.load} were taken along")
    return faults
