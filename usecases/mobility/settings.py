"""What an operator sets: what a lost trip is worth, the truck and its shift, the stations' docks, how the forecast is made."""

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field

from pipelines.settings import CaseSettings, Frozen


class Costs(Frozen):
    """What a bad day costs, and what the truck costs; all money in EUR."""

    lost_trip_eur: float = Field(description="value of a rental that found no vehicle: margin and goodwill, EUR per trip", gt=0)
    overflow_eur: float = Field(description="value of a return that found no room: detour and goodwill, EUR per return", ge=0)
    eur_per_km: float = Field(0.35, description="truck: energy and wear, EUR per km", ge=0)
    eur_per_hour: float = Field(45.0, description="truck: driver's wage, EUR per hour", ge=0)
    truck_kg_co2e_per_km: float = Field(0.25, description="greenhouse gases of the truck, kg CO2e per km; electric about 0.05", ge=0)
    trip_kg_co2e: float = Field(0.1, description="greenhouse gases a served trip avoids (2 km, some by car), kg CO2e per trip", ge=0)


class Truck(Frozen):
    """The one truck of the night."""

    name: str = Field("Truck 1", description="as it stands on the driver's sheet")
    capacity: int = Field(20, description="vehicles it holds", ge=1)
    load: int = Field(0, description="vehicles on it when it leaves the depot", ge=0)
    shift_minutes: float = Field(240.0, description="driving and handling together, minutes", gt=0)
    stop_minutes: float = Field(2.0, description="fixed time per stop, minutes", ge=0)
    vehicle_minutes: float = Field(1.0, description="time per vehicle loaded or unloaded, minutes", ge=0)
    speed_kmh: float = Field(25.0, description="mean speed where there is no matrix of road minutes, km per hour", gt=0)
    depot: str = Field("", description="station at which it starts and ends; empty: the first station of the list")


class Stations(Frozen):
    """Stations where the feed does not say enough."""

    capacity: int | None = Field(None, description="docks of stations whose feed states none (nextbike); asked for, never invented", ge=1)
    minimum_capacity: int = Field(5, description="a smaller stated capacity is taken for this one: racks are soft", ge=1)
    own_capacity: dict[str, int] = Field({}, description="docks by station id, where the feed is wrong")
    leave_out: tuple[str, ...] = Field((), description="station ids the plan leaves alone: depots, test and virtual stations")


class Trips(Frozen):
    """How trips are read."""

    longest_hours: float = Field(12.0, description="longer trips count for the stock, not for demand", gt=0)
    idle_days: int = Field(14, description="a vehicle whose last trip is older is taken to be gone, days", ge=1)
    gap_days: int = Field(45, description="a vehicle that next rides later than this was away in between, days", ge=1)
    country: str = Field("DE", description="country whose public holidays count as Sundays, such as DE, AT or US")
    uncensor: bool = Field(
        False, description="hours in which a station stood empty are left out of its mean rentals; on trips alone this rarely helps"
    )


class Forecast(Frozen):
    """How rentals and returns per station and hour are forecast."""

    effort: Literal["profile", "quick", "thorough"] = Field(
        "thorough",
        description="profile: means of past weeks alone; quick: one boosted model per direction; thorough: four, and a Poisson regression",
    )
    level: bool = Field(
        default=True, description="correct the level of all stations by what came in the last weeks, a day counting half eight days later"
    )


class Planning(Frozen):
    """How the tour is planned."""

    iterations: int = Field(2000, description="search steps per tour", ge=1)
    moved_price: float = Field(0.1, description="price of a moved vehicle when settings are chosen, in lost trips", ge=0)
    usual: Literal["nothing", "operator", "equal_fill", "last_weeks"] = Field(
        "nothing", description="business as usual: leave the vehicles, the real operator's moves, equal filling, or the last weeks' target"
    )
    handling: float | None = Field(
        None, description="cost of changing a station's stock by one, in lost trips; empty: chosen on select", ge=0
    )


class Mobility(CaseSettings):
    """All settings of the mobility use case."""

    renamed: ClassVar[Mapping[str, str]] = {"plan": "planning"}
    gone: ClassVar[Mapping[str, str]] = {"planning.seconds": "planning.iterations"}

    costs: Costs
    truck: Truck = Truck()
    stations: Stations = Stations()
    trips: Trips = Trips()
    forecast: Forecast = Forecast()
    planning: Planning = Planning()

    @property
    def overflow(self) -> float:
        """Weight of an overflow against a lost rental."""
        return self.costs.overflow_eur / self.costs.lost_trip_eur
