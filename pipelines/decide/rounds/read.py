"""Instances from the literature: CVRPLIB (`.vrp`, by PyVRP's reader) and Solomon's in Cordeau's layout (`.txt`)."""

from pathlib import Path

import numpy as np

from pipelines.decide.rounds.model import Customers, Floats, Units, Vehicle

HEAD, LIMITS, FIELDS, WINDOW = 4, 2, 8, 2  # numbers in line 1, in line 2, of a place, and of its window
VRPTW = 4
TENTH = Units(per_km=10, per_minute=10, per_eur=10, per_load=1)  # DIMACS rule: distance and time truncated to one decimal
WHOLE = Units(per_km=1, per_minute=1, per_eur=1, per_load=1)


def read_vrplib(file: Path, rounding: str = "round") -> tuple[Customers, list[Vehicle], Units]:
    """Read a CVRPLIB instance; `rounding`: "round" (whole distances) or "dimacs" (one decimal, truncated). Distance costs 1 EUR per km."""
    from pyvrp import read

    data = read(file, rounding)
    units, clients, kinds = {"round": WHOLE, "dimacs": TENTH}[rounding], data.clients(), data.vehicle_types()
    per = units.per_minute
    customers = Customers(
        demand=np.array([client.delivery[0] / per for client in clients]),
        earliest=np.array([client.tw_early / per for client in clients]),
        latest=np.array([_unless_endless(client.tw_late, per) for client in clients]),
        service=np.array([client.service_duration / per for client in clients]),
        minutes=np.asarray(data.duration_matrix(0), dtype=np.float64) / per,
        km=np.asarray(data.distance_matrix(0), dtype=np.float64) / per,
    )
    end = min(_unless_endless(depot.tw_late, per) for depot in data.depots())
    vehicles = [Vehicle(kind.name, kind.capacity[0] / per, end=end, eur_per_km=1.0, available=kind.num_available) for kind in kinds]
    return customers, vehicles, units


def _unless_endless(value: int, per: int) -> float:
    return np.inf if value >= np.iinfo(np.int64).max // 2 else value / per


def read_solomon(file: Path, vehicles: int = 25) -> tuple[Customers, list[Vehicle], Units]:
    """Read a Solomon instance in Cordeau's layout: distance and time truncated to one decimal, distance costs 1 EUR per km.

    Raises
    ------
    ValueError
        Naming file, line and remedy: without the two header lines or the depot, of another type, or with a line that is no place.
    """
    lines = [line.split() for line in file.read_text(encoding="ascii").splitlines() if line.strip()]
    if len(lines) < LIMITS + 1 or len(lines[0]) != HEAD or len(lines[1]) != LIMITS:
        raise ValueError(
            f"{file.name}: lines 1 and 2 must be type, vehicles, customers, days and duration, capacity; add them and the depot"
        )
    if lines[0][0] != str(VRPTW):
        raise ValueError(
            f"{file.name}: line 1 says type {lines[0][0]}, time windows are type {VRPTW}; correct it if the places have windows"
        )
    places = [_place(file.name, number, words) for number, words in enumerate(lines[LIMITS:], start=LIMITS + 1)]
    if len(places) != int(lines[0][2]) + 1 or places[0][0] != 0:
        raise ValueError(f"{file.name}: line 1 promises {lines[0][2]} customers and the depot as place 0, found {len(places)} places")
    table = np.array(places)
    gaps = np.linalg.norm(table[:, None, 1:3] - table[None, :, 1:3], axis=2)
    far = np.floor(10 * gaps + 1e-9) / 10
    customers = Customers(table[1:, 4], table[1:, 5], table[1:, 6], table[1:, 3], far, far)
    return customers, [Vehicle("vehicle", float(lines[1][1]), 0.0, table[0, 6], eur_per_km=1.0, available=vehicles)], TENTH


def _place(name: str, number: int, words: list[str]) -> tuple[float, ...]:
    """Return number, x, y, service, demand, earliest, latest of one line."""
    try:
        values = [float(word) for word in words]
    except ValueError:
        values = []
    if len(values) < FIELDS:
        raise ValueError(
            f"{name}: line {number} is no place (number, x, y, service, demand, three visit fields, window): {' '.join(words)}"
        )
    early, late = values[-2:] if len(values) >= FIELDS + WINDOW else (0.0, values[-1])
    return (*values[:5], early, late)


def total_km(order: tuple[int, ...], km: Floats) -> float:
    """Return the length of one round, from the depot to the depot."""
    places = (0, *(stop + 1 for stop in order), 0)
    return float(km[places[:-1], places[1:]].sum())
