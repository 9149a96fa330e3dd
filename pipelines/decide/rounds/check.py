"""Can the rounds be driven as promised? Shares no code with the planner or its solver, on purpose."""

from collections.abc import Sequence

from pipelines.decide.rounds.model import Customers, Rounds, Vehicle

TOLERANCE = 1e-6


def check_rounds(found: Rounds, customers: Customers, vehicles: Sequence[Vehicle], *, all_served: bool = True) -> list[str]:
    """Return what is wrong with the rounds, in words; empty when each customer is served once, in time, within loads and hours."""
    faults = []
    visits = [customer for each in found.rounds for customer in each.order]
    for customer in range(len(customers.demand)):
        times = visits.count(customer) + found.left_out.count(customer)
        if times != 1:
            faults.append(f"customer {customer} is served or left out {times} times")
    if all_served and found.left_out:
        faults.append(f"customers {found.left_out} are left out")
    for index, vehicle in enumerate(vehicles):
        used = sum(each.vehicle == index for each in found.rounds)
        if used > vehicle.available:
            faults.append(f"{vehicle.name}: {used} rounds, {vehicle.available} vehicles")
    for number, each in enumerate(found.rounds):
        if not 0 <= each.vehicle < len(vehicles):
            faults.append(f"round {number}: no vehicle {each.vehicle}")
        elif any(not 0 <= customer < len(customers.demand) for customer in each.order):
            faults.append(f"round {number}: unknown customer in {each.order}")
        else:
            vehicle = vehicles[each.vehicle]
            faults += [f"round {number} ({vehicle.name}): {fault}" for fault in _round(each.order, vehicle, customers)]
    return faults


def _round(order: Sequence[int], vehicle: Vehicle, customers: Customers) -> list[str]:
    load = sum(float(customers.demand[customer]) for customer in order)
    faults = [f"{load:g} loaded, room for {vehicle.capacity:g}"] if load > vehicle.capacity + TOLERANCE else []
    soonest, travelled, place = vehicle.start, 0.0, 0
    last_departure = float("inf")  # leaving later is too late for somebody
    for customer in order:
        soonest += float(customers.minutes[place][customer + 1])
        opens, closes = float(customers.earliest[customer]), float(customers.latest[customer])
        if soonest > closes + TOLERANCE:
            faults.append(f"customer {customer} is reached at minute {soonest:.1f}, {soonest - closes:.1f} too late")
        travelled += float(customers.minutes[place][customer + 1])
        last_departure = min(last_departure, closes - travelled)
        soonest = max(soonest, opens) + float(customers.service[customer])
        travelled += float(customers.service[customer])
        place = customer + 1
    home = soonest + float(customers.minutes[place][0])
    if home > vehicle.end + TOLERANCE:
        faults.append(f"back at minute {home:.1f}, {home - vehicle.end:.1f} too late")
    shortest = max(home - max(last_departure, vehicle.start), travelled + float(customers.minutes[place][0]))
    if shortest > vehicle.shift_minutes + TOLERANCE:
        faults.append(f"takes {shortest:.1f} minutes, the shift has {vehicle.shift_minutes:.1f}")
    return faults
