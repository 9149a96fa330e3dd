"""Mobility: tomorrow's vehicles in the right place, by one truck tour tonight or by none.

predict rentals and returns per station-hour -> expected-loss curves -> one tour of the stops that pay -> replay on real trips.
"""

from pathlib import Path

import polars as pl

from pipelines.usecase import Options, Sheet, Span, UseCase
from usecases.mobility import rules, story
from usecases.mobility.decide import decide
from usecases.mobility.demand import hindsight
from usecases.mobility.faults import faults
from usecases.mobility.features import features
from usecases.mobility.model import model
from usecases.mobility.reasons import reasons
from usecases.mobility.schema import SCHEMA, TABLES
from usecases.mobility.settings import Mobility
from usecases.mobility.sheets import plan_files
from usecases.mobility.simulate import CitySettings, simulate
from usecases.mobility.trips import assemble
from usecases.mobility.upcoming import upcoming
from usecases.mobility.value import value


def simulated(s: Mobility) -> dict[str, pl.DataFrame]:
    """Return the embedded data: a simulated city (its true demand stays beside it, in `simulate`)."""
    city = simulate(CitySettings(seed=s.seed))
    return {"trips": city.trips, "stations": city.stations}


CASE = UseCase(
    name="mobility",
    title={"en": "Vehicles where they will be wanted", "de": "Räder dort, wo sie gebraucht werden"},
    folder=Path(__file__).parent,
    schema=SCHEMA,
    settings=Mobility,
    grid="none",
    tables=TABLES,
    assemble=assemble,
    simulate=simulated,
    faults=faults,
    own_data={"planning": {"usual": '"nothing"'}, "trips": {"uncensor": "false"}, "forecast": {"effort": '"thorough"'}},
    hindsight=hindsight,
    features=features,
    model=model,
    decide=decide,
    usual=rules.usual,
    usual_name=story.usual_name,
    rules=rules.RULES,
    perfect=rules.perfect,
    value=value,
    block="day",
    upcoming=upcoming,
    sheet=Sheet("tour", ("stop", "station", "name"), "change", "vehicles"),
    reasons=reasons,
    plan_files=plan_files,
    sections=story.sections,
    segments=story.segments,
    notes=story.notes,
    caveats=story.caveats,
    shown=("name", "latitude", "longitude", "stock", "capacity"),
    search={
        "planning.handling": Span(0.01, 0.5, log=True, unit="lost trips"),
        "forecast.effort": Options(("profile", "quick", "thorough")),
        "forecast.level": Options((False, True)),
    },
)
