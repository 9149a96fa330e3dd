"""Business as usual, a simple rule, and perfect foresight."""

from collections.abc import Callable

import numpy as np
import polars as pl

from pipelines.decide.rounds import Customers, Round, Vehicle, drive
from pipelines.errors import InputError
from usecases.delivery_rounds.days import ACTIONS, acted, customers, day_by_day, rounds_of, vehicles, with_left_out
from usecases.delivery_rounds.decide import decide, planned
from usecases.delivery_rounds.settings import DeliveryRounds
from usecases.delivery_rounds.value import judged


def usual_name(rows: pl.DataFrame, s: DeliveryRounds) -> str:
    """Return what business as usual is: the user's own fixed rounds, or rounds by compass direction."""
    return "fixed_rounds" if rows["usual_vehicle"].count() else "sweep"


def usual(rows: pl.DataFrame, s: DeliveryRounds) -> pl.DataFrame:
    """Business as usual: the fixed rounds without whoever gets nothing that day; a customer in none goes where the detour is shortest."""
    if not rows["usual_vehicle"].count():
        return sweep(rows, s)
    vans = vehicles(s)
    index = {van.name: place for place, van in enumerate(vans)}
    strange = sorted(set(rows["usual_vehicle"].drop_nulls()) - set(index))
    if strange:
        raise InputError("delivery_rounds.no_vehicle", vehicle=strange[0], known=", ".join(index))

    def act(day: pl.DataFrame) -> pl.DataFrame:
        asked = customers(day, s, "level", "service_expected")
        fixed = day.with_row_index("_at").filter(pl.col("usual_vehicle").is_not_null()).sort("usual_stop", nulls_last=True)
        orders = {str(name): part["_at"].to_list() for (name,), part in fixed.group_by("usual_vehicle", maintain_order=True)}
        rounds = [Round(index[name], tuple(order)) for name, order in sorted(orders.items())]
        others = day.with_row_index("_at").filter(pl.col("usual_vehicle").is_null())["_at"].to_list()
        return acted(day, with_left_out(rounds, others, asked, vans, s.costs.late_eur_per_minute), asked, vans)

    return day_by_day(rows, act)


def sweep(rows: pl.DataFrame, s: DeliveryRounds) -> pl.DataFrame:
    """Rounds by compass direction (sweep, Gillett and Miller 1974): full vehicles one after the other, the nearest customer next."""
    vans = vehicles(s)

    def act(day: pl.DataFrame) -> pl.DataFrame:
        asked = customers(day, s, "level", "service_expected")
        angle = np.arctan2(day["latitude"].to_numpy() - s.depot.latitude, day["longitude"].to_numpy() - s.depot.longitude)
        return acted(day, _swept(np.argsort(angle, kind="stable").tolist(), asked, vans), asked, vans)

    return day_by_day(rows, act)


def _swept(directions: list[int], asked: Customers, vans: list[Vehicle]) -> list[Round]:
    share = asked.demand.sum() / sum(van.capacity for van in vans)  # every vehicle equally full
    groups: list[list[int]] = [[] for _ in vans]
    vehicle = 0
    for customer in directions:
        full = asked.demand[[*groups[vehicle], customer]].sum() > max(share, 0.5) * vans[vehicle].capacity
        vehicle = min(vehicle + 1, len(vans) - 1) if full and groups[vehicle] else vehicle
        groups[vehicle].append(customer)
    return [Round(vehicle, tuple(_nearest_next(group, asked))) for vehicle, group in enumerate(groups) if group]


def _nearest_next(group: list[int], asked: Customers) -> list[int]:
    order, here, left = [], 0, set(group)
    while left:
        here = 1 + min(left, key=lambda customer: (asked.km[here, customer + 1], customer))
        order.append(here - 1)
        left.remove(here - 1)
    return order


RULES: dict[str, Callable[[pl.DataFrame, DeliveryRounds], pl.DataFrame]] = {"sweep": sweep}


def perfect(rows: pl.DataFrame, s: DeliveryRounds) -> pl.DataFrame:
    """Perfect foresight: of rounds planned on the true crates and minutes, the plan's and the usual ones, each day's cheapest in truth.

    No proven bound, since the solver is a heuristic; on rounds of this size it is close to the optimum.
    """
    hidden = rows.drop("crates", "service_minutes")
    candidates = [planned(rows, s, "crates", "service_minutes"), decide(hidden, s), usual(hidden, s), sweep(hidden, s)]
    plain = [each.select("day", "customer", *ACTIONS) for each in candidates]
    vans, kept = vehicles(s), []
    for day in rows.partition_by("day", maintain_order=True):
        choices = []
        for each in plain:
            stated = day.join(each, on=["day", "customer"], how="left", maintain_order="left")
            choices += [stated, _left_in_time(stated, s, vans)]
        kept.append(min(choices, key=lambda choice: float(judged(choice, s)["eur"].sum())))
    return pl.concat(kept)


def _left_in_time(day: pl.DataFrame, s: DeliveryRounds, vans: list[Vehicle]) -> pl.DataFrame:
    """Return the same rounds, each leaving when it is best in truth."""
    asked = customers(day, s, "crates", "service_minutes")
    departs = {vans[each.vehicle].name: drive(each.order, vans[each.vehicle], asked).departs for each, _ in rounds_of(day, vans)}
    return day.with_columns(departs=pl.col("vehicle").replace_strict(departs, return_dtype=pl.Float64))
