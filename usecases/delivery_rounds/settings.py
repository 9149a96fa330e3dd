"""What the business sets: its depot, its vehicles, its costs, and how carefully rounds are planned."""

from typing import Self

from pydantic import Field, model_validator

from pipelines.errors import UnfitError
from pipelines.settings import CaseSettings, Frozen


class Depot(Frozen):
    """Where all rounds begin and end."""

    latitude: float = Field(description="degrees north", ge=-90, le=90)
    longitude: float = Field(description="degrees east", ge=-180, le=180)


class Van(Frozen):
    """One vehicle with its driver: one round a day."""

    capacity: float = Field(description="crates on board at most", gt=0)
    start: float = Field(4.0, description="not out before, hours of local time", ge=0, lt=24)
    end: float = Field(12.0, description="not back after, hours of local time", gt=0, le=24)
    shift_hours: float = Field(8.0, description="longest round, hours", gt=0, le=24)
    eur_per_km: float = Field(0.35, description="fuel, wear and tear, EUR per km", ge=0)
    eur_per_hour: float = Field(24.0, description="the driver, EUR per hour on the road", ge=0)
    eur_per_round: float = Field(5.0, description="what a round costs in addition (getting ready), EUR", ge=0)
    co2e_kg_per_km: float = Field(0.24, description="greenhouse gases, kg CO2e per km", ge=0)

    @model_validator(mode="after")
    def _day_is_long_enough(self) -> Self:
        if self.end <= self.start:
            raise UnfitError("delivery_rounds.unfit_day")
        return self


class Roads(Frozen):
    """From coordinates to kilometres and minutes: great circle times a detour."""

    detour: float = Field(1.35, description="road km per great-circle km", ge=1, le=3)
    km_per_hour: float = Field(34.0, description="mean speed on the road", gt=0, le=130)


class Costs(Frozen):
    """What coming late costs."""

    late_eur_per_minute: float = Field(1.0, description="a customer who waits, EUR per minute after the window", ge=0)
    grace_minutes: float = Field(5.0, description="a stop counts as late from so many minutes after the window on", ge=0)


class Forecast(Frozen):
    """How far the forecast looks back."""

    same_weekdays: int = Field(4, description="a customer's usual crates: mean of so many same weekdays", ge=1, le=52)
    days: int = Field(28, description="time at the door: mean of so many days; also the crates of a customer without that weekday", ge=1)


class Planning(Frozen):
    """How carefully rounds are planned."""

    load_quantile: float = Field(0.7, description="share of days on which a customer's crates fit into what is planned for", gt=0, lt=1)
    buffer_minutes: float = Field(6.0, description="a stop is planned so long before its window ends", ge=0)
    service_minutes: float = Field(4.0, description="time at the door where the data know none, minutes", ge=0)
    iterations: int = Field(120, description="steps of the solver per day", ge=1, le=1_000_000)


class DeliveryRounds(CaseSettings):
    """Settings of the use case."""

    depot: Depot
    vehicles: dict[str, Van] = Field(description="vehicles by name, as in the column usual_vehicle", min_length=1)
    roads: Roads = Roads()
    costs: Costs = Costs()
    forecast: Forecast = Forecast()
    planning: Planning = Planning()
